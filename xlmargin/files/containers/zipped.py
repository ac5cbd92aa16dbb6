"""The parts of a zip file, read within bounds: a small file can neither fill the memory nor hide a part."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from xlmargin.errors import MarginError
from xlmargin.files.containers.container import damaged

MOST_PARTS = 10_000
MOST_BYTES = 400_000_000  # of the parts that are read, uncompressed
SMALL, MOST_RATIO = 10_000_000, 50  # bytes; a larger part that is packed more tightly than any sheet is a bomb
DECLARED = 4_096  # bytes in which a document type is declared
ENCRYPTED = 0x1  # flag of a member
METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ"}
UNPACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the methods that spreadsheet programs use


class ZipParts:
    """The parts of a workbook file that is a zip file.

    Attributes:
        filename: of the zip file, for messages
    """

    def __init__(self, path: Path) -> None:
        """Read the directory; raises MarginError when it is damaged or too large."""
        self.filename = str(path)
        self._read = 0
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise self.damaged(error) from None
        self._members = {_plain(member.filename): member for member in self._zip.infolist()}
        if len(self._zip.infolist()) > MOST_PARTS:
            raise MarginError(f"{path} has more than {MOST_PARTS:,} parts: save it again in a spreadsheet program")
        if len(self._members) < len(self._zip.infolist()):
            raise self.damaged("a part stands in it twice")

    def damaged(self, why: object) -> MarginError:
        """The error of a file that cannot be read."""
        return damaged(self.filename, why)

    def namelist(self) -> list[str]:
        """The names of the parts, in lower case and with `/` between folders."""
        return list(self._members)

    def read(self, name: str) -> bytes:
        """The content of a part.

        Raises:
            KeyError: there is no such part
            MarginError: it is encrypted, packed by an unknown method, damaged or too large
        """
        member = self._members[_plain(name)]
        if member.flag_bits & ENCRYPTED:
            raise MarginError(f"{self.filename} is a zip file with a password: save the workbook again without a password")
        if member.compress_type not in UNPACKED:
            raise self.damaged(f"it is packed by {METHODS.get(member.compress_type, f'method {member.compress_type}')}")
        self._read += member.file_size
        if self._read > MOST_BYTES or (member.file_size > SMALL and member.file_size > MOST_RATIO * member.compress_size):
            raise MarginError(
                f"{self.filename} unpacks to more than a workbook of its size can hold ({name}: {member.file_size:,} bytes from "
                f"{member.compress_size:,}): save the book alone in a new workbook"
            )
        try:
            content = self._zip.read(member)
            if b"<!DOCTYPE" in content[:DECLARED]:
                raise self.damaged(f"{name} declares a document type")  # no spreadsheet program does; entities could be bombs
            return content
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
            raise self.damaged(error) from None

    def __contains__(self, name: str) -> bool:
        """Whether there is a part of a name."""
        return _plain(name) in self._members

    def small_copy(self, kept: Mapping[str, bytes]) -> io.BytesIO:
        """A zip file in memory of some parts alone, unpacked, so that its sizes are true."""
        copy = io.BytesIO()
        with zipfile.ZipFile(copy, "w") as archive:
            for name, content in kept.items():
                archive.writestr(name, content)
        copy.seek(0)
        return copy


def _plain(name: str) -> str:
    """The name of a part as all spellings of it that spreadsheet programs open have it in common."""
    return name.replace("\\", "/").lstrip("/").lower()
