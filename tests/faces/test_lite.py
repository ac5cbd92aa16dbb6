"""Excel on macOS and the web: the wheel, the workbook and main.py that xlwings Lite needs, and the cells it hands over."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, TEMPLATE, missing

import udfs  # noqa: F401  (importing it fills the registry)
from xlmargin.cli import main
from xlmargin.errors import MarginError
from xlmargin.faces.lite import MAIN, NAME, STEPS, office_names, store_as_office
from xlmargin.sheet.registry import FUNCTIONS

HEAD = ["Underlying", "Type", "Strike", "Expiry", "Quantity", "IV", "Spot"]
PLAIN: list[list[Any]] = [
    HEAD,
    ["BTC", "call", 70_000.0, 45_835.0, -2.0, 0.55, 65_000.0],
    [None] * 7,
    ["BTC", "put", 60_000.0, 45_835.0, 3.0, 0.6, 65_000.0],
]
MARKET: list[list[Any]] = [["Underlying", "Spot", "As of"], ["BTC", 65_000.0, 45_800.0]]
# The same book as Office.js hands it over: whole numbers as int, blanks as null, "" or 0, dates as serials or data types
DATE = {"type": "FormattedNumber", "basicType": "Double", "basicValue": 45_835, "numberFormat": "dd-mmm-yy"}
OFFICE: list[list[Any]] = [
    HEAD,
    ["BTC", "call", 70_000, 45_835, -2, 0.55, 65_000],
    [None, "", None, "", 0, None, 0],
    ["BTC", "put", 60_000, DATE, 3, 0.6, 65_000],
]
OFFICE[2][4] = None
OFFICE_MARKET: list[list[Any]] = [["Underlying", "Spot", "As of"], ["BTC", 65_000, 45_800]]
NOT_AVAILABLE = {"type": "Error", "basicType": "Error", "basicValue": "#N/A", "errorType": "NotAvailable"}


class JsNull:
    """What Pyodide makes of a null inside a range: an object of a class of this name, which only Pyodide has."""


def with_cell(rows: list[list[Any]], row: int, column: int, cell: Any) -> list[list[Any]]:
    """The range with one cell changed."""
    return [[cell if (r, c) == (row, column) else old for c, old in enumerate(line)] for r, line in enumerate(rows)]


def margin(*arguments: Any) -> Any:
    """PM_MARGIN as a cell of any face has it."""
    return FUNCTIONS["PM_MARGIN"].call(*arguments)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the project by its own build backend without an index."""
    try:
        importlib.import_module("hatchling")
    except ImportError:
        missing("hatchling, which builds the wheel, is not installed: pip install '.[test]'")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    return next(folder.glob("*.whl"))


class Player:
    """Pyodide under Node, playing Lite; what needs NumPy is answered by the Python of the tests."""

    def __init__(self, command: list[str]) -> None:
        """Start Python in Pyodide and load main.py."""
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self.about: dict[str, Any] = self.receive()

    def receive(self) -> Any:
        """One line; a question about numbers is answered before."""
        assert self.process.stdout is not None
        while True:
            line = self.process.stdout.readline()
            assert line, f"Pyodide ended with {self.process.wait()}"
            said = json.loads(line)
            if "ask" not in said:
                return said
            self.send(self.outside(*json.loads(said["ask"])))

    @staticmethod
    def outside(module: str, function: str, arguments: list[Any]) -> dict[str, Any]:
        """What the functions with NumPy answer."""
        try:
            return {"result": getattr(importlib.import_module(module), function)(*arguments)}
        except MarginError as error:
            return {"problem": str(error)}

    def send(self, message: object) -> None:
        """One line."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def call(self, name: str, *values: Any) -> Any:
        """A function's answer; each value a matrix as Office.js has it, or None where it was left out."""
        self.send({"name": name, "values": values})
        return json.loads(self.receive()["answer"])


@pytest.fixture(scope="module")
def lite(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    """Lite with the built wheel, the open part of xlwings and the main.py that the README gives."""
    node, folder = shutil.which("node"), Path(os.environ.get("XLMARGIN_PYODIDE", ROOT / "node_modules")) / "pyodide"
    if node is None or not (folder / "pyodide.mjs").is_file():
        missing(f"Node or the npm package pyodide is not there ({folder}): npm install pyodide")
    spec = importlib.util.find_spec("xlwings")
    assert spec is not None
    assert spec.origin is not None
    place = tmp_path_factory.mktemp("lite")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "wheel")
    (place / "main.py").write_text(MAIN, encoding="utf-8")
    plays = ROOT / "tests/help/lite"
    player = Player(
        [
            node,
            str(plays / "player.mjs"),
            str(folder),
            str(place / "wheel"),
            str(Path(spec.origin).parent),
            str(plays / "player.py"),
            str(place / "main.py"),
        ]
    )
    with player.process as process:
        yield player
        assert process.stdin is not None
        process.stdin.close()


