"""Tables of a benchmark, and the order in which its variants are called."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple


class Table(NamedTuple):
    """One table: its title, its headings, its rows of texts, and its notes."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def show(table: Table, *, markdown: bool) -> str:
    """A table as text of even columns, or as Markdown."""
    if markdown:
        lines = [
            f"**{table.title}**",
            "",
            *(f"| {' | '.join(row)} |" for row in (table.heads, ["---"] * len(table.heads), *table.rows)),
            "",
        ]
        return "\n".join([*lines, *(f"{note}  " for note in table.notes)])
    widths = [max(len(row[n]) for row in (table.heads, *table.rows)) for n in range(len(table.heads))]
    lines = [
        table.title,
        *(
            "  ".join(cell.ljust(width) if n == 0 else cell.rjust(width) for n, (cell, width) in enumerate(zip(row, widths))).rstrip()
            for row in (table.heads, *table.rows)
        ),
    ]
    return "\n".join([*lines, *table.notes])


def turns(
    runs: Mapping[str, Callable[[], Any]],
    rounds: int,
    clock: Callable[[], float] = time.process_time,
    before: Callable[[], Any] = gc.collect,
) -> dict[str, list[float]]:
    """The seconds of every run in every round, the order rotated from round to round.

    Args:
        clock: seconds of this process by default, in which other programs do not count
        before: called before every run, and not timed
    """
    taken: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            before()
            start = clock()
            runs[name]()
            taken[name].append(clock() - start)
    return taken


@contextmanager
def on_one_core() -> Iterator[None]:
    """Stay on one core where the system allows it, so that a library with threads gains nothing by them."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)  # for the next section, which may need them
