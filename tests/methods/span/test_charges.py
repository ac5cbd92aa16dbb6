"""SPAN's charges and credits: the published examples of ICE Clear US, and each setting on its own."""

from __future__ import annotations

import numpy as np
import pytest

from udfs import PM_EXPLAIN, PM_LINE, PM_MAINTENANCE, PM_MARGIN
from xlmargin.errors import MarginError
from xlmargin.methods.span.spreads import ChargedLeg, Pools, Spread, inter_month, nearest_first, read_spreads, read_tiers

# ICE Clear US, SPAN Margin System v1.0 (2015), section 2.5.1: arrays of the whole positions, losses positive.
TF = [-25600, 28900, -105400, -52500, 45900, 100000, -193200, -143200, 108300, 160600, -288400, -242500, 162000, 210600, -317600, 109700]
RF = [28960, -19200, 96400, 58240, -35440, -94560, 166400, 136880, -96240, -166480, 238640, 216240, -153120, -233520, 229680, -141520]
ARRAYS = [
    ["Underlying", "Type", "Strike", "DTE", "Quantity", "Spot", "Delta", *range(1, 17)],
    ["TF", "C", 700.0, 30.0, 100.0, 700.0, 0.5661, *[loss / 100.0 for loss in TF]],
    ["RF", "C", 600.0, 30.0, -80.0, 600.0, 0.8754, *[-loss / 80.0 for loss in RF]],
]
TABLE = [["inter_commodity_spreads", "80%: TF A 1, RF B 1"]]


def test_spreads_need_opposite_sides() -> None:
    """Two long underlyings form no spread, and the line says so."""
    long = [ARRAYS[0], ARRAYS[1], [*ARRAYS[2][:4], 80.0, *ARRAYS[2][5:]]]
    assert PM_LINE(long, "TF/Inter-commodity credit", None, "SPAN", TABLE) == 0.0
    rows = PM_EXPLAIN(long, None, "SPAN", TABLE)
    assert "No spread formed" in {row[1] for row in rows}


HEADER = ["Underlying", "Type", "DTE", "Quantity", "Spot"]
MONTHS = [HEADER, ["BTC", "F", 20.0, 5.0, 1_000.0], ["BTC", "F", 50.0, -3.0, 1_000.0]]


def test_flat_inter_month_charge() -> None:
    """SPAN-04a: 5 long and 3 short deltas at 100 a spread charge 300."""
    assert PM_LINE(MONTHS, "BTC/Inter-month charge", None, "SPAN", [["inter_month_charge", 100.0]]) == 300.0
    plain = PM_MARGIN(MONTHS)
    assert PM_MARGIN(MONTHS, None, "SPAN", [["inter_month_charge", 100.0]]) == pytest.approx(plain + 300.0)


def test_tiered_inter_month_charge() -> None:
    """SPAN-04b: 3 spreads within tier 1 at 200, 3 within tier 2 at 100, 2 between the tiers at 300 are 1,500."""
    spreads = read_spreads("200: 1 A 1, 1 B 1; 100: 2 A 1, 2 B 1; 300: 1 A 1, 2 B 1", "inter_month_spreads", ("1", "2"), shares=False)
    one = {"1": 5.0, "2": 3.0}, {"1": 3.0, "2": 5.0}
    pools = Pools({tier: np.array([value]) for tier, value in one[0].items()}, {tier: np.array([value]) for tier, value in one[1].items()})
    assert inter_month("Inter-month charge", pools, spreads).amount == 1_500.0
    book = [
        HEADER,
        ["BTC", "F", 10.0, 5.0, 1_000.0],
        ["BTC", "F", 20.0, -3.0, 1_000.0],
        ["BTC", "F", 100.0, 3.0, 1_000.0],
        ["BTC", "F", 200.0, -5.0, 1_000.0],
    ]
    parameters = [
        ["inter_month_method", "tiered"],
        ["inter_month_tiers", "0-30, 31-400"],
        ["inter_month_spreads", "200: 1 A 1, 1 B 1; 100: 2 A 1, 2 B 1; 300: 1 A 1, 2 B 1"],
    ]
    assert PM_LINE(book, "BTC/Inter-month charge", None, "SPAN", parameters) == 1_500.0


