"""Edits of a served workbook: they wait for each other, are taken back, and reach the file without losing anything."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from web_desk import HOSTILE, Sums, ask, desk_file, desk_server, desk_sums, edit  # noqa: F401  (fixtures)

from xlmargin.cli.faces import FACES, Face, best
from xlmargin.errors import MarginError
from xlmargin.faces.web import Server, serve
from xlmargin.faces.web.frame import rectangles


def test_hostile_text_stays_text(server: Server) -> None:
    """Cells are told as data; drawings escape them; a link is a place in the workbook or a page of the web."""
    view = ask(server, "POST", "/api/view", {"sheet": 0})[1]
    assert [1, 3, HOSTILE] in [cell[:3] for cell in view["cells"]]
    assert "<script" not in view["charts"][0]["svg"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in view["charts"][0]["svg"]
    links = ask(server, "GET", "/api/book")[1]["sheets"][0]["links"]
    assert [2, 3, 1, 7, 2] in links
    assert [3, 3, ""] in links


def test_an_edit_tells_the_changed_cells_only(server: Server) -> None:
    """What was calculated anew comes back with looks and charts; what stayed does not."""
    before = ask(server, "POST", "/api/view", {"sheet": 0})[1]
    assert tuple(c[:3] for c in before["cells"] if c[:2] in ([1, 2], [2, 2])) == ([1, 2, "6"], [2, 2, "more"])
    bold = {tuple(c[:2]): before["styles"][c[3]].get("bold", False) for c in before["cells"]}
    assert bold[2, 2] is True
    status, answer = edit(server, [2, 1, "-30"])
    assert (status, answer["made"], answer["view"]["state"]["dirty"]) == (200, 1, True)
    told = {tuple(cell[:2]): cell[2] for cell in answer["view"]["cells"]}
    assert told.items() >= {(2, 1): "-30.00", (1, 2): "-26", (2, 2): "less"}.items()
    assert (1, 3) not in told
    assert len(answer["view"]["charts"]) == 1
    assert ask(server, "POST", "/api/view", {"sheet": 0, "since": 1})[1]["cells"] == []


def test_a_bad_input_stands_as_its_message(server: Server) -> None:
    """What a function says of an input is the text of its cell, and is marked as a fault."""
    _, answer = edit(server, [1, 1, "many"])
    assert [1, 2, "#PM! many is no number"] in [cell[:3] for cell in answer["view"]["cells"] if cell[4] == "e"]


@pytest.mark.parametrize(
    ("cell", "told"), [([1, 2, "5"], "calculated by a formula"), ([5, 5, "5"], "is locked"), ([1, 1, "=A2"], "Formulas are written")]
)
def test_what_is_not_an_input_is_left_alone(server: Server, cell: list[Any], told: str) -> None:
    """A block with one cell that cannot be edited changes nothing."""
    status, answer = edit(server, [2, 1, "7"], cell)
    assert (status, told in answer["error"]) == (422, True)
    assert server.session.state() == {"revision": 0, "opened": 0, "dirty": False, "undo": 0, "redo": 0}


def test_edits_at_once_wait_for_each_other(server: Server, sums: Sums) -> None:
    """Twelve edits from as many threads are all made, one after the other, and the sum is right."""
    threads = [threading.Thread(target=edit, args=(server, [n % 3 + 1, 1, str(n)])) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums.most == 1
    cells = server.session.view(0)["cells"]
    total = next(float(cell[2]) for cell in cells if cell[:2] == [1, 2])
    assert total == sum(float(cell[2]) for cell in cells if cell[1] == 1)


def test_undo_and_redo_lead_back_and_forth(server: Server) -> None:
    """Each step takes a whole edit back, on the sheet it was made; there is an end on both sides."""
    edit(server, [1, 1, "10"], [2, 1, "20"])
    edit(server, [1, 1, "11"])

    def total(way: str) -> tuple[str, str]:
        answer = ask(server, "POST", f"/api/{way}", {"sheet": 0})[1]
        return answer["on"], next(c[2] for c in answer["view"]["cells"] if c[:2] == [1, 2])

    assert [total(way) for way in ("undo", "undo", "undo", "redo", "redo", "redo")] == [
        ("In & out", "33"),
        ("In & out", "6"),
        ("", "6"),
        ("In & out", "33"),
        ("In & out", "34"),
        ("", "34"),
    ]
    assert total("undo") == ("In & out", "33")
    edit(server, [3, 1, "1"])
    assert total("redo")[0] == ""


def test_saving_writes_the_edits_and_keeps_all_else(server: Server, file: Path) -> None:
    """The file has the new values, its chart and list; a download has unsaved ones; the file stays until it is saved."""
    edit(server, [1, 1, "2"], [3, 1, "x"])
    status, content = ask(server, "GET", "/api/file")
    assert status == 200
    assert openpyxl.load_workbook(file)["In & out"]["A1"].value == 1
    copy = file.with_name("copy.xlsx")
    copy.write_bytes(content)
    assert openpyxl.load_workbook(copy)["In & out"]["A1"].value == 2
    answer = ask(server, "POST", "/api/save", {})[1]
    assert answer["state"]["dirty"] is False
    saved, values = openpyxl.load_workbook(file)["In & out"], openpyxl.load_workbook(file, data_only=True)["In & out"]
    assert [values[cell].value for cell in ("A1", "A3", "B1", "C1")] == [2, "x", "#PM! x is no number", HOSTILE]
    assert (saved["B1"].value, len(saved._charts), len(saved.data_validations.dataValidation)) == ("=PM_SUM(A1:A3)", 1, 1)
    assert [entry.name for entry in file.parent.iterdir() if entry.suffix == ".part"] == []
    ask(server, "POST", "/api/undo", {"sheet": 0})
    assert server.session.dirty is True


def test_a_file_that_someone_else_changed_is_not_overwritten(server: Server, file: Path) -> None:
    """Saving is refused with what to do; the other's file and the edits both stay."""
    edit(server, [1, 1, "2"])
    other = file.read_bytes() + b"\0"
    file.write_bytes(other)
    status, answer = ask(server, "POST", "/api/save", {})
    assert (status, "changed by another program" in answer["error"]) == (422, True)
    assert file.read_bytes() == other
    assert server.session.dirty is True


