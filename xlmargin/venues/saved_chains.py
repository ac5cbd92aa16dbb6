"""Saved quotes become a market range: the latest quote of each contract, one valuation time, one spot of each underlying."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from xlmargin.book.contracts import CALL, PERPETUAL, SPOT, Contract, expiry_from_text, parse_instrument, show_instant
from xlmargin.errors import MarginError
from xlmargin.methods.json_shape import Node, quoted
from xlmargin.sheet.dates import is_rounded
from xlmargin.venues.binance.binance_quotes import by_parity
from xlmargin.venues.quotes import ChainKeys, Mark, Point, points_of
from xlmargin.venues.shape import iso_time, moment_of

HEADINGS = ("Underlying", "Spot", "Expiry", "Strike", "Forward", "IV", "As of")
FRESH, OLD = 300.0, 3600.0  # seconds before the valuation time: an older quote is told; a still older one is left out
APART = 0.1  # fraction by which prices of one thing at one moment cannot differ
LEAST_PERCENT, MOST_FRACTION = 3.0, 4.0  # median vol of a chain: below it no percent, above it no fraction
NAMED = 3  # contracts that a note names
MINUTE = 60.0
A_TIME = "2025-06-27T08:00:00Z or milliseconds since 1970"
READABLE = (
    "--market reads a market range (Underlying, Spot, Expiry, Strike, Forward, IV, As of); Deribit's book summary, ticker or order "
    "book, OKX's opt-summary, mark-price or tickers, Bybit's and Derive's tickers and Binance's marks, as JSON or flattened to CSV; the "
    "options_chain of Tardis.dev; OptionsDX"
)

Cells = list[list[Any]]


class SavedRow(NamedTuple):
    """One row of a file of quotes.

    Attributes:
        node: its cells and its place
        keys: which of them hold the quote
        venue: that spells its name
        time: of the answer that holds it, NaN where it says none
        contract: that the row gives by columns; None where its name says it
        received: when it came, seconds since 1970 UTC, by which rows of one time are ordered; 0 where it is not said
    """

    node: Node
    keys: ChainKeys
    venue: str
    time: float = math.nan
    contract: Contract | None = None
    received: float = 0.0


class SavedQuote(NamedTuple):
    """The quote of one contract: its forward, vol and mark, the level of its index, and the time, NaN where there is none."""

    venue: str
    contract: Contract
    mark: Mark
    level: float
    time: float


class Told:
    """The notes on a file of quotes.

    Attributes:
        file: its name
        lines: so far
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Add a note."""
        self.lines.append(f"{Path(self.file).name}: {text}")

    def left_out(self, names: Sequence[str], why: str) -> None:
        """Add a note on contracts that are left out, if there are any."""
        if names:
            shown = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
            self.say(f"{len(names)} contract{'s' * (len(names) > 1)} not counted ({shown}): {why}")


def saved_market(rows: Sequence[SavedRow], told: Told) -> Cells:
    """The market range of the quotes of a file.

    Args:
        rows: of the file, in its order
        told: receives the notes: what stands in for what, what is left out

    Returns:
        cells with the header first, vols as fractions, times as ISO text

    Raises:
        MarginError: a quote cannot be read, two contradict each other, or there is none
    """
    found = _quotes(_latest(rows, told), told)
    if not found:
        raise MarginError(f"{told.file} holds no quote of a contract that is known: {READABLE}")
    as_of = max((quote.time for quote in found if math.isfinite(quote.time)), default=math.nan)
    kept = _of_one_moment(found, as_of, told)
    index = _indexes(kept, told.file)
    marks = _with_forwards(kept, index)
    _must_agree(marks, told.file)
    spot = _spots(kept, marks, index, told)
    points = _points(marks, spot, told)
    if not spot and not points:
        raise MarginError(f"{told.file} has no vols, forwards or prices of an underlying: save the answer of {rows[0].keys.chain}")
    return _cells(spot, points, as_of)


def _latest(rows: Sequence[SavedRow], told: Told) -> list[SavedRow]:
    """The latest row of each contract, newest first; answers that give other values of it are rows beside."""
    found: dict[tuple[str, tuple[bool, ...]], SavedRow] = {}
    doubtful: dict[tuple[str, tuple[bool, ...]], SavedRow] = {}
    for row in rows:
        name = row.node.text(row.keys.name).upper() if row.contract is None else str(row.contract)
        held = tuple(key in row.node for key in (row.keys.forward, *row.keys.vol, *row.keys.price, *row.keys.indexes))
        dated = row._replace(time=_time(row))
        before = found.setdefault((name, held), dated)
        if before is dated:
            continue
        if math.isnan(before.time) != math.isnan(dated.time):
            row.node.fail(f"has no time where another quote of {name} has one, or the other way round: leave one of them out")
        if math.isnan(dated.time) or (before.time, before.received) == (dated.time, dated.received):
            if before.node.cells != row.node.cells:
                doubtful.setdefault((name, held), row)
        elif (before.time, before.received) < (dated.time, dated.received):
            found[name, held] = dated
            doubtful.pop((name, held), None)
    for (name, _), row in doubtful.items():
        row.node.fail(f"is the second quote of {name} at one time, and it differs: remove one of them")
    if len(found) < len(rows):
        told.say(f"{len(rows):,} quotes of {len({name for name, _ in found}):,} contracts: the latest of each counts")
    return sorted(found.values(), key=lambda row: -row.time if math.isfinite(row.time) else 0.0)


def _time(row: SavedRow) -> float:
    """The time of a row, seconds since 1970 UTC: its own, else that of its answer."""
    key = next((key for key in row.keys.times if row.node.has(key)), "")
    if not key:
        return row.time
    found = time_of(row.node.cells[key])
    if found is None:
        row.node.fail(f"{key} must be a time such as {A_TIME}, not {quoted(row.node.cells[key])}")
    return found


def time_of(value: Any) -> float | None:
    """Seconds since 1970 UTC of a time as venues write it: ISO text, or a count since 1970 in any unit.

    Returns:
        None of anything else, and of a count that a spreadsheet has rounded
    """
    if isinstance(value, str):
        if is_rounded(value):
            return None
        try:
            value = float(value)
        except ValueError:
            value = expiry_from_text(value, 0)
    return moment_of(Node({"it": value}), "it")


def _quotes(rows: Sequence[SavedRow], told: Told) -> list[SavedQuote]:
    """The quotes of rows, newest first, the values of one contract together."""
    found: dict[Contract, SavedQuote] = {}
    strangers: list[str] = []
    vols: list[tuple[SavedRow, float]] = []
    for row in rows:
        name = row.node.text(row.keys.name) if row.contract is None else ""
        contract = row.contract or parse_instrument(name, row.venue)
        if contract is None:
            strangers.append(name)
            continue
        quote = _quote(row, name, contract)
        if math.isfinite(quote.mark.vol):
            vols.append((row, quote.mark.vol))
        before = found.setdefault(contract, quote)
        if before is not quote:
            found[contract] = _filled(before, quote)
    told.left_out(strangers, "combinations and names that have no known form")
    _must_be_in_unit(vols)
    return list(found.values())


def _quote(row: SavedRow, name: str, contract: Contract) -> SavedQuote:
    """The quote of one row; a blank or 0 is none."""
    node, keys = row.node, row.keys
    option = contract.kind >= CALL
    forward = node.price(keys.forward) if option else None
    vol = node.price(*keys.vol) if option else None
    values = [math.nan if value is None else value for value in (forward, vol, node.price(*keys.price), node.price(*keys.indexes))]
    mark = Mark(name or f"{contract.underlying} {show_instant(contract.expiry)}", values[0], values[1] * keys.unit, values[2])
    return SavedQuote(row.venue, contract, mark, values[3], row.time)


def _filled(newer: SavedQuote, older: SavedQuote) -> SavedQuote:
    """A quote whose missing values come from another answer on the same contract."""
    mark = Mark(newer.mark.name, *(a if math.isfinite(a) else b for a, b in zip(newer.mark[1:], older.mark[1:])))
    return newer._replace(mark=mark, level=newer.level if math.isfinite(newer.level) else older.level)


def _must_be_in_unit(vols: Sequence[tuple[SavedRow, float]]) -> None:
    """Refuse vols that are plainly not in the unit of their source."""
    for percent in (True, False):
        mine = sorted((vol / row.keys.unit, n) for n, (row, vol) in enumerate(vols) if row.keys.percent is percent)
        if not mine:
            continue
        middle, n = mine[len(mine) // 2]
        row = vols[n][0]
        if percent and middle < LEAST_PERCENT:
            row.node.fail(f"{row.keys.vol[0]} {middle:g} must be in percent, as its source gives it: 62.89 for 62.89 %")
        if not percent and middle > MOST_FRACTION:
            row.node.fail(f"{row.keys.vol[0]} {middle:g} must be a fraction, as its source gives it: 0.6289 for 62.89 %")


def _of_one_moment(found: Sequence[SavedQuote], as_of: float, told: Told) -> list[SavedQuote]:
    """The quotes that hold at the valuation time: neither long gone by nor of expired contracts."""
    if math.isnan(as_of):
        told.say("no time in it: the valuation time is now; add As of to a market range of your own where that is wrong")
        return list(found)
    if timeless := [quote.mark.name for quote in found if math.isnan(quote.time)]:
        told.say(f"{len(timeless)} quotes say no time ({timeless[0]} is one): {show_instant(as_of)} counts for all")
    told.left_out([quote.mark.name for quote in found if quote.contract.expiry <= as_of], f"expired at {show_instant(as_of)}")
    alive = [quote for quote in found if not quote.contract.expiry <= as_of]
    gone = [quote.mark.name for quote in alive if as_of - quote.time > OLD]
    told.left_out(gone, f"last quoted more than {OLD / MINUTE:g} minutes before {show_instant(as_of)}")
    kept = [quote for quote in alive if not as_of - quote.time > OLD]
    if late := [as_of - quote.time for quote in kept if as_of - quote.time > FRESH]:
        told.say(f"{len(late)} quotes are up to {max(late) / MINUTE:.0f} minutes older than {show_instant(as_of)}, which counts for all")
    return kept


def _indexes(quotes: Sequence[SavedQuote], file: str) -> dict[str, float]:
    """The latest index of each underlying; quotes are newest first."""
    index: dict[str, float] = {}
    for quote in quotes:
        if math.isfinite(quote.level):
            coin = quote.contract.underlying
            _near(quote.level, index.setdefault(coin, quote.level), f"{file}: the index of {coin}", quote.mark.name)
    return index


def _near(value: float, other: float, what: str, name: str) -> None:
    """Refuse two prices of one thing that cannot both be right."""
    if abs(value - other) > APART * other:
        raise MarginError(f"{what} is {value:,.10g} at {name} and {other:,.10g} at another quote: remove the wrong one")


def _with_forwards(quotes: Sequence[SavedQuote], index: Mapping[str, float]) -> list[tuple[Contract, Mark]]:
    """The marks, those of Binance with the forwards that their prices imply; what settles in coin first."""
    marks = [(quote.contract, quote.mark) for quote in quotes if quote.venue != "binance" or quote.contract.kind < CALL]
    paired = by_parity(
        [(quote.contract, quote.mark) for quote in quotes if quote.venue == "binance" and quote.contract.kind >= CALL], index
    )
    return sorted([*marks, *paired], key=lambda pair: not pair[0].inverse)


def _must_agree(marks: Iterable[tuple[Contract, Mark]], file: str) -> None:
    """Refuse forwards of one expiry that cannot all be right."""
    first: dict[tuple[str, float], float] = {}
    for contract, mark in marks:
        if contract.kind >= CALL and math.isfinite(mark.forward):
            level = first.setdefault((contract.underlying, contract.expiry), mark.forward)
            _near(mark.forward, level, f"{file}: the forward of {contract.underlying} {show_instant(contract.expiry)}", mark.name)


def _spots(
    quotes: Sequence[SavedQuote], marks: Sequence[tuple[Contract, Mark]], index: Mapping[str, float], told: Told
) -> dict[str, float]:
    """The spot of each underlying: its index, else what stands in for it, told."""
    spot = dict(index)
    for coin in sorted({quote.contract.underlying for quote in quotes} - spot.keys()):
        mine = [quote for quote in quotes if quote.contract.underlying == coin and math.isfinite(quote.mark.price)]
        cash = next((quote for kind in (SPOT, PERPETUAL) for quote in mine if quote.contract.kind == kind), None)
        if cash is not None:
            spot[coin] = cash.mark.price
            told.say(f"no index of {coin} in it: the price of {cash.mark.name} stands in for the spot")
            continue
        forwards = [
            (contract.expiry, mark.forward if contract.kind >= CALL else mark.price)
            for contract, mark in marks
            if contract.underlying == coin
        ]
        nearest = min((pair for pair in forwards if math.isfinite(pair[1])), default=None)
        if nearest is None:
            told.say(f"no price of {coin} in it: give its Spot on the rows of the positions")
            continue
        spot[coin] = nearest[1]
        told.say(f"no index of {coin} in it: the forward of the nearest expiry, {show_instant(nearest[0])}, stands in for the spot")
    return spot


def _points(marks: Sequence[tuple[Contract, Mark]], spot: Mapping[str, float], told: Told) -> list[Point]:
    """One point of each strike and one of each dated future, those of the chain that settles in coin where there are two."""
    found: dict[tuple[str, float, float | None], Point] = {}
    for inverse in (True, False):
        for point in points_of([pair for pair in marks if pair[0].inverse is inverse], spot):
            found.setdefault((point.underlying, point.expiry, None if math.isnan(point.strike) else point.strike), point)
    lacking = [point for point in found.values() if math.isfinite(point.strike) and math.isnan(point.vol)]
    told.left_out([f"{point.underlying} {show_instant(point.expiry)[:10]} {point.strike:g}" for point in lacking], "they have no vol")
    carried = {(point.underlying, point.expiry) for point in found.values() if math.isfinite(point.forward)}
    bare = sorted({(point.underlying, point.expiry) for point in found.values() if math.isfinite(point.vol)} - carried)
    if bare:
        shown = ", ".join(f"{coin} {show_instant(expiry)[:10]}" for coin, expiry in bare[:NAMED]) + (", …" if len(bare) > NAMED else "")
        told.say(f"no forward of {len(bare)} expiries in it ({shown}): the spot, grown at the Rate, stands in")
    quoted_ = [point for point in found.values() if math.isfinite(point.vol) or math.isfinite(point.forward)]
    return sorted(quoted_, key=lambda point: (point.underlying, point.expiry, not math.isnan(point.strike), point.strike))


def _cells(spot: Mapping[str, float], points: Sequence[Point], as_of: float) -> Cells:
    """The range: each underlying's own row, then its points."""
    moment = iso_time(as_of) if math.isfinite(as_of) else None
    coins = sorted({*spot, *(point.underlying for point in points)})
    rows: Cells = [list(HEADINGS)]
    rows += [[coin, spot.get(coin), None, None, None, None, moment] for coin in coins]
    rows += [
        [p.underlying, None, iso_time(p.expiry), *(None if math.isnan(x) else x for x in (p.strike, p.forward, p.vol)), None]
        for p in points
    ]
    return rows
