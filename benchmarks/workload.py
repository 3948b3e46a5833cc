"""What the benchmarks work on, made from a seed: statuses, posts and stream events of the sizes and kinds that networks send.

The same seed gives the same bytes. The texts are random words; what counts is their number, their links, tags and pictures.
"""

import json
import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shareasm.domain.campaigns import Campaign, Source, SourceKind
from shareasm.domain.changes import Seen
from shareasm.networks.mastodon.translate import decode_page

SERVER = "https://social.example"
OPENS = datetime(2027, 2, 3, 6, tzinfo=UTC)
CLOSES = datetime(2027, 2, 3, 22, tzinfo=UTC)
TAG = "shareASM"
FIRST_SEQ = 10_000_000  # of the stream's events

_WORDS = (  # noqa: SIM905  so that it can be read
    "mine miners gold pit cooperative safety mercury women licence buyer village river school clinic helmet ladder rope "
    "price trader state land title bank loan story child work day year together fair small scale formal guide training "
    "orpaillage sécurité minería cobalt diamond tin export tax inspector meeting question answer résumé años équipe"
).split()
_PLAIN_WORDS = [word for word in _WORDS if word.isascii()]
_LANGUAGES = ("en", "en", "en", "fr", "es", "pt", "sw")


def campaign() -> Campaign:
    """A day under #shareASM with one source."""
    return Campaign(
        slug="bench-2027",
        name="#shareASM 2027",
        hashtags=(TAG,),
        on=date(2027, 2, 3),
        zone=ZoneInfo("Europe/London"),
        opens_at=OPENS,
        closes_at=CLOSES,
        languages=("en", "fr", "es"),
        host="A host",
        contact="mailto:day@host.example",
        accounts=(),
        sources=(source(),),
    )


def source() -> Source:
    """The server whose timeline is read."""
    return Source("mastodon:social.example", SourceKind.TAG_TIMELINE, SERVER)


