"""Our margins beside the venue's own: differences, the first line that differs, alarms, and what is kept."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import udfs
from xlmargin.cli import main
from xlmargin.errors import MarginError
from xlmargin.live.feed import Theirs, our_margins, reconcile, venue_module
from xlmargin.live.feed.reconcile import HEADINGS, Ours
from xlmargin.live.feed.store import keep, kept

POSITIONS: list[list[Any]] = [
    ["Instrument", "Quantity", "Venue", "Account"],
    ["BTC-PERPETUAL", 2.0, "", "A"],
    ["ETH-PERPETUAL", -30.0, "deribit", "A"],
    ["SOL_USDC-PERPETUAL", 100.0, "", "B"],
    ["BTC-USDT-SWAP", 5.0, "okx", "A"],
]
MARKET: list[list[Any]] = [["Underlying", "Spot"], ["BTC", 70_000.0], ["ETH", 3_500.0], ["SOL", 150.0]]


def _theirs(currency: str, initial: float, maintenance: float, account: str = "", **lines: float) -> Theirs:
    return Theirs(
        "deribit",
        account,
        currency,
        initial,
        maintenance,
        math.nan,
        "DERIBIT",
        {name.replace("_", " "): amount for name, amount in lines.items()},
    )


def test_each_margin_is_about_its_own_positions() -> None:
    """A coin's margin is about the contracts settled in it, in coins; USDC's about the linear ones; USD's about all."""
    rows = [_theirs("BTC", 0, 0), _theirs("ETH", 0, 0), _theirs("USDC", 0, 0), _theirs("USD", 0, 0), _theirs("USD", 0, 0, "B")]
    ours = our_margins(rows, POSITIONS, MARKET)
    expected = [([1], 70_000.0), ([2], 3_500.0), ([3], 1.0), ([1, 2, 3], 1.0), ([3], 1.0)]
    for mine, (chosen, unit) in zip(ours, expected):
        book = [POSITIONS[0], *(POSITIONS[n] for n in chosen)]
        assert mine.initial == pytest.approx(udfs.PM_MARGIN(book, MARKET, "DERIBIT") / unit, rel=1e-12)
        assert mine.maintenance == pytest.approx(udfs.PM_MAINTENANCE(book, MARKET, "DERIBIT") / unit, rel=1e-12)
    # 16 % of the position in coin at the lower price, and the least roll shock of 1 %: venues.md 1.3, 1.4
    assert ours[0].lines["Worst case"] == pytest.approx(2.0 * (1.0 / 0.84 - 1.0), rel=1e-12)
    assert ours[0].lines["Roll shock"] == pytest.approx(0.02, rel=1e-12)


def test_the_first_line_that_differs_is_named() -> None:
    """Parts are compared in the order of the calculation; a total without parts stands for itself; equals are OK."""
    ours = [Ours(10.0, 8.0, {"Worst case": 7.0, "Roll shock": 1.0, "Spot margin": 2.0})] * 3
    theirs = [
        _theirs("BTC", 12.0, 8.0, Worst_case=7.0, Roll_shock=3.0, Spot_margin=2.5),
        _theirs("BTC", 9.0, 8.001),
        _theirs("BTC", 10.05, 8.0, Worst_case=7.05),
    ]
    rows = reconcile(ours, theirs, 0.01)
    assert tuple(rows[0]) == HEADINGS
    assert [row[1:] for row in rows[1:]] == [
        ["Initial margin", 10.0, 12.0, -2.0, "Roll shock", "ALARM"],
        ["Maintenance margin", 8.0, 8.0, 0.0, "", "OK"],
        ["Initial margin", 10.0, 9.0, 1.0, "Initial margin", "ALARM"],
        ["Maintenance margin", 8.0, 8.001, pytest.approx(-0.001), "", "OK"],
        ["Initial margin", 10.0, 10.05, pytest.approx(-0.05), "", "OK"],
        ["Maintenance margin", 8.0, 8.0, 0.0, "", "OK"],
    ]


