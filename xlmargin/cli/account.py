"""The commands about an account: the options of `status`, `liquidation` and `accounts` in addition to a book, and `xlmargin qualify`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.files.ranges import Grid
from xlmargin.files.texts import read_csv
from xlmargin.sheet.registry import FUNCTIONS

Answer = Callable[[Any, argparse.Namespace], int]

EQUITY = "equity in the account currency, or a CSV file of balances: Currency, Amount, Haircut; the workbook's own where left out"
BALANCES = "CSV file of balances: Currency, Amount, Haircut, and optionally Account; the workbook's own where left out"


def add_account(command: argparse.ArgumentParser, name: str) -> None:
    """Add the options of a command about an account, in addition to its book."""
    if name in ("status", "liquidation"):
        command.add_argument("--equity", metavar="NUMBER|CSV", help=EQUITY)
    elif name == "accounts":
        command.add_argument("--balances", type=Path, metavar="CSV", help=BALANCES)


def equity_given(text: str | None, balances: Grid | None) -> float | Grid:
    """A number as it is, else the cells of the file of that name; the balances of the workbook where nothing is given.

    Raises:
        MarginError: there is no such file, or it is no CSV file; nothing is given, and the book has no balances
    """
    if text is None:
        if balances is None:
            raise MarginError("the book has no balances: give its equity with --equity NUMBER, or a CSV file of balances")
        return balances
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return read_csv(Path(text))


def add_qualify(commands: Any, answer: Answer) -> None:
    """Add the command to a parser's commands.

    Args:
        answer: prints an answer or the fault in its place, and gives the exit code
    """
    command = commands.add_parser(
        "qualify",
        help="whether an account may use portfolio margin",
        description="Whether an account may use portfolio margin, by a rulebook.",
    )
    command.add_argument("file", type=Path, help="CSV file of the account: Field, Value")
    command.add_argument("--rulebook", help="FINRA where left out; an unknown name is answered with the known ones")
    command.add_argument("--json", action="store_true", help="for machines")
    command.set_defaults(run=lambda options: _qualify(options, answer))


def _qualify(options: argparse.Namespace, answer: Answer) -> int:
    """The table of PM_QUALIFY; on a terminal also the source of each rule, and the consequence of not keeping it."""
    from xlmargin.desk.qualify import rulebook

    result = FUNCTIONS["PM_QUALIFY"].call(read_csv(options.file), options.rulebook)
    code = answer(result, options)
    if isinstance(result, list) and not options.json:
        book = rulebook(options.rulebook or "FINRA")
        shown = {row[0] for row in result}
        print(f"\n{book.title}, checked {book.checked.isoformat()}; below the minimum: {book.below} ({book.source})")
        for rule in book.rules:
            if rule.name in shown:
                print(f"  {rule.name}: {rule.source} [{rule.status}]")
    return code
