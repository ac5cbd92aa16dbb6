"""The first sheet: each headline against arithmetic of its own, and the alarms, which come and go with what they are about."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from built import built_file, live_workbook  # noqa: F401  (fixtures)
from scipy.stats import norm

from xlmargin.engine import Workbook

# the sample, as its sheets show it: balances of 12,000 USD and 0.02 BTC less a tenth, spots, and its valuation time
BTC, ETH, EQUITY, AS_OF = 70_000.0, 3_500.0, 12_000.0 + 0.02 * 0.9 * 70_000.0, 46_174 + 8 / 24
FRONT, BACK = 46_204 + 8 / 24, 46_234 + 8 / 24  # 1 and 31 July 2026, 08:00 UTC
# BTC, ETH and SOL of the demonstration set, an independent calculation, as on the sheet Risk array; the last is 11 % of 200 × 2.25
MARGIN = 2_078.23 + 132.46 + 49.50
LABELS = [
    "Initial margin",
    "Maintenance margin",
    "Scanning risk",
    "Worst scenario of the whole book",
    "Its profit or loss",
    "Equity",
    "Usage",
    "Headroom",
    "Account",
    "Limits exceeded",
    "Nearest liquidation",
    "Saving against ISOLATED",
    "Method",
    "Its status",
    "Valuation time",
    "Rows of the book",
]
ETH_ROWS = (
    ("P", 3_000.0, BACK, 2.0),
    ("C", 3_800.0, FRONT, -1.0),
    ("C", 3_900.0, FRONT, 1.0),
    ("P", 3_200.0, FRONT, -1.0),
    ("P", 3_100.0, FRONT, 1.0),
)


def lines(book: Workbook) -> dict[str, list[Any]]:
    """The cells on the right of each headline."""
    return {str(row[0]): row[1:] for row in book.values("Summary", "B7:I22")}


def alarms(book: Workbook) -> set[str]:
    """The headlines that show an alarm."""
    return {label for label, cells in lines(book).items() if str(cells[-1]).startswith("ALARM")}


def black(kind: str, spot: float, strike: float, expiry: float, vol: float) -> tuple[float, float, float]:
    """Delta, vega per vol point and price of an option without rate, by the textbook (Hull, chapter 19); days over 365 are years."""
    years = (expiry - AS_OF) / 365.0
    d1 = math.log(spot / strike) / (vol * math.sqrt(years)) + vol * math.sqrt(years) / 2
    price = spot * norm.cdf(d1) - strike * norm.cdf(d1 - vol * math.sqrt(years)) - (spot - strike) * (kind == "P")
    return norm.cdf(d1) - (kind == "P"), spot * norm.pdf(d1) * math.sqrt(years) / 100, price


def test_every_headline_is_one_click_from_its_reasons(built: Path, live: Workbook) -> None:
    """In this order, each with the master check, its unit or none, and three links."""
    found = lines(live)
    assert list(found) == LABELS
    for unit, check, why, adds, before in (cells[1:6] for cells in found.values()):
        assert check == "PASS"
        assert (adds, before) == ("Contributions", "What-if")
        assert ":" in why
        assert isinstance(unit, str)


def test_the_account_is_its_balances_against_the_margin(live: Workbook) -> None:
    """Equity is cash and coins less their haircut; usage the margin over it, headroom what is left of it."""
    found = {label: cells[0] for label, cells in lines(live).items()}
    assert found["Equity"] == pytest.approx(EQUITY)
    assert found["Initial margin"] == pytest.approx(MARGIN, abs=0.01)
    assert found["Usage"] == pytest.approx(MARGIN / EQUITY, abs=1e-6)
    assert found["Headroom"] == pytest.approx(EQUITY - MARGIN, abs=0.01)
    assert found["Account"] == "OK"
    assert found["Valuation time"] == pytest.approx(AS_OF)
    assert found["Rows of the book"] == 10.0
    assert (found["Method"], found["Its status"]) == ("SPAN", "illustrative")  # the fitted demonstration set


def test_net_delta_and_vega_by_coin_are_the_textbooks(live: Workbook) -> None:
    """A coin is one of delta; the future and the perpetual of SOL cancel."""
    call, vega, _ = black("C", BTC, 75_000.0, FRONT, 0.50)
    options = [(size, black(kind, ETH, strike, expiry, 0.65)) for kind, strike, expiry, size in ETH_ROWS]
    wanted = [
        ["BTC", 1.0 - call, -vega],
        ["ETH", 1.0 + sum(size * delta for size, (delta, *_) in options), sum(size * each for size, (_, each, _) in options)],
        ["SOL", 0.0, 0.0],
    ]
    assert live.values("Summary", "B25:D25") == [["Coin", "Net delta", "Net vega"]]
    for shown, (coin, delta, points) in zip(live.values("Summary", "B26:D28"), wanted, strict=True):
        assert shown == [coin, pytest.approx(delta, abs=1e-9), pytest.approx(points, abs=1e-6)]


def test_the_dearest_rows_are_those_whose_removal_shows_it(live: Workbook) -> None:
    """The future of SOL carries its whole loss of 11 % of 200 × 152.25, the call of BTC all of its coin's margin."""
    rows = live.values("Summary", "F26:I28")
    assert [(row[0], row[2]) for row in rows] == [("1", "SOL_USDC-28AUG26"), ("2", "BTC-1JUL26-75000-C"), ("3", "ETH-31JUL26-3000-P")]
    assert [row[1] for row in rows[:2]] == pytest.approx([0.11 * 200.0 * 152.25, 2_078.23], abs=0.01)
    live.set("Parameters", "C10", "off")
    assert live.values("Summary", "F26:I28") == [["1", "", "none: see Contributions", None], ["2", "", "", None], ["3", "", "", None]]