def test_a_simulated_margin_agrees_line_by_line(shared: Path) -> None:
    """pme/simulate's own parts of a book of futures are ours: the answer is Deribit's documentation example (venues.md 0)."""
    answer = json.loads((shared / "vectors/venue_examples.json").read_text())["deribit_pme"][0]["result"]
    theirs = venue_module("deribit").theirs_of({"result": answer})
    assert [(row.currency, row.initial, row.maintenance) for row in theirs] == [("BTC", 0.122861343, 0.050274504784)]
    spot = answer["index_price"]["btc_usd"]
    positions: list[list[Any]] = [["Instrument", "Quantity", "Price"]]
    positions += [
        [name, size, answer["ticker"].get(name, {}).get("mark_price", spot)] for name, size in answer["portfolio"]["position"].items()
    ]
    market: list[list[Any]] = [["Underlying", "Spot", "As of"], ["BTC", spot, "2024-06-17"]]
    rows = reconcile(our_margins(theirs, positions, market), theirs, 1e-3)
    # theirs holds 0.06 of market maker protection, an input that no position shows; it is the first line that differs
    assert [row[5:] for row in rows[1:]] == [["Market maker protection margin", "ALARM"], ["", "OK"]]


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    """The store gives the rows of a venue's last answer, whole, and nothing of another venue's."""
    path = tmp_path / "book.theirs.sqlite"
    assert kept(path, "deribit") == []
    keep(path, [_theirs("BTC", 1.0, 0.5)], seen=1.0)
    keep(path, [_theirs("BTC", 2.0, 1.5, "main", Roll_shock=0.25), _theirs("ETH", 3.0, 2.5)], seen=2.0)
    keep(path, [Theirs("okx", "", "USD", 9.0, 8.0, 5.0, "OKX")], seen=3.0)
    found = kept(path, "deribit")
    assert [(row.account, row.currency, row.initial, dict(row.lines)) for row in found] == [
        ("main", "BTC", 2.0, {"Roll shock": 0.25}),
        ("", "ETH", 3.0, {}),
    ]
    assert math.isnan(found[0].time)
    with pytest.raises(MarginError) as raised:
        keep(tmp_path / "no" / "folder.sqlite", [])
    assert "cannot be written: unable to open database file" in str(raised.value)


def test_the_command_line_compares_and_alarms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`reconcile` reads a saved answer, prints the table, and ends with 1 where there is an alarm."""
    book, market, answer = tmp_path / "book.csv", tmp_path / "market.csv", tmp_path / "answer.json"
    book.write_text("Instrument,Quantity\nBTC-PERPETUAL,2\n")
    market.write_text("Underlying,Spot\nBTC,70000\n")
    ours = our_margins([_theirs("BTC", 0, 0)], [["Instrument", "Quantity"], ["BTC-PERPETUAL", 2.0]], MARKET)[0]
    summary = {"currency": "BTC", "margin_model": "segregated_pm", "initial_margin": ours.initial, "maintenance_margin": ours.maintenance}
    options = ["reconcile", str(book), "--market", str(market), "--answers", str(answer)]
    answer.write_text(json.dumps({"jsonrpc": "2.0", "result": summary}))
    assert main(options) == 0
    assert capsys.readouterr().out.count(" OK") == 2
    answer.write_text(json.dumps({"jsonrpc": "2.0", "result": {**summary, "maintenance_margin": 2 * ours.maintenance}}))
    assert main([*options, "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row[-2:] for row in rows[1:]] == [["", "OK"], ["Maintenance margin", "ALARM"]]
    answer.write_text("{")
    assert main(options) == 2
    assert "is not JSON" in capsys.readouterr().err
    answer.write_text(json.dumps({"result": {"currency": "BTC", "initial_margin": "many"}}))
    assert main(options) == 2
    assert "half an answer: initial_margin must be a number, not 'many'" in capsys.readouterr().err
