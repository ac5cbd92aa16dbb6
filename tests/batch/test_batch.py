"""xlmargin batch: files in, files out, faults told by account, and nothing overwritten."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_files import GOOD, HEAD, MARKET, as_csv, as_parquet, batch, faults, pa, parquet, read
from range_books import ask

from xlmargin.batch.plan import Inputs
from xlmargin.batch.run import Settings, run_batch
from xlmargin.batch.source import blocks, open_source
from xlmargin.cli import main
from xlmargin.errors import MarginError
from xlmargin.sheet.checks import all_faults


def test_a_row_per_account_and_method(tmp_path: Path) -> None:
    """Accounts in order, numbers and blank names among them, methods in the order asked for, the sheet's numbers."""
    found = batch(as_parquet(tmp_path / "in.parquet", HEAD, GOOD), tmp_path / "out.parquet", "SPAN", "RULES")
    assert [(row["Account"], row["Method"], row["Positions"], row["Status"]) for row in found] == [
        (account, method, count, "OK") for account, count in (("", 1), ("7", 1), ("a", 2), ("b", 2)) for method in ("SPAN", "RULES")
    ]
    for row in found:
        mine = [list(HEAD), *(list(item) for item in GOOD if item[0] == row["Account"])]
        assert row["Initial"] == pytest.approx(ask("PM_MARGIN", mine, MARKET, row["Method"]), rel=1e-12)
        assert row["Maintenance"] == pytest.approx(ask("PM_MAINTENANCE", mine, MARKET, row["Method"]), rel=1e-12)
        assert (row["Scanning risk"] is None) == (row["Method"] == "RULES")
    array = ask("PM_RISK_ARRAY", [list(HEAD), *(list(item) for item in GOOD if item[0] == "b")], MARKET)
    worst = min(array[1:], key=lambda line: line[-1])
    assert float(found[6]["Worst scenario"]) == worst[0]
    assert not (tmp_path / "out.errors.csv").exists()


def test_amounts_in_usd_are_coins_at_the_price_of_their_contract(tmp_path: Path) -> None:
    """Rows with USD size, Quantity or both columns: the sheet's numbers, and its faults."""
    head = ("Account", "Instrument", "Quantity", "USD size", "Price")
    rows = [("a", "BTC-PERPETUAL", None, -70_000.0, 71_000.0), ("a", "BTC-PERPETUAL", 1.0, None, 71_000.0)]
    rows += [("b", "BTC-PERPETUAL", 1.0, 5.0, None), ("c", "BTCUSDT", None, 7.0, None), ("d", "BTC-PERPETUAL", None, 30_000.0, None)]
    for write, name in ((as_csv, "in.csv"), (as_parquet, "in.parquet")):
        found = batch(write(tmp_path / name, head, rows), tmp_path / f"{name}.csv", "SPAN")
        assert [row["Status"] for row in found] == ["OK", "ERROR", "ERROR", "OK"]
        for account, at in (("a", 0), ("d", 3)):
            mine = [list(head), *(list(row) for row in rows if row[0] == account)]
            assert float(found[at]["Initial"]) == pytest.approx(ask("PM_MARGIN", mine, MARKET, "SPAN"), rel=1e-12)
        told = [row["Problem"] for row in faults(tmp_path / f"{name}.csv")]
        assert told[0] == "USD size stands beside a Quantity"
        assert told[1].startswith("USD size is the amount of an inverse future")
        only = [head[:2] + head[3:], *(row[:2] + row[3:] for row in rows if row[0] == "d")]
        again = batch(write(tmp_path / f"only.{name}", only[0], only[1:]), tmp_path / f"only.{name}.csv", "SPAN")
        assert again[0]["Initial"] == found[3]["Initial"]


def test_csv_and_parquet_say_the_same(tmp_path: Path) -> None:
    """The same rows with texts, dates and blanks in either format, to either format, give the same margins and faults."""
    head = ("Underlying", "Type", "Strike", "Expiry", "Quantity", "Account", "IV")
    rows = [
        ("BTC", "call", 70_000.0, "2025-06-27", -1.0, "x, y", 0.5),
        ("ETH", "put", 3_000.0, "27JUN25", -4.0, "z", None),
        ("BTC", "perp", None, None, 0.5, "z", None),
        (None,) * 7,
        ("BTC", "call", None, "27JUN25", 1.0, "w", None),
    ]
    kinds = (as_csv, "in.csv"), (as_parquet, "in.parquet")
    found = [
        (batch(write(tmp_path / name, head, rows), tmp_path / f"{name}{end}"), faults(tmp_path / f"{name}{end}"))
        for write, name in kinds
        for end in (".csv", ".parquet")
    ]
    assert all(other == found[0] for other in found[1:])
    assert [row["Status"] for row in found[0][0]] == ["ERROR", "OK", "OK"]
    assert found[0][1] == [
        {"Account": "w", "Method": "", "Row": "6", "Column": "Strike", "Problem": "Strike must be given", "Fix": "fill it"}
    ]


def test_row_groups_may_split_an_account(tmp_path: Path) -> None:
    """One row to a row group, two workers: every account is still margined whole."""
    rows = GOOD * 3
    whole = batch(as_parquet(tmp_path / "one.parquet", HEAD, rows), tmp_path / "one.out.parquet")
    split = batch(as_parquet(tmp_path / "many.parquet", HEAD, rows, 1), tmp_path / "many.out.parquet", workers=2)
    assert split == whole


WRONG_HEAD = ("Account", "Instrument", "Quantity", "Side", "IV", "Entry", "Order")
WRONG = [
    ("a", "BTC-27JUN25-70000-C", "1", None, None, None, None),
    ("b", "BTC-27JUN25-70000-C", "ten", None, None, "x", None),
    ("c", "BTC-27JUN24-70000-C", "1", None, None, None, None),
    ("b", "BTC-PERPETUAL", "1", None, None, None, None),
    ("d", "SOL-PERPETUAL", "1", None, None, None, None),
    ("e", "nonsense", None, None, None, None, None),
    ("f", "BTC-PERPETUAL", "-2", "buy", "55", None, "maybe"),
    (None,) * 7,
    ("g", None, None, None, None, None, None),
    (None, None, None, None, None, "5", None),
    ("#N/A", "BTC-PERPETUAL", "1", None, None, None, None),
    ("h", "ETH-PERPETUAL", "2e15", None, None, None, None),
    ("i", "ETH-PERPETUAL", "-3", None, None, "3200", "no"),
]


def test_faults_are_those_of_the_sheet_and_the_rest_is_margined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every fault of every account by the file's row, in the words of PM_CHECK; the command ends with 1."""
    market, output = as_csv(tmp_path / "market.csv", tuple(MARKET[0]), [tuple(row) for row in MARKET[1:]]), tmp_path / "o.csv"
    assert (
        main(["batch", str(as_csv(tmp_path / "in.csv", WRONG_HEAD, WRONG)), "-o", str(output), "--market", str(market), "--workers", "1"])
        == 1
    )
    shown = capsys.readouterr()
    assert shown.out.strip() == str(output)
    assert "9 accounts have faults" in shown.err
    assert [(row["Account"], row["Status"]) for row in read(output)] == [
        ("", "ERROR"),
        ("#N/A", "ERROR"),
        ("a", "OK"),
        *((name, "ERROR") for name in "bcdefgh"),
        ("i", "OK"),
    ]
    assert all((row["Initial"] is None) == (row["Status"] == "ERROR") for row in read(output))

    def number(cell: Any) -> Any:
        try:
            return float(cell)
        except (TypeError, ValueError):
            return cell

    raw = [list(WRONG_HEAD), *([row[0], row[1], *map(number, row[2:])] for row in WRONG)]
    expected = sorted((fault.row, fault.column, fault.problem, fault.fix) for fault in all_faults(raw, MARKET)[0])
    assert sorted((int(row["Row"]), row["Column"], row["Problem"], row["Fix"]) for row in faults(output)) == expected


