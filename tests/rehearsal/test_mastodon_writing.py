"""What a stand-in Mastodon lets people write, and what it refuses in which words (platform facts 2.1 to 2.7)."""

from collections.abc import Iterator
from typing import Any

import pytest

from mastodon_bench import FILM, STATUSES, Bench, picture, running
from shareasm.rehearsal.mastodon import Idempotency


@pytest.fixture(scope="module")
def _bench() -> Iterator[Bench]:
    with running() as bench:
        yield bench


@pytest.fixture
def bench(_bench: Bench) -> Bench:
    _bench.reset()
    return _bench


def _said(bench: Bench) -> list[str]:
    return [str(status["text"]) for status in bench.server.statuses()]


# ---- posting -------------------------------------------------------------------------------------------------------------


def test_a_status_keeps_what_it_was_posted_with(bench: Bench) -> None:
    media = bench.upload(description="A pit").json()
    answer = bench.post(
        "Hello #shareASM", spoiler_text="mining", language="sw", visibility="unlisted", media_ids=[media["id"]]
    )
    status = answer.json()
    assert answer.status_code == 200
    assert (status["spoiler_text"], status["language"], status["visibility"]) == ("mining", "sw", "unlisted")
    assert status["sensitive"] is True  # forced by the warning
    assert status["media_attachments"][0]["description"] == "A pit"


@pytest.mark.parametrize("body", ["form", "json", "multipart"])
def test_every_form_of_a_request_says_the_same(bench: Bench, body: str) -> None:
    headers = {"Authorization": f"Bearer {bench.amina.token}"}
    said: dict[str, Any] = {
        "form": {"data": {"status": "which?", "poll[options][]": ["gold", "tin"], "poll[expires_in]": "600"}},
        "json": {"json": {"status": "which?", "poll": {"options": ["gold", "tin"], "expires_in": 600}}},
        "multipart": {
            "files": [
                ("status", (None, "which?")),
                ("poll[options][]", (None, "gold")),
                ("poll[options][]", (None, "tin")),
                ("poll[expires_in]", (None, "600")),
            ]
        },
    }
    status = bench.http.post(STATUSES, headers=headers, **said[body]).json()
    assert [option["title"] for option in status["poll"]["options"]] == ["gold", "tin"]


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 422, "Validation failed: Text can't be blank"),
        ({"status": " \n"}, 422, "Validation failed: Text can't be blank"),
        ({"status": "x" * 501}, 422, "Validation failed: Text character limit of 500 exceeded"),
        (
            {"status": "x" * 490, "spoiler_text": "y" * 11},
            422,
            "Validation failed: Text character limit of 500 exceeded",
        ),
        ({"status": "x", "visibility": "secret"}, 422, "Validation failed: Visibility is not included in the list"),
        ({"status": "x", "in_reply_to_id": "1"}, 404, "Record not found"),
        (
            {"status": "x", "media_ids": ["1"]},
            422,
            "Validation failed: Media 1 not found or already attached to another post",
        ),
        ({"status": "x", "media_ids": list("12345")}, 422, "Validation failed: Cannot attach more than 4 files"),
        ({"status": "x", "quoted_status_id": "1"}, 404, "The post you are trying to quote does not appear to exist."),
    ],
)
def test_what_does_not_hold_is_refused_in_mastodons_words(
    bench: Bench, form: dict[str, Any], status: int, error: str
) -> None:
    answer = bench.post(**form)
    assert (answer.status_code, answer.json()) == (status, {"error": error})
    assert _said(bench) == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("x" * 500, 500),
        ("👩🏿‍🏭" * 500, 500),  # graphemes, not code points
        ("x" * 476 + " https://example.org/" + "y" * 400, 500),  # an address counts 23
        ("x" * 491 + " @bakari@" + "long.example" * 8, 499),  # a mention counts without its server
        ("x" * 478 + " https://mine.example/", 500),  # no known top-level domain, so it counts in full
    ],
)
def test_length_is_counted_as_mastodon_counts(bench: Bench, text: str, count: int) -> None:
    assert bench.post(text).status_code == 200
    assert bench.post("x" * (501 - count) + text).status_code == 422


