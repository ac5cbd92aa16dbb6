"""Bytes of a text file as characters: UTF-8, UTF-16 and UTF-32 with or without their mark, Windows-1252; nothing that is no text."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from xlmargin.errors import MarginError

UTF_8, WINDOWS = "utf-8", "cp1252"
MARKS = (  # the longest first: that of UTF-32 begins as that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, UTF_8),
)
SHOWN = {WINDOWS: "Windows-1252", **{name: name[:6].upper() for _, name in MARKS}}
OTHERS = (  # the first bytes of files that people give another ending
    (b"PK\x03\x04", "a workbook or another zip file: let its name end in .xlsx"),
    (b"\xd0\xcf\x11\xe0", "a workbook of the old kind or one with a password: let its name end in .xls"),
    (b"PAR1", "a Parquet file: let its name end in .parquet"),
    (b"%PDF", "a PDF file: export the table as CSV"),
    (b"\x1f\x8b", "a compressed file: unpack it"),
)
MARKUP = re.compile(
    rb"(\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*(<!--|<(!doctype|\?xml|html|head|meta|body|table|style)\b|mime-version:)", re.IGNORECASE
)
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WHOLE = re.compile(rb"[\xc3-\xf4][\x80-\xbf]{1,3}")  # letters of UTF-8, which no text in Windows-1252 has by chance
_BREAK = re.compile("\r\n?|\n")
_LIKELY = 0.3  # share of NUL bytes from which a file is UTF-16 without its mark: half of them in Latin letters


def encoding_of(data: bytes, name: str) -> tuple[str, int]:
    """The encoding of a text file.

    Args:
        data: the file, or its first part
        name: of the file in messages

    Returns:
        Python's name of it, and the length of the mark before the text [bytes]

    Raises:
        MarginError: the file is empty or no text
    """
    for start, meant in OTHERS:
        if data.startswith(start):
            raise MarginError(f"{name} is no text file but {meant}")
    if MARKUP.match(data[:512].replace(b"\0", b"")):
        raise MarginError(f"{name} holds no cells but a web page or XML: open it in a spreadsheet program and save it as .xlsx or CSV")
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    if 0 in data:
        return _unmarked(data, name), 0
    try:
        codecs.getincrementaldecoder(UTF_8)().decode(data)  # the last letter of a first part may be cut
    except UnicodeDecodeError as error:
        if _WHOLE.search(data) and _whole_letters(data):
            raise MarginError(f"{name} is not a text file in UTF-8 (byte {error.start}): save it as CSV UTF-8") from None
        return WINDOWS, 0
    return UTF_8, 0


def _whole_letters(data: bytes) -> bool:
    """Whether a text that is not UTF-8 as a whole has letters that are: a damaged file, or one put together of two."""
    return any(len(match[0].decode(UTF_8, errors="ignore")) == 1 for match in _WHOLE.finditer(data))


def _unmarked(data: bytes, name: str) -> str:
    """UTF-16 without its mark, by the place of the NUL bytes of Latin letters."""
    low, high = data[0::2].count(0), data[1::2].count(0)
    if max(low, high) > _LIKELY * len(data) and min(low, high) == 0:
        return "utf-16-be" if low else "utf-16-le"
    raise MarginError(f"{name} is not a text file in UTF-8 or UTF-16 (byte {data.index(0)} is NUL): it is none at all, or it is damaged")


class Decoded(NamedTuple):
    """The text of a file, its encoding in Python's name, and the length of the mark before it [bytes]."""

    text: str
    encoding: str
    mark: int


def decoded(data: bytes, name: str, *, whole: bool = True) -> Decoded:
    """The text of a file.

    Args:
        data: the file, or its first part
        name: of the file in messages
        whole: whether it is the whole file; the last letter of a part may be cut

    Raises:
        MarginError: the file is no text, or damaged
    """
    encoding, mark = encoding_of(data, name)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data[mark:], final=whole)
    except UnicodeDecodeError as error:
        shown = f"not a text file in UTF-8 or {SHOWN[encoding]}" if encoding == WINDOWS else f"no whole text in {SHOWN[encoding]}"
        raise MarginError(f"{name} is {shown} (byte {mark + error.start}): save it as CSV UTF-8") from None
    text = text.removesuffix("\x1a")  # the end of a file of old programs
    if found := CONTROL.search(text):
        line = len(_BREAK.findall(text[: found.start()])) + 1
        raise MarginError(f"{name} line {line} holds the control character {ord(found[0]):#04x}: the file is damaged, or no text")
    return Decoded(text, encoding, mark)
