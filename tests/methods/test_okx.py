"""OKX portfolio margin against the venue's documented answer, published tiers, an independent slow loop, hand-made books."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from udfs import PM_EXPLAIN, PM_LINE, PM_MAINTENANCE, PM_MARGIN, PM_RISK_ARRAY, PM_SCANNING_RISK, PM_SCENARIOS
from xlmargin.errors import MarginError
from xlmargin.methods.okx.tables import scaled, steps
from xlmargin.venues.okx.okx_answers import replay
from xlmargin.venues.verify import verify

Rows = list[list[Any]]
HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV", "Price", "Forward"]
MARKET = [["Underlying", "Spot"], ["BTC", 65_000.0], ["SOL", 150.0], ["TRX", 0.2]]
NUMBERS = ("delta", "mmr", "imr", *(f"mr{n}" for n in range(1, 10)))
SHOCKS = (-0.12, -0.08, -0.04, 0.0, 0.04, 0.08, 0.12)  # announcement of January 2025: BTC and ETH


@pytest.fixture
def examples(shared: Path) -> dict[str, Any]:
    """The documented answer of the position builder, with its request and its market, and the tier example."""
    data: dict[str, Any] = json.loads((shared / "vectors/venue_examples.json").read_text())
    return {key: data[key] for key in ("okx_position_builder", "okx_mr7_scale")}


@pytest.fixture
def answer(examples: dict[str, Any]) -> dict[str, Any]:
    """The same answer in the form in which the venue sends it: texts, contracts, no index."""
    expected, market = examples["okx_position_builder"]["expected"], examples["okx_position_builder"]["market"]
    rate, units = market["usdt_usd_implied"], []
    for order in examples["okx_position_builder"]["request"]["simPos"]:
        coin = order["instId"].split("-")[0]
        unit, mark = expected[coin], market[f"{coin.lower()}_mark"]
        reach, size = abs(float(unit["mr1_spot"])), order["pos"] * market["ctVal"][coin]
        index = market[f"{coin.lower()}_usdt_index_implied"]
        grid = {f"{reach * n / 3:.2f}": str(size * index * rate * reach * n / 3) for n in range(-3, 4)}
        profit = size * (mark - order["avgPx"])
        flat = {"gamma": "0", "theta": "0", "vega": "0"}
        units.append(
            {
                "riskUnit": coin,
                **{key: str(unit.get(key, 0)) for key in NUMBERS},
                "mr8": str(expected["borrowMmr"]),
                "upl": str(profit * rate),
                **flat,
                "mr1FinalResult": {"pnl": str(-unit["mr1"]), "spotShock": unit["mr1_spot"], "volShock": "up"},
                "mr6FinalResult": {"pnl": str(unit["mr6_pnl"]), "spotShock": unit["mr6_spot"]},
                "mr1Scenarios": {"volSame": grid, "volShockDown": grid, "volShockUp": grid},
                "portfolios": [
                    {
                        "amt": str(order["pos"]),
                        "avgPx": str(order["avgPx"]),
                        "delta": str(unit["delta"]),
                        "floatPnl": str(profit),
                        "instId": order["instId"],
                        "instType": "SWAP",
                        "markPx": str(mark),
                        **flat,
                    }
                ],
            }
        )
    debt = [
        {"ccy": "USDC", "availEq": "0", "borrowImr": "0", "borrowMmr": "", "spotInUse": "0"},
        {"ccy": "USDT", "availEq": str(expected["eq"] / rate), "borrowImr": str(expected["borrowImr_usdt"])},
    ]
    totals = {key: str(expected[key]) for key in ("eq", "totalMmr", "totalImr", "borrowMmr", "derivMmr", "marginRatio")}
    whole = {**totals, "upl": str(sum(float(unit["upl"]) for unit in units)), "assets": debt, "riskUnitData": units}
    return {"code": "0", "msg": "", "data": [{**whole, "ts": "1736936801642"}]}


def test_file_of_answers_matches(shared: Path) -> None:
    """Every number of the documented answer but the margin ratio, and the published tiers."""
    outcomes = verify("OKX", shared / "vectors/venue_examples.json")
    assert [outcome.matches for outcome in outcomes] == [True, True]
    assert outcomes[0].text.startswith("38 numbers match")
    assert "marginRatio is not compared" in outcomes[0].text


def test_bare_answer_matches(answer: dict[str, Any]) -> None:
    """The answer as the venue sends it, and its data alone: grids, all nine requirements, profits and totals."""
    for data in (answer, answer["data"], answer["data"][0]):
        (outcome,) = replay(data)
        assert outcome.matches, outcome.text
        assert outcome.text.startswith("100 numbers match"), outcome.text


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of everything that is a number, or text of one."""
    if isinstance(node, (dict, list)):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(value, (*path, key))
        return
    try:
        float(node)
    except ValueError:
        return
    yield path


