"""Taking a plan: the queue brought in line with it, its digest noted, and who did it, in one transaction."""

from datetime import datetime
from hashlib import blake2b
from pathlib import Path

from sqlalchemy.engine import Engine

from shareasm.domain.campaigns import Campaign
from shareasm.domain.differences import Difference, difference
from shareasm.domain.schedules import Schedule
from shareasm.errors import ConfigError
from shareasm.plan.telling import summary
from shareasm.publish.planning import carry_out, wanted_entries
from shareasm.storage import days, queue
from shareasm.storage.acts import Act, record
from shareasm.storage.engine import reading, transaction

FILES = ("campaign.yaml", "schedule.yaml", "story.yaml")


def digest_of(folder: Path) -> bytes:
    """Return what tells one version of a campaign's files from another; a file that cannot be read counts as empty."""
    digest = blake2b(digest_size=16)
    for name in FILES:
        try:
            content = (folder / name).read_bytes()
        except OSError:
            content = b""
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.digest()


def compare(engine: Engine, campaign: Campaign, schedule: Schedule) -> Difference:
    """Return what the plan means for the queue, and change nothing."""
    with reading(engine) as connection:
        queued = queue.of_campaign(connection, campaign.slug)
        return difference(wanted_entries(connection, campaign, schedule), queued)


def take(
    engine: Engine, campaign: Campaign, schedule: Schedule, digest: bytes, now: datetime, *, by: str | None = None
) -> Difference:
    """Make the queue say what the plan says; return what changed. The same plan twice changes nothing.

    A note about a broken plan is gone with it. `by`: the person who asked for it, for the audit trail; None: a worker.
    Raises ConfigError where another day of this store has tried these very posts: the same plan under another name.
    """
    slug = campaign.slug
    with transaction(engine) as connection:
        planned = wanted_entries(connection, campaign, schedule)
        if other := queue.tried_as(connection, planned, slug):
            raise ConfigError(
                f"posts of this plan were sent already, as the day “{other}”: a day's name is its folder's, and under another "
                f"one everything would go out again. Name the folder {other} again, or give a new day times of its own"
            )
        found = difference(planned, queue.of_campaign(connection, slug))
        carry_out(connection, campaign, planned, found.intents)
        day = days.state(connection, slug)
        if day.plan_digest != digest or day.note:
            days.set_plan(connection, slug, digest)
        if by and not found.is_nothing:
            record(connection, slug, Act(now, by, "apply", reason=summary(found)))
    return found
