"""The market range: valuation time, forwards and vols."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from typing import Any

import pytest
from range_books import AS_OF, CALL_NAME, JUNE, MARKET, YEAR, Grid, ask, checked, margin, one, option

import udfs  # noqa: F401  (fills the registry)
from xlmargin.errors import Faults, MarginError
from xlmargin.sheet.ranges.market import read_market
from xlmargin.sheet.ranges.remembered import read_book

# ---------------------------------------------------------------- market: time, forwards, vols


def test_as_of_is_one_value_of_the_range() -> None:
    """The valuation time may stand in any row; a date alone is its midnight; two are a fault; without one it is now."""

    def as_of(*cells: Any) -> float:
        faults = Faults("market")
        market = read_market([["Underlying", "Spot", "As of"], *(["BTC", 65_000.0, cell] for cell in cells)], faults)
        faults.stop()
        return market.as_of

    midnight = dt.datetime(2025, 6, 1, tzinfo=dt.UTC).timestamp()
    assert as_of(None, dt.date(2025, 6, 1), "") == midnight
    assert as_of("2025-06-01T12:30:00Z", dt.datetime(2025, 6, 1, 12, 30)) == midnight + 12.5 * 3600.0
    assert abs(as_of(None) - dt.datetime.now(dt.UTC).timestamp()) < 60.0
    with pytest.raises(MarginError) as error:
        as_of(dt.date(2025, 6, 1), None, dt.date(2025, 6, 2))
    assert str(error.value) == (
        "market row 4: As of 2025-06-02 00:00 UTC differs from 2025-06-01 00:00 UTC above: give the range one valuation time"
    )


@pytest.mark.parametrize(("heading", "other"), [("IV", 0.7), ("Forward", 71_000.0)])
def test_rows_of_one_expiry_must_agree(heading: str, other: float) -> None:
    """Two vols or forwards of an expiry as a whole, or of a strike, are a fault, never a silent mean."""

    def told(strike: Any) -> list[str]:
        faults = Faults("market")
        rows = [
            ["BTC", 70_000.0, None, None, None, None],
            ["BTC", None, "27JUN25", strike, 0.5, 70_000.0],
            ["BTC", None, "27JUN25", strike, *((other, 70_000.0) if heading == "IV" else (0.5, other))],
        ]
        read_market([["Underlying", "Spot", "Expiry", "Strike", "IV", "Forward"], *rows], faults)
        return [fault.line for fault in faults.faults]

    (line,) = told(None)
    assert line.startswith(f"market row 4: {heading} {other:,.10g} of BTC at 20")
    assert "give BTC at 20" in line
    (line,) = told(70_000.0)
    assert line.startswith(f"market row 4: {heading} {other:,.10g} of BTC at 2025-06-27 08:00 UTC strike 70,000 differs from")
    assert " in row 3: " in line


def chain(*rows: list[Any]) -> Grid:
    """A market range of BTC's own row and more rows `Expiry, Strike, Forward, IV, Rate`."""
    return [
        ["Underlying", "Spot", "Expiry", "Strike", "Forward", "IV", "Rate", "As of"],
        ["BTC", 65_000.0, None, None, None, 0.9, 0.03, AS_OF],
        *(["BTC", None, *row, None] for row in rows),
    ]


def test_forward_is_taken_from_the_row_then_the_market_then_carried() -> None:
    """Forward, first that is there: the row's, the market's for that expiry, Spot · exp(Rate · years)."""
    years = (JUNE - AS_OF.replace(tzinfo=dt.UTC).timestamp()) / YEAR
    market = chain(["27JUN25", None, 66_000.0, None, None], ["27JUN25", 70_000.0, 66_100.0, 0.5, None], ["26DEC25", None, 1.0, None, None])
    assert one(option(Forward=67_000.0), market).forward.tolist() == [67_000.0]
    assert one(option(), market).forward.tolist() == [66_100.0]  # a chain's own forward at that strike
    assert one(option(Strike=71_000.0), chain(["27JUN25", None, 66_000.0, None, None])).forward.tolist() == [66_000.0]
    assert one(option(), chain()).forward.tolist() == [65_000.0 * math.exp(0.03 * years)]
    assert one(option(Spot=50_000.0), chain()).forward.tolist() == [50_000.0 * math.exp(0.03 * years)]
    assert one(option(), chain(["27JUN25", None, None, None, 0.05])).rate.tolist() == [0.05]


