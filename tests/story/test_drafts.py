"""Drafting a story: what a first one says, and that drafting again never loses a hand's work."""

# ruff: noqa: E501  a layout stands on one line

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recap_day import MASTODON, OURS, a_campaign, a_day, a_post, a_slot, an_account, an_entry, at, shown
from shareasm.campaign_files import Severity, load_campaign
from shareasm.campaign_files.findings import Findings
from shareasm.campaign_files.story import Named, read_story
from shareasm.campaign_files.tree import parse_tree
from shareasm.domain.campaigns import Partner, Role
from shareasm.domain.moderation import Reason
from shareasm.domain.posts import Counts
from shareasm.domain.recaps import Facts, arrange
from shareasm.domain.schedules import Kind, Schedule
from shareasm.domain.stories import Rule, RuleKind, StoryPlan
from shareasm.errors import ConfigError, StorageError
from shareasm.story import Drafted, draft, missing, missing_findings
from shareasm.story.memory import Memory
from shareasm.story.merging import first_story, keeps, merge, suggest

OVER = at("23:00")


def plan_of(text: str) -> StoryPlan:
    findings = Findings()
    fields = parse_tree(text, "story.yaml", findings)
    assert fields, findings.in_order()
    plan = read_story(fields, Named(), findings)
    assert findings.in_order() == ()
    return plan


def named(plan: StoryPlan) -> list[str]:
    """Return what a story names, in its order."""
    return [rule.value for chapter in plan.chapters for rule in chapter.rules]


def day(count: int, *, slots: int = 3) -> Facts:
    """Return a day of so many voices, a few every hour from six on, and slots of ours; a larger one holds a smaller one."""
    authors = [an_account(f"a{n}.example") for n in range(7)] + [an_account("b@x.example", network=MASTODON)]
    voices = [
        a_post(
            f"v{n}", by=authors[n % 8], created_at=at("06:05") + timedelta(minutes=25 * n), counts=Counts(replies=n % 4)
        )
        for n in range(count)
    ]
    themes = [("welcome", Kind.WELCOME, None), ("safety", Kind.NEWS, "safe work"), ("loans", Kind.NEWS, "finance"),
              ("boots", Kind.NEWS, "safe work"), ("bye", Kind.THANKS, None)]  # fmt: skip
    plan = [a_slot(name, f"{8 + n}:00", kind, theme=theme) for n, (name, kind, theme) in enumerate(themes[:slots])]
    ours = [a_post(slot.id, by=OURS, created_at=slot.due_at) for slot in plan]
    entries = [an_entry(slot, post) for slot, post in zip(plan, ours, strict=True)]
    posts = [shown(post, number) for number, post in enumerate([*ours, *voices], start=1)]
    return Facts(a_campaign(), schedule=Schedule(tuple(plan)), entries=entries, posts=posts)


def drafted(folder: Path, facts: Facts, now: datetime = OVER) -> Drafted:
    """Draft as the command does: with the story that lies in the folder."""
    path = folder / "story.yaml"
    return draft(folder, replace(facts, story=plan_of(path.read_text()) if path.exists() else None), now)


# ---- a first story -------------------------------------------------------------------------------------------------------


def test_a_first_story_can_be_read_and_shows_what_it_names(tmp_path: Path) -> None:
    done = drafted(tmp_path, a_day())
    story = plan_of((tmp_path / "story.yaml").read_text())
    recap = arrange(a_day(story=story))
    assert done.added_count == sum(len(one.chapter.passages) for one in recap.chapters) > 10
    assert not done.missing
    assert recap.is_edited


def test_a_first_story_has_chapters_by_theme_and_kind_and_what_was_overheard(tmp_path: Path) -> None:
    drafted(tmp_path, a_day())
    headings = [chapter.heading for chapter in plan_of((tmp_path / "story.yaml").read_text()).chapters]
    assert headings[0] == "The day opens"
    assert headings[-1] == "Thanks"
    assert {"Safety and health", "Overheard in the morning"} <= set(headings)


def test_its_sentences_only_count(tmp_path: Path) -> None:
    drafted(tmp_path, a_day())
    story = plan_of((tmp_path / "story.yaml").read_text())
    assert story.lede == "We saw 31 posts by 19 accounts in 13 languages under #shareASM on Wednesday, 3 February 2027."
    texts = {chapter.heading: chapter.text for chapter in story.chapters}
    assert texts["The day opens"] == "1 post of our programme, at 09:00. 3 accounts answered."
    assert texts["Safety and health"] == "2 posts of our programme, between 10:00 and 16:30. 1 account answered."
    assert re.fullmatch(
        r"\d+ posts by \d+ accounts in \d+ languages, between .*\.", texts["Overheard in the afternoon"]
    )


