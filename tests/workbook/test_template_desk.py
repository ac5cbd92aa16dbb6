"""The desk's sheets of the workbook: they show what the functions answer, and say loudly where they cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from built import built_file, live_workbook  # noqa: F401  (fixtures)

import udfs
from xlmargin.desk.contribution import in_words
from xlmargin.desk.qualify import fields
from xlmargin.engine import Workbook
from xlmargin.faces import template
from xlmargin.files.workbooks import named_cells
from xlmargin.sheet.registry import FUNCTIONS

assert udfs  # fills the registry

CALLS: dict[str, Callable[..., Any]] = {name: function.call for name, function in FUNCTIONS.items()}
ROWS = 20
LAYOUT = template._builder("layout").Layout(ROWS)
CHECKS = LAYOUT.checks


def table(book: Workbook, area: Any) -> list[list[Any]]:
    """The cells of an area."""
    return book.values(area.sheet, area.near.replace("$", ""))


def filled(book: Workbook, area: Any) -> list[list[Any]]:
    """The rows of an area whose first cell is not blank."""
    return [row for row in table(book, area) if row[0] not in ("", None)]


def put(book: Workbook, area: Any, row: int, column: int, value: Any) -> None:
    """Type into a cell of an area."""
    book.set(area.sheet, area.cell(row, column).replace("$", ""), value)


def check(book: Workbook, label: str) -> Any:
    """The verdict of a check."""
    return {row[0]: row[4] for row in table(book, CHECKS)}[label]


def master(book: Workbook) -> Any:
    """The master check."""
    return book.get("Checks", "C4")


def asked(book: Workbook, built: Path, *names: str) -> list[Any]:
    """What named ranges hold, as a function gets them."""
    places = named_cells(built)
    return [book.values(*places[name]) for name in names]


@pytest.mark.parametrize("method", ["SPAN", "RULES", "OKX", "DERIBIT_SM"])
def test_contributions_say_in_words_what_python_says(live: Workbook, method: str) -> None:
    """The sentence beside each row is `in_words`, and the shares add up to the margin."""
    put(live, LAYOUT.settings, 0, 0, method)
    rows, roles = filled(live, LAYOUT.contributions)[1:], table(live, LAYOUT.roles)[1:]
    margin = live.get("Summary", "C7")
    assert len(rows) == 10
    assert sum(row[4] for row in rows) == pytest.approx(margin, rel=1e-9)
    for (_, name, _, _, share, saved), (role, words) in zip(rows, roles):
        assert words == in_words(name, share, saved, margin)
        assert ("hedge" in role) == ("hedge" in words), (role, words)
    assert check(live, "Contributions add up to the initial margin") == master(live) == "PASS"


def test_bars_are_the_largest_contributions_hedges_apart(live: Workbook) -> None:
    """In order of size, one of the two columns each."""
    rows, roles = filled(live, LAYOUT.contributions)[1:], table(live, LAYOUT.roles)[1:]
    wanted = sorted((row for row in zip(rows, roles) if row[0][4]), key=lambda row: -abs(row[0][4]))
    for drawn, (row, role) in zip(table(live, LAYOUT.top_bars)[1:], wanted):
        assert drawn[1] == row[1]
        assert drawn[3:] == (["", row[4]] if "hedge" in role[0] else [row[4], ""])


@pytest.mark.parametrize(
    ("wanted", "method", "most", "shown"),
    [("off", "SPAN", 40.0, False), ("auto", "RULES", 40.0, True), ("auto", "RULES", 9.0, False), ("on", "RULES", 9.0, True)],
)
def test_contributions_can_be_switched_off(live: Workbook, wanted: str, method: str, most: float, shown: bool) -> None:
    """By hand, or by themselves where a method without scenarios meets a long book; the check is then not applicable."""
    put(live, LAYOUT.settings, 5, 0, most)
    put(live, LAYOUT.settings, 3, 0, wanted)
    put(live, LAYOUT.settings, 0, 0, method)
    assert (len(filled(live, LAYOUT.contributions)) == 11) == shown
    assert str(live.get("Contributions", "B4")).startswith("off") != shown
    assert check(live, "Contributions add up to the initial margin") == ("PASS" if shown else "n/a")
    assert master(live) == "PASS"


def test_a_what_if_is_what_the_function_answers(live: Workbook, built: Path) -> None:
    """Four methods side by side, each table and the line above it."""
    positions, trades, market, parameters = asked(live, built, "positions", "trades", "market", "parameters")
    for n, method in enumerate(("SPAN", "RULES", "DERIBIT", "OKX")):
        answer = CALLS["PM_WHATIF"](positions, trades, market, method, parameters if n == 0 else None)
        assert filled(live, LAYOUT.block(n)) == answer
        assert table(live, LAYOUT.what_if)[n + 1] == [method, *answer[1][1:], *answer[2][1:], ""]


def test_a_fault_of_the_trades_is_told_and_leaves_the_margin(live: Workbook) -> None:
    """The message stands beside each method; the check of the what-if is not applicable, the margin stands."""
    put(live, LAYOUT.trades, 1, 5, "two")
    messages = [row[7] for row in table(live, LAYOUT.what_if)[1:]]
    assert all(str(message).startswith("#PM! trades row 2: ") for message in messages)
    assert check(live, "The what-if begins with the initial margin") == "n/a"
    assert master(live) == "PASS"


def test_the_move_starts_then_and_ends_now(live: Workbook) -> None:
    """Margin of the earlier book, the causes and the margin now; the bars end where the next begins."""
    then, causes, now, verdict = (row[1] for row in table(live, LAYOUT.move_ends))
    assert then + causes == pytest.approx(now, abs=1e-9)
    assert now == live.get("Summary", "C7")
    assert verdict == "PASS"
    reached = [row[1] for row in table(live, LAYOUT.move_bars)[1:-1]]
    amounts = [row[1] for row in filled(live, LAYOUT.move)[1:]]
    assert reached == pytest.approx([then + sum(amounts[:n]) for n in range(6)])


def test_limits_show_value_headroom_and_verdict(live: Workbook, built: Path) -> None:
    """Values are those of the status, of the greeks and of the margin."""
    positions, market = asked(live, built, "positions", "market")
    greeks = {row[1]: row for row in CALLS["PM_GREEKS"](positions, market) if row[0] == "Total"}
    rows = {(row[0], row[1]): row[2:] for row in filled(live, LAYOUT.limit_table)[1:]}
    notional = sum(row[5] for row in greeks.values())
    assert rows["Delta", "BTC"][0] == pytest.approx(greeks["BTC"][6])
    assert rows["Vega", ""][0] == pytest.approx(sum(row[8] for row in greeks.values()))
    assert rows["Concentration", "BTC"][0] == pytest.approx(greeks["BTC"][5] / notional)
    assert rows["Initial margin", ""][:2] == [live.get("Summary", "C7"), 10_000.0]
    for value, limit, room, used, verdict in rows.values():
        assert room == pytest.approx(limit - abs(value))
        assert used == pytest.approx(abs(value) / limit)
        word = "OVER" if used > 1 else "WARNING" if used >= 0.8 else "OK"
        assert verdict.startswith(word)
    assert live.get("Summary", "C16") == sum(row[4].startswith("OVER") for row in rows.values()) == 1


def test_the_account_goes_with_its_balances(live: Workbook) -> None:
    """A debt turns the status, on the Summary too; a currency without a price is told and leaves no number."""
    assert live.get("Summary", "C15") == "OK"
    put(live, LAYOUT.balances, 1, 1, -250.0)
    assert live.get("Summary", "C15") == table(live, LAYOUT.reading)[1][6] == "LIQUIDATION"
    put(live, LAYOUT.balances, 3, 0, "XYZ")
    put(live, LAYOUT.balances, 3, 1, 1.0)
    assert str(live.get("Limits", "B4")).startswith("#PM! ")
    assert [live.get("Summary", f"C{row}") for row in (12, 13, 14, 15)] == ["no equity"] * 4
    assert [row[1] for row in table(live, LAYOUT.reading)[1:]] == [""]
    assert check(live, "The account's status has the initial margin") == "n/a"


def test_the_account_knows_every_field_of_the_rulebooks(live: Workbook) -> None:
    """What the function understands is what the sheet asks."""
    assert tuple(row[0] for row in filled(live, LAYOUT.facts)[1:]) == fields()
    verdicts = {row[0]: row[3] for row in filled(live, LAYOUT.qualify)[1:]}
    assert verdicts["Risk disclosure statement signed"] == "PASS"
    put(live, LAYOUT.account_facts, 1, 0, "no")
    verdicts = {row[0]: row[3] for row in filled(live, LAYOUT.qualify)[1:]}
    assert verdicts["Risk disclosure statement signed"] == "FAIL"


def test_a_venues_margin_that_differs_raises_an_alarm(live: Workbook) -> None:
    """Within the tolerance OK, beyond it ALARM, in the venue's currency; an account of no name here is told."""
    margin = live.get("Summary", "C7")
    lines = [("", "USD", margin), ("Desk 1", "BTC", margin / 70_000.0), ("", "USDC", margin * 1.02), ("Other", "USD", 1.0)]
    for r, (account, currency, amount) in enumerate(lines, 1):
        for column, value in ((1, account), (2, currency), (3, amount), (4, amount)):
            put(live, LAYOUT.theirs, r, column, value)
    assert [row[6] for row in table(live, LAYOUT.ours)[1:5]] == ["OK", "OK", "ALARM", "no account or spot"]
    assert table(live, LAYOUT.ours)[3][2] == pytest.approx(-0.02 * margin)
    assert live.get("Comparison", LAYOUT.ours.cell(-2, 3).replace("$", "")) == 1.0