def test_a_picture_needs_no_words(bench: Bench) -> None:
    media = bench.upload().json()
    assert bench.post(media_ids=[media["id"]]).status_code == 200


@pytest.mark.parametrize(("said", "kept"), [("fr", "fr"), (None, "en"), ("klingonese!", "en"), ("pt-BR", "pt-BR")])
def test_a_language_that_is_none_becomes_the_accounts(bench: Bench, said: str | None, kept: str) -> None:
    assert bench.post("x", language=said).json()["language"] == kept


def test_a_limited_account_is_unlisted_without_a_word(bench: Bench) -> None:
    bench.server.change(bench.amina, is_silenced=True)
    assert bench.post("x #shareASM", visibility="public").json()["visibility"] == "unlisted"


def test_an_unexpected_mention_can_be_refused(bench: Bench) -> None:
    answer = bench.http.post(
        STATUSES,
        json={"status": "@bakari hi", "allowed_mentions": [bench.amina.id]},
        headers={"Authorization": f"Bearer {bench.amina.token}"},
    )
    assert answer.status_code == 422
    assert answer.json()["unexpected_accounts"] == [{"id": bench.bakari.id, "acct": "bakari"}]


@pytest.mark.parametrize(("minutes", "status"), [(4, 422), (6, 200)])
def test_scheduling_needs_five_minutes(bench: Bench, minutes: int, status: int) -> None:
    at = bench.clock.now().replace(minute=minutes).isoformat()
    answer = bench.post("later", scheduled_at=at)
    assert answer.status_code == status
    assert _said(bench) == []
    assert status == 422 or set(answer.json()) >= {"id", "scheduled_at", "params"}


# ---- who may write -------------------------------------------------------------------------------------------------------


def test_writing_needs_a_user_with_the_scope(bench: Bench) -> None:
    reader, application = bench.server.token(bench.amina, "read"), bench.server.token(None, "read write")
    assert bench.post("x", token="").status_code == 401
    assert bench.post("x", token="nonsense").json() == {"error": "The access token is invalid"}
    assert bench.post("x", token=reader).json() == {"error": "This action is outside the authorized scopes"}
    assert bench.post("x", token=application).json() == {"error": "This method requires an authenticated user"}
    assert [bench.post("x", token=token).status_code for token in (reader, application)] == [403, 422]
    assert _said(bench) == []


def test_a_revoked_token_is_refused(bench: Bench) -> None:
    bench.server.revoke(bench.amina.token)
    answer = bench.post("x")
    assert (answer.status_code, answer.json()) == (401, {"error": "The access token was revoked"})


def test_an_application_revokes_its_tokens_over_http(bench: Bench) -> None:
    form = {"client_id": "client-0", "client_secret": "secret-0", "token": bench.amina.token}
    assert bench.http.post("/oauth/revoke", data=form | {"client_secret": "no"}).status_code == 401
    assert bench.http.post("/oauth/revoke", data=form).json() == {}
    assert bench.post("x").status_code == 401


def test_the_password_grant_is_gone(bench: Bench) -> None:
    form = {"client_id": "client-0", "client_secret": "secret-0", "username": "amina", "password": "x"}
    answer = bench.http.post("/oauth/token", data=form | {"grant_type": "password"})
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    token = bench.http.post("/oauth/token", data=form | {"grant_type": "client_credentials", "scope": "read"}).json()
    assert bench.get("/api/v1/apps/verify_credentials", token["access_token"]).json()["name"] == "Rehearsal"


def test_the_account_behind_a_token_can_be_asked(bench: Bench) -> None:
    me = bench.get("/api/v1/accounts/verify_credentials", bench.server.token(bench.amina, "read:accounts")).json()
    assert (me["id"], me["acct"], me["source"]["privacy"]) == (bench.amina.id, "amina", "public")
    assert bench.get("/api/v1/accounts/verify_credentials").status_code == 401
    assert bench.get("/api/v1/accounts/verify_credentials", bench.server.token(bench.amina, "write")).status_code == 403


