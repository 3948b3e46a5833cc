"""The stand-in's video service, as docs.bsky.app "Uploading video" and the lexicons app.bsky.video.* describe it.

Nobody can run the real one, so this was never compared with it. What is not in the documents comes from reports: an upload
is answered without the lexicon's `jobStatus` around it, and a video that is known with 409 and "already_exists"
(atproto#3026, #3097); limits that forbid uploading come with 401 (atproto-website#596).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from shareasm.rehearsal.bluesky.lexicon import RAW, Record, cid_of, shown
from shareasm.rehearsal.bluesky.repo import Repo, Repos
from shareasm.rehearsal.bluesky.sessions import Sessions
from shareasm.rehearsal.bluesky.xrpc import Answer, Call, Method, Refusal, Xrpc, bad_request, no_such_method, queries

UPLOAD_LIMIT = 100_000_000
_UPLOAD = "app.bsky.video.uploadVideo"
_LIMITS = "app.bsky.video.getUploadLimits"
_STATES = ("JOB_STATE_CREATED", "JOB_STATE_ENCODING", "JOB_STATE_SCANNING", "JOB_STATE_UPLOADING")


@dataclass(slots=True)
class _Job:
    number: str
    repo: Repo
    content: bytes
    looks: int = 0

    def view(self, state: str, **more: object) -> Record:
        return {"did": self.repo.did, "jobId": self.number, "state": state, **more}  # type: ignore[dict-item]


@dataclass(slots=True)
class VideoService:
    """One video service for all accounts of the network. `app` is its ASGI app; the rest are a test's to set."""

    repos: Repos
    sessions: Sessions
    url: Callable[[], str]
    pds_url: Callable[[], str]
    looks_until_done: int = 1  # how often a job says that it is not done yet
    forbidden: Record | None = None  # what `getUploadLimits` says instead of yes
    failure: Record | None = None  # why the next jobs fail: `failureCode`, `message`
    jobs: dict[str, _Job] = field(default_factory=dict)  # by number, which the bytes give

    @property
    def app(self) -> Xrpc:
        """What answers over HTTP."""
        return Xrpc(self.repos.lock, self._find, self._page, lambda _: {})

    def wipe(self) -> None:
        """Forget all jobs."""
        self.jobs.clear()
        self.forbidden = self.failure = None

    def _find(self, call: Call) -> Method:
        methods = {
            **queries({_LIMITS: self._get_upload_limits, "app.bsky.video.getJobStatus": self._get_job_status}),
            _UPLOAD: Method(self._upload_video, is_procedure=True, body_limit=UPLOAD_LIMIT),
        }
        if call.nsid not in methods:
            raise no_such_method()
        return methods[call.nsid]

    def _page(self, path: str) -> Answer:
        raise Refusal(404, "NotFoundError", f"there is nothing at {path}")

    def _get_upload_limits(self, call: Call) -> Answer:
        self.sessions.bearer_of(call.headers, _did_web(self.url()), _LIMITS)
        if self.forbidden:
            return Answer({**self.forbidden, "canUpload": False}, status=401)
        return Answer({"canUpload": True, "remainingDailyVideos": 25, "remainingDailyBytes": 10_000_000_000})

    def _upload_video(self, call: Call) -> Answer:
        repo = self.sessions.bearer_of(call.headers, _did_web(self.pds_url()), "com.atproto.repo.uploadBlob")
        if call.text("did") != repo.did or not call.text("name").endswith(".mp4"):
            raise bad_request(f"Invalid did or name (got {shown(call.query.get('did'))})")
        job = _Job(cid_of(repo.did.encode() + call.body, RAW)[-20:], repo, call.body)
        if known := self.jobs.get(job.number):
            words = {"error": "already_exists", "message": "Video already processed"}
            return Answer(known.view("JOB_STATE_COMPLETED", **words), status=409)
        self.jobs[job.number] = job
        return Answer(job.view(_STATES[0]))

    def _get_job_status(self, call: Call) -> Answer:
        job = self.jobs.get(call.text("jobId"))
        if job is None:
            raise bad_request("job not found", "JobNotFound")
        job.looks += 1
        if job.looks <= self.looks_until_done:
            state = _STATES[min(job.looks, len(_STATES) - 1)]
            return Answer({"jobStatus": job.view(state, progress=50)})
        if self.failure:
            del self.jobs[job.number]
            return Answer({"jobStatus": job.view("JOB_STATE_FAILED", **self.failure)})
        blob = self.repos.add_blob(job.repo, job.content, "video/mp4")
        return Answer({"jobStatus": job.view("JOB_STATE_COMPLETED", blob=blob.ref())})


def _did_web(url: str) -> str:
    return f"did:web:{urlsplit(url).netloc.replace(':', '%3A')}"
