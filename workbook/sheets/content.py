"""What is typed in a workbook when it is written: the demonstration, a desk's start with the sample in it, or nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .. import sample
from ..layout import ACCOUNT, MARKET, MARKET_HEADINGS, MOVE_SHEET, PARAMETERS, POSITION_HEADINGS, POSITIONS, VAR, WHAT_IF, Area, Layout

Rows = Sequence[Sequence[sample.Value]]
SERIALS_FROM = dt.date(1899, 12, 30)
TESTED = 12  # rows of a sample, from its first and its last ones, that tell whether it still stands
FITTED = "the fitted demonstration set"


@dataclass(frozen=True, slots=True)
class Content:
    """The rows typed in each input area; settings, such as the method and the tolerance, are the same in every workbook.

    Attributes:
        sources: with the two sheets of the source's tables
    """

    positions: Rows = ()
    market: Rows = ()
    parameters: Rows = ()
    scenarios: Rows = ()
    trades: Rows = ()
    balances: Rows = ()
    limits: Rows = ()
    facts: Sequence[tuple[str, str]] = tuple((fact, "") for fact, _ in sample.FACTS)
    positions_before: Rows = ()
    market_before: Rows = ()
    history: Rows = ()
    sources: bool = False

    def said(self, words: str) -> str:
        """Words about the sample, where there is one."""
        return words if self.positions else ""


def _cells(lines: Iterable[Mapping[str, sample.Value]], headings: Sequence[str]) -> Rows:
    return [[line.get(heading) for heading in headings] for line in lines]


DEMO = Content(
    positions=_cells(sample.POSITIONS, POSITION_HEADINGS),
    market=_cells(sample.MARKET, MARKET_HEADINGS),
    parameters=sample.PARAMETERS,
    scenarios=sample.SCENARIOS,
    trades=_cells(sample.TRADES, POSITION_HEADINGS),
    balances=sample.BALANCES,
    limits=[line[:3] for line in sample.LIMITS],
    facts=sample.FACTS,
    positions_before=_cells(sample.POSITIONS_BEFORE, POSITION_HEADINGS),
    market_before=_cells(sample.MARKET_BEFORE, MARKET_HEADINGS),
    history=sample.HISTORY,
    sources=True,
)
KINDS = {"demo": DEMO, "new": replace(DEMO, parameters=(), sources=False), "empty": Content()}


def samples(content: Content, at: Layout) -> list[tuple[str, str, str]]:
    """Sheets with a sample: sheet, what stands there where that is not all of it, the condition that a row is as it was written."""
    tables: list[tuple[str, list[tuple[Area, Rows]]]] = [
        (POSITIONS, [(at.positions, content.positions)]),
        (MARKET, [(at.market, content.market)]),
        (PARAMETERS, [(at.parameter_input, [row[:4] for row in content.parameters])]),
        (PARAMETERS, [(at.own_scenarios, content.scenarios)]),
        (ACCOUNT, [(at.balances, content.balances), (at.limits, content.limits)]),
        (WHAT_IF, [(at.trades, content.trades)]),
        (MOVE_SHEET, [(at.positions_before, content.positions_before), (at.market_before, content.market_before)]),
        (VAR, [(at.history, content.history)]),
    ]
    found = []
    for sheet, areas in tables:
        rows = [condition for area, lines in areas for condition in _rows(area, lines)]
        if rows:
            part = {at.parameter_input: f" ({FITTED})", at.own_scenarios: " (scenarios)"}.get(areas[0][0], "")
            found.append((sheet, part, f"OR({','.join(rows)})"))
    return found


def _rows(area: Area, lines: Rows) -> list[str]:
    """For each tested row of a sample the condition that its cells are as they were."""
    places = range(len(lines))
    tested = places if len(places) <= TESTED else [*places[: TESTED // 2], *places[-TESTED // 2 :]]
    return [_same(area, n + 1, lines[n]) for n in tested]


def _same(area: Area, row: int, line: Sequence[sample.Value]) -> str:
    """A row joined to one text: so no sample number stands in a formula, and a blank cell is no zero."""
    columns = [c for c, cell in enumerate(line) if not isinstance(cell, dt.datetime)]  # programs write a time with other digits
    joined = '&"|"&'.join(area.far(row, c) for c in columns)
    return f'SUBSTITUTE({joined},",",".")="{"|".join(_text(line[c]) for c in columns)}"'  # some write a decimal comma


def _text(cell: sample.Value) -> str:
    """A typed cell as a formula joins it to a text."""
    if isinstance(cell, dt.date):
        return f"{(cell - SERIALS_FROM).days}"
    return f"{cell:.15g}" if isinstance(cell, float) else cell or ""
