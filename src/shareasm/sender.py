"""A sender: one account's own thread. It sleeps until something is due, sends it, prepares what comes next, and sleeps again.

A thread that waits for one instant is on time to the millisecond; a scheduler's pool in between costs more than the sending
itself. The table is the truth: behind the instant there is a look every few seconds, for what others wrote into it.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from time import monotonic

from shareasm import publish, steer
from shareasm.publish import Press, Result

BLINK_S = 0.0005  # the shortest sleep: a rehearsal's clock may stand still right before the instant


class Sender(threading.Thread):
    """Sends for `account` from `start` until `stopping` is set.

    `look_every_s` is in real seconds. `guarded` runs a job and lets no error out; `tell` hears what came of each entry.
    """

    def __init__(
        self,
        press: Press,
        account: str,
        look_every_s: float,
        *,
        guarded: Callable[[Callable[[], None], str], None],
        tell: Callable[[Result], None],
        stopping: threading.Event,
    ) -> None:
        super().__init__(name=f"publish {account}", daemon=True)
        self._press = press
        self._account = account
        self._look_every_s = look_every_s
        self._guarded = guarded
        self._tell = tell
        self._stopping = stopping
        self._working = threading.Lock()  # a publisher is used by one thread at a time, also while the day closes
        self._wake_at: datetime | None = None

    def run(self) -> None:
        self._guarded(self._press.publishers[self._account].load, self.name)
        while not self._stopping.is_set():
            self._wake_at = None
            self._guarded(self.send, self.name)
            self._sleep()

    def send(self) -> None:
        """Send what is due; then prepare what is due soon, looking after each entry whether something has become due."""
        press, account, is_stopping = self._press, self._account, self._stopping.is_set
        with self._working:
            upcoming = publish.publish_due(press, account, self._tell, is_stopping)
            steer.take_back_pending(press, account, self._tell, is_stopping)
            while not is_stopping() and publish.prepare_next(press, account, self._tell):
                upcoming = publish.publish_due(press, account, self._tell, is_stopping)
            ahead = publish.next_preparation(press, account)
        is_ahead = ahead and ahead > press.clock.now()  # else it keeps out of the way of something due
        self._wake_at = min((at for at in (upcoming, ahead if is_ahead else None) if at), default=None)

    def _sleep(self) -> None:
        """Sleep until the next instant, or the next look; a system clock that is set back keeps nothing waiting longer."""
        until = monotonic() + self._look_every_s
        while not self._stopping.is_set() and (left_s := until - monotonic()) > 0:
            if self._wake_at:
                left_s = min(left_s, self._press.clock.seconds_until(self._wake_at))
            if left_s <= 0:
                return
            self._stopping.wait(max(left_s, BLINK_S))
