"""Bybit's documented answer, recomputed; whatever number of it is changed is reported."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from xlmargin.venues.bybit.bybit_answers import replay
from xlmargin.venues.verify import verify


@pytest.fixture
def answer(shared: Path) -> dict[str, Any]:
    """The answer as the venue's documentation prints it."""
    found: dict[str, Any] = json.loads((shared / "vectors/bybit_pm_v5_docs_2026-03-24.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", ["bybit_pm_v5_docs_2026-03-24", "bybit_pm_vector"])
def test_documented_answer_matches(shared: Path, name: str) -> None:
    """Both the answer as sent, forward and vol fitted to it, and the one with what was decoded beside it."""
    (outcome,) = verify("BYBIT", shared / f"vectors/{name}.json")
    assert outcome.matches, outcome.text


CHANGES = (
    ("optionExpiryDatePnlRanges", 0, "optionPositionPnlRanges", 0, "pnlRanges", 0, "pnls", 2),
    ("optionExpiryDatePnlRanges", 0, "optionPositionPnlRanges", 0, "pnlRanges", 7, "pnls", 0),
    ("perpPositionPnlRanges", 0, "pnlRanges", 3, "pnls", 0),
    ("totalPnlRanges", "ALL", "pnlRanges", 0, "pnls", 0),
    ("totalPnlRanges", "OPTION", "pnlRanges", 5, "pnls", 0),
    ("contingency", "futureContingency"),
    ("asset", "assetIM"),
    ("asset", "assetMM"),
    ("maxLossPriceMove",),
    ("maxLossIvShock",),
)


@pytest.mark.parametrize("path", CHANGES, ids=lambda path: f"{path[0]}-{path[-1]}")
def test_a_changed_number_is_reported(answer: dict[str, Any], path: tuple[Any, ...]) -> None:
    """A thousandth more, and the answer differs."""
    changed = copy.deepcopy(answer)
    node = changed["result"]["assetPnlRange"][0]
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = str(float(node[path[-1]]) * 1.001)
    (outcome,) = replay(changed)
    assert not outcome.matches


def test_what_cannot_be_recomputed_is_said(answer: dict[str, Any]) -> None:
    """An inverse contract stops its coin with a reason; a file without an answer holds no case."""
    answer["result"]["assetPnlRange"][0]["perpPositionPnlRanges"][0]["settleCoin"] = "BTC"
    (outcome,) = replay(answer)
    assert "settles in BTC: linear contracts alone are recomputed" in outcome.text
    assert list(replay({"retCode": 0, "result": {}})) == []
