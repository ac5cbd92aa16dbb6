"""Accounts under the standard manager in saved answers of private/get_subaccount of v3, against the shipped numbers."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from xlmargin.book.contracts import DAY, parse_instrument
from xlmargin.methods.json_shape import Node
from xlmargin.sheet.answers.margins import maintenance, margin
from xlmargin.venues import answer_of
from xlmargin.venues.outcome import Comparison, Outcome, outcome_of
from xlmargin.venues.shape import RawAnswer, iso_time

ASKED = {"initial": margin, "maintenance": maintenance}
TOLERANCE = 1e-8  # share of their number: the index that they print and the one of their margin are 2e-9 apart


def replay_subaccounts(data: Any) -> Iterator[Outcome]:
    """The requirement of each subaccount of one answer, or of a list of answers."""
    for answer in data if isinstance(data, list) else [data]:
        account = answer.get("result", answer) if isinstance(answer, dict) else None
        if isinstance(account, dict) and "margin_type" in account and "positions" in account:
            yield outcome_of(f"subaccount {account.get('subaccount_id', '')}".strip(), partial(_compare, account))


def _compare(raw: dict[str, Any], compared: Comparison) -> None:
    """Our requirement beyond the value of all positions against theirs: their value less their margin."""
    account = Node(raw, "subaccount")
    kind, value = account.text("margin_type"), account.number("positions_value")
    if kind != "SM":
        compared.fail(f"its margin is {kind}: the answer has no vols, without which a portfolio margin cannot be recomputed")
        return
    positions = account.nodes("positions")
    found = answer_of(RawAnswer({"positions": account.items("positions")}, "subaccount"), "derive")
    contracts = [parse_instrument(position.text("instrument_name"), "derive") for position in positions]
    first = min((contract.expiry for contract in contracts if contract is not None and contract.expiry > 0.0), default=math.inf)
    # the answer does not say when it was given: now, or the day before its first expiry where that has passed
    market = [["Underlying", "As of"], [coin, iso_time(min(time.time(), first - DAY))]] if (coin := next(iter(found.spots), "")) else None
    compared.relative, compared.absolute, compared.shown = TOLERANCE, 0.0, ".12g"
    for name, asked in ASKED.items():
        theirs = value - account.number(f"positions_{name}_margin")
        compared.number(f"{name} requirement", asked(found.positions, market, "DERIVE_SM", None, None) if positions else 0.0, theirs)
    for note in found.notes:
        compared.note(note)
    if account.has("collaterals"):
        compared.note("collateral is not compared")
