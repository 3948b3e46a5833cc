"""Bluesky's video service: takes a video, makes it fit for every player, and puts it into our account's server.

Called while a post is prepared, since it takes from seconds to minutes. A video that goes straight to the account's server
is only looked at once its post is out: readers would see a hole until then. Calls and states: docs.bsky.app "Uploading
video" and lexicons app.bsky.video.*, read November 2026. No such service can be run here, so this was tried on a stand-in
made after those documents, and never seen live.
"""

import hashlib
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import msgspec

from shareasm.domain.richtext import clean_line
from shareasm.errors import NetworkError, RateLimited, Rejected, Unreachable
from shareasm.networks.bluesky.answers import Reply, failure, refusal
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.records import Blob
from shareasm.networks.bluesky.translate import MALFORMED
from shareasm.networks.bluesky.writing import Repository

VIDEO_SERVICE = "https://video.bsky.app"
TOKEN_FOR = timedelta(minutes=30)  # the service still needs it when it is done; a server allows an hour at most
WAITS_S = (1, 1, 2, 3, 5)
"""Between looks at a job. Then it is left to work and asked for again later, so that nothing else of the account is late."""
ASK_AGAIN_AFTER = timedelta(seconds=20)

FAILED = "JOB_STATE_FAILED"
OUR_FAULT = frozenset({"validation_failure", "encoding_failure", "pds_upload_unsupported_blob_size"})
"""Failures of which another try makes no success."""

_CURES = {"unconfirmed_email": "its e-mail address is not confirmed: confirm it in the Bluesky app, under Settings"}


class _Limits(msgspec.Struct, rename="camel"):
    can_upload: bool
    message: str | None = None
    error: str | None = None
    remaining_daily_videos: int | None = None
    remaining_daily_bytes: int | None = None


class _Job(msgspec.Struct, rename="camel"):
    job_id: str = ""
    state: str = ""
    blob: Blob | None = None
    error: str | None = None
    message: str | None = None
    failure_code: str | None = None


class _JobAnswer(_Job, rename="camel"):
    """The job stands inside `jobStatus`, as the lexicon says, or bare, as the service has answered uploads (atproto#3026)."""

    job_status: _Job | None = None


class VideoService:
    """Uploads videos for the account that `account` is signed in with. Remembers its jobs while the program runs."""

    def __init__(
        self,
        account: Server,
        *,
        base_url: str = VIDEO_SERVICE,
        wait: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`wait` is called with seconds between two looks at a job."""
        self._account = account
        self._repository = Repository(account)
        self._service = Server(base_url, now=account.now, user_agent=account.user_agent, transport=transport)
        self._wait = wait
        self._jobs: dict[str, str] = {}  # digest of the bytes → job

    def close(self) -> None:
        """Give the connections back."""
        self._service.close()

    def upload(self, data: bytes, mime: str, *, ref: str) -> Blob:
        """Return the blob of a video, which lies in our account's server then.

        The same bytes again give the blob of the job that they had, also after a restart: the service knows them. Raises
        Rejected where the account may not upload it, and RateLimited while it is still being processed: ask again.
        """
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._jobs:
            self._ask_leave(len(data), ref)
            job = self._send(data, mime, digest, ref)
            if job.blob:
                return job.blob
            self._jobs[digest] = job.job_id
        for seconds in (*WAITS_S, None):
            job = self._look(self._jobs[digest], ref)
            if job.blob:  # whatever else it says: an "already_exists" brings the blob of the job before
                return job.blob
            if job.state == FAILED:
                del self._jobs[digest]
                raise self._failed(job, ref)
            if seconds is not None:
                self._wait(seconds)
        again_at = self._account.now() + ASK_AGAIN_AFTER
        raise RateLimited("still being processed", server=self._service.base_url, ref=ref, until=again_at)

    def _ask_leave(self, size: int, ref: str) -> None:
        """Raise Rejected where the account may not upload a video of `size` bytes today."""
        method = "app.bsky.video.getUploadLimits"
        token = self._token(did_web(self._service.base_url), method, ref)
        reply = self._service.ask("GET", method, bearer=token, ref=ref)
        try:
            limits = msgspec.json.decode(reply.body, type=_Limits)  # a refusal has this shape too, with 401
        except MALFORMED as error:
            raise self._refused(reply, ref, error) from error
        videos, left = limits.remaining_daily_videos, limits.remaining_daily_bytes
        if not limits.can_upload:
            raise self._no(limits.error, limits.message, ref)
        if videos == 0 or (left is not None and left < size):
            raise self._no(None, "this account has uploaded as many videos today as it may", ref)

    def _send(self, data: bytes, mime: str, digest: str, ref: str) -> _Job:
        assert self._account.session is not None
        tokens = self._account.session.tokens()
        token = self._token(did_web(tokens.pds), "com.atproto.repo.uploadBlob", ref)
        reply = self._service.ask(
            "POST",
            "app.bsky.video.uploadVideo",
            params=[("did", tokens.did), ("name", f"{digest[:16]}.mp4")],
            body=data,
            content_type=mime,
            bearer=token,
            ref=ref,
        )
        job = self._job(reply, ref)
        if not job.job_id and not job.blob:  # a job that is there already comes with 409, and is as good as a new one
            raise self._no(job.error, job.message, ref)
        return job

    def _look(self, job_id: str, ref: str) -> _Job:
        return self._job(self._service.ask("GET", "app.bsky.video.getJobStatus", params=[("jobId", job_id)]), ref)

    def _job(self, reply: Reply, ref: str) -> _Job:
        if reply.status == 429 or reply.status >= 500:
            raise self._refused(reply, ref)
        try:
            answer = msgspec.json.decode(reply.body, type=_JobAnswer)
        except MALFORMED as error:
            raise self._refused(reply, ref, error) from error
        return answer.job_status or answer

    def _token(self, audience: str, method: str, ref: str) -> str:
        """Return a token for one `method`, which our account's server makes for `audience`."""
        expires = int((self._account.now() + TOKEN_FOR).timestamp())
        return self._repository.service_token(audience, method, expires, ref=ref)

    # -- what a refusal means: never that the account must stop, which can post all the rest

    def _refused(self, reply: Reply, ref: str, error: Exception | None = None) -> NetworkError:
        if error and reply.is_success:
            return failure(error, self._service.base_url, self._account.now(), ref=ref)
        if reply.status == 429 or reply.status >= 500:
            return refusal(reply, self._service.base_url, self._account.now(), ref=ref)
        return self._no(None, reply.words, ref)

    def _failed(self, job: _Job, ref: str) -> NetworkError:
        words = _words(job.message or job.error or "no reason given")
        if job.failure_code in OUR_FAULT:
            return Rejected(
                f"the video cannot be processed ({words}): make a new MP4 of it",
                server=self._service.base_url,
                ref=ref,
            )
        return Unreachable(f"the video could not be processed ({words})", server=self._service.base_url, ref=ref)

    def _no(self, error: str | None, message: str | None, ref: str) -> Rejected:
        words = _CURES.get(error or "") or _words(message or error or "no reason given")
        return Rejected(f"the account may not upload this video: {words}", server=self._service.base_url, ref=ref)


def did_web(base_url: str) -> str:
    """Return the DID of the server at an address.

    >>> did_web("https://pds.example"), did_web("http://localhost:2583")
    ('did:web:pds.example', 'did:web:localhost%3A2583')
    """
    return f"did:web:{urlsplit(base_url).netloc.replace(':', '%3A')}"


def _words(text: str) -> str:
    return clean_line(text, 200)
