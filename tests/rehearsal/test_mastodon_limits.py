"""Rate limits of a stand-in Mastodon: which budget a request counts in, and how it is said (platform facts 1.4)."""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import httpx
import pytest

from mastodon_bench import STATUSES, TAG, Bench, running
from shareasm.rehearsal.mastodon import Budget, Budgets, Flavour

NONE = Budgets(**{field.name: None for field in fields(Budgets)})


@pytest.fixture(scope="module")
def _bench() -> Iterator[Bench]:
    with running() as bench:
        yield bench


@pytest.fixture
def bench(_bench: Bench) -> Bench:
    _bench.reset()
    return _bench


def _reads(bench: Bench, count: int, token: str | None = None, **query: Any) -> list[int]:
    return [bench.get(f"{TAG}/x", token, **query).status_code for _ in range(count)]


def _says(answer: httpx.Response) -> tuple[str, str, str]:
    limit, remaining, reset = (answer.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining", "reset"))
    return limit, remaining, reset


def test_the_usual_budget_of_strangers_is_told(bench: Bench) -> None:
    assert _says(bench.get(f"{TAG}/x")) == ("300", "299", "2027-02-03T09:05:00.000000Z")


def test_the_headers_tell_the_tightest_budget(bench: Bench) -> None:
    bench.server.limits.budgets = replace(Budgets(), paging=Budget(10, 900))
    assert _says(bench.get(f"{TAG}/x", min_id="1")) == ("10", "9", "2027-02-03T09:15:00.000000Z")
    assert _says(bench.get(f"{TAG}/x"))[0] == "300"


def test_a_spent_budget_is_429_until_its_window_ends(bench: Bench) -> None:
    bench.server.limits.budgets = replace(NONE, anonymous=Budget(2, 300))
    bench.clock.set("2027-02-03T09:04:10.250000+00:00")
    assert _reads(bench, 3) == [200, 200, 429]
    refused = bench.get(f"{TAG}/x")
    assert refused.json() == {"error": "Too many requests"}
    assert _says(refused) == ("2", "0", "2027-02-03T09:05:00.250000Z")
    assert "retry-after" not in refused.headers
    bench.clock.set("2027-02-03T09:05:00+00:00")  # windows lie along the clock
    assert _reads(bench, 1) == [200]


def test_each_token_has_a_budget_and_its_user_another(bench: Bench) -> None:
    bench.server.limits.budgets = replace(NONE, token=Budget(2, 300), user=Budget(3, 300))
    other = bench.server.token(bench.amina)
    assert _reads(bench, 3, bench.amina.token) == [200, 200, 429]
    assert _reads(bench, 1, other) == [429]  # the user's budget counts all tokens
    assert _reads(bench, 2, bench.bakari.token) == [200, 200]
    assert _reads(bench, 1) == [200]


@pytest.mark.parametrize("bound", ["max_id", "min_id", "since_id"])
def test_paging_has_a_budget_for_all_tags_and_tokens_of_a_user(bench: Bench, bound: str) -> None:
    bench.server.limits.budgets = replace(NONE, paging=Budget(2, 900))
    other = bench.server.token(bench.amina)
    assert _reads(bench, 2, bench.amina.token, **{bound: "1"}) == [200, 200]
    assert _reads(bench, 1, other, **{bound: "1"}) == [429]
    assert _reads(bench, 1, other) == [200]


def test_uploads_statuses_and_deletions_have_budgets(bench: Bench) -> None:
    bench.server.limits.budgets = replace(
        NONE, media=Budget(1, 1800), statuses=Budget(2, 10800), deletes=Budget(1, 1800)
    )
    assert [bench.upload().status_code for _ in range(2)] == [200, 429]
    posted = [bench.post("x"), bench.post("y"), bench.post("z")]
    assert [answer.status_code for answer in posted] == [200, 200, 429]
    headers = {"Authorization": f"Bearer {bench.amina.token}"}
    gone = [bench.http.delete(f"{STATUSES}/{answer.json()['id']}", headers=headers) for answer in posted[:2]]
    assert [answer.status_code for answer in gone] == [200, 429]


def test_a_refused_post_was_not_made(bench: Bench) -> None:
    bench.server.limits.budgets = replace(NONE, statuses=Budget(0, 10800))
    assert bench.post("x").status_code == 429
    assert bench.server.statuses() == []


def test_what_is_said_through_the_handle_counts_in_no_budget(bench: Bench) -> None:
    bench.server.limits.budgets = replace(NONE, statuses=Budget(0, 10800))
    assert bench.say("x")["id"]


def test_gotosocial_limits_each_group_of_routes_by_address() -> None:
    with running(Flavour.GOTOSOCIAL) as bench:
        bench.server.limits.budgets = Budgets(group=Budget(3, 300))
        asked = [bench.get("/api/v1/instance", token).status_code for token in (None, bench.amina.token, None, None)]
        assert asked == [200, 200, 200, 429]
        assert bench.get("/nodeinfo/2.0").status_code == 200
        refused = bench.get("/api/v1/instance")
        assert refused.json() == {"error": "rate limit reached"}
        assert "retry-after" not in refused.headers
        bench.clock.advance(minutes=5)
        assert bench.get("/api/v1/instance").status_code == 200
