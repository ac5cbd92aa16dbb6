"""The areas of the workbook follow what is there: full books, many notes, many coins and accounts, methods dropped in."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from calc import Calc

import udfs
from xlmargin.engine import Workbook
from xlmargin.faces import template
from xlmargin.faces.template import build_template
from xlmargin.files.workbooks import named_cells
from xlmargin.sheet.registry import FUNCTIONS

assert udfs  # fills the registry

methods = import_module("xlmargin.methods")  # on the package the name is a function

CALLS: dict[str, Callable[..., Any]] = {name: function.call for name, function in FUNCTIONS.items()}
SAMPLE, CONTENT, AREAS = (template._builder(name) for name in ("sample", "sheets.content", "layout"))
EXPIRIES = [dt.date(2026, 6, 12) + dt.timedelta(days=7 * n) for n in range(10)]
FULL, SMALL, NOTED, COINS, DROPPED = 500, 20, 150, 10, 37
CASE = ("positions", "market", "method", "parameters")
STATEMENT = AREAS.Layout(FULL).statement
Row = dict[str, Any]


def option(n: int, coin: str, strike: float, **more: Any) -> Row:
    """A row of a book: every third one short."""
    quantity = 1.0 if n % 3 else -1.0
    return {"Underlying": coin, "Type": "put" if n % 2 else "call", "Strike": strike, "Quantity": quantity, "Account": "Desk 1", **more}


def own_vols() -> list[Row]:
    """A book as long as the workbook allows: three coins, ten expiries, a vol on every row."""
    spots = {"BTC": 70_000.0, "ETH": 3_500.0, "SOL": 150.0}
    return [
        option(n, coin, spots[coin] * (0.7 + 0.012 * (n // 30)), Expiry=EXPIRIES[n // 3 % 10], IV=0.5 + 0.001 * (n % 50))
        for n, coin in zip(range(FULL), list(spots) * FULL)
    ]


def off_the_smile(n: int, **more: Any) -> Row:
    """An option between two strikes of the sample's smile: PM_CHECK notes where its vol comes from."""
    return option(n, "BTC", 65_010.0 + 10 * n, Expiry=SAMPLE.FRONT, **more)


def cells(rows: list[Row], headings: tuple[str, ...]) -> list[list[Any]]:
    """Rows as they are typed below their headings."""
    return [[row.get(heading) for heading in headings] for row in rows]


def built(path: Path, positions: list[Row], rows: int, market: list[Row] | None = None) -> Path:
    """A workbook that opens with a book of its own; nothing of it is calculated yet."""
    own = {
        "positions": cells(positions, AREAS.POSITION_HEADINGS),
        "trades": cells([{**trade, "Account": "Desk 1"} for trade in SAMPLE.TRADES], AREAS.POSITION_HEADINGS),
        "market": cells([*SAMPLE.MARKET, *(market or [])], AREAS.MARKET_HEADINGS),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CONTENT.KINDS, "demo", replace(CONTENT.DEMO, **own))
        build_template(path, rows)
    return path


def opened(path: Path, positions: list[Row], rows: int = SMALL, market: list[Row] | None = None) -> Workbook:
    """That workbook, calculated by the embedded engine."""
    return Workbook(built(path, positions, rows, market), CALLS)


def master(book: Workbook) -> Any:
    """The verdict over all checks."""
    return book.get("Checks", "C4")


def verdicts(book: Workbook) -> dict[Any, Any]:
    """Each check with its verdict."""
    area = AREAS.Layout(SMALL).checks
    return {row[0]: row[4] for row in book.values(area.sheet, area.near.replace("$", ""))[1:]}


def filled(book: Workbook, area: Any) -> list[list[Any]]:
    """The rows of an area whose first cell is not blank."""
    return [row for row in book.values(area.sheet, area.near.replace("$", "")) if row[0] not in ("", None)]


