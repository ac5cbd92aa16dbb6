"""A folder per venue: its positions, its quotes, its own answers recomputed."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from xlmargin.errors import MarginError
from xlmargin.venues.shape import Answer, Holding, Source, range_of

__all__ = ["KNOWN_VENUES", "Answer", "Source", "answer_of", "read_answer"]

KNOWN_VENUES = ("deribit", "okx", "bybit", "binance", "derive")
MOST_BYTES = 200_000_000


def read_answer(path: Path, venue: str, instruments: Path | None = None, *, priced: bool = True) -> Answer:
    """The positions of a saved answer as a range that the ordinary parser reads.

    Args:
        path: JSON file of a venue's positions or account answer
        venue: deribit, okx, bybit, binance or derive
        instruments: JSON file of the venue's instruments answer, for venues that count in contracts
        priced: whether prices of the answer fill the columns; not where a market range stands beside it

    Raises:
        MarginError: the file is unreadable, is an error of the venue, or has another shape; the text names the missing key
    """
    return answer_of(
        Source(_json(path), str(path)), venue, None if instruments is None else Source(_json(instruments), str(instruments)), priced=priced
    )


def answer_of(source: Source, venue: str, instruments: Source | None = None, *, priced: bool = True) -> Answer:
    """The positions of an answer that is at hand, as `read_answer` gives them.

    Raises:
        MarginError: as `read_answer`
    """
    name = venue.strip().lower()
    if name not in KNOWN_VENUES:
        raise MarginError(f"no answers of {venue!r} can be read: --venue is one of {', '.join(KNOWN_VENUES)}")
    module = importlib.import_module(f"{__name__}.{name}.{name}_positions")
    contracts = {} if instruments is None else module.contract_sizes(instruments)
    holdings: list[Holding] = module.holdings(source, contracts)
    answer = range_of(holdings, name, module.moment(source), priced=priced)
    told = module.left_out(source) if hasattr(module, "left_out") else ()
    return answer._replace(notes=(*answer.notes, *told))


def _json(path: Path) -> Any:
    """The content of a JSON file."""
    if not path.is_file():
        raise MarginError(f"there is no file {path}: check the name and the folder")
    if path.stat().st_size > MOST_BYTES:
        raise MarginError(f"{path} has more than {MOST_BYTES // 1_000_000} MB: save the positions answer alone")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MarginError(f"{path} is not a text file in UTF-8 (byte {error.start}): save the answer as JSON") from None
    except json.JSONDecodeError as error:
        raise MarginError(
            f"{path} is not JSON (line {error.lineno}, column {error.colno}: {error.msg}): save the whole answer as it came"
        ) from None
    except (RecursionError, ValueError):
        raise MarginError(f"{path} is nested too deeply, or holds a number with too many digits: save the answer as it came") from None
