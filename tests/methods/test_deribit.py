"""Deribit portfolio margin against the venue's own answer, an independent slow loop, and small books worked by hand."""

from __future__ import annotations

import copy
import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from udfs import PM_COMPARE, PM_EXPLAIN, PM_LINE, PM_MAINTENANCE, PM_MARGIN, PM_PARAMETERS, PM_RISK_ARRAY, PM_SCANNING_RISK, PM_SCENARIOS
from xlmargin.cli import main
from xlmargin.errors import MarginError
from xlmargin.methods.deribit.saved_model import read_parameters
from xlmargin.venues.deribit.deribit_answers import replay
from xlmargin.venues.verify import verify

Rows = list[list[Any]]
HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV", "Settlement"]
MARKET = [["Underlying", "Spot"], ["BTC", 65_000.0], ["ETH", 2_000.0], ["SOL", 150.0]]
EXTENDED = (-0.66, -0.33, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)  # support.deribit.com, Portfolio Margin
# model_params of 17-Jun-2024 and 15-Feb-2026: price range, vol up, vol down, short power, long power, floor
DAMPENER = {"BTC": 100_000.0, "ETH": 200_000.0}  # of the coin-settled contracts, the same two answers
MODEL = {"BTC": (0.16, 0.50, 0.25, 0.30, 0.13, 0.50), "ETH": (0.18, 0.40, 0.25, 0.30, 0.13, 0.50)}


@pytest.fixture
def answer(shared: Path) -> dict[str, Any]:
    """The documented answer of private/pme/simulate, 17-Jun-2024."""
    data: dict[str, Any] = json.loads((shared / "vectors/venue_examples.json").read_text())["deribit_pme"][0]["result"]
    return data


@pytest.fixture
def book(answer: dict[str, Any]) -> tuple[Rows, Rows]:
    """The positions and the market of the answer as a desk would type them."""
    rows = [["Instrument", "Quantity", "Price"]]
    rows += [[name, size, answer["ticker"][name]["mark_price"]] for name, size in answer["portfolio"]["position"].items()]
    return rows, [["Underlying", "Spot", "As of"], ["BTC", answer["index_price"]["btc_usd"], "2024-06-17T10:22:20Z"]]


def test_file_of_answers_matches(shared: Path) -> None:
    """Every number of the venue's answer is recomputed: 105 of vectors, 4 of the bucket, 6 of the margins."""
    outcomes = verify("deribit", shared / "vectors/venue_examples.json")
    assert [(outcome.matches, outcome.text) for outcome in outcomes] == [(True, "115 numbers match")]


def test_bare_answers_match(answer: dict[str, Any]) -> None:
    """An answer as the venue sent it, its result alone, and a list of both are read alike."""
    sent = {"jsonrpc": "2.0", "id": 2, "result": answer, "usIn": 1}
    for data, count in ((sent, 1), (answer, 1), ([sent, answer], 2)):
        assert [outcome.text for outcome in replay(data)] == ["115 numbers match"] * count


def test_sheet_functions_give_the_answer(answer: dict[str, Any], book: tuple[Rows, Rows]) -> None:
    """The functions of a sheet give every intermediate number of the answer, at the index."""
    index, margins = answer["index_price"]["btc_usd"], answer["margins"]["btc"]
    matrix = margins["initial_margin_details"]["risk_matrix_margin_details"]

    def line(path: str) -> float:
        value = PM_LINE(book[0], path, book[1], "DERIBIT")
        assert isinstance(value, float), value
        return value / index

    assert line("Worst case") == pytest.approx(matrix["worst_case"], rel=1e-12)
    assert line("BTC coin-settled/Roll shock") == pytest.approx(matrix["roll_shock"], rel=1e-12)
    assert line("Delta shock") == matrix["delta_shock"]
    # the answer rounds the worst case to 9 decimals
    assert line("Risk matrix margin") == pytest.approx(margins["initial_margin_details"]["risk_matrix_margin"], abs=5e-10)
    assert PM_MAINTENANCE(*book, "DERIBIT") / index == pytest.approx(margins["maintenance_margin"], abs=5e-10)
    beside = [[name, margins["initial_margin_details"][name] * index] for name in ("spot_margin", "mmp_margin", "open_orders_margin")]
    assert PM_MARGIN(*book, "DERIBIT", beside) / index == pytest.approx(margins["initial_margin"], abs=1e-9)


