"""Liquidation prices against brute force: the sheet itself moved, margined and valued again by the functions of a cell."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from range_books import AS_OF, Grid, ask

from xlmargin.desk.account import account_rules
from xlmargin.desk.liquidation import Account, PriceSearch, coarse_steps, fine_steps
from xlmargin.desk.liquidation import liquidation as moves_of
from xlmargin.desk.versions import Path
from xlmargin.methods import known_methods, margin_of, method_named
from xlmargin.sheet.answers.margins import case_asked, case_for

SPOTS = {"BTC": 65_000.0, "ETH": 3_200.0, "SOL": 150.0}
HEADER = ["Instrument", "Quantity", "IV", "Price", "Forward", "Account"]
STRANGLE: Grid = [["BTC-27JUN25-75000-C", -2.0, 0.50], ["BTC-27JUN25-55000-P", -2.0, 0.58]]
WINGS: Grid = [["BTC-27JUN25-90000-C", 2.0, 0.55], ["BTC-27JUN25-45000-P", 2.0, 0.65]]
MIXED: Grid = [
    *STRANGLE,
    ["BTC-PERPETUAL", 0.4],
    ["BTC-26SEP25-70000-C", 0.5, None, 6_100.0],
    ["ETH-27JUN25-3000-P", -8.0, 0.70],
    ["ETH-27JUN25", -3.0, None, 3_230.0],
]
COINS: Grid = [["Currency", "Amount", "Haircut"], ["USDC", 25_000.0, None], ["BTC", 0.8, 0.1], ["ETH", -1.0, 0.5]]


def book(rows: Grid) -> Grid:
    """A positions range of rows that may end early."""
    return [HEADER, *([*row, *[None] * (len(HEADER) - len(row))] for row in rows)]


def market(move: float = 0.0, name: str = "BTC") -> Grid:
    """The market range with one underlying moved."""
    rows = ([coin, spot * (1.0 + move * (coin == name)), AS_OF] for coin, spot in SPOTS.items())
    return [["Underlying", "Spot", "As of"], *rows]


def moved(rows: Grid, move: float, name: str, method: str = "") -> Grid:
    """The positions with the prices that rows carry moved, the vols of marks held, and inverse futures the coins of the same USD."""
    result = book(rows)
    for row in result[1:]:
        option, mine = row[0].count("-") == 3, row[0].startswith(name)
        if option and row[3] is not None:
            years = 117.0 / 365.0 + 8.0 / 24.0 / 365.0  # 1 June 00:00 to 26 September 08:00
            spot = SPOTS[row[0][:3]]
            row[2] = ask("PM_IV", row[0][-1], row[3], spot, float(row[0].split("-")[2]), years)
            row[3] = ask("PM_PRICE", row[0][-1], spot * (1.0 + move * mine), float(row[0].split("-")[2]), years, row[2])
        elif mine and row[3] is not None:
            row[3] *= 1.0 + move
        if mine and row[4] is not None:
            row[4] *= 1.0 + move
        if mine and not option and "_" not in row[0] and method != "DERIBIT_SM":
            row[1] /= 1.0 + move
    return result


def equity(rows: Grid, start: float, move: float, name: str, balances: Grid | None = None) -> float:
    """Equity after a move: the profit of the underlying's own rows, and of its coins."""
    own = book([row for row in rows if row[0].startswith(name)])
    gain = ask("PM_SCENARIO_PNL", own, move, 0.0, None, market()) if len(own) > 1 else 0.0
    for currency, amount, haircut in (balances or [[]])[1:]:
        if currency == name:
            gain += amount * (1.0 - (haircut or 0.0) * (amount > 0.0)) * SPOTS[name] * move
    assert isinstance(gain, float), gain
    return start + gain


def gap(rows: Grid, start: float, move: float, name: str, method: str, balances: Grid | None = None) -> float:
    """Maintenance less equity of the sheet moved."""
    margin = ask("PM_MAINTENANCE", moved(rows, move, name, method), market(move, name), method)
    assert isinstance(margin, float), margin
    return margin - equity(rows, start, move, name, balances)


def answered(*arguments: Any) -> dict[str, list[Any]]:
    """The rows of PM_LIQUIDATION by underlying."""
    table = ask("PM_LIQUIDATION", *arguments)
    assert isinstance(table, list), table
    assert table[0] == ["Underlying", "Down price", "Down move", "Up price", "Up move"]
    return {row[0]: row[1:] for row in table[1:]}