# ---- the same key twice ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "how"),
    [
        ("4.5.15", Idempotency.FIRST_STATUS),
        ("4.6.0", Idempotency.ERROR),
        ("4.6.5", Idempotency.ERROR),
        ("4.7.1", Idempotency.ERROR),
        ("4.7.2", Idempotency.FIRST_STATUS),
    ],
)
def test_a_version_decides_what_a_known_key_does(version: str, how: Idempotency) -> None:
    with running(version=version) as bench:
        first, second = bench.post("hello", key="k"), bench.post("other words", key="k")
        assert bench.get("/api/v2/instance").json()["version"] == version
        assert first.status_code == 200
        assert _said(bench) == ["hello"]
        if how is Idempotency.ERROR:
            assert second.status_code == 500
        else:
            assert second.json()["id"] == first.json()["id"]


def test_a_key_lives_an_hour_and_belongs_to_its_account(bench: Bench) -> None:
    first = bench.post("hello", key="k").json()
    assert bench.post("hello", token=bench.bakari.token, key="k").json()["id"] != first["id"]
    bench.clock.advance(minutes=59)
    assert bench.post("hello", key="k").json()["id"] == first["id"]
    bench.clock.advance(minutes=2)
    assert bench.post("hello", key="k").json()["id"] != first["id"]


def test_a_deleted_first_status_makes_the_repetition_404(bench: Bench) -> None:
    bench.server.delete(bench.post("hello", key="k").json())
    assert bench.post("hello", key="k").status_code == 404


def test_a_server_that_died_too_early_has_lost_the_key(bench: Bench) -> None:
    bench.post("hello", key="k")
    bench.server.forget_keys()
    bench.post("hello", key="k")
    assert _said(bench) == ["hello", "hello"]


def test_a_refused_request_does_not_burn_its_key(bench: Bench) -> None:
    assert bench.post("", key="k").status_code == 422
    assert bench.post("hello", key="k").status_code == 200


# ---- changing and deleting -------------------------------------------------------------------------------------------------


def _edit(bench: Bench, id_: str, token: str | None = None, **form: Any) -> Any:
    headers = {"Authorization": f"Bearer {token or bench.amina.token}"}
    return bench.http.put(f"{STATUSES}/{id_}", data=form, headers=headers)


def test_an_edit_keeps_the_id_and_the_history(bench: Bench) -> None:
    said = bench.post("Helo #shareASM").json()
    bench.clock.advance(minutes=1)
    edited = _edit(bench, said["id"], status="Hello #shareASM").json()
    assert (edited["id"], edited["created_at"]) == (said["id"], said["created_at"])
    assert edited["edited_at"] == "2027-02-03T09:01:00.000Z"
    history = bench.get(f"{STATUSES}/{said['id']}/history").json()
    assert ["Helo" in history[0]["content"], "Hello" in history[1]["content"]] == [True, True]


def test_an_edit_that_changes_nothing_is_swallowed(bench: Bench) -> None:
    said = bench.post("Hello").json()
    assert _edit(bench, said["id"], status="Hello").json()["edited_at"] is None


def test_an_edit_can_change_a_description_alone(bench: Bench) -> None:
    media = bench.upload().json()
    said = bench.post("Hello", media_ids=[media["id"]]).json()
    edited = bench.http.put(
        f"{STATUSES}/{said['id']}",
        json={
            "status": "Hello",
            "media_ids": [media["id"]],
            "media_attributes": [{"id": media["id"], "description": "A pit", "focus": "0.5,-0.5"}],
        },
        headers={"Authorization": f"Bearer {bench.amina.token}"},
    ).json()
    assert edited["media_attachments"][0]["description"] == "A pit"
    assert edited["media_attachments"][0]["meta"]["focus"] == {"x": 0.5, "y": -0.5}
    assert edited["edited_at"] is not None


