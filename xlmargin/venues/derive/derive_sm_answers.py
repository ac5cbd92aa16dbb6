"""Derive's own test cases of the standard margin, recomputed from their inputs, and its answers for accounts under it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from xlmargin.errors import MarginError
from xlmargin.methods import rules_of
from xlmargin.methods.derive.srm import SrmMarket, SrmResult, SrmTerms, mark
from xlmargin.methods.json_shape import Node, column, flags
from xlmargin.pricing.arrays import Floats
from xlmargin.venues.derive.subaccounts import replay_subaccounts
from xlmargin.venues.outcome import Comparison, Outcome, outcome_of

Recompute = Callable[[Node, Node, Comparison], None]

RELATIVE = 1e-9  # tolerance as a share of their number
ROUNDING = 1e-15  # share of all that a book holds which rounding may come to, for numbers near 0
EXAMPLES, OF_EXAMPLES = "derive_srm_docs", {"max": "max_spot", "min": "min_spot", "mm": "mm_call"}
NEAR_INTEGER = 1e-6  # some of the venue's integers are a rounding error below the next one in floating point
NOT_NUMBERS = ("id", "params", "note", "reimpl", "detail", "scenarios")
# the names of the parameters in Derive's own test cases, with ours
NAMES = json.loads(Path(__file__).with_name("names.json").read_text(encoding="utf-8"))


def replay(data: Any) -> Iterator[Outcome]:
    """Every SRM case of a file of Derive's answers, printed example, or account of an answer of private/get_subaccount."""
    yield from outcomes("srm", data, "cases_exact", _srm)
    yield from outcomes("srm", data, "cases_truncated_int", _srm)
    for example in Node(data).nodes(EXAMPLES) if isinstance(data, dict) and EXAMPLES in data else []:
        yield outcome_of(f"srm {example.text('id')}", partial(_example, example))
    yield from replay_subaccounts(data)


def outcomes(name: str, data: Any, key: str, recompute: Recompute) -> Iterator[Outcome]:
    """The cases of one list of one section; an error in one leaves the others alone.

    Args:
        name: the section
        data: the file that holds the section
        key: its list of cases
        recompute: compares a case, given its parameters
    """
    section = data.get(name) if isinstance(data, dict) else None
    cases = section.get(key) if isinstance(section, dict) else None
    if cases is None:
        return
    assert isinstance(section, dict)
    if not isinstance(cases, list):
        yield Outcome(f"{name} {key}", False, "must be a list of cases")
        return
    for n, raw in enumerate(cases):
        label = raw.get("id", n + 1) if isinstance(raw, dict) else n + 1
        yield outcome_of(f"{name} {label}", partial(_compare, raw, section, recompute))


def _compare(raw: Any, section: dict[str, Any], recompute: Recompute, compared: Comparison) -> None:
    """One case; keys that nothing has read are reported, and fail it where they hold expected numbers."""
    case, terms = Node(raw, "case"), Node({}, "params")
    if "param_sets" in section:
        sets, wanted = Node(section, "file").node("param_sets"), case.text("params")
        if wanted not in sets:
            raise MarginError(f"the file has no parameter set {wanted!r}")
        terms = sets.node(wanted)
    if "scenarios" in section:
        case = Node({**case.cells, "scenarios": section["scenarios"]}, "case")
    with np.errstate(all="ignore"):  # a value that is not a number does not match
        recompute(case, terms, compared)
    case.skip(*NOT_NUMBERS)
    if unread := [*case.unread(), *terms.unread()]:
        unchecked = any(place.startswith(("case.expected.", "case.expected_int.")) for place in unread)
        (compared.fail if unchecked else compared.note)(f"not known here: {', '.join(unread)}")


def exact(expected: Node, ours: Mapping[str, Floats], gross: float, compared: Comparison) -> None:
    """Compare our numbers with printed ones.

    Args:
        gross: all that the book holds at price, of which rounding errors are a share
    """
    compared.relative, compared.absolute, compared.shown = RELATIVE, ROUNDING * gross, ".17g"
    for name, value in ours.items():
        compared.number(name, float(value[0]), expected.number(name))