def changed(data: Any, path: tuple[Any, ...]) -> Any:
    """A copy with one number moved by a millionth, text staying text."""
    data = copy.deepcopy(data)
    node = data
    for key in path[:-1]:
        node = node[key]
    moved = float(node[path[-1]]) * (1.0 + 1e-6) + 1e-6
    node[path[-1]] = str(moved) if isinstance(node[path[-1]], str) else moved
    return data


def test_any_changed_number_of_the_example_is_reported(examples: dict[str, Any]) -> None:
    """Whatever expected number is changed by a millionth, the replay says so, but for the margin ratio."""
    paths = [("okx_position_builder", "expected", *path) for path in leaves(examples["okx_position_builder"]["expected"])]
    paths += [("okx_mr7_scale", "MR7_adj"), ("okx_mr7_scale", "mmr")]
    missed = [path[-1] for path in paths if all(outcome.matches for outcome in replay(changed(examples, path)))]
    assert missed == ["marginRatio"]


def test_any_changed_number_of_an_answer_is_reported(answer: dict[str, Any]) -> None:
    """The same of the answer as the venue sends it; its code, its time, USDC's equity and what is not compared aside."""
    missed = {path[-1] for path in leaves(answer) if all(outcome.matches for outcome in replay(changed(answer, path)))}
    assert missed == {"code", "ts", "marginRatio", "spotInUse", "availEq"}


def test_what_an_answer_cannot_tell_is_taken_as_printed(answer: dict[str, Any]) -> None:
    """A risk unit with options carries no vols: its sums alone are compared, and the text says so."""
    unit = answer["data"][0]["riskUnitData"][0]
    unit["portfolios"][0] |= {"instType": "OPTION", "instId": "BTC-USD-270326-70000-C"}
    (outcome,) = replay(answer)
    assert outcome.matches, outcome.text
    assert "taken as printed" in outcome.text
    unit["imr"] = "1"
    (outcome,) = replay(answer)
    assert "BTC imr: ours 1538.96695141, theirs 1" in outcome.text


def test_damaged_answer_differs(answer: dict[str, Any], examples: dict[str, Any]) -> None:
    """An answer that lacks a number or holds a word in its place differs and says which."""
    unit = answer["data"][0]["riskUnitData"][1]
    del unit["mmr"]
    (outcome,) = replay(answer)
    assert not outcome.matches
    assert f"riskUnitData[1] ({unit['riskUnit']}) lacks 'mmr'" in outcome.text
    examples["okx_mr7_scale"]["mmr"] = "many"
    assert "mmr must be a number, not 'many'" in list(replay(examples))[1].text


def test_tiers() -> None:
    """Published: a charge of 30,000 becomes 10,000 + 20,000 × 2; beyond the last tier everything counts twelve times."""
    ends, factors = steps("10000 1; 70000 2; 170000 4; 300000 6; 470000 8; 700000 10; inf 12", "reduction_tiers")
    charges = np.array([0.0, 30_000.0, 800_000.0])
    far = 10_000 + 60_000 * 2 + 100_000 * 4 + 130_000 * 6 + 170_000 * 8 + 230_000 * 10 + 100_000 * 12
    assert scaled(charges, ends, factors).sum(axis=0).tolist() == [0.0, 50_000.0, far]
    with pytest.raises(MarginError):
        steps("1 2; 0 3", "reduction_tiers")


