"""JSON that others wrote: whatever it holds, one line names the place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from udfs import PM_MARGIN
from xlmargin.errors import MarginError
from xlmargin.methods.json_shape import DEEPEST, Node, parse_json, read_json

ANSWER = {
    "result": [{}, {"greeks": {"delta": "x", "gamma": 10**400, "vega": "1_0", "theta": True}, "name": "A-1", "sizes": [1, "2.5", None]}]
}


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (lambda top: top.nodes("result")[1].node("greeks").number("delta"), "a.json: result[1].greeks.delta must be a number, not 'x'"),
        (
            lambda top: top.nodes("result", "name")[1].node("greeks").number("gamma"),
            "a.json: result[1] (A-1).greeks.gamma must be a finite",
        ),
        (lambda top: top.nodes("result")[1].node("greeks").number("vega"), "must be a number, not '1_0'"),
        (lambda top: top.nodes("result")[1].node("greeks").number("theta"), "must be a number, not true"),
        (lambda top: top.nodes("result")[1].numbers("sizes"), "a.json: result[1].sizes[2] must be a number, not nothing"),
        (lambda top: top.nodes("result")[0].text("name"), "a.json: result[0] lacks 'name'"),
        (lambda top: top.node("result"), "a.json: result must be an object, not a list"),
        (lambda top: top.nodes("result")[1].node("greeks").nodes("delta"), "a.json: result[1].greeks.delta must be a list, not 'x'"),
    ],
)
def test_every_mistake_names_its_place(read: Callable[[Node], Any], told: str) -> None:
    """File, path of keys, what must stand there and what does."""
    with pytest.raises(MarginError) as error:
        read(Node(ANSWER, "", "a.json"))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_numbers_may_be_texts() -> None:
    """Venues write numbers either way."""
    assert Node({"sizes": [1, "2.5", -3e-7]}).numbers("sizes").tolist() == [1.0, 2.5, -3e-7]


@pytest.mark.parametrize("opened", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [DEEPEST + 1, 500, 100_000])
def test_depth_is_bounded(opened: str, depth: int) -> None:
    """However deep, whole or cut off: one line, and no traceback of the reader."""
    closed = {"[": "]", '{"a":': "}"}[opened]
    for text in (opened * depth + "1" + closed * depth, opened * depth):
        with pytest.raises(MarginError) as error:
            parse_json(text, "answer.json")
        assert str(error.value).startswith("answer.json is not JSON")
        assert len(str(error.value)) < 200
    half = DEEPEST // 2
    assert parse_json(opened * half + "1" + closed * half, "answer.json")


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "is not JSON (line 1, column 1"), (b"\xff\x80", "is not a text in UTF-8"), (b"[1" + b"0" * 5_000 + b"]", "too many digits")],
)
def test_what_is_no_json_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    """Empty, another encoding, a number that no machine reads."""
    path = tmp_path / "answer.json"
    path.write_bytes(content)
    with pytest.raises(MarginError) as error:
        read_json(path)
    assert told in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_encodings(encoding: str) -> None:
    """With or without a byte order mark, and as PowerShell redirects an answer into a file."""
    assert parse_json('{"name": "Ä"}'.encode(encoding), "answer.json") == {"name": "Ä"}


def test_a_parameter_that_names_a_file_never_fails_otherwise(tmp_path: Path) -> None:
    """A file of 100,000 brackets, an unknown user's home, a name that no file can have: one line each."""
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000)
    book = [["Underlying", "Type", "Quantity", "Spot"], ["BTC", "perp", 1.0, 66_000.0]]
    for name, told in ((str(deep), "is not JSON"), ("~nouser-of-this-name/x", "there is no file"), ("x" * 5_000, "there is no file")):
        answer = PM_MARGIN(book, None, "DERIBIT", [["model_params_file", name]])
        assert isinstance(answer, str)
        assert answer.startswith("#PM! ")
        assert told in answer
        assert "please report" not in answer
