"""Asks a Mastodon-API server again about posts that it showed: are they still there, and what do they say now (PostChecker)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from shareasm.domain.changes import Gone, Seen
from shareasm.domain.posts import PostRef, Visibility
from shareasm.errors import NetworkError, NotThere, Rejected, Unauthorized
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.pages import decode_answer, decode_list

CHECK_SIZE = 20
"""Ids of one batch; Mastodon answers 422 to more."""

MOST_REFUSALS = 2  # in a row: one alone may be a proxy's, or about one post
ONE_BY_ONE_FOR = timedelta(hours=1)  # then a batch is tried again: servers are updated

DELETED = "deleted"
NOT_PUBLIC = "not public"


class MastodonChecker:
    """PostChecker for one server, for several threads at once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._refusal_count = 0
        self._one_by_one_until = datetime.min.replace(tzinfo=UTC)

    def check(self, refs: Sequence[tuple[PostRef, str]]) -> Mapping[PostRef, Seen | Gone]:
        """Return what the server says now of posts that it showed before, each under the id that it gave them.

        A post that a batch leaves out is asked for by itself. One that is "not found" then is gone, but only where the
        server is well otherwise: by the posts that the next batch shows, else by its word. Where an error ends the asking,
        what was answered before it counts; it is raised only when that is nothing.
        """
        wanted = [(ref, local_id) for ref, local_id in refs if local_id.strip(".")]
        found: dict[PostRef, Seen | Gone] = {}
        try:
            self._check(wanted, found)
        except NetworkError:
            if not found:
                raise
        return found

    def posts_a_minute(self) -> float:
        """Return about how many posts can be asked about within what the server allows."""
        return self._api.reads_a_minute() * (CHECK_SIZE if self._asks_for_many() else 1)

    def _asks_for_many(self) -> bool:
        return self._api.now() >= self._one_by_one_until

    def _check(self, wanted: Sequence[tuple[PostRef, str]], found: dict[PostRef, Seen | Gone]) -> None:
        """Fill `found` answer by answer."""
        doubtful: dict[PostRef, Seen | Gone] = {}  # deletions, until the server is known to be well behind them
        for start in range(0, len(wanted), CHECK_SIZE):
            batch = dict(wanted[start : start + CHECK_SIZE])
            answered = self._check_batch(list(batch.values()))
            if answered:
                found |= doubtful
                doubtful.clear()
            known = answered or {}
            found |= {ref: state for ref, state in known.items() if ref in batch}
            for ref, local_id in batch.items():
                state = None if ref in known else self._check_one(ref, local_id)
                if state:
                    (doubtful if _is_deletion(state) else found)[ref] = state
            if doubtful and not (answered is not None and start + CHECK_SIZE < len(wanted)):
                self._api.confirm_well()
                found |= doubtful
                doubtful.clear()

    def _check_batch(self, ids: Sequence[str]) -> dict[PostRef, Seen | Gone] | None:
        """Ask for many at once: Mastodon from 4.3. None where the server cannot; asked again, it is left alone for a while."""
        if not self._asks_for_many():
            return None
        try:
            decoded = decode_list(self._api, self._api.get("/api/v1/statuses", [("id[]", one) for one in ids]))
        except (Rejected, ValueError):
            self._refusal_count += 1
            if self._refusal_count >= MOST_REFUSALS:
                self._refusal_count, self._one_by_one_until = 0, self._api.now() + ONE_BY_ONE_FOR
            return None
        self._refusal_count = 0
        return {seen.post.ref: _state(seen) for seen in decoded.posts}

    def _check_one(self, ref: PostRef, local_id: str) -> Seen | Gone | None:
        try:
            body = self._api.get(f"/api/v1/statuses/{quote(local_id, safe='')}", ref=ref.uri)
        except NotThere:
            return Gone(ref, DELETED)
        except (Rejected, Unauthorized):
            return None  # the server does not want to say; that tells nothing of the post
        decoded = decode_answer(self._api, b"[" + body + b"]")
        return next((_state(seen) for seen in decoded.posts if seen.post.ref == ref), None)


def _state(seen: Seen) -> Seen | Gone:
    return Gone(seen.post.ref, NOT_PUBLIC) if seen.post.visibility is Visibility.PRIVATE else seen


def _is_deletion(state: Seen | Gone) -> bool:
    return isinstance(state, Gone) and state.reason == DELETED
