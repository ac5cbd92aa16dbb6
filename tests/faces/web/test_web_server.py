"""Whom the server of a workbook answers, and what it refuses."""

from __future__ import annotations

import http.client
import threading
from typing import Any

import pytest
from web_desk import ask, desk_file, desk_server, desk_sums, enter, let_in  # noqa: F401  (fixtures)

from xlmargin.faces.web import Server


def test_an_address_lets_in_once_and_the_cookie_from_then_on(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The token is exchanged for a cookie and is void; a stranger who comes second learns where the next one stands, its owner too."""
    used = server.url
    status, headers, _ = enter(server, used)
    assert (status, headers["Location"]) == (303, "/")
    cookie, *attributes = headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} == set(attributes)
    assert cookie.partition("=")[0] == f"xlmargin-{server.server_port}"
    assert len(cookie.partition("=")[2]) >= 43
    assert cookie.partition("=")[2] not in used
    status, headers, text = enter(server, used)
    assert (status, headers["Set-Cookie"], text.count("\n"), "newest one that the terminal" in text) == (403, None, 1, True)
    shown = capsys.readouterr().out.splitlines()
    assert shown[-1] == server.url != used
    assert enter(server, used)[0] == enter(server, used + "%C3%A9%FF")[0] == 403
    assert capsys.readouterr().out == ""  # the one that was shown still stands there
    status, headers, _ = enter(server, used, Cookie=cookie)
    assert (status, headers["Location"], headers["Set-Cookie"]) == (303, "/", None)  # from the history of who was let in
    assert enter(server, shown[-1])[0] == 303


def test_only_a_visit_uses_an_address_up(server: Server) -> None:
    """Asking for the head, fetching ahead, another name for this machine or a script of the page leave it good."""
    used = server.address()
    assert enter(server, used, "HEAD")[0] == 501
    for ahead in ({"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"X-Moz": "prefetch"}):
        assert enter(server, used, **ahead)[0] == 503
    assert enter(server, used, Host="evil.example")[0] == 403
    assert enter(server, used.replace("/?", "/main.js?"))[0] == 200
    assert [enter(server, used)[0], enter(server, used)[0]] == [303, 403]


def test_two_workbooks_on_one_machine_do_not_disturb_each_other(server: Server) -> None:
    """Browsers send every port's cookies: each server takes its own, and one's opens nothing at the other."""
    with Server(server.session) as second:
        thread = threading.Thread(target=second.serve_forever, args=(0.05,))
        thread.start()
        ours, theirs = let_in(server), let_in(second)
        assert ask(server, "GET", "/api/state", Cookie=f"{theirs}; {ours}")[0] == 200
        assert ask(second, "GET", "/api/state", Cookie=f"{theirs}; {ours}")[0] == 200
        forged = f"{ours.partition('=')[0]}={theirs.partition('=')[2]}"
        assert ask(server, "GET", "/api/state", Cookie=forged)[0] == ask(server, "GET", "/api/state", Cookie=theirs)[0] == 403
        second.shutdown()
        thread.join()


def test_another_page_of_this_machine_may_not_read(server: Server) -> None:
    """A page of another port is of the same site, and its requests carry the cookie."""
    for site, status in (("same-site", 403), ("cross-site", 403), ("same-origin", 200)):
        assert ask(server, "GET", "/api/book", Sec_Fetch_Site=site)[0] == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/book"),
        ("GET", "/api/state"),
        ("GET", "/api/file"),
        ("POST", "/api/view"),
        ("POST", "/api/edit"),
        ("POST", "/api/save"),
        ("POST", "/api/quit"),
    ],
)
def test_nothing_is_told_or_done_without_the_key(server: Server, method: str, path: str) -> None:
    """A missing or a wrong key is refused, whatever is asked."""
    name = f"xlmargin-{server.server_port}"
    for key in ({"drop": ("Cookie",)}, {"Cookie": f"{name}={'x' * 43}"}, {"Cookie": f"{name}=é"}, {"Cookie": f"{name}="}, {"Cookie": ";;"}):
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


@pytest.mark.parametrize(
    "path",
    [
        "/../server.py",
        "/page/../../server.py",
        "/%2e%2e/server.py",
        "/..%2f..%2fcli.py",
        "/server.py",
        "//etc/passwd",
        "/index.html/..",
        "/api",
        "/api/book/x",
        "/main.js%00.txt",
    ],
)
def test_no_path_leads_out_of_the_page(server: Server, path: str) -> None:
    """Only the page's own files are served."""
    assert ask(server, "GET", path)[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/index.html",
        "/page.css",
        "/main.js",
        "/grid.js",
        "/editing.js",
        "/model.js",
        "/icon.svg",
        "/areas.js",
        "/looks.js",
        "/finding.js",
        "/printing.js",
    ],
)
def test_the_files_of_the_page_are_served(server: Server, path: str) -> None:
    """Every file that the page names is there."""
    status, content = ask(server, "GET", path)
    assert (status, len(content) > 100) == (200, True)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        ({}, 400),
        ({"target": "0", "cells": []}, 400),
        ({"target": 0, "cells": {}}, 400),
        ({"target": 0, "cells": [[1, 1]]}, 400),
        ({"target": 0, "cells": [[1, 1, 5]]}, 400),
        ({"target": True, "cells": []}, 400),
        ({"target": 9, "sheet": 0, "cells": []}, 422),
        ({"target": -1, "sheet": 0, "cells": []}, 422),
        ({"target": 0, "sheet": 0, "cells": [[0, 1, "5"]]}, 422),
        ({"target": 0, "sheet": 0, "cells": [[1, 99999, "5"]]}, 422),
    ],
)
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
