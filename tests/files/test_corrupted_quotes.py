"""Thousands of damaged answers, chains and histories: a mistake is told, what is lost is told, and no row is skipped."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from xlmargin.errors import Faults, MarginError
from xlmargin.files.histories import daily
from xlmargin.files.markets import market_of
from xlmargin.methods.json_shape import parse_json
from xlmargin.sheet.ranges.history import read_history
from xlmargin.sheet.ranges.market import market_given
from xlmargin.venues.chain_answers import rows_of_answer
from xlmargin.venues.saved_chains import Told, saved_market

Cells = list[list[Any]]
Found = tuple[Cells, tuple[str, ...]]
Read = TypeVar("Read")

COUNT = 5_000  # of each of the four kinds
JUNK: tuple[Any, ...] = (
    None,
    "",
    0,
    "0",
    "x",
    "1.2.3",
    "#N/A",
    "nan",
    "-",
    [],
    {},
    True,
    -5,
    "-5",
    1e300,
    "1e999",
    "9" * 60,
    "\x00",
    math.nan,
)
NAMES = [f"BTC-9JUN20-{strike}-{kind}" for strike in (9000, 9500, 10000) for kind in "CP"]
VOLS = dict(zip((9000.0, 9500.0, 10000.0), (0.7, 0.65, 0.6)))
TIME = 1591574399413
NOW = 1_767_225_600.0  # 2026-01-01
DERIBIT = {
    "result": [
        {"instrument_name": n, "mark_iv": 100 * VOLS[float(n[11:-2])], "underlying_price": 9756.0, "index_price": 9750.0, "timestamp": TIME}
        for n in NAMES
    ]
}
BYBIT = {
    "retCode": 0,
    "time": TIME,
    "result": {
        "list": [
            {"symbol": n, "markIv": str(VOLS[float(n[11:-2])]), "underlyingPrice": "9756.0", "indexPrice": "9750.0", "markPrice": "100"}
            for n in NAMES
        ]
    },
}
OKX = [
    {
        "code": "0",
        "data": [
            {"instId": f"BTC-USD-200609-{n[11:]}", "markVol": str(VOLS[float(n[11:-2])]), "fwdPx": "9756.0", "ts": str(TIME)} for n in NAMES
        ],
    },
    {"code": "0", "data": [{"instId": "BTC-USD", "idxPx": "9750.0", "ts": str(TIME)}]},
]
ANSWERS: tuple[Any, ...] = (DERIBIT, BYBIT, OKX)
TARDIS: Cells = [
    ["exchange", "symbol", "timestamp", "strike_price", "mark_price", "mark_iv", "underlying_price", "gamma"],
    *(["deribit", n, 1000.0 * TIME, float(n[11:-2]), 0.02, 100 * VOLS[float(n[11:-2])], 9756.0, 0.1] for n in NAMES),
]
OPTIONSDX: Cells = [
    ["[QUOTE_UNIXTIME]", "[UNDERLYING_LAST]", "[EXPIRE_DATE]", "[STRIKE]", "[C_IV]", "[P_IV]"],
    *([TIME // 1000, 9750.0, "2020-06-09", strike, vol, vol] for strike, vol in VOLS.items()),
]


def damaged_cells(content: Any, chance: random.Random) -> Any:
    """A deep copy with one to three of its values replaced by junk, or their keys gone."""
    result = copy.deepcopy(content)
    for _ in range(chance.randint(1, 3)):
        owner: Any = result
        while True:
            keys = list(owner) if isinstance(owner, dict) else list(range(len(owner)))
            if not keys:
                break
            key = chance.choice(keys)
            if isinstance(owner[key], (dict, list)) and owner[key] and chance.random() < 0.97:
                owner = owner[key]
                continue
            if isinstance(owner, dict) and chance.random() < 0.2:
                del owner[key]
            else:
                owner[key] = chance.choice(JUNK)
            break
    return result


def read_answer(content: Any) -> Found:
    """The market range of a JSON answer, and its notes."""
    told = Told("FILE")
    return saved_market(rows_of_answer(content, told), told), tuple(told.lines)


def read_table(table: Cells) -> Found:
    """The market range of a table, and its notes."""
    found = market_of(table, "spx_eod_2020.csv")
    assert found.rows is not None
    return found.rows, found.notes


def attempt(read: Callable[[Any], Read], content: Any) -> Read | None:
    """What a reader finds, None where it refuses in one line."""
    try:
        return read(content)
    except MarginError as told:
        text = str(told)
    assert text
    assert "\n" not in text
    return None


def assert_nothing_is_lost_without_a_word(found: Found) -> None:
    """Vols, forwards and spot are those of the sound answer; where one is missing or another stands in, a note says so."""
    (_, *rows), notes = found
    own = [row for row in rows if row[2] is None]
    points = {row[3]: row for row in rows if row[3] is not None}
    assert all(row[5] is None or row[5] == pytest.approx(VOLS[strike]) for strike, row in points.items())
    assert all(row[4] in (None, 9756.0) for row in points.values())
    whole = len(own) == 1 and own[0][1] in (9750.0, 9756.0) and own[0][6] is not None
    whole &= len(points) == 3 and all(row[5] is not None for row in points.values())
    whole &= any(row[4] is not None for row in points.values())  # one forward serves its expiry
    assert whole or notes, found


@pytest.mark.parametrize("seed", [1])
def test_answers_with_damaged_values(seed: int) -> None:
    """Junk in place of values and keys that are gone, in the answers of three venues."""
    chance, read = random.Random(seed), 0
    for n in range(COUNT):
        answer = damaged_cells(ANSWERS[n % 3], chance)
        found = attempt(read_answer, answer)
        if found is not None:
            read += 1
            faults = Faults("market")
            market_given(found[0], faults)
            assert not faults.faults, (answer, faults.faults)
            assert_nothing_is_lost_without_a_word(found)
    assert COUNT // 20 < read < COUNT


@pytest.mark.parametrize("seed", [2])
def test_answers_with_damaged_text(seed: int) -> None:
    """Bytes that are gone, doubled or others: an answer that is cut off is never half read."""
    chance = random.Random(seed)
    texts = [json.dumps(answer).encode() for answer in ANSWERS]
    for n in range(COUNT):
        text = bytearray(texts[n % 3])
        cut = chance.random() < 0.3
        if cut:
            del text[chance.randrange(1, len(text)) :]
        for _ in range(0 if cut else chance.randint(1, 4)):
            at = chance.randrange(len(text))
            text[at : at + chance.randint(0, 3)] = bytes(chance.randrange(256) for _ in range(chance.randint(0, 2)))
        found = attempt(lambda raw: read_answer(parse_json(raw, "FILE")), bytes(text))
        assert not (cut and found), bytes(text)


@pytest.mark.parametrize("seed", [3])
def test_tables_with_damaged_cells(seed: int) -> None:
    """Tardis.dev and OptionsDX with junk in their cells and headings."""
    chance, read = random.Random(seed), 0
    for n in range(COUNT):
        table = damaged_cells((TARDIS, OPTIONSDX)[n % 2], chance)
        table = [row if isinstance(row, list) else [row] for row in table]
        found = attempt(read_table, table)
        if found is not None and "Underlying" in found[0][0]:
            read += 1
            assert_nothing_is_lost_without_a_word(found)
    assert COUNT // 20 < read < COUNT


def read_days(table: Cells) -> tuple[Cells, list[float]]:
    """A history with one row a day, and the closes that count."""
    rows = daily(table, "FILE").rows
    assert rows is not None
    return rows, read_history(rows, ("BTC",), NOW).closes[:, 0].tolist()


@pytest.mark.parametrize("seed", [4])
def test_damaged_histories(seed: int) -> None:
    """Daily and hourly histories with junk: every row from the first whole one on counts, or none does."""
    chance, read = random.Random(seed), 0
    days: Cells = [["Date", "BTC"], *([f"2025-01-{n + 1:02d}", 100.0 + n] for n in range(12))]
    hours: Cells = [["Date", "BTC"], *([f"2025-01-{n // 8 + 1:02d} {3 * (n % 8):02d}:00", 100.0 + n] for n in range(24))]
    for n in range(COUNT):
        table = damaged_cells((days, hours)[n % 2], chance)
        table = [row if isinstance(row, list) else [row] for row in table]
        found = attempt(read_days, table)
        if found is None:
            continue
        read += 1
        rows, closes = found
        there = [row for row in rows[1:] if any(cell not in (None, "") for cell in row)]
        while there and there[0][1:] in ([None], [""], []):
            there.pop(0)
        assert closes == [row[1] for row in there]
    assert COUNT // 20 < read < COUNT