def test_losses_of_the_risk_array_are_the_aggregated_vector(answer: dict[str, Any], book: tuple[Rows, Rows]) -> None:
    """The losses of PM_RISK_ARRAY are the venue's after its dampener, standard numbers first; gains before it are the instruments' sum."""
    table, index = PM_RISK_ARRAY(*book, "DERIBIT")[1:], answer["index_price"]["btc_usd"]
    found = [row[-1] / index for row in table]
    (after,) = answer["aggregated_risk_vectors"].values()
    assert [min(number, 0.0) for number in found] == pytest.approx(after["standard"] + after["extended"], rel=1e-12, abs=1e-15)
    vectors = [vector["standard"] for vector in answer["initial_risk_vectors"].values()]
    assert found[:27] == pytest.approx([sum(each) for each in zip(*vectors)], rel=1e-12, abs=1e-15)
    worst = answer["margins"]["btc"]["initial_margin_details"]["risk_matrix_margin_details"]["worst_case"]
    assert PM_SCANNING_RISK(*book, "DERIBIT") / index == pytest.approx(worst, rel=1e-12)


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of every number."""
    if isinstance(node, (dict, list)):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(value, (*path, key))
    elif not isinstance(node, (bool, str)):
        yield path


def changed(data: Any, path: tuple[Any, ...], by: float = 1e-6) -> Any:
    """A copy with one number moved."""
    data = copy.deepcopy(data)
    node = data
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] += by
    return data


def test_any_changed_number_is_reported(answer: dict[str, Any]) -> None:
    """Whatever number of the venue's result is changed by a millionth, the replay says so."""
    results = ("aggregated_risk_vectors", "initial_risk_vectors", "margins")
    paths = [(part, *path) for part in results for path in leaves(answer[part])]
    assert len(paths) > 110
    missed = [path for path in paths if all(outcome.matches for outcome in replay(changed(answer, path)))]
    assert missed == []


@pytest.mark.parametrize(
    ("part", "value", "text"),
    [
        ("model_params", {"general": {"vol_scenarios_count": 3, "timestamp": 1.7e12}}, "lacks 'currency_pair'"),
        ("portfolio", {"position": {"nonsense": 1.0}}, "no instrument of Deribit"),
        ("portfolio", {"position": {"BTC-PERPETUAL": "many"}}, "portfolio.position.BTC-PERPETUAL must be a number, not 'many'"),
        ("margins", {}, "lacks 'btc'"),
    ],
)
def test_damaged_answer_differs(answer: dict[str, Any], part: str, value: Any, text: str) -> None:
    """An answer that lacks something differs and says what; the other cases of the file are still read."""
    (outcome,) = replay({**answer, part: value})
    assert not outcome.matches
    assert text in outcome.text


def test_account_summary_is_no_answer_to_replay(shared: Path) -> None:
    """The older simulate_portfolio carries no positions, and the message says what to save."""
    with pytest.raises(MarginError) as error:
        verify("deribit", shared / "data/api_samples/deribit__docs__simulate_portfolio.json")
    assert "pme/simulate" in str(error.value)


def test_live_parameters_of_an_answer(answer: dict[str, Any]) -> None:
    """The model parameters of an answer are values that the parameters range takes by path."""
    rows = [
        [f"{item.underlying}.{item.name}".lstrip("."), item.value]
        for item in read_parameters(answer["model_params"], "btc")
        if item.name != "buckets_count"
    ]
    perpetual = [HEADER, ["BTC", "perp", None, None, 1.0, None, "inverse"]]
    given = PM_MARGIN(perpetual, MARKET, "DERIBIT", rows)
    assert given == pytest.approx(65_000.0 * (1.0 / 0.84 - 1.0 + 0.01), rel=1e-12)
    wider = PM_MARGIN(perpetual, MARKET, "DERIBIT", [["BTC.price_range", 0.2]])
    assert wider == pytest.approx(65_000.0 * (1.0 / 0.8 - 1.0 + 0.01), rel=1e-12)


