"""Paradex portfolio margin: the venue's scenarios by coin and day, the tenor rule, minimum deltas, provisions, spot and orders."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from test_laws import assert_adds_up

from udfs import (
    PM_COMPARE,
    PM_EXPLAIN,
    PM_LINE,
    PM_MAINTENANCE,
    PM_MARGIN,
    PM_METHODS,
    PM_PRICE,
    PM_RISK_ARRAY,
    PM_SCANNING_RISK,
    PM_SCENARIOS,
)
from xlmargin.cli import main
from xlmargin.venues.verify import verify

HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV"]
PERP = ["BTC", "perp", None, None, 1.0, None]
BEFORE, SINCE = "2026-04-05T08:00:00Z", "2026-06-01T08:00:00Z"

# docs.paradex.trade/risk/portfolio-margin: price moves of the standard scenarios, vols by direction, moves and weights of the tails
STANDARD = [(4, 1), *((n, way) for n in (3, 2, 1, 0, -1, -2, -3) for way in (1, -1)), (-4, 1)]
TAILS = (-0.66, -0.33, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
WEIGHTS = {
    BEFORE: (0.24, 0.48, 0.32, 0.16, 0.08, 0.0533, 0.04, 0.032),
    SINCE: (0.18, 0.36, 0.24, 0.12, 0.06, 0.04, 0.03, 0.024),
    "HYPE": (0.3, 0.5, 0.4, 0.2, 0.1, 0.07, 0.05, 0.04),
}


def scenarios(weights: str, step: float = 0.04, up: float = 0.4, down: float = 0.22) -> list[tuple[float, float, float]]:
    """Price move, vol move and weight of the 24 scenarios as the venue prints them."""
    standard = [(n * step, up if way > 0 else -down, 1.0) for n, way in STANDARD]
    return [*standard, *((move, up, weight) for move, weight in zip(TAILS, WEIGHTS[weights]))]


def market(day: str = SINCE) -> list[list[object]]:
    """Spots of the coins at a time."""
    return [["Underlying", "Spot", "As of"], ["BTC", 70_000.0, day], ["ETH", 3_500.0, None], ["HYPE", 45.0, None], ["SOL", 150.0, None]]


def book(*rows: list[object]) -> list[list[object]]:
    """Positions under their header."""
    return [HEADER, *rows]


def call(strike: float, days: float, quantity: float, vol: float = 0.5, kind: str = "C") -> list[object]:
    """An option row."""
    return ["BTC", kind, strike, days, quantity, vol]


ASKED = market(), "PARADEX"


@pytest.mark.parametrize(
    ("coin", "expected"),
    [
        ("BTC", scenarios(SINCE)),
        ("ETH", scenarios(SINCE)),
        ("HYPE", scenarios("HYPE", 0.07, 0.64, 0.352)),
        ("CL", scenarios("HYPE", 0.07, 0.64, 0.352)),
    ],
)
def test_the_published_scenarios(coin: str, expected: list[tuple[float, float, float]]) -> None:
    """The 24 scenarios of each coin stand as published, in order."""
    rows = [(*row[3:5], row[6]) for row in PM_SCENARIOS("PARADEX")[1:] if row[2] == coin]
    assert rows == [pytest.approx(each) for each in expected]


@pytest.mark.parametrize("day", [BEFORE, SINCE])
def test_an_old_day_has_its_old_weights(day: str) -> None:
    """A far call sold is driven by a tail, whose weight fell by a quarter on 6 April 2026."""
    rows = PM_RISK_ARRAY(book(PERP), market(day), "PARADEX")
    assert [line[4] for line in rows[1:]] == pytest.approx([weight for *_, weight in scenarios(day)])
    assert [line[5] for line in rows[1:]] == pytest.approx([70_000.0 * move * weight for move, _, weight in scenarios(day)])


@pytest.mark.parametrize(("days", "factor"), [(7.0, (30 / 7) ** 0.30), (0.5, 30.0**0.30), (30.0, 1.0), (120.0, 0.25**0.13)])
@pytest.mark.parametrize("vol", [0.5, 0.15])
def test_every_cell_of_an_option(days: float, factor: float, vol: float) -> None:
    """Spot × (1 + move), vol × (1 + shock × (30 / max(1, days))^p) and at least 40 % where it rises, less the mark, weighted."""
    table = PM_RISK_ARRAY(book(call(75_000.0, days, 2.0, vol)), *ASKED)
    before = PM_PRICE("call", 70_000.0, 75_000.0, days / 365, vol)
    for line, (move, shock, weight) in zip(table[1:], scenarios(SINCE)):
        after = max(vol * (1 + shock * factor), 0.4 if shock > 0 else 0.0)
        value = PM_PRICE("call", 70_000.0 * (1 + move), 75_000.0, days / 365, after)
        within = 2e-7 * (75_000.0 + 420_000.0)  # the engine's normal distribution has seven digits
        assert line[5] == pytest.approx(2.0 * weight * (value - before), rel=1e-9, abs=within)


def test_a_perpetual_by_hand() -> None:
    """1 BTC at 70,000: scan 16 %, 11,200; minimum delta 2 %, 1,400; maintenance half."""
    assert PM_MARGIN(book(PERP), *ASKED) == pytest.approx(11_200.0)
    assert PM_LINE(book(PERP), "BTC/Minimum delta requirement", *ASKED) == pytest.approx(1_400.0)
    assert PM_MAINTENANCE(book(PERP), *ASKED) == pytest.approx(5_600.0)


def test_a_dated_future_is_an_estimate() -> None:
    """1 long perpetual against 1 short future: no scan risk, no net delta, 1 % of the hedged one; the venue lists no futures."""
    rows = book(PERP, ["BTC", "F", None, 30.0, -1.0, None])
    assert PM_SCANNING_RISK(rows, *ASKED) == pytest.approx(0.0, abs=1e-8)
    assert PM_MARGIN(rows, *ASKED) == pytest.approx(700.0)
    assert PM_EXPLAIN(rows, *ASKED)[1][4] == "estimate"
    assert PM_EXPLAIN(book(PERP), *ASKED)[1][4] == "verified"


@pytest.mark.parametrize("rows", [["SOL", "perp", None, None, 1.0, None], ["SOL", "C", 150.0, 10, 1.0, 0.8]])
def test_a_coin_that_is_not_listed_is_refused(rows: list[object]) -> None:
    """SOL has no row, and BTC's are not its own; as a balance it is charged in full."""
    answer = PM_MARGIN(book(rows), *ASKED)
    assert answer.startswith("#PM! PARADEX does not list SOL: its scenarios is for BTC, CL, ETH, HYPE")
    assert PM_MARGIN(book(["SOL", "spot", None, None, -3.0, None]), *ASKED) == pytest.approx(450.0)
    assert PM_MAINTENANCE(book(["SOL", "spot", None, None, -3.0, None], PERP), *ASKED) == pytest.approx(450.0 + 5_600.0)


