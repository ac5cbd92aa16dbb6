"""Quotes become the rows of a Market range: all that a book needs of one moment, or nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xlmargin.book.contracts import DAY, EXCEL_EPOCH, show_instant
from xlmargin.errors import MarginError
from xlmargin.sheet.cells import is_blank
from xlmargin.sheet.columns import Header
from xlmargin.sheet.headings import MARKET, heading_key
from xlmargin.sheet.layouts import must_hold
from xlmargin.venues.quotes import Needs, Option, Quotes, VenueError

HEADINGS = ("Underlying", "Spot", "Expiry", "Strike", "Forward", "IV", "Rate", "As of")
PATIENCE = 3  # answers in a row without a vol that was there before, until it counts as gone rather than lost on the way
Row = list[Any]
Five = tuple[str, float, float, float, float]  # underlying, expiry, strike, forward, vol of one point


@dataclass(frozen=True, slots=True)
class MarketTable:
    """A whole Market range of one moment.

    Attributes:
        source: venue
        as_of: valuation time, seconds since 1970 UTC
        rows: cells with the header HEADINGS first; dates as Excel serials, vols as fractions, None where blank
        notes: for the user: coins or expiries that the venue does not list
    """

    source: str
    as_of: float
    rows: list[Row]
    notes: tuple[str, ...] = ()

    def laid_out(self, before: Sequence[Row]) -> list[Row]:
        """The rows in the shape of a range that is there: its headings in their order, blank rows to its end.

        Args:
            before: the present range, header first; cells under headings that are not ours stay with their row number

        Raises:
            MarginError: the range lacks a column or is too short
        """
        header = Header(before[0], "market", MARKET)
        at = header.columns(HEADINGS)
        needed = [heading for i, heading in enumerate(HEADINGS) if heading not in at and any(not is_blank(row[i]) for row in self.rows[1:])]
        if needed:
            header.lack(*needed)
        must_hold(before, len(self.rows) - 1, "market")
        ours = set(header.columns((*HEADINGS, "Instrument")).values())
        result = [list(before[0])]
        for n, old in enumerate(before[1:], 1):
            cells = [None if i in ours else cell for i, cell in enumerate(old)]
            for i, heading in enumerate(HEADINGS):
                if n < len(self.rows) and heading in at:
                    cells[at[heading]] = self.rows[n][i]
            result.append(cells)
        return result


def serial(seconds: float) -> float:
    """An instant as the number that a sheet holds for it.

    Args:
        seconds: since 1970 UTC
    """
    return (seconds - EXCEL_EPOCH) / DAY


class Missing:
    """Which quotes went missing since the last whole answer, and how often in a row."""

    def __init__(self) -> None:
        self._spots: set[str] = set()
        self._vols: set[Option] = set()
        self._absent: dict[Option, int] = {}

    def check(self, quotes: Quotes, needs: Needs) -> None:
        """Refuse half an answer, and learn from a whole one.

        Raises:
            VenueError: a spot, every vol of a coin, or the vol of an option held that was there before is missing
        """
        lost = sorted(set(needs.underlyings) - set(quotes.spot) - (quotes.unlisted - self._spots))
        if lost:
            raise VenueError(f"half an answer: no spot of {', '.join(lost)}")
        quoted = {
            (u, e, k)
            for u, e, k, vol in zip(quotes.underlying, quotes.expiry.tolist(), quotes.strike.tolist(), quotes.vol.tolist())
            if vol > 0.0
        }
        alive = {option for option in needs.options if option[1] > quotes.time and option[0] in quotes.spot}
        with_vols = {underlying for underlying, _, _ in quoted}
        if empty := sorted({underlying for underlying, _, _ in alive} - with_vols):
            raise VenueError(f"half an answer: no vols of {', '.join(empty)}")
        gone = (self._vols & alive) - quoted
        self._absent = {option: self._absent.get(option, 0) + 1 for option in gone}
        if short := sorted(option for option, times in self._absent.items() if times <= PATIENCE):
            coin, expiry, strike = short[0]
            raise VenueError(f"half an answer: no vol of {coin} {show_instant(expiry)} {strike:g}")
        self._spots, self._vols = set(quotes.spot), alive & quoted


def market_table(quotes: Quotes, needs: Needs, before: Sequence[Row] | None = None, most_rows: int = 300) -> MarketTable:
    """The Market range that a book needs: each coin's own row, and the smiles of the expiries held.

    Where the smiles do not fit, the strikes held stay, then those nearest to the forward.

    Args:
        quotes: a whole answer
        needs: of the book
        before: the present range: rates are taken over from there, and the rows of coins that the venue does not list
        most_rows: rows below the header

    Raises:
        MarginError: not even the strikes held fit
    """
    old = _records(before)
    rates = {
        str(row["underlying"]).upper(): row["rate"] for row in reversed(old) if isinstance(row["rate"], float) and is_blank(row["expiry"])
    }
    kept = [row for row in old if str(row["underlying"]).upper() not in quotes.spot and str(row["underlying"]).upper() in needs.underlyings]
    notes = [
        f"{name} is not quoted by {quotes.source}: its rows stay as they were" for name in sorted(set(needs.underlyings) - set(quotes.spot))
    ]
    held = {option for option in needs.options if option[1] > quotes.time}
    points = _points(quotes, needs)
    far = sorted({option[:2] for option in held} - {point[:2] for point in points})  # expiries held that have no point
    notes += [
        f"{quotes.source} lists no expiry {show_instant(expiry)} of {coin}: the vol at the money of the nearest one stands in"
        for coin, expiry in far
        if coin in quotes.spot
    ]
    room = most_rows - len(quotes.spot) - len(kept)
    ranked = sorted(points, key=lambda point: (point[:3] not in held and not math.isnan(point[2]), _distance(point)))
    if room < sum(point[:3] in held for point in points):
        raise MarginError(f"the Market range holds {most_rows} rows, too few for the strikes held: make it longer")
    moment = serial(quotes.time)
    rows: list[Row] = [list(HEADINGS)]
    for coin in sorted(quotes.spot):
        vol = next((_at_the_money(quotes, coin, expiry) for name, expiry in far if name == coin), None)
        rows.append([coin, quotes.spot[coin], None, None, None, vol, rates.get(coin), moment])
    chosen = sorted(ranked[:room], key=lambda point: (point[0], point[1], _strike(point)))
    rows += [
        [coin, None, serial(expiry), _blank(strike), _blank(forward), _blank(vol), None, None]
        for coin, expiry, strike, forward, vol in chosen
    ]
    rows += [[*(row[heading_key(heading)] for heading in HEADINGS[:-1]), None if is_blank(row["asof"]) else moment] for row in kept]
    return MarketTable(quotes.source, quotes.time, rows, tuple(notes))


def _strike(point: Five) -> float:
    """The strike; 0 of a future, which comes first."""
    return 0.0 if math.isnan(point[2]) else point[2]


def _distance(point: Five) -> float:
    """The distance of a strike from its forward, in log-moneyness; 0 of a future."""
    return 0.0 if math.isnan(point[2]) or math.isnan(point[3]) else abs(math.log(point[2] / point[3]))


def _blank(value: float) -> float | None:
    return None if math.isnan(value) else value


def _points(quotes: Quotes, needs: Needs) -> list[Five]:
    """The quoted points of the expiries held, those not expired and with a value."""
    columns = zip(quotes.underlying, quotes.expiry.tolist(), quotes.strike.tolist(), quotes.forward.tolist(), quotes.vol.tolist())
    held = {option[:2] for option in needs.options}
    return [
        point
        for point in columns
        if point[1] > quotes.time
        and ((point[:2] in held and point[4] > 0.0) or (math.isnan(point[2]) and point[0] in needs.dated and point[3] > 0.0))
    ]


def _at_the_money(quotes: Quotes, coin: str, expiry: float) -> float | None:
    """The vol at the money of the listed expiry nearest to another one; None where there is none."""
    mine = np.array([name == coin for name in quotes.underlying], np.bool_) & (quotes.vol > 0.0) & (quotes.expiry > quotes.time)
    if not mine.any():
        return None
    nearest = quotes.expiry[mine][np.argmin(np.abs(quotes.expiry[mine] - expiry))]
    at = np.flatnonzero(mine & (quotes.expiry == nearest))
    level = quotes.forward[at] if np.isfinite(quotes.forward[at]).all() else quotes.spot[coin]
    return float(quotes.vol[at[np.argmin(np.abs(np.log(quotes.strike[at] / level)))]])


def _records(before: Sequence[Row] | None) -> list[Mapping[str, Any]]:
    """The rows of a Market range by heading, blank ones left out."""
    if not before:
        return []
    header = Header(before[0])
    at = header.find("Underlying")
    blank = dict.fromkeys(map(heading_key, HEADINGS))
    return [] if at is None else [blank | header.record(row) for row in before[1:] if not is_blank(row[at])]
