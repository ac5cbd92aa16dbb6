"""A batch that is interrupted or loses a worker: what is done is kept, and the end is the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_files import GOOD, HEAD, MARKET, as_csv, as_parquet, batch, pa, parquet, read
from conftest import ROOT, missing

from xlmargin.batch.plan import Parts
from xlmargin.cli import main
from xlmargin.errors import MarginError


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], list[dict[str, Any]]]:
    """A file of 200,000 rows, ten shards for two workers; the command that margins it; its margins."""
    folder, random, rows = tmp_path_factory.mktemp("large"), np.random.default_rng(8), 200_000
    names = np.array(
        [
            f"{coin}-{day}-{strike}-{kind}"
            for coin, low in (("BTC", 40_000), ("ETH", 2_000))
            for day in ("27JUN25", "26SEP25")
            for strike in range(low, 2 * low, low // 20)
            for kind in "CP"
        ]
    )
    table = pa.table(
        {
            "Account": pa.array(random.integers(0, 5_000, rows)),
            "Quantity": random.normal(0.0, 2.0, rows).round(1),
            "Instrument": names[random.integers(0, len(names), rows)],
        }
    )
    file = folder / "large.parquet"
    parquet.write_table(table, file, row_group_size=rows // 8)
    market = as_csv(folder / "market.csv", tuple(MARKET[0]), [tuple(row) for row in MARKET[1:]])
    command = [
        sys.executable,
        "-c",
        "from xlmargin.cli import main; raise SystemExit(main())",
        "batch",
        str(file),
        "--market",
        str(market),
        "--method",
        "SPAN,OKX",
    ]
    return file, command, batch(file, folder / "whole.parquet", "SPAN", "OKX")


def until(true: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 60.0) -> None:
    """Wait for something that a process does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never happened"
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.002)


@contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A process of ours in the project's folder, which does not outlive the test."""
    with subprocess.Popen(command, cwd=ROOT, text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def times(parts: Path) -> dict[str, int]:
    """When each shard that is done was written."""
    found = {}
    with suppress(FileNotFoundError):  # the batch ends and clears its parts away
        for path in parts.glob("margins-*.parquet"):
            found[path.name] = path.stat().st_mtime_ns
    return found


def test_a_killed_batch_goes_on_where_it_was(tmp_path: Path, large: Any) -> None:
    """After kill -9 in the middle, --resume keeps what is done and ends with the same file; other inputs are refused."""
    file, command, expected = large
    output = tmp_path / "out.parquet"
    parts = Parts(output).folder
    with started([*command, "-o", str(output)]) as running:
        until(lambda: len(times(parts)) >= 2, running)
        running.send_signal(signal.SIGKILL)
        running.communicate()  # ends only when the workers, which hold the other end of the pipe, are gone too
    assert not output.exists()
    done = times(parts)
    assert 2 <= len(done) < 10
    with pytest.raises(MarginError) as told:
        batch(file, output, "SPAN", resume=True)
    assert "belongs to a batch of other positions" in str(told.value)
    kept: dict[str, int] = {}
    with started([*command, "-o", str(output), "--resume"]) as again:
        while again.poll() is None:
            kept |= {name: when for name, when in times(parts).items() if name in done}
        words = again.communicate()[1]
    assert again.returncode == 0, words
    assert f"{len(done)} shards are done already" in words
    assert kept == done
    assert read(output) == expected
    assert not parts.exists()


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C reaches a group of processes as a signal on POSIX only")
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_ends_a_batch_in_order(tmp_path: Path, large: Any, presses: int) -> None:
    """Ctrl-C, which the terminal sends to the workers too, ends in one line without a trace; a second one changes nothing."""
    _, command, whole = large
    output = tmp_path / "margins.parquet"
    told = [*command, "-o", str(output)]
    with subprocess.Popen(told, cwd=ROOT, text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True) as running:
        try:
            until(lambda: any(output.with_suffix(".parts").glob("margins-*.parquet")), running)
            for _ in range(presses):
                os.killpg(running.pid, signal.SIGINT)
                time.sleep(0.05)
            said = running.communicate(timeout=30)[1]
        finally:
            running.kill()
    assert running.returncode == 130
    assert "Traceback" not in said
    assert said.rstrip().endswith("interrupted: --resume goes on with it")
    subprocess.run([*told, "--resume"], cwd=ROOT, check=True, capture_output=True)
    assert read(output) == whole


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("-o", "/dev/null/o.csv"), "Not a directory: check the folder, and that it may be written"),
        (("-o", "o.csv", "--memory", "nan"), "--workers must be at least 1, and --memory above 0"),
        (("-o", "o.csv", "--scheduler", "nonsense"), "--scheduler must be an address such as tcp://127.0.0.1:8786, not 'nonsense'"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="the names of the POSIX system")
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], said: str
) -> None:
    """A folder that cannot be, a memory that is no number and an address that is none are told in a line, and leave nothing."""
    monkeypatch.chdir(tmp_path)
    file = as_csv(tmp_path / "positions.csv", HEAD, GOOD)
    assert main(["batch", str(file), *more]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == [file]


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    """A folder of the name that the parts would have is not deleted."""
    (tmp_path / "out.parts").mkdir()
    (tmp_path / "out.parts" / "letter.txt").write_text("dear")
    with pytest.raises(MarginError) as told:
        batch(as_parquet(tmp_path / "in.parquet", HEAD, GOOD), tmp_path / "out.csv")
    assert "is no folder of a batch" in str(told.value)
    assert (tmp_path / "out.parts" / "letter.txt").read_text() == "dear"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """A Dask scheduler and three workers, each a process of its own; its address and the workers."""
    pytest.importorskip("distributed")
    note = tmp_path / "scheduler.json"
    run = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--no-dashboard",
        "--scheduler-file",
        str(note),
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": ROOT}
    scheduler = subprocess.Popen(run, **quiet)  # type: ignore[call-overload]
    until(lambda: note.exists() and note.stat().st_size > 0, scheduler)
    work = [
        sys.executable,
        "-m",
        "distributed.cli.dask_worker",
        "--scheduler-file",
        str(note),
        "--nthreads",
        "1",
        "--no-nanny",
        "--no-dashboard",
        "--local-directory",
        str(tmp_path),
    ]
    workers = [subprocess.Popen(work, **quiet) for _ in range(3)]  # type: ignore[call-overload]
    yield json.loads(note.read_text())["address"], workers
    for process in (*workers, scheduler):
        process.kill()
        process.wait()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_cluster_survives_a_killed_worker(tmp_path: Path, large: Any, cluster: Any) -> None:
    """On a real cluster of processes one worker is killed while shards are worked: nothing is lost."""
    _, command, expected = large
    address, workers = cluster
    output = tmp_path / "out.parquet"
    parts = Parts(output).folder
    with started([*command, "-o", str(output), "--scheduler", address]) as running:
        until(lambda: len(times(parts)) >= 2, running)
        workers[0].send_signal(signal.SIGKILL)
        before = len(times(parts))
        words = running.communicate()[1]
    assert running.returncode == 0, words
    assert before < 10
    assert read(output) == expected


def test_a_scheduler_that_does_not_answer_is_told(tmp_path: Path) -> None:
    """Nobody listens at that address."""
    try:
        import distributed  # noqa: F401
    except ImportError:
        missing("distributed is not installed")
    with pytest.raises(MarginError) as told:
        batch(as_parquet(tmp_path / "in.parquet", HEAD, GOOD), tmp_path / "out.csv", scheduler="tcp://127.0.0.1:1")
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in str(told.value)
