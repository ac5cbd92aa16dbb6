"""The embedded engine: our functions in real workbooks, edited and recalculated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xlmargin.engine import Workbook
from xlmargin.engine.formula import Constant, display, find_calls, parse_area, parse_constant, shift
from xlmargin.errors import MarginError


class Functions:
    """Small functions that note how they were called."""

    def __init__(self) -> None:
        self.log: list[tuple[str, tuple[Any, ...]]] = []
        self.table: dict[str, Callable[..., Any]] = {
            "PM_SUM": self.total,
            "PM_GROW": self.grow,
            "PM_ARGS": self.args,
            "PM_ECHO": self.echo,
            "PM_FAIL": self.fail,
        }

    def total(self, table: Any, factor: float | None = None) -> float | str:
        """The sum of the numbers, times a factor; an error cell is told with its row."""
        self.log.append(("PM_SUM", (table, factor)))
        rows = table if isinstance(table, list) else [[table]]
        for number, row in enumerate(rows, 1):
            if any(isinstance(value, str) and value.startswith("#") for value in row):
                return f"#PM! row {number}: {next(v for v in row if str(v).startswith('#'))}"
        numbers = [v for row in rows for v in row if isinstance(v, (int, float)) and not isinstance(v, bool)]
        return sum(numbers) * (1 if factor is None else factor)

    def grow(self, height: Any, width: Any = 2) -> Any:
        """A table of so many rows and columns."""
        self.log.append(("PM_GROW", (height, width)))
        return [[float(i * 100 + j) for j in range(int(width))] for i in range(int(height))]

    def args(self, *arguments: Any) -> str:
        """The arguments as text."""
        self.log.append(("PM_ARGS", arguments))
        return repr(arguments)

    def echo(self, value: Any) -> Any:
        """The argument."""
        self.log.append(("PM_ECHO", (value,)))
        return value

    def fail(self) -> float:
        """Raise, as no function of the product does."""
        raise ZeroDivisionError

    def last(self) -> tuple[Any, ...]:
        """The arguments of the last call."""
        return self.log[-1][1]


Build = Callable[[xlsxwriter.Workbook], None]


@pytest.fixture
def functions() -> Functions:
    """Functions that note their calls."""
    return Functions()


@pytest.fixture
def make(tmp_path: Path, functions: Functions) -> Callable[[Build], Workbook]:
    """Write a workbook and open it."""

    def made(build: Build) -> Workbook:
        path = tmp_path / "book.xlsx"
        book = xlsxwriter.Workbook(path)
        build(book)
        book.close()
        return Workbook(path, functions.table)

    return made


DATA: list[list[Any]] = [["Qty", "Name", "On"], [1.5, "BTC", True], [2.0, None, False], [3.0, "007", None]]


def plain(*formulas: str) -> Build:
    """Cells of every kind in A1:C4 of Data, and the formulas in column E of Calc."""

    def build(book: xlsxwriter.Workbook) -> None:
        data, calc = book.add_worksheet("Data"), book.add_worksheet("Calc")
        for row, cells in enumerate(DATA):
            for column, value in enumerate(cells):
                data.write_string(row, column, value) if isinstance(value, str) else data.write(row, column, value)
        book.define_name("All", "=Data!$A$1:$C$4")
        book.define_name("Dyn", "=OFFSET(Data!$A$1,0,0,4,3)")
        for row, formula in enumerate(formulas):
            calc.write_formula(row, 4, formula, None, "")

    return build


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("=PM_ARGS(Data!A1:C4)", (DATA,)),
        ("=pm_args(Data!$A$1:$C$4)", (DATA,)),
        ("=PM_ARGS(All)", (DATA,)),
        ("=_xldudf_PM_ARGS(All)", (DATA,)),
        ("=PM_ARGS(Data!A2)", (1.5,)),
        ("=PM_ARGS(Data!B3)", (None,)),
        ("=PM_ARGS(Data!A:A)", ([row[:1] for row in DATA],)),
        ("=PM_ARGS(Data!2:3)", (DATA[1:3],)),
        ('=PM_ARGS("a ""b"", (c",TRUE,-1.5,1E3,,#N/A)', ("a \"b\", (c", True, -1.5, 1000.0, None, "#N/A")),
        ("=PM_ARGS()", ()),
        ("=PM_ARGS(Data!A2*2,Data!B2&\"x\")", (3.0, "BTCx")),
        ("=PM_ARGS({1,2;3,4})", ([[1.0, 2.0], [3.0, 4.0]],)),
        ("=PM_ARGS(IF(Data!A2>1,Data!A2:C4))", ([[1.5, "BTC", True], [2.0, "", False], [3.0, "007", ""]],)),
        ("=PM_ARGS(Data!A1/0,NoSuchName,Nowhere!A1)", ("#VALUE!", "#NAME?", "#REF!")),
        ("=PM_ARGS(ROW(),COLUMN())", (1.0, 5.0)),
    ],
)  # fmt: skip
def test_arguments_arrive_as_written(
    make: Callable[[Build], Workbook], functions: Functions, formula: str, expected: tuple[Any, ...]
) -> None:
    """References, names, constants and calculated arguments reach the function with the right types."""
    book = make(plain(formula))
    assert functions.last() == expected
    assert [type(v) for v in functions.last()] == [type(v) for v in expected]
    assert book.get("Calc", "E1") == repr(expected)


def test_offset_name_keeps_blank_cells(make: Callable[[Build], Workbook], functions: Functions) -> None:
    """A name that is calculated hands over empty cells as blanks, not as zeros."""
    make(plain("=PM_ARGS(Dyn)"))
    assert functions.last() == ([[("" if value is None else value) for value in row] for row in DATA],)


def test_calls_inside_other_functions(make: Callable[[Build], Workbook]) -> None:
    """A call works wherever a value may stand, twice in a formula, and as an argument of another call."""
    book = make(plain(
        "=ROUND(PM_SUM(All)*1.13,1)", "=PM_SUM(All)+PM_SUM(Data!A2:A3)", "=PM_SUM(PM_GROW(3))",
        '=IFERROR(1/PM_SUM(Data!B1:B2),"none")', "=INDEX(PM_GROW(3,2),2,2)",
        "=IF(PM_SUM(All)>6,\"big\",\"small\")",
        "=SUM(PM_GROW(3,2))", "=PM_GROW(3,2)", "=_xlfn.LET(_xlpm.m,PM_SUM(All),_xlpm.m*2)",
        "=-PM_SUM(All,PM_SUM(2))%",
        '="PM_SUM("&PM_SUM(All)',
    ))  # fmt: skip
    shown = [row[0] for row in book.values("Calc", "E1:E11")]
    assert shown == pytest.approx([7.3, 10.0, 603.0, "none", 101.0, "big", 603.0, 0.0, 13.0, -0.13, "PM_SUM(6.5"])


def test_errors_and_marks_of_rows(make: Callable[[Build], Workbook]) -> None:
    """An error value in a range reaches the function, which names the row; one that raises gives #VALUE!."""
    book = make(plain("=PM_SUM(Data!A1:A4)", "=PM_FAIL()", "=PM_ECHO(1,2,3)", "=IFERROR(PM_FAIL(),9)"))
    book.set("Data", "A3", "=1/0")
    assert book.get("Calc", "E1") == "#PM! row 3: #DIV/0!"
    assert [book.get("Calc", f"E{row}") for row in (2, 3, 4)] == ["#VALUE!", "#VALUE!", 9.0]
    book.set("Data", "A3", "#N/A")
    assert book.get("Calc", "E1") == "#PM! row 3: #N/A"


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (7, [[7.0]]), (True, [[True]]), ("12", [["12"]]), ("=1+1", [["=1+1"]]), (None, [[""]]), ([], [[""]]),
        ([[]], [[""]]), (float("nan"), [["#NUM!"]]), ([["h", 1], [None]], [["h", 1.0], ["", ""]]),
        ((1, 2), [[1.0], [2.0]]),
    ],
)  # fmt: skip
def test_answers_become_cells(tmp_path: Path, answer: Any, shown: list[list[Any]]) -> None:
    """Every kind of answer shows as cells; text stays text, missing cells become empty text."""
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as file:
        file.add_worksheet("S").write_dynamic_array_formula("A1", "=PM_X()", None, "")
    book = Workbook(path, {"pm_x": lambda: answer})
    area = book.values("S", "A1:B2")
    assert [row[: len(shown[0])] for row in area[: len(shown)]] == shown
    assert all(value is None for row in area[len(shown) :] for value in row)


