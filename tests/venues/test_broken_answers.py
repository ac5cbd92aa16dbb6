"""Answers that are broken: one line, or every position that they hold; never another error and never a part."""

from __future__ import annotations

import copy
import json
import random
import time
from typing import Any

import pytest
from json_damage import JUNK, at, places
from test_answers_as_books import HYPERLIQUID, KRAKEN, PARADEX, THALEX, bybit, deribit, unified

from xlmargin.errors import MarginError
from xlmargin.methods.json_shape import parse_json
from xlmargin.venues import Answer, RawAnswer, answer_of

CASES = 20_000
SECONDS = 20.0
OKX = {
    "code": "0",
    "data": [
        {"instId": "BTC-USD-261225-92000-C", "instType": "OPTION", "posSide": "net", "pos": "-30", "markPx": "0.05", "idxPx": "90000"},
        {"instId": "BTC-USD-SWAP", "instType": "SWAP", "posSide": "short", "pos": "18", "markPx": "90000", "idxPx": "90010", "ccy": "BTC"},
        {"instId": "ETH-USDT-SWAP", "instType": "SWAP", "posSide": "long", "pos": "7", "markPx": "3000", "idxPx": "3001"},
    ],
}
SIZES = {
    "code": "0",
    "data": [
        {"instId": "BTC-USD-261225-92000-C", "ctVal": "1", "ctMult": "0.01", "ctValCcy": "BTC"},
        {"instId": "BTC-USD-SWAP", "ctVal": "100", "ctMult": "1", "ctValCcy": "USD"},
        {"instId": "ETH-USDT-SWAP", "ctVal": "0.1", "ctMult": "1", "ctValCcy": "ETH"},
    ],
}
DERIBIT = {
    "jsonrpc": "2.0",
    "result": [
        deribit("BTC-26MAR27-80000-C", -1.0, mark_price=0.0761, index_price=70_000.0, mark_iv=50.0),
        deribit("BTC-PERPETUAL", 70_000.0, size_currency=1.0, mark_price=70_000.0, index_price=70_000.0),
        deribit("SOL_USDC-PERPETUAL", -15_000.0, size_currency=-100.0, mark_price=150.0, index_price=150.0),
        deribit("ETH-25DEC26-3000-P", 5.0, mark_price=0.05, index_price=3_100.0, underlying_price=3_150.0),
    ],
    "usOut": 1781500000000000,
}
BINANCE = [
    {"symbol": "BTC-261225-90000-P", "side": "SHORT", "quantity": "-0.4", "entryPrice": "900", "markPrice": "1000"},
    {"symbol": "BTCUSDT", "positionAmt": "-9", "positionSide": "BOTH", "markPrice": "90000", "entryPrice": "80000"},
    {"symbol": "ETHUSDT", "positionAmt": "-2", "positionSide": "SHORT", "markPrice": "3000", "entryPrice": "3100"},
]
DERIVE = {
    "result": {
        "positions": [
            {"instrument_name": "ETH-20261225-3500-C", "amount": "-2", "mark_price": "119", "index_price": "3500"},
            {"instrument_name": "ETH-PERP", "amount": "3", "mark_price": "3504", "index_price": "3500"},
        ],
        "collaterals": [],
    }
}
UNIFIED = [
    unified("BTC/USDT:USDT", 50.0, "short", 0.01, markPrice=70_000.0),
    unified("BTC/USD:BTC", 18.0, "long", 100.0, markPrice=70_000.0),
    unified("BTC/USD:BTC-261225-70000-C", 2.0, "short", 0.1, markPrice=0.05),
]
# Of each answer: the venue, the answer, its instruments answer, the list of positions in it
ANSWERS: list[tuple[str, Any, Any, tuple[str | int, ...]]] = [
    ("deribit", DERIBIT, None, ("result",)),
    ("okx", OKX, SIZES, ("data",)),
    ("bybit", bybit("BTCUSDT", "ETHUSDT", "SOLUSDT"), None, ("result", "list")),
    ("bybit", [bybit("BTCUSDT", "ETHUSDT", cursor="a"), bybit("SOLUSDT")], None, (0, "result", "list")),
    ("binance", BINANCE, None, ()),
    ("derive", DERIVE, None, ("result", "positions")),
    ("paradex", {**PARADEX, "results": PARADEX["results"][:3]}, None, ("results",)),
    ("hyperliquid", HYPERLIQUID, None, ("assetPositions",)),
    ("kraken", KRAKEN, None, ("openPositions",)),
    ("thalex", {**THALEX, "result": THALEX["result"][:2]}, None, ("result",)),
    ("gate", UNIFIED, None, ()),
]


