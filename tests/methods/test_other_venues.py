"""Bybit, Thalex, Binance and CME as far as they are published: numbers by hand, and what is not modelled is told."""

from __future__ import annotations

import pytest

from udfs import (
    PM_COMPARE,
    PM_EXPLAIN,
    PM_LINE,
    PM_MAINTENANCE,
    PM_MARGIN,
    PM_METHODS,
    PM_PARAMETERS,
    PM_PRICE,
    PM_RISK_ARRAY,
    PM_SCANNING_RISK,
    PM_SCENARIOS,
)

HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV"]
MARKET = [["Underlying", "Spot"], ["BTC", 70_000.0], ["ETH", 3_500.0]]
PERP = ["BTC", "perp", None, None, 1.0, None]
SHORT_CALL = ["BTC", "C", 90_000.0, 30.0, -2.0, 0.5]
VENUES = ("BYBIT", "THALEX", "BINANCE", "CME")


def at(day: str) -> list[list[object]]:
    """The market on another day."""
    return [["Underlying", "Spot", "As of"], ["BTC", 70_000.0, f"{day}T12:00:00Z"]]


def statuses(method: str, *rows: list[object]) -> dict[str, str]:
    """Status of every line of a statement that has one."""
    return {row[1]: row[4] for row in PM_EXPLAIN([HEADER, *rows], MARKET, method)[1:] if row[4]}


@pytest.mark.parametrize("method", [name for name in VENUES if name != "BYBIT"])
def test_no_venue_claims_more_than_it_has(method: str) -> None:
    """A model with unpublished parts is an estimate or illustrative, and says what it leaves out."""
    row = next(row for row in PM_METHODS()[1:] if row[0] == method)
    assert row[5] in ("estimate", "illustrative")
    assert row[4]


@pytest.mark.parametrize("method", VENUES)
def test_every_parameter_has_unit_source_and_status(method: str) -> None:
    """Every value names its unit, its source and its status."""
    for row in PM_PARAMETERS(method)[1:]:
        assert all(row[3:6]), row


def test_bybit_says_what_is_not_decoded() -> None:
    """Thirty-three points; the contingencies whose coefficients no source names are lines that say so."""
    lines = PM_RISK_ARRAY([HEADER, SHORT_CALL], MARKET, "BYBIT")[1:]
    assert [line[2] for line in lines[::3]] == pytest.approx([-0.10, -0.08, -0.06, -0.04, -0.02, 0.0, 0.02, 0.04, 0.06, 0.08, 0.10])
    assert [line[3] for line in lines[:3]] == [-0.2, 0.0, 0.24]
    found = statuses("BYBIT", SHORT_CALL, PERP)
    for label in ("Vega spread contingency", "Futures delta contingency", "Stablecoin spread contingency"):
        assert found[label] == "not modelled"
    assert found["Short option contingency"] == "not set"
    assert found["Initial margin"] == "published"


def test_bybit_counts_days_rounded_up_at_every_tenor() -> None:
    """30.2 days are 31, 300 days shrink by the same power: vols × 1 + 0.24·(30/d)^0.3, × 1 − 0.20·(30/d)^0.3."""
    for days, counted in ((30.2, 31), (30.0, 30), (300.0, 300), (0.3, 1)):
        table = PM_RISK_ARRAY([HEADER, ["BTC", "C", 90_000.0, days, 1.0, 0.5]], MARKET, "BYBIT")[1:]
        before = PM_PRICE("call", 70_000.0, 90_000.0, days / 365, 0.5)
        for move, vol in ((-0.2, 1 - 0.20 * (30 / counted) ** 0.3), (0.0, 1.0), (0.24, 1 + 0.24 * (30 / counted) ** 0.3)):
            (row,) = (row for row in table if row[3] == move and row[2] == pytest.approx(0.1))
            assert row[5] == pytest.approx(PM_PRICE("call", 77_000.0, 90_000.0, days / 365, 0.5 * vol) - before, rel=1e-9, abs=1e-9)


def test_bybit_contingencies_and_initial() -> None:
    """A perpetual adds 0.03 % of 70,000; 2 short calls at a given 1 % add 1,400; initial is 1.2 × maintenance."""
    book = [HEADER, SHORT_CALL, PERP]
    plain = PM_SCANNING_RISK(book, MARKET, "BYBIT")
    assert PM_MAINTENANCE(book, MARKET, "BYBIT") == pytest.approx(plain + 21.0)
    given = PM_MAINTENANCE(book, MARKET, "BYBIT", [["short_option_rate", 0.01]])
    assert given == pytest.approx(plain + 21.0 + 1_400.0)
    assert PM_MARGIN(book, MARKET, "BYBIT") == pytest.approx(1.2 * (plain + 21.0))


