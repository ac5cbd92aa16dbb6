"""Statements: lines that compute what they say, found by path, one per account, and honest about what is left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from udfs import PM_EXPLAIN, PM_LINE, PM_MAINTENANCE, PM_MARGIN
from xlmargin.errors import MarginError
from xlmargin.margin.statement import (
    Line,
    above,
    find,
    given,
    largest,
    less,
    not_modelled,
    over_accounts,
    smallest,
    times,
    total,
    walk,
    weighted,
    worst,
)

HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV"]
MARKET = [["Underlying", "Spot"], ["BTC", 70_000.0], ["ETH", 3_500.0]]
IN_USE = [["spot_treatment", "in_use"], ["price_scan_range", 0.11], ["extreme_multiple", 2.0], ["extreme_cover", 0.35]]


def three(*values: float) -> list[Line]:
    """Given lines, one per value, named a, b, c."""
    return [given(label, value, "typed") for label, value in zip("abc", values)]


@pytest.mark.parametrize(
    ("make", "values", "expected", "says"),
    [
        (total, (2.0, 3.0, -7.0), -2.0, "sum of the lines below"),
        (less, (2.0, 3.0, -7.0), 6.0, "the first line below less the others"),
        (times, (2.0, 3.0, -7.0), -42.0, "product of the lines below"),
        (largest, (2.0, 3.0, -7.0), 3.0, "largest of the lines below"),
        (smallest, (2.0, 3.0, -7.0), -7.0, "smallest of the lines below"),
        (worst, (2.0, 3.0, -7.0), 3.0, "largest loss of the scenarios below, at least 0"),
        (worst, (-2.0, -3.0, -7.0), 0.0, "largest loss of the scenarios below, at least 0"),
    ],
)
def test_a_line_computes_what_its_rule_says(make: Any, values: tuple[float, ...], expected: float, says: str) -> None:
    """Each maker's number follows from its parts, and its words name the rule."""
    line = make("sum", three(*values))
    assert line.amount == expected
    assert line.how == says
    assert [part.label for part in line.parts(0)] == ["a", "b", "c"]


def test_detail_follows_the_rule() -> None:
    """More about a rule stands behind it; a given number says where it comes from."""
    assert total("sum", three(1.0), "by row").how == "sum of the lines below: by row"
    assert given("a", 1.0, "").how == "given"
    assert given("a", 1.0, "typed").how == "typed"


def test_lines_of_several_books() -> None:
    """A line holds one number per book; a part that is the same for all books stands once."""
    line = times("charge", [given("units", np.array([2.0, 3.0, 4.0]), "held"), given("rate", 10.0, "parameter")])
    assert line.value.tolist() == [20.0, 30.0, 40.0]
    assert [(level, part.label, part.amount) for level, part in walk(line.book(1))] == [
        (0, "charge", 30.0),
        (1, "units", 3.0),
        (1, "rate", 10.0),
    ]


def test_weighted_lines_are_the_matrix_product() -> None:
    """Sums of many products are made at once, and their rows only when somebody asks."""
    asked: list[tuple[int, int]] = []

    def rows(s: int, a: int) -> tuple[Line, ...]:
        asked.append((s, a))
        return tuple(given(f"row {k}", held[a, k] * each[k, s], "typed") for k in range(2))

    held, each = np.array([[1.0, -2.0], [0.0, 5.0]]), np.array([[10.0, 20.0, 30.0], [1.0, 2.0, 3.0]])
    lines = weighted(["x", "y", "z"], held, each, rows)
    assert [line.value.tolist() for line in lines] == [[8.0, 5.0], [16.0, 10.0], [24.0, 15.0]]
    assert asked == []
    parts = lines[2].book(1).parts(0)
    assert [part.amount for part in parts] == [0.0, 15.0]
    assert asked == [(2, 1)]


def test_walk_explains_only_the_scenario_that_decides() -> None:
    """Of the scenarios every loss is shown, but only the worst is taken apart; the first one on a tie."""
    losses = {"A": 1.0, "B": 9.0, "C": 9.0}
    scenarios = [total(name, [given(f"row of {name}", loss, "typed")]) for name, loss in losses.items()]
    assert [(level, line.label) for level, line in walk(worst("Scanning risk", scenarios))] == [
        (0, "Scanning risk"),
        (1, "A"),
        (1, "B"),
        (2, "row of B"),
        (1, "C"),
    ]


def test_above_points_back() -> None:
    """A line that was explained already is not explained again."""
    line = above(total("SPAN risk", three(1.0, 2.0)))
    assert (line.amount, line.how, line.parts(0)) == (3.0, "as above: SPAN risk", ())


def test_not_modelled_is_a_line_of_zero_that_says_so() -> None:
    """A charge that does not count stands in the statement as 0 with its reason and status."""
    line = not_modelled("Delivery charge", "no delivery month is listed")
    assert (line.amount, line.how, line.status) == (0.0, "no delivery month is listed", "not modelled")


