"""Watching the campaign's files while the day goes on: a changed plan is taken once it is still and has no mistake.

Told apart are the words and times of the plan, which are taken at once, and what a running program cannot change under itself
(accounts, sources, the window): that is said, and waits for a restart. Several workers may watch the same files, or copies of
them: what one has taken means nothing to the next.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sqlalchemy.engine import Engine

from shareasm.campaign_files import Loaded, Severity, load_campaign
from shareasm.clock import Clock
from shareasm.domain.campaigns import Campaign
from shareasm.plan import digest_of, summary, take
from shareasm.storage import days
from shareasm.storage.engine import transaction
from shareasm.wiring import Newest, Plan

STILL_FOR_S = 1.0
"""Real seconds: an editor or a copy is at it no longer when nothing has changed for so long."""

AT_RESTART = {
    "accounts": "accounts",
    "sources": "collect",
    "opens_at": "window",
    "closes_at": "window",
    "on": "on",
    "zone": "zone",
    "hashtags": "hashtags",
    "contact": "contact",
}
"""Fields of a campaign that a running program keeps, and their keys in campaign.yaml."""


class Said(NamedTuple):
    """What a look has to say; `kind` is an event's (`news.Event`)."""

    kind: str
    text: str


@dataclass
class Watch:
    """Looks at the files of one campaign. `newest` is brought up to date, for the recap is made from it."""

    engine: Engine
    newest: Newest
    clock: Clock
    monotonic: Callable[[], float] = time.monotonic
    _settled: bytes | None = field(default=None, init=False)  # of the files that were last dealt with; None: none yet
    _told: bytes | None = field(default=None, init=False)  # of the files about which all was said
    _seen: bytes | None = field(default=None, init=False)
    _seen_at: float = field(default=0.0, init=False)

    def look(self) -> list[Said]:
        """Take what has changed and is still by now; return what to say about it, nothing where nothing happened."""
        folder = self.newest.plan.folder
        digest = digest_of(folder)
        if digest != self._seen:
            self._seen, self._seen_at = digest, self.monotonic()
        if digest == self._settled or self.monotonic() - self._seen_at < STILL_FOR_S:
            return []
        loaded = load_campaign(folder)
        if digest_of(folder) != digest:  # it changed under our eyes: next time
            return []
        if loaded.has_errors:
            said = self._refuse(loaded)
            self._settled = digest  # not where the store refused: then it is tried again
            return said
        return self._take(loaded, digest)

    def _refuse(self, loaded: Loaded) -> list[Said]:
        errors = [finding for finding in loaded.findings if finding.severity is Severity.ERROR]
        more = f" (and {len(errors) - 1} more: `shareasm check` shows them)" if len(errors) > 1 else ""
        note = f"the changed plan has a mistake and is not taken, the old one goes on: {errors[0]}{more}"
        with transaction(self.engine) as connection:
            days.set_note(connection, self.newest.plan.campaign.slug, note)
        return [Said("trouble", note)]

    def _take(self, loaded: Loaded, digest: bytes) -> list[Said]:
        assert loaded.campaign
        assert loaded.schedule is not None
        running = self.newest.plan.campaign
        found = take(self.engine, loaded.campaign, loaded.schedule, digest, self.clock.now())
        kept = replace(loaded.campaign, **{name: getattr(running, name) for name in AT_RESTART})
        self.newest.plan = Plan(loaded.folder, kept, loaded.schedule, loaded.story)
        if not found.may_come_back:
            self._settled = digest
        is_news = digest != self._told
        self._told = digest
        is_silent = found.is_nothing and (not is_news or not (found.sent_changed or found.left))
        said = [] if is_silent else [Said("plan", f"taken: {summary(found)}")]
        if is_news and (keys := _kept_until_restart(running, loaded.campaign)):
            said.append(
                Said("trouble", f"campaign.yaml changes {', '.join(keys)}: that is taken at the next start, not now")
            )
        return said


def _kept_until_restart(running: Campaign, changed: Campaign) -> list[str]:
    keys = [key for name, key in AT_RESTART.items() if getattr(running, name) != getattr(changed, name)]
    return list(dict.fromkeys(keys))
