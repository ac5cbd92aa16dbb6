"""Backtests: the statistics against printed tables, what a replay does, and the eight months of real chains."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from scipy.special import bdtr

from udfs import PM_BACKTEST, PM_MARGIN
from xlmargin.cli import main
from xlmargin.desk.coverage import basel_zone, christoffersen_lr, coverage, kupiec_lr, swings, transitions
from xlmargin.errors import MarginError
from xlmargin.files.chains import history_of, read_chains
from xlmargin.files.replay import BOOKS, ReplayedLeg, ReplayPlan, read_legs, replay, summary

DAY = 86_400.0


@pytest.mark.parametrize(
    ("days", "hits", "expected"),
    [
        (250, 0, 5.0252),
        (250, 2, 0.1084),
        (250, 5, 1.9568),
        (250, 7, 5.4970),
        (250, 10, 12.9555),
        (255, 3, 0.0759),
        (500, 10, 3.9136),
        (1000, 17, 4.0910),
        (1000, 20, 7.8272),
    ],
)
def test_kupiec(days: int, hits: int, expected: float) -> None:
    """Likelihood ratios at 99 % (worked-examples VAR)."""
    assert kupiec_lr(days, hits, 0.01) == pytest.approx(expected, abs=5e-5)


# First and last number of exceptions that the test does not reject at 95 %: worked-examples VAR, which agrees with the
# published table of Kupiec and Jorion; where that table prints "N < 7" it does not reject 0 either.
ACCEPTED = {
    0.01: {252: (1, 6), 255: (1, 6), 510: (2, 10), 1000: (5, 16)},
    0.025: {252: (3, 11), 255: (3, 11), 510: (7, 20), 1000: (16, 35)},
    0.05: {252: (7, 19), 255: (7, 20), 510: (17, 35), 1000: (38, 64)},
    0.075: {252: (12, 27), 255: (12, 27), 510: (28, 50), 1000: (60, 91)},
    0.10: {252: (17, 35), 255: (17, 35), 510: (39, 64), 1000: (82, 119)},
}


@pytest.mark.parametrize("chance", ACCEPTED)
def test_kupiec_acceptance_ranges(chance: float) -> None:
    """The printed acceptance ranges come out, number by number."""
    for days, (first, last) in ACCEPTED[chance].items():
        accepted = [hits for hits in range(days) if kupiec_lr(days, hits, chance) < 3.8415]
        assert (accepted[0], accepted[-1]) == (first, last)


@pytest.mark.parametrize(
    ("days", "counts", "independence", "conditional"),
    [((49, 99, 149, 199), [[241, 4], [4, 0]], 0.1306, 0.8998), ((100, 101, 102, 103), [[244, 1], [1, 3]], 23.4876, 24.2567)],
)
def test_christoffersen(days: tuple[int, ...], counts: Any, independence: float, conditional: float) -> None:
    """Scattered and clustered exceptions of 250 days (worked-examples VAR)."""
    hits = np.zeros(250, np.bool_)
    hits[list(days)] = True
    assert transitions(hits).tolist() == counts
    assert christoffersen_lr(hits) == pytest.approx(independence, abs=5e-5)
    found = coverage(np.where(hits, -2.0, 0.0), np.ones(250), 0.99)
    assert found.kupiec[0] == pytest.approx(0.7691, abs=5e-5)
    assert found.conditional[0] == pytest.approx(conditional, abs=5e-5)


def test_basel_zones() -> None:
    """Of 250 days at 99 %: green to 4, yellow to 9, red from 10; the chances behind them (worked-examples VAR)."""
    assert [basel_zone(250, hits, 0.01) for hits in range(12)] == ["green"] * 5 + ["yellow"] * 5 + ["red"] * 2
    chances = [8.11, 28.58, 54.32, 75.81, 89.22, 95.88, 98.63, 99.60, 99.89, 99.97, 99.99]
    assert [round(100.0 * float(bdtr(hits, 250, 0.01)), 2) for hits in range(11)] == chances


def test_the_sheet_function() -> None:
    """PM_BACKTEST answers the table of the contract; a heading is optional, a loss equal to the VaR is none."""
    pnl = [-5.0] * 7 + [1.0] * 242 + [-4.0]
    table = PM_BACKTEST([["P&L"], *([gain] for gain in pnl)], [["VaR"], *([4.0] for _ in pnl)])
    assert [row[0] for row in table] == [
        "Measure",
        "Observations",
        "Exceptions",
        "Expected",
        "Kupiec LR",
        "Kupiec p-value",
        "Christoffersen independence LR",
        "Christoffersen independence p-value",
        "Christoffersen conditional coverage LR",
        "Christoffersen conditional coverage p-value",
        "Basel zone",
    ]
    values = dict(table[1:])
    assert (values["Observations"], values["Exceptions"], values["Expected"]) == (250.0, 7.0, pytest.approx(2.5))
    assert values["Kupiec LR"] == pytest.approx(5.4970, abs=5e-5)
    assert values["Kupiec p-value"] == pytest.approx(0.0190, abs=5e-5)
    assert values["Basel zone"] == "yellow"
    assert PM_BACKTEST(pnl, [4.0] * 250) == table


@pytest.mark.parametrize(
    ("pnl", "var", "text"),
    [
        ([1.0, 2.0], [1.0], "#PM! pnl has 2 numbers where var has 1: give columns of the same days"),
        ([1.0, None, 2.0], [1.0, 1.0, 1.0], "#PM! pnl row 2: pnl is blank: fill it, or leave the day out of both columns"),
        ([1.0], [-1.0], "#PM! var row 1: var must be at least 0, not -1: a VaR is the loss as a positive number"),
        (None, [1.0], "#PM! pnl is empty: give a column of numbers, one a day"),
        ([["P&L"], ["x"]], [1.0], "#PM! pnl row 2: pnl must be a number, not 'x'"),
    ],
)
def test_mistakes_are_told(pnl: Any, var: Any, text: str) -> None:
    """Columns of other lengths, blanks, negative VaRs, nothing at all."""
    assert PM_BACKTEST(pnl, var) == text


def test_swings() -> None:
    """Peak to trough, the largest rise over n days as an amount and a fraction."""
    found = swings(np.array([100.0, 110.0, 90.0, 180.0, 150.0, 160.0]), (1, 2, 30))
    assert found.peak_to_trough == 2.0
    assert found.increases == {1: (90.0, 1.0), 2: (70.0, pytest.approx(150 / 90 - 1))}
    assert swings(np.array([0.0, 1.0])).peak_to_trough == np.inf


def saved_chain(folder: Path, day: int, spot: float, vol: float, left_out: float | None = None) -> None:
    """A chain as Deribit's API gives it: a few strikes of one expiry, marks in coin, vols in percent."""
    from xlmargin.pricing import black

    strikes = np.array([0.8, 0.9, 1.0, 1.1, 1.2]) * 60_000.0
    years = (45 - day - 0.5) / 365.0  # 2026-02-15 08:00 is 45 days after 1 January 08:00; read at 20:00
    with (folder / f"chain_{day:02d}.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["timestamp", "currency", "instrument_name", "underlying_price", "index_price", "mark_price", "mark_iv"])
        for kind in "CP":
            marks = black.price(
                np.full(5, kind == "C"), *(np.broadcast_to(np.asarray(x, float), 5).copy() for x in (spot, strikes, years, vol, 0.0))
            )
            for strike, mark in zip(strikes.tolist(), marks.tolist()):
                if strike != left_out:
                    out.writerow(
                        [
                            f"2026-01-{day + 1:02d}T20:00:00Z",
                            "BTC",
                            f"BTC-15FEB26-{strike:.0f}-{kind}",
                            spot,
                            spot,
                            mark / spot,
                            100.0 * vol,
                        ]
                    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve days of chains."""
    for day in range(12):
        saved_chain(tmp_path, day, 60_000.0 * (1.0 + 0.02 * ((day * 7) % 5 - 2)), 0.5 + 0.01 * (day % 3))
    return tmp_path


def test_replay_by_hand(folder: Path) -> None:
    """The loss is that of the marks to the next chain; the margin is that of a sheet with the same cells."""
    chains = list(read_chains(folder))
    legs = (ReplayedLeg("BTC", "call", 1.0, 30.0, -2.0), ReplayedLeg("BTC", "spot", np.nan, 0.0, 1.0))
    (run,), missing = replay({"mine": legs}, ["SPAN"], chains, ReplayPlan())
    now, then = chains[3], chains[4]
    at = now.names.index("BTC-15FEB26-60000-C")
    gain = -2.0 * (then.mark[then.row[now.names[at]]] - now.mark[at]) + then.spot["BTC"] - now.spot["BTC"]
    assert run.pnl[3] == pytest.approx(gain)
    positions = [
        ["Underlying", "Type", "Strike", "Expiry", "Quantity", "Price", "IV", "Forward"],
        ["BTC", "call", 60_000.0, "2026-02-15", -2.0, now.mark[at], now.vol[at], now.forward[at]],
        ["BTC", "spot", None, None, 1.0, now.spot["BTC"], None, None],
    ]
    market = [["Underlying", "Spot", "As of"], ["BTC", now.spot["BTC"], "2026-01-04T20:00:00"]]
    assert run.margin[3] == PM_MARGIN(positions, market)
    assert (len(run.dates), run.dates[0], missing) == (11, "2026-01-01", 0)
    assert summary([run])[1][:3] == ["mine", "SPAN", 11.0]


def test_a_leg_that_the_next_chain_does_not_quote_is_valued_and_counted(folder: Path) -> None:
    """It keeps its own vol, and the count is told."""
    saved_chain(folder, 5, 61_000.0, 0.5, left_out=60_000.0)
    (run,), missing = replay(
        {"mine": (ReplayedLeg("BTC", "call", np.nan, np.nan, 1.0, "BTC-15FEB26-60000-C"),)},
        ["SPAN"],
        list(read_chains(folder)),
        ReplayPlan(),
    )
    assert missing == 1
    assert len(run.pnl) == 10  # nothing is held on the day whose chain does not list it


def test_a_day_sees_only_the_past(folder: Path) -> None:
    """A history is cut before each day: a crash that is still to come changes no margin."""
    days = [f"2025-12-{day:02d}" for day in range(1, 32)] + [f"2026-01-{day:02d}" for day in range(1, 15)]
    calm = [["Date", "BTC"], *([day, 60_000.0 + 500.0 * (n % 2)] for n, day in enumerate(days))]
    crash = [[*row] for row in calm]
    crash[-8][1] = 1.0  # the close of 7 January
    book = {"mine": (ReplayedLeg("BTC", "spot", np.nan, 0.0, 1.0),)}
    asked = [["confidence", 0.95]]
    before, after = (replay(book, ["VAR"], list(read_chains(folder)), ReplayPlan(asked, history))[0][0] for history in (calm, crash))
    assert before.margin[:7].tolist() == after.margin[:7].tolist()
    assert after.margin[7] > 50_000.0 > before.margin[7]


def test_history_of_chains(folder: Path) -> None:
    """The index and the vols at the money by tenor; with these the VaR of a vega book sees the vol moves."""
    chains = list(read_chains(folder))
    rows = history_of(chains)
    assert rows[0] == ["Date", "BTC", "BTC IV 7", "BTC IV 30", "BTC IV 90"]
    assert rows[4] == ["2026-01-04", chains[3].spot["BTC"], *([pytest.approx(0.50)] * 3)]
    book = {"mine": BOOKS["long straddle"]}
    few = [["confidence", 0.75]]  # which four moves reach
    (run,), _ = replay(book, ["VAR"], chains, ReplayPlan(few, from_chains=True, skip=5))
    (plain,), _ = replay(book, ["VAR"], chains, ReplayPlan(few, [row[:2] for row in rows], skip=5))
    assert run.margin.mean() > plain.margin.mean()


def test_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`xlmargin backtest` prints the table, and writes a report with a chart per book."""
    mine = tmp_path / "mine.csv"
    mine.write_text("Underlying,Type,Moneyness,Days,Quantity\nBTC,put,0.9,30,-1\nBTC,perp,,,0.2\n", encoding="utf-8")
    report, few = tmp_path / "report.xlsx", tmp_path / "few.csv"
    few.write_text("Parameter,Value\nconfidence,0.75\n", encoding="utf-8")
    chains = tmp_path / "chains"
    chains.mkdir()
    for file in folder.glob("chain_*.csv"):
        file.rename(chains / file.name)
    assert (
        main(
            [
                "backtest",
                str(chains),
                "--positions",
                str(mine),
                "--method",
                "VAR,ES",
                "--parameters",
                str(few),
                "--history",
                "chains",
                "--skip",
                "4",
                "-o",
                str(report),
                "--json",
            ]
        )
        == 0
    )
    answer = json.loads(capsys.readouterr().out)
    assert [row[:2] for row in answer["summary"][1:]] == [["mine", "VAR"], ["mine", "ES"]]
    book = openpyxl.load_workbook(report)
    assert book.sheetnames == ["Summary", "mine"]
    assert [cell.value for cell in book["mine"][1]][:4] == ["Date", "P&L", "VAR", "ES"]
    assert main(["backtest", str(chains), "--book", "iron condor", "--markdown"]) == 0
    assert "| iron condor | SPAN | 11 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--book", "butterfly"], "no standing book 'butterfly': there are short straddle, long straddle"),
        (["--method", "VAR", "--book", "calendar"], "calendar on 2026-01-01 by VAR: VAR needs a history"),
        (["--confidence", "99"], "--confidence must be a fraction from 0.5 to below 1, not 99"),
    ],
)
def test_mistakes_on_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str) -> None:
    """An unknown book, a method without its history, percent for a fraction."""
    assert main(["backtest", str(folder), *arguments]) == 2
    assert text in capsys.readouterr().err


