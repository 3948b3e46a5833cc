"""The posts that a plan makes, as each network will get them: too long, without the tag, said twice, at the same minute.

Works on the very drafts that are sent (`domain.queue.plan_entries`), so what is counted here is what goes out.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from shareasm.campaign_files.findings import Findings, Place
from shareasm.campaign_files.reading import nearest, shorten
from shareasm.campaign_files.schedule import Places
from shareasm.domain.campaigns import Campaign
from shareasm.domain.posts import Network
from shareasm.domain.queue import PlannedEntry, plan_entries
from shareasm.domain.richtext import (
    bluesky_length,
    find_facet_hashtags,
    find_hashtags,
    fold_hashtag,
    mastodon_length,
)
from shareasm.domain.schedules import Schedule, Slot

BLUESKY_GRAPHEMES, BLUESKY_BYTES = 300, 3_000
"""What Bluesky takes in one post (lexicon app.bsky.feed.post)."""

MASTODON_CHARACTERS = 500
"""What a Mastodon server takes that does not say more. An account's `limit` in campaign.yaml is for those that do."""

_MENTION = re.compile(r"(?<![\w@/.])@([\w-]+(?:\.[\w-]+)*)(@[\w-]+(?:\.[\w-]+)+)?")
_EMAIL = re.compile(
    r"(?<![\w@])[\w.+-]+@[\w-]+\.[\w.-]+|\b[\w.]+ (?:AT|\[at\]|\(at\)) [\w-]+ (?:DOT|\[dot\]|\(dot\)) \w+"
)
_PHONE = re.compile(r"(?<!\w)\+\d[\d ().-]{7,}\d")
_WEB = re.compile(r"https?://\S+")


def check_posts(campaign: Campaign, schedule: Schedule, places: Places, findings: Findings) -> None:
    """Add what is wrong with the posts that the plan makes."""
    entries = plan_entries(campaign, schedule)
    for entry in entries:
        _check_length(campaign, entry, _place(places, entry), findings)
        _check_words(campaign, entry, _place(places, entry), findings)
        if entry.key.part == 0:
            _check_hashtag(campaign, entry, _place(places, entry), findings)
    _check_twins(entries, places, findings)
    _check_clashes(schedule.slots, places, findings)


def _place(places: Places, entry: PlannedEntry) -> Place:
    return places.text(entry.key.slot, entry.key.part, entry.key.language, entry.network)


# ---- length ------------------------------------------------------------------------------------------------------------


def _check_length(campaign: Campaign, entry: PlannedEntry, place: Place, findings: Findings) -> None:
    if entry.network is Network.BLUESKY:
        graphemes, size = bluesky_length(entry.draft.text)
        most = campaign.account(entry.key.account).limit or BLUESKY_GRAPHEMES
        if graphemes > most:
            _too_long(entry, place, findings, graphemes, most, "characters")
        elif size > BLUESKY_BYTES:
            _too_long(entry, place, findings, size, BLUESKY_BYTES, "bytes (emoji and many scripts take several each)")
    else:
        warning = entry.draft.content_warning or ""
        length = mastodon_length(warning + entry.draft.text)
        most = campaign.account(entry.key.account).limit or MASTODON_CHARACTERS
        if length > most:
            _too_long(entry, place, findings, length, most, "characters")


def _too_long(entry: PlannedEntry, place: Place, findings: Findings, length: int, most: int, unit: str) -> None:
    findings.error(
        place,
        f"The text ({entry.key.language}) has {length:,} of {most:,} {unit} on {entry.network.title()}: "
        f"{length - most:,} too many. It ends here: {_cut(entry, most, unit)}",
        "Shorten it, or go on in a “thread”; for one network only, write the text under “bluesky:” and “mastodon:”.",
    )


def _cut(entry: PlannedEntry, most: int, unit: str) -> str:
    """Return the words around the place where `most` is reached."""
    text = entry.draft.text[: most * 12]

    def length(words: str) -> int:
        if entry.network is Network.MASTODON:
            return mastodon_length((entry.draft.content_warning or "") + words)
        return bluesky_length(words)["bytes" in unit]

    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if length(text[:middle]) <= most else (low, middle - 1)
    return f"“…{shorten(text[max(0, low - 25) : low])} ✂ {shorten(text[low : low + 15])}…”"


