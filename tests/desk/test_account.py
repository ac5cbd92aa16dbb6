"""Equity, status, accounts and qualification, by hand and against the margins of a cell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from range_books import AS_OF, MARKET, Grid, ask

from xlmargin.book.contracts import VENUES
from xlmargin.desk import account, qualify
from xlmargin.desk.functions import function_parameters
from xlmargin.methods import known_methods, rules_of

BOOK: Grid = [["Instrument", "Quantity", "IV"], ["BTC-27JUN25-70000-C", -2.0, 0.5], ["BTC-PERPETUAL", 0.5, None]]
BALANCES: Grid = [
    ["Currency", "Amount", "Haircut"],
    ["USD", 10_000.0, None],
    ["usdc", 5_000.0, 0.0],
    ["BTC", 0.5, 0.1],
    ["ETH", -2.0, 0.5],
    [None, None, None],
    ["USDT", -1_000.0, 0.2],
]
WORTH = 10_000.0 + 5_000.0 + 0.5 * 0.9 * 65_000.0 - 2.0 * 3_200.0 - 1_000.0


def status(*arguments: Any) -> dict[str, Any]:
    """PM_STATUS as a mapping."""
    table = ask("PM_STATUS", *arguments)
    assert isinstance(table, list), table
    assert [row[0] for row in table] == [
        "Measure",
        "Equity",
        "Initial margin",
        "Maintenance margin",
        "Excess",
        "Withdrawable",
        "Usage",
        "Status",
    ]
    return dict(table[1:])


@pytest.mark.parametrize("method", ["SPAN", "RULES", "DERIBIT", "OKX", "DERIVE"])
def test_the_margins_of_a_status_are_those_of_the_cells(method: str) -> None:
    """Whatever the method, the measures follow from PM_MARGIN, PM_MAINTENANCE and the equity."""
    found = status(BOOK, 50_000.0, MARKET, method)
    assert found["Initial margin"] == ask("PM_MARGIN", BOOK, MARKET, method)
    assert found["Maintenance margin"] == ask("PM_MAINTENANCE", BOOK, MARKET, method)
    assert found["Excess"] == 50_000.0 - found["Initial margin"]
    assert found["Withdrawable"] == max(0.0, found["Excess"])
    assert found["Usage"] == found["Initial margin"] / 50_000.0


def test_balances_count_at_spot_less_their_haircut_and_debts_in_full() -> None:
    """Dollar coins count at 1; a haircut never makes a debt smaller."""
    assert status(BOOK, BALANCES, MARKET)["Equity"] == pytest.approx(WORTH, rel=1e-12)


def test_a_dollar_coin_with_a_spot_counts_at_it() -> None:
    """Who quotes a stablecoin gets it at that price."""
    market = [*MARKET, ["USDC", 0.95, None]]
    assert status(BOOK, BALANCES, market)["Equity"] == pytest.approx(WORTH - 0.05 * 5_000.0, rel=1e-12)


def test_the_spot_of_the_rows_serves_without_a_market() -> None:
    """Coins count at the spot that the positions give."""
    rows = [["Underlying", "Type", "Quantity", "Spot"], ["BTC", "perp", 1.0, 60_000.0]]
    assert status(rows, [["Currency", "Amount"], ["BTC", 2.0]])["Equity"] == 120_000.0


@pytest.mark.parametrize(
    ("equity", "word"),
    [
        (8_000.0, "OK"),
        (7_500.0, "WARNING"),
        (6_000.0, "WARNING"),
        (5_999.0, "MARGIN CALL"),
        (5_000.0, "MARGIN CALL"),
        (4_999.0, "LIQUIDATION"),
        (0.0, "LIQUIDATION"),
        (-1.0, "LIQUIDATION"),
    ],
)
def test_each_status_at_its_bound(equity: float, word: str) -> None:
    """Initial 6,000 and maintenance 5,000 with the default warning at 0.8: bounds belong to the better side but for the
    warning, which begins at its usage.
    """
    found = account.standing(equity, 6_000.0, 5_000.0, 0.8)
    assert found.status == word
    assert found.usage == (6_000.0 / equity if equity > 0.0 else account.NO_EQUITY)


@given(st.floats(-1e9, 1e9), st.floats(0.0, 1e9), st.floats(0.0, 1.0))
@settings(max_examples=200, deadline=None)
def test_no_standing_holds_what_a_cell_cannot(equity: float, initial: float, part: float) -> None:
    """Every number is finite, and withdrawing what may be withdrawn leaves the initial margin."""
    found = account.standing(equity, initial, initial * part, 0.8)
    assert abs(found.excess) < 1e10
    assert 0.0 <= found.withdrawable <= max(equity, 0.0)
    assert found.withdrawable == 0.0 or equity - found.withdrawable == pytest.approx(initial, abs=1e-6)
    assert isinstance(found.usage, str) or found.usage < float("inf")


def test_an_empty_account_is_ok() -> None:
    """No positions and no equity: nothing is required, nothing used."""
    found = status([["Instrument", "Quantity"]], 0.0, MARKET)
    assert found == {
        "Equity": 0.0,
        "Initial margin": 0.0,
        "Maintenance margin": 0.0,
        "Excess": 0.0,
        "Withdrawable": 0.0,
        "Usage": 0.0,
        "Status": "OK",
    }


def test_the_warning_usage_stands_beside_the_methods_own_parameters() -> None:
    """It is the account's, every method takes it, and the method's own parameters still reach the method."""
    margin = ask("PM_MARGIN", BOOK, MARKET, "SPAN", [["price_scan_range", 0.2]])
    chosen = [["Parameter", "Value"], ["warning_usage", 0.4], ["price_scan_range", 0.2]]
    assert status(BOOK, 2.2 * margin, MARKET, "SPAN", chosen)["Status"] == "WARNING"
    assert status(BOOK, 2.2 * margin, MARKET, "SPAN", chosen)["Initial margin"] == margin
    assert status(BOOK, 2.2 * margin, MARKET, "SPAN", chosen[::2])["Status"] == "OK"
    for method in known_methods():
        assert not set(rules_of(method, 0.0).names) & function_parameters()


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ([["warning_usage", 1.5]], "parameters row 1: warning_usage must be from 0 to 1 initial margin as a fraction of equity"),
        ([["Parameter", "Value"], ["warning_usage", 0.5], ["warning_usage", 0.6]], "parameters row 3: warning_usage is given twice"),
        ([["BTC.warning_usage", 0.5]], "parameters row 1: warning_usage is one for the whole book"),
        ([["warning", 0.5]], "parameters row 1: SPAN has no parameter 'warning'"),
    ],
)
def test_parameters_of_the_account_are_checked(parameters: Grid, text: str) -> None:
    """A bad value of the account's own parameters is told like one of a method's."""
    assert ask("PM_STATUS", BOOK, 1e5, MARKET, None, parameters).startswith(f"#PM! {text}")


HEAD = ["Currency", "Amount", "Haircut"]


@pytest.mark.parametrize(
    ("equity", "text"),
    [
        (None, "equity is missing: give a number, or a range with the headings Currency, Amount, Haircut"),
        ("ten", "equity must be a number, not 'ten'"),
        (True, "equity must be a number, not TRUE"),
        ("#N/A", "equity holds the error #N/A"),
        ([["Name", "Amount"], ["BTC", 1.0]], "balances row 1: no column Currency: add it (the headings found are: Name, Amount)"),
        ([["Currency", "Amount", "amount"], ["BTC", 1.0, 1.0]], "balances row 1: the heading Amount stands twice"),
        ([HEAD, ["BTC", "1", None]], "balances row 2: Amount must be a number, not the text '1'"),
        ([HEAD, ["BTC", None, None]], "balances row 2: Amount must be given"),
        ([HEAD, ["USD", 1.0, None], [None, 5.0, None]], "balances row 3: Currency must be given"),
        ([HEAD, ["USD", 1.0, 10.0]], "balances row 2: Haircut must be a fraction from 0 to 1"),
        ([HEAD, ["USD", 1.0, -0.1]], "balances row 2: Haircut must be a fraction"),
        (
            [HEAD, ["USD", 1.0, None], [None, None, None], ["SOL", 1.0, None]],
            "balances row 4: Currency SOL has no spot: give a market range with a row for SOL",
        ),
    ],
)
@pytest.mark.parametrize("name", ["PM_STATUS", "PM_LIQUIDATION"])
def test_bad_equities_are_told(name: str, equity: Any, text: str) -> None:
    """Range and row of what cannot be read."""
    assert ask(name, BOOK, equity, MARKET).startswith(f"#PM! {text}")


# ---------------------------------------------------------------- PM_ACCOUNTS

DESK: Grid = [
    ["Instrument", "Quantity", "IV", "Account", "Venue"],
    ["BTC-27JUN25-70000-C", -2.0, 0.5, "one", "deribit"],
    ["BTC-USD-250627-60000-P", -1.0, 0.6, "two", "okx"],
    ["BTC-PERPETUAL", 0.5, None, "three", None],
    ["BTC-USDT-SWAP", 0.3, None, "two", "okx"],
    ["BTC-PERPETUAL", 0.2, None, "one", "Deribit"],
]


def desk(*arguments: Any) -> dict[str, list[Any]]:
    """PM_ACCOUNTS by account."""
    table = ask("PM_ACCOUNTS", *arguments)
    assert isinstance(table, list), table
    assert table[0] == ["Account", "Method", "Equity", "Initial margin", "Maintenance margin", "Excess", "Usage", "Status"]
    return {row[0]: row[1:] for row in table[1:]}


def rows_of(name: str) -> Grid:
    """The rows of one account."""
    return [DESK[0], *(row for row in DESK[1:] if row[3] == name)]


def test_each_account_is_under_its_own_venue() -> None:
    """Margins are those of the account's rows alone under its venue's method; the total adds them up."""
    found = desk(DESK, MARKET, None, "TIMS")
    for name, method in (("one", "DERIBIT"), ("two", "OKX"), ("three", "TIMS")):
        assert found[name][0] == method
        assert found[name][2] == pytest.approx(ask("PM_MARGIN", rows_of(name), MARKET, method), rel=1e-12)
        assert found[name][3] == pytest.approx(ask("PM_MAINTENANCE", rows_of(name), MARKET, method), rel=1e-12)
        assert found[name][-1] == "no equity given"
    for column in (2, 3):
        assert found["Total"][column] == pytest.approx(sum(found[name][column] for name in ("one", "two", "three")))
    assert list(found) == ["one", "three", "two", "Total"]


def test_balances_by_account_and_for_all() -> None:
    """With an Account column each account has its own equity; without one the balances are the total's."""
    balances = [["Account", "Currency", "Amount"], ["one", "USD", 1_000.0], ["two", "BTC", 2.0], ["cash", "USDC", 5.0]]
    found = desk(DESK, MARKET, balances)
    assert [found[name][1] for name in ("one", "two", "three", "cash", "Total")] == [1_000.0, 130_000.0, "", 5.0, 131_005.0]
    assert [found[name][-1] for name in ("one", "two", "three", "cash")] == ["LIQUIDATION", "OK", "no equity given", "OK"]
    assert found["cash"][:4] == ["", 5.0, 0.0, 0.0]
    found = desk(DESK, MARKET, [row[1:] for row in balances])
    assert [found[name][1] for name in ("one", "two", "three", "Total")] == ["", "", "", 131_005.0]
    assert desk(BOOK, MARKET, BALANCES)["(blank)"] == ["SPAN", *desk(BOOK, MARKET, BALANCES)["Total"][1:]]


