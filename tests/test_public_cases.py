"""Bug reports, worked examples and files that desks have published, with their right values.

The inputs and the values were gathered outside the project; they lie in the folder of reference data.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import udfs
from xlmargin.cli import main
from xlmargin.methods.span.file import read_span_file

Case = dict[str, Any]
MARKET = [["Underlying", "Spot", "As of"], ["BTC", 70_000.0, "2026-11-27T00:00:00Z"]]


class Desk:
    """A folder with the inputs of a case, and the command line run in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code of a command, what it printed, and what it complained about."""
        self._capsys.readouterr()
        code = main(list(arguments))
        out, err = self._capsys.readouterr()
        return code, out, err

    def margin(self, *arguments: str) -> float:
        """The initial margin that a command prints for machines."""
        code, out, err = self.run("margin", *arguments, "--json")
        assert code == 0, (out, err)
        return float(json.loads(out)["initial_margin"])

    def refusal(self, *arguments: str) -> str:
        """The one line that a command prints instead of a number."""
        code, out, err = self.run("margin", *arguments)
        assert code in (1, 2), out
        assert not out, "a refused book has no number"
        assert err.startswith("#PM! ")
        assert len(err.strip().splitlines()) == 1, err
        return err.strip()


@pytest.fixture
def desk(request: pytest.FixtureRequest, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Desk:
    """The folder of the case that a test names by the number in its own name: `test_01_…` is `files-01-…`."""
    number = re.match(r"test_(\d\d)_", request.node.name)
    assert number
    (source,) = (shared / "cases").glob(f"files-{number[1]}-*")
    folder = tmp_path / "case"
    shutil.copytree(source, folder)
    monkeypatch.chdir(folder)
    return Desk(folder, capsys)


def margins(shared: Path) -> list[Path]:
    """The cases of one number each."""
    return sorted((shared / "cases").glob("margins-*/case.json"))


def test_every_number_of_the_margin_cases(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One function or one command each, against the value that its source prints; all that differ are listed together."""
    wrong = []
    for path in margins(shared):
        case = json.loads(path.read_text(encoding="utf-8"))
        if "a note that names" in str(case["expected"]):
            continue  # in words: test_a_deep_put_of_a_venue_answer_that_has_no_forward
        found = _answer(case, path.parent, capsys)
        if not _agrees(found, case):
            wrong.append(f"{case['id']}: {found!r} instead of {case['expected']!r} ({case['why']})")
    assert not wrong, "\n".join(wrong)


