"""Whether an account may be margined as a portfolio: rulebooks as parameter files, each rule with its source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from xlmargin.errors import MarginError
from xlmargin.margin.parameter_file import STATUSES, ParameterFile

FOLDER = Path(__file__).parent / "rulebooks"
YES, NO = "yes", "no"
FIELDS = ("Equity", "Uncovered options approval", "Risk disclosure signed", "Intraday monitoring", "Trades away", "Unlisted derivatives")

Fact = float | str


@dataclass(frozen=True, slots=True)
class EligibilityRule:
    """One rule of a rulebook.

    Attributes:
        name: the required quantity
        field: the field of the account that it is about
        at_least: least amount, None where the field must be yes
        unit: of the amount
        when: fields and the words they must have for the rule to apply
        source, status: the origin of the rule, and its certainty
    """

    name: str
    field: str
    at_least: float | None
    unit: str
    when: Mapping[str, str]
    source: str
    status: str


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules of one authority or venue, and the consequence of not keeping them."""

    name: str
    title: str
    below: str
    source: str
    checked: dt.date
    rules: tuple[EligibilityRule, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that applies to an account, its requirement, the account's amount, and whether the rule is kept."""

    rule: EligibilityRule
    required: Fact
    actual: Fact
    passed: bool


@cache
def known_rulebooks() -> tuple[str, ...]:
    """Every rulebook that has its file here, FINRA first."""
    return tuple(sorted((path.stem.upper() for path in FOLDER.glob("*.toml")), key=lambda name: (name != "FINRA", name)))


@cache
def _read(name: str) -> Rulebook:
    file = ParameterFile(FOLDER / f"{name.lower()}.toml")
    rules = []
    for rule, entry in file.sections["rules"].items():
        place, least = f" [rules] {rule}", entry.get("at_least")
        source, status = file.source(entry["source"], place), file.one_of(STATUSES, entry["status"], "status", place)
        amount = None if least is None else float(least)
        rules.append(EligibilityRule(rule, entry["field"], amount, entry.get("unit", ""), entry.get("when", {}), source, status))
    about = file.about
    return Rulebook(name, about["title"], about["below"], file.source(about["source"], " [meta]"), about["checked"], tuple(rules))


def rulebook(text: str) -> Rulebook:
    """The rulebook that a text names, in any case.

    Raises:
        MarginError: naming the known rulebooks
    """
    name = text.strip().upper().replace(" ", "_").replace("-", "_")
    if name not in known_rulebooks():
        raise MarginError(f"no rulebook {text!r}: the rulebooks are {', '.join(known_rulebooks())}")
    return _read(name)


@cache
def fields() -> tuple[str, ...]:
    """Every field of an account that some rulebook asks about."""
    rules = [rule for name in known_rulebooks() for rule in _read(name).rules]
    return tuple(dict.fromkeys((*FIELDS, *(field for rule in rules for field in (rule.field, *rule.when)))))


@cache
def amounts() -> frozenset[str]:
    """The fields that hold an amount; all others are yes or no."""
    return frozenset(rule.field for name in known_rulebooks() for rule in _read(name).rules if rule.at_least is not None)


def findings(book: Rulebook, account: Mapping[str, Fact]) -> list[Finding]:
    """Every rule that applies to an account, in the rulebook's order.

    Args:
        account: amounts, yes and no by field; a missing field is no, a missing amount passes nothing
    """
    found = []
    for rule in book.rules:
        if any(account.get(field, NO) != word for field, word in rule.when.items()):
            continue
        actual = account.get(rule.field, NO)
        if rule.at_least is None:
            found.append(Finding(rule, YES, actual, actual == YES))
        else:
            found.append(Finding(rule, rule.at_least, actual, isinstance(actual, float) and actual >= rule.at_least))
    return found