def test_an_account_at_two_venues_sums_both() -> None:
    """Each part is margined by its venue's method, and nothing is netted between them."""
    rows = [row if n == 0 else [*row[:3], "all", row[4]] for n, row in enumerate(DESK)]
    found = desk(rows, MARKET)
    assert found["all"][0] == "DERIBIT + OKX + SPAN"
    assert found["all"][2] == pytest.approx(desk(DESK, MARKET)["Total"][2])


def test_every_venue_has_a_method_and_a_desk_may_name_another() -> None:
    """The file names a method for each venue that has one; the parameters range overrides it."""
    methods = account.venue_methods(account.account_rules(0.0), known_methods())
    assert set(methods) == set(VENUES.values()) - {venue for venue in ("hyperliquid", "kraken") if venue.upper() not in known_methods()}
    chosen = [["venue_methods", "deribit DERIBIT_SM; okx OKX_SM"]]
    found = desk(DESK, MARKET, None, None, chosen)
    assert [found[name][0] for name in ("one", "two", "three")] == ["DERIBIT_SM", "OKX_SM", "SPAN"]
    assert "venue_methods must be venues and methods" in ask("PM_ACCOUNTS", DESK, MARKET, None, None, [["venue_methods", "okx NOPE"]])


def test_parameters_go_to_the_methods_that_know_them() -> None:
    """As in PM_COMPARE; one that none of them knows is an error, and the mistake of a row names the row of the whole range."""
    assert desk(DESK, MARKET, None, None, [["price_scan_range", 0.3]])["three"][2] > desk(DESK, MARKET)["three"][2]
    assert "no method here has a parameter 'nope'" in ask("PM_ACCOUNTS", DESK, MARKET, None, None, [["nope", 1.0]])
    wrong = [*DESK, ["BTC-27JUN25-70000-C", 1.0, None, "two", "okx"]]
    assert ask("PM_ACCOUNTS", wrong, MARKET).startswith("#PM! row 7: no IV for this option")
    unknown = ask("PM_ACCOUNTS", DESK, MARKET, [["Currency", "Amount"], ["XYZ", 1.0]])
    assert unknown.startswith("#PM! balances row 2: Currency XYZ has no spot")


