"""The status of a whole is that of its weakest line, wherever a margin is shown, and a rulebook that has ended says so from that day on."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from udfs import PM_COMPARE, PM_EXPLAIN, PM_METHODS
from xlmargin.cli import main
from xlmargin.margin.parameter_file import STATUSES, Ended, Meta
from xlmargin.margin.parameters import read_rules
from xlmargin.margin.statement import (
    CERTAINTY,
    TOTAL,
    Line,
    above,
    given,
    not_modelled,
    over_accounts,
    status_of,
    sum_of,
    total,
    weakest,
    worst,
)
from xlmargin.methods import FOLDER, case_of, known_methods, rules_of
from xlmargin.sheet.ranges.remembered import read_book

Row = list[Any]

HEADER = ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV", "Spot", "Account"]
BTC: Row = ["BTC", "C", 75_000.0, 30, -1.0, 0.5, 70_000.0, "north"]
SOL: Row = ["SOL", "C", 160.0, 30, -10.0, 0.8, 150.0, "south"]


def shown(rows: list[Row], method: str, day: str = "") -> tuple[str, str]:
    """Status in the comparison, and at the top of the statement."""
    market = [["Underlying", "Spot", "As of"], ["BTC", 70_000.0, day], ["SOL", 150.0, None]] if day else None
    compared, statement = PM_COMPARE([HEADER, *rows], market, method), PM_EXPLAIN([HEADER, *rows], market, method)
    return str(dict(zip(*compared))["Status"]), str(statement[1][4])


def statuses(statement: Any, label: str) -> list[str]:
    """Status of every line of a label."""
    return [row[4] for row in statement[1:] if row[1] == label]


# ---------------------------------------------------------------- days that nobody has read of


@pytest.mark.parametrize("method", known_methods())
def test_before_its_first_day_a_value_is_no_more_than_an_estimate(method: str) -> None:
    """Before the first row of a value nothing is verified or published, whatever the row says of its own days."""
    assert {value.status for value in rules_of(method, 0.0).listing()}.isdisjoint({"verified", "published"})


def test_the_first_day_of_a_value() -> None:
    """Derive's numbers for options are those of 2026-01-21, published from that day and an estimate on the day before."""
    assert [shown([BTC], "DERIVE", day) for day in ("2026-01-20", "2026-01-21")] == [("estimate",) * 2, ("published",) * 2]


# ---------------------------------------------------------------- coins that no scenario acts on


def test_mere_collateral_weakens_no_margin() -> None:
    """Spot of a segregated account at Deribit stands in no scenario; a position in the same coin is as illustrative as its range."""
    coin: Row = ["SOL", "spot", None, None, 10.0, None, 150.0, "north"]
    assert shown([BTC, coin], "DERIBIT") == shown([BTC], "DERIBIT") == ("estimate",) * 2
    assert shown([BTC, SOL], "DERIBIT") == ("illustrative",) * 2


# ---------------------------------------------------------------- the weakest of several


@pytest.mark.parametrize(
    ("among", "found"),
    [
        (("verified", "published"), "published"),
        (("estimate", "verified", "published"), "estimate"),
        (("illustrative", "estimate"), "illustrative"),
        (("closing", "illustrative"), "closing"),
        (("superseded", "verified"), "superseded"),
        (("published", "not modelled", "not set", "given", ""), "published"),
        (("not modelled", ""), ""),
        ((), ""),
    ],
)
def test_weakest(among: tuple[str, ...], found: str) -> None:
    """What is given, left out or not set weakens nothing."""
    assert weakest(*among) == weakest(*reversed(among)) == found
    assert {*CERTAINTY, "not set", "not modelled"} == set(STATUSES)


def three(*each: str) -> list[Line]:
    """A line of 1 of each status."""
    return [given(f"line {n}", 1.0, "typed", status=status) for n, status in enumerate(each)]


def never(_: int) -> NoReturn:
    """Parts that nobody may ask for."""
    raise AssertionError("the parts of a line whose status is known were made")


def test_the_weakest_line_below_counts_at_any_depth() -> None:
    """Through sums of sums; what is left out counts for nothing; a method's own status for lines without one."""
    whole = total("whole", [total("part", three("published", "illustrative")), *three("estimate"), not_modelled("rest", "unknown")])
    assert status_of(whole, "verified") == "illustrative"
    assert status_of(whole, "closing") == "closing"
    assert status_of(total("whole", three("", "")), "verified") == "verified"
    assert status_of(total("whole", [above(total("part", three("estimate")))]), "verified") == "estimate"


def test_parts_are_made_only_where_their_status_is_not_known() -> None:
    """A sum that says what lies below it is not asked for its parts; one that does not is asked for those of every book."""
    books = np.array([1.0, 2.0])
    known = Line("known", books, TOTAL, never, below="estimate")
    assert status_of(total("whole", [known]), "published") == "estimate"
    asked = sum_of("asked", books, lambda a: three(("published", "illustrative")[a]))
    assert status_of(total("whole", [asked]), "verified") == "illustrative"
    assert status_of(total("whole", [asked.book(0)]), "verified") == "published"
    assert status_of(over_accounts(total("whole", [asked]), ["north", "south"]), "verified") == "illustrative"


