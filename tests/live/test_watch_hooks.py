"""Hooks: what is sent, that a dead or slow one delays nobody, that nothing secret is shown, that nothing goes to a shell."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from watch_help import rows

from xlmargin.errors import MarginError
from xlmargin.live.watch import Delivery, Figures, Hook, Levels, Nearest, Reading, Record, command, desktop, watch_rules, webhook
from xlmargin.margin.parameters import Override, Rules

SECRET = "T0K3N-of-a-desk"
LEVELS = Levels(0.8, 0.05, 60.0)


class Receiver:
    """A server of this machine that takes what is posted, or answers as told."""

    def __init__(self) -> None:
        self.answers: list[int | str] = []
        self.taken: list[dict[str, Any]] = []
        receiver = self
        self.ended = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = receiver.answers.pop(0) if receiver.answers else 200
                if answer == "slow":
                    receiver.ended.wait(30)
                    return
                if answer == 200:
                    receiver.taken.append(json.loads(body))
                self.send_response(int(answer))
                if answer == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads, self.server.block_on_close = True, False
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/{SECRET}?key={SECRET}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """End."""
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A running receiver."""
    running = Receiver()
    yield running
    running.close()


def _reading(sequence: int, usage: float) -> Reading:
    figures = Figures(
        1_000.0, 1_000.0 * usage, 800.0 * usage, usage, "WARNING" if usage >= 0.8 else "OK", 0.8, (Nearest("BTC", 61_234.5, -0.125),)
    )
    return Reading(sequence, 1_780_304_400.0, "digest", "SPAN", 1_780_304_399.0, 0.0, figures, "")


def _warned(record: Record, count: int) -> None:
    """So many crossings, each one message."""
    from xlmargin.live.watch.screen import told

    for n in range(1, 2 * count + 1):
        sequence, _ = record.arrive(float(n), "feed")
        record.add(_reading(sequence, 0.85 if n % 2 else 0.1), LEVELS, told)


def _rules(**values: float) -> Rules:
    return watch_rules(0.0).override(
        [Override("", name, value, 0) for name, value in ({"hook_first_pause": 0.02, "hook_longest_pause": 0.1} | values).items()]
    )


def test_a_webhook_gets_the_numbers_and_failures_are_tried_again(tmp_path: Path, receiver: Receiver) -> None:
    """After errors, a redirect and a slow answer each message arrives once, in order, and nothing secret was said."""
    receiver.answers = [500, 302, "slow", 200, 429]
    said: list[str] = []
    record = Record(tmp_path / "a.sqlite", ["webhook"], 100)
    _warned(record, 3)
    delivery = Delivery(record, [webhook(receiver.url, 0.3)], _rules(), said.append)
    assert delivery.close(20.0)
    record.close()
    assert [message["sequence"] for message in receiver.taken] == [1, 3, 5]
    first = receiver.taken[0]
    assert first["alerts"] == ["warning"]
    assert first["usage"] == 0.85
    assert first["nearest_move"] == -0.125
    assert first["text"] == (
        "WARNING: equity 1,000.00, initial margin 850.00, maintenance margin 680.00, usage 85.0%, liquidation of BTC at 61,234.50 (-12.5%)"
    )
    assert len({message["id"] for message in receiver.taken}) == 3
    assert [line.rpartition(": ")[2] for line in said] == ["status 500", "status 302", "no answer in time", "status 429"]
    assert SECRET not in str(said) + (tmp_path / "a.sqlite").read_bytes().decode("latin-1")


def test_a_dead_hook_keeps_its_messages_for_the_next_watch_and_blocks_nobody(tmp_path: Path, receiver: Receiver) -> None:
    """Recording goes on at once, the other hook has everything, the dead one's bounded queue is delivered after a restart."""
    said: list[str] = []
    taken: list[int] = []
    record = Record(tmp_path / "a.sqlite", ["webhook", "other"], 5)
    other = Hook("other", lambda content: taken.append(content["sequence"]))
    dead = webhook("http://127.0.0.1:1/" + SECRET, 0.3)
    delivery = Delivery(record, [dead, other], _rules(), said.append)
    for _ in range(8):
        _warned(record, 1)
        delivery.wake()
        limit = time.monotonic() + 10.0
        while record.waiting("other") is not None:
            assert time.monotonic() < limit
            time.sleep(0.005)
    assert not delivery.close(0.1)
    record.close()
    assert taken == list(range(1, 16, 2))
    assert said
    assert "webhook at 127.0.0.1: ConnectionRefusedError" in said[0]
    assert SECRET not in str(said)
    record = Record(tmp_path / "a.sqlite", ["webhook"], 5)
    assert Delivery(record, [webhook(receiver.url, 2.0)], _rules(), said.append).close(10.0)
    record.close()
    assert [message["sequence"] for message in receiver.taken] == [7, 9, 11, 13, 15]
    assert len(rows(tmp_path / "a.sqlite", "SELECT * FROM alerts")) == 8


def test_a_command_gets_its_arguments_and_the_numbers_without_a_shell(tmp_path: Path) -> None:
    """Arguments arrive as they are; the numbers stand in the environment."""
    out = tmp_path / "out.json"
    code = "import json, os, sys; json.dump([sys.argv[2:], dict(os.environ)], open(sys.argv[1], 'w'))"
    hook = command([sys.executable, "-c", code, str(out), "$(touch x); `id`", "two words"], 10.0)
    hook.deliver({"text": "WARNING: $HOME", "alerts": ["liquidation", "warning"], "usage": 0.5, "nearest": None})
    arguments, variables = json.loads(out.read_text(encoding="utf-8"))
    assert arguments == ["$(touch x); `id`", "two words"]
    assert variables["XLMARGIN_TEXT"] == "WARNING: $HOME"
    assert (variables["XLMARGIN_ALERTS"], variables["XLMARGIN_USAGE"], variables["XLMARGIN_NEAREST"]) == ("liquidation,warning", "0.5", "")


def test_a_command_that_fails_or_hangs_is_told(tmp_path: Path) -> None:
    """Its code, or that it was ended, with what it had started."""
    with pytest.raises(MarginError, match="ended with code 3"):
        command([sys.executable, "-c", "raise SystemExit(3)"], 10.0).deliver({"text": ""})
    began = time.monotonic()
    with pytest.raises(MarginError, match=r"did not end within 0\.3 s"):
        command([sys.executable, "-c", "import time; time.sleep(60)"], 0.3).deliver({"text": ""})
    assert time.monotonic() - began < 20.0
    with pytest.raises(MarginError, match="there is no program 'no-such-program'"):
        command(["no-such-program"], 1.0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="notify-send is Linux's")
def test_the_desktop_is_told_by_notify_send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text is one argument behind --, whatever it begins with; without the program one line says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MarginError, match="--desktop needs notify-send, which is not here: install libnotify-bin"):
        desktop(1.0)
    program = tmp_path / "notify-send"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/said\n', encoding="utf-8")
    os.chmod(program, 0o755)
    desktop(10.0).deliver({"text": "--WARNING; rm -rf"})
    assert (tmp_path / "said").read_text(encoding="utf-8").splitlines()[-3:] == ["--", "xlmargin", "--WARNING; rm -rf"]


@pytest.mark.parametrize("url", ["ftp://a.b/c", "hooks.example/x", "http:///no-host", "file:///etc/passwd", "http://a:b:c/"])
def test_an_address_that_is_none_is_told_without_being_shown(url: str) -> None:
    """One line."""
    with pytest.raises(MarginError) as error:
        webhook(url, 1.0)
    assert url not in str(error.value)
