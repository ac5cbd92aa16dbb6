"""A folder per venue: its positions, its quotes, its own answers recomputed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from xlmargin.book.contracts import venue_of
from xlmargin.errors import MarginError
from xlmargin.methods.json_shape import Node, read_json
from xlmargin.venues.pages import must_be_once, must_be_whole, pages_of
from xlmargin.venues.rows import of_one_moment, range_of
from xlmargin.venues.shape import Answer, Holding, RawAnswer, Sizes, moment_of
from xlmargin.venues.unified import own_item, own_size, unified_holding, unified_items

__all__ = ["KNOWN_VENUES", "Answer", "RawAnswer", "answer_of", "of_one_moment", "read_answer"]

KNOWN_VENUES = ("deribit", "okx", "bybit", "binance", "derive", "paradex", "thalex", "hyperliquid", "kraken")

OWN_FIELDS = "ccxt's own fields are read"
WITHOUT_VENUE = f"{OWN_FIELDS}: with --venue the venue's answer under 'info' is, which also has its index"


def read_answer(path: Path, venue: str | None, instruments: Path | None = None, *, priced: bool = True) -> Answer:
    """The positions of a saved answer as a range that the ordinary parser reads.

    Args:
        path: JSON file of a venue's positions or account answer, of a list of its pages, or of ccxt's unified positions
        venue: one of KNOWN_VENUES; any or none for ccxt's form
        instruments: JSON file of the venue's instruments answer, for venues that count in contracts
        priced: whether spots, forwards and vols of the answer fill the columns; not where a market range gives them

    Raises:
        MarginError: the file is unreadable, is an error of the venue, or has another shape; the text names the missing key
    """
    return answer_of(
        RawAnswer(read_json(path), str(path)),
        venue,
        None if instruments is None else RawAnswer(read_json(instruments), str(instruments)),
        priced=priced,
    )


def answer_of(
    source: RawAnswer, venue: str | None, instruments: RawAnswer | None = None, *, priced: bool = True, whole: bool = False
) -> Answer:
    """The positions of an answer in memory, as `read_answer` gives them.

    Args:
        whole: whether all pages are known to be there, each once, since the live feed has asked for them

    Raises:
        MarginError: as `read_answer`
    """
    name = venue_of(venue) if venue and venue.strip() else None
    unified = unified_items(source)
    if unified is None and name not in KNOWN_VENUES:
        what = f"no answers of {venue!r} can be read" if venue else f"{source.file} is a venue's answer, which does not say whose"
        raise MarginError(f"{what}: --venue is one of {', '.join(KNOWN_VENUES)}; ccxt's unified positions are read of any venue")
    module = importlib.import_module(f"{__name__}.{name}.{name}_positions") if name in KNOWN_VENUES else None
    sizes = _sizes(module, instruments)
    if unified is not None:
        must_be_once([unified], "symbol")
        answer = range_of([_of_unified(item, name or "", module, sizes) for item in unified], name or "", None, priced=priced)
        bare = [item for item in unified if module is None or own_item(item, module.NAME) is None]
        told = ((OWN_FIELDS if venue else WITHOUT_VENUE),) if bare else ()
        return answer._replace(notes=(*answer.notes, *told))
    return _of_venue(source, name or "", module, sizes, priced=priced, whole=whole)


def _sizes(module: Any, instruments: RawAnswer | None) -> Sizes:
    """The sizes of contracts in an instruments answer; nothing where the venue counts in amounts."""
    if instruments is None or not hasattr(module, "contract_sizes"):
        return {}
    return {key: size for page in pages_of(instruments, module.NAME) for key, size in module.contract_sizes(page).items()}


def _of_unified(item: Node, venue: str, module: Any, sizes: Sizes) -> Holding:
    """A position in ccxt's form; the venue's own answer goes before ccxt's reading of it."""
    own = own_item(item, module.NAME) if module is not None else None
    if own is None:
        return unified_holding(item, venue)
    size = own_size(item, venue) if hasattr(module, "contract_sizes") else None
    result: Holding = module.holding(own, sizes if size is None else {own.text(module.NAME): size, **sizes})
    return result


def _of_venue(source: RawAnswer, venue: str, module: Any, sizes: Sizes, *, priced: bool, whole: bool) -> Answer:
    """The positions of a venue's own answer, all pages of it."""
    pages = pages_of(source, module.NAME)
    items = [module.items(page) for page in pages]
    if not whole:
        must_be_whole(pages, list(map(len, items)), getattr(module, "PAGE_ROWS", None))
        must_be_once(items, module.NAME)
    moments = [moment for page in pages if not page.is_list and (moment := moment_of(page.top, *module.TIMES)) is not None]
    answer = range_of([module.holding(item, sizes) for page in items for item in page], venue, max(moments, default=None), priced=priced)
    told = [note for page in pages for note in module.left_out(page)] if hasattr(module, "left_out") else []
    return answer._replace(notes=(*answer.notes, *dict.fromkeys(told)))
