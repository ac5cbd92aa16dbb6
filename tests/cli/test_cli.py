"""The command line: the functions' answers from files of every kind, its exit codes, and one clear line for each mistake."""

from __future__ import annotations

import csv
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.workbook.defined_name import DefinedName

import udfs
from xlmargin.cli import faces, main
from xlmargin.cli.doctor import NEEDED
from xlmargin.errors import MOST_BYTES
from xlmargin.faces.excel.book import write_excel_workbook
from xlmargin.faces.excel.commands import EXCEL_NAME
from xlmargin.faces.template import build_template
from xlmargin.files.books import read_ranges
from xlmargin.files.texts import read_csv
from xlmargin.files.workbooks import named_cells
from xlmargin.sheet.registry import ERROR, FUNCTIONS

assert udfs  # fills the registry

HERE = Path(__file__).parents[1]
FORTY = HERE / "data" / "forty_legs.csv"
MARGIN, LOSS = 36_722.21, 34_507.08  # USD: the forty legs at the crash's eve, and what they lost by the next day
POSITIONS: list[list[Any]] = [
    ["Underlying", "Type", "Strike", "DTE", "IV", "Spot", "Quantity"],
    ["BTC", "put", 70000.0, 10.0, 0.5, 70000.0, -1.0],
    ["BTC", "put", 69000.0, 10.0, 0.5, 70000.0, 1.0],
]
SPREAD = 488.13  # USD: the put spread above, as the README's session prints it
PROGRAM = "import sys; from xlmargin.cli import main; sys.exit(main(sys.argv[1:]))"
FAULTY = [*POSITIONS[:2], [*POSITIONS[2][:6], "ten"]]
FAULT = "row 3: Quantity must be a number, not 'ten'"


