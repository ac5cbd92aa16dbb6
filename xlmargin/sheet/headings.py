"""Headings: how they are compared, and the other names that exports and desks give them in each range."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Mapping
from functools import lru_cache

from xlmargin.sheet.cells import visible

_JOINTS = re.compile(r"[\s_%]+")
_MARKS = re.compile(r"[-./\\:'’()\[\]‐-―−]+")  # what people set between the words of a heading
_LETTER = re.compile(r"[^\W\d_]")
_ACCOUNT_UNIT = re.compile(r"\s*[(\[]\s*(?:in\s+)?(?:US\s?\$|\$|USD|USDC|USDT|%|per\s?cent|pct)\s*[)\]]", re.I)
_PERCENT = re.compile(r"%|\bper\s?cent\b|\bpct\b", re.I)
_NO_COIN = "USD|USDC|USDT|EUR|GBP|JPY|CHF|CNY|KRW|INR|HKD|SGD|AUD|CAD|UNIT|EACH|AVG|MID|LAST|BID|ASK|MARK|OPEN|PAID|VOL"
_COIN = rf"(?:\s+in\s+|\s*[(\[]\s*(?:in\s+)?)(?!(?:{_NO_COIN})\b)(?:[A-Z]{{3,5}}|[Cc]oins?)\s*[)\]]?$"
_TWICE = re.compile(r"([^()]+?)\s*\(([^\W\d][^()]+)\)$")  # short and in full, as some brokers write it: Qty (Quantity)
_USD = r"(?:\s+in\s+|\s*[(\[]\s*(?:in\s+)?)(?:US\s?\$|\$|USD|USDC|USDT)\s*[)\]]?$"
_PRICE, _SIZE = r"(?i:mark|price|mark[\s_]*price|premium)", r"(?i:(?:net\s*)?(?:quantity|qty|size|amount|position|pos|units))"
_WITH_UNIT = {  # a heading whose unit decides what it means
    "coinprice": re.compile(_PRICE + _COIN),
    "price": re.compile(_PRICE + _USD),
    "quantity": re.compile(_SIZE + _COIN),
    "sizeusd": re.compile(_SIZE + _USD),
}


def plain_characters(text: str) -> str:
    """A heading in plain characters: full-width ones as usual ones, none without a shape."""
    return visible(unicodedata.normalize("NFKC", text))


@lru_cache(maxsize=4096, typed=True)
def heading_key(cell: Hashable) -> str:
    """A heading without case, spaces, `_`, `%`, marks, invisible characters and a unit of account; a number as its digits."""
    plain = plain_characters("" if cell is None else str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell))
    for key, pattern in _WITH_UNIT.items():
        if pattern.match(plain.strip()):
            return key
    if (twice := _TWICE.match(plain.strip())) and len(twice[2]) > len(twice[1]) and twice[1][0].lower() == twice[2][0].lower():
        return heading_key(twice[2])
    bare = _JOINTS.sub("", plain).lower()
    if not _LETTER.search(bare):
        return bare  # a number: its sign and its point are no marks
    return _MARKS.sub("", _JOINTS.sub("", _ACCOUNT_UNIT.sub("", plain)).lower())


@lru_cache(maxsize=1024)
def says_percent(text: str) -> bool:
    """Whether a heading says that its cells are in percent."""
    return bool(_PERCENT.search(plain_characters(text)))


class Names(dict[str, str]):
    """The folded heading that each other name of a heading, folded too, stands for in one kind of range.

    Attributes:
        written: the other names as people write them
        closed: a column that is not understood may change the number, and is told
    """

    def __init__(self, others: Mapping[str, str], *, closed: bool = True) -> None:
        pairs = [(name.strip(), heading) for heading, names in others.items() for name in names.split(",")]
        super().__init__((heading_key(name), heading_key(heading)) for name, heading in pairs)
        self.written, self.closed = tuple(name for name, _ in pairs), closed


_ACCOUNT = "Acct, Client Account ID, Account ID, Account Number, Account No, Account Name, Portfolio, Sub-account"
_UNDERLYING = "Underlying Symbol, Underlying Asset, Coin, Asset, Base Currency, Base Asset, Base Coin, Root"
_INSTRUMENT = "Instrument Name, instId, Instrument ID, Contract Name, Option Symbol, Option Ticker, Trading Symbol"
_SYMBOL = "Ticker, Contract, Contract Symbol"
_STRIKE = "K, Strike Price, Exercise Price, Strike Px"
_EXPIRY = (
    "Maturity, Maturity Date, Expiration, Expiration Date, Exp Date, Exp, Expiry Date, Expire, Expire Date, Expiration Time, "
    "Expiry Time, Exp Time, Expiration Timestamp, Expiry Timestamp, Contract Date, Delivery Date, Delivery Time"
)
_DAYS = "Days to Expiry, Days to Expiration, Days to Maturity, Days Until Expiration, Days Until Expiry, Days Left"
_TYPE = "CP, Put/Call, Call/Put, Call or Put, Call Put Flag, Right, Put or Call, Option Type"
_VOL = "Implied Vol, Implied Volatility, Vol, Volatility, Sigma, Implied Vola, Imp Vol, Impl Vol, Mark IV, Mark Vol"
_SPOT = "Spot Price, Index Price, Index Px, idxPx, Underlying Last Price, Underlying Last, Spot Px"
_FORWARD = "Fwd, Forward Price, Fwd Price, F, Forward Px"

POSITIONS = Names(
    {
        "Instrument": _INSTRUMENT,
        "Symbol": _SYMBOL,
        "Underlying": _UNDERLYING,
        "Class": "Asset Class, Asset Type, Asset Category, Instrument Type, instType, Security Type, Sec Type, Product Type, Kind",
        "Right": "CP, Put/Call, Call/Put, Call or Put, Put or Call, Call Put Flag, Option Type, Opt Type, opt_type, Option Right",
        "Strike": _STRIKE,
        "Expiry": _EXPIRY,
        "DTE": _DAYS,
        "Quantity": "Qty, Size, Amount, Position, Net Qty, Net Quantity, Net Position, Net Size, Position Size, "
        "Position Amt, Position Amount, Position Qty, Position Quantity, Shares, Units, Net LS Balance",
        "Contracts": "Pos, Net Pos, Number of Contracts, No of Contracts, Num Contracts, Contract Count, Net Contracts, Lots, "
        "Number of Lots, Quantity (contracts), Qty (contracts), Size (contracts), Position (contracts)",
        "USD size": "Size USD, Amount USD, Quantity USD, Size in USD, Position USD, Position Size USD",
        "Side": "Direction, posSide, Position Side, Quantity Direction, Buy/Sell, Sell/Buy, B/S, Action, Long/Short, L/S, "
        "Buy or Sell, Long or Short, Trade Side, Trade Direction, Position Direction, Position Type, Transaction Type, Txn Type, "
        "Buy/Sell Indicator, Long/Short Indicator",
        "IV": _VOL,
        "Mark price": "Mark, markPx, Market Price, Mark Px",
        "Coin price": "Coin Mark, Coin Mark Price",
        "Spot": _SPOT,
        "Forward": _FORWARD,
        "Entry": "Average Price, Avg Price, avgPx, Avg Entry Price, Average Entry Price, Entry Price, Open Price, Average Open Price, "
        "Average Cost, Avg Cost, Cost Price, Cost Basis Price, Cost per Share, Cost/Share, Trade Price, Purchase Price",
        "Account": _ACCOUNT,
        "Exercise": "Exercise Style, Option Style",
        "Exchange": "Trading Venue",
        "Currency": "Currency Primary, Ccy, Quote Currency, Quote Ccy, Quote Asset, Settlement Currency, Settle Ccy, Price Currency",
        "Size currency": "Quantity Currency, Amount Currency, Size Ccy",
        "Multiplier": "Mult",
        "Contract size": "ctVal, Contract Value, Lot Size, Contract Unit, Contract Multiplier, Shares per Contract",
    }
)
MARKET = Names(
    {
        "Instrument": _INSTRUMENT,
        "Symbol": _SYMBOL,
        "Underlying": _UNDERLYING,
        "Type": _TYPE,
        "Strike": _STRIKE,
        "Expiry": _EXPIRY,
        "DTE": _DAYS,
        "IV": _VOL,
        "Spot": _SPOT,
        "Forward": _FORWARD,
        "Rate": "Interest Rate, Risk-free Rate, Risk-free, R",
        "As of": "Valuation Date, Valuation Time, Timestamp, As of Date, As of Time, Snapshot Time",
    }
)
HISTORY = Names({"Date": "Timestamp, Datetime, Trade Date"}, closed=False)
BALANCES = Names({"Currency": "Ccy, Coin, Asset", "Amount": "Balance, Quantity, Qty, Equity", "Haircut": "Discount", "Account": _ACCOUNT})
PARAMETERS = Names({"Underlying": _UNDERLYING, "Parameter": "Name, Parameter Name", "Value": "Setting, Parameter Value"})
PLAIN = Names({})
