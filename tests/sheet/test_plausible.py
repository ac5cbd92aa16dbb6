"""Values that cannot be meant, and notes on values that are far from the rest of their range."""

from __future__ import annotations

from typing import Any

import pytest

from xlmargin.sheet.checks import all_faults

AS_OF = "2026-11-27T08:00:00Z"
MARKET = [["Underlying", "Spot", "As of"], ["BTC", 70_000.0, AS_OF]]


def rows(heading: str, *values: Any, **other: Any) -> list[list[Any]]:
    """Short calls of BTC at several strikes with a value each under one heading."""
    head = {"Underlying": "BTC", "Type": "C", "Strike": None, "DTE": 30.0, "Quantity": -1.0, "IV": 0.5} | other | {heading: None}
    cells = [head | {"Strike": 7e4 + 1e3 * n} | {heading: value} for n, value in enumerate(values)]
    return [list(head), *(list(row.values()) for row in cells)]


def told(positions: Any, market: Any = MARKET) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]]]:
    """Place and column of the faults; place, column and problem of the notes."""
    faults, notes = all_faults(positions, market)
    return [(fault.place, fault.column) for fault in faults], [(note.place, note.column, note.problem) for note in notes]


@pytest.mark.parametrize("vols", [(55.0, 60.0), (15.0, 18.0, 12.5), (4.0,), (400.0, 9.0)])
def test_a_column_of_vols_in_percent_is_refused(vols: tuple[float, ...]) -> None:
    """A column in which every vol is at least 4 is in percent, among the positions and in the market."""
    assert told(rows("IV", *vols))[0] == [(f"row {n + 2}", "IV") for n in range(len(vols))]
    market = [["Underlying", "Spot", "Expiry", "IV", "As of"], ["BTC", 7e4, None, None, AS_OF]]
    market += [["BTC", None, f"2027-0{n + 1}-28", vol, None] for n, vol in enumerate(vols)]
    assert told(rows("IV", *[0.5] * 2), market)[0] == [(f"market row {n + 3}", "IV") for n in range(len(vols))]


def test_single_vols_are_told() -> None:
    """A vol above 2,000 % is in percent; above 400 % and below 1 % one among others is told."""
    assert told(rows("IV", 0.5, 55.0))[0] == [("row 3", "IV")]
    assert told(rows("IV", 0.5, 5.0, 0.005, 4.0, 0.01)) == (
        [],
        [("row 3", "IV", "IV 5 is above 400 %"), ("row 4", "IV", "IV 0.005 is below 1 %")],
    )
    faults, notes = told(rows("Price", 30.0, 4_000.0, IV=None))
    assert faults == []
    assert [(place, column) for place, column, _ in notes] == [("row 2", "Price")]  # 30 at the money for 30 days is 0.4 %
    market = [["Underlying", "Spot", "Expiry", "IV", "Rate", "As of"], ["BTC", 7e4, None, 0.5, None, AS_OF]]
    market.append(["BTC", None, "2027-01-29", 6.0, None, None])
    assert told(rows("IV", 0.5), market)[1] == [("market row 3", "IV", "IV 6 is above 400 %")]
    market[1][4] = 4.0
    assert told(rows("IV", 0.5), market)[0] == [("market row 2", "Rate")]


def test_a_spot_far_from_every_strike_is_told_once() -> None:
    """70 for 70,000; and one strike of 7,000,000 among others."""
    found = told(rows("IV", 0.5, 0.5), [MARKET[0], ["BTC", 70.0, AS_OF]])
    assert found == ([], [("row 2", "Spot", "Spot 70 of BTC: no strike is within a factor of 20 of it")])
    lost = told(rows("IV", 0.5, 0.5), [MARKET[0], ["BTC", 7_000.0, AS_OF]])
    assert lost == ([], [("row 2", "Spot", "Spot 7,000 of BTC: no strike is within a factor of 8 of it")])
    other = told(rows("IV", 0.5, Underlying="ETH"), [MARKET[0], ["ETH", 3_500.0, AS_OF]])
    assert other == ([], [("row 2", "Spot", "Spot 3,500 of ETH: no strike is within a factor of 20 of it")])
    positions = rows("IV", 0.5, 0.5)
    positions[2][2] = 7e6
    assert told(positions) == ([], [("row 3", "Strike", "Strike 7,000,000 is not within a factor of 20 of the spot 70,000")])


def test_a_price_of_a_future_far_from_spot_is_told() -> None:
    """A perpetual at 7,000 where the coin is at 70,000 has lost a digit."""
    head = ["Instrument", "Quantity", "Price"]
    found = told([head, ["BTC-PERPETUAL", -1.0, 7_000.0], ["BTC-25JUN27", -1.0, 71_000.0]])
    assert found == ([], [("row 2", "Price", "Price 7,000 differs by more than half from the spot 70,000")])


def test_a_price_far_below_the_step_of_its_venue_is_told() -> None:
    """0.0008 has a vol of its own out of the money, but no venue prints such a price of an option on bitcoin in dollars."""
    positions = [["Instrument", "Quantity", "Price", "IV"], ["BTC-25DEC26-49000-P", -1.0, 0.0008, None]]
    problem = "Price 0.0008 is far below the least step of its venue's prices, 7"
    assert told(positions) == ([], [("row 2", "Price", problem)])
    positions[1][3] = 0.25
    assert told(positions) == ([], [])


def test_a_quantity_far_above_the_others_is_told() -> None:
    """More than a thousand times the median of at least three."""
    assert told(rows("Quantity", -1.0, 2.0, -3_000.0, 1.0))[1] == [
        ("row 4", "Quantity", "Quantity -3,000 is more than 1,000 times the median of its underlying")
    ]
    assert told(rows("Quantity", -1.0, 2.0, -1_000.0, 1.0))[1] == []
    assert told(rows("Quantity", -1.0, 5_000.0))[1] == []


def test_a_spot_or_forward_far_from_the_market_is_told() -> None:
    """Half as much again is far."""
    assert told(rows("Spot", 7_000.0, 70_000.0, 100_000.0))[1][:1] == [
        ("row 2", "Spot", "Spot 7,000 differs by more than half from the market's 70,000")
    ]
    assert told(rows("Spot", 7_000.0, 70_000.0, 71_000.0), [["Underlying", "As of"], ["BTC", AS_OF]])[1] == [
        ("row 2", "Spot", "Spot 7,000 differs by more than half from the median of the rows, 70,000")
    ]
    assert told(rows("Forward", 71_000.0, 110_000.0))[1] == [
        ("row 3", "Forward", "Forward 110,000 differs by more than half from the spot 70,000")
    ]


def test_a_fault_elsewhere_leaves_the_notes() -> None:
    """Notes on rows without a fault stand beside the faults of others."""
    positions = rows("IV", 0.5, 5.0, 0.6)
    positions[1][4] = "x"
    assert told(positions) == ([("row 2", "Quantity")], [("row 3", "IV", "IV 5 is above 400 %")])
