"""The commands about an account print what the functions answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xlsxwriter
from range_books import ask
from xlsxwriter.utility import xl_rowcol_to_cell

from xlmargin import cli
from xlmargin.files.texts import read_csv

BOOK = """Instrument,Quantity,IV,Spot,Account,Venue
BTC-27DEC80-70000-C,-1,0.5,65000,a,deribit
BTC-27DEC80-60000-P,-1,0.5,65000,b,okx
"""
BALANCES = """Currency,Amount,Haircut,Account
USDC,90000,,a
BTC,1.5,0.1,b
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a desk's files."""
    (tmp_path / "book.csv").write_text(BOOK, encoding="utf-8")
    (tmp_path / "balances.csv").write_text(BALANCES, encoding="utf-8")
    (tmp_path / "market.csv").write_text("Underlying,Spot,As of\nBTC,65000,2030-01-01\n", encoding="utf-8")
    (tmp_path / "account.csv").write_text("Field,Value\nEquity,120000\nIntraday monitoring,yes\n", encoding="utf-8")
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code and what a command printed."""
    code = cli.main(words)
    out, err = capsys.readouterr()
    return code, out, err


def test_the_tables_are_those_of_the_functions(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status and accounts of the same files; the equity is a number or a file of balances."""
    book, balances, market = (read_csv(desk / f"{name}.csv") for name in ("book", "balances", "market"))
    for words, expected in (
        (("status", "--equity", "150,000", "--method", "TIMS"), ask("PM_STATUS", book, 150_000.0, market, "TIMS")),
        (("status", "--equity", str(desk / "balances.csv")), ask("PM_STATUS", book, balances, market)),
        (("accounts", "--balances", str(desk / "balances.csv")), ask("PM_ACCOUNTS", book, market, balances)),
    ):
        files = str(desk / "book.csv"), "--market", str(desk / "market.csv")
        code, out, _ = printed(capsys, words[0], *files, *words[1:], "--json")
        assert code == 0
        assert json.loads(out) == expected


def test_liquidation_prints_its_prices(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row per underlying under its header."""
    code, out, _ = printed(capsys, "liquidation", str(desk / "book.csv"), "--equity", "100000")
    assert code == 0
    assert out.splitlines()[0].split("  ")[0] == "Underlying"
    assert out.splitlines()[1].startswith("BTC")


def test_qualify_shows_sources_and_what_happens_below(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every rule that applies comes with who says so; JSON is the table alone."""
    code, out, _ = printed(capsys, "qualify", str(desk / "account.csv"))
    assert code == 0
    assert "three business days" in out
    assert "  Risk disclosure statement signed: FINRA" in out
    assert "5 million" not in out
    code, out, _ = printed(capsys, "qualify", str(desk / "account.csv"), "--rulebook", "okx", "--json")
    assert json.loads(out)[0] == ["Rule", "Required", "Actual", "Pass"]


def test_misuse_and_faults_are_told(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file is misuse, an unknown rulebook a fault."""
    code, _, err = printed(capsys, "status", str(desk / "book.csv"), "--equity", "none.csv")
    assert (code, err) == (2, "#PM! there is no file none.csv: check the name and the folder\n")
    code, _, err = printed(capsys, "qualify", str(desk / "account.csv"), "--rulebook", "x")
    assert code == 1
    assert err.startswith("#PM! no rulebook 'x'")


@pytest.fixture(scope="module")
def workbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook with a book, the balances of its account, and parameters of the method that it has chosen."""
    path = tmp_path_factory.mktemp("book") / "book.xlsx"
    sheets = {
        "positions": [["Instrument", "Quantity", "IV", "Spot"], ["BTC-27DEC80-70000-C", -1, 0.5, 65000]],
        "balances": [["Currency", "Amount"], ["USDC", 90000]],
        "parameters": [["Parameter", "Value"], ["price_scan_range", 0.2]],
        "method": [["SPAN"]],
    }
    with xlsxwriter.Workbook(path) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
            last = xl_rowcol_to_cell(len(rows) - 1, len(rows[0]) - 1, row_abs=True, col_abs=True)
            book.define_name(name, f"={name}!$A$1:{last}")
    return path


def test_an_account_has_the_balances_of_its_workbook(workbook: Path, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They stand in where no equity is given; a CSV file has none, and is told how to give one."""
    code, out, _ = printed(capsys, "status", str(workbook), "--json")
    assert (code, dict(json.loads(out))["Equity"]) == (0, 90000.0)
    code, out, _ = printed(capsys, "accounts", str(workbook), "--json")
    assert (code, json.loads(out)[-1][2]) == (0, 90000.0)
    code, _, err = printed(capsys, "liquidation", str(desk / "book.csv"))
    assert (code, err) == (2, "#PM! the book has no balances: give its equity with --equity NUMBER, or a CSV file of balances\n")


def test_another_method_leaves_the_parameters_of_the_chosen_one(workbook: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A workbook's parameters are its method's: another one takes its own values, and that is said."""
    code, out, err = printed(capsys, "margin", str(workbook), "--method", "RULES", "--json")
    assert (code, json.loads(out)["method"]) == (0, "RULES")
    assert err.startswith("note: the workbook's parameters are those of SPAN: RULES takes its own values here")
    _, chosen, quiet = printed(capsys, "margin", str(workbook), "--json")
    _, named, still = printed(capsys, "margin", str(workbook), "--method", "span", "--json")
    assert (quiet, still) == ("", "")
    seconds = 1e-6  # of the margin: the book is valued now, and a busy machine lets some seconds pass between two commands
    assert json.loads(chosen)["initial_margin"] == pytest.approx(json.loads(named)["initial_margin"], rel=seconds)
