"""The delivery of alerts: a thread for each hook, so that a slow or dead one delays neither the watch nor the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from xlmargin.errors import MarginError
from xlmargin.live.watch.hooks import Hook
from xlmargin.live.watch.record import Record
from xlmargin.margin.parameters import Rules

LOOK = 0.2  # seconds between looks at whether the watch has ended


class Delivery:
    """Delivers the messages that wait in the record, the oldest first, each at least once: deleted after it was taken."""

    def __init__(self, record: Record, hooks: Sequence[Hook], rules: Rules, say: Callable[[str], None]) -> None:
        """Start; the messages left by an ended watch are delivered first."""
        self._record, self._say = record, say
        self._pauses = rules.number("hook_first_pause"), rules.number("hook_longest_pause")
        self._new = {hook.name: threading.Event() for hook in hooks}
        self._failing: set[str] = set()
        self._ended = False
        for hook in hooks:
            threading.Thread(target=self._serve, args=(hook,), daemon=True, name=f"hook {hook.name}").start()

    def wake(self) -> None:
        """Notify of something new."""
        for event in self._new.values():
            event.set()

    def close(self, seconds: float, *, patient: bool = True) -> bool:
        """Let the hooks deliver the waiting messages for so long, then stop; True when all were delivered.

        Args:
            patient: also wait for a hook that failed and is about to be tried again
        """
        limit = time.monotonic() + seconds
        while (left := self._left()) and time.monotonic() < limit and (patient or left - self._failing):
            time.sleep(LOOK)
        self._ended = True
        self.wake()
        for name in sorted(left):
            self._say(f"alerts for the {name} hook wait for the next watch")
        return not left

    def _left(self) -> set[str]:
        """The hooks for which a message still waits."""
        return {name for name in self._new if self._record.waiting(name) is not None}

    def _serve(self, hook: Hook) -> None:
        """Deliver until the end."""
        new = self._new[hook.name]
        first, longest = self._pauses
        pause = first
        while not self._ended:
            new.clear()
            try:
                if self._deliver(hook):
                    pause = first
                    self._failing.discard(hook.name)
                    continue
                new.wait()
            except MarginError as error:
                if self._ended:
                    return
                self._failing.add(hook.name)
                self._say(f"not delivered, next try in {pause:g} s: {error}")
                self._rest(pause)
                pause = min(2.0 * pause, longest)

    def _deliver(self, hook: Hook) -> bool:
        """Deliver the oldest message; False when there is none."""
        message = self._record.waiting(hook.name)
        if message is None:
            return False
        hook.deliver(message.content)
        self._record.delivered(hook.name, message.reading)
        return True

    def _rest(self, seconds: float) -> None:
        """Wait, but for the end; a new message does not shorten the pause of a dead hook."""
        limit = time.monotonic() + seconds
        while not self._ended and (left := limit - time.monotonic()) > 0.0:
            time.sleep(min(left, LOOK))