def statuses(count: int, seed: int = 1) -> list[dict[str, object]]:
    """Return `count` statuses as Mastodon 4 serialises them, 3.2 kB each, in order of time over the day."""
    dice = random.Random(seed)
    step = (CLOSES - OPENS) / max(count, 1)
    people = [_person(dice, number) for number in range(max(20, count // 8))]
    return [_status(dice, number, OPENS + step * number, dice.choice(people)) for number in range(count)]


def posts(count: int, seed: int = 1) -> list[Seen]:
    """Return the same as the reader gives them to the store."""
    page = decode_page(json.dumps(statuses(count, seed), ensure_ascii=False).encode(), SERVER)
    assert len(page.posts) == count, page.skipped[:3]
    return page.posts


def _person(dice: random.Random, number: int) -> dict[str, object]:
    user, host = f"person{number}", f"server{number % 40}.example"
    base = f"https://{host}"
    return {
        "id": str(109_000_000_000_000_000 + number),
        "username": user,
        "acct": f"{user}@{host}",
        "display_name": " ".join(dice.choices(_WORDS, k=2)).title(),
        "locked": False,
        "bot": False,
        "discoverable": True,
        "indexable": dice.random() < 0.5,
        "group": False,
        "created_at": "2022-11-05T00:00:00.000Z",
        "note": f"<p>{' '.join(dice.choices(_WORDS, k=24))}</p>",
        "url": f"{base}/@{user}",
        "uri": f"{base}/users/{user}",
        "avatar": f"https://files.social.example/cache/accounts/avatars/{dice.getrandbits(64):016x}.png",
        "avatar_static": f"https://files.social.example/cache/accounts/avatars/{dice.getrandbits(64):016x}.png",
        "header": f"https://files.social.example/cache/accounts/headers/{dice.getrandbits(64):016x}.png",
        "header_static": f"https://files.social.example/cache/accounts/headers/{dice.getrandbits(64):016x}.png",
        "followers_count": dice.randrange(3000),
        "following_count": dice.randrange(900),
        "statuses_count": dice.randrange(9000),
        "last_status_at": "2027-02-03",
        "hide_collections": False,
        "noindex": False,
        "emojis": [],
        "roles": [],
        "fields": [
            {"name": name, "value": f"<a href='https://{user}.example/{name}'>{user}.example</a>", "verified_at": None}
            for name in ("web", "work")
        ],
    }


def _status(dice: random.Random, number: int, at: datetime, person: dict[str, object]) -> dict[str, object]:
    key = 113_900_000_000_000_000 + number * 65_536 + dice.getrandbits(16)
    has_link, has_picture = dice.random() < 0.35, dice.random() < 0.4
    link = f"https://www.host{dice.randrange(90)}.example/{dice.choice(_WORDS)}/{dice.getrandbits(32):08x}"
    tags = [TAG, *dice.sample(_WORDS, k=dice.randrange(3))]
    return {
        "id": str(key),
        "created_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "in_reply_to_id": str(key - 65_536) if dice.random() < 0.3 else None,
        "in_reply_to_account_id": None,
        "sensitive": False,
        "spoiler_text": "",
        "visibility": "public",
        "language": dice.choice(_LANGUAGES),
        "uri": f"{person['uri']}/statuses/{key}",
        "url": f"{person['url']}/{key}",
        "replies_count": dice.randrange(4),
        "reblogs_count": dice.randrange(12),
        "favourites_count": dice.randrange(30),
        "quotes_count": 0,
        "edited_at": (at + timedelta(minutes=3)).isoformat().replace("+00:00", "Z") if dice.random() < 0.05 else None,
        "content": _content(dice, link if has_link else "", tags),
        "reblog": None,
        "application": {"name": "Web", "website": None},
        "account": person,
        "media_attachments": [_picture(dice, key)] if has_picture else [],
        "mentions": [],
        "tags": [{"name": tag.lower(), "url": f"{SERVER}/tags/{tag.lower()}"} for tag in tags],
        "emojis": [],
        "card": _card(dice, link) if has_link else None,
        "poll": None,
    }


def _content(dice: random.Random, link: str, tags: list[str]) -> str:
    words = dice.choices(_WORDS, k=dice.randrange(18, 52))
    half = len(words) // 2
    anchor = (
        f' <a href="{link}" rel="nofollow noopener" translate="no" target="_blank"><span class="invisible">https://www.'
        f'</span><span class="ellipsis">{link[12:42]}</span><span class="invisible">{link[42:]}</span></a>'
    )
    hashtags = " ".join(
        f'<a href="{SERVER}/tags/{tag}" class="mention hashtag" rel="nofollow noopener" target="_blank">#<span>{tag}'
        "</span></a>"
        for tag in tags
    )
    return f"<p>{' '.join(words[:half])}{anchor if link else ''}</p><p>{' '.join(words[half:])} {hashtags}</p>"


def _picture(dice: random.Random, key: int) -> dict[str, object]:
    name = f"https://files.social.example/media_attachments/files/{key}"
    return {
        "id": str(key + 1),
        "type": "image",
        "url": f"{name}/original/{dice.getrandbits(64):016x}.jpg",
        "preview_url": f"{name}/small/{dice.getrandbits(64):016x}.jpg",
        "remote_url": None,
        "preview_remote_url": None,
        "text_url": None,
        "meta": {
            "original": {"width": 1600, "height": 1200, "size": "1600x1200", "aspect": 1.3333},
            "small": {"width": 554, "height": 416, "size": "554x416", "aspect": 1.3317},
        },
        "description": " ".join(dice.choices(_WORDS, k=14)),
        "blurhash": "UBL_:rOpGG-;tRxuWBofIUt7ofof~qt7Rjof",
    }


def _card(dice: random.Random, link: str) -> dict[str, object]:
    return {
        "url": link,
        "title": " ".join(dice.choices(_WORDS, k=8)),
        "description": " ".join(dice.choices(_WORDS, k=20)),
        "language": "en",
        "type": "link",
        "author_name": "",
        "author_url": "",
        "provider_name": "",
        "provider_url": "",
        "html": "",
        "width": 1200,
        "height": 630,
        "image": f"https://files.social.example/cache/preview_cards/{dice.getrandbits(64):016x}.jpg",
        "image_description": "",
        "embed_url": "",
        "blurhash": "UBL_:rOpGG-;tRxuWBofIUt7ofof~qt7Rjof",
        "published_at": None,
        "authors": [],
    }


# ---- the live stream ---------------------------------------------------------------------------------------------------

_SPELLINGS = ("shareASM", "shareasm", "SHAREASM", "ShareAsm", "ｓｈａｒｅＡＳＭ", "sháreASM")
_TID = "234567abcdefghijklmnopqrstuvwxyz"


def events(count: int, seed: int = 1, tagged: float = 0.001) -> list[bytes]:
    """Return `count` frames of Jetstream's second wire, 630 B on average: posts, of which some carry the tag, however spelled;
    one in twelve a deletion, one in a hundred an account's state.
    """
    dice = random.Random(seed)
    return [_event(dice, FIRST_SEQ + number, is_tagged=dice.random() < tagged) for number in range(count)]


def _event(dice: random.Random, number: int, *, is_tagged: bool) -> bytes:
    did = f"did:plc:{''.join(dice.choices('abcdefghijklmnopqrstuvwxyz234567', k=24))}"
    time = (
        (OPENS + timedelta(milliseconds=2 * (number - FIRST_SEQ)))
        .isoformat(timespec="microseconds")
        .replace("+00:00", "Z")
    )
    head = {"seq": number, "did": did, "time": time}
    kind = "commit" if is_tagged or dice.random() > 0.01 else "account"
    if kind == "account":
        body: dict[str, object] = {"account": {"active": dice.random() < 0.5, "did": did, "seq": number, "time": time}}
    else:
        is_deletion = not is_tagged and dice.random() < 1 / 12
        body = {
            "rev": _tid(dice),
            "operation": "delete" if is_deletion else "create",
            "collection": "app.bsky.feed.post",
            "rkey": _tid(dice),
        }
        if not is_deletion:
            body |= {"cid": f"bafyrei{''.join(dice.choices('abcdefghijklmnopqrstuvwxyz234567', k=52))}"}
            body |= {"record": _record(dice, time, _SPELLINGS[number % len(_SPELLINGS)] if is_tagged else "")}
    payload = {"$type": f"network.bsky.jetstream.subscribeEvents#{kind}", **head, **body}
    is_escaped = is_tagged and number % 3 == 0
    return json.dumps({"$type": "message", "payload": payload}, ensure_ascii=is_escaped, separators=(",", ":")).encode()


def _tid(dice: random.Random) -> str:
    return "3m" + "".join(dice.choices(_TID, k=11))


def _record(dice: random.Random, time: str, tag: str) -> dict[str, object]:
    is_accented = dice.random() < 0.15  # posts in languages with accents, as far as the network's languages are known
    words = " ".join(dice.choices(_WORDS if is_accented else _PLAIN_WORDS, k=dice.randrange(4, 44)))
    record: dict[str, object] = {"$type": "app.bsky.feed.post", "createdAt": time, "langs": [dice.choice(_LANGUAGES)]}
    label = tag or (dice.choice(_PLAIN_WORDS) if dice.random() < 0.1 else "")
    if label:
        start = len(f"{words} ".encode())
        words = f"{words} #{label}"
        feature = {"$type": "app.bsky.richtext.facet#tag", "tag": label}
        end = len(words.encode())
        record["facets"] = [{"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}]
    if dice.random() < 0.4:
        parent = {
            "cid": f"bafyrei{_tid(dice) * 4}",
            "uri": f"at://did:plc:{_tid(dice)}/app.bsky.feed.post/{_tid(dice)}",
        }
        record["reply"] = {"parent": parent, "root": parent}
    return record | {"text": words}
