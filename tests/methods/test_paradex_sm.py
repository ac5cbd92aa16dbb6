"""Paradex cross margin: what orders do, coins and rates that are not listed, the venue's own answer as parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_laws import assert_adds_up

from udfs import PM_COMPARE, PM_CONTRIBUTION, PM_EXPLAIN, PM_HEDGE, PM_LINE, PM_MAINTENANCE, PM_MARGIN, PM_METHODS
from xlmargin import cli
from xlmargin.venues.verify import verify

HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "Price", "Order", "Entry"]
MARKET = [["Underlying", "Spot", "As of"], ["BTC", 70_000.0, "2026-11-27"], ["SOL", 150.0, None]]
SHORT_CALL = ["BTC", "C", 75_000, 30, -1, 1_200.0, None, None]  # 15 % less 5,000 is below 10 %: 7,000
PERPETUAL = ["BTC", "perp", None, None, 1, 70_000.0, None, None]  # 1,400
ASKED = MARKET, "PARADEX_SM"


def order(row: list[Any], quantity: float, limit: float | None = None) -> list[Any]:
    """An open order in the contract of a row."""
    return [*row[:4], quantity, row[5], "yes", limit]


def margin(*rows: list[Any], parameters: Any = None) -> Any:
    """Initial margin of rows."""
    return PM_MARGIN([HEADER, *rows], *ASKED, parameters)


def test_the_engines_answers(shared: Path) -> None:
    """Every number of eleven books of the venue's engine."""
    outcomes = verify("PARADEX_SM", shared / "vectors" / "paradex_xm_vectors.json")
    assert len(outcomes) == 11
    assert [outcome for outcome in outcomes if not outcome.matches] == []


