"""Histories in files: one close a day, however many rows a day the file has; what is no daily history gives no number."""

from __future__ import annotations

import csv
import datetime as dt
import math
from pathlib import Path
from typing import Any

import pytest

from xlmargin.cli import main
from xlmargin.errors import MarginError
from xlmargin.files.histories import daily

Rows = list[list[Any]]
HOUR = dt.timedelta(hours=1)


def hourly(count: int, zone: str = "", first: dt.datetime = dt.datetime(2024, 1, 1)) -> Rows:
    """A close an hour, rising by one."""
    return [["Date", "BTC"], *([(first + n * HOUR).isoformat(" ") + zone, 100.0 + n] for n in range(count))]


def kept(rows: Rows) -> Rows:
    """The rows that count."""
    return [row for row in rows if row[0] is not None]


def test_the_price_at_midnight_closes_the_day() -> None:
    """Of 72 hours from midnight on: the first instant closes the day before, the third day is not over."""
    found = daily(hourly(72), "h.csv")
    assert found.rows is not None
    assert kept(found.rows) == [["Date", "BTC"], ["2023-12-31", 100.0], ["2024-01-01", 124.0], ["2024-01-02", 148.0]]
    assert found.rows[25] == ["2024-01-01", 124.0]  # every row keeps its number
    assert found.notes == (
        "h.csv: 72 rows of 4 UTC days: the last of each day counts, midnight as the end of the day before; "
        "2024-01-03 is not over and does not count",
    )


def test_the_last_of_each_day() -> None:
    """Sessions from 14:30 to 21:00 end at 21:00; a half day ends early and counts; zones are turned into UTC."""
    times = [
        "2024-07-02 14:30Z",
        "2024-07-02 21:00Z",
        "2024-07-03 14:30Z",
        "2024-07-03 13:00-04:00",
        "2024-07-05 14:30Z",
        "2024-07-05 21:00Z",
    ]
    found = daily([["Date", "SPY"], *([time, float(n)] for n, time in enumerate(times))], "h.csv")
    assert found.rows is not None
    assert kept(found.rows) == [["Date", "SPY"], ["2024-07-02", 1.0], ["2024-07-03", 3.0], ["2024-07-05", 5.0]]


def test_daily_rows_are_left_as_they_are() -> None:
    """One row a UTC day is a history already, whatever its time of day; a hole is told."""
    rows = [["Date", "BTC"], ["2024-01-01T23:00Z", 1.0], ["2024-01-02T22:00Z", 2.0], ["2024-01-30", 3.0]]
    assert daily(rows, "h.csv") == (
        rows,
        ("h.csv: 1 step is longer than 4 days, the longest 27.0833 days to 2024-01-30: the move over each counts as that of one day",),
    )


def test_unclear_zones_are_refused() -> None:
    """A time with a zone among times without one: which rows are of one day is not clear."""
    rows = hourly(30)
    rows[9][0] = "2024-01-01 08:00:00Z"
    with pytest.raises(MarginError) as told:
        daily(rows, "h.csv")
    assert str(told.value) == (
        "h.csv has several rows a day, and the time of row 10 has a zone where that of row 2 has none: "
        "write every time with its zone, or all of them in UTC"
    )


def test_days_among_times_are_refused() -> None:
    """Daily closes followed by hourly ones: a day alone is no midnight there; one between two hours is."""
    rows = hourly(30)
    rows[25][0] = "2024-01-02"  # midnight, as R writes it
    assert kept(daily(rows, "h.csv").rows or []) == kept(daily(hourly(30), "h.csv").rows or [])
    with pytest.raises(MarginError, match="and rows 2 and 3 are days without a time, of which it is not clear whether the close"):
        daily([rows[0], ["2023-12-30", 1.0], ["2023-12-31", 2.0], *rows[2:]], "h.csv")


@pytest.mark.parametrize("spoil", ["twice", "unsorted", "word"])
def test_what_is_no_history_is_left_to_its_reader(spoil: str) -> None:
    """An instant that stands twice, times out of order, a word for a time: no row is dropped."""
    rows = hourly(30)
    rows[9][0] = {"twice": rows[8][0], "unsorted": "2023-01-01", "word": "soon"}[spoil]
    assert daily(rows, "h.csv") == (rows, ())


def write(path: Path, rows: Rows) -> Path:
    """A CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def margin(folder: Path, history: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """`xlmargin margin` of one coin at 70,000 by VAR on a history."""
    book = write(folder / "book.csv", [["Underlying", "Type", "Quantity"], ["BTC", "perp", 1.0]])
    market = write(folder / "market.csv", [["Underlying", "Spot", "As of"], ["BTC", 70_000.0, "2026-11-27T00:00:00Z"]])
    code = main(["margin", str(book), "--market", str(market), "--method", "VAR", "--history", str(history)])
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("name", "printed", "note"),
    [
        ("daily.csv", "5,549.39", ""),
        ("hourly.csv", "5,549.39", "12,000 rows of 501 UTC days: the last of each day counts"),
        ("weekly.csv", "", "the closes lie 7 days apart"),
    ],
)
def test_one_path_sampled_by_the_day_hour_and_week(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, printed: str, note: str
) -> None:
    """The one-day VaR is that of the days: hourly rows give the same number, weekly ones none."""
    folder = shared / "cases" / "files-03-hourly-closes-as-days"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    code, out, err = margin(tmp_path, folder / name, capsys)
    assert code == (0 if printed else 1)
    assert printed in out
    assert note in err


@pytest.mark.parametrize(("time", "told"), [("{}000", ""), ("{}", ""), ("1.73569E+12", "not the text '1.73569E+12'")])
def test_counts_since_1970(tmp_path: Path, capsys: pytest.CaptureFixture[str], time: str, told: str) -> None:
    """Seconds and milliseconds are dates as ISO texts are; of a count that a spreadsheet has rounded the day is lost."""
    days = [dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + dt.timedelta(n) for n in range(201)]
    closes = [100.0 + math.sin(n) for n in range(201)]
    plain = write(tmp_path / "plain.csv", [["Date", "BTC"], *zip([day.date() for day in days], closes)])
    counted = write(tmp_path / "counted.csv", [["timestamp", "BTC"], *zip([time.format(int(day.timestamp())) for day in days], closes)])
    code, out, err = margin(tmp_path, counted, capsys)
    assert (code, told in err) == (1 if told else 0, True)
    assert told or out == margin(tmp_path, plain, capsys)[1]


def test_the_statement_says_on_what_it_rests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Days, first and last, and a step of a month."""
    days = [dt.date(2025, 1, 1) + dt.timedelta(n if n < 100 else n + 29) for n in range(201)]
    path = write(tmp_path / "h.csv", [["Date", "BTC"], *([day, 100.0 + math.sin(n)] for n, day in enumerate(days))])
    _, _, err = margin(tmp_path, path, capsys)
    assert "1 step is longer than 4 days, the longest 30 days to 2025-05-10: the move over each counts as that of one day" in err
    asked = ["--market", str(tmp_path / "market.csv"), "--method", "VAR", "--history", str(path)]
    assert main(["explain", str(tmp_path / "book.csv"), *asked]) == 0
    rests = "the 2 worst of 200 moves, 0.99 over 1 days; closes of 201 days, 2025-01-01 to 2025-08-18; 1 step is longer than 4 days"
    assert rests in capsys.readouterr().out
