"""Whatever stands in the files, reading them ends in findings with places, never in an exception."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from shareasm.campaign_files import load_campaign

GOOD = Path(__file__).resolve().parent.parent / "data" / "schedules" / "good"
VIDEO = GOOD.parents[1] / "videos" / "upright.mp4"
NAMES = ("campaign.yaml", "schedule.yaml", "story.yaml")
PIECES = st.sampled_from(
    [
        *"[]{}:,#&*!|>%@`\"'-?\n\t\\~",
        "  ",
        "\n- ",
        ": ",
        "null",
        "<<: ",
        "\\u202E",
        "\x00",
        "\ufeff",
        "é",
        "😀",
        "2027",
        "09:00",
    ]
)
RICH = """defaults: {accounts: [iied-bluesky, iied-mastodon]}
slots:
  - id: welcome
    at: "09:00 in each partner's zone"
    kind: welcome
    theme: safety
    text:
      en: {bluesky: "What helps, {@iied}? #shareASM", mastodon: "What helps? #shareASM"}
      fr: "Quoi ? {link} #shareASM"
    link: https://www.iied.example
    poll:
      options:
        en: [Training, Tools]
        fr: [Formation, Outils]
      open_for: 24 h
      several: yes
    who_may_reply: accounts it mentions
    who_may_quote: nobody
  - id: greeting
    at: "12:00"
    zone: each partner's
    kind: video
    reply_to: welcome
    quote: welcome
    labels: [nudity]
    text:
      en: "Look"
    video:
      file: greeting.mp4
      alt:
        en: A pattern
      captions:
        en: greeting.en.vtt
      credit: shareasm
      licence: CC0 1.0
"""
"""A plan with the keys that the good one has not."""

no_deadline = settings(deadline=None)  # a busy machine is no mistake


def check_that_it_is_told(changed: str, content: bytes) -> None:
    with TemporaryDirectory() as place:
        folder = Path(shutil.copytree(GOOD, Path(place) / "day"))
        shutil.copyfile(VIDEO, folder / "media" / "greeting.mp4")
        (folder / changed).write_bytes(content)
        loaded = load_campaign(folder)
        for finding in loaded.findings:
            lines = (folder / Path(finding.file).name).read_bytes().count(b"\n") + 2
            assert 1 <= finding.line <= lines + content.count(b"\r")
            assert finding.column >= 1
            assert finding.message
            assert finding.cure
        if loaded.campaign is None or loaded.schedule is None:
            assert loaded.has_errors


@no_deadline
@given(st.sampled_from(NAMES), st.binary(max_size=200))
def test_any_bytes_are_told(changed: str, content: bytes) -> None:
    check_that_it_is_told(changed, content)


def texts() -> st.SearchStrategy[tuple[str, str]]:
    """One of the good files: its name, and what stands in it."""
    good = [(name, (GOOD / name).read_text()) for name in NAMES]
    return st.sampled_from([*good, ("schedule.yaml", RICH)])


def test_a_plan_with_every_key_is_good() -> None:
    with TemporaryDirectory() as place:
        folder = Path(shutil.copytree(GOOD, Path(place) / "day"))
        shutil.copyfile(VIDEO, folder / "media" / "greeting.mp4")
        (folder / "schedule.yaml").write_text(RICH)
        assert not load_campaign(folder).has_errors


@no_deadline
@given(st.data())
def test_a_good_file_with_some_places_changed_is_told(data: st.DataObject) -> None:
    changed, text = data.draw(texts())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        text = text[:start] + data.draw(PIECES) + text[start + length :]
    check_that_it_is_told(changed, text.encode())


@no_deadline
@given(st.data())
def test_a_good_file_with_a_value_taken_away_is_told(data: st.DataObject) -> None:
    changed, text = data.draw(texts())
    lines = text.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    key, colon, _ = lines[number].partition(":")
    lines[number] = (
        key
        + colon
        + data.draw(st.sampled_from(["", " []", " {}", " x", " 0", " [[]]", " {a: b}", " ~", " [{}]", ' ""']))
    )
    check_that_it_is_told(changed, "\n".join(lines).encode())
