"""`import xlmargin`: the registry under lower-case names, answers with types, mistakes with faults, nothing before it is asked."""

from __future__ import annotations

import csv
import datetime as dt
import inspect
import math
import pickle
import pydoc
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import udfs
import xlmargin as xm
from xlmargin.cli import main
from xlmargin.errors import Fault
from xlmargin.faces.template import build_template
from xlmargin.files.books import read_ranges
from xlmargin.sheet.registry import ERROR, FUNCTIONS, Function

assert udfs  # fills the registry, and with it rooms that have the names of functions

Grid = list[list[Any]]

AS_OF, EXPIRY = dt.datetime(2025, 6, 1, 12, 30), dt.datetime(2025, 6, 27, 8)
MARKET: Grid = [["Underlying", "Spot", "As of"], ["BTC", 65_000.0, AS_OF], ["ETH", 3_200.0, None]]
HEADER = ["Underlying", "Type", "Strike", "Expiry", "IV", "Quantity"]
POSITIONS: Grid = [
    HEADER,
    ["BTC", "put", 60_000.0, EXPIRY, 0.6, -2.0],
    ["BTC", "call", 70_000.0, EXPIRY, 0.5, 1.0],
    ["ETH", "perp", None, None, None, 3.0],
]
CLOSES = [math.exp(0.02 * math.sin(n * n)) for n in range(150)]
GIVEN: dict[str, Any] = {
    "positions": POSITIONS,
    "market": MARKET,
    "positions_before": POSITIONS[:3],
    "market_before": [MARKET[0], ["BTC", 64_000.0, AS_OF - dt.timedelta(days=1)], ["ETH", 3_100.0, None]],
    "trades": [HEADER, ["BTC", "put", 50_000.0, EXPIRY, 0.7, 2.0]],
    "instruments": [HEADER, ["BTC", "put", 50_000.0, EXPIRY, 0.7, 5.0]],
    "history": [["Date", "BTC", "ETH"], *([dt.datetime(2025, 1, 1) + dt.timedelta(n), 6e4 * c, 3e3 * c * c] for n, c in enumerate(CLOSES))],
    "equity": 250_000.0,
    "account": [["Field", "Value"], ["Equity", 6e6]],
    "path": "BTC/Scanning risk",
    "price_move": -0.1,
    "vol_move": 0.2,
    "price_moves": [-0.1, 0.0, 0.1],
    "vol_moves": [[0.0], [0.2]],
    "kind": "call",
    "price": 4_000.0,
    "forward": 70_000.0,
    "strike": 71_000.0,
    "years": 0.1,
    "vol": 0.5,
    "pnl": [1.0, -3.0, 2.0],
    "var": [2.0, 2.0, 2.0],
}  # a value of each argument that must be given, and the market


def lower(name: str) -> str:
    """The name in Python of a function."""
    return name.removeprefix("PM_").lower()


def given(function: Function) -> dict[str, Any]:
    """The arguments that a function needs."""
    return {item.name: GIVEN[item.name] for item in function.arguments if not item.optional or item.name == "market"}


def cells(answer: Any) -> Any:
    """A frame as the rows that a sheet shows."""
    if not isinstance(answer, pd.DataFrame):
        return answer
    return [list(answer.columns), *([("" if cell != cell else cell) for cell in row] for row in answer.astype(object).values.tolist())]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_answers_as_in_a_sheet(name: str) -> None:
    """The same numbers and texts to the last digit, in the type that the registry promises."""
    function = FUNCTIONS[name]
    expected = function.call(**given(function))
    assert not (isinstance(expected, str) and expected.startswith(ERROR))
    answer = getattr(xm, lower(name))(**given(function))
    assert isinstance(answer, {"number": float, "table": pd.DataFrame, "text": str}[function.returns])
    assert cells(answer) == expected


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_says_what_it_is(name: str) -> None:
    """Name, arguments and their help as in a function wizard; what is not an argument is a TypeError as everywhere in Python."""
    function, ours = FUNCTIONS[name], getattr(xm, lower(name))
    signature = inspect.signature(ours)
    assert list(signature.parameters) == [item.name for item in function.arguments]
    assert all((item.default is None) == there.optional for item, there in zip(signature.parameters.values(), function.arguments))
    shown = pydoc.render_doc(ours, renderer=pydoc.plaintext)
    assert f"{lower(name)}(" in shown
    assert function.summary in shown
    assert all(f"{item.name}: {item.help}" in shown for item in function.arguments)
    assert pickle.loads(pickle.dumps(ours)) is ours
    with pytest.raises(TypeError, match=rf"^{lower(name)}\(\) "):
        ours(no_such_argument=1.0)


