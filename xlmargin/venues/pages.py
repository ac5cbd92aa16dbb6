"""Answers that are one page of several: the pages of a file, and whether they are all there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.methods.json_shape import Node
from xlmargin.venues.shape import RawAnswer

# Keys that name the next page where there is one
NEXT = ("cursor", "next", "next_cursor", "nextCursor", "nextPageCursor", "next_page_cursor", "continuation", "continuationToken")
MORE = ("hasMore", "has_more", "hasNext", "has_next")
INSIDE = ("result", "data", "pagination", "page_info", "pageInfo", "meta")  # objects of an answer that hold such keys
ANSWER = {
    "result",
    "results",
    "data",
    "list",
    "positions",
    "openPositions",
    "assetPositions",
    "balances",
    "error",
    "code",
    "retCode",
    "params",
}
NOTHING = (None, "", False, 0, "0", "false", "null", "None")
MEND = "fetch all pages and save them as a list, [page, page, …]"
OWNERS = ("side", "direction", "posSide", "positionSide", "ps", "positionIdx", "posId", "mgnMode", "id", "subaccount_id")


def pages_of(source: RawAnswer, name: str) -> list[RawAnswer]:
    """The answers of a file: one, or the items of a list that are answers and no positions.

    Args:
        name: key of a position's own name

    Raises:
        MarginError: some items of the list are answers and others are not
    """
    content = source.content
    if not isinstance(content, list):
        return [source]
    answers = [isinstance(item, list) or (isinstance(item, dict) and name not in item and not ANSWER.isdisjoint(item)) for item in content]
    if not any(answers):
        return [source]
    if not all(answers):
        raise MarginError(f"{source.file}: item {answers.index(False) + 1} is no answer where others are: {MEND}")
    return [RawAnswer(item, f"{source.file}: page {n}") for n, item in enumerate(content, 1)]


def must_be_whole(pages: Sequence[RawAnswer], counts: Sequence[int], full: int | None) -> None:
    """Require that the pages of each category end in one without a next.

    Args:
        counts: positions on each page
        full: rows of a page that may go on although it does not say so, None where the venue says it

    Raises:
        MarginError: there is a further page
    """
    last: dict[str, int] = {_category(page.content): n for n, page in enumerate(pages)}
    for n in last.values():
        page, alone = pages[n], len(pages) == 1
        said = _more(page.content) if counts[n] or alone else ""
        if not said and counts[n] == full:
            said = f"{full} positions, as many as a page has"
        if said:
            raise MarginError(f"{page.file} is one page of several ({said}): {MEND}; an empty page may end the list")
        _must_be_counted(page, len(pages))


def _must_be_counted(page: RawAnswer, found: int) -> None:
    """Require as many pages as an answer says that there are."""
    for owner in _owners(page.content):
        number = owner.get("num_pages")
        if isinstance(number, int) and not isinstance(number, bool) and number > found:
            raise MarginError(f"{page.file} is one page of {number}, and {found} {'is' if found == 1 else 'are'} here: {MEND}")


def _category(content: Any) -> str:
    """The category of which an answer is a page; Bybit answers linear, inverse and option contracts apart."""
    return str(next((owner["category"] for owner in _owners(content) if "category" in owner), ""))


def _more(content: Any) -> str:
    """What an answer says of a next page; "" where nothing."""
    return next(filter(None, map(next_page, _owners(content))), "")


def next_page(owner: Mapping[str, Any]) -> str:
    """The key of an object that says that there is a next page, with its value; "" where none does."""
    for key in (*NEXT, *MORE):
        value = owner.get(key)
        if not isinstance(value, (dict, list)) and value not in NOTHING:
            return f"{key} is {str(value)[:40]!r}" if key in NEXT else key
    return ""


def _owners(content: Any, levels: int = 2) -> Iterator[Mapping[str, Any]]:
    """The objects of an answer that may speak of its pages."""
    if isinstance(content, dict):
        yield content
        for key in INSIDE if levels else ():
            yield from _owners(content.get(key), levels - 1)


def must_be_once(pages: Sequence[Sequence[Node]], name: str) -> None:
    """Require that no position stands on two pages, nor word for word twice on one.

    Args:
        pages: the positions of each page
        name: key of a position's own name

    Raises:
        MarginError: one does; both places are named
    """
    before: dict[str, str] = {}
    for items in pages:
        here: dict[str, str] = {}
        for item in items:
            whole = _text(item.cells)
            other = before.get(_key(item, name)) or here.get(whole)
            if other is not None:
                item.fail(f"the same position stands at {other}: leave one of the two out, or fetch the pages anew")
            here[whole] = item.place
        before |= {_key(item, name): item.place for item in items}


def _key(item: Node, name: str) -> str:
    """What tells a position from the others of an account."""
    return _text([item.cells.get(key) for key in (name, *OWNERS)])


def _text(content: Any) -> str:
    return json.dumps(content, sort_keys=True, default=str)
