"""What a network cannot do of what a slot asks for, and what happens there instead. The other networks get it whole.

Sources: platform facts 2.3, 2.5 and 6.3; for Bluesky the lexicons app.bsky.feed.post, .threadgate and .postgate.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from shareasm.campaign_files.findings import Findings
from shareasm.campaign_files.places import Places
from shareasm.domain.campaigns import Campaign, CampaignAccount
from shareasm.domain.posts import Network
from shareasm.domain.schedules import Part, Schedule, Slot, WhoMayReply


class _Shortfall(NamedTuple):
    """One thing that one network lacks."""

    network: Network
    key: str  # under which a slot or a part asks for it
    is_asked: Callable[[Slot, Part], bool]
    lacks: str  # what the network lacks, as a sentence's beginning
    instead: str
    cure: str
    is_for_words: bool = False  # words of its own for the network settle it


_SHORTFALLS = (
    _Shortfall(
        Network.BLUESKY,
        "poll",
        lambda _, part: part.poll is not None,
        "Bluesky has no polls",
        "the words go out alone",
        "Write the text under “bluesky:” and “mastodon:”, and say on Bluesky how to answer.",
        is_for_words=True,
    ),
    _Shortfall(
        Network.BLUESKY,
        "warning",
        lambda slot, _: slot.content_warning is not None,
        "Bluesky has no warnings in words",
        "the text stands open, and only pictures are covered",
        "Write the text under “bluesky:” and “mastodon:”, and begin Bluesky's with the warning.",
        is_for_words=True,
    ),
    _Shortfall(
        Network.BLUESKY,
        "visibility",
        lambda slot, _: slot.visibility == "unlisted",
        "Bluesky has no unlisted posts",
        "it is public",
        "If that must not be, write “accounts: […]” without them.",
    ),
    _Shortfall(
        Network.MASTODON,
        "who_may_reply",
        lambda slot, _: slot.who_may_reply is not WhoMayReply.EVERYONE,
        "Mastodon does not let an author choose who may reply",
        "everybody may",
        "If that must not be, write “accounts: […]” without them.",
    ),
    _Shortfall(
        Network.MASTODON,
        "video",
        lambda _, part: part.video is not None and bool(part.video.captions),
        "Mastodon takes no captions beside a video",
        "it is shown without them",
        "Let the captions stand in the picture too, or say in the text what is said.",
    ),
    _Shortfall(
        Network.MASTODON,
        "quote",
        lambda slot, part: bool(slot.quotes and part is slot.parts[0] and (part.pictures or part.video or part.poll)),
        "Mastodon's own app allows no quote beside pictures, a video or a poll",  # 4.5; its servers say nothing of it
        "the server may refuse the post",
        "Put what goes with the words into a part of the “thread”.",
    ),
)
_OF_A_PART = {"poll", "video"}  # keys that a further part of a thread has, too


def check_shortfalls(campaign: Campaign, schedule: Schedule, places: Places, findings: Findings) -> None:
    """Add a warning for each thing that a slot asks of a network which lacks it."""
    for slot in schedule.slots:
        reached = [account for account in campaign.accounts if account.id in slot.accounts]
        for shortfall in _SHORTFALLS:
            accounts = [account for account in reached if account.network is shortfall.network]
            for number in _asking(slot, shortfall, accounts):
                findings.warn(
                    places.key(slot.id, shortfall.key, number if shortfall.key in _OF_A_PART else 0),
                    f"{shortfall.lacks}: on {', '.join(account.id for account in accounts)} {shortfall.instead}.",
                    shortfall.cure,
                )
        _check_rules(slot, places, findings)


def _check_rules(slot: Slot, places: Places, findings: Findings) -> None:
    """Add a warning for each rule that holds nowhere, or for more than was meant."""
    where = places.key(slot.id, "who_may_reply")
    if slot.reply_to and slot.who_may_reply is not WhoMayReply.EVERYONE:
        findings.warn(
            where,
            f"An answer does not say who may reply: “{slot.reply_to}” does, for everything below it.",
            f"Write “who_may_reply” in “{slot.reply_to}”.",
        )
    texts = [text for by_network in slot.parts[0].texts.values() for text in by_network.values()]
    if slot.who_may_reply is WhoMayReply.MENTIONED and not any("@" in text for text in texts):
        findings.warn(
            where,
            "The text mentions nobody, so nobody may reply.",
            "Name somebody in it, such as a partner: {@partner-id}.",
        )
    if slot.labels and not any(part.pictures or part.video for part in slot.parts):
        findings.warn(
            places.key(slot.id, "labels"),
            "The labels cover pictures and videos, and the slot has none.",
            "Take them out. A “warning” is for words.",
        )


def _asking(slot: Slot, shortfall: _Shortfall, accounts: Sequence[CampaignAccount]) -> Iterator[int]:
    """Yield the numbers of the parts of a slot that ask for what their accounts' network lacks."""
    spoken = {language for account in accounts for language in account.languages}
    for number, part in enumerate(slot.parts):
        texts = [by_network for language, by_network in part.texts.items() if language in spoken]
        is_settled = shortfall.is_for_words and all(shortfall.network in by_network for by_network in texts)
        if texts and not is_settled and shortfall.is_asked(slot, part):
            yield number
