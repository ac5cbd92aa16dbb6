"""Names of instruments and dates, as venues and people write them."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from range_books import AS_OF, CALL_NAME, JUNE, MARKET, Grid, ask, margin, one, option

import udfs  # noqa: F401  (fills the registry)
from xlmargin.book.combinations import combination_of
from xlmargin.book.contracts import CALL, FUTURE, PERPETUAL, PUT, SPOT, parse_instrument, show_instant
from xlmargin.errors import Faults
from xlmargin.sheet.ranges.market import read_market
from xlmargin.sheet.ranges.positions import read_positions
from xlmargin.sheet.ranges.remembered import read_book

# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "venue", "contract"),
    [
        ("BTC-27JUN25-70000-C", "deribit", ("BTC", CALL, 70_000.0, JUNE, True)),
        ("btc-27jun25-70000-p", "deribit", ("BTC", PUT, 70_000.0, JUNE, True)),
        ("BTC\u201127JUN25\u201370000\u2212C", "deribit", ("BTC", CALL, 70_000.0, JUNE, True)),  # hyphens of a word processor
        ("BTC-27JUN25-70000-C", "bybit", ("BTC", CALL, 70_000.0, JUNE, False)),
        ("BTC_USDC-27JUN25-70000-C", "deribit", ("BTC", CALL, 70_000.0, JUNE, False)),
        ("BTC-27JUN2025-70000-C", "deribit", ("BTC", CALL, 70_000.0, JUNE, True)),
        ("XRP_USDC-27JUN25-2d5-C", "deribit", ("XRP", CALL, 2.5, JUNE, False)),
        ("BTC-8FEB26-50000-P", "deribit", ("BTC", PUT, 50_000.0, dt.datetime(2026, 2, 8, 8, tzinfo=dt.UTC).timestamp(), True)),
        ("BTC-PERPETUAL", "deribit", ("BTC", PERPETUAL, None, None, True)),
        ("SOL_USDC-PERPETUAL", "deribit", ("SOL", PERPETUAL, None, None, False)),
        ("BTC-27JUN25", "deribit", ("BTC", FUTURE, None, JUNE, True)),
        ("BTC-USD-250627-70000-C", "okx", ("BTC", CALL, 70_000.0, JUNE, True)),
        ("BTC-USD-250627-70000-C", "deribit", ("BTC", CALL, 70_000.0, JUNE, True)),
        ("BTC-USDT-SWAP", "okx", ("BTC", PERPETUAL, None, None, False)),
        ("BTC-USD-SWAP", "okx", ("BTC", PERPETUAL, None, None, True)),
        ("BTC-250627-70000-C", "binance", ("BTC", CALL, 70_000.0, JUNE, False)),
        ("BTC-250627-70000-C", "deribit", ("BTC", CALL, 70_000.0, JUNE, False)),
        ("BTCUSDT", "binance", ("BTC", PERPETUAL, None, None, False)),
        ("BTCUSD", "bybit", ("BTC", PERPETUAL, None, None, True)),
        ("ETH-PERP", "derive", ("ETH", PERPETUAL, None, None, False)),
        ("ETH-PERP", "deribit", ("ETH", PERPETUAL, None, None, False)),
        ("BTC-20250627-70000-C", "derive", ("BTC", CALL, 70_000.0, JUNE, False)),
        ("BTC_USDC", "deribit", ("BTC", SPOT, None, None, False)),
        ("1INCH-27JUN25-0.5-C", "bybit", ("1INCH", CALL, 0.5, JUNE, False)),
        ("BTC-USD_UM-250627", "okx", ("BTC", FUTURE, None, JUNE, False)),
        ("BTC-USD_UM_XPERP-310404", "okx", ("BTC", PERPETUAL, None, None, False)),
        ("ETH-USD_UM-SWAP", "okx", ("ETH", PERPETUAL, None, None, False)),
        ("BTC-USD-250627", "okx", ("BTC", FUTURE, None, JUNE, True)),
        ("BTC-27JUN25-70000-C-USDT", "bybit", ("BTC", CALL, 70_000.0, JUNE, False)),
        ("BTCUSDM25", "bybit", ("BTC", FUTURE, None, JUNE, True)),
        ("BTCUSDT-27JUN25", "bybit", ("BTC", FUTURE, None, JUNE, False)),
        ("BTC-27JUN25", "bybit", ("BTC", FUTURE, None, JUNE, False)),
        ("BTCPERP", "bybit", ("BTC", PERPETUAL, None, None, False)),
        ("BTCUSDT_250627", "binance", ("BTC", FUTURE, None, JUNE, False)),
        ("BTCUSD_250627", "binance", ("BTC", FUTURE, None, JUNE, True)),
        ("BTCUSD_PERP", "binance", ("BTC", PERPETUAL, None, None, True)),
        ("BTC-USD-PERP", "paradex", ("BTC", PERPETUAL, None, None, False)),
        ("BTC-USD-PERP", "deribit", ("BTC", PERPETUAL, None, None, False)),
        ("BTC-USD-27JUN25-70000-C", "paradex", ("BTC", CALL, 70_000.0, JUNE, False)),
        ("ETH-20250627-2400_5-C", "derive", ("ETH", CALL, 2_400.5, JUNE, False)),
        ("BTC-PERPETUAL", "thalex", ("BTC", PERPETUAL, None, None, False)),
        ("BTC-27JUN25", "thalex", ("BTC", FUTURE, None, JUNE, False)),
        ("PF_XBTUSD", "kraken", ("BTC", PERPETUAL, None, None, False)),
        ("PI_XBTUSD", "kraken", ("BTC", PERPETUAL, None, None, True)),
        ("pi_ethusd", "kraken", ("ETH", PERPETUAL, None, None, True)),
        ("FF_XBTUSD_250627", "kraken", ("BTC", FUTURE, None, JUNE, False)),
        ("OF_XBTUSD_250627_70000_C", "kraken", ("BTC", CALL, 70_000.0, JUNE, False)),
        ("FI_ETHUSD_250627", "kraken", ("ETH", FUTURE, None, JUNE, True)),
        ("BTC", "hyperliquid", ("BTC", PERPETUAL, None, None, False)),
        ("kPEPE", "Hyperliquid", ("KPEPE", PERPETUAL, None, None, False)),
        ("BTC/USDT:USDT", "deribit", ("BTC", PERPETUAL, None, None, False)),
        ("BTC/USD:BTC", "deribit", ("BTC", PERPETUAL, None, None, True)),
        ("BTC/USD:BTC-250627", "deribit", ("BTC", FUTURE, None, JUNE, True)),
        ("BTC/USD:BTC-250627-70000-C", "bybit", ("BTC", CALL, 70_000.0, JUNE, True)),
        ("BTC/USDC:USDC-250627-70000-P", "deribit", ("BTC", PUT, 70_000.0, JUNE, False)),
        ("HYPE/USDC", "hyperliquid", ("HYPE", SPOT, None, None, False)),
    ],
)
def test_instrument_names(name: str, venue: str, contract: tuple[Any, ...]) -> None:
    """Every venue's spelling means its contract, at 08:00 UTC, settled as that venue settles it."""
    found = parse_instrument(name, venue.lower())
    assert found is not None
    assert tuple(None if isinstance(part, float) and math.isnan(part) else part for part in found) == contract
    book = read_book(
        [["Instrument", "Venue", "Quantity", "IV", "Spot"], [name, venue, 1.0, 0.5, 100.0]], [["Underlying", "As of"], [contract[0], AS_OF]]
    )
    assert (book.instruments.kind[0], bool(book.instruments.inverse[0])) == (contract[1], contract[4])
    assert list(book.names) == [name]


