"""Accounts on the real Bluesky network: looked over, marked, connected, and a trial post that leaves nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from bluesky_network.network import Account, BlueskyNetwork
from contract.bench import CLOCK
from factories import campaign, schedule
from shareasm import doctor
from shareasm.accounts import Accounts
from shareasm.connect import connect_bluesky
from shareasm.doctor import Light
from shareasm.domain.campaigns import CampaignAccount
from shareasm.domain.posts import Network
from shareasm.errors import ConfigError
from shareasm.secret_files import write_secret
from shareasm.settings import read_settings
from shareasm.wiring import Plan, World, doctor_materials

pytestmark = pytest.mark.bluesky


class Typing:
    """Somebody who types one thing, and says yes."""

    def __init__(self, typed: str) -> None:
        self.typed = typed
        self.screen = ""

    def tell(self, words: str) -> None:
        self.screen += words

    def ask(self, words: str, *, is_secret: bool) -> str:
        assert is_secret
        return self.typed

    def agrees(self, words: str) -> bool:
        return True


@pytest.fixture
def ours(bluesky_network: BlueskyNetwork) -> Account:
    return bluesky_network.account()


@pytest.fixture
def planned(bluesky_network: BlueskyNetwork, ours: Account) -> CampaignAccount:
    return CampaignAccount("ours", Network.BLUESKY, bluesky_network.pds, ours.handle, ("en",), is_automated=True)


def app_password(network: BlueskyNetwork, account: Account) -> str:
    made = network.call("com.atproto.server.createAppPassword", body={"name": "shareasm"}, token=account.token)
    return str(made["password"])


def opened(planned: CampaignAccount, data: Path, **environment: str) -> Accounts:
    settings = read_settings({"SHAREASM_DATA": str(data), **environment})
    return Accounts(campaign(accounts=(planned,), sources=()), settings, CLOCK.now)


def connect(accounts: Accounts, planned: CampaignAccount, typed: str) -> None:
    connect_bluesky(
        planned,
        accounts.secrets,
        lambda password, keep: accounts.try_password(planned, password, keep),
        lambda session: write_secret(accounts.session_file(planned), session),
        Typing(typed),
    )


def test_an_app_password_connects_and_the_profile_says_bot(
    bluesky_network: BlueskyNetwork, ours: Account, planned: CampaignAccount, tmp_path: Path
) -> None:
    accounts = opened(planned, tmp_path)
    connect(accounts, planned, app_password(bluesky_network, ours))
    facts = accounts.probe(planned).examine()
    assert (facts.handle, facts.is_marked_automated, facts.has_main_password) == (ours.handle, True, False)
    assert facts.calls_left
    assert facts.clock_ahead_s == pytest.approx(0, abs=1.5)

    def labels() -> list[str]:
        profile = bluesky_network.call("app.bsky.actor.getProfile", {"actor": ours.did}, base=bluesky_network.appview)
        return [label["val"] for label in profile.get("labels", [])]

    bluesky_network.until(lambda: "bot" in labels())


def test_the_accounts_own_password_is_known_for_what_it_is(
    ours: Account, planned: CampaignAccount, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="no app password"):
        connect(opened(planned, tmp_path), planned, ours.password)
    accounts = opened(planned, tmp_path, SHAREASM_TOKEN_OURS=ours.password)
    assert accounts.probe(planned).examine().has_main_password


def test_a_trial_is_read_through_the_appview_and_gone(
    bluesky_network: BlueskyNetwork, ours: Account, planned: CampaignAccount, tmp_path: Path
) -> None:
    day = campaign(accounts=(replace(planned, is_automated=False),), sources=(), languages=("en",))
    settings = read_settings(
        {"SHAREASM_DATA": str(tmp_path), "SHAREASM_TOKEN_OURS": app_password(bluesky_network, ours)}
    )
    materials = doctor_materials(Plan(tmp_path, day, schedule(), None), settings, World(CLOCK))
    examined = doctor.Examined()
    findings = doctor.examine(materials, lambda _: None, examined)
    assert doctor.worst(findings) is Light.GREEN, findings
    (trial,) = doctor.try_posts(materials, examined, lambda _: None)
    assert trial.message == "sent and read back, with tag, picture and description"
    for collection in ("app.bsky.feed.post", "app.bsky.feed.threadgate", "app.bsky.feed.postgate"):
        left = bluesky_network.call("com.atproto.repo.listRecords", {"repo": ours.did, "collection": collection})
        assert left["records"] == [], collection
