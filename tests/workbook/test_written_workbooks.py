"""Every workbook that we write, judged by two libraries of others: the Open XML schemas, and the VBA project inside."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from conftest import TEMPLATE
from openxml_audit import OpenXmlValidator
from pyopenvba.integrity import check_file

from xlmargin.cli import main

CHAIN = "timestamp,currency,instrument_name,underlying_price,index_price,mark_price,mark_iv"
ROWS = "12"  # of positions: every part of the workbook is there, and the judges are done sooner


def verdict(path: Path) -> list[str]:
    """Everything that the judges find in a workbook."""
    project = check_file(path)
    found = [str(error) for error in OpenXmlValidator(max_errors=0).validate(path).errors]
    return found + [str(issue) for issue in project.issues] + ([] if project.complete else ["not every part could be checked"])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workbooks of `xlmargin new`, of `new --lite` and of `backtest --output`; the engine has written values into the .xlsm."""
    folder = tmp_path_factory.mktemp("written")
    assert main(["new", str(folder), "--rows", ROWS]) == 0
    assert main(["new", str(folder / "lite"), "--rows", ROWS, "--lite"]) == 0
    chains = folder / "chains"
    chains.mkdir()
    for day, spot in enumerate((60_000, 61_000, 59_500, 60_500, 62_000, 61_500), 1):
        lines = [f"2026-01-{day:02d}T20:00:00Z,BTC,BTC-15FEB26-60000-{kind},{spot},{spot},0.07,50" for kind in "CP"]
        (chains / f"chain_{day:02d}.csv").write_text("\n".join([CHAIN, *lines]), encoding="utf-8")
    assert main(["backtest", str(chains), "--book", "long straddle", "-o", str(folder / "report.xlsx")]) == 0
    return folder


@pytest.mark.parametrize("name", ["xlmargin.xlsx", "xlmargin-excel.xlsm", "lite/xlmargin-lite.xlsx", "report.xlsx"])
def test_written_workbooks_are_sound(written: Path, name: str) -> None:
    """No part breaks the schemas of Office, and the VBA project is whole."""
    assert verdict(written / name) == []


def test_the_macros_are_there_to_judge(written: Path) -> None:
    """The workbook for Excel on Windows carries the project that was judged, the others carry none."""
    inside = {name: zipfile.ZipFile(written / name).namelist() for name in ("xlmargin.xlsx", "xlmargin-excel.xlsm")}
    assert [("xl/vbaProject.bin" in names) for names in inside.values()] == [False, True]


def test_the_shipped_template_is_sound() -> None:
    """The file that the wheel carries."""
    assert verdict(TEMPLATE) == []


def test_the_judges_see_faults(written: Path, tmp_path: Path) -> None:
    """A workbook whose sheet holds an element that no schema knows, and one whose macros are cut short, are refused."""
    for name, part, change in (
        ("report.xlsx", "xl/worksheets/sheet1.xml", lambda data: data.replace(b"<sheetData>", b"<nonsense/><sheetData>")),
        ("xlmargin-excel.xlsm", "xl/vbaProject.bin", lambda data: data[: len(data) // 2]),
    ):
        broken = tmp_path / name
        with zipfile.ZipFile(written / name) as whole, zipfile.ZipFile(broken, "w") as copy:
            for item in whole.namelist():
                copy.writestr(item, change(whole.read(item)) if item == part else whole.read(item))
        assert not check_file(broken).ok or verdict(broken) != []
