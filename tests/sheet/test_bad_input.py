"""Ten thousand corrupted ranges: nothing raises, nothing is guessed, and what is wrong is told with its row."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

import udfs  # noqa: F401  (fills the registry)
from xlmargin.sheet.registry import ERROR, FUNCTIONS

Grid = list[list[Any]]

CASES, BATCHES = 10_000, 10
SEED = 20_250_627
AS_OF = dt.datetime(2025, 6, 1, 12, 30)
SPOTS = {"BTC": 65_000.0, "ETH": 3_200.0, "SOL": 150.0}
INTERNAL = "please report it"  # what the last safety net writes: a fault nobody thought of

# ---------------------------------------------------------------- cells no column of numbers may take

ERRORS: list[Any] = [
    *range(-2146826288, -2146826237),
    "#N/A",
    "#REF!",
    "#VALUE!",
    "#DIV/0!",
    "#NAME?",
    "#NUM!",
    "#NULL!",
    "#SPILL!",
    "#CALC!",
    "#GETTING_DATA",
    "#BEZUG!",
    "#NV",
    "#PM! row 3: Quantity must be given",
    {"type": "Error", "errorType": "NotAvailable", "basicValue": "#N/A", "basicType": "Error"},
    {"type": "Error"},
]
NOWHERE_READABLE: list[Any] = [
    decimal.Decimal("0.0312"),
    decimal.Decimal("NaN"),
    math.nan,
    math.inf,
    -math.inf,
    dt.time(8, 30),
    [],
    [1.0],
    {},
    object(),
    1e300,
    -1e300,
    10**400,
    b"12",
    1 + 2j,
]
NOT_NUMBERS: list[Any] = [
    *NOWHERE_READABLE,
    True,
    False,
    "12",
    "1,000",
    "55%",
    "1e5",
    "(3)",
    "$4",
    "ten",
    "n/a",
    "-",
    "'5",
    "\N{ARABIC-INDIC DIGIT FIVE}",
    "9" * 5_000 + "x",
    " " * 200 + "x" + " " * 200,
    dt.datetime(2025, 6, 27),
    dt.date(2025, 6, 27),
]
NOT_DATES: list[Any] = [
    *NOWHERE_READABLE,
    True,
    False,
    "12",
    "1,000",
    "55%",
    "soon",
    "31JUN25",
    "06/07/25",
    "27XYZ25",
    "1e5",
    "2025-13-01",
    "0001-01-01",
    "9999-12-31T23:59:59",
    -5.0,
    12.0,
    20251345.0,
    1e14,
    dt.date(1899, 12, 30),
    dt.datetime(2199, 1, 1),
    "x" + " " * 5_000 + "y",
]
NOT_WORDS: list[Any] = [*NOWHERE_READABLE, 12.0, "12", "maybe", "#hash", "\N{SNOWMAN}", dt.date(2025, 6, 27)]
NOT_TEXTS: list[Any] = [*NOWHERE_READABLE, True, False, dt.date(2025, 6, 27), dt.datetime(2025, 6, 27, 8)]
NOT_INSTRUMENTS: list[Any] = [
    *NOT_TEXTS,
    "BTC",
    "12",
    "1,000",
    "55%",
    "BTC-31JUN25-70000-C",
    "BTC-27JUN25-0-C",
    12.0,
    "-0",
    "BTC-27JUN25-70000-X",
    "BTC-27JUN25-" + "9" * 400 + "-C",
    "A" * 30_000,
    "BTC-27JUN25-70000",
]
BLANKS: list[Any] = [None, "", "   ", "\t"]
NEGATIVE: list[Any] = [-1.0, -7, -1e-9]

UNREADABLE: dict[str, list[Any]] = {
    "Instrument": NOT_INSTRUMENTS,
    "Underlying": NOT_TEXTS,
    "Type": [*NOT_WORDS, True],
    "Strike": [*NOT_NUMBERS, *NEGATIVE, 0.0],
    "Expiry": NOT_DATES,
    "Quantity": NOT_NUMBERS,
    "IV": [*NOT_NUMBERS, *NEGATIVE, 55.0],
    "Spot": [*NOT_NUMBERS, *NEGATIVE],
    "Price": [*NOT_NUMBERS, *NEGATIVE],
    "Forward": [*NOT_NUMBERS, *NEGATIVE],
    "Multiplier": [*NOT_NUMBERS, *NEGATIVE],
    "DTE": [*NOT_NUMBERS, -1.0, 0.0, 1e14],
    "Side": [*NOT_WORDS, True],
    "Settlement": [*NOT_WORDS, True],
    "Exercise": [*NOT_WORDS, True],
    "Account": NOT_TEXTS,
    "Entry": NOT_NUMBERS,
    "Order": NOT_WORDS,
    "Venue": [*NOT_WORDS, True],
    "As of": NOT_DATES,
    "Rate": [*NOT_NUMBERS, 5.0, -5.0],
}
OPTION_ONLY = {"Exercise"}  # what a row of another kind need not mind


@dataclass
class Case:
    """A book as raw cells, and what was done to it.

    `bad` and `bad_market` are the rows (counted from the header as 1) and headings that must be told; `broken` says that
    the ranges cannot give a number for another reason; `same` that the answer must not have changed. A row is changed
    once at most, so that no change hides another.
    """

    positions: Any
    market: Any
    bad: set[tuple[int, str]] = field(default_factory=set)
    bad_market: set[tuple[int, str]] = field(default_factory=set)
    broken: bool = False
    same: bool = True
    absurd: bool = False
    done: list[str] = field(default_factory=list)


# ---------------------------------------------------------------- books that are sound


def instrument_row(rng: random.Random) -> tuple[str, str]:
    """A venue's name and the underlying it stands for."""
    coin = rng.choice(["BTC", "ETH"])
    strike = round(SPOTS[coin] * rng.uniform(0.6, 1.5), -2)
    name = rng.choice(
        [
            f"{coin}-27MAR26-{strike:.0f}-{rng.choice('CP')}",
            f"{coin}_USDC-26DEC25-{strike:.0f}-C",
            f"{coin}-USD-260327-{strike:.0f}-P",
            f"{coin}-PERPETUAL",
            f"{coin}USDT",
            f"{coin}-27MAR26",
            f"{coin}-USDT-SWAP",
            f"{coin}-20260327-{strike:.0f}-P",
        ]
    )
    return name, coin


