"""Cases computed outside the project: what a venue answered, a document prints, a venue's engine or a hand calculation gives.

A case is a file `cases/METHOD/WHAT-IT-SHOWS.json`: the ranges that a sheet would pass, the numbers expected of them, and
their source. The steps of a hand calculation are lines `NAME = FORMULA = VALUE`, recomputed here without the package.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from udfs import PM_LINE, PM_MAINTENANCE, PM_MARGIN, PM_RISK_ARRAY
from xlmargin.methods import known_methods

Case = dict[str, Any]

CASES = sorted((Path(__file__).parent / "cases").glob("*/*.json"))
KINDS = ("venue answer", "printed example", "venue engine", "hand calculation")
NEEDED = {"method", "kind", "source", "positions", "expected", "tolerance"}
OPTIONAL = {"note", "steps", "market", "parameters", "history"}
ARITHMETIC = {
    "abs": abs,
    "max": max,
    "min": min,
    "sum": sum,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "N": lambda x: 0.5 * math.erfc(-x / math.sqrt(2.0)),  # the normal distribution
}


def read(path: Path) -> Case:
    """One case as it is written."""
    case: Case = json.loads(path.read_text(encoding="utf-8"))
    return case


def faults(case: Case, folder: str) -> list[str]:
    """What a case lacks, so that nobody could check it."""
    found = [f"lacks {name}" for name in sorted(NEEDED - set(case))]
    found += [f"has an unknown field {name}" for name in sorted(set(case) - NEEDED - OPTIONAL)]
    if not str(case.get("source", "")).strip():
        found.append("names no source")
    if case.get("kind") not in KINDS:
        found.append(f"has no kind of {', '.join(KINDS)}")
    if case.get("kind") == "hand calculation" and not case.get("steps"):
        found.append("is calculated by hand and shows no steps")
    if str(case.get("method", "")).lower() != folder:
        found.append("lies in the folder of another method")
    return found


def worked(steps: list[str]) -> dict[str, float]:
    """The value of each step, each formula worked out from the steps before it; the printed value must be that."""
    values: dict[str, float] = {}
    for step in steps:
        name, formula, printed = (part.strip() for part in step.split(" = "))
        values[name] = eval(formula, {"__builtins__": {}}, ARITHMETIC | values)
        assert values[name] == pytest.approx(float(printed.replace(",", "")), rel=1e-5, abs=1e-6), step
    return values


def numbers(expected: Case) -> list[float]:
    """Every number that a case expects."""
    flat = [expected[name] for name in ("initial", "maintenance") if name in expected]
    return [*flat, *expected.get("lines", {}).values(), *(value for column in expected.get("risk_array", {}).values() for value in column)]


def answers(case: Case) -> Case:
    """What the functions of a sheet say of the same things."""
    positions, expected = case["positions"], case["expected"]
    rest = case.get("market"), case["method"], case.get("parameters"), case.get("history")
    found: Case = {}
    if "initial" in expected:
        found["initial"] = PM_MARGIN(positions, *rest)
    if "maintenance" in expected:
        found["maintenance"] = PM_MAINTENANCE(positions, *rest)
    if "lines" in expected:
        found["lines"] = {path: PM_LINE(positions, path, *rest) for path in expected["lines"]}
    if "risk_array" in expected:
        table = PM_RISK_ARRAY(positions, *rest)
        assert isinstance(table, list), table
        head, *rows = table
        found["risk_array"] = {column: [row[head.index(column)] for row in rows] for column in expected["risk_array"]}
    return found


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_case(path: Path) -> None:
    """The functions of a sheet give the numbers of the case within its tolerance."""
    case = read(path)
    assert faults(case, path.parent.name) == []
    within, expected = case["tolerance"], case["expected"]
    steps = list(worked(case.get("steps", [])).values())
    if steps:
        assert [value for value in numbers(expected) if not any(value == pytest.approx(step, rel=1e-5, abs=1e-6) for step in steps)] == []
    assert numbers(expected)
    found = answers(case)
    assert set(found) == set(expected)
    assert {name: found[name] for name in ("initial", "maintenance") if name in found} == pytest.approx(
        {name: expected[name] for name in ("initial", "maintenance") if name in expected}, **within
    )
    assert found.get("lines", {}) == pytest.approx(expected.get("lines", {}), **within)
    for column, values in expected.get("risk_array", {}).items():
        assert found["risk_array"][column] == pytest.approx(values, **within), column


@pytest.mark.parametrize("method", known_methods())
def test_every_rulebook_brings_a_case(method: str) -> None:
    """A rulebook whose numbers nobody outside computed is not shipped: laws cannot see that it is wrong."""
    assert any(path.parent.name == method.lower() for path in CASES), f"cases/{method.lower()}/ holds no case"


def test_a_case_that_nobody_could_check_is_refused() -> None:
    """Without a source, or by hand without steps, or with steps that do not give their value, a case does not count."""
    whole = read(CASES[0]) | {"kind": "venue answer"}
    assert faults(whole, CASES[0].parent.name) == []
    assert faults(whole | {"source": " "}, CASES[0].parent.name) == ["names no source"]
    by_hand = {name: value for name, value in whole.items() if name != "steps"} | {"kind": "hand calculation"}
    assert faults(by_hand, CASES[0].parent.name) == ["is calculated by hand and shows no steps"]
    with pytest.raises(AssertionError):
        worked(["rate = 0.15 - 0.05 = 0.1", "margin = rate * 70000 = 7001"])