@pytest.mark.parametrize(
    "name",
    [
        "BTC",
        "BTC-31JUN25-70000-C",
        "BTC-27JUN25-0-C",
        "BTC-27JUN25-70000-X",
        "BTC-27JUN25-70000",
        "27JUN25-70000-C",
        "BTC-27JUN25-" + "9" * 30 + "-C",
        "BTC 27JUN25 70000 C",
        "BTC-USD-26MAR27-70000",
        "FI_XBTUSD",
        "PF_XBTUSD_250627",
        "OF_XBTUSD_250627",
        "PF_XBTUSD_250627_70000_C",
        "ETH/BTC:BTC",
        "ETH/BTC",
        "BTCUSDF25",
    ],
)
def test_names_that_no_venue_writes(name: str) -> None:
    """A name of no known form is told, with forms that are."""
    shown = repr(name if len(name) <= 40 else name[:37] + "...")
    assert margin([["Instrument", "Quantity", "IV"], [name, 1.0, 0.5]], MARKET) == (
        f"#PM! row 2: Instrument {shown} has no form that is known: write it as the venue does, such as "
        "BTC-27JUN25-70000-C, BTC-PERPETUAL, BTC-USD-240628-70000-C, BTCUSDT"
    )


@pytest.mark.parametrize(
    ("name", "legs"),
    [
        ("BTC-CS-26MAR27-70000_75000", "+1 BTC-26MAR27-70000-C, −1 BTC-26MAR27-75000-C"),
        ("BTC-PS-26MAR27-70000_65000", "+1 BTC-26MAR27-70000-P, −1 BTC-26MAR27-65000-P"),
        ("BTC-FS-29APR22_PERP", "+1 BTC-29APR22, −1 BTC-PERPETUAL"),  # the venue's own documentation
        ("BTC-STRD-29MAY26-77000", "+1 BTC-29MAY26-77000-C, +1 BTC-29MAY26-77000-P"),
        ("BTC-STRG-19MAY26-74000_79000", "+1 BTC-19MAY26-74000-P, +1 BTC-19MAY26-79000-C"),
        ("XRP_USDC-CBUT-28MAR25-2d5_3_3d5", "+1 XRP_USDC-28MAR25-2d5-C, −2 XRP_USDC-28MAR25-3-C, +1 XRP_USDC-28MAR25-3d5-C"),
        (
            "BTC-ICOND-31JAN25-82000_84000_98000_100000",
            "+1 BTC-31JAN25-82000-P, −1 BTC-31JAN25-84000-P, −1 BTC-31JAN25-98000-C, +1 BTC-31JAN25-100000-C",
        ),
        ("btc-csr13-17jan25-50000_55000", "+1 BTC-17JAN25-50000-C, −3 BTC-17JAN25-55000-C"),
        ("BTC-CDIAG-26JUN26_2JAN26-60000_90000", "+1 BTC-26JUN26-60000-C, −1 BTC-2JAN26-90000-C"),
        ("BTC-RR-26MAR27-60000_80000", ""),
        ("BTC-BOX-26MAR27-58000_60000", ""),
        ("BTC-CS-26MAR27-70000", ""),
        ("BTC-NEW-26MAR27-70000_75000", ""),
        ("BTC-CS-26MAR27_25JUN27-70000_75000", ""),
    ],
)
def test_a_combination_is_told_with_its_legs(name: str, legs: str) -> None:
    """Where the venue's naming settles the legs they are named, else only that there are legs; no number comes of it."""
    shown = repr(name if len(name) <= 40 else name[:37] + "...")
    cure = f"type its legs as rows, for each +1 of it: {legs}" if legs else "type its legs as rows"
    rows: Grid = [["Instrument", "Quantity", "IV"], [name, 1.0, 0.5]]
    assert margin(rows, MARKET) == f"#PM! row 2: Instrument {shown} is a combination of Deribit: {cure}"
    for leg in legs.split(", ") if legs else ():
        assert parse_instrument(leg.split()[1], "deribit") is not None


