"""Serves one open workbook to browsers on this machine: a page, and the few requests it makes."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any, NoReturn
from urllib.parse import parse_qs, quote, urlsplit

from xlmargin.errors import MarginError
from xlmargin.faces.web.entrance import Entrance
from xlmargin.faces.web.following import FileFollower
from xlmargin.faces.web.session import Session
from xlmargin.methods.json_shape import parse_json

HOST = "127.0.0.1"
_TOKEN = "token"  # its name in the address
_MOST_BYTES = 20_000_000  # of one request
_SECONDS = 30  # that a connection may stay silent
_TYPES = {"index.html": "text/html", "page.css": "text/css", "icon.svg": "image/svg+xml"}
_SCRIPTS = ("main.js", "grid.js", "editing.js", "model.js", "areas.js", "looks.js", "finding.js", "printing.js")
_XLSX = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Server(ThreadingHTTPServer):
    """The server of one workbook on the loopback address; `url` is the address to open it at.

    Parameters: session, the open workbook; port, 0 for any free one.
    Raises: MarginError when the port is taken.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, session: Session, port: int = 0) -> None:
        self.session = session
        self.follower = FileFollower(session)
        self.quitting = threading.Event()
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise MarginError(f"port {port} cannot be used ({error}): choose another with --port") from None
        self.entrance = Entrance(self.server_port)
        self._shown = ""

    @property
    def url(self) -> str:
        """The address of the page for a person, good for one opening: another where the last has been used."""
        if not self.entrance.is_unused(self._shown):
            self._shown = self.entrance.token()
        return self._at(self._shown)

    def address(self) -> str:
        """A further address, good for one opening, for a program to open."""
        return self._at(self.entrance.token())

    def _at(self, token: str) -> str:
        return f"http://{HOST}:{self.server_port}/?{_TOKEN}={token}"

    def show_address(self) -> None:
        """Show the owner, in the terminal, a new address in the place of a used one."""
        if not self.entrance.is_unused(self._shown):  # else it stands there: nobody fills the terminal by asking
            with contextlib.suppress(OSError, ValueError):  # the terminal may be gone
                print(
                    f"An address that was used already was asked for. This one opens {self.session.path.name} once:\n{self.url}", flush=True
                )

    def quit(self) -> None:
        """Stop serving, from any thread."""
        self.quitting.set()
        threading.Thread(target=self.shutdown, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is no news."""


class _Refused(Exception):
    """A request that is not answered: status, reason, and whether a person reads it in the place of the page."""

    def __init__(self, status: HTTPStatus, reason: str, *, plain: bool = False) -> None:
        super().__init__(reason)
        self.status, self.plain = status, plain


class _Entered(Exception):
    """A browser that is let in, and goes on to the bare address; its text is the cookie to set, if any."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "xlmargin", ""
    timeout = _SECONDS

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed about requests."""

    # ---- answering

    def _answer(self, respond: Callable[[], tuple[bytes, str]]) -> None:
        extra: dict[str, str] = {}
        try:
            self._check_host()
            body, kind = respond()
            status = HTTPStatus.OK
        except _Entered as entered:
            status, body, kind = HTTPStatus.SEE_OTHER, b"", "text/plain"
            extra["Location"] = "/"
            if str(entered):
                extra["Set-Cookie"] = str(entered)
        except _Refused as refused:
            status, body, kind = refused.status, _json({"error": str(refused)}), "application/json"
            if refused.plain:
                body, kind = f"{refused}\n".encode(), "text/plain"
            extra["Connection"] = "close"  # a body that was not read must not be taken for the next request
        except MarginError as error:
            status, body, kind = HTTPStatus.UNPROCESSABLE_ENTITY, _json({"error": str(error)}), "application/json"
        self.send_response(status)
        if kind in _XLSX.values():
            extra["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(self.server.session.path.name)}"
        text = kind.startswith("text/") or kind == "application/json"
        headers = {"Content-Type": kind + ("; charset=utf-8" if text else ""), "Content-Length": str(len(body))}
        for name, value in {**headers, **_HEADERS, **extra}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _check_host(self) -> None:
        """Answer only requests for this machine by its own name: another site's name may have been pointed here."""
        if self.headers.get("Host", "") not in self._hosts():
            raise _Refused(HTTPStatus.FORBIDDEN, "This server answers on its own address only.")

    def _hosts(self) -> tuple[str, ...]:
        return tuple(f"{name}:{self.server.server_port}" for name in (HOST, "localhost"))

    def _has_key(self) -> bool:
        return self.server.entrance.knows(self.headers.get("Cookie", ""))

    def _check_key(self) -> None:
        """Answer only browsers that were let in, and their own page: pages of other ports get their cookies sent, too."""
        if not self._has_key():
            raise _Refused(HTTPStatus.FORBIDDEN, "Open the page at the address that the terminal shows: its key is missing here.")
        if self.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise _Refused(HTTPStatus.FORBIDDEN, "Only the page itself may read the workbook.")

    def _enter(self, token: str) -> NoReturn:
        if "prefetch" in (self.headers.get("Sec-Purpose") or self.headers.get("Purpose") or self.headers.get("X-Moz") or ""):
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "The page opens when it is visited.", plain=True)
        cookie = self.server.entrance.exchanged(token)
        if cookie or self._has_key():  # a browser that was let in before finds the old address in its history
            raise _Entered(cookie)
        self.server.show_address()
        raise _Refused(
            HTTPStatus.FORBIDDEN,
            "This address opens the workbook once and was used already: open the newest one that the terminal of xlmargin shows.",
            plain=True,
        )

    # ---- requests

    def _get(self) -> tuple[bytes, str]:
        path = urlsplit(self.path).path
        if path == "/" and (tokens := parse_qs(urlsplit(self.path).query).get(_TOKEN)):
            self._enter(tokens[0])
        if path == "/api/book":
            self._check_key()
            return _json(self.server.session.book()), "application/json"
        if path == "/api/state":
            self._check_key()
            told = self.server.follower.follow()
            return _json({**self.server.session.state(), "told": told}), "application/json"
        if path == "/api/file":
            self._check_key()
            return self.server.session.copy(), _XLSX.get(self.server.session.path.suffix.lower(), _XLSX[".xlsx"])
        return _page(path)

    def _post(self) -> tuple[bytes, str]:
        self._check_key()
        if self.headers.get("Origin") not in {f"http://{host}" for host in self._hosts()}:
            raise _Refused(HTTPStatus.FORBIDDEN, "Only the page itself may change the workbook.")
        actions = {
            "/api/view": self._view,
            "/api/edit": self._edit,
            "/api/undo": self._undo,
            "/api/redo": self._redo,
            "/api/save": self._save,
            "/api/find": self._find,
            "/api/quit": self._quit,
        }
        action = actions.get(urlsplit(self.path).path)
        if action is None:
            raise _Refused(HTTPStatus.NOT_FOUND, "There is nothing here.")
        return _json(action(self._body())), "application/json"

    def _body(self) -> dict[str, Any]:
        if self.headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A request must be JSON.")
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "A request must say how long it is.")
        if int(length) > _MOST_BYTES:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A request may have {_MOST_BYTES // 1_000_000} MB at most.")
        try:
            found = parse_json(self.rfile.read(int(length)), "the request")
        except MarginError:
            raise _Refused(HTTPStatus.BAD_REQUEST, "The request is no JSON.") from None
        if not isinstance(found, dict):
            raise _Refused(HTTPStatus.BAD_REQUEST, "The request is no JSON object.")
        return found

    def _view(self, body: dict[str, Any]) -> dict[str, Any]:
        self._check_opened(body)
        return self.server.session.view(_whole(body, "sheet"), _whole(body, "since", -1), _whole(body, "styles", 0))

    def _check_opened(self, body: dict[str, Any]) -> None:
        """A page that does not know yet that rows or sheets have moved must not write into the wrong cells."""
        opened = self.server.session.state()["opened"]
        if _whole(body, "opened", opened) != opened:
            raise MarginError(f"{self.server.session.path.name} was changed by another program: load this page again.")

    def _edit(self, body: dict[str, Any]) -> dict[str, Any]:
        self._check_opened(body)
        cells = body.get("cells")
        if not isinstance(cells, list) or not all(_is_cell(cell) for cell in cells):
            raise _Refused(HTTPStatus.BAD_REQUEST, "An edit needs cells, each as [row, column, text].")
        made = self.server.session.edit(_whole(body, "target"), [(row, column, text) for row, column, text in cells])
        return {"made": made, "view": self._view(body)}

    def _undo(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"on": self.server.session.undo(), "view": self._view(body)}

    def _redo(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"on": self.server.session.redo(), "view": self._view(body)}

    def _save(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"written": self.server.session.save(), "state": self.server.session.state()}

    def _find(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"hits": self.server.session.find(str(body.get("text", "")))}

    def _quit(self, body: dict[str, Any]) -> dict[str, Any]:
        self.close_connection = True
        self.server.quit()
        return {"ended": True}


def _page(path: str) -> tuple[bytes, str]:
    """A file of the page, by its exact name: no path of a request ever reaches the file system."""
    name = path.removeprefix("/") or "index.html"
    kind = _TYPES.get(name) or ("text/javascript" if name in _SCRIPTS else "")
    if not kind:
        raise _Refused(HTTPStatus.NOT_FOUND, "There is nothing here.")
    return resources.files("xlmargin.faces.web").joinpath("page", name).read_bytes(), kind


def _json(found: object) -> bytes:
    return json.dumps(found, ensure_ascii=True, allow_nan=False).encode()


def _whole(body: dict[str, Any], name: str, default: int | None = None) -> int:
    found = body.get(name, default)
    if not isinstance(found, int) or isinstance(found, bool):
        raise _Refused(HTTPStatus.BAD_REQUEST, f"{name} must be a whole number.")
    return found


def _is_cell(cell: object) -> bool:
    return (
        isinstance(cell, list)
        and len(cell) == 3
        and isinstance(cell[2], str)
        and all(isinstance(n, int) and not isinstance(n, bool) for n in cell[:2])
    )