def _answer(case: Case, folder: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """The answer of the function or the command of a case."""
    if case["function"] == "cli":
        capsys.readouterr()
        main([*(part.replace("{}", str(folder)) for part in case["inputs"]), "--json"])
        return json.loads(capsys.readouterr().out)["initial_margin"]
    found = getattr(udfs, case["function"])(*case["inputs"])
    if case["select"] and isinstance(found, list):
        row, column = case["select"]
        found = found[row][column]
    return found


def _agrees(found: Any, case: Case) -> bool:
    expected = case["expected"]
    if isinstance(expected, str) and expected.startswith("error:"):
        return isinstance(found, str) and found.startswith("#PM! ") and expected[len("error:") :] in found
    if isinstance(expected, str) or isinstance(found, str):
        return bool(found == expected)
    return bool(found / (case["scale"] or 1.0) == pytest.approx(expected, abs=case["tolerance"]))


def test_a_deep_put_of_a_venue_answer_that_has_no_forward(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The index stands in for the forward and a note says so; a market range with the forward gives the exact figure."""
    source = shared / "cases/margins-23/positions.json"
    asked = ("--venue", "deribit", "--method", "SPAN")
    capsys.readouterr()
    assert main(["margin", str(source), *asked]) == 0
    out, err = capsys.readouterr()
    assert "Initial margin" in out
    assert re.search(r"index .*BTC.* forward|BTC.*index.*forward|forward.*BTC.*index", err + out)
    case = json.loads((source.parent / "case.json").read_text(encoding="utf-8"))
    expiries = {_expiry(item["instrument_name"]) for item in _positions(source) if item["instrument_name"].count("-") > 1}
    market = tmp_path / "market.csv"
    moment = dt.datetime.fromtimestamp(json.loads(source.read_text(encoding="utf-8"))["usIn"] / 1e6, dt.UTC).strftime("%Y-%m-%d %H:%M")
    rows = "".join(f"BTC,,{day},72800,\n" for day in sorted(expiries))
    market.write_text(f"Underlying,Spot,Expiry,Forward,As of\nBTC,70000,,,{moment}\n{rows}", encoding="utf-8")
    assert main(["margin", str(source), *asked, "--market", str(market), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["initial_margin"] == pytest.approx(10_515.6, abs=20.0), case["expected"]


def _positions(path: Path) -> list[Case]:
    found = json.loads(path.read_text(encoding="utf-8"))
    result = found["result"] if isinstance(found, dict) else found
    return list(result["positions"] if isinstance(result, dict) else result)


def _expiry(name: str) -> str:
    return name.split("-")[1]


def test_01_a_row_with_more_cells_than_the_header(desk: Desk) -> None:
    """A thousands comma without quotes is told with its row and both counts; the book that was meant has its margin."""
    told = desk.refusal("book.csv", "--market", "market.csv")
    assert "row 3" in told
    assert "3 cells" in told
    assert "2" in told
    assert desk.run("check", "book.csv", "--market", "market.csv")[0] in (1, 2)
    assert desk.margin("ok.csv", "--market", "market.csv") == pytest.approx(11_546_402.64, abs=0.01)


def test_03_hourly_closes_are_not_days(desk: Desk) -> None:
    """Hourly rows are refused or resampled to the daily figure; weekly rows are no days."""
    book = ("book.csv", "--market", "market.csv", "--method", "VAR", "--history")
    assert desk.margin(*book, "daily.csv") == pytest.approx(5_549.39, abs=0.01)
    code, out, err = desk.run("margin", *book, "hourly.csv")
    assert ("5,549.39" in out and "hourly.csv" in err + out) if code == 0 else "one row a day" in err
    code, out, err = desk.run("margin", *book, "weekly.csv")
    assert code in (1, 2) or "7 days" in out + err


def test_05_dot_thousands_in_a_semicolon_file(desk: Desk) -> None:
    """`69.500` alone has two readings: the margin is that of 69,500, or both readings are told."""
    assert desk.margin("ok.csv") == pytest.approx(76_450.0, abs=0.01)
    code, out, err = desk.run("margin", "book.csv", "--json")
    assert json.loads(out).get("initial_margin") == pytest.approx(76_450.0) if code == 0 else ("69.500" in out + err and "two" in out + err)


def test_07_a_contract_of_a_span_file_by_its_own_expiry(desk: Desk) -> None:
    """Natural gas of month 201810 expires in September; the statement names the contract."""
    asked = ("--market", "market.csv", "--method", "SPAN", "--span-file", "ng.pa2")
    assert desk.margin("b1.csv", *asked) == pytest.approx(1_100.0, abs=0.01)
    assert desk.margin("b2.csv", *asked) == pytest.approx(1_300.0, abs=0.01)
    assert "201810" in desk.run("explain", "b1.csv", *asked)[1]


@pytest.mark.parametrize(
    ("heading", "cell"),
    [
        ("Side", "short"),
        ("Quantity Direction", "Short"),
        ("Position Side", "SHORT"),
        ("Direction", "short"),
        ("Buy/Sell", "SELL"),
        ("posSide", "short"),
        ("Action", "Sell"),
    ],
)
def test_a_direction_under_any_heading(heading: str, cell: str) -> None:
    """A short put is never margined as a long one."""
    rows = [["Instrument", "Quantity", "IV", heading], ["BTC-25DEC26-70000-P", 1.0, 0.5, cell]]
    assert udfs.PM_MARGIN(rows, MARKET) == pytest.approx(6_341.52, abs=0.01)


def test_a_price_in_coin_under_price() -> None:
    """0.0555 is told by every method and by PM_CHECK, with and without a vol; in dollars the margins are right."""
    for cells in ([0.0555, 0.5], [0.0555, None]):
        rows = [["Instrument", "Quantity", "Price", "IV"], ["BTC-25DEC26-70000-C", -10.0, *cells]]
        for method in ("RULES", "DERIBIT_SM", "OKX_SM", "SPAN"):
            assert "coin" in str(udfs.PM_MARGIN(rows, MARKET, method)).lower()
        (fault,) = [row for row in udfs.PM_CHECK(rows, MARKET)[1:] if row[0] == 2 and "note" not in row[2]]
        assert fault[1] == "Price"
        assert "coin" in fault[2]
    rows[1] = ["BTC-25DEC26-70000-C", -10.0, 3_885.0, 0.5]
    for method in ("RULES", "DERIBIT_SM", "OKX_SM"):
        assert udfs.PM_MARGIN(rows, MARKET, method) == pytest.approx(143_850.0, abs=1.0)


def test_13_names_that_stand_for_a_table(desk: Desk) -> None:
    """Both workbooks hold the same table."""
    assert desk.margin("book.xlsx") == pytest.approx(desk.margin("bare.xlsx"))
    assert desk.run("check", "book.xlsx")[0] == 0


def test_15_a_feed_beside_an_unrelated_name(desk: Desk) -> None:
    """Names that the feed does not need are left alone: only the venue is missing."""
    told = desk.run("feed", "book.xlsx", "--venue", "deribit", "--url", "http://127.0.0.1:9", "--file", "--once")
    assert "deribit cannot be reached" in "".join(map(str, told))


@pytest.mark.parametrize("file", ["deflate64.xlsx", "encrypted.xlsx"])
def test_17_zip_methods_that_python_lacks(desk: Desk, file: str) -> None:
    """One line with the file and the cure."""
    told = desk.refusal(file)
    assert file in told
    assert "save it again" in told or "password" in told


def test_19_a_strict_open_xml_workbook(desk: Desk) -> None:
    """Read, or told by name with the kind to save."""
    code, out, err = desk.run("margin", "book.xlsx")
    assert "Initial margin" in out if code == 0 else ("Strict Open XML" in err and ".xlsx" in err)


def test_whole_columns_of_a_sheet() -> None:
    """A million blank rows below two change nothing."""
    blank: list[Any] = [None] * 8
    rows = [["Instrument", "Quantity", "IV", *blank[3:]], ["BTC-25DEC26-70000-P", -1.0, 0.5, *blank[3:]], *[blank] * (1_048_576 - 2)]
    assert udfs.PM_MARGIN(rows, MARKET) == pytest.approx(6_341.52, abs=0.01)
    assert udfs.PM_CHECK(rows, MARKET)[1][0] == "OK"


@pytest.mark.parametrize("file", ["local.xlsx", "table.xlsx", "trailing.xlsx"])
def test_23_tables_and_names_of_a_sheet(desk: Desk, file: str) -> None:
    """A table Positions, a name of one sheet, a sheet with a space at its end: short puts, as typed into cells."""
    assert desk.margin(file) == pytest.approx(26_889.36, abs=0.01)


def test_25_text_files_of_european_desks(desk: Desk) -> None:
    """Decimal commas, percent texts, `sep=` and a title line: short puts and a short perpetual at 70,000."""
    assert desk.margin("book.csv") == pytest.approx(1.5 * desk.margin("percent.csv"), rel=1e-6)
    assert desk.margin("sep.csv") == pytest.approx(0.11 * 70_000.0)
    assert desk.margin("title.csv") == pytest.approx(0.11 * 70_000.0)


@pytest.mark.parametrize("chain", ["tardis.csv", "summary.json", "summary.csv"])
def test_27_chains_of_others_as_the_market(desk: Desk, chain: str) -> None:
    """Vol 62.89 %, forward 9,756.36, as each of three sources writes them."""
    assert desk.margin("book.csv", "--market", chain) == pytest.approx(1_030.0, abs=1.0)


def test_29_positions_as_ccxt_unifies_them(desk: Desk) -> None:
    """The venue's own answer under `info`, and Hyperliquid's positions."""
    code, out, err = desk.run("margin", "positions.json", "--venue", "deribit", "--json")
    assert code == 0, err
    assert json.loads(out)["initial_margin"] > 0.0
    code, out, err = desk.run("margin", "hyperliquid.json", "--venue", "hyperliquid")
    assert "Initial margin" in out if code == 0 else ("BTC" in err and "Spot" in err)


def test_31_the_initial_ratio_of_a_span_file(desk: Desk) -> None:
    """12,000 × 1.1 for a speculator; where no kind of account is chosen the statement tells the ratios of the file."""
    asked = ("book.csv", "--market", "market.csv", "--method", "SPAN", "--span-file", "hh.pa2")
    assert "speculator 1.1" in desk.run("explain", *asked)[1]
    Path("own.csv").write_text("Parameter,Value\naccount_type,speculator\n", encoding="utf-8")
    assert desk.margin(*asked, "--parameters", "own.csv") == pytest.approx(13_200.0)
    assert desk.margin(*asked) == pytest.approx(12_000.0)


def test_33_settlement_prices_in_fractions_of_a_cent(desk: Desk) -> None:
    """Quarter cents of a future, eighths of an option."""
    assert read_span_file(Path("corn.pa2")).contracts.price.tolist() == pytest.approx([3.7575, 0.12875], abs=1e-9)


def test_35_the_index_stands_in_for_a_forward(desk: Desk) -> None:
    """The note names the coin; the market's forward gives the figure of the typed book within 1 %."""
    code, out, err = desk.run("margin", "positions.json", "--venue", "deribit")
    assert code == 0
    assert "forward" in err + out
    assert "--market" in err + out
    right = desk.margin("book.csv", "--market", "market.csv")
    assert desk.margin("positions.json", "--venue", "deribit", "--market", "market.csv") == pytest.approx(right, rel=0.01)
    assert right == pytest.approx(66_126.14, abs=0.01)


@pytest.mark.parametrize("file", ["tasty.csv", "ibkr.csv"])
def test_37_headings_of_brokers(desk: Desk, file: str) -> None:
    """Read as far as the file goes: what is missing then is a price of the underlying or a vol, with its row."""
    told = desk.run("margin", file)
    assert "no column" not in "".join(map(str, told))
    assert told[0] == 0 or re.search(r"row 2: (no )?(IV|Spot|Price|Multiplier)", told[2])