def is_cut(shown: list[list[Any]], whole: list[list[Any]]) -> int:
    """How many lines of a statement are left out: of each level all or none, and of as few levels as there is room for."""
    deepest = max(row[0] for row in shown[1:])
    assert [row[0] for row in whole[1:] if row[0] <= deepest] == [row[0] for row in shown[1:]]
    for theirs, ours in zip(shown[1:], (row for row in whole[1:] if row[0] <= deepest)):
        assert theirs == [*ours[:2], pytest.approx(ours[2], rel=1e-12, abs=1e-9), *(cell or "" for cell in ours[3:])]
    room = STATEMENT.rows - 1
    assert len(shown) - 1 <= room - 2 < len(shown) - 1 + Counter(row[0] for row in whole[1:])[deepest + 1]
    return len(whole) - len(shown)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook of the default size whose last row of positions is in use."""
    return built(tmp_path_factory.mktemp("full") / "desk.xlsx", own_vols(), FULL)


@pytest.fixture(scope="module")
def live(full: Path) -> Workbook:
    """It, calculated by the embedded engine; opened once, as that takes seconds."""
    return Workbook(full, CALLS)


@pytest.mark.parametrize("method", ["OKX", "DERIBIT_SM", "DERIVE", "SPAN"])
def test_a_full_book_passes_and_its_statement_keeps_the_levels_that_fit(live: Workbook, full: Path, method: str) -> None:
    """Each level of the function's own answer is shown whole or not at all, and the line below counts what is left out."""
    places = named_cells(full)
    live.set(*places["method"], method)
    assert master(live) == "PASS"
    whole = CALLS["PM_EXPLAIN"](*(live.values(*places[name]) for name in CASE))
    shown = filled(live, STATEMENT)
    word = f"{is_cut(shown, whole)} lines of deeper levels are left out here: xlmargin explain shows all of them"
    assert live.get("Statement", "B4") == live.get("Statement", STATEMENT.cell(len(shown), 1).replace("$", "")) == word


def test_many_notes_are_all_listed(live: Workbook, full: Path) -> None:
    """150 options of a default workbook without a vol of their own: a note beside each row, and no failure."""
    at = AREAS.Layout(FULL)
    changed = [{**off_the_smile(n), "IV": None} for n in range(NOTED)]
    headings = AREAS.POSITION_HEADINGS
    for row in changed:
        row["Expiry"] = (row["Expiry"] - dt.date(1899, 12, 30)).days
    live.set_many(
        [
            ("Positions", at.positions.cell(r, headings.index(heading)).replace("$", ""), value)
            for r, row in enumerate(changed, 1)
            for heading, value in row.items()
        ]
    )
    assert len(filled(live, at.check_table)) == 2 + NOTED  # headings, OK
    assert [row[0] for row in live.values("Positions", "B8:B158")] == ["note"] * NOTED + ["OK"]
    assert master(live) == "PASS"


def test_libreoffice_cuts_the_statement_at_the_same_line(full: Path, calc: Calc) -> None:
    """The same workbook and method, in another program."""
    places = named_cells(full)
    with calc.open(full) as book:
        book.set(*places["method"], [["DERIVE"]])
        book.calculate()
        assert book.get("Checks", "C4") == [["PASS"]]
        whole = CALLS["PM_EXPLAIN"](*(book.get(*places[name]) for name in CASE))
        shown = [row for row in book.get(STATEMENT.sheet, STATEMENT.near.replace("$", "")) if row[0] not in ("", None)]
        assert str(book.get("Statement", "B4")[0][0]).startswith(f"{is_cut(shown, whole)} lines of deeper levels")


def test_two_notes_on_every_row_and_an_account_each(tmp_path: Path) -> None:
    """An order that takes its vol off the smile is noted twice; a table of accounts as long as the book, and its total."""
    rows = [off_the_smile(n, Account=f"Desk {n}", Order="yes" if n else None) for n in range(SMALL)]
    book, at = opened(tmp_path / "desk.xlsx", rows), AREAS.Layout(SMALL)
    assert len(filled(book, at.check_table)) == 2 + 1 + 2 * (SMALL - 1)  # headings, OK
    assert len(filled(book, at.accounts)) == 1 + SMALL + 1
    assert master(book) == "PASS"