def test_statuses_are_those_of_the_day_and_coin() -> None:
    """The method is verified; a coin that is only printed is published, and numbers that the venue has changed are superseded."""
    assert next(row[5] for row in PM_METHODS()[1:] if row[0] == "PARADEX") == "verified"
    ether = book(["ETH", "perp", None, None, 1.0, None])
    hype = book(["HYPE", "perp", None, None, 1.0, None])  # listed on 2026-07-13
    tried = (book(PERP), SINCE, "verified"), (ether, SINCE, "published"), (ether, "2026-11-01", "superseded"), (hype, SINCE, "estimate")
    for rows, day, status in tried:
        head, line = PM_COMPARE(rows, market(day), "PARADEX")
        assert line[head.index("Status")] == status
        replaced = "superseded since 2026-10-02: scenarios, net_delta_rate, hedged_delta_rate of ETH: tradeparadex/paradex-docs@9b82a75a"
        assert line[-1].startswith(replaced) == (status == "superseded")
        source = next(each[5] for each in PM_EXPLAIN(rows, market(day), "PARADEX") if each[1] == "Scanning risk")
        assert source.startswith(replaced) == (status == "superseded")


def test_an_american_option_is_refused() -> None:
    """The venue lists European options alone."""
    rows = [[*HEADER, "Exercise"], [*call(70_000.0, 10.0, 1.0), "american"]]
    assert "american: the venue's options are european" in PM_MARGIN(rows, *ASKED)