def test_a_wrong_answer_differs(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A number of an answer that is not ours is told; an order that cannot be replayed fails its case alone."""
    data = json.loads((shared / "vectors" / "paradex_xm_vectors.json").read_text(encoding="utf-8"))
    data["books"][0]["answer"]["MMR"] *= 1.0001
    data["books"][9]["orders"][0]["market"] = "BTC-USD-9JAN27-90000-C"
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    assert cli.main(["verify", "PARADEX_SM", str(path)]) == 1
    told = capsys.readouterr().out
    assert "MMR: ours 1227.8305, theirs 1227.95" in told
    assert "only orders of BTC-USD-PERP can be replayed" in told
    assert "9 match, 2 differ" in told


def test_an_order_that_closes_costs_nothing_one_that_adds_does() -> None:
    """A buy order within a short position leaves it as it is; one beyond it counts where it is the larger side."""
    assert margin(PERPETUAL, order(PERPETUAL, -1)) == 1_400.0
    assert margin(PERPETUAL, order(PERPETUAL, -3)) == 2_800.0
    assert margin(PERPETUAL, order(PERPETUAL, 2), order(PERPETUAL, -3)) == 4_200.0
    assert PM_MAINTENANCE([HEADER, PERPETUAL, order(PERPETUAL, 2)], *ASKED) == 700.0


def test_a_limit_worse_than_the_mark_is_lost_at_once() -> None:
    """By size × distance, buys above and sells below the mark; a blank Entry stands at the mark."""
    assert margin(order(PERPETUAL, 2, 70_100.0)) == pytest.approx(2_800.0 + 200.0)
    assert margin(order(PERPETUAL, 2, 69_000.0)) == 2_800.0
    assert margin(order(PERPETUAL, -2, 69_900.0)) == pytest.approx(2_800.0 + 200.0)
    assert margin(order(PERPETUAL, 2)) == 2_800.0


def test_an_order_is_of_the_contract_held_whatever_its_row_says_of_the_market() -> None:
    """Without a Price on its row, or with another, an order still adds to the position in its contract, at the position's mark."""
    blank, other = [*order(PERPETUAL, -3, 69_900.0)], [*order(PERPETUAL, -3, 69_900.0)]
    blank[5], other[5] = None, 71_000.0
    expected = margin(PERPETUAL, order(PERPETUAL, -3, 69_900.0))
    assert expected == pytest.approx(2_800.0 + 300.0)
    assert margin(PERPETUAL, blank) == expected
    assert margin(PERPETUAL, other) == expected


def test_the_statement_holds_the_orders() -> None:
    """It adds up down to the rows, names each order, and does not say that they are left out."""
    rows = [
        HEADER,
        SHORT_CALL,
        order(SHORT_CALL, -2, 1_000.0),
        PERPETUAL,
        order(PERPETUAL, 4, 70_200.0),
        ["BTC", "spot", None, None, 1, *[None] * 3],
    ]
    statement = PM_EXPLAIN(rows, *ASKED, [["fee_rate", 0.0003]])
    assert_adds_up(statement, 1e-9)
    lines = [row[1] for row in statement[1:]]
    assert "Open orders" not in lines
    assert {"Buy orders", "Sell orders", "Open loss"} <= set(lines)
    assert PM_LINE(rows, "Open loss/Row 3: BTC-30D-75000-C", *ASKED) == pytest.approx(2 * 200.0)
    assert [row[1] for row in PM_EXPLAIN(rows, MARKET, "DERIBIT_SM")].count("Open orders") == 1


def test_contributions_and_hedges_keep_the_orders() -> None:
    """Shares add up to the margin with its orders; without a row the orders stay; a hedge is sought of the whole account."""
    rows = [HEADER, PERPETUAL, order(PERPETUAL, 2), SHORT_CALL]
    table = PM_CONTRIBUTION(rows, *ASKED)
    assert [row[1] for row in table[1:]] == ["BTC-PERPETUAL", "BTC-PERPETUAL (open order)", "BTC-30D-75000-C"]
    assert sum(row[4] for row in table[1:]) == pytest.approx(4_200.0 + 7_000.0)
    assert [row[5] for row in table[1:]] == pytest.approx([1_400.0, 0.0, 7_000.0])
    alone = PM_CONTRIBUTION([HEADER, order(PERPETUAL, 2)], *ASKED)
    assert alone[1][4] == pytest.approx(2_800.0)
    offered = [["Underlying", "Type", "Strike", "DTE", "Price", "Lot", "Limit"], ["BTC", "C", 75_000, 30, 1_200.0, 1, 1]]
    hedged = {row[0]: row for row in PM_HEDGE(rows, offered, *ASKED)}
    assert any(cell == pytest.approx(4_200.0) for row in hedged.values() for cell in row if isinstance(cell, float))


def test_coins_without_rates_are_refused_and_spot_is_not() -> None:
    """Options of a coin without a row name those that have one; perpetuals ask for their rate; spot needs neither."""
    assert margin(["SOL", "C", 160, 30, -1, 5.0, None, None]).startswith(
        "#PM! PARADEX_SM does not list SOL: its initial_short_itm is for BTC, CL, ETH, HYPE"
    )
    assert margin(["SOL", "perp", None, None, 1, 150.0, None, None]).startswith(
        "#PM! PARADEX_SM needs a number for future_initial_rate of SOL"
    )
    assert margin(["SOL", "perp", None, None, 1, 150.0, None, None], parameters=[["SOL", "future_initial_rate", 0.05]]) == 7.5
    assert margin(["SOL", "spot", None, None, -2, None, None, None]) == 300.0
    assert margin(["SOL", "spot", None, None, 2, None, "yes", None]).startswith("#PM! row 2: SOL spot is an open order of spot")
    assert (
        margin(["USDC", "spot", None, None, 500, None, None, None], PERPETUAL)
        == "#PM! row 2: no Spot for USDC: fill a Spot column in the positions, or give a market range with a row for USDC"
    )
    cash = [[*HEADER, "Spot"], ["USDC", "spot", None, None, 500, None, None, None, 1.0], [*PERPETUAL, None]]
    assert PM_MARGIN(cash, *ASKED) == 1_400.0


def test_what_it_rests_on() -> None:
    """BTC rests on a snapshot of the live configuration, the other coins on the printed table."""
    evidence = next(row for row in PM_METHODS()[1:] if row[0] == "PARADEX_SM")[3]
    assert evidence.startswith("formula verified on 11 answers")
    crude = ["CL", "C", 75, 30, -1, 1.2, None, None]
    market = [*MARKET, ["CL", 70.0, None]]
    for row, status in ((SHORT_CALL, "verified"), (crude, "published")):
        assert PM_COMPARE([HEADER, row], market, "PARADEX_SM")[1][6] == status


def markets(**changed: Any) -> dict[str, Any]:
    """An answer of GET /markets in its form: a spot market, a perpetual, two options of one coin."""
    sides = {"long_itm": "0.25", "premium_multiplier": "1", "short_itm": "0.18", "short_otm": "0.12", "short_put_cap": "0.5"}
    option = {
        "asset_kind": "OPTION",
        "delta1_cross_margin_params": None,
        "option_cross_margin_params": {"imf": sides, "mmf": sides | {"short_otm": "0.06"}},
    }
    return {
        "results": [
            {"symbol": "SOL-USD", "asset_kind": "SPOT"},
            {"symbol": "SOL-USD-PERP", "asset_kind": "PERP", "delta1_cross_margin_params": {"imf_base": "0.05", "mmf_factor": "0.4"}},
            {"symbol": "SOL-USD-8JAN27-160-C", **option},
            {"symbol": "SOL-USD-8JAN27-170-C", **option, **changed},
        ]
    }


def test_the_venues_markets_are_a_parameter_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A saved answer gives a coin its rates, under what is typed; the command line shows what it changes."""
    path = tmp_path / "markets.json"
    path.write_text(json.dumps(markets()), encoding="utf-8")
    given: list[list[Any]] = [["params_file", str(path)]]
    rows = ["SOL", "C", 200, 30, -10, 1.0, None, None], ["SOL", "perp", None, None, 4, 150.0, None, None]
    assert margin(*rows, parameters=given) == pytest.approx(10 * 0.12 * 150 + 4 * 150 * 0.05)
    assert PM_MAINTENANCE([HEADER, *rows], *ASKED, given) == pytest.approx(10 * 0.06 * 150 + 4 * 150 * 0.05 * 0.4)
    assert margin(*rows, parameters=[["", *given[0]], ["SOL", "future_initial_rate", 0.1]]) == pytest.approx(180.0 + 60.0)
    assert cli.main(["parameters", "PARADEX_SM", "--from", str(path)]) == 0
    assert "initial_short_otm" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"results": [{"symbol": "BTC-USD"}]}, "carries no delta1_cross_margin_params and no option_cross_margin_params"),
        ({"results": [{"symbol": "BTC-USD-PERP", "delta1_cross_margin_params": {"imf_base": "0.02"}}]}, "lacks 'mmf_factor'"),
        (
            markets(delta1_cross_margin_params={"imf_base": "0.07", "mmf_factor": "0.4"}),
            "future_initial_rate is 0.07, but another market of SOL has 0.05",
        ),
        ({"bids": []}, "lacks 'results'"),
    ],
)
def test_a_file_of_something_else_is_told(tmp_path: Path, content: Any, told: str) -> None:
    """With the file, the market and the key."""
    path = tmp_path / "markets.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    answer = margin(PERPETUAL, parameters=[["params_file", str(path)]])
    assert answer.startswith(f"#PM! {path}: ")
    assert told in answer
