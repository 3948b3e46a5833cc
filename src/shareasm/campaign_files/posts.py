"""The posts that a plan makes, as each network will get them: too long, without the tag, said twice, at the same minute.

Works on the very drafts that are sent (`domain.queue.plan_entries`), so what is counted here is what goes out.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from shareasm.campaign_files.findings import Findings, Place
from shareasm.campaign_files.places import Places
from shareasm.campaign_files.reading import nearest, shorten
from shareasm.campaign_files.shortfalls import check_shortfalls
from shareasm.campaign_files.spoken import check_spoken
from shareasm.campaign_files.ties import check_ties
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

_MENTION = re.compile(r"(?<![\w@/.{])@([\w-]+(?:\.[\w-]+)*)(@[\w-]+(?:\.[\w-]+)+)?")
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
    _check_hashtags(campaign, entries, places, findings)
    _check_twins(entries, places, findings)
    check_ties(schedule, entries, places, findings)
    check_shortfalls(campaign, schedule, places, findings)
    _check_clashes((slot for slot in schedule.slots if slot.id not in places.untimed), places, findings)
    if not findings.has_errors:  # else slots are missing here, and there is enough to mend
        check_spoken(campaign, schedule, places, findings)


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
        length = _mastodon_length(entry, entry.draft.text)
        most = campaign.account(entry.key.account).limit or MASTODON_CHARACTERS
        if length > most:
            _too_long(entry, place, findings, length, most, "characters")


def _mastodon_length(entry: PlannedEntry, words: str) -> int:
    """Return what counts: also the warning, and the address that a server without quotes gets in the place of one."""
    address = "\n\nhttps://example.org" if entry.draft.quotes else ""  # every address counts the same
    return mastodon_length((entry.draft.content_warning or "") + words + address)


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
            return _mastodon_length(entry, words)
        return bluesky_length(words)["bytes" in unit]

    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if length(text[:middle]) <= most else (low, middle - 1)
    while 0 < low < len(text) and (unicodedata.category(text[low])[0] == "M" or "\u200d" in text[low - 1 : low + 1]):
        low -= 1  # not inside of a letter with marks, or of an emoji made of several
    return f"“…{shorten(text[max(0, low - 25) : low])} ✂ {shorten(text[low : low + 15])}…”"


# ---- words -------------------------------------------------------------------------------------------------------------


def _check_hashtags(campaign: Campaign, entries: Iterable[PlannedEntry], places: Places, findings: Findings) -> None:
    """Warn where the first post of a slot would not be found under the campaign's tag."""
    missing: dict[tuple[Place, str, str], set[str]] = defaultdict(set)
    for entry in entries:
        is_answer = entry.key.part > 0 or entry.draft.reply_to is not None  # found through what it answers
        if not is_answer and (cure := _hashtag_cure(campaign, entry)):
            missing[_place(places, entry), entry.key.language, cure].add(entry.network.title())
    for (place, language, cure), networks in missing.items():
        findings.warn(
            place,
            f"On {' and '.join(sorted(networks))} the text ({language}) does not carry the campaign's hashtag, so it will not "
            "be found with the others.",
            cure,
        )


def _hashtag_cure(campaign: Campaign, entry: PlannedEntry) -> str | None:
    """Return what to do about a text without the campaign's tag as its network reads tags; None where all is well."""
    find = find_facet_hashtags if entry.network is Network.BLUESKY else find_hashtags
    found = find(entry.draft.text)
    wanted = {fold_hashtag(tag) for tag in campaign.hashtags}
    if not wanted or wanted & {tag.name for tag in found}:
        return None
    for tag in found:
        if (near := nearest(tag.label, campaign.hashtags)) and (odd := _odd_letters(tag.label)):
            return f"“#{tag.label}” looks like “#{near}”, but has {odd}. Type it anew."
    return f"Write #{campaign.hashtags[0]} with a blank before it and behind it."


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
        near = nearest(match[0], sorted(known), likeness=0.85)
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
    twins: dict[tuple[Place, Place], list[str]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: _place(places, entry)):
        words = " ".join(entry.draft.text.casefold().split())
        first = seen.setdefault((entry.key.account, words), entry)
        if first is not entry:
            twins[_place(places, entry), _place(places, first)].append(entry.key.account)
    for (place, first_place), accounts in twins.items():
        findings.error(
            place,
            f"The same text goes out twice on {', '.join(accounts)}: it stands on line {first_place.line} too.",
            "Change one of the two: networks take it for spam, and so do people.",
        )


def _check_clashes(slots: Iterable[Slot], places: Places, findings: Findings) -> None:
    by_minute: dict[tuple[str, datetime], list[Slot]] = defaultdict(list)
    for slot in slots:
        for account in slot.accounts:
            by_minute[account, slot.due_for(account).at.replace(second=0)].append(slot)
    clashes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (account, _), together in by_minute.items():
        news = [slot for slot in together if slot.reply_to not in {other.id for other in together}]
        for slot in news[1:]:
            clashes[news[0].id, slot.id].append(account)
    for (first, second), accounts in clashes.items():
        findings.warn(
            places.times[second],
            f"This slot and {places.called(first)} go out on {', '.join(accounts)} in the same minute.",
            "Move one of them, so that readers see both.",
        )