def test_a_post_that_declares_no_language_adds_none_to_the_sentence(tmp_path: Path) -> None:
    drafted(tmp_path, Facts(a_campaign(), posts=[shown(a_post("x", languages=()))]))
    story = plan_of((tmp_path / "story.yaml").read_text())
    assert story.lede == "We saw 1 post by 1 account under #shareASM on Wednesday, 3 February 2027."
    assert story.chapters[0].text == "1 post by 1 account, at 09:00."


def test_no_word_of_anybody_is_written_down(tmp_path: Path) -> None:
    drafted(tmp_path, a_day())
    text = (tmp_path / "story.yaml").read_text() + (tmp_path / "story.drafted.json").read_text()
    assert "Wachimbaji" not in text
    assert "Boots" not in text
    assert "bsky.example" not in (tmp_path / "story.drafted.json").read_text()


def test_it_speaks_the_campaign_s_first_language(tmp_path: Path) -> None:
    drafted(tmp_path, Facts(a_campaign(languages=("fr", "en")), posts=[shown(a_post("x"))]))
    story = plan_of((tmp_path / "story.yaml").read_text())
    assert story.lede == "Nous avons vu 1 message de 1 compte, en 1 langue, sous #shareASM, le mercredi 3 février 2027."
    assert story.chapters[0].heading == "Entendu le matin"
    assert story.chapters[0].text == "1 message de 1 compte, en 1 langue, à 09:00."


def test_a_draft_hears_every_network_language_and_role_and_nobody_twice_in_a_row(tmp_path: Path) -> None:
    partners = tuple(
        Partner(role.value.replace(" ", "-"), role, role, accounts=(f"@{role.name.lower()}.example",)) for role in Role
    )
    posts = [
        a_post(f"p{n}", by=an_account(f"{role.name.lower()}.example"), created_at=at("10:00") + timedelta(minutes=n))
        for n, role in enumerate(Role)
    ]
    loud = [
        a_post(f"l{n}", by=an_account("loud.example"), counts=Counts(likes=99), created_at=at("10:00"))
        for n in range(40)
    ]
    other = a_post("o", by=an_account("b@x.example", network=MASTODON), languages=("sw",), created_at=at("10:30"))
    facts = Facts(a_campaign(partners=partners), posts=[shown(post) for post in (*loud, *posts, other)])
    drafted(tmp_path, facts)
    recap = arrange(replace(facts, story=plan_of((tmp_path / "story.yaml").read_text())))
    items = [passage.item for passage in recap.chapters[0].chapter.passages]
    assert {item.partner.role for item in items if item.partner} == set(list(Role)[: len(items)]) or len(items) == 10
    assert {"sw", "en"} <= {item.language for item in items}
    assert all(one.post.author.ref != two.post.author.ref for one, two in pairwise(items))


def test_a_dry_run_says_what_would_change_and_writes_nothing(tmp_path: Path) -> None:
    done = draft(tmp_path, a_day(), at("23:00"), is_dry_run=True)
    assert list(tmp_path.iterdir()) == []
    assert "+      - {slot: welcome}" in done.changes


def test_a_day_without_posts_gives_a_story_without_chapters(tmp_path: Path) -> None:
    drafted(tmp_path, Facts(a_campaign()))
    assert plan_of((tmp_path / "story.yaml").read_text()).chapters == ()
    drafted(tmp_path, day(4))
    assert named(plan_of((tmp_path / "story.yaml").read_text()))


# ---- drafting again ------------------------------------------------------------------------------------------------------


def test_drafting_twice_changes_nothing(tmp_path: Path) -> None:
    drafted(tmp_path, day(20))
    before = (tmp_path / "story.yaml").read_text()
    done = drafted(tmp_path, day(20))
    assert (done.changes, done.added_count) == ((), 0)
    assert (tmp_path / "story.yaml").read_text() == before


