"""Ways to send an alert: on the desktop, to a web address, by a command of the desk's own."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from xlmargin import __version__
from xlmargin.errors import MarginError

TITLE = "xlmargin"
PREFIX = "XLMARGIN_"  # of the environment variables that carry the numbers to a command
TOAST = (
    "$null = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime];"
    "$kind = [Windows.UI.Notifications.ToastTemplateType]::ToastText02;"
    "$toast = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent($kind);"
    "$lines = $toast.GetElementsByTagName('text');"
    "$null = $lines.Item(0).AppendChild($toast.CreateTextNode($env:XLMARGIN_TITLE));"
    "$null = $lines.Item(1).AppendChild($toast.CreateTextNode($env:XLMARGIN_TEXT));"
    "[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier('xlmargin').Show($toast)"
)
APPLE = ("-e", "on run argv", "-e", "display notification (item 2 of argv) with title (item 1 of argv)", "-e", "end run")


class Hook(NamedTuple):
    """A way to send an alert.

    Attributes:
        name: in the record, without anything secret
        deliver: takes the content of a message; raises MarginError, without anything secret, when it was not delivered
    """

    name: str
    deliver: Callable[[Mapping[str, Any]], None]


def desktop(limit: float) -> Hook:
    """A notification by the system's own program; no shell sees the text.

    Args:
        limit: seconds

    Raises:
        MarginError: the system has nothing for it
    """
    programs = {"win32": "powershell", "darwin": "osascript"}
    name = programs.get(sys.platform, "notify-send")
    program = shutil.which(name)
    if program is None:
        raise MarginError(
            f"--desktop needs {name}, which is not here" + (": install libnotify-bin" if name not in programs.values() else "")
        )

    def deliver(content: Mapping[str, Any]) -> None:
        text = str(content["text"])
        arguments = {"win32": (program, "-NoProfile", "-NonInteractive", "-Command", TOAST), "darwin": (program, *APPLE, TITLE, text)}
        _run(
            arguments.get(sys.platform, (program, f"--app-name={TITLE}", "--urgency=critical", "--", TITLE, text)),
            {f"{PREFIX}TITLE": TITLE, f"{PREFIX}TEXT": text},
            limit,
        )

    return Hook("desktop", deliver)


def command(arguments: Sequence[str], limit: float) -> Hook:
    """A program with its arguments, without a shell; XLMARGIN_TEXT, XLMARGIN_EQUITY and so on are in its environment.

    Args:
        limit: seconds after which it is ended

    Raises:
        MarginError: there is no such program
    """
    program = shutil.which(arguments[0]) if arguments else None
    if program is None:
        raise MarginError(f"--command: there is no program {arguments[0] if arguments else ''!r}: give its whole path")

    def deliver(content: Mapping[str, Any]) -> None:
        _run((program, *arguments[1:]), {f"{PREFIX}{name.upper()}": _worded(value) for name, value in content.items()}, limit)

    return Hook("command", deliver)


def webhook(url: str, limit: float) -> Hook:
    """A POST of the message as JSON; nothing but the host of the address is ever shown.

    Args:
        limit: seconds without an answer after which it counts as failed

    Raises:
        MarginError: the address is none
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.scheme in ("http", "https") and parts.port != 0 else None  # a port may be no number
    except ValueError:
        host = None
    if not host:
        raise MarginError("--webhook needs an address that begins with http:// or https:// and names a host")
    opener = urllib.request.build_opener(_Straight)

    def deliver(content: Mapping[str, Any]) -> None:
        body = json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
        problem = ""
        try:
            request = urllib.request.Request(
                url, body, {"Content-Type": "application/json", "User-Agent": f"xlmargin/{__version__}"}, method="POST"
            )
            with opener.open(request, timeout=limit):
                return
        except urllib.error.HTTPError as error:
            problem = f"status {error.code}"
            error.close()
        except Exception as error:  # urllib lets through errors of sockets, TLS and HTTP; their texts may hold the address
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            problem = "no answer in time" if isinstance(reason, TimeoutError) else type(reason).__name__
        raise MarginError(f"webhook at {host}: {problem}")  # raised here, so that no chain of causes holds the address

    return Hook("webhook", deliver)


class _Straight(urllib.request.HTTPRedirectHandler):
    """A redirect would turn the POST into a GET to another address: it counts as not delivered."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def _worded(value: Any) -> str:
    """A value as an environment variable holds it."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value).replace("\0", "")


def _run(arguments: Sequence[str], variables: Mapping[str, str], limit: float) -> None:
    """Run a program to its end, or end it and the processes that it has started.

    Raises:
        MarginError: it failed, or took too long
    """
    name = os.path.basename(arguments[0])
    try:
        running = subprocess.Popen(
            arguments,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise MarginError(f"{name} cannot be run: {error.strerror}") from None
    try:
        code = running.wait(limit)
    except subprocess.TimeoutExpired:
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
        else:
            running.kill()
        running.wait()
        raise MarginError(f"{name} did not end within {limit:g} s") from None
    if code:
        raise MarginError(f"{name} ended with code {code}")
