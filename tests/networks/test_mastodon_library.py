"""Mastodon.py speaks, our client carries: what is put right on the way, and what never happens."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import mastodon
import pytest

from networks.mastodon_fakes import NOW, SERVER, Script, status
from shareasm.errors import NetworkError, RateLimited, Rejected, Unreachable
from shareasm.networks.mastodon.answers import Act, Answer
from shareasm.networks.mastodon.client import BODY_LIMIT, Api
from shareasm.networks.mastodon.library import Library
from shareasm.networks.mastodon.oauth import MastodonSignIn
from shareasm.networks.mastodon.pace import Fare, Pace

POST = "/api/v1/statuses"


@pytest.fixture
def script() -> Script:
    return Script().on(f"POST {POST}", status(50)).on(f"PUT {POST}/50", status(50)).on(f"DELETE {POST}/50", status(50))


@pytest.fixture
def api(script: Script) -> Api:
    return Api(SERVER, user_agent="shareasm/1", now=lambda: NOW, transport=script.transport)


@pytest.fixture
def library(api: Api) -> Library:
    return Library(api, token="secret")


def post(speaker: mastodon.Mastodon) -> object:
    return speaker.status_post("Good morning")


def fields(request: httpx.Request) -> dict[str, list[str]]:
    return parse_qs(request.content.decode(), keep_blank_values=True)


# ---- what is put right -------------------------------------------------------------------------------------------------


def test_what_the_library_has_no_parameter_for_is_added(library: Library, script: Script) -> None:
    library.do(lambda speaker: speaker.status_update("50", "Bonjour"), adding={"language": "fr"})
    assert fields(script.asked[-1]) == {"status": ["Bonjour"], "language": ["fr"]}


def test_with_a_poll_booleans_are_booleans_of_json(library: Library, script: Script) -> None:
    """GoToSocial takes only those; the library says "0" and "1"."""

    def ask(speaker: mastodon.Mastodon) -> object:
        poll = speaker.make_poll(["gold", "tin"], 600, multiple=True)
        return speaker.status_post("Which one?", sensitive=False, poll=poll, quote_approval_policy="nobody")

    library.do(ask, adding={"language": "fr"})
    poll = {"options": ["gold", "tin"], "expires_in": 600, "multiple": True, "hide_totals": False}
    said = {
        "status": "Which one?",
        "sensitive": False,
        "poll": poll,
        "quote_approval_policy": "nobody",
        "language": "fr",
    }
    assert json.loads(script.asked[-1].content) == said


def test_what_the_library_lets_slip_stays_here(library: Library, script: Script) -> None:
    library.do(lambda speaker: speaker.status_post("Good morning", quote_approval_policy="nobody"))
    assert set(fields(script.asked[-1])) == {"status", "sensitive", "quote_approval_policy"}


def test_what_belongs_to_a_deletion_is_in_its_address(library: Library, script: Script) -> None:
    library.do(lambda speaker: speaker.status_delete("50", delete_media=True))
    assert script.asked[-1].url.query == b"delete_media=1"
    assert script.asked[-1].content == b""


# ---- what it costs -----------------------------------------------------------------------------------------------------


def left(count: int, *, limit: int = 300, minutes: int = 5) -> dict[str, str]:
    ends_at = (NOW + timedelta(minutes=minutes)).isoformat()
    return {"x-ratelimit-limit": str(limit), "x-ratelimit-remaining": str(count), "x-ratelimit-reset": ends_at}


def may_read(pace: Pace) -> int:
    """How many more requests of a reader with the same token are let through."""
    count = 0
    with suppress(RateLimited):
        while count < 300:
            pace.admit(Fare("secret"))
            count += 1
    return count


@pytest.fixture
def pace() -> Pace:
    known = Pace(SERVER, now=lambda: NOW)
    known.note(Fare("secret"), Answer(200, left(40), b"[]"))  # thirty of them are kept for posts
    return known


def test_what_is_sent_is_taken_off_what_may_be_read(script: Script, pace: Pace) -> None:
    library = Library(Api(SERVER, user_agent="shareasm/1", now=lambda: NOW, pace=pace, transport=script.transport))
    of_ours = Library(library._api, token="secret")
    for _ in range(4):
        of_ours.do(post)
    library.do(post)  # without the token it costs that account nothing
    assert may_read(pace) == 6


def test_how_many_posts_a_server_allows_is_not_taken_for_what_may_be_read(script: Script, pace: Pace) -> None:
    script.on(f"POST {POST}", httpx.Response(200, json=status(50), headers=left(299, minutes=180)))
    api = Api(SERVER, user_agent="shareasm/1", now=lambda: NOW, pace=pace, transport=script.transport)
    Library(api, token="secret").do(post)
    assert may_read(pace) == 9


def test_what_the_library_reads_tells_how_much_is_left(script: Script, pace: Pace) -> None:
    script.on("/api/v1/media/7", httpx.Response(200, json={"id": "7"}, headers=left(33)))
    api = Api(SERVER, user_agent="shareasm/1", now=lambda: NOW, pace=pace, transport=script.transport)
    Library(api, token="secret").do(lambda speaker: speaker.media("7"), Act.UPLOAD)
    assert may_read(pace) == 3


# ---- what never happens ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_nothing_follows_a_redirect(library: Library, script: Script, code: int) -> None:
    script.on(f"POST {POST}", httpx.Response(code, headers={"location": "https://elsewhere.example/api/v1/statuses"}))
    with pytest.raises(Rejected, match=r"has moved to https://elsewhere\.example"):
        library.do(post, Act.WRITE)
    assert [request.url.host for request in script.asked] == ["mastodon.example"]


@pytest.mark.parametrize("answer", [httpx.Response(429), httpx.Response(500), httpx.ReadError("reset"), status(50)])
def test_one_call_is_one_request_whatever_comes_of_it(library: Library, script: Script, answer: object) -> None:
    script.on(f"POST {POST}", answer)

    def twice(speaker: mastodon.Mastodon) -> None:
        for _ in range(2):
            with suppress(mastodon.MastodonError):
                post(speaker)

    with suppress(NetworkError):
        library.do(twice, Act.WRITE)
    assert script.paths() == [POST]


def test_the_library_does_not_read_what_a_server_says(library: Library, script: Script) -> None:
    """A number of a million digits in place of a date keeps it busy for a minute."""

    seen: list[object] = []
    script.on(f"POST {POST}", status(50, created_at="1" * 1000))
    answer = library.do(lambda speaker: seen.append(post(speaker)))
    assert seen == [{}]
    assert json.loads(answer.body)["id"] == "50"


def test_an_answer_without_end_is_left(library: Library, script: Script) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b" " * (BODY_LIMIT // 3)

    script.on(f"POST {POST}", lambda _: httpx.Response(200, content=endless()))
    with pytest.raises(Unreachable, match="larger than") as caught:
        library.do(post, Act.WRITE)
    assert caught.value.is_outcome_unknown


def test_a_mistake_of_ours_is_no_error_of_the_network(library: Library, script: Script) -> None:
    with pytest.raises(ValueError, match="visibility"):
        library.do(lambda speaker: speaker.status_post("Good morning", visibility="loud"))
    assert script.asked == []


def test_a_token_is_never_taken_for_the_name_of_a_file(api: Api, script: Script, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("other\nhttps://elsewhere.example\n")
    Library(api, token=str(tmp_path / "token")).do(post)
    assert script.asked[-1].headers["Authorization"] == f"Bearer {tmp_path / 'token'}"


def test_a_token_of_any_bytes_is_the_servers_to_refuse(api: Api, script: Script) -> None:
    Library(api, token=b"\xfft\xc3\xb6ken".decode(errors="surrogateescape")).do(post)  # as the environment gives it
    assert (b"Authorization", b"Bearer \xfft\xc3\xb6ken") in script.asked[-1].headers.raw


def test_a_call_without_a_token_says_none(api: Api, script: Script) -> None:
    Library(api).do(post)
    assert "Authorization" not in script.asked[-1].headers


# ---- signing in --------------------------------------------------------------------------------------------------------


@pytest.fixture
def door(script: Script) -> MastodonSignIn:
    endpoints = ("authorization_endpoint", "token_endpoint", "revocation_endpoint")
    elsewhere = dict.fromkeys(endpoints, "https://elsewhere.example/oauth")
    script.on("/.well-known/oauth-authorization-server", {"code_challenge_methods_supported": ["S256"], **elsewhere})
    script.on("/api/v1/apps", {"client_id": "us", "client_secret": "hidden"})
    script.on("/oauth/token", {"access_token": "t", "scope": "read:accounts write:statuses"}).on("/oauth/revoke", {})
    return MastodonSignIn(SERVER, user_agent="shareasm/1", now=lambda: NOW, transport=script.transport)


def test_signing_in_goes_to_the_server_of_the_plan_alone(door: MastodonSignIn, script: Script) -> None:
    """Whatever other addresses it gives."""
    application = door.register(may_change_profile=False)
    invitation = door.invite(application)
    grant = door.redeem(application, invitation, "code")
    door.revoke(application, grant.token)
    assert invitation.address.startswith(f"{SERVER}/oauth/authorize?")
    assert {request.url.host for request in script.asked} == {"mastodon.example"}
    assert script.paths()[-2:] == ["/oauth/token", "/oauth/revoke"]


def test_the_proof_of_possession_goes_both_ways(door: MastodonSignIn, script: Script) -> None:
    application = door.register(may_change_profile=False)
    invitation = door.invite(application)
    door.redeem(application, invitation, "code")
    asked = dict(parse_qsl(urlsplit(invitation.address).query))
    assert asked.pop("code_challenge")
    assert asked == {
        "client_id": "us",
        "redirect_uri": "urn:ietf:wg:oauth:2.0:oob",
        "response_type": "code",
        "scope": " ".join(application.scopes),
        "force_login": "True",
        "code_challenge_method": "S256",
    }
    assert fields(script.asked[-1]) == {
        "client_id": ["us"],
        "client_secret": ["hidden"],
        "grant_type": ["authorization_code"],
        "redirect_uri": ["urn:ietf:wg:oauth:2.0:oob"],
        "scope": [" ".join(application.scopes)],
        "code": ["code"],
        "code_verifier": [invitation.verifier],
    }


def test_a_grant_of_fewer_scopes_is_told_as_it_is(door: MastodonSignIn) -> None:
    application = door.register(may_change_profile=False)
    grant = door.redeem(application, door.invite(application), "code")
    assert grant.scopes == ("read:accounts", "write:statuses")


@pytest.mark.parametrize(
    "call",
    [
        lambda door, application: door.register(may_change_profile=False),
        lambda door, application: door.redeem(application, door.invite(application), "code"),
        lambda door, application: door.revoke(application, "t"),
    ],
)
@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"[" * 100_000])
def test_an_odd_answer_to_a_sign_in_is_unreadable(
    door: MastodonSignIn, script: Script, call: Callable[[MastodonSignIn, object], object], body: bytes
) -> None:
    application = door.register(may_change_profile=False)
    for path in ("/api/v1/apps", "/oauth/token", "/oauth/revoke"):
        script.on(path, httpx.Response(200, content=body))
    with pytest.raises(Unreachable, match="not readable"):
        call(door, application)
