"""Settings come from the environment, secrets also from files; what cannot be meant is said."""

from pathlib import Path

import pytest

from shareasm.errors import ConfigError
from shareasm.settings import Settings, TokenStore, read_settings, token_name


def test_nothing_set_gives_an_embedded_database_on_loopback() -> None:
    assert read_settings({}) == Settings("sqlite:///data/shareasm.db", Path("data"), None, {}, "127.0.0.1", 8000)


def test_the_data_folder_holds_the_database() -> None:
    assert read_settings({"SHAREASM_DATA": "/srv/day"}).database_url == "sqlite:////srv/day/shareasm.db"


def test_everything_can_be_set() -> None:
    settings = read_settings(
        {
            "DATABASE_URL": "postgresql://u@h/n",
            "SHAREASM_CAMPAIGN": "config/campaigns/x",
            "SHAREASM_HOST": "0.0.0.0",
            "PORT": "80",
            "SHAREASM_TOKEN_IIED_BLUESKY": " secret \n",
        }
    )
    assert (settings.database_url, settings.campaign) == ("postgresql://u@h/n", Path("config/campaigns/x"))
    assert (settings.host, settings.port, settings.token("iied-bluesky")) == ("0.0.0.0", 80, "secret")


def test_an_account_without_a_secret_has_none() -> None:
    assert read_settings({"SHAREASM_TOKEN_A": " "}).token("a") is None
    assert token_name("iied-bluesky") == "SHAREASM_TOKEN_IIED_BLUESKY"


@pytest.mark.parametrize("name", ["DATABASE_URL", "SHAREASM_TOKEN_A"])
def test_a_secret_may_come_from_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("postgresql://u@h/n\n")
    settings = read_settings({f"{name}_FILE": str(tmp_path / "secret")})
    assert "postgresql://u@h/n" in {settings.database_url, settings.token("a")}


def test_a_secret_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="both set"):
        read_settings({"SHAREASM_TOKEN_A": "x", "SHAREASM_TOKEN_A_FILE": "y"}).token("a")


def test_an_unreadable_secret_costs_its_own_account_alone() -> None:
    settings = read_settings({"SHAREASM_TOKEN_A_FILE": "/nowhere/x", "SHAREASM_TOKEN_B": "secret"})
    assert settings.token("b") == "secret"
    with pytest.raises(ConfigError, match=r"SHAREASM_TOKEN_A_FILE names /nowhere/x"):
        settings.token("a")


def test_a_secret_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigError, match=r"DATABASE_URL_FILE names /nowhere/x"):
        read_settings({"DATABASE_URL_FILE": "/nowhere/x"})


@pytest.mark.parametrize("port", ["http", "-1", "65536", "8000.5"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(ConfigError, match="PORT"):
        read_settings({"PORT": port})


def test_in_development_a_file_is_read_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("PORT=1234\nSHAREASM_TOKEN_A=from-file\n")
    monkeypatch.setenv("PORT", "4321")
    monkeypatch.delenv("SHAREASM_TOKEN_A", raising=False)
    assert (read_settings().port, read_settings().token("a")) == (4321, "from-file")


@pytest.mark.parametrize(
    "token", ["planted\nline", "planted token", "plant\xe9d", "planted…", "planted\x7f", "planted\0"]
)
@pytest.mark.parametrize("has_file", [False, True])
def test_a_token_that_fits_into_no_header_is_refused_unseen(tmp_path: Path, token: str, has_file: bool) -> None:
    (tmp_path / "secret").write_text(token)
    name = "SHAREASM_TOKEN_IIED_BLUESKY"
    given = {f"{name}_FILE": str(tmp_path / "secret")} if has_file else {name: token}
    with pytest.raises(ConfigError, match=f"^{name} ") as caught:
        read_settings(given).token("iied-bluesky")
    assert "plant" not in f"{caught.value}{caught.value!r}"


def test_secrets_are_not_in_the_text_of_the_settings() -> None:
    settings = read_settings(
        {"SHAREASM_TOKEN_A": "planted-token", "DATABASE_URL": "postgresql://u:planted-password@h/n"}
    )
    assert "planted" not in repr(settings)


# ---- secrets of accounts: read when they are needed -------------------------------------------------------------------


def store_of(tmp_path: Path, **environment: str) -> TokenStore:
    return TokenStore(read_settings({"SHAREASM_DATA": str(tmp_path), **environment}), "my-day")


def test_a_secret_in_a_file_is_read_anew_whenever_it_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("old\n")
    store = store_of(tmp_path, SHAREASM_TOKEN_OUR_BLUESKY_FILE=str(file))
    assert store.find("our-bluesky") == "old"
    file.write_text("new\n")
    assert store.find("our-bluesky") == "new"


def test_a_secret_mended_in_the_file_of_development_is_picked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHAREASM_TOKEN_A", raising=False)
    (tmp_path / ".env").write_text("SHAREASM_TOKEN_A=old\n")
    settings = read_settings()
    (tmp_path / ".env").write_text("SHAREASM_TOKEN_A=new\n")
    monkeypatch.chdir("/")
    assert settings.token("a") == "new"


def test_the_environment_wins_over_a_file_that_it_names_and_that_over_a_stored_one(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file's line".replace(" ", "-"))
    store_of(tmp_path).keep("a", "stored")
    assert store_of(tmp_path).find("a") == "stored"
    assert not store_of(tmp_path).is_overruled("a")
    named = store_of(tmp_path, SHAREASM_TOKEN_A_FILE=str(tmp_path / "secret"))
    assert named.find("a") == "from-the-file's-line"
    assert store_of(tmp_path, SHAREASM_TOKEN_A="direct").find("a") == "direct"
    assert store_of(tmp_path, SHAREASM_TOKEN_A="direct").is_overruled("a")


def test_a_stored_secret_is_its_owners_alone(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    store.keep("a", "planted")
    place = tmp_path / "tokens" / "my-day" / "a"
    assert store.place("a") == place
    assert (place.stat().st_mode & 0o777, place.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [file.name for file in place.parent.iterdir()] == ["a"]


def test_a_secret_is_stored_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_of(tmp_path)
    store.keep("a", "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.keep("a", "new")
    assert store.find("a") == "old"
    assert [file.name for file in store.folder.iterdir()] == ["a"]


@pytest.mark.parametrize(("what", "wide", "cure"), [("a", 0o640, "chmod 600"), ("", 0o750, "chmod 700")])
def test_a_stored_secret_that_others_may_read_is_refused_with_the_cure(
    tmp_path: Path, what: str, wide: int, cure: str
) -> None:
    store = store_of(tmp_path)
    store.keep("a", "planted")
    (store.folder / what).chmod(wide)
    with pytest.raises(ConfigError, match=cure) as caught:
        store.find("a")
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize("text", [b"planted token", b"\xff\xfe"])
def test_a_stored_secret_that_is_none_is_refused_unseen(tmp_path: Path, text: bytes) -> None:
    store = store_of(tmp_path)
    store.keep("a", "x")
    store.place("a").write_bytes(text)
    with pytest.raises(ConfigError) as caught:
        store.find("a")
    assert "planted" not in str(caught.value)
    assert str(store.place("a")) in str(caught.value)


def test_an_account_that_was_never_connected_has_no_secret(tmp_path: Path) -> None:
    assert store_of(tmp_path).find("a") is None
