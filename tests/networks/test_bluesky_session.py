"""The sign-in that publishing rests on: once, kept, renewed, and never tried more often than a server bears."""

from datetime import timedelta

import httpx
import pytest

from networks.bluesky_pds import DID, NOW, error
from networks.bluesky_publishing import KEY, Bench
from shareasm.errors import NetworkError, RateLimited, Unauthorized, Unreachable


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_restart_does_not_sign_in_again(bench: Bench) -> None:
    for _ in range(3):
        bench.publisher().publish(bench.frozen(), KEY)
    assert bench.pds.calls.count("createSession") == 1


def test_an_expired_token_is_renewed_once_and_the_call_repeated(bench: Bench) -> None:
    payload = bench.frozen()
    bench.session().tokens()
    bench.pds.access = "access-9"  # ours has expired
    publisher = bench.publisher()
    publisher.publish(payload, KEY)
    publisher.find(payload, KEY, NOW)
    assert bench.pds.calls.count("refreshSession") == 1
    assert bench.pds.calls.count("createSession") == 1
    assert bench.save_count == 2


def test_a_revoked_session_signs_in_anew(bench: Bench) -> None:
    payload = bench.frozen()
    bench.session().tokens()
    bench.pds.access = bench.pds.refresh = "revoked-9"
    bench.at += timedelta(hours=1)
    bench.publisher().publish(payload, KEY)
    assert bench.pds.calls.count("createSession") == 2


def test_a_token_that_is_refused_again_and_again_is_not_renewed_for_ever(bench: Bench) -> None:
    payload = bench.frozen()
    bench.pds.plan = [("applyWrites", error(400, "ExpiredToken")), ("applyWrites", error(400, "ExpiredToken"))]
    with pytest.raises(Unauthorized):
        bench.publisher().publish(payload, KEY)
    assert bench.pds.calls.count("refreshSession") == 1


def test_a_session_that_another_process_renewed_is_taken_over(bench: Bench) -> None:
    payload = bench.frozen()
    first, second = bench.publisher(), bench.publisher()
    first.find(payload, KEY, NOW)
    second.find(payload, KEY, NOW)
    bench.pds.access = "access-9"
    first.publish(payload, KEY)
    second.publish(payload, KEY)
    assert bench.pds.calls.count("refreshSession") == 1


# ---- never more than one sign-in an hour ---------------------------------------------------------------------------------


def refused(bench: Bench) -> str:
    with pytest.raises(Unauthorized) as caught:
        bench.session().tokens()  # each time a new process
    return str(caught.value)


def test_a_wrong_password_is_tried_once_an_hour_over_restarts_too(bench: Bench) -> None:
    bench.password = "wrong"
    assert {"Invalid identifier or password" in refused(bench) for _ in range(3)} == {True}
    assert bench.pds.calls.count("createSession") == 1
    bench.at += timedelta(minutes=61)
    refused(bench)
    assert bench.pds.calls.count("createSession") == 2


def test_a_mended_password_is_used_at_once_without_a_restart(bench: Bench) -> None:
    bench.password = "revoked"
    session = bench.session()
    with pytest.raises(Unauthorized):
        session.tokens()
    bench.password = "app-password"
    assert session.tokens().did == DID
    assert bench.pds.calls == ["createSession", "createSession"]


def test_a_session_that_is_ended_again_and_again_is_not_made_again_within_the_hour(bench: Bench) -> None:
    for _ in range(3):  # three processes, each of which finds itself thrown out
        session = bench.session()
        kept = session.tokens()
        bench.pds.access = bench.pds.refresh = "revoked-9"
        with pytest.raises(Unauthorized, match="not used twice within an hour"):
            session.renew(kept)
    assert bench.pds.calls.count("createSession") == 1
    bench.at += timedelta(hours=1)
    assert session.renew(kept) != kept
    assert bench.pds.calls.count("createSession") == 2


