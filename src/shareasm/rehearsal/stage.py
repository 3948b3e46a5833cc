"""How one of the cast says and does things on the server where they live: one handle for both networks.

Knows the stand-ins; knows nothing of scripts and times.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from shareasm.rehearsal.bluesky import Card as BlueskyCard
from shareasm.rehearsal.bluesky import Person as BlueskyPerson
from shareasm.rehearsal.bluesky import Picture
from shareasm.rehearsal.mastodon import Card as MastodonCard
from shareasm.rehearsal.mastodon import MastodonServer, PollWish
from shareasm.rehearsal.mastodon import Person as MastodonPerson
from shareasm.rehearsal.mastodon.model import Status
from shareasm.rehearsal.voices import Member, Place, Preview
from shareasm.rehearsal.world import World

_POLL_S = 86_400
_BRIDGE = "bridged-from-bridgy-fed-activitypub"


@dataclass(frozen=True)
class Said:
    """A post on some server. `author` is its DID or the account's uri, `mention` how to address the author there."""

    place: Place
    uri: str
    author: str
    mention: str
    language: str
    is_reply: bool


@dataclass(frozen=True)
class Words:
    """What is to be said, with everything that goes with it."""

    text: str
    language: str
    reply_to: Said | None = None
    quote: Said | None = None
    pictures: Sequence[tuple[bytes, str]] = ()  # PNG and alt
    card: Preview | None = None
    warning: str = ""
    visibility: str | None = None
    labels: Sequence[str] = ()
    tags: Sequence[str] = ()
    poll: Sequence[str] = ()
    created_at: datetime | None = None
    html: str | None = None


