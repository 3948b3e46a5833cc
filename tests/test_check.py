"""A check says what is wrong with a plan at this moment, and in which order the day runs."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shareasm.campaign_files import load_campaign
from shareasm.check import check, check_lines, check_to_json, limits_findings
from shareasm.networks.ports import Counting, Limits, PollLimits

ROOT = Path(__file__).resolve().parent.parent
GOOD = ROOT / "tests" / "data" / "schedules" / "good"
BEFORE = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOOD, tmp_path / "day"))


def test_a_good_plan_ends_in_its_running_order(folder: Path) -> None:
    assert [*check_lines(check(folder, BEFORE))] == [
        "Running order from 3 February 2027, times in Europe/London and UTC:",
        "  09:00:00  09:00:00 UTC  welcome  welcome  Good morning and welcome #shareASM",
        "                          → iied-bluesky (en, 2 parts), iied-mastodon (en fr es, 2 parts)",
        "  14:00:30  14:00:30 UTC  thanks   thanks   Thank you all #shareASM",
        "                          → iied-mastodon (en) (17:00 in Africa/Dar_es_Salaam)",
        "",
        "The plan is good: 2 slots, 9 posts.",
    ]


def test_days_are_named_where_there_is_more_than_one(folder: Path) -> None:
    text = (folder / "schedule.yaml").read_text().replace('"2027-02-03 17:00:30"', '"2027-02-04 17:00"')
    (folder / "schedule.yaml").write_text(text)
    lines = list(check_lines(check(folder, BEFORE)))
    assert lines[0].endswith(
        "warning: The slot is outside of the campaign's window (2027-02-03 06:00 to 2027-02-03 22:00 in Europe/London)."
    )
    assert lines[4].startswith("  Wed 03 09:00  Wed 03 09:00 UTC  welcome")
    assert lines[6].startswith("  Thu 04 14:00  Thu 04 14:00 UTC  thanks ")
    assert lines[-1] == "The plan is good: 2 slots, 9 posts, 1 warning."


def at_nine_everywhere(folder: Path) -> None:
    text = (folder / "schedule.yaml").read_text().replace('at: "09:00"', 'at: "09:00 in each partner\'s zone"')
    (folder / "schedule.yaml").write_text(text)


def test_a_slot_on_each_accounts_clock_has_a_line_for_each_instant(folder: Path) -> None:
    at_nine_everywhere(folder)
    assert list(check_lines(check(folder, BEFORE)))[1:5] == [
        "  06:00:00  06:00:00 UTC  welcome  welcome  Good morning and welcome #shareASM",
        "                          → iied-mastodon (en fr es, 2 parts) (09:00 in Africa/Dar_es_Salaam)",
        "  09:00:00  09:00:00 UTC  welcome  welcome  Good morning and welcome #shareASM",
        "                          → iied-bluesky (en, 2 parts)",
    ]
    assert [*check_lines(check(folder, BEFORE))][-1] == "The plan is good: 2 slots, 9 posts."


def test_the_order_says_what_is_more_to_a_slot_than_words(folder: Path) -> None:
    (folder / "story.yaml").unlink()
    shutil.copyfile(ROOT / "tests" / "data" / "videos" / "upright.mp4", folder / "media" / "greeting.mp4")
    (folder / "schedule.yaml").write_text(
        """defaults: {accounts: [iied-mastodon]}
slots:
  - {id: a, at: "09:00", kind: news, text: {en: "Well? #shareASM"}, poll: {options: [yes, no], open_for: 24 h}}
  - id: b
    at: "10:00"
    kind: video
    reply_to: a
    quote: a
    text: {en: Look}
    thread: [{text: {en: Here}, video: {file: greeting.mp4, alt: A test, credit: me, licence: CC0 1.0}}]
