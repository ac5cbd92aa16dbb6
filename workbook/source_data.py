"""The source document's two tables and claims: its figures, their small books, and the declared parameter set."""

from __future__ import annotations

from dataclasses import dataclass

COINS = {"BTC": (70_000.0, 0.50), "ETH": (3_500.0, 0.65)}  # spot as the source states it; vol, which it does not state
ABOUT_FIGURE = 0.02  # largest relative difference from a figure written with ~
METHODS = {"portfolio": "SPAN", "rules": "RULES", "standard": "DERIBIT_SM"}
PARAMETERS: dict[str, list[tuple[str, float | str, str]]] = {  # parameter, value, unit
    "portfolio": [
        ("price_scan_range", 0.11, "fraction of price"),
        ("vol_scan_range", 0.25, "fraction of vol"),
        ("extreme_multiple", 2.0, "price scan ranges"),
        ("extreme_cover", 0.35, "share of the loss"),
        ("look_ahead_days", 1.0, "days"),
        ("spot_treatment", "in_use", "spot counts up to the opposite delta"),
    ],
    "rules": [("basis", "maximum_loss", "spreads at their maximum loss")],
    "standard": [("future_initial_slope", 0.0, "futures at their plain 2 % whatever their size")],
}


@dataclass(frozen=True, slots=True)
class BookRow:
    """A row of a book; its spot and vol are those declared for its coin."""

    coin: str
    kind: str
    quantity: float
    strike: float | None = None
    days: float | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class RepeatedRow:
    """A row that repeats a row of an earlier block, under another account where one is given."""

    block: str
    row: int
    account: str | None = None


@dataclass(frozen=True, slots=True)
class BookBlock:
    """A small book with its own header row."""

    key: str
    title: str
    legs: tuple[BookRow | RepeatedRow, ...]


def _term_structure() -> tuple[BookRow, ...]:
    """Six expiries, four strikes, calls and puts: short the nearer of each two expiries, long the farther."""
    expiries = ((7, -1.0), (14, 1.0), (30, -1.5), (60, 1.5), (90, -2.0), (180, 2.0))
    legs = [
        (kind, quantity, strike, days)
        for days, quantity in expiries
        for strike in (64_000.0, 68_000.0, 72_000.0, 76_000.0)
        for kind in ("call", "put")
    ]
    return tuple(BookRow("BTC", kind, quantity, strike, days, f"leg {n}") for n, (kind, quantity, strike, days) in enumerate(legs, 1))


BLOCKS = (
    BookBlock(
        "put_spread",
        "Short put spread: −P70k +P69k, 10 days",
        (BookRow("BTC", "put", -1, 70_000, 10), BookRow("BTC", "put", 1, 69_000, 10)),
    ),
    BookBlock(
        "condor",
        "Iron condor: −C72k +C73k −P68k +P67k, 10 days",
        (
            BookRow("BTC", "call", -1, 72_000, 10),
            BookRow("BTC", "call", 1, 73_000, 10),
            BookRow("BTC", "put", -1, 68_000, 10),
            BookRow("BTC", "put", 1, 67_000, 10),
        ),
    ),
    BookBlock(
        "calendar",
        "Long calendar: −C70k 10 days, +C70k 40 days",
        (BookRow("BTC", "call", -1, 70_000, 10), BookRow("BTC", "call", 1, 70_000, 40)),
    ),
    BookBlock(
        "straddle",
        "Delta-neutral straddle: −C70k −P70k 30 days, its net delta hedged with a long future",
        (BookRow("BTC", "call", -1, 70_000, 30), BookRow("BTC", "put", -1, 70_000, 30), BookRow("BTC", "future", 0.0571377, None, 30)),
    ),
    BookBlock("naked_call", "Table 2: short BTC 75k call, 30 days", (BookRow("BTC", "call", -1, 75_000, 30),)),
    BookBlock("eth_puts", "Table 2: long ETH 3k puts, 60 days", (BookRow("ETH", "put", 2, 3_000, 60),)),
    BookBlock(
        "eth_condor",
        "Table 2: short ETH iron condor 3.8k/3.9k calls, 3.2k/3.1k puts, 30 days",
        (
            BookRow("ETH", "call", -1, 3_800, 30),
            BookRow("ETH", "call", 1, 3_900, 30),
            BookRow("ETH", "put", -1, 3_200, 30),
            BookRow("ETH", "put", 1, 3_100, 30),
        ),
    ),
    BookBlock(
        "portfolio",
        "Table 2: the whole portfolio (the first two rows are its covered call)",
        (
            BookRow("BTC", "spot", 1),
            RepeatedRow("naked_call", 0),
            BookRow("ETH", "spot", 1),
            RepeatedRow("eth_puts", 0),
            *(RepeatedRow("eth_condor", row) for row in range(4)),
        ),
    ),
    BookBlock("lead_call", "Lead example: long C70k, 30 days", (BookRow("BTC", "call", 1, 70_000, 30),)),
    BookBlock("lead_future", "Lead example: short future", (BookRow("BTC", "future", -1, None, 30),)),
    BookBlock("lead", "Lead example: both", (RepeatedRow("lead_call", 0), RepeatedRow("lead_future", 0))),
    BookBlock(
        "lead_half",
        "Lead example: with half a future",
        (RepeatedRow("lead_call", 0, "call"), BookRow("BTC", "future", -0.5, None, 30, "future")),
    ),
    BookBlock("cash_put", "Cash-secured put: −P65k, 30 days", (BookRow("BTC", "put", -1, 65_000, 30),)),
    BookBlock(
        "gamma_vega",
        "Short gamma, long vega: −straddle 10 days, +straddle 60 days",
        (
            BookRow("BTC", "call", -1, 70_000, 10, "front"),
            BookRow("BTC", "put", -1, 70_000, 10, "front"),
            BookRow("BTC", "call", 1, 70_000, 60, "back"),
            BookRow("BTC", "put", 1, 70_000, 60, "back"),
        ),
    ),
    BookBlock("term", "Term structure: six expiries, four strikes, calls and puts", _term_structure()),
)

