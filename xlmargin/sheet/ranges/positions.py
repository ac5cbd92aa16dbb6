"""The positions range: every heading of the contract, read column by column."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlmargin.book.contracts import (
    CALL,
    DAY,
    EXPIRY_HOUR,
    FUTURE,
    KIND_NAMES,
    KINDS,
    OWN_NAMES,
    PERPETUAL,
    SPOT,
    Contract,
    parse_instrument,
    show_instant,
    venue_of,
)
from xlmargin.book.positions import SCENARIO_COUNT, Positions, RowNames
from xlmargin.errors import Faults
from xlmargin.pricing.arrays import Floats, Ints
from xlmargin.sheet import plausible
from xlmargin.sheet.cells import is_blank, show
from xlmargin.sheet.columns import Table, blanks, choices, table
from xlmargin.sheet.headings import POSITIONS
from xlmargin.sheet.ranges import inverse
from xlmargin.sheet.ranges.exports import EXPORTED, in_own_columns, must_be_coins, must_count_shares

ARRAY = tuple(str(n) for n in range(1, SCENARIO_COUNT + 1))
CONTRACT = ("Instrument", "Underlying", "Type", "Strike", "Expiry", "DTE", "Multiplier", "Settlement", "Exercise", "Venue")
AMOUNTS = ("Quantity", "USD size", "Side")  # the columns of the amount, which do not affect the contract
VALUES = ("IV", "Price", "Coin price", "Mark price", "Spot", "Forward", "Entry", "Delta")
HEADINGS = (*CONTRACT, *AMOUNTS, *VALUES, "Account", "Order", *ARRAY, *EXPORTED)
SIDES = dict.fromkeys(("buy", "b", "long", "l", "bought"), "buy") | dict.fromkeys(("sell", "s", "short", "sold"), "sell")
SIDES |= dict.fromkeys(("buytoopen", "bto"), "buy") | dict.fromkeys(("selltoopen", "sto"), "sell") | dict.fromkeys(("net", "both"), "net")
SIDES |= dict.fromkeys(("zero", "none", "flat"), "none")
SETTLEMENTS = dict.fromkeys(("inverse", "coin", "reversed", "coinsettled"), "inverse") | dict.fromkeys(
    ("linear", "cash", "usd", "usdc", "usdt"), "linear"
)
EXERCISES = {"european": "european", "e": "european", "eu": "european", "american": "american", "a": "american"}
YES = dict.fromkeys(("yes", "y", "true", "order", "open"), "yes") | dict.fromkeys(("no", "n", "false", "position"), "no")
FORMS = "BTC-27JUN25-70000-C, BTC-PERPETUAL, BTC-USD-240628-70000-C, BTCUSDT"
ZERO_IS_BLANK = ("IV", "Price", "Coin price", "Mark price", "Forward", "Multiplier", "Spot")
MOST_DAYS = 36_500.0


def read_positions(raw: Any, faults: Faults) -> Positions:
    """Read the positions range.

    Args:
        raw: rows of cells with the header first, as any face passes them
        faults: receives every fault of every cell; its `where` names the range

    Returns:
        typed columns (P,); rows with faults have NaN or a default where the cell could not be read

    Raises:
        MarginError: the range has no header, or lacks the headings without which no row can be read
    """
    cells = table(raw, faults, HEADINGS, zero_is_blank=ZERO_IS_BLANK, names=POSITIONS)
    if cells.has(*EXPORTED, "Delta") or (cells.has("Type") and cells.has("Instrument")):
        cells = in_own_columns(cells, faults)
    if not cells.has("Quantity", "USD size"):
        cells.header.lack("Quantity")
    _require_contract(cells, faults.where or "positions")
    terms = _terms(cells, faults)
    kind = terms.kind
    in_coin = _inverse(cells, terms.inverse, faults)
    spot, forward, vol, multiplier = (_positive(cells, heading, faults) for heading in ("Spot", "Forward", "IV", "Multiplier"))
    if (dollars := in_coin & ((kind == FUTURE) | (kind == PERPETUAL))).any():
        must_be_coins(cells, dollars, faults)
    price, coin_price = _marks(cells, (kind >= CALL) & in_coin, faults)
    if (vol >= plausible.HIGH_VOL).any():
        plausible.must_be_fractions(vol, cells.rows, "IV", faults, most=plausible.HIGHEST_VOL, example="0.55 is 55 %")
    underlyings, underlying = _distinct(terms.underlying)
    accounts, account = _distinct(cells.texts("Account", faults, digits=True))
    days = _days_to_expiry(cells, terms, faults)
    years = np.where(np.isfinite(terms.expiry), np.nan, days / 365.0)
    result = Positions(
        row=np.array(cells.rows, np.int64),
        underlyings=underlyings,
        underlying=underlying,
        kind=kind,
        strike=terms.strike,
        expiry=terms.expiry,
        years=years,
        days=np.where(np.isfinite(terms.expiry), days, np.nan),
        quantity=np.full(len(cells), np.nan),
        in_usd=np.zeros(len(cells), np.bool_),
        multiplier=np.where(np.isnan(multiplier), 1.0, multiplier),
        spot=spot,
        forward=forward,
        vol=vol,
        price=price,
        coin_price=coin_price,
        inverse=in_coin,
        accounts=accounts or ("",),
        account=account,
        order=_orders(cells, faults),
        entry=cells.numbers("Entry", faults),
        american=_american(cells, faults),
        delta=cells.numbers("Delta", faults),
        array=_arrays(cells, faults),
        names=RowNames(terms.typed, terms.underlying, kind, terms.strike, terms.expiry, years * 365.0),
    )
    quantity, in_usd = read_quantities(cells, result, faults)
    return replace(result, quantity=quantity, in_usd=in_usd)


def _distinct(words: Sequence[str]) -> tuple[tuple[str, ...], Ints]:
    """Distinct words, sorted, and the index of each row's among them (P,)."""
    found = tuple(sorted(set(words)))
    at = {word: i for i, word in enumerate(found)}
    return found, np.array(list(map(at.__getitem__, words)), np.int64)