def test_a_list_of_faults_that_is_too_long_calls_no_row_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that the list has no room for must not leave its row with an OK: each row has its own finding beside it."""
    monkeypatch.setattr(AREAS, "FAULTS", -2 * SMALL + 3)
    rows = [off_the_smile(n, Quantity="ten") for n in range(SMALL)]
    book = opened(tmp_path / "desk.xlsx", rows)
    assert verdicts(book)["The list of faults fits its area"] == master(book) == "FAIL"
    assert {row[0] for row in book.values("Positions", f"B8:B{7 + SMALL}")} == {"FAULT"}
    assert {row[0] for row in book.values("Positions", f"T8:T{7 + SMALL}")} == {"Quantity must be a number, not 'ten'"}


def test_more_coins_than_columns_are_in_the_total(tmp_path: Path) -> None:
    """The risk array keeps its first coins and its total, and says how many it does not show."""
    coins = [f"C{n}" for n in range(COINS)]
    rows = [option(n, coin, 100.0, Expiry=SAMPLE.FRONT, IV=0.5) for n, coin in enumerate(coins)]
    book, at = opened(tmp_path / "desk.xlsx", rows, market=[{"Underlying": coin, "Spot": 100.0} for coin in coins]), AREAS.Layout(SMALL)
    places = named_cells(tmp_path / "desk.xlsx")
    positions, market, parameters = (book.values(*places[name]) for name in ("positions", "market", "parameters"))
    whole = CALLS["PM_RISK_ARRAY"](positions, market, "SPAN", parameters)
    shown = filled(book, at.risk)
    kept = at.risk.columns - 2
    assert [row[:kept] for row in shown] == [row[:kept] for row in whole]
    assert [row[-1] for row in shown] == [row[-1] for row in whole]
    assert shown[0][kept] == f"{COINS - (kept - 5)} more coins"
    assert str(book.get("Risk array", "B4")).startswith(f"{COINS - (kept - 5)} more coins are in the total")
    assert len(filled(book, at.greeks)) == 1 + 2 * COINS
    assert master(book) == "PASS"


def _forget() -> None:
    """The folder is looked through anew."""
    methods._files.cache_clear()
    methods.method_named.cache_clear()


@pytest.fixture
def thirty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Copies of one method, dropped into a copy of the folder until there are DROPPED; the names of all."""
    known = list(methods.known_methods())
    folder = tmp_path / "methods"
    shutil.copytree(methods.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    added = [f"dropped{n}" for n in range(DROPPED - len(known))]
    for name in added:
        for kind in (".py", ".toml"):
            shutil.copy(folder / f"tims{kind}", folder / f"{name}{kind}")
    monkeypatch.setattr(methods, "FOLDER", folder)
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(folder)])
    _forget()
    yield [*known, *map(str.upper, added)]
    _forget()


@pytest.mark.parametrize("room", [AREAS.METHOD_ROOM, 0])
def test_methods_dropped_in_later_are_listed_and_compared(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """A workbook built before they came has room for them; without the room, its own check says that the list is cut."""
    monkeypatch.setattr(AREAS, "METHOD_ROOM", room)
    path, at = built(tmp_path / "desk.xlsx", SAMPLE.POSITIONS, SMALL), AREAS.Layout(SMALL)
    names = request.getfixturevalue("thirty")
    book = Workbook(path, CALLS)
    if not room:
        assert verdicts(book)["The list of methods fits its area"] == master(book) == "FAIL"
        return
    assert sorted(row[0] for row in filled(book, at.methods)[1:]) == sorted(names)
    compared = [row[0] for row in filled(book, at.comparison)[1:]]
    assert set(names[at.known :]) <= set(compared)
    drawn = at.ranked_bars.rows - 1
    last = book.get(at.ranked_bars.sheet, at.ranked_bars.cell(drawn, 1).replace("$", ""))
    assert str(last).endswith(f", then {len(compared) - drawn} more")
    assert master(book) == "PASS"