def test_quitting_keeps_unsaved_edits_in_a_copy(
    file: Path, sums: Sums, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's Quit ends the server; what was not saved is beside the file, which is as it was."""
    made: list[Server] = []

    def stop_soon(server: Server, poll_interval: float) -> None:
        made.append(server)
        server.session.edit(0, [(1, 1, "9")])
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", stop_soon)
    serve(file, {"PM_SUM": sums}, browser=False)
    lines = capsys.readouterr().out.splitlines()
    assert made[0].url in lines
    kept = file.with_name("desk (unsaved edits).xlsx")
    assert lines[-1] == str(kept)
    assert openpyxl.load_workbook(kept)["In & out"]["A1"].value == 9
    assert openpyxl.load_workbook(file)["In & out"]["A1"].value == 1


def test_quit_ends_the_server(server: Server) -> None:
    """Quit is answered, and then nothing is."""
    assert ask(server, "POST", "/api/quit", {})[1] == {"ended": True}
    assert server.quitting.wait(5)


@pytest.mark.parametrize(
    ("path", "told"), [("nothing.xlsx", "no such file"), ("book.csv", "is no workbook"), ("bad.xlsx", "not an .xlsx workbook")]
)
def test_what_cannot_be_opened_is_told(tmp_path: Path, path: str, told: str) -> None:
    """A missing file, another kind and a broken one each say what is wrong."""
    if path == "bad.xlsx":
        (tmp_path / path).write_bytes(b"no")
    with pytest.raises(MarginError) as caught:
        serve(tmp_path / path, {}, browser=False)
    assert told in str(caught.value)


def test_a_taken_port_is_told(server: Server) -> None:
    """Another port is asked for."""
    with pytest.raises(MarginError) as caught:
        Server(server.session, 70_000)
    assert "--port" in str(caught.value)


def test_the_best_face_of_a_machine_is_chosen() -> None:
    """The first that is there, else the last; the browser is there everywhere."""
    there, absent = (Face(name, "", "", lambda has=has: has, lambda options: 0) for name, has in (("a", True), ("b", False)))
    assert best([absent, there, absent]).name == "a"
    assert best([absent, there]).name == "a"
    assert best([absent]).name == "b"
    assert FACES[-1].name == "web"
    assert FACES[-1].available()


def test_rectangles_cover_exactly_the_cells() -> None:
    """Inputs are told as few rectangles and none too many."""
    places = {(row, column) for row in range(3, 9) for column in (2, 3, 5)} | {(1, 1), (4, 6)}
    found = list(rectangles(places))
    covered = [(r, c) for top, left, bottom, right in found for r in range(top, bottom + 1) for c in range(left, right + 1)]
    assert sorted(covered) == sorted(places)
    assert len(found) == 4