def test_what_came_since_is_added_where_it_belongs(tmp_path: Path) -> None:
    drafted(tmp_path, day(5, slots=3))
    done = drafted(tmp_path, day(30, slots=5))
    story = plan_of((tmp_path / "story.yaml").read_text())
    assert done.added_count > 5
    chapters = {chapter.heading: [rule.value for rule in chapter.rules] for chapter in story.chapters}
    assert chapters["Safe work"] == ["safety", "boots"]
    assert [chapter.heading for chapter in story.chapters][-1] == "Thanks"
    assert "Overheard in the afternoon" in chapters


def test_a_chapter_takes_no_more_voices_than_a_first_draft_would(tmp_path: Path) -> None:
    for count in (4, 8, 14, 40):
        drafted(tmp_path, day(count))
    story = plan_of((tmp_path / "story.yaml").read_text())
    assert max(len(chapter.rules) for chapter in story.chapters) == 10


def test_sentences_that_nobody_touched_are_counted_anew_and_others_stay(tmp_path: Path) -> None:
    drafted(tmp_path, day(5))
    path = tmp_path / "story.yaml"
    first = plan_of(path.read_text())
    path.write_text(path.read_text().replace(first.chapters[0].text, "Mine."))
    drafted(tmp_path, day(9))
    story = plan_of(path.read_text())
    assert story.lede != first.lede
    assert "12 posts" in story.lede
    assert story.chapters[0].text == "Mine."


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("text: |\n      5 posts by 5 accounts in 1 language, between 06:05 and 07:45.", 'text: "{}"  # mine'),
        ("text: |\n      5 posts by 5 accounts in 1 language, between 06:05 and 07:45.", "text: >- # mine\n        {}"),
    ],
)
def test_a_counting_sentence_is_renewed_however_it_is_quoted(tmp_path: Path, old: str, new: str) -> None:
    drafted(tmp_path, day(5))
    path = tmp_path / "story.yaml"
    words = old.rpartition("  ")[2]
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new.format(words)))
    drafted(tmp_path, day(6))
    text = path.read_text()
    assert "# mine" in text
    assert "6 posts by 6 accounts in 1 language, between 06:05 and 08:10." in text
    plan_of(text)


def test_posts_that_were_taken_out_stay_out_also_when_they_are_only_commented_out(tmp_path: Path) -> None:
    drafted(tmp_path, day(8))
    path = tmp_path / "story.yaml"
    lines = path.read_text().split("\n")
    at_v3, at_v4 = (next(n for n, line in enumerate(lines) if f"/{key}" in line) for key in ("v3", "v4"))
    lines[at_v4] = lines[at_v4].replace("- {", "# - {")
    del lines[at_v3]
    path.write_text("\n".join(lines))
    drafted(tmp_path, day(30))
    assert not {"v3", "v4"} & {value.rpartition("/")[2] for value in named(plan_of(path.read_text()))}


def test_a_chapter_that_was_taken_out_stays_out(tmp_path: Path) -> None:
    drafted(tmp_path, day(8))
    path = tmp_path / "story.yaml"
    path.write_text(re.sub(r"  - heading: \"Safe work\".*?(?=  - heading)", "", path.read_text(), flags=re.DOTALL))
    drafted(tmp_path, day(8, slots=5))
    assert "boots" not in named(plan_of(path.read_text()))


def test_a_chapter_with_another_heading_is_known_by_its_posts(tmp_path: Path) -> None:
    drafted(tmp_path, day(8))
    path = tmp_path / "story.yaml"
    path.write_text(path.read_text().replace('"Safe work"', "Everybody should come home"))
    drafted(tmp_path, day(8, slots=5))
    story = plan_of(path.read_text())
    assert [[r.value for r in c.rules] for c in story.chapters if c.heading == "Everybody should come home"] == [
        ["safety", "boots"]
    ]


def test_without_what_was_remembered_nothing_of_the_file_is_touched(tmp_path: Path) -> None:
    drafted(tmp_path, day(8))
    (tmp_path / "story.drafted.json").unlink()
    before = plan_of((tmp_path / "story.yaml").read_text())
    drafted(tmp_path, day(9))
    after = plan_of((tmp_path / "story.yaml").read_text())
    assert keeps(before, after, Memory())


