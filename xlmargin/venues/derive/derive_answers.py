"""Derive's own test cases, recomputed from their inputs: PMRM_2, PMRM v1, SRM, and the unit values of the prices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from xlmargin.errors import MarginError
from xlmargin.methods.derive.black import YEAR, call_delta, fixed_part, prices, svi_vol
from xlmargin.methods.derive.pmrm import PmrmResult, V1Result
from xlmargin.methods.derive.portfolio import DIRECTIONS, Moves, PmrmTerms, Portfolio
from xlmargin.methods.json_shape import Node, column, flags
from xlmargin.pricing.arrays import Floats
from xlmargin.venues.derive import derive_sm_answers as derive_sm
from xlmargin.venues.derive.derive_sm_answers import NAMES, exact, integers, outcomes
from xlmargin.venues.outcome import Comparison, Outcome

UNIT_TOLERANCE = 1e-12  # of unit prices and vols, relative and absolute: measured differences are below 3e-13
SVI_TERMS = ("a", "b", "rho", "m", "sigma")


def replay(data: Any) -> Iterator[Outcome]:
    """Every case of a file of Derive's answers."""
    data = data if isinstance(data, dict) else {}
    yield from outcomes("pmrm_2", data, "cases", _pmrm_2)
    yield from outcomes("pmrm_v1", data, "cases_exact", _pmrm_v1)
    yield from outcomes("pmrm_v1", data, "cases_truncated_int", _pmrm_v1)
    yield from derive_sm.replay(data)
    pricing = data.get("pricing")
    yield from outcomes("black76", pricing, "rows", _black)
    yield from outcomes("svi", pricing, "rows", _svi)


# ---- PMRM_2


def _moves(rows: list[Any], path: str, weighted: bool) -> Moves:
    """Scenarios of a parameter set: spot multiplier, vol direction and, where `weighted`, the share of the result that counts."""
    spots, kinds, weights = [], [], []
    for n, row in enumerate(rows):
        place = f"{path}[{n}]"
        if not isinstance(row, list) or len(row) != 2 + weighted:
            raise MarginError(f"{place} must be a list of {2 + weighted}")
        cells = Node(dict(zip(("spot", "vol", "weight"), row)), place)
        kind = cells.text("vol").lower()
        if kind not in DIRECTIONS:
            raise MarginError(f"{place} has the vol direction {kind!r}: known are {', '.join(DIRECTIONS)}")
        spots.append(cells.number("spot"))
        kinds.append(kind)
        weights.append(cells.number("weight") if weighted else 1.0)
    return Moves(np.array(spots), tuple(kinds), np.array(weights))


def _mark_vol(option: Node, feed: Node) -> float:
    """Vol of an option: its own, else the curve's at its strike."""
    if "mark_vol" in option:
        return option.number("mark_vol")
    curve = feed.numbers("svi")
    if len(curve) != len(SVI_TERMS) + 2:
        raise MarginError(f"{feed.path}.svi must be a list of {len(SVI_TERMS) + 2}")
    return float(svi_vol(option.number("strike"), curve[5], curve[6], tuple(curve[:5])))


def _portfolio(inputs: Node) -> Portfolio:
    """The account of a PMRM_2 case."""
    feeds, options, held = inputs.nodes("feeds"), inputs.nodes("options"), inputs.nodes("collaterals")
    seconds = column(feeds, "sec_to_expiry")
    at = np.zeros(len(options), np.int64)
    for n, option in enumerate(options):
        found = np.flatnonzero(seconds == option.number("sec_to_expiry"))
        if len(found) != 1:
            raise MarginError(f"{option.path} has sec_to_expiry {option.number('sec_to_expiry'):g}, for which there are {len(found)} feeds")
        at[n] = found[0]
    for feed in (*feeds, *held):
        feed.skip("svi", "name")
    forward = column(feeds, "forward")
    return Portfolio(
        column(options, "amount")[None],
        column(options, "strike"),
        flags(options, "is_call"),
        np.array([_mark_vol(option, feeds[e]) for option, e in zip(options, at)]),
        forward[at],
        fixed_part(forward, seconds)[at],
        at,
        seconds,
        column(feeds, "rate"),
        np.minimum.reduce([column(feeds, f"{name}_conf") for name in ("forward", "rate", "vol")]),
        np.array([[inputs.number("perp_size")]]),
        np.array([inputs.number("perp_price")]),
        np.array([inputs.number("perp_conf")]),
        np.array([inputs.number("cash")]),
        np.array([inputs.number("perp_unrealised_pnl") + inputs.number("perp_unrealised_funding")]),
        inputs.number("spot"),
        inputs.number("spot_conf"),
        inputs.number("stable_price"),
        column(held, "amount")[None],
        column(held, "price"),
        column(held, "conf"),
        flags(held, "risk_cancelling"),
        column(held, "mm_haircut"),
        column(held, "im_extra_haircut"),
    )


def _gross(book: Portfolio) -> float:
    """All holdings of a book, long and short alike, at price: the scale of its rounding errors."""
    options = np.abs(book.amount[0]) @ (book.forward + book.strike)
    held = np.abs(book.collateral[0]) @ book.price / book.stable
    return float(options + np.abs(book.perp[0]) @ book.perp_price + held + abs(book.cash[0]) + abs(book.unrealised[0]))