def test_spot_of_a_row_holds_for_that_row_alone() -> None:
    """Spot on a row beats the market's, and rows of other contracts keep theirs."""
    header, row = option(Spot=50_000.0, Strike=70_000.0)
    other = option(Spot=None, Strike=71_000.0)[1]
    assert read_book([header, row, other], MARKET).instruments.spot.tolist() == [50_000.0, 65_000.0]


OFF_SMILE = "was read off the market's smile of 2025-06-27 08:00 UTC, which has no vol at that strike"
SMILE = [["27JUN25", 60_000.0, None, 0.60, None], ["27JUN25", 80_000.0, None, 0.80, None]]


@pytest.mark.parametrize(
    ("strike", "rows", "iv", "note"),
    [
        (60_000.0, SMILE, 0.60, ""),
        (50_000.0, SMILE, 0.60, f"note: IV 0.6000 {OFF_SMILE}"),
        (90_000.0, SMILE, 0.80, f"note: IV 0.8000 {OFF_SMILE}"),
        (
            70_000.0,
            [["27JUN25", None, None, 0.7, None], *SMILE],
            math.sqrt(0.36 + 0.28 * math.log(7 / 6) / math.log(8 / 6)),
            f"note: IV 0.7142 {OFF_SMILE}",
        ),
        (
            70_000.0,
            [["27JUN25", None, None, 0.7, None], ["26DEC25", 70_000.0, None, 0.2, None]],
            0.7,
            "note: IV 0.7000 is the market's vol of the expiry 2025-06-27 08:00 UTC",
        ),
        (70_000.0, [["26DEC25", 70_000.0, None, 0.2, None]], 0.9, "note: IV 0.9000 is the market's vol of the underlying"),
    ],
)
def test_vols_fall_back_from_the_smile_to_the_underlying(strike: float, rows: Grid, iv: float, note: str) -> None:
    """Without IV and Price: the smile at the strike, between strikes in total variance over log-moneyness and flat beyond
    its ends, the expiry, the underlying; PM_CHECK tells each that is not the very strike.
    """
    positions = option(Strike=strike, IV=None)
    assert one(positions, chain(*rows)).vol.tolist() == pytest.approx([iv], rel=1e-12)
    table = checked(positions, chain(*rows))
    assert table[0] == ["OK", "", "no fault found", ""]
    assert table[1:] == ([[2.0, "IV", note, "give IV or Price on the row to use another"]] if note else [])


def test_vol_of_the_row_comes_first_then_that_of_its_price() -> None:
    """The row's IV beats its Price as the vol, and the Price stays the mark; without IV the Price gives the vol."""
    held = one(option(IV=0.5), chain(*SMILE))
    price = ask("PM_PRICE", "call", float(held.forward[0]), 70_000.0, float(held.years[0]), 0.42, 0.03)
    both = one(option(IV=0.5, Price=price), chain(*SMILE))
    assert (both.vol.tolist(), both.price.tolist()) == ([0.5], [price])
    assert one(option(IV=None, Price=price), chain(*SMILE)).vol.tolist() == pytest.approx([0.42], rel=1e-9)
    assert checked(option(IV=None, Price=price), chain(*SMILE)) == [["OK", "", "no fault found", ""]]


def test_without_any_vol_the_row_is_told() -> None:
    """No vol is an error that names the row, and so is a price below intrinsic value."""
    cure = "give IV or Price on the row, or a vol in the market range"
    assert margin(option(IV=None), MARKET) == f"#PM! row 2: no IV for this option: {cure}"
    assert checked(option(IV=None), MARKET) == [[2.0, "IV", "no IV for this option", cure]]
    line = margin(option(IV=None, Strike=50_000.0, Price=5.0), MARKET)
    assert line.startswith("#PM! row 2: Price has no implied vol, ")
    assert line.endswith(": mend it, or give IV on the row")