# Marks that the venue has published of its combinations (14 and 17 January 2025, BTC near 95,000 and 100,200) have the sign and the
# size of the legs that are named: [combination, mark in coin, forward, days, vol near the strikes]
PUBLISHED = [
    ("BTC-CSR13-17JAN25-50000_55000", -0.86083, 100_216.53, 0.05, 0.6),
    ("BTC-CBUT-28MAR25-90000_95000_100000", 0.003208, 96_500.0, 73.3, 0.60),
    ("BTC-REV-31JAN25-60000", 0.375428, 96_060.0, 17.3, 0.7),
    ("BTC-ICOND-31JAN25-82000_84000_98000_100000", -0.008752, 95_500.0, 17.3, 0.6),
    ("BTC-PCOND-24JAN25-35000_50000_65000_80000", 0.002459, 95_300.0, 10.3, 0.66),
]


@pytest.mark.parametrize(("name", "mark", "forward", "days", "vol"), PUBLISHED)
def test_the_legs_have_the_published_mark(name: str, mark: float, forward: float, days: float, vol: float) -> None:
    """Legs of a wrong sign or ratio would have another mark, by more than the vol can explain."""
    legs = combination_of(name)
    assert legs
    value = 0.0
    for leg in legs.split(", "):
        ratio, instrument = leg.split()
        contract = parse_instrument(instrument, "deribit")
        assert contract is not None
        price = ask("PM_PRICE", "call" if contract.kind == CALL else "put", forward, contract.strike, days / 365.0, vol)
        value += float(ratio.replace("−", "-")) * price / forward
    assert value == pytest.approx(mark, rel=0.35)  # one vol for all strikes