def synthetic(sign: float) -> dict[str, Any]:
    """An answer of one ETH perpetual, written from the formulas: moves ±18 %, gains count 60 %, roll 0.5 %."""
    moves = [0.18 * n / 4 for n in range(-4, 5) for _ in range(3)]
    vector = [sign * (1.0 - 1.0 / (1.0 + move)) for move in moves]
    extended = [sign * (1.0 - 1.0 / (1.0 + math.copysign(0.18, move))) for move in EXTENDED]
    worst, index = -min(vector), vector.index(min(vector))
    matrix = round(worst, 9) + 0.005
    return {
        "model_params": {
            "currency_pair": {
                "eth_usd": {
                    "extended_table_factor": 1,
                    "m_inc": 4e-6,
                    "min_volatility_for_shock_up": 0.5,
                    "max_delta_shock": 0.1,
                    "delta_total_liq_shock_threshold": 2e7,
                    "volatility_range_down": 0.25,
                    "volatility_range_up": 0.4,
                    "long_term_vega_power": 0.13,
                    "short_term_vega_power": 0.3,
                    "price_range": 0.18,
                }
            },
            "currency": {
                "eth": {
                    "max_offsetable_pnl": 2e7,
                    "annualised_move_risk": 0.05,
                    "extended_dampener": 2e5,
                    "min_annualised_move": 0.005,
                    "pnl_offset": 0.6,
                }
            },
            "general": {"mm_factor": 0.8, "buckets_count": 4, "vol_scenarios_count": 3, "timestamp": 1771197600000},
        },
        "initial_risk_vectors": {"ETH-PERPETUAL": {"standard": vector, "extended": extended}},
        "pre_aggregated_risk_vectors": {"eth_eth": {"standard": vector, "extended": extended}},
        "aggregated_risk_vectors": {"eth_eth": {"standard": [min(v, 0.6 * v) for v in vector], "extended": [0.0] * 8}},
        "margins": {
            "eth": {
                "initial_margin_details": {
                    "risk_matrix_margin_details": {
                        "delta_shock": 0,
                        "roll_shock": 0.005,
                        "worst_case": worst,
                        "correlation_contingency": 0,
                        "worst_case_bucket": {
                            "bucket": index // 3 + 1,
                            "side": "left" if sign > 0 else "right",
                            "source": "standard",
                            "index": index + 1,
                        },
                    },
                    "risk_matrix_margin": matrix,
                    "spot_margin": 0,
                    "mmp_margin": 0,
                    "open_orders_margin": 0,
                },
                "initial_margin": round(matrix, 9),
                "maintenance_margin": 0.8 * matrix,
            }
        },
        "portfolio": {"currency": {}, "position": {"ETH-PERPETUAL": sign}},
        "index_price": {"eth_usd": 2000.0},
        "ticker": {"ETH-PERPETUAL": {"mark_price": 2001.0, "index_price": 2000.0}},
    }


@pytest.mark.parametrize(("sign", "index"), [(1.0, 1), (-1.0, 25)])
def test_worst_case_on_either_side(sign: float, index: int) -> None:
    """A long perpetual is worst in the first bucket, a short one in the last; gains count by the offset."""
    data = synthetic(sign)
    details = data["margins"]["eth"]["initial_margin_details"]["risk_matrix_margin_details"]
    assert details["worst_case_bucket"]["index"] == index
    (outcome,) = replay(data)
    assert outcome.matches, outcome.text


def black(call: bool, forward: float, strike: float, years: float, vol: float) -> float:
    """Undiscounted Black-76 by the error function; intrinsic without vol."""
    sign = 1.0 if call else -1.0
    if vol == 0.0:
        return max(sign * (forward - strike), 0.0)
    d1 = math.log(forward / strike) / (vol * math.sqrt(years)) + 0.5 * vol * math.sqrt(years)
    d2 = d1 - vol * math.sqrt(years)
    normal = [0.5 * math.erfc(-sign * d / math.sqrt(2.0)) for d in (d1, d2)]
    return sign * (forward * normal[0] - strike * normal[1])


