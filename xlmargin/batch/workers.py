"""Where the parts of a batch are worked: in this process, in processes of this machine, or on a running Dask cluster."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from xlmargin.errors import MarginError

__all__ = ["Run", "here", "on_cluster", "processes"]

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

    Raises
    ------
    MarginError: a process was killed
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))  # read when a spawned process loads its libraries
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _with_parent)

    def run(work: Callable[[Any, int], Any], plan: Any, numbers: Iterable[int]) -> Iterator[tuple[int, Any]]:
        asked = {pool.submit(work, plan, n): n for n in numbers}
        try:
            for future in as_completed(asked):
                yield asked[future], future.result()
        except BrokenProcessPool:
            raise MarginError("a worker process was killed, perhaps for want of memory: go on with --resume, with fewer "
                              "--workers or a smaller --memory") from None

    try:
        yield run
    finally:
        pool.shutdown(cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _with_parent() -> None:
    """End this worker when the process that started it is gone, however it went."""
    import multiprocessing
    from multiprocessing.connection import wait

    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def on_cluster(address: str) -> Iterator[Run]:
    """Parts on a running Dask cluster; those of a worker that is lost are given to another.

    Raises
    ------
    MarginError: Dask is not installed, or the scheduler does not answer
    """
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