def _pmrm_2(case: Node, terms: Node, compared: Comparison) -> None:
    """A PMRM_2 case: every number that it expects."""
    values = {}
    for name, keys in NAMES["pmrm_2"].items():
        part = terms.node(name)
        values.update({key: part.number(key) for key in keys})
    moves = _moves(terms.items("scenarios"), "scenarios", True)
    inputs, expected = case.node("inputs"), case.node("expected")
    book = _portfolio(inputs)
    result = PmrmResult(book, moves, PmrmTerms(**values))
    ours = {
        "IM": result.initial,
        "MM": result.maintenance,
        "mtm": result.value,
        "option_mtm": result.option_value,
        "collateral_mtm": result.collateral_value,
        "forward_contingency": result.basis,
        "oracle_cont": result.oracle,
        "perp_mtm": np.array([inputs.number("perp_unrealised_pnl")]),  # the venue's figure leaves funding out
        **{
            f"{kind}_{what}_cont": charge[n]
            for kind, charge in (("mm", result.mm_charges), ("im", result.im_charges))
            for n, what in enumerate(("perp", "option", "collateral"))
        },
    }
    exact(expected, ours, _gross(book), compared)
    expected.skip("scenario_pnl")
    if not expected.has("scenario_pnl"):
        compared.note("no scenarios expected")
        return
    theirs = expected.numbers("scenario_pnl")
    if len(theirs) != len(moves.vol):
        raise MarginError(f"{expected.path}.scenario_pnl has {len(theirs)} numbers for {len(moves.vol)} scenarios")
    for s, value in enumerate(theirs):
        compared.number(f"scenario {s + 1}", float(result.pnl[0, s]), float(value))


# ---- PMRM v1


def _v1_portfolio(inputs: Node, haircut: float) -> Portfolio:
    """The account of a PMRM v1 case: the coin itself is its only collateral."""
    dates = inputs.nodes("exps")
    options = [(e, option) for e, date in enumerate(dates) for option in date.nodes("options")]
    at, nodes = np.array([e for e, _ in options], np.int64), [option for _, option in options]
    fixed, spot = column(dates, "fix"), inputs.number("spot")
    one, none = np.ones(1), np.zeros(1)
    return Portfolio(
        column(nodes, "amount")[None],
        column(nodes, "strike"),
        flags(nodes, "is_call"),
        column(nodes, "vol"),
        (fixed + column(dates, "var"))[at],
        fixed[at],
        at,
        column(dates, "secs"),
        column(dates, "rate"),
        np.minimum.reduce([column(dates, name) for name in ("fconf", "rconf", "vconf")]),
        np.array([[inputs.number("perp")]]),
        np.array([inputs.number("perpPx")]),
        np.array([inputs.number("perpConf")]),
        np.array([inputs.number("cash")]),
        np.array([inputs.number("perpPnl")]),
        spot,
        inputs.number("spotConf"),
        inputs.number("stable"),
        np.array([[inputs.number("base")]]),
        np.array([spot]),
        one,
        np.array([True]),
        np.array([haircut]),
        none,
    )


def _pmrm_v1(case: Node, terms: Node, compared: Comparison) -> None:
    """A PMRM v1 case, exact or in integer parts."""
    values = {name: terms.number(key) for key, name in NAMES["pmrm_v1"].items()}
    moves = _moves(case.items("scenarios"), "scenarios", False)
    book = _v1_portfolio(case.node("inputs"), terms.number("base"))
    result = V1Result(book, moves, PmrmTerms(**values))
    ours = {"IM": result.initial, "MM": result.maintenance}
    if "expected_int" in case:
        integers(case.node("expected_int"), ours, compared)
        return
    perp, option, base = result.static
    ours |= {
        "mtm_ex_cash": result.value - book.cash,
        "basis_contingency": result.basis,
        "perp_contingency": perp,
        "base_contingency": base,
        "option_contingency": option,
        "oracle_contingency": result.oracle,
        "min_span": result.span,
        "loss_factor": np.array([result.terms.im_factor + result.peg]),
    }
    exact(case.node("expected"), ours, _gross(book), compared)


# ---- unit values


def _units(case: Node, ours: dict[str, Floats], compared: Comparison) -> None:
    compared.relative, compared.absolute, compared.shown = UNIT_TOLERANCE, UNIT_TOLERANCE, ".17g"
    for name, value in ours.items():
        compared.number(name, float(value), case.number(name))


def _black(case: Node, _: Node, compared: Comparison) -> None:
    """A call, a put and the call's delta."""
    inputs = (case.number("forward"), case.number("strike"), case.number("sec_to_expiry") / YEAR, case.number("vol"))
    call, put = prices(*inputs, case.number("discount"))
    _units(case, {"call": call, "put": put, "call_delta_undiscounted": call_delta(*inputs)}, compared)


def _svi(case: Node, _: Node, compared: Comparison) -> None:
    """A vol on a curve."""
    vol = svi_vol(case.number("strike"), case.number("forward"), case.number("tau"), tuple(case.number(name) for name in SVI_TERMS))
    _units(case, {"vol": vol}, compared)