def slow_vector(coin: str, call: bool, inverse: bool, terms: tuple[float, float, float, float]) -> list[float]:
    """The 35 numbers of one option in USD, one at a time, from the formulas of the venue as they are known."""
    reach, up, down, short, long, floor = MODEL[coin]
    forward, strike, days, vol = terms
    years, power = days / 365.0, short if days < 30.0 else long
    scale = (30.0 / max(days, 1.0)) ** power
    vols = {"up": max(vol * (1.0 + up * scale), floor), "same": vol, "down": max(0.0, vol * (1.0 - down * scale))}

    def change(move: float, after_vol: float) -> float:
        after = forward * (1.0 + move)
        value, before = black(call, after, strike, years, after_vol), black(call, forward, strike, years, vol)
        return forward * (value / after - before / forward) if inverse else value - before

    result = [change(reach * n / 4, vols[which]) for n in range(-4, 5) for which in ("up", "same", "down")]
    for move in EXTENDED:
        boundary = (1.0 + move) / (1.0 + math.copysign(reach, move)) if inverse else 1.0
        result.append(change(move, vols["up"]) * reach / abs(move) * boundary)
    return result


def dampened(coin: str, inverse: bool, vector: list[float]) -> list[float]:
    """A vector in USD whose extended numbers are moved towards 0 by the dampener, coin's at the boundary price."""
    reach, each = MODEL[coin][0], DAMPENER[coin] if inverse else 25_000.0
    result = vector[:27]
    for move, number in zip(EXTENDED, vector[27:]):
        limit = (abs(move) / reach - 1.0) * each / (1.0 + math.copysign(reach, move) if inverse else 1.0)
        result.append(math.copysign(max(abs(number) - limit, 0.0), number))
    return result


@pytest.mark.parametrize("size", [-2.5, -25_000.0])
@pytest.mark.parametrize("inverse", [True, False])
@pytest.mark.parametrize("kind", ["call", "put"])
@pytest.mark.parametrize(
    ("coin", "strike", "days", "vol"),
    [
        ("BTC", 70_000.0, 7.0, 0.62),
        ("BTC", 60_000.0, 0.4, 0.25),
        ("BTC", 65_000.0, 30.0, 0.45),
        ("ETH", 2_600.0, 200.0, 0.8),
        ("ETH", 1_500.0, 29.9, 0.3),
    ],
)
def test_option_against_a_slow_loop(coin: str, strike: float, days: float, vol: float, kind: str, inverse: bool, size: float) -> None:
    """Options are repriced with tenor-scaled vols, floored upwards, in coin or in USD, and dampened: an independent loop agrees."""
    settled = "inverse" if inverse else "linear"
    table = PM_RISK_ARRAY([HEADER, [coin, kind, strike, days, size, vol, settled]], MARKET, "DERIBIT")[1:]
    spot = dict(MARKET[1:])[coin]  # type: ignore[arg-type]
    expected = slow_vector(coin, kind == "call", inverse, (spot, strike, days, vol))
    after = dampened(coin, inverse, [size * number for number in expected])
    assert any(after[27:]) == (abs(size) > 1000.0)
    assert [row[-1] for row in table] == pytest.approx(after, rel=1e-9, abs=1e-8 * abs(size))


def lines(rows: Rows, parameters: Any = None) -> dict[str, float]:
    """The statement of a book by label; of equal labels the first."""
    result: dict[str, float] = {}
    for row in PM_EXPLAIN([HEADER, *rows], MARKET, "DERIBIT", parameters)[1:]:
        result.setdefault(row[1], row[2])
    return result


def test_extended_loss_after_the_dampener() -> None:
    """Far short calls lose most at +500 %: the loss less 100,000 USD per further range, at the boundary price."""
    losses = dampened("BTC", True, [4000.0 * number for number in slow_vector("BTC", True, True, (65_000.0, 200_000.0, 60.0, 0.8))])
    assert max(losses[27:]) > max(0.0, *losses[:27])
    rows = [["BTC", "call", 200_000.0, 60.0, -4000.0, 0.8, "inverse"]]
    assert lines(rows)["Worst case"] == pytest.approx(max(losses), rel=1e-9)
    table = PM_RISK_ARRAY([HEADER, *rows], MARKET, "DERIBIT")[1:]
    assert [-row[-1] for row in table] == pytest.approx(losses, rel=1e-9, abs=1e-6)
    assert PM_SCANNING_RISK([HEADER, *rows], MARKET, "DERIBIT") == pytest.approx(max(losses), rel=1e-9)