def test_a_thin_day_is_no_row_of_chapters_of_one_post_and_grows_without_losing_any(tmp_path: Path) -> None:
    kinds = (Kind.NEWS, Kind.EVENT, Kind.VIDEO, Kind.EVENT)
    plan = [a_slot(f"s{n}", f"{9 + n:02}:00", kind) for n, kind in enumerate(kinds)]
    ours = [a_post(slot.id, by=OURS, created_at=slot.due_at) for slot in plan]
    entries = [an_entry(slot, post) for slot, post in zip(plan, ours, strict=True)]
    for count in (3, 4):
        posts = [shown(post, number) for number, post in enumerate(ours[:count], start=1)]
        drafted(tmp_path, Facts(a_campaign(), schedule=Schedule(tuple(plan)), entries=entries, posts=posts))
    story = plan_of((tmp_path / "story.yaml").read_text())
    told = {chapter.heading: [rule.value for rule in chapter.rules] for chapter in story.chapters}
    assert told == {"From our programme": ["s0", "s1", "s2"], "Where people meet": ["s3"]}


def edit(path: Path, change: Callable[[str], str], at: datetime) -> None:
    """Change a file as a hand does, at an instant."""
    path.write_text(change(path.read_text()))
    os.utime(path, (at.timestamp(), at.timestamp()))


@pytest.mark.parametrize("mine", ["", "title: Mine\n"])
def test_a_lost_memory_brings_back_nothing_and_adds_what_came_since(tmp_path: Path, mine: str) -> None:
    path = tmp_path / "story.yaml"
    if mine:
        path.write_text(mine)
    drafted(tmp_path, day(8))
    edit(path, lambda text: "".join(line for line in text.splitlines(True) if "/v3" not in line), at("09:30"))
    (tmp_path / "story.drafted.json").unlink()
    before = plan_of(path.read_text())
    done = drafted(tmp_path, day(12))
    assert done.since == at("09:30")
    names = {value.rpartition("/")[2] for value in named(plan_of(path.read_text()))}
    assert {"v9", "v10", "v11"} <= names, "they came after half past nine"
    assert not {"v3", "v8"} & names, "nobody knows who left them out"
    assert keeps(before, plan_of(path.read_text()), Memory())
    again = drafted(tmp_path, day(12))
    assert (again.changes, again.since) == ((), None), "from now on it is remembered"


def test_what_a_clock_that_runs_ahead_says_is_no_news(tmp_path: Path) -> None:
    drafted(tmp_path, day(4))
    edit(tmp_path / "story.yaml", lambda text: text.replace("/v2", "/none"), at("01:00"))
    (tmp_path / "story.drafted.json").unlink()
    assert drafted(tmp_path, day(4), now=at("02:00")).added_count == 0


def test_a_memory_that_a_hand_has_spoilt_is_refused(tmp_path: Path) -> None:
    (tmp_path / "story.drafted.json").write_text("[]")
    with pytest.raises(ConfigError, match="not what a draft has written"):
        draft(tmp_path, a_day(), at("23:00"))


def test_the_memory_says_what_it_is(tmp_path: Path) -> None:
    drafted(tmp_path, day(2))
    assert "Keep this file" in json.loads((tmp_path / "story.drafted.json").read_text())["what"]


def test_a_disk_that_refuses_is_said(tmp_path: Path) -> None:
    (tmp_path / "story.drafted.json").mkdir()
    with pytest.raises(ConfigError):
        draft(tmp_path, a_day(), at("23:00"))
    with pytest.raises(StorageError):
        draft(tmp_path / "nowhere", a_day(), at("23:00"))


def test_a_cover_that_is_gone_is_told_like_any_post_that_the_story_names() -> None:
    wanted = Rule(RuleKind.POST, "https://gone.example/1")
    recap = arrange(replace(day(2), story=StoryPlan(cover=wanted)))
    assert [one.rule for one in missing(recap, OVER)] == [wanted]


# ---- what a hand wrote, in any layout ------------------------------------------------------------------------------------

LAYOUTS = [
    'title: "x"\n',
    'title: "x"  # no line end',
    "{title: x}\n",
    "{title: x, chapters: []}\n",
    "title: x\nchapters: []\nreading: [osh-guide]\n",
    "title: x\nchapters:\n# later\nahead: soon\n",
    "chapters:\n- heading: Mine\n  show:\n  - {slot: welcome}\n  # - {slot: loans}\n\n# the end\n",
    "chapters:\n  - heading: Mine\n    show: [{slot: welcome}]  # first\n  # a thought\nahead: |\n  Soon.\n\n",
    "chapters:\n  - heading: Mine\n    show:\n      - slot: welcome\n        most: 3\n      - text: |\n          Words.\n          # not a comment\n\n",
    "chapters: [{heading: Mine, show: [{slot: welcome},]}, {heading: Safe work}]\n",
    'chapters:\n  - {heading: "Safe work", show: []}\n  - heading: The day opens\n    show:\n',
    "chapters:\n  - heading: Safe work\n  - heading: Finance\n    text: Mine\n",
    "chapters:\n    -   heading: Safe work\n        show:\n            -   slot: welcome\n    -   heading: Thanks\ntitle: last\n",
    "chapters:\n  - heading: Safe work\n    show:\n      # - {slot: safety}\n      # all out\n  # between\n\n  - heading: Thanks\n",
    "chapters:\r\n  - heading: Mine\r\n    show: [{slot: welcome}]\r\n",
]


