"""The number of answers that a parameter file claims for its formula is the number that is recomputed here.

An answer is what a venue, or its own engine, said of a book; a number that a page prints is none. Files of answers are replayed as
`xlmargin verify` does; further answers are cases of the kinds `venue answer` and `venue engine`. Where a method has a file, its cases
retell what stands there, but for those that are named.
"""

from __future__ import annotations

import json
import time
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

from xlmargin.methods import known_methods, rules_of
from xlmargin.venues.verify import verify

CASES = Path(__file__).parent / "cases"
ANSWERED = ("venue answer", "venue engine")


class Answers(NamedTuple):
    """The files of answers of a method in the reference data.

    Attributes:
        files: their names, and how the names of those cases begin that are answers on this method
        beside: pattern of the cases here that no file holds
    """

    files: dict[str, str]
    beside: str = ""


EXAMPLES = "vectors/venue_examples.json"
REPLAYED = {
    "SPAN": Answers({"data/nse_span_risk_arrays_20260625.json": ""}),
    "DERIBIT": Answers({EXAMPLES: ""}),
    "OKX": Answers({EXAMPLES: "OKX API docs", "vectors/okx_position_builder_2022_option.json": ""}),
    "BYBIT": Answers({"vectors/bybit_pm_vector.json": ""}),
    "DERIVE": Answers({"vectors/derive.json": "pmrm"}),
    "DERIVE_SM": Answers({"vectors/derive.json": "srm"}, "answer-for-*"),
    "PARADEX": Answers({"vectors/paradex_sdk_vectors.json": "", "vectors/paradex_hype_vectors.json": ""}),
    "PARADEX_SM": Answers({"vectors/paradex_xm_vectors.json": ""}),
}


def told(method: str, pattern: str) -> int:
    """The number of cases of a method whose names fit and that are answers."""
    files = [path for path in (CASES / method.lower()).glob("*.json") if fnmatch(path.stem, pattern)]
    return sum(json.loads(path.read_text(encoding="utf-8"))["kind"] in ANSWERED for path in files)


@pytest.mark.parametrize("method", known_methods())
def test_the_answers_of_a_method_are_those_that_are_recomputed(method: str, shared: Path) -> None:
    """Every one of them comes out, and the file claims as many."""
    files, beside = REPLAYED.get(method, Answers({}, "*"))
    outcomes = [outcome for file, begins in files.items() for outcome in verify(method, shared / file) if outcome.name.startswith(begins)]
    assert [outcome.text for outcome in outcomes if not outcome.matches] == []
    assert rules_of(method, time.time()).meta.answers == len(outcomes) + told(method, beside)


def test_the_files_named_are_of_methods() -> None:
    """A method that was renamed would count no answers."""
    assert set(REPLAYED) <= set(known_methods())
