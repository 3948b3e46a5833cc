"""A new campaign passes its check at once; a new edition carries over what lasts from one year to the next."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from PIL import Image

import shareasm.init
from shareasm.campaign_files import load_campaign
from shareasm.check import check
from shareasm.errors import ConfigError
from shareasm.init import Wishes, init

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD = Path(__file__).resolve().parent / "data" / "schedules" / "good"
EXAMPLE = Path(__file__).resolve().parent.parent / "config" / "campaigns" / "shareasm-2027"


def findings(folder: Path) -> list[str]:
    """Return what a check says but that our names and addresses are still to be written."""
    found = (str(finding) for finding in check(folder, NOW).findings)
    return [words for words in found if "is what every new campaign begins with" not in words]


def test_a_name_alone_makes_a_campaign_that_passes_its_check(tmp_path: Path) -> None:
    folder = tmp_path / "my-day"
    files = init(folder, Wishes(), NOW)
    assert [path.relative_to(folder).as_posix() for path in files] == [
        "campaign.yaml", "schedule.yaml", "story.yaml", "media/welcome.png",
    ]  # fmt: skip
    assert findings(folder) == []
    campaign = load_campaign(folder).campaign
    assert campaign
    assert (campaign.name, campaign.hashtags, campaign.on, campaign.zone.key) == (
        "My day",
        ("MyDay",),
        date(2026, 12, 22),
        "UTC",
    )
    with Image.open(folder / "media" / "welcome.png") as picture:
        assert picture.size == (1200, 675)


def test_what_is_to_be_replaced_is_warned_of_until_it_is(tmp_path: Path) -> None:
    init(tmp_path / "day", Wishes(), NOW)
    told = [finding for finding in check(tmp_path / "day", NOW).findings if finding.severity == "warning"]
    assert [finding.message.partition(" is what")[0] for finding in told] == [
        "“Your organisation”", "“mailto:you@organisation.example”", "“Your organisation”",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "languages", [("en",), ("fr",), ("es", "pt"), ("en", "fr", "es"), ("sw", "ar", "zh-Hant", "pt-BR")]
)
def test_every_language_has_its_texts(tmp_path: Path, languages: tuple[str, ...]) -> None:
    folder = tmp_path / "day"
    init(folder, Wishes(languages=languages), NOW)
    unfinished = {language for language in languages if language not in {"en", "fr", "es", "pt"}}
    told = findings(folder)
    assert {words.partition("Write it in “")[2].partition("”")[0] for words in told} == unfinished
    assert all("is not translated yet" in words for words in told)
    schedule = load_campaign(folder).schedule
    assert schedule
    assert {slot.languages for slot in schedule.slots} == {languages}


def test_what_a_person_wishes_is_in_the_files(tmp_path: Path) -> None:
    wishes = Wishes('The "day": #1', "#goldDay", date(2027, 5, 1), "Africa/Accra", ("fr", "en"))
    init(tmp_path / "day", wishes, NOW)
    assert findings(tmp_path / "day") == []
    campaign = load_campaign(tmp_path / "day").campaign
    assert campaign
    assert (campaign.name, campaign.hashtags, campaign.on, campaign.zone.key, campaign.languages) == (
        'The "day": #1', ("goldDay",), date(2027, 5, 1), "Africa/Accra", ("fr", "en"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("slug", "hashtag"),
    [("my-day", "MyDay"), ("shareASM-2027", "shareASM2027"), ("2027", "Day2027"), ("día", "DA"), ("日", "Day")],
)
def test_a_folder_name_becomes_a_hashtag(tmp_path: Path, slug: str, hashtag: str) -> None:
    init(tmp_path / slug, Wishes(), NOW)
    campaign = load_campaign(tmp_path / slug).campaign
    assert campaign
    assert campaign.hashtags == (hashtag,)


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        (Wishes(zone="Europe/Londn"), "Did you mean “Europe/London”?"),
        (Wishes(languages=("english",)), "Write “en”."),
        (Wishes(hashtag="two words"), "is not one hashtag"),
    ],
)
def test_a_wrong_wish_writes_nothing(tmp_path: Path, wishes: Wishes, words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("?", r"\?")):
        init(tmp_path / "day", wishes, NOW)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "story.yaml").write_text("title: mine")
    with pytest.raises(ConfigError, match="is there already"):
        init(tmp_path, Wishes(), NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["story.yaml"]


def test_a_place_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        init(tmp_path / "file" / "day", Wishes(), NOW)


def test_a_missing_template_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shareasm.init, "template_folder", lambda: tmp_path)
    with pytest.raises(ConfigError, match="template campaign.yaml is missing".replace(".", r"\.")):
        init(tmp_path / "day", Wishes(), NOW)


# ---- a new edition -----------------------------------------------------------------------------------------------------


def test_a_new_edition_carries_over_what_lasts(tmp_path: Path) -> None:
    folder = tmp_path / "shareasm-2028"
    init(folder, Wishes(), NOW, EXAMPLE)
    assert findings(folder) == []
    old, new = load_campaign(EXAMPLE).campaign, load_campaign(folder).campaign
    assert old
    assert new
    assert (new.accounts, new.partners, new.sources, new.look) == (old.accounts, old.partners, old.sources, old.look)
    assert (new.contact, new.host, new.zone, new.languages) == (old.contact, old.host, old.zone, old.languages)
    assert (new.name, new.on) == ("#shareASM 2028", date(2028, 2, 3))
    assert (new.earlier[0].title, new.earlier[0].year) == ("#shareASM 2027", 2027)
    assert new.earlier[1:] == old.earlier
    assert new.resources == ()


def test_a_new_edition_keeps_the_notes_of_the_old_one(tmp_path: Path) -> None:
    init(tmp_path / "day", Wishes(), NOW, EXAMPLE)
    text = (tmp_path / "day" / "campaign.yaml").read_text()
    assert "# one account may speak several languages" in text
    assert "# ---- Accounts that we post from ---" in text


def test_last_times_slots_wait_as_notes_without_their_words(tmp_path: Path) -> None:
    init(tmp_path / "day", Wishes(), NOW, EXAMPLE)
    text = (tmp_path / "day" / "schedule.yaml").read_text()
    assert '  # - id: seven-lessons\n  #   at: "12:00"\n  #   kind: publication\n' in text
    assert "Large mines and small mines" not in text


def test_a_slot_on_each_accounts_clock_stays_one(tmp_path: Path) -> None:
    old = Path(shutil.copytree(EXAMPLE, tmp_path / "old"))
    plan = (old / "schedule.yaml").read_text()
    (old / "schedule.yaml").write_text(plan.replace('at: "12:00"', 'at: "12:00 in each partner\'s zone"'))
    init(tmp_path / "day", Wishes(), NOW, old)
    text = (tmp_path / "day" / "schedule.yaml").read_text()
    assert '  # - id: seven-lessons\n  #   at: "12:00 in each partner\'s zone"\n' in text


def test_wishes_win_over_what_was(tmp_path: Path) -> None:
    wishes = Wishes("Gold day", "goldDay", date(2029, 1, 2), "Africa/Accra", ("en", "fr"))
    init(tmp_path / "day", wishes, NOW, GOOD)
    campaign = load_campaign(tmp_path / "day").campaign
    assert campaign
    assert (campaign.name, campaign.hashtags, campaign.on, campaign.zone.key, campaign.languages) == (
        "Gold day", ("goldDay",), date(2029, 1, 2), "Africa/Accra", ("en", "fr"),
    )  # fmt: skip


def test_a_window_with_dates_is_not_carried_over(tmp_path: Path) -> None:
    old = Path(shutil.copytree(GOOD, tmp_path / "old"))
    text = (old / "campaign.yaml").read_text().replace('opens: "06:00"', 'opens: "2027-02-03 06:00"')
    (old / "campaign.yaml").write_text(text)
    init(tmp_path / "new", Wishes(), NOW, old)
    assert "window:" not in (tmp_path / "new" / "campaign.yaml").read_text()


def test_an_edition_of_a_leap_day_is_on_the_day_before(tmp_path: Path) -> None:
    old = Path(shutil.copytree(GOOD, tmp_path / "old"))
    (old / "campaign.yaml").write_text((old / "campaign.yaml").read_text().replace("on: 2027-02-03", "on: 2024-02-29"))
    (old / "schedule.yaml").write_text((old / "schedule.yaml").read_text().replace("2027-02-03", "2024-02-29"))
    init(tmp_path / "new", Wishes(), NOW, old)
    campaign = load_campaign(tmp_path / "new").campaign
    assert campaign
    assert campaign.on == date(2027, 2, 28)


def test_an_old_plan_with_mistakes_is_mended_first(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has mistakes: mend what `shareasm check"):
        init(tmp_path / "new", Wishes(), NOW, tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []
