"""The served page in a real Chromium, and what its tests do with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

import udfs  # noqa: F401  (importing it fills the registry)
from xlmargin.faces.template import build_template
from xlmargin.faces.web import Server, Session
from xlmargin.sheet.registry import FUNCTIONS

CALLS: dict[str, Callable[..., Any]] = {name: function.call for name, function in FUNCTIONS.items()}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
READY = "#grid[aria-busy=false]:not(.waiting)"
CLIPBOARD = """([kind, text]) => { const data = new DataTransfer(); if (text) data.setData("text/plain", text);
    document.dispatchEvent(new ClipboardEvent(kind, { clipboardData: data, bubbles: true, cancelable: true }));
    return data.getData("text/plain"); }"""
PATIENCE = 30_000  # milliseconds, on a busy machine


@pytest.fixture(scope="module", name="file")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template with few rows, for the tests of this module together."""
    path = tmp_path_factory.mktemp("page") / "desk.xlsx"
    build_template(path, rows=30)
    return path


@pytest.fixture(scope="module", name="server")
def page_server(file: Path) -> Iterator[Server]:
    """Its server."""
    with Server(Session(file, CALLS)) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(scope="module", name="browser")
def page_browser(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Any]:
    """A Chromium with a profile of its own."""
    with sync_playwright() as play:
        context = play.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("profile")),
            executable_path=chromium,
            headless=True,
            args=FLAGS,
            viewport={"width": 1440, "height": 900},
        )
        yield context
        context.close()


@pytest.fixture(name="page")
def page_opened(browser: Any, server: Server) -> Iterator[Any]:
    """The page on its first sheet; nothing may fail in it, and nothing may be asked of another machine."""
    opened, wrong = browser.new_page(), []
    opened.set_default_timeout(PATIENCE)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" and "422" not in said.text else None)
    ours = f"http://127.0.0.1:{server.server_port}/"
    opened.on("request", lambda asked: None if asked.url.startswith(ours) else wrong.append(asked.url))
    opened.goto(server.url)
    opened.wait_for_selector(f"{READY} .cell")
    yield opened
    opened.close()
    assert wrong == []


def show(page: Any, sheet: str) -> None:
    """Go to a sheet by its tab."""
    page.click(f"#tabs button:text-is('{sheet}')")
    page.wait_for_selector(f"#tabs button:text-is('{sheet}')[aria-selected=true]")
    page.wait_for_selector(READY)


def go(page: Any, cell: str) -> None:
    """Go to a cell by the box of its name."""
    page.fill("#place", cell)
    page.press("#place", "Enter")


def settled(page: Any) -> None:
    """Wait until nothing is asked of the server any more."""
    page.wait_for_timeout(60)
    page.wait_for_selector(READY)


def text(page: Any, cell: str) -> str:
    """What a cell in sight shows."""
    found = page.query_selector(f".cell[data-at={cell}]")
    return found.inner_text() if found else ""
