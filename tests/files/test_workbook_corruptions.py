"""Corrupted workbooks: one line that says so, or the whole right book; never another exception and never a part of the rows."""

from __future__ import annotations

import random
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from binary_workbook import write_xlsb
from calc import Calc
from hypothesis import given, settings
from hypothesis import strategies as st
from range_books import margin
from written_books import BOOK, MARKET, WHOLE, write_book

from xlmargin.engine.formula import CellArea, TableArea
from xlmargin.engine.package import DefinedName
from xlmargin.errors import MarginError
from xlmargin.files.books import read_ranges
from xlmargin.files.names import target_of
from xlmargin.files.ranges import Ranges

RUNS, FILES, TEXTS = 10, 50, 2_000  # examples of each test, and corrupted files and names in each: 20,000 names
seeds = st.integers(0, 2**32 - 1)
MARKUP = re.compile(rb"<[^<>]*>")
NAMED = "book.xlsx", "book.xlsb", "book.ods"  # the kinds whose containers have check sums


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, calc: Calc) -> Path:
    """The book in several kinds."""
    folder = tmp_path_factory.mktemp("corrupted")
    write_book(folder / "book.xlsx", names={"positions": WHOLE})
    write_xlsb(folder / "book.xlsb", {"Book": BOOK, "Market": MARKET}, {"positions": (0, [(0, 0, 4, 6)])})
    with calc.open(folder / "book.xlsx") as book:
        for kind in ("xls", "ods"):
            book.save(folder / f"book.{kind}", kind)  # type: ignore[arg-type]
    return folder


@cache
def expected() -> float:
    """The margin of the book as typed."""
    value = margin(BOOK, MARKET)
    assert isinstance(value, float), value
    return value


def read(path: Path) -> Ranges | None:
    """The ranges of a file; None where it is refused, in one line."""
    try:
        return read_ranges(path)
    except MarginError as error:
        lines = str(error).splitlines()
    assert len(lines) == 1
    return None


def judge(path: Path, what: object) -> bool:
    """Whether a corrupted file is read at all; then its margin is that of the whole book, or a fault."""
    ranges = read(path)
    if ranges is None:
        return False
    if ranges.positions == BOOK and ranges.market == MARKET:
        return True
    answer = margin(ranges.positions, ranges.market)
    assert (isinstance(answer, str) and answer.startswith("#PM!")) or answer == expected(), (what, answer, ranges.positions)
    return True


def corrupted(data: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, cut out, doubled, or the end cut off."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at, length = chance.randrange(len(out)), chance.choice((1, 1, 2, 4, 40))
        kind = chance.randrange(5)
        if kind == 0:
            out[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            out[at : at + length] = chance.randbytes(length)
        elif kind == 2:
            del out[at : at + length]
        elif kind == 3:
            out[at:at] = out[at : at + length]
        elif len(out) > 100:
            del out[-chance.randrange(1, 60) :]
    return bytes(out)


@given(seed=seeds)
@settings(max_examples=RUNS)
def test_bytes_of_files(folder: Path, seed: int) -> None:
    """Bytes of zip files changed anywhere: their check sums leave the whole book or none."""
    chance = random.Random(seed)
    count = 0
    for n in range(FILES):
        source = folder / NAMED[n % len(NAMED)]
        path = folder / f"changed{source.suffix}"
        path.write_bytes(corrupted(source.read_bytes(), chance))
        count += judge(path, (seed, n, source.suffix))
    assert count < FILES  # what is changed is noticed, mostly


@given(seed=seeds)
@settings(max_examples=RUNS)
def test_bytes_of_old_files(folder: Path, seed: int) -> None:
    """An .xls has no check sums: a changed digit is another digit, but nothing ends in another exception."""
    chance = random.Random(seed)
    path = folder / "changed.xls"
    for _ in range(FILES):
        path.write_bytes(corrupted((folder / "book.xls").read_bytes(), chance))
        read(path)


@given(seed=seeds)
@settings(max_examples=RUNS)
def test_markup_of_parts(folder: Path, seed: int) -> None:
    """A character of a tag, or a whole tag, changed in a part that is packed again: no row and no cell is lost without a word."""
    chance = random.Random(seed)
    with zipfile.ZipFile(folder / "book.xlsx") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    parts = [name for name in contents if not name.startswith(("docProps", "xl/theme"))] + ["xl/worksheets/sheet1.xml"] * 8
    for n in range(FILES):
        part = chance.choice(parts)
        tag = chance.choice(list(MARKUP.finditer(contents[part])))
        at = chance.randrange(tag.start(), tag.end())
        whole = contents[part]
        changed = (
            whole[:at] + bytes([chance.choice(b"abcrst<>/\"' =:0123456789ABCFGH")]) + whole[at + 1 :],
            whole[: tag.start()] + whole[tag.end() :],
            whole[: tag.end()] + tag[0] + whole[tag.end() :],
        )[chance.randrange(3)]
        path = folder / "markup.xlsx"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in contents.items():
                archive.writestr(name, changed if name == part else content)
        judge(path, (seed, n, part, whole[tag.start() - 20 : tag.end() + 20], changed[tag.start() - 20 : tag.end() + 20]))


@dataclass
class Named:
    """A workbook of which the names alone are there."""

    names: tuple[DefinedName, ...]
    sheets: tuple[str, ...] = ("Book", "Bob's book", "Market")
    kind: str = ""
    hidden_sheets: frozenset[str] = frozenset()
    recalculates: bool = False
    from_1904: bool = False
    opens_in_engine: bool = False
    areas: Mapping[str, TableArea] = field(
        default_factory=lambda: {"tbl": TableArea("tbl", CellArea("Book", 1, 1, 9, 3), ("Qty", "IV '25", "K [x]"), 1, 1)}
    )

    def tables(self) -> Mapping[str, TableArea]:
        """One table."""
        return self.areas

    def scan(self, sheet: str) -> Any:
        """No cells."""
        raise NotImplementedError

    def block(self, sheet: str, within: CellArea) -> Any:
        """No cells."""
        raise NotImplementedError


MODELS = (
    "Book!$A$1:$G$5",
    "'Bob''s book'!$A:$G",
    "Market!$1:$9",
    "tbl[[#All],[Qty]:[IV ''25]]",
    "tbl[#Data]",
    "tbl[K '[x']]",
    "OFFSET(Book!$A$1,0,0,5,7)",
    "Book!$A$1,Market!$B$2",
    "[1]Book!$A$1",
    '"text"',
    "other",
    "#REF!",
)
LETTERS = "$!:'\"[](),;#@ABGZ019 .~éü\U0001f600\n\t-=*{}\\"


@given(seed=seeds)
@settings(max_examples=RUNS)
def test_texts_of_names(seed: int) -> None:
    """Whatever a name stands for, it is a rectangle of one of the sheets or a refusal that quotes it."""
    chance = random.Random(seed)
    for _ in range(TEXTS):
        text = list(chance.choice(MODELS))
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(text) + 1)
            text[at : at + chance.randrange(3)] = [chance.choice(LETTERS) for _ in range(chance.randrange(3))]
        written = "".join(text)
        book = Named((DefinedName("positions", chance.choice((None, "Book", "Gone")), written), DefinedName("other", None, written)))
        message = ""
        try:
            found = target_of(book, "positions")
        except MarginError as error:
            message = str(error)
        if message:
            assert message.startswith("the name positions stands for"), (written, message)
        else:
            assert found is not None
            assert found.area.sheet in book.sheets
            assert 1 <= found.area.first_row <= found.area.last_row <= 1_048_576
            assert 1 <= found.area.first_column <= found.area.last_column <= 16_384