"""
    )
    orders = [line for line in check_lines(check(folder, BEFORE)) if "→" in line]
    assert [line.partition("→ ")[2] for line in orders] == [
        "iied-mastodon (en) · poll",
        "iied-mastodon (en, 2 parts) · answers a · quotes a · video",
    ]


def test_only_the_instants_that_have_passed_are_in_the_past(folder: Path) -> None:
    at_nine_everywhere(folder)
    result = check(folder, datetime(2027, 2, 3, 7, 0, tzinfo=UTC))
    assert [one.message for one in result.findings] == ["“welcome” lies in the past (2027-02-03 06:00 UTC)."]


def test_a_campaign_in_utc_needs_one_time_only(folder: Path) -> None:
    text = (folder / "campaign.yaml").read_text().replace("zone: Europe/London\nw", "zone: UTC\nw")
    (folder / "campaign.yaml").write_text(text)
    assert "  09:00:00  welcome  welcome" in "\n".join(check_lines(check(folder, BEFORE)))


def test_a_slot_in_the_past_is_a_warning_at_its_time(folder: Path) -> None:
    result = check(folder, datetime(2027, 2, 3, 9, 0, tzinfo=UTC))
    assert [(one.line, one.column, one.message) for one in result.findings] == [
        (4, 9, "“welcome” lies in the past (2027-02-03 09:00 UTC).")
    ]
    assert (result.error_count, result.warning_count) == (0, 1)


def test_a_day_that_is_over_is_said_once(folder: Path) -> None:
    result = check(folder, datetime(2027, 3, 1, tzinfo=UTC))
    assert [one.message for one in result.findings] == ["The day is over: it closed at 22:00 UTC on 2027-02-03."]
    [finding] = result.findings
    written = (folder / finding.place.file.rpartition("/")[2]).read_text().splitlines()
    assert written[(finding.line or 0) - 1].startswith("on: ")


def test_a_broken_plan_has_no_running_order(folder: Path) -> None:
    (folder / "schedule.yaml").write_text("slots: [")
    result = check(folder, BEFORE)
    assert result.error_count == 1
    assert next(check_lines(result)).endswith(
        "schedule.yaml:1:9: error: A value is missing here, or a bracket before it is not closed."
    )
    assert list(check_lines(result))[-1] == "1 error, 0 warnings. Nothing is sent before the errors are mended."


def test_a_story_with_mistakes_does_not_hide_the_running_order(folder: Path) -> None:
    (folder / "story.yaml").write_text("titel: x\n")
    result = check(folder, BEFORE)
    assert result.error_count == 1
    assert len(result.rows) == 2


def test_other_programs_get_the_same_as_json(folder: Path) -> None:
    (folder / "story.yaml").write_text("titel: x\n")
    answer = json.loads(check_to_json(check(folder, BEFORE)))
    assert answer["findings"] == [
        {
            "severity": "error",
            "file": str(folder / "story.yaml"),
            "line": 1,
            "column": 1,
            "message": "The key “titel” is not known in story.yaml.",
            "cure": "Did you mean “title”?",
        }
    ]
    assert answer["running_order"][1] == {
        "slot": "thanks",
        "kind": "thanks",
        "due_at": "2027-02-03T14:00:30+00:00",
        "local": "2027-02-03T14:00:30+00:00",
        "postings": [
            {"account": "iied-mastodon", "languages": ["en"], "parts": 1},
        ],
        "words": "Thank you all #shareASM",
        "remarks": [],
    }
    assert (answer["error_count"], answer["warning_count"], answer["post_count"], answer["zone"]) == (
        1,
        0,
        9,
        "Europe/London",
    )


def test_a_plan_that_cannot_be_read_is_json_too(tmp_path: Path) -> None:
    answer = json.loads(check_to_json(check(tmp_path, BEFORE)))
    assert (answer["zone"], answer["running_order"], answer["error_count"]) == (None, [], 2)


# ---- against what servers said ------------------------------------------------------------------------------------------

ROOMY = Limits(
    5_000,
    23,
    alt_length=1_500,
    can_quote=True,
    has_polls=True,
    polls=PollLimits(),
    video_bytes=10**8,
)


def misfits(folder: Path, slots: str, limits: Limits, account: str = "iied-mastodon") -> list[tuple[int, str]]:
    (folder / "story.yaml").unlink(missing_ok=True)
    (folder / "schedule.yaml").write_text(f"defaults: {{accounts: [{account}]}}\nslots:\n{slots}")
    shutil.copyfile(ROOT / "tests" / "data" / "videos" / "upright.mp4", folder / "media" / "greeting.mp4")
    loaded = load_campaign(folder)
    assert loaded.campaign
    assert loaded.schedule
    found = limits_findings(loaded.campaign, loaded.schedule, loaded.places, {account: limits}, loaded.media)
    return [(one.line, one.message) for one in found]


TEXT = '  - {id: a, at: "09:00", kind: news, warning: dust, text: {en: "Look https://example.org/a/long/address #shareASM"}}\n'


@pytest.mark.parametrize(
    ("limits", "length"),
    [
        (replace(ROOMY, counting=Counting.MASTODON), 42),
        (replace(ROOMY, counting=Counting.CODE_POINTS), 53),
        (replace(ROOMY, counting=Counting.CODE_POINTS, counts_warning=False), 49),
    ],
)
def test_a_text_is_counted_as_its_own_server_counts(folder: Path, limits: Limits, length: int) -> None:
    assert misfits(folder, TEXT, replace(limits, text_length=length)) == []


def test_a_text_that_is_too_long_for_its_server_is_an_error(folder: Path) -> None:
    assert misfits(folder, TEXT, replace(ROOMY, counting=Counting.CODE_POINTS, text_length=52)) == [
        (
            3,
            "The text (en) has 53 of 52 characters as https://mastodon.social counts them: 1 too many on iied-mastodon.",
        )
    ]


def test_a_server_that_was_not_asked_is_not_judged(folder: Path) -> None:
    loaded = load_campaign(folder)
    assert loaded.campaign
    assert loaded.schedule
    assert list(limits_findings(loaded.campaign, loaded.schedule, loaded.places, {})) == []


def test_a_quote_becomes_an_address_where_the_server_shows_none(folder: Path) -> None:
    slots = """  - {id: a, at: "09:00", kind: news, text: {en: "Look #shareASM"}}
  - {id: b, at: "10:00", kind: news, quote: a, text: {en: "Again #shareASM"}}