def test_provisions_come_when_their_rates_are_given() -> None:
    """Funding 0.01 % of a long perpetual at spot, of a short one 0; fees 0.03 % of the mark; both in maintenance in full."""
    rates = [["funding_rate", 0.0001], ["fee_rate", 0.0003]]
    header = [*HEADER, "Price"]
    long, short = ([header, [*PERP[:4], size, None, 71_000.0]] for size in (1.0, -1.0))
    assert PM_MARGIN(long, *ASKED, rates) == pytest.approx(0.16 * 71_000.0 + 7.0 + 21.3)
    assert PM_MAINTENANCE(long, *ASKED, rates) == pytest.approx(0.08 * 71_000.0 + 7.0 + 21.3)
    assert PM_MARGIN(short, *ASKED, rates) == pytest.approx(0.16 * 71_000.0 + 21.3)


@pytest.mark.parametrize(("mark", "fee"), [(2_000.0, 2 * 21.0), (100.0, 2 * 12.5)])
def test_the_fee_of_an_option_is_of_spot_and_capped(mark: float, fee: float) -> None:
    """0.03 % of 70,000 is 21, at most 12.5 % of the mark; another rate of options counts before it."""
    rows = [[*HEADER, "Price"], [*call(90_000.0, 30.0, -2.0), mark]]
    path = "Initial margin/Fee provision"
    assert PM_LINE(rows, path, *ASKED, [["fee_rate", 0.0003]]) == pytest.approx(fee)
    assert PM_LINE(rows, path, *ASKED, [["fee_rate", 0.0003], ["option_fee_rate", 0.0001]]) == pytest.approx(min(14.0, fee))


def test_a_fee_that_is_not_known_is_told_beside_one_that_is() -> None:
    """With the rate of options alone, the fee of perpetuals is a line that says so."""
    rows = PM_EXPLAIN(book(PERP, call(70_000.0, 10.0, 1.0)), *ASKED, [["option_fee_rate", 0.0003]])
    assert next(row[2:5:2] for row in rows if row[1] == "Perpetuals") == [0.0, "not set"]
    assert next(row[2] for row in rows if row[1] == "Options") == pytest.approx(21.0)


def test_provisions_without_rates_are_told() -> None:
    """Without rates both provisions are lines of 0 with the status not set."""
    lines = [row for row in PM_EXPLAIN(book(PERP), *ASKED) if row[4] == "not set"]
    assert len(lines) == 2
    assert [row[2] for row in lines] == [0.0, 0.0]


def test_underlyings_add_up() -> None:
    """Each underlying takes its own worst scenario of its own grid."""
    others = ["ETH", "perp", None, None, -10.0, None], ["HYPE", "perp", None, None, 100.0, None]
    assert PM_MARGIN(book(PERP, *others), *ASKED) == pytest.approx(11_200.0 + 5_600.0 + 0.28 * 4_500.0)


def test_the_last_half_hour_counts_by_its_seconds() -> None:
    """Ten minutes before expiry a third of an option's loss counts, and none of what it needs for its delta less."""
    rows = [
        ["Underlying", "Type", "Strike", "Expiry", "IV", "Price", "Quantity"],
        ["BTC", "C", 60_000.0, "2026-06-01T08:10:00Z", 0.5, 10_000.0, -1.0],
    ]
    assert PM_SCANNING_RISK(rows, *ASKED) == pytest.approx(11_200.0 / 3.0, rel=1e-6)
    assert PM_LINE(rows, "BTC/Minimum delta requirement", *ASKED) == pytest.approx(1_400.0)