def test_a_name_that_two_venues_share_follows_the_venue_column() -> None:
    """The same name is coin-settled at Deribit, the default, and linear at Bybit."""
    rows: Grid = [["Instrument", "Venue", "Quantity", "IV"]]
    rows += [[CALL_NAME, venue, 1.0, 0.5] for venue in (None, "Bybit", "OKEx")]
    assert read_book(rows, MARKET).instruments.inverse.tolist() == [True, False]
    assert read_book(rows, MARKET).instrument.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("S", SPOT),
        ("stock", SPOT),
        ("cash", SPOT),
        ("F", FUTURE),
        ("Futures", FUTURE),
        ("perp", PERPETUAL),
        ("Perpetual", PERPETUAL),
        ("C", CALL),
        ("CALL", CALL),
        ("Call option", CALL),
        ("p", PUT),
        (" put ", PUT),
    ],
)
def test_types_in_any_common_spelling(word: str, kind: int) -> None:
    """A type may be abbreviated and spelled in any case."""
    assert one(option(Type=word)).kind.tolist() == [kind]


def test_rows_without_an_instrument_are_named_in_deribits_spelling() -> None:
    """Messages and tables call a contract of columns by a venue's name, days standing in for a date."""
    rows = [
        ["Underlying", "Type", "Strike", "Expiry", "DTE", "Quantity", "IV"],
        ["BTC", "C", 70_000.0, "27JUN25", None, 1.0, 0.5],
        ["BTC", "P", 2.5, None, 30.0, 1.0, 0.5],
        ["ETH", "perp", None, None, None, 1.0, None],
        ["ETH", "F", None, 45835.0, None, 1.0, None],
        ["ETH", "S", None, None, None, 1.0, None],
    ]
    names = read_book(rows, MARKET).names
    assert list(names) == ["BTC-27JUN25-70000-C", "BTC-30D-2.5-P", "ETH-PERPETUAL", "ETH-27JUN25", "ETH spot"]
    assert names[1:3] == ["BTC-30D-2.5-P", "ETH-PERPETUAL"]
    assert [row[1] for row in ask("PM_GREEKS", rows, MARKET)[1:6]] == list(names)