def _require_contract(cells: Table, name: str) -> None:
    """Require a heading that names the contract of each row."""
    if cells.has("Instrument") or (cells.has("Underlying") and cells.has("Type")):
        return
    cells.header.fail("no column says what each row holds: add Instrument, or Underlying and Type with Strike and Expiry")


def _positive(cells: Table, heading: str, faults: Faults) -> Floats:
    """A column of positive numbers in which 0 is blank."""
    values = cells.numbers(heading, faults, zero_is_blank=True)
    for i in np.flatnonzero(values < 0.0).tolist():
        faults.add(cells.rows[i], heading, f"{heading} must be above 0, not {show(float(values[i]))}", "type a positive number")
    return values


@dataclass(frozen=True, slots=True)
class _Terms:
    """The contract of each row as columns (P,); a row with a fault has blanks.

    Attributes:
        typed: the Instrument cell, "" where the row names its contract by columns
        underlying: upper case, "" where the row does not name it
        said: whether the row names its kind
    """

    typed: Sequence[str]
    underlying: Sequence[str]
    said: NDArray[np.bool_]
    kind: Ints
    strike: Floats
    expiry: Floats
    inverse: NDArray[np.bool_]


def _terms(cells: Table, faults: Faults) -> _Terms:
    """The contract of each row, from its Instrument or from its columns."""
    columns = _by_columns(cells, faults)
    mine = blanks(cells.column("Instrument"))
    _must_be_whole(cells, columns, mine, faults)
    own = replace(
        columns,
        strike=np.where(columns.kind >= CALL, columns.strike, np.nan),
        expiry=np.where((columns.kind == FUTURE) | (columns.kind >= CALL), columns.expiry, np.nan),
    )
    venues = _venues(cells, faults)
    if not cells.has("Instrument") or not len(cells):
        return own
    named = _by_name(cells, venues, own, faults)
    _must_agree(cells, named, columns, faults)
    return named


