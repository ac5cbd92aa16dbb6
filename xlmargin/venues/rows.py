"""The positions range of a venue's positions, and the notes on what stands in for prices that its answer lacks."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from xlmargin.book.contracts import CALL, DAY, FUTURE, PERPETUAL, PUT, SPOT, Contract, parse_instrument, show_instant
from xlmargin.errors import Faults, MarginError
from xlmargin.sheet.ranges.market import read_market
from xlmargin.venues.saved_chains import APART
from xlmargin.venues.shape import Answer, Holding, contract_of, iso_time

HEADINGS = ["Instrument", "Venue", "Quantity", "USD size", "Price", "Coin price", "Spot", "Forward", "IV", "Entry"]
ONE_MOMENT = 0.01  # index and spot that differ by more are of different times, and so are the marks and the market
SHOWN = 3  # instruments that a note names
FARTHEST, TINY = 2.0, 1e-9  # a forward is within this factor of spot
Held = list[tuple[Holding, Contract]]
Point = tuple[str, float]  # underlying and expiry


def range_of(holdings: Sequence[Holding], venue: str, moment: float | None, *, priced: bool) -> Answer:
    """The positions range of holdings; closed ones are left out and noted.

    Args:
        venue: lower case
        moment: seconds since 1970 UTC at which the answer was made, None where it does not say
        priced: whether spots, forwards and vols are the answer's own; not where a market range gives them, with which the marks stay
    """
    held = [(holding, contract_of(holding.item, holding.name, venue)) for holding in holdings if holding.quantity != 0.0]
    closed = len(holdings) - len(held)
    notes = [f"{closed} closed position{'s are' if closed > 1 else ' is'} left out"] if closed else []
    if not held:
        notes.append("the answer has no open position")
    _must_agree(held)
    spots = {contract.underlying: holding.spot for holding, contract in reversed(held) if holding.spot}
    if priced:
        held = _with_spots(held, spots, notes)
        held = _with_forwards(held, _forwards(held, notes, parity=venue == "deribit"), spots, notes)
    market = None
    if moment is not None and held and priced:
        market = [["Underlying", "As of"], [held[0][1].underlying, iso_time(moment)]]
    marks = {contract.underlying: holding.mark for holding, contract in held if contract.kind == PERPETUAL and holding.mark}
    return Answer([HEADINGS, *(_row(*each, venue, priced=priced) for each in held)], market, tuple(notes), marks | spots, moment)


def _must_agree(held: Held) -> None:
    """Refuse indexes of one underlying, or forwards of one expiry, that cannot all be right at one moment."""
    first: dict[Point, tuple[float, str]] = {}
    for holding, contract in held:
        for what, price, expiry in (("index", holding.spot, 0.0), ("forward", holding.forward, contract.expiry)):
            if not price:
                continue
            level, name = first.setdefault((contract.underlying, expiry), (price, holding.name))
            if abs(price - level) > APART * level:
                holding.item.fail(
                    f"its {what} of {contract.underlying} is {price:,.10g} and that of {name} {level:,.10g}, so they are not of one "
                    "moment: fetch the answer anew"
                )


def _row(holding: Holding, contract: Contract, venue: str, *, priced: bool) -> list[Any]:
    """The cells of one position."""
    coin = contract.kind >= CALL and contract.inverse
    # coins at the answer's own price, USD at another one: an inverse future is a fixed amount of USD
    in_usd = holding.usd is not None and (holding.quantity is None or not priced)
    sizes = (None, holding.usd) if in_usd else (holding.quantity, None)
    marks = (None, holding.mark) if coin else (holding.mark, None)
    market = (holding.spot, holding.forward, holding.vol) if priced else (None, None, None)
    return [holding.name, venue, *sizes, *marks, *market, None if coin else holding.entry]


def _with_spots(held: Held, spots: Mapping[str, float], notes: list[str]) -> Held:
    """Spot of rows without one: the index of another row, else the mark of a future or perpetual, with a note."""
    known = dict(spots)
    for holding, contract in held:
        if contract.underlying not in known and SPOT < contract.kind < CALL and holding.mark:
            known[contract.underlying] = holding.mark
            notes.append(f"the answer has no index of {contract.underlying}: the mark of {holding.name} stands in for spot")
    without = dict.fromkeys(contract.underlying for _, contract in held if contract.underlying not in known)
    if without:
        notes.append(f"the answer has neither an index nor a mark of {_listed(without)}: --market gives spot")
    return [(replace(holding, spot=holding.spot or known.get(contract.underlying)), contract) for holding, contract in held]


def _forwards(held: Held, notes: list[str], *, parity: bool) -> dict[Point, float]:
    """The forwards that an answer tells: of an option's own, the mark of a future, or the marks of a call and a put of one strike.

    Args:
        held: with their spots
        parity: whether the venue's marks are Black-76 at one forward without discount, so that a call less a put gives it
    """
    known: dict[Point, float] = {}
    for holding, contract in held:
        forward = holding.mark if contract.kind == FUTURE else holding.forward
        if forward:
            known.setdefault((contract.underlying, contract.expiry), forward)
    pairs: dict[tuple[Point, bool, float], dict[int, Holding]] = {}
    for holding, contract in held if parity else ():
        point = contract.underlying, contract.expiry
        if contract.kind >= CALL and point not in known and holding.mark and holding.spot:
            pairs.setdefault((point, contract.inverse, contract.strike), {})[contract.kind] = holding
    found: dict[Point, tuple[float, float, float, float]] = {}
    for (point, inverse, strike), pair in pairs.items():
        if len(pair) == 2:
            gap, spot = (pair[CALL].mark or 0.0) - (pair[PUT].mark or 0.0), pair[CALL].spot or strike
            forward = strike / max(1.0 - gap, TINY) if inverse else strike + gap
            if spot / FARTHEST < forward < spot * FARTHEST:
                found[point] = min(found.get(point, (math.inf, 0.0, 0.0, 0.0)), (abs(math.log(strike / spot)), forward, strike, spot))
    for (coin, expiry), (_, forward, strike, spot) in found.items():
        notes.append(
            f"the answer has no forward of {coin} {show_instant(expiry)[:10]}: the marks of its call and put at {strike:,.10g} give "
            f"{forward:,.7g}, where the index is {spot:,.10g}; --market gives the forward"
        )
    return known | {point: forward for point, (_, forward, *_) in found.items()}


def _with_forwards(held: Held, known: Mapping[Point, float], spots: Mapping[str, float], notes: list[str]) -> Held:
    """Forward of options without one: that of their expiry where it is known; else spot stands in, with a note."""
    result, lacking, below = [], {}, []
    for holding, contract in held:
        point = contract.underlying, contract.expiry
        if contract.kind >= CALL and not holding.forward and point in known:
            holding = replace(holding, forward=known[point])
        elif contract.kind >= CALL and not holding.forward and holding.spot:
            lacking[point] = holding.spot
            holding, low = _not_below_intrinsic(holding, contract, holding.spot)
            below += [holding.name] if low else []
        result.append((holding, contract))
    for coin in dict.fromkeys(coin for coin, _ in lacking):
        dates = _listed(show_instant(expiry)[:10] for name, expiry in sorted(lacking) if name == coin)
        stand_in = "the index" if coin in spots else "spot"
        value = next(spot for (name, _), spot in lacking.items() if name == coin)
        notes.append(
            f"the answer has no forward of {coin} {dates}: {stand_in} {value:,.10g} stands in for it, and --market gives the forward"
        )
    if below:
        notes.append(f"the mark of {_listed(below)} lies below intrinsic at the index, and counts as intrinsic; --market gives the forward")
    return result


def _not_below_intrinsic(holding: Holding, contract: Contract, spot: float) -> tuple[Holding, bool]:
    """An option whose mark has a vol at a stand-in for its forward, and whether its mark was below intrinsic there."""
    gain = (spot - contract.strike if contract.kind == CALL else contract.strike - spot) / (spot if contract.inverse else 1.0)
    if holding.vol or not holding.mark or holding.mark >= gain:
        return holding, False
    return replace(holding, mark=gain), True


def _listed(names: Iterable[str]) -> str:
    """Names as a note lists them, the first few."""
    every = list(names)
    return ", ".join(every[:SHOWN]) + (f" and {len(every) - SHOWN} more" if len(every) > SHOWN else "")


def of_one_moment(answer: Answer, market: Any) -> Answer:
    """An answer whose marks hold at the spots of a market range; marks of another moment are left out, with a note.

    Args:
        answer: read for use with a market range
        market: rows of cells with the header first
    """
    try:
        quotes = read_market(market, Faults())
    except MarginError:
        return answer  # whoever reads the range for its own sake tells what is wrong with it
    if answer.moment is not None and abs(quotes.as_of - answer.moment) > DAY:
        why = f"the answer is of {show_instant(answer.moment)} and the market of {show_instant(quotes.as_of)}"
        return _without_marks(answer, None, [f"the marks are left out: {why}, so they are not of one moment"])
    spots = dict(zip(quotes.underlyings, quotes.spot.tolist()))
    far = {coin for coin, index in answer.spots.items() if abs(spots.get(coin, math.nan) / index - 1.0) > ONE_MOMENT}
    notes = [
        f"the marks of {coin} are left out: the answer's price is {answer.spots[coin]:,.10g} and the market's spot {spots[coin]:,.10g}, "
        "so they are not of one moment"
        for coin in sorted(far)
    ]
    return _without_marks(answer, far, notes) if far else answer


def _without_marks(answer: Answer, coins: Collection[str] | None, notes: Sequence[str]) -> Answer:
    """An answer without the marks of some underlyings, None for all."""
    marks = [HEADINGS.index(heading) for heading in ("Price", "Coin price")]
    rows = [list(row) for row in answer.positions]
    for row in rows[1:]:
        contract = parse_instrument(str(row[0]), str(row[1]))
        if coins is None or (contract is not None and contract.underlying in coins):
            for column in marks:
                row[column] = None
    return answer._replace(positions=rows, notes=(*answer.notes, *notes))
