"""Builders of records with sensible defaults: a test names only what it is about."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shareasm.domain.campaigns import Campaign, CampaignAccount, Source, SourceKind
from shareasm.domain.changes import Seen
from shareasm.domain.posts import Account, Network, Post, PostRef, encode_post
from shareasm.domain.richtext import find_hashtags, linked_html
from shareasm.domain.schedules import Kind, Part, Schedule, Slot

OPENS = datetime(2027, 2, 3, 6, tzinfo=UTC)
NOON = datetime(2027, 2, 3, 12, tzinfo=UTC)
CLOSES = datetime(2027, 2, 3, 22, tzinfo=UTC)


def campaign(**changes: object) -> Campaign:
    """The day: #shareASM on 3 February 2027 in London, one Mastodon account and one Mastodon source."""
    day = Campaign(
        slug="shareasm-2027",
        name="#shareASM 2027",
        hashtags=("shareASM",),
        on=date(2027, 2, 3),
        zone=ZoneInfo("Europe/London"),
        opens_at=OPENS,
        closes_at=CLOSES,
        languages=("en", "fr"),
        host="IIED",
        contact="mailto:shareasm@iied.example",
        accounts=(
            CampaignAccount("ours", Network.MASTODON, "https://memory.example", "us@memory.example", ("en",)),
            CampaignAccount("sky", Network.BLUESKY, "https://pds.example", "us.example", ("en", "fr")),
        ),
        sources=(source(),),
    )
    return replace(day, **changes)  # type: ignore[arg-type]


def source(host: str = "memory.example", kind: SourceKind = SourceKind.TAG_TIMELINE) -> Source:
    """A source at `host`."""
    return Source(f"{kind}:{host}", kind, f"https://{host}")


def slot(
    slot_id: str = "welcome", *texts: str, at: datetime = NOON, accounts: tuple[str, ...] = ("ours",), **changes: object
) -> Slot:
    """A slot with one part for each of `texts`."""
    words = texts or ("Good morning #shareASM",)
    parts = tuple(Part({"en": {"": text}}) for text in words)
    made = Slot(slot_id, at, "Europe/London", Kind.NEWS, parts, accounts)
    return replace(made, **changes)  # type: ignore[arg-type]


def schedule(*slots: Slot) -> Schedule:
    """A plan of `slots`."""
    return Schedule(slots or (slot(),))


def post(
    text: str = "Safer mines #shareASM",
    *,
    uri: str = "",
    at: datetime = NOON,
    network: Network = Network.MASTODON,
    **changes: object,
) -> Post:
    """A public post by Amina."""
    home = "https://memory.example/users/amina" if network is Network.MASTODON else "did:plc:amina"
    default = (
        f"{home}/statuses/1" if network is Network.MASTODON else "at://did:plc:amina/app.bsky.feed.post/3kaaaaaaaaaaa"
    )
    account = Account(
        network, home, "amina@memory.example" if network is Network.MASTODON else "amina.example", "Amina", home
    )
    made = Post(
        ref=PostRef(network, uri or default),
        url="https://memory.example/@amina/1",
        author=account,
        created_at=at,
        text=text,
        html=linked_html(text, ()),
        hashtags=tuple(find_hashtags(text)),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def seen(
    text: str = "Safer mines #shareASM", *, is_complete: bool = True, local_id: str = "1", **changes: object
) -> Seen:
    """Amina's post as a source showed it."""
    made = post(text, **changes)  # type: ignore[arg-type]
    return Seen(made, encode_post(made), local_id, is_complete)


def minutes(number: float) -> timedelta:
    """A duration in minutes."""
    return timedelta(minutes=number)
