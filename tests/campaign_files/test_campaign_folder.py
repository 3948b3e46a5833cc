"""The folder itself: which files are read, how their bytes become text, which pictures are taken."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from shareasm.campaign_files import Loaded, load_campaign
from shareasm.campaign_files.secrets import has_secret, is_secret_key
from shareasm.domain.campaigns import Blocked, Effect, SourceKind
from shareasm.domain.keeping import YEAR, Keep
from shareasm.domain.schedules import Late
from shareasm.domain.stories import Rule, RuleKind

GOOD = Path(__file__).resolve().parent.parent / "data" / "schedules" / "good"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOOD, tmp_path / "share-day"))


def said(loaded: Loaded) -> str:
    return "\n".join(str(finding) for finding in loaded.findings)


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


# ---- what a good folder becomes ----------------------------------------------------------------------------------------


def test_a_campaign_is_read_with_its_window_in_utc(folder: Path) -> None:
    campaign = load_campaign(folder).campaign
    assert campaign
    assert campaign.slug == "share-day"
    assert campaign.hashtags == ("shareASM", "ShareASM2027")
    assert (campaign.opens_at, campaign.closes_at) == (
        datetime(2027, 2, 3, 6, tzinfo=UTC),
        datetime(2027, 2, 3, 22, tzinfo=UTC),
    )
    assert campaign.contact == "mailto:shareasm@iied.example"
    assert [source.id for source in campaign.sources] == [
        "mastodon:mastodon.social", "bluesky:bsky.social", "jetstream:jetstream.us-east.bsky.network",
    ]  # fmt: skip
    assert campaign.sources[2].kind is SourceKind.JETSTREAM
    assert campaign.sources[2].appview == "https://public.api.bsky.app"


def test_slots_are_read_in_order_of_time(folder: Path) -> None:
    loaded = load_campaign(folder)
    assert loaded.schedule
    thanks, welcome = sorted(loaded.schedule.slots, key=lambda slot: slot.id)
    assert loaded.schedule.slots == (welcome, thanks)
    assert thanks.due_at == datetime(2027, 2, 3, 14, 0, 30, tzinfo=UTC)
    assert (thanks.late, thanks.zone, thanks.visibility, thanks.content_warning) == (
        Late.ALWAYS, "Africa/Dar_es_Salaam", "unlisted", "thanks",
    )  # fmt: skip
    assert welcome.late_for == timedelta(minutes=30)
    assert welcome.parts[0].pictures[0].focus == (0, 0.2)
    assert welcome.parts[1].text_for("fr", "mastodon") == "La suite"
    assert loaded.where["thanks"].line == 18
    assert loaded.media == folder / "media"
    assert not loaded.has_errors


def test_a_story_is_read_with_its_rules(folder: Path) -> None:
    story = load_campaign(folder).story
    assert story
    assert story.chapters[0].show[4:] == (Rule(RuleKind.HOUR, "14:00"), Rule(RuleKind.LANGUAGE, "fr"))
    assert story.reading == ("osh-guide",)


def test_a_campaign_needs_no_story(folder: Path) -> None:
    (folder / "story.yaml").unlink()
    loaded = load_campaign(folder)
    assert loaded.story is None
    assert loaded.findings == ()


@pytest.mark.parametrize(
    ("window", "opens_at", "hours"),
    [
        ("everywhere", datetime(2027, 2, 2, 10, tzinfo=UTC), 50),
        ('{opens: "2027-02-02 22:00", closes: "2027-02-04T01:00+01:00"}', datetime(2027, 2, 2, 22, tzinfo=UTC), 26),
        ('{opens: "09:00:30", closes: "09:36:30"}', datetime(2027, 2, 3, 9, 0, 30, tzinfo=UTC), 0.6),
        ("", datetime(2027, 2, 3, tzinfo=UTC), 24),
    ],
)
def test_a_window_may_be_minutes_or_days_long(folder: Path, window: str, opens_at: datetime, hours: float) -> None:
    change(folder / "campaign.yaml", 'window: {opens: "06:00", closes: "22:00"}', f"window: {window}")
    campaign = load_campaign(folder).campaign
    assert campaign
    assert campaign.opens_at == opens_at
    assert campaign.closes_at - opens_at == timedelta(hours=hours)


def test_a_text_needs_no_language_where_the_campaign_has_one(folder: Path) -> None:
    text = (folder / "campaign.yaml").read_text().replace("languages: [en, fr, es]", "languages: en")
    (folder / "campaign.yaml").write_text(text)
    (folder / "schedule.yaml").write_text(
        'slots: [{id: one, at: 9:05, kind: news, accounts: iied-bluesky, late: never, text: "Hello #shareASM"}]'
    )
    (folder / "story.yaml").unlink()
    loaded = load_campaign(folder)
    assert said(loaded) == ""
    assert loaded.schedule
    assert loaded.schedule.slots[0].parts[0].texts == {"en": {"": "Hello #shareASM"}}
    assert loaded.schedule.slots[0].due_at == datetime(2027, 2, 3, 9, 5, tzinfo=UTC)
    assert loaded.schedule.slots[0].late is Late.NEVER


def test_a_server_that_takes_more_is_named_in_its_account(folder: Path) -> None:
    (folder / "story.yaml").unlink()
    words = "word " * 120
    (folder / "schedule.yaml").write_text(
        f'slots: [{{id: one, at: "09:00", kind: news, accounts: iied-mastodon, text: {{en: "{words} #shareASM"}}}}]'
    )
    assert "610 of 500 characters on Mastodon" in said(load_campaign(folder))
    change(folder / "campaign.yaml", "languages: [en, fr, es]}", "languages: [en, fr, es], limit: 1000}")
    assert not load_campaign(folder).has_errors


# ---- parts that are missing or wrong -----------------------------------------------------------------------------------


def test_a_schedule_is_checked_although_its_campaign_cannot_be_read(folder: Path) -> None:
    (folder / "campaign.yaml").unlink()
    change(folder / "schedule.yaml", "kind: welcome", "kind: welcom")
    loaded = load_campaign(folder)
    assert (loaded.campaign, loaded.schedule, loaded.has_errors) == (None, None, True)
    assert "campaign.yaml:1:1: error: The file cannot be read: No such file or directory." in said(loaded)
    assert "Did you mean “welcome”?" in said(loaded)
    assert "account" not in said(loaded)


def test_a_schedule_is_checked_against_what_is_right_in_its_campaign(folder: Path) -> None:
    change(folder / "campaign.yaml", "zone: Europe/London\nwindow", "zone: Europe/Londo\nwindow")
    change(folder / "schedule.yaml", "[iied-bluesky, iied-mastodon]", "[iied-blusky, iied-mastodon]")
    loaded = load_campaign(folder)
    assert loaded.campaign is None
    assert "Did you mean “Europe/London”?" in said(loaded)
    assert "Did you mean “iied-bluesky”?" in said(loaded)


def test_a_good_schedule_is_there_although_its_campaign_is_wrong(folder: Path) -> None:
    change(folder / "campaign.yaml", "host:", "hots:")
    loaded = load_campaign(folder)
    assert loaded.campaign is None
    assert loaded.schedule


def test_a_missing_folder_is_a_finding(tmp_path: Path) -> None:
    loaded = load_campaign(tmp_path / "nowhere")
    assert [finding.file.rpartition("/")[2] for finding in loaded.findings] == ["campaign.yaml", "schedule.yaml"]


def test_a_file_in_place_of_the_folder_is_a_finding(folder: Path) -> None:
    words = said(load_campaign(folder / "campaign.yaml"))
    assert "The file cannot be read: Not a directory." in words
    assert "Check its name and its permissions." in words


def test_a_story_is_not_held_against_a_schedule_that_cannot_be_read(folder: Path) -> None:
    (folder / "schedule.yaml").write_text("slots: [")
    assert "story.yaml" not in said(load_campaign(folder))


# ---- bytes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-be", "strict").join((b"\xfe\xff", b"")),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
    ],
    ids=["bom", "utf-16", "utf-16-be", "crlf", "cr"],
)
def test_a_file_means_the_same_however_it_is_saved(folder: Path, encode: Callable[[str], bytes]) -> None:
    before = load_campaign(folder)
    for name in ("campaign.yaml", "schedule.yaml", "story.yaml"):
        (folder / name).write_bytes(encode((folder / name).read_text()))
    after = load_campaign(folder)
    assert said(after) == ""
    assert (after.campaign, after.schedule, after.story) == (before.campaign, before.schedule, before.story)


def test_a_file_that_is_far_too_large_is_not_read(folder: Path) -> None:
    (folder / "schedule.yaml").write_text("#" * 512_001)
    assert "larger than 512 kB" in said(load_campaign(folder))


def test_a_file_with_very_many_values_is_refused(folder: Path) -> None:
    (folder / "schedule.yaml").write_text("slots: [" + "a," * 30_000 + "a]")
    assert "more than 30,000 values" in said(load_campaign(folder))


def test_a_plan_file_that_leads_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / "schedule.yaml", tmp_path / "elsewhere.yaml")
    (folder / "schedule.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    assert "schedule.yaml:1:1: error: This file is a link that leads out of the campaign's folder." in said(
        load_campaign(folder)
    )


def test_a_plan_file_that_is_no_ordinary_file_is_refused(folder: Path) -> None:
    (folder / "story.yaml").unlink()
    os.mkfifo(folder / "story.yaml")
    assert "story.yaml:1:1: error: This is not an ordinary file." in said(load_campaign(folder))


def test_a_folder_in_place_of_a_file_is_a_finding(folder: Path) -> None:
    (folder / "story.yaml").unlink()
    (folder / "story.yaml").mkdir()
    assert "story.yaml:1:1: error: This is not an ordinary file." in said(load_campaign(folder))


# ---- pictures ----------------------------------------------------------------------------------------------------------


def with_picture(folder: Path, name: str) -> str:
    change(folder / "schedule.yaml", "file: dialogue.png", f"file: {name}")
    return said(load_campaign(folder))


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "GIF"])
def test_still_pictures_are_taken(folder: Path, format_: str) -> None:
    Image.new("RGB", (640, 480), "#8a4b08").save(folder / "media" / "it.bin", format_)
    assert with_picture(folder, "it.bin") == ""


def test_an_animated_picture_is_refused(folder: Path) -> None:
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "green")]
    frames[0].save(folder / "media" / "it.gif", save_all=True, append_images=frames[1:])
    assert "“it.gif” is animated; a post takes a still picture." in with_picture(folder, "it.gif")


def test_a_photograph_with_a_second_picture_behind_is_still(folder: Path) -> None:
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "green")]
    frames[0].save(folder / "media" / "it.jpg", "MPO", save_all=True, append_images=frames[1:])
    assert with_picture(folder, "it.jpg") == ""


def test_a_telephone_s_picture_is_refused_with_its_cure(folder: Path) -> None:
    (folder / "media" / "it.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    words = with_picture(folder, "it.heic")
    assert "“it.heic” is a HEIF picture, as telephones take them, which the networks do not take." in words
    assert "Most Compatible" in words


def test_a_drawing_is_refused(folder: Path) -> None:
    (folder / "media" / "it.svg").write_text('<?xml version="1.0"?><svg/>')
    assert "is an SVG drawing" in with_picture(folder, "it.svg")


def test_a_letter_is_no_picture(folder: Path) -> None:
    (folder / "media" / "it.png").write_text("Dear colleagues, the picture is attached.")
    assert "“it.png” is not a picture of a kind that the networks take." in with_picture(folder, "it.png")


def test_a_picture_that_promises_too_much_is_refused(folder: Path) -> None:
    (folder / "media" / "it.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"nothing behind its first bytes")
    assert "cannot be read as a picture: the file is damaged" in with_picture(folder, "it.png")


def test_an_alt_text_may_be_as_long_as_its_networks_take(folder: Path) -> None:
    change(folder / "schedule.yaml", "en: A golden disc", f"en: {'a' * 2001}")
    assert "The alt text has 2001 characters" in said(load_campaign(folder))


def test_a_picture_that_is_cut_off_is_refused(folder: Path) -> None:
    data = (folder / "media" / "dialogue.png").read_bytes()
    (folder / "media" / "half.png").write_bytes(data[: len(data) // 2])
    assert "the file is damaged" in with_picture(folder, "half.png")


@pytest.mark.parametrize("side", [8_000, 60_000])
def test_a_picture_is_judged_by_its_header_before_it_is_decoded(
    folder: Path, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000_000)  # the library's own bound, whoever else has set it
    Image.new("1", (side, 10)).save(folder / "media" / "it.png")
    data = bytearray((folder / "media" / "it.png").read_bytes())
    data[20:24] = side.to_bytes(4, "big")
    header = data[12:29]
    import zlib

    data[29:33] = zlib.crc32(header).to_bytes(4, "big")
    (folder / "media" / "it.png").write_bytes(data)
    assert "pixels" in with_picture(folder, "it.png")


def test_a_picture_file_that_is_too_large_is_refused(folder: Path) -> None:
    with (folder / "media" / "it.png").open("wb") as file:
        file.truncate(16_000_001)
    assert "“it.png” has 16 MB; 16 MB is the most." in with_picture(folder, "it.png")


def test_an_empty_media_folder_is_said(folder: Path) -> None:
    shutil.rmtree(folder / "media")
    assert "There is no file “dialogue.png” in “media”. Put the picture there." in said(load_campaign(folder))


def test_a_folder_is_no_picture(folder: Path) -> None:
    (folder / "media" / "more").mkdir()
    assert "There is no file “more” in “media”." in with_picture(folder, "more")


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "~/x.png", "a/../../x.png", '"C:\\\\x.png"', '"..\\\\x.png"', "https://a.example/x.png"]
)
def test_a_picture_lies_in_the_media_folder(folder: Path, name: str) -> None:
    assert "leads out of the campaign's folder" in with_picture(folder, name)


@pytest.mark.shared
def test_hostile_pictures_are_refused_or_plain(folder: Path, shared: Path) -> None:
    plain = {
        "ok-64x48.png",
        "ok-1x1.png",
        "gps-exif.png",
        "xss-in-text-chunk.png",
        "polyglot-html.png",
    }  # publishing strips them
    for path in sorted((shared / "corpus/hostile/media").glob("*.png")):
        shutil.copyfile(path, folder / "media" / "dialogue.png")
        os.utime(folder / "media" / "dialogue.png", ns=(0, hash(path.name)))
        assert (said(load_campaign(folder)) == "") is (path.name in plain), path.name


# ---- secrets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "abcd-efgh-ijkl-mnop",
        "log in with abcd-ef2h-ijkl-mnop please",
        "Bearer 0123456789abcdefghijklmnop",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x",
        "https://amina:geheim@iied.example",
        "-----BEGIN RSA PRIVATE KEY-----",
        "ZA-Yj3aBD8U8Cm7lKUp-lm9O9BmDgdhHzDeqsY8tlL0",
    ],
)
def test_what_looks_like_a_secret_is_one(text: str) -> None:
    assert has_secret(text)


@pytest.mark.parametrize(
    "text",
    [
        "a step-by-step-with-more guide",
        "they said this-that-then-them to us",
        "https://www.iied.example/AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefgh",
        "did:plc:z72i7hdynmk6r22z27h6tvur",
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
        "amina@iied.example",
    ],
)
def test_ordinary_words_are_no_secret(text: str) -> None:
    assert not has_secret(text)


@pytest.mark.parametrize("key", ["password", "app_password", "access-token", "API_KEY", "pass", "client_secret"])
def test_a_key_for_a_secret_is_known(key: str) -> None:
    assert is_secret_key(key)
    assert not is_secret_key("partner")


def test_a_secret_is_never_repeated_in_a_message(folder: Path) -> None:
    change(folder / "campaign.yaml", "contact: ", "moderation: abcd-ef2h-ijkl-mnop\ncontact: ")
    change(folder / "schedule.yaml", "theme: safety", "password: hunter2")
    assert "abcd-ef2h" not in said(load_campaign(folder))
    assert "hunter2" not in said(load_campaign(folder))


# ---- feeds -------------------------------------------------------------------------------------------------------------


def with_source(folder: Path, line: str) -> Loaded:
    change(folder / "campaign.yaml", "  - {jetstream: wss://jetstream.us-east.bsky.network}\n", f"  - {line}\n")
    return load_campaign(folder)


def test_a_feed_is_a_source_that_may_be_taken_whole(folder: Path) -> None:
    loaded = with_source(folder, "{feed: https://blog.example/feed/, all: yes, language: fr}")
    assert loaded.campaign
    feed = loaded.campaign.sources[-1]
    assert (feed.id, feed.kind) == ("feed:blog.example/feed", SourceKind.FEED)
    assert (feed.server, feed.takes_all, feed.language) == ("https://blog.example/feed/", True, "fr")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{feed: https://blog.example/feed/, account: iied-bluesky}", "A feed is read without “account”."),
        ("{feed: blog}", "“blog” is not an address"),
        ("{mastodon: https://m.example, all: yes}", "“all” is for feeds."),
    ],
)
def test_what_a_source_cannot_have_is_said(folder: Path, line: str, words: str) -> None:
    assert words in said(with_source(folder, line))


# ---- rules -------------------------------------------------------------------------------------------------------------


def with_rules(folder: Path, line: str) -> Loaded:
    file = folder / "campaign.yaml"
    file.write_text(f"{file.read_text()}\nrules: {line}\n")
    return load_campaign(folder)


def test_a_campaign_may_be_stricter_than_the_rules_without_a_word(folder: Path) -> None:
    loaded = with_rules(folder, "{automated: hide, content warning: hold}")
    assert loaded.campaign
    assert loaded.campaign.rules == {"automated": Effect.HIDE, "content warning": Effect.HOLD}
    assert not loaded.findings


def test_a_rule_made_looser_is_taken_with_a_warning(folder: Path) -> None:
    loaded = with_rules(folder, "{no indexing: show}")
    assert loaded.campaign
    assert loaded.campaign.rules == {"no indexing": Effect.SHOW}
    assert "less careful than usual" in said(loaded)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{not public: show}", "cannot do less than “never store”"),
        ("{adult: never}", "effect"),
        ("{adlut: hide}", "adult"),
        ("hide", "rules"),
    ],
)
def test_what_cannot_be_a_rule_is_said(folder: Path, line: str, words: str) -> None:
    loaded = with_rules(folder, line)
    assert loaded.has_errors
    assert words in said(loaded)


def with_blocked(folder: Path, line: str) -> Loaded:
    file = folder / "campaign.yaml"
    file.write_text(f"{file.read_text()}\nblocked: {line}\n")
    return load_campaign(folder)


def test_accounts_and_whole_servers_are_blocked_with_their_twins_beyond_a_bridge(folder: Path) -> None:
    loaded = with_blocked(folder, '["@Troll.example", "@x@mastodon.example", y@m.example, Bad.example, "did:plc:abc"]')
    assert loaded.campaign
    assert not loaded.findings
    assert loaded.campaign.blocked == Blocked(
        frozenset(
            {
                "troll.example",
                "troll.example@bsky.brid.gy",
                "x@mastodon.example",
                "x.mastodon.example.ap.brid.gy",
                "y@m.example",
                "y.m.example.ap.brid.gy",
                "did:plc:abc",
            }
        ),
        frozenset({"bad.example"}),
    )


def test_a_server_that_the_campaign_uses_itself_is_blocked_with_a_warning(folder: Path) -> None:
    campaign = load_campaign(folder).campaign
    assert campaign
    host = urlsplit(campaign.accounts[0].server).hostname
    loaded = with_blocked(folder, f"[{host}]")
    assert not loaded.has_errors
    assert f"posts from {host} itself or reads there" in said(loaded)


@pytest.mark.parametrize("line", ['["https://bad.example"]', '["@troll"]', "[troll]", '["@a@b@c"]', "[{x: y}]"])
def test_what_is_neither_account_nor_server_cannot_be_blocked(folder: Path, line: str) -> None:
    assert with_blocked(folder, line).has_errors


# ---- what is kept, and how long ----------------------------------------------------------------------------------------


def keeping(folder: Path, line: str) -> Loaded:
    file = folder / "campaign.yaml"
    file.write_text(f"{file.read_text()}\nkeep: {line}\n")
    return load_campaign(folder)


@pytest.mark.parametrize(
    ("line", "keep"),
    [
        ("{raw: 30 days}", Keep(raw=timedelta(days=30))),
        ("{raw: 0 days, unshown: 1 week}", Keep(raw=timedelta(), unshown=timedelta(days=7))),
        ("{unshown: 6 months, posts: 2 Years}", Keep(unshown=timedelta(days=180), posts=2 * YEAR)),
    ],
)
def test_a_campaign_says_how_long_things_are_kept(folder: Path, line: str, keep: Keep) -> None:
    loaded = keeping(folder, line)
    assert said(loaded) == ""
    assert loaded.campaign
    assert loaded.campaign.keep == keep


def test_without_a_word_they_are_kept_for_the_usual_time(folder: Path) -> None:
    loaded = load_campaign(folder)
    assert loaded.campaign
    assert loaded.campaign.keep == Keep(timedelta(days=90), timedelta(days=30), None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{raw: for ever}", "“for ever” is not a time to keep something"),
        ("{raw: [90 days]}", "must be text"),
        ("{raws: 90 days}", "Did you mean “raw”?"),
        ("90 days", "Here must stand what is kept"),
        ("{raw: 3 years}", "more than a year"),
    ],
)
def test_a_time_that_cannot_be_read_is_said(folder: Path, line: str, message: str) -> None:
    assert message in said(keeping(folder, line))


# ---- answers without the tag -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "follows"), [("", True), ("replies: yes\n", True), ("replies: no\n", False)])
def test_a_team_says_whether_answers_without_the_tag_are_followed(folder: Path, line: str, follows: bool) -> None:
    change(folder / "campaign.yaml", "contact: ", f"{line}contact: ")
    loaded = load_campaign(folder)
    assert loaded.campaign
    assert loaded.campaign.follows_replies is follows
