"""The requirement of each strategy per unit: the table of Cboe and FINRA as functions of legs.

Source: FINRA Rule 4210(f)(2); Cboe Margin Manual of 2021-11-30.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from xlmargin.margin.parameters import Rules
from xlmargin.methods.rules.legs import OptionLegs
from xlmargin.pricing.arrays import Floats, Ints

ROUNDING = 1e-9  # part of the legs below which calls sold and bought are equal


@dataclass(frozen=True, slots=True)
class Terms:
    """The rates of one profile; fractions unless said otherwise.

    Attributes:
        base, minimum: of an uncovered short option
        of_strike: the minimum of a put is counted on its strike, else on spot
        leverage: multiple of base and minimum
        cash: a cash account
        long_term: years beyond which a long option has loan value; `loan`: the requirement of such an option
        box: of the strike gap, long European boxes
        stock, stock_kept: initial and maintenance of long stock; `protected`: of the strike, stock with a long option
        short: initial of short stock; `short_kept` its maintenance, at least `short_least`; below `cheap` at least `cheap_least`
        future, future_kept: initial and maintenance of futures and perpetuals
        lot: smallest number of contracts that pairing counts in
    """

    base: float
    minimum: float
    of_strike: bool
    leverage: float
    cash: bool
    long_term: float
    loan: float
    box: float
    stock: float
    stock_kept: float
    protected: float
    short: float
    short_kept: float
    short_least: float
    cheap: float
    cheap_least: float
    future: float
    future_kept: float
    lot: float


def terms_of(rules: Rules, underlying: str) -> Terms:
    """The rates that hold for one underlying."""
    profile = rules.word("profile", underlying)

    def number(name: str) -> float:
        return rules.number(name, underlying)

    kind = "coin" if profile == "crypto" else "stock"
    return Terms(
        number(f"{profile}_base"),
        number(f"{profile}_minimum"),
        profile != "crypto",
        number("leverage"),
        rules.word("account", underlying) == "cash",
        number("long_term_months") / number("months_per_year"),
        number("long_term_rate"),
        number("box_rate"),
        number(f"{kind}_initial"),
        number(f"{kind}_maintenance"),
        number("protected_rate"),
        number("short_stock_initial"),
        number("short_stock_maintenance"),
        number("short_stock_least"),
        number("cheap_stock"),
        number("cheap_stock_least"),
        number("future_initial"),
        number("future_maintenance"),
        number(f"{kind}_lot"),
    )


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a requirement per unit.

    Attributes:
        label, value, how: its name, amount and source
    """

    label: str
    value: float
    how: str


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy recognised in a book.

    Attributes:
        name: as people call it
        legs: index and signed ratio of each option leg
        stock: signed units of stock per unit of the strategy
        other: name of a future where the strategy is one
        units: count of them
        pieces: parts of the requirement per unit
        maintenance, proceeds, maximum: per unit; proceeds are the premiums of its short options, and the maximum loss is that of
            `largest_loss` or, where a price may move against it without end, the requirement
    """

    name: str
    legs: tuple[tuple[int, float], ...]
    units: float
    pieces: tuple[Piece, ...]
    maintenance: float
    proceeds: float
    maximum: float
    stock: float = 0.0
    other: str = ""

    @property
    def requirement(self) -> float:
        """Per unit, + required."""
        return sum(piece.value for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Column:
    """A strategy of stock and options that the programme may use: per unit, one unit of stock.

    Attributes:
        legs: index and signed ratio of each option leg
    """

    name: str
    legs: tuple[tuple[int, float], ...]
    stock: float
    pieces: tuple[Piece, ...]
    maintenance: float

    @property
    def requirement(self) -> float:
        """Per unit, + required."""
        return sum(piece.value for piece in self.pieces)


def uncovered(legs: OptionLegs, terms: Terms) -> Floats:
    """The requirement of an uncovered short option above its premium (N,); in a cash account the whole strike or underlying."""
    if terms.cash:
        return np.where(legs.call, legs.spot, legs.strike) - legs.mark
    floor_on = np.where(legs.call | (not terms.of_strike), legs.spot, legs.strike)
    return np.maximum(terms.base * terms.leverage * legs.spot - legs.out_of_the_money, terms.minimum * terms.leverage * floor_on)


def by_requirement(legs: OptionLegs, terms: Terms) -> Ints:
    """The shorts from the largest uncovered requirement, premium included, to the smallest (N,).

    In a strangle the earlier one gives the formula; of equal ones that with the larger formula.
    """
    shorts = np.flatnonzero(legs.units < 0.0)
    above = uncovered(legs, terms)[shorts]
    return shorts[np.lexsort((shorts, -above, -(legs.mark[shorts] + above)))]


def long_alone(legs: OptionLegs, terms: Terms) -> tuple[Floats, Floats]:
    """Requirement and maintenance of each option held long on its own (N,), (N,)."""
    lasting = legs.years > terms.long_term
    return (legs.mark * np.where(lasting & (not terms.cash), terms.loan, 1.0), np.where(lasting, terms.loan * legs.mark, 0.0))


def _premium(legs: OptionLegs, i: int, ratio: float = 1.0) -> Piece:
    how = "mark" if ratio == 1.0 else f"{ratio:g} × mark"
    return Piece(f"Premium of {legs.names[i]}", ratio * float(legs.mark[i]), how)


def _formula(legs: OptionLegs, terms: Terms, i: int) -> Piece:
    """The uncovered formula of one leg in words and number."""
    value = float(uncovered(legs, terms)[i])
    if terms.cash:
        return Piece("Deposit above the premium", value, f"{'underlying' if legs.call[i] else 'strike'} less premium")
    on = "spot" if legs.call[i] or not terms.of_strike else "strike"
    return Piece(
        "Uncovered formula",
        value,
        (
            f"larger of {terms.base * terms.leverage:.6g} × spot {legs.spot[i]:,.10g} less {legs.out_of_the_money[i]:,.10g} "
            f"out of the money, and {terms.minimum * terms.leverage:.6g} × {on}"
        ),
    )


def alone(legs: OptionLegs, terms: Terms, i: int, units: float) -> Strategy:
    """One option on its own."""
    kind, mark = "call" if legs.call[i] else "put", float(legs.mark[i])
    if legs.units[i] < 0.0:
        pieces = (_premium(legs, i), _formula(legs, terms, i))
        need = sum(piece.value for piece in pieces)
        parts = ((i, -1.0),)
        return Strategy(f"Short {kind}", parts, units, pieces, need, mark, min(need, largest_loss(legs, parts)))
    need, kept = (float(values[i]) for values in long_alone(legs, terms))
    share = "mark" if need == mark else f"{terms.loan:g} × mark: more than {terms.long_term:g} years"
    piece = Piece(f"Premium of {legs.names[i]}", need, share)
    return Strategy(f"Long {kind}", ((i, 1.0),), units, (piece,), kept, 0.0, mark)


def strangle(legs: OptionLegs, terms: Terms, winner: int, loser: int, units: float) -> Strategy:
    """A short call and a short put: the larger requirement and the premium of the other."""
    pieces = (_premium(legs, winner), _formula(legs, terms, winner), _premium(legs, loser))
    need = sum(piece.value for piece in pieces)
    same = legs.strike[winner] == legs.strike[loser] and legs.expiry[winner] == legs.expiry[loser]
    both = tuple(sorted(((winner, -1.0), (loser, -1.0))))
    return Strategy(
        "Short straddle" if same else "Short strangle", both, units, pieces, need, float(legs.mark[winner] + legs.mark[loser]), need
    )


def payoffs(legs: OptionLegs, chosen: list[int]) -> tuple[Floats, Floats]:
    """Payoff at expiry of one long unit of each chosen leg at 0 and at every strike: (n, points), (points,)."""
    strike, call = legs.strike[chosen][:, None], legs.call[chosen][:, None]
    points = np.unique(np.append(strike, 0.0))
    return np.maximum(np.where(call, points - strike, strike - points), 0.0), points


def largest_loss(legs: OptionLegs, parts: tuple[tuple[int, float], ...], stock: float = 0.0) -> float:
    """The most that one unit of options, and of stock with them, loses at expiry, over all prices.

    Where it can end below nothing, that loss with the premiums left out, as the manual prints it and the source's tables show a short
    spread at its width; but at least what it cost. Else what it cost, less what is left at the worst price. An option that lasts longer
    counts as if exercised when the others expire.

    Args:
        parts: index and signed ratio of each option leg
        stock: signed units of stock with them

    Returns:
        at least 0; infinite where a rise loses without end
    """
    chosen, ratios = [i for i, _ in parts], np.array([ratio for _, ratio in parts])
    if float(ratios[legs.call[chosen]].sum()) + stock < -ROUNDING * float(np.abs(ratios).sum()):
        return math.inf
    value, points = payoffs(legs, chosen)
    cost = float(ratios @ legs.mark[chosen]) + (stock * legs.price if stock else 0.0)
    least = float((ratios @ value + stock * points).min())
    return max(0.0, -least, cost - max(least, 0.0))


def bounded(legs: OptionLegs, name: str, parts: tuple[tuple[int, float], ...], units: float) -> Strategy:
    """Options whose loss has a bound: the most that they can lose at expiry, and the premiums of the long ones."""
    chosen, ratios = [i for i, _ in parts], np.array([ratio for _, ratio in parts])
    value, points = payoffs(legs, chosen)
    total = ratios @ value
    worst = int(np.argmin(total))
    loss = max(0.0, -float(total[worst]))
    how = f"at expiry with the underlying at {points[worst]:,.10g}" if loss else "at expiry at no price"
    pieces = (Piece("Maximum loss", loss, how), *(_premium(legs, i, ratio) for i, ratio in parts if ratio > 0.0))
    proceeds = sum(-ratio * float(legs.mark[i]) for i, ratio in parts if ratio < 0.0)
    return Strategy(name, parts, units, pieces, sum(piece.value for piece in pieces), proceeds, largest_loss(legs, parts))


def box(legs: OptionLegs, terms: Terms, parts: tuple[tuple[int, float], ...], units: float) -> Strategy:
    """A long box of European options: half the gap between its strikes."""
    strikes = [float(legs.strike[i]) for i, _ in parts]
    gap = max(strikes) - min(strikes)
    piece = Piece("Strike gap", terms.box * gap, f"{terms.box:g} × {gap:,.10g}")
    proceeds = sum(-ratio * float(legs.mark[i]) for i, ratio in parts if ratio < 0.0)
    return Strategy("Long box", parts, units, (piece,), piece.value, proceeds, largest_loss(legs, parts))


def future(terms: Terms, name: str, units: float, price: float) -> Strategy:
    """A future or perpetual on its own, at a declared rate."""
    piece = Piece("Margin", terms.future * price, f"{terms.future:g} × price {price:,.10g}")
    label = "Long future" if units > 0.0 else "Short future"
    return Strategy(label, (), abs(units), (piece,), terms.future_kept * price, 0.0, piece.value, 0.0, name)


def short_stock_add_on(terms: Terms, price: float) -> float:
    """Maintenance of short stock above its value."""
    if price < terms.cheap:
        return max(terms.cheap_least, price)
    return max(terms.short_least, terms.short_kept * price)


def stock_alone(terms: Terms, price: float, side: float) -> tuple[tuple[Piece, ...], float]:
    """Requirement and maintenance of one unit of stock without options."""
    if side > 0.0:
        rate = 1.0 if terms.cash and terms.stock else terms.stock
        how = f"{rate:g} × price {price:,.10g}" if rate else "fully paid: held as collateral"
        return (Piece("Stock", rate * price, how),), terms.stock_kept * price
    return (
        (
            Piece("Sale proceeds", price, "price"),
            Piece("Stock", (terms.short - 1.0) * price, f"{terms.short - 1.0:g} × price {price:,.10g}"),
        ),
        price + short_stock_add_on(terms, price),
    )


def stock_columns(legs: OptionLegs, terms: Terms) -> list[Column]:
    """Every strategy that one unit of the stock held can enter with the legs held."""
    if legs.stock == 0.0:
        return []
    calls, puts = np.flatnonzero(legs.call).tolist(), np.flatnonzero(~legs.call).tolist()
    short, long = (lambda i: legs.units[i] < 0.0), (lambda i: legs.units[i] > 0.0)
    if legs.stock > 0.0:
        return _with_long_stock(legs, terms, list(filter(short, calls)), list(filter(long, puts)))
    return _with_short_stock(legs, terms, list(filter(long, calls)), list(filter(short, puts)))


def _with_long_stock(legs: OptionLegs, terms: Terms, calls: list[int], puts: list[int]) -> list[Column]:
    """Covered calls, protective puts, conversions and collars."""
    stock, price, kept = stock_alone(terms, legs.price, 1.0)[0], legs.price, terms.stock_kept
    strike = legs.strike
    columns = [Column("Covered call", ((i, -1.0),), 1.0, stock, kept * min(price, float(strike[i]))) for i in calls]
    if terms.cash:
        return columns
    floor = {i: float(terms.protected * strike[i] + legs.out_of_the_money[i]) for i in puts}
    columns += [Column("Protective put", ((i, 1.0),), 1.0, (*stock, _premium(legs, i)), min(floor[i], kept * price)) for i in puts]
    for p in puts:
        for c in calls:
            if legs.expiry[p] == legs.expiry[c] and strike[p] <= strike[c]:
                same = strike[p] == strike[c]
                need = terms.protected * float(strike[p]) if same else min(floor[p], kept * float(strike[c]))
                columns.append(
                    Column(
                        "Conversion" if same else "Collar",
                        ((min(p, c), 1.0 if p < c else -1.0), (max(p, c), -1.0 if p < c else 1.0)),
                        1.0,
                        (*stock, _premium(legs, p)),
                        need,
                    )
                )
    return columns


def _with_short_stock(legs: OptionLegs, terms: Terms, calls: list[int], puts: list[int]) -> list[Column]:
    """Short stock with a short put, with a long call, and reverse conversions."""
    price, strike = legs.price, legs.strike
    stock, kept = stock_alone(terms, price, -1.0)
    add_on = short_stock_add_on(terms, price)
    columns = []
    for i in puts:
        inside = float(legs.in_the_money[i])
        columns.append(
            Column(
                "Short put with short stock",
                ((i, -1.0),),
                -1.0,
                (*stock, Piece(f"In the money of {legs.names[i]}", inside, "strike less spot, at least 0")),
                kept + inside,
            )
        )
    for i in calls:
        need = price + min(float(terms.protected * strike[i] + legs.out_of_the_money[i]), add_on)
        columns.append(Column("Long call with short stock", ((i, 1.0),), -1.0, (*stock, _premium(legs, i)), need))
    for c in calls:
        for p in puts:
            if legs.expiry[p] == legs.expiry[c] and strike[p] == strike[c]:
                level = float(strike[c])
                rest = (
                    Piece("Strike", terms.protected * level, f"{terms.protected:g} × strike {level:,.10g}") if level < price else stock[1]
                )
                columns.append(
                    Column(
                        "Reverse conversion",
                        ((min(p, c), -1.0 if p < c else 1.0), (max(p, c), 1.0 if p < c else -1.0)),
                        -1.0,
                        (_premium(legs, c), stock[0], rest),
                        (1.0 + terms.protected) * level + float(legs.in_the_money[p]),
                    )
                )
    return columns