def sound_book(rng: random.Random) -> Case:
    """Positions by instrument name or by columns, with their market in columns, in a range, or as a whole chain."""
    return rng.choice([by_name_with_market, by_columns_with_market, by_columns_alone, by_name_alone, with_chain])(rng)


def by_name_with_market(rng: random.Random) -> Case:
    """Instrument names; vols on the rows; spots in the market range."""
    rows: Grid = [["Instrument", "Quantity", "IV", "Entry", "Account"]]
    for _ in range(rng.randint(1, 6)):
        name, _coin = instrument_row(rng)
        rows.append([name, quantity(rng), vol(rng), None, "A" if rng.random() < 0.2 else ""])
    return Case(rows, spots_only())


def by_name_alone(rng: random.Random) -> Case:
    """Instrument names with spot and vol on each row and days instead of nothing else."""
    rows: Grid = [["Instrument", "Venue", "Quantity", "IV", "Spot", "Multiplier"]]
    for _ in range(rng.randint(1, 6)):
        coin = rng.choice(["BTC", "ETH"])
        rows.append(
            [
                rng.choice([f"{coin}-PERPETUAL", f"{coin}USDT", f"{coin}_USDC-PERPETUAL"]),
                "deribit",
                quantity(rng),
                vol(rng),
                SPOTS[coin],
                1.0,
            ]
        )
    return Case(rows, rng.choice([None, "", [[None, None]]]))


def by_columns_alone(rng: random.Random) -> Case:
    """Underlying, Type, Strike and DTE, spot and vol on each row."""
    rows: Grid = [["Underlying", "Type", "Strike", "DTE", "Quantity", "IV", "Spot", "Side", "Price"]]
    for _ in range(rng.randint(1, 6)):
        kind, coin, strike = contract(rng)
        dated = kind in ("call", "put", "future")
        rows.append(
            [
                coin,
                kind,
                strike,
                float(rng.randint(1, 300)) if dated else None,
                abs(quantity(rng)),
                vol(rng),
                SPOTS[coin],
                rng.choice(["buy", "sell", None]),
                None,
            ]
        )
    return Case(rows, None)


