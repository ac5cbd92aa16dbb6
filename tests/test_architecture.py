"""The shape of the package: one straight line of layers, and each outside library in one place."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Each module imports only from its left; modules of one package may import from each other, but not in a circle.
LAYERS = (
    "xlmargin",
    "xlmargin.errors",
    "xlmargin.json_shape",
    "xlmargin.headings",
    "xlmargin.recent",
    "xlmargin.distinct",
    "xlmargin.pricing",
    "xlmargin.market",
    "xlmargin.names",
    "xlmargin.quoted_vols",
    "xlmargin.book",
    "xlmargin.scenarios",
    "xlmargin.risk_array",
    "xlmargin.sensitivities",
    "xlmargin.statement",
    "xlmargin.marginal",
    "xlmargin.rules",
    "xlmargin.valued",
    "xlmargin.live",
    "xlmargin.spanfile",
    "xlmargin.charges",
    "xlmargin.var_math",
    "xlmargin.backtest",
    "xlmargin.history",
    "xlmargin.revaluation",
    "xlmargin.deribit_model",
    "xlmargin.case",
    "xlmargin.apart",
    "xlmargin.standard",
    "xlmargin.derive",
    "xlmargin.grids",
    "xlmargin.strategies",
    "xlmargin.methods",
    "xlmargin.compare",
    "xlmargin.desk",
    "xlmargin.officejs",
    "xlmargin.cell_errors",
    "xlmargin.cells",
    "xlmargin.single_cells",
    "xlmargin.ranges",
    "xlmargin.checks",
    "xlmargin.registry",
    "xlmargin.tables",
    "xlmargin.answers",
    "udfs",
    "xlmargin.engine",
    "xlmargin.libreoffice",
    "workbook",
    "xlmargin.template",
    "xlmargin.excel",
    "xlmargin.venues",
    "xlmargin.files",
    "xlmargin.batch",
    "xlmargin.chains",
    "xlmargin.replay",
    "xlmargin.demo",
    "xlmargin.lite",
    "xlmargin.verify",
    "xlmargin.doctor",
    "xlmargin.bench",
    "xlmargin.feed",
    "xlmargin.watch",
    "xlmargin.web",
    "xlmargin.cli",
)
CORE = LAYERS[: LAYERS.index("udfs") + 1]

# Where each outside library may be imported; nowhere else.
HOMES = {
    "ironcalc": ("xlmargin.engine",),
    "xlsxwriter": ("workbook",),
    "distributed": ("xlmargin.batch",),
    "pyarrow": ("xlmargin.batch", "xlmargin.chains"),
    "numba": ("xlmargin.pricing",),
    "uno": ("xlmargin.libreoffice",),
    "unohelper": ("xlmargin.libreoffice",),
    "com": ("xlmargin.libreoffice",),
    "xlwings": ("xlmargin.feed",),  # finds a workbook open in Excel; the registry decorates where xlwings has loaded us
    "ccxt": ("xlmargin.feed",),
    "aiohttp": ("xlmargin.feed",),
    "keyring": ("xlmargin.feed",),
    "requests": ("xlmargin.feed",),
    "urllib3": ("xlmargin.feed",),
    "rich": ("xlmargin.watch",),
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


def layer(module: str) -> str:
    """The layer that a module belongs to: itself, or the package in the list that holds it; "" where it has none."""
    return next((name for name in LAYERS if module == name or (module.startswith(f"{name}.") and name != "xlmargin")), "")


def test_every_module_has_its_place() -> None:
    """A new module is given its place in the line."""
    assert [module for module in modules() if not layer(module)] == []


@pytest.mark.parametrize("name", LAYERS)
def test_imports_only_from_the_left(name: str) -> None:
    """A layer imports from itself and from layers before it."""
    allowed = LAYERS[: LAYERS.index(name) + 1]
    for module in modules():
        if layer(module) == name:
            wrong = sorted(other for other in imports(module) if other in modules() and layer(other) not in allowed)
            assert not wrong, f"{module} imports {', '.join(wrong)}"


def test_no_import_goes_in_a_circle() -> None:
    """The graph of all imports has an order."""
    graph = {module: {other for other in imports(module) if other in modules()} - {module} for module in modules()}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(modules())


@pytest.mark.parametrize("library", HOMES)
def test_each_library_has_one_home(library: str) -> None:
    """An outside library is imported in its own folder only, so that it can be changed in one place."""
    users = {module for module in modules() if any(name.split(".")[0] == library for name in imports(module))}
    assert {layer(module) for module in users} <= set(HOMES[library])


@pytest.mark.parametrize("library", ["pandas", "openpyxl", "pyarrow", "scipy.stats", "scipy.optimize"])
def test_the_core_needs_numpy_and_a_little_of_scipy(library: str) -> None:
    """What answers the functions imports neither frames nor file formats nor the slow parts of scipy."""
    # loaded when first needed
    late = {"scipy.optimize": {"xlmargin.strategies.pairing", "xlmargin.desk.liquidation", "xlmargin.desk.programme"}}
    users = [
        module
        for module in modules()
        if layer(module) in CORE
        and module not in late.get(library, ())
        and any(name == library or name.startswith(f"{library}.") for name in imports(module))
    ]
    assert users == []


def test_import_loads_nothing_that_is_slow() -> None:
    """`import udfs` is what a spreadsheet waits for: no frames, file formats, faces or engines come with it."""
    heavy = ["scipy.stats", "scipy.optimize", "pandas", "openpyxl", "xlsxwriter", "xlwings", "ironcalc", "uno", "ccxt", "aiohttp", "numba"]
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
