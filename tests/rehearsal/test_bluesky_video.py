"""The stand-in's video service, asked by our own adapter: what the documents say, from the upload to what readers are shown."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from shareasm.clock import SystemClock
from shareasm.domain.posts import MediaKind, Network
from shareasm.domain.queue import Draft, DraftVideo, tid
from shareasm.errors import RateLimited, Rejected
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.publisher import BlueskyPublisher
from shareasm.networks.bluesky.session import Session
from shareasm.networks.bluesky.translate import decode_get_posts
from shareasm.networks.bluesky.video import WAITS_S, VideoService
from shareasm.networks.ports import Ties
from shareasm.rehearsal.bluesky import StandInBluesky
from shareasm.videos import prepare_captions, prepare_video

CLOCK = SystemClock()
VIDEO = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"


@pytest.fixture
def sky() -> Iterator[StandInBluesky]:
    with StandInBluesky(CLOCK) as network:
        network.account("iied.test")
        yield network


@pytest.fixture
def server(sky: StandInBluesky) -> Iterator[Server]:
    us = sky.find("iied.test")
    assert us
    session = Session(
        sky.pds_url, us.handle, lambda: us.password, load=lambda: None, save=lambda _: None, now=CLOCK.now
    )
    server = Server(sky.pds_url, now=CLOCK.now, session=session)
    yield server
    server.close()


@pytest.fixture
def service(sky: StandInBluesky, server: Server) -> Iterator[VideoService]:
    service = VideoService(server, base_url=sky.video_url, wait=lambda _: None)
    yield service
    service.close()


def test_a_video_is_posted_and_shown_with_its_captions(
    sky: StandInBluesky, server: Server, service: VideoService, tmp_path: Path, data: Path
) -> None:
    (tmp_path / "upright.mp4").write_bytes((data / "videos" / "upright.mp4").read_bytes())
    (tmp_path / "en.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nTwo fields\n")
    publisher = BlueskyPublisher(
        server,
        prepare=lambda *_: pytest.fail("there is no picture"),
        prepare_video=prepare_video,
        prepare_captions=prepare_captions,
        video_service=service,
    )
    video = DraftVideo("upright.mp4", "Two fields beside a river", (("en", "en.vtt"),))
    draft = Draft(Network.BLUESKY, "Look", "en", video=video)
    key = tid(int(CLOCK.now().timestamp() * 1_000_000), 7)
    payload = publisher.freeze(draft, key, publisher.prepare(draft, tmp_path), Ties(), CLOCK.now())
    receipt = publisher.publish(payload, key)
    record = sky.record(receipt.ref.uri)
    assert record
    assert json.loads(payload)["app.bsky.feed.post"]["embed"] == record.value["embed"]
    answer = httpx.get(f"{sky.appview_url}/xrpc/app.bsky.feed.getPosts", params={"uris": receipt.ref.uri})
    (seen,) = decode_get_posts(answer.content, CLOCK.now()).posts
    (media,) = seen.post.media
    assert (media.kind, media.alt) == (MediaKind.VIDEO, "Two fields beside a river")
    assert media.preview_url
    assert httpx.get(media.preview_url).headers["content-type"] == "image/jpeg"
    assert httpx.get(media.url).text.startswith("#EXTM3U")


def test_a_video_is_known_again_after_a_restart(sky: StandInBluesky, server: Server, service: VideoService) -> None:
    first = service.upload(VIDEO, "video/mp4", ref="a.mp4")
    restarted = VideoService(server, base_url=sky.video_url, wait=lambda _: None)
    assert restarted.upload(VIDEO, "video/mp4", ref="a.mp4") == first
    assert len(sky.video.jobs) == 1
    restarted.close()


def test_a_slow_service_is_left_to_work_and_asked_again(sky: StandInBluesky, service: VideoService) -> None:
    sky.video.looks_until_done = len(WAITS_S) + 3
    with pytest.raises(RateLimited, match="still being processed"):
        service.upload(VIDEO, "video/mp4", ref="a.mp4")
    assert service.upload(VIDEO, "video/mp4", ref="a.mp4")["mimeType"] == "video/mp4"
    assert len(sky.video.jobs) == 1


def test_an_account_that_may_not_upload_sends_nothing(sky: StandInBluesky, service: VideoService) -> None:
    sky.video.forbidden = {"error": "profile_not_found", "message": "Profile not found"}
    with pytest.raises(Rejected, match="Profile not found"):
        service.upload(VIDEO, "video/mp4", ref="a.mp4")
    assert not sky.video.jobs


def test_a_video_that_cannot_be_encoded_is_rejected(sky: StandInBluesky, service: VideoService) -> None:
    sky.video.failure = {"failureCode": "encoding_failure", "error": "x", "message": "Failed to process video"}
    with pytest.raises(Rejected, match="Failed to process video"):
        service.upload(VIDEO, "video/mp4", ref="a.mp4")


@pytest.mark.parametrize("method", ["getUploadLimits", "uploadVideo"])
def test_the_service_takes_no_token_that_was_made_for_something_else(
    sky: StandInBluesky, server: Server, method: str
) -> None:
    params = [("aud", "did:web:video.example"), ("lxm", "com.atproto.repo.uploadBlob")]
    token = json.loads(server.query("com.atproto.server.getServiceAuth", params))["token"]
    ask = httpx.get if method == "getUploadLimits" else httpx.post
    answer = ask(f"{sky.video_url}/xrpc/app.bsky.video.{method}", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401
