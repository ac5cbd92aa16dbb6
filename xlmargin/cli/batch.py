"""The command `xlmargin batch`: a file of many accounts in, a margin per account out."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from xlmargin.errors import MarginError

MEMORY = 2.0  # GB of all workers together


def add_batch(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to a parser's commands."""
    command = commands.add_parser(
        "batch",
        help="margin every account of a Parquet or CSV file",
        description="Margin every account of a Parquet or CSV file of positions.",
    )
    command.add_argument("file", type=Path, help=".parquet or .csv with the columns of the positions range and Account")
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="margins, .parquet or .csv; accounts with faults are told in a file beside it that ends in .errors.csv",
    )
    command.add_argument("--method", default="SPAN", help="comma list of methods (default SPAN)")
    command.add_argument("--market", type=Path, metavar="FILE", help="market range, or a chain as a venue or a vendor gives it (CSV, JSON)")
    command.add_argument(
        "--parameters", "--params", type=Path, metavar="CSV", help="values that override the methods' own, or the scenario table of STRESS"
    )
    command.add_argument("--history", type=Path, metavar="CSV", help="Date and daily closes, for VAR and ES")
    command.add_argument("--workers", type=int, default=2, help="processes of this machine (default 2)")
    command.add_argument(
        "--scheduler",
        default="",
        metavar="tcp://…",
        help="work on a running Dask cluster instead, whose workers reach the file and the output's folder under the same names",
    )
    command.add_argument(
        "--memory", type=float, default=MEMORY, metavar="GB", help=f"what all workers together should keep to (default {MEMORY:g})"
    )
    command.add_argument("--resume", action="store_true", help="go on with a batch that was interrupted")
    command.set_defaults(run=_run, interrupted=": --resume goes on with it")


def _run(options: argparse.Namespace) -> int:
    """Run the batch; 0 every account answered, 1 some have faults."""
    from xlmargin.batch.plan import Inputs, errors_file
    from xlmargin.batch.run import Settings, run_batch, strangers
    from xlmargin.files.histories import read_history_file
    from xlmargin.files.markets import read_market_file
    from xlmargin.files.ranges import NotedRows
    from xlmargin.files.texts import read_csv
    from xlmargin.methods import method_name

    if options.workers < 1 or not (math.isfinite(options.memory) and options.memory > 0.0):
        raise MarginError("--workers must be at least 1, and --memory above 0")
    methods = tuple(dict.fromkeys(method_name(name) for name in options.method.split(",") if name.strip()))
    parameters = read_csv(options.parameters) if options.parameters else None
    past = read_history_file(options.history) if options.history else NotedRows(None)
    market = read_market_file(options.market) if options.market else NotedRows(None)
    for note in (*market.notes, *past.notes):
        print(f"note: {note}", file=sys.stderr)
    inputs = Inputs(methods or ("SPAN",), market.rows, parameters, past.rows)
    done = run_batch(
        options.file, inputs, Settings(options.output, options.workers, options.scheduler, options.resume, int(options.memory * 1e9))
    )
    print(
        f"{done.accounts:,} accounts, {done.rows:,} rows read in {done.seconds:.1f} s, at most {done.memory / 1e6:,.0f} MB a worker",
        file=sys.stderr,
    )
    for note in strangers(inputs, done.underlyings):
        print(f"note: {note}", file=sys.stderr)
    if done.faulty:
        print(f"{done.faulty:,} accounts have faults: {errors_file(options.output.resolve())}", file=sys.stderr)
    print(options.output.resolve())
    return 1 if done.faulty else 0