def integers(expected: Node, ours: Mapping[str, Floats], compared: Comparison) -> None:
    """Compare our numbers with the integer parts that the venue's tests print."""
    compared.relative, compared.absolute, compared.shown = 0.0, 0.0, ".17g"
    for name, value in ours.items():
        compared.number(name, truncated(float(value[0])), expected.number(name))


def truncated(value: float) -> float:
    """A number without its decimals, towards 0, as the venue's integer sets print it."""
    return float(math.trunc(value + math.copysign(NEAR_INTEGER, value))) if math.isfinite(value) else value


def _market(node: Node, stable: float) -> SrmMarket:
    """One market of an SRM case."""
    dates = node.nodes("exps")
    options = [(e, option) for e, date in enumerate(dates) for option in date.nodes("options")]
    at, nodes = np.array([e for e, _ in options], np.int64), [option for _, option in options]
    forward, strike, call = column(dates, "F"), column(nodes, "strike"), flags(nodes, "is_call")
    node.skip("name")
    return SrmMarket(
        column(nodes, "amount")[None],
        strike,
        call,
        mark(forward[at], strike, column(dates, "secs")[at], column(nodes, "vol"), call),
        at,
        forward,
        np.minimum(column(dates, "fconf"), column(dates, "vconf")),
        np.array([[node.number("perp")]]),
        np.array([node.number("perpPx")]),
        np.array([node.number("base")]),
        np.array([node.number("pnl")]),
        node.number("S"),
        node.number("sconf"),
        node.number("pconf"),
        stable,
    )


def _gross(book: SrmMarket) -> float:
    """All that a market's account holds, long and short alike, at price."""
    options = np.abs(book.amount[0]) @ (book.forward[book.expiry] + book.strike)
    return float(options + np.abs(book.perp[0]) @ book.perp_price + np.abs(book.base[0]) * book.spot + np.abs(book.unrealised[0]))


def _srm(case: Node, terms: Node, compared: Comparison) -> None:
    """An SRM case, exact or in integer parts: all its markets with the cash."""
    values = SrmTerms(**{name: terms.number(key) for key, name in NAMES["srm"].items()})
    inputs = case.node("inputs")
    cash, stable = inputs.number("cash"), inputs.number("stable")
    markets = [SrmResult(_market(node, stable), values) for node in inputs.nodes("markets")]
    start = np.array([cash])
    ours = {
        "IM": sum((market.initial for market in markets), start),
        "MM": sum((market.maintenance for market in markets), start),
        "mtm": sum((market.value for market in markets), start),
    }
    if "expected_int" in case:
        del ours["mtm"]
        integers(case.node("expected_int"), ours, compared)
    else:
        exact(case.node("expected"), ours, abs(cash) + sum(_gross(market.book) for market in markets), compared)


def _example(example: Node, compared: Comparison) -> None:
    """An example of the venue's documentation: options of one expiry on ETH and cash, by the numbers of today where it prints none."""
    rules, options = rules_of("DERIVE_SM", time.time()), example.nodes("options")
    printed = example.node("params") if "params" in example else Node({})
    terms = SrmTerms(**{field.name: rules.number(field.name, "ETH") for field in fields(SrmTerms)})
    terms = replace(terms, **{name: printed.number(key) for key, name in OF_EXAMPLES.items() if key in printed})
    spot, none = example.number("spot"), np.zeros((1, 0))
    found = SrmResult(
        SrmMarket(
            column(options, "amount")[None],
            column(options, "strike"),
            flags(options, "is_call"),
            np.array([option.number_or("mark", 0.0) for option in options]),
            np.zeros(len(options), np.int64),
            np.array([example.number_or("forward", spot)]),
            np.ones(1),
            none,
            none[0],
            np.zeros(1),
            np.zeros(1),
            spot,
        ),
        terms,
    )
    cash, (im, mm), (default_im, default_mm) = example.number("cash"), found.options, found.isolated
    ours = {"default_im": default_im, "default_mm": default_mm, "offset": found.bounded[0], "option_im": im, "option_mm": mm}
    ours |= {"im": cash + im, "mm": cash + mm}
    compared.relative = RELATIVE
    for name, value in ours.items():
        if name in example:
            compared.number(name, float(value.sum()), example.number(name))