def test_an_edit_drops_what_it_does_not_name_again(bench: Bench) -> None:
    poll: dict[str, Any] = {"poll[options]": ["gold", "tin"], "poll[expires_in]": "600"}
    said = bench.post("Hello", media_ids=[bench.upload().json()["id"]], **poll).json()
    bench.server.vote(bench.bakari, said, 1)
    form: dict[str, Any] = {"poll[options][]": ["gold", "tin"], "poll[expires_in]": "600"}
    kept = _edit(bench, said["id"], status="Hello again", **form).json()
    assert (kept["media_attachments"], kept["poll"]["votes_count"]) == ([], 1)
    changed = _edit(bench, said["id"], status="Hello again", **form | {"poll[options][]": ["gold", "zinc"]}).json()
    assert changed["poll"]["votes_count"] == 0
    assert _edit(bench, said["id"], status="Hello at last").json()["poll"] is None


def test_only_the_author_changes_and_deletes(bench: Bench) -> None:
    said = bench.post("Hello").json()
    headers = {"Authorization": f"Bearer {bench.bakari.token}"}
    assert _edit(bench, said["id"], bench.bakari.token, status="mine").status_code == 404
    assert bench.http.delete(f"{STATUSES}/{said['id']}", headers=headers).status_code == 404


def test_a_deletion_gives_the_words_back(bench: Bench) -> None:
    said = bench.post("Hello #shareASM").json()
    headers = {"Authorization": f"Bearer {bench.amina.token}"}
    assert bench.http.delete(f"{STATUSES}/{said['id']}", headers=headers).json()["text"] == "Hello #shareASM"
    assert bench.get(f"{STATUSES}/{said['id']}").status_code == 404
    assert bench.http.delete(f"{STATUSES}/{said['id']}", headers=headers).status_code == 404
    assert bench.tag() == []


def test_the_source_is_for_those_who_sign_in(bench: Bench) -> None:
    said = bench.post("Hello & #shareASM", spoiler_text="cw").json()
    source = bench.get(f"{STATUSES}/{said['id']}/source", bench.amina.token).json()
    assert source == {"id": said["id"], "text": "Hello & #shareASM", "spoiler_text": "cw"}
    assert bench.get(f"{STATUSES}/{said['id']}/source").status_code == 401


def test_the_files_of_a_deleted_status_wait_a_day_for_another(bench: Bench) -> None:
    headers = {"Authorization": f"Bearer {bench.amina.token}"}
    for query, status in ({}, 200), ({"delete_media": "true"}, 422):
        media = bench.upload().json()["id"]
        said = bench.post("Helo", media_ids=[media]).json()
        bench.http.delete(f"{STATUSES}/{said['id']}", params=query, headers=headers)
        assert bench.post("Hello", media_ids=[media]).status_code == status


def test_an_edit_of_the_same_poll_keeps_its_votes_and_moves_its_end(bench: Bench) -> None:
    form: dict[str, Any] = {"poll[options]": ["gold", "tin"], "poll[expires_in]": "3600"}
    said = bench.post("which?", **form).json()
    bench.server.vote(bench.bakari, said, 1)
    bench.clock.advance(minutes=10)
    again = {"poll[options][]": ["gold", "tin"], "poll[expires_in]": "3600"}
    poll = _edit(bench, said["id"], status="Which one?", **again).json()["poll"]
    assert poll["votes_count"] == 1
    assert (said["poll"]["expires_at"][11:16], poll["expires_at"][11:16]) == ("10:00", "10:10")


# ---- quotes --------------------------------------------------------------------------------------------------------------


def test_a_quote_shows_what_it_quotes(bench: Bench) -> None:
    quoted = bench.post("Good morning").json()
    status = bench.post("As we said", quoted_status_id=quoted["id"]).json()
    assert (status["quote"]["state"], status["quote"]["quoted_status"]["id"]) == ("accepted", quoted["id"])
    assert status["content"].startswith('<p class="quote-inline">RE: ')


