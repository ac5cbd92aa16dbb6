"""The balances range, `Currency, Amount, Haircut`, with their accounts where it names them."""

from __future__ import annotations

from typing import Any

import numpy as np

from xlmargin.desk.account import Balances
from xlmargin.errors import Faults
from xlmargin.sheet.cells import grid, is_blank, one_number, show
from xlmargin.sheet.columns import table
from xlmargin.sheet.headings import BALANCES

HEADINGS = ("Currency", "Amount", "Haircut", "Account")


def is_number(raw: Any) -> bool:
    """Whether an equity is one cell, and not a range of balances."""
    return sum(len(row) for row in grid(raw)) == 1


def read_equity(raw: Any) -> float:
    """An equity given as one number."""
    return one_number(raw, "equity", must="a number, or a range with the headings Currency, Amount, Haircut")


def read_balances(raw: Any, name: str = "balances") -> Balances:
    """Read a range of balances.

    Args:
        raw: rows of cells with the header first; the haircut is a fraction, 0 where blank
        name: name of the range in messages

    Raises:
        MarginError: the range has no header, or the first fault by row
    """
    faults = Faults(name)
    cells = table(raw, faults, HEADINGS, needed=("Currency", "Amount"), names=BALANCES)
    currency = [text.upper() for text in cells.texts("Currency", faults)]
    amount, haircut = (cells.numbers(heading, faults) for heading in ("Amount", "Haircut"))
    account = cells.texts("Account", faults, digits=True)
    for i, row in enumerate(cells.rows):
        if is_blank(cells.column("Currency")[i]):
            faults.add(row, "Currency", "Currency must be given", "name it, such as USD or BTC")
        if is_blank(cells.column("Amount")[i]):
            faults.add(row, "Amount", "Amount must be given", "type a number, debts −")
        if not np.isnan(haircut[i]) and not 0.0 <= haircut[i] <= 1.0:
            faults.add(
                row, "Haircut", f"Haircut must be a fraction from 0 to 1 (0.1 is 10 %), not {show(float(haircut[i]))}", "divide it by 100"
            )
    faults.stop()
    return Balances(np.array(cells.rows, np.int64), currency, amount, np.nan_to_num(haircut, nan=0.0), account, cells.has("Account"))
