"""Compound files as [MS-CFB] describes them, version 3: streams in folders, read and written."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Union

Tree = Mapping[str, Union[bytes, "Tree"]]

MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
SECTOR, SMALL_SECTOR, CUTOFF = 512, 64, 4096
FREE, END, FAT_SECTOR = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
FOLDER, STREAM, ROOT = 1, 2, 5
RED, BLACK = 0, 1
IN_HEADER = 109  # FAT sectors that the header itself lists: 6.8 MB
ENTRY = struct.Struct("<64sHBBIII16sI8s8sIQ")
HEADER = struct.Struct("<8s16sHHHHH6sIIIIIIIII")
PER_SECTOR = SECTOR // 4


@dataclass(slots=True)
class _Entry:
    """One line of the directory."""

    name: str
    kind: int
    data: bytes = b""
    children: list[int] = field(default_factory=list)
    left: int = FREE
    right: int = FREE
    child: int = FREE
    colour: int = BLACK
    start: int = 0
    size: int = 0


def write(tree: Tree) -> bytes:
    """A compound file; without clock or chance, so that the same streams give the same bytes.

    Args:
        tree: bytes of a stream, or a folder of such, by name

    Raises:
        ValueError: more than 6.8 MB
    """
    entries = [_Entry("Root Entry", ROOT)]
    _gather(entries, 0, tree)
    for entry in entries:
        entry.child = _balanced(entries, sorted(entry.children, key=lambda n: _order(entries[n].name)))
    sectors, fat = list[bytes](), list[int]()
    small, small_fat = bytearray(), list[int]()
    for entry in entries:
        entry.size = len(entry.data)
        if entry.kind == STREAM and entry.size < CUTOFF:
            entry.start = _chain(small_fat, -(-entry.size // SMALL_SECTOR))
            small += _padded(entry.data, SMALL_SECTOR)
        elif entry.kind == STREAM:
            entry.start = _put(sectors, fat, entry.data)
    entries[0].start, entries[0].size = _put(sectors, fat, bytes(small)), len(small)
    small_table = _padded(struct.pack(f"<{len(small_fat)}I", *small_fat), SECTOR, b"\xff")
    small_start = _put(sectors, fat, small_table)
    directory = _put(sectors, fat, _directory(entries))
    return _file(sectors, fat, directory, small_start, len(small_table) // SECTOR)


def _order(name: str) -> tuple[int, str]:
    """Names in a folder are in order of length, then of letters in upper case."""
    return len(name), name.upper()


def _gather(entries: list[_Entry], parent: int, tree: Tree) -> None:
    for name in sorted(tree, key=_order):
        content = tree[name]
        entries[parent].children.append(len(entries))
        if isinstance(content, bytes):
            entries.append(_Entry(name, STREAM, content))
        else:
            entries.append(_Entry(name, FOLDER))
            _gather(entries, len(entries) - 1, content)


def _balanced(entries: list[_Entry], sorted_numbers: Sequence[int]) -> int:
    """Make a red-black tree of the entries of a folder; its root. Only the deepest level, where it is not full, is red."""
    deepest = len(sorted_numbers).bit_length() - 1

    def root(numbers: Sequence[int], depth: int) -> int:
        if not numbers:
            return FREE
        middle = len(numbers) // 2
        entry = entries[numbers[middle]]
        entry.left, entry.right = root(numbers[:middle], depth + 1), root(numbers[middle + 1 :], depth + 1)
        entry.colour = RED if depth == deepest > 0 else BLACK
        return numbers[middle]

    return root(sorted_numbers, 0)


def _padded(data: bytes, unit: int, filler: bytes = b"\0") -> bytes:
    return data.ljust(-(-len(data) // unit) * unit, filler)


def _chain(table: list[int], count: int) -> int:
    """Add a chain of so many sectors to an allocation table; its first sector."""
    start = len(table)
    table.extend([*range(start + 1, start + count), END] if count else [])
    return start if count else END


def _put(sectors: list[bytes], fat: list[int], data: bytes) -> int:
    padded = _padded(data, SECTOR)
    sectors.extend(padded[n : n + SECTOR] for n in range(0, len(padded), SECTOR))
    return _chain(fat, len(padded) // SECTOR)


def _directory(entries: list[_Entry]) -> bytes:
    lines = []
    for entry in entries:
        name = entry.name.encode("utf-16le") + b"\0\0"
        lines.append(
            ENTRY.pack(
                name, len(name), entry.kind, entry.colour, entry.left, entry.right, entry.child, b"", 0, b"", b"", entry.start, entry.size
            )
        )
    unused = ENTRY.pack(b"", 0, 0, 0, FREE, FREE, FREE, b"", 0, b"", b"", 0, 0)
    return b"".join(lines) + unused * (-len(lines) % (SECTOR // ENTRY.size))


def _file(sectors: list[bytes], fat: list[int], directory: int, small_start: int, small_count: int) -> bytes:
    count = 1
    while count * PER_SECTOR < len(sectors) + count:
        count += 1
    if count > IN_HEADER:
        raise ValueError("a compound file of more than 6.8 MB")
    places = list(range(len(sectors), len(sectors) + count))
    table = [*fat, *[FAT_SECTOR] * count]
    table += [FREE] * (count * PER_SECTOR - len(table))
    header = HEADER.pack(
        MAGIC, b"", 0x3E, 3, 0xFFFE, 9, 6, b"", 0, count, directory, 0, CUTOFF, small_start if small_count else END, small_count, END, 0
    )
    header += struct.pack(f"<{IN_HEADER}I", *places, *[FREE] * (IN_HEADER - count))
    return header + b"".join(sectors) + struct.pack(f"<{len(table)}I", *table)


def read(data: bytes) -> dict[str, bytes]:
    """The streams of a compound file by their path, such as `VBA/dir`.

    Raises:
        ValueError: the bytes are no compound file that this reads (version 3, at most 6.8 MB)
    """
    try:
        return _streams(data)
    except (struct.error, IndexError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError("no whole compound file") from error


def _streams(data: bytes) -> dict[str, bytes]:
    magic, _, _, version, _, _, _, _, _, count, directory, _, cutoff, small_start, _, _, more = HEADER.unpack_from(data)
    if magic != MAGIC or version != 3 or more or count > IN_HEADER:
        raise ValueError("no compound file of version 3")
    places = struct.unpack_from(f"<{count}I", data, HEADER.size)
    fat = [n for place in places for n in struct.unpack_from(f"<{PER_SECTOR}I", data, (place + 1) * SECTOR)]

    def whole(start: int) -> bytes:
        return b"".join(data[(n + 1) * SECTOR : (n + 2) * SECTOR] for n in _followed(fat, start))

    entries = list(ENTRY.iter_unpack(whole(directory)))
    small = whole(entries[0][11])
    table = whole(small_start)
    small_fat = list(struct.unpack(f"<{len(table) // 4}I", table))
    found: dict[str, bytes] = {}

    def walk(number: int, path: str) -> None:
        if number == FREE:
            return
        name, length, kind, _, left, right, child, *_, start, size = entries[number]
        walk(left, path)
        walk(right, path)
        here = path + name[: length - 2].decode("utf-16le")
        if kind == STREAM and size < cutoff:
            runs = (small[n * SMALL_SECTOR : (n + 1) * SMALL_SECTOR] for n in _followed(small_fat, start if size else END))
            found[here] = b"".join(runs)[:size]
        elif kind == STREAM:
            found[here] = whole(start)[:size]
        else:
            walk(child, here + "/")

    walk(entries[0][6], "")
    return found


def _followed(table: Sequence[int], start: int) -> list[int]:
    """The sectors of a chain."""
    chain: list[int] = []
    while start not in (END, FREE):
        chain.append(start)
        if len(chain) > len(table):
            raise ValueError("a chain of sectors that goes in a circle")
        start = table[start]
    return chain