def write(path: Path, rows: list[list[Any]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """A CSV file of some rows."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A put spread as CSV."""
    return write(tmp_path / "book.csv", POSITIONS)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workbook that `new` writes."""
    folder = tmp_path_factory.mktemp("new") / "desk"
    assert main(["new", str(folder), "--rows", "50"]) == 0
    return folder / "xlmargin.xlsx"


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; its exit code, what it printed, and what it complained about."""

    def command(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:  # how argparse ends
            code = int(end.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return command


def machine(run: Run, *arguments: object) -> Any:
    """What a command answers to machines."""
    code, out, err = run(*arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def python(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command in a Python of its own, where every warning is an error."""
    call = [sys.executable, "-W", "error", "-c", PROGRAM, *map(str, arguments)]
    return subprocess.run(call, cwd=cwd, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)


def test_margin_of_a_workbook_is_what_its_cells_show(run: Run, desk: Path) -> None:
    """File, sheets and functions agree to the last digit."""
    answer = machine(run, "margin", desk)
    values, names = openpyxl.load_workbook(desk, data_only=True), named_cells(desk)
    for name in ("initial_margin", "maintenance_margin", "scanning_risk"):
        sheet, cell = names[name]
        assert answer[name] == values[sheet][cell].value, name
    assert answer["method"] == "SPAN"


def test_margin_for_people_names_each_number(run: Run, book: Path) -> None:
    """One number a line, with separators and cents."""
    code, out, err = run("margin", book)
    assert (code, err) == (0, "")
    assert dict(line.rsplit(None, 1) for line in out.splitlines()[:-1]) == {
        "Method": "SPAN",
        "Initial margin": "488.13",
        "Maintenance margin": "488.13",
        "Scanning risk": "488.13",
        "Status": "illustrative",
    }


def test_parameters_of_a_workbook_with_a_column_method_count_for_each_method(run: Run, tmp_path: Path) -> None:
    """Those without it are the chosen method's, and left aside for another; a row of one method moves no other."""

    def answer(parameters: list[list[Any]], command: str, *more: str) -> tuple[Any, str]:
        workbook = openpyxl.Workbook()
        for title, cells in (("Positions", POSITIONS), ("Parameters", parameters), ("Method", [["SPAN"]])):
            sheet = workbook.create_sheet(title)
            for row in cells:
                sheet.append([None if cell == "" else cell for cell in row])
        workbook.defined_names["method"] = DefinedName("method", attr_text="Method!$A$1")
        workbook.save(tmp_path / "book.xlsx")
        code, out, err = run(command, tmp_path / "book.xlsx", *more, "--json")
        assert code == 0, err
        return json.loads(out), err

    def margin(parameters: list[list[Any]], method: str) -> tuple[float, str]:
        found, note = answer(parameters, "margin", "--method", method)
        return found["initial_margin"], note

    plain, wide = [["Parameter", "Value"], ["price_scan_range", 0.3]], [["Method", "Parameter", "Value"], ["SPAN", "price_scan_range", 0.3]]
    both = [*wide, ["DERIBIT", "price_range", 0.3]]
    assert margin(wide, "SPAN") == margin(plain, "SPAN")
    for method in ("CME", "DERIBIT"):
        own, note = margin(plain, method)
        assert f"{method} takes its own values here" in note
        assert margin(wide, method) == (own, "")
        assert (margin(both, method)[0] == own) is (method == "CME")
    assert answer(wide, "compare") == answer([*plain, ["reference", "ISOLATED"]], "compare")
    assert answer(wide, "compare") != answer(wide[:1], "compare")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv_of_any_common_kind_is_read(run: Run, tmp_path: Path, delimiter: str, encoding: str) -> None:
    """Comma, semicolon and tab; with and without the mark that Excel puts first."""
    path = write(tmp_path / "book.csv", POSITIONS, delimiter, encoding)
    assert machine(run, "margin", path)["initial_margin"] == pytest.approx(SPREAD, abs=0.005)


def test_a_book_may_be_inverted_and_blank_lines_do_not_count(run: Run, tmp_path: Path) -> None:
    """Rows come in any order, with blank ones between."""
    rows = [POSITIONS[0], [], POSITIONS[2], ["", "", ""], POSITIONS[1], []]
    assert machine(run, "margin", write(tmp_path / "b.csv", rows))["initial_margin"] == pytest.approx(SPREAD, abs=0.005)


def test_market_and_parameters_come_from_files_of_their_own(run: Run, tmp_path: Path) -> None:
    """The same numbers whether spot stands on the row or in a market file; a parameter moves the margin."""
    bare = write(tmp_path / "bare.csv", [row[:5] + row[6:] for row in POSITIONS])
    market = write(tmp_path / "market.csv", [["Underlying", "Spot"], ["BTC", 70000.0]], ";")
    own = write(tmp_path / "own.csv", [["Parameter", "Value"], ["price_scan_range", 0.3]])
    code, _, err = run("margin", bare)
    assert code == 1
    assert "row 2" in err
    assert machine(run, "margin", bare, "--market", market)["initial_margin"] == pytest.approx(SPREAD, abs=0.005)
    wider = machine(run, "margin", bare, "--market", market, "--parameters", own)
    call = FUNCTIONS["PM_MARGIN"].call
    assert wider["initial_margin"] == call(read_csv(bare), read_csv(market), None, read_csv(own)) > SPREAD


def test_a_saved_chain_is_a_market(run: Run, shared: Path) -> None:
    """Forty legs against the chain of the eve of a crash: the documented margin, to a cent."""
    chain = shared / "data" / "chains" / "deribit_20260204T213308Z_crash_before.csv"
    answer = machine(run, "margin", FORTY, "--market", chain)
    assert answer["initial_margin"] == pytest.approx(MARGIN, abs=0.01)


def test_the_crash_cost_the_book_less_than_its_margin(shared: Path) -> None:
    """The realised loss from one saved chain to the next, by the totals of PM_GREEKS."""
    values = []
    for name in ("deribit_20260204T213308Z_crash_before.csv", "deribit_20260205T212937Z_crash_after.csv"):
        ranges = read_ranges(FORTY, shared / "data" / "chains" / name)
        header, *rows = FUNCTIONS["PM_GREEKS"].call(ranges.positions, ranges.market)
        at, quantity = header.index("Value"), header.index("Quantity")
        values.append(sum(row[at] for row in rows if row[quantity] == ""))
    assert values[0] - values[1] == pytest.approx(LOSS, abs=0.01)
    assert values[0] - values[1] < MARGIN


@pytest.mark.parametrize(("command", "function"), [("explain", "PM_EXPLAIN"), ("compare", "PM_COMPARE"), ("check", "PM_CHECK")])
def test_tables_are_those_of_the_functions(run: Run, desk: Path, command: str, function: str) -> None:
    """Machines get the very table, people every line of it."""
    ranges = read_ranges(desk)
    inputs = {
        "explain": (ranges.method, ranges.parameters, ranges.history),
        "compare": (None, ranges.parameters, ranges.history),
        "check": (),
    }[command]
    table = FUNCTIONS[function].call(ranges.positions, ranges.market, *inputs)
    assert machine(run, command, desk) == table
    code, out, err = run(command, desk)
    assert (code, err) == (0, "")
    lines = out.splitlines()[: -1 if command == "check" else None]
    assert len(lines) == len(table) - (command == "explain")
    for row, line in zip(table[1:], lines[-len(table) + 1 :]):
        assert str(row[1 if command == "explain" else 0]) in line


def test_the_statement_begins_with_the_margin(run: Run, desk: Path) -> None:
    """The first row of explain is the number of margin."""
    assert machine(run, "explain", desk)[1][2] == machine(run, "margin", desk)["initial_margin"]


def test_a_method_can_be_chosen_and_compare_takes_a_list(run: Run, desk: Path, tmp_path: Path) -> None:
    """--method, in any case, goes before the workbook's own."""
    scenarios = write(tmp_path / "own.csv", [["Scenario", "Price move", "Vol move"], ["Fall", -0.2, 0.3]])
    answer = machine(run, "margin", desk, "--method", "stress", "--parameters", scenarios)
    ranges = read_ranges(desk)
    assert answer["method"] == "STRESS"
    expected = FUNCTIONS["PM_MARGIN"].call(ranges.positions, ranges.market, "STRESS", read_csv(scenarios))
    assert answer["initial_margin"] == expected
    rows = machine(run, "compare", desk, "--method", "SPAN")
    assert [row[0] for row in rows] == ["Method", "SPAN"]


def test_an_unknown_method_is_answered_with_the_known_ones(run: Run, book: Path) -> None:
    """The message lists what there is."""
    code, out, err = run("margin", book, "--method", "SPAM")
    assert (code, out) == (2, "")
    assert "SPAM" in err
    assert "SPAN" in err


@pytest.mark.parametrize("command", ["margin", "explain", "compare"])
def test_a_fault_is_told_with_its_row_and_exit_code_1(run: Run, tmp_path: Path, command: str) -> None:
    """The message of the functions, for people and for machines, and no number beside it."""
    path = write(tmp_path / "faulty.csv", FAULTY)
    assert run(command, path) == (1, "", f"{ERROR}{FAULT}\n")
    code, out, err = run(command, path, "--json")
    assert (code, json.loads(out), err) == (1, {"error": FAULT}, "")


def test_check_lists_every_fault(run: Run, tmp_path: Path) -> None:
    """All of them at once, each with row, column and cure; exit code 1."""
    rows = [POSITIONS[0], [*POSITIONS[1][:1], "putt", *POSITIONS[1][2:]], FAULTY[2]]
    code, out, _ = run("check", write(tmp_path / "faulty.csv", rows), "--json")
    assert code == 1
    assert [row[:2] for row in json.loads(out)[1:]] == [[2.0, "Type"], [3.0, "Quantity"]]


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#DIV/0!"])
def test_check_names_an_error_value_in_a_workbook(run: Run, tmp_path: Path, error: str) -> None:
    """What a spreadsheet program never hands to a function is read from the file."""
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "Positions"
    for row in POSITIONS:
        sheet.append(row)
    sheet["G3"] = error
    made.save(tmp_path / "book.xlsx")
    code, out, _ = run("check", tmp_path / "book.xlsx")
    assert code == 1
    told = next(line for line in out.splitlines() if error in line)
    assert told.split()[:3] == ["3", "Quantity", "Positions!G3:"]
    code, out, err = run("margin", tmp_path / "book.xlsx")
    assert (code, out) == (1, "")
    assert err.startswith(f"{ERROR}row 3: ")


def test_a_sheet_called_positions_is_enough(run: Run, tmp_path: Path) -> None:
    """Without names the ranges are found by their sheets, below whatever stands above the headings."""
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "positions"
    for row in [["Our book"], [], *POSITIONS]:
        sheet.append(row)
    made.save(tmp_path / "book.xlsx")
    code, out, err = run("margin", tmp_path / "book.xlsx", "--json")
    assert (code, err) == (0, "note: 1 row above the header of the positions (row 3 of the sheet positions) is not read\n")
    assert json.loads(out)["initial_margin"] == pytest.approx(SPREAD, abs=0.005)


def test_a_workbook_saved_without_values_gives_the_same_margin(run: Run, desk: Path, tmp_path: Path) -> None:
    """A library that edits a workbook drops what its formulas came to, the parameters in use among them."""
    edited = openpyxl.load_workbook(desk)
    edited.save(tmp_path / "edited.xlsx")
    build_template(tmp_path / "fresh.xlsx", rows=50, kind="new")
    expected = machine(run, "margin", desk)
    assert machine(run, "margin", tmp_path / "edited.xlsx") == expected
    assert machine(run, "margin", tmp_path / "fresh.xlsx") == expected
    assert machine(run, "check", tmp_path / "edited.xlsx")[1][0] == "OK"


def test_output_is_the_workbook_with_values_and_formulas(run: Run, tmp_path: Path) -> None:
    """-o calculates a copy: each formula stands as before, each cell has its value, the source is as it was."""
    source, copy = tmp_path / "fresh.xlsx", tmp_path / "calculated.xlsx"
    build_template(source, rows=20)
    before = source.read_bytes()
    code, out, err = run("margin", source, "-o", copy, "--json")
    assert (code, err) == (0, f"{copy}\n")
    assert source.read_bytes() == before
    sheet, cell = named_cells(copy)["initial_margin"]
    assert openpyxl.load_workbook(copy, data_only=True)[sheet][cell].value == json.loads(out)["initial_margin"]
    assert formulas(copy) == formulas(source)


def formulas(path: Path) -> dict[tuple[str, str], str]:
    """Every formula of a workbook by sheet and cell."""
    return {
        (sheet.title, cell.coordinate): getattr(cell.value, "text", cell.value)
        for sheet in openpyxl.load_workbook(path)
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f"
    }


def test_output_needs_a_workbook(run: Run, book: Path, tmp_path: Path) -> None:
    """A CSV file has no formulas to calculate."""
    code, out, err = run("margin", book, "-o", tmp_path / "out.xlsx")
    assert (code, out) == (2, "")
    assert "is no workbook" in err
    assert not (tmp_path / "out.xlsx").exists()


def test_output_into_a_folder_that_is_not_there_is_told(run: Run, desk: Path, tmp_path: Path) -> None:
    """One line, and nothing left behind."""
    code, out, err = run("margin", desk, "-o", tmp_path / "nowhere" / "out.xlsx")
    assert (code, out) == (2, "")
    assert "cannot be written" in err
    assert err.count("\n") == 1


def test_the_workbook_for_excel_is_the_one_calculated_by_itself(desk: Path, tmp_path: Path) -> None:
    """`new` calculates only what differs from its other workbook: no byte tells."""
    alone = write_excel_workbook(tmp_path / EXCEL_NAME, 50, "new")
    assert alone.read_bytes() == desk.with_name(EXCEL_NAME).read_bytes()


def test_new_does_not_overwrite(run: Run, desk: Path) -> None:
    """A desk's own workbook is never lost."""
    before = desk.read_bytes()
    code, out, err = run("new", desk.parent)
    assert (code, out) == (2, "")
    assert "is there already" in err
    assert desk.read_bytes() == before


@pytest.mark.parametrize("rows", ["9", "20001", "-1"])
def test_new_says_how_many_rows_there_can_be(run: Run, tmp_path: Path, rows: str) -> None:
    """Out of range is misuse, and writes nothing."""
    code, _, err = run("new", tmp_path / "desk", "--rows", rows)
    assert code == 2
    assert "--rows must be from 10 to 20,000" in err
    assert not (tmp_path / "desk").exists()


def test_new_into_a_file_is_told(run: Run, book: Path) -> None:
    """The folder is a file: one line says that it cannot be written."""
    code, _, err = run("new", book / "desk")
    assert code == 2
    assert "cannot be written" in err


def test_demo_leaves_one_workbook_with_values(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file, its whole path on a line of its own, eight PM formulas or more, each with a value."""
    monkeypatch.chdir(tmp_path)
    code, out, err = run("demo")
    assert (code, err) == (0, "")
    (path,) = tmp_path.iterdir()
    assert out.splitlines().count(str(path)) == 1
    shown = openpyxl.load_workbook(path, data_only=True)
    ours = [place for place, text in formulas(path).items() if "PM_" in text]
    assert len(ours) >= 8
    for sheet, cell in ours:
        value = shown[sheet][cell].value
        assert value is not None, (sheet, cell)
        assert not str(value).startswith("#"), (sheet, cell, value)


def test_demo_shows_what_a_changed_position_moves(tmp_path: Path) -> None:
    """In a Python of its own: before, after and change of the headlines and of sixteen scenarios, in under two minutes."""
    done = python("demo", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    moved = [line for line in done.stdout.splitlines() if "→" in line]
    assert len(moved) == 3 + 16
    for line in moved:
        old, new = line.replace(",", "").split("→")
        after, change = map(float, new.split())
        assert change == pytest.approx(after - float(old.split()[-1]), abs=0.011)
    assert [path.suffix for path in tmp_path.iterdir()] == [".xlsx"]


def test_demo_leaves_an_earlier_workbook_alone(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold edits: each run writes exactly one new file, under the next free name, and ends with how to open it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "xlmargin-demo.xlsx").write_text("edited")
    (tmp_path / "xlmargin-demo-2.xlsx").write_text("edited, too")
    code, out, _ = run("demo")
    assert code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"xlmargin-demo{ending}.xlsx" for ending in ("-2", "-3", "")]
    assert (tmp_path / "xlmargin-demo.xlsx").read_text() == "edited"
    assert (tmp_path / "xlmargin-demo-2.xlsx").read_text() == "edited, too"
    path, how = out.splitlines()[-2:]
    assert path == str(tmp_path / "xlmargin-demo-3.xlsx")
    assert f'xlmargin open "{path}"' in how


@pytest.mark.parametrize(
    ("ours", "file", "said"),
    [
        ("web", "desk.xlsx", 'in the browser: xlmargin open "desk.xlsx"'),
        ("libreoffice", "desk.xlsx", 'in LibreOffice: xlmargin open "desk.xlsx"'),
        ("excel", "desk.xlsx", 'in the browser: xlmargin open "desk.xlsx" --web'),  # its functions are not in Excel
        ("excel", "desk.xlsm", 'in Excel: xlmargin open "desk.xlsm"'),
        ("web", "desk.xlsm", "no Excel for Windows"),
    ],
)
def test_how_a_workbook_is_opened_here(ours: str, file: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the best program of this machine whose functions answer in that file."""
    here = tuple(replace(face, available=lambda has=face.name in (ours, "web"): has) for face in faces.FACES)
    monkeypatch.setattr(faces, "FACES", here)
    assert said in faces.opening(Path(file))
    assert faces.opening(Path(file)).endswith((said, "open the other file here"))


def test_a_command_in_a_python_of_its_own(book: Path, tmp_path: Path) -> None:
    """Exit codes reach the shell: 0 answered, 1 faults, 2 misuse."""
    good, faulty = python("margin", book, "--json", cwd=tmp_path), write(tmp_path / "faulty.csv", FAULTY)
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(good.stdout)["initial_margin"] == pytest.approx(SPREAD, abs=0.005)
    bad = python("margin", faulty, cwd=tmp_path)
    assert (bad.returncode, bad.stdout, bad.stderr) == (1, "", f"{ERROR}{FAULT}\n")
    none = python("margin", "nowhere.csv", cwd=tmp_path)
    assert (none.returncode, none.stdout) == (2, "")


def test_a_workbook_is_read_without_warnings(desk: Path, tmp_path: Path) -> None:
    """What the library that reads it has to say about extensions is nothing for a desk."""
    done = python("margin", desk, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_doctor_says_what_is_there(run: Run) -> None:
    """Each package with its version, each face with what it needs; 0 where nothing needed is missing."""
    code, out, err = run("doctor")
    assert (code, err) == (0, "")
    for name in ("Python", "xlmargin", *NEEDED, "LibreOffice", "Excel"):
        assert sum(line.split()[0] == name for line in out.splitlines()) == 1, name


def test_doctor_names_a_missing_package(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is needed is told with the command that brings it; exit code 1."""
    monkeypatch.setattr("xlmargin.cli.doctor.NEEDED", ("numpy", "no-such-package-of-ours"))
    code, out, _ = run("doctor")
    assert code == 1
    assert "missing  → needed: pip install no-such-package-of-ours" in out


def test_verify_replays_a_clearing_house(run: Run, shared: Path) -> None:
    """Sixteen printed numbers of a future, recomputed."""
    code, out, err = run("verify", "span", shared / "data" / "nse_span_risk_arrays_20260625.json")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "1 match, 0 differ"


def test_verify_names_the_first_number_that_differs(run: Run, shared: Path, tmp_path: Path) -> None:
    """One changed number: the case differs once, its scenario and both values are shown, exit code 1."""
    data = json.loads((shared / "data" / "nse_span_risk_arrays_20260625.json").read_text(encoding="utf-8"))
    printed = data["futures"][0]["ra"]
    printed[10] += 5.0
    printed[12] += 5.0
    (tmp_path / "changed.json").write_text(json.dumps(data), encoding="utf-8")
    code, out, err = run("verify", "SPAN", tmp_path / "changed.json")
    assert (code, err) == (1, "")
    case, evidence, last = out.splitlines()
    assert evidence.startswith("SPAN: formula verified on 0 of 1 answers of this file; the shipped numbers are parameters of ")
    assert last == "0 match, 1 differ"
    assert case.startswith("DIFFER")
    assert "scenario 11: ours -2,226.91" in case
    assert f"theirs {printed[10]:,.4f}" in case


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"futures": []}', "holds no case"),
        ("[1, 2]", "holds no case"),
        ("not json", "is not JSON"),
        ("[" * 200_000, "is not JSON"),
        ('{"futures": "many"}', "holds no case"),
    ],
)
def test_verify_refuses_what_it_cannot_replay(run: Run, tmp_path: Path, text: str, said: str) -> None:
    """An empty or foreign file never counts as a match."""
    (tmp_path / "answers.json").write_text(text, encoding="utf-8")
    code, out, err = run("verify", "SPAN", tmp_path / "answers.json")
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


WHOLE = {"symbol": "X", "price": 100.0, "implied_price_scan_range": 10.0, "constant": 0.0}


@pytest.mark.parametrize(
    "case", [7, {}, WHOLE, {"ra": [1.0] * 16}, {**WHOLE, "ra": [1.0] * 15}, {**WHOLE, "ra": "x"}, {**WHOLE, "ra": [math.nan] * 16}]
)
def test_a_case_that_lacks_something_differs(run: Run, tmp_path: Path, case: Any) -> None:
    """It is counted, and the line says why."""
    (tmp_path / "answers.json").write_text(json.dumps({"futures": [case]}), encoding="utf-8")
    code, out, err = run("verify", "SPAN", tmp_path / "answers.json")
    assert (code, err) == (1, "")
    assert out.splitlines()[-1] == "0 match, 1 differ"


def test_verify_lists_the_methods_it_can_replay(run: Run, shared: Path) -> None:
    """An unknown method is answered with the known ones."""
    code, _, err = run("verify", "NOSUCH", shared / "data" / "nse_span_risk_arrays_20260625.json")
    assert code == 2
    assert "SPAN" in err


def test_verify_of_a_missing_file_is_told(run: Run, tmp_path: Path) -> None:
    """What and where."""
    code, _, err = run("verify", "SPAN", tmp_path / "nowhere.json")
    assert code == 2
    assert "there is no file" in err


@pytest.mark.parametrize("command", ["margin", "explain", "compare", "check"])
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("nowhere.csv", None, "there is no file"),
        ("garbage.xlsx", b"this is no zip file", "cannot be read as a workbook"),
        ("cut.xlsx", b"PK\x03\x04" + bytes(200), "cannot be read as a workbook"),
        ("binary.csv", bytes(range(256)) * 4, "is not a text file in UTF-8"),
        ("utf16.csv", "Underlying,Quantity\n".encode("utf-16"), "holds a heading (line 1) and no row below it"),
        ("empty.csv", b"", "is empty"),
    ],
)
def test_a_file_that_cannot_be_read_is_misuse(run: Run, tmp_path: Path, command: str, name: str, content: bytes | None, said: str) -> None:
    """Exit code 2, one line that names the file, nothing on the standard output."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, out, err = run(command, tmp_path / name)
    assert (code, out) == (2, "")
    assert err.startswith(ERROR)
    assert name in err
    assert said in err
    assert err.count("\n") == 1


def test_a_folder_or_an_impossible_name_is_no_file(run: Run, tmp_path: Path) -> None:
    """A folder, and a name longer than any system allows."""
    for path in (tmp_path, tmp_path / ("x" * 5_000 + ".csv")):
        code, out, err = run("margin", path)
        assert (code, out) == (2, "")
        assert "there is no file" in err


def test_a_file_that_is_far_too_large_is_refused_before_it_is_read(run: Run, tmp_path: Path) -> None:
    """Its size is told, and what to give instead."""
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # takes no room on the disk
    code, out, err = run("margin", path)
    assert (code, out) == (2, "")
    assert "has more than 200 MB" in err


@pytest.mark.parametrize(
    ("content", "expected"),
    [("", 2), ("\n\n", 2), ("Quantity\n1\n", 1), ("a,b\n1,2\n", 1), ("Underlying,Quantity\n", 2), ('"', 2), ("\0", 2)],
)
def test_a_csv_without_a_book_is_told_in_one_line(run: Run, tmp_path: Path, content: str, expected: int) -> None:
    """Empty, without headings, without rows: never a number, never a traceback; 1 where a table was read, 2 where none could be."""
    path = tmp_path / "book.csv"
    path.write_text(content, encoding="utf-8")
    code, out, err = run("margin", path)
    assert (code, out) == (expected, "")
    assert err.startswith(ERROR)
    assert err.count("\n") == 1
    assert "please report" not in err


def test_a_workbook_without_positions_is_told(run: Run, tmp_path: Path) -> None:
    """It says how a range is found: the only sheet has to be it, of several one by its name."""
    made = openpyxl.Workbook()
    made.save(tmp_path / "empty.xlsx")
    code, _, err = run("margin", tmp_path / "empty.xlsx")
    assert code == 2
    assert "has no row with the heading Quantity" in err
    made.create_sheet("Other")
    made.save(tmp_path / "two.xlsx")
    code, _, err = run("margin", tmp_path / "two.xlsx")
    assert code == 2
    assert "name the range `positions`, or call its sheet Positions" in err


@pytest.mark.parametrize("means", ["#REF!", "Nowhere!$A$1:$B$2", "1+1"])
def test_a_name_that_leads_nowhere_is_told(run: Run, desk: Path, tmp_path: Path, means: str) -> None:
    """A name whose sheet was deleted is no range."""
    made = openpyxl.load_workbook(desk)
    made.defined_names["positions"].attr_text = means
    made.save(tmp_path / "book.xlsx")
    code, _, err = run("margin", tmp_path / "book.xlsx")
    assert code == 2
    assert "positions" in err
    assert err.count("\n") == 1


def test_a_bad_market_file_is_told(run: Run, book: Path, tmp_path: Path) -> None:
    """--market and --parameters are read with the same care."""
    for option in ("--market", "--parameters"):
        code, _, err = run("margin", book, option, tmp_path / "nowhere.csv")
        assert code == 2
        assert "nowhere.csv" in err


def test_a_chain_with_a_word_for_a_vol_names_the_row(run: Run, shared: Path, tmp_path: Path) -> None:
    """The row of the chain, not of the positions."""
    chain = shared / "data" / "chains" / "deribit_20260204T213308Z_crash_before.csv"
    rows = list(csv.reader(chain.read_text(encoding="utf-8").splitlines()[:4]))
    rows[2][rows[0].index("mark_iv")] = "high"
    code, _, err = run("margin", FORTY, "--market", write(tmp_path / "chain.csv", rows))
    assert code == 2
    assert "chain row 3: mark_iv must be a number, not 'high'" in err


def test_misuse_of_a_file_is_json_for_machines(run: Run, tmp_path: Path) -> None:
    """A program that asked for JSON gets it whatever happens."""
    code, out, err = run("margin", tmp_path / "nowhere.csv", "--json")
    assert (code, err) == (2, "")
    assert "there is no file" in json.loads(out)["error"]


@pytest.mark.parametrize(
    "arguments",
    [(), ("margins", "book.csv"), ("margin",), ("margin", "a.csv", "--nosuch"), ("new", "x", "--rows", "many"), ("verify", "SPAN")],
)
def test_a_command_that_is_not_there_is_misuse(run: Run, arguments: tuple[str, ...]) -> None:
    """Exit code 2, with the usage."""
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("usage: xlmargin")


@pytest.mark.parametrize(
    "command", [(), ("margin",), ("compare",), ("explain",), ("check",), ("demo",), ("new",), ("doctor",), ("verify",)]
)
def test_every_command_has_help(run: Run, command: tuple[str, ...]) -> None:
    """--help answers, and ends well."""
    code, out, err = run(*command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(" ".join(["usage: xlmargin", *command]))


def test_the_version_is_the_functions_version(run: Run) -> None:
    """--version says what PM_VERSION says."""
    code, out, _ = run("--version")
    assert code == 0
    assert out.split()[-1] in str(FUNCTIONS["PM_VERSION"].call())


def test_a_reader_that_goes_away_is_no_mistake(desk: Path, tmp_path: Path) -> None:
    """`xlmargin explain … | head -1` ends without a traceback."""
    if shutil.which("head") is None:
        pytest.skip("this system has no program head")
    first = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "explain", str(desk)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    )
    assert first.stdout is not None
    assert first.stderr is not None
    subprocess.run(["head", "-n", "1"], stdin=first.stdout, stdout=subprocess.DEVNULL, check=True)
    first.stdout.close()
    told = first.stderr.read()
    first.stderr.close()
    assert first.wait(60) == 0
    assert told == b""
