"""A batch from file to file: scatter the rows by account, margin the shards, put the parts together."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from xlmargin.batch.plan import Inputs, Parts, Plan, errors_file
from xlmargin.batch.scatter import scatter
from xlmargin.batch.shard import ERRORS, MARGINS, by_account, done, margin_shard, market_of, peak_memory
from xlmargin.batch.source import Source, arrow, open_source
from xlmargin.batch.workers import Run, here, on_cluster, processes
from xlmargin.book.book import make_book
from xlmargin.book.market import Market
from xlmargin.errors import Faults, MarginError, failure
from xlmargin.margin.parameters import Override
from xlmargin.margin.valuation import Given
from xlmargin.methods import case_of, method_named, rules_of
from xlmargin.methods.span.spreads import BETWEEN, read_spreads
from xlmargin.sheet.cells import given
from xlmargin.sheet.ranges.history import read_history
from xlmargin.sheet.ranges.overrides import known_somewhere, method_overrides, shared_overrides
from xlmargin.sheet.ranges.parameters import read_scenarios
from xlmargin.sheet.ranges.positions import read_positions

WORKER_BYTES = 180_000_000  # of a worker before it reads anything: libraries
ROW_BYTES = 700  # of a shard's row while it is read, measured with ten columns
CELL_BYTES = 100  # of a number of accounts × instruments: several such tables live at a time
LEAST_ROWS = 20_000  # a shard below this is more overhead than work
SHARDS_A_WORKER = 8  # at least, where there are rows enough: the loss when a worker is lost, and the step of progress reports
PIECES_A_WORKER = 2
MOST_SORTED = 5_000_000  # rows of margins that are put in one order; above it they are ordered shard by shard


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a batch.

    Attributes:
        output: .parquet or .csv
        workers: processes of this machine
        scheduler: address of a Dask scheduler, "" for this machine
        resume: go on from the parts of an interrupted run
        memory: limit for all workers together [bytes]
    """

    output: Path
    workers: int = 2
    scheduler: str = ""
    resume: bool = False
    memory: int = 2_000_000_000


class Summary(NamedTuple):
    """The result of a batch: accounts, those with faults, rows, seconds, peak memory of a worker [bytes], coins."""

    accounts: int
    faulty: int
    rows: int
    seconds: float
    memory: int
    underlyings: tuple[str, ...]