def test_spot_against_perpetuals() -> None:
    """Published example: 10 spot, −10 of a perpetual: MR1 and MR6 are 0, MR4 8,053.32 decides, an open order stays out.

    The rate of 1.2 % at 67,111 is the one that gives the published MR4; the page names neither.
    """
    rows = [
        ["Underlying", "Type", "Quantity", "Order"],
        ["BTC", "spot", 10.0, None],
        ["BTC", "perp", -10.0, None],
        ["BTC", "perp", 5.0, "yes"],
    ]
    spot, rate = [["Underlying", "Spot"], ["BTC", 67_111.0]], [["basis_rate", 0.012]]
    for path in ("MR1 spot and vol shock", "MR2 theta decay", "MR3 vega term structure", "MR5 interest rate", "MR6 extreme move"):
        assert PM_LINE(rows, path, spot, "OKX", rate) == pytest.approx(0.0, abs=1e-9)
    assert PM_LINE(rows, "MR4 basis", spot, "OKX", rate) == pytest.approx(8_053.32, rel=1e-12)
    assert PM_LINE(rows, "MR7 minimum charge", spot, "OKX", rate) == pytest.approx(3_020.17, abs=0.5)
    assert PM_MAINTENANCE(rows, spot, "OKX", rate) == pytest.approx(8_053.32, rel=1e-12)
    assert PM_MAINTENANCE(rows, spot, "OKX", [["basis_rate", 0.0]]) == pytest.approx(3_020.17, abs=0.5)
    apart = PM_MAINTENANCE(rows, spot, "OKX", [*rate, ["spot_mode", "collateral"]])
    assert apart == pytest.approx(671_110.0 * (0.12 + 0.012), rel=1e-12)


def black(call: bool, forward: float, strike: float, years: float, vol: float) -> float:
    """Undiscounted Black-76 by the error function; intrinsic without vol or time."""
    sign = 1.0 if call else -1.0
    if vol * years == 0.0:
        return max(sign * (forward - strike), 0.0)
    d1 = math.log(forward / strike) / (vol * math.sqrt(years)) + 0.5 * vol * math.sqrt(years)
    d2 = d1 - vol * math.sqrt(years)
    normal = [0.5 * math.erfc(-sign * d / math.sqrt(2.0)) for d in (d1, d2)]
    return sign * (forward * normal[0] - strike * normal[1])


@pytest.mark.parametrize("kind", ["call", "put"])
@pytest.mark.parametrize(
    ("days", "points", "percent"),
    [
        (0.5, 0.30 - 0.05 * 0.5 / 30, 0.50 - 0.15 * 0.5 / 30),
        (15.0, 0.275, 0.425),
        (30.0, 0.25, 0.35),
        (45.0, 0.225, 0.30),
        (300.0, 0.20, 0.25),
    ],
)
def test_option_against_a_slow_loop(days: float, points: float, percent: float, kind: str) -> None:
    """Forwards move by the index's dollars; vols by points and by percent between 0, 30 and 60 days: an independent loop."""
    strike, vol, spot, forward = 68_000.0, 0.28, 65_000.0, 66_300.0
    call, years = kind == "call", days / 365.0

    def change(shock: float, after_vol: float, left: float = years) -> float:
        after = black(call, forward + spot * shock, strike, left, max(after_vol, 0.0))
        return after - black(call, forward, strike, years, vol)

    vols = (vol + points, vol * (1 + percent), vol, vol - points, vol * (1 - percent))
    expected = [change(shock, each) for shock in SHOCKS for each in vols]
    expected += [0.5 * change(shock, vol) for shock in (-0.24, 0.24)]
    expected.append(change(0.0, vol, max(years - 1 / 365, 0.0)))
    table = PM_RISK_ARRAY([HEADER, ["BTC", kind, strike, days, -3.0, vol, None, forward]], MARKET, "OKX")[1:]
    assert [row[-1] for row in table] == pytest.approx([-3.0 * value for value in expected], rel=1e-9, abs=1e-8)


