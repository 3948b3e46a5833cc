"""Questions to us that nobody has answered: what `status` reminds the team of. Pure.

A question is a reply to a post of ours, or a post that names one of our accounts, in which somebody asks something. It is
answered when one of our accounts, or a partner's, said something below it. Whether a post asks is read off its marks, in every
script that has one of its own, and in languages that ask without a mark off the words that they end such sentences with. It is
a reminder, so a question too many costs less than one that is overlooked.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from shareasm.domain.campaigns import Campaign, CampaignAccount
from shareasm.domain.posts import Network, Post, PostRef

# ---- does it ask? ------------------------------------------------------------------------------------------------------

_MARKS = "?¿؟՞፧⁇⁈⁉‽⸘⸮❓❔⳺⳻꘏꛷᥅﹖？︖𑅃𞥟"
"""Unicode characters named “question mark” and their kin: Latin, Arabic, Armenian, Ethiopic, Coptic, Vai, Bamum, Limbu,
Chakma, Adlam, full-width and small forms, emoji (Unicode 16, read November 2026)."""

_GREEK = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff][»”\"')\]]*\s?[;\u037e]")
"""Greek asks with what elsewhere parts a sentence."""

_ENDINGS: Mapping[str, tuple[str, ...]] = {
    "ja": ("か", "かな", "かね"),
    "zh": ("吗", "嗎", "呢", "么"),
    "yue": ("嗎", "呢", "㗎"),
    "th": (
        "ไหม",
        "มั้ย",
        "หรือไม่",
        "หรือเปล่า",
        "หรือยัง",
        "อะไร",
        "อย่างไร",
        "ยังไง",
        "ที่ไหน",
        "เมื่อไร",
        "เท่าไร",
        "เท่าไหร่",
        "ไหมครับ",
        "ไหมคะ",
    ),
    "lo": ("ບໍ່", "ບໍ", "ຫຼືບໍ່", "ຫຍັງ", "ແນວໃດ", "ໃສ"),
    "km": ("ឬទេ", "ដែរឬទេ", "អ្វី", "ដូចម្តេច", "ឯណា"),
    "my": ("လား", "လဲ", "နည်း"),
    "bo": ("གམ", "ངམ", "དམ", "རེད་པས", "འདུག་གས"),
}
"""Words that end a question in languages that need no mark for it, by language."""

_SENTENCE = re.compile(r"[.!…。！｡၊။។๚\u0f0d\n]+")
_ADDRESS = re.compile(r"\S+://\S+|[\w-]+(?:\.[\w-]+)+/\S*|[#＃@＠]\S+")


def asks(text: str, languages: Collection[str] = ()) -> bool:
    """Return whether somebody asks something in `text`. Addresses ask nothing, whatever marks are in them.

    >>> asks("What do masks cost?"), asks("Read https://example.org/?page=2"), asks("安全吗。", ["zh"])
    (True, False, True)
    """
    words = _ADDRESS.sub(" ", text)
    if any(mark in words for mark in _MARKS) or _GREEK.search(words):
        return True
    endings = tuple(ending for tag in languages for ending in _ENDINGS.get(tag.split("-")[0].lower(), ()))
    return bool(endings) and any(sentence.strip(" \u200b་").endswith(endings) for sentence in _SENTENCE.split(words))


# ---- is it to us, and has anybody answered? ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heard:
    """A stored post, as far as this needs it."""

    post: Post
    answers: PostRef | None  # what it replies to
    is_ours: bool  # one of our accounts said it


def open_questions(campaign: Campaign, heard: Iterable[Heard]) -> tuple[Post, ...]:
    """Return the questions to us that neither we nor a partner answered, the one that waits longest first.

    `heard` are the posts that are still there, ours among them.
    """
    said = list(heard)
    own = {(account.network, _folded(account.handle)) for account in campaign.accounts}
    partners = {_folded(handle) for partner in campaign.partners for handle in partner.accounts}
    ours = {one.post.ref for one in said if one.is_ours or _name(one.post) in own}
    by_team = ours | {one.post.ref for one in said if _name(one.post)[1] in partners}
    parents = {one.post.ref: one.answers for one in said}
    answered = {ref for team in by_team for ref in _above(team, parents)}
    waiting = [
        one.post
        for one in said
        if one.post.ref not in by_team | answered
        and asks(one.post.text, one.post.languages)
        and (one.answers in ours or any(mentions(one.post, account) for account in campaign.accounts))
    ]
    return tuple(sorted(waiting, key=lambda post: (post.created_at, post.ref)))


def _above(ref: PostRef, parents: Mapping[PostRef, PostRef | None]) -> Iterable[PostRef]:
    """Return every post that `ref` answers, directly or further up."""
    met = {ref}
    at = parents.get(ref)
    while at is not None and at not in met:
        met.add(at)
        at = parents.get(at)
    return met - {ref}


def _name(post: Post) -> tuple[Network, str]:
    return post.author.network, _folded(post.author.handle)


def mentions(post: Post, account: CampaignAccount) -> bool:
    """Return whether a post names `account`, as people write it on its network.

    Mastodon shortens a name in the text to what stands before its server, so there the link behind it decides.
    """
    if post.ref.network is not account.network:
        return False
    name = _folded(account.handle)
    if re.search(rf"(?<![\w.@-])@{re.escape(name)}(?![\w-]|\.\w|@)", post.text.casefold()):
        return True
    return account.network is Network.MASTODON and any(
        _is_page_of(account, href) for href in re.findall(r'href="([^"]+)"', post.html)
    )


def _is_page_of(account: CampaignAccount, href: str) -> bool:
    """Return whether an address is an account's page on its server: /@name, /users/name, or /name."""
    user, _, host = _folded(account.handle).partition("@")
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    places = {host, urlsplit(account.server).netloc.lower()}
    return (
        parts.netloc.lower() in places
        and re.fullmatch(rf"/(?:@|users/|u/|profile/)?{re.escape(user)}/?", parts.path.casefold()) is not None
    )


def _folded(handle: str) -> str:
    return handle.lstrip("@").casefold()
