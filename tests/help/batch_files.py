"""Files of positions for the tests of batches, and the margins of a batch."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from xlmargin.batch.plan import Inputs, Parts
from xlmargin.batch.run import Settings, run_batch

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

MARKET = [["Underlying", "Spot", "IV", "As of"], ["BTC", 65_000.0, 0.55, "2025-06-01"], ["ETH", 3_200.0, 0.7, None]]
HEAD = ("Account", "Instrument", "Quantity")
GOOD = [
    ("b", "BTC-27JUN25-70000-C", -2.0),
    ("a", "BTC-PERPETUAL", 1.5),
    ("b", "BTC-27JUN25-60000-P", -1.0),
    ("a", "ETH-27JUN25-3200-C", -30.0),
    ("7", "ETH-PERPETUAL", -2.0),
    ("", "BTC-26SEP25-65000-C", 1.0),
]


def as_parquet(path: Path, head: tuple[str, ...], rows: list[tuple[Any, ...]], group: int = 1_000) -> Path:
    """Write rows as Parquet."""
    parquet.write_table(pa.table([list(column) for column in zip(*rows)] or [[]] * len(head), list(head)), path, group)
    return path


def as_csv(path: Path, head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Path:
    """Write rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def batch(file: Path, output: Path, *methods: str, **more: Any) -> list[dict[str, Any]]:
    """The margins of a file, a row each."""
    settings = Settings(output, workers=more.pop("workers", 1), **more)
    run_batch(file, Inputs(methods or ("SPAN",), MARKET, None, None), settings, io.StringIO())
    assert not Parts(output).folder.exists()
    return read(output)


def read(output: Path) -> list[dict[str, Any]]:
    """The rows of a file of margins."""
    if output.suffix == ".parquet":
        return list(parquet.read_table(output).to_pylist())
    with output.open(encoding="utf-8", newline="") as file:
        return [
            {
                key: (None if value == "" else float(value))
                if key in ("Initial", "Maintenance", "Scanning risk")
                else int(value)
                if key == "Positions"
                else value
                for key, value in row.items()
            }
            for row in csv.DictReader(file)
        ]


def faults(output: Path) -> list[dict[str, str]]:
    """The rows of the errors file."""
    with output.with_suffix(".errors.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
