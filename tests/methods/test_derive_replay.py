"""Derive: the venue's own cases recomputed, and changed numbers told."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlmargin import cli
from xlmargin.errors import MarginError
from xlmargin.venues.verify import verify

COUNTS = {
    ("pmrm_2", "cases"): 68,
    ("pmrm_v1", "cases_exact"): 5,
    ("pmrm_v1", "cases_truncated_int"): 15,
    ("srm", "cases_exact"): 14,
    ("srm", "cases_truncated_int"): 19,
    ("black76", "rows"): 7,
    ("svi", "rows"): 9,
}


@pytest.fixture(scope="module")
def saved(shared: Path) -> Any:
    """The venue's own cases: derivexyz/v2-core at 7736900d, re-keyed (vectors/derive.json)."""
    return json.loads((shared / "vectors" / "derive.json").read_text(encoding="utf-8"))


def replayed(data: Any, folder: Path, method: str = "DERIVE") -> dict[str, tuple[bool, str]]:
    """Outcomes of a file by case."""
    path = folder / "cases.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return {outcome.name: (outcome.matches, outcome.text) for outcome in verify(method, path)}


def test_every_case_matches(shared: Path) -> None:
    """All cases of the file, every number of each: IM, MM, marks, contingencies and scenario profits to 1e-9."""
    outcomes = verify("DERIVE", shared / "vectors" / "derive.json")
    assert [outcome for outcome in outcomes if not outcome.matches] == []
    sections = [outcome.name.split(" ")[0] for outcome in outcomes]
    for name in {name for name, _ in COUNTS}:
        assert sections.count(name) == sum(count for (section, _), count in COUNTS.items() if section == name), name
    assert not [outcome for outcome in outcomes if "not known here" in outcome.text]


