"""Derive's own configuration as a source of parameters: a saved answer of public/get_all_currencies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from udfs import PM_EXPLAIN, PM_MAINTENANCE, PM_MARGIN
from xlmargin import cli

UNIVERSES = {"PRIME": 1, "ALT": 3}


def currency(coin: str, universe: str, perp: tuple[float, float] | None, **spot: dict[str, tuple[float, float, float, float]]) -> Any:
    """A currency in the shape of the answer that Derive v3 gave on 2026-10-08, numbers as texts.

    Args:
        perp: initial and maintenance rate of its perpetual
        spot: by token and universe what srm and pm2 answer: srm initial, srm maintenance, pm2 initial, pm2 maintenance
    """
    names = ("srm_im_discount", "srm_mm_discount", "pm2_im_discount", "pm2_mm_discount")
    own = {"risk_universe_id": UNIVERSES[universe], "risk_universe_name": universe}
    required = perp and dict(zip(("im_perp_req", "mm_perp_req"), map(str, perp)))
    return {
        "currency": coin,
        "option": {"name": f"{coin}-OPTION", "universes": [own]} if perp else None,
        "perp": {"name": f"{coin}-PERP", "universes": [{**own, "srm_perp_margin_requirements": required}]} if perp else None,
        "spot": [
            {
                "name": token,
                "universes": [{"risk_universe_id": UNIVERSES[at], **dict(zip(names, map(str, each)))} for at, each in by.items()],
            }
            for token, by in spot.items()
        ],
    }


ANSWER = {
    "id": "1",
    "result": [
        currency("ETH", "PRIME", (0.07, 0.055), ETH={"ALT": (0.7, 0.8, 0.3, 0.2), "PRIME": (0.72, 0.8, 0.09, 0.05)}),
        currency("BTC", "PRIME", (0.066, 0.05)),
        currency("WBTC", "PRIME", None, WBTC={"ALT": (0.6975, 0.75, 0.3025, 0.25), "PRIME": (0.6975, 0.75, 0.14, 0.126)}),
        currency("PEPE", "ALT", (0.4, 0.3)),
    ],
}


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    """The answer as a file."""
    path = tmp_path / "currencies.json"
    path.write_text(json.dumps(ANSWER), encoding="utf-8")
    return path


def test_margins_with_a_saved_answer(answer: Path) -> None:
    """Its rates stand in the place of the shipped ones, of the coin's own universe; new perpetuals are known by it."""
    told = [["params_file", str(answer)]]
    market = [["Underlying", "Spot"], ["ETH", 1000.0], ["BTC", 1000.0], ["PEPE", 1.0]]
    rows = [["Underlying", "Type", "Quantity"], ["ETH", "perp", -1.0], ["PEPE", "perp", 100.0], ["ETH", "spot", 1.0], ["BTC", "spot", 1.0]]
    assert PM_MARGIN(rows, market, "DERIVE_SM", told) == pytest.approx(1000.0 * (0.07 + 0.28 + 0.3025) + 100.0 * 0.4)
    assert PM_MAINTENANCE(rows, market, "DERIVE_SM", told) == pytest.approx(1000.0 * (0.055 + 0.2 + 0.25) + 100.0 * 0.3)
    coins = [rows[0], rows[3], rows[4]]
    assert PM_MARGIN(coins, market, "DERIVE", told) == pytest.approx(1000.0 * (0.16 + 0.09) + 1000.0 * (0.14 + 0.14))
    assert PM_MAINTENANCE(coins, market, "DERIVE", told) == pytest.approx(1000.0 * (0.128 + 0.05) + 1000.0 * (0.112 + 0.126))
    lines = PM_EXPLAIN(coins, market, "DERIVE", told)
    assert next(row[5] for row in lines if row[1] == "Haircut") == f"params_file {answer}"
    assert PM_MARGIN([rows[0], rows[2]], market, "DERIVE", told).startswith("#PM! DERIVE does not list PEPE")


def test_what_differs_from_the_shipped_numbers(answer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the venue's answer that are the shipped ones are left out."""
    assert cli.main(["parameters", "DERIVE_SM", "--from", str(answer), "--json"]) == 0
    told = {(row[0], row[1]): row[3] for row in json.loads(capsys.readouterr().out)[1:]}
    assert told == {
        ("ETH", "perp_im"): 0.07,
        ("ETH", "perp_mm"): 0.055,
        ("ETH", "base_im"): 0.9,
        ("PEPE", "perp_im"): 0.4,
        ("PEPE", "perp_mm"): 0.3,
    }
    assert cli.main(["parameters", "DERIVE", "--from", str(answer), "--json"]) == 0
    differs = {(row[0], row[1]): row[3] for row in json.loads(capsys.readouterr().out)[1:]}
    assert differs == {("ETH", "mm_haircut"): 0.05, ("ETH", "im_extra_haircut"): 0.04}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"result": {"instruments": []}}, "holds no list of currencies"),
        ([], "holds no list of currencies"),
        ([{"currency": "ETH", "perp": None, "spot": []}], "has neither perpetuals nor collateral with their rates"),
        (
            [{"currency": "ETH", "perp": {"universes": [{"srm_perp_margin_requirements": {"im_perp_req": "x"}}]}}],
            "im_perp_req must be a number",
        ),
        ([{"currency": "ETH", "perp": {"universes": [7]}}], "(ETH).perp.universes[0] must be an object"),
    ],
)
def test_another_answer_is_told(tmp_path: Path, content: Any, words: str) -> None:
    """The file and the place of what is missing."""
    path = tmp_path / "other.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    said = PM_MARGIN(
        [["Underlying", "Type", "Quantity", "Spot"], ["ETH", "perp", 1.0, 1000.0]], None, "DERIVE_SM", [["params_file", str(path)]]
    )
    assert said.startswith(f"#PM! {path}: ")
    assert words in said