def test_roll_shock_nets_each_expiry() -> None:
    """1 coin of a perpetual at the minimum, 2 − 0.5 of one expiry at exp(0.075 × 2) − 1."""
    rows = [
        ["BTC", "perp", None, None, -1.0, None, "inverse"],
        ["BTC", "future", None, 730.0, 2.0, None, "inverse"],
        ["BTC", "future", None, 730.0, -0.5, None, "inverse"],
    ]
    assert lines(rows)["Roll shock"] == pytest.approx(65_000.0 * (0.01 + 1.5 * math.expm1(0.15)), rel=1e-12)


@pytest.mark.parametrize(
    ("rows", "delta"),
    [
        ([["BTC", "perp", None, None, 1000.0, None, "inverse"]], 1000.0),
        ([["BTC", "perp", None, None, -5000.0, None, "inverse"]], 5000.0),
        ([["BTC", "perp", None, None, -1000.0, None, "inverse"], ["BTC", "call", 1.0, 10.0, 400.0, 0.5, "linear"]], 1000.0),
        ([["BTC", "perp", None, None, -1000.0, None, "linear"], ["BTC", "call", 1.0, 10.0, 400.0, 0.5, "linear"]], 600.0),
        ([["BTC", "perp", None, None, -1000.0, None, "linear"], ["BTC", "call", 1.0, 10.0, 4000.0, 0.5, "linear"]], 0.0),
        ([["BTC", "perp", None, None, -1000.0, None, "linear"], ["BTC", "put", 1e6, 10.0, 400.0, 0.5, "linear"]], 1000.0),
    ],
)
def test_delta_shock(rows: Rows, delta: float) -> None:
    """0.00005 per coin above 20 million USD, at most 10 %; long options reduce the delta and never turn it."""
    rate = min(0.1, 5e-5 * max(delta - 2e7 / 65_000.0, 0.0))
    assert lines(rows)["Delta shock"] == pytest.approx(delta * rate * 65_000.0, rel=1e-9)


def test_cross_account_offsets_gains_by_their_share() -> None:
    """ETH long in coin against short in USDC: apart each has its worst, together a gain counts 60 or 40 %, up to its cap."""
    rows = [["ETH", "perp", None, None, 10.0, None, "inverse"], ["ETH", "perp", None, None, -10.0, None, "linear"]]
    down, up = 20_000.0 * (1.0 / 0.82 - 1.0), 20_000.0 * 0.18
    coin_gain, usd_gain = 20_000.0 * (1.0 - 1.0 / 1.18), 20_000.0 * 0.18
    assert lines(rows)["ETH coin-settled"] == pytest.approx(down + 100.0, rel=1e-12)
    assert lines(rows)["ETH USD-settled"] == pytest.approx(up + 200.0, rel=1e-12)
    cross = lines(rows, [["margin_model", "cross_pm"]])
    apart, together = ([["margin_model", model]] for model in ("segregated_pm", "cross_pm"))
    assert PM_SCANNING_RISK([HEADER, *rows], MARKET, "DERIBIT", apart) == pytest.approx(down + up, rel=1e-12)
    assert PM_SCANNING_RISK([HEADER, *rows], MARKET, "DERIBIT", together) == pytest.approx(cross["Worst case"], rel=1e-12)
    array = [row[-1] for row in PM_RISK_ARRAY([HEADER, *rows], MARKET, "DERIBIT", together)[1:]]
    assert (array[0], array[26]) == (pytest.approx(0.4 * usd_gain - down, rel=1e-12), pytest.approx(0.6 * coin_gain - up, rel=1e-12))
    summed = [row[-1] for row in PM_RISK_ARRAY([HEADER, *rows], MARKET, "DERIBIT", apart)[1:]]
    assert (summed[0], summed[26]) == (pytest.approx(usd_gain - down, rel=1e-12), pytest.approx(coin_gain - up, rel=1e-12))
    how = next(row[3] for row in PM_EXPLAIN([HEADER, *rows], MARKET, "DERIBIT", apart) if row[1] == "Risk matrix margin")
    assert how.endswith("each settlement currency of an underlying has its own worst case; the risk array shows their sum")
    assert cross["Worst case"] == pytest.approx(max(down - 0.4 * usd_gain, up - 0.6 * coin_gain), rel=1e-12)
    capped = lines(rows, [["margin_model", "cross_pm"], ["max_offsetable_pnl_usd", 100.0]])
    assert capped["Worst case"] == pytest.approx(down - 100.0, rel=1e-12)