@pytest.mark.parametrize("method", ["SPAN", "TIMS", "RULES", "DERIBIT", "OKX", "DERIVE", "DERIBIT_SM"])
def test_at_the_root_the_sheet_moved_has_just_its_maintenance(method: str) -> None:
    """On both sides and for both underlyings maintenance equals equity there, and no coarser scan crosses before."""
    rows = [*STRANGLE, ["ETH-27JUN25-3000-P", -30.0, 0.70]] if method == "RULES" else MIXED
    rows = [row for row in rows if method != "DERIVE" or row[0] != "ETH-27JUN25"]  # the venue lists no dated futures
    start = 1.8 * ask("PM_MAINTENANCE", book(rows), market(), method)
    found = answered(book(rows), start, market(), method)
    assert set(found) == {"BTC", "ETH"}
    roots = 0
    for name, (down, down_move, up, up_move) in found.items():
        for price, move in ((down, down_move), (up, up_move)):
            if move == "none":
                assert price == "none"
                continue
            roots += 1
            assert price == pytest.approx(SPOTS[name] * (1.0 + move), rel=1e-12)
            assert gap(rows, start, move, name, method) == pytest.approx(0.0, abs=1e-6 * start)
            before = np.linspace(0.0, move, 6 if method == "RULES" else 14)[:-1]
            assert all(gap(rows, start, float(each), name, method) < 1e-6 * start for each in before)
    assert roots >= 2


@pytest.mark.parametrize("method", ["SPAN", "OKX"])
def test_coin_collateral_falls_with_the_coin(method: str) -> None:
    """Coins of the balances count after their haircut and move; a debt in coin counts in full; the root holds them all."""
    start = 25_000.0 + 0.8 * 0.9 * SPOTS["BTC"] - SPOTS["ETH"]
    found = answered(book(MIXED), COINS, market(), method)
    cash = answered(book(MIXED), start, market(), method)
    for name in ("BTC", "ETH"):
        for move in (found[name][1], found[name][3]):
            if move != "none":
                assert gap(MIXED, start, move, name, method, COINS) == pytest.approx(0.0, abs=1e-6 * start)
    assert found["BTC"][1] > cash["BTC"][1], "with coins the way down is shorter"


def test_a_coin_that_no_position_is_in_has_its_own_path() -> None:
    """Collateral in another coin alone can bring an account down: equity is linear in its price."""
    coins: Grid = [["Currency", "Amount", "Haircut"], ["SOL", 300.0, 0.2]]
    need = ask("PM_MAINTENANCE", book(STRANGLE), market())
    found = answered(book(STRANGLE), coins, market())
    assert found["SOL"][1] == pytest.approx(need / (300.0 * 0.8 * 150.0) - 1.0, rel=1e-9)
    assert found["SOL"][2:] == ["none", "none"]


def test_a_short_future_has_its_root_by_hand() -> None:
    """Under SPAN with a range r a short of q at price F is liquidated where r q F (1 + m) = E − q F m."""
    rows: Grid = [["BTC_USDC-PERPETUAL", -1.0]]
    chosen = [["Parameter", "Value"], ["price_scan_range", 0.1], ["extreme_cover", 0.0]]
    found = answered(book(rows), 20_000.0, market(), "SPAN", chosen)
    expected = (20_000.0 - 0.1 * 65_000.0) / (1.1 * 65_000.0)
    assert found["BTC"][:2] == ["none", "none"]
    assert found["BTC"][2:] == pytest.approx([65_000.0 * (1.0 + expected), expected], rel=1e-9)


INVERSE = {  # BTC, coins of collateral; down and up price at 70,000 under DERIBIT: long 70,000 USD need 11,226.67
    "long on a coin": (1.0, 1.0, 40_613.33, "none"),  # 2 S - 70,000 = 11,226.67
    "long on half a coin": (1.0, 0.5, 54_151.11, "none"),  # 1.5 S - 70,000 = 11,226.67
    "a synthetic dollar": (-1.0, 1.0, "none", "none"),  # 70,000 USD at every price
}


@pytest.mark.parametrize("name", INVERSE)
def test_an_inverse_perpetual_is_a_fixed_amount_of_usd(name: str) -> None:
    """At any price it is that amount again, so its margin stays in USD, and its profit is that of the coins of today."""
    size, coins, *expected = INVERSE[name]
    rows: Grid = [["BTC-PERPETUAL", size]]
    known: Grid = [["Underlying", "Spot"], ["BTC", 70_000.0]]
    found = answered(book(rows), [["Currency", "Amount"], ["BTC", coins]], known, "DERIBIT")["BTC"]
    assert [value if value == "none" else round(value, 2) for value in (found[0], found[2])] == expected