# ---------------------------------------------------------------- PM_QUALIFY


def qualified(facts: dict[str, Any], *more: Any) -> dict[str, list[Any]]:
    """PM_QUALIFY by rule."""
    table = ask("PM_QUALIFY", [["Field", "Value"], *map(list, facts.items())], *more)
    assert isinstance(table, list), table
    assert table[0] == ["Rule", "Required", "Actual", "Pass"]
    return {row[0]: row[1:] for row in table[1:]}


FULL = {"Equity": 5_000_000.0, "Uncovered options approval": "yes", "Risk disclosure signed": True}


@pytest.mark.parametrize(
    ("more", "required"),
    [
        ({"Intraday monitoring": "yes"}, {100_000.0}),
        ({}, {150_000.0}),
        ({"Intraday monitoring": "NO"}, {150_000.0}),
        ({"trades AWAY": "Y", "Intraday monitoring": 1.0}, {100_000.0, 500_000.0}),
        ({"Unlisted derivatives": True}, {150_000.0, 5_000_000.0}),
    ],
)
def test_the_tiers_of_equity(more: dict[str, Any], required: set[float]) -> None:
    """methodologies.md 2.4: 100,000 with monitoring, 150,000 without; 500,000 for trades away; 5 million for unlisted."""
    found = [row for row in qualified(FULL | more).values() if isinstance(row[0], float)]
    assert {row[0] for row in found} == required
    for equity in required:
        assert all(
            row[2] == ("PASS" if row[0] <= equity else "FAIL")
            for row in qualified(FULL | more | {"Equity": equity}).values()
            if isinstance(row[0], float)
        )
        assert any(row[2] == "FAIL" for row in qualified(FULL | more | {"Equity": equity - 0.01}).values())


