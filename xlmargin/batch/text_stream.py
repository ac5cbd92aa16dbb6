"""A text table as a stream of UTF-8 from below its header, every part of which is as sound as the one reader of text tables asks."""

from __future__ import annotations

import codecs
import io
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from xlmargin.errors import MarginError
from xlmargin.files.dialects.encodings import CONTROL, CONTROL_BYTES, UTF_8
from xlmargin.files.dialects.numerals import Dialect
from xlmargin.files.dialects.records import LONGEST_CELL, QUOTE, breaks_in, broken, misquoted

LF, CR = b"\n\r"


class Below(NamedTuple):
    """The rows of a text table in its file.

    Attributes:
        start: place of the first row below the header [bytes]
        line: its line
        width: number of columns
        encoding: of the file, in Python's name
        dialect: by the beginning of the file
    """

    start: int
    line: int
    width: int
    encoding: str
    dialect: Dialect


class TextStream(io.RawIOBase):
    """The rows of a text table, read in parts.

    Raises:
        MarginError: when a part is read that is no text of the encoding, or has a quote where none may stand
    """

    def __init__(self, path: Path, below: Below) -> None:
        self._path, self._below = path, below
        self._file = path.open("rb")
        self._file.seek(below.start)
        self._decoder = codecs.getincrementaldecoder(below.encoding)()
        self._line, self._rest = below.line, b""  # the line of what lies behind the last row that was sound
        self._ready, self._ended = b"", False

    def readable(self) -> bool:
        """It can be read."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def read(self, size: int = -1) -> bytes:
        """The next part, as UTF-8."""
        while not self._ready and not self._ended:
            raw = self._file.read(size)
            self._ready, self._ended = self._decoded(raw), not raw
            self._check(self._ready)
        part, self._ready = (self._ready, b"") if size < 0 else (self._ready[:size], self._ready[size:])
        return part

    def _decoded(self, raw: bytes) -> bytes:
        """Bytes of the file as UTF-8."""
        if raw and raw.isascii() and self._below.encoding == UTF_8 and not self._decoder.getstate()[0]:
            return raw
        try:
            text = self._decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            self._fail(f"or below holds what is no text in {self._below.encoding}, as the beginning of the file is ({error.reason})")
        if not text.isascii() and (found := CONTROL.search(text)):
            self._fail(f"or below holds the control character {ord(found[0]):#04x}: the file is damaged")
        return text.encode()

    def _check(self, data: bytes) -> None:
        """Refuse control characters and unsound quotes."""
        block = self._rest + data
        controls = np.count_nonzero(np.frombuffer(data, np.uint8) < 32) - sum(map(data.count, (b"\n", b"\r", b"\t")))
        if controls and (found := CONTROL_BYTES.search(block)):
            self._fail("holds a control character: the file is damaged", block[: found.start()])
        if b'"' in block:
            self._check_quotes(block)
        kept = _last_row(block)
        if len(block) - kept > LONGEST_CELL * self._below.width:
            self._fail("begins a row without an end: a quote may not be closed", block[:kept])
        self._line += breaks_in(block[:kept])
        self._rest = block[kept:]

    def _check_quotes(self, block: bytes) -> None:
        cells, delimiter = np.frombuffer(block, np.uint8), self._below.dialect.delimiter
        if fault := misquoted(cells, delimiter, self._ended):
            self._fail(f": {fault.problem}", block[: fault.at])
        for start, end in broken(cells):
            if block.count(delimiter.encode(), start, end) >= max(1, self._below.width - 1):
                self._fail("has a cell in quotes that holds whole lines of the table: a quote is missing or too many", block[:start])

    def _fail(self, problem: str, before: bytes = b"") -> NoReturn:
        """Raise an error about the line that begins or goes on behind these bytes."""
        raise MarginError(f"{self._path} line {self._line + breaks_in(before)} {problem}".replace(" :", ":"))


def _last_row(block: bytes) -> int:
    """Where the last row of a block begins, which may go on in the next."""
    if b'"' not in block:
        return max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
    cells = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero((cells == LF) | (cells == CR))
    outside = ends[np.searchsorted(np.flatnonzero(cells == QUOTE), ends) % 2 == 0]
    return int(outside[-1]) + 1 if len(outside) else 0