def test_worst_of_both_kinds_and_theta() -> None:
    """A short straddle loses most with vols up by percent; of a long one MR1, MR2 and MR6 the largest counts."""
    straddle = [[kind, 65_000.0, 90.0, -1.0, 1.2, None, None] for kind in ("call", "put")]
    short = [HEADER, *(["BTC", *leg] for leg in straddle)]
    array = {row[1]: row[-1] for row in PM_RISK_ARRAY(short, MARKET, "OKX")[1:]}
    by_percent = [value for name, value in array.items() if "up by percent" in name]
    assert min(array.values()) == min(by_percent)  # 25 % of 1.2 is more than 20 points
    long = [row if row is HEADER else [*row[:4], 1.0, *row[5:]] for row in short]
    paths = "MR1 spot and vol shock", "MR2 theta decay", "MR6 extreme move"
    worst = {path: PM_LINE(long, path, MARKET, "OKX") for path in paths}
    assert all(value > 0.0 for value in worst.values())
    assert PM_LINE(long, "Largest of MR1, MR2 and MR6", MARKET, "OKX") == max(worst.values())
    assert PM_SCANNING_RISK(long, MARKET, "OKX") == max(worst.values())


def test_groups_of_coins() -> None:
    """Shocks by group: 12, 18 and 25 %; coins outside the two groups have neither MR4 nor MR7 rates, and are told so."""
    for coin, spot, reach in (("BTC", 65_000.0, 0.12), ("SOL", 150.0, 0.18), ("TRX", 0.2, 0.25)):
        rows = [HEADER, [coin, "perp", None, None, 10.0, None, None, None]]
        assert PM_LINE(rows, "MR1 spot and vol shock", MARKET, "OKX") == pytest.approx(10.0 * spot * reach, rel=1e-12)
    statement = PM_EXPLAIN([["Underlying", "Type", "Quantity"], ["TON", "perp", 1.0]], [*MARKET, ["TON", 3.0]], "OKX")
    status = {row[1]: row[4] for row in statement[1:]}
    for label in (
        "Perpetuals",
        "Perpetuals and futures",
        "Tiers",
        "MR3 vega term structure",
        "MR5 interest rate",
        "MR9 stablecoin decoupling",
    ):
        assert status[label] == "not modelled", label


@pytest.mark.parametrize(
    ("coin", "day", "near", "far"),
    [
        ("BTC", "2025-01-05", 0.15, 0.30),
        ("BTC", "2025-01-06", 0.12, 0.24),
        ("LTC", "2025-01-05", 0.20, 0.40),
        ("LTC", "2025-01-06", 0.18, 0.36),
        ("SOL", "2025-01-05", 0.25, 0.40),
        ("TON", "2025-01-05", 0.25, 0.50),
    ],
)
def test_shocks_before_and_after_the_notice_of_january_2025(coin: str, day: str, near: float, far: float) -> None:
    """Both columns of the notice: the largest move of MR1, and half of the loss in that of MR6."""
    rows, market = [["Underlying", "Type", "Quantity"], [coin, "perp", -1.0]], [["Underlying", "Spot", "As of"], [coin, 100.0, day]]
    assert PM_LINE(rows, "MR1 spot and vol shock", market, "OKX") == pytest.approx(100.0 * near, rel=1e-12)
    assert PM_LINE(rows, "MR6 extreme move", market, "OKX") == pytest.approx(50.0 * far, rel=1e-12)


def test_faults_are_told() -> None:
    """American options and tables of another shape are refused with a cure."""
    book = [HEADER[:6], ["BTC", "put", 6e4, 9.0, 1.0, 0.5]]
    american = [[*row, cell] for row, cell in zip(book, ("Exercise", "american"))]
    assert "european" in PM_MARGIN(american, MARKET, "OKX")
    assert PM_MARGIN(book, MARKET, "OKX", [["vol_shock_points", "high"]]).startswith("#PM! vol_shock_points")
    assert len({row[0] for row in PM_SCENARIOS("OKX")[1:]}) == 38


def test_option_answer_of_2022(shared: Path) -> None:
    """Initial is 1.3 × maintenance; gamma and vega follow from delta and theta; MR2's rule is told not to be known."""
    path = shared / "vectors/okx_position_builder_2022_option.json"
    (outcome,) = verify("OKX", path)
    assert outcome.matches, outcome.text
    assert "mr2 7.34347e-05 is not compared: a day changes the value by +9.17523e-05" in outcome.text
    data = json.loads(path.read_text(encoding="utf-8"))
    for key in ("imr", "mmr", "gamma", "vega"):
        (other,) = replay({**data, "answer": {**data["answer"], key: data["answer"][key] * 1.001}})
        assert not other.matches, key