def test_accounts_add_up() -> None:
    """Each account is a line of its own under the total; a single account needs no line."""
    line = total("Initial margin", [given("risk", np.array([5.0, 7.0]), "typed")], status="published")
    both = over_accounts(line, ("", "north"))
    assert (both.amount, both.status) == (12.0, "published")
    assert [(part.label, part.amount) for _, part in walk(both)] == [
        ("Initial margin", 12.0),
        ("Account (blank)", 5.0),
        ("risk", 5.0),
        ("Account north", 7.0),
        ("risk", 7.0),
    ]
    alone = over_accounts(total("Initial margin", three(5.0)), ("north",))
    assert [part.label for _, part in walk(alone)] == ["Initial margin", "a"]


def tree() -> list[Line]:
    """Two roots in which some labels stand once and others twice."""
    btc, eth = (
        total(coin, [given("Scanning risk", risk, "typed"), given("Charge", 1.0, "typed")]) for coin, risk in (("BTC", 10.0), ("ETH", 20.0))
    )
    return [total("Initial margin", [total("SPAN risk", [btc, eth])]), given("Charge", 5.0, "typed")]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Initial margin", 32.0),
        ("BTC", 11.0),
        ("BTC/Scanning risk", 10.0),
        ("Initial margin/SPAN risk/ETH/Scanning risk", 20.0),
        ("eth / scanning RISK", 20.0),
        ("/Initial margin/ETH/", 21.0),
        ("Charge", 5.0),
        ("ETH/Charge", 1.0),
    ],
)
def test_find_by_path(path: str, expected: float) -> None:
    """A path names labels from the top down in any case, may leave some out, and means the line nearest the top."""
    assert find(tree(), path).amount == expected


def test_find_a_label_with_a_slash() -> None:
    """Labels may hold a slash themselves: `price up 1/3`, an account `desk/1`."""
    roots = [total("Initial margin", [total("Account desk/1", [given("price up 1/3, vol up", 4.0, "typed")])])]
    assert find(roots, "Account desk/1/price up 1/3, vol up").amount == 4.0


@pytest.mark.parametrize("path", ["Scanning risk", "SPAN risk/Charge"])
def test_find_ambiguous(path: str) -> None:
    """A path that fits several lines of one level is refused with their paths, even where their numbers are equal."""
    with pytest.raises(MarginError) as caught:
        find(tree(), path)
    label = path.rsplit("/", maxsplit=1)[-1]
    for coin in ("BTC", "ETH"):
        assert f"Initial margin/SPAN risk/{coin}/{label}" in str(caught.value)


@pytest.mark.parametrize("path", ["Scaning risk", "Scanning risk/BTC", "ETH/BTC", "SOL/Scanning risk"])
def test_find_unknown(path: str) -> None:
    """A path that fits no line is refused with the lines that there are."""
    with pytest.raises(MarginError) as caught:
        find(tree(), path)
    assert repr(path) in str(caught.value)
    assert "Initial margin/SPAN risk/BTC/Scanning risk" in str(caught.value)


@pytest.mark.parametrize("path", ["/", " / "])
def test_find_nothing(path: str) -> None:
    """A path without a label is refused with an example."""
    with pytest.raises(MarginError, match="BTC/Scanning risk"):
        find(tree(), path)


BOOK = [HEADER, ["BTC", "spot", None, None, 1.0, None], ["BTC", "C", 75_000, 30, -1.0, 0.50], ["ETH", "P", 3_000, 60, 2.0, 0.65]]


def test_every_line_can_be_asked_for() -> None:
    """PM_LINE of a line's whole path is that line's number, for every line of PM_EXPLAIN."""
    trail: list[str] = []
    for level, label, amount, *_ in PM_EXPLAIN(BOOK, MARKET, "SPAN", IN_USE)[1:]:
        trail[int(level) :] = [label]
        assert PM_LINE(BOOK, "/".join(trail), MARKET, "SPAN", IN_USE) == amount, trail


def test_statement_has_requirement_value_and_total() -> None:
    """The statement of SPAN begins with the two requirements; net option value and total stand after them."""
    statement = PM_EXPLAIN(BOOK, MARKET, "SPAN", IN_USE)
    assert statement[0] == ["Level", "Line", "Amount", "Rule", "Status", "Source"]
    assert [row[1] for row in statement if row[0] == 0.0] == [
        "Initial margin",
        "Maintenance margin",
        "Net option value",
        "Total requirement",
        "Scanning risk of BTC",
        "Weighted futures price risk of BTC",
        "Scanning risk of ETH",
        "Weighted futures price risk of ETH",
    ]
    assert PM_LINE(BOOK, "Maintenance margin", MARKET, "SPAN", IN_USE) == PM_MAINTENANCE(BOOK, MARKET, "SPAN", IN_USE)
    assert PM_LINE(BOOK, "Total requirement", MARKET, "SPAN", IN_USE) == (
        PM_MARGIN(BOOK, MARKET, "SPAN", IN_USE) - PM_LINE(BOOK, "Net option value", MARKET, "SPAN", IN_USE)
    )


