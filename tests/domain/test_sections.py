"""What stands behind the story: photographs, recordings, voices, questions, outcomes and thanks."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from recap_day import MASTODON, OURS, OURS_TOO, a_campaign, a_post, a_slot, an_account, an_entry, at, shown
from shareasm.domain.campaigns import Partner, Role
from shareasm.domain.chapters import Absence, Missing
from shareasm.domain.covers import OwnPhoto
from shareasm.domain.items import ShownPost
from shareasm.domain.moderation import Reason
from shareasm.domain.pictures import KeptPicture, PictureFile
from shareasm.domain.posts import Account, Card, Counts, Media, MediaKind, Poll, Post
from shareasm.domain.queue import QueueEntry, State
from shareasm.domain.recaps import Facts, Recap, arrange
from shareasm.domain.schedules import Kind, Part, Picture, Schedule, Slot
from shareasm.domain.sections import PHOTOS_SHOWN, Photo
from shareasm.domain.stories import ChapterPlan, PairPlan, Rule, RuleKind, StoryPlan

AMINA, BAKARI = an_account("amina.example", "Amina"), an_account("bakari@mining.example", "Bakari", network=MASTODON)
HILLS = Picture("hills.jpg", {"": "Hills"}, "shareASM", "CC BY 4.0")


def kept(name: str, width: int = 1600, height: int = 1000) -> KeptPicture:
    return KeptPicture((PictureFile(f"media/{name}.webp", width, height),))


def pictured(
    key: str, *names: str, by: Account = AMINA, kind: MediaKind = MediaKind.IMAGE, **changes: object
) -> ShownPost:
    """A post with a picture of each name; all of them are kept."""
    media = tuple(
        Media(kind, f"https://cdn.example/{name}", f"About {name}", f"https://cdn.example/{name}") for name in names
    )
    return shown(
        a_post(key, by=by, media=media, **changes), pictures={one.url: kept(one.url[-9:]) for one in media}
    )  # fmt: skip


def told(*posts: ShownPost | Post, **changes: object) -> Recap:
    held = [one if isinstance(one, ShownPost) else shown(one, number) for number, one in enumerate(posts, start=1)]
    return arrange(replace(Facts(a_campaign(), posts=held), **changes))  # type: ignore[arg-type]


def planned(*sent: tuple[Slot, Post], **changes: object) -> Mapping[str, object]:
    """The facts that make posts of ours highlights of their slots."""
    entries = [an_entry(slot, post) for slot, post in sent]
    return {"entries": entries, "schedule": Schedule(tuple({slot.id: slot for slot, _ in sent}.values())), **changes}


# ---- photographs -------------------------------------------------------------------------------------------------------


def test_a_picture_is_in_the_gallery_once_however_often_it_was_posted() -> None:
    recap = told(pictured("a", "one", "two"), pictured("b", "one", by=BAKARI, created_at=at("10:00")))
    assert [photo.media.url[-3:] for photo in recap.gallery] == ["one", "two"]


def test_one_picture_of_every_author_goes_before_a_second_of_anybody() -> None:
    many = [pictured(f"m{n}", f"m{n}", created_at=at(f"08:{n:02}")) for n in range(PHOTOS_SHOWN + 5)]
    late = pictured("late", "late", by=BAKARI, created_at=at("20:00"))
    photos = told(*many, late).gallery
    assert len(photos) == PHOTOS_SHOWN
    assert photos[-1].item.post.author == BAKARI
    assert [photo.item.in_time for photo in photos] == sorted(photo.item.in_time for photo in photos)


def test_pictures_behind_a_warning_and_those_that_were_not_kept_are_in_no_gallery() -> None:
    covered = replace(pictured("a", "one"), is_covered=True)
    lost = replace(pictured("b", "two"), pictures={})
    assert told(covered, lost).gallery == ()


def our_picture(key: str, slot: Slot, width: int = 1600, **changes: object) -> tuple[Slot, ShownPost]:
    plan = replace(slot, parts=(Part({"en": {"": key}}, (replace(HILLS, file=f"{key}.jpg"),)),))
    held = pictured(key, key, by=OURS, **changes)
    return plan, replace(held, pictures={url: kept(key, width) for url in held.pictures})


def test_the_cover_is_a_wide_picture_of_ours_that_the_story_does_not_show() -> None:
    first, one = our_picture("one", a_slot("one"))
    second, two = our_picture("two", a_slot("two"), created_at=at("10:00"))
    narrow, small = our_picture("small", a_slot("small"), width=900, created_at=at("08:00"))
    facts = planned((first, one.post), (second, two.post), (narrow, small.post))
    by_chapter = [ChapterPlan("A", show=(Rule(RuleKind.SLOT, name),)) for name in ("one", "two")]
    theirs = pictured("theirs", "theirs", created_at=at("07:00"))

    def cover(*chapters: ChapterPlan) -> str | None:
        story = StoryPlan(chapters=(*chapters, ChapterPlan("Words only")))
        found = told(theirs, one, two, small, story=story, **facts).cover
        return found.item.ref.uri.rpartition("/")[2] if isinstance(found, Photo) else None

    assert cover(by_chapter[0]) == "two"
    assert cover(*by_chapter) == "two"
    assert cover(ChapterPlan("A", show=(Rule(RuleKind.SLOT, "one"), Rule(RuleKind.SLOT, "two")))) is None


def test_what_stays_in_view_is_said_by_the_network_else_by_our_plan() -> None:
    slot, one = our_picture("one", a_slot("one"))
    slot = replace(slot, parts=(Part({"en": {"": "x"}}, (replace(HILLS, focus=(0.0, 0.5)),)),))
    elsewhere = replace(one.post, media=(replace(one.post.media[0], focus=(1.0, 0.0)),))
    for post, focus in ((one.post, (0.0, 0.5)), (elsewhere, (1.0, 0.0))):
        cover = told(replace(one, post=post), **planned((slot, post))).cover
        assert cover is None or cover.focus == focus
        assert [photo.focus for photo in told(replace(one, post=post), **planned((slot, post))).gallery] == [focus]


def test_a_picture_that_the_story_shows_in_one_language_is_no_cover_in_another() -> None:
    slot, one = our_picture("one", a_slot("one"))
    french = replace(one, post=replace(one.post, ref=replace(one.post.ref, uri="at://french"), languages=("fr",)))
    entries = [an_entry(slot, one.post), an_entry(slot, french.post, language="fr")]
    story = StoryPlan(chapters=(ChapterPlan("A", show=(Rule(RuleKind.SLOT, "one"),)),))
    assert told(one, french, entries=entries, schedule=Schedule((slot,)), story=story).cover is None


def test_the_editors_cover_leads_a_stranger_s_picture_or_one_that_no_post_shows() -> None:
    slot, one = our_picture("one", a_slot("one"))
    theirs = pictured("theirs", "theirs", created_at=at("07:00"))
    facts = planned((slot, one.post), cover=kept("file"))
    asked = told(theirs, one, story=StoryPlan(cover=Rule(RuleKind.POST, theirs.post.url)), **facts).cover
    assert isinstance(asked, Photo)
    assert asked.item.ref == theirs.post.ref
    own = told(theirs, one, story=StoryPlan(cover=replace(HILLS, focus=(0.5, 0.0))), **facts).cover
    assert isinstance(own, OwnPhoto)
    assert (own.kept, own.focus) == (kept("file"), (0.5, 0.0))
    assert told(theirs, story=StoryPlan(cover=HILLS)).cover is None, "a file that could not be read leads nothing"


def test_a_picture_of_ours_is_described_in_the_readers_language_where_the_plan_has_it() -> None:
    slot, one = our_picture("one", a_slot("one"))
    words = {"en": "Hills", "fr": "Des collines"}
    slot = replace(slot, parts=(Part({"en": {"": "x"}}, (replace(HILLS, alt=words),)),))
    (photo,) = told(one, **planned((slot, one.post))).gallery
    assert photo.alt_in("fr") == ("Des collines", "fr")
    assert photo.alt_in("es") == ("About one", "en")
    (theirs,) = told(pictured("theirs", "theirs")).gallery
    assert theirs.alt_in("fr") == ("About theirs", "en")
    own = OwnPhoto(replace(HILLS, alt=words), kept("file"), "en")
    assert [own.alt_in(language) for language in ("fr", "es")] == [("Des collines", "fr"), ("Hills", "en")]
    assert replace(own, credit=HILLS).alt_in("fr") == ("Hills", "en")


def test_an_editors_cover_that_is_gone_is_told_and_another_picture_leads() -> None:
    slot, one = our_picture("one", a_slot("one"))
    wanted = Rule(RuleKind.POST, "https://gone.example/1")
    story = StoryPlan(cover=wanted, chapters=(ChapterPlan("Words only"),))
    recap = told(one, **planned((slot, one.post), story=story, withheld={"https://gone.example/1": Reason.GONE}))
    assert recap.cover_missing == Missing(wanted, Absence.WITHDRAWN)
    assert isinstance(recap.cover, Photo)
    assert told(one, **planned((slot, one.post))).cover_missing is None


def test_a_day_without_pictures_of_ours_has_no_cover() -> None:
    assert told(pictured("a", "one")).cover is None


def test_what_was_said_without_the_hashtag_is_in_no_section_of_its_own() -> None:
    one = a_post("one", by=AMINA)
    still, moving = (
        replace(pictured(key, key, by=BAKARI, kind=kind, reply_to=one.ref, created_at=at("10:00")), without_tag=True)
        for key, kind in (("picture", MediaKind.IMAGE), ("film", MediaKind.VIDEO))
    )
    question = shown(asked(reply_to=one.ref), without_tag=True)
    recap = told(one, still, moving, question, shown(ANSWER, without_tag=True), campaign=WITH_PARTNERS)
    assert len(recap.items) == 5
    assert recap.without_tag_count == 4
    assert (recap.gallery, recap.recordings, recap.questions) == ((), (), ())
    ((_, (miners,)),) = recap.voices
    assert miners.first_words is None


# ---- recordings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "said"),
    [(MediaKind.VIDEO, "video"), (MediaKind.AUDIO, "audio"), (MediaKind.UNKNOWN, "recording")],
)
def test_a_recording_is_a_still_that_leads_to_its_post(kind: MediaKind, said: str) -> None:
    held = pictured("a", "one", kind=kind)
    (recording,) = told(held).recordings
    assert (recording.kind, recording.url, recording.alt) == (said, held.post.url, "About one")
    assert recording.poster is not None


def test_an_interview_leads_to_where_it_is_and_stands_once_for_all_its_languages() -> None:
    slot = a_slot("talk", kind=Kind.INTERVIEW, parts=(Part({"en": {"": "x"}}), Part({"en": {"": "y"}})))
    card = Card("https://video.example/1", "In conversation", image_url="https://cdn.example/card")
    talk = shown(a_post("talk", by=OURS, card=card), pictures={"https://cdn.example/card": kept("card")})
    further = a_post("further", by=OURS, created_at=at("09:01"))
    french = a_post("fr", by=OURS, created_at=at("09:02"), languages=("fr",))
    entries = [an_entry(slot, talk.post), an_entry(slot, further, part=1), an_entry(slot, french, language="fr")]
    (recording,) = told(talk, further, french, entries=entries, schedule=Schedule((slot,))).recordings
    assert (recording.url, recording.title, recording.kind) == (card.url, "In conversation", "interview")
    assert recording.poster == kept("card")


@pytest.mark.parametrize(("first", "leads"), [("en", "en"), ("fr", "fr"), ("es", "fr")])
def test_a_recording_in_many_languages_is_the_one_in_the_campaign_s_first(first: str, leads: str) -> None:
    slot = a_slot("talk", kind=Kind.VIDEO)
    french, english = (
        a_post(language, by=OURS, created_at=at(clock), languages=(language,))
        for language, clock in (("fr", "09:00"), ("en", "09:05"))
    )
    entries = [an_entry(slot, french, language="fr"), an_entry(slot, english)]
    campaign = a_campaign(languages=(first,))
    (recording,) = told(french, english, entries=entries, schedule=Schedule((slot,)), campaign=campaign).recordings
    assert recording.item.language == leads


def test_an_interview_without_a_link_is_its_own_post_and_shows_its_picture() -> None:
    slot, talk = our_picture("talk", a_slot("talk", kind=Kind.INTERVIEW))
    (recording,) = told(talk, **planned((slot, talk.post))).recordings
    assert (recording.url, recording.title) == (talk.post.url, talk.post.text)
    assert recording.poster == kept("talk", 1600)
    assert recording.alt == "About talk"


def test_a_recording_behind_a_warning_has_no_poster_here() -> None:
    assert told(replace(pictured("a", "one", kind=MediaKind.VIDEO), is_covered=True)).recordings == ()


# ---- polls, quotes -----------------------------------------------------------------------------------------------------


def test_a_post_of_ours_shows_the_poll_that_its_copy_on_another_network_carries() -> None:
    slot, poll = a_slot("poll"), Poll((("Yes", 3), ("No", 1)))
    lead, copy = a_post("poll", by=OURS), a_post("poll", by=OURS_TOO, poll=poll)
    (item,) = told(lead, copy, **planned((slot, lead), (slot, copy))).items
    assert item.post == lead
    assert item.poll == poll


def test_a_post_s_own_poll_goes_before_its_copy_s() -> None:
    slot = a_slot("poll")
    lead, copy = (a_post("poll", by=by, poll=Poll(((word, 1),))) for by, word in ((OURS, "own"), (OURS_TOO, "copy")))
    for posts in ((lead, copy), (copy, lead)):
        (item,) = told(*posts, **planned((slot, lead), (slot, copy))).items
        assert item.poll == lead.poll


def test_what_a_post_quotes_is_known_where_it_is_shown_here() -> None:
    one = a_post("one", by=AMINA)
    two = a_post("two", by=BAKARI, quote=one.ref, created_at=at("10:00"))
    three = a_post("three", quote=replace(one.ref, uri="at://elsewhere"), created_at=at("11:00"))
    recap = told(one, two, three)
    assert [(quoted := recap.quoted_by(item)) and quoted.ref for item in recap.items] == [None, one.ref, None]


# ---- voices and questions ----------------------------------------------------------------------------------------------

MINERS = Partner("miners", "The miners", Role.MINERS, accounts=("@bakari@mining.example",))
SILENT = Partner("silent", "The silent", Role.DONOR, accounts=("@nobody.example",))
FEATURED = Partner("featured", "The featured", Role.MEDIA)
WITH_PARTNERS = a_campaign(partners=(FEATURED, MINERS, SILENT))


def test_partners_are_heard_under_the_role_that_the_campaign_declares() -> None:
    slot = a_slot("about", partner="featured")
    ours, theirs = a_post("about", by=OURS), a_post("theirs", by=BAKARI)
    voices = told(ours, theirs, campaign=WITH_PARTNERS, **planned((slot, ours))).voices
    assert [(role, [voice.partner.id for voice in group]) for role, group in voices] == [
        (Role.MINERS, ["miners"]),
        (Role.MEDIA, ["featured"]),
    ]
    (miners,), (featured,) = (group for _, group in voices)
    assert miners.first_words is not None
    assert miners.first_words.ref == theirs.ref
    assert (len(featured.said), len(featured.about), featured.first_words) == (0, 1, None)


def asked(text: str = "Is there a Swahili edition?", **changes: object) -> Post:
    return replace(a_post("asked", by=AMINA), text=text, **changes)  # type: ignore[arg-type]


ANSWER = a_post("answer", "<p>In June.</p>", by=BAKARI, reply_to=asked().ref, created_at=at("10:00"))


def test_a_question_that_a_partner_answered_stands_with_its_answer() -> None:
    (question,) = told(asked(), ANSWER, campaign=WITH_PARTNERS).questions
    assert question.item.ref == asked().ref
    assert [answer.ref for answer in question.answers] == [ANSWER.ref]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (asked(), a_post("stranger", reply_to=asked().ref, by=an_account("x.example"))),
        (asked("There is no edition."), ANSWER),
        (asked(), a_post("unrelated", by=BAKARI)),
        (replace(asked(), author=BAKARI), ANSWER),
    ],
)
def test_what_nobody_of_us_answered_and_what_is_no_question_is_not_listed(question: Post, answer: Post) -> None:
    assert told(question, answer, campaign=WITH_PARTNERS).questions == ()


def test_a_question_behind_a_warning_is_not_listed() -> None:
    assert told(shown(asked(), is_covered=True), ANSWER, campaign=WITH_PARTNERS).questions == ()


def test_a_question_that_the_story_tells_as_a_pair_is_not_told_again() -> None:
    pair = PairPlan(Rule(RuleKind.POST, asked().url), Rule(RuleKind.POST, ANSWER.url))
    story = StoryPlan(chapters=(ChapterPlan("Asked", show=(pair,)),))
    assert told(asked(), ANSWER, campaign=WITH_PARTNERS, story=story).questions == ()


# ---- what was planned, sent, and came back -----------------------------------------------------------------------------


def test_an_outcome_says_for_each_account_what_was_planned_sent_and_came_back() -> None:
    slot = a_slot("welcome", parts=(Part({"en": {"": "1"}}), Part({"en": {"": "2"}})))
    one = a_post("1", by=OURS, counts=Counts(replies=2, likes=5))
    two = a_post("1", by=OURS_TOO, counts=Counts(replies=1, reposts=4, quotes=1))
    part = a_post("2", by=OURS, created_at=at("09:01"))
    answer = a_post("a", reply_to=two.ref, created_at=at("09:30"), by=AMINA)
    entries = [
        replace(an_entry(slot, one), published_at=at("09:01")),
        an_entry(slot, two),
        an_entry(slot, part, part=1),
        an_entry(slot, None, language="fr"),
        replace(an_entry(slot, None, language="es"), state=State.CANCELLED),
    ]
    outcome = told(one, two, part, answer, entries=entries, schedule=Schedule((slot,))).outcomes["welcome"]
    assert [(one.network.value, one.language, one.words) for one in outcome.sendings] == [
        ("bluesky", "en", "sent"),
        ("bluesky", "fr", "not sent: it was too late"),
        ("mastodon", "en", "sent"),
    ]
    assert outcome.sendings[0].published_at == at("09:01")
    assert outcome.came_back == Counts(replies=3, reposts=4, likes=5, quotes=1)
    assert (outcome.parts_count, outcome.answers_count) == (2, 1)


def test_what_may_not_be_shown_has_neither_address_nor_counts_in_its_outcome() -> None:
    slot, gone = a_slot("welcome"), a_post("1", by=OURS, counts=Counts(likes=5))
    entry: QueueEntry = replace(an_entry(slot, gone), state=State.WITHDRAWN)
    (sending,) = told(entries=[entry], schedule=Schedule((slot,))).outcomes["welcome"].sendings
    assert (sending.url, sending.counts, sending.words) == (None, None, "taken back")


@pytest.mark.parametrize("state", State)
def test_every_state_has_words_for_readers(state: State) -> None:
    slot = a_slot("welcome")
    entries = [replace(an_entry(slot, None), state=state)]
    outcomes = told(entries=entries, schedule=Schedule((slot,))).outcomes
    assert all(sending.words for outcome in outcomes.values() for sending in outcome.sendings)
    assert ("welcome" in outcomes) == (state is not State.CANCELLED)


# ---- thanks ------------------------------------------------------------------------------------------------------------


def test_accounts_are_one_contributor_only_where_the_campaign_declares_them_and_the_name_is_the_same() -> None:
    here = an_account("bakari.example", "Bakari")
    stranger = an_account("bakari@elsewhere.example", "bakari", network=MASTODON)
    other = an_account("office@mining.example", "The office", network=MASTODON)
    partner = replace(MINERS, accounts=("@bakari@mining.example", "@bakari.example", "@office@mining.example"))
    posts = [a_post(f"{n}", f"<p>{n}</p>", by=by) for n, by in enumerate((BAKARI, here, stranger, other))]
    found = told(*posts, campaign=a_campaign(partners=(partner,))).contributors
    assert [([account.handle for account in one.accounts], one.has_namesake) for one in found] == [
        (["bakari.example", "bakari@mining.example"], True),
        (["bakari@elsewhere.example"], True),
        (["office@mining.example"], False),
    ]
    assert found[0].account == here


def test_whoever_is_known_by_one_server_to_want_no_list_stands_in_none() -> None:
    card = Card("https://planetgold.example/osh", "A guide")
    told_here = a_post("a", by=BAKARI, card=card)
    told_there = a_post("b", by=replace(BAKARI, is_indexable=False), created_at=at("10:00"))
    recap = told(told_here, told_there)
    assert recap.contributors == ()
    assert recap.shelf[0].sharers == ()


# ---- who shared what ---------------------------------------------------------------------------------------------------


def test_who_left_discoverable_off_or_answered_without_the_tag_is_on_no_list_of_those_who_shared_research() -> None:
    card = Card("https://planetgold.example/osh", "A guide")
    shy = an_account("shy@mining.example", "Shy", network=MASTODON, is_discoverable=False)
    shared = a_post("a", card=card)
    answer = shown(a_post("c", by=BAKARI, card=card), answers=shared.ref, without_tag=True)
    recap = told(shown(shared), a_post("b", by=shy, card=card), answer)
    assert [account.name for entry in recap.shelf for account in entry.sharers] == ["Amina"]