def test_tables_by_name(make: Callable[[Build], Workbook], functions: Functions) -> None:
    """Structured references: whole table, data, headings, a column, this row."""

    def build(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("It's a sheet")
        columns = [{"header": "Qty"}, {"header": "IV #1"}]
        sheet.add_table("B2:C4", {"name": "tblPos", "columns": columns, "data": [[1, 0.5], [2, 0.6]]})
        calc = book.add_worksheet("Calc")
        texts = ["tblPos[#All]", "tblPos", "tblPos[]", "tblPos[#Headers]", "tblPos[[#All],[Qty]]", "tblPos[IV '#1]"]
        for row, text in enumerate(texts):
            calc.write_formula(row, 0, f"=PM_ARGS({text})", None, "")
        sheet.write_formula("E4", "=PM_ARGS(tblPos[[#This Row],[Qty]])", None, "")
        calc.write_formula("B1", "=SUM(tblPos[IV '#1])+PM_SUM('It''s a sheet'!B3:B4)", None, "")

    book = make(build)
    heading, data = ["Qty", "IV #1"], [[1.0, 0.5], [2.0, 0.6]]
    expected = [[heading, *data], data, data, [heading], [["Qty"], [1.0], [2.0]], [[0.5], [0.6]]]
    assert [book.get("Calc", f"A{row}") for row in range(1, 7)] == [repr((table,)) for table in expected]
    assert book.get("It's a sheet", "E4") == "(2.0,)"
    assert book.get("Calc", "B1") == pytest.approx(4.1)
    assert len(functions.log) == 7  # the two ways to write the data are one call


def arrays(book: xlsxwriter.Workbook) -> None:
    """A spilling and a fixed array of the same call, and a cell that reads the spill."""
    sheet = book.add_worksheet("S")
    sheet.write("A1", 3)
    sheet.write_dynamic_array_formula("C1:D3", "=PM_GROW(A1)", None, "")
    sheet.write_array_formula("F1:G2", "{=PM_GROW(A1)}", None, "")
    sheet.write_formula("I1", "=SUM(_xlfn.ANCHORARRAY(C1))", None, "")


def test_spills_grow_shrink_and_move(make: Callable[[Build], Workbook], functions: Functions) -> None:
    """A table may become longer than any block and shorter again; nothing stays behind; one call each."""
    book = make(arrays)
    for height in (3, 500, 5000, 1, 40, 2):
        made = book.set("S", "A1", height)
        assert made == (height != 3)
        expected = functions.grow(height)
        functions.log.pop()
        assert book.values("S", f"C1:D{height + 1}") == [*expected, [None, None]]
        assert book.get("S", "C5001") is None
        assert book.get("S", "F1") == expected[0][0]
        assert book.get("S", "I1") == sum(map(sum, expected))
        assert book.spills("S") == {"C1": (height, 2), "I1": (1, 1)}
    assert book.values("S", "F1:G2") == [[0.0, 1.0], [100.0, 101.0]]


def test_spill_that_is_blocked(make: Callable[[Build], Workbook]) -> None:
    """A value in the way gives #SPILL! as in Excel, and taking it away brings the table back."""
    book = make(arrays)
    book.set("S", "C2", "mine")
    assert book.values("S", "C1:D3") == [["#SPILL!", None], ["mine", None], [None, None]]
    book.set("S", "C2", None)
    assert book.values("S", "C1:D3") == [[0.0, 1.0], [100.0, 101.0], [200.0, 201.0]]
    with pytest.raises(MarginError, match=r"S!F2 is part of the array formula in F1; change that\."):
        book.set("S", "F2", 1)


def test_only_changed_arguments_are_called(make: Callable[[Build], Workbook], functions: Functions) -> None:
    """Identical calls are made once, an unrelated edit makes none, a change of type alone is a change."""
    book = make(plain("=PM_SUM(All)", "=PM_SUM(Data!A1:C4)+1", "=PM_SUM( all )", "=PM_SUM(Data!A2)", "=PM_ECHO(1)"))
    assert book.calls == len(functions.log) == 3
    assert book.set("Data", "Z9", 5) == 0
    assert book.recalculate() == 0
    assert book.set("Data", "A2", 1) == 2
    assert book.set("Data", "A2", True) == 2
    assert book.set("Data", "B2", "ETH") == 1
    assert book.set_many([("Data", "A2", 4), ("Data", "A3", 5), ("data", "$A$4", 6)]) == 2
    assert book.get("Calc", "E2") == 16.0


class Counted:
    """The engine's workbook, whose calculations are counted."""

    def __init__(self, model: Any) -> None:
        self._model, self.calculations = model, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def evaluate(self) -> None:
        """Calculate the whole workbook."""
        self.calculations += 1
        self._model.evaluate()


@pytest.mark.parametrize(
    ("formula", "shown", "calculations"),
    [
        ("=PM_SUM(All)+1", 11.0, 1),
        ("=PM_SUM(PM_SUM(Data!A3:A4))+PM_SUM(All,-1)", -5.0, 1),
        ("=PM_SUM(E1:E1)+E2", 30.0, 2),  # another call's answer by way of a formula
        ("=PM_SUM(Data!A1:A4,E2)", 200.0, 2),  # guessed with the old E2, then made again
    ],
)
def test_typed_cells_need_one_calculation(make: Callable[[Build], Workbook], formula: str, shown: float, calculations: int) -> None:
    """Calls of typed cells are made before the engine calculates; those that a formula steers are right all the same."""
    book = make(plain("=PM_SUM(All)", "=E1*2", formula))
    counted = book._model = Counted(book._model)
    book.set("Data", "A2", 5)
    assert counted.calculations == calculations
    assert book.values("Calc", "E1:E3") == [[10.0], [20.0], [shown]]


def test_chains_are_called_in_order(make: Callable[[Build], Workbook], functions: Functions) -> None:
    """A call that needs another's answer waits for it; a later edit runs through the whole chain."""
    book = make(plain("=PM_SUM(E2*2)", "=PM_SUM(E3)+1", "=PM_SUM(Data!A2:A4)"))
    assert [call[1][0] for call in functions.log][1:] == [6.5, 15.0]
    assert book.set("Data", "A2", 2.5) == 3
    assert book.get("Calc", "E1") == 17.0


def test_arguments_that_never_rest(make: Callable[[Build], Workbook]) -> None:
    """NOW and RAND in an argument do not keep it calculating for ever; a circle of calls is told."""
    chain = [f"=PM_SUM(IFERROR(E{row},0)+1)" for row in range(4, 9)]
    book = make(plain("=PM_SUM(RAND())", "=PM_SUM(NOW())>40000", *chain, "=PM_SUM(2)"))
    book.set("Calc", "F1", "=PM_SUM(E3+RAND())")
    assert book.set("Calc", "E8", "=PM_SUM(Data!A2)") > 6
    assert book.get("Calc", "E3") == 6.5
    assert book.values("Calc", "F1")[0][0] == pytest.approx(7.0, abs=0.5)
    book.set("Calc", "F2", "=PM_SUM(F1*0+RAND()*0+NOW()*0+E3,NOW()*0+1)")
    assert book.get("Calc", "F2") == 6.5
    assert 0 <= book.values("Calc", "E1:E1")[0][0] <= 1  # type: ignore[operator]
    assert book.get("Calc", "E2") is True
    book.set("Calc", "A1", "=PM_SUM(IFERROR(B1,0))+1")
    with pytest.raises(MarginError, match=r"calls of PM_SUM depend on each other in a circle; let no PM function"):
        book.set("Calc", "B1", "=PM_SUM(IFERROR(1*A1:A1,0)+RAND()*0)+LEN(PM_ARGS(A1))")


def test_formulas_can_be_typed_and_removed(make: Callable[[Build], Workbook], functions: Functions) -> None:
    """A typed formula spills; a value over it removes it and its calls; the text stays as typed."""
    book = make(plain("=_xlfn.LET(_xlpm.t,pm_sum(All),_xlpm.t)"))
    assert book.formula("Calc", "E1") == "=LET(t,pm_sum(All),t)"
    assert book.formula_cells("Calc") == ["E1"]
    book.set("Calc", "G1", "=PM_GROW(Data!A3)")
    assert book.values("Calc", "G1:H3") == [[0.0, 1.0], [100.0, 101.0], [None, None]]
    assert book.formula_cells("Calc") == ["E1", "G1"]
    book.set("Calc", "G1", 5)
    assert book.values("Calc", "G1:H2") == [[5.0, None], [None, None]]
    assert book.formula("Calc", "G1") is None
    assert book.set("Data", "A3", 3) == 1  # only PM_SUM


def test_copied_formulas_shift() -> None:
    """Relative references move with a copied formula, fixed ones, texts and names do not."""
    assert shift("SUM($A1,B$2:C3,'x A1'!A1,\"A1\",A1x)", 2, 1) == "SUM($A3,C$2:D5,'x A1'!B3,\"A1\",A1x)"
    assert shift("PM_SUM(A1:A2)+A:A+3:4", 1, 1) == "PM_SUM(B2:B3)+B:B+4:5"


def test_mistakes_are_told(make: Callable[[Build], Workbook], tmp_path: Path) -> None:
    """Unknown sheets, cells and files are answered with what to do; nothing has changed."""
    book = make(plain("=PM_SUM(All)"))
    with pytest.raises(MarginError, match=r"There is no sheet 'Nope' in this workbook; its sheets are 'Data', 'Calc'\."):
        book.set_many([("Data", "A2", 100), ("Nope", "A1", 1)])
    with pytest.raises(MarginError, match=r"'A0x' is no cell; write it like B7\."):
        book.get("Data", "A0x")
    with pytest.raises(MarginError, match=r"'All' is no range; write it like A1:F20\."):
        book.values("Data", "All")
    with pytest.raises(MarginError, match=r"A cell cannot hold the number inf; give a finite one\."):
        book.set("Data", "A2", float("inf"))
    assert book.get("Calc", "E1") == 6.5
    with pytest.raises(MarginError, match=r"there is no such file; give the path of an \.xlsx workbook\."):
        Workbook(tmp_path / "none.xlsx", {})
    (tmp_path / "bad.xlsx").write_text("hello")
    with pytest.raises(MarginError, match=r"this is not an \.xlsx workbook"):
        Workbook(tmp_path / "bad.xlsx", {})


def test_many_calculated_arguments(make: Callable[[Build], Workbook]) -> None:
    """Hundreds of calculated arguments of one and of many cells stand beside each other."""
    book = make(plain(*(f"=PM_SUM(Data!$A$2+{n},2)" for n in range(200)), "=PM_SUM(Data!A2:A4*2)", "=PM_SUM(1+{1;2;3})"))
    assert [row[0] for row in book.values("Calc", "E1:E202")] == [*(3.0 + 2 * n for n in range(200)), 13.0, 9.0]


values = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**6), 10**6).map(float),
    st.floats(-1e9, 1e9).map(lambda x: x + 0.0),
    st.text("abc 017.-é\"'&<", max_size=6),
    st.sampled_from(["12", "TRUE", "1/2/2024", "'x", "#N/A", "#DIV/0!"]),
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 3), values), min_size=1, max_size=8))
def test_edits_agree_with_direct_calls(tmp_path_factory: pytest.TempPathFactory, edits: list[Any]) -> None:
    """After any edits the sheet shows what the functions answer when called in Python with the same cells."""
    functions = Functions()
    path = tmp_path_factory.mktemp("edits") / "book.xlsx"
    with xlsxwriter.Workbook(path) as file:
        sheet = file.add_worksheet("S")
        sheet.write_formula("E1", "=PM_ARGS($A$1:$C$6,A2)", None, "")
        sheet.write_formula("E2", "=ROUND(PM_SUM(A1:B3),6)&PM_SUM(A1:B3)", None, "")
        sheet.write_dynamic_array_formula("G1:I6", "=PM_ECHO(A1:C6)", None, "")
    book = Workbook(path, functions.table)
    cells: list[list[Any]] = [[None] * 3 for _ in range(6)]
    for row, column, value in edits:
        cells[row - 1][column - 1] = value
        book.set("S", f"{' ABC'[column]}{row}", value)
    assert book.values("S", "A1:C6") == cells
    assert book.get("S", "E1") == functions.args(cells, cells[1][0])
    assert book.values("S", "G1:I6") == [["" if value is None else value for value in row] for row in cells]


