"""The command line: the same answers as the functions, from a desk's own workbook or CSV."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from xlmargin import __version__
from xlmargin.cli.account import add_account, add_qualify, equity_given
from xlmargin.cli.backtest import add_backtest
from xlmargin.cli.batch import add_batch
from xlmargin.cli.clear import add_clear
from xlmargin.cli.closing import basis, faulty_line
from xlmargin.cli.faces import add_faces, opening, rarely_collected
from xlmargin.cli.feed import add_feed
from xlmargin.cli.rulebook import add_rulebook
from xlmargin.cli.table import print_table
from xlmargin.cli.watch import add_watch
from xlmargin.errors import MarginError
from xlmargin.files.books import cell_of, read_ranges, with_parameter
from xlmargin.files.ranges import for_each_method, for_method
from xlmargin.files.texts import read_csv
from xlmargin.sheet.answers import margins
from xlmargin.sheet.registry import ERROR, FUNCTIONS
from xlmargin.venues import KNOWN_VENUES

ANSWERED, FAULTY, MISUSED, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 answered, 1 the book has faults, 2 misuse, 130 interrupted from the keyboard."""
    import udfs  # noqa: F401  (fills the registry)

    options = parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except MarginError as error:
        code = _misused(str(error), options)
    except BrokenPipeError:  # the reader of a pipe has gone, as `| head` does
        sys.stderr.close()
        code = ANSWERED
    except OSError as error:
        if error.filename is None:  # not about a file that the user has named
            raise
        code = _misused(f"{error.filename}: {error.strerror}: check the folder, and that it may be written", options)
    except KeyboardInterrupt:
        print(f"interrupted{getattr(options, 'interrupted', '')}", file=sys.stderr)
        code = INTERRUPTED
    return code


