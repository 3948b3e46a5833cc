"""What becomes of a POST whose Idempotency-Key the server has seen.

Sources: Mastodon 4.3 to 4.7 `post_status_service.rb` (keys of an account live 3,600 s after success, the body is not
compared, a deleted first status makes the repetition a 404); mastodon/mastodon#40399 (the 500 of 4.6.0 to 4.7.1); Pixelfed
`ApiV1Controller.php:3644-3750`; Pleroma `idempotency_plug.ex`. Two requests of one key at the same time both post up to
4.5 (mastodon/mastodon#37879); from 4.6 on the second meets a lock and is answered 503, and the lock of a worker that died
holds for up to 15 minutes (`concerns/lockable.rb`).
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from shareasm.rehearsal.mastodon.flavours import Idempotency
from shareasm.rehearsal.mastodon.instance import Instance
from shareasm.rehearsal.mastodon.model import Account, ApiError, Status

LIFE = timedelta(hours=1)
LOCK = timedelta(minutes=15)


class Keys:
    """The keys of one instance, and what each led to. The caller holds the instance's lock."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._known: dict[tuple[str, str], tuple[datetime, Status | ApiError | None]] = {}
        self._locked: dict[tuple[str, str], datetime] = {}  # until when

    def begin(self, author: Account, key: str | None) -> Status | None:
        """Take a key into work. Returns the status that it led to before; raises ApiError where the server refuses it."""
        rules, now = self._instance.rules, self._instance.clock.now()
        if not key or rules.idempotency is Idempotency.IGNORED:
            return None
        seen = self._known.get((author.id, key))
        if seen is not None and now - seen[0] < LIFE:
            return self._repeated(rules.idempotency, seen[1])
        if rules.locks_keys and now < self._locked.get((author.id, key), now):
            raise ApiError(503, "There was a temporary problem serving your request, please try again")
        self._locked[author.id, key] = now + LOCK
        if rules.idempotency is Idempotency.REFUSED:
            self._remember(author, key, None)  # before anything is checked
        return None

    def finish(self, author: Account, key: str | None, post: Callable[[], Status]) -> Status:
        """Return what `post` makes, and remember it where the server does."""
        how = self._instance.rules.idempotency
        if not key or how is Idempotency.IGNORED:
            return post()
        self._locked.pop((author.id, key), None)
        try:
            status = post()
        except ApiError as error:
            if how is Idempotency.REPLAYED:
                self._remember(author, key, error)
            raise
        self._remember(author, key, status)
        return status

    def _repeated(self, how: Idempotency, outcome: Status | ApiError | None) -> Status:
        if how is Idempotency.REFUSED:
            raise ApiError(400, "Duplicate idempotency key.")
        if how is Idempotency.ERROR:
            raise ApiError(500, "Internal Server Error")
        if isinstance(outcome, ApiError):
            raise outcome
        if outcome is None or (outcome.is_deleted and how is Idempotency.FIRST_STATUS):
            raise ApiError(404, "Record not found")
        return outcome

    def _remember(self, author: Account, key: str, outcome: Status | ApiError | None) -> None:
        self._known[author.id, key] = (self._instance.clock.now(), outcome)