def by_columns_with_market(rng: random.Random) -> Case:
    """Underlying, Type, Strike and Expiry in many forms; spots and the time in the market range."""
    rows: Grid = [["Underlying", "Type", "Strike", "Expiry", "Quantity", "IV", "Forward", "Settlement", "Exercise", "Order"]]
    expiries = [
        dt.datetime(2026, 3, 27),
        dt.date(2026, 3, 27),
        46108.0,
        46108.5,
        "2026-03-27",
        "27MAR26",
        "28-Aug-25",
        20260327.0,
        "20260327",
        "2026-03-27T08:00:00Z",
    ]
    for _ in range(rng.randint(1, 6)):
        kind, coin, strike = contract(rng)
        dated = kind in ("call", "put", "future")
        rows.append(
            [
                coin,
                kind,
                strike,
                rng.choice(expiries) if dated else None,
                quantity(rng),
                vol(rng),
                None,
                rng.choice(["linear", None]),
                rng.choice(["European", None]),
                rng.choice(["no", False, None]),
            ]
        )
    return Case(rows, spots_only())


def with_chain(rng: random.Random) -> Case:
    """Options priced off a whole chain: a forward and a smile per expiry."""
    rows: Grid = [["Instrument", "Quantity", "Price"]]
    for _ in range(rng.randint(1, 6)):
        rows.append(
            [f"BTC-{rng.choice(['27MAR26', '26DEC25'])}-{rng.choice([50, 60, 65, 71, 80])}000-{rng.choice('CP')}", quantity(rng), None]
        )
    market: Grid = [
        ["Underlying", "Spot", "Expiry", "Strike", "Forward", "IV", "Rate", "As of"],
        ["BTC", SPOTS["BTC"], None, None, None, 0.5, 0.01, AS_OF],
    ]
    for expiry in ("2026-03-27", "2025-12-26"):
        market += [
            ["BTC", None, expiry, strike, 66_000.0, 0.5 + i / 100, None, None]
            for i, strike in enumerate((50_000.0, 60_000.0, 70_000.0, 80_000.0))
        ]
    return Case(rows, market)


def contract(rng: random.Random) -> tuple[str, str, float | None]:
    """Kind, underlying and strike."""
    kind, coin = rng.choice(["call", "put", "call", "put", "future", "perp", "spot"]), rng.choice(list(SPOTS))
    return kind, coin, round(SPOTS[coin] * rng.uniform(0.6, 1.5)) if kind in ("call", "put") else None


def quantity(rng: random.Random) -> float:
    """A signed quantity."""
    return round(rng.uniform(-10.0, 10.0), 3) or 1.0


def vol(rng: random.Random) -> float:
    """A vol as a fraction."""
    return round(rng.uniform(0.2, 1.2), 4)


def spots_only() -> Grid:
    """A market range of spots and one valuation time."""
    rows = [[coin, spot, AS_OF if coin == "BTC" else None] for coin, spot in SPOTS.items()]
    return [["Underlying", "Spot", "As of"], *rows]


# ---------------------------------------------------------------- what is done to them


def is_option_row(case: Case, row: list[Any]) -> bool:
    """Whether a row of the positions is an option."""
    header = case.positions[0]
    if "Type" in header:
        return row[header.index("Type")] in ("call", "put")
    return str(row[header.index("Instrument")]).endswith(("-C", "-P"))


def fresh(rng: random.Random, rows: Grid, changed: set[tuple[int, str]], wanted: Callable[[list[Any]], bool] = bool) -> int:
    """Index of a row that nothing was done to, 0 where there is none."""
    taken = {row for row, _ in changed}
    free = [n for n in range(1, len(rows)) if n + 1 not in taken and wanted(rows[n])]
    return rng.choice(free) if free else 0


def corrupt_cell(rng: random.Random, case: Case) -> None:
    """Put a cell that cannot be read under a heading that is understood."""
    header = case.positions[0]
    at, n = rng.randrange(len(header)), fresh(rng, case.positions, case.bad)
    if not n:
        return
    heading, row = header[at], case.positions[n]
    dated = heading in ("Strike", "DTE") or heading in OPTION_ONLY
    pool = ERRORS if rng.random() < 0.25 else UNREADABLE[heading]
    cell = rng.choice(pool)
    if dated and isinstance(cell, (float, int, str)) and not is_option_row(case, row):
        cell = "#REF!"  # a number out of its bounds does not matter where the row has no use for it
    row[at] = cell
    case.bad.add((n + 1, heading))
    case.done.append(f"{heading} of row {n + 1} := {cell!r:.60}")