def _misused(text: str, options: argparse.Namespace) -> int:
    """Print an error in one line."""
    if getattr(options, "json", False):
        print(json.dumps({"error": text}, ensure_ascii=False))
    else:
        print(f"{ERROR}{text}", file=sys.stderr)
    return MISUSED


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    parser = argparse.ArgumentParser(prog="xlmargin", description="Portfolio margin of crypto options books.")
    parser.add_argument("--version", action="version", version=f"xlmargin {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_book_commands(commands)
    demo = commands.add_parser("demo", help="calculate the template workbook, change a position, show what moved")
    demo.set_defaults(run=_demo)
    add_faces(commands)
    add_clear(commands)
    doctor = commands.add_parser("doctor", help="say what this machine has and what is missing")
    doctor.add_argument("file", nargs="?", type=Path, help="a workbook that does not work in Excel")
    doctor.set_defaults(run=_doctor)
    add_backtest(commands)
    add_batch(commands)
    add_qualify(commands, lambda result, options: _answer(result, options, print_table))
    add_feed(commands)
    add_watch(commands)
    add_rulebook(commands, lambda result, options: _answer(result, options, print_table))
    return parser


def _add_book_commands(commands: Any) -> None:
    """The commands that ask one function about a book."""
    for name, run, text in (
        ("margin", _margin, "initial margin, maintenance margin and scanning risk of a book"),
        ("explain", _asked("PM_EXPLAIN", _with_history, _print_statement), "every line of a margin, down to the sheet rows"),
        ("compare", _asked("PM_COMPARE", _with_methods), "the requirements of several methods side by side"),
        ("status", _status, "an account against its margin"),
        ("liquidation", _asked("PM_LIQUIDATION", _with_equity), "the prices at which an account is liquidated"),
        ("accounts", _asked("PM_ACCOUNTS", _with_balances), "margin and status of every account of a book"),
        (
            "contribution",
            _asked("PM_CONTRIBUTION", lambda ranges, _: _with_file(ranges), _print_contributions),
            "what each row is of a margin, and which rows are hedges",
        ),
        ("whatif", _asked("PM_WHATIF", lambda ranges, options: _with_file(ranges, options.trades)), "margins before and after trades"),
        ("hedge", _asked("PM_HEDGE", lambda ranges, options: _with_file(ranges, options.tradable)), "the trades that lower a margin most"),
        ("move", _asked("PM_MOVE", _move), "why a margin moved: trades, spot, vol, time, change of worst scenario"),
        ("check", _check, "every fault of a book's ranges"),
    ):
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        command.add_argument("file", type=Path, help="workbook, CSV file of positions, or a venue's answer (.json)")
        _second_file(command, name)
        command.add_argument("--venue", help=f"whose positions answer a JSON file is: {', '.join(KNOWN_VENUES)}")
        command.add_argument(
            "--instruments", type=Path, metavar="JSON", help="the venue's instruments answer, where its positions count contracts"
        )
        command.add_argument(
            "--market", type=Path, metavar="FILE", help="market range, or a chain as a venue or a vendor gives it (CSV, JSON)"
        )
        command.add_argument("--parameters", type=Path, metavar="CSV", help="values that override the method's own")
        if name != "check":
            command.add_argument("--history", type=Path, metavar="CSV", help="Date and daily closes, for VAR and ES")
            command.add_argument("--method", help="method, or a comma list for compare; the workbook's own where left out")
            command.add_argument(
                "--span-file",
                type=Path,
                metavar="FILE",
                help="a clearing house's .pa2 or .spn file, whose arrays and charges SPAN then uses",
            )
        add_account(command, name)
        if name == "margin":
            command.add_argument(
                "-o", "--output", type=Path, metavar="XLSX", help="also write a copy of the workbook with its PM formulas calculated"
            )
        command.add_argument("--json", action="store_true", help="for machines")
        command.set_defaults(run=run, several=name == "compare")


def _second_file(command: argparse.ArgumentParser, name: str) -> None:
    """Add the second file to the commands that take one."""
    if name == "whatif":
        command.add_argument("trades", type=Path, help="CSV file of trades in the form of positions")
    if name == "hedge":
        command.add_argument(
            "tradable",
            type=Path,
            metavar="instruments",
            help="CSV file of what may be traded: positions, Quantity as the largest size; Lot, Cost, Side",
        )
    if name == "move":
        command.add_argument("before", type=Path, help="the book of the earlier time, as a workbook or CSV file")
        command.add_argument("--market-before", type=Path, metavar="FILE", help="its market, with its As of")


def _ranges(options: argparse.Namespace) -> Any:
    """The book's ranges, and the method that the command line or the workbook names."""
    from xlmargin.methods import method_name

    ranges = read_ranges(
        options.file, options.market, options.parameters, options.venue, options.instruments, getattr(options, "history", None)
    )
    span_file = getattr(options, "span_file", None)
    if span_file is not None:
        _load_span_file(span_file)
        rows = ranges.parameters or [["Underlying", "Parameter", "Value"]]
        ranges = ranges._replace(parameters=with_parameter(rows, "span_file", str(span_file.resolve())))
    method = getattr(options, "method", None)
    for name in (method or "").split(","):
        if name.strip():
            method_name(name)
    if method and not options.several and options.parameters is None and span_file is None:
        ranges = for_method(ranges, method)
    if options.several and options.parameters is None:
        ranges = for_each_method(ranges)
    _print_notes(ranges.notes)
    return ranges._replace(method=method or ranges.method)


def _print_notes(notes: Sequence[str]) -> None:
    """Print what stood in for what in the files, and what was left out of them."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def _load_span_file(path: Path) -> None:
    """Read a SPAN file once, with its progress on the terminal."""
    from xlmargin.methods.span.file.applied import load

    def progress(done: int, size: int) -> None:
        if sys.stderr.isatty():
            print(f"\rreading {path.name}: {100 * done // max(size, 1)} %", end="\n" if done >= size else "", file=sys.stderr)

    load(str(path), progress)


def _call(name: str, *arguments: Any) -> Any:
    return FUNCTIONS[name].call(*arguments)


def _answer(result: Any, options: argparse.Namespace, show: Callable[[Any], None]) -> int:
    """Print an answer, or the fault in its place."""
    fault = isinstance(result, str) and result.startswith(ERROR)
    if options.json:
        print(json.dumps({"error": result[len(ERROR) :]} if fault else result, ensure_ascii=False))
    elif fault:
        print(result, file=sys.stderr)
    else:
        show(result)
    return FAULTY if fault else ANSWERED


def _asked(
    name: str, arguments: Callable[[Any, argparse.Namespace], tuple[Any, ...]], show: Callable[[Any], None] = print_table
) -> Callable[[argparse.Namespace], int]:
    """The command that asks one function about the ranges of a book.

    Args:
        arguments: of the function, from the ranges and the options
        show: prints its answer
    """
    return lambda options: _answer(_call(name, *arguments(_ranges(options), options)), options, show)


def _with_history(ranges: Any, _: argparse.Namespace) -> tuple[Any, ...]:
    return ranges.positions, ranges.market, ranges.method, ranges.parameters, ranges.history


def _with_methods(ranges: Any, options: argparse.Namespace) -> tuple[Any, ...]:
    return _with_history(ranges._replace(method=options.method), options)  # without --method all, whichever the workbook has chosen


def _with_equity(ranges: Any, options: argparse.Namespace) -> tuple[Any, ...]:
    return ranges.positions, equity_given(options.equity, ranges.balances), ranges.market, ranges.method, ranges.parameters, ranges.history


def _with_balances(ranges: Any, options: argparse.Namespace) -> tuple[Any, ...]:
    balances = read_csv(options.balances) if options.balances else ranges.balances
    return ranges.positions, ranges.market, balances, ranges.method, ranges.parameters, ranges.history


def _with_file(ranges: Any, *files: Path) -> tuple[Any, ...]:
    return ranges.positions, *map(read_csv, files), ranges.market, ranges.method, ranges.parameters, ranges.history


def _margin(options: argparse.Namespace) -> int:
    ranges = _ranges(options)
    inputs = _with_history(ranges, options)
    result: dict[str, Any] = {"method": (ranges.method or "SPAN").upper()}
    for label, name in (("initial_margin", "PM_MARGIN"), ("maintenance_margin", "PM_MAINTENANCE"), ("scanning_risk", "PM_SCANNING_RISK")):
        answer = _call(name, *inputs)
        if isinstance(answer, str) and label != "scanning_risk":
            return _answer(answer, options, print)
        result[label] = None if isinstance(answer, str) else answer  # a method without scenarios has no scanning risk
    result["status"] = margins.status(*inputs)
    if options.output:
        _recalculated(options.file, options.output)
        print(options.output.resolve(), file=sys.stderr)
    found = basis(options.file, ranges, ranges.method or "")
    if options.json:
        return _answer({**result, **found.keys}, options, print)
    _print_notes(found.doubts(ranges))
    _print_fields(result)
    print(found.line)
    return ANSWERED


def _status(options: argparse.Namespace) -> int:
    ranges = _ranges(options)
    code = _answer(_call("PM_STATUS", *_with_equity(ranges, options)), options, print_table)
    if code == ANSWERED and not options.json:
        print(basis(options.file, ranges, ranges.method or "").line)
    return code


def _print_fields(fields: dict[str, Any]) -> None:
    for label, value in fields.items():
        shown = f"{value:,.2f}" if isinstance(value, float) else ("none" if value is None else value)
        print(f"{label.replace('_', ' ').capitalize():<20} {shown:>20}")


def _recalculated(source: Path, destination: Path) -> None:
    """A copy of a workbook with its PM formulas calculated."""
    from xlmargin.engine import recalculated

    if source.suffix.lower() not in (".xlsx", ".xlsm"):
        raise MarginError(f"{source} is no workbook: -o calculates the formulas of an .xlsx or .xlsm file")
    recalculated(source, destination, {name: function.call for name, function in FUNCTIONS.items()})


def _print_statement(rows: list[list[Any]]) -> None:
    for level, line, amount, rule, status, _ in rows[1:]:
        label = "  " * int(level) + line
        print(f"{label:<64} {amount:>16,.4f}  {rule}" + (f"  [{status}]" if status else ""))


def _print_contributions(rows: list[list[Any]]) -> None:
    from xlmargin.desk.contribution import in_words

    print_table(rows)
    margin = sum(row[4] for row in rows[1:])
    for row, name, _, _, share, saved in rows[1:]:
        print(in_words(f"Row {row:g}, {name},", share, saved, margin))


def _move(ranges: Any, options: argparse.Namespace) -> tuple[Any, ...]:
    before = read_ranges(options.before, options.market_before)
    _print_notes(before.notes)
    return ranges.positions, ranges.market, before.positions, before.market, ranges.method, ranges.parameters, ranges.history


def _check(options: argparse.Namespace) -> int:
    ranges = _ranges(options)
    result = _call("PM_CHECK", ranges.positions, ranges.market)
    rows = result[1:] if isinstance(result, list) else []
    faults = sum(row[0] != "OK" and not row[2].startswith("note: ") for row in rows)
    for row in rows:
        if cell := cell_of(ranges, row[0], row[1]):
            row[2] = f"{cell}: {row[2]}"
    code = _answer(result, options, print_table)
    if code:
        return code
    if not options.json:
        print(faulty_line(options.file, faults) if faults else basis(options.file, ranges).line)
    return FAULTY if faults else ANSWERED


@rarely_collected()
def _demo(options: argparse.Namespace) -> int:
    from xlmargin.faces.demo import run

    print(opening(run(Path.cwd()).resolve()))
    return ANSWERED


def _doctor(options: argparse.Namespace) -> int:
    from xlmargin.cli.doctor import findings

    rows = findings(options.file)
    for what, state, cure in rows:
        print(f"{what:<28} {state}" + (f"  → {cure}" if cure else ""))
    return FAULTY if any(cure.startswith("needed: ") for _, _, cure in rows) else ANSWERED
