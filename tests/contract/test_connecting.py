"""A person connects an account: its secret is tried and stored, or nothing is, and nothing secret is shown."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from contract.bench import CLOCK
from factories import campaign
from shareasm.accounts import Accounts
from shareasm.connect import account_to_connect, connect_bluesky, connect_mastodon
from shareasm.domain.campaigns import CampaignAccount
from shareasm.domain.posts import Network
from shareasm.errors import ConfigError, NetworkError, Rejected, StorageError, Unauthorized
from shareasm.networks.ports import AccountFacts
from shareasm.rehearsal.bluesky import StandInBluesky
from shareasm.rehearsal.faults import Fault
from shareasm.rehearsal.mastodon import Flavour, MastodonServer, Person
from shareasm.secret_files import write_secret
from shareasm.settings import TokenStore, read_settings


@dataclass
class Typing:
    """Somebody at the terminal: `answer` makes what they type of what they were told last."""

    answer: Callable[[str], str]
    says_yes: bool = True
    seen: list[str] = field(default_factory=list)

    def tell(self, words: str) -> None:
        self.seen.append(words)

    def ask(self, words: str, *, is_secret: bool) -> str:
        self.seen.append(words)
        return self.answer("\n".join(self.seen))

    def agrees(self, words: str) -> bool:
        self.seen.append(words)
        return self.says_yes

    @property
    def screen(self) -> str:
        return "\n".join(self.seen)


def files(store: TokenStore) -> list[str]:
    return sorted(file.name for file in store.folder.iterdir()) if store.folder.exists() else []


# ---- Mastodon ----------------------------------------------------------------------------------------------------------


@dataclass
class MastodonDesk:
    server: MastodonServer
    ours: Person
    account: CampaignAccount
    accounts: Accounts

    @property
    def store(self) -> TokenStore:
        return self.accounts.secrets

    def reading_off_as(self, person: Person, **how: bool) -> Typing:
        return Typing(lambda screen: f" {self.server.authorize(person, _address(screen))}\n", **how)

    def connect(self, person: Typing) -> AccountFacts:
        return connect_mastodon(
            self.account,
            self.store,
            self.accounts.sign_in(self.account),
            lambda token: self.accounts.try_token(self.account, token),
            person,
        )

    def tokens_in_use(self) -> list[str]:
        tokens = self.server.instance.tokens.values()
        return [token.text for token in tokens if token.text.startswith("user-") and not token.is_revoked]


def _address(screen: str) -> str:
    return next(line.strip() for line in reversed(screen.splitlines()) if "/oauth/authorize?" in line)


def _mastodon_desk(server: MastodonServer, tmp_path: Path, environment: dict[str, str]) -> MastodonDesk:
    ours = server.account("iied", "IIED")
    account = CampaignAccount("iied-mastodon", Network.MASTODON, server.url, ours.handle, ("en",))
    settings = read_settings({"SHAREASM_DATA": str(tmp_path), **environment})
    return MastodonDesk(server, ours, account, Accounts(campaign(accounts=(account,)), settings, CLOCK.now))


@pytest.fixture(params=[Flavour.MASTODON, Flavour.GOTOSOCIAL, Flavour.SNAC, Flavour.TAKAHE, Flavour.PIXELFED])
def any_desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MastodonDesk]:
    with MastodonServer(CLOCK, flavour=request.param) as server:
        yield _mastodon_desk(server, tmp_path, {})


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[MastodonDesk]:
    with MastodonServer(CLOCK) as server:
        yield _mastodon_desk(server, tmp_path, {})


def test_a_code_read_off_the_page_connects_the_account(any_desk: MastodonDesk) -> None:
    person = any_desk.reading_off_as(any_desk.ours)
    assert any_desk.connect(person).handle == any_desk.ours.handle
    token = any_desk.store.find("iied-mastodon")
    assert [token] == any_desk.tokens_in_use()
    assert files(any_desk.store) == ["iied-mastodon", "iied-mastodon.app"]
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in any_desk.store.folder.iterdir())
    assert token
    assert token not in person.screen
    assert any_desk.server.instance.applications["client-2"].client_secret not in person.screen


def test_another_accounts_token_is_given_back_and_nothing_stored(desk: MastodonDesk) -> None:
    bakari = desk.server.account("bakari", "Bakari")
    with pytest.raises(ConfigError, match=r"that was bakari@.*, and the plan says iied@.*nothing was stored"):
        desk.connect(desk.reading_off_as(bakari))
    assert files(desk.store) == []
    assert desk.tokens_in_use() == []


def test_a_code_that_is_none_stores_nothing(desk: MastodonDesk) -> None:
    with pytest.raises(Rejected, match="begin again"):
        desk.connect(Typing(lambda _: "no-code"))
    assert files(desk.store) == []


def test_stopping_while_the_code_is_asked_for_leaves_nothing(desk: MastodonDesk) -> None:
    def stopped(_: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.connect(Typing(stopped))
    assert (files(desk.store), desk.tokens_in_use()) == ([], [])


def test_stopping_while_the_token_is_tried_gives_it_back(desk: MastodonDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped:
        def examine(self) -> AccountFacts:
            raise KeyboardInterrupt

    monkeypatch.setattr(desk.accounts, "try_token", lambda *_: Stopped())
    with pytest.raises(KeyboardInterrupt):
        desk.connect(desk.reading_off_as(desk.ours))
    assert (files(desk.store), desk.tokens_in_use()) == ([], [])


def test_a_full_disk_leaves_what_was_there(desk: MastodonDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.connect(desk.reading_off_as(desk.ours))
    token = desk.store.find("iied-mastodon")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(StorageError, match="No space left"):
            desk.connect(desk.reading_off_as(desk.ours))
    assert desk.store.find("iied-mastodon") == token
    assert desk.tokens_in_use() == [token]


def test_connecting_again_replaces_the_token_and_gives_the_old_one_back(desk: MastodonDesk) -> None:
    desk.connect(desk.reading_off_as(desk.ours))
    old = desk.store.find("iied-mastodon")
    desk.connect(desk.reading_off_as(desk.ours))
    assert desk.store.find("iied-mastodon") != old
    assert desk.tokens_in_use() == [desk.store.find("iied-mastodon")]


@pytest.mark.parametrize("says_yes", [True, False])
def test_an_account_that_a_program_writes_may_say_so(desk: MastodonDesk, says_yes: bool) -> None:
    desk.account = replace(desk.account, is_automated=True)
    desk.connect(desk.reading_off_as(desk.ours, says_yes=says_yes))
    assert desk.accounts.probe(desk.account).examine().is_marked_automated is says_yes


def test_an_account_that_people_write_is_not_asked(desk: MastodonDesk) -> None:
    person = desk.reading_off_as(desk.ours)
    desk.connect(person)
    assert "Shall the account say so" not in person.screen


def test_a_secret_in_the_environment_that_wins_is_pointed_out(tmp_path: Path) -> None:
    with MastodonServer(CLOCK) as server:
        desk = _mastodon_desk(server, tmp_path, {"SHAREASM_TOKEN_IIED_MASTODON": "old"})
        person = desk.reading_off_as(desk.ours)
        desk.connect(person)
    assert "SHAREASM_TOKEN_IIED_MASTODON is set and wins" in person.screen


# ---- Bluesky -----------------------------------------------------------------------------------------------------------


@dataclass
class BlueskyDesk:
    standin: StandInBluesky
    account: CampaignAccount
    accounts: Accounts

    @property
    def session_file(self) -> Path:
        return self.accounts.session_file(self.account)

    def connect(self, person: Typing) -> AccountFacts:
        return connect_bluesky(
            self.account,
            self.accounts.secrets,
            lambda password, keep: self.accounts.try_password(self.account, password, keep),
            lambda session: write_secret(self.session_file, session),
            person,
        )


@pytest.fixture
def sky(tmp_path: Path) -> Iterator[BlueskyDesk]:
    with StandInBluesky(CLOCK) as standin:
        account = CampaignAccount("iied-bluesky", Network.BLUESKY, standin.pds_url, "iied.test", ("en",))
        settings = read_settings({"SHAREASM_DATA": str(tmp_path)})
        yield BlueskyDesk(standin, account, Accounts(campaign(accounts=(account,)), settings, CLOCK.now))


def test_an_app_password_connects_the_account_with_one_sign_in(sky: BlueskyDesk) -> None:
    password = sky.standin.account("iied.test", "IIED").password
    person = Typing(lambda _: password)
    assert sky.connect(person).handle == "iied.test"
    assert sky.accounts.secrets.find("iied-bluesky") == password
    assert sky.session_file.stat().st_mode & 0o777 == 0o600
    sky.standin.pds_faults.add(Fault.UNAVAILABLE_BEFORE, "POST", "/xrpc/com.atproto.server.createSession")
    assert sky.accounts.probe(sky.account).examine().handle == "iied.test"
    assert password not in person.screen


@pytest.mark.parametrize("typed", ["master of iied.test", "", "pass-0001-word", "PASS-0001-WORD-TEST"])
def test_what_looks_like_the_accounts_own_password_is_not_tried(sky: BlueskyDesk, typed: str) -> None:
    sky.standin.account("iied.test", "IIED")
    sky.standin.pds_faults.add(Fault.UNAVAILABLE_BEFORE, "POST", "/xrpc/com.atproto.server.createSession")
    with pytest.raises(ConfigError, match=r"no app password.*cannot lock you out") as caught:
        sky.connect(Typing(lambda _: typed))
    assert "master" not in str(caught.value)
    assert files(sky.accounts.secrets) == []


def test_a_wrong_app_password_stores_nothing(sky: BlueskyDesk) -> None:
    sky.standin.account("iied.test", "IIED")
    with pytest.raises(Unauthorized):
        sky.connect(Typing(lambda _: "plan-tedd-pass-word"))
    assert (files(sky.accounts.secrets), sky.session_file.exists()) == ([], False)


def test_a_bluesky_account_may_say_that_a_program_writes_it(sky: BlueskyDesk) -> None:
    password = sky.standin.account("iied.test", "IIED").password
    sky.account = replace(sky.account, is_automated=True)
    sky.connect(Typing(lambda _: password))
    assert sky.accounts.probe(sky.account).examine().is_marked_automated


# ---- which account -----------------------------------------------------------------------------------------------------

ONE = CampaignAccount("one", Network.MASTODON, "https://a.example", "a@a.example", ("en",))
TWO = replace(ONE, id="two")
SKY = replace(ONE, id="sky", network=Network.BLUESKY)


def test_the_only_account_of_a_network_need_not_be_named() -> None:
    assert account_to_connect((ONE, SKY), Network.MASTODON, None) is ONE
    assert account_to_connect((ONE, TWO), Network.MASTODON, "two") is TWO


@pytest.mark.parametrize(
    ("accounts", "wanted", "words"),
    [
        ((ONE, TWO), None, "choose one with --account: one, two"),
        ((SKY,), None, "name it in campaign.yaml first"),
        ((ONE, SKY), "sky", "has no account sky on Mastodon; it has: one"),
    ],
)
def test_an_unclear_wish_is_answered_with_the_choice(
    accounts: tuple[CampaignAccount, ...], wanted: str | None, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        account_to_connect(accounts, Network.MASTODON, wanted)


def test_a_server_that_is_away_says_so(desk: MastodonDesk) -> None:
    desk.server.stop()
    with pytest.raises(NetworkError, match="cannot be reached"):
        desk.connect(desk.reading_off_as(desk.ours))
    desk.server.start()