def test_theta_of_a_short_option_says_that_its_rule_is_not_known() -> None:
    """A short option gains by time: MR2 is 0 and an estimate, and its line tells of the answer that charges it."""
    rows = [HEADER[:6], ["BTC", "call", 7e4, 18.0, -1.0, 0.8]]
    (line,) = (row for row in PM_EXPLAIN(rows, MARKET, "OKX") if row[1] == "MR2 theta decay")
    assert (line[2], line[4]) == (0.0, "estimate")
    assert "an answer of 2022 charges a short option" in line[3]


STABLE = [["Underlying", "Spot"], ["USDT", 1.0], ["USDC", 1.0]]
MR9 = "MR9 stablecoin decoupling"


def stablecoins(*held: list[Any]) -> Rows:
    """Positions of spot in stablecoins."""
    return [["Underlying", "Type", "Quantity"], *held]


def test_decoupling_of_the_published_example() -> None:
    """10,000,000 hedged at the example's rates: 1M × 0.75 % + 4M × 1.75 % + 5M × 2.5 % = 202,500; initial 1.3 ×."""
    rates = [["decoupling_rates", "1000000 0.0075; 5000000 0.0175; 10000000 0.025"], ["usd_cash_delta", -1e7]]
    book = stablecoins(["USDT", "spot", 1e7])
    assert PM_LINE(book, MR9, STABLE, "OKX", rates) == pytest.approx(202_500.0)
    assert PM_MAINTENANCE(book, STABLE, "OKX", rates) == pytest.approx(202_500.0)
    assert PM_MARGIN(book, STABLE, "OKX", rates) == pytest.approx(1.3 * 202_500.0)


def test_decoupling_where_its_table_was_read() -> None:
    """At par 1M × 0.5 % + 1M × 1 %, at 0.99 1M × 0.5 % + 0.98M × 1.5 %, at 0.8 40 %; between, and beyond 5M, a line says so."""
    book, short = stablecoins(["USDT", "spot", 2e6]), [["usd_cash_delta", -1e8]]
    for price, charge in ((1.0, 15_000.0), (0.99, 5_000.0 + 980_000.0 * 0.015), (0.8, 640_000.0)):
        market = [STABLE[0], ["USDT", price]]
        assert PM_LINE(book, MR9, market, "OKX", short) == pytest.approx(charge), price
    for price, quantity in ((0.9, 2e6), (1.0, 6e6)):
        statement = PM_EXPLAIN(stablecoins(["USDT", "spot", quantity]), [STABLE[0], ["USDT", price]], "OKX", short)
        (unread,) = (row for row in statement if "could not be read" in row[3])
        assert (unread[2], unread[4]) == (0.0, "not modelled")


def test_hedges_between_stablecoins_are_formed_in_order() -> None:
    """10M of USDT against 1M short in USD first, then 3M of USDC: at par 5,000 + 5,000 + 20,000; one side alone has no charge."""
    book = stablecoins(["USDT", "spot", 1e7], ["USDC", "spot", -3e6])
    assert PM_LINE(book, MR9, STABLE, "OKX", [["usd_cash_delta", -1e6]]) == pytest.approx(30_000.0)
    assert PM_LINE(stablecoins(["USDT", "spot", 1e7]), MR9, STABLE, "OKX") == 0.0


def test_tiers_of_the_second_group() -> None:
    """LTC at 100: 0.7 % of 20,000 / 0.007 is 7,000 + 9,000 × 2 + 4,000 × 3; above 121,000 at least eight times, and illustrative.

    130,000 is 7,000 + 9,000 × 2 + 13,000 × 3 + 14,000 × 4 + 26,000 × (5 + 6 + 7) + 9,000 × 8.
    """
    market = [["Underlying", "Spot"], ["LTC", 100.0]]
    for raw, charge, weakest in ((20_000.0, 37_000.0, "estimate"), (130_000.0, 660_000.0, "illustrative")):
        book = [["Underlying", "Type", "Quantity"], ["LTC", "perp", raw / 0.007 / 100.0]]
        assert PM_LINE(book, "MR7 minimum charge", market, "OKX") == pytest.approx(charge)
        assert PM_EXPLAIN(book, market, "OKX")[1][4] == weakest
