"""The shape of the package: one straight line of layers, and each outside library in one place."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from reach import Code, Name

from xlmargin.margin.method import Method
from xlmargin.venues.fed import VenueModule

ROOT = Path(__file__).resolve().parents[1]

# Each room imports only from those on its left; modules of one room may import from each other, but not in a circle.
ROOMS = (
    "errors",
    "memory",
    "pricing",
    "book",
    "scenarios",
    "margin",
    "methods",
    "desk",
    "sheet",
    "udfs",
    "engine",
    "workbook",
    "venues",
    "files",
    "batch",
    "faces",
    "live",
    "cli",
)
OUTSIDE = ("udfs", "workbook")  # beside the package
CORE = ROOMS[: ROOMS.index("udfs") + 1]
MOST_LINES, MOST_FILES, SAME_LINES = 400, 16, 6

# Where each outside library may be imported; nowhere else.
HOMES = {
    "ironcalc": ("engine",),
    "python_calamine": ("files",),
    "olefile": ("files",),
    "pandas": ("faces",),
    "xlsxwriter": ("workbook",),
    "pyopenvba": ("faces",),
    "distributed": ("batch",),
    "pyarrow": ("batch", "files"),
    "numba": ("pricing",),
    "uno": ("faces",),
    "unohelper": ("faces",),
    "com": ("faces",),
    "xlwings": ("live",),  # finds a workbook open in Excel; the registry decorates where xlwings has loaded us
    "ccxt": ("live",),
    "keyring": ("live",),
    "requests": ("live",),
    "urllib3": ("live",),
    "rich": ("live",),
}


@cache
def modules() -> dict[str, Path]:
    """Every module of the project by its dotted name."""
    files = [ROOT / "udfs.py", *ROOT.glob("xlmargin/**/*.py"), *ROOT.glob("workbook/**/*.py")]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


@cache
def imports(module: str) -> frozenset[str]:
    """Every dotted name that a module imports, at its top or inside a function."""
    path = modules()[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            each = [f"{source}.{alias.name}" for alias in node.names]
            names.update(name if name in modules() else source for name in each)
    return frozenset(names)


def room(module: str) -> str:
    """The room that a module belongs to; "" for the package itself."""
    parts = module.split(".")
    return parts[0] if parts[0] in OUTSIDE else ".".join(parts[1:2])


def folders() -> list[Path]:
    """Every folder of code."""
    return sorted({path.parent for path in modules().values()})


def test_the_rooms_are_these_and_no_module_lies_loose() -> None:
    """A new module is given its room; at the top lie but what every room needs."""
    assert {room(module) for module in modules()} == {"", *ROOMS}
    assert [path.stem for path in sorted((ROOT / "xlmargin").glob("*.py"))] == ["__init__", "errors", "memory"]


@pytest.mark.parametrize("name", ROOMS)
def test_imports_only_from_the_left(name: str) -> None:
    """A room imports from itself and from rooms before it."""
    allowed = ("", *ROOMS[: ROOMS.index(name) + 1])
    for module in modules():
        if room(module) == name:
            wrong = sorted(other for other in imports(module) if other in modules() and room(other) not in allowed)
            assert not wrong, f"{module} imports {', '.join(wrong)}"


@pytest.mark.parametrize("name", [name for name in ROOMS if (ROOT / "xlmargin" / name).is_dir()])
def test_a_room_says_in_a_sentence_what_it_is(name: str) -> None:
    """The first line of a room is the line of the README's map."""
    said = (ast.get_docstring(ast.parse((ROOT / "xlmargin" / name / "__init__.py").read_text(encoding="utf-8"))) or "").splitlines()[0]
    assert said.endswith(".")
    assert said in (ROOT / "README.md").read_text(encoding="utf-8")


def test_files_and_folders_stay_small() -> None:
    """A file can be read at a sitting, and a folder seen at a glance."""
    assert [path.name for path in modules().values() if len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES] == []
    assert [folder for folder in folders() if sum(path.is_file() for path in folder.iterdir()) > MOST_FILES] == []


def test_no_file_name_twice_in_a_room() -> None:
    """A name that is said in a room means one file."""
    counts = Counter((room(module), path.name) for module, path in modules().items() if path.name != "__init__.py")
    assert [name for name, count in counts.items() if count > 1] == []


def test_no_import_goes_in_a_circle() -> None:
    """The graph of all imports has an order."""
    graph = {module: {other for other in imports(module) if other in modules()} - {module} for module in modules()}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(modules())