def test_a_standard_margin_reckons_with_the_coins_of_today() -> None:
    """Long 50 USD, then sold 60 at 110,000 on the coins of leverage 2: a maintenance of 10 % of the entry is met at 183,333.33.

    The number is that of an exchange's own test of over-selling, whose margin is of the value at entry.
    """
    rows: Grid = [
        ["Instrument", "Quantity", "Spot"],
        ["BTC-PERPETUAL", 50 / 110_000, 110_000.0],
        ["BTC-PERPETUAL", -60 / 110_000, 110_000.0],
    ]
    coins: Grid = [["Currency", "Amount"], ["BTC", 5 / 110_000]]
    found = answered(rows, coins, None, "DERIBIT_SM", [["future_maintenance_rate", 0.1]])["BTC"]
    assert found[0] == "none"
    assert found[2] == pytest.approx(183_333.33, abs=0.01)


@pytest.mark.parametrize("venue", ["DERIBIT_SM", "OKX_SM", "BYBIT_SM"])
def test_an_isolated_position_is_liquidated_as_under_its_venue(venue: str) -> None:
    """One position alone; long 70,000 USD on half a coin at 0.4 % is met where 1.5 P = 70,280."""
    rows: Grid = [["Instrument", "Quantity", "Spot"], ["BTC-PERPETUAL", 1.0, 70_000.0]]
    coins: Grid = [["Currency", "Amount"], ["BTC", 0.5]]
    found = answered(rows, coins, None, "ISOLATED", [["venue", venue]])["BTC"]
    assert found == answered(rows, coins, None, venue)["BTC"]
    assert venue != "OKX_SM" or found[0] == pytest.approx(70_280.0 / 1.5, abs=0.01)


def test_in_liquidation_already_the_price_is_the_current_one() -> None:
    """An account below its maintenance is liquidated here and now, on both sides."""
    assert answered(book(STRANGLE), 1_000.0, market())["BTC"] == [65_000.0, 0.0, 65_000.0, 0.0]


def test_rich_accounts_have_no_liquidation_price() -> None:
    """A condor loses at most its width: with more than that the answer is none on both sides."""
    assert answered(book([*STRANGLE, *WINGS]), 200_000.0, market())["BTC"] == ["none"] * 4


def account(rows: Grid, start: float, method: str = "SPAN") -> Account:
    """An account on the path of BTC."""
    case = case_asked(book(rows), market(), method, None, None)

    def maintenance(each: Any) -> Any:
        return margin_of(case_for(each, method, None, None)).maintenance.value

    return Account(Path(case.book, case.book.instruments.underlyings.index("BTC")), maintenance, start, 0.0)


SEARCH = PriceSearch.of(account_rules(0.0))


@cache
def condor() -> tuple[Grid, Any, Any]:
    """A book with several roots, prices, and what its equity must be today to meet its margin at each of them."""
    rows: Grid = [*STRANGLE, *WINGS, ["BTC-6JUN25-68000-C", -1.0, 0.45], ["BTC-6JUN25-70000-C", 1.0, 0.45]]
    scan, free = np.linspace(0.0, 0.6, 10_001), account(rows, 0.0)
    return rows, scan, free.margins(scan) - free.equity(scan)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.99])
def test_no_crossing_before_on_ten_thousand_points(share: float) -> None:
    """A condor has several roots: a band of prices where it is in liquidation, and far prices where it is not. The nearest
    one is found even where the band is far narrower than a step.
    """
    rows, scan, need = condor()
    start = float(need[0] + share * (need.max() - need[0])) if share > 0.02 else float(need.max() * (1.0 - 1e-6))
    down, up = moves_of(account(rows, start), SEARCH)
    first = int(np.argmax(need - start > 0.0))
    assert up is not None
    assert scan[first - 1] - 1e-9 <= up <= scan[first] + 1e-9
    assert down is None or down < 0.0


def test_two_spikes_the_nearer_is_told() -> None:
    """Sold butterflies of one day: where the pin would hurt, equity is short only in a band around their strikes."""
    rows: Grid = [
        ["BTC-2JUN25-70000-C", 20.0, 0.4],
        ["BTC-2JUN25-71000-C", -40.0, 0.4],
        ["BTC-2JUN25-72000-C", 20.0, 0.4],
        ["BTC-2JUN25-80000-C", 20.0, 0.4],
        ["BTC-2JUN25-81000-C", -40.0, 0.4],
        ["BTC-2JUN25-82000-C", 20.0, 0.4],
    ]
    rows = [[name, -quantity, vol] for name, quantity, vol in rows]
    free, scan = account(rows, 0.0), np.linspace(0.0, 0.5, 4_001)
    need = free.margins(scan) - free.equity(scan)
    for start in (float(need.max()) * (1.0 - 1e-3), float(np.quantile(need, 0.9))):
        _, up = moves_of(account(rows, start), SEARCH)
        first = int(np.argmax(need > start))
        assert up is not None
        assert scan[max(first - 1, 0)] - 1e-9 <= up <= scan[first] + 1e-9


