"""The server of one workbook: whom it answers, what it refuses, and that edits wait for each other and reach the file."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from xlmargin.cli_open import FACES, Face, best
from xlmargin.errors import MarginError
from xlmargin.web import Server, Session, serve
from xlmargin.web.frame import rectangles

HOSTILE = "<script>alert(1)</script>"


class Sums:
    """A function of cells that notes whether two calls ever ran at the same time."""

    def __init__(self) -> None:
        self.running = self.most = self.calls = 0

    def __call__(self, table: Any) -> float | str:
        """The sum of a table's numbers; a text in it is told."""
        self.running += 1
        self.calls += 1
        self.most = max(self.most, self.running)
        time.sleep(0.02)
        cells = [cell for row in table for cell in row]
        self.running -= 1
        wrong = next((cell for cell in cells if isinstance(cell, str)), None)
        return f"#PM! {wrong} is no number" if wrong else sum(cell for cell in cells if cell)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A workbook with inputs, a function of ours, a chart, a list, a link, a heat map and hostile text."""
    path = tmp_path / "desk.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet, other = book.add_worksheet("In & out"), book.add_worksheet("Second")
        unlocked = book.add_format({"locked": False, "num_format": "#,##0.00"})
        sheet.write_column("A1", [1, 2, 3], unlocked)
        sheet.write_formula("B1", "=PM_SUM(A1:A3)", None, "")
        sheet.write_formula("B2", "=IF(B1>5,\"more\",\"less\")", None, "")
        sheet.write("C1", HOSTILE)
        sheet.write_url("C2", "internal:'Second'!B7", string="there")
        sheet.write_url("C3", "mailto:desk@desk.example", string="nowhere")
        sheet.write_comment("C1", HOSTILE)
        sheet.data_validation("A1:A3", {"validate": "list", "source": ["1", "2", "30"]})
        sheet.conditional_format("A1:A3", {"type": "2_color_scale", "min_color": "#FFFFFF", "max_color": "#FF0000"})
        sheet.conditional_format("B2", {"type": "cell", "criteria": "==", "value": '"more"', "format": book.add_format({"bold": True})})
        chart = book.add_chart({"type": "column"})
        chart.add_series({"name": "='In & out'!$C$1", "values": "='In & out'!$A$1:$A$3"})
        chart.set_title({"name": HOSTILE})
        sheet.insert_chart("E2", chart)
        other.write("A1", "still")
    return path


@pytest.fixture
def sums() -> Sums:
    """The function of the workbook."""
    return Sums()


@pytest.fixture
def server(file: Path, sums: Sums) -> Iterator[Server]:
    """The running server."""
    with Server(Session(file, {"PM_SUM": sums})) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ask(server: Server, method: str, path: str, body: Any = None, drop: tuple[str, ...] = (), **headers: str) -> tuple[int, Any]:
    """One request as the page makes it, with headers changed or dropped; the status and the answer."""
    host = f"127.0.0.1:{server.server_port}"
    usual = {"Host": host, "X-Xlmargin-Token": server.token}
    if method == "POST":
        usual |= {"Origin": f"http://{host}", "Content-Type": "application/json"}
    usual |= {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in usual.items():
        if name not in drop:
            connection.putheader(name, value)
    if data is not None:
        connection.putheader("Content-Length", str(len(data)))
    connection.endheaders(data)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    kind = answer.headers["Content-Type"]
    return answer.status, json.loads(content) if kind.startswith("application/json") else content


def edit(server: Server, *cells: list[Any], sheet: int = 0) -> tuple[int, Any]:
    """An edit by the page."""
    return ask(server, "POST", "/api/edit", {"sheet": sheet, "target": sheet, "since": 0, "cells": list(cells)})


def test_the_address_holds_the_key_where_browsers_do_not_send_it(server: Server) -> None:
    """The key stands behind #, is long, and another server has another."""
    assert server.url == f"http://127.0.0.1:{server.server_port}/#{server.token}"
    assert len(server.token) >= 43


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/book"), ("GET", "/api/state"), ("GET", "/api/file"),
                                              ("POST", "/api/view"), ("POST", "/api/edit"), ("POST", "/api/save"), ("POST", "/api/quit")])
def test_nothing_is_told_or_done_without_the_key(server: Server, method: str, path: str) -> None:
    """A missing or a wrong key is refused, whatever is asked."""
    for key in ({"drop": ("X-Xlmargin-Token",)}, {"X_Xlmargin_Token": "x" * 43}, {"X_Xlmargin_Token": "é"}):
        status, answer = ask(server, method, path, {} if method == "POST" else None, **key)  # type: ignore[arg-type]
        assert (status, "key is missing" in answer["error"]) == (403, True)
    assert not server.quitting.is_set()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", ""])
def test_another_name_for_this_machine_is_refused(server: Server, host: str) -> None:
    """A site whose name was pointed at this machine gets nothing, not even the page."""
    assert ask(server, "GET", "/", Host=host)[0] == 403
    assert ask(server, "GET", "/api/book", Host=host)[0] == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", ""])
def test_another_page_may_not_write(server: Server, origin: str) -> None:
    """A request to change something must come from the page itself."""
    body = {"sheet": 0, "target": 0, "cells": [[1, 1, "5"]]}
    assert ask(server, "POST", "/api/edit", body, Origin=origin)[0] == 403
    assert ask(server, "POST", "/api/edit", body, drop=("Origin",))[0] == 403
    assert server.session.state()["revision"] == 0


