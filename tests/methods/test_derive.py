"""Derive: the venue's own cases recomputed, changed numbers told, and books under the same arithmetic."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from udfs import PM_EXPLAIN, PM_LINE, PM_MAINTENANCE, PM_MARGIN, PM_RISK_ARRAY, PM_SCANNING_RISK, PM_SCENARIOS
from xlmargin import cli
from xlmargin.errors import MarginError
from xlmargin.methods.derive import pmrm, srm
from xlmargin.methods.derive.black import YEAR, prices
from xlmargin.methods.derive.portfolio import Moves, PmrmTerms, Portfolio
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


# ---- books

HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV", "Forward"]
SPOT, FORWARD, LATER = 2681.6, 2690.0, 2750.0
BOOK = [
    HEADER,
    ["ETH", "C", 2700.0, 9.2, -12.0, 0.64, FORWARD],
    ["ETH", "P", 2400.0, 9.2, 7.0, 0.70, FORWARD],
    ["ETH", "C", 3500.0, 130.0, -4.0, 0.72, LATER],
    ["ETH", "P", 3500.0, 130.0, 1.5, 0.72, LATER],
    ["ETH", "perp", None, None, -3.0, None, None],
    ["ETH", "spot", None, None, 2.0, None, None],
]
MARKET = [["Underlying", "Spot", "Rate"], ["ETH", SPOT, 0.06]]
STABLE = [["stable_price", 0.95]]


def same_portfolio(haircuts: tuple[float, float], stable: float) -> Portfolio:
    """The book above, typed in by hand for the arithmetic."""
    at = np.array([0, 0, 1, 1])
    return Portfolio(
        np.array([[-12.0, 7.0, -4.0, 1.5]]),
        np.array([2700.0, 2400.0, 3500.0, 3500.0]),
        np.array([True, False, True, False]),
        np.array([0.64, 0.70, 0.72, 0.72]),
        np.array([FORWARD, LATER])[at],
        np.zeros(4),
        at,
        np.array([9.2, 130.0]) * YEAR / 365,
        np.array([0.06, 0.06]),
        np.ones(2),
        np.array([[-3.0]]),
        np.array([SPOT]),
        np.ones(1),
        np.zeros(1),
        np.zeros(1),
        SPOT,
        1.0,
        stable,
        np.array([[2.0]]),
        np.array([SPOT]),
        np.ones(1),
        np.array([True]),
        np.array([haircuts[0]]),
        np.array([haircuts[1]]),
    )


# docs.derive.xyz, Portfolio Margin Parameters, ETH and BTC
DOCUMENTED = PmrmTerms(
    0.5,
    0.275,
    0.3,
    0.13,
    1.0,
    1.0,
    0.98,
    0.0,
    0.10,
    1.045,
    0.955,
    0.5,
    2.0,
    0.99,
    4.0,
    0.55,
    1.0,
    0.03,
    0.003,
    0.8,
    0.40,
    1.02,
    0.0,
    0.10,
    0.01,
    0.002,
    0.25,
    -0.1,
    0.25,
    -0.1,
    0.01,
    4.0,
    0.6,
    0.0,
)
REGULAR = [(1.18, "up"), *((s, v) for s in (1.135, 1.09, 1.045, 1.0, 0.955, 0.91, 0.865) for v in ("up", "none", "down")), (0.82, "up")]
TAILS = [(0.34, 0.21), (0.67, 0.42), (1.5, 0.27), (2.0, 0.13), (3.0, 0.069), (4.0, 0.046), (5.0, 0.034), (6.0, 0.027)]


@pytest.mark.parametrize("parameters", [None, STABLE])
def test_a_book_is_the_same_portfolio(parameters: Any) -> None:
    """PM_MARGIN under DERIVE is mark to market less the surplus of the same portfolio in the verified arithmetic."""
    stable = parameters[0][1] if parameters else 1.0
    moves = Moves(
        np.array([s for s, _ in REGULAR] + [s for s, _ in TAILS] + [1.0, 1.0]),
        (*(v for _, v in REGULAR), *["up"] * len(TAILS), "linear", "abs"),
        np.array([1.0] * len(REGULAR) + [w for _, w in TAILS] + [1.0, 1.0]),
    )
    found = pmrm.PmrmResult(same_portfolio((0.056, 0.014), stable), moves, DOCUMENTED)
    asked = MARKET, "DERIVE", parameters
    assert PM_MARGIN(BOOK, *asked) == pytest.approx(float(found.value[0] - found.initial[0]), rel=1e-12)
    assert PM_MAINTENANCE(BOOK, *asked) == pytest.approx(float(found.value[0] - found.maintenance[0]), rel=1e-12)
    assert PM_SCANNING_RISK(BOOK, *asked) == pytest.approx(-float(found.worst[0]), rel=1e-12)
    array = PM_RISK_ARRAY(BOOK, *asked)
    assert [row[5] for row in array[1:]] == pytest.approx([*found.pnl[0].tolist(), float(found.basis[0])], rel=1e-9)
    assert len(PM_SCENARIOS("DERIVE")) - 1 == 34 * 5
    assert PM_LINE(BOOK, "ETH/Short options", *asked) == pytest.approx((12.0 + 2.5) * SPOT * 0.003)


def test_v1_is_a_profile() -> None:
    """The parameter model chooses PMRM v1: 21 scenarios and the forward contingency, static contingencies in the loss."""
    terms = PmrmTerms(0.45, 0.3, 0.3, 0.13, 1.0, 1.3, 0.95, 4.0, 0.12, 1.05, 0.95, 0.25, 0.01, 0.98, 2.0, 0.6, 0.4, 0.025, 0.01)
    grid = [(s, v) for s in (1.15, 1.10, 1.05, 1.0, 0.95, 0.90, 0.85) for v in ("up", "none", "down")]
    moves = Moves(np.array([s for s, _ in grid]), tuple(v for _, v in grid), np.ones(len(grid)))
    found = pmrm.V1Result(same_portfolio((0.025, 0.0), 1.0), moves, terms)
    asked = MARKET, "DERIVE", [["model", "pmrm"]]
    assert PM_MARGIN(BOOK, *asked) == pytest.approx(float(found.value[0] - found.initial[0]), rel=1e-12)
    assert PM_MAINTENANCE(BOOK, *asked) == pytest.approx(float(found.value[0] - found.maintenance[0]), rel=1e-12)
    assert len(PM_RISK_ARRAY(BOOK, *asked)) - 1 == 22


def test_what_the_cases_at_hand_leave_open() -> None:
    """An expiry is no surer than a perpetual held beside it; a skew's cap below 0 is taken as the venue's contract does."""
    one = Moves(np.array([1.0]), ("linear",), np.ones(1))
    unsure = dataclasses.replace(same_portfolio((0.0, 0.0), 1.0), perp_confidence=np.array([0.5]))
    found = pmrm.PmrmResult(unsure, one, DOCUMENTED)
    assert found.oracle[0] == pytest.approx(-0.5 * SPOT * (3.0 + 12.0 + 7.0 + 4.0 + 1.5))
    without = dataclasses.replace(unsure, perp=np.zeros((1, 1)))
    assert pmrm.PmrmResult(without, one, DOCUMENTED).oracle[0] == 0.0
    first = pmrm.V1Result(unsure, one, DOCUMENTED)
    assert first.oracle[0] == pytest.approx(-0.5 * SPOT * (3.0 + 2.0 + 12.0 + 7.0 + 4.0 + 1.5))
    below = dataclasses.replace(DOCUMENTED, linear_cap=0.0, linear_cap_sqrt_t=-0.1)
    cap, k = -0.1 * np.sqrt(9.2 / 365), np.log(2400.0 / FORWARD)
    reach = 4.0 * 0.6 * np.sqrt(9.2 / 365)
    assert pmrm.PmrmResult(unsure, one, below).skew("linear")[1] == pytest.approx(1.0 + max(-cap, k * cap / reach))


@pytest.mark.parametrize("parameters", [None, STABLE])
def test_a_book_is_the_same_standard_portfolio(parameters: Any) -> None:
    """PM_MARGIN under DERIVE_SM is mark to market less the surplus of the same market in the verified arithmetic."""
    terms = srm.SrmTerms(0.15, 0.13, 0.09, 0.09, 0.075, 1.2, 1.1, 1.05, 0.066, 0.05, 0.55, 0.4, 0.8, 0.9375, 0.99, 2.0)
    book = same_portfolio((0.0, 0.0), 1.0)
    calls, puts = prices(book.forward, book.strike, book.seconds[book.expiry] / YEAR, book.vol)
    market = srm.SrmMarket(
        book.amount,
        book.strike,
        book.call,
        np.where(book.call, calls, puts),
        book.expiry,
        np.array([FORWARD, LATER]),
        np.ones(2),
        book.perp,
        book.perp_price,
        np.array([2.0]),
        np.zeros(1),
        SPOT,
        stable=parameters[0][1] if parameters else 1.0,
    )
    found = srm.SrmResult(market, terms)
    asked = [[*MARKET[0], "As of"], [*MARKET[1], "2026-11-27"]], "DERIVE_SM", parameters
    assert PM_MARGIN(BOOK, *asked) == pytest.approx(float(found.value[0] - found.initial[0]), rel=1e-12)
    assert PM_MAINTENANCE(BOOK, *asked) == pytest.approx(float(found.value[0] - found.maintenance[0]), rel=1e-12)


def test_a_perpetual_that_the_table_does_not_list_is_refused() -> None:
    """The table of v3 names its coins; without a perpetual nothing of it is asked, and before v3 one rate held for all."""
    market = [["Underlying", "Spot", "As of"], ["DOGE", 0.4, "2026-11-27"]]
    perpetual, option = (
        [["Underlying", "Type", "Quantity"], ["DOGE", "perp", 1000.0]],
        [["Underlying", "Type", "Strike", "DTE", "Quantity", "Price"], ["DOGE", "C", 0.5, 30.0, 1.0, 0.02]],
    )
    said = PM_MARGIN(perpetual, market, "DERIVE_SM")
    assert said.startswith(
        "#PM! DERIVE_SM does not list DOGE: its perp_im is for ADA, BTC, CC, ETH, HYPE, LINK, LIT, PUMP, SOL, VVV, XAUT, XRP, ZEC"
    )
    assert PM_MARGIN(option, market, "DERIVE_SM") == pytest.approx(0.02)
    before = [market[0], ["DOGE", 0.4, "2026-06-30"]]
    assert PM_MARGIN(perpetual, before, "DERIVE_SM") == pytest.approx(40.0)


def test_a_mark_is_enough_for_the_standard_margin() -> None:
    """DERIVE_SM needs prices, not vols: a short call 10 % out of the money is max(15 − 10 %, 13 %) of spot (venues 4.4)."""
    rows = [["Underlying", "Type", "Strike", "DTE", "Quantity", "Price", "Spot"], ["ETH", "C", 1100.0, 30.0, -2.0, 40.0, 1000.0]]
    assert PM_MARGIN(rows, None, "DERIVE_SM") == pytest.approx(2 * 0.13 * 1000.0)
    assert PM_MAINTENANCE(rows, None, "DERIVE_SM") == pytest.approx(2 * 0.09 * 1000.0)


def test_statement_says_what_is_left_out() -> None:
    """Open orders and feeds of low confidence are lines that say so; parameters show source and status."""
    header, *rows = BOOK
    ordered = [[*header, "Order"], *([*row, None] for row in rows), [*rows[0], "yes"]]
    for method in ("DERIVE", "DERIVE_SM"):
        lines = PM_EXPLAIN(ordered, MARKET, method)
        assert PM_MARGIN(ordered, MARKET, method) == PM_MARGIN(BOOK, MARKET, method)
        for label in ("Open orders", "Low confidence"):
            assert next(row[2:5:2] for row in lines if row[1] == label) == [0.0, "not modelled"]


def test_bad_tails_are_told() -> None:
    """A list of tails that cannot be read names the piece."""
    assert "tails has '1'" in PM_MARGIN(BOOK, MARKET, "DERIVE", [["tails", "-0.5:0.2, 1"]])


def test_markets_are_apart() -> None:
    """BTC and ETH do not offset: each underlying is a market of its own; SOL has its own numbers."""
    rows = [
        ["Underlying", "Type", "Quantity", "Spot"],
        ["BTC", "perp", 1.0, 1000.0],
        ["ETH", "perp", -1.0, 1000.0],
        ["SOL", "perp", 1.0, 1000.0],
    ]
    each = [PM_MARGIN([rows[0], row], None, "DERIVE") for row in rows[1:]]
    assert PM_MARGIN(rows, None, "DERIVE") == pytest.approx(sum(each))
    assert each[0] == pytest.approx(1000.0 * (0.18 + 0.03 + 0.01))  # largest of 18 % and the tails, 66 % × 0.21 = 13.9 %
    assert each[2] == pytest.approx(1000.0 * (0.27 * 1.1 + 0.05 + 0.01))