WITHOUT_THEM = ("HYPERLIQUID", "KRAKEN")  # lists no options; has no figures but an account's


@pytest.mark.parametrize(
    "method",
    [name for name in known_methods() if not (method_named(name).takes_history or method_named(name).takes_table or name in WITHOUT_THEM)],
)
def test_versions_margined_together_are_those_margined_apart(method: str) -> None:
    """Whatever the method, many prices in one pass give the margins of each price alone, also where its rulebook reads one
    market for the whole book.
    """
    rows = [[f"BTC_USDC-{row[0][4:]}", *row[1:]] if method == "AEVO" else row for row in STRANGLE]
    both, moves = account(rows, 1e6, method), np.array([-0.2, -0.05, 0.1, 0.3])
    apart = [float(both.maintenance(both.path.at(np.array([move]))).sum()) for move in moves.tolist()]
    assert both.margins(moves).tolist() == pytest.approx(apart, rel=1e-9)


def test_the_current_price_is_a_version_of_itself() -> None:
    """At no move the book is the book, for rows with a vol, a price, and both."""
    rows = [*MIXED, ["BTC-26SEP25-80000-C", -1.0, 0.5, 3_000.0]]
    here = account(rows, 0.0, "DERIBIT_SM")
    assert here.margins(np.zeros(1))[0] == pytest.approx(ask("PM_MAINTENANCE", book(rows), market(), "DERIBIT_SM"), rel=1e-9)


def test_steps_cover_the_search_and_hold_the_strikes() -> None:
    """Outwards from the current price to both ends; fine steps hold every strike on their side."""
    for side, end in ((-1, SEARCH.lowest), (1, SEARCH.highest)):
        moves = coarse_steps(SEARCH, side, 0.02)
        assert moves[-1] == pytest.approx(end)
        assert np.all(np.diff(np.abs(moves)) > 0.0)
        fine = fine_steps(SEARCH, side, np.array([-0.431, 0.777]))
        assert (0.777 if side > 0 else -0.431) in fine.tolist()
        assert np.all(np.sign(fine) == side)


def test_several_accounts_are_margined_apart_and_summed() -> None:
    """Two accounts that hedge each other get no credit for it, at any price."""
    rows: Grid = [["BTC_USDC-PERPETUAL", 1.0, None, None, None, "A"], ["BTC_USDC-PERPETUAL", -1.0, None, None, None, "B"]]
    need = ask("PM_MAINTENANCE", book(rows), market())
    found = answered(book(rows), 2.0 * need, market())
    assert found["BTC"] == ["none", "none", pytest.approx(130_000.0, rel=1e-9), pytest.approx(1.0, rel=1e-9)]


def test_what_has_no_model_is_refused() -> None:
    """A row's own risk array holds at one price; a pairing method has a bound on rows; a missing vol is told with its row."""
    array = [["Instrument", "Quantity", *map(str, range(1, 17))], ["BTC-27JUN25-75000-C", -1.0, *map(float, range(16))]]
    assert ask("PM_LIQUIDATION", array, 1e5, market()).startswith("#PM! row 2: BTC-27JUN25-75000-C has its own risk array")
    many = book([["BTC-27JUN25-75000-C", -1.0, 0.5]] * 21)
    assert "RULES pairs the legs anew" in ask("PM_LIQUIDATION", many, 1e6, market(), "RULES")
    assert ask("PM_LIQUIDATION", book([["BTC-27JUN25-75000-C", -1.0]]), 1e5, market()).startswith("#PM! row 2: no IV")
    own = [["Instrument", "Quantity", "Spot"], ["BTC-PERPETUAL", 1.0, 65_000.0], ["BTC_USDC-PERPETUAL", 1.0, 66_000.0]]
    assert "the rows of BTC have different spots" in ask("PM_LIQUIDATION", own, 1e5)


def test_rows_with_their_own_spot_and_forward_move_too() -> None:
    """Overrides of a row are part of its underlying's path."""
    rows = [
        ["Instrument", "Quantity", "IV", "Spot", "Forward"],
        ["BTC-27JUN25-75000-C", -2.0, 0.5, 65_100.0, 65_400.0],
        ["BTC-PERPETUAL", -0.5, None, None, 65_050.0],
    ]
    start = 2.0 * ask("PM_MAINTENANCE", rows, market())
    move = answered(rows, start, market())["BTC"][3]
    after = [rows[0], *([*row[:3], *(value and value * (1.0 + move) for value in row[3:])] for row in rows[1:])]
    after[2][1] /= 1.0 + move  # coins of the same amount of USD
    gain = ask("PM_SCENARIO_PNL", rows, move, 0.0, None, market())
    assert ask("PM_MAINTENANCE", after, market(move)) == pytest.approx(start + gain, rel=1e-6)
    assert math.isfinite(move)