@pytest.mark.parametrize("text", LAYOUTS)
def test_whatever_the_layout_nothing_is_lost_and_the_new_is_there(tmp_path: Path, text: str) -> None:
    path = tmp_path / "story.yaml"
    path.write_bytes(text.encode())
    before = plan_of(text.replace("\r", ""))
    drafted(tmp_path, day(12, slots=5))
    after = path.read_bytes().decode()
    assert is_subsequence(text, after)
    assert ("\r\n" in text) == ("\r\n" in after)
    story = plan_of(after.replace("\r", ""))
    assert keeps(before, story, Memory())
    assert {"safety", "loans", "boots", "bye"} <= set(named(story))
    assert drafted(tmp_path, day(12, slots=5)).changes == ()


def test_a_file_with_a_mark_of_its_encoding_is_read(tmp_path: Path) -> None:
    (tmp_path / "story.yaml").write_bytes("title: é\n".encode("utf-8-sig"))
    draft(tmp_path, replace(day(3), story=StoryPlan(title="é")), at("23:00"))
    assert (tmp_path / "story.yaml").read_text().startswith("title: é\n")


def test_a_layout_that_cannot_be_added_to_is_left_alone(tmp_path: Path) -> None:
    text = "chapters: [{heading: The day opens, show: }]\n"
    (tmp_path / "story.yaml").write_text(text)
    with pytest.raises(ConfigError, match="nothing was written"):
        drafted(tmp_path, day(3))
    assert (tmp_path / "story.yaml").read_text() == text


def is_subsequence(short: str, long: str) -> bool:
    letters = iter(long)
    return all(letter in letters for letter in short)


# ---- what is gone --------------------------------------------------------------------------------------------------------


def test_what_the_editor_chose_and_is_gone_is_said_and_stays_in_the_file(tmp_path: Path) -> None:
    drafted(tmp_path, day(8))
    facts = day(8)
    gone = next(one for one in facts.posts if one.post.url.endswith("/v3"))
    later = replace(
        facts,
        posts=[one for one in facts.posts if one is not gone],
        withheld={gone.post.url: Reason.GONE, gone.post.ref.uri: Reason.GONE},
    )
    done = drafted(tmp_path, later)
    assert [one.rule for one in done.missing] == [Rule(RuleKind.POST, gone.post.url)]
    assert gone.post.url in named(plan_of((tmp_path / "story.yaml").read_text()))


def test_a_slot_that_waits_is_missing_only_when_the_day_is_over(tmp_path: Path) -> None:
    (tmp_path / "story.yaml").write_text("chapters: [{heading: One, show: [{slot: later}]}]\n")
    assert drafted(tmp_path, day(2), at("12:00")).missing == ()
    assert [one.rule.value for one in drafted(tmp_path, day(2), at("22:00")).missing] == ["later"]


def test_a_check_says_what_is_gone_at_its_place(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(Path(__file__).parents[1] / "data" / "schedules" / "good", tmp_path / "day"))
    loaded = load_campaign(folder)
    recap = arrange(replace(day(2), story=loaded.story, withheld={"https://bsky.app/profile/x/post/1": Reason.GONE}))
    found = [f for f in missing_findings(loaded, missing(recap, at("23:00"))) if "public" in f.message]
    assert [(f.line, f.column, f.severity) for f in found] == [(5, 29, Severity.WARNING)]


def test_a_story_of_rules_names_no_post() -> None:
    assert not plan_of("chapters: [{heading: One, show: [{hour: 9}]}]\n").names_posts
    assert plan_of("chapters: [{heading: One, show: [{slot: x}]}]\n").names_posts


# ---- any hand --------------------------------------------------------------------------------------------------------------