def test_no_public_class_name_stands_for_two_things() -> None:
    """A class name says what it is wherever it is read: no two public classes of the project share one."""
    trees = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in modules().items()}
    classes = [node.name for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    assert [name for name, count in Counter(classes).items() if count > 1 and not name.startswith("_")] == []


@pytest.mark.parametrize("library", HOMES)
def test_each_library_has_one_home(library: str) -> None:
    """An outside library is imported in its own folder only, so that it can be changed in one place."""
    users = {module for module in modules() if any(name.split(".")[0] == library for name in imports(module))}
    assert {room(module) for module in users} <= set(HOMES[library])


@pytest.mark.parametrize("library", ["pandas", "openpyxl", "pyarrow", "scipy.stats", "scipy.optimize"])
def test_the_core_needs_numpy_and_a_little_of_scipy(library: str) -> None:
    """What answers the functions imports neither frames nor file formats nor the slow parts of scipy."""
    # loaded when first needed
    late = {"scipy.optimize": {"xlmargin.methods.rules.pairing", "xlmargin.desk.liquidation", "xlmargin.desk.hedge.programme"}}
    users = [
        module
        for module in modules()
        if room(module) in CORE
        and module not in late.get(library, ())
        and any(name == library or name.startswith(f"{library}.") for name in imports(module))
    ]
    assert users == []


def test_import_loads_nothing_that_is_slow() -> None:
    """`import udfs` is what a spreadsheet waits for: no frames, file formats, faces or engines come with it."""
    heavy = ["scipy.stats", "scipy.optimize", "pandas", "openpyxl", "xlsxwriter", "xlwings", "ironcalc", "uno", "ccxt", "aiohttp", "numba"]
    heavy += ["python_calamine", "olefile"]
    code = f"import sys, udfs; print(*(name for name in {heavy} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("word", ["xlwings.pro", "xlwings.server", "xlwings import pro", "xlwings import server"])
def test_only_the_open_part_of_xlwings_is_named(word: str) -> None:
    """No file of the package names the part of xlwings that needs a licence key."""
    files = [*ROOT.glob("xlmargin/**/*"), *ROOT.glob("workbook/**/*"), ROOT / "udfs.py"]
    texts = [path for path in files if path.suffix in (".py", ".toml", ".html", ".js", ".json", ".txt", ".xml")]
    assert len(texts) > 30
    assert [path.name for path in texts if word in path.read_text(encoding="utf-8")] == []


# What is asked of a module that is found by its name: a method's hooks, a venue's verbs.
HOOKS = {*Method.__dataclass_fields__, *vars(VenueModule), "replay", "items", "holding", "contract_sizes", "left_out"}


def test_every_public_definition_is_reached() -> None:
    """Code that only tests call lies under tests; what is left begins with what people type."""
    code = Code(modules())
    typed = ("udfs", "workbook", "xlmargin.faces.python", "xlmargin.faces.libreoffice.component", "xlmargin.faces.libreoffice.driver")
    found = [name for name in code.uses if room(name.module) in ("methods", "venues") and name.name in HOOKS]
    roots = [*found, *(name for name in code.uses if name.module.startswith(typed)), Name("xlmargin.cli.commands", "main")]
    assert code.unreached(roots) == []


def statements(module: str) -> Iterator[list[ast.stmt]]:
    """Every run of statements of a module that belong together, without docstrings, imports and the fields of records."""
    for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8"))):
        for part in ("body", "orelse", "finalbody"):
            block = getattr(node, part, None)
            if isinstance(block, list):
                yield [each for each in block if not isinstance(each, ast.Import | ast.ImportFrom | ast.AnnAssign) and not _said(each)]


def _said(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_one_maker_per_idea() -> None:
    """No six lines of code stand twice, however they are laid out; what is alike has one maker."""
    seen: dict[str, tuple[str, int]] = {}
    twice = []
    for module in modules():
        for block in statements(module):
            for first in range(len(block)):
                text = ""
                for last in block[first:]:
                    text += f"{ast.unparse(last)}\n"
                    if text.count("\n") >= SAME_LINES:
                        break
                place = module, block[first].lineno
                if text.count("\n") >= SAME_LINES and seen.setdefault(text, place) != place:
                    twice.append(f"{seen[text]} and {place}: {text[:80]}")
    assert twice == []


def test_all_code_has_one_form() -> None:
    """Ruff's form, so that nobody argues about it."""
    done = subprocess.run(["ruff", "format", "--check", str(ROOT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
