"""Connect: a person lets the program use an account. Its secret is tried first and stored then, or nothing is stored.

A token that turns out to be another account's, or too weak, is given back to its server; nothing secret is ever shown.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import msgspec
from sqlalchemy.engine import Engine

from shareasm.domain.campaigns import CampaignAccount
from shareasm.domain.posts import Network
from shareasm.errors import ConfigError, NetworkError, StorageError
from shareasm.networks.ports import AccountFacts, AccountProbe, Application, CodeSignIn
from shareasm.secret_files import read_secret, write_secret
from shareasm.settings import TokenStore, token_name
from shareasm.storage import accounts
from shareasm.storage.engine import transaction

APP_PASSWORD = re.compile(r"[a-z0-9]{4}(-[a-z0-9]{4}){3}")

WHY = (
    "An app password looks like xxxx-xxxx-xxxx-xxxx. With it a program can post, and not much more: it can be taken away by "
    "itself, and whoever gets hold of it cannot lock you out of your account. Make one in Bluesky: Settings, Privacy and "
    "security, App passwords, Add"
)


class Person(Protocol):
    """Who sits at the terminal."""

    def tell(self, words: str) -> None:
        """Show them a line."""

    def ask(self, words: str, *, is_secret: bool) -> str:
        """Return what they type; what is secret is not shown."""

    def agrees(self, words: str) -> bool:
        """Return whether they say yes."""


class Connected(Protocol):
    """Opens an account with a secret that is not stored yet; `keep_session` takes what the server gave for it."""

    def __call__(self, secret: str, keep_session: Callable[[str], None], /) -> AccountProbe: ...


def account_to_connect(planned: tuple[CampaignAccount, ...], network: Network, wanted: str | None) -> CampaignAccount:
    """Return the account that a person means. Raises ConfigError where that is not clear."""
    there = [account for account in planned if account.network is network]
    names = ", ".join(account.id for account in there)
    if wanted is not None:
        found = [account for account in there if account.id == wanted]
        if not found:
            raise ConfigError(f"the plan has no account {wanted} on {network.title()}; it has: {names or 'none'}")
        return found[0]
    if len(there) != 1:
        choice = f"several: choose one with --account: {names}" if there else "none: name it in campaign.yaml first"
        raise ConfigError(f"the plan's accounts on {network.title()} are {choice}")
    return there[0]


# ---- Mastodon ----------------------------------------------------------------------------------------------------------


def connect_mastodon(
    account: CampaignAccount,
    secrets: TokenStore,
    sign_in: CodeSignIn,
    opened: Callable[[str], AccountProbe],
    person: Person,
) -> AccountFacts:
    """Let a person get a token on their server's page; store it once it is known to be the account's, and enough."""
    application = sign_in.register(may_change_profile=account.is_automated)
    invitation = sign_in.invite(application)
    person.tell(f"Open this page in a browser where you are signed in as {account.handle}, and say yes there:")
    person.tell("")
    person.tell(f"    {invitation.address}")
    person.tell("")
    code = person.ask("The code that it shows", is_secret=False).strip()
    grant = sign_in.redeem(application, invitation, code)
    with _given_back_unless_kept(sign_in, application, grant.token):
        probe = opened(grant.token)
        facts = _examined(probe, account)
        before = _stored_before(account, secrets)
        _keep(lambda: _keep_all(account, secrets, application, grant.token))
    if before is not None and before[0].server == application.server:
        _give_back(sign_in, *before)
    _after(account, secrets, facts, probe, person)
    return facts


@contextmanager
def _given_back_unless_kept(sign_in: CodeSignIn, application: Application, token: str) -> Iterator[None]:
    try:
        yield
    except BaseException:  # also Ctrl-C: no token is left behind that nobody knows
        _give_back(sign_in, application, token)
        raise


def _give_back(sign_in: CodeSignIn, application: Application, token: str) -> None:
    with suppress(NetworkError):  # some servers have no such call; the person finds us in their list of programs
        sign_in.revoke(application, token)


def _application_file(account: CampaignAccount, secrets: TokenStore) -> Path:
    """Return where our registration lies: beside the token, so that the token can be given back one day."""
    place = secrets.place(account.id)
    return place.with_name(f"{place.name}.app")


def _keep_all(account: CampaignAccount, secrets: TokenStore, application: Application, token: str) -> None:
    write_secret(_application_file(account, secrets), msgspec.json.encode(application).decode())
    secrets.keep(account.id, token)  # last: with it the account is connected


def _stored_before(account: CampaignAccount, secrets: TokenStore) -> tuple[Application, str] | None:
    """Return the registration and token that the new ones replace."""
    try:
        text, token = read_secret(_application_file(account, secrets)), read_secret(secrets.place(account.id))
        return (msgspec.json.decode(text, type=Application), token.strip()) if text and token else None
    except (ConfigError, ValueError):
        return None


# ---- Bluesky -----------------------------------------------------------------------------------------------------------


def connect_bluesky(
    account: CampaignAccount,
    secrets: TokenStore,
    opened: Connected,
    keep_session: Callable[[str], None],
    person: Person,
) -> AccountFacts:
    """Ask for an app password, sign in once, and store password and session once they are known to be the account's."""
    person.tell(f"{WHY}.")
    password = person.ask(f"App password of {account.handle}", is_secret=True).strip()
    if not APP_PASSWORD.fullmatch(password):
        raise ConfigError(f"this is no app password, and nothing was done with it. {WHY}")
    sessions: list[str] = []
    probe = opened(password, sessions.append)
    facts = _examined(probe, account)
    if facts.has_main_password:
        raise ConfigError(f"this is the password of {account.handle} itself, and it was not stored. {WHY}")

    def keep() -> None:
        if sessions:
            keep_session(sessions[-1])
        secrets.keep(account.id, password)  # last: with it the account is connected

    _keep(keep)
    _after(account, secrets, facts, probe, person)
    return facts


