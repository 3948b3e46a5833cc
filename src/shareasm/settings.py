"""Settings: what the environment says, read once into a frozen record. Every name is listed in docs/operator.md.

A secret may also come from a file that `NAME_FILE` names, as container platforms hand them out. In development a `.env` file in
the working folder is read too; what the environment says wins. Accounts' secrets alone are read anew whenever one is needed,
so that a mended one works without a restart; they may also lie where `shareasm connect` put them (TokenStore).
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from shareasm.errors import ConfigError
from shareasm.secret_files import read_secret, write_secret

TOKEN_PREFIX = "SHAREASM_TOKEN_"  # noqa: S105  a name, not a secret

ENVIRONMENT = {
    "DATABASE_URL": "where the store is: sqlite:///path or postgresql://user:password@host/name",
    "SHAREASM_DATA": "the folder for the embedded database, sign-in sessions, pictures and recaps (default: data)",
    "SHAREASM_CAMPAIGN": "the campaign folder that worker and web serve when none is named on the command line",
    "SHAREASM_TOKEN_<ACCOUNT>": "the secret of an account: its id in capitals, - as _",
    "SHAREASM_HOST": "the address that the web pages listen on (default: 127.0.0.1)",
    "PORT": "the port that the web pages listen on (default: 8000)",
}
"""Every setting and its meaning."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What this installation was told."""

    database_url: str = field(repr=False)  # may hold a password
    data: Path
    campaign: Path | None
    tokens: Mapping[str, str] = field(repr=False)  # by account id in capitals with _, where nothing is read again
    host: str
    port: int
    read_again: Callable[[], Mapping[str, str]] | None = field(
        default=None, repr=False, compare=False
    )  # what it says now

    @property
    def has_store(self) -> bool:
        """Whether there is a database already, for who only looks: before the day there is none. A server's counts as there."""
        path = self.database_url.removeprefix("sqlite:///")
        return path == self.database_url or Path(path).is_file()

    def token(self, account_id: str) -> str | None:
        """Return the secret of an account, None where the environment has none.

        It is the one of now: a file that the environment names, or `.env`, may say another than at the start.
        """
        name = token_name(account_id)
        if self.read_again is None:
            return self.tokens.get(name.removeprefix(TOKEN_PREFIX))
        secret = _secret(self.read_again(), name)
        return _checked(name, secret) if secret else None


class TokenStore:
    """The secrets of one campaign's accounts: the environment's, else the one that `shareasm connect` stored."""

    def __init__(self, settings: Settings, campaign: str) -> None:
        """`campaign` is its slug."""
        self._settings = settings
        self.folder = settings.data / "tokens" / campaign

    def find(self, account_id: str) -> str | None:
        """Return the secret of now, None where there is none. Raises ConfigError where it is unreadable or open to others."""
        return self._settings.token(account_id) or self._stored(account_id)

    def place(self, account_id: str) -> Path:
        """Return where `shareasm connect` puts it."""
        return self.folder / account_id

    def is_overruled(self, account_id: str) -> bool:
        """Return whether the environment has a secret for the account, so that a stored one is not looked at."""
        return self._settings.token(account_id) is not None

    def keep(self, account_id: str, secret: str) -> None:
        """Store a secret so that only this user can read it."""
        write_secret(self.place(account_id), f"{secret}\n")

    def _stored(self, account_id: str) -> str | None:
        place = self.place(account_id)
        secret = (read_secret(place) or "").strip()
        return _checked(str(place), secret) if secret else None


def token_name(account_id: str) -> str:
    """Return the environment variable that holds the secret of an account.

    >>> token_name("iied-bluesky")
    'SHAREASM_TOKEN_IIED_BLUESKY'
    """
    return TOKEN_PREFIX + account_id.upper().replace("-", "_")


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process. Raises ConfigError for a value that cannot be meant."""

    def read() -> Mapping[str, str]:
        return environment if environment is not None else _development_file(env_file) | dict(os.environ)

    env_file = Path(".env").absolute()
    values = read()
    data = Path(_text(values, "SHAREASM_DATA") or "data")
    campaign = _text(values, "SHAREASM_CAMPAIGN")
    return Settings(
        database_url=_secret(values, "DATABASE_URL") or f"sqlite:///{data / 'shareasm.db'}",
        data=data,
        campaign=Path(campaign) if campaign else None,
        tokens={},  # an unreadable secret stops its account alone, not `pause` or `status`
        host=_text(values, "SHAREASM_HOST") or "127.0.0.1",
        port=_port(values),
        read_again=read,
    )


def _development_file(file: Path) -> dict[str, str]:
    return {name: value for name, value in dotenv_values(file).items() if value is not None}


def _checked(name: str, secret: str) -> str:
    """Return `secret` if it can be sent at all: another one would break a header, and the error would show it."""
    if not _TOKEN.fullmatch(secret):
        raise ConfigError(
            f"{name} is no token or app password: they have letters, digits and marks of ASCII only, "
            "no spaces and no line ends; copy it again"
        )
    return secret


_TOKEN = re.compile(r"[\x21-\x7e]+")


def _text(values: Mapping[str, str], name: str) -> str | None:
    return values.get(name, "").strip() or None


def _secret(values: Mapping[str, str], name: str) -> str | None:
    direct, file = _text(values, name), _text(values, f"{name}_FILE")
    if direct and file:
        raise ConfigError(f"{name} and {name}_FILE are both set; keep one of them")
    if not file:
        return direct
    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}_FILE names {file}, which cannot be read: {error}") from error


def _port(values: Mapping[str, str]) -> int:
    text = _text(values, "PORT") or "8000"
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise ConfigError(f"PORT is {text!r}; write a number from 0 to 65535 (0: any free one)")
    return int(text)
