"""A method's module becomes a typed record: what is refused and how it is said, and that a refused method stops no other."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from udfs import PM_COMPARE, PM_METHODS
from xlmargin.errors import MarginError
from xlmargin.margin.method import method_of
from xlmargin.methods import known_methods, method_named, refused_methods

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENT = "def requirement(case): ...\n"
POSITIONS = [
    ["Underlying", "Type", "Strike", "DTE", "Quantity", "IV"],
    ["BTC", "C", 70_000, 30, -2.0, 0.5],
    ["BTC", "perp", None, None, 1.0, None],
]
MARKET = [["Underlying", "Spot"], ["BTC", 60_000.0]]


def load(folder: Path, text: str) -> ModuleType:
    """A module of its own file."""
    path = folder / "methods" / "orbit.py"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("orbit", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def risk_arrays(book, scenarios, rules): ...\n", "risk_arrays is no hook of a method: the nearest is risk_array;"),
        ("NEED_VOL = False\n", "NEED_VOL is no hook of a method: the nearest is NEEDS_VOL;"),
        ("takes_history = True\n", "takes_history is no hook of a method: the nearest is TAKES_HISTORY;"),
        ("class Shares: ...\n", "Shares is no hook of a method: the nearest is share;"),
        ("if True:\n    scenario = None\n", "scenario is no hook of a method: the nearest is scenarios;"),
        ("NEEDS_VOL = 0\n", "NEEDS_VOL must be True or False, not 0"),
        ("def PAIRS_LEGS(): ...\n", "PAIRS_LEGS must be True or False, not <function PAIRS_LEGS at 0x"),
        ("share = 0.5\n", "share must be a function, not 0.5"),
        ("def scenarios(names, rules): ...\n", "scenarios must take 3 positional arguments"),
        ("def share(book, rules, more): ...\n", "share must take 2 positional arguments"),
        ("def pnl(*, case): ...\n", "pnl must take 1 positional argument"),
        ("scanning = 0.5\n", "scanning must be a function, not 0.5"),
        ("from numpy import interp as apart\n", "apart must take 2 positional arguments"),
        ("ARRAY_OF_INSTRUMENTS = True\n", "ARRAY_OF_INSTRUMENTS speaks of a risk_array, which is missing"),
        ("del requirement\n", "requirement is missing: a method needs requirement(case)"),
        ("requirement = None\n", "requirement must be a function, not None"),
    ],
)
def test_what_is_no_hook_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """A misspelt hook, a hook of the wrong type or none at all: the error names the file, the name and the nearest hook."""
    module = load(tmp_path, REQUIREMENT + text)
    with pytest.raises(MarginError) as refused:
        method_of(module)
    assert str(refused.value).startswith(f"methods/orbit.py: {message}")


def test_the_record_holds_the_hooks_of_the_module(tmp_path: Path) -> None:
    """Private names, imports and aliases of types are the module's own affair; arguments with defaults count or not."""
    module = load(
        tmp_path,
        "import numpy as np\nfrom math import pi\nfrom numpy.typing import NDArray\nFloats = NDArray[np.float64]\nText = int | str\n"
        "NEEDS_VOL = False\n_STEP = 7\ndef _helper(): ...\ndef scenarios(names, rules, given=None, more=0): return names, given\n"
        + REQUIREMENT,
    )
    method = method_of(module)
    assert method.requirement is module.requirement
    assert method.scenarios is module.scenarios
    assert (method.risk_array, method.pnl, method.share, method.prepared, method.apart) == (None,) * 5
    flags = (
        method.needs_vol,
        method.array_of_instruments,
        method.pairs_legs,
        method.takes_table,
        method.takes_history,
        method.worst_loss_alone,
    )
    assert flags == (False,) * 6


def test_the_shipped_methods_are_all_accepted() -> None:
    """Each parameter file of the package has its module, and none is refused."""
    files = [path for path in (ROOT / "xlmargin" / "methods").rglob("*.toml") if "[meta]" in path.read_text(encoding="utf-8")]
    assert refused_methods() == {}
    assert sorted(known_methods()) == sorted(path.stem.upper() for path in files)


def test_es_reads_the_history_as_var_does() -> None:
    """ES is the mean of VAR's tail: moves, valuation and what keeps accounts apart are the same."""
    var, es = method_named("VAR"), method_named("ES")
    assert es.takes_history
    assert es.array_of_instruments
    assert (es.scenarios, es.risk_array, es.apart) == (var.scenarios, var.risk_array, var.apart)
    assert es.requirement is not var.requirement