def test_the_names_are_listed() -> None:
    """What a notebook completes."""
    assert {*map(lower, FUNCTIONS), "MarginError", "__version__"} == set(dir(xm))
    everything: dict[str, Any] = {}
    exec("from xlmargin import *", everything)
    assert everything["margin"] is xm.margin
    with pytest.raises(AttributeError, match="no function margins"):
        _ = xm.margins  # type: ignore[attr-defined]


def python(code: str) -> str:
    """What a Python of its own prints."""
    call = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(call, cwd=Path(udfs.__file__).parent, capture_output=True, text=True, check=True).stdout


def test_nothing_comes_before_it_is_asked_for() -> None:
    """The package alone loads no room, the functions for a sheet no pandas, and a number through the door none either."""
    names = "[name for name in ('numpy', 'udfs', 'pandas') if name in sys.modules]"
    assert python(f"import sys, xlmargin; xlmargin.__version__; print({names})") == "[]\n"
    assert python(f"import sys, udfs; print({names})") == "['numpy', 'udfs']\n"
    assert python(f"import sys, xlmargin as xm; xm.price('call', 1, 1, 1, 1); print({names})") == "['numpy', 'udfs']\n"


@pytest.mark.parametrize("before", ["", "import udfs; ", "import xlmargin.margin.method; ", "from xlmargin.methods import rules_of; "])
def test_a_function_goes_before_a_room_of_its_name(before: str) -> None:
    """In whatever order they are loaded; the room is imported from as ever."""
    shown = "xm.margin.__name__, xm.methods.__name__, method.__name__"
    assert (
        python(f"{before}import xlmargin as xm; from xlmargin.margin import method; print({shown})")
        == "margin methods xlmargin.margin.method\n"
    )
    assert python(f"{before}from xlmargin import margin, errors; print(margin.__name__, errors.__name__)") == "margin xlmargin.errors\n"


def test_the_columns_of_a_table_have_types() -> None:
    """Numbers are float64 with NaN where a sheet has a blank, texts are texts, a column of both keeps each cell as it is."""
    array, greeks = xm.risk_array(POSITIONS[:3], MARKET), xm.greeks(POSITIONS, MARKET)
    assert (array.dtypes[["Scenario", "Price move", "Vol move", "Weight", "BTC", "Total"]] == np.float64).all()
    assert pd.api.types.is_string_dtype(array["Description"])
    assert greeks["Delta"].dtype == greeks["Quantity"].dtype == np.float64
    assert greeks["Quantity"].isna().tolist() == [False] * 3 + [True] * 2
    assert greeks["Row"].tolist() == [2.0, 3.0, 4.0, "Total", "Total"]
    grid = xm.pnl_grid(POSITIONS, [-0.1, 0.1], [0.0, 0.5], market=MARKET)
    assert grid.columns.tolist() == ["Price move / Vol move", 0.0, 0.5]
    assert xm.pairs([HEADER, ["BTC", "perp", None, None, None, 1.0]], MARKET).columns[0] == "Account"


def test_a_mistake_carries_every_fault_of_the_ranges() -> None:
    """The message is the first fault as a sheet shows it; rows count from the header as 1, so row 2 is the first of a frame."""
    book = pd.DataFrame(POSITIONS[1:], columns=HEADER).astype(object)
    book.loc[0, "Type"], book.loc[2, "Quantity"] = "putt", "ten"
    market = pd.DataFrame(MARKET[1:], columns=MARKET[0]).assign(Spot=[65_000.0, -1.0])
    with pytest.raises(xm.MarginError) as caught:
        xm.margin(book, market)
    told = FUNCTIONS["PM_MARGIN"].call(book, market)
    assert isinstance(told, str)
    assert str(caught.value) == told.removeprefix(ERROR) == "row 2: Type must be one of spot, future, perp, call, put, not 'putt'"
    assert caught.value.faults == (
        Fault(2, "Type", "Type must be one of spot, future, perp, call, put, not 'putt'", "type one of spot, future, perp, call, put"),
        Fault(4, "Quantity", "Quantity must be a number, not 'ten'", "type a number"),
        Fault(3, "Spot", "Spot must be above 0, not -1", "type a positive number", "market"),
    )
    assert [book.iloc[fault.row - 2][fault.column] for fault in caught.value.faults[:2]] == ["putt", "ten"]
    assert list(pd.DataFrame(caught.value.faults).columns) == ["row", "column", "problem", "fix", "where"]
    assert pickle.loads(pickle.dumps(caught.value)).faults == caught.value.faults


