"""What a plan says of the networks' offers, and of accounts and clocks, becomes the drafts that are sent."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shareasm.campaign_files import Loaded, load_campaign
from shareasm.domain.posts import Network
from shareasm.domain.queue import Draft, DraftPoll, DraftVideo, PlannedEntry, WhoMayReply, plan_entries

GOOD = Path(__file__).resolve().parent.parent / "data" / "schedules" / "good"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = Path(shutil.copytree(GOOD, tmp_path / "day"))
    shutil.copyfile(GOOD.parents[1] / "videos" / "upright.mp4", made / "media" / "greeting.mp4")
    (made / "story.yaml").unlink()
    return made


def load(folder: Path, slots: str) -> Loaded:
    defaults = "defaults: {accounts: [iied-bluesky, iied-mastodon]}\n"
    (folder / "schedule.yaml").write_text(f"{defaults}slots:\n{slots}")
    return load_campaign(folder)


def said(loaded: Loaded) -> list[str]:
    found = (str(finding).partition("schedule.yaml:")[2] for finding in loaded.findings)
    return [words for words in found if "no text in “" not in words]  # these plans are in English alone


def entries(loaded: Loaded) -> list[PlannedEntry]:
    assert said(loaded) == []
    assert loaded.campaign
    assert loaded.schedule
    return plan_entries(loaded.campaign, loaded.schedule)


def drafts(loaded: Loaded) -> dict[tuple[str, int, Network], Draft]:
    return {(entry.key.slot, entry.key.part, entry.network): entry.draft for entry in entries(loaded)}


def test_a_slots_languages_go_to_the_accounts_that_speak_them_and_are_one_item(folder: Path) -> None:
    made = entries(
        load(
            folder,
            """
  - id: hello
    at: "09:00"
    kind: news
    text: {en: "Hello #shareASM", fr: "Salut #shareASM", es: "Hola #shareASM"}
""",
        )
    )
    assert {entry.key.slot for entry in made} == {"hello"}
    assert [(entry.key.account, entry.key.language, entry.draft.text) for entry in made] == [
        ("iied-bluesky", "en", "Hello #shareASM"),
        ("iied-mastodon", "en", "Hello #shareASM"),
        ("iied-mastodon", "fr", "Salut #shareASM"),
        ("iied-mastodon", "es", "Hola #shareASM"),
    ]


def test_an_account_says_whose_it_is_on_which_clock_and_that_a_program_posts(folder: Path) -> None:
    campaign = load_campaign(folder).campaign
    assert campaign
    bluesky, mastodon = campaign.accounts
    assert (bluesky.partner, bluesky.zone, bluesky.is_automated) == ("iied", None, False)
    assert (mastodon.partner, str(mastodon.zone), mastodon.is_automated) == (None, "Africa/Dar_es_Salaam", True)


# ---- answers, quotes, rules --------------------------------------------------------------------------------------------


def test_an_answer_may_go_out_in_the_same_minute_and_needs_no_tag(folder: Path) -> None:
    made = drafts(
        load(
            folder,
            """
  - {id: guide, at: "09:00", kind: publication, text: {en: "A guide #shareASM"}}
  - {id: source, at: "09:00", kind: publication, reply_to: guide, text: {en: "Where it comes from"}}
  - {id: again, at: "18:00", kind: publication, quote: guide, text: {en: "Once more #shareASM"}, who_may_quote: nobody}
  - id: quiet
    at: "19:00"
    kind: publication
    accounts: iied-bluesky
    text: {en: "Quiet, {@iied} #shareASM"}
    media: [{file: dialogue.png, alt: A golden disc, credit: me, licence: CC0 1.0}]
    who_may_reply: accounts it mentions
    labels: [graphic-media, nudity]