def test_a_whole_chain_is_a_market() -> None:
    """A chain names its points by Instrument, calls and puts, with or without columns for what the name says."""
    rows = [["Instrument", "Spot", "Forward", "IV", "As of"], ["BTC-PERPETUAL", 65_000.0, None, None, AS_OF]]
    rows += [[f"BTC-27JUN25-{strike}-{kind}", 65_000.0, 66_000.0, 0.5 + strike / 1e6, None] for strike in (60_000, 70_000) for kind in "CP"]
    held = one(option(IV=None), rows)
    assert held.vol.tolist() == pytest.approx([0.57], rel=1e-15)
    assert (held.forward.tolist(), held.spot.tolist()) == ([66_000.0], [65_000.0])
    assert checked(option(IV=None), rows) == [["OK", "", "no fault found", ""]]
    wide = [[*row, coin] for row, coin in zip(rows, ["Underlying", *["BTC"] * 5])]
    assert margin(option(IV=None), wide) == margin(option(IV=None), rows)


@pytest.mark.parametrize(
    ("header", "row", "line"),
    [
        (["Underlying", "Spot"], [None, 5.0], "market row 3: Underlying must be given"),
        (["Underlying", "Spot"], ["BTC", 64_000.0], "market row 3: Spot 64,000 of BTC differs from 65,000 in row 2: give BTC one Spot"),
        (["Underlying", "Spot"], ["ETH", "3,200"], "market row 3: Spot must be a number, not the text '3,200'"),
        (
            ["Underlying", "Spot"],
            ["ETH", decimal.Decimal(3)],
            "market row 3: Spot is formatted as currency, which rounds it to 4 decimals before it is read: format the cell as General",
        ),
        (["Underlying", "Spot", "IV"], ["ETH", 3_200.0, 60.0], "market row 3: IV must be a fraction (0.55 is 55 %), not 60"),
        (["Underlying", "Spot", "Rate"], ["ETH", 3_200.0, 5.0], "market row 3: Rate must be a fraction (0.05 is 5 %), not 5"),
        (["Underlying", "Spot", "Strike"], ["ETH", None, 3_000.0], "market row 3: Expiry must be given where a Strike is"),
        (["Underlying", "Spot", "Strike", "Expiry"], ["ETH", None, -1.0, "27JUN25"], "market row 3: Strike must be above 0, not -1"),
        (
            ["Underlying", "Spot", "Expiry"],
            ["ETH", None, "never"],
            "market row 3: Expiry must be a date such as 2025-06-27 or 27JUN25, not the text 'never'",
        ),
        (
            ["Underlying", "Spot", "Instrument"],
            ["ETH", None, CALL_NAME],
            "market row 3: Underlying 'ETH' contradicts the Instrument, which has BTC: clear one of the two cells",
        ),
        (
            ["Underlying", "Spot", "Instrument", "Strike"],
            ["BTC", None, CALL_NAME, 5.0],
            "market row 3: Strike 5 contradicts the Instrument, which has 70,000: clear one of the two cells",
        ),
        (
            ["Underlying", "Spot", "Instrument"],
            ["BTC", None, "BTC option"],
            "market row 3: Instrument 'BTC option' has no form that is known: write it as the venue does, such as BTC-27JUN25-70000-C",
        ),
        (["Name", "Spot"], ["BTC", 1.0], "market row 1: no column Underlying: add it (the headings found are: Name, Spot)"),
    ],
)
def test_market_cells_that_cannot_be_read(header: list[Any], row: list[Any], line: str) -> None:
    """A fault of the market range is told as its own row, by PM_MARGIN and by PM_CHECK."""
    market = [header, ["BTC", 65_000.0, *[None] * (len(header) - 2)], row]
    positions = option(Expiry="27JUN45")
    assert margin(positions, market) == f"#PM! {line}"
    assert checked(positions, market)[0][0] == line.partition(":")[0]


def test_a_blank_market_is_no_market() -> None:
    """A blank cell and a range of blank cells count as left out."""
    positions = option(Expiry=None, DTE=30.0, Spot=65_000.0)
    assert len({margin(positions, blank) for blank in (None, "", " ", [[None]], [["", None], [None, " "]], [])}) == 1