Edit = Callable[[list[str], int], list[str]]


def _blocks(lines: list[str], start: str) -> list[int]:
    return [number for number, line in enumerate(lines) if line.startswith(start)]


def take_out_a_post(lines: list[str], at_: int) -> list[str]:
    posts = _blocks(lines, "      - {")
    return lines if not posts else [line for number, line in enumerate(lines) if number != posts[at_ % len(posts)]]


def move_a_post(lines: list[str], at_: int) -> list[str]:
    posts = _blocks(lines, "      - {")
    if len(posts) < 2:
        return lines
    one, other = posts[at_ % len(posts)], posts[(at_ * 7 + 1) % len(posts)]
    lines = list(lines)
    lines[one], lines[other] = lines[other], lines[one]
    return lines


def write_between(lines: list[str], at_: int) -> list[str]:
    posts = _blocks(lines, "      - {")
    place = posts[at_ % len(posts)] if posts else None
    return lines if place is None else [*lines[:place], "      - text: |", f"          Hand {at_}.", *lines[place:]]


def remark(lines: list[str], at_: int) -> list[str]:
    posts = _blocks(lines, "      - {")
    place = posts[at_ % len(posts)] if posts else None
    return lines if place is None else [*lines[:place], f"      # hand {at_}", *lines[place:]]


def rename_a_chapter(lines: list[str], at_: int) -> list[str]:
    heads = _blocks(lines, "  - heading:")
    lines = list(lines)
    if heads:
        lines[heads[at_ % len(heads)]] = f"  - heading: Hand {at_}"
    return lines


def reword_a_chapter(lines: list[str], at_: int) -> list[str]:
    texts = _blocks(lines, "    text: |")
    lines = list(lines)
    if texts:
        lines[texts[at_ % len(texts)] + 1] = f"      Hand {at_}."
    return lines


def take_out_a_chapter(lines: list[str], at_: int) -> list[str]:
    heads = [*_blocks(lines, "  - heading:"), len(lines)]
    if len(heads) < 3:
        return lines
    which = at_ % (len(heads) - 1)
    return [*lines[: heads[which]], *lines[heads[which + 1] :]]


def move_a_chapter_to_the_end(lines: list[str], at_: int) -> list[str]:
    heads = [*_blocks(lines, "  - heading:"), len(lines)]
    if len(heads) < 3:
        return lines
    which = at_ % (len(heads) - 1)
    block = lines[heads[which] : heads[which + 1]]
    return [*lines[: heads[which]], *lines[heads[which + 1] :], *block]


def write_a_chapter(lines: list[str], at_: int) -> list[str]:
    heads = [*_blocks(lines, "  - heading:"), len(lines)]
    place = heads[at_ % len(heads)]
    return [*lines[:place], f"  - heading: Hand {at_}", "    text: Mine", *lines[place:]]


EDITS: list[Edit] = [
    take_out_a_post, move_a_post, write_between, remark, rename_a_chapter, reword_a_chapter, take_out_a_chapter,
    move_a_chapter_to_the_end, write_a_chapter,
]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 14),
    st.lists(
        st.tuples(st.lists(st.tuples(st.sampled_from(EDITS), st.integers(0, 40)), max_size=5), st.integers(0, 12)),
        max_size=3,
    ),
)
def test_whatever_a_hand_does_between_drafts_stays_done(
    count: int, rounds: list[tuple[list[tuple[Edit, int]], int]]
) -> None:
    first = first_story(suggest(arrange(day(count)), Memory()))
    text, memory = first.text, first.memory
    taken_out: set[str] = set()
    for edits, more in rounds:
        before = set(named(plan_of(text)))
        lines = text.rstrip("\n").split("\n")
        for edit, place in edits:
            lines = edit(lines, place)
        text = "\n".join(lines) + "\n"
        plan = plan_of(text)
        taken_out |= before - set(named(plan))
        count += more
        recap = arrange(replace(day(count, slots=5), story=plan))
        merged = merge(text, plan, recap, memory, suggest(recap, memory))
        story = plan_of(merged.text)
        assert keeps(plan, story, memory)
        assert not taken_out & set(named(story))
        by_hand = [line for line in lines if "Hand" in line or "hand" in line]
        assert is_within(by_hand, merged.text.split("\n"))
        text, memory = merged.text, merged.memory


def is_within(old: list[str], new: list[str]) -> bool:
    later = iter(new)
    return all(line in later for line in old)
