"""Files that LibreOffice wrote or left behind: saved and opened again, locked by a dead session, drawn as pictures."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from calc import Calc
from conftest import TEMPLATE, missing

SUMMARY, RISK = "Summary", "Risk array"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped workbook, in a folder of its own."""
    return Path(shutil.copy(TEMPLATE, tmp_path_factory.mktemp("files") / "xlmargin.xlsx"))


def test_a_saved_workbook_opens_again(calc: Calc, template: Path, tmp_path: Path) -> None:
    """Saved as .xlsx and loaded once more: every formula and every value of the summary stands as it stood."""
    saved = tmp_path / "saved.xlsx"
    with calc.open(template) as book:
        before = book.formulas(SUMMARY), book.get(SUMMARY, "A1:J40")
        tables = book.formulas(RISK)
        book.save(saved, "xlsx")
    with calc.open(saved) as again:
        assert again.formulas(SUMMARY) == before[0]
        assert again.formulas(RISK) == tables
        for now, then in zip(again.get(SUMMARY, "A1:J40"), before[1], strict=True):
            assert now == [pytest.approx(cell, rel=1e-14) if isinstance(cell, float) else cell for cell in then]  # a time has 15 digits
    assert any("PM_MARGIN(" in formula for formula in before[0].values())
    assert any("PM_RISK_ARRAY(" in formula for formula in tables.values())


def test_a_lock_left_behind_is_no_obstacle(calc: Calc, template: Path) -> None:
    """A session that was killed leaves its lock beside the file; the next one opens it, calculates and edits all the same."""
    lock = template.with_name(f".~lock.{template.name}#")
    lock.write_text(",somebody,elsewhere,01.01.2025 00:00,file:///gone/profile;", encoding="utf-8")
    with calc.open(template) as book:
        (address,) = [cell for cell, formula in book.formulas(SUMMARY).items() if formula.startswith("=PM_MARGIN(positions,market,method")][
            :1
        ]
        before = book.get(SUMMARY, address)[0][0]
        quantities = book.get("Positions", "A1:P30")
        head = next(r for r, line in enumerate(quantities) if "Quantity" in line)
        kind, column = (quantities[head].index(heading) for heading in ("Type", "Quantity"))
        row = next(r for r in range(head + 1, len(quantities)) if quantities[r][kind] == "call")
        cell, old = f"{chr(ord('A') + column)}{row + 1}", quantities[row][column]
        assert isinstance(old, float)
        book.set("Positions", cell, [[3.0 * old]])
        after = book.get(SUMMARY, address)[0][0]
    assert isinstance(before, float)
    assert isinstance(after, float)
    assert after != before
    lock.unlink(missing_ok=True)


def test_the_charts_are_drawn(calc: Calc, template: Path, tmp_path: Path) -> None:
    """The pages with charts come out as pictures with the charts' colours in them, not as white paper."""
    if shutil.which("pdftoppm") is None:
        missing("pdftoppm is not installed (on Debian: poppler-utils)")
    pdf = tmp_path / "book.pdf"
    with calc.open(template) as book:
        book.save(pdf, "pdf")
    subprocess.run(["pdftoppm", "-r", "60", str(pdf), str(tmp_path / "page")], check=True)
    pages = sorted(tmp_path.glob("page-*.ppm"))
    assert len(pages) >= 8
    text = [
        subprocess.run(["pdftotext", "-f", str(n), "-l", str(n), str(pdf), "-"], capture_output=True, text=True, check=True).stdout
        for n in range(1, len(pages) + 1)
    ]
    colours = series_colours(template)
    assert colours
    for sheet in ("Summary", RISK, "Comparison"):
        first = next(n for n, words in enumerate(text) if words.startswith(f"{sheet}\n"))
        assert points_of(pages[first], colours) > 100, sheet
    assert points_of(pages[next(n for n, words in enumerate(text) if words.startswith("Parameters\n"))], colours) < 20


def series_colours(book: Path) -> set[tuple[int, ...]]:
    """The colours in which the charts of a workbook fill their bars and draw their lines, and no cell has."""
    with zipfile.ZipFile(book) as archive:
        charts = "".join(archive.read(name).decode() for name in archive.namelist() if "charts/chart" in name)
        cells = archive.read("xl/styles.xml").decode().upper()
    found = re.findall(r'<c:ser>.*?<a:srgbClr val="([0-9A-Fa-f]{6})"', charts, re.DOTALL)
    return {tuple(bytes.fromhex(colour)) for colour in found if colour.upper() not in cells}


def points_of(page: Path, colours: set[tuple[int, ...]]) -> int:
    """How many points of a picture have one of these colours."""
    kind, width, height, most = page.read_bytes().split(maxsplit=4)[:4]
    assert (kind, most) == (b"P6", b"255")
    points = np.frombuffer(page.read_bytes()[-3 * int(width) * int(height) :], np.uint8).reshape(-1, 3).astype(int)
    return sum(int((np.abs(points - np.array(colour)).max(axis=1) < 6).sum()) for colour in colours)
