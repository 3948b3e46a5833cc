"""Accounts are opened with the secret of now; one that is away or open to others stops its account alone."""

from pathlib import Path

import pytest

from clocks import FixedClock
from factories import campaign
from shareasm.accounts import Accounts, user_agent
from shareasm.domain.campaigns import CampaignAccount
from shareasm.domain.posts import Network
from shareasm.errors import Unauthorized
from shareasm.settings import read_settings

OURS = CampaignAccount("our-bluesky", Network.BLUESKY, "https://pds.example", "us.example", ("en",))


def accounts(tmp_path: Path, **environment: str) -> Accounts:
    settings = read_settings({"SHAREASM_DATA": str(tmp_path), **environment})
    return Accounts(campaign(accounts=(OURS,)), settings, FixedClock().now)


def test_a_secret_is_read_whenever_it_is_needed(tmp_path: Path) -> None:
    ours = accounts(tmp_path)
    assert not ours.has_token("our-bluesky")
    ours.secrets.keep("our-bluesky", "old")
    token = ours.token(OURS)
    assert token() == "old"
    ours.secrets.keep("our-bluesky", "new")
    assert token() == "new"


def test_a_secret_that_is_gone_stops_the_account_as_a_refused_one_does(tmp_path: Path) -> None:
    ours = accounts(tmp_path)
    ours.secrets.keep("our-bluesky", "planted")
    token = ours.token(OURS)
    ours.secrets.place("our-bluesky").unlink()
    with pytest.raises(Unauthorized, match="SHAREASM_TOKEN_OUR_BLUESKY is not set any more"):
        token()


def test_a_secret_that_others_may_read_stops_the_account_with_the_chmod(tmp_path: Path) -> None:
    ours = accounts(tmp_path)
    ours.secrets.keep("our-bluesky", "planted")
    token = ours.token(OURS)
    ours.secrets.place("our-bluesky").chmod(0o644)
    with pytest.raises(Unauthorized, match="chmod 600") as caught:
        token()
    assert "planted" not in f"{caught.value}{caught.value!r}"
    assert ours.has_token("our-bluesky")  # so that it stops this account alone, and not the whole program


def test_a_file_that_is_gone_stops_the_account(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("planted")
    token = accounts(tmp_path, SHAREASM_TOKEN_OUR_BLUESKY_FILE=str(tmp_path / "secret")).token(OURS)
    assert token() == "planted"
    (tmp_path / "secret").unlink()
    with pytest.raises(Unauthorized, match=r"_FILE names .* cannot be read"):
        token()


def test_a_bluesky_account_has_one_sign_in_for_all_that_use_it(tmp_path: Path) -> None:
    ours = accounts(tmp_path)
    assert ours.session(OURS) is ours.session(OURS)
    assert ours.session_file(OURS) == tmp_path / "sessions" / "shareasm-2027-our-bluesky.json"


def test_a_sign_in_of_another_user_stops_the_account_and_says_whose_it_must_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = accounts(tmp_path)
    file = ours.session_file(OURS)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"{}")

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(Unauthorized, match="let the user own it who runs this"):
        ours.session(OURS).tokens()


def test_who_has_no_secret_is_told_how_to_get_one(tmp_path: Path) -> None:
    words = accounts(tmp_path).missing("our-bluesky")
    assert words == ("SHAREASM_TOKEN_OUR_BLUESKY is not set; `shareasm connect bluesky --account our-bluesky` gets one")


def test_servers_are_told_whom_to_write_to() -> None:
    assert user_agent(campaign()).endswith("(#shareASM; shareasm@iied.example)")
