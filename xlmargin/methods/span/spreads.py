"""Charges and credits on composite deltas: spreads between periods, delivery, spreads between underlyings."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlmargin.errors import MarginError
from xlmargin.margin.statement import Line, given, less, quotient, smallest, times, total
from xlmargin.pricing.arrays import Floats


class ChargedLeg(NamedTuple):
    """One leg of a spread: the place of its deltas, their number per spread, and its side."""

    place: str
    ratio: float
    side: str


class Spread(NamedTuple):
    """One entry of a spread table; the lowest priority number goes first.

    Attributes:
        priority: order among the entries
        rate: charge per spread, or share of the weighted futures price risk that is credited
        legs: A against B: the A legs long and the B legs short, or the other way round
    """

    priority: int
    rate: float
    legs: tuple[ChargedLeg, ...]

    @property
    def label(self) -> str:
        """The spread in words."""
        return " / ".join(f"{leg.side} {leg.ratio:g} × {leg.place}" for leg in self.legs)


class Pools:
    """Deltas of A books that spreads have not used yet: long and short ones by place, both positive (A,)."""

    def __init__(self, long: dict[str, Floats], short: dict[str, Floats]) -> None:
        self.long, self.short = dict(long), dict(short)


def form_spread(pools: Pools, spread: Spread) -> list[Line]:
    """Form as many spreads as the deltas allow, A long against B short and then the other way round.

    Args:
        pools: remaining deltas; those that the spreads use are taken from them
        spread: one entry of a table, whose places are keys of the pools

    Returns:
        the number of spreads in each direction

    Source: ICE Clear US, SPAN Margin System v1.0, sections 2.3 and 2.5.
    """
    formed = []
    for turned in (False, True):
        sides = [pools.long if (leg.side == "A") != turned else pools.short for leg in spread.legs]
        parts = [
            given(
                f"{leg.place} {'long' if side is pools.long else 'short'}: delta left / {leg.ratio:g}",
                side[leg.place] / leg.ratio,
                "composite delta not used by earlier spreads, per spread",
            )
            for leg, side in zip(spread.legs, sides)
        ]
        count = smallest("Spreads", parts)
        for leg, side in zip(spread.legs, sides):
            side[leg.place] = np.maximum(side[leg.place] - count.value * leg.ratio, 0.0)
        formed.append(count)
    return formed


class Decomposition(NamedTuple):
    """Scanning risk of an underlying split into the parts that spread credits use.

    Attributes:
        split: time risk + volatility risk + futures price risk = scanning risk
        weighted: weighted futures price risk: futures price risk per composite delta
    """

    split: Line
    weighted: Line


def decomposition(name: str, losses: Floats, pairs: Sequence[int], delta: Floats) -> Decomposition:
    """Split the scanning risk of one underlying; all parts are 0 where there is none.

    Args:
        losses: of A books in S scenarios, losses positive (A, S)
        pairs: index of the scenario with the same price move and the other vol move (S,)
        delta: net composite delta of the underlying (A,)

    Source: ICE Clear US, SPAN Margin System v1.0, section 2.5.
    """
    books = np.arange(len(losses))
    active = losses.argmax(axis=1)
    at_risk = losses[books, active] > 0.0
    scanning = np.where(at_risk, losses[books, active], 0.0)
    paired = np.where(at_risk, losses[books, np.asarray(pairs)[active]], 0.0)
    time = given("Time risk", np.where(at_risk, (losses[:, 0] + losses[:, 1]) / 2.0, 0.0), "mean loss of scenarios 1 and 2")
    pair = given("Paired loss", (scanning + paired) / 2.0, "mean loss of the worst scenario and its pair")
    volatility = less("Volatility risk", (given("Worst loss", scanning, "loss of the worst scenario"), pair))
    price = less("Futures price risk", (pair, time))
    size = given("Net composite delta", np.abs(delta), "absolute")
    return Decomposition(
        total(f"Scanning risk of {name}", (time, volatility, price)), quotient(f"Weighted futures price risk of {name}", (price, size))
    )


def inter_commodity(spreads: Sequence[Spread], deltas: dict[str, Floats], weighted: dict[str, Line]) -> dict[str, list[Line]]:
    """Credits for spreads between underlyings, by underlying.

    Args:
        spreads: the table; a spread whose underlyings are not all in the book forms none
        deltas: net composite delta of each underlying (A,)
        weighted: weighted futures price risk of each underlying [account currency per delta]

    Returns:
        for each underlying the credits of the spreads formed, negative: WFPR × spreads × ratio × rate

    Source: ICE Clear US, SPAN Margin System v1.0, section 2.5.
    """
    pools = Pools(
        {name: np.maximum(delta, 0.0) for name, delta in deltas.items()}, {name: np.maximum(-delta, 0.0) for name, delta in deltas.items()}
    )
    credits: dict[str, list[Line]] = {name: [] for name in deltas}
    for spread in sorted(spreads, key=lambda spread: spread.priority):
        if not all(leg.place in deltas for leg in spread.legs):
            continue
        for count in form_spread(pools, spread):
            if not count.value.any():
                continue
            for leg in spread.legs:
                credits[leg.place].append(
                    times(
                        f"Spread {spread.priority}: {spread.label}",
                        (
                            weighted[leg.place],
                            count,
                            given("Delta per spread", leg.ratio, "delta per spread ratio"),
                            given("Credit rate", -spread.rate, f"rate of spread {spread.priority}, a credit"),
                        ),
                    )
                )
    return credits


def tier_of(days: Floats, tiers: Sequence[tuple[float, float]]) -> NDArray[np.int64]:
    """Tier of each period, counted from 1, by its days to expiry; 0 where it is in no tier.

    Tiers are typed in whole days: one of `0-35, 36-400` reaches to the beginning of the next, so that 35.5 days are in it.

    Args:
        days: days to expiry of each period (N,)
        tiers: first and last day of each tier
    """
    result = np.zeros(len(days), np.int64)
    for number, (start, end) in reversed(list(enumerate(tiers, 1))):
        next_start = min((first for first, _ in tiers if end < first <= end + 1.0), default=end)
        result[(days >= start) & ((days <= end) | (days < next_start))] = number
    return result


def tiers_held(days: Floats, held: NDArray[np.bool_], tiers: Sequence[tuple[float, float]], name: str) -> NDArray[np.int64]:
    """Tier of each period as `tier_of`; a period with positions must have a tier.

    Raises:
        MarginError: a period with positions has no tier, so that its spreads would cost nothing
    """
    found = tier_of(days, tiers)
    for day in days[held & (found == 0)].tolist():
        raise MarginError(f"{name}: no tier holds the contracts of {day:.4g} days: add a tier, or end with {REST} if others form no spread")
    return found


def inter_month(label: str, pools: Pools, spreads: Sequence[Spread]) -> Line:
    """Spreads between and within tiers in order of priority, each at its own rate.

    Source: ICE Clear US, SPAN Margin System v1.0, section 2.3.
    """
    lines = []
    for spread in sorted(spreads, key=lambda spread: spread.priority):
        for turned, count in enumerate(form_spread(pools, spread)):
            lines.append(
                times(
                    f"Spread {spread.priority}: {spread.label}{', turned' * turned}",
                    (count, given("Charge per spread", spread.rate, f"rate of spread {spread.priority}")),
                )
            )
    return total(label, lines)


def nearest_first(held: Floats, used: Floats) -> Floats:
    """The deltas that spreads take from each period, the nearest first.

    Args:
        held: deltas of one side in each period, nearest first (A, N)
        used: deltas that spreads took altogether (A,)

    Returns:
        deltas taken from each period (A, N)
    """
    before = np.cumsum(held, axis=1) - held
    return np.clip(used[:, None] - before, 0.0, held)


BETWEEN = "inter_commodity_spreads"  # the parameter with the spreads between underlyings
_NUMBER = r"\d{1,12}(?:\.\d{0,15})?"
_SPREAD = re.compile(rf"\s*(?P<rate>{_NUMBER})\s*(?P<percent>%?)\s*:\s*(?P<legs>.+?)\s*$")
_LEG = re.compile(rf"\s*(?P<place>\S+)\s+(?P<side>[ABab])\s+(?P<ratio>{_NUMBER})\s*$")
_TIER = re.compile(rf"\s*({_NUMBER})\s*-\s*({_NUMBER})\s*$")
REST = "rest"  # the last tier: every period in no other tier


def read_spreads(text: str, name: str, known: Collection[str] | None, *, shares: bool) -> tuple[Spread, ...]:
    """A spread table from text: `200: 1 A 1, 2 B 1; 80 %: BTC A 1, ETH B 20`, first written first formed.

    Args:
        known: the existing tiers or underlyings; None where that is checked elsewhere
        shares: the rates are shares of a risk, not amounts

    Raises:
        MarginError: an entry has another form, names an unknown place, or has a number out of bounds
    """
    spreads = []
    for priority, entry in enumerate((entry.strip() for entry in text.split(";") if entry.strip()), 1):
        match = _SPREAD.match(entry)
        legs = [_LEG.match(leg) for leg in match["legs"].split(",")] if match else []
        if match is None or len(legs) < 2 or not all(legs) or {leg["side"].upper() for leg in legs if leg} != {"A", "B"}:
            raise MarginError(f"{name}: {entry!r} is no spread: write RATE: PLACE A RATIO, PLACE B RATIO; …, such as 200: 1 A 1, 2 B 1")
        rate = float(match["rate"]) / (100.0 if match["percent"] else 1.0)
        spread = Spread(
            priority, rate, tuple(ChargedLeg(leg["place"].upper(), float(leg["ratio"]), leg["side"].upper()) for leg in legs if leg)
        )
        if shares and rate > 1.0:
            raise MarginError(f"{name}: {entry!r} credits more than the whole risk: a rate is at most 100 %, and its % must be written")
        if match["percent"] and not shares:
            raise MarginError(f"{name}: {entry!r} charges an amount per spread: write it without %")
        if shares and len({leg.place for leg in spread.legs}) < len(spread.legs):
            raise MarginError(f"{name}: {entry!r} spreads an underlying against itself: name different ones")
        for leg in spread.legs:
            if leg.ratio <= 0.0:
                raise MarginError(f"{name}: {entry!r} takes no delta of {leg.place}: a ratio must be above 0")
            if known is not None and leg.place not in known:
                raise MarginError(f"{name}: {entry!r} names {leg.place}, which is none of {', '.join(known)}: mend the name")
        spreads.append(spread)
    return tuple(spreads)


def read_tiers(text: str, name: str) -> tuple[tuple[float, float], ...]:
    """Tiers from text: days to expiry from and to, `0-35, 36-400`; `rest` at the end is every other period.

    Raises:
        MarginError: a tier has another form, ends before it begins or overlaps another
    """
    parts = [part.strip() for part in text.split(",")]
    rest = [(0.0, math.inf)] if parts[-1].lower() == REST else []
    tiers: list[tuple[float, float]] = []
    for part in parts[: len(parts) - len(rest)]:
        match = _TIER.match(part)
        if match is None:
            raise MarginError(f"{name}: {part!r} is no tier: write first and last days to expiry, such as 0-35, 36-400")
        start, end = float(match[1]), float(match[2])
        if start > end:
            raise MarginError(f"{name}: {part!r} ends before it begins: write the first day before the last")
        for first, last in tiers:
            if start < last and first < end:
                raise MarginError(f"{name}: {part!r} overlaps {first:g}-{last:g}: a day belongs to one tier")
        tiers.append((start, end))
    return (*tiers, *rest)
