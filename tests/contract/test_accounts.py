"""What a server says of an account of ours before the day, and how a person lets us in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from contract.bench import CLOCK
from contract.mastodon_bench import AGENT
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import Receipt
from shareasm.errors import NetworkError, RateLimited, Rejected, Unauthorized, Unreachable
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.probe import BlueskyProbe
from shareasm.networks.bluesky.session import Session
from shareasm.networks.mastodon.oauth import MastodonSignIn
from shareasm.networks.mastodon.probe import MastodonProbe
from shareasm.rehearsal.bluesky import StandInBluesky
from shareasm.rehearsal.faults import Fault
from shareasm.rehearsal.mastodon import Flavour, MastodonServer, Person

NARROW = "read:accounts read:statuses write:media write:statuses"


@dataclass
class Mastodon:
    """A server with our account on it."""

    server: MastodonServer
    ours: Person

    def probe(self, token: str | None = None) -> MastodonProbe:
        return MastodonProbe(self.server.url, lambda: token or self.ours.token, user_agent=AGENT, now=CLOCK.now)

    def sign_in(self) -> MastodonSignIn:
        return MastodonSignIn(self.server.url, user_agent=AGENT, now=CLOCK.now)


@pytest.fixture(params=Flavour)
def any_mastodon(request: pytest.FixtureRequest) -> Iterator[Mastodon]:
    with MastodonServer(CLOCK, flavour=request.param) as server:
        yield Mastodon(server, server.account("iied", "IIED"))


@pytest.fixture
def mastodon() -> Iterator[Mastodon]:
    with MastodonServer(CLOCK) as server:
        yield Mastodon(server, server.account("iied", "IIED"))


# ---- looking an account over: Mastodon ---------------------------------------------------------------------------------


def test_every_server_says_whose_token_it_is_and_what_it_takes(any_mastodon: Mastodon) -> None:
    facts = any_mastodon.probe().examine()
    rules = any_mastodon.server.instance.rules
    assert facts.handle == any_mastodon.ours.handle
    assert facts.is_account(any_mastodon.ours.handle)
    assert not facts.is_account("bakari@elsewhere.example")
    assert facts.software == rules.software
    assert facts.limits.text_length == rules.max_characters_said
    assert facts.missing_scopes == ()
    assert facts.is_marked_automated is False
    assert facts.can_delete == rules.can_delete


def test_looking_an_account_over_changes_nothing(any_mastodon: Mastodon) -> None:
    said = any_mastodon.server.say(
        any_mastodon.ours, "Here before", media=[(_dot(), "two fields")], visibility="public"
    )
    any_mastodon.probe().examine()
    (kept,) = any_mastodon.server.statuses()
    assert (kept["uri"], kept["text"], kept["edited_at"]) == (said["uri"], "Here before", None)


def _dot() -> bytes:
    from contract.bench import PICTURES

    return (PICTURES / "dot.png").read_bytes()


@pytest.mark.parametrize(
    "missing", [(), *[(scope,) for scope in NARROW.split()[1:]], ("write:media", "write:statuses")]
)
def test_what_a_token_may_not_do_is_named(mastodon: Mastodon, missing: tuple[str, ...]) -> None:
    scopes = " ".join(scope for scope in NARROW.split() if scope not in missing)
    token = mastodon.server.token(mastodon.ours, scopes)
    assert mastodon.probe(token).examine().missing_scopes == missing


def test_a_token_that_may_not_even_say_whose_it_is_is_refused(mastodon: Mastodon) -> None:
    token = mastodon.server.token(mastodon.ours, "read:statuses write:statuses")
    with pytest.raises(Unauthorized, match="scopes"):
        mastodon.probe(token).examine()


def test_a_revoked_token_is_refused(any_mastodon: Mastodon) -> None:
    any_mastodon.server.revoke(any_mastodon.ours.token)
    with pytest.raises(Unauthorized):
        any_mastodon.probe().examine()


def test_what_is_left_of_the_limit_is_told(mastodon: Mastodon) -> None:
    first = mastodon.probe().examine()
    second = mastodon.probe().examine()
    assert first.calls_left is not None
    assert second.calls_left is not None
    assert second.calls_left < first.calls_left < 300
    assert first.calls_renew_at is not None
    assert timedelta(0) <= first.calls_renew_at - CLOCK.now() <= timedelta(minutes=5)


@pytest.mark.parametrize("ahead_s", [0, 45, -3600])
def test_a_servers_clock_is_compared_with_ours(ahead_s: int) -> None:
    class Ahead(type(CLOCK)):  # type: ignore[misc]
        def now(self) -> object:
            return CLOCK.now() + timedelta(seconds=ahead_s)

    with MastodonServer(Ahead()) as server:
        facts = Mastodon(server, server.account("iied", "IIED")).probe().examine()
    assert facts.clock_ahead_s == pytest.approx(ahead_s, abs=1.5)


def test_an_account_can_be_marked_as_written_by_a_program(any_mastodon: Mastodon) -> None:
    any_mastodon.probe().mark_automated()
    assert any_mastodon.probe().examine().is_marked_automated is True


def test_marking_without_the_scope_says_so(mastodon: Mastodon) -> None:
    with pytest.raises(Unauthorized):
        mastodon.probe(mastodon.server.token(mastodon.ours, NARROW)).mark_automated()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.RESET_BEFORE, Unreachable),
        (Fault.CUT, Unreachable),
        (Fault.HTML, Unreachable),
        (Fault.RATE_LIMITED, RateLimited),
        (Fault.UNAVAILABLE_BEFORE, Unreachable),
    ],
)
def test_whatever_goes_wrong_is_one_of_our_errors(mastodon: Mastodon, fault: Fault, error: type[NetworkError]) -> None:
    mastodon.server.faults.add(fault, "GET", "/api/v1/accounts/verify_credentials")
    with pytest.raises(error) as caught:
        mastodon.probe().examine()
    assert mastodon.ours.token not in f"{caught.value}{caught.value!r}"


@pytest.mark.parametrize("token", ["PLANTED\nline", "PLANTED\r\nX-A: b", "PLANTED…", "PLANTED\0"])
def test_a_token_that_breaks_the_header_is_not_shown(mastodon: Mastodon, token: str) -> None:
    with pytest.raises(NetworkError) as caught:
        mastodon.probe(token).examine()
    assert "PLANT" not in f"{caught.value}{caught.value!r}{caught.value.args}"


# ---- letting us in: Mastodon -------------------------------------------------------------------------------------------


def test_a_code_becomes_a_token_of_the_person_who_read_it_off(any_mastodon: Mastodon) -> None:
    door = any_mastodon.sign_in()
    application = door.register(may_change_profile=False)
    invitation = door.invite(application)
    code = any_mastodon.server.authorize(any_mastodon.ours, invitation.address)
    grant = door.redeem(application, invitation, code)
    facts = any_mastodon.probe(grant.token).examine()
    assert (facts.handle, facts.missing_scopes) == (any_mastodon.ours.handle, ())
    assert set(grant.scopes) == set(application.scopes)


def test_no_more_is_asked_for_than_is_needed(mastodon: Mastodon) -> None:
    assert mastodon.sign_in().register(may_change_profile=False).scopes == tuple(NARROW.split())
    assert "write:accounts" in mastodon.sign_in().register(may_change_profile=True).scopes


@pytest.mark.parametrize("flavour", [Flavour.SNAC, Flavour.TAKAHE, Flavour.PIXELFED, Flavour.PLEROMA])
def test_a_server_that_knows_no_narrow_scopes_is_asked_for_wide_ones(flavour: Flavour) -> None:
    with MastodonServer(CLOCK, flavour=flavour) as server:
        door = MastodonSignIn(server.url, user_agent=AGENT, now=CLOCK.now)
        assert door.register(may_change_profile=True).scopes == ("read", "write")


def test_a_code_is_good_once_and_for_whoever_asked_for_it(mastodon: Mastodon) -> None:
    door = mastodon.sign_in()
    application = door.register(may_change_profile=False)
    invitation, other = door.invite(application), door.invite(application)
    assert invitation.verifier
    code = mastodon.server.authorize(mastodon.ours, invitation.address)
    with pytest.raises(Rejected, match="begin again"):
        door.redeem(application, other, code)  # a stranger who saw the code, but not our secret half
    door.redeem(application, invitation, code)
    with pytest.raises(Rejected, match="begin again") as caught:
        door.redeem(application, invitation, code)
    assert code not in str(caught.value)


def test_a_server_without_proof_of_possession_is_asked_without() -> None:
    with MastodonServer(CLOCK, version="4.2.10") as server:
        door = MastodonSignIn(server.url, user_agent=AGENT, now=CLOCK.now)
        assert door.invite(door.register(may_change_profile=False)).verifier is None


def test_a_token_that_is_given_back_is_good_for_nothing(mastodon: Mastodon) -> None:
    door = mastodon.sign_in()
    application = door.register(may_change_profile=False)
    invitation = door.invite(application)
    grant = door.redeem(application, invitation, mastodon.server.authorize(mastodon.ours, invitation.address))
    door.revoke(application, grant.token)
    with pytest.raises(Unauthorized):
        mastodon.probe(grant.token).examine()


def test_a_server_where_no_program_can_register_leads_to_the_settings(mastodon: Mastodon) -> None:
    mastodon.server.faults.add(Fault.RATE_LIMITED, "POST", "/api/v1/apps")
    with pytest.raises(RateLimited):
        mastodon.sign_in().register(may_change_profile=False)
    nowhere = MastodonSignIn(f"{mastodon.server.url}/nowhere", user_agent=AGENT, now=CLOCK.now)
    with pytest.raises(Rejected, match="token in the settings"):
        nowhere.register(may_change_profile=False)


def test_secrets_are_in_no_repr(mastodon: Mastodon) -> None:
    door = mastodon.sign_in()
    application = door.register(may_change_profile=False)
    invitation = door.invite(application)
    grant = door.redeem(application, invitation, mastodon.server.authorize(mastodon.ours, invitation.address))
    shown = f"{door!r}{application!r}{invitation!r}{grant!r}"
    for secret in (application.client_secret, invitation.verifier, grant.token):
        assert secret
        assert secret not in shown


# ---- looking an account over: Bluesky ----------------------------------------------------------------------------------


@pytest.fixture
def standin() -> Iterator[StandInBluesky]:
    with StandInBluesky(CLOCK) as network:
        yield network


@pytest.fixture
def signed_in(standin: StandInBluesky) -> Iterator[Callable[..., BlueskyProbe]]:
    servers: list[Server] = []

    def probe(handle: str, password: str, **keeping: object) -> BlueskyProbe:
        kept: dict[str, Callable[..., object]] = {"load": lambda: None, "save": lambda _: None, **keeping}  # type: ignore[dict-item]
        session = Session(standin.pds_url, handle, lambda: password, now=CLOCK.now, **kept)  # type: ignore[arg-type]
        servers.append(Server(standin.pds_url, now=CLOCK.now, session=session))
        return BlueskyProbe(servers[-1], wait=lambda _: None)

    yield probe
    for server in servers:
        server.close()


def test_a_bluesky_account_says_who_it_is(standin: StandInBluesky, signed_in: Callable[..., BlueskyProbe]) -> None:
    ours = standin.account("iied.test", "IIED")
    facts = signed_in(ours.handle, ours.password).examine()
    assert (facts.handle, facts.software, facts.is_account("iied.test")) == ("iied.test", "bluesky", True)
    assert not facts.is_account("amina.test")
    assert facts.calls_left is not None
    assert 2900 < facts.calls_left < 3000
    assert facts.clock_ahead_s == pytest.approx(0, abs=1.5)
    assert (facts.is_marked_automated, facts.has_main_password) == (False, False)


def test_the_accounts_own_password_is_noticed(standin: StandInBluesky, signed_in: Callable[..., BlueskyProbe]) -> None:
    standin.account("iied.test", "IIED")
    assert signed_in("iied.test", "master of iied.test").examine().has_main_password


def test_a_stored_session_is_used_and_no_sign_in_made(
    standin: StandInBluesky, signed_in: Callable[..., BlueskyProbe]
) -> None:
    ours = standin.account("iied.test", "IIED")
    kept: list[str] = []
    signed_in(ours.handle, ours.password, save=kept.append).examine()
    standin.pds_faults.add(Fault.UNAVAILABLE_BEFORE, "POST", "/xrpc/com.atproto.server.createSession")
    assert signed_in(ours.handle, ours.password, load=lambda: kept[-1]).examine().handle == ours.handle


def test_a_wrong_app_password_is_refused(standin: StandInBluesky, signed_in: Callable[..., BlueskyProbe]) -> None:
    standin.account("iied.test", "IIED")
    with pytest.raises(Unauthorized) as caught:
        signed_in("iied.test", "plan-tedd-pass-word").examine()
    assert "plan-tedd" not in f"{caught.value}{caught.value!r}"


def test_a_post_is_read_where_a_self_hosted_network_shows_it(standin: StandInBluesky) -> None:
    ours = standin.account("iied.test", "IIED")
    uri = standin.say(ours, "Here #shareASM")
    receipt = Receipt(PostRef(Network.BLUESKY, uri), None, uri.rpartition("/")[2])
    session = Session(
        standin.pds_url, ours.handle, lambda: ours.password, load=lambda: None, save=lambda _: None, now=CLOCK.now
    )
    pds, appview = Server(standin.pds_url, now=CLOCK.now, session=session), Server(standin.appview_url, now=CLOCK.now)
    standin.pds_faults.add(Fault.UNAVAILABLE_BEFORE, "GET", "/xrpc/app.bsky.feed.getPosts")
    post = BlueskyProbe(pds, appview=appview, wait=lambda _: None).read_back(receipt)
    assert post is not None
    assert post.text == "Here #shareASM"
    standin.delete(uri)
    assert BlueskyProbe(pds, appview=appview, wait=lambda _: None).read_back(receipt) is None


def test_the_bot_label_joins_what_the_profile_says(
    standin: StandInBluesky, signed_in: Callable[..., BlueskyProbe]
) -> None:
    ours = standin.account("iied.test", "IIED", bio="Mining and people", labels=["!no-unauthenticated"])
    probe = signed_in(ours.handle, ours.password)
    for _ in range(2):
        probe.mark_automated()
        assert probe.examine().is_marked_automated
    profile = probe._profile()
    assert profile is not None
    assert (profile.value["displayName"], profile.value["description"]) == ("IIED", "Mining and people")
    assert profile.value["labels"] == {
        "$type": "com.atproto.label.defs#selfLabels",
        "values": [{"val": "!no-unauthenticated"}, {"val": "bot"}],
    }
