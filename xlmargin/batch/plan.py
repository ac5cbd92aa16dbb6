"""The plan of a batch and its progress: the folder of parts from which an interrupted batch goes on."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from xlmargin import __version__
from xlmargin.batch.source import FilePart, Source
from xlmargin.errors import MarginError

MANIFEST = "manifest.json"
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs other than positions: the methods, raw ranges, and the valuation time, NaN where the market says it."""

    methods: tuple[str, ...]
    market: Any
    parameters: Any
    history: Any
    as_of: float = math.nan


@dataclass(frozen=True, slots=True)
class Plan:
    """A batch as its workers see it.

    Attributes:
        source: the file of positions
        inputs: all other inputs
        folder: folder of the parts, which every worker must reach
        shards: number of parts into which the accounts are divided
        cells: numbers that a table of accounts by instruments or scenarios may hold at once
    """

    source: Source
    inputs: Inputs
    folder: Path
    shards: int
    cells: int

    def scattered(self, piece: int) -> Path:
        """Folder of the rows of a piece of the file, by shard."""
        return self.folder / f"rows-{piece:05d}"

    def shard(self, piece: int, shard: int) -> Path:
        """Rows of a shard that are in a piece of the file."""
        return self.scattered(piece) / f"{shard:05d}.arrow"

    def result(self, shard: int) -> Path:
        """Margins of a shard's accounts: there once the shard is done."""
        return self.folder / f"margins-{shard:05d}.parquet"

    def errors(self, shard: int) -> Path:
        """Faults of a shard's accounts."""
        return self.folder / f"errors-{shard:05d}.parquet"

    def undone(self) -> tuple[list[int], list[int]]:
        """Pieces that are still to be scattered, and shards that are still to be margined."""
        shards = [shard for shard in range(self.shards) if not self.result(shard).is_file()]
        pieces = [n for n in range(len(self.source.pieces)) if shards and not self.scattered(n).is_dir()]
        return pieces, shards


class Parts:
    """The folder of parts next to the output.

    Attributes:
        output: file of margins that the batch writes
    """

    def __init__(self, output: Path) -> None:
        self.folder = output.with_suffix(".parts")

    def begin(self, plan: Plan, resume: bool, stream: TextIO) -> Plan:
        """The plan to follow: a new one in an empty folder, or the one that was interrupted.

        Raises:
            MarginError: the folder is not ours, or belongs to other inputs
        """
        mark, manifest = _fingerprint(plan), self.folder / MANIFEST
        if self.folder.exists() and not manifest.is_file() and any(self.folder.iterdir()):
            raise MarginError(f"{self.folder} is no folder of a batch: move it away, or choose another output")
        if resume and manifest.is_file():
            return self._again(plan, mark, json.loads(manifest.read_text(encoding="utf-8")))
        if manifest.is_file():
            print(f"{self.folder} holds an interrupted batch, which starts afresh: --resume would go on with it", file=stream, flush=True)
        self.remove()
        self.folder.mkdir(parents=True)
        kept = {"fingerprint": mark, "as_of": plan.inputs.as_of, "shards": plan.shards, "pieces": plan.source.pieces}
        fresh = manifest.with_suffix(".new")
        fresh.write_text(json.dumps(kept), encoding="utf-8")
        os.replace(fresh, manifest)
        return plan

    def _again(self, plan: Plan, mark: str, kept: dict[str, Any]) -> Plan:
        """The interrupted plan: its time, its shards and its pieces hold."""
        if kept["fingerprint"] != mark:
            raise MarginError(
                f"{self.folder} belongs to a batch of other positions, market, parameters or methods, or of "
                "another version: start afresh without --resume"
            )
        return replace(
            plan,
            shards=kept["shards"],
            inputs=replace(plan.inputs, as_of=kept["as_of"]),
            source=replace(plan.source, pieces=tuple(FilePart(*piece) for piece in kept["pieces"])),
        )

    def remove(self) -> None:
        """Delete the folder with its parts."""
        if self.folder.exists():
            shutil.rmtree(self.folder)


def _fingerprint(plan: Plan) -> str:
    """Hash of all inputs of the margins: the file's bytes, the ranges, the methods, the version."""
    found = hashlib.blake2b(digest_size=16)
    inputs = plan.inputs
    found.update(repr((__version__, inputs.methods, inputs.market, inputs.parameters, inputs.history)).encode())
    with plan.source.path.open("rb") as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


def errors_file(output: Path) -> Path:
    """The path of the faults of a batch."""
    return output.with_suffix(".errors.csv")