@pytest.mark.parametrize(("policy", "is_open"), [("public", True), ("followers", False), ("nobody", False)])
def test_only_its_author_quotes_a_closed_status(bench: Bench, policy: str, *, is_open: bool) -> None:
    quoted = bench.post("Good morning", quote_approval_policy=policy).json()
    assert bench.post("mine", quoted_status_id=quoted["id"]).status_code == 200
    others = bench.post("yours", token=bench.bakari.token, quoted_status_id=quoted["id"])
    assert others.status_code == (200 if is_open else 404)
    seen = bench.get(f"{STATUSES}/{quoted['id']}", bench.bakari.token).json()
    assert seen["quote_approval"]["current_user"] == ("automatic" if is_open else "denied")


def test_an_edit_may_close_a_status_to_quotes(bench: Bench) -> None:
    quoted = bench.post("Good morning").json()
    _edit(bench, quoted["id"], status="Good morning", quote_approval_policy="nobody")
    assert bench.post("yours", token=bench.bakari.token, quoted_status_id=quoted["id"]).status_code == 404
    assert bench.post("x", quote_approval_policy="everyone").status_code == 422


@pytest.mark.parametrize(
    ("version", "number", "has_quotes"), [("4.4.22", 4, False), ("4.5.0", 7, True), ("4.6.5", 8, True)]
)
def test_quotes_came_with_45(version: str, number: int, *, has_quotes: bool) -> None:
    with running(version=version) as bench:
        assert bench.get("/api/v2/instance").json()["api_versions"] == {"mastodon": number}
        quoted = bench.post("Good morning").json()
        assert bool(bench.post("x", quoted_status_id=quoted["id"]).json()["quote"]) is has_quotes


# ---- files ---------------------------------------------------------------------------------------------------------------


def test_a_picture_is_ready_at_once_and_served(bench: Bench) -> None:
    answer = bench.upload(picture(64, 48), description="A pit", focus="0.1,-2")
    media = answer.json()
    assert (answer.status_code, media["type"], media["description"]) == (200, "image", "A pit")
    assert media["meta"]["original"] == {"width": 64, "height": 48, "size": "64x48", "aspect": 64 / 48}
    assert media["meta"]["focus"] == {"x": 0.1, "y": -1.0}
    served = bench.http.get(media["url"])
    assert (served.content, served.headers["content-type"]) == (picture(64, 48), "image/png")


def test_a_film_is_processed_first(bench: Bench) -> None:
    answer = bench.upload(FILM, "video/mp4")
    media = answer.json()
    assert (answer.status_code, media["url"]) == (202, None)
    assert bench.post("x", media_ids=[media["id"]]).status_code == 422
    asked = [bench.get(f"/api/v1/media/{media['id']}", bench.amina.token) for _ in range(2)]
    assert [(one.status_code, one.json()["url"] is None) for one in asked] == [(206, True), (200, False)]
    assert bench.post("x", media_ids=[media["id"]]).status_code == 200


def test_a_film_that_cannot_be_processed_is_said_when_asked(bench: Bench) -> None:
    bench.server.instance.fails_next_media = True
    media = bench.upload(FILM, "video/mp4").json()
    assert bench.get(f"/api/v1/media/{media['id']}", bench.amina.token).status_code == 422


def test_a_film_stands_alone(bench: Bench) -> None:
    bench.server.instance.slow_media_polls = 0
    ids = [bench.upload().json()["id"], bench.upload(FILM, "video/mp4").json()["id"]]
    bench.server.instance.slow_media_polls = 1
    assert "Cannot attach a video" in bench.post("x", media_ids=ids).json()["error"]


@pytest.mark.parametrize("data", [b"", b"<svg/>", picture()[:60]])
def test_what_is_no_picture_is_refused(bench: Bench, data: bytes) -> None:
    answer = bench.upload(data)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("Validation failed: File")