def test_the_nearest_liquidation_is_where_equity_meets_the_margin(live: Workbook) -> None:
    """At the price shown, typed as the spot, the margin is the balances with what the coin and the sold call have lost since."""
    told = str(lines(live)["Nearest liquidation"][0])
    coin, at, price, move = told.split()
    assert (coin, at) == ("BTC", "at")
    amount = float(price.replace(",", ""))
    assert move == f"({amount / BTC - 1:+.1%})"
    row = {str(cells[0]): cells[1:] for cells in live.values("Limits", "B41:F43")}["BTC"]
    assert row[0] == pytest.approx(amount, abs=0.005)
    assert row[1] == pytest.approx(amount / BTC - 1, abs=1e-6)
    live.set("Market", "D8", row[0])
    found = {label: cells[0] for label, cells in lines(live).items()}
    assert found["Equity"] == pytest.approx(12_000.0 + 0.02 * 0.9 * amount, abs=0.01)
    gained = amount - BTC - (black("C", amount, 75_000.0, FRONT, 0.50)[2] - black("C", BTC, 75_000.0, FRONT, 0.50)[2])
    assert found["Maintenance margin"] == pytest.approx(found["Equity"] + gained, abs=0.01)


def test_margin_beyond_the_equity_is_an_alarm_until_it_is_undone(live: Workbook) -> None:
    """In words in its row and at the top, where the number of alarms stands; the limit that is exceeded from the start is one."""
    assert alarms(live) == {"Limits exceeded"}
    assert live.get("Summary", "F3") == "1 alarm below"
    live.set("Account", "C9", 500.0)
    assert lines(live)["Equity"][0] == pytest.approx(EQUITY - 11_500.0)
    assert alarms(live) == {"Limits exceeded", "Usage", "Headroom", "Account"}
    assert lines(live)["Usage"][-1] == "ALARM: more margin than equity"
    assert lines(live)["Headroom"][-1] == "ALARM: no headroom"
    assert lines(live)["Account"][-1] == f"ALARM: account {lines(live)['Account'][0]}"
    assert live.get("Summary", "F3") == "4 alarms below"
    assert live.get("Summary", "C3") == "PASS"  # figures may be used: they are what is alarming
    live.set("Account", "C9", 12_000.0)
    assert alarms(live) == {"Limits exceeded"}


def test_a_limit_that_is_exceeded_is_an_alarm_until_it_is_raised(live: Workbook) -> None:
    """Concentration in BTC is 0.62 of all notional against a limit of 0.60; the third is the scanning risk."""
    live.set("Account", "I16", 0.70)
    assert (alarms(live), live.get("Summary", "F3")) == (set(), "")
    live.set("Account", "I11", 2_000.0)
    assert lines(live)["Limits exceeded"][::6] == [1.0, "ALARM: a limit is exceeded"]
    assert live.get("Summary", "F3") == "1 alarm below"
    live.set("Account", "I11", 10_000.0)
    assert (alarms(live), live.get("Summary", "F3")) == (set(), "")


def test_a_failing_master_check_is_an_alarm_of_its_own(live: Workbook) -> None:
    """It stands before those below; with no margin there is nothing to measure limits by."""
    live.set("Positions", "H9", "ten")
    assert live.get("Summary", "F3") == "ALARM: the master check fails"
    assert alarms(live) == set()
    live.set("Positions", "H9", -1.0)
    live.set("Positions", "H29", 1.0)  # below the reserved rows
    assert live.get("Summary", "F3") == "ALARM: the master check fails · 1 alarm below"
    live.set("Positions", "H29", None)
    assert live.get("Summary", "F3") == "1 alarm below"