IDLE = {
    "a spread table under a flat rate": (
        [["inter_month_spreads", "200: 1 A 1, 2 B 1"]],
        "only where inter_month_method is tiered, and it is flat",
    ),
    "a flat rate under tiers": (
        [["inter_month_method", "tiered"], ["inter_month_charge", 5.0]],
        "only where inter_month_method is flat, and it is tiered",
    ),
    "a flat rate under none": ([["inter_month_method", "none"], ["inter_month_charge", 5.0]], "and it is none"),
    "a delivery rate without its days": ([["delivery_charge_outright", 5.0]], "in the periods of delivery_days, which is not set"),
}


@pytest.mark.parametrize("name", IDLE)
def test_a_charge_that_would_not_count_is_refused(name: str) -> None:
    """Typed, and then without effect because of another parameter: the charge would vanish from the margin."""
    parameters, said = IDLE[name]
    assert said in str(PM_MARGIN(MONTHS, None, "SPAN", parameters))


def test_delivery_charge() -> None:
    """SPAN-04c: 3 front-month spreads at 100 and 2 outright front deltas at 200: 300 and 400."""
    parameters = [["inter_month_charge", 100.0], ["delivery_days", "1-30"], ["delivery_charge_outright", 200.0]]
    assert PM_LINE(MONTHS, "BTC/Inter-month charge", None, "SPAN", parameters) == 300.0
    assert PM_LINE(MONTHS, "BTC/Delivery charge", None, "SPAN", parameters) == 400.0
    both = [*parameters, ["delivery_charge_spread", 10.0]]
    assert PM_LINE(MONTHS, "BTC/Delivery charge", None, "SPAN", both) == 430.0


def test_short_option_minimum_is_a_floor() -> None:
    """SPAN-04d: 5 short options at 100 are 500, and no add-on; SPAN-04e: initial is 1.10 × maintenance."""
    book = [["Underlying", "Type", "Strike", "DTE", "Quantity", "Spot", "IV"], ["BTC", "C", 3_000.0, 5.0, -5.0, 1_000.0, 0.3]]
    parameters = [["short_option_minimum", 100.0], ["initial_ratio", 1.1]]
    assert PM_MAINTENANCE(book, None, "SPAN", parameters) == pytest.approx(500.0)
    assert PM_MARGIN(book, None, "SPAN", parameters) == pytest.approx(550.0)


@pytest.mark.parametrize(("psr", "expected"), [(0.074, 29_197), (0.037, 14_599)])
def test_kdpw_futures(psr: float, expected: int) -> None:
    """SPAN-07: eight FW20 futures at 2,466 × 20 (KDPW calculator; the price is inferred from its answers)."""
    book = [["Underlying", "Type", "DTE", "Quantity", "Multiplier", "Spot"], ["FW20", "F", 50.0, 8.0, 20.0, 2_466.0]]
    parameters = [["price_scan_range", psr], ["extreme_multiple", 3.0], ["extreme_cover", 0.32], ["order", "kdpw"]]
    assert round(PM_MARGIN(book, None, "SPAN", parameters)) == expected


def test_kdpw_floors_the_sum_before_credits() -> None:
    """KDPW: the larger of all scanning risk with charges and all short option minimums, less credits."""
    parameters = [*TABLE, ["order", "kdpw"]]
    expected = 210_600.0 + 238_640.0 - 147_720.0 - 143_924.24
    assert PM_MARGIN(ARRAYS, None, "SPAN", parameters) == pytest.approx(expected, abs=0.1)


