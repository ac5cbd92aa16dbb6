"""The command `xlmargin backtest`: books through daily chains, by any method, with coverage and swings."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlmargin.cli.table import print_aligned
from xlmargin.errors import MarginError

if TYPE_CHECKING:
    from xlmargin.files.replay import Run


ROWS = 501  # of history that each day sees by default: 500 moves


def add_backtest(commands: Any) -> None:
    """Add the command to a parser's commands."""
    command = commands.add_parser(
        "backtest",
        help="replay books through daily chains and test their margins",
        description="Replay books through daily chains: margin each day, loss by the next chain.",
    )
    command.add_argument("chains", type=Path, help="Parquet file with a chain a day, or a folder of saved chains (CSV)")
    command.add_argument("--book", help="comma list of standing books, `all` for every one (the default)")
    command.add_argument(
        "--positions", type=Path, metavar="CSV", help="your own book: Instrument, Quantity; or Underlying, Type, Moneyness, Days, Quantity"
    )
    command.add_argument("--method", default="SPAN", help="comma list of methods (default SPAN)")
    command.add_argument("--parameters", type=Path, metavar="CSV", help="values that override the methods' own")
    command.add_argument(
        "--history",
        metavar="CSV",
        help="daily closes, for methods that need a history; or `chains`: index and vols by tenor of the chains before each day",
    )
    command.add_argument("--skip", type=int, default=0, help="chains before the first margin (default 0)")
    command.add_argument("--history-rows", type=int, default=ROWS, help=f"rows that each day sees (default {ROWS})")
    command.add_argument("--confidence", type=float, default=0.99, help="of the tests (default 0.99)")
    command.add_argument("-o", "--output", type=Path, metavar="XLSX", help="also write a report with a chart per book")
    command.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    command.add_argument("--json", action="store_true", help="for machines")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from xlmargin.files.chains import read_chains
    from xlmargin.files.histories import read_history_file
    from xlmargin.files.ranges import NotedRows
    from xlmargin.files.replay import BOOKS, ReplayPlan, read_legs, replay, summary
    from xlmargin.files.texts import read_csv
    from xlmargin.methods import method_name

    if options.positions:
        books = {options.positions.stem: read_legs(options.positions)}
    else:
        asked = [name.strip().lower() for name in (options.book or "all").split(",")]
        known = {name.lower(): name for name in BOOKS}
        for name in asked:
            if name not in (*known, "all"):
                raise MarginError(f"no standing book {name!r}: there are {', '.join(BOOKS)}; or give --positions")
        books = {name: BOOKS[name] for key, name in known.items() if key in asked or "all" in asked}
    if not 0.5 <= options.confidence < 1.0:
        raise MarginError(f"--confidence must be a fraction from 0.5 to below 1, not {options.confidence:g}")
    methods = [method_name(name) for name in options.method.split(",")]
    parameters = read_csv(options.parameters) if options.parameters else None
    from_chains = options.history == "chains"
    past = read_history_file(Path(options.history)) if options.history and not from_chains else NotedRows(None)
    for told in past.notes:
        print(f"note: {told}", file=sys.stderr)
    runs, missing = replay(
        books,
        methods,
        read_chains(options.chains),
        ReplayPlan(parameters, past.rows, from_chains, options.history_rows, max(0, options.skip), options.confidence),
    )
    rows = summary(runs)
    note = (
        f"{runs[0].dates[0]} to {runs[0].dates[-1]}; loss by the next chain against {options.confidence:g}; "
        f"{missing} legs not quoted by the next chain"
    )
    if options.output:
        _report(options.output, rows, runs, note)
    if options.json:
        print(json.dumps({"note": note, "summary": rows}, ensure_ascii=False))
    else:
        print(note)
        _show(rows, markdown=options.markdown)
    return 0


def _report(path: Path, rows: list[list[Any]], runs: list[Run], note: str) -> None:
    """Write the report with a chart per book."""
    from xlmargin.faces.template import write_backtest

    books: dict[str, list[list[Any]]] = {}
    for name in dict.fromkeys(run.book for run in runs):
        mine = [run for run in runs if run.book == name]
        books[name] = [
            ["Date", "P&L", *(run.method for run in mine)],
            *([date, float(mine[0].pnl[i]), *(float(run.margin[i]) for run in mine)] for i, date in enumerate(mine[0].dates)),
        ]
    write_backtest(path, rows, books, note)


def _show(rows: list[list[Any]], *, markdown: bool) -> None:
    """Print the summary with as many decimals as each column needs."""
    plain = {
        "Days": "{:.0f}",
        "Average margin": "{:,.0f}",
        "Exceptions": "{:.0f}",
        "Expected": "{:.1f}",
        "Covered": "{:.1%}",
        "Kupiec p": "{:.3f}",
        "Independence p": "{:.3f}",
        "Largest 5-day rise": "{:+.0%}",
    }
    cells = [
        rows[0],
        *(
            [cell if isinstance(cell, str) else plain.get(rows[0][c], "{:.2f}").format(cell) for c, cell in enumerate(row)]
            for row in rows[1:]
        ),
    ]
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in cells]
        print("\n".join([lines[0], "|" + "---|" * len(cells[0]), *lines[1:]]))
        return
    print_aligned(cells, [[c not in (0, 1, 9) for c in range(len(cells[0]))]] * len(cells))
