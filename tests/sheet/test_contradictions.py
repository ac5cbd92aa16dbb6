"""A market range that says two things of one point: a fault that names both rows, never a mean."""

from __future__ import annotations

from typing import Any

import pytest

import udfs
from xlmargin.errors import Faults
from xlmargin.sheet.ranges.market import read_market

OWN = ["BTC", 70_000.0, None, None, None, None, None]
HEADINGS = ["Underlying", "Spot", "Expiry", "Strike", "Instrument", "Forward", "IV", "Rate"]
CALL, PUT = "BTC-25DEC26-70000-C", "BTC-25DEC26-70000-P"
POINT = "BTC at 2026-12-25 08:00 UTC"


def told(*rows: dict[str, Any], more: str = "Type") -> list[str]:
    """The lines of the faults of a range with BTC's own row in row 2 and these from row 3 on."""
    faults, headings = Faults("market"), [*HEADINGS, more]
    read_market([headings, [*OWN, None, None], *([row.get(heading) for heading in headings] for row in rows)], faults)
    return [fault.line for fault in faults.faults]


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"Instrument": CALL}, f"{POINT} strike 70,000 call"),
        ({"Underlying": "BTC", "Expiry": "25DEC26", "Strike": 7e4}, f"{POINT} strike 70,000"),
    ],
)
@pytest.mark.parametrize(("heading", "first", "second"), [("IV", 0.5, 0.9), ("Forward", 70_000.0, 70_010.0), ("Rate", 0.03, 0.04)])
def test_one_point_has_one_value(row: dict[str, Any], named: str, heading: str, first: float, second: float) -> None:
    """Two values of one instrument or strike; the same value twice is none."""
    (line,) = told(row | {heading: first}, row | {heading: second})
    whose = POINT if heading == "Rate" else named
    assert line == f"market row 4: {heading} {second:,.10g} of {whose} differs from {first:,.10g} in row 3: give {whose} one {heading}"
    assert told(row | {heading: first}, row | {heading: first}, row) == []


def test_a_call_and_a_put_may_differ_in_vol() -> None:
    """Their mean counts, by Instrument or by Type; beyond that nothing of an expiry may differ but forwards by a percent."""
    assert told({"Instrument": CALL, "IV": 0.5}, {"Instrument": PUT, "IV": 0.51}) == []
    point = {"Underlying": "BTC", "Expiry": "25DEC26", "Strike": 7e4}
    assert told(point | {"Type": "C", "IV": 0.5}, point | {"Type": "put", "IV": 0.51}) == []
    assert len(told(point | {"Type": "C", "IV": 0.5}, point | {"Type": "call", "IV": 0.51})) == 1
    assert len(told(point | {"Type": "C", "IV": 0.5}, point | {"IV": 0.51})) == 1  # a vol of the call, and one of both
    contradicts = "market row 3: Type 'P' contradicts the Instrument, which has call: clear one of the two cells"
    assert told({"Instrument": CALL, "Type": "P", "IV": 0.5}) == [contradicts]
    assert told({"Instrument": CALL, "Forward": 70_000.0}, {"Instrument": PUT, "Forward": 70_690.0}) == []
    (line,) = told({"Instrument": CALL, "Forward": 70_000.0}, {"Instrument": PUT, "Forward": 70_710.0})
    assert line == f"market row 4: Forward 70,710 of {POINT} differs from 70,000 in row 3: give {POINT} one Forward"
    (line,) = told({"Underlying": "BTC", "Expiry": "25DEC26", "Forward": 72_000.0}, {"Instrument": PUT, "Forward": 70_000.0})
    assert line.startswith("market row 4: Forward 70,000 ")


def test_a_forward_and_days_need_an_expiry() -> None:
    """A forward of no expiry, and days to expiry instead of a date, are told; days beside a date must fit it."""
    stands = "stands where there is no Expiry: give the Expiry as a date"
    assert told({"Underlying": "BTC", "Forward": 72_000.0}) == [f"market row 3: Forward {stands}"]
    assert told({"Underlying": "BTC", "IV": 0.5, "DTE": 30.0}, more="DTE") == [f"market row 3: DTE {stands}"]
    assert told({"Underlying": "BTC", "Expiry": "25DEC26", "IV": 0.5, "DTE": 28.0}, more="Days to Expiry") == []


def test_days_beside_a_date_must_fit_it() -> None:
    """25 December is 28.3 days after 27 November."""
    own, point = ["BTC", 70_000.0, None, "2026-11-27", None, None], ["BTC", None, "25DEC26", None, 0.5]
    for days, faults in ((28.0, 0), (29.0, 0), (10.0, 1)):
        market = [["Underlying", "Spot", "Expiry", "As of", "IV", "DTE"], own, [*point, days]]
        found = str(udfs.PM_MARGIN([["Instrument", "Quantity"], [CALL, -1.0]], market))
        assert found.startswith("#PM! market row 3: DTE 10 contradicts the Expiry 2026-12-25 08:00 UTC") == bool(faults), found


def test_the_wrong_mean_is_no_margin() -> None:
    """One instrument with the vols .5 and .9 had the margin of .7."""
    market = [HEADINGS, [*OWN[:7], None], [None, None, None, None, CALL, None, 0.5, None], [None, None, None, None, CALL, None, 0.9, None]]
    assert str(udfs.PM_MARGIN([["Instrument", "Quantity"], [CALL, -1.0]], market)).startswith("#PM! market row 4: IV 0.9 ")


@pytest.mark.parametrize("spread", [0.0, 0.0009])
def test_a_whole_chain_is_read(spread: float) -> None:
    """Calls and puts of many strikes with a forward each, which was read over seconds: no fault, no note."""
    rows = []
    for n, strike in enumerate(range(30_000, 150_000, 5_000)):
        for kind in "CP":
            rows.append(
                {"Instrument": f"BTC-25DEC26-{strike}-{kind}", "Forward": 70_000.0 * (1.0 + spread * (n % 2)), "IV": 0.5 + 0.01 * n}
            )
    faults = Faults("market")
    read_market([HEADINGS, [*OWN, None], *([row.get(heading) for heading in HEADINGS] for row in rows)], faults)
    assert faults.faults + faults.notes == []