@pytest.mark.parametrize(("version", "limit"), [("4.5.15", 1_500), ("4.6.0", 10_000)])
def test_a_description_has_a_limit_that_is_told(version: str, limit: int) -> None:
    with running(version=version) as bench:
        told = bench.get("/api/v2/instance").json()["configuration"]["media_attachments"]["description_limit"]
        assert told == limit
        assert bench.upload(description="x" * limit).status_code == 200
        assert bench.upload(description="x" * (limit + 1)).status_code == 422


def test_a_file_hangs_on_one_status_of_its_owner(bench: Bench) -> None:
    media = bench.upload().json()
    assert bench.post("x", token=bench.bakari.token, media_ids=[media["id"]]).status_code == 422
    assert bench.post("x", media_ids=[media["id"]]).status_code == 200
    assert bench.post("y", media_ids=[media["id"]]).status_code == 422
    assert bench.get(f"/api/v1/media/{media['id']}", bench.amina.token).status_code == 404


def test_a_file_that_hangs_on_nothing_dies_after_a_day(bench: Bench) -> None:
    media = bench.upload().json()
    bench.clock.advance(hours=25)
    assert bench.post("x", media_ids=[media["id"]]).status_code == 422


def test_a_description_can_be_given_later(bench: Bench) -> None:
    media = bench.upload().json()
    headers = {"Authorization": f"Bearer {bench.amina.token}"}
    changed = bench.http.put(f"/api/v1/media/{media['id']}", data={"description": "A pit"}, headers=headers)
    assert changed.json()["description"] == "A pit"


# ---- polls ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "seconds", "status"),
    [
        (["a", "b"], 300, 200),
        (["a"], 300, 422),
        (list("abcde"), 300, 422),
        (["a", "b" * 51], 300, 422),
        (["a", "b"], 299, 422),
        (["a", "b"], 32 * 86_400, 422),
    ],
)
def test_polls_have_bounds(bench: Bench, options: list[str], seconds: int, status: int) -> None:
    form: dict[str, Any] = {"poll[options]": options, "poll[expires_in]": str(seconds)}
    answer = bench.post("which?", **form)
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"].startswith("Validation failed: ")


@pytest.mark.parametrize(
    ("headers", "body", "error"),
    [
        ({"Content-Type": "application/json"}, b"{", "There was a problem in the JSON you submitted"),
        ({"Content-Type": "application/json"}, b"[1]", "Bad Request"),
        ({"Content-Type": "multipart/form-data"}, b"no boundary", "Bad Request"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(bench: Bench, headers: dict[str, str], body: bytes, error: str) -> None:
    answer = bench.http.post(STATUSES, content=body, headers=headers | {"Authorization": f"Bearer {bench.amina.token}"})
    assert (answer.status_code, answer.json()) == (400, {"error": error})


@pytest.mark.parametrize(("version", "status"), [("4.5.15", 422), ("4.6.0", 200)])
def test_a_poll_with_a_picture_is_new_in_46(version: str, status: int) -> None:
    with running(version=version) as bench:
        form: dict[str, Any] = {
            "poll[options]": ["a", "b"],
            "poll[expires_in]": "300",
            "media_ids": [bench.upload().json()["id"]],
        }
        assert bench.post("which?", **form).status_code == status


def test_nobody_votes_twice_or_late(bench: Bench) -> None:
    form: dict[str, Any] = {"poll[options]": ["a", "b"], "poll[expires_in]": "300"}
    asked = bench.post("which?", **form).json()
    path = f"/api/v1/polls/{asked['poll']['id']}/votes"
    amina, bakari = ({"Authorization": f"Bearer {person.token}"} for person in (bench.amina, bench.bakari))
    assert bench.http.post(path, data={"choices[]": "1"}, headers=bakari).json()["own_votes"] == [1]
    assert bench.http.post(path, data={"choices[]": "0"}, headers=bakari).status_code == 422
    bench.clock.advance(minutes=6)
    assert bench.http.post(path, data={"choices[]": "0"}, headers=amina).status_code == 422
