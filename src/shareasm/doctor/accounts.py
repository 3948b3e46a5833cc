"""One account looked over: whose secret it is, what it may do, the clock, and whether what is planned for it fits."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from shareasm.doctor.findings import Finding, Light
from shareasm.doctor.materials import Prepare
from shareasm.domain.campaigns import CampaignAccount
from shareasm.domain.queue import PlannedEntry
from shareasm.errors import ConfigError
from shareasm.networks.ports import AccountFacts, Limits

CLOCK_YELLOW_S, CLOCK_RED_S = 2, 30
"""Seconds between a server's clock and ours. From 30 on posts are visibly late, and Idempotency-Keys are counted wrongly."""

FEW_CALLS = 50
"""Calls left below which the day should not begin: a post with pictures takes up to ten."""


def judge_account(account: CampaignAccount, facts: AccountFacts) -> Iterator[Finding]:
    """Yield what is to be said of the account itself."""
    yield _identity(account, facts)
    yield _scopes(account, facts)
    yield _clock(account, facts)
    yield _calls(account, facts)
    yield _mark(account, facts)


def _identity(account: CampaignAccount, facts: AccountFacts) -> Finding:
    software = f" ({facts.software})" if facts.software else ""
    if facts.is_account(account.handle):
        return Finding(Light.GREEN, account.id, "sign-in", f"signed in as {facts.handle}{software}")
    words = f"the secret is of {facts.handle}{software}, and the plan says {account.handle}: nothing is sent with it"
    return Finding(Light.RED, account.id, "sign-in", words, reconnect(account))


def _scopes(account: CampaignAccount, facts: AccountFacts) -> Finding:
    if facts.missing_scopes:
        words = f"the token lacks {', '.join(facts.missing_scopes)}"
        return Finding(Light.RED, account.id, "scopes", words, reconnect(account))
    if facts.has_main_password:
        words = "signed in with the account's own password, which can do everything"
        return Finding(Light.YELLOW, account.id, "scopes", words, f"make an app password; {reconnect(account)}")
    return Finding(Light.GREEN, account.id, "scopes", "it may do what we need")


def reconnect(account: CampaignAccount) -> str:
    """Return how to give an account another secret."""
    return f"shareasm connect {account.network} --account {account.id}"


def _clock(account: CampaignAccount, facts: AccountFacts) -> Finding:
    if facts.clock_ahead_s is None:
        return Finding(Light.GREEN, account.id, "clock", "its server tells no time")
    seconds = abs(facts.clock_ahead_s)
    if seconds <= CLOCK_YELLOW_S:
        return Finding(Light.GREEN, account.id, "clock", "its server's clock and ours agree")
    light = Light.RED if seconds > CLOCK_RED_S else Light.YELLOW
    which = "ahead of" if facts.clock_ahead_s > 0 else "behind"
    words = f"its server's clock is {seconds:,.0f} s {which} ours"
    return Finding(
        light, account.id, "clock", words, "set this machine's clock (NTP); where others agree with us, tell them"
    )


def _calls(account: CampaignAccount, facts: AccountFacts) -> Finding:
    if facts.calls_left is None:
        return Finding(Light.GREEN, account.id, "calls left", "its server names no limit")
    until = f" until {facts.calls_renew_at:%H:%M} UTC" if facts.calls_renew_at else ""
    words = f"{facts.calls_left:,} calls left{until}"
    if facts.calls_left >= FEW_CALLS:
        return Finding(Light.GREEN, account.id, "calls left", words)
    cure = "something else uses this account or this address: find it, and wait for the next window"
    return Finding(Light.YELLOW, account.id, "calls left", words, cure)


def _mark(account: CampaignAccount, facts: AccountFacts) -> Finding:
    says = facts.is_marked_automated
    if says is None or says == account.is_automated:
        words = "the account says that a program writes it" if says else "nothing to say"
        return Finding(Light.GREEN, account.id, "bot mark", words)
    if says:
        words = "the account says that a program writes it, and the plan does not"
        cure = "write automated: true beside it in campaign.yaml, or take the mark off in the account's settings"
    else:
        words = "the plan says that a program writes it, and the account does not"
        cure = f"mark it as a bot in its settings, or by {reconnect(account)}"
    return Finding(Light.YELLOW, account.id, "bot mark", words, cure)


# ---- what is planned for it --------------------------------------------------------------------------------------------


def judge_posts(
    account: CampaignAccount, limits: Limits, entries: Sequence[PlannedEntry], media: Path, prepare: Prepare
) -> Iterator[Finding]:
    """Yield what does not fit the account's server, or that all does."""
    troubles = [
        Finding(light, account.id, check, f"{_name(entry)}: {words}", cure)
        for entry in entries
        for light, check, words, cure in (*_text_troubles(entry, limits), *_media_troubles(entry, limits))
    ]
    pictures = sorted({item.file for entry in entries for item in entry.draft.media})
    troubles += _picture_troubles(account, pictures, limits, media, prepare)
    yield from troubles
    if not troubles:
        words = f"{count(len(entries), 'post')} with {count(len(pictures), 'picture')}: all fits its server"
        yield Finding(Light.GREEN, account.id, "posts", words)


def count(number: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


Trouble = tuple[Light, str, str, str]


def _text_troubles(entry: PlannedEntry, limits: Limits) -> Iterator[Trouble]:
    draft = entry.draft
    length, size = limits.count(draft.text, draft.content_warning), len(draft.text.encode())
    if length > limits.text_length:
        words = f"{length:,} of {limits.text_length:,} characters, as this server counts"
        yield Light.RED, "text", words, "shorten it in schedule.yaml"
    elif limits.text_bytes and size > limits.text_bytes:
        yield Light.RED, "text", f"{size:,} of {limits.text_bytes:,} bytes", "shorten it in schedule.yaml"


def _media_troubles(entry: PlannedEntry, limits: Limits) -> Iterator[Trouble]:
    draft = entry.draft
    if len(draft.media) > limits.media_count:
        words = f"{len(draft.media)} pictures, and this server takes {limits.media_count}"
        yield Light.RED, "pictures", words, "take some out"
    for alt in [item.alt for item in draft.media] + ([draft.video.alt] if draft.video else []):
        if len(alt) > limits.alt_length:
            words = f"a description of {len(alt):,} characters is cut to {limits.alt_length:,}"
            yield Light.YELLOW, "pictures", words, "shorten it"
    if draft.video and limits.video_bytes is None:
        yield Light.RED, "video", "this server takes no video from us", "give this account pictures"
    if draft.poll and limits.polls is None:
        yield Light.YELLOW, "poll", "this server has no polls: the words go out alone", ""


def _picture_troubles(
    account: CampaignAccount, files: Sequence[str], limits: Limits, media: Path, prepare: Prepare
) -> Iterator[Finding]:
    for file in files:
        try:
            prepare(media / file, limits)
        except ConfigError as error:
            yield Finding(Light.RED, account.id, "pictures", str(error), f"mend or replace {file}")


def _name(entry: PlannedEntry) -> str:
    part = f" part {entry.key.part + 1}" if entry.key.part else ""
    return f"{entry.key.slot}{part} ({entry.key.language})"