def test_files_that_hold_no_chains(tmp_path: Path) -> None:
    """An empty folder, a missing file, a file of something else, a book without legs that can be found."""
    with pytest.raises(MarginError) as empty:
        list(read_chains(tmp_path))
    assert "holds no CSV file" in str(empty.value)
    with pytest.raises(MarginError) as gone:
        list(read_chains(tmp_path / "panel.parquet"))
    assert "there is no file" in str(gone.value)
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(MarginError) as wrong:
        list(read_chains(other))
    assert "has no column ts or timestamp: a chain needs time, name, forward, index, mark, vol" in str(wrong.value)
    other.write_text("Underlying,Type,Moneyness,Days,Quantity\nBTC,call,1.0,,1\n", encoding="utf-8")
    with pytest.raises(MarginError) as half:
        read_legs(other)
    assert str(half.value).startswith("row 2: Instrument must be a listed contract")


def test_eight_months_of_real_chains(shared: Path) -> None:
    """Closes alone cover sold options and miss what a long straddle loses by vol; vols of the chains mend it."""
    pytest.importorskip("pyarrow")
    chains = list(read_chains(shared / "data" / "deribit_daily_panel.parquet"))[19:180]
    with (shared / "data" / "btc_eth_daily_close.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["date"] >= "2024-06-01"]
    closes = [["Date", "BTC", "ETH"], *([row["date"], float(row["btc_close"]), float(row["eth_close"])] for row in rows)]
    books = {name: BOOKS[name] for name in ("short straddle", "long straddle")}
    runs, missing = replay(books, ["VAR"], chains, ReplayPlan(history=closes, skip=101))
    vega, _ = replay({"long straddle": BOOKS["long straddle"]}, ["VAR"], chains, ReplayPlan(from_chains=True, skip=101))
    assert missing == 0
    assert runs[0].coverage.exceptions <= 2
    assert runs[1].coverage.zone == "red"
    assert vega[0].coverage.zone != "red"


def test_history_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`xlmargin margin` takes the history as a file, and from a workbook's own sheet of that name."""
    history = [["Date", "BTC"], *([46_000.0 + day, 100.0 + day % 5] for day in range(120))]
    rows = [["Underlying", "Type", "Quantity", "Spot"], ["BTC", "spot", 1.0, 50_000.0]]
    for name, cells in (("book", rows), ("history", history)):
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(cells)
    expected = PM_MARGIN(rows, None, "VAR", None, history)
    asked = ["--method", "VAR", "--json"]
    assert main(["margin", str(tmp_path / "book.csv"), "--history", str(tmp_path / "history.csv"), *asked]) == 0
    assert json.loads(capsys.readouterr().out)["initial_margin"] == expected
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, cells in (("Positions", rows), ("History", history)):
        sheet = book.create_sheet(name)
        for row in cells:
            sheet.append(row)
    book.save(tmp_path / "book.xlsx")
    assert main(["margin", str(tmp_path / "book.xlsx"), *asked]) == 0
    assert json.loads(capsys.readouterr().out)["initial_margin"] == expected