def test_formula_text_is_taken_apart() -> None:
    """Calls, constants and references are found in awkward texts."""
    text = "=IF(A1#>2,PM_X( (A1,B2) ,\"a,(\"),'PM_X(1)'!A1)+pm_x()+_xlfn.PM_X({1,2;3,4},tbl[[#All],[a,b)]])"
    calls = find_calls(text, {"PM_X"})
    assert [(call.arguments, call.inside) for call in calls] == [
        (("(A1,B2)", '"a,("'), True),
        ((), False),
        (("{1,2;3,4}", "tbl[[#All],[a,b)]]"), False),
    ]
    assert [text[call.start : call.end] for call in calls][1] == "pm_x()"
    assert parse_constant(' "a""b" ') == Constant('a"b')
    assert parse_constant("A1") is None
    assert parse_constant("-.5e-3") == Constant(-0.0005)
    assert parse_constant("false") == Constant(False)
    area = parse_area("'It''s'!$b$2:A9", "x")
    assert area
    assert area.text() == "'It''s'!$A$2:$B$9"
    assert parse_area("XFE1", "x") is None
    assert display('_xlfn.LET(_xlpm.a,"_xlfn.x",_xlfn._xlws.SORT(_xlpm.a))') == '=LET(a,"_xlfn.x",SORT(a))'