def test_spot_is_collateral_or_part_of_the_matrix() -> None:
    """Spot needs nothing in a segregated account and counts in full in a cross account."""
    rows = [["ETH", "spot", None, None, 10.0, None, None]]
    assert lines(rows)["Initial margin"] == 0.0
    assert lines(rows, [["margin_model", "cross_pm"]])["Initial margin"] == pytest.approx(20_000.0 * 0.18, rel=1e-12)


def test_what_is_not_known_is_told() -> None:
    """Coins without published numbers are illustrative, parts without formulas not modelled, american options refused."""
    rows = [["SOL", "perp", None, None, 10.0, None, "linear"]]
    status = {row[1]: row[4] for row in PM_EXPLAIN([HEADER, *rows], MARKET, "DERIBIT")[1:]}
    assert status["Worst case"] == "illustrative"
    assert status["Correlation contingency"] == status["Open orders margin"] == "not modelled"
    own = [[*HEADER, "Exercise"], ["BTC", "call", 7e4, 9.0, 1.0, 0.5, "linear", "american"]]
    assert "european" in PM_MARGIN(own, MARKET, "DERIBIT")
    assert PM_MARGIN([HEADER, *rows], MARKET, "DERIBIT", [["extended_moves", "far"]]).startswith("#PM! extended_moves")
    assert PM_COMPARE([HEADER, *rows], MARKET, "DERIBIT")[1][6] == "illustrative"
    moved = {row[1]: row[4] for row in PM_EXPLAIN([HEADER, ["SOL", "call", 1_500.0, 60.0, -1e6, 0.8, "linear"]], MARKET, "DERIBIT")}
    told = ("Initial margin", "Maintenance margin", "Worst case", "Dampener", "Move", "Delta shock")
    assert {label: moved[label] for label in told} == dict.fromkeys(told, "illustrative")
    both = {row[1]: row[4] for row in PM_EXPLAIN([HEADER, *rows, ["BTC", "perp", None, None, 1.0, None, "inverse"]], MARKET, "DERIBIT")}
    assert (both["Initial margin"], both["Maintenance margin"]) == ("illustrative", "illustrative")
    known = {row[1]: row[4] for row in PM_EXPLAIN([HEADER, ["BTC", "perp", None, None, 1.0, None, "inverse"]], MARKET, "DERIBIT")}
    assert (known["Initial margin"], known["Delta shock"]) == ("estimate", "estimate")
    assert (known["Worst case"], known["Move"]) == ("published", "published")


def test_tables_of_the_method() -> None:
    """35 scenarios per underlying, and parameters of each coin with the day they hold from."""
    names = {row[0] for row in PM_SCENARIOS("DERIBIT")[1:]}
    assert len(names) == 35
    since = {(row[0], row[1]): (row[2], row[6]) for row in PM_PARAMETERS("DERIBIT")[1:]}
    assert since["BTC", "price_range"] == (0.16, "2024-06-17")
    assert since["ETH", "extended_dampener"] == (200_000.0, "2026-02-15")


