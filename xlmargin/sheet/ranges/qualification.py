"""The account range of a qualification: `Field, Value`, amounts as numbers and the rest as yes or no."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from xlmargin.errors import Faults
from xlmargin.sheet.cells import error_text, is_blank, show
from xlmargin.sheet.columns import choices, numbers, table
from xlmargin.sheet.headings import heading_key

WORDS = dict.fromkeys(("yes", "y", "true", "1"), "yes") | dict.fromkeys(("no", "n", "false", "0"), "no")


def read_account(raw: Any, known: Sequence[str], amounts: Collection[str]) -> dict[str, float | str]:
    """The facts of an account by field.

    Args:
        raw: `Field, Value`, in any order; a field with a blank value counts as missing
        known: every accepted field
        amounts: the fields with a number

    Raises:
        MarginError: a field is unknown or given twice, or a value cannot be read
    """
    faults, facts = Faults("account"), dict[str, float | str]()
    cells = table(raw, faults, ("Field", "Value"), needed=("Field", "Value"))
    names, meant = cells.texts("Field", faults), {heading_key(field): field for field in known}
    for row, written, value in zip(cells.rows, names, cells.column("Value")):
        field = meant.get(heading_key(written))
        if field is None:
            if row not in faults.rows():
                problem = f"Field {show(written)} is not known" if written else "Field must be given"
                faults.add(row, "Field", problem, f"type one of {', '.join(known)}")
            continue
        if field in facts:
            faults.add(row, "Field", f"Field {field} stands twice", "remove one of the two rows")
        elif not is_blank(value):
            facts[field] = _value(value, row, field, field in amounts, faults)
    faults.stop()
    return facts


def _value(cell: Any, row: int, field: str, amount: bool, faults: Faults) -> float | str:
    """A number, or yes or no; TRUE, FALSE, 1 and 0 are accepted too."""
    if amount:
        return float(numbers([cell], [row], field, faults)[0])
    plain = isinstance(cell, (bool, int, float)) and cell in (0, 1) and error_text(cell) is None
    return choices([str(int(cell)) if plain else cell], [row], field, WORDS, faults)[0]