def test_table_in_a_reserved_area(make: Callable[[Build], Workbook], functions: Functions) -> None:
    """A formula that fills a reserved area in every program: the table and "", or one message."""
    form = (
        "=_xlfn.LET(_xlpm.t,PM_GROW(A1),_xlpm.u,"
        'IF(IFERROR(ROWS(_xlpm.t),1)>ROWS(C5:C24),"#PM! "&ROWS(_xlpm.t)&" rows",_xlpm.t),'
        "IF((ROW(C5:C24)-ROW(C5)<IFERROR(ROWS(_xlpm.u),1))*(COLUMN(C5:D5)-COLUMN(C5)<IFERROR(COLUMNS(_xlpm.u),1)),"
        '_xlpm.u,""))'
    )

    def build(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("S")
        sheet.write("A1", 1)
        sheet.write_dynamic_array_formula("C5:D24", form, None, "")

    functions.table["PM_GROW"] = lambda n: functions.grow(n) if n else "#PM! none"
    book = make(build)
    for height in (1, 7, 20, 0, 21, 3):
        book.set("S", "A1", height)
        table = functions.grow(height) if 0 < height < 21 else [["#PM! none" if height == 0 else "#PM! 21 rows", ""]]
        assert book.values("S", "C5:D24") == table + [["", ""]] * (20 - len(table))
        assert book.spills("S") == {"C5": (20, 2)}