def test_a_venue_that_margins_each_coin_apart_is_held_against_the_account_of_that_coin(live: Workbook) -> None:
    """A row without a name finds the account that is called as its currency."""
    live.set_many([("Positions", f"O{row}", "BTC" if row < 10 else "Rest") for row in range(8, 18)])
    held = {row[0]: row[3] for row in filled(live, LAYOUT.accounts)[1:]}
    for column, value in ((2, "BTC"), (3, held["BTC"] / 70_000.0), (4, held["BTC"] / 70_000.0)):
        put(live, LAYOUT.theirs, 1, column, value)
    name, ours, *_, alarm = table(live, LAYOUT.ours)[1]
    assert (name, alarm) == ("BTC", "OK")
    assert ours == pytest.approx(held["BTC"] / 70_000.0)


@pytest.mark.parametrize(
    ("sheet", "name", "row", "column"),
    [
        ("Positions", "positions", ROWS + 1, 5),
        ("Positions", "positions", ROWS + 900, 1),
        ("Positions", "positions", 3, 16),
        ("Market", "market", 301, 1),
        ("Parameters", "parameter_input", 41, 2),
        ("Parameters", "own_scenarios", 41, 0),
        ("Parameters", "own_scenarios", 3, 6),
        ("the moves of the P&L grid", "vol_moves", 5, 0),
        ("History", "history", 20, 7),
        ("What-if", "trades", 16, 5),
        ("Account", "balances", 21, 1),
        ("the earlier book and market", "positions_before", ROWS + 1, 5),
        ("the earlier book and market", "market_before", 3, 8),
        ("the venue's margins", "theirs", 21, 1),
        ("the readings", "monitor", 501, 1),
    ],
)
def test_what_is_typed_outside_an_area_is_a_failure(live: Workbook, sheet: str, name: str, row: int, column: int) -> None:
    """No function reads it, so nothing may look as if it had been read."""
    assert master(live) == "PASS"
    put(live, getattr(LAYOUT, name), row, column, 1.0)
    assert check(live, f"Nothing is typed outside the area of {sheet}") == master(live) == "FAIL"


