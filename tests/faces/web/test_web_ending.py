"""A served workbook whose program is told to end or whose terminal is closed: what was not saved is kept and told of."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from web_desk import ask, desk_file, enter, let_in  # noqa: F401  (fixtures)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and terminals of Unix")

_PROGRAM = textwrap.dedent(
    """
    import fcntl, sys, termios
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    from xlmargin.cli import main
    sys.exit(main(["open", "--web", *sys.argv[1:]]))
    """
)

Start = Callable[..., Any]


@pytest.fixture(name="start")
def started() -> Iterator[Start]:
    """Opens workbooks, each by a program in a terminal of its own; what was printed, its process and its server's port."""
    running: list[Any] = []

    def start(file: Path, *options: str) -> Any:
        ours, theirs = os.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(file), *(options or ["--no-browser"])],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        terminal = os.fdopen(ours, "rb", buffering=0)
        text = ""
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)/\?token=\S+\r\n", text)):
            text += terminal.read(1000).decode()
        opened = SimpleNamespace(process=process, terminal=terminal, text=text, server_port=int(found[1]), address=found[0].strip)
        running.append(opened)
        opened.cookie = let_in(opened)
        return opened

    yield start
    for opened in running:
        opened.process.kill()
        opened.process.wait()
        opened.terminal.close()


def _edited(opened: Any, text: str) -> None:
    body = {"sheet": 0, "target": 0, "since": 0, "cells": [[1, 1, text]]}
    assert ask(opened, "POST", "/api/edit", body, Cookie=opened.cookie)[1]["made"] == 1


def _first(path: Path) -> Any:
    return openpyxl.load_workbook(path)["In & out"]["A1"].value


@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT", "SIGHUP", "closed"])
def test_unsaved_edits_outlive_the_program(file: Path, start: Start, end: str) -> None:
    """They are in a copy beside the file, as private as the file, which is as it was; the program ends in order."""
    file.chmod(0o600)
    before = file.read_bytes()
    opened = start(file)
    _edited(opened, "9")
    if end == "closed":
        opened.terminal.close()
    else:
        opened.process.send_signal(getattr(signal, end))
    code = opened.process.wait(30)
    kept = file.with_name("desk (unsaved edits).xlsx")
    assert sorted(file.parent.iterdir()) == [kept, file]
    assert (_first(kept), kept.stat().st_mode & 0o777, file.read_bytes()) == (9, 0o600, before)
    if end != "closed":
        assert (code, str(kept) in opened.terminal.read(1000).decode()) == (0, True)


def test_the_next_opening_tells_and_overwrites_nothing(file: Path, start: Start) -> None:
    """Terminal and page name the copy; the next one has another name; once the file is saved it is no news."""
    first = start(file)
    assert (ask(first, "GET", "/api/book", Cookie=first.cookie)[1]["kept"], "not saved" in first.text) == ([], False)
    _edited(first, "9")
    first.process.terminate()
    first.process.wait(30)
    second = start(file)
    assert "desk (unsaved edits).xlsx" in second.text
    assert ask(second, "GET", "/api/book", Cookie=second.cookie)[1]["kept"] == ["desk (unsaved edits).xlsx"]
    _edited(second, "8")
    second.process.terminate()
    second.process.wait(30)
    assert [_first(file.with_name(f"desk (unsaved edits{n}).xlsx")) for n in ("", " 2")] == [9, 8]
    third = start(file)
    _edited(third, "7")
    assert ask(third, "POST", "/api/save", {}, Cookie=third.cookie)[0] == 200
    assert ask(third, "GET", "/api/book", Cookie=third.cookie)[1]["kept"] == []
    third.process.terminate()
    third.process.wait(30)
    assert (len(list(file.parent.iterdir())), _first(file)) == (3, 7)


def test_the_browser_is_given_an_address_that_is_soon_void(
    file: Path, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody sees a browser's arguments: its address is no key, opens once, and the printed one is another."""
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(f'#!/bin/sh\necho "$@" >"{seen}.part" && mv "{seen}.part" "{seen}"\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.setenv("DISPLAY", ":0")
    opened = start(file, "--port", "0")
    until = time.monotonic() + 20
    while not seen.exists() and time.monotonic() < until:
        time.sleep(0.05)
    address = seen.read_text().strip()
    assert address != opened.address()
    token = address.partition("token=")[2]
    assert ask(opened, "GET", "/api/state", Cookie=f"xlmargin-{opened.server_port}={token}")[0] == 403
    assert [enter(opened, address)[0], enter(opened, address)[0]] == [303, 403]
    fresh = re.findall(r"http://\S+", opened.terminal.read(1000).decode())
    assert [enter(opened, fresh[-1])[0], enter(opened, fresh[-1])[0]] == [303, 403]