def test_the_page_comes_with_its_fences(server: Server) -> None:
    """No script but its own, no frame around it, nothing kept."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request("GET", "/")
    answer = connection.getresponse()
    page = answer.read().decode()
    connection.close()
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Cache-Control"]) == ("nosniff", "no-store")
    assert "http:" not in page.replace("http://www.w3.org", "")
    assert "https:" not in page


@pytest.mark.parametrize("path", ["/../server.py", "/page/../../server.py", "/%2e%2e/server.py", "/..%2f..%2fcli.py", "/server.py",
                                  "//etc/passwd", "/index.html/..", "/api", "/api/book/x", "/main.js%00.txt"])
def test_no_path_leads_out_of_the_page(server: Server, path: str) -> None:
    """Only the page's own files are served."""
    assert ask(server, "GET", path)[0] == 404


@pytest.mark.parametrize("path", ["/", "/index.html", "/page.css", "/main.js", "/grid.js", "/editing.js", "/model.js", "/icon.svg"])
def test_the_files_of_the_page_are_served(server: Server, path: str) -> None:
    """Every file that the page names is there."""
    status, content = ask(server, "GET", path)
    assert (status, len(content) > 100) == (200, True)


@pytest.mark.parametrize(("body", "status"), [
    (b"{", 400), (b"[]", 400), (b"\xff", 400), (b"[" * 100_000, 400), ({}, 400), ({"target": "0", "cells": []}, 400),
    ({"target": 0, "cells": {}}, 400), ({"target": 0, "cells": [[1, 1]]}, 400), ({"target": 0, "cells": [[1, 1, 5]]}, 400),
    ({"target": True, "cells": []}, 400), ({"target": 9, "sheet": 0, "cells": []}, 422), ({"target": -1, "sheet": 0, "cells": []}, 422),
    ({"target": 0, "sheet": 0, "cells": [[0, 1, "5"]]}, 422), ({"target": 0, "sheet": 0, "cells": [[1, 99999, "5"]]}, 422),
])
def test_broken_requests_are_refused_and_change_nothing(server: Server, body: Any, status: int) -> None:
    """What is no JSON, no edit, no sheet or no cell is told so."""
    found, answer = ask(server, "POST", "/api/edit", body)
    assert (found, isinstance(answer["error"], str)) == (status, True)
    assert server.session.state()["revision"] == 0


def test_requests_without_type_or_length_or_with_too_much_are_refused(server: Server) -> None:
    """JSON of a stated and sensible length is asked for."""
    assert ask(server, "POST", "/api/edit", {}, Content_Type="text/plain")[0] == 415
    assert ask(server, "POST", "/api/edit")[0] == 411
    assert ask(server, "POST", "/api/edit", Content_Length="99999999999")[0] == 413
    assert ask(server, "POST", "/api/nothing", {})[0] == 404


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
    assert ([1, 2, "6"], [2, 2, "more"]) == tuple(c[:3] for c in before["cells"] if c[:2] in ([1, 2], [2, 2]))
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


@pytest.mark.parametrize(("cell", "told"), [([1, 2, "5"], "calculated by a formula"), ([5, 5, "5"], "is locked"), ([1, 1, "=A2"], "Formulas are written")])
def test_what_is_not_an_input_is_left_alone(server: Server, cell: list[Any], told: str) -> None:
    """A block with one cell that cannot be edited changes nothing."""
    status, answer = edit(server, [2, 1, "7"], cell)
    assert (status, told in answer["error"]) == (422, True)
    assert server.session.state() == {"revision": 0, "dirty": False, "undo": 0, "redo": 0}


def test_edits_at_once_wait_for_each_other(server: Server, sums: Sums) -> None:
    """Twelve edits from as many threads are all made, one after the other, and the sum is right."""
    threads = [threading.Thread(target=edit, args=(server, [n % 3 + 1, 1, str(n)])) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums.most == 1
    values = [server.session.view(0)["cells"][0]]
    column = [float(c[2]) for c in server.session.view(0)["cells"] if c[1] == 1]
    total = next(float(c[2]) for c in server.session.view(0)["cells"] if c[:2] == [1, 2])
    assert (values != [], total) == (True, sum(column))


def test_undo_and_redo_lead_back_and_forth(server: Server) -> None:
    """Each step takes a whole edit back, on the sheet it was made; there is an end on both sides."""
    edit(server, [1, 1, "10"], [2, 1, "20"])
    edit(server, [1, 1, "11"])

    def total(way: str) -> tuple[str, str]:
        answer = ask(server, "POST", f"/api/{way}", {"sheet": 0})[1]
        return answer["on"], next(c[2] for c in answer["view"]["cells"] if c[:2] == [1, 2])

    assert [total(way) for way in ("undo", "undo", "undo", "redo", "redo", "redo")] == [
        ("In & out", "33"), ("In & out", "6"), ("", "6"), ("In & out", "33"), ("In & out", "34"), ("", "34")]
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


def test_quitting_keeps_unsaved_edits_in_a_copy(file: Path, sums: Sums, capsys: pytest.CaptureFixture[str],
                                                monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.mark.parametrize(("path", "told"), [("nothing.xlsx", "no such file"), ("book.csv", "is no workbook"), ("bad.xlsx", "not an .xlsx workbook")])
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
    there, absent = (Face(name, "", lambda has=has: has, lambda options: 0) for name, has in (("a", True), ("b", False)))
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
