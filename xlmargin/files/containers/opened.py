"""A workbook file opened by what it is, whatever its name says."""

from __future__ import annotations

from pathlib import Path

from xlmargin.errors import MarginError
from xlmargin.files.containers.biff import Biff
from xlmargin.files.containers.binary import MAIN, BinaryBook
from xlmargin.files.containers.container import Container
from xlmargin.files.containers.opendocument import CONTENT, OpenDocument
from xlmargin.files.containers.openxml import OpenXml
from xlmargin.files.containers.zipped import ZipParts
from xlmargin.files.dialects.encodings import MARKUP, OTHERS

SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".ods")  # an .xls may be text: many programs export tables under that name
ZIP, OLE = b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1")
OLD = (b"\x09\x00", b"\x09\x02", b"\x09\x04", b"\x09\x08")  # a workbook of Excel 2 to 4, or 5 without its container


def is_workbook(path: Path) -> bool:
    """Whether a file is a workbook, or says that it is one and is no text."""
    head = _head(path)
    return head.startswith((ZIP, OLE)) or path.suffix.lower() in SUFFIXES or (path.suffix.lower() == ".xls" and bool(_fault(head)))


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(512)
    except OSError as error:
        raise MarginError(f"{path} cannot be read ({error.strerror}): check that it may be opened") from None


def _fault(head: bytes) -> str:
    """Why a file that begins so is no workbook that can be read; "" where it may be text."""
    if MARKUP.match(head.replace(b"\0", b"")):
        return "a web page or XML"
    if head.startswith(OLD):
        return "of an Excel before 1997"
    return "empty" if not head else ""


def open_workbook(path: Path) -> Container:
    """The workbook in a file.

    Raises:
        MarginError: the file is none, has a password, is damaged or of a kind that is not read
    """
    head = _head(path)
    if head.startswith(ZIP):
        return _zipped(ZipParts(path))
    if head.startswith(OLE):
        return Biff(path)
    fault = _fault(head) or next((meant for start, meant in OTHERS if head.startswith(start)), "text, or none at all")
    raise MarginError(f"{path} cannot be read as a workbook (it is {fault}): open it in a spreadsheet program and save it as .xlsx")


def _zipped(parts: ZipParts) -> Container:
    """The workbook of one of the three kinds that are zip files."""
    if MAIN in parts:
        return BinaryBook(parts)
    return OpenDocument(parts) if CONTENT in parts else OpenXml(parts)