def test_orders_by_hand() -> None:
    """A long perpetual and orders: what the limits lose in each scenario, the larger side of the deltas, fees in initial alone."""
    header = [*HEADER, "Order", "Entry"]
    rows = [header, [*PERP, None, None], [*PERP[:4], 2.0, None, "yes", 71_000.0], [*PERP[:4], -1.0, None, "yes", 69_000.0]]
    rates = [["fee_rate", 0.0003], ["funding_rate", 0.0001]]
    down = 0.16 * 70_000.0 + 2.0 * (71_000.0 - 58_800.0)  # at −16 % the bought two lose, the sold one does not
    assert PM_SCANNING_RISK(rows, *ASKED) == pytest.approx(down)
    assert PM_LINE(rows, "Initial margin/Net requirement/BTC/Minimum delta requirement", *ASKED) == pytest.approx(0.02 * 3.0 * 70_000.0)
    assert PM_MARGIN(rows, *ASKED, rates) == pytest.approx(down + 4.0 * 21.0)  # the engine pays the orders' funding to the position
    assert PM_MAINTENANCE(rows, *ASKED, rates) == pytest.approx(5_600.0 + 21.0 + 7.0)
    assert_adds_up(PM_EXPLAIN(rows, *ASKED, rates), 1e-9)
    blank = [header, [*PERP[:4], -1.0, None, "yes", None]]
    assert PM_MARGIN(blank, *ASKED) == pytest.approx(11_200.0)  # at its mark
    assert PM_MAINTENANCE(blank, *ASKED) == 0.0


@pytest.mark.parametrize(("name", "count"), [("sdk", 17), ("hype", 6)])
def test_the_answers_of_the_venue_s_engine(shared: Path, name: str, count: int) -> None:
    """Every number of the answers of the venue's engine, and of the example of its documentation."""
    outcomes = verify("PARADEX", shared / "vectors" / f"paradex_{name}_vectors.json")
    assert [outcome.text for outcome in outcomes if not outcome.matches] == []
    assert len(outcomes) == count


def test_an_answer_that_differs_is_told(shared: Path, tmp_path: Path) -> None:
    """Another margin, and a configuration with another weight, are seen."""
    data = json.loads((shared / "vectors" / "paradex_hype_vectors.json").read_text())
    data["books"][0]["sdk"]["IMR"] += 0.01
    data["books"][1]["market_data"].pop("HYPE-USD-PERP")
    file = tmp_path / "answers.json"
    file.write_text(json.dumps(data))
    outcomes = verify("PARADEX", file)
    assert [outcome.matches for outcome in outcomes] == [False, False, *[True] * 4]
    assert outcomes[0].text.startswith("IMR: ours 1004.83")
    assert "lacks 'HYPE-USD-PERP'" in outcomes[1].text


def config(shared: Path, coin: str) -> dict[str, Any]:
    """A coin's row of GET /system/portfolio-margin-config."""
    name = {"BTC": "sdk", "HYPE": "hype"}[coin]
    row: dict[str, Any] = json.loads((shared / "vectors" / f"paradex_{name}_vectors.json").read_text())[f"pm_config_{coin}"]
    return row