MINE = """
import numpy as np

from xlmargin.margin.valuation import Case, Margin
from xlmargin.margin.statement import above, given, total

NEEDS_VOL = False


def requirement(case: Case) -> Margin:
    size = np.abs(case.book.by_instrument(case.book.units)).sum(axis=1)
    initial = total("Initial margin", (given("1,000 a coin", 1_000.0 * size, "held"),))
    return Margin(initial, total("Maintenance margin", (above(initial),)), lambda: (), case.option_value())
"""
ASK = """
import json, sys
import udfs
positions, market = json.load(sys.stdin)
print(json.dumps({
    "methods": udfs.PM_METHODS(),
    "compare": udfs.PM_COMPARE(positions, market),
    "named": udfs.PM_COMPARE(positions, market, "misspelt, mine, SPAN"),
    "alone": udfs.PM_MARGIN(positions, market, "misspelt"),
    "parameters": udfs.PM_PARAMETERS("broken"),
    "mine": udfs.PM_MARGIN(positions, market, "mine"),
    "both": udfs.PM_COMPARE(positions, market, "raises, mine"),
    "unset": udfs.PM_MARGIN(positions, market, "unset"),
    "set": udfs.PM_MAINTENANCE(positions, market, "unset", [["maintenance_ratio", 0.5]]),
    "binance": udfs.PM_MARGIN(positions, market, "binance"),
}))
"""


@pytest.fixture(scope="module")
def dropped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with files dropped into its methods, and nothing else edited."""
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "xlmargin", copy / "xlmargin", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "udfs.py", copy)
    methods = copy / "xlmargin" / "methods"
    parameters = method_file("bit").read_text(encoding="utf-8")
    (methods / "venue").mkdir()
    grid, ratio = method_file("binance").read_text(encoding="utf-8"), "maintenance_ratio = { value = 0.8"
    assumed = method_file("binance").with_suffix(".py").read_text(encoding="utf-8")
    assert ratio in grid
    for name, text, source in (
        ("unread", grid.replace("long_power", "long_powr"), assumed),
        ("unset", grid.replace(ratio, 'maintenance_ratio = { value = "not set"'), assumed),
        ("raises", parameters, MINE.replace("1_000.0 * size", "1_000.0 * size / (1 // 0)")),
        ("absent", parameters, MINE.replace("1_000.0 * size", 'case.rules.number("initial_rates", "BTC") * size')),
        ("line", parameters, MINE.replace("return Margin(initial, ", "return (initial, ")),
        ("stray", parameters, None),
        ("garbled", "[meta", MINE),
        ("broken", parameters, "import no_such_module\n" + MINE),
        ("misspelt", parameters, MINE + "\n\ndef risk_arrays(book, scenarios, rules): ...\n"),
        ("twice", parameters, MINE),
        ("venue/twice", parameters, MINE),
        ("venue/mine", parameters, MINE),
    ):
        (methods / f"{name}.toml").write_text(text, encoding="utf-8")
        if source is not None:
            (methods / f"{name}.py").write_text(source, encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def answers(dropped: Path) -> dict[str, Any]:
    """What the copy answers."""
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=dropped, input=json.dumps([POSITIONS, MARKET]), capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def method_file(name: str) -> Path:
    """The parameter file of a shipped method, wherever it lies."""
    return next((ROOT / "xlmargin" / "methods").rglob(f"{name}.toml"))


REFUSED = {
    "BROKEN": "methods/broken.py is refused: ModuleNotFoundError: No module named 'no_such_module'",
    "GARBLED": "methods/garbled.toml is refused: garbled.toml: Expected ']' at the end of a table",
    "MISSPELT": "methods/misspelt.py: risk_arrays is no hook of a method: the nearest is risk_array;",
    "STRAY": "methods/stray.toml is refused: there is no stray.py in its folder",
    "TWICE": "methods/twice.toml is refused: methods/venue/twice.toml is of the same method",
    "UNREAD": "methods/unread.py is refused: nothing reads long_powr of the parameter file: the nearest name that is read is long_power",
}
FAILING = {
    "ABSENT": "ABSENT has no parameter 'initial_rates': the nearest is initial_rate; mend the name, or give absent.toml a line for it",
    "LINE": "LINE failed on these cells (AttributeError: 'tuple' object has no attribute 'initial'): please report it",
    "RAISES": "RAISES failed on these cells (ZeroDivisionError: integer division or modulo by zero): please report it",
}


def test_a_pair_dropped_into_a_folder_is_a_method(answers: dict[str, Any]) -> None:
    """Two coins sold and one bought at 1,000 a coin: no file but the pair was touched."""
    assert answers["mine"] == 3_000.0
    assert [row[1:3] for row in answers["compare"] if row[0] == "MINE"] == [[3_000.0, 3_000.0]]
    assert "MINE" in [row[0] for row in answers["methods"]]


def test_refused_methods_leave_the_others_alone(answers: dict[str, Any]) -> None:
    """PM_COMPARE and PM_METHODS answer for the healthy ones as ever, and say which file is refused and why."""
    more = {"MINE", "UNSET", *REFUSED, *FAILING}
    for found, whole in ((answers["compare"], PM_COMPARE(POSITIONS, MARKET)), (answers["methods"], PM_METHODS())):
        assert [row for row in found if row[0] not in more] == whole
    notes = {row[0]: row[-1] for row in answers["compare"] if row[0] in REFUSED}
    missing = {row[0]: row[4] for row in answers["methods"] if row[5] == "refused"}
    for told in (notes, missing):
        assert told.keys() == REFUSED.keys()
        assert [name for name, why in told.items() if not why.startswith(REFUSED[name])] == []


def test_a_refused_method_that_is_asked_for_says_why(answers: dict[str, Any]) -> None:
    """By name it keeps its place in the comparison; alone the cell shows the reason."""
    assert [row[0] for row in answers["named"]] == ["Method", "MISSPELT", "MINE", "SPAN"]
    assert answers["named"][1][1:-1] == [""] * 6
    assert answers["named"][1][-1].startswith(REFUSED["MISSPELT"])
    assert np.isfinite([row[1] for row in answers["named"][2:]]).all()
    assert answers["alone"].startswith(f"#PM! {REFUSED['MISSPELT']}")
    assert answers["parameters"].startswith(f"#PM! {REFUSED['BROKEN']}")


def test_a_fault_in_one_method_stops_no_other(answers: dict[str, Any]) -> None:
    """Whatever a method's code does, its row says it and the others have their numbers."""
    assert {row[0]: row[-1] for row in answers["compare"] if row[0] in FAILING} == FAILING
    assert [row[:2] for row in answers["both"][1:]] == [["RAISES", ""], ["MINE", 3_000.0]]
    assert answers["both"][1][-1] == FAILING["RAISES"]