def test_an_account_that_a_method_cannot_answer_holds_up_no_other(tmp_path: Path) -> None:
    """Without a vol SPAN fails one account and RULES, which has a mark, does not; a method's own refusal is told as well."""
    head = ("Account", "Instrument", "Quantity", "Price", "Exercise")
    rows = [
        ("a", "SOL_USDC-27JUN25-150-C", 1.0, None, None),
        ("b", "BTC-27JUN25-70000-C", -1.0, 1_500.0, None),
        ("c", "BTC-27JUN25-70000-C", -1.0, None, "american"),
        ("d", "SOL_USDC-27JUN25-150-C", 1.0, 5.0, None),
    ]
    market = [*MARKET, ["SOL", 150.0, None, None]]
    run_batch(
        as_parquet(tmp_path / "in.parquet", head, rows),
        Inputs(("DERIBIT", "RULES"), market, None, None),
        Settings(tmp_path / "out.csv", 1),
        io.StringIO(),
    )
    assert [(row["Account"], row["Method"]) for row in read(tmp_path / "out.csv") if row["Status"] == "ERROR"] == [
        ("a", "DERIBIT"),
        ("a", "RULES"),
        ("c", "DERIBIT"),
    ]
    told = [(row["Account"], row["Method"], row["Row"]) for row in faults(tmp_path / "out.csv")]
    assert told == [("a", "DERIBIT", "2"), ("a", "RULES", "2"), ("c", "DERIBIT", "4")]
    assert "american" in faults(tmp_path / "out.csv")[2]["Problem"]


@pytest.mark.parametrize("write", [as_csv, as_parquet])
def test_a_file_without_rows_is_refused(tmp_path: Path, write: Callable[..., Path]) -> None:
    """A header alone is no flat book: the file may have lost its rows."""
    with pytest.raises(MarginError, match="no row below"):
        batch(write(tmp_path / f"in.{'csv' if write is as_csv else 'parquet'}", HEAD, []), tmp_path / "out.parquet")


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("in.csv", "", "is empty"),
        ("in.csv", "Account,Instrument,Quantity,My side\n", "the heading My side is not known and speaks of a side"),
        ("in.csv", "Account,Instrument,Lots\n", "a batch needs the heading Quantity"),
        ("in.csv", "Account,Instrument\n", "no column Quantity"),
        ("in.csv", "Quantity,Instrument,quantity\n1,BTC-PERPETUAL,2\n", "the heading Quantity stands twice"),
        ("in.csv", "Quantity,Account\n1,a\n", "no column says what each row holds"),
        ("in.xlsx", "x", "neither Parquet nor CSV"),
        ("in.parquet", "x", "cannot be read as Parquet"),
        ("in.csv", "Quantity,Instrument\n1,\x81\n", "not a text file in UTF-8"),
        ("in.csv", 'Quantity,Instrument\n1,"X\n2,Y\n', "line 2: a quote is never closed"),
        ("in.csv", 'Quantity,Instrument\n1,"X"Y\n', "line 2: there is text after a closing quote"),
        ("in.csv", 'Quantity,Instrument\n1,X"Y\n', "line 2: a quote stands within a cell"),
        ("in.csv", "Quantity;Instrument\n1.500;X\n", "two readings"),
        ("in.csv", "Quantity,Instrument\n1,X\x07\n", "line 2 holds the control character 0x07"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str, text: str, problem: str) -> None:
    """What is wrong with the file as a whole stops the batch before it starts."""
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(MarginError) as told:
        batch(tmp_path / name, tmp_path / "out.csv")
    assert problem in str(told.value)
    assert not (tmp_path / "out.parts").exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('Quantity,Instrument\n1,"X\n2,Y"\n', "line 2 has a cell in quotes that holds whole lines"),
        ("Quantity,Instrument,Account\n1,500,X,a\n", "row 2 has 4 cells and the header 3, and its account cannot be told"),
        ("Quantity,Instrument,,Note\n1,X,5,\n", "row 2 has '5' in column 3, which has no heading"),
    ],
)
def test_rows_that_contradict_the_header_give_no_margin(tmp_path: Path, text: str, problem: str) -> None:
    """Where a row could be another account's, no account is margined."""
    (tmp_path / "in.csv").write_text(text, encoding="utf-8")
    with pytest.raises(MarginError) as told:
        batch(tmp_path / "in.csv", tmp_path / "out.csv")
    assert problem in str(told.value)
    assert not (tmp_path / "out.csv").exists()


