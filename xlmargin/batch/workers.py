"""The workers of a batch: this process, processes of this machine, or a running Dask cluster."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from xlmargin.errors import MarginError

Run = Callable[[Callable[[Any, int], Any], Any, Iterable[int]], Iterator[tuple[int, Any]]]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
RETRIES = 3


@contextmanager
def here() -> Iterator[Run]:
    """One part after the other in this process."""
    yield lambda work, plan, numbers: ((n, work(plan, n)) for n in numbers)


@contextmanager
def processes(count: int) -> Iterator[Run]:
    """Parts in processes of this machine, each on one thread.

    Raises:
        MarginError: a process was killed
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))  # read when a spawned process loads its libraries
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _begin)

    def run(work: Callable[[Any, int], Any], plan: Any, numbers: Iterable[int]) -> Iterator[tuple[int, Any]]:
        with _no_interrupt():  # the first of them starts the workers, which inherit that
            asked = {pool.submit(work, plan, n): n for n in numbers}
        try:
            for future in as_completed(asked):
                yield asked[future], future.result()
        except BrokenProcessPool:
            raise MarginError(
                "a worker process was killed, perhaps for want of memory: go on with --resume, with fewer --workers or a smaller --memory"
            ) from None

    try:
        yield run
    finally:
        with _no_interrupt():  # a second one would leave the pool waiting for ever, and the running tasks soon end
            pool.shutdown(cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Ignore Ctrl-C, where this is the thread that receives it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin() -> None:
    """Leave Ctrl-C to the process that started this worker, and end when that one is gone, however it went."""
    import multiprocessing
    from multiprocessing.connection import wait

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a worker that it ends amid a hand-over leaves the pool waiting for ever
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def on_cluster(address: str) -> Iterator[Run]:
    """Parts on a running Dask cluster; those of a worker that is lost are given to another.

    Raises:
        MarginError: Dask is not installed, or the scheduler does not answer
    """
    _must_be_address(address)
    try:
        import distributed
    except ImportError:
        raise MarginError("--scheduler needs Dask: pip install 'xlmargin[cluster]'") from None
    dask: Any = distributed  # typed in part only
    try:
        client = dask.Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise MarginError(f"no Dask scheduler answers at {address}: {error}") from None

    def run(work: Callable[[Any, int], Any], plan: Any, numbers: Iterable[int]) -> Iterator[tuple[int, Any]]:
        asked = {client.submit(work, plan, n, pure=False, retries=RETRIES): n for n in numbers}
        try:
            for future in dask.as_completed(asked, loop=client.loop):
                yield asked.pop(future), future.result()
        except dask.KilledWorker as error:
            raise MarginError(f"workers of the cluster are lost again and again: {error}: go on with --resume") from None

    try:
        yield run
    finally:
        client.close()


def _must_be_address(text: str) -> None:
    """Raise where an address lacks a part, on which Dask waits long and reports late."""
    try:
        parts = urlsplit(text)
        whole = bool(parts.scheme and parts.hostname and parts.port)
    except ValueError:  # a port that is no number
        whole = False
    if not whole:
        raise MarginError(f"--scheduler must be an address such as tcp://127.0.0.1:8786, not {text!r}")
