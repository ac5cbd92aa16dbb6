"""Files that parameters name may change between two calls: no answer is older than they are."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import span_samples as samples
from forgetting import forget
from range_books import MARKET, ask

from xlmargin import memory as recent
from xlmargin.memory import stamp

PERP = [["Underlying", "Type", "Quantity", "Spot"], ["BTC", "perp", 1.0, 66_000.0]]
SUGAR = [["Underlying", "Type", "Strike", "Expiry", "Quantity"], ["SB", "P", 23.25, "2010-04-15", -1.0]]
SUGAR_MARKET = [["Underlying", "Spot", "As of"], ["SB", 22.64, "2010-03-02"]]
TICK = 0.05  # seconds: longer than a file system's clock


@pytest.fixture(params=[2.0, 0.0], ids=["as it is", "without the pause"])
def _settled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that changed just now are read anew, and, in the other run, remembered by their stamp alone."""
    monkeypatch.setattr(recent, "SETTLED", request.param)
    forget()


def answer(price_range: float) -> str:
    """A saved pme/simulate answer with one parameter."""
    model = {
        "currency_pair": {"btc_usd": {"price_range": price_range}},
        "currency": {
            name: {
                "extended_dampener": 1e5,
                "annualised_move_risk": 0.075,
                "min_annualised_move": 0.01,
                "pnl_offset": 0.0,
                "max_offsetable_pnl": 0.0,
            }
            for name in ("btc", "usd")
        },
        "general": {"mm_factor": 0.8, "buckets_count": 4},
    }
    return json.dumps({"result": {"model_params": model}})


def rewritten(path: Path, content: bytes) -> None:
    """Write a file of the same length, and give it the time of change that it had."""
    before = path.stat()
    time.sleep(TICK)
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


@pytest.mark.usefixtures("_settled")
def test_model_parameters_that_change_on_disk(tmp_path: Path) -> None:
    """A saved answer that is replaced, by one of the same length and time too, is the one that counts."""
    path = tmp_path / "answer.json"
    path.write_text(answer(0.3))
    parameters: list[Any] = [["model_params_file", str(path)]]
    first = [ask("PM_MARGIN", PERP, MARKET, "DERIBIT", parameters) for _ in range(2)]
    assert first[0] == first[1] > 66_000.0 * 0.3
    rewritten(path, answer(0.4).encode())
    assert ask("PM_MARGIN", PERP, MARKET, "DERIBIT", parameters) == pytest.approx(first[0] + 66_000.0 * 0.1)
    path.unlink()
    assert ask("PM_MARGIN", PERP, MARKET, "DERIBIT", parameters).startswith("#PM! there is no file")


@pytest.mark.usefixtures("_settled")
def test_a_span_file_that_changes_on_disk(tmp_path: Path) -> None:
    """A clearing house's file that is replaced, by one of the same length and time too, is the one that counts."""
    path = tmp_path / "ice.pa2"
    contents = [
        samples.positional([item._replace(array=tuple(2 * value for value in item.array)) if twice else item for item in samples.SUGAR])
        for twice in (False, True)
    ]
    path.write_bytes(contents[0])
    parameters = [["span_file", str(path)]]
    first = [ask("PM_SCANNING_RISK", SUGAR, SUGAR_MARKET, "SPAN", parameters) for _ in range(2)]
    assert first == [float(-min(samples.SUGAR_PUT))] * 2  # losses of a long one are positive there, and it is held short
    rewritten(path, contents[1])
    assert ask("PM_SCANNING_RISK", SUGAR, SUGAR_MARKET, "SPAN", parameters) == 2.0 * first[0]


def test_a_relative_name_is_where_it_points_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same name in another folder is another file."""
    margins = []
    for folder, price_range in (("one", 0.3), ("two", 0.5)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "answer.json").write_text(answer(price_range))
        monkeypatch.chdir(tmp_path / folder)
        margins.append(ask("PM_MARGIN", PERP, MARKET, "DERIBIT", [["model_params_file", "answer.json"]]))
    assert margins[1] - margins[0] == pytest.approx(66_000.0 * 0.2)


def test_stamps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file has a stamp once it has been left alone for two seconds; what is not there has none."""
    path = tmp_path / "file"
    assert stamp(path) is None
    path.write_text("a")
    assert stamp(path) is None
    now = time.time()
    monkeypatch.setattr(recent.time, "time", lambda: now + 3.0)
    assert stamp(path) == stamp(tmp_path / "." / "file") is not None