def test_the_wheel_is_pure(wheel: Path) -> None:
    """Any Python of any system takes it, Pyodide included: no compiled file in it."""
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert not [name for name in names if Path(name).suffix in (".so", ".pyd", ".dylib", ".dll")]


def test_the_wheel_carries_functions_and_template(wheel: Path) -> None:
    """`import udfs`, the template with its builder, and every method with its parameters."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    builder = {f"xlmargin/{path.relative_to(ROOT).as_posix()}" for path in ROOT.glob("workbook/**/*.py")}
    methods = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("xlmargin/**/*.*") if path.suffix in (".py", ".toml")}
    assert names >= {"udfs.py", "xlmargin/workbook/xlmargin.xlsx", "xlmargin/py.typed", *builder, *methods}


def test_the_wheel_has_no_upper_pins(wheel: Path) -> None:
    """Pyodide brings one version of each package: only the engine that it does not have is pinned."""
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(next(name for name in archive.namelist() if name.endswith("METADATA"))).decode()
    needs = re.findall(r"^Requires-Dist: (.*)$", text, re.MULTILINE)
    assert len(needs) >= 6
    pinned = [need for need in needs if re.search(r"[<=~]=|<|!=", need.split(";")[0].replace(">=", ""))]
    assert [need.split("==")[0] for need in pinned] == ["ironcalc"]
    assert "sys_platform != 'emscripten'" in pinned[0]


def test_import_needs_nothing_but_numpy_and_scipy() -> None:
    """`import udfs` where every other package is missing, as in a fresh Pyodide."""
    code = (
        "import sys\n"
        "class Gone:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        top = name.partition('.')[0]\n"
        "        if top not in sys.stdlib_module_names | {'numpy', 'scipy', 'xlmargin', 'udfs', '_distutils_hack'}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Gone())\n"
        "import udfs; print(udfs.PM_VERSION())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("xlmargin "), done.stderr


def test_cells_of_office_js_are_read() -> None:
    """Int or float, serial dates, data types, and blanks in every form give the same margin as plain cells."""
    expected = margin(PLAIN, MARKET)
    assert isinstance(expected, float)
    assert expected > 0.0
    assert margin(OFFICE, OFFICE_MARKET) == expected
    nulls = [[JsNull() if cell is None else cell for cell in row] for row in OFFICE]
    assert margin(nulls, OFFICE_MARKET, JsNull(), JsNull(), JsNull()) == expected
    assert margin(OFFICE, OFFICE_MARKET, "", "", "") == expected
    assert margin(OFFICE, OFFICE_MARKET, [["span"]], None, None) == expected


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (NOT_AVAILABLE, "holds the error #N/A"),
        ({"type": "Error", "basicType": "Error", "basicValue": "#SPILL!", "errorType": "Spill"}, "holds the error #SPILL!"),
        ({"type": "LinkedEntity", "basicType": "Error", "basicValue": "#VALUE!", "text": "Bitcoin"}, "holds the error #VALUE!"),
        ({"type": "String", "basicType": "String", "basicValue": "ten"}, "must be a number, not 'ten'"),
        ({"type": "Boolean", "basicType": "Boolean", "basicValue": True}, "must be a number, not TRUE"),
        (True, "must be a number, not TRUE"),
        ("2", "must be a number, not the text '2'"),
        (JsNull(), "must be given"),
        ("", "must be given"),
    ],
)
def test_a_faulty_cell_of_office_js_is_told(cell: Any, told: str) -> None:
    """Errors, texts and blanks in a quantity are told with their row, never read as a number."""
    said = margin(with_cell(OFFICE, 1, 4, cell), OFFICE_MARKET)
    assert isinstance(said, str)
    assert said.startswith("#PM! row 2: Quantity")
    assert told in said


def test_a_flat_row_and_a_scalar_are_ranges() -> None:
    """Lite hands a range of one row over flat, and of one cell as that cell: moves of a grid in either form."""
    flat = FUNCTIONS["PM_PNL_GRID"].call(OFFICE, [-0.1, 0, 0.1], 0, None, OFFICE_MARKET)
    assert flat == FUNCTIONS["PM_PNL_GRID"].call(PLAIN, [[-0.1, 0.0, 0.1]], [[0.0]], None, MARKET)
    assert len(flat) == 4
    assert margin([[*HEAD]], OFFICE_MARKET) == margin([*HEAD], OFFICE_MARKET)


def test_calls_are_named_as_office_js_stores_them() -> None:
    """Every call of ours and nothing else: names of other functions, parts of names and texts stay."""
    assert office_names("ROUND(PM_MARGIN(a,PM_IV(b)),2)") == "ROUND(_xldudf_PM_MARGIN(a,_xldudf_PM_IV(b)),2)"
    assert office_names('IF(A1="PM_CHECK(x)",PM_CHECK (x))') == 'IF(A1="PM_CHECK(x)",_xldudf_PM_CHECK (x))'
    for other in ('T("""PM_VAR(")', "MY.PM_MARGIN(a)", "XPM_MARGIN(a)", "pm_margin_cell+PM_TABLE", "&quot;PM_VAR(a)&quot;"):
        assert office_names(other) == other


def test_the_workbook_differs_in_the_names_alone(tmp_path: Path) -> None:
    """The template with the stored names, and not one byte else: the same parts in the same order, the same values."""
    path = shutil.copy(TEMPLATE, tmp_path / NAME)
    store_as_office(path)
    calls = 0
    with zipfile.ZipFile(path) as lite, zipfile.ZipFile(TEMPLATE) as usual:
        assert lite.namelist() == usual.namelist()
        for name in lite.namelist():
            ours = lite.read(name)
            calls += ours.count(b"_xldudf_PM_")
            assert ours.replace(b"_xldudf_PM_", b"PM_") == usual.read(name), name
    assert calls > 20
    again = shutil.copy(TEMPLATE, tmp_path / "again.xlsx")
    store_as_office(again)
    assert again.read_bytes() == path.read_bytes()


def test_new_writes_the_workbook_for_lite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`new FOLDER --lite`: every call in it under its stored name, and five steps told."""
    assert main(["new", str(tmp_path), "--lite", "--rows", "60"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert Path(told[0]) == (tmp_path / NAME).resolve()
    assert len(told) == 1 + len(STEPS) == 6
    assert all(line in told[4] for line in MAIN.splitlines())
    with zipfile.ZipFile(tmp_path / NAME) as archive:
        sheets = "".join(archive.read(name).decode() for name in archive.namelist() if "worksheets/sheet" in name)
    formulas = re.findall(r"<f[^>]*>([^<]+)</f>", sheets)
    calls = [call for formula in formulas for call in re.findall(r"[\w.]*PM_[A-Z_]+(?=\()", re.sub(r'"[^"]*"', "", formula))]
    assert len(calls) > 20
    assert {call for call in calls if not call.startswith("_xldudf_PM_")} == set()
    assert main(["new", str(tmp_path), "--lite"]) == 2
    assert "is there already" in capsys.readouterr().err


def test_main_py_registers_every_function(lite: Player) -> None:
    """In Pyodide main.py finds all functions, each argument raw and with its help, and no hint that xlwings would convert."""
    assert lite.about["platform"] == "emscripten"
    found = lite.about["functions"]
    assert set(found) == set(FUNCTIONS)
    for name, function in FUNCTIONS.items():
        assert found[name]["args"] == {argument.name: ["raw", argument.help] for argument in function.arguments}
        assert found[name]["ret"] == ("raw" if function.returns == "table" else None)
        assert found[name]["hints"] == 0


def test_functions_answer_in_pyodide(lite: Player) -> None:
    """Matrices with null, int and data types go in, a number, a table or a text comes out; left-out arguments default."""
    assert lite.call("PM_VERSION") == FUNCTIONS["PM_VERSION"].call()
    assert lite.call("PM_MARGIN", OFFICE, OFFICE_MARKET) == margin(PLAIN, MARKET)
    assert lite.call("PM_MARGIN", OFFICE, OFFICE_MARKET, None, None, None) == margin(PLAIN, MARKET)
    assert lite.call("PM_MARGIN", OFFICE, OFFICE_MARKET, [["RULES"]]) == margin(PLAIN, MARKET, "RULES")
    assert lite.call("PM_RISK_ARRAY", OFFICE, OFFICE_MARKET) == FUNCTIONS["PM_RISK_ARRAY"].call(PLAIN, MARKET)
    assert lite.call("PM_PNL_GRID", OFFICE, [[-0.1, 0, 0.1]], [[0]], None, OFFICE_MARKET) == FUNCTIONS["PM_PNL_GRID"].call(
        PLAIN, [-0.1, 0.0, 0.1], 0.0, None, MARKET
    )


def test_a_mistake_in_pyodide_is_a_line_of_text(lite: Player) -> None:
    """The message itself is the cell's value: an exception would show #VALUE! and lose it."""
    book = with_cell(OFFICE, 3, 4, NOT_AVAILABLE)
    assert lite.call("PM_MARGIN", book, OFFICE_MARKET) == margin(book, OFFICE_MARKET)
    assert lite.call("PM_MARGIN", book, OFFICE_MARKET).startswith("#PM! row 4: Quantity holds the error #N/A")
    assert lite.call("PM_MARGIN", None).startswith("#PM! ")
