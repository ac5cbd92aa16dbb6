"""Commands about a rulebook: its numbers beside those of the venue's own configuration, and the venue's answers recomputed."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xlmargin.margin.parameters import Rules
from xlmargin.methods import method_name, rules_of, saved_parameters
from xlmargin.sheet.registry import FUNCTIONS

Answer = Callable[[Any, argparse.Namespace], int]  # prints an answer as a table or as JSON
DIFFERENCES = ["Underlying", "Parameter", "Shipped", "In the file", "Unit", "Source"]


def add_rulebook(commands: Any, answer: Answer) -> None:
    """Add the commands `parameters` and `verify`."""
    parameters = commands.add_parser("parameters", help="every number of a rulebook, or what a venue's own configuration has otherwise")
    parameters.add_argument("method")
    parameters.add_argument(
        "--from", dest="saved", type=Path, metavar="JSON", help="a saved answer of the venue's configuration: show what differs from ours"
    )
    parameters.add_argument("--json", action="store_true", help="for machines")
    parameters.set_defaults(run=lambda options: answer(_parameters(options), options))
    verify = commands.add_parser("verify", help="recompute a file of a venue's own answers and compare")
    verify.add_argument("method")
    verify.add_argument("file", type=Path)
    verify.set_defaults(run=_verify)


def _parameters(options: argparse.Namespace) -> Any:
    """The numbers of a rulebook today, or those that a saved configuration has otherwise."""
    name = method_name(options.method)
    rows = FUNCTIONS["PM_PARAMETERS"].call(name) if options.saved is None else differences(rules_of(name, time.time()), options.saved)
    if options.json or not isinstance(rows, list):
        return rows
    return [[f"{cell:.10g}" if isinstance(cell, float) else cell for cell in row] for row in rows]  # 0.0065 is no 0.01


def differences(rules: Rules, path: Path) -> list[list[Any]]:
    """The values of a saved configuration that the shipped rulebook has otherwise, one row each, their heading first.

    Raises:
        MarginError: the method reads no saved configuration, or the file is none
    """
    theirs = rules.beneath(saved_parameters(rules, str(path)), str(path))
    rows: list[list[Any]] = [DIFFERENCES]
    for (coin, name), value in sorted(theirs.given.items()):
        ours = next((rules.parameters[key] for key in ((coin, name), ("", name)) if key in rules.parameters), None)
        if ours is None or ours.value != value.value:
            rows.append([coin, name, "" if ours is None else ours.value, value.value, value.unit, "" if ours is None else ours.source])
    return rows if len(rows) > 1 else [*rows, ["none", f"all {len(theirs.given)} values of the file are the shipped ones", "", "", "", ""]]


def _verify(options: argparse.Namespace) -> int:
    """Recompute a file of answers: a line per case, what they confirm, and the counts."""
    from xlmargin.venues.verify import verify

    name = options.method.strip().upper()
    outcomes = verify(name, options.file)
    for outcome in outcomes:
        print(f"{'match ' if outcome.matches else 'DIFFER'}  {outcome.name}: {outcome.text}")
    match = sum(outcome.matches for outcome in outcomes)
    rules = rules_of(method_name(name), time.time())
    print(f"{name}: formula verified on {match} of {len(outcomes)} answers of this file; the shipped numbers are {rules.numbers}")
    print(f"{match} match, {len(outcomes) - match} differ")
    return 0 if match == len(outcomes) else 1
