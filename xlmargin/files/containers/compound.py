"""Compound files, the container of .xls: one stream read from one, and one written, whose sizes are true."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

from xlmargin.files.containers.container import damaged, locked

SECTOR = 4_096  # bytes
FREE, END, TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
IN_HEADER = 109  # sectors of the table that the header lists
STREAMS = ("Workbook", "Book")
ENCRYPTED = ("EncryptedPackage", "EncryptionInfo")


def read_stream(path: Path) -> bytes:
    """The records of the workbook in a compound file.

    Raises:
        MarginError: it has a password, or holds something else
    """
    import olefile

    with olefile.OleFileIO(BytesIO(path.read_bytes())) as ole:
        if any(ole.exists(name) for name in ENCRYPTED):
            raise locked(str(path))
        stream = next((name for name in STREAMS if ole.exists(name)), None)
        if stream is None:
            raise damaged(str(path), "it holds no workbook")
        return bytes(ole.openstream(stream).read())


def compound_of(records: bytes) -> BytesIO:
    """A compound file of one stream of records."""
    count = max(2, -(-len(records) // SECTOR))  # a shorter stream would be kept elsewhere
    entries = SECTOR // 4
    tables = -(-(count + 1) // (entries - 1))
    chain = [TABLE] * tables + [END] + [*range(tables + 2, tables + 1 + count), END]
    chain += [FREE] * (tables * entries - len(chain))
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII",
        bytes.fromhex("d0cf11e0a1b11ae1"),
        *(0x3E, 4, 0xFFFE, 12, 6),  # version 4: sectors of 2^12 bytes, small ones of 2^6
        *(1, tables, tables, 0, SECTOR, END, 0, END, 0),  # sectors of the directory and of the table, and where they begin
    )
    listed = struct.pack(f"<{IN_HEADER}I", *range(tables), *[FREE] * (IN_HEADER - tables))
    # the root is to begin somewhere, although it is empty
    directory = (
        _entry("Root Entry", 5, tables + 1, 0, child=1) + _entry(STREAMS[0], 2, tables + 1, count * SECTOR) + _entry("", 0, 0, 0) * 30
    )
    body = records.ljust(count * SECTOR, b"\0")
    return BytesIO((header + listed).ljust(SECTOR, b"\0") + struct.pack(f"<{len(chain)}I", *chain) + directory + body)


def _entry(name: str, kind: int, first: int, length: int, child: int = FREE) -> bytes:
    """An entry of the directory: a name, and the first sector and length of what it names."""
    raw = (name + "\0").encode("utf-16-le") if name else b""
    return raw.ljust(64, b"\0") + struct.pack("<HBBIII36xIQ", len(raw), kind, 1, FREE, FREE, child, first, length)
