"""The parameters range: values that override a rulebook's, a desk's own scenario table, or both side by side.

Side by side, the columns from the heading Scenario on are the scenario table, and those to its left the values: one range then
serves every method of a workbook.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from xlmargin.errors import Faults, MarginError
from xlmargin.margin.parameters import Override
from xlmargin.methods import method_name
from xlmargin.scenarios.scenarios import Scenarios, percent
from xlmargin.sheet.cells import error_text, from_header, is_blank, is_blank_row, show
from xlmargin.sheet.columns import Header, Table, numbers, table, texts
from xlmargin.sheet.headings import PARAMETERS

ALL = ("", "all", "*")  # spellings of every underlying and of every method
WITH_METHOD = ("method", "underlying", "parameter", "value")  # columns; the last two or three of them are enough
COUNTED = re.compile(r"\.\d+$")  # frames of pandas count the second Underlying of a file: Underlying.1
SCENARIO_HEADINGS = ("Scenario", "Underlying", "Price move", "Vol move", "Days", "Weight")


def read_overrides(raw: Any) -> list[Override]:
    """Read `Parameter, Value`, with `Underlying` or `Method, Underlying` before it, with or without a header.

    A row counts for the method that it names, one that names none for every method that knows its parameter. A name may carry its
    underlying (`BTC.price_range`). Blank rows are skipped; a name without a value is a mistake. Other columns are left out, and
    so is a scenario table to the right.

    Raises:
        MarginError: a row has another shape, no name or no value, or names an unknown method
    """
    cells = from_header(raw)
    end = _scenarios_from(cells) or None  # None is the whole row
    rows = [(n, list(row[:end])) for n, row in enumerate(cells, 1) if not is_blank_row(row[:end])]
    if not rows:
        return []
    header = Header(rows[0][1], names=PARAMETERS)
    if "parameter" in header and "value" in header:
        at = header.columns(WITH_METHOD)
        rows = rows[1:]
    else:
        at = _columns_without_header(rows)
    return [override for n, row in rows if (override := _override(n, row, at)) is not None]


def _columns_without_header(rows: Sequence[tuple[int, list[Any]]]) -> dict[str, int]:
    """The columns of a range without a header: two to four, by the widest filled row."""
    width = max(max(i for i, cell in enumerate(row) if not is_blank(cell)) + 1 for _, row in rows)
    if width not in (2, 3, 4):
        raise MarginError(
            f"parameters row {rows[0][0]}: the range must have two columns Parameter, Value, three "
            f"Underlying, Parameter, Value or four Method, Underlying, Parameter, Value, not {width}"
        )
    return {heading: i for i, heading in enumerate(WITH_METHOD[-width:])}


def _override(n: int, row: list[Any], at: dict[str, int]) -> Override | None:
    """One row as an override; None where parameter and value are both blank."""
    cells = {key: row[i] if i < len(row) else None for key, i in at.items()}
    for key, cell in cells.items():
        if error_text(cell):
            raise MarginError(f"parameters row {n}: {key.capitalize()} holds the error {error_text(cell)}: mend the formula in that cell")
    name, value = cells["parameter"], cells["value"]
    if is_blank(name) and is_blank(value):
        return None
    if not isinstance(name, str) or is_blank(name):
        raise MarginError(f"parameters row {n}: Parameter must be a name, not {show(name)}")
    if is_blank(value):
        raise MarginError(f"parameters row {n}: {name.strip()} has no value: type one, or clear the row")
    head, tail = name.strip().rpartition(".")[0], parameter_name(name)
    method, named = _method(cells.get("method"), n), _named(cells.get("underlying"), n, "Underlying")
    if head and named and head.upper() != named.upper():
        raise MarginError(f"parameters row {n}: {name.strip()} stands beside the Underlying {named}: clear one of the two")
    coin = head or named
    if isinstance(value, str):
        return Override(coin.upper(), tail, value.strip(), n, method)
    faults = Faults("parameters")
    amount = float(numbers([value], [n], name.strip(), faults)[0])
    faults.stop()
    return Override(coin.upper(), tail, amount, n, method)


def _method(cell: Any, n: int) -> str:
    """The method that a row names, "" for every one that knows its parameter."""
    name = _named(cell, n, "Method")
    try:
        return method_name(name) if name else ""
    except MarginError as error:
        raise MarginError(f"parameters row {n}: {error}") from None


def _named(cell: Any, n: int, heading: str) -> str:
    """The method or the underlying that a row names, "" for all."""
    faults = Faults("parameters")
    name = texts([cell], [n], heading, faults)[0]
    faults.stop()
    return "" if name.lower() in ALL else name


def told_overrides(raw: Any) -> list[Override]:
    """The overrides of a parameters range; a desk's own scenario table has none."""
    return [] if _scenarios_from(from_header(raw)) == 0 else read_overrides(raw)


def parameter_name(cell: Any) -> str:
    """The name of a parameter as rulebooks write it, without an underlying in front."""
    return str(cell).rpartition(".")[2].strip().lower().replace(" ", "_")


def _scenarios_from(cells: Sequence[Sequence[Any]]) -> int | None:
    """The first column of the scenario table of a parameters range: 0 where it has nothing else, None where it has none.

    Args:
        cells: the range from its header on
    """
    header = Header(cells[0] if cells else (), names=PARAMETERS)
    at = header.find("Scenario")
    if at is not None and "parameter" in header.keys[:at]:
        return at
    return 0 if at is not None and "Price move" in header else None


