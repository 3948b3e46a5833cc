"""Asks a Mastodon-API server again about posts that it showed: are they still there, and what do they say now (PostChecker)."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from shareasm.domain.changes import Gone, Seen
from shareasm.domain.posts import PostRef, Visibility
from shareasm.errors import NetworkError, Rejected, Unauthorized
from shareasm.networks.mastodon.answers import NotThere
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.pages import decode_answer, decode_list

CHECK_SIZE = 20
"""Ids of one batch; Mastodon answers 422 to more."""

DELETED = "deleted"
NOT_PUBLIC = "not public"


class MastodonChecker:
    """PostChecker for one server, for several threads at once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._has_batches = True

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
        return self._api.reads_a_minute() * (CHECK_SIZE if self._has_batches else 1)

    def _check(self, wanted: Sequence[tuple[PostRef, str]], found: dict[PostRef, Seen | Gone]) -> None:
        """Fill `found` answer by answer."""
        doubtful: dict[PostRef, Seen | Gone] = {}  # deletions, until the server is known to be well behind them
        for start in range(0, len(wanted), CHECK_SIZE):
            batch = dict(wanted[start : start + CHECK_SIZE])
            answered = self._check_batch(list(batch.values()))
            if answered:
                found |= doubtful
                doubtful.clear()
            found |= {ref: state for ref, state in answered.items() if ref in batch}
            for ref, local_id in batch.items():
                state = None if ref in answered else self._check_one(ref, local_id)
                if state:
                    (doubtful if _is_deletion(state) else found)[ref] = state
            if doubtful and not (self._has_batches and start + CHECK_SIZE < len(wanted)):
                self._api.confirm_well()
                found |= doubtful
                doubtful.clear()

    def _check_batch(self, ids: Sequence[str]) -> dict[PostRef, Seen | Gone]:
        """Ask for many at once: Mastodon from 4.3. A server that cannot is not asked a second time."""
        if not self._has_batches:
            return {}
        try:
            decoded = decode_list(self._api, self._api.get("/api/v1/statuses", [("id[]", one) for one in ids]))
        except (Rejected, ValueError):
            self._has_batches = False
            return {}
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