def blank_cell(rng: random.Random, case: Case) -> None:
    """Clear a cell that every row needs."""
    header = case.positions[0]
    heading = rng.choice([heading for heading in header if heading in ("Quantity", "Instrument", "Underlying", "Type")])
    if not (n := fresh(rng, case.positions, case.bad)):
        return
    case.positions[n][header.index(heading)] = rng.choice(BLANKS)
    case.bad.add((n + 1, heading))
    case.done.append(f"{heading} of row {n + 1} cleared")


def clear_option_term(rng: random.Random, case: Case) -> None:
    """Clear the strike or the expiry of an option."""
    header = case.positions[0]
    heading = rng.choice(["Strike", "DTE", "Expiry"])
    n = fresh(rng, case.positions, case.bad, lambda row: is_option_row(case, row))
    if heading not in header or not n:
        return blank_cell(rng, case)
    case.positions[n][header.index(heading)] = rng.choice(BLANKS)
    case.bad.add((n + 1, "Expiry" if heading == "DTE" else heading))
    case.done.append(f"{heading} of option row {n + 1} cleared")


def clear_only_spot(rng: random.Random, case: Case) -> None:
    """Clear the spot of a row where no market range gives one."""
    header = case.positions[0]
    n = fresh(rng, case.positions, case.bad)
    if "Spot" not in header or not n:
        return blank_cell(rng, case)
    case.positions[n][header.index("Spot")] = rng.choice([*BLANKS, 0.0, 0, -0.0])
    case.bad.add((n + 1, "Spot"))
    case.done.append(f"Spot of row {n + 1} cleared")


def corrupt_market_cell(rng: random.Random, case: Case) -> None:
    """Put a cell that cannot be read under a heading of the market range."""
    if not isinstance(case.market, list) or len(case.market) < 2 or case.absurd:
        return corrupt_cell(rng, case)
    header = case.market[0]
    at, n = rng.randrange(len(header)), fresh(rng, case.market, case.bad_market)
    if not n:
        return
    heading = header[at]
    cell = rng.choice(ERRORS if rng.random() < 0.25 else UNREADABLE[heading])
    if heading == "Strike" and isinstance(cell, float) and case.market[n][header.index("Expiry")] is None:
        cell = "#REF!"
    case.market[n][at] = cell
    case.bad_market.add((n + 1, heading))
    case.done.append(f"market {heading} of row {n + 1} := {cell!r:.60}")


def absurd_market(rng: random.Random, case: Case) -> None:
    """A market that no book can be priced in."""
    if not isinstance(case.market, list) or len(case.market) < 2 or case.bad_market:
        return corrupt_cell(rng, case)
    case.absurd = True
    header, rows = case.market[0], case.market
    width = len(header)
    kind = rng.choice(["spot", "twice", "as of", "percent", "no expiry", "no name"])
    extra: list[Any] = [None] * width
    extra[header.index("Underlying")] = "BTC"
    if kind == "spot":
        extra[header.index("Spot")], told = rng.choice([0.0, -0.0, -1.0, 1e300, -1e300, 0]), "Spot"
    elif kind == "twice":
        extra[header.index("Spot")], told = 64_999.0, "Spot"
    elif kind == "as of":
        extra[header.index("As of")], told = AS_OF + dt.timedelta(hours=1), "As of"
    elif kind == "percent" and "IV" in header:
        extra[header.index("Expiry")], extra[header.index("IV")], told = "2026-03-27", 55.0, "IV"
    elif kind == "no expiry" and "Strike" in header:
        extra[header.index("Strike")], extra[header.index("IV")], told = 50_000.0, 0.5, "Expiry"
    else:
        extra[header.index("Underlying")], extra[header.index("Spot")], told = None, 5.0, "Underlying"
    rows.append(extra)
    case.bad_market.add((len(rows), told))
    case.done.append(f"market row {len(rows)} {kind}: {extra}")