def test_bybit_spot_hedges_where_it_gains() -> None:
    """Spot alone needs nothing; against a short perpetual it takes the loss of the rise, never one of its own from the fall."""
    spot, perp = ["BTC", "spot", None, None, 2.0, None], ["BTC", "perp", None, None, -1.0, None]
    assert PM_MARGIN([HEADER, spot], MARKET, "BYBIT") == 0.0
    assert PM_SCANNING_RISK([HEADER, spot, perp], MARKET, "BYBIT") == pytest.approx(0.0, abs=1e-9)
    by_move = {row[2]: row[5] for row in PM_RISK_ARRAY([HEADER, spot, perp], MARKET, "BYBIT")[1:]}
    assert (by_move[min(by_move)], by_move[max(by_move)]) == pytest.approx((7_000.0, 0.0), abs=1e-9)
    assert statuses("BYBIT", spot, perp)["Maximum loss"] == "estimate"


def test_bybit_refuses_what_it_does_not_list() -> None:
    """A derivative of another coin is refused, its spot is collateral; ETH's vol stress is BTC's and says so."""
    market = [*MARKET, ["SOL", 150.0]]
    assert "BYBIT does not list SOL: its" in PM_MARGIN([HEADER, ["SOL", "perp", None, None, 1.0, None]], market, "BYBIT")
    assert PM_MARGIN([HEADER, ["SOL", "spot", None, None, 1.0, None]], market, "BYBIT") == 0.0
    alone = PM_MARGIN([HEADER, PERP], market, "BYBIT")
    assert PM_MARGIN([HEADER, PERP, ["SOL", "spot", None, None, 1.0, None]], market, "BYBIT") == alone
    assert statuses("BYBIT", ["ETH", "perp", None, None, 1.0, None])["Initial margin"] == "illustrative"


def test_bybit_takes_the_rate_of_usdt() -> None:
    """Linear contracts at 0.95 USD a USDT, inverse ones in USD; the statement shows the rate."""
    book = [["Instrument", "Venue", "Quantity"], ["BTCUSDT", "bybit", 1.0], ["BTCUSD", "bybit", 1.0]]
    rate = [["usdt_usd", 0.95]]
    assert PM_SCANNING_RISK(book, MARKET, "BYBIT", rate) == pytest.approx(0.1 * 70_000.0 * 1.95)
    assert PM_LINE(book, "USD per unit of what linear contracts settle in", MARKET, "BYBIT", rate) == 0.95


def test_thalex_vols_move_by_points() -> None:
    """Price +20 %, vol 50 % + 45 points; price −40 % counts by half (support.thalex.com); maintenance is 70 %."""
    table = PM_RISK_ARRAY([HEADER, SHORT_CALL], MARKET, "THALEX")
    before = PM_PRICE("call", 70_000.0, 90_000.0, 30 / 365, 0.5)
    cells = {(row[2], row[3]): row[5] for row in table[1:]}
    for (move, vol), weight in {(0.2, 0.45): 1.0, (0.2, -0.30): 1.0, (-0.4, 0.45): 0.5, (0.4, 0.45): 0.5}.items():
        after = PM_PRICE("call", 70_000.0 * (1 + move), 90_000.0, 30 / 365, 0.5 + vol)
        assert cells[move, vol] == pytest.approx(-2.0 * weight * (after - before), rel=1e-9)
    initial = PM_MARGIN([HEADER, SHORT_CALL], MARKET, "THALEX")
    assert initial == pytest.approx(-min(cells.values()))
    assert PM_MAINTENANCE([HEADER, SHORT_CALL], MARKET, "THALEX") == pytest.approx(0.7 * initial)


def test_thalex_contingencies_are_told() -> None:
    """The contingencies count once their rates are given."""
    found = statuses("THALEX", SHORT_CALL)
    assert {found[label] for label in ("Of futures and perpetuals", "Of options", "Option contingency")} == {"not set"}
    plain = PM_MARGIN([HEADER, SHORT_CALL], MARKET, "THALEX")
    given = [["option_contingency", 0.01]]
    assert PM_MARGIN([HEADER, SHORT_CALL], MARKET, "THALEX", given) == pytest.approx(plain + 1_400.0)