def test_rows_lead_to_the_sheet() -> None:
    """Every row of the deciding scenario names its sheet row, blank rows counted."""
    book = [BOOK[0], BOOK[1], [None] * 6, *BOOK[2:]]
    rows = [row for row in PM_EXPLAIN(book, MARKET, "SPAN") if str(row[1]).startswith("Row ") and row[0] == 6.0]
    assert [(row[1], row[5]) for row in rows] == [
        ("Row 2: BTC spot", "positions row 2"),
        ("Row 4: BTC-30D-75000-C", "positions row 4"),
        ("Row 5: ETH-60D-3000-P", "positions row 5"),
    ]


def test_spot_in_use_is_said() -> None:
    """Spot counts up to the opposite delta of the options, and its quantity says how much that is (SEED-5: .341038)."""
    statement = PM_EXPLAIN(BOOK, MARKET, "SPAN", IN_USE)
    at = next(i for i, row in enumerate(statement) if row[1] == "Row 2: BTC spot")
    assert statement[at + 1][2] == pytest.approx(0.341038, abs=5e-7)
    assert statement[at + 1][3] == "units of the underlying, 0.341038 of the position in use"


def test_spot_in_use_of_two_rows() -> None:
    """Two spot rows of one coin are in use together, each in the same part; short spot offsets a long delta."""
    split = [HEADER, ["BTC", "spot", None, None, 0.75, None], ["BTC", "spot", None, None, 0.25, None], *BOOK[2:]]
    assert PM_MARGIN(split, MARKET, "SPAN", IN_USE) == pytest.approx(PM_MARGIN(BOOK, MARKET, "SPAN", IN_USE), rel=1e-12)
    hedged = [HEADER, ["BTC", "spot", None, None, -1.0, None], ["BTC", "C", 75_000, 30, 1.0, 0.50]]
    statement = PM_EXPLAIN(hedged, MARKET, "SPAN", IN_USE)
    at = next(i for i, row in enumerate(statement) if row[1] == "Row 2: BTC spot")
    assert statement[at + 1][2] == pytest.approx(-0.341038, abs=5e-7)


def test_spot_on_the_same_side_is_not_in_use() -> None:
    """Spot that adds to the delta of the options is collateral alone: it stays out of the stress."""
    long_call = [HEADER, ["BTC", "C", 75_000, 30, 1.0, 0.50]]
    with_spot = [*long_call, ["BTC", "spot", None, None, 5.0, None]]
    assert PM_MARGIN(with_spot, MARKET, "SPAN", IN_USE) == PM_MARGIN(long_call, MARKET, "SPAN", IN_USE)


def test_charge_without_a_published_figure() -> None:
    """The short option minimum is a line of 0 that says `not set`, and a number once a rate is given."""
    line = next(row for row in PM_EXPLAIN(BOOK, MARKET) if row[1] == "Short option minimum")
    assert (line[2], line[4]) == (0.0, "not set")
    assert "not set" in line[3]
    rated = [["short_option_minimum", 12.5]]
    assert PM_LINE(BOOK, "BTC/Short option minimum", MARKET, "SPAN", rated) == 12.5


def test_open_orders_are_told() -> None:
    """Open orders stay out of a method without a rule for them, and the statement says how many."""
    book = [[*HEADER, "Order"], *([*row, None] for row in BOOK[1:]), ["BTC", "C", 80_000, 30, -50.0, 0.50, "yes"]]
    assert PM_MARGIN(book, MARKET) == PM_MARGIN(BOOK, MARKET)
    last = PM_EXPLAIN(book, MARKET)[-1]
    assert last[:3] == [0.0, "Open orders", 0.0]
    assert "1 row" in last[3]
    assert last[4] == "not modelled"


def test_accounts_of_a_book() -> None:
    """A book of two accounts shows each account under every total, and a path may name one."""
    book = [[*HEADER, "Account"], [*BOOK[1], "north"], [*BOOK[2], "south"], [*BOOK[3], None]]
    apart = [PM_MARGIN([HEADER, row], MARKET) for row in BOOK[1:]]
    assert PM_MARGIN(book, MARKET) == pytest.approx(sum(apart), rel=1e-12)
    for label, expected in zip(("Account north", "Account south", "Account (blank)"), apart):
        assert PM_LINE(book, f"Initial margin/{label}", MARKET) == pytest.approx(expected, rel=1e-12)
    assert PM_LINE(book, "Account north/BTC/Scanning risk", MARKET) == pytest.approx(apart[0], rel=1e-12)


def test_unknown_line_of_a_margin() -> None:
    """A misspelt path comes back as one line of text that lists the lines."""
    answer = PM_LINE(BOOK, "BTC/Scaning risk", MARKET)
    assert answer.startswith("#PM! no line 'BTC/Scaning risk'")
    assert "Initial margin/SPAN risk/BTC/Risk/Scanning risk" in answer