def _by_name(cells: Table, venues: Sequence[str], own: _Terms, faults: Faults) -> _Terms:
    """The contract of each row, from the Instrument where it has one, else from the columns."""
    names = cells.texts("Instrument", faults)
    index: dict[tuple[str, str], int] = {}
    at = np.array([index.setdefault(key, len(index)) for key in zip(names, venues)], np.int64)
    contracts = [parse_instrument(*key) if key[0] else None for key in index]
    read = np.array([contract is not None for contract in contracts], np.bool_)[at]
    if any(name and "-" not in name for name, _ in index):
        must_count_shares(names, cells, faults)
    for i in np.flatnonzero(~read).tolist():
        if names[i]:
            faults.add(cells.rows[i], "Instrument", *_unread(names[i]))
    coins, *rest = zip(*(contract or NOTHING for contract in contracts))
    kind, strike, expiry, inverse = (
        np.where(read, np.array(column)[at], given) for column, given in zip(rest, (own.kind, own.strike, own.expiry, own.inverse))
    )
    underlying = [coins[a] or name for a, name in zip(at.tolist(), own.underlying)]
    return _Terms(names, underlying, read, kind, strike, expiry, inverse)


def _unread(name: str) -> tuple[str, str]:
    """The problem of an Instrument that denotes no contract, and its cure."""
    from xlmargin.book.combinations import combination_of

    legs = combination_of(name)
    if legs is None:
        return f"Instrument {show(name)} has no form that is known", f"write it as the venue does, such as {FORMS}"
    return f"Instrument {show(name)} is a combination of Deribit", f"type its legs as rows{legs and f', for each +1 of it: {legs}'}"


NOTHING = Contract("", SPOT, math.nan, math.nan, False)  # replaces an instrument that is blank or has a fault


