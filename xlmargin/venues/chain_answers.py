"""A venue's saved answer as rows of quotes: wrapped or bare, one answer or a list of them, or flattened into columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.methods.json_shape import Node, quoted
from xlmargin.venues.binance import binance_quotes
from xlmargin.venues.bybit import bybit_quotes
from xlmargin.venues.deribit import deribit_quotes
from xlmargin.venues.derive import derive_chain
from xlmargin.venues.okx import okx_quotes
from xlmargin.venues.pages import next_page
from xlmargin.venues.quotes import ChainKeys
from xlmargin.venues.saved_chains import READABLE, SavedRow, Told
from xlmargin.venues.shape import moment_of

VENUES: Mapping[str, ChainKeys] = {
    "deribit": deribit_quotes.KEYS,
    "okx": okx_quotes.KEYS,
    "binance": binance_quotes.KEYS,
    "bybit": bybit_quotes.KEYS,
    "derive": derive_chain.KEYS,
}
INSIDE = ("result", "data", "params", "list")  # keys under which venues wrap their rows
TIMES = ("usOut", "time", "ts")


def rows_of_answer(content: Any, told: Told) -> list[SavedRow]:
    """The rows of quotes of a JSON text.

    Args:
        content: of the text
        told: receives the notes

    Raises:
        MarginError: it is an error of the venue, or has a shape that is not known
    """
    rows = list(_unwrapped(content, "", math.nan, told))
    if not rows:
        raise MarginError(f"{told.file} has no row: {READABLE}")
    bare = [row for row in rows if not has_quotes(row.node.cells, row.keys)]
    if len(bare) == len(rows):
        raise MarginError(f"{told.file} names contracts without their prices: save the answer of {rows[0].keys.chain}")
    return rows


def has_quotes(keys: Mapping[str, Any] | set[str], known: ChainKeys) -> bool:
    """Whether any of the keys holds a quote."""
    return any(key in keys for key in (known.forward, *known.vol, *known.price, *known.indexes))


def venue_of_keys(keys: Mapping[str, Any] | set[str]) -> str:
    """The venue whose answers have these keys, "" where none has."""
    if "symbol" in keys:
        return "binance" if "markIV" in keys and "underlyingPrice" not in keys else "bybit"
    if derive_chain.PRICING in keys or (derive_chain.KEYS.name in keys and derive_chain.KEYS.forward in keys):
        return "derive"
    return next((venue for venue in ("deribit", "okx") if VENUES[venue].name in keys), "")


def _unwrapped(value: Any, path: str, time: float, told: Told) -> Iterator[SavedRow]:
    """The rows of an answer, each with the time of the answer that wraps it."""
    if isinstance(value, list):
        if not value:
            told.say(f"{path or 'the list'} is empty")
        for n, item in enumerate(value):
            yield from _unwrapped(item, f"{path}[{n}]", time, told)
        return
    node = Node(value, path, told.file)
    _must_be_no_error(node)
    inside = next((key for key in INSIDE if isinstance(node.cells.get(key), (list, dict))), "")
    if inside:
        if next_page(node.cells):
            told.say("one page of several: what the other pages hold is not there")
        moment = moment_of(node, *TIMES)
        below = f"{path}.{inside}" if path else inside
        yield from _unwrapped(node.cells[inside], below, time if moment is None else moment, told)
        return
    if isinstance(inner := node.cells.get(derive_chain.PRICING), dict):
        node = Node({**inner, **node.cells}, path, told.file)
    venue = venue_of_keys(node.cells)
    if not venue:
        node.fail(f"holds no quote that is known (its keys are: {', '.join(map(str, list(node.cells)[:8]))}): {READABLE}")
    name = node.cells.get(VENUES[venue].name)
    if isinstance(name, str):
        node = Node(node.cells, f"{path} ({quoted(name)[1:-1]})", told.file)
    yield SavedRow(node, VENUES[venue], venue, time)


def _must_be_no_error(node: Node) -> None:
    """Refuse an answer by which a venue says that it gives none."""
    cells = node.cells
    code = cells.get("code", cells.get("retCode", 0))
    if cells.get("error") is not None or str(code) not in ("0", "None", ""):
        said = cells.get("error") or cells.get("msg") or cells.get("retMsg") or code
        said = said.get("message", said) if isinstance(said, dict) else said
        node.fail(f"is an error of the venue, {quoted(said)}: save an answer with quotes")