"""
    limits = replace(ROOMY, can_quote=False, counting=Counting.CODE_POINTS, text_length=80)
    assert misfits(folder, slots, limits) == [
        (
            4,
            "https://mastodon.social shows no quotes: on iied-mastodon the address of “a” stands below the text instead.",
        ),
        (
            4,
            "The text (en) has 86 of 80 characters as https://mastodon.social counts them: 6 too many on iied-mastodon.",
        ),
    ]


PICTURES = """  - id: a
    at: "09:00"
    kind: news
    text: {en: "Look #shareASM"}
    thread:
      - text: {en: Two}
        media:
          - {file: dialogue.png, alt: A golden disc, credit: me, licence: CC0 1.0}
          - {file: dialogue.png, alt: A disc, credit: me, licence: CC0 1.0}
"""


def test_a_server_may_take_fewer_pictures_and_shorter_words_for_them(folder: Path) -> None:
    assert misfits(folder, PICTURES, replace(ROOMY, media_count=1, alt_length=12)) == [
        (10, "2 pictures are too many on iied-mastodon: https://mastodon.social takes 1 in a post."),
        (
            10,
            "An alt text (en) has 13 of the 12 characters that https://mastodon.social takes: it is cut on iied-mastodon.",
        ),
    ]


VIDEO = (
    '  - {id: a, at: "09:00", kind: video, text: {en: "Look #shareASM"}, '
    "video: {file: greeting.mp4, alt: A pattern, captions: {en: greeting.en.vtt}, credit: me, licence: CC0 1.0}}\n"
)


def test_a_server_may_take_no_videos(folder: Path) -> None:
    assert misfits(folder, VIDEO, replace(ROOMY, video_bytes=None)) == [
        (3, "https://mastodon.social takes no videos, so this one cannot go out on iied-mastodon.")
    ]


def test_a_server_may_take_smaller_videos(folder: Path) -> None:
    assert misfits(folder, VIDEO, replace(ROOMY, video_bytes=5_000)) == [
        (
            3,
            "“greeting.mp4” has 5,919 bytes; https://mastodon.social takes 5,000, so it cannot go out on iied-mastodon.",
        )
    ]
    assert misfits(folder, VIDEO, replace(ROOMY, video_bytes=6_000)) == []


def poll(folder: Path, limits: Limits) -> list[tuple[int, str]]:
    slots = """  - id: a
    at: "09:00"
    kind: news
    text: {en: "Well? #shareASM"}
    poll: {options: [yes, no, or], open_for: 24 h}
"""
    return misfits(folder, slots, limits)


def test_a_server_may_have_no_polls(folder: Path) -> None:
    assert poll(folder, replace(ROOMY, has_polls=False)) == [
        (7, "https://mastodon.social has no polls: on iied-mastodon the words go out alone.")
    ]


@pytest.mark.parametrize(
    "polls",
    [
        PollLimits(option_count=2),
        PollLimits(option_length=2),
        PollLimits(longest=timedelta(hours=1)),
        PollLimits(shortest=timedelta(days=2)),
    ],
)
def test_a_server_may_take_smaller_polls(folder: Path, polls: PollLimits) -> None:
    ((_, message),) = poll(folder, replace(ROOMY, polls=polls))
    assert message.startswith("https://mastodon.social does not take this poll on iied-mastodon: at most")


def test_a_poll_that_fits_is_no_finding(folder: Path) -> None:
    assert poll(folder, ROOMY) == []


# ---- all of it ---------------------------------------------------------------------------------------------------------


def test_a_check_loads_no_network_and_no_database() -> None:
    program = (
        "import sys, shareasm.check\n"
        "heavy = {'atproto', 'atproto_client', 'mastodon', 'sqlalchemy', 'httpx', 'requests', 'jinja2', 'pydantic'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False).stderr.strip()
        == ""
    )


def test_the_example_campaign_is_good() -> None:
    result = check(ROOT / "config" / "campaigns" / "shareasm-2027", BEFORE)
    assert [str(finding) for finding in result.findings] == []
    assert len(result.rows) >= 24
