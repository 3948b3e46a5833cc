"""A post of ours is found by the address that a person copied, whatever page they copied it from; nobody else's is taken."""

import json

import httpx
import pytest

from networks.bluesky_pds import DID, FakePds, cid, error
from networks.bluesky_pds import NOW as SKY_NOW
from networks.bluesky_pds import URL as PDS
from networks.mastodon_fakes import NOW, SERVER, Script, status
from shareasm.domain.posts import Network, PostRef
from shareasm.errors import ConfigError, Rejected, Unauthorized, Unreachable
from shareasm.networks.bluesky.adopting import BlueskyFinder
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.session import Session
from shareasm.networks.mastodon.adopting import MastodonFinder

OURS = "https://bsky.app/profile/iied.example/post/3lb2cabcdefgh"
RECORD: dict[str, object] = {"$type": "app.bsky.feed.post", "text": "Good morning #shareASM"}


# ---- Mastodon ----------------------------------------------------------------------------------------------------------


def mastodon(script: Script) -> MastodonFinder:
    script.on("/api/v1/accounts/verify_credentials", {"id": "1", "acct": "amina"})
    return MastodonFinder(SERVER, "token", user_agent="shareasm", now=lambda: NOW, transport=script.transport)


@pytest.mark.parametrize("url", [f"{SERVER}/@amina/7", f"{SERVER}/@amina/7/", f"{SERVER}/users/amina/statuses/7"])
def test_a_page_of_our_own_server_is_known_by_its_number(url: str) -> None:
    script = Script().on("/api/v1/statuses/7", status(7))
    receipt, text = mastodon(script).find_at(url)
    assert text == "Voice 7 #shareASM"
    assert receipt.ref == PostRef(Network.MASTODON, f"{SERVER}/users/amina/statuses/7")
    assert (receipt.url, receipt.local_id, receipt.visibility) == (f"{SERVER}/@amina/7", "7", "public")
    assert "/api/v2/search" not in script.paths()


def test_a_page_of_another_server_is_resolved_by_search() -> None:
    script = Script().on("/api/v2/search", {"statuses": [status(7)]})
    assert mastodon(script).find_at("https://other.example/@amina@mastodon.example/99").receipt.local_id == "7"
    [asked] = [request for request in script.asked if request.url.path == "/api/v2/search"]
    assert asked.url.params["resolve"] == "true"


@pytest.mark.parametrize("script", [Script(), Script().on("/api/v2/search", {"statuses": []})], ids=["none", "empty"])
def test_what_the_server_does_not_know_is_refused(script: Script) -> None:
    with pytest.raises(Rejected, match="there is no such post"):
        mastodon(script).find_at(f"{SERVER}/@amina/7")


def test_a_post_of_somebody_else_on_our_server_is_refused() -> None:
    theirs = status(7, account={"id": "2", "acct": "bakari", "url": f"{SERVER}/@bakari"})
    with pytest.raises(Rejected, match="not by our account"):
        mastodon(Script().on("/api/v1/statuses/7", theirs)).find_at(f"{SERVER}/@bakari/7")


@pytest.mark.parametrize(
    ("path", "answer"),
    [("/api/v1/statuses/7", {"id": "7"}), ("/api/v1/statuses/7", [1]), ("/api/v2/search", {"statuses": 1})],
)
def test_an_answer_that_is_none_is_said_to_be_unreadable(path: str, answer: object) -> None:
    with pytest.raises(Unreachable, match="not readable"):
        mastodon(Script().on(path, answer)).find_at(f"{SERVER}/@amina/7")


@pytest.mark.parametrize("url", ["welcome", "at://did:plc:a/app.bsky.feed.post/3k", "ftp://a.example/1", "https://["])
def test_what_is_no_address_of_a_mastodon_post_is_a_persons_mistake(url: str) -> None:
    with pytest.raises(ConfigError, match="is no address of a post"):
        mastodon(Script()).find_at(url)


# ---- Bluesky -----------------------------------------------------------------------------------------------------------


def bluesky(pds: FakePds) -> BlueskyFinder:
    pds.records["app.bsky.feed.post", "3lb2cabcdefgh"] = RECORD
    session = Session(
        PDS,
        "iied.example",
        lambda: pds.password,
        load=lambda: None,
        save=lambda _: None,
        now=lambda: SKY_NOW,
        transport=pds.transport,
    )
    return BlueskyFinder(Server(PDS, now=lambda: SKY_NOW, session=session, transport=pds.transport))


@pytest.mark.parametrize(
    "url",
    [
        f"https://bsky.app/profile/{DID}/post/3lb2cabcdefgh",
        f"https://other-app.example/profile/{DID}/post/3lb2cabcdefgh?ref=share",
        f"at://{DID}/app.bsky.feed.post/3lb2cabcdefgh",
    ],
)
def test_a_page_of_any_app_names_the_account_and_the_key(url: str) -> None:
    receipt, text = bluesky(FakePds()).find_at(url)
    assert text == RECORD["text"]
    assert receipt.ref == PostRef(Network.BLUESKY, f"at://{DID}/app.bsky.feed.post/3lb2cabcdefgh")
    assert (receipt.local_id, receipt.version) == ("3lb2cabcdefgh", cid(RECORD))


def test_a_handle_in_the_address_is_looked_up() -> None:
    class Knowing(FakePds):
        def resolveHandle(self, request: httpx.Request) -> httpx.Response:  # noqa: N802  the network's name
            return httpx.Response(200, json={"did": DID})

    assert bluesky(Knowing()).find_at(OURS).receipt.local_id == "3lb2cabcdefgh"


@pytest.mark.parametrize("whose", ["bakari.example", "nobody.example", "no handle"])
def test_a_post_of_another_account_is_refused(whose: str) -> None:
    with pytest.raises(Rejected, match="not by our account"):
        bluesky(FakePds()).find_at(f"https://bsky.app/profile/{whose}/post/3lb2cabcdefgh")


def test_a_post_that_is_not_there_is_refused() -> None:
    with pytest.raises(Rejected, match="there is no such post"):
        bluesky(FakePds()).find_at(f"at://{DID}/app.bsky.feed.post/3lb2czzzzzzzz")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(500, "InternalServerError"), Unreachable),
        (error(403, "Forbidden"), Unauthorized | Rejected),
        (httpx.Response(200, content=b"[]"), Unreachable),
        (httpx.Response(200, content=json.dumps({"uri": "at://x", "cid": "bafyreiaaaa"}).encode()), Unreachable),
    ],
)
def test_an_answer_that_says_nothing_of_the_post_is_an_error_of_ours(
    answer: httpx.Response, kind: type[Exception]
) -> None:
    pds = FakePds(plan=[("getRecord", answer)])
    with pytest.raises((Unreachable, Unauthorized, Rejected)) as caught:
        bluesky(pds).find_at(f"at://{DID}/app.bsky.feed.post/3lb2cabcdefgh")
    assert isinstance(caught.value, kind)


@pytest.mark.parametrize(
    "url", ["welcome", "https://bsky.app/profile/iied.example", f"at://{DID}/app.bsky.feed.like/3k", "https://["]
)
def test_what_is_no_address_of_a_bluesky_post_is_a_persons_mistake(url: str) -> None:
    with pytest.raises(ConfigError, match="is no address of a post"):
        bluesky(FakePds()).find_at(url)
