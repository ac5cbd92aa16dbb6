"""The file of an open workbook is written by another program: a feed's prices appear, unsaved edits stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from web_desk import Sums, ask, desk_file, desk_server, desk_sums, edit  # noqa: F401  (fixtures)

from xlmargin.engine import recalculated
from xlmargin.faces.web import Server


def _fed(file: Path, value: float) -> None:
    """The file as `xlmargin feed --file` leaves it: an input changed, the formulas recalculated by other means than the server."""
    recalculated(file, file, {"PM_SUM": lambda table: sum(row[0] for row in table)}, [("In & out", "A2", value)])


def _state(server: Server) -> Any:
    return ask(server, "GET", "/api/state")[1]


def test_what_a_feed_writes_appears_by_itself(server: Server, file: Path, sums: Sums) -> None:
    """The next look tells a new revision; the changed cells alone are sent, charts with them; saving goes on."""
    before = ask(server, "POST", "/api/view", {"sheet": 0})[1]
    assert (_state(server)["revision"], _state(server)["told"]) == (0, "")
    _fed(file, 20)
    state = _state(server)
    assert (state["revision"], state["opened"], state["dirty"], state["told"]) == (1, 0, False, "")
    view = ask(server, "POST", "/api/view", {"sheet": 0, "since": 0, "styles": len(before["styles"])})[1]
    told = {tuple(cell[:2]): cell[2] for cell in view["cells"]}
    assert told.items() >= {(2, 1): "20.00", (1, 2): "24"}.items()
    assert (1, 3) not in told
    assert len(view["charts"]) == 1
    called = sums.calls
    assert (_state(server)["revision"], sums.calls) == (1, called)  # nothing is read again that has not changed
    assert edit(server, [1, 1, "5"])[1]["made"] == 1
    assert ask(server, "POST", "/api/save", {})[0] == 200
    assert [openpyxl.load_workbook(file)["In & out"][cell].value for cell in ("A1", "A2")] == [5, 20]
    assert (_state(server)["revision"], _state(server)["told"]) == (2, "")


def test_unsaved_edits_stay_and_that_is_told(server: Server, file: Path) -> None:
    """One line says why the new values are not there; when the edit is undone they are."""
    edit(server, [1, 1, "5"])
    _fed(file, 20)
    state = _state(server)
    assert (state["revision"], state["dirty"], "changed by another program" in state["told"], "\n" in state["told"]) == (
        1,
        True,
        True,
        False,
    )
    assert server.session._book.get("In & out", "B1") == 5 + 2 + 3
    ask(server, "POST", "/api/undo", {"sheet": 0})
    assert (_state(server)["told"], server.session._book.get("In & out", "B1")) == ("", 1 + 20 + 3)
    assert ask(server, "POST", "/api/undo", {"sheet": 0})[1]["on"] == ""


def test_a_file_of_another_shape_asks_pages_to_load_again(server: Server, file: Path) -> None:
    """A page that knows the old sheets may neither see nor write until it has."""
    book = openpyxl.load_workbook(file)
    book.create_sheet("New", 0)["A1"] = 4
    book.active = 1
    book.save(file)
    assert _state(server)["opened"] == 1
    for path in ("view", "edit"):
        status, answer = ask(server, "POST", f"/api/{path}", {"opened": 0, "sheet": 0, "target": 0, "cells": [[1, 1, "5"]]})
        assert (status, "load this page again" in answer["error"]) == (422, True)
    told = ask(server, "GET", "/api/book")[1]
    assert ([sheet["name"] for sheet in told["sheets"]], told["active"]) == (["New", "In & out", "Second"], 1)
    cells = ask(server, "POST", "/api/view", {"opened": 1, "sheet": 0})[1]["cells"]
    assert [cell[:3] for cell in cells] == [[1, 1, "4"]]


@pytest.mark.parametrize("change", ["broken", "gone"])
def test_a_file_that_cannot_be_read_any_more_leaves_what_is_shown(server: Server, file: Path, change: str) -> None:
    """It is told, once found out without trying again and again, and mended when the file is."""
    good = file.read_bytes()
    if change == "gone":
        file.unlink()
    else:
        file.write_bytes(b"no workbook")
    told = _state(server)["told"]
    assert file.name in told
    assert (_state(server)["told"], server.session._book.get("In & out", "B1")) == (told, 6)
    file.write_bytes(good)
    assert (_state(server)["told"], _state(server)["revision"]) == ("", 0)
