"""Rulebooks that have ended: from their day on, and not before, every face says that they hold no longer."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from udfs import PM_COMPARE, PM_EXPLAIN, PM_MARGIN, PM_METHODS
from xlmargin.methods import rules_of

BOOK = [["Underlying", "Type", "Strike", "Expiry", "Quantity", "Price"], ["BTC", "C", 70_000.0, "2026-12-25", -1.0, 1_000.0]]
REWORKED = dt.date(2026, 8, 5)  # the day of Deribit's announcement
WINDING_DOWN = dt.date(2026, 11, 27)  # the day on which it was read that BIT.com is close-only
DAY = dt.timedelta(days=1)


def market(day: dt.date) -> list[list[Any]]:
    """A market range of a day."""
    return [["Underlying", "Spot", "As of"], ["BTC", 70_000.0, day.isoformat()]]


@pytest.mark.parametrize(
    ("method", "parameters", "since", "before", "after"),
    [
        ("DERIBIT_SM", None, REWORKED, "published", "superseded"),
        ("ISOLATED", None, REWORKED, "published", "superseded"),
        ("BIT", None, WINDING_DOWN, "published", "closing"),
        ("ISOLATED", [["venue", "BIT"]], WINDING_DOWN, "published", "closing"),
    ],
)
def test_from_its_day_on_and_not_before(method: str, parameters: Any, since: dt.date, before: str, after: str) -> None:
    """The statement and the comparison have the status of the day; the number is the same, since the old rules are all that is known."""
    margins = set()
    for day, status in ((since - DAY, before), (since, after), (since + DAY, after)):
        known = market(day)
        assert PM_EXPLAIN(BOOK, known, method, parameters)[1][4] == status
        head, row = PM_COMPARE(BOOK, known, method, parameters)
        assert dict(zip(head, row))["Status"] == status
        margins.add(PM_MARGIN(BOOK, known, method, parameters))
    assert len(margins) == 1


def test_the_end_of_one_venue_ends_no_other() -> None:
    """ISOLATED at a venue whose rules go on is as certain after that day as before."""
    first, second = (PM_EXPLAIN(BOOK, market(day), "ISOLATED", [["venue", "OKX_SM"]])[1][4] for day in (REWORKED - DAY, REWORKED))
    assert first == second != "superseded"


def test_the_comparison_says_since_when_and_why() -> None:
    """The note of an ended rulebook has its day and its source; before that day it has neither."""
    notes = [PM_COMPARE(BOOK, market(day), "DERIBIT_SM")[1][-1] for day in (REWORKED - DAY, REWORKED)]
    assert "superseded" not in notes[0]
    assert notes[1].startswith("superseded since 2026-08-05: Deribit announcement of 2026-08-05")


@pytest.mark.parametrize(("method", "status"), [("DERIBIT_SM", "superseded"), ("BIT", "closing")])
def test_the_list_of_methods_shows_it(method: str, status: str) -> None:
    """PM_METHODS has the status of today, and the evidence names the day of the newest numbers apart from the formula's."""
    head, *rows = PM_METHODS()
    row = next(dict(zip(head, row)) for row in rows if row[0] == method)
    assert row["Status"] == (status if dt.datetime.now(dt.UTC).date() >= WINDING_DOWN else "published")
    assert rules_of(method, 0.0).meta.status == "published"
    assert "formula" in row["Evidence"]
    assert "; parameters of 20" in row["Evidence"]