def test_a_password_revoked_and_mended_within_the_hour_costs_no_more_than_its_own_sign_in(bench: Bench) -> None:
    session = bench.session()
    kept = session.tokens()
    bench.pds.password, bench.pds.access, bench.pds.refresh = "new-password", "revoked-9", "revoked-9"
    for _ in range(3):
        with pytest.raises(Unauthorized):
            session.renew(kept)
    bench.password = "new-password"
    assert session.renew(kept).did == DID
    assert bench.pds.calls.count("createSession") == 2


def test_a_password_is_not_stored_and_cannot_be_read_from_what_is(bench: Bench) -> None:
    bench.session().tokens()
    assert bench.stored
    assert "app-password" not in bench.stored


def test_too_many_sign_ins_are_waited_out(bench: Bench) -> None:
    until = NOW + timedelta(minutes=5)
    limited = error(429, "RateLimitExceeded", "Rate Limit Exceeded", **{"ratelimit-reset": str(int(until.timestamp()))})
    bench.pds.plan = [("createSession", limited)]
    session = bench.session()
    for _ in range(2):
        with pytest.raises(RateLimited) as caught:
            session.tokens()
        assert caught.value.until == until
    bench.at = until
    assert session.tokens().did == DID


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_password_and_a_token_go_to_no_other_server(bench: Bench, status: int) -> None:
    elsewhere = httpx.Response(status, headers={"location": "https://else.example/xrpc/x"})
    bench.pds.plan = [("createSession", elsewhere), ("refreshSession", elsewhere)]
    with pytest.raises(Unreachable, match=r"leads elsewhere: https://else\.example/"):
        bench.session().tokens()
    tokens = bench.session().tokens()
    with pytest.raises(Unreachable, match=r"leads elsewhere: https://else\.example/"):
        bench.session().renew(tokens)
    assert {request.url.host for request in bench.pds.requests} == {"pds.example"}


def test_too_many_sign_ins_are_known_by_the_status_whatever_the_body_is(bench: Bench) -> None:
    until = NOW + timedelta(minutes=5)
    headers = {"content-type": "application/json", "ratelimit-reset": str(int(until.timestamp()))}
    bench.pds.plan = [("createSession", httpx.Response(429, headers=headers, text='"slow down"'))]
    with pytest.raises(RateLimited) as caught:
        bench.session().tokens()
    assert caught.value.until == until


def test_a_session_that_cannot_be_stored_holds_until_a_restart(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    session = bench.session()
    first = session.tokens()  # stored, and older than what follows
    bench.is_disk_full = True
    second = session.renew(first)
    assert [session.tokens() for _ in range(5)] == [second] * 5
    third = session.renew(second)
    assert third not in {first, second}
    assert bench.pds.calls == ["createSession", "refreshSession", "refreshSession"]
    assert "No space left on device" in caplog.text
    assert second.access not in caplog.text


def test_a_first_session_that_cannot_be_stored_is_signed_in_once_and_not_again_when_it_is_lost(bench: Bench) -> None:
    bench.is_disk_full = True
    session = bench.session()
    assert len({session.tokens() for _ in range(5)}) == 1
    bench.pds.access = bench.pds.refresh = "revoked-9"
    for _ in range(3):
        with pytest.raises(Unauthorized):
            session.renew(session.tokens())
    assert bench.pds.calls.count("createSession") == 1


@pytest.mark.parametrize("stored", ["", "not json", "{}", '{"server":1}'])
def test_a_stored_session_that_cannot_be_read_is_none(bench: Bench, stored: str) -> None:
    bench.stored = stored
    assert bench.session().tokens().did == DID


def test_a_stored_session_of_another_handle_is_not_used(bench: Bench) -> None:
    bench.session().tokens()
    bench.session(handle="other.example").tokens()
    assert bench.pds.calls.count("createSession") == 2


def test_no_token_and_no_password_is_ever_printed(bench: Bench) -> None:
    session = bench.session()
    shown = repr(session) + repr(session.tokens()) + str(session.tokens())
    assert "access-1" not in shown
    assert "app-password" not in shown
    bench.pds.plan = [("applyWrites", httpx.ReadTimeout("slow"))]
    with pytest.raises(NetworkError) as caught:
        bench.publisher().publish("{}", KEY)
    assert "access-1" not in str(caught.value)
