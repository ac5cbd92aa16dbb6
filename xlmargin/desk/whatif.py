"""A book with hypothetical trades: two ranges of positions as one book, and its measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from xlmargin.book.book import Instruments
from xlmargin.book.positions import Positions
from xlmargin.errors import Faults
from xlmargin.margin.valuation import Case
from xlmargin.methods import margin_of
from xlmargin.pricing.arrays import Floats
from xlmargin.scenarios.blocks import picked
from xlmargin.scenarios.greeks import sensitivities


def into_accounts(trades: Positions, positions: Positions, faults: Faults) -> Positions:
    """Trades with the account that each goes to: its own, else the book's only one, else the one without a name.

    Args:
        faults: receives trades whose account is not known, and trades that are orders
    """
    held = positions.accounts if len(positions.row) else ("",)
    for row, order, account in zip(trades.row.tolist(), trades.order.tolist(), trades.account.tolist()):
        if order:
            faults.add(row, "Order", "a trade of a what-if counts as done and cannot be an open order", "clear Order")
        if not trades.accounts[account] and "" not in held and len(held) > 1:
            faults.add(row, "Account", "no Account where the positions have several", f"type one of {', '.join(held)}")
    if "" in held or len(held) > 1:
        return trades
    labels = [label or held[0] for label in trades.accounts]
    names = tuple(sorted(set(labels)))
    return replace(trades, accounts=names, account=np.array([names.index(label) for label in labels])[trades.account])


def joined(first: Positions, second: Positions, above: int) -> Positions:
    """The rows of two ranges as one; the rows of the second are numbered from `above` on."""
    both: dict[str, Any] = {"row": np.concatenate([first.row, second.row + above]), "names": [*first.names, *second.names]}
    for labels, index in (("underlyings", "underlying"), ("accounts", "account")):
        used = [getattr(part, labels) if len(part.row) else () for part in (first, second)]
        names = tuple(sorted({*used[0], *used[1]}))
        both[labels] = names or (("",) if labels == "accounts" else ())
        both[index] = np.concatenate(
            [np.array([names.index(name) for name in own], np.int64)[getattr(part, index)] for own, part in zip(used, (first, second))]
        )
    for field in fields(Positions):
        if field.name not in both:
            both[field.name] = np.concatenate([getattr(first, field.name), getattr(second, field.name)])
    return Positions(**both)


def measures(case: Case, underlyings: Sequence[str]) -> dict[str, float]:
    """The measures of a book in a what-if: margins [account currency] and net deltas [coins] of all accounts.

    Args:
        underlyings: whose net delta is asked for; 0 where the book does not hold one

    Returns:
        no scanning risk of a method without scenarios; NaN as net delta where an option has neither a vol nor a delta
    """
    margin = margin_of(case)
    found = {"Initial margin": float(margin.initial.value.sum()), "Maintenance margin": float(margin.maintenance.value.sum())}
    if len(case.scenarios):
        found["Scanning risk"] = float(case.scanning.sum())
    held, units = case.book.instruments, case.units.sum(axis=0)
    delta = units * np.where(units != 0.0, _deltas(held), 0.0)
    names = np.array(held.underlyings, np.str_)[held.underlying] if len(held) else np.empty(0, np.str_)
    return found | {f"Net delta {name}": float(delta[names == name].sum()) for name in underlyings}


def _deltas(held: Instruments) -> Floats:
    """Delta of one long unit to its own forward, as PM_GREEKS has it; of an option without a vol its own delta, else NaN."""
    result = np.array(held.delta)
    known = np.flatnonzero(~held.is_option | np.isfinite(held.vol))
    result[known] = sensitivities(picked(held, known))[:, 0]
    return result