@dataclass
class Stage:
    """The cast on the world's servers."""

    world: World
    _bluesky: dict[str, BlueskyPerson] = field(default_factory=dict)
    _mastodon: dict[str, MastodonPerson] = field(default_factory=dict)
    _places: dict[str, Place] = field(default_factory=dict)
    _seen: dict[Place, int] = field(
        default_factory=lambda: dict.fromkeys(Place, 0)
    )  # how far each server's log was read

    def enter(self, name: str, member: Member) -> None:
        """Give a member of the cast an account."""
        self._places[name] = member.on
        if member.on is Place.BLUESKY:
            taken = self.world.bluesky.find(member.handle) is not None  # a campaign may have an account of this name
            self._bluesky[name] = self.world.bluesky.account(
                f"too-{member.handle}" if taken else member.handle, member.name, bio=member.bio, labels=member.labels
            )
        else:
            server, flags = self._server(member.on), dict(member.flags)
            with server.instance.lock:
                taken = server.instance.account_by_handle(member.handle) is not None
            handle = f"{member.handle}_too" if taken else member.handle
            self._mastodon[name] = server.account(handle, member.name, member.bio, **flags)  # type: ignore[arg-type]

    def is_cast(self, said: Said) -> bool:
        """Whether one of the cast said this; else it was the campaign, or whoever else posts in this world."""
        return said.author in self._authors()

    def news(self) -> list[Said]:
        """Return the public posts that were made since the last call, server by server, oldest first."""
        return [*self._bluesky_news(), *self._mastodon_news(Place.HOME), *self._mastodon_news(Place.AWAY)]

    def say(self, name: str, words: Words) -> Said:
        """Post as `name`."""
        place = self._places[name]
        return self._say_on_bluesky(name, words) if place is Place.BLUESKY else self._say_on_mastodon(name, words)

    def edit(self, said: Said, text: str) -> None:
        """Change what a post says."""
        if said.place is Place.BLUESKY:
            self.world.bluesky.edit(said.uri, text)
        else:
            self._server(said.place).edit({"uri": said.uri}, text)

    def delete(self, said: Said) -> None:
        """Delete a post."""
        if said.place is Place.BLUESKY:
            self.world.bluesky.delete(said.uri)
        else:
            self._server(said.place).delete({"uri": said.uri})

    def like(self, name: str, said: Said) -> None:
        """Like or favour a post of the same network."""
        if said.place is Place.BLUESKY:
            self.world.bluesky.like(self._bluesky[name], said.uri)
        else:
            self._server(self._places[name]).favourite(self._mastodon[name], {"uri": said.uri})

    def boost(self, name: str, said: Said) -> None:
        """Repost or boost a post of the same network."""
        if said.place is Place.BLUESKY:
            self.world.bluesky.repost(self._bluesky[name], said.uri)
        else:
            self._server(self._places[name]).boost(self._mastodon[name], {"uri": said.uri})

    def leave(self, name: str) -> None:
        """Deactivate a Bluesky account: everything that it said is gone with it."""
        self.world.bluesky.set_status(self._bluesky[name], "deactivated")

    def bridge(self, name: str, member: Member, said: Said, words: Words) -> Said:
        """Say on Bluesky what `name` said on Mastodon, as the bridge Bridgy Fed does: by an account of the bridge's."""
        bridged = f"{name}-bridged"
        if bridged not in self._bluesky:
            self._bluesky[bridged] = self.world.bluesky.account(
                f"{member.handle.replace('_', '-')}.first-stand-in.example.ap.brid.gy",
                member.name,
                bio=f"{member.bio}\n\nbridged from {said.uri} by a bridge",
                labels=[_BRIDGE],
                extra={"bridgyOriginalUrl": self._mastodon[name].url},
            )
            self._places[bridged] = Place.BLUESKY
        extra = {"bridgyOriginalUrl": said.uri, "bridgyOriginalText": f"<p>{words.text}</p>"}
        person = self._bluesky[bridged]
        uri = self.world.bluesky.say(person, words.text, [words.language], extra=extra)
        return Said(Place.BLUESKY, uri, person.did, f"@{person.handle}", words.language, is_reply=False)

    # ---- parts ----

    def _bluesky_news(self) -> list[Said]:
        posts, self._seen[Place.BLUESKY] = self.world.bluesky.posts_since(self._seen[Place.BLUESKY])
        news = []
        for post in posts:
            langs, author = post.value.get("langs"), self.world.bluesky.find(post.did)
            language = str(langs[0]) if isinstance(langs, list) and langs else "en"
            mention = f"@{author.handle}" if author else ""
            news.append(Said(Place.BLUESKY, post.uri, post.did, mention, language, "reply" in post.value))
        return news

    def _mastodon_news(self, place: Place) -> list[Said]:
        instance = self._server(place).instance
        with instance.lock:
            rows = list(islice(instance.by_uri.values(), self._seen[place], None))
            self._seen[place] += len(rows)
            return [
                self._heard(place, row)
                for row in rows
                if row.account.domain is None and row.visibility == "public" and not (row.reblog_of or row.is_deleted)
            ]

    def _say_on_bluesky(self, name: str, words: Words) -> Said:
        network, person = self.world.bluesky, self._bluesky[name]
        card = BlueskyCard(words.card.url, words.card.title, words.card.description) if words.card else None
        uri = network.say(
            person,
            words.text,
            [words.language],
            reply_to=words.reply_to.uri if words.reply_to else None,
            quote=words.quote.uri if words.quote else None,
            images=[Picture(content, alt, (8, 5)) for content, alt in words.pictures],
            card=card,
            labels=words.labels,
            tags=words.tags,
            created_at=words.created_at,
        )
        return Said(Place.BLUESKY, uri, person.did, f"@{person.handle}", words.language, words.reply_to is not None)

    def _say_on_mastodon(self, name: str, words: Words) -> Said:
        server = self._server(self._places[name])
        status = server.say(
            self._mastodon[name],
            words.text if words.card is None else f"{words.text} {words.card.url}",
            language=words.language,
            reply_to={"uri": words.reply_to.uri} if words.reply_to else None,
            quote={"uri": words.quote.uri} if words.quote else None,
            media=words.pictures,
            warning=words.warning,
            visibility=words.visibility,
            poll=PollWish(tuple(words.poll), _POLL_S) if words.poll else None,
        )
        if words.card is not None:
            server.give_card(status, MastodonCard(words.card.url, words.card.title, words.card.description))
        if words.html is not None:
            self._force_html(str(status["uri"]), words.html)
        with server.instance.lock:
            return self._heard(self._places[name], server.instance.by_uri[str(status["uri"])])

    def _force_html(self, uri: str, html: str) -> None:
        """Let every server show `html` as it stands, as one that does not sanitise what others send would."""
        for server in (self.world.home, self.world.away):
            with server.instance.lock:
                row = server.instance.by_uri.get(uri)
                if row is not None:
                    row.html = html

    def _heard(self, place: Place, row: Status) -> Said:
        mention = f"@{row.account.username}@{self._server(place).instance.domain}"
        return Said(place, row.uri, row.account.uri, mention, row.language or "en", row.in_reply_to is not None)

    def _server(self, place: Place) -> MastodonServer:
        return self.world.home if place is Place.HOME else self.world.away

    def _authors(self) -> set[str]:
        return {person.did for person in self._bluesky.values()} | {person.uri for person in self._mastodon.values()}
