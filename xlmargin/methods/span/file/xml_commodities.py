"""Combined commodities and spreads of the XML format."""

from __future__ import annotations

import math
from collections.abc import Iterator

from xlmargin.methods.span.file.model import CombinedCommodity, DeliveryCharge, InterSpread, IntraSpread, SpreadLeg, Tier
from xlmargin.methods.span.file.periods import period_of
from xlmargin.methods.span.file.xml_nodes import Malformed, Node, first_text, nodes, number

SHORT_OPTION_METHODS = {"": "gross", "GROSS": "gross", "MAX": "max"}
WFPR_METHODS = ("NORMAL", "SCANRANGE_CAP", "SCANRANGE")


def combined_commodity(node: Node) -> CombinedCommodity:
    """A `ccDef` element.

    Raises:
        Malformed: it has no code, or a number or method that cannot be
    """
    code = first_text(node, "cc")
    if not code:
        raise Malformed("a combined commodity must have a code (cc)")
    method = first_text(node, "somMeth")
    if method not in SHORT_OPTION_METHODS:
        raise Malformed(f"somMeth of {code} must be GROSS or MAX, not {method!r}")
    wfpr = first_text(node, "wfprMeth") or WFPR_METHODS[0]
    if wfpr not in WFPR_METHODS:
        raise Malformed(f"wfprMeth of {code} must be one of {', '.join(WFPR_METHODS)}, not {wfpr!r}")
    minimums = [
        minimum
        for tier in _tier_nodes(node, "somTiers")
        if not math.isnan(minimum := next((number(rate, "val") for rate in nodes(tier, "rate")), math.nan))
    ]
    spreads = sorted(_intra_spreads(code, node), key=lambda spread: spread.priority)
    return CombinedCommodity(
        code,
        int(number(node, "riskExponent", 0.0)),
        _tiers(node, "intraTiers"),
        tuple(spreads),
        tuple(_deliveries(node)),
        minimums[0] if minimums else 0.0,
        SHORT_OPTION_METHODS[method],
        wfpr,
        first_text(node, "capAnov") == "1",
        scanning_tiers=tuple(tier for tier in _tiers(node, "scanTiers") if tier.number),
        minimums_by_tier=len(set(minimums)) > 1,
        not_applied=tuple(_adjustments(node)),
    )


def _adjustments(node: Node) -> Iterator[str]:
    """The rates of further requirements over the core one, in words; the files do not say which is whose initial requirement."""
    for rate in nodes(node, "adjRate"):
        factor = number(rate, "val", 1.0)
        if factor != 1.0:
            yield f"rate {factor:g} of requirement {first_text(rate, 'r') or '?'} (adjRate)"


def inter_spread(node: Node, scanning: bool) -> InterSpread:
    """A spread between combined commodities: a `dSpread`, or an `hSpread`, which is scanning-based."""
    method = "S" if scanning else first_text(node, "chargeMeth")
    return InterSpread(int(number(node, "spread", 0.0)), method, method == "F", _rate(node), tuple(_legs("", node)))


def _rate(node: Node) -> float:
    """The first rate, which is of the core requirement."""
    return next((number(rate, "val", 0.0) for rate in nodes(node, "rate")), 0.0)


def _tier_nodes(node: Node, name: str) -> Iterator[Node]:
    return nodes(next(nodes(node, name), {}), "tier")


def _tiers(node: Node, name: str) -> tuple[Tier, ...]:
    return tuple(
        Tier(int(number(tier, "tn", 0.0)), period_of(first_text(tier, "sPe")), period_of(first_text(tier, "ePe")))
        for tier in _tier_nodes(node, name)
    )


def _intra_spreads(code: str, node: Node) -> Iterator[IntraSpread]:
    for spread in nodes(node, "dSpread"):
        yield IntraSpread(int(number(spread, "spread", 0.0)), _rate(spread), tuple(_legs(code, spread)))


def _legs(code: str, spread: Node) -> Iterator[SpreadLeg]:
    """Legs that are tiers, periods or, in scanning-based spreads, whole combined commodities."""
    for name in ("tLeg", "pLeg", "sLeg"):
        for leg in nodes(spread, name):
            side = first_text(leg, "rs")
            if side not in ("A", "B") and name != "sLeg":
                raise Malformed(f"rs of a leg must be A or B, not {side!r}")
            yield SpreadLeg(
                first_text(leg, "cc") or code,
                int(number(leg, "tn", 0.0)),
                period_of(first_text(leg, "pe")),
                number(leg, "i", 1.0),
                side,
                first_text(leg, "isRequired") != "0",
            )


def _deliveries(node: Node) -> Iterator[DeliveryCharge]:
    for rate in nodes(node, "spotRate"):
        yield DeliveryCharge(period_of(first_text(rate, "pe")), number(rate, "sprd", 0.0), number(rate, "outr", 0.0))
