"""Netting by any terms: hand-made positions, summed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from udfs import PM_MAINTENANCE, PM_MARGIN
from xlmargin.margin.netting import net_by, sums

# Two accounts (rows) in six instruments: strikes, days to expiry and contracts of each.
AMOUNTS = np.array([[2.0, -3.0, 1.0, -4.0, 5.0, 0.0], [-1.0, 0.0, 2.0, 0.5, -0.5, 3.0]])
STRIKE = np.array([100.0, 100.0, 120.0, 100.0, np.nan, np.nan])
DAYS = np.array([30.0, 30.0, 30.0, 60.0, 60.0, 0.0])
CONTRACT = np.array([7, 3, 5, 1, 0, 2])


def test_by_strike_and_expiry() -> None:
    """Calls and puts of one strike and expiry net; strikes of 60 days and instruments without a strike stand apart."""
    net = net_by(AMOUNTS, (STRIKE, DAYS))
    assert net.amount.tolist() == [[-1.0, -4.0, 1.0, 0.0, 5.0], [-1.0, 0.5, 2.0, 3.0, -0.5]]
    assert net.first.tolist() == [0, 3, 2, 5, 4]
    assert net.short.tolist() == [5.0, 1.5]
    assert net.long.tolist() == [6.0, 5.5]
    assert net.gross.tolist() == [11.0, 7.0]
    assert net.opposite.tolist() == [5.0, 1.5]


def test_by_expiry_from_the_nearest() -> None:
    """Groups come in the order of their terms, whatever the order of the instruments."""
    net = net_by(AMOUNTS, (DAYS,))
    assert net.amount.tolist() == [[0.0, 0.0, 1.0], [3.0, 1.0, 0.0]]
    assert DAYS[net.first].tolist() == [0.0, 30.0, 60.0]
    assert net.opposite.tolist() == [0.0, 0.0]


def test_by_contract() -> None:
    """Each instrument is a contract of its own here, so that nothing nets."""
    net = net_by(AMOUNTS, (CONTRACT,))
    assert net.first.tolist() == [4, 3, 5, 1, 2, 0]
    assert net.short.tolist() == [7.0, 1.5]


def test_nothing_held() -> None:
    """No instruments make no groups, and sums of 0."""
    net = net_by(np.zeros((2, 0)), (np.empty(0), np.empty(0)))
    assert net.amount.shape == (2, 0)
    assert net.gross.tolist() == net.opposite.tolist() == [0.0, 0.0]


def test_a_group_without_members_sums_to_nothing() -> None:
    """An expiry in which nobody holds an option is there all the same."""
    assert sums(np.array([[1.0, 2.0, 4.0]]), np.array([2, 0, 2]), 4).tolist() == [[2.0, 0.0, 5.0, 0.0]]


@pytest.mark.parametrize("answer", [PM_MARGIN, PM_MAINTENANCE])
def test_paradex_nets_rows_whose_markets_differ(answer: object) -> None:
    """A perpetual bought and sold is flat, though its rows carry other prices: no delta is hedged, and no fee is due."""
    rows = [["Underlying", "Type", "Quantity", "Spot", "Forward"], ["BTC", "perp", 5.0, 65_000.0, 65_010.0]]
    other = ["BTC", "perp", -5.0, 65_000.0, 65_010.0001]
    margin = answer([*rows, other], None, "PARADEX", [["fee_rate", 0.001]])  # type: ignore[operator]
    assert margin == pytest.approx(0.0, abs=0.01)  # the scenarios see the hundredth of a cent per coin between the rows