# ---------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("cell", "instant"),
    [
        (dt.date(2025, 6, 27), "2025-06-27 08:00 UTC"),
        (dt.datetime(2025, 6, 27), "2025-06-27 08:00 UTC"),
        (dt.datetime(2025, 6, 27, tzinfo=dt.UTC), "2025-06-27 08:00 UTC"),
        (dt.datetime(2025, 6, 27, 16, 30), "2025-06-27 16:30 UTC"),
        (dt.datetime(2025, 6, 27, 16, 30, tzinfo=dt.timezone(dt.timedelta(hours=2))), "2025-06-27 14:30 UTC"),
        (45835.0, "2025-06-27 08:00 UTC"),
        (45835, "2025-06-27 08:00 UTC"),
        (45835.75, "2025-06-27 18:00 UTC"),
        (45835 + 1 / 3, "2025-06-27 08:00 UTC"),
        ("2025-06-27", "2025-06-27 08:00 UTC"),
        ("2025/6/27", "2025-06-27 08:00 UTC"),
        ("2025-06-27T16:30:00", "2025-06-27 16:30 UTC"),
        ("2025-06-27 16:30", "2025-06-27 16:30 UTC"),
        ("2025-06-27T16:30:00Z", "2025-06-27 16:30 UTC"),
        ("2025-06-27 16:30 UTC", "2025-06-27 16:30 UTC"),
        ("2025-06-27T16:30:00+02:00", "2025-06-27 14:30 UTC"),
        ("27JUN25", "2025-06-27 08:00 UTC"),
        ("27jun25", "2025-06-27 08:00 UTC"),
        (" 27 June 2025 ", "2025-06-27 08:00 UTC"),
        ("28-Aug-25", "2025-08-28 08:00 UTC"),
        ("8FEB26", "2026-02-08 08:00 UTC"),
        ("1 Sept 2025", "2025-09-01 08:00 UTC"),
        ("20321217", "2032-12-17 08:00 UTC"),
        (20321217.0, "2032-12-17 08:00 UTC"),
        (20321217, "2032-12-17 08:00 UTC"),
        (1_751_011_200, "2025-06-27 08:00 UTC"),
        (1_751_011_200_000.0, "2025-06-27 08:00 UTC"),
        ("250627", "2025-06-27 08:00 UTC"),
        ("2025-06-27 00:00:00", "2025-06-27 08:00 UTC"),
        ("2025-06-27T00:00", "2025-06-27 08:00 UTC"),
        ("2025-06-27T00:00:00Z", "2025-06-27 00:00 UTC"),
        ("2025-06-27 00:00 +02:00", "2025-06-26 22:00 UTC"),
        ("27.06.2025", "2025-06-27 08:00 UTC"),
        ("27.6.25", "2025-06-27 08:00 UTC"),
        ("03.04.2026 00:00", "2026-04-03 08:00 UTC"),
        ("27. 6. 2025", "2025-06-27 08:00 UTC"),
        ("2025.06.27", "2025-06-27 08:00 UTC"),
        ("2025. 6. 27.", "2025-06-27 08:00 UTC"),
        ("27/06/2025", "2025-06-27 08:00 UTC"),
        ("27-06-2025", "2025-06-27 08:00 UTC"),
        ("6/27/2025", "2025-06-27 08:00 UTC"),
        ("6/27/25", "2025-06-27 08:00 UTC"),
        ("06/06/2025", "2025-06-06 08:00 UTC"),
        ("6/27/2025 4:30 PM", "2025-06-27 16:30 UTC"),
        ("6/27/2025 12:05 AM", "2025-06-27 00:05 UTC"),
        ("27/06/2025, 16:30:15 GMT", "2025-06-27 16:30 UTC"),
        ("27-Jun-2025", "2025-06-27 08:00 UTC"),
        ("Jun 27, 2025", "2025-06-27 08:00 UTC"),
        ("June 27th, 2025", "2025-06-27 08:00 UTC"),
        ("27. Juni 2025", "2025-06-27 08:00 UTC"),
        ("5 déc. 2025", "2025-12-05 08:00 UTC"),
        ("28 ago 2025", "2025-08-28 08:00 UTC"),
    ],
)
def test_expiry_forms(cell: Any, instant: str) -> None:
    """An expiry in any form is its instant; one that is only a date is 08:00 UTC, a time without a zone is UTC."""
    assert show_instant(float(one(option(Expiry=cell)).expiry[0])) == instant


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (("03/04/2026", "25/12/2026"), ("2026-04-03", "2026-12-25")),
        (("12/25/2026", "03/04/2026"), ("2026-12-25", "2026-03-04")),
        (("25/12/32", "03/04/26"), ("2032-12-25", "2026-04-03")),
    ],
)
def test_a_date_with_two_readings_follows_its_column(cells: tuple[str, ...], days: tuple[str, ...]) -> None:
    """Where another date of the column has one reading by numbers, its order is that of all of them."""
    rows: Grid = [["Underlying", "Type", "Strike", "Expiry", "Quantity", "IV"], *(["BTC", "C", 7e4, cell, 1.0, 0.5] for cell in cells)]
    assert tuple(show_instant(at)[:10] for at in read_positions(rows, Faults()).expiry.tolist()) == days