def break_shape(rng: random.Random, case: Case) -> None:
    """Ranges that cannot be a book at all."""
    kind = rng.choice(["no heading", "twice", "empty", "scalar", "no positions", "market heading", "headless"])
    header = case.positions[0]
    if kind == "no heading":
        header[header.index("Quantity")] = rng.choice(["Qty?", None, "", math.nan, 5.0, dt.date(2025, 1, 1), "#N/A", []])
    elif kind == "twice":
        for row in case.positions:
            row.append(row[header.index("Quantity")])
    elif kind == "empty":
        case.positions = rng.choice([[], [[]], [[None]], [[None, ""], ["  ", None]], None, "", (), ((),)])
    elif kind == "scalar":
        case.positions = rng.choice(
            [
                5.0,
                "BTC",
                True,
                -2146826246,
                {"type": "Error"},
                decimal.Decimal(5),
                dt.date(2025, 1, 1),
                math.nan,
                ["Instrument", 5.0],
                object(),
            ]
        )
    elif kind == "market heading" and isinstance(case.market, list) and len(case.market) > 1:
        case.market[0][0] = rng.choice([None, "Coin?", -2146826246])
    elif kind == "headless" and len(case.positions) > 1:
        del case.positions[0]
    else:
        for heading in {"Instrument", "Type"} & set(header):
            header[header.index(heading)] = "Thing"
    case.broken = True
    case.done.append(f"shape: {kind}")


def harmless(rng: random.Random, case: Case) -> None:
    """Changes of form that must not change the answer: they say nothing new."""
    kind = rng.choice(["leading", "between", "ragged", "unknown", "order", "case", "tuples", "blank forms", "note", "zeros"])
    rows = case.positions
    if kind == "leading":
        case.positions = [[None] * len(rows[0]), ["", " "], *rows]
    elif kind == "between" and not case.bad:
        rows.insert(rng.randrange(1, len(rows) + 1), rng.choice([[None] * len(rows[0]), [], [""], ["  ", None]]))
    elif kind == "ragged":
        case.positions = [trimmed(row) for row in rows[:1]] + [trimmed(row) for row in rows[1:]]
    elif kind == "unknown":
        for n, row in enumerate(rows):
            row.append("Comment" if n == 0 else rng.choice([None, "#N/A", "x", 5.0, dt.date(2025, 1, 1), math.nan, []]))
    elif kind == "order":
        order = rng.sample(range(len(rows[0])), len(rows[0]))
        case.positions = [[row[i] for i in order] for row in rows]
    elif kind == "case":
        rows[0] = [rng.choice([heading.upper(), heading.lower(), f" {heading} ", f"{heading}_", f"{heading} %"]) for heading in rows[0]]
    elif kind == "tuples":
        case.positions = tuple(tuple(row) for row in rows)
    elif kind == "blank forms":
        case.positions = [rows[0], *([rng.choice(BLANKS) if cell is None else cell for cell in row] for row in rows[1:])]
    elif kind == "note" and not case.bad:
        for n, row in enumerate(rows):
            row.append("Note" if n == 0 else None)
        rows.append([*[None] * (len(rows[0]) - 1), "total below"])
    elif kind == "zeros" and not case.bad and "Price" in rows[0]:
        for row in rows[1:]:
            row[rows[0].index("Price")] = rng.choice([0.0, 0, None])
    case.done.append(f"form: {kind}")


def trimmed(row: list[Any]) -> list[Any]:
    """A row without the None cells at its end."""
    while row and row[-1] is None:
        row = row[:-1]
    return row


Change = Callable[[random.Random, Case], None]
CHANGES: list[tuple[Change, int]] = [
    (corrupt_cell, 10),
    (blank_cell, 3),
    (clear_option_term, 2),
    (clear_only_spot, 2),
    (corrupt_market_cell, 4),
    (absurd_market, 3),
]


def corrupted(n: int) -> Case:
    """Case number n: a sound book, one to three changes, and perhaps a change of form."""
    rng = random.Random(SEED + n)
    case = sound_book(rng)
    if rng.random() < 0.12:
        break_shape(rng, case)
        return case
    if rng.random() < 0.15:
        harmless(rng, case)
        return case
    changes, weights = zip(*CHANGES)
    for _ in range(rng.choice([1, 1, 2, 3])):
        rng.choices(changes, weights)[0](rng, case)
    case.same = False
    if rng.random() < 0.3:
        harmless(rng, case)
    return case


# ---------------------------------------------------------------- what must hold