""",
        )
    )
    for network in (Network.BLUESKY, Network.MASTODON):
        assert made["source", 0, network].reply_to == "guide"
        assert made["again", 0, network].quotes == "guide"
        assert made["guide", 0, network].may_be_quoted
        assert not made["again", 0, network].may_be_quoted
    quiet = made["quiet", 0, Network.BLUESKY]
    assert (quiet.who_may_reply, quiet.labels) == (WhoMayReply.MENTIONED, ("graphic-media", "nudity"))


def test_two_answers_in_one_minute_are_no_clash_but_two_news_are(folder: Path) -> None:
    loaded = load(
        folder,
        """
  - {id: guide, at: "09:00", kind: publication, text: {en: "A guide #shareASM"}}
  - {id: source, at: "09:00", kind: publication, reply_to: guide, text: {en: "Where it comes from"}}
  - {id: other, at: "09:00", kind: publication, text: {en: "Another #shareASM"}}
""",
    )
    (clash,) = said(loaded)
    assert "This slot and “guide” go out on iied-bluesky, iied-mastodon in the same minute" in clash


def test_a_quote_leaves_room_for_the_address_where_a_server_shows_no_quotes(folder: Path) -> None:
    def loaded(length: int) -> Loaded:
        return load(
            folder,
            f"""
  - {{id: guide, at: "09:00", kind: publication, accounts: iied-mastodon, text: {{en: "A guide #shareASM"}}}}
  - id: again
    at: "18:00"
    kind: publication
    accounts: iied-mastodon
    quote: guide
    text: {{en: "{"a" * (length - 10)} #shareASM"}}
""",
        )

    assert said(loaded(475)) == []
    (finding,) = said(loaded(476))
    assert "has 501 of 500 characters on Mastodon" in finding


# ---- polls and videos --------------------------------------------------------------------------------------------------


def test_a_poll_is_sent_where_there_are_polls(folder: Path) -> None:
    made = drafts(
        load(
            folder,
            """
  - id: question
    at: "14:00"
    kind: question hour
    text: {en: {bluesky: "What helps? Tell us. #shareASM", mastodon: "What helps? #shareASM"}}
    poll: {options: [Training, Tools], open_for: 2 days, several: yes}
""",
        )
    )
    assert made["question", 0, Network.BLUESKY].poll is None
    poll = DraftPoll(("Training", "Tools"), timedelta(days=2), is_multiple=True)
    assert made["question", 0, Network.MASTODON].poll == poll


def test_a_video_goes_out_with_its_words_for_those_who_cannot_see_or_hear_it(folder: Path) -> None:
    made = drafts(
        load(
            folder,
            """
  - id: greeting
    at: "14:00"
    kind: video
    accounts: iied-bluesky
    text: {en: "Good morning #shareASM"}
    video: {file: greeting.mp4, alt: A wave, captions: {en: greeting.en.vtt}, credit: me, licence: CC0 1.0}
    thread:
      - text: {en: "Once more"}
        video: {file: greeting.mp4, alt: {en: A wave}, captions: {en: greeting.en.vtt}, credit: me, licence: CC0 1.0}
""",
        )
    )
    video = DraftVideo("greeting.mp4", "A wave", (("en", "greeting.en.vtt"),))
    assert made["greeting", 0, Network.BLUESKY].video == video
    assert made["greeting", 1, Network.BLUESKY].video == video


def test_a_video_that_is_far_too_large_is_refused_unread(folder: Path) -> None:
    with (folder / "media" / "greeting.mp4").open("wb") as file:
        file.truncate(120_000_000)
    loaded = load(
        folder,
        """
  - id: greeting
    at: "14:00"
    kind: video
    accounts: iied-bluesky
    text: {en: "Good morning #shareASM"}
    video: {file: greeting.mp4, alt: A wave, captions: {en: greeting.en.vtt}, credit: me, licence: CC0 1.0}