@pytest.mark.parametrize("cells", [("03/04/2026",), ("03/04/2026", "2026-12-25", "27JUN26"), ("03/04/2026", "25/12/2026", "12/25/2026")])
def test_a_date_that_keeps_two_readings_is_refused(cells: tuple[str, ...]) -> None:
    """Dates in words or ISO say nothing about the order of numbers, and two orders contradict each other."""
    rows: Grid = [["Underlying", "Type", "Strike", "Expiry", "Quantity", "IV"], *(["BTC", "C", 7e4, cell, 1.0, 0.5] for cell in cells)]
    assert margin(rows, MARKET) == (
        "#PM! row 2: Expiry must be a date such as 2025-06-27 or 27JUN25, not the text '03/04/2026', which may be "
        "2026-04-03 (day first) or 2026-03-04 (month first)"
    )


@pytest.mark.parametrize("cell", ["2025-06-01 00:00:00", dt.datetime(2025, 6, 1), "2025-06-01", "1.6.2025", "2025-06-01T00:00:00Z"])
def test_a_valuation_at_midnight_is_midnight(cell: Any) -> None:
    """As of a date is its beginning, whether it is a date cell or a text."""
    assert read_market([["Underlying", "Spot", "As of"], ["BTC", 65_000.0, cell]], Faults("market")).as_of == 1_748_736_000.0


def test_years_are_act_365_to_the_second() -> None:
    """Years to expiry count the seconds from the valuation time over 365 days."""
    market = [["Underlying", "Spot", "As of"], ["BTC", 65_000.0, "2025-06-26T20:00:00Z"]]
    assert one(option(), market).years.tolist() == [0.5 / 365]


@pytest.mark.parametrize("kind", ["call", "put", "future"])
def test_days_to_expiry_are_exact(kind: str) -> None:
    """With DTE, years are DTE / 365 exactly, whatever the clock says."""
    assert one(option(Type=kind, Expiry=None, DTE=30.0)).years.tolist() == [30.0 / 365]
    assert margin(option(Expiry=None, DTE=30.0), [["Underlying", "Spot"], ["BTC", 65_000.0]]) == margin(
        option(Expiry=None, DTE=30.0), MARKET
    )


def test_days_that_no_expiry_has() -> None:
    """Days must lie ahead, and may not contradict an Expiry."""
    assert margin(option(Expiry=None, DTE=0.0), MARKET) == "#PM! row 2: DTE must be above 0, not 0"
    assert margin(option(Expiry=None, DTE=1e6), MARKET) == "#PM! row 2: DTE must be at most 36,500 days, not 1,000,000"
    assert margin(option(DTE=26.0), MARKET) == margin(option(DTE="27d"), MARKET) == margin(option(), MARKET)
    told = "DTE 20 contradicts the Expiry 2025-06-27 08:00 UTC, which is 26.33 days ahead"
    assert margin(option(DTE=20.0), MARKET) == f"#PM! row 2: {told}: clear one of the two cells"
    assert margin(option(Expiry=None, DTE=None), MARKET) == "#PM! row 2: Expiry must be given"


def test_an_expired_row_is_told() -> None:
    """At and after its expiry an option or a future has no margin, and the row is named."""
    market = [["Underlying", "Spot", "As of"], ["BTC", 65_000.0, "2025-06-27T08:00:00Z"]]
    line = (
        "#PM! row 2: Expiry 2025-06-27 08:00 UTC is not after the valuation time 2025-06-27 08:00 UTC: "
        "remove the expired row, or mend As of in the market range"
    )
    assert margin(option(), market) == line
    assert margin([["Instrument", "Quantity"], ["BTC-27JUN25", 1.0]], market) == line
    assert margin(option(Quantity=-1.0), [market[0], ["BTC", 65_000.0, "2025-06-27T07:59:59Z"]]) > 0.0