def test_a_saved_configuration_says_what_differs(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer of the venue that the shipped numbers are of has no difference; another weight, rate and coin are told."""
    bitcoin, file = config(shared, "BTC"), tmp_path / "config.json"
    file.write_text(json.dumps({"results": [bitcoin, config(shared, "HYPE")]}))
    assert main(["parameters", "PARADEX", "--from", str(file)]) == 0
    assert "all 20 values of the file are the shipped ones" in capsys.readouterr().out
    bitcoin["scenarios"][-1]["weight"] = 0.05
    bitcoin["unhedged_margin_factor"] = 0.002
    file.write_text(json.dumps([bitcoin]))
    assert main(["parameters", "PARADEX", "--from", str(file), "--json"]) == 0
    _, *rows = json.loads(capsys.readouterr().out)
    assert [row[:2] for row in rows] == [["BTC", "net_delta_rate"], ["BTC", "scenarios"]]
    assert rows[0][3] == 0.002
    assert rows[1][3].endswith("+400% x up x 3%; +500% x up x 5%")


def test_a_saved_configuration_takes_the_place_of_the_numbers(shared: Path, tmp_path: Path) -> None:
    """Every number counts, vols of single scenarios too, and a coin of the file is listed; given numbers stand above it."""
    sol: dict[str, Any] = {**copy.deepcopy(config(shared, "HYPE")), "base_asset": "SOL", "mmf_factor": 0.6, "unhedged_margin_factor": 0.003}
    for shock in sol["scenarios"]:
        shock["spot_shock"], shock["weight"] = shock["spot_shock"] / 2, shock["weight"] / 2
    sol["scenarios"][0]["vol_shock"] = 0.7
    sol["vol_shock_params"].update(vega_power_short_dte=0.25, dte_floor_days=2, min_vol_shock_up=0.9)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(sol))
    given = [["params_file", str(file)]]
    perpetual = book(["SOL", "perp", None, None, 10.0, None])
    assert PM_MARGIN(perpetual, *ASKED, given) == pytest.approx(0.5 * 0.14 * 1_500.0)
    assert PM_MAINTENANCE(perpetual, *ASKED, given) == pytest.approx(0.6 * 0.5 * 0.14 * 1_500.0)
    assert PM_LINE(perpetual, "SOL/Minimum delta requirement", *ASKED, given) == pytest.approx(0.003 * 1_500.0)
    table = PM_RISK_ARRAY(book(["SOL", "C", 150.0, 1.0, 1.0, 0.8]), *ASKED, given)
    assert table[1][3] == 0.7
    expected = PM_PRICE("call", 150.0 * 1.14, 150.0, 1 / 365, 0.8 * (1 + 0.7 * 15**0.25)) - PM_PRICE("call", 150.0, 150.0, 1 / 365, 0.8)
    assert table[1][5] == pytest.approx(0.5 * expected, abs=1e-4)
    assert PM_MARGIN(perpetual, *ASKED, [*given, ["maintenance_ratio", 0.7]]) == pytest.approx(0.5 * 0.14 * 1_500.0)
    assert PM_MAINTENANCE(perpetual, *ASKED, [*given, ["maintenance_ratio", 0.7]]) == pytest.approx(0.7 * 0.5 * 0.14 * 1_500.0)


SHARED = {"min_vol_shock_up": 0.4, "vega_power_short_dte": 0.3, "vega_power_long_dte": 0.13, "dte_floor_days": 1}
FACTORS = {"unhedged_margin_factor": 0.02, "hedged_margin_factor": 0.01, "mmf_factor": 0.5}
NUMBERS = {"base_asset": "BTC", **FACTORS, "vol_shock_params": SHARED}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"results": []}, "carries no coin's scenarios"),
        ({"base_asset": "BTC"}, "lacks 'scenarios'"),
        ({"rows": 1}, "lacks 'results'"),
        (
            {**NUMBERS, "scenarios": [{"spot_shock": 0.1, "vol_shock": 0.4, "weight": 1.2}]},
            "config.json: scenarios: '+10% x up x 120%' has a",
        ),
    ],
)
def test_a_file_that_is_no_configuration_is_told(tmp_path: Path, content: object, told: str) -> None:
    """Another answer is refused with what it lacks."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps(content))
    assert told in PM_MARGIN(book(PERP), *ASKED, [["params_file", str(file)]])


def test_scenarios_are_a_parameter() -> None:
    """A grid of the desk's own replaces the published one."""
    own = [["scenarios", "-10%, +10% x up, same, down; -50% x up x 20%"]]
    table = PM_RISK_ARRAY(book(PERP), *ASKED, own)
    assert [line[5] for line in table[1:]] == pytest.approx([-7_000.0] * 3 + [7_000.0] * 3 + [-7_000.0])


@pytest.mark.parametrize("text", [" ; ", "16% up", "a% x up", "1% x sideways", "1% x up x -5%", "1% x up x 1 x 2", "1%,, x up"])
def test_a_bad_grid_is_told(text: str) -> None:
    """A grid of another form is one line that shows the form."""
    answer = PM_MARGIN(book(PERP), *ASKED, [["scenarios", text]])
    assert isinstance(answer, str)
    assert answer.startswith("#PM! scenarios: ")
    assert "+12%, -12% x up, down x 50%" in answer
