"""Names in the binary kinds of workbooks: the tokens of the formula that a name stands for, as the text that a person would type."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from xlmargin.engine.formula import MAX_COLUMN, MAX_ROW, CellArea

# What an error cell holds, in .xls and .xlsb alike.
ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A", 43: "#GETTING_DATA"}
UNKNOWN_ERROR = "#UNKNOWN!"
UNREADABLE = "a formula of functions"  # written so that nothing takes it for a reference

UNION, PAREN, INTEGER, NUMBER, ERROR, TRUTH = 0x10, 0x15, 0x1E, 0x1F, 0x1C, 0x1D
MEMORY_AREA, MEMORY_FUNCTION = 0x26, 0x29
REFERENCE, AREA, LOST_REFERENCE, LOST_AREA = 0x3A, 0x3B, 0x3C, 0x3D


class ReferenceForm(NamedTuple):
    """How one of the two kinds writes references.

    Attributes:
        row: format of a row
        last_row, last_column: of its sheets, counted from 0
    """

    row: str
    last_row: int
    last_column: int


XLS, XLSB = ReferenceForm("H", 65_535, 255), ReferenceForm("I", MAX_ROW - 1, MAX_COLUMN - 1)


class Linked(NamedTuple):
    """A sheet that references go to: in this workbook, or in another one."""

    sheet: str
    external: bool = False


def linked_sheets(order: Sequence[str], links: Sequence[bool], book: int, first: int, last: int) -> Linked:
    """What a reference's number of a sheet means; several sheets at once as a title that no sheet has.

    Args:
        order: titles of this workbook's sheets
        links: of each workbook that references go to, whether it is another one
        book: index of the workbook among them
        first, last: the sheets, counted from 0
    """
    external = book < len(links) and links[book]
    if external or not 0 <= first <= last < len(order):
        return Linked("another workbook" if external else "", external)
    return Linked(order[first] if first == last else f"{order[first]}:{order[last]}")


def text_of(tokens: bytes, layout: ReferenceForm, linked: Sequence[Linked]) -> str:
    """The text of a name's formula: rectangles, unions of them and constants; anything else as words.

    Args:
        tokens: of the formula
        layout: of the kind of workbook
        linked: the sheets by the number that references have
    """
    stack: list[str] = []
    at = 0
    try:
        while at < len(tokens):
            code = tokens[at]
            # operands come in three classes, 32 apart, which mean the same in a name
            base = code - 0x20 if 0x40 <= code < 0x60 else code - 0x40 if 0x60 <= code < 0x80 else code
            at = _step(base, tokens, at + 1, layout, linked, stack)
    except (struct.error, IndexError, UnicodeDecodeError, _Unknown):
        return UNREADABLE
    return stack[0] if len(stack) == 1 else UNREADABLE if stack else ""


class _Unknown(Exception):
    """A token of a real formula."""


def _step(base: int, tokens: bytes, at: int, layout: ReferenceForm, linked: Sequence[Linked], stack: list[str]) -> int:
    """Read one token onto the stack; returns the place of the next."""
    width = struct.calcsize(layout.row)
    if base in (REFERENCE, AREA):
        size = 2 + (width + 2) * (1 if base == REFERENCE else 2)
        stack.append(_rectangle(base, tokens[at : at + size], layout, linked))
        return at + size
    if base in (LOST_REFERENCE, LOST_AREA):
        stack.append("#REF!")
        return at + 2 + (width + 2) * (1 if base == LOST_REFERENCE else 2)
    if base == UNION:
        right, left = stack.pop(), stack.pop()
        stack.append(f"{left},{right}")
        return at
    if base == PAREN:
        return at
    if base == MEMORY_AREA:
        return at + 6
    if base == MEMORY_FUNCTION:
        return at + 2
    if base == INTEGER:
        stack.append(str(struct.unpack_from("<H", tokens, at)[0]))
        return at + 2
    if base == NUMBER:
        stack.append(repr(struct.unpack_from("<d", tokens, at)[0]))
        return at + 8
    if base in (ERROR, TRUTH):
        stack.append(ERRORS.get(tokens[at], UNKNOWN_ERROR) if base == ERROR else str(bool(tokens[at])).upper())
        return at + 1
    raise _Unknown


def _rectangle(base: int, data: bytes, layout: ReferenceForm, linked: Sequence[Linked]) -> str:
    """A reference to a sheet; one that goes to the edges of its sheet means whole columns or rows in any kind."""
    form = "<H" + (layout.row + "H" if base == REFERENCE else 2 * layout.row + "HH")
    index, *corners = struct.unpack(form, data)
    top, bottom, left, right = (corners[0], corners[0], corners[1], corners[1]) if base == REFERENCE else corners
    left, right = left & 0x3FFF, right & 0x3FFF
    target = linked[index]
    last_row = MAX_ROW if (top, bottom) == (0, layout.last_row) else bottom + 1
    last_column = MAX_COLUMN if (left, right) == (0, layout.last_column) else right + 1
    area = CellArea(target.sheet, top + 1, left + 1, last_row, last_column, base == REFERENCE)
    return ("[1]" if target.external else "") + (area.text() if target.sheet else "#REF!")
