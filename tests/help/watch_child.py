"""A watch in a separate process, which the tests of a restart kill: a wave of spots, one hook that writes a file.

Arguments: folder, number of ticks until it ends by itself, method at which it is killed, number of the call.
"""

from __future__ import annotations

import itertools
import math
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from watch_help import feed_at

from xlmargin.desk.account import standing
from xlmargin.errors import MarginError
from xlmargin.live.watch import Delivery, Figures, Files, Hook, Lines, Record, Snapshot, Watch, WatchedFiles, watch_rules
from xlmargin.live.watch import watching as watch_loop


def killed_at(owner: Any, name: str, call: int, *, after: bool) -> None:
    """End the process as kill -9 does, before or after the given call of a method."""
    method: Callable[..., Any] = getattr(owner, name)
    count = itertools.count(1)

    def fatal(*arguments: Any, **named: Any) -> Any:
        last = next(count) == call
        if last and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        found = method(*arguments, **named)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(owner, name, fatal)


def figures(book: Snapshot, market: Any, as_of: float) -> Figures:
    """A margin that follows the spot alone, at once: the tests are about the moment of the kill, not about the numbers."""
    margin = market[1][1] / 100.0
    now = standing(800.0, margin, 0.8 * margin, 0.8)
    return Figures(now.equity, now.initial, now.maintenance, now.usage, now.status, 0.8, ())


def main() -> None:
    """Watch until killed or done."""
    folder, ticks, place, call = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])

    class Deliver:
        """Appends the message's id to a file."""

        def take(self, content: Mapping[str, Any]) -> None:
            with (folder / "delivered.txt").open("a", encoding="utf-8") as file:
                print(content["sequence"], file=file, flush=True)

    watch_loop.figures_of = figures
    hook = Deliver()
    places: dict[str, tuple[Any, str, bool]] = {
        "before a tick is recorded": (Record, "arrive", False),
        "after a tick was recorded": (Record, "arrive", True),
        "before a reading is recorded": (Record, "add", False),
        "after a reading was recorded": (Record, "add", True),
        "within the step of a reading": (Record, "_alert", True),
        "while computing": (watch_loop, "figures_of", False),
        "before a delivery": (hook, "take", False),
        "after a delivery": (hook, "take", True),
    }
    if place in places:
        owner, name, after = places[place]
        killed_at(owner, name, call, after=after)
    inputs = WatchedFiles(Files(folder / "book.csv", 800.0))
    record = Record(folder / "book.watch.sqlite", ["file"], 1000)
    start = record.last(1)[0]["sequence"] if record.last(1) else 0
    delivery = Delivery(record, [Hook("file", lambda content: hook.take(content))], watch_rules(0.0), print)
    count = itertools.count(1)

    def spot() -> float:
        n = next(count)
        if n > ticks:
            watch.stop()
        if n % 7 == 3:
            raise MarginError("half an answer: the venue broke off")
        return 75_000.0 + 30_000.0 * math.sin((start + n) / 9.0)

    watch = Watch(inputs, record, Lines(lambda line: None), feed=feed_at(spot, lambda: watch.needs(), 1e-3), alarmed=delivery)
    watch.run()
    assert delivery.close(10.0)
    record.close()


if __name__ == "__main__":
    main()
