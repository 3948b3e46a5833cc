"""Whatever plan passes its check can be sent in the order of its times: nothing ever waits for what comes later, or never."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from hypothesis import event, given, settings
from hypothesis import strategies as st

from shareasm.campaign_files import load_campaign
from shareasm.domain.queue import PlannedEntry, plan_entries

ACCOUNTS = ("north", "south", "east")
CAMPAIGN = """name: A day
hashtags: [day]
on: "2027-02-03"
zone: Europe/London
window: everywhere
languages: [en, fr]
host: IIED
contact: asm@iied.example
collect: [{mastodon: https://mastodon.example}]
accounts:
  north: {network: bluesky, handle: north.example, languages: [en]}
  south: {network: mastodon, server: https://mastodon.example, handle: south@mastodon.example, zone: Africa/Accra}
  east: {network: bluesky, handle: east.example, languages: [fr], partner: geita}
partners:
  geita: {name: Geita, role: media, zone: Africa/Dar_es_Salaam}
"""


class Plan(NamedTuple):
    """One slot as hypothesis writes it."""

    minute: int
    is_on_each_clock: bool
    accounts: frozenset[str]
    languages: frozenset[str]
    parts: int
    reply_to: int | None
    quote: int | None


def mostly(usual: object, *seldom: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Plans in which everything is drawn at random hardly ever pass: most of one is as a person would write it."""
    return st.integers(1, 16).flatmap(lambda dice: st.one_of(*seldom) if dice == 11 else st.just(usual))


@st.composite
def plans(draw: st.DrawFn) -> list[Plan]:
    """A plan's slots: later ones answer and quote earlier ones, and now and then something is odd."""
    others = st.integers(0, 4)
    return [
        Plan(
            minute=draw(mostly(number, st.integers(0, 3), st.just(180))),  # three hours lie between two of the clocks
            is_on_each_clock=draw(mostly(False, st.just(True))),
            accounts=draw(mostly(frozenset(ACCOUNTS), st.frozensets(st.sampled_from(ACCOUNTS), min_size=1))),
            languages=draw(mostly(frozenset(("en", "fr")), st.sampled_from((frozenset(("en",)), frozenset(("fr",)))))),
            parts=draw(st.integers(1, 2)),
            reply_to=draw(mostly(number - 1 if number else None, st.none(), others)),
            quote=draw(mostly(None, others)),
        )
        for number in range(draw(st.integers(1, 5)))
    ]


def written(number: int, plan: Plan) -> str:
    each = " in each partner's zone" if plan.is_on_each_clock else ""
    texts = ", ".join(f'{language}: "Slot {number} in {language} #day"' for language in sorted(plan.languages))
    further = texts.replace("Slot", "More of slot")
    lines = [
        f"- id: s{number}",
        f'  at: "{9 + plan.minute // 60:02}:{plan.minute % 60:02}{each}"',
        "  kind: news",
        f"  accounts: [{', '.join(sorted(plan.accounts))}]",
        f"  text: {{{texts}}}",
        f"  thread: [{'{text: {' + further + '}}' if plan.parts > 1 else ''}]",
    ]
    ties = (("reply_to", plan.reply_to), ("quote", plan.quote))
    return "\n".join((*lines, *(f"  {key}: s{other}" for key, other in ties if other is not None)))


@given(plans())
@settings(max_examples=150, deadline=None)
def test_every_tie_of_a_plan_that_passes_is_to_something_that_is_out_by_then(slots: list[Plan]) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "campaign.yaml").write_text(CAMPAIGN)
        (folder / "schedule.yaml").write_text("slots:\n" + "\n".join(map(written, range(len(slots)), slots)) + "\n")
        loaded = load_campaign(folder)
    event(f"passes: {not loaded.has_errors}")
    if loaded.campaign and loaded.schedule:
        entries = plan_entries(loaded.campaign, loaded.schedule)
        event(f"ties: {any(entry.draft.reply_to or entry.draft.quotes for entry in entries)}")
        assert_can_be_sent(entries)
    else:
        assert loaded.has_errors


def assert_can_be_sent(entries: list[PlannedEntry]) -> None:
    out: set[tuple[str, str]] = set()
    for entry in entries:
        for other in filter(None, (entry.draft.reply_to, entry.draft.quotes)):
            assert (other, entry.key.account) in out
        if entry.key.part == 0:
            out.add((entry.key.slot, entry.key.account))
    assert [entry.due_at for entry in entries] == sorted(entry.due_at for entry in entries)
