"""Videos go through Bluesky's video service, as its documents describe it: with leave, once, waited for with bounds."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from networks.bluesky_pds import DID, NOW, FakePds, error
from networks.bluesky_publishing import KEY, Bench, draft
from shareasm.domain.pictures import PreparedVideo
from shareasm.domain.queue import DraftMedia, DraftVideo
from shareasm.errors import ConfigError, NetworkError, RateLimited, Rejected, Unreachable
from shareasm.networks.bluesky.publisher import BlueskyPublisher
from shareasm.networks.bluesky.video import ASK_AGAIN_AFTER, WAITS_S, VideoService
from shareasm.networks.ports import Ties

BLOB = {"$type": "blob", "ref": {"$link": "bafkreivideo"}, "mimeType": "video/mp4", "size": 7}
CREATED = {"did": DID, "jobId": "job-1", "state": "JOB_STATE_CREATED"}
ENCODING = {**CREATED, "state": "JOB_STATE_ENCODING", "progress": 40}
DONE = {**CREATED, "state": "JOB_STATE_COMPLETED", "blob": BLOB}
KNOWN = {**CREATED, "state": "JOB_STATE_COMPLETED", "error": "already_exists", "message": "Video already processed"}
YES = {"canUpload": True, "remainingDailyVideos": 25, "remainingDailyBytes": 10_000_000}


def answer(body: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def failed(code: str | None) -> dict[str, object]:
    words = {"state": "JOB_STATE_FAILED", "error": "video processing error", "message": "Failed to process video"}
    return {**CREATED, **words, "failureCode": code}


@dataclass
class Service:
    """Answers each method with its list, the last answer for ever."""

    limits: list[httpx.Response] = field(default_factory=lambda: [answer(YES)])
    uploads: list[httpx.Response] = field(default_factory=lambda: [answer(CREATED)])
    looks: list[httpx.Response] = field(default_factory=lambda: [answer({"jobStatus": DONE})])
    requests: list[httpx.Request] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def calls(self) -> list[str]:
        return [request.url.path.rpartition(".")[2] for request in self.requests]

    def act(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answers = {"getUploadLimits": self.limits, "uploadVideo": self.uploads, "getJobStatus": self.looks}
        queue = answers[request.url.path.rpartition(".")[2]]
        chosen = queue.pop(0) if len(queue) > 1 else queue[0]
        return httpx.Response(chosen.status_code, headers=chosen.headers, content=chosen.content)


@dataclass
class VideoBench:
    """A publisher on a fake PDS and a fake video service."""

    service: Service = field(default_factory=Service)
    bench: Bench = field(default_factory=Bench)

    @property
    def pds(self) -> FakePds:
        return self.bench.pds

    def publisher(self) -> BlueskyPublisher:
        server = self.bench.server()
        transport = httpx.MockTransport(self.service.act)
        videos = VideoService(server, transport=transport, wait=self.service.waits.append)
        return BlueskyPublisher(
            server,
            prepare=lambda *_: pytest.fail("a post with a video has no pictures"),
            prepare_video=lambda *_: PreparedVideo(b"a video", "video/mp4", 1280, 720, 9.0),
            prepare_captions=lambda file: f"WEBVTT {file.name}".encode(),
            video_service=videos,
        )

    def prepare(self, publisher: BlueskyPublisher | None = None, *captions: tuple[str, str]) -> dict[str, object]:
        """Return the embed that comes of a post with a video."""
        publisher = publisher or self.publisher()
        wanted = draft(video=DraftVideo("day.mp4", "A field", captions), media=(DraftMedia("a.png", "x"),))
        payload = publisher.freeze(wanted, KEY, publisher.prepare(wanted, Path("media")), Ties(), NOW)
        embed = json.loads(payload)["app.bsky.feed.post"]["embed"]
        assert isinstance(embed, dict)
        return embed


@pytest.fixture
def bench() -> VideoBench:
    return VideoBench()


def refuse(bench: VideoBench, kind: type[NetworkError], publisher: BlueskyPublisher | None = None) -> NetworkError:
    with pytest.raises(kind) as caught:
        bench.prepare(publisher)
    assert type(caught.value) is kind
    return caught.value


# ---- what is asked, in which order -----------------------------------------------------------------------------------


def test_a_video_becomes_the_blob_that_the_service_made(bench: VideoBench) -> None:
    assert bench.prepare(None, ("en", "en.vtt"), ("fr", "fr.vtt")) == {
        "$type": "app.bsky.embed.video",
        "video": BLOB,
        "alt": "A field",
        "aspectRatio": {"width": 1280, "height": 720},
        "captions": [
            {"lang": language, "file": json.loads(upload.content)["blob"]}
            for language, upload in zip(("en", "fr"), caption_answers(bench), strict=True)
        ],
    }
    assert bench.service.calls() == ["getUploadLimits", "uploadVideo", "getJobStatus"]


def caption_answers(bench: VideoBench) -> list[httpx.Response]:
    uploads = [request for request in bench.pds.requests if request.url.path.endswith("uploadBlob")]
    assert {request.headers["content-type"] for request in uploads} == {"text/vtt"}
    return [bench.pds.uploadBlob(request) for request in uploads]


def test_each_call_carries_a_token_for_itself_alone(bench: VideoBench) -> None:
    bench.prepare()
    limits, upload, look = bench.service.requests
    assert limits.headers["authorization"] == "Bearer app.bsky.video.getUploadLimits at did:web:video.bsky.app"
    assert upload.headers["authorization"] == "Bearer com.atproto.repo.uploadBlob at did:web:pds.example"
    assert "authorization" not in look.headers
    assert str(upload.url).startswith("https://video.bsky.app/xrpc/app.bsky.video.uploadVideo?did=did%3Aplc%3Aaaaa")
    asked = [request.url.params["exp"] for request in bench.pds.requests if "getServiceAuth" in request.url.path]
    assert {int(exp) - int(NOW.timestamp()) for exp in asked} == {1800}


def test_our_session_is_never_shown_to_the_video_service(bench: VideoBench) -> None:
    bench.prepare()
    assert "access-" not in "".join(str(request.headers) for request in bench.service.requests)


# ---- waiting ---------------------------------------------------------------------------------------------------------


def test_a_video_in_the_works_is_waited_for(bench: VideoBench) -> None:
    bench.service.looks = [answer({"jobStatus": ENCODING})] * 3 + [answer({"jobStatus": DONE})]
    assert bench.prepare()["video"] == BLOB
    assert bench.service.waits == list(WAITS_S[:3])


def test_waiting_has_an_end_and_the_next_time_the_same_job_is_asked_after(bench: VideoBench) -> None:
    bench.service.looks = [answer({"jobStatus": ENCODING})]
    publisher = bench.publisher()
    error = refuse(bench, RateLimited, publisher)
    assert isinstance(error, RateLimited)
    assert "day.mp4" in str(error)
    assert "still being processed" in str(error)
    assert sum(bench.service.waits) <= 15  # what is due on the account meanwhile is not held up
    assert error.until - NOW == ASK_AGAIN_AFTER
    bench.service.looks = [answer({"jobStatus": DONE})]
    assert bench.prepare(publisher)["video"] == BLOB
    assert bench.service.calls().count("uploadVideo") == 1


@pytest.mark.parametrize(
    "upload", [answer(KNOWN, 409), answer({"jobStatus": KNOWN}), answer({**KNOWN, "blob": BLOB}, 409)]
)
def test_after_a_restart_the_service_knows_the_video(bench: VideoBench, upload: httpx.Response) -> None:
    bench.service.uploads = [upload]
    assert bench.prepare()["video"] == BLOB


def test_a_job_that_says_it_exists_and_brings_the_blob_is_done(bench: VideoBench) -> None:
    bench.service.looks = [answer({"jobStatus": {**failed(None), "error": "already_exists", "blob": BLOB}})]
    assert bench.prepare()["video"] == BLOB


# ---- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (answer({"canUpload": False, "message": "User is not allowed to upload videos"}), "not allowed to upload"),
        (answer({"canUpload": False, "error": "unconfirmed_email"}), "confirm it in the Bluesky app"),
        (
            answer({"error": "profile_not_found", "message": "Profile not found", "canUpload": False}, 401),
            "Profile not",
        ),
        (answer({**YES, "remainingDailyVideos": 0}), "as many videos today as it may"),
        (answer({**YES, "remainingDailyBytes": 6}), "as many videos today as it may"),
        (answer({"error": "invalid_token", "message": "bad token"}, 401), "bad token"),
    ],
)
def test_an_account_that_may_not_upload_is_told_before_it_uploads(
    bench: VideoBench, limits: httpx.Response, words: str
) -> None:
    bench.service.limits = [limits]
    assert words in str(refuse(bench, Rejected))
    assert bench.service.calls() == ["getUploadLimits"]


@pytest.mark.parametrize(
    "upload",
    [
        answer({"jobStatus": {"did": "", "error": "unconfirmed_email", "jobId": "", "state": ""}}),
        answer({"error": "unconfirmed_email"}, 401),
    ],
)
def test_an_upload_that_makes_no_job_is_rejected_with_the_cure(bench: VideoBench, upload: httpx.Response) -> None:
    bench.service.uploads = [upload]
    assert "confirm it in the Bluesky app" in str(refuse(bench, Rejected))


@pytest.mark.parametrize("code", ["validation_failure", "encoding_failure", "pds_upload_unsupported_blob_size"])
def test_a_video_that_cannot_be_processed_is_rejected(bench: VideoBench, code: str) -> None:
    bench.service.looks = [answer({"jobStatus": failed(code)})]
    assert "make a new MP4" in str(refuse(bench, Rejected))


@pytest.mark.parametrize("code", ["pds_upload_failure", "generic_failure", None, "something new"])
def test_a_failure_of_the_services_own_is_tried_again_with_a_new_job(bench: VideoBench, code: str | None) -> None:
    bench.service.looks = [answer({"jobStatus": failed(code)})]
    publisher = bench.publisher()
    assert not getattr(refuse(bench, Unreachable, publisher), "is_outcome_unknown", True)
    bench.service.looks = [answer({"jobStatus": DONE})]
    assert bench.prepare(publisher)["video"] == BLOB
    assert bench.service.calls().count("uploadVideo") == 2


@pytest.mark.parametrize("step", ["limits", "uploads", "looks"])
@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        (answer({"error": "RateLimitExceeded"}, 429), RateLimited),
        (answer({"error": "InternalServerError"}, 500), Unreachable),
        (httpx.Response(502, html="<html>bad gateway"), Unreachable),
        (httpx.Response(200, html="<html>welcome"), Unreachable),
        (httpx.Response(413, html="<html>too large"), Rejected),
    ],
)
def test_a_service_in_trouble_never_stops_the_account(
    bench: VideoBench, step: str, odd: httpx.Response, kind: type[NetworkError]
) -> None:
    setattr(bench.service, step, [odd])
    refuse(bench, kind)


def test_a_server_that_makes_no_token_is_passed_on(bench: VideoBench) -> None:
    bench.pds.plan = [("getServiceAuth", error(501, "MethodNotImplemented"))]
    refuse(bench, Unreachable)


def test_more_captions_than_the_network_takes_are_the_teams_to_mend(bench: VideoBench) -> None:
    with pytest.raises(ConfigError, match="21 captions"):
        bench.prepare(None, *((f"x{number}", "a.vtt") for number in range(21)))


def test_an_account_without_a_way_for_videos_says_so(bench: VideoBench) -> None:
    with pytest.raises(Rejected, match="videos are not sent"):
        bench.bench.publisher().prepare(draft(video=DraftVideo("day.mp4", "A field")), Path("media"))
