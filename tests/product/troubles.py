"""What goes wrong on a day of planting: faults of servers, lines and caches, by chance from a seed, each one counted."""

import random
from collections import Counter
from collections.abc import Sequence

from shareasm.rehearsal.bluesky import StandInBluesky
from shareasm.rehearsal.faults import Fault, Faults, Rule
from shareasm.rehearsal.mastodon import MastodonServer

_TIMELINE = "/api/v1/timelines/tag/.*"
_TROUBLES = (
    Fault.RATE_LIMITED,
    Fault.ERROR_BEFORE,
    Fault.ERROR_AFTER,
    Fault.UNAVAILABLE_BEFORE,
    Fault.BAD_GATEWAY,
    Fault.RESET_BEFORE,
    Fault.RESET_AFTER,
    Fault.HTML,
    Fault.TRUNCATED,
    Fault.CUT,
)
_AT_LAST = (Fault.RATE_LIMITED, Fault.UNAVAILABLE_BEFORE, Fault.RESET_AFTER, Fault.CUT)
_CACHES = (Fault.STALE, Fault.REPEATED)


class Troubles:
    """The troubles of a day on some servers of Mastodon's API and on Bluesky."""

    def __init__(self, servers: Sequence[MastodonServer], sky: StandInBluesky, seed: int) -> None:
        self.chance = random.Random(f"trouble {seed}")
        self.faults: list[Faults] = [*(server.faults for server in servers), sky.pds_faults, sky.appview_faults]
        self._servers, self._sky = servers, sky
        self._rules: list[Rule] = []
        self._stream_ends: Counter[str] = Counter()

    def disturb(self) -> None:
        """Let something go wrong somewhere, with the next requests; what went wrong before is over by and by."""
        for faults in self.faults:
            faults.clear()
            if self.chance.random() < 0.5:
                times, skip = self.chance.choice((1, 1, 2, 3)), self.chance.randrange(4)
                self._add(faults, self.chance.choice(_TROUBLES), times=times, skip=skip)
        if self.chance.random() < 0.4:
            server = self.chance.choice(self._servers)
            times = self.chance.randrange(2, 9)
            self._rules.append(server.faults.add(self.chance.choice(_CACHES), "GET", _TIMELINE, times=times))
        if self.chance.random() < 0.3:
            is_clean = self.chance.random() < 0.5
            name = "stream closed" if is_clean else "stream cut off"
            self._stream_ends[name] += self._sky.jetstream.disconnect(cleanly=is_clean)

    def disturb_the_last_look(self) -> None:
        """Let each server fail once more when nobody looks again."""
        for faults in self.faults:
            faults.clear()
            self._add(faults, self.chance.choice(_AT_LAST), times=1, skip=self.chance.randrange(6))

    def forget_stream(self) -> None:
        """Let the stream keep nothing of what was said so far."""
        self._sky.jetstream.forget_before(self._sky.event_count)
        self._stream_ends["stream forgot where the program was"] += 1

    def _add(self, faults: Faults, fault: Fault, *, times: int, skip: int) -> None:
        self._rules.append(faults.add(fault, "GET", times=times, skip=skip, reset_s=2))

    # ---- counting ------------------------------------------------------------------------------------------------------

    def count_requests(self) -> int:
        """Return how many requests arrived so far."""
        return sum(len(faults.log) for faults in self.faults)

    def suffered(self) -> Counter[str]:
        """Return what the program met: faults that hit a request, ends of the stream, refusals by the servers' own limits."""
        hits = Counter[str]()
        for rule in self._rules:
            hits[rule.fault.value] += rule.hit_count
        refused = sum(asked.status == 429 for faults in self.faults for asked in faults.log)
        hits["429, the budget of the window was used up"] = refused - hits[Fault.RATE_LIMITED.value]
        return +(hits + self._stream_ends)