def scenario_cells(raw: Any) -> list[Sequence[Any]] | None:
    """The scenario table of a parameters range from its header on, alone or to the right of parameters; None where there is none."""
    cells = from_header(raw)
    start = _scenarios_from(cells)
    if start is None:
        return None
    headings = [COUNTED.sub("", cell) if isinstance(cell, str) else cell for cell in cells[0][start:]]
    return [headings, *(row[start:] for row in cells[1:])]


def has_scenarios(raw: Any) -> bool:
    """Whether a parameters range is a scenario table, or has a filled one to the right of parameters."""
    cells = from_header(raw)
    start = _scenarios_from(cells)
    return start == 0 or (start is not None and not all(is_blank_row(row[start:]) for row in cells[1:]))


def read_scenarios(raw: Any, underlyings: tuple[str, ...]) -> Scenarios | None:
    """A desk's own scenarios: rows of one name are one scenario, a blank underlying is all of them.

    Args:
        raw: `Scenario, Underlying, Price move, Vol move, Days, Weight`, to their left parameters or nothing; moves are fractions,
            days default 0, weight 1
        underlyings: those of the book (U,)

    Returns:
        None where the range has no scenario table

    Raises:
        MarginError: a cell cannot be read, or an underlying has two rows in one scenario
    """
    own = scenario_cells(raw)
    if own is None:
        return None
    faults = Faults("parameters")
    cells = table(own, faults, SCENARIO_HEADINGS, needed=("Scenario", "Price move"))
    if not cells.rows:
        raise MarginError("parameters row 1: the scenario table has no rows: fill at least one scenario")
    names = cells.texts("Scenario", faults, digits=True)
    coins = ["" if text.lower() in ALL else text.upper() for text in cells.texts("Underlying", faults)]
    columns = {
        heading: np.nan_to_num(cells.numbers(heading, faults), nan=blank)
        for heading, blank in (("Price move", 0.0), ("Vol move", 0.0), ("Days", 0.0), ("Weight", 1.0))
    }
    _bounds(cells, names, columns, faults)
    faults.stop()
    if underlyings and not any(coin in ("", *underlyings) for coin in coins):
        raise MarginError(f"the scenario table says nothing of {', '.join(underlyings)}: leave its Underlying blank for all, or name them")
    return _joined(cells.rows, names, coins, columns, underlyings)


def _bounds(cells: Table, names: list[str], columns: dict[str, Any], faults: Faults) -> None:
    """Record the values out of bounds."""
    for i, name in enumerate(names):
        if not name:
            faults.add(cells.rows[i], "Scenario", "Scenario must be given", "name the scenario")
    for heading, least, words in (
        ("Price move", -1.0, "−1 (the price falls to 0)"),
        ("Vol move", -1.0, "−1 (the vol falls to 0)"),
        ("Days", 0.0, "0"),
        ("Weight", 0.0, "0"),
    ):
        for i in np.flatnonzero(columns[heading] < least).tolist():
            faults.add(
                cells.rows[i], heading, f"{heading} must be at least {words}, not {show(float(columns[heading][i]))}", "mend the move"
            )


def _joined(rows: Sequence[int], names: list[str], coins: list[str], columns: dict[str, Any], underlyings: tuple[str, ...]) -> Scenarios:
    """Rows of one name as one scenario; an underlying that it does not name does not move."""
    distinct = list(dict.fromkeys(names))
    price, vol, weight = (np.full((len(distinct), len(underlyings)), blank) for blank in (0.0, 0.0, 1.0))
    days = np.full(len(distinct), np.nan)
    taken: set[tuple[str, str]] = set()
    order = sorted(range(len(names)), key=lambda i: coins[i] != "")  # rows for all first: a coin's own row replaces them
    for i in order:
        if (names[i], coins[i]) in taken:
            raise MarginError(
                f"parameters row {rows[i]}: scenario {names[i]!r} has two rows for "
                f"{coins[i] or 'all underlyings'}: remove one, or give it another name"
            )
        taken.add((names[i], coins[i]))
        s = distinct.index(names[i])
        if coins[i] not in ("", *underlyings):
            continue
        if np.isfinite(days[s]) and days[s] != columns["Days"][i]:
            raise MarginError(
                f"parameters row {rows[i]}: scenario {names[i]!r} lets {columns['Days'][i]:g} days pass here and "
                f"{days[s]:g} in another row: give it one number of days"
            )
        days[s] = columns["Days"][i]
        for u, coin in enumerate(underlyings):
            if coins[i] in ("", coin):
                price[s, u], vol[s, u] = columns["Price move"][i], columns["Vol move"][i]
                weight[s, u] = columns["Weight"][i]
    words = tuple(_described(s, price, vol, underlyings) for s in range(len(distinct)))
    days = np.nan_to_num(days, nan=0.0)
    return Scenarios(tuple(distinct), words, underlyings, price, vol, "relative", days, weight, np.zeros(len(distinct)))


def _described(s: int, price: Any, vol: Any, underlyings: tuple[str, ...]) -> str:
    moves = {(price[s, u], vol[s, u]) for u in range(len(underlyings))}
    if len(moves) == 1:
        p, v = moves.pop()
        return f"price {percent(p)}, vol {percent(v)}"
    return "; ".join(f"{name} {percent(price[s, u])}, vol {percent(vol[s, u])}" for u, name in enumerate(underlyings))