def test_asymmetric_and_amount_ranges() -> None:
    """A range down of its own, and ranges given as amounts of the price."""
    book = [HEADER, ["BTC", "F", 20.0, 2.0, 1_000.0]]
    down = [["price_scan_range", 0.10], ["price_scan_range_down", 0.20]]
    assert PM_MARGIN(book, None, "SPAN", down) == pytest.approx(400.0)
    amount = [["price_range_kind", "amount"], ["price_scan_range", 70.0], ["extreme_cover", 0.30]]
    assert PM_MARGIN(book, None, "SPAN", amount) == pytest.approx(140.0)


def test_option_value_limit() -> None:
    """Where the rulebook limits it, an underlying's option value offsets no more than its own risk."""
    book = [
        ["Underlying", "Type", "Strike", "DTE", "Quantity", "Spot", "IV"],
        ["BTC", "C", 500.0, 30.0, 1.0, 1_000.0, 0.5],
        ["ETH", "F", None, 30.0, 1.0, 100.0, None],
    ]
    free = PM_LINE(book, "Total requirement")
    limited = PM_LINE(book, "Total requirement", None, "SPAN", [["option_value_limit", "yes"]])
    assert free < 0.0 < limited
    assert limited == pytest.approx(PM_LINE(book, "ETH/Risk"))


def test_currency_rate() -> None:
    """An underlying in another currency is converted after its risk is known."""
    book = [HEADER, ["FW20", "F", 20.0, 2.0, 1_000.0]]
    assert PM_MARGIN(book, None, "SPAN", [["FW20", "currency_rate", 0.25]]) == pytest.approx(0.25 * PM_MARGIN(book))


def test_unset_charges_say_so() -> None:
    """A charge without a published figure is a line of 0 whose status is `not set`."""
    rows = {row[1]: row for row in PM_EXPLAIN(MONTHS)}
    for label in ("Inter-month charge", "Delivery charge", "Inter-commodity credit", "Short option minimum"):
        assert rows[label][2] == 0.0
        assert rows[label][4] == "not set"


def test_own_arrays_need_a_delta_for_charges() -> None:
    """A row with its own array but no delta is named when a charge needs its delta."""
    book = [[heading for heading in ARRAYS[0] if heading != "Delta"], *[row[:6] + row[7:] for row in ARRAYS[1:]]]
    assert PM_MARGIN(book, None, "SPAN") == pytest.approx(210_600.0 + 238_640.0)
    answer = PM_MARGIN(book, None, "SPAN", TABLE)
    assert answer.startswith("#PM! TF-")
    assert answer.endswith(
        "-700-C has its own sixteen numbers but no Delta: charges and credits on deltas need one, so give it on the row, or IV"
    )


def test_nearest_periods_are_spread_first() -> None:
    """Spreads use the deltas of the nearest period before those of the next."""
    assert nearest_first(np.array([[2.0, 3.0, 4.0]]), np.array([4.0])).tolist() == [[2.0, 2.0, 0.0]]


def test_spread_tables_are_read() -> None:
    """A table is rates and legs; percent and plain rates, any number of legs."""
    assert read_spreads("80 %: btc A 1, eth B 20", "x", ("BTC", "ETH"), shares=True) == (
        Spread(1, 0.8, (ChargedLeg("BTC", 1.0, "A"), ChargedLeg("ETH", 20.0, "B"))),
    )
    assert read_tiers("0-35, 36-400", "x") == ((0.0, 35.0), (36.0, 400.0))


@pytest.mark.parametrize(
    "text",
    [
        "80",
        "80: BTC A 1",
        "x: BTC A 1, ETH B 1",
        "80: BTC A 1, ETH A 1",
        "80: BTC, ETH",
        "1.2.3: BTC A 1, ETH B 1",
        "1: BTC A 1.2.3, ETH B 1",
    ],
)
def test_bad_spread_tables_are_told(text: str) -> None:
    """A table of another form is one clear error that shows the form."""
    with pytest.raises(MarginError) as error:
        read_spreads(text, "inter_commodity_spreads", ("BTC", "ETH"), shares=True)
    assert str(error.value).startswith(f"inter_commodity_spreads: {text!r} is no spread: write RATE: PLACE A RATIO")
