"""Paradex portfolio margin: the published scenarios, the tenor rule, minimum deltas and provisions."""

from __future__ import annotations

import pytest

from udfs import PM_EXPLAIN, PM_LINE, PM_MAINTENANCE, PM_MARGIN, PM_PRICE, PM_RISK_ARRAY, PM_SCANNING_RISK, PM_SCENARIOS

HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV"]
MARKET = [["Underlying", "Spot"], ["BTC", 70_000.0], ["ETH", 3_500.0]]
PERP = ["BTC", "perp", None, None, 1.0, None]

# docs.paradex.trade/risk/portfolio-margin: (price move, vol shock, weight), 24 of them
PUBLISHED = [
    (0.16, 0.40, 1.0),
    (0.12, 0.40, 1.0),
    (0.12, -0.22, 1.0),
    (0.08, 0.40, 1.0),
    (0.08, -0.22, 1.0),
    (0.04, 0.40, 1.0),
    (0.04, -0.22, 1.0),
    (0.0, 0.40, 1.0),
    (0.0, -0.22, 1.0),
    (-0.04, 0.40, 1.0),
    (-0.04, -0.22, 1.0),
    (-0.08, 0.40, 1.0),
    (-0.08, -0.22, 1.0),
    (-0.12, 0.40, 1.0),
    (-0.12, -0.22, 1.0),
    (-0.16, 0.40, 1.0),
    (-0.66, 0.40, 0.24),
    (-0.33, 0.40, 0.48),
    (0.50, 0.40, 0.32),
    (1.0, 0.40, 0.16),
    (2.0, 0.40, 0.08),
    (3.0, 0.40, 0.0533),
    (4.0, 0.40, 0.04),
    (5.0, 0.40, 0.032),
]


def book(*rows: list[object]) -> list[list[object]]:
    """Positions under their header."""
    return [HEADER, *rows]


def call(strike: float, days: float, quantity: float, vol: float = 0.5, kind: str = "C") -> list[object]:
    """An option row."""
    return ["BTC", kind, strike, days, quantity, vol]


def test_the_published_scenarios() -> None:
    """The 24 scenarios stand as published, in order."""
    rows = [(*row[3:5], row[6]) for row in PM_SCENARIOS("PARADEX")[1:] if row[2] == "any other"]
    assert rows == [pytest.approx(each) for each in PUBLISHED]


@pytest.mark.parametrize(("days", "factor"), [(7.0, (30 / 7) ** 0.30), (0.5, 30.0**0.30), (30.0, 1.0), (120.0, 0.25**0.13)])
def test_every_cell_of_an_option(days: float, factor: float) -> None:
    """Forward × (1 + move), vol × (1 + shock × (30 / max(1, days))^p), p 0.30 below 30 days, 0.13 from there, weighted."""
    table = PM_RISK_ARRAY(book(call(75_000.0, days, 2.0)), MARKET, "PARADEX")
    before = PM_PRICE("call", 70_000.0, 75_000.0, days / 365, 0.5)
    for line, (move, shock, weight) in zip(table[1:], PUBLISHED):
        after = PM_PRICE("call", 70_000.0 * (1 + move), 75_000.0, days / 365, 0.5 * (1 + shock * factor))
        assert line[5] == pytest.approx(2.0 * weight * (after - before), rel=1e-9, abs=1e-8)


def test_a_perpetual_by_hand() -> None:
    """1 BTC at 70,000: scan 16 %, 11,200; the far moves weigh as much; minimum delta 2 %, 1,400; maintenance half."""
    asked = MARKET, "PARADEX"
    assert PM_MARGIN(book(PERP), *asked) == pytest.approx(11_200.0)
    assert PM_LINE(book(PERP), "BTC/Minimum delta requirement", *asked) == pytest.approx(1_400.0)
    assert PM_MAINTENANCE(book(PERP), *asked) == pytest.approx(5_600.0)


def test_a_hedged_book_pays_the_minimum() -> None:
    """1 long perpetual against 1 short future: no scan risk, no net delta; 1 % of the hedged delta, 700, an estimate."""
    rows = book(PERP, ["BTC", "F", None, 30.0, -1.0, None])
    asked = MARKET, "PARADEX"
    assert PM_SCANNING_RISK(rows, *asked) == pytest.approx(0.0, abs=1e-8)
    assert PM_MARGIN(rows, *asked) == pytest.approx(700.0)
    line = next(row for row in PM_EXPLAIN(rows, *asked) if row[1] == "On the hedged delta")
    assert line[4] == "estimate"


def test_hedged_delta_may_be_left_out() -> None:
    """With hedged_delta not_modelled the part is a line of 0 that says so."""
    rows = book(PERP, ["BTC", "F", None, 30.0, -1.0, None])
    asked = MARKET, "PARADEX", [["hedged_delta", "not modelled"]]
    assert PM_MARGIN(rows, *asked) == pytest.approx(0.0, abs=1e-8)
    line = next(row for row in PM_EXPLAIN(rows, *asked) if row[1] == "On the hedged delta")
    assert (line[2], line[4]) == (0.0, "not modelled")


def test_provisions_come_when_their_rates_are_given() -> None:
    """Funding 0.01 % of a long perpetual is 7, of a short one 0; fees 0.03 % of spot, 21; both in maintenance in full."""
    rates = [["funding_rate", 0.0001], ["fee_rate", 0.0003]]
    assert PM_MARGIN(book(PERP), MARKET, "PARADEX", rates) == pytest.approx(11_200.0 + 7.0 + 21.0)
    assert PM_MAINTENANCE(book(PERP), MARKET, "PARADEX", rates) == pytest.approx(5_600.0 + 7.0 + 21.0)
    short = book([*PERP[:4], -1.0, None])
    assert PM_MARGIN(short, MARKET, "PARADEX", rates) == pytest.approx(11_200.0 + 21.0)


def test_provisions_without_rates_are_told() -> None:
    """Without rates both provisions are lines of 0 with the status not set."""
    lines = [row for row in PM_EXPLAIN(book(PERP), MARKET, "PARADEX") if row[4] == "not set"]
    assert len(lines) == 2
    assert [row[2] for row in lines] == [0.0, 0.0]


def test_underlyings_add_up() -> None:
    """Each underlying takes its own worst scenario."""
    ether = ["ETH", "perp", None, None, -10.0, None]
    assert PM_MARGIN(book(PERP, ether), MARKET, "PARADEX") == pytest.approx(11_200.0 + 5_600.0)


def test_scenarios_are_a_parameter() -> None:
    """A grid of the desk's own replaces the published one."""
    own = [["scenarios", "-10%, +10% x up, same, down; -50% x up x 20%"]]
    table = PM_RISK_ARRAY(book(PERP), MARKET, "PARADEX", own)
    assert [line[5] for line in table[1:]] == pytest.approx([-7_000.0] * 3 + [7_000.0] * 3 + [-7_000.0])


@pytest.mark.parametrize("text", [" ; ", "16% up", "a% x up", "1% x sideways", "1% x up x -5%", "1% x up x 1 x 2", "1%,, x up"])
def test_a_bad_grid_is_told(text: str) -> None:
    """A grid of another form is one line that shows the form."""
    answer = PM_MARGIN(book(PERP), MARKET, "PARADEX", [["scenarios", text]])
    assert isinstance(answer, str)
    assert answer.startswith("#PM! scenarios: ")
    assert "+12%, -12% x up, down x 50%" in answer
