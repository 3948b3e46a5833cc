"""Two requests under one Idempotency-Key at the same time, and the key of a worker that died (platform facts 2.1)."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from mastodon_bench import STATUSES, Bench, running
from shareasm.rehearsal.mastodon import Flavour


@contextmanager
def posting(bench: Bench) -> Iterator[tuple[ThreadPoolExecutor, "Future[httpx.Response]"]]:
    """Have one post under the key `k` in work, which ends with the block."""
    hold = bench.server.hold_posts()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(bench.post, "hello", key="k")
        assert hold.wait_for_one()
        try:
            yield pool, first
        finally:
            hold.release()


def _said(bench: Bench) -> list[str]:
    return [str(status["text"]) for status in bench.server.statuses()]


@pytest.mark.parametrize("version", ["4.6.5", "4.7.3"])
def test_a_second_post_of_a_key_in_work_is_refused_for_now(version: str) -> None:
    with running(version=version) as bench:
        with posting(bench) as (_, first):
            second = bench.post("hello", key="k")
            assert second.status_code == 503
            assert _said(bench) == []
        assert first.result().status_code == 200
        assert _said(bench) == ["hello"]


def test_before_46_both_post() -> None:
    with running(version="4.5.15") as bench:
        hold = bench.server.hold_posts()
        with ThreadPoolExecutor() as pool:
            posts = [pool.submit(bench.post, "hello", key="k") for _ in range(2)]
            assert hold.wait_for_one()
            assert hold.wait_for_one()
            hold.release()
        assert [post.result().status_code for post in posts] == [200, 200]
        assert _said(bench) == ["hello", "hello"]


def test_pixelfed_has_burnt_the_key_by_then() -> None:
    with running(Flavour.PIXELFED) as bench:
        media = bench.upload().json()["id"]
        hold = bench.server.hold_posts()
        with ThreadPoolExecutor() as pool:
            first = pool.submit(bench.post, "hello", key="k", media_ids=[media])
            assert hold.wait_for_one()
            assert bench.post("hello", key="k", media_ids=[media]).json() == {"error": "Duplicate idempotency key."}
            hold.release()
        assert first.result().status_code == 200


def test_the_key_of_a_worker_that_died_is_locked_for_a_quarter_of_an_hour() -> None:
    with running() as bench:
        bench.server.leave_in_work(bench.amina, "k")
        assert bench.post("hello", key="k").status_code == 503
        assert bench.post("hello", token=bench.bakari.token, key="k").status_code == 200
        bench.clock.advance(minutes=14)
        assert bench.post("hello", key="k").status_code == 503
        bench.clock.advance(minutes=2)
        assert bench.post("hello", key="k").status_code == 200


def test_a_post_in_work_is_made_although_its_client_went_away() -> None:
    with running() as bench:
        hold = bench.server.hold_posts()
        headers = {"Authorization": f"Bearer {bench.amina.token}"}
        with pytest.raises(httpx.ReadTimeout):
            bench.http.post(STATUSES, data={"status": "hello"}, headers=headers, timeout=0.2)
        assert hold.wait_for_one()
        hold.release()
        bench.http.get("/api/v1/instance")
        assert _said(bench) == ["hello"]