def test_the_standard_margin_alone(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """DERIVE_SM replays the SRM cases: 14 exact ones and 19 integer ones; the last line counts, the exit code is 0."""
    assert cli.main(["verify", "DERIVE_SM", str(shared / "vectors" / "derive.json")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "33 match, 0 differ"


def test_the_examples_of_the_documentation(shared: Path, tmp_path: Path) -> None:
    """Both examples match; any printed margin that is changed by 1e-6 of itself is told."""
    examples = json.loads((shared / "vectors" / "venue_examples.json").read_text(encoding="utf-8"))["derive_srm_docs"]
    assert [found[0] for found in replayed({"derive_srm_docs": examples}, tmp_path, "DERIVE_SM").values()] == [True, True]
    changed = [
        example | {"id": name, name: value * (1.0 + 1e-6)}
        for example in examples
        for name, value in example.items()
        if name in ("im", "mm", "offset") or name.endswith(("_im", "_mm"))
    ]
    told = replayed({"derive_srm_docs": changed}, tmp_path, "DERIVE_SM")
    assert len(told) == 7  # both print option_im and option_mm
    assert not any(matches for matches, _ in told.values())


@pytest.mark.parametrize("section", ["pmrm_2", "pmrm_v1", "srm"])
def test_every_changed_number_is_told(saved: Any, tmp_path: Path, section: str) -> None:
    """Each expected number of each case, changed by 1e-6 of itself or by one unit of an integer, makes that case differ."""
    plain = {key: value for key, value in saved[section].items() if "cases" not in key}
    for key in ("cases", "cases_exact", "cases_truncated_int"):
        changed = []
        for case in saved[section].get(key, []):
            part = "expected_int" if "expected_int" in case else "expected"
            for name, value in case[part].items():
                if name != "scenario_pnl":
                    step = 1 if part == "expected_int" else (1e-6 * abs(value) + 1e-3) * (1 if value > 0 else -1)
                    changed.append(case | {"id": f"{case['id']}: {name}", part: case[part] | {name: value + step}})
        if changed:
            outcomes = replayed({section: {**plain, key: changed}}, tmp_path)
            assert len(outcomes) == len(changed)
            for title, (matches, text) in outcomes.items():
                assert not matches, title
                assert text.startswith(f"{title.rsplit(': ', 1)[1]}: ours "), text


def test_changed_scenarios_and_units_are_told(saved: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed scenario profit and changed unit values are named with both numbers; a case differs once; exit code 1."""
    data = copy.deepcopy(saved)
    case = next(case for case in data["pmrm_2"]["cases"] if "vega_neutral_fly" in case["id"])
    case["expected"]["scenario_pnl"][4] *= 1 + 1e-8
    case["expected"]["scenario_pnl"][9] *= 1 + 1e-8
    data["pricing"]["black76"]["rows"][2]["put"] *= 1.01
    data["pricing"]["black76"]["rows"][0]["call_delta_undiscounted"] += 1e-9
    data["pricing"]["svi"]["rows"][8]["vol"] *= 1 + 1e-9
    outcomes = replayed(data, tmp_path)
    wrong = {name: text for name, (matches, text) in outcomes.items() if not matches}
    assert set(wrong) == {f"pmrm_2 {case['id']}", "black76 1", "black76 3", "svi 9"}
    assert wrong[f"pmrm_2 {case['id']}"].startswith("scenario 5: ours ")
    assert "1 more of 45 differ" in wrong[f"pmrm_2 {case['id']}"]
    assert cli.main(["verify", "DERIVE", str(tmp_path / "cases.json")]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "133 match, 4 differ"


def put(path: str, value: Any) -> Callable[[Any], None]:
    """A change of one place of a case."""

    def change(case: Any) -> None:
        *way, last = path.split(".")
        for step in way:
            case = case[int(step) if step.isdigit() else step]
        case[int(last) if last.isdigit() else last] = value

    return change


def cut(path: str) -> Callable[[Any], None]:
    """The removal of one place of a case."""

    def change(case: Any) -> None:
        *way, last = path.split(".")
        for step in way:
            case = case[int(step) if step.isdigit() else step]
        del case[last]

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (cut("inputs.spot"), "case.inputs lacks 'spot'"),
        (cut("inputs.options.0.strike"), "case.inputs.options[0] lacks 'strike'"),
        (cut("expected.MM"), "case.expected lacks 'MM'"),
        (cut("params"), "case lacks 'params'"),
        (put("params", "nowhere"), "no parameter set 'nowhere'"),
        (put("inputs.spot", "ten"), "case.inputs.spot must be a number, not 'ten'"),
        (put("inputs.spot", float("nan")), "must be a finite number below 1e15, not 'nan'"),
        (put("inputs.spot", 10**400), "below 1e15"),
        (put("inputs.spot", True), "must be a number"),
        (put("inputs.options", None), "must be a list"),
        (put("inputs.options.0", 7), "case.inputs.options[0] must be an object"),
        (put("inputs.options.0.sec_to_expiry", 5), "0 feeds"),
        (put("inputs.options.0.is_call", 1), "must be true or false"),
        (put("expected.scenario_pnl", [1.0]), "1 numbers for 31 scenarios"),
        (put("expected.new_charge", 4.0), "not known here: case.expected.new_charge"),
        (put("inputs.stable_price", 0.0), "ours "),
    ],
)
def test_what_cannot_be_recomputed_is_told(saved: Any, tmp_path: Path, change: Callable[[Any], None], words: str) -> None:
    """A missing, malformed or unknown number makes its case differ, with its place; the other cases stand."""
    good = next(case for case in saved["pmrm_2"]["cases"] if "ITM_call_spread" in case["id"])
    bad = copy.deepcopy(good) | {"id": "bad"}
    change(bad)
    outcomes = replayed({"pmrm_2": {**saved["pmrm_2"], "cases": [bad, good, 3]}}, tmp_path)
    assert [matches for matches, _ in outcomes.values()] == [False, True, False]
    assert words in outcomes["pmrm_2 bad"][1]


def test_an_unknown_input_is_told(saved: Any, tmp_path: Path) -> None:
    """An input that is not known here is named, and the numbers decide."""
    case = copy.deepcopy(saved["srm"]["cases_exact"][0])
    case["inputs"]["markets"][0]["lot"] = 5
    data = {"srm": {**saved["srm"], "cases_exact": [case], "cases_truncated_int": []}}
    ((matches, text),) = replayed(data, tmp_path).values()
    assert matches
    assert "not known here: case.inputs.markets[0].lot" in text


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "null", '{"pmrm_2": 3}', '{"pmrm_2": {"cases": []}}', "\x00\xff"])
def test_garbage_is_one_clear_error(shared: Path, tmp_path: Path, content: str) -> None:
    """Truncated files and files without cases are one error."""
    path = tmp_path / "garbage.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(MarginError) as error:
        verify("DERIVE", path)
    assert "garbage.json" in str(error.value)
    path.write_bytes((shared / "vectors" / "derive.json").read_bytes()[:100_000])
    with pytest.raises(MarginError, match=r"is not JSON"):
        verify("DERIVE_SM", path)


def test_the_basis_scenario_is_no_part_of_the_span(saved: Any, tmp_path: Path) -> None:
    """Where the forward contingency is the worst of all, min_span stays the scenarios' own; margins follow the contingency.

    Its factors of 0.25 and 0.01 a year times 20 make the contingency of a case 20 times as large.
    """
    case = copy.deepcopy(saved["pmrm_v1"]["cases_exact"][0]) | {"params": "steep"}
    section = {key: value for key, value in saved["pmrm_v1"].items() if not key.startswith("cases")}
    plain, expected = section["param_sets"]["PM1_default"], case["expected"]
    steep = plain | {"add": 20.0 * plain["add"], "mult": 20.0 * plain["mult"]}
    more = 20.0 * expected["basis_contingency"] - expected["min_span"]
    assert more < 0.0
    expected |= {
        "basis_contingency": 20.0 * expected["basis_contingency"],
        "MM": expected["MM"] + more,
        "IM": expected["IM"] + more * expected["loss_factor"],
    }
    data = {"pmrm_v1": {**section, "param_sets": {"steep": steep}, "cases_exact": [case]}}
    ((matches, text),) = replayed(data, tmp_path).values()
    assert matches, text


@pytest.mark.parametrize("change", [put("expected.scenario_pnl", None), cut("expected.scenario_pnl")])
def test_a_case_without_scenarios(saved: Any, tmp_path: Path, change: Callable[[Any], None]) -> None:
    """The venue's tests leave them out of a case that they have disabled: the other numbers decide."""
    case = copy.deepcopy(next(case for case in saved["pmrm_2"]["cases"] if "ITM_call_spread" in case["id"]))
    change(case)
    ((matches, text),) = replayed({"pmrm_2": {**saved["pmrm_2"], "cases": [case]}}, tmp_path).values()
    assert matches, text
    assert "no scenarios expected" in text