def test_the_feed_and_the_watch_find_their_names(live: Workbook, built: Path) -> None:
    """Cells to write the state of the feed into, and tables with the headings that each writes below."""
    places = named_cells(built)
    assert live.get(*places["feed_status"]) == "no feed"
    assert live.get(*places["feed_time"]) is None
    theirs, readings = asked(live, built, "theirs", "monitor")
    assert theirs[0] == ["Venue", "Account", "Currency", "Initial", "Maintenance", "Time"]
    assert readings[0] == ["Time", "Equity", "Initial margin", "Maintenance margin", "Usage", "Headroom", "Status"]
    assert len(readings) == 501
    live.set(*places["feed_status"], "live")
    assert live.get("Limits", LAYOUT.reading.cell(-3, 4).replace("$", "")) == "live"


def test_the_picture_of_readings_has_an_axis_of_days_before_the_first(live: Workbook) -> None:
    """Two unseen points stand a day around now until there is a reading, then at the first and the last; no time is a text."""
    time, *now = (live.get(LAYOUT.reading.sheet, LAYOUT.reading.cell(1, c).replace("$", "")) for c in range(4))
    assert table(live, LAYOUT.reading_frame)[1:] == [[time - 1.0, *now], [time + 1.0, *now], [time, *now]]
    for row, day in enumerate((3.0, 2.0), 1):
        put(live, LAYOUT.monitor, row, 0, time - day)
    assert [row[0] for row in table(live, LAYOUT.reading_frame)[1:]] == [time - 3.0, time - 2.0, time]


def test_a_limit_that_is_no_number_says_where_to_type_one(live: Workbook) -> None:
    """A text in its place is not taken for a limit that is kept."""
    put(live, LAYOUT.limits, 2, 2, "three thousand")
    assert table(live, LAYOUT.limit_table)[2][6] == "no limit: type a number on Account"
