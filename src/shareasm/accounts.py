"""Opens the accounts of one campaign: their secrets, their sign-ins, and who looks them over. What `wiring` builds on.

Networks are imported here when they are needed, as in `wiring`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from shareasm.domain.campaigns import Campaign, CampaignAccount
from shareasm.domain.posts import Network
from shareasm.errors import ConfigError, Unauthorized
from shareasm.networks.ports import AccountProbe, CodeSignIn
from shareasm.secret_files import write_secret
from shareasm.settings import Settings, TokenStore, token_name

if TYPE_CHECKING:
    from datetime import datetime

    from shareasm.networks.bluesky.session import Session

_AS_IT_IS = "".join(map(chr, range(0x20, 0x7F)))


class Accounts:
    """The accounts of one campaign. A Bluesky account has one sign-in, shared by all that use it."""

    def __init__(self, campaign: Campaign, settings: Settings, now: "Callable[[], datetime]") -> None:
        self.secrets = TokenStore(settings, campaign.slug)
        self._campaign = campaign
        self._folder = settings.data / "sessions"
        self._now = now
        self._sessions: dict[str, Session] = {}

    # ---- secrets -------------------------------------------------------------------------------------------------------

    def has_token(self, account_id: str) -> bool:
        """Return whether there is a secret for an account. One that is unreadable or open to others stops that account
        alone, when it is needed, and goes on once it is mended.
        """
        try:
            return self.secrets.find(account_id) is not None
        except ConfigError:
            return True

    def token(self, account: CampaignAccount) -> Callable[[], str]:
        """Return how to read an account's secret: asked whenever it is needed, so that a mended one needs no restart.

        Where it is unreadable by then, the account stops as where its server refuses it; all the others go on.
        """

        def read() -> str:
            try:
                token = self.secrets.find(account.id)
            except ConfigError as error:
                raise Unauthorized(str(error), server=account.server, ref=account.handle) from error
            if token is None:
                reason = f"{token_name(account.id)} is not set any more, and nothing is stored"
                raise Unauthorized(reason, server=account.server, ref=account.handle)
            return token

        return read

    def missing(self, account_id: str, *, has_cure: bool = True) -> str:
        """Return in words that there is no secret for an account, and how to get one."""
        network = self._campaign.account(account_id).network
        cure = f"; `shareasm connect {network} --account {account_id}` gets one" if has_cure else ""
        return f"{token_name(account_id)} is not set{cure}"

    # ---- signing in ----------------------------------------------------------------------------------------------------

    def session(self, account: CampaignAccount) -> "Session":
        """Return the sign-in of a Bluesky account; nothing is asked of its server yet."""
        if account.id not in self._sessions:
            file = self.session_file(account)

            def load() -> str | None:
                try:
                    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None
                except OSError as error:  # somebody connected or examined it as another user
                    reason = (
                        f"its sign-in in {file} cannot be read ({error.strerror}): let the user own it who runs this"
                    )
                    raise Unauthorized(reason, server=account.server, ref=account.handle) from error

            self._sessions[account.id] = self._opened(
                account, self.token(account), load, lambda text: write_secret(file, text)
            )
        return self._sessions[account.id]

    def session_file(self, account: CampaignAccount) -> Path:
        """Return where the sign-in of a Bluesky account is kept between runs."""
        return self._folder / f"{self._campaign.slug}-{account.id}.json"

    def sign_in(self, account: CampaignAccount) -> CodeSignIn:
        """Return who gets a token of a Mastodon-API server."""
        from shareasm.networks.mastodon.oauth import MastodonSignIn

        return MastodonSignIn(account.server, user_agent=user_agent(self._campaign), now=self._now)

    # ---- looking over --------------------------------------------------------------------------------------------------

    def probe(self, account: CampaignAccount) -> AccountProbe:
        """Return who looks an account over with its secret."""
        if account.network is Network.MASTODON:
            return self._mastodon_probe(account, self.token(account))
        return self._bluesky_probe(account, self.session(account))

    def try_token(self, account: CampaignAccount, token: str) -> AccountProbe:
        """Return who looks a Mastodon account over with a token that is not stored."""
        return self._mastodon_probe(account, lambda: token)

    def try_password(
        self, account: CampaignAccount, password: str, keep_session: Callable[[str], None]
    ) -> AccountProbe:
        """Return who signs a Bluesky account in, once, with a password that is not stored, and looks it over."""
        return self._bluesky_probe(account, self._opened(account, lambda: password, lambda: None, keep_session))

    def _mastodon_probe(self, account: CampaignAccount, token: Callable[[], str]) -> AccountProbe:
        from shareasm.networks.mastodon.probe import MastodonProbe

        return MastodonProbe(account.server, token, user_agent=user_agent(self._campaign), now=self._now)

    def _bluesky_probe(self, account: CampaignAccount, session: "Session") -> AccountProbe:
        from shareasm.networks.bluesky.client import Server
        from shareasm.networks.bluesky.probe import BlueskyProbe

        agent = user_agent(self._campaign)
        appview = Server(account.appview, now=self._now, user_agent=agent) if account.appview else None
        return BlueskyProbe(Server(account.server, now=self._now, session=session, user_agent=agent), appview=appview)

    def _opened(
        self,
        account: CampaignAccount,
        password: Callable[[], str],
        load: Callable[[], str | None],
        save: Callable[[str], None],
    ) -> "Session":
        from shareasm.networks.bluesky.session import Session

        agent = user_agent(self._campaign)
        return Session(account.server, account.handle, password, load=load, save=save, now=self._now, user_agent=agent)


def user_agent(campaign: Campaign) -> str:
    """Return who we say we are: program, version and whom to write to. In ASCII, as headers must be (RFC 9110, 5.5)."""
    from shareasm import __version__

    contact = campaign.contact.removeprefix("mailto:")
    return quote(f"shareasm/{__version__} (#{campaign.hashtags[0]}; {contact})", safe=_AS_IT_IS)