OUTSIDE = "outside the source's band with these vols, days and parameters"


@dataclass(frozen=True, slots=True)
class Figure:
    """One cell of the source's tables: its words, and its band where they contain a figure.

    A band's upper end may be the name of a line on the sheet: a figure that the source describes but does not state.
    """

    key: str
    says: str
    least: float | None = None
    most: float | str | None = None
    about: bool = False
    reason: str = OUTSIDE


FIGURES = (
    Figure("put_spread rules", "1,000 (maximum loss)", 1_000, 1_000),
    Figure("put_spread portfolio", "~300–500", 300, 500),
    Figure("put_spread gain", "50–70 %", 0.50, 0.70),
    Figure("condor rules", "1,000 (one width)", 1_000, 1_000),
    Figure("condor portfolio", "~250–450", 250, 450),
    Figure("condor gain", "55–75 %", 0.55, 0.75),
    Figure("calendar rules", "full debit + margin on the short leg"),
    Figure("calendar portfolio", "net debit", 0, "net debit"),
    Figure("calendar gain", "often > 80 %", 0.80, 1),
    Figure("straddle rules", "naked options + futures margin"),
    Figure("straddle portfolio", "dramatically reduced"),
    Figure("straddle gain", "up to 90 %", 0, 0.90),
    Figure("btc_spot notional", "70,000", 70_000, 70_000),
    Figure("btc_spot rules", "held as collateral"),
    Figure("btc_spot portfolio", "positive delta offset"),
    Figure("naked_call notional", "70,000", 70_000, 70_000),
    Figure(
        "naked_call rules",
        "~8,000 (naked call formula)",
        8_000,
        8_000,
        True,
        "8,000 is 10 % and a mark of 1,000, a vol of 34.1 %; at the declared 50 % the mark is 2,112",
    ),
    Figure("naked_call portfolio", "a covered call against the spot"),
    Figure("eth_spot notional", "3,500", 3_500, 3_500),
    Figure("eth_spot rules", "held as collateral"),
    Figure("eth_spot portfolio", "positive delta offset"),
    Figure("eth_puts notional", "7,000", 7_000, 7_000),
    Figure(
        "eth_puts rules",
        "1,500 (full premium)",
        1_500,
        1_500,
        False,
        "two such puts cost 1,500 only at a vol of 191 %; at the declared 65 % they cost 294",
    ),
    Figure("eth_puts portfolio", "a hedge in a falling market"),
    Figure("eth_condor notional", "3,500", 3_500, 3_500),
    Figure("eth_condor rules", "100", 100, 100),
    Figure("eth_condor portfolio", "defined outcome"),
    Figure("total rules", "~9,600", 9_600, 9_600, True),
    Figure("total portfolio", "~2,200", 2_200, 2_200, True),
    Figure("total gain", "over 75 % saved", 0.75, 1),
)