class Progress:
    """A line on the terminal that is renewed, or a line for every tenth where the output is no terminal."""

    def __init__(self, stream: TextIO, label: str, total: int) -> None:
        self.stream, self.label, self.total, self.done, self.start, self.tenth = stream, label, total, 0, time.monotonic(), 0

    def step(self) -> None:
        """One part more is done."""
        self.done += 1
        passed = time.monotonic() - self.start
        left = passed / self.done * (self.total - self.done)
        bar = "#" * (30 * self.done // self.total)
        text = f"{self.label} [{bar:<30}] {self.done}/{self.total}, {passed:.0f} s, {left:.0f} s left"
        if self.stream.isatty():
            print(f"\r{text}\x1b[K", end="\n" if self.done == self.total else "", file=self.stream, flush=True)
        elif 10 * self.done // self.total > self.tenth:
            self.tenth = 10 * self.done // self.total
            print(text, file=self.stream, flush=True)


def run_batch(path: Path, inputs: Inputs, settings: Settings, stream: TextIO | None = None) -> Summary:
    """Margin every account of a file.

    Args:
        path: .parquet or .csv of positions
        inputs: methods and the ranges other than the positions
        settings: of the run
        stream: where progress is written, the standard error of that moment where left out

    Raises:
        MarginError: the file, a range or a parameter cannot be read, or a worker was lost for good
    """
    start, stream = time.monotonic(), stream or sys.stderr
    if settings.output.suffix.lower() not in (".parquet", ".csv"):
        raise MarginError(f"{settings.output} is neither Parquet nor CSV: let the output end in .parquet or .csv")
    if path.resolve() in (settings.output.resolve(), errors_file(settings.output.resolve())):
        raise MarginError(f"{settings.output} would overwrite the positions: give the output another name")
    arrow("")  # a missing package is reported before anything is written
    source = open_source(path.resolve(), PIECES_A_WORKER * settings.workers)
    market = market_of(inputs)
    inputs = replace(inputs, as_of=market.as_of)  # the one time of all shards, also where the market says none
    _must_answer(inputs, market)
    parts = Parts(settings.output.resolve())
    plan = _plan(source, inputs, settings, parts.folder)
    with _workers(settings, plan) as run:  # first, since a cluster that does not answer must leave no folder behind
        plan = parts.begin(plan, settings.resume, stream)
        print(
            f"{source.rows:,} rows in {plan.shards} shards, {settings.workers} workers, memory meant to stay below "
            f"{settings.memory / 1e9:.1f} GB",
            file=stream,
            flush=True,
        )
        for note in source.notes:
            print(f"note: {path.name}: {note}", file=stream, flush=True)
        memory = _work(plan, run, stream)
    summary = _summary(plan, memory, start)
    _join(plan, settings.output)
    parts.remove()
    return summary


def _must_answer(inputs: Inputs, market: Market) -> None:
    """Parameters and history must be readable, and every method must be able to answer a flat book.

    A fault in the code of one of several methods is reported for each account, and stops no other method.
    """
    flat = make_book(read_positions([["Instrument", "Quantity"]], Faults()), market, Faults())
    several = len(inputs.methods) > 1
    for name in inputs.methods:
        if method_named(name).takes_table:
            rules = rules_of(name, market.as_of, method_overrides(name, inputs.parameters), skip_unknown=several)
            beside = Given(table=read_scenarios(inputs.parameters, ()))
        else:
            rules = rules_of(name, market.as_of, _overrides(inputs), skip_unknown=several)
            reads = method_named(name).takes_history and given(inputs.history)
            beside = Given(history=read_history(inputs.history, (), market.as_of) if reads else None)
        try:
            case_of(flat, rules, beside)
        except Exception as error:
            if isinstance(error, MarginError) or not several:
                raise MarginError(failure(name, error)) from error
    if several and not all(method_named(name).takes_table for name in inputs.methods):
        known_somewhere(_overrides(inputs), [rules_of(name, market.as_of) for name in inputs.methods])


def strangers(inputs: Inputs, underlyings: Sequence[str]) -> list[str]:
    """Parameters of underlyings that neither the file nor a method knows, which changed nothing."""
    known = set(underlyings)
    for name in inputs.methods:
        known |= {coin for coin, _ in rules_of(name, market_of(inputs).as_of).parameters}
    mine = [item for item in _overrides(inputs) if item.method in ("", *inputs.methods)]
    named = [(item.row, coin) for item in mine for coin in (item.underlying, *_spread_coins(item)) if coin]
    return [f"parameters row {row}: no {coin} in this file" for row, coin in dict.fromkeys(named) if coin not in known]


def _spread_coins(item: Override) -> list[str]:
    """The underlyings of a table of spreads."""
    spreads = read_spreads(str(item.value), item.name, None, shares=True) if item.name == BETWEEN else ()
    return [leg.place for spread in spreads for leg in spread.legs]


def _overrides(inputs: Inputs) -> Sequence[Any]:
    return shared_overrides(inputs.parameters)


def _plan(source: Source, inputs: Inputs, settings: Settings, folder: Path) -> Plan:
    """Shards so small that each worker keeps to its share of the memory."""
    share = max(settings.memory / settings.workers - WORKER_BYTES, WORKER_BYTES / 4)
    rows = 0.7 * share / ROW_BYTES
    wanted = min(SHARDS_A_WORKER * settings.workers, source.rows // LEAST_ROWS)
    shards = max(1, wanted, round(source.rows / rows + 0.5) if source.rows > rows else 1)
    return Plan(source, inputs, folder, int(shards), int(0.3 * share / CELL_BYTES))


def _workers(settings: Settings, plan: Plan) -> AbstractContextManager[Run]:
    if settings.scheduler:
        return on_cluster(settings.scheduler)
    return processes(settings.workers) if settings.workers > 1 and plan.shards > 1 else here()


def _work(plan: Plan, run: Run, stream: TextIO) -> int:
    """Do the remaining work; the peak memory of a worker [bytes]."""
    pieces, shards = plan.undone()
    if len(shards) < plan.shards:
        print(f"{plan.shards - len(shards)} shards are done already", file=stream, flush=True)
    told, memory = Progress(stream, "reading", len(pieces)), peak_memory()
    for _ in run(scatter, plan, pieces):
        told.step()
    told = Progress(stream, "margins", len(shards))
    for _, peak in run(margin_shard, plan, shards):
        memory = max(memory, peak)
        told.step()
    return memory


def _summary(plan: Plan, memory: int, start: float) -> Summary:
    """Counts over all shards, also those of an earlier run."""
    parquet, every = arrow("parquet"), range(plan.shards)
    held = [done(plan.result(shard)) for shard in every]
    faulty = sum(len(parquet.read_table(plan.errors(shard), columns=["Account"]).column(0).unique()) for shard in every)
    return Summary(
        sum(part.accounts for part in held),
        faulty,
        sum(part.rows for part in held),
        time.monotonic() - start,
        memory,
        tuple(sorted({name for part in held for name in part.underlyings})),
    )


def _join(plan: Plan, output: Path) -> None:
    """Put the parts together: the errors file first, then the margins, each there whole or not at all."""
    parquet = arrow("parquet")
    errors, every = errors_file(output), range(plan.shards)
    if sum(parquet.read_metadata(plan.errors(n)).num_rows for n in every):
        _write([plan.errors(n) for n in every], errors, list(ERRORS))
    else:
        errors.unlink(missing_ok=True)
    _write([plan.result(n) for n in every], output, list(MARGINS))


def _write(files: list[Path], target: Path, columns: list[str]) -> None:
    """Write parts as one file, in the order of the accounts where there are not too many."""
    pa, parquet, csv = arrow(""), arrow("parquet"), arrow("csv")
    fresh = target.with_name(f"{target.name}.new")
    count = sum(parquet.read_metadata(file).num_rows for file in files)
    tables: Iterator[Any] = (parquet.read_table(file) for file in files)
    if count <= MOST_SORTED:
        tables = iter([by_account(pa.concat_tables(tables))])
    tables = (table.replace_schema_metadata(None) for table in tables)
    first = next(tables)
    writer = (
        csv.CSVWriter(fresh, first.schema, write_options=csv.WriteOptions(quoting_style="needed"))
        if target.suffix.lower() == ".csv"
        else parquet.ParquetWriter(fresh, first.schema)
    )
    with writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)
    os.replace(fresh, target)