def test_a_row_too_wide_leaves_out_its_account(tmp_path: Path) -> None:
    """Where the account stands first, a thousands comma without quotes is a fault of that account alone."""
    (tmp_path / "in.csv").write_text("Account,Instrument,Quantity\na,BTC-PERPETUAL,-1,500\nb,BTC-PERPETUAL,-1\n", encoding="utf-8")
    found = batch(tmp_path / "in.csv", tmp_path / "out.csv")
    assert [(row["Account"], row["Status"], row["Initial"]) for row in found] == [("a", "ERROR", None), ("b", "OK", 7_150.0)]
    assert [(row["Row"], row["Problem"]) for row in faults(tmp_path / "out.csv")] == [("2", "the row has 4 cells and the header 3")]


@pytest.mark.parametrize(
    ("methods", "parameters", "problem"),
    [
        (("SPAN",), [["no_such", 1.0]], "no_such"),
        (("VAR",), None, "needs a history"),
        (("STRESS",), None, "your own scenarios"),
        (("SPAN", "TIMS"), [["no_such", 1.0]], "no method here has a parameter 'no_such'"),
    ],
)
def test_what_no_account_could_mend_stops_the_batch(tmp_path: Path, methods: tuple[str, ...], parameters: Any, problem: str) -> None:
    """A parameter that is unknown or an input that is missing is told once, not once per account."""
    file = as_parquet(tmp_path / "in.parquet", HEAD, GOOD)
    with pytest.raises(MarginError) as told:
        run_batch(file, Inputs(methods, MARKET, parameters, None), Settings(tmp_path / "out.csv", 1), io.StringIO())
    assert problem in str(told.value)


def test_odd_lines_and_columns_are_read_as_a_sheet_would(tmp_path: Path) -> None:
    """Semicolons, a byte order mark, blank lines, short lines, blank cells too many, a break in a cell, numbers as accounts."""
    text = '\ufeff\n\nAccount;Instrument;Quantity;Note\n7;BTC-PERPETUAL;1;"two\nlines"\n\n7;ETH-PERPETUAL;-3\n8;BTC-PERPETUAL;2;x;;\n'
    (tmp_path / "in.csv").write_text(text, encoding="utf-8")
    found = batch(tmp_path / "in.csv", tmp_path / "out.csv")
    assert [(row["Account"], row["Positions"]) for row in found] == [("7", 2), ("8", 1)]
    table = pa.table(
        {
            "account": pa.array([7, 7, 8]),
            "INSTRUMENT": pa.array(["BTC-PERPETUAL", "ETH-PERPETUAL", "BTC-PERPETUAL"]).dictionary_encode(),
            "quantity": pa.array([1, -3, 2], pa.int16()),
        }
    )
    parquet.write_table(table, tmp_path / "in.parquet")
    assert batch(tmp_path / "in.parquet", tmp_path / "out.csv") == found


