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


@pytest.mark.parametrize("method", VENUES)
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


def test_bybit_leaves_vols_as_they_are() -> None:
    """Its vol factors are not published: eleven prices at the vol as it is, and the statement says so."""
    lines = PM_RISK_ARRAY([HEADER, SHORT_CALL], MARKET, "BYBIT")[1:]
    assert [line[2] for line in lines] == pytest.approx([-0.10, -0.08, -0.06, -0.04, -0.02, 0.0, 0.02, 0.04, 0.06, 0.08, 0.10])
    assert {line[3] for line in lines} == {0.0}
    assert len(PM_RISK_ARRAY([HEADER, SHORT_CALL], MARKET, "BYBIT", [["vol_up", 0.3]])[1:]) == 22
    found = statuses("BYBIT", SHORT_CALL)
    for label in ("Vol stress", "Vega spread contingency", "Delta spread contingency", "Stablecoin spread contingency"):
        assert found[label] == "not modelled"
    assert found["Short option contingency"] == found["Perpetual and futures contingency"] == "not set"


def test_bybit_with_the_coefficients_of_an_account() -> None:
    """2 short calls at 1 % of 70,000 add 1,400; a perpetual at 0.5 % adds 350; initial is maintenance × factor."""
    given = [["short_option_rate", 0.01], ["futures_rate", 0.005], ["initial_factor", 1.2], ["vol_up", 0.3]]
    plain = PM_MARGIN([HEADER, SHORT_CALL, PERP], MARKET, "BYBIT", [["vol_up", 0.3]])
    maintenance = PM_MAINTENANCE([HEADER, SHORT_CALL, PERP], MARKET, "BYBIT", given)
    assert maintenance == pytest.approx(plain + 1_400.0 + 350.0)
    assert PM_MARGIN([HEADER, SHORT_CALL, PERP], MARKET, "BYBIT", given) == pytest.approx(1.2 * maintenance)
    rows = PM_EXPLAIN([HEADER, SHORT_CALL], MARKET, "BYBIT", [["vol_up", 0.3]])
    assert "Vol stress" not in [row[1] for row in rows]


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
    """The roll contingency is not modelled; the option contingency counts once its rate is given."""
    found = statuses("THALEX", SHORT_CALL)
    assert (found["Roll contingency"], found["Option contingency"]) == ("not modelled", "not set")
    plain = PM_MARGIN([HEADER, SHORT_CALL], MARKET, "THALEX")
    given = [["option_contingency", 0.01]]
    assert PM_MARGIN([HEADER, SHORT_CALL], MARKET, "THALEX", given) == pytest.approx(plain + 1_400.0)


def test_binance_says_that_it_is_assumed() -> None:
    """Every number of the assumed pattern is illustrative, and the statement says that Binance publishes none."""
    assert {row[4] for row in PM_PARAMETERS("BINANCE")[1:]} == {"illustrative"}
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