WITH_POSITIONS = [function for function in FUNCTIONS.values() if function.arguments and function.arguments[0].name == "positions"]
OTHERS = [function for function in WITH_POSITIONS if function.name not in ("PM_MARGIN", "PM_CHECK")]
HISTORY: Grid = [["Date", *SPOTS]]
HISTORY += [
    [float(45_000 + day), *(spot * (1 + 0.01 * math.sin(day * (u + 2))) for u, spot in enumerate(SPOTS.values()))] for day in range(101)
]


def arguments(function: Any, case: Case, rng: random.Random) -> list[Any]:
    """Sound arguments beside the case's ranges."""
    known: dict[str, Any] = {
        "positions": case.positions,
        "market": case.market,
        "positions_before": case.positions,
        "market_before": case.market,
        "trades": [["Instrument", "Quantity", "IV", "Spot"], ["BTC-PERPETUAL", 1.0, None, SPOTS["BTC"]]],
        "instruments": [["Instrument", "Spot"], ["BTC-PERPETUAL", SPOTS["BTC"]]],
        "equity": 1e6,
        "balances": None,
        "method": rng.choice([None, "SPAN", "span"]),
        "methods": "SPAN",
        "parameters": rng.choice([None, "", [[None, None]]]),
        "history": HISTORY,
        "path": "Initial margin",
        "price_move": -0.1,
        "vol_move": 0.2,
        "price_moves": [[-0.1, 0.0, 0.1]],
        "vol_moves": [[0.0], [0.25]],
        "days": None,
        "confidence": None,
        "horizon_days": None,
        "beside": None,
    }
    return [known[argument.name] for argument in function.arguments]


def unsound(answer: Any) -> str:
    """What no answer may be; "" where all is well."""
    if isinstance(answer, str):
        return "the last safety net had to catch it" if INTERNAL in answer else ""
    if isinstance(answer, list):
        if not answer or not all(isinstance(row, list) and row for row in answer):
            return "an empty table"
        if len({len(row) for row in answer}) != 1:
            return "a table that is not rectangular"
        if not all(isinstance(cell, str) for cell in answer[0][:1]):
            return "a table without a header"
        return next((unsound(cell) for row in answer for cell in row if isinstance(cell, list) or unsound(cell)), "")
    if type(answer) not in (float, bool):
        return f"a cell of type {type(answer).__name__}"
    return "" if math.isfinite(answer) else "a number that is not finite"


def told(case: Case, margin: Any, check: Any) -> str:
    """Whether every cell that cannot be read was told where it stands; "" if so."""
    if not (case.bad or case.bad_market or case.broken):
        return ""
    if not (isinstance(margin, str) and margin.startswith(ERROR)):
        return "a number came from a book that was only partly read"
    if isinstance(check, str):
        return "PM_CHECK did not answer with a table"
    found = {(row[0], row[1]) for row in check[1:]}
    if any(row[0] == "OK" for row in check[1:]):
        return "PM_CHECK says OK"
    if case.broken:
        return ""
    for row, heading in case.bad:
        if (float(row), heading) not in found and not (heading == "Spot" and case.bad_market):
            return f"PM_CHECK does not tell {heading} of row {row}"
    for row, heading in case.bad_market:
        if (f"market row {row}", heading) not in found:
            return f"PM_CHECK does not tell {heading} of market row {row}"
    rows = {f"{ERROR}row {row}:" for row, _ in case.bad} | {f"{ERROR}market row {row}:" for row, _ in case.bad_market}
    return "" if margin.startswith(tuple(rows)) else "PM_MARGIN does not name the row"


def failures(n: int) -> list[str]:
    """What went wrong with case n, with everything needed to see it again."""
    case, rng = corrupted(n), random.Random(n)
    asked = [FUNCTIONS["PM_MARGIN"], FUNCTIONS["PM_CHECK"], *(OTHERS[(2 * n + i) % len(OTHERS)] for i in range(2))]
    answers = {function.name: function.call(*arguments(function, case, rng)) for function in asked}
    wrong = [f"{name}: {why}" for name, answer in answers.items() if (why := unsound(answer))]
    wrong += [why for why in [told(case, answers["PM_MARGIN"], answers["PM_CHECK"])] if why]
    if case.bad or case.bad_market or case.broken:
        wrong += [
            f"{name} answered all the same"
            for name, answer in answers.items()
            if name != "PM_CHECK" and not (isinstance(answer, str) and answer.startswith(ERROR))
        ]
    elif case.same:
        before = sound_book(random.Random(SEED + n))
        meant = FUNCTIONS["PM_MARGIN"].call(before.positions, before.market)
        if meant != pytest.approx(answers["PM_MARGIN"], rel=1e-6):
            wrong.append(f"PM_MARGIN was {meant} before the change of form")
    return [
        f"case {n}: {why}\n  done: {case.done}\n  positions: {case.positions!r:.600}\n  market: {case.market!r:.300}\n"
        f"  PM_MARGIN: {answers['PM_MARGIN']!r:.200}\n  PM_CHECK: {answers['PM_CHECK']!r:.600}"
        for why in wrong
    ]


