"""Headings: how they are compared, and the other names that exports and desks give them in each range."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Mapping
from functools import lru_cache
from types import MappingProxyType

Names = Mapping[str, str]  # the folded heading that each other name, folded too, stands for

_INVISIBLE = "Cf"  # category of the characters without a shape: zero-width, soft hyphen, byte order mark, direction marks
_JOINTS = re.compile(r"[\s_%]+")
_MARKS = re.compile(r"[-./\\:'’()\[\]‐-―−]+")  # what people set between the words of a heading
_LETTER = re.compile(r"[^\W\d_]")
_ACCOUNT_UNIT = re.compile(r"\s*[(\[]\s*(?:in\s+)?(?:US\s?\$|\$|USD|USDC|USDT)\s*[)\]]", re.I)


@lru_cache(maxsize=4096, typed=True)
def heading_key(cell: Hashable) -> str:
    """A heading without case, spaces, `_`, `%`, marks, invisible characters and a unit of account; a number as its digits."""
    text = "" if cell is None else str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell)
    plain = "".join(mark for mark in unicodedata.normalize("NFKC", text) if unicodedata.category(mark) != _INVISIBLE)
    bare = _JOINTS.sub("", plain).lower()
    if not _LETTER.search(bare):
        return bare  # a number: its sign and its point are no marks
    return _MARKS.sub("", _JOINTS.sub("", _ACCOUNT_UNIT.sub("", plain)).lower())


def _names(others: Mapping[str, str]) -> Names:
    """Other names by heading, each list separated by commas, as folded keys."""
    return MappingProxyType({heading_key(name): heading_key(heading) for heading, names in others.items() for name in names.split(",")})


_ACCOUNT = "Acct, Client Account ID, Account ID, Account Number, Account No, Account Name, Portfolio, Sub-account"
_UNDERLYING = "Underlying Symbol, Underlying Asset, Coin, Asset, Base Currency, Base Asset, Base Coin, Root"
_INSTRUMENT = "Instrument Name, instId, Instrument ID, Contract Name, Option Symbol, Option Ticker, Trading Symbol"
_STRIKE = "K, Strike Price, Exercise Price, Strike Px"
_EXPIRY = (
    "Maturity, Maturity Date, Expiration, Expiration Date, Exp Date, Exp, Expiry Date, Expire, Expire Date, Expiration Time, "
    "Contract Date, Delivery Date, Delivery Time"
)
_DAYS = "Days to Expiry, Days to Expiration, Days to Maturity, Days Until Expiration, Days Until Expiry, Days Left"
_TYPE = "CP, Put/Call, Call/Put, Call or Put, Call Put Flag, Right, Option Type"
_VOL = "Implied Vol, Implied Volatility, Vol, Volatility, Sigma, Implied Vola, Imp Vol, Impl Vol"
_SPOT = "Spot Price, Index, Index Price, Index Px, idxPx, Underlying Last Price, Underlying Last, Spot Px"
_FORWARD = "Fwd, Forward Price, Fwd Price, F, Forward Px"

POSITIONS = _names(
    {
        "Instrument": _INSTRUMENT,
        "Underlying": _UNDERLYING,
        "Type": _TYPE,
        "Strike": _STRIKE,
        "Expiry": _EXPIRY,
        "DTE": _DAYS,
        "Quantity": "Qty, Size, Amount, Position, Net Qty, Net Quantity, Net Position, Net Size, Net Pos, Pos, Position Size, "
        "Position Amt, Position Amount, Position Qty, Position Quantity, Shares, Units, Net LS Balance",
        "Side": "Direction, posSide, Position Side, Quantity Direction, Buy/Sell, Sell/Buy, B/S, Action, Long/Short, L/S, "
        "Buy or Sell, Long or Short, Trade Side, Trade Direction",
        "IV": _VOL,
        "Coin price": "Mark (BTC), Mark (ETH), Mark Price (BTC), Mark Price (ETH), Price (BTC), Price (ETH)",
        "Mark price": "Mark Px, markPx",
        "Spot": _SPOT,
        "Forward": _FORWARD,
        "Entry": "Average Price, Avg Price, avgPx, Avg Entry Price, Average Entry Price, Entry Price, Open Price, Average Open Price, "
        "Average Cost, Avg Cost, Cost per Share, Cost/Share, Trade Price",
        "Account": _ACCOUNT,
        "Exercise": "Exercise Style, Option Style",
        "Venue": "Exchange",
    }
)
MARKET = _names(
    {
        "Instrument": _INSTRUMENT,
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
HISTORY = _names({"Date": "Timestamp, Datetime, Trade Date"})
BALANCES = _names({"Currency": "Ccy, Coin, Asset", "Amount": "Balance, Quantity, Qty, Equity", "Haircut": "Discount", "Account": _ACCOUNT})
PARAMETERS = _names({"Underlying": _UNDERLYING, "Parameter": "Name, Parameter Name", "Value": "Setting, Parameter Value"})
PLAIN = _names({})
