"""A folder per venue: its positions, its quotes, its own answers recomputed."""

from __future__ import annotations

import importlib
from pathlib import Path

from xlmargin.errors import MarginError
from xlmargin.methods.json_shape import read_json
from xlmargin.venues.shape import Answer, Holding, RawAnswer, moment_of, range_of

__all__ = ["KNOWN_VENUES", "Answer", "RawAnswer", "answer_of", "read_answer"]

KNOWN_VENUES = ("deribit", "okx", "bybit", "binance", "derive")


def read_answer(path: Path, venue: str, instruments: Path | None = None, *, priced: bool = True) -> Answer:
    """The positions of a saved answer as a range that the ordinary parser reads.

    Args:
        path: JSON file of a venue's positions or account answer
        venue: deribit, okx, bybit, binance or derive
        instruments: JSON file of the venue's instruments answer, for venues that count in contracts
        priced: whether prices of the answer fill the columns; not where a market range is also given

    Raises:
        MarginError: the file is unreadable, is an error of the venue, or has another shape; the text names the missing key
    """
    return answer_of(
        RawAnswer(read_json(path), str(path)),
        venue,
        None if instruments is None else RawAnswer(read_json(instruments), str(instruments)),
        priced=priced,
    )


def answer_of(source: RawAnswer, venue: str, instruments: RawAnswer | None = None, *, priced: bool = True) -> Answer:
    """The positions of an answer in memory, as `read_answer` gives them.

    Raises:
        MarginError: as `read_answer`
    """
    name = venue.strip().lower()
    if name not in KNOWN_VENUES:
        raise MarginError(f"no answers of {venue!r} can be read: --venue is one of {', '.join(KNOWN_VENUES)}")
    module = importlib.import_module(f"{__name__}.{name}.{name}_positions")
    sized = instruments is not None and hasattr(module, "contract_sizes")  # the other venues count in amounts
    contracts = module.contract_sizes(instruments) if sized else {}
    holdings: list[Holding] = [module.holding(item, contracts) for item in module.items(source)]
    moment = None if source.is_list else moment_of(source.top, *module.TIMES)
    answer = range_of(holdings, name, moment, priced=priced)
    told = module.left_out(source) if hasattr(module, "left_out") else ()
    return answer._replace(notes=(*answer.notes, *told))