# ---- both --------------------------------------------------------------------------------------------------------------


def let_go_on(engine: Engine, campaign: str, account: CampaignAccount) -> bool:
    """Let an account that stopped for its old secret be tried with the new one at once. False: it was not stopped."""
    with transaction(engine) as connection:
        return accounts.clear(connection, campaign, account.id)


def _examined(probe: AccountProbe, account: CampaignAccount) -> AccountFacts:
    """Return what the server says of the account. Raises ConfigError where it is not the plan's, or may do too little."""
    facts = probe.examine()
    if not facts.is_account(account.handle):
        raise ConfigError(
            f"that was {facts.handle}, and the plan says {account.handle} for {account.id}: nothing was stored. "
            f"Sign in as {account.handle} and begin again"
        )
    if facts.missing_scopes:
        raise ConfigError(
            f"{facts.handle} let us do too little, {', '.join(facts.missing_scopes)} is missing: nothing was stored. "
            "Begin again, and say yes to all that the page asks"
        )
    return facts


def _keep(write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as error:
        raise StorageError(f"the secret cannot be stored ({error.strerror}): make room, and begin again") from error


def _after(
    account: CampaignAccount, secrets: TokenStore, facts: AccountFacts, probe: AccountProbe, person: Person
) -> None:
    person.tell(f"Connected: {account.id} is {facts.handle}. Its secret lies in {secrets.place(account.id)}.")
    if secrets.is_overruled(account.id):
        person.tell(f"But {token_name(account.id)} is set and wins over it: take that away, or nothing has changed.")
    if account.is_automated and facts.is_marked_automated is False:
        _offer_mark(account, probe, person)


def _offer_mark(account: CampaignAccount, probe: AccountProbe, person: Person) -> None:
    if not person.agrees(f"The plan says that a program posts from {account.id}. Shall the account say so too?"):
        return
    try:
        probe.mark_automated()
    except NetworkError as error:
        person.tell(f"It could not be marked: {error}. Do it in the account's settings.")
    else:
        person.tell("It says so now.")
