"""Names and dates as venues and people write them: instruments, kinds, expiries."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

SPOT, FUTURE, PERPETUAL, CALL, PUT = range(5)
KIND_NAMES = ("spot", "future", "perp", "call", "put")

KINDS = {
    **dict.fromkeys(("s", "spot", "stock", "cash", "coin", "share", "shares", "equity", "underlying"), "spot"),
    **dict.fromkeys(("f", "fut", "future", "futures", "forward", "fwd"), "future"),
    **dict.fromkeys(("perp", "perps", "perpetual", "perpetuals", "swap", "perpetualswap", "perpetualfuture"), "perp"),
    **dict.fromkeys(("c", "call", "calls", "calloption", "ce"), "call"),
    **dict.fromkeys(("p", "put", "puts", "putoption", "pe"), "put"),
}

HOUR = 3600.0
DAY = 24 * HOUR
EXPIRY_HOUR = 8  # every crypto venue's dated contract expires at 08:00 UTC
EXCEL_EPOCH = dt.datetime(1899, 12, 30, tzinfo=dt.UTC).timestamp()
FIRST_YEAR, LAST_YEAR = 2000, 2100  # from the first, below the last: no date outside them is plausible
FIRST_SERIAL, LAST_SERIAL = 36526, 73051  # the same years as Excel counts days
LONGEST = 40  # characters: no date or instrument has more
HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d", "-"))  # what word processors make of -
MOST = 1e15  # no strike is plausibly above it
MONTHS = (  # English, German, French, Spanish, Italian and Dutch, without what would begin as another month does
    "january januar janvier enero gennaio januari",
    "february februar février febrero febbraio februari",
    "march märz mars marzo maart mrz mrt",
    "april avril abril aprile",
    "may mai mayo maggio mei",
    "june juni juin junio giugno",
    "july juli juillet julio luglio",
    "august août agosto augustus",
    "september septembre septiembre settembre",
    "october oktober octobre octubre ottobre",
    "november novembre noviembre",
    "december dezember décembre diciembre dicembre",
)

OWN_NAMES = ("deribit", "okx", "bybit", "binance", "derive", "paradex", "thalex", "hyperliquid", "kraken", "cme", "gate", "bit", "aevo")
VENUES = {name: name for name in OWN_NAMES} | {
    "binancecoinm": "binance",
    "binanceusdm": "binance",
    "bit.com": "bit",
    "gate.io": "gate",
    "krakenfutures": "kraken",
    "lyra": "derive",
    "okex": "okx",
}
COIN_SETTLED = {"BTC", "ETH"}  # Deribit's own coins; every other contract there is USDC-linear


class Contract(NamedTuple):
    """The terms that an instrument's name gives.

    Attributes:
        underlying: upper-case coin or share
        kind: SPOT, FUTURE, PERPETUAL, CALL or PUT
        strike: NaN where there is none
        expiry: seconds since 1970 UTC, NaN where there is none
        inverse: settled in the coin
    """

    underlying: str
    kind: int
    strike: float
    expiry: float
    inverse: bool


def instant(year: int, month: int, day: int, hour: int = EXPIRY_HOUR) -> float | None:
    """Seconds since 1970 of a UTC date (at 08:00 by default), or None where there is no such date or it is not plausible."""
    if not FIRST_YEAR <= year < LAST_YEAR:
        return None
    try:
        return dt.datetime(year, month, day, hour, tzinfo=dt.UTC).timestamp()
    except ValueError:
        return None


def show_instant(seconds: float) -> str:
    """An instant as messages show it: `2025-06-27 08:00 UTC`."""
    if not math.isfinite(seconds):
        return ""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def venue_of(text: str) -> str | None:
    """The venue that a text names, or None where it is not known; blank is Deribit."""
    return VENUES.get(re.sub(r"\s+", "", text).lower() or "deribit")


def serial_instant(serial: float, hour: int = EXPIRY_HOUR) -> float | None:
    """Seconds since 1970 of an Excel serial or of a number yyyymmdd, or None where it is no plausible date.

    A whole serial is a date and means `hour`:00 UTC; a fraction is its own time of day.
    """
    if FIRST_SERIAL <= serial < LAST_SERIAL:
        seconds = EXCEL_EPOCH + round(serial * DAY, 3)
        return seconds + hour * HOUR if float(serial).is_integer() else seconds
    if float(serial).is_integer() and 20000101 <= serial <= 20991231:
        number = int(serial)
        return instant(number // 10000, number // 100 % 100, number % 100, hour)
    return None


_NUMBERS = re.compile(r"(\d{1,4})([./-])\s?(\d{1,2})\2\s?(\d{4}|\d{1,2})\.?$")
_DAY_MONTH_YEAR = re.compile(r"(\d{1,2})\.?[\s/-]?([^\W\d_]{3,10})\.?,?[\s/-]?(\d{4}|\d{2})$")
_MONTH_DAY_YEAR = re.compile(r"([^\W\d_]{3,10})\.?[\s/-]?(\d{1,2})(?:st|nd|rd|th)?,?[\s/-]\s?(\d{4})$")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})$")
_SHORT = re.compile(r"(\d{2})(\d{2})(\d{2})$")
_TIME = re.compile(r"[T,]?\s*(\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?\s*([AP]M)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$", re.I)
YEAR_FIRST, DAY_FIRST, MONTH_FIRST = "year first", "day first", "month first"


def expiry_from_text(text: str, hour: int = EXPIRY_HOUR, order: str = "") -> float | None:
    """Seconds since 1970 of a date or time in text: `27JUN25`, `28-Aug-25`, `20321217`, `25.12.2026`, `12/25/2026`, ISO.

    A time without a zone is UTC; a date alone, or at midnight without a zone, means `hour`:00 UTC.

    Args:
        text: the cell
        hour: hour UTC of a date without a time
        order: of a date with several readings, such as `06/07/25`; without it such a date is None

    Returns:
        None where the text is no date, or has two readings
    """
    read = date_readings(text, hour)
    return read.get(order) if len(set(read.values())) > 1 else next(iter(read.values()), None)


def date_readings(text: str, hour: int = EXPIRY_HOUR) -> dict[str, float]:
    """Every reading of a date or time in text by the order of its parts, "" where its form leaves no choice.

    Args:
        text: the cell
        hour: hour UTC of a date without a time

    Returns:
        seconds since 1970 UTC; nothing where the text is no date
    """
    text = text.strip()
    if len(text) > LONGEST:
        return {}
    if match := _COMPACT.match(text) or _SHORT.match(text):
        return _known({"": (_year(match[1]), int(match[2]), int(match[3]))}, hour, 0.0)
    day, time = text, _TIME.search(text)
    late = None
    if time:
        late = _seconds(time)
        day = text[: time.start()].rstrip()
    dates = _dates(day)
    if dates and (late is not None or not time):
        zoned, seconds = bool(time and time[6]), late or 0.0
        return _known(dates, 0 if seconds or zoned else hour, seconds)
    return _iso(text, hour)


def order_of_dates(texts: Iterable[str]) -> str:
    """The order of day, month and year that texts of one column must have, "" where none must have one, or two differ."""
    orders = {next(iter(read)) for text in texts if len(read := date_readings(text)) == 1} - {""}
    return orders.pop() if len(orders) == 1 else ""


def _dates(text: str) -> dict[str, tuple[int, int, int]]:
    """Year, month and day of a date in text by the order of its parts."""
    if match := _DAY_MONTH_YEAR.match(text):
        return {"": (_year(match[3]), _month(match[2]), int(match[1]))}
    if match := _MONTH_DAY_YEAR.match(text):
        return {"": (_year(match[3]), _month(match[1]), int(match[2]))}
    if not (match := _NUMBERS.match(text)):
        return {}
    first, mark, middle, last = match[1], match[2], int(match[3]), match[4]
    if len(first) == 4:
        return {"": (int(first), middle, int(last))} if len(last) < 3 else {}
    if len(first) == 3:
        return {}
    by_day = _year(last), middle, int(first)
    if mark == ".":  # nowhere does the month stand before a point
        return {"": by_day}
    orders = {DAY_FIRST: by_day, MONTH_FIRST: (_year(last), int(first), middle)}
    return orders if len(last) == 4 else orders | {YEAR_FIRST: (_year(first), middle, int(last))}


def _known(dates: dict[str, tuple[int, int, int]], hour: int, seconds: float) -> dict[str, float]:
    """Those of the readings that are dates, at an hour, and seconds later."""
    read = {order: instant(*date, hour) for order, date in dates.items()}
    return {order: at + seconds for order, at in read.items() if at is not None}


def _seconds(time: re.Match[str]) -> float | None:
    """Seconds UTC from midnight of a time of day, None where there is no such time."""
    hour, minute, second, half = int(time[1]), int(time[2]), int(time[3] or 0), (time[5] or "").upper()
    if minute > 59 or second > 59 or hour > 23 or (half and not 1 <= hour <= 12):
        return None
    if half:
        hour = hour % 12 + 12 * (half == "PM")
    zone = (time[6] or "").replace(":", "")
    ahead = HOUR * int(zone[:3]) + 60.0 * int(zone[0] + zone[3:]) if zone[:1] in ("+", "-") and zone else 0.0
    return HOUR * hour + 60.0 * minute + second + float(time[4] or 0) - ahead


def _iso(text: str, hour: int) -> dict[str, float]:
    """The reading of the other forms of ISO 8601."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return {}
    if not moment.tzinfo and moment.time() == dt.time():
        return _known({"": (moment.year, moment.month, moment.day)}, hour, 0.0)
    return {"": (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()}


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


def _month(name: str) -> int:
    """The number of a month by its name or the first letters of it, 0 where no month or more than one begins so."""
    found = {n for n, names in enumerate(MONTHS, 1) if any(each.startswith(name.lower()) for each in names.split())}
    return found.pop() if len(found) == 1 else 0


_COIN = r"([A-Z0-9]{1,15}?)"
_QUOTE = r"(USDC|USDT|USD|EURR|EUR)"
_STRIKE = r"(\d+(?:[d._]\d+)?)"  # Deribit writes 2d5, Derive 2_5
_DATE = r"(\d{1,2}[A-Z]{3}(?:20)?\d{2}|\d{8}|\d{6})"
_OPTION = re.compile(rf"{_COIN}(?:([_-]?){_QUOTE})?-{_DATE}-{_STRIKE}-([CP])(?:-{_QUOTE})?$", re.I)
_DATED = re.compile(rf"{_COIN}(?:[_-]?{_QUOTE})?[-_]{_DATE}$", re.I)
_PERP = re.compile(rf"{_COIN}(?:([_-]?){_QUOTE})?[-_]?(PERPETUAL|PERP|SWAP)$", re.I)
# a US option as clearing houses, brokers and their customers write it: IBIT  261225C00070000, IBIT 261225C70, .IBIT261225C70 and
# IBIT 12/25/2026 70.00 C; eight digits are the strike in thousandths
_LISTED = re.compile(r"\.?([A-Z][A-Z0-9]{0,5}) *(\d{6})([CP])(\d{8}|\d{1,6}(?:\.\d+)?)$", re.I)
_LISTED_IN_WORDS = re.compile(r"([A-Z][A-Z0-9]{0,5}) (\d{2}/\d{2}/\d{4}) (\d{1,6}(?:\.\d+)?) ([CP])$", re.I)
_PAIR = re.compile(rf"{_COIN}([_-]?){_QUOTE}$", re.I)
_OKX_MONEY = re.compile(rf"{_COIN}-USD_UM(_XPERP)?-(.+)$", re.I)  # settled in money although the quote is USD
_QUARTER = re.compile(rf"{_COIN}(USDT|USD)([HMUZ])(\d{{2}})$", re.I)  # Bybit's BTCUSDH27
_KRAKEN = re.compile(rf"(P|F|O(?=F))([FI])_{_COIN}USD(?:_{_DATE}(?:_{_STRIKE}_([CP]))?)?$", re.I)
_UNIFIED = re.compile(rf"{_COIN}/([A-Z0-9]{{1,15}})(?::([A-Z0-9]{{1,15}})(?:-{_DATE}(?:-{_STRIKE}-([CP]))?)?)?$", re.I)
_MONEY = re.compile(r"[A-Z]{0,2}USD[A-Z0-9]{0,2}$|EURR?$", re.I)  # currencies that count as the account's
_BARE = re.compile(r"(?:[A-Z0-9]{1,15}:)?[A-Z0-9]{1,15}$", re.I)  # Hyperliquid's BTC, and xyz:TSLA of other lists there
_QUARTER_MONTHS = {"H": 3, "M": 6, "U": 9, "Z": 12}
_KRAKEN_COINS = {"XBT": "BTC", "XDG": "DOGE"}
_LINEAR_VENUES = ("paradex", "derive", "hyperliquid", "thalex")  # no contract there is settled in its coin


@lru_cache(maxsize=16_384)  # a sheet passes the same names at every recalculation
def parse_instrument(name: str, venue: str) -> Contract | None:
    """The contract of a venue's instrument name, or None where the name has no known form.

    Args:
        name: as the venue spells it, or as ccxt does (`BTC/USD:BTC-261225-70000-C`), in any case
        venue: lower-case venue, which decides the meaning of a name that two venues share
    """
    text = name.translate(HYPHENS).strip()
    if len(text) > LONGEST:
        return None
    if "/" in text:
        return _unified(text) or _listed(text)
    if match := _OPTION.match(text):
        coin, joint, quote, date, strike, kind, tail = match.groups()
        digits = date.isdigit()
        return _option(coin, date, strike, kind, _inverse(coin, tail or quote, venue, digits, joint == "-" and not digits))
    if match := _PERP.match(text):
        coin, joint, quote, word = match.groups()
        perp = word.upper() == "PERP"
        return _perpetual(coin, _inverse(coin, quote, venue, perp and quote is None, joint == "-" and perp))
    if match := _DATED.match(text):
        coin, quote, date = match.groups()
        return _future(coin, expiry_from_text(date), _inverse(coin, quote, venue, date.isdigit()))
    return _of_one_venue(text, venue)


def _of_one_venue(text: str, venue: str) -> Contract | None:
    """The contract of a name in a form that one venue alone uses, or of a pair."""
    if match := _PAIR.match(text):
        coin, joint, quote = match.groups()
        # BTCUSDT is the perpetual of Binance and Bybit; a pair with a separator is the spot market
        return Contract(coin.upper(), SPOT, math.nan, math.nan, False) if joint else _perpetual(coin, quote.upper() == "USD")
    if match := _OKX_MONEY.match(text):
        coin, xperp, rest = match.groups()
        contract = parse_instrument(f"{coin}-USDT-{rest}", venue)  # the same contract settled in money
        return contract and (
            _perpetual(coin, inverse=False) if xperp else contract
        )  # an X-perpetual is dated years ahead, and pays funding
    if match := _QUARTER.match(text):
        coin, quote, month, year = match.groups()
        return _future(coin, _last_friday(_year(year), _QUARTER_MONTHS[month.upper()]), quote.upper() == "USD")
    if match := _KRAKEN.match(text):
        term, settled, coin, date, strike, kind = match.groups()
        coin, inverse = _KRAKEN_COINS.get(coin.upper(), coin), settled.upper() == "I"
        if term.upper() == "O" or kind:
            return _option(coin, date, strike, kind, inverse) if term.upper() == "O" and kind else None
        if (term.upper() == "P") == (date is None):
            return _perpetual(coin, inverse) if date is None else _future(coin, expiry_from_text(date), inverse)
    if venue == "hyperliquid" and _BARE.match(text):
        return _perpetual(text, inverse=False)
    return _listed(text)


def is_listed(name: str) -> bool:
    """Whether a name is that of an option listed in the United States, whose contract covers several shares."""
    return bool(_LISTED.match(name.strip()) or _LISTED_IN_WORDS.match(name.strip()))


def _listed(text: str) -> Contract | None:
    """The contract of a US option's symbol, None where it is none."""
    if match := _LISTED.match(text):
        share, date, kind, digits = match.groups()
        expiry, strike = expiry_from_text(date), float(digits) / (1000.0 if len(digits) == 8 else 1.0)
    elif match := _LISTED_IN_WORDS.match(text):
        share, date, digits, kind = match.groups()
        month, day, year = map(int, date.split("/"))
        expiry, strike = instant(year, month, day), float(digits)
    else:
        return None
    if expiry is None or not 0.0 < strike <= MOST:
        return None
    return Contract(share.upper(), CALL if kind.upper() == "C" else PUT, strike, expiry, False)


def _unified(text: str) -> Contract | None:
    """The contract of ccxt's name of it: `BTC/USDT`, `BTC/USD:BTC`, `BTC/USD:BTC-261225`, `BTC/USD:BTC-261225-70000-C`."""
    match = _UNIFIED.match(text)
    if not match:
        return None
    coin, quote, settled, date, strike, kind = match.groups()
    inverse = settled is not None and settled.upper() == coin.upper()
    if not is_money(quote) or not (settled is None or inverse or is_money(settled)):
        return None
    if settled is None:
        return Contract(coin.upper(), SPOT, math.nan, math.nan, False)
    if date is None:
        return _perpetual(coin, inverse)
    return _future(coin, expiry_from_text(date), inverse) if strike is None else _option(coin, date, strike, kind, inverse)


def is_money(currency: str) -> bool:
    """Whether a currency counts as the account's: dollars and the coins that stand for them."""
    return _MONEY.match(currency) is not None


def _perpetual(coin: str, inverse: bool) -> Contract:
    return Contract(coin.upper(), PERPETUAL, math.nan, math.nan, inverse)


def _future(coin: str, expiry: float | None, inverse: bool) -> Contract | None:
    return None if expiry is None else Contract(coin.upper(), FUTURE, math.nan, expiry, inverse)


def _option(coin: str, date: str, strike: str, kind: str, inverse: bool) -> Contract | None:
    """An option, or None where its date or strike is not plausible."""
    expiry, value = expiry_from_text(date), float(re.sub("[dD_]", ".", strike))
    if expiry is None or not 0.0 < value <= MOST:
        return None
    return Contract(coin.upper(), CALL if kind.upper() == "C" else PUT, value, expiry, inverse)


def _last_friday(year: int, month: int) -> float | None:
    """The instant at which a quarterly contract expires."""
    last = dt.date(year, month, 31 if month in (3, 12) else 30)
    return instant(year, month, last.day - (last.weekday() - 4) % 7)


def _inverse(coin: str, quote: str | None, venue: str, digits: bool, paradex: bool = False) -> bool:
    """Settled in the coin: a USD quote (OKX BTC-USD-…, Binance BTCUSD_PERP), or Deribit's BTC-… and ETH-… names.

    Args:
        digits: whether the date is in digits (Binance, Derive) or the name a bare PERP (Derive, Bybit): never Deribit's spelling
        paradex: whether the name is Paradex's alone: BTC-USD-PERP, BTC-USD-26DEC25-70000-C
    """
    if quote is not None:
        return quote.upper() == "USD" and not paradex and venue not in _LINEAR_VENUES
    return not digits and venue == "deribit" and coin.upper() in COIN_SETTLED


def instrument_name(underlying: str, kind: int, strike: float, expiry: float, days: float = math.nan) -> str:
    """A contract in Deribit's spelling, for rows that name it by columns; days replace the date where they are given."""
    if kind == SPOT:
        return f"{underlying} spot"
    if kind == PERPETUAL:
        return f"{underlying}-PERPETUAL"
    if math.isfinite(days):
        date = f"{days:.10g}D"
    elif math.isfinite(expiry):
        day = dt.datetime.fromtimestamp(expiry, dt.UTC)
        date = f"{day.day}{day:%b%y}".upper()
    else:
        date = "?"  # a row whose expiry is at fault
    if kind == FUTURE:
        return f"{underlying}-{date}"
    return f"{underlying}-{date}-{strike:.15g}-{'C' if kind == CALL else 'P'}"