@pytest.mark.parametrize("name", ["params_file", "model_params_file"])
def test_live_parameters_of_a_saved_answer(name: str, shared: Path, tmp_path: Path) -> None:
    """A saved pme/simulate answer's model parameters replace the file's; a value given beside them stands above both."""
    answer = json.loads((shared / "vectors" / "venue_examples.json").read_text())["deribit_pme"][0]["result"]
    answer["model_params"]["currency_pair"]["btc_usd"]["price_range"] = 0.3
    saved = tmp_path / "answer.json"
    saved.write_text(json.dumps({"jsonrpc": "2.0", "result": answer}))
    book = [["Underlying", "Type", "Quantity", "Spot"], ["BTC", "perp", 1.0, 66_000.0]]
    live = [[name, str(saved)]]
    assert PM_MARGIN(book, None, "DERIBIT", live) == pytest.approx(66_000.0 * (0.3 + 0.01))
    assert PM_MARGIN(book, None, "DERIBIT", [*live, ["BTC.price_range", 0.16]]) == PM_MARGIN(book, None, "DERIBIT")
    for all_coins in ([*live, ["price_range", 0.16]], [["price_range", 0.16], *live]):
        assert PM_MARGIN(book, None, "DERIBIT", all_coins) == PM_MARGIN(book, None, "DERIBIT")
    assert PM_MARGIN(book, None, "DERIBIT", [[name, "/nowhere.json"]]) == (
        "#PM! there is no file /nowhere.json: give the whole path of a saved answer of DERIBIT's venue"
    )
    both = [["params_file", str(saved)], ["model_params_file", str(saved)]]
    assert PM_MARGIN(book, None, "DERIBIT", both).startswith("#PM! params_file and model_params_file are both given")
    for damage in ('{"result": 5}', "[]", "{", "", json.dumps({"result": {"model_params": {"currency_pair": {"btc_usd": 1}}}})):
        saved.write_text(damage)
        told = PM_MARGIN(book, None, "DERIBIT", live)
        assert isinstance(told, str)
        assert told.startswith(f"#PM! {saved}")
        assert "\n" not in told
        assert "please report" not in told


def test_live_parameters_by_every_face(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same answer, named beside a file of positions: margin, a batch and the differences from the shipped numbers."""
    answer = json.loads((shared / "vectors" / "venue_examples.json").read_text())["deribit_pme"][0]["result"]
    answer["model_params"]["currency_pair"]["btc_usd"]["price_range"] = 0.3
    answer["model_params"]["currency_pair"]["sol_usd"] = {**answer["model_params"]["currency_pair"]["btc_usd"], "price_range": 0.35}
    answer["model_params"]["currency"]["sol"] = answer["model_params"]["currency"]["btc"]
    saved, book, parameters, margins = (tmp_path / name for name in ("answer.json", "book.csv", "parameters.csv", "margins.csv"))
    saved.write_text(json.dumps({"result": answer}))
    book.write_text("Account,Underlying,Type,Quantity,Spot\none,BTC,perp,1,66000\none,SOL,perp,10,150\n")
    parameters.write_text(f"Parameter,Value\nparams_file,{saved}\n")
    expected = 66_000.0 * (0.3 + 0.01) + 1_500.0 * (0.35 + 0.01)

    def ran(*words: str) -> str:
        assert main([*words, "--parameters", str(parameters)] if "parameters" not in words else list(words)) == 0
        return capsys.readouterr().out

    assert json.loads(ran("margin", str(book), "--method", "DERIBIT", "--json"))["initial_margin"] == pytest.approx(expected)
    ran("batch", str(book), "-o", str(margins), "--method", "DERIBIT", "--workers", "1")
    (row,) = csv.DictReader(margins.read_text().splitlines())
    assert float(row["Initial"]) == pytest.approx(expected)
    assert float(row["Scanning risk"]) == pytest.approx(66_000.0 * 0.3 + 1_500.0 * 0.35)
    told = ran("parameters", "DERIBIT", "--from", str(saved), "--json")
    assert ["BTC", "price_range", 0.16, 0.3] in [row[:4] for row in json.loads(told)]
    assert {"params_file", "model_params_file"} <= {row[1] for row in PM_PARAMETERS("DERIBIT")[1:]}
    sol = [HEADER, ["SOL", "perp", None, None, 1.0, None, "linear"]]
    status = {row[1]: row[4] for row in PM_EXPLAIN(sol, MARKET, "DERIBIT", [["params_file", str(saved)]])}
    assert status["Worst case"] == "estimate"  # the venue's own numbers of the coin, no longer ETH's
