"""`python -m workbook.pictures` draws the first page of every sheet again, as LibreOffice prints it."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import udfs  # noqa: F401  (fills the registry)
from xlmargin.faces.libreoffice import Calc

from .build import build

FOLDER = Path(__file__).with_name("pictures")
WIDTHS = (1000, 900, 800, 700)  # pixels
MOST_BYTES = 115_000
ROWS = 100  # of the workbook that is drawn: the sample needs ten


def draw(folder: Path) -> list[Path]:
    """A picture of the first page of each sheet.

    Args:
        folder: where the pictures go, one `<sheet>.png` each

    Returns:
        the pictures in the order of the sheets

    Raises:
        MarginError: there is no LibreOffice
        OSError: pdftotext or pdftoppm, of poppler-utils, is missing
    """
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="xlmargin-") as place:
        desk, printed = Path(place) / "desk.xlsx", Path(place) / "desk.pdf"
        build(desk, ROWS)
        with Calc() as calc, calc.open(desk) as book:
            book.calculate()
            sheets = book.sheets()
            book.save(printed, "pdf")
        pages = subprocess.run(["pdftotext", "-layout", str(printed), "-"], capture_output=True, text=True, check=True).stdout
        feet = [_foot(page) for page in pages.split("\f")]
        found = []
        for sheet in sheets:
            page = feet.index(sheet) + 1
            picture = folder / re.sub(r"\W+", "-", sheet.lower())
            found.append(_drawn(printed, page, picture))
    return found


def _drawn(printed: Path, page: int, picture: Path) -> Path:
    """The picture of a page, as wide as its bytes allow."""
    drawn = picture.with_suffix(".png")
    for width in WIDTHS:
        size = ["-scale-to-x", str(width), "-scale-to-y", "-1", "-singlefile", "-f", str(page), "-l", str(page)]
        subprocess.run(["pdftoppm", "-png", *size, str(printed), str(picture)], check=True)
        if drawn.stat().st_size < MOST_BYTES:
            break
    return drawn


def _foot(page: str) -> str:
    """The name of the sheet, which every page has at its foot on the left."""
    lines = [line for line in page.splitlines() if line.strip()]
    return re.split(r"\s{2,}", lines[-1].strip())[0] if lines else ""


if __name__ == "__main__":
    for path in draw(FOLDER):
        sys.stdout.write(f"{path.name} {path.stat().st_size:,} bytes\n")
