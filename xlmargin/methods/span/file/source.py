"""A SPAN file as a bounded stream of bytes: plain, gzip or zip with one file in it."""

from __future__ import annotations

import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

from xlmargin.errors import MarginError

Progress = Callable[[int, int], None]

MOST_BYTES = 1_000_000_000  # of the content; a clearing house's largest daily file is about half of it
BLOCK = 1 << 20
UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError)


class SpanContent:
    """The content of a file, block by block.

    Attributes:
        name: file name, as messages show it
        stream: content, decompressed
        position: bytes of the file that were read so far
        size: bytes of the file
        progress: called with bytes read and bytes in all after every block
    """

    def __init__(self, name: str, stream: IO[bytes], position: Callable[[], int], size: int, progress: Progress | None, most: int) -> None:
        self.name = name
        self._stream, self._position, self._size, self._progress, self._most = stream, position, size, progress, most

    def blocks(self) -> Iterator[bytes]:
        """The content in order.

        Raises:
            MarginError: it cannot be read, or there is more of it than is allowed
        """
        total = 0
        while block := self._read():
            total += len(block)
            if total > self._most:
                raise MarginError(
                    f"{self.name} has more than {self._most // 1_000_000} MB of content: it is no SPAN file "
                    "of one day; get the clearing house's file of one day"
                )
            yield block
            if self._progress is not None:
                self._progress(min(self._position(), self._size), self._size)
        if self._progress is not None:
            self._progress(self._size, self._size)

    def _read(self) -> bytes:
        try:
            return self._stream.read(BLOCK)
        except UNREADABLE as error:
            raise MarginError(f"{self.name} cannot be read to its end ({error}): download it again") from None

    def fail(self, line: int, problem: str) -> NoReturn:
        """Raise an error about a line, counted from 1."""
        raise MarginError(f"{self.name}, line {line}: {problem}")


@contextmanager
def open_source(path: Path, progress: Progress | None = None, most: int = MOST_BYTES) -> Iterator[SpanContent]:
    """A file, decompressed according to its first bytes rather than its name.

    Raises:
        MarginError: there is no such file, or it is a zip without exactly one file in it
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise MarginError(f"{path} cannot be opened ({error.strerror}): check the name and the folder") from None
    with raw:
        magic = raw.read(4)
        raw.seek(0)
        size = path.stat().st_size
        if magic[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=raw) as stream:
                yield SpanContent(path.name, stream, raw.tell, size, progress, most)  # type: ignore[arg-type]
        elif magic == b"PK\x03\x04":
            with _member(raw, path.name) as stream:
                yield SpanContent(path.name, stream, raw.tell, size, progress, most)
        else:
            yield SpanContent(path.name, raw, raw.tell, size, progress, most)


def _member(raw: IO[bytes], name: str) -> IO[bytes]:
    """The one file in a zip."""
    try:
        archive = zipfile.ZipFile(raw)
        members = [info for info in archive.infolist() if not info.is_dir()]
        if len(members) == 1:
            return archive.open(members[0])
    except (*UNREADABLE, ValueError) as error:
        raise MarginError(f"{name} cannot be read as a zip ({error}): download it again") from None
    raise MarginError(f"{name} has {len(members)} files in it: unpack it and give the one of the day meant")