def _must_agree(cells: Table, named: _Terms, columns: _Terms, faults: Faults) -> None:
    """Require that columns agree with the terms of the instrument's name."""
    option, dated = named.kind >= CALL, (named.kind == FUTURE) | (named.kind >= CALL)
    differ = {
        "Underlying": [own not in ("", name) for own, name in zip(columns.underlying, named.underlying)]
        if cells.has("Underlying")
        else False,
        "Type": columns.said & (columns.kind != named.kind),
        "Strike": option & np.isfinite(columns.strike) & (columns.strike != named.strike),
        "Expiry": dated & np.isfinite(columns.expiry) & (columns.expiry // DAY != named.expiry // DAY),
    }
    for heading, wrong in differ.items():
        for i in np.flatnonzero(named.said & np.asarray(wrong, np.bool_)).tolist():
            meant = {
                "Underlying": named.underlying[i],
                "Type": KIND_NAMES[named.kind[i]],
                "Strike": f"{named.strike[i]:,.10g}",
                "Expiry": show_instant(float(named.expiry[i])),
            }
            faults.add(
                cells.rows[i],
                heading,
                f"{heading} {show(cells.column(heading)[i])} contradicts the Instrument, which has {meant[heading]}",
                "clear one of the two cells",
            )


def _venues(cells: Table, faults: Faults) -> list[str]:
    """The venue of each row, Deribit where none is named."""
    if not cells.has("Venue"):
        return ["deribit"] * len(cells)
    written = cells.texts("Venue", faults)
    known = {text: venue_of(text) for text in set(written)}
    for text, row in zip(written, cells.rows):
        if known[text] is None:
            faults.add(row, "Venue", f"Venue {show(text)} is not known", f"type {', '.join(OWN_NAMES[:-1])} or {OWN_NAMES[-1]}")
    return [known[text] or "deribit" for text in written]


def _by_columns(cells: Table, faults: Faults) -> _Terms:
    """The contract of each row from Underlying, Type, Strike and Expiry."""
    words = cells.choices("Type", KINDS, faults)
    codes = {"": SPOT} | {word: code for code, word in enumerate(KIND_NAMES)}
    return _Terms(
        typed=[""] * len(cells),
        underlying=list(map(str.upper, cells.texts("Underlying", faults))),
        said=np.array(list(map(bool, words)), np.bool_),
        kind=np.array(list(map(codes.__getitem__, words)), np.int64),
        strike=cells.numbers("Strike", faults),
        expiry=cells.dates("Expiry", faults, EXPIRY_HOUR),
        inverse=np.zeros(len(cells), np.bool_),
    )


def _must_be_whole(cells: Table, columns: _Terms, mine: NDArray[np.bool_], faults: Faults) -> None:
    """Require the columns that a contract without an Instrument needs, by its kind."""
    if not mine.any():
        return
    if not (cells.has("Underlying") and cells.has("Type")):
        for i in np.flatnonzero(mine).tolist():
            faults.add(cells.rows[i], "Instrument", "Instrument must be given", f"type a venue's name, such as {FORMS}")
        return
    option, dated = columns.kind >= CALL, (columns.kind == FUTURE) | (columns.kind >= CALL)
    days = cells.column("DTE")
    lacking = {
        "Underlying": np.array([name == "" for name in columns.underlying], np.bool_),
        "Type": ~columns.said,
        "Strike": option & np.isnan(columns.strike),
        "Expiry": dated & np.isnan(columns.expiry),
    }
    for heading, missing in lacking.items():
        given = cells.column(heading)
        for i in np.flatnonzero(missing & mine).tolist():
            if is_blank(given[i]) and (heading != "Expiry" or is_blank(days[i])):
                faults.add(cells.rows[i], heading, f"{heading} must be given", "fill it" + " or DTE" * (heading == "Expiry"))
    for i in np.flatnonzero(mine & option & (columns.strike <= 0.0)).tolist():
        faults.add(cells.rows[i], "Strike", f"Strike must be above 0, not {show(float(columns.strike[i]))}", "type a positive strike")


def _days_to_expiry(cells: Table, terms: _Terms, faults: Faults) -> Floats:
    """Days to expiry of rows that give DTE, as a number or as text such as `28d`; NaN for the others."""
    if any(isinstance(cell, str) for cell in cells.column("DTE")):
        cells = cells.replaced({"DTE": list(map(_plain_days, cells.column("DTE")))})
    days = cells.numbers("DTE", faults)
    dated = (terms.kind == FUTURE) | (terms.kind >= CALL)
    for i in np.flatnonzero(dated & ((days <= 0.0) | (days > MOST_DAYS))).tolist():
        bound = "above 0" if days[i] <= 0.0 else f"at most {MOST_DAYS:,.0f} days"
        faults.add(cells.rows[i], "DTE", f"DTE must be {bound}, not {show(float(days[i]))}", "remove the expired row, or mend the days")
    return np.where(dated, days, np.nan)


def _plain_days(cell: Any) -> Any:
    """The number of a text such as `28d`; any other cell as it is."""
    match = re.fullmatch(r"\s*(\d+)\s*(?:d|days?)\s*", cell, re.I) if isinstance(cell, str) else None
    return float(match[1]) if match else cell


def _marks(cells: Table, in_coin: NDArray[np.bool_], faults: Faults) -> tuple[Floats, Floats]:
    """The marks of the rows: Price [account currency] and Coin price [coin], both (P,), NaN where not given.

    Args:
        in_coin: mask of the inverse options (P,)
    """
    price, coin_price = (_positive(cells, heading, faults) for heading in ("Price", "Coin price"))
    if not cells.has("Coin price", "Mark price"):
        return price, coin_price
    return inverse.marks(cells, in_coin, price, coin_price, _positive(cells, "Mark price", faults), faults)


def read_quantities(cells: Table, held: Positions, faults: Faults) -> tuple[Floats, NDArray[np.bool_]]:
    """Signed quantities (P,), and which of them are amounts of USD (P,).

    Side gives a positive quantity its sign, and must not contradict a negative one.

    Args:
        cells: the columns of AMOUNTS
        held: the rows, whose quantities do not count
        faults: receives every fault of every cell
    """
    quantity, in_usd = cells.numbers("Quantity", faults), np.zeros(len(cells), np.bool_)
    if cells.has("USD size"):
        in_usd = ~blanks(cells.column("USD size"))
        inverse.must_be_usd(cells, held, in_usd, faults)
        quantity = np.where(in_usd, cells.numbers("USD size", faults), quantity)
    written, heading = cells.column("Quantity"), "Quantity" if cells.has("Quantity") else "USD size"
    for i in np.flatnonzero(np.isnan(quantity) & ~in_usd).tolist():
        if is_blank(written[i]):
            faults.add(cells.rows[i], heading, f"{heading} must be given", "type a number, + long, − short")
    if not cells.has("Side"):
        return quantity, in_usd
    words = cells.choices("Side", SIDES, faults)
    if not any(words):
        return quantity, in_usd
    sides = np.array(words, np.str_)
    for i in np.flatnonzero((sides == "buy") & (quantity < 0.0)).tolist():
        faults.add(
            cells.rows[i],
            "Side",
            f"Side buy contradicts the {'USD size' if in_usd[i] else 'Quantity'} {show(float(quantity[i]))}",
            f"make the {'size' if in_usd[i] else 'quantity'} positive, or the side sell",
        )
    for i in np.flatnonzero((sides == "none") & (quantity != 0.0)).tolist():
        faults.add(
            cells.rows[i], "Side", f"Side {show(cells.column('Side')[i])} says nothing is held", "type buy or sell, or the quantity 0"
        )
    return np.where(sides == "sell", -np.abs(quantity), quantity), in_usd


def _inverse(cells: Table, named: NDArray[np.bool_], faults: Faults) -> NDArray[np.bool_]:
    """Coin-settled rows: by the Settlement column, else by the instrument's name."""
    if not cells.has("Settlement"):
        return named
    words = np.array(cells.choices("Settlement", SETTLEMENTS, faults), np.str_)
    return np.where(words == "", named, words == "inverse")


def _orders(cells: Table, faults: Faults) -> NDArray[np.bool_]:
    """A mask of the open orders; TRUE and FALSE are accepted too."""
    if not cells.has("Order"):
        return np.zeros(len(cells), np.bool_)
    words = [{True: "yes", False: "no"}[cell] if isinstance(cell, bool) else cell for cell in cells.column("Order")]
    return np.array([word == "yes" for word in choices(words, cells.rows, "Order", YES, faults)], np.bool_)


def _american(cells: Table, faults: Faults) -> NDArray[np.bool_]:
    """A mask of the American rows; European where the cell is blank."""
    if not cells.has("Exercise"):
        return np.zeros(len(cells), np.bool_)
    words = choices(cells.column("Exercise"), cells.rows, "Exercise", EXERCISES, faults)
    return np.array([word == "american" for word in words], np.bool_)


def _arrays(cells: Table, faults: Faults) -> Floats:
    """The instruments' own risk arrays (P, 16); a row gives all sixteen numbers or none."""
    if not cells.has(*ARRAY):
        return np.full((len(cells), SCENARIO_COUNT), np.nan)
    result = np.column_stack([cells.numbers(heading, faults) for heading in ARRAY])
    blank = np.column_stack([blanks(cells.column(heading)) for heading in ARRAY])
    for i in np.flatnonzero(blank.any(axis=1) & ~blank.all(axis=1)).tolist():
        heading = ARRAY[int(np.argmax(blank[i]))]
        faults.add(
            cells.rows[i],
            heading,
            f"{heading} must be given: a risk array has all sixteen numbers or none",
            "fill the columns 1 … 16 of the row, or clear them",
        )
    return result