def sizes_of(answer: Answer) -> list[tuple[str, float]]:
    """The instruments of an answer and their amounts in coins, or in USD where the venue has no other; 70,000 is Deribit's mark above."""
    head, *rows = answer.positions
    name, coins, usd = (head.index(heading) for heading in ("Instrument", "Quantity", "USD size"))
    marks = {"BTC-PERPETUAL": 70_000.0}
    return [(row[name], row[coins] if row[usd] is None else row[usd] / marks.get(row[name], 1.0)) for row in rows]


def read(venue: str, content: Any, sizes: Any) -> Answer:
    """The answer with this content."""
    return answer_of(RawAnswer(content, "answer.json"), venue, None if sizes is None else RawAnswer(sizes, "sizes.json"))


def broken(content: Any, path: tuple[Any, ...], draw: random.Random) -> Any:
    """A copy in which the value under a path is gone, junk, or the same number or text written otherwise."""
    result = copy.deepcopy(content)
    owner, key = at(result, path[:-1]), path[-1]
    choice = draw.random()
    if choice < 0.35:
        del owner[key]
    elif choice < 0.5 and isinstance(owner[key], (int, float, str)) and not isinstance(owner[key], bool):
        value = owner[key]
        owner[key] = str(value) if not isinstance(value, str) else float(value) if value.replace(".", "").lstrip("-").isdigit() else [value]
    else:
        owner[key] = copy.deepcopy(draw.choice(JUNK))
    return result


def test_broken_answers_give_one_line_or_every_position() -> None:
    """20,000 answers with a key removed, its type changed or a number written as text: refused, or read whole and as before.

    Not drawn: a position taken out of its list, or the list itself emptied, which nothing in an answer can tell.
    """
    draw = random.Random(20_261_127)
    begin, refused = time.process_time(), 0
    drawn = [
        (
            venue,
            content,
            sizes,
            sizes_of(read(venue, content, sizes)),
            [path for path in places(content) if not _is_whole(content, path, holder)],
        )
        for venue, content, sizes, holder in ANSWERS
    ]
    for _ in range(CASES):
        venue, content, sizes, expected, paths = draw.choice(drawn)
        path = draw.choice(paths)
        spoiled = broken(content, path, draw)
        told, found = "", expected
        try:
            found = sizes_of(read(venue, spoiled, sizes))
        except MarginError as error:
            told = str(error) or "\n"
        refused += bool(told)
        assert "\n" not in told
        assert len(told) < 500
        assert _same(found, expected, named=path[-1] != "coin"), (venue, path, spoiled)  # any word is a coin of Hyperliquid
    assert refused > CASES / 10
    assert time.process_time() - begin < SECONDS


def _is_whole(content: Any, path: tuple[Any, ...], holder: tuple[Any, ...]) -> bool:
    """Whether the value under a path is a whole position, a page, or holds them all."""
    value = at(content, path)
    return path == holder[: len(path)] or isinstance(value, list) or (isinstance(path[-1], int) and isinstance(value, dict))


def _same(found: list[tuple[str, float]], expected: list[tuple[str, float]], *, named: bool) -> bool:
    """Whether amounts are the same to the digits of a price, and instruments too where they count."""
    return (
        len(found) == len(expected)
        and all(abs(one - other) <= 1e-9 * abs(other) for (_, one), (_, other) in zip(found, expected))
        and (not named or [name for name, _ in found] == [name for name, _ in expected])
    )


@pytest.mark.parametrize(("venue", "content", "sizes", "holder"), ANSWERS)
def test_a_truncated_file_is_refused(venue: str, content: Any, sizes: Any, holder: tuple[Any, ...]) -> None:
    """Every text that ends early is no JSON."""
    text = json.dumps(content)
    for end in range(len(text)):
        with pytest.raises(MarginError):
            parse_json(text[:end], "answer.json")