""",
    )
    (finding,) = said(loaded)
    assert "“greeting.mp4” has 120 MB; 99 MB is the most." in finding


# ---- names -------------------------------------------------------------------------------------------------------------


def test_a_partner_is_named_as_each_network_knows_it(folder: Path) -> None:
    made = drafts(load(folder, '  - {id: a, at: "09:00", kind: news, text: {en: "With {@iied} today #shareASM"}}'))
    assert made["a", 0, Network.BLUESKY].text == "With @iied.example today #shareASM"
    assert made["a", 0, Network.MASTODON].text == "With IIED today #shareASM"


@pytest.mark.parametrize(
    ("handle", "network"), [("@iied.example", "Mastodon"), ("@iied@social.example", "Bluesky")]
)  # each is a handle on the other
def test_a_handle_of_the_other_network_is_a_warning(folder: Path, handle: str, network: str) -> None:
    loaded = load(folder, f'  - {{id: a, at: "09:00", kind: news, text: {{en: "With {handle} #shareASM"}}}}')
    assert any(f"“{handle}” is no handle on {network}: nobody will be told there." in one for one in said(loaded))


# ---- on each account's clock -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "at",
    [
        'at: "09:00 in each partner\'s zone"',
        'at: "2027-02-03 09:00 in each partner’s zone"',
        'at: "09:00", zone: each partner\'s',
    ],
)
def test_nine_oclock_comes_when_it_is_nine_for_each_account(folder: Path, at: str) -> None:
    made = entries(load(folder, f'  - {{id: a, {at}, kind: welcome, text: {{en: "Good morning #shareASM"}}}}'))
    assert [(entry.key.account, entry.due_at) for entry in made] == [
        ("iied-mastodon", datetime(2027, 2, 3, 6, tzinfo=UTC)),
        ("iied-bluesky", datetime(2027, 2, 3, 9, tzinfo=UTC)),
    ]


def test_a_slot_on_each_clock_is_first_where_it_is_first_and_keeps_both_zones(folder: Path) -> None:
    loaded = load(
        folder, '  - {id: a, at: "09:00 in each partner\'s zone", kind: welcome, text: {en: "Morning #shareASM"}}'
    )
    assert loaded.schedule
    (slot,) = loaded.schedule.slots
    assert (slot.due_at, slot.zone) == (datetime(2027, 2, 3, 6, tzinfo=UTC), "Africa/Dar_es_Salaam")
    assert slot.due_for("iied-bluesky").zone == "Europe/London"


def test_accounts_without_a_clock_are_told_and_keep_the_campaigns(folder: Path) -> None:
    text = (folder / "campaign.yaml").read_text()
    (folder / "campaign.yaml").write_text(
        text.replace("partner: iied, lang", "lang").replace("zone: Africa/Dar_es_Salaam, ", "")
    )
    loaded = load(
        folder, '  - {id: a, at: "09:00 in each partner\'s zone", kind: welcome, text: {en: "Morning #shareASM"}}'
    )
    (finding,) = said(loaded)
    assert "No account of this slot has a zone of its own: it goes out on the clock of Europe/London" in finding
    assert loaded.schedule
    assert loaded.schedule.slots[0].due_at == datetime(2027, 2, 3, 9, tzinfo=UTC)


def test_slots_that_meet_on_one_clock_only_are_told_for_that_account(folder: Path) -> None:
    loaded = load(
        folder,
        """
  - {id: a, at: "09:00 in each partner's zone", kind: welcome, text: {en: "Good morning #shareASM"}}
  - {id: b, at: "09:00", kind: welcome, text: {en: "Hello #shareASM"}}
""",
    )
    (clash,) = said(loaded)
    assert "This slot and “a” go out on iied-bluesky in the same minute" in clash


def test_an_answer_must_come_later_on_every_clock(folder: Path) -> None:
    loaded = load(
        folder,
        """
  - {id: a, at: "09:00", kind: welcome, text: {en: "Good morning #shareASM"}}
  - {id: b, at: "11:00 in each partner's zone", reply_to: a, kind: welcome, text: {en: "Hello again"}}
""",
    )
    (early,) = said(loaded)
    assert "This slot goes out before “a” on iied-mastodon, so it cannot answer it." in early
