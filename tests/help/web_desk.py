"""A small workbook served for tests, and requests as the page makes them."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from xlmargin.faces.web import Server, Session

HOSTILE = "<script>alert(1)</script>"


class Sums:
    """A function of cells that notes whether two calls ever ran at the same time."""

    def __init__(self) -> None:
        self.running = self.most = self.calls = 0

    def __call__(self, table: Any) -> float | str:
        """The sum of a table's numbers; for a text in it, a message."""
        self.running += 1
        self.calls += 1
        self.most = max(self.most, self.running)
        time.sleep(0.02)
        cells = [cell for row in table for cell in row]
        self.running -= 1
        wrong = next((cell for cell in cells if isinstance(cell, str)), None)
        return f"#PM! {wrong} is no number" if wrong else sum(cell for cell in cells if cell)


def write_desk(path: Path) -> Path:
    """A workbook with inputs, a function of ours, a chart, a list, a link, a heat map and hostile text."""
    with xlsxwriter.Workbook(path) as book:
        sheet, other = book.add_worksheet("In & out"), book.add_worksheet("Second")
        unlocked = book.add_format({"locked": False, "num_format": "#,##0.00"})
        sheet.write_column("A1", [1, 2, 3], unlocked)
        sheet.write_formula("B1", "=PM_SUM(A1:A3)", None, "")
        sheet.write_formula("B2", '=IF(B1>5,"more","less")', None, "")
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


def enter(server: Server, address: str, method: str = "GET", **headers: str) -> tuple[int, Any, str]:
    """An address opened by a browser that goes nowhere else; status, headers and text."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request(method, address.partition(str(server.server_port))[2], headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def let_in(server: Server) -> str:
    """The cookie of a browser that has opened the address."""
    return str(enter(server, server.address())[1]["Set-Cookie"]).partition(";")[0]


def ask(server: Server, method: str, path: str, body: Any = None, drop: tuple[str, ...] = (), **headers: str) -> tuple[int, Any]:
    """One request as the page makes it, with headers changed or dropped; the status and the answer."""
    host = f"127.0.0.1:{server.server_port}"
    usual = {"Host": host, "Cookie": headers.get("Cookie") or f"other=1; {let_in(server)}"}
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


@pytest.fixture(name="file")
def desk_file(tmp_path: Path) -> Path:
    """The workbook."""
    return write_desk(tmp_path / "desk.xlsx")


@pytest.fixture(name="sums")
def desk_sums() -> Sums:
    """The function of the workbook."""
    return Sums()


@pytest.fixture(name="server")
def desk_server(file: Path, sums: Sums) -> Iterator[Server]:
    """The running server."""
    with Server(Session(file, {"PM_SUM": sums})) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()
