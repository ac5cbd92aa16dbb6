"""Daily option chains in files: one Parquet file with a chain a day, or a folder of saved Deribit chains as CSV."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xlmargin.book.contracts import CALL, Contract, parse_instrument, show_instant
from xlmargin.errors import Faults, MarginError, existing_file
from xlmargin.files.parquets import parquet_module
from xlmargin.files.texts import read_csv
from xlmargin.pricing.arrays import Floats
from xlmargin.sheet.cells import is_blank_row, show
from xlmargin.sheet.columns import Header, numbers, texts
from xlmargin.sheet.headings import heading_key
from xlmargin.venues.saved_chains import A_TIME, time_of

# The names of each column of a chain, and the factor of its values: quoted APIs give the vol in percent.
COLUMNS = {
    "time": ("ts", "timestamp"),
    "name": ("instrument", "instrumentname"),
    "forward": ("fwd", "underlyingprice"),
    "index": ("index", "indexprice"),
    "mark": ("mark", "markprice"),
    "vol": ("iv", "markiv"),
}
NUMBERS = ("forward", "index", "mark", "vol")
PERCENT = 0.01
DAY = 86_400.0
TENORS = (7.0, 30.0, 90.0)  # days of the vols that a history of chains holds


@dataclass(frozen=True, slots=True)
class Chain:
    """The options of one moment.

    Attributes:
        time: seconds since 1970 UTC
        names: instruments (N,)
        contracts: the contracts that the names denote (N,)
        forward: of each option's expiry (N,) [USD]
        spot: index of each underlying [USD]
        mark: premium of each option (N,) [USD per unit]
        vol: fraction (N,)
        row: place of each instrument
    """

    time: float
    names: list[str]
    contracts: list[Contract]
    forward: Floats
    spot: dict[str, float]
    mark: Floats
    vol: Floats
    row: dict[str, int]


def read_chains(path: Path) -> Iterator[Chain]:
    """The chains of a Parquet file or of a folder's CSV files, oldest first.

    Raises:
        MarginError: there is no such file, columns are missing, or the package that reads Parquet is not installed
    """
    if path.is_dir():
        files = [file for file in sorted(path.glob("*.csv")) if file.stem.upper() != "MANIFEST"]
        if not files:
            raise MarginError(f"{path} holds no CSV file: give a folder of saved chains, or a Parquet file")
        yield from sorted((chain for file in files for chain in _split(_csv_columns(file))), key=lambda chain: chain.time)
    elif path.suffix.lower() == ".parquet":
        yield from _split(_parquet_columns(path))
    else:
        yield from _split(_csv_columns(path))


def _named(found: dict[str, Any], path: Path) -> dict[str, Any]:
    """The columns by their meaning."""
    header, columns, result = Header(found), list(found.values()), dict[str, Any]()
    for meaning, spellings in COLUMNS.items():
        spelled = next((key for key in spellings if key in header), None)
        if spelled is None:
            raise MarginError(
                f"{path} has no column {' or '.join(spellings)}: a chain needs {', '.join(COLUMNS)} "
                f"(the columns found are: {', '.join(found)})"
            )
        result[meaning] = columns[header.column(spelled)]
        result["unit"] = PERCENT if spelled == "markiv" else result.get("unit", 1.0)
    return result


def _csv_columns(path: Path) -> dict[str, Any]:
    head, *below = read_csv(path) or [[]]
    filled = [(n, row) for n, row in enumerate(below, 2) if not is_blank_row(row)]
    faults, rows = Faults(f"{path}"), [n for n, _ in filled]
    for n, row in filled:
        if len(row) != len(head):
            faults.add(n, "", f"{len(row)} cells where the header has {len(head)}", "save the file again, whole")
    faults.stop()
    if not filled:
        raise MarginError(f"{path} has no row below its header: save the chain again, whole")
    columns = _named(dict(zip(map(str, head), map(list, zip(*(row for _, row in filled))))), path)
    columns["name"] = texts(columns["name"], rows, "the instrument", faults)
    times = [time_of(cell) for cell in columns["time"]]
    for n, cell, time in zip(rows, columns["time"], times):
        if time is None:
            faults.add(n, "the time", f"the time must be one such as {A_TIME}, not {show(cell)}", "mend it")
    columns["time"] = np.array(times, np.float64)
    for name in NUMBERS:
        columns[name] = numbers(columns[name], rows, name, faults)
    faults.stop()
    return columns


def _parquet_columns(path: Path) -> dict[str, Any]:
    frame = parquet_module(existing_file(path)).read_table(path)
    wanted = {name for spellings in COLUMNS.values() for name in spellings}
    columns = _named({name: frame.column(name) for name in frame.column_names if heading_key(name) in wanted}, path)
    columns["time"] = columns["time"].to_numpy().astype("datetime64[us]").astype(np.float64) / 1e6
    columns["name"] = columns["name"].to_pylist()
    return {name: column.to_numpy() if hasattr(column, "to_numpy") else column for name, column in columns.items()}


def _split(columns: dict[str, Any]) -> Iterator[Chain]:
    """One chain per UTC day: underlyings that were read some seconds apart are in one."""
    times, names = np.asarray(columns["time"], np.float64), columns["name"]
    known: dict[str, Contract | None] = {name: parse_instrument(name, "deribit") for name in set(names)}
    levels = {key: np.asarray(columns[key], np.float64) for key in NUMBERS}
    levels["vol"] = levels["vol"] * columns["unit"]
    days = np.floor(times / DAY)
    order = np.argsort(days, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(days[order])) + 1):
        kept = [i for i in rows.tolist() if known[names[i]] is not None and levels["forward"][i] > 0.0]
        if kept:
            yield _chain(kept, times, names, known, levels)


def _chain(rows: list[int], times: Floats, names: Any, known: dict[str, Any], levels: dict[str, Floats]) -> Chain:
    """The chain of some rows."""
    kept = [names[i] for i in rows]
    contracts = [known[name] for name in kept]
    forward = levels["forward"][rows]
    inverse = np.array([contract.inverse for contract in contracts])
    mark = levels["mark"][rows] * np.where(inverse, forward, 1.0)
    spot = {contract.underlying: float(levels["index"][i]) for i, contract in zip(rows, contracts) if levels["index"][i] > 0.0}
    for coin in sorted({contract.underlying for contract in contracts} - spot.keys()):
        raise MarginError(f"the chain of {show_instant(float(times[rows].max()))[:10]} has no index of {coin}: fill it")
    return Chain(
        float(times[rows].max()), kept, contracts, forward, spot, mark, levels["vol"][rows], {name: n for n, name in enumerate(kept)}
    )


def history_of(chains: Sequence[Chain]) -> list[list[Any]]:
    """A history range from chains: the index of each underlying, and its vols at the money by tenor.

    The vol at the money of an expiry is read at its forward; between expiries total variance runs straight in time.
    """
    coins = sorted(set.intersection(*(set(chain.spot) for chain in chains)))
    head: list[Any] = ["Date", *(name for coin in coins for name in (coin, *(f"{coin} IV {days:g}" for days in TENORS)))]
    rows = [head]
    for chain in chains:
        cells: list[Any] = [dt.datetime.fromtimestamp(chain.time, dt.UTC).strftime("%Y-%m-%d")]
        for coin in coins:
            cells += [chain.spot[coin], *_vols_at_the_money(chain, coin)]
        rows.append(cells)
    return rows


def _vols_at_the_money(chain: Chain, coin: str) -> list[float]:
    """Vol at the money of each tenor."""
    calls = [
        (contract.expiry, contract.strike, n)
        for n, contract in enumerate(chain.contracts)
        if contract.underlying == coin and contract.kind == CALL and chain.vol[n] > 0.0 and contract.expiry > chain.time
    ]
    days, variance = [], []
    for expiry in sorted({expiry for expiry, _, _ in calls}):
        strikes, at = zip(*sorted((strike, n) for when, strike, n in calls if when == expiry))
        vol = float(np.interp(chain.forward[at[0]], strikes, chain.vol[list(at)]))
        days.append((expiry - chain.time) / DAY)
        variance.append(vol**2)
    total = np.array(variance) * np.array(days)
    inside = np.clip(TENORS, days[0], days[-1])
    return [float(np.sqrt(value)) for value in np.interp(inside, days, total) / inside]
