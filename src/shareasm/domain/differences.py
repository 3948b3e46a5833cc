"""Differences: what a changed plan means for the queue, told apart as a person reads it. Pure; `reconcile` decides, this names.

    planned, queued ──difference──► new, changed, moved, taken out …      and the intents that carry it out

What was sent stays sent. Where the plan says something else of it now, that is named apart: an edit is made only if asked for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

from shareasm.domain.queue import (
    Add,
    Cancel,
    Change,
    Draft,
    Intent,
    PlannedEntry,
    QueueEntry,
    State,
    may_be_out,
    reconcile,
)


@dataclass(frozen=True, slots=True)
class Difference:
    """What must happen to the queue, and what stays as it is although the plan says something else."""

    intents: tuple[Intent, ...] = ()
    new: tuple[PlannedEntry, ...] = ()
    changed: tuple[Change, ...] = ()  # other words, pictures, card …
    moved: tuple[Change, ...] = ()  # another time; one that is changed too is in both
    adjusted: tuple[Change, ...] = ()  # only how late it may go, or what its link's page says of itself
    back: tuple[Change, ...] = ()  # taken out before, and planned again
    taken_out: tuple[QueueEntry, ...] = ()
    sent_changed: tuple[Change, ...] = ()  # sent: an edit, if asked for
    sent_moved: tuple[Change, ...] = ()  # sent: nothing can be done, nor must be
    refused: tuple[
        Change, ...
    ] = ()  # refused with its old words: it goes with the new ones when a person sends it again
    in_doubt: tuple[Change, ...] = ()  # in hand, or its answer was lost: it goes as it was
    left: tuple[
        QueueEntry, ...
    ] = ()  # sent, in hand or in doubt, and not in the plan any more: a person may withdraw it

    @property
    def is_nothing(self) -> bool:
        """True when the queue says what the plan says, as far as it can."""
        return not self.intents

    @property
    def may_come_back(self) -> bool:
        """True while a sender has in hand what the plan says otherwise: it may give it back, to be changed after all."""
        queued = [*(change.entry for change in self.in_doubt), *self.left]
        return any(entry.state is State.CLAIMED for entry in queued)


def difference(planned: Iterable[PlannedEntry], queued: Iterable[QueueEntry]) -> Difference:
    """Return what `planned` means for the queue. Once it is carried out, the same plan means nothing more."""
    wanted, present = list(planned), list(queued)
    keys = {entry.key for entry in wanted}
    intents = tuple(reconcile(wanted, present))
    changes = [intent for intent in intents if isinstance(intent, Change)]
    kept = [change for change in changes if change.entry.state is not State.CANCELLED]
    changed = tuple(change for change in kept if parts_changed(change))
    moved = tuple(change for change in kept if change.entry.due_at != change.planned.due_at)
    others = _said_otherwise(wanted, present, intents)
    sent = [change for change in others if change.entry.state is State.PUBLISHED]
    return Difference(
        intents=intents,
        new=tuple(intent.planned for intent in intents if isinstance(intent, Add)),
        changed=changed,
        moved=moved,
        adjusted=tuple(change for change in kept if change not in changed and change not in moved),
        back=tuple(change for change in changes if change.entry.state is State.CANCELLED),
        taken_out=tuple(intent.entry for intent in intents if isinstance(intent, Cancel)),
        sent_changed=tuple(change for change in sent if parts_changed(change)),
        sent_moved=tuple(change for change in sent if change.entry.due_at != change.planned.due_at),
        refused=tuple(c for c in others if c.entry.state is State.FAILED and parts_changed(c)),
        in_doubt=tuple(c for c in others if c.entry.state in _IN_DOUBT and parts_changed(c)),
        left=tuple(entry for entry in present if entry.key not in keys and may_be_out(entry)),
    )


_IN_DOUBT = frozenset({State.CLAIMED, State.UNKNOWN, State.WAITING})


def _said_otherwise(
    planned: Sequence[PlannedEntry], queued: Sequence[QueueEntry], intents: Iterable[Intent]
) -> list[Change]:
    """Return the entries that stay as they are, with what the plan says of them."""
    touched = {intent.entry.key for intent in intents if not isinstance(intent, Add)}
    wanted = {entry.key: entry for entry in planned}
    return [Change(e, wanted[e.key]) for e in queued if e.key in wanted and e.key not in touched]


def parts_changed(change: Change) -> list[str]:
    """Return which parts of a post the plan says otherwise, in words: `text`, `pictures`, `content warning` …

    A link card counts by its address: what its page says of itself is looked up, and nobody's edit.
    """
    before, after = _as_planned(change.entry.draft), _as_planned(change.planned.draft)
    names = [field.name for field in fields(Draft) if getattr(before, field.name) != getattr(after, field.name)]
    return [_NAMES.get(name, name.replace("_", " ")) for name in names]


def parts_that_stay(change: Change) -> list[str]:
    """Return which of the changed parts no edit changes, in words: they are settled when a post is made."""
    return [name for name in parts_changed(change) if name in _SETTLED]


_SETTLED = {"visibility", "what it answers", "what it quotes", "who may reply", "may be quoted"}
_NAMES = {"media": "pictures", "card": "link", "reply_to": "what it answers", "quotes": "what it quotes"}


def _as_planned(draft: Draft) -> Draft:
    return replace(draft, card=replace(draft.card, title="", description="", thumb=None)) if draft.card else draft