def test_a_multiple_that_is_not_set_is_no_margin_of_nothing(answers: dict[str, Any]) -> None:
    """The parameter and the cure are named; given beside the positions, it counts."""
    assert (
        answers["unset"] == "#PM! UNSET needs a number for maintenance_ratio, which is not set: give maintenance_ratio beside the positions"
    )
    assert answers["set"] == pytest.approx(0.5 * answers["binance"])


def test_a_batch_tells_a_fault_of_one_method_by_account(dropped: Path) -> None:
    """The accounts of the other method are margined."""
    (dropped / "book.csv").write_text("Account,Instrument,Quantity\na,BTC-PERPETUAL,1\nb,BTC-PERPETUAL,2\n", encoding="utf-8")
    (dropped / "market.csv").write_text("Underlying,Spot\nBTC,60000\n", encoding="utf-8")
    asked = ["batch", "book.csv", "--market", "market.csv", "--method", "raises,mine", "-o", "out.csv", "--workers", "1"]
    subprocess.run([sys.executable, "-c", "import sys; from xlmargin.cli import main; main(sys.argv[1:])", *asked], cwd=dropped, check=True)
    rows = list(csv.DictReader((dropped / "out.csv").read_text(encoding="utf-8").splitlines()))
    found = [(row["Account"], row["Method"], row["Status"], row["Initial"] and float(row["Initial"])) for row in rows]
    assert found == [("a", "RAISES", "ERROR", ""), ("a", "MINE", "OK", 1_000.0), ("b", "RAISES", "ERROR", ""), ("b", "MINE", "OK", 2_000.0)]
    assert (dropped / "out.errors.csv").read_text(encoding="utf-8").count(FAILING["RAISES"]) == 2