def test_a_mistake_elsewhere_carries_its_own_faults() -> None:
    """Those of the range in which it lies; none where it lies in no cell."""
    trades = [HEADER, ["BTC", "putt", 5.0, EXPIRY, 0.7, "ten"]]
    with pytest.raises(xm.MarginError) as caught:
        xm.whatif(POSITIONS, trades, MARKET)
    assert [(fault.where, fault.row, fault.column) for fault in caught.value.faults] == [("trades", 2, "Type"), ("trades", 2, "Quantity")]
    with pytest.raises(xm.MarginError, match="SPAM") as caught:
        xm.margin(POSITIONS, MARKET, "SPAM")
    assert caught.value.faults == ()
    with pytest.raises(xm.MarginError, match="no column Quantity") as caught:
        xm.margin([["Underlying", "Type"], ["BTC", "perp"]], MARKET)
    assert [(fault.row, fault.column) for fault in caught.value.faults] == [(1, "")]


def test_columns_of_arguments_answer_an_array() -> None:
    """One number per row, whatever index they have; rows without one are named, each with its reason."""
    prices = pd.Series([4_000.0, 3_000.0, 2_000.0], index=[9, 9, 1])
    vols = xm.iv("call", prices, 70_000.0, np.array([70_000.0, 71_000.0, 72_000.0]), 0.1)
    assert isinstance(vols, np.ndarray)
    assert vols.dtype == np.float64
    assert xm.price("call", 70_000.0, [70_000.0, 71_000.0, 72_000.0], 0.1, vols) == pytest.approx(prices.to_numpy())
    with pytest.raises(xm.MarginError) as caught:
        xm.iv("call", [80_000.0, 3_000.0, 90_000.0], 70_000.0, 70_000.0, 0.1)
    assert [fault.row for fault in caught.value.faults] == [1, 3]
    assert str(caught.value) == "row 1: price 80000.0 of a call must be below the discounted forward 70000.0"


def write(path: Path, rows: Grid) -> Path:
    """A CSV file of some rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_files_are_read_as_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By name or path, positions and market; any other range by its path."""
    book, market = write(tmp_path / "book.csv", POSITIONS), write(tmp_path / "market.csv", MARKET)
    own = write(tmp_path / "own.csv", [["Parameter", "Value"], ["price_scan_range", 0.3]])
    expected = xm.margin(POSITIONS, MARKET)
    assert xm.margin(book, market) == xm.margin(str(book), str(market)) == xm.margin(book, MARKET) == expected
    assert xm.margin(book, market, parameters=own) == xm.margin(POSITIONS, MARKET, None, {"price_scan_range": 0.3}) != expected
    with pytest.raises(xm.MarginError, match="there is no file"):
        xm.margin(POSITIONS, "DERIBIT")
    desk = tmp_path / "desk.xlsx"
    build_template(desk, rows=20)
    assert main(["margin", str(desk)]) == 0
    assert f"{xm.margin(desk):,.2f}" in capsys.readouterr().out
    held = read_ranges(desk)
    assert xm.margin(desk, method="RULES") == xm.margin(held.positions, held.market, "RULES")  # every row names its method
    assert xm.margin(desk, parameters={"price_scan_range": 0.3}) != xm.margin(desk)
    both = xm.compare(desk, methods="SPAN, CME")
    assert list(both["Initial"]) == [xm.margin(desk), xm.margin(held.positions, held.market, "CME")]


def test_what_a_reader_decides_about_a_file_is_warned_of(tmp_path: Path) -> None:
    """A decimal comma, in a file of positions and in any other, at the line that called."""
    book = tmp_path / "book.csv"
    book.write_text("Underlying;Type;Strike;DTE;IV;Spot;Quantity\nBTC;put;70000;10;0,55;70000;-1\n", encoding="utf-8")
    own = tmp_path / "own.csv"
    own.write_text("Parameter;Value\nprice_scan_range;0,3\n", encoding="utf-8")
    rows = [["Underlying", "Type", "Strike", "DTE", "IV", "Spot", "Quantity"], ["BTC", "put", 70_000.0, 10.0, 0.55, 70_000.0, -1.0]]
    with pytest.warns(UserWarning, match="comma") as told:
        assert xm.margin(book, parameters=own) == xm.margin(rows, parameters={"price_scan_range": 0.3})
    assert [Path(each.filename) for each in told] == [Path(__file__)] * 2
    assert [str(each.message).partition(":")[0] for each in told] == ["book.csv", "own.csv"]