# ---- words -------------------------------------------------------------------------------------------------------------


def _check_hashtag(campaign: Campaign, entry: PlannedEntry, place: Place, findings: Findings) -> None:
    find = find_facet_hashtags if entry.network is Network.BLUESKY else find_hashtags
    found = find(entry.draft.text)
    wanted = {fold_hashtag(tag) for tag in campaign.hashtags}
    if not wanted or wanted & {tag.name for tag in found}:
        return
    cure = f"Write #{campaign.hashtags[0]} with a blank before it and behind it."
    for tag in found:
        if (near := nearest(tag.label, campaign.hashtags)) and (odd := _odd_letters(tag.label)):
            cure = f"“#{tag.label}” looks like “#{near}”, but has {odd}. Type it anew."
    findings.warn(
        place,
        f"On {entry.network.title()} the text ({entry.key.language}) does not carry the campaign's hashtag, so it will not be "
        "found with the others.",
        cure,
    )


def _odd_letters(label: str) -> str:
    """Return the names of letters of another script among Latin ones."""
    return ", ".join(
        f"{unicodedata.name(letter, 'an unknown letter').lower()}" for letter in label if not letter.isascii()
    )


def _check_words(campaign: Campaign, entry: PlannedEntry, place: Place, findings: Findings) -> None:
    text = _WEB.sub(" ", entry.draft.text)
    for found in (*_EMAIL.finditer(text), *_PHONE.finditer(text)):
        findings.warn(
            place,
            f"“{found[0]}” is somebody's e-mail address or telephone number.",
            "Take it out, unless its owner agreed to it.",
        )
    known = {handle.casefold() for partner in campaign.partners for handle in partner.accounts}
    known |= {f"@{account.handle}".casefold() for account in campaign.accounts}
    for match in _MENTION.finditer(text):
        _check_mention(match, known, entry.network, place, findings)


def _check_mention(match: re.Match[str], known: set[str], network: Network, place: Place, findings: Findings) -> None:
    is_mastodon = match[2] is not None
    if is_mastodon is (network is Network.BLUESKY) or (network is Network.BLUESKY and "." not in match[1]):
        findings.warn(
            place,
            f"“{match[0]}” is no handle on {network.title()}: nobody will be told there.",
            "Write the text under “bluesky:” and “mastodon:” with the handle of each network, or name the person without @.",
        )
    elif match[0].casefold() not in known:
        near = nearest(match[0], sorted(known))
        findings.warn(
            place,
            f"“{match[0]}” belongs to no partner in campaign.yaml, so its spelling is not checked.",
            f"Did you mean “{near}”?"
            if near
            else "Check that the account exists, or add it to a partner's “accounts”.",
        )


# ---- one post beside another -------------------------------------------------------------------------------------------


def _check_twins(entries: Iterable[PlannedEntry], places: Places, findings: Findings) -> None:
    seen: dict[tuple[str, str], PlannedEntry] = {}
    for entry in sorted(entries, key=lambda entry: _place(places, entry)):
        words = " ".join(entry.draft.text.casefold().split())
        first = seen.setdefault((entry.key.account, words), entry)
        if first is not entry:
            findings.error(
                _place(places, entry),
                f"The same text goes out twice on {entry.key.account}: it stands on line {_place(places, first).line} too.",
                "Change one of the two: networks take it for spam, and so do people.",
            )


def _check_clashes(slots: Iterable[Slot], places: Places, findings: Findings) -> None:
    by_minute: dict[tuple[str, datetime], list[Slot]] = defaultdict(list)
    for slot in slots:
        for account in slot.accounts:
            by_minute[account, slot.due_at.replace(second=0)].append(slot)
    for (account, _), together in by_minute.items():
        for slot in together[1:]:
            findings.warn(
                places.times[slot.id],
                f"“{slot.id}” and “{together[0].id}” go out on {account} in the same minute.",
                "Move one of them, so that readers see both.",
            )