def test_binance_says_that_it_is_assumed() -> None:
    """Every number of the assumed pattern is illustrative, and the statement says that Binance publishes none."""
    rows = PM_PARAMETERS("BINANCE")[1:]
    assert {row[4] for row in rows if row[1] != "liquidation_unimmr"} == {"illustrative", "not set"}
    assert {row[1] for row in rows if row[4] == "not set"} == {"adjusted_equity", "account_maintenance"}
    assert statuses("BINANCE", SHORT_CALL)["Binance's own formula"] == "not modelled"
    assert PM_MARGIN([HEADER, PERP], MARKET, "BINANCE") == pytest.approx(0.16 * 70_000.0)
    assert PM_MARGIN([HEADER, PERP], MARKET, "BINANCE", [["BTC.price_range", 0.3]]) == pytest.approx(0.3 * 70_000.0)


def test_cme_sixteen_scenarios_and_extreme_cover() -> None:
    """Fourteen scenarios of thirds of the range and two of three ranges at 33 % (CME 08-303)."""
    rows = [row for row in PM_SCENARIOS("CME")[1:] if row[2] == "BTC"]
    assert len(rows) == 16
    assert [(row[3], row[6]) for row in rows[14:]] == [(pytest.approx(1.05), 0.33), (-1.0, 0.33)]


def test_cme_range_is_the_desks_own() -> None:
    """A range of 40 % on a future at 70,000 is a maintenance of 28,000, an initial of 110 %."""
    given = [["price_scan_range", 0.40]]
    assert PM_MAINTENANCE([HEADER, PERP], MARKET, "CME", given) == pytest.approx(28_000.0)
    assert PM_MARGIN([HEADER, PERP], MARKET, "CME", given) == pytest.approx(30_800.0)
    assert {row[4] for row in PM_PARAMETERS("CME")[1:] if row[1] == "price_scan_range"} == {"illustrative"}


@pytest.mark.parametrize(("given", "ratio"), [({}, 1.1), ({"account_type": "hedger"}, 1.0), ({"account_type": "member"}, 1.0)])
def test_cme_initial_by_type_of_account(given: dict[str, str], ratio: float) -> None:
    """1.100 of speculators, 1.000 of hedgers and members (record 3 of CME's file of 2025-06-20); a ratio that is typed wins."""
    rows, parameters = [HEADER, PERP], [["price_scan_range", 0.40], *([name, word] for name, word in given.items())]
    assert PM_MARGIN(rows, MARKET, "CME", parameters) == pytest.approx(ratio * 28_000.0)
    assert PM_MARGIN(rows, MARKET, "CME", [*parameters, ["initial_ratio", 1.35]]) == pytest.approx(37_800.0)
    word = given.get("account_type", "speculator")
    assert PM_LINE(rows, f"{word.capitalize()} ratio", MARKET, "CME", parameters) == ratio


def test_cme_refuses_coins_that_it_does_not_list() -> None:
    """A coin without a product there is refused with those that have one; a micro contract's own code is one of them."""
    assert str(PM_MARGIN([["Underlying", "Type", "Quantity", "Spot"], ["DOGE", "perp", 1.0, 0.2]], None, "CME")).startswith(
        "#PM! CME does not list DOGE: its price_scan_range is for ADA, BTC, ETH, LINK, MBT, MET, MSL, MXP, SOL, XRP"
    )
    micro = [["Underlying", "Type", "DTE", "Quantity", "Multiplier", "Spot"], ["MBT", "F", 30, 10.0, 0.1, 70_000.0]]
    assert PM_MAINTENANCE(micro, None, "CME") == pytest.approx(0.35 * 70_000.0)


def test_all_stand_side_by_side() -> None:
    """PM_COMPARE has a number for each."""
    table = PM_COMPARE([HEADER, SHORT_CALL, PERP], MARKET, ", ".join(("PARADEX", *VENUES)))
    assert [row[0] for row in table[1:]] == ["PARADEX", *VENUES]
    assert all(isinstance(row[1], float) and row[1] > 0.0 for row in table[1:])


def test_binance_ratio_of_the_account() -> None:
    """Adjusted equity / maintenance, as the API's example of an account has it; without both the line says what to give."""
    book = [HEADER, PERP]
    given = [["adjusted_equity", 122_607.35137903], ["account_maintenance", 23.72469206]]
    assert PM_LINE(book, "uniMMR", MARKET, "BINANCE", given) == pytest.approx(5_167.92171923, abs=1e-8)
    (line,) = (row for row in PM_EXPLAIN(book, MARKET, "BINANCE", given) if row[1] == "uniMMR")
    assert line[4] == "published"
    assert "liquidation at 1.05" in line[3]
    (line,) = (row for row in PM_EXPLAIN(book, MARKET, "BINANCE", given[:1]) if row[1] == "uniMMR")
    assert (line[2], line[4]) == (0.0, "not set")
    assert "give account_maintenance of the venue's answer" in line[3]