def test_blocks_and_shards_of_any_size_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file read in many small blocks and divided into many shards is margined as one read whole, from either format."""
    rows = [(f"{account}{n % 7}", *rest) for n, (account, *rest) in enumerate(GOOD * 30)]
    files = as_parquet(tmp_path / "in.parquet", HEAD, rows, 50), as_csv(tmp_path / "in.csv", HEAD, rows)
    whole = [batch(file, tmp_path / "out.parquet") for file in files]
    monkeypatch.setattr("xlmargin.batch.source.BLOCK_ROWS", 20)
    monkeypatch.setattr("xlmargin.batch.source.BLOCK_BYTES", 500)
    monkeypatch.setattr("xlmargin.batch.run.LEAST_ROWS", 15)
    assert [batch(file, tmp_path / "out.parquet") for file in files] == whole
    assert whole[0] == whole[1]
    assert len(whole[0]) == 28


@pytest.mark.parametrize("size", [200, 700, 1_000_000])
def test_odd_lines_keep_their_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Blank, short and long lines anywhere, in blocks of any size: each row has the number and cells of its line, or its fault."""
    random = np.random.default_rng(size)
    kinds = ("a{0},BTC-PERPETUAL,{0}", "a{0},ETH-PERPETUAL,{0}", "b{0},X", "c{0},Y,{0},z", "", ",,", '"d,{0}",Q,{0}')
    lines = [",".join(HEAD), *(kinds[k].format(n) for n, k in enumerate(random.integers(0, len(kinds), 300).tolist()))]
    (tmp_path / "in.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setattr("xlmargin.batch.source.BLOCK_BYTES", size)
    source = open_source(tmp_path / "in.csv", 1)
    found = {
        row: cells
        for block in blocks(source, source.pieces[0])
        for row, *cells in zip(block.rows.tolist(), *(block.table.column(n).to_pylist() for n in range(4)))
    }
    fault = "has 4 cells and the header 3"
    assert found == {n: [*(line + [""] * 3)[:3], fault if len(line) == 4 else None] for n, line in enumerate(csv.reader(lines), 1) if n > 1}


def test_columns_of_dates_truths_and_decimals(tmp_path: Path) -> None:
    """Parquet's own types mean what the sheet's cells mean, without an Account column as well; NaN is a blank."""
    moments = [dt.datetime(2025, 6, 27), dt.datetime(2025, 6, 27, 8, tzinfo=dt.UTC), dt.datetime(2025, 6, 27, 8)]
    kinds = (
        pa.array([moment.date() for moment in moments]),
        pa.array([moments[0]] * 3, pa.timestamp("ns")),
        pa.array([moments[1]] * 3, pa.timestamp("us", "UTC")),
        pa.array(["2025-06-27"] * 3).dictionary_encode(),
    )
    found = []
    for n, expiry in enumerate(kinds):
        table = pa.table(
            {
                "Underlying": ["BTC"] * 3,
                "Type": pa.array(["call"] * 3, pa.large_string()),
                "Expiry": expiry,
                "Strike": pa.array([decimal.Decimal("70000.0")] * 3),
                "Quantity": pa.array([1, -3, 9], pa.int8()),
                "IV": [0.5, float("nan"), None],
                "Order": [False, None, True],
                "Entry": pa.array([None] * 3, pa.null()),
            }
        )
        parquet.write_table(table, tmp_path / f"{n}.parquet")
        found.append(batch(tmp_path / f"{n}.parquet", tmp_path / "out.csv")[0])
    rows = [
        ["Underlying", "Type", "Expiry", "Strike", "Quantity", "IV"],
        ["BTC", "call", "27JUN25", 70_000.0, 1.0, 0.5],
        ["BTC", "call", "27JUN25", 70_000.0, -3.0, None],
    ]
    assert [row["Initial"] for row in found] == [pytest.approx(ask("PM_MARGIN", rows, MARKET), rel=1e-12)] * 4
    assert [(row["Account"], row["Positions"]) for row in found] == [("", 3)] * 4


def test_the_positions_are_never_overwritten(tmp_path: Path) -> None:
    """An output of the positions' own name, or whose errors file would have it, is refused."""
    for name, output in (("in.csv", "in.csv"), ("in.errors.csv", "in.parquet")):
        file = as_csv(tmp_path / name, HEAD, GOOD)
        with pytest.raises(MarginError) as told:
            batch(file, tmp_path / output)
        assert "would overwrite the positions" in str(told.value)


def test_parameters_of_an_underlying_that_is_not_there_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt coin changes nothing, and a note says so."""
    file = as_csv(tmp_path / "in.csv", HEAD, GOOD)
    market = as_csv(tmp_path / "market.csv", tuple(MARKET[0]), [tuple(row) for row in MARKET[1:]])
    changed = as_csv(tmp_path / "p.csv", ("Underlying", "Parameter", "Value"), [("BTCC", "price_scan_range", 0.2)])
    assert main(["batch", str(file), "-o", str(tmp_path / "o.csv"), "--market", str(market), "--params", str(changed)]) == 0
    assert "note: parameters row 2: no BTCC in this file" in capsys.readouterr().err