def test_what_is_missing_is_no() -> None:
    """An empty account fails every rule that applies; a missing equity is not a number."""
    found = qualified({})
    assert all(row[2] == "FAIL" for row in found.values())
    assert all(row[1] == "no" for row in found.values())
    assert all(row[2] == "PASS" for row in qualified(FULL).values())


def test_other_rulebooks() -> None:
    """OKX asks for 10,000 USD and a declaration; an unknown rulebook is answered with the known ones."""
    found = qualified({"Equity": 9_999.0, "Risk disclosure signed": "yes"}, "okx")
    assert sorted((row[0] if isinstance(row[0], float) else 0.0, row[2]) for row in found.values()) == [(0.0, "PASS"), (10_000.0, "FAIL")]
    assert ask("PM_QUALIFY", [["Field", "Value"], ["Equity", 1.0]], "SEC") == (
        f"#PM! no rulebook 'SEC': the rulebooks are {', '.join(qualify.known_rulebooks())}"
    )
    assert qualify.known_rulebooks()[0] == "FINRA"


def test_each_rule_has_its_source_and_each_book_what_happens_below() -> None:
    """Nothing is required without saying who does, and since when that was read."""
    for name in qualify.known_rulebooks():
        book = qualify.rulebook(name)
        assert book.below
        assert book.checked.year >= 2026
        assert all(rule.source and rule.status in ("verified", "published", "estimate", "illustrative") for rule in book.rules)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([["Field", "Value"], ["Equtiy", 1.0]], "account row 2: Field 'Equtiy' is not known: type one of Equity, Uncovered"),
        ([["Field", "Value"], ["Equity", "1m"]], "account row 2: Equity must be a number, not '1m'"),
        ([["Field", "Value"], ["Equity", 1.0], ["Trades away", "maybe"]], "account row 3: Trades away must be one of yes, no"),
        ([["Field", "Value"], ["Trades away", "#REF!"]], "account row 2: Trades away holds the error #REF!"),
        ([["Field", "Value"], ["Equity", 1.0], ["equity", 2.0]], "account row 3: Field Equity stands twice"),
        ([["Field", "Value"], [None, 2.0]], "account row 2: Field must be given"),
        ([["Name", "Value"], ["Equity", 2.0]], "account row 1: no column Field"),
        (None, "the account range is empty"),
    ],
)
def test_bad_accounts_are_told(rows: Any, text: str) -> None:
    """Range and row of what cannot be read."""
    assert ask("PM_QUALIFY", rows).startswith(f"#PM! {text}")


def test_as_of_of_the_market_is_the_day() -> None:
    """The valuation time of the market holds for the status, too."""
    late = [["Underlying", "Spot", "As of"], ["BTC", 65_000.0, AS_OF.replace(month=7)]]
    assert ask("PM_STATUS", BOOK, 1e5, late).startswith("#PM! row 2: Expiry")