@pytest.mark.parametrize("batch", range(BATCHES))
def test_corrupted_ranges_are_told_and_never_guessed(batch: int) -> None:
    """No function raises or answers with NaN, None, infinity or an empty table; a cell that cannot be read is told with its
    row by PM_MARGIN and PM_CHECK, all of them at once by PM_CHECK, and no number comes of the book; changes of form alone
    (blank rows, ragged rows, order and case of headings, unknown columns) change nothing.
    """
    found = [failure for n in range(batch, CASES, BATCHES) for failure in failures(n)]
    assert not found, f"{len(found)} of {CASES // BATCHES} cases fail\n" + "\n".join(found[:5])


def test_every_function_meets_corrupted_ranges() -> None:
    """The functions asked in turn cover the whole registry, so that none is left out by accident."""
    asked = {OTHERS[(2 * n + i) % len(OTHERS)].name for n in range(CASES) for i in range(2)}
    assert asked | {"PM_MARGIN", "PM_CHECK"} == {function.name for function in WITH_POSITIONS}


def test_sound_books_check_ok() -> None:
    """PM_CHECK of a book whose options have their own vols is OK, with notes on rows that differ alone; PM_MARGIN is a number."""
    for n in range(200):
        rng = random.Random(n)
        case = rng.choice([by_name_with_market, by_columns_with_market, by_columns_alone, by_name_alone])(rng)
        found = FUNCTIONS["PM_CHECK"].call(case.positions, case.market)
        assert found[1] == ["OK", "", "no fault found", ""], case.positions
        assert all(row[2].startswith("note: rows of ") for row in found[2:]), case.positions
        assert type(FUNCTIONS["PM_MARGIN"].call(case.positions, case.market)) is float


def test_two_faults_are_two_rows() -> None:
    """PM_CHECK lists the faults of all rows and of both ranges at once, PM_MARGIN the first."""
    positions = [
        ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV"],
        ["BTC", "call", "70k", 30.0, 1.0, 0.5],
        ["BTC", "put", 60_000.0, 30.0, "ten", 0.5],
        ["BTC", "put", 60_000.0, -2.0, None, 55.0],
    ]
    market = [["Underlying", "Spot"], ["BTC", "65,000"]]
    found = [tuple(row[:2]) for row in FUNCTIONS["PM_CHECK"].call(positions, market)[1:]]
    assert found[:2] == [(2.0, "Strike"), (3.0, "Quantity")]
    assert set(found[2:5]) == {(4.0, "DTE"), (4.0, "IV"), (4.0, "Quantity")}
    assert found[5:] == [("market row 2", "Spot")]
    assert FUNCTIONS["PM_MARGIN"].call(positions, market) == "#PM! row 2: Strike must be a number, not '70k'"


@pytest.mark.parametrize(
    "cell", [*ERRORS[::10], *NOWHERE_READABLE, True, "12", {}, [], "\0", "é" * 50], ids=lambda cell: repr(cell).partition(" at ")[0]
)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_any_cell_as_any_argument(function: Any, cell: Any) -> None:
    """A cell that makes no sense in the place of any argument comes back as text or as a sound answer."""
    for raw in (cell, [[cell]], [[cell, cell], [cell, cell]], [["Instrument", "Quantity"], [cell, cell]]):
        for at in range(max(len(function.arguments), 1)):
            given: list[Any] = (
                arguments(function, by_columns_alone(random.Random(1)), random.Random(1))
                if (function in WITH_POSITIONS)
                else [None] * len(function.arguments)
            )
            given[at : at + 1] = [raw] if function.arguments else []
            answer = function.call(*given)
            assert not unsound(answer), (given, answer)