def test_of_scenarios_the_one_that_decides_counts() -> None:
    """The others have no part in the number: their lines are shown, not explained."""
    light, heavy = (sum_of(f"scenario {n}", np.array([n]), lambda _, n=n: three(("illustrative", "estimate")[int(n)])) for n in (0.0, 1.0))  # type: ignore[misc]
    assert status_of(worst("scan", [light, heavy]), "published") == "estimate"


# ---------------------------------------------------------------- where a margin is shown


def test_what_scenarios_were_made_of_is_the_status_of_their_line() -> None:
    """SPAN is published, our scan ranges of coins are not; the whole is as certain as its scanning risk."""
    statement = PM_EXPLAIN([HEADER, BTC, SOL], None, "SPAN")
    assert rules_of("SPAN", 0.0).meta.status == "published"
    assert statuses(statement, "Scanning risk")[0] == "illustrative"
    assert shown([BTC, SOL], "SPAN") == ("illustrative", "illustrative")


def test_each_coin_has_the_status_of_its_own_values() -> None:
    """What is read for one coin says nothing of another; what is read for all of them counts for each."""
    rules = rules_of("SPAN", dt.datetime(2026, 11, 27, tzinfo=dt.UTC).timestamp())
    case = case_of(read_book([HEADER, BTC, SOL], None), rules)
    assert case.statuses == ("illustrative", "illustrative")
    seen: set[tuple[str, str]] = set()
    asked = type(rules)(rules.meta, rules.parameters, rules.given, seen)
    asked.number("extreme_multiple", "NIFTY")
    asked.number("price_scan_range", "SOL")
    assert seen == {("NIFTY", "verified"), ("SOL", "illustrative")}


def test_a_book_of_several_accounts_is_as_certain_as_its_weakest() -> None:
    """Before its rework Deribit's rates of BTC were published; those of options on SOL are ours."""
    day = "2026-06-01T00:00:00Z"
    assert shown([BTC], "DERIBIT_SM", day) == ("published", "published")
    assert shown([BTC, SOL], "DERIBIT_SM", day) == ("illustrative", "illustrative")
    assert shown([SOL, BTC], "DERIBIT_SM", day) == ("illustrative", "illustrative")


@pytest.mark.parametrize(("method", "status"), [("DERIBIT_SM", "superseded"), ("ISOLATED", "superseded"), ("BIT", "closing")])
def test_a_rulebook_that_has_ended_says_so_from_that_day_on(method: str, status: str) -> None:
    """Its margins of old days stand; those of newer days carry the word and the reason, ISOLATED's of the venue's too."""
    venue = rules_of("DERIBIT_SM" if method == "ISOLATED" else method, 4e9).meta
    assert venue.ended is not None
    assert venue.end == f"{status} since {venue.ended.since}: {venue.ended.source}"
    since = venue.ended.since
    before, after = (f"{since + dt.timedelta(days):%Y-%m-%d}T12:00:00Z" for days in (-1, 0))
    assert shown([BTC], method, before) == ("published", "published")
    assert shown([BTC], method, after) == (status, status)
    for day, told in ((before, False), (after, True)):
        note = PM_COMPARE([HEADER, BTC], [["Underlying", "Spot", "As of"], ["BTC", 70_000.0, day]], method)[1][-1]
        assert (venue.end in note) is told


def test_the_list_of_methods_tells_what_has_ended() -> None:
    """Today's status of a rulebook; ISOLATED's hangs on its venue."""
    found = {row[0]: row[PM_METHODS()[0].index("Status")] for row in PM_METHODS()[1:]}
    assert (found["DERIBIT_SM"], found["BIT"], found["STRESS"]) == ("superseded", "closing", "illustrative")


def test_margin_of_a_file_says_what_it_rests_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the command line, for people and for machines."""
    book = tmp_path / "book.csv"
    book.write_text("\n".join(",".join(map(str, row)) for row in (HEADER, BTC)), encoding="utf-8")
    for method, status in (("SPAN", "illustrative"), ("DERIBIT_SM", "superseded"), ("AEVO", "published")):
        assert main(["margin", str(book), "--method", method]) == 0
        assert ["Status", status] in [line.split() for line in capsys.readouterr().out.splitlines()]
        assert main(["margin", str(book), "--method", method, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["status"] == status


def test_an_end_holds_from_its_day() -> None:
    """A description knows both: what it is on a day, and since when and why it has ended."""
    meta = Meta(
        "X", "t", "s", "e", "", "verified", dt.date(2026, 11, 27), "docs", (), 0, Ended("closing", dt.date(2026, 11, 1), "a notice")
    )
    assert meta.on(dt.date(2026, 10, 31)) == meta
    assert (meta.status, meta.end) == ("verified", "")
    late = meta.on(dt.date(2026, 11, 1))
    assert (late.status, late.end) == ("closing", "closing since 2026-11-01: a notice")


def test_every_file_that_ends_says_when_and_why() -> None:
    """An end is announced by somebody, and lies on a day on which the rulebook had rows."""
    ended = {
        path.stem: read_rules(path, 4e9).meta.ended for path in FOLDER.rglob("*.toml") if "\nended" in path.read_text(encoding="utf-8")
    }
    assert {"bit", "deribit_sm"} <= set(ended)
    for end in ended.values():
        assert end is not None
        assert len(end.source.split()) > 3
