"""A day that has one of everything that the page knows: for looking at it, and for axe."""

# ruff: noqa: E501  what people say stands on one line

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from recap_day import A_STORY, MASTODON, OURS, a_campaign, a_day, a_picture, a_post, a_slot, an_account, an_entry, at
from shareasm.domain.campaigns import Look, Partner, Role, Source, SourceKind
from shareasm.domain.items import ShownPost, picture_addresses
from shareasm.domain.moderation import Reason
from shareasm.domain.pictures import KeptPicture
from shareasm.domain.posts import Card, Counts, Media, MediaKind, Network, Poll, Post
from shareasm.domain.queue import QueueEntry
from shareasm.domain.recaps import Recap, SourceState, arrange
from shareasm.domain.schedules import Kind, Part, Schedule, Slot
from shareasm.domain.stories import (
    ChapterPlan,
    FromTo,
    Narration,
    PairPlan,
    Quotation,
    Reading,
    Rule,
    RuleKind,
    StoryPlan,
)
from shareasm.pictures import keep

LOGO_INK = "#14141e"
PICTURES = ("welcome", "interview", "table", "hills", "still", "card", "pit", "school", "tall")


def keep_pictures(folder: Path) -> dict[str, KeptPicture]:
    kept = {}
    for number, name in enumerate(PICTURES):
        picture = keep(a_picture(15 + 13 * number, (900, 1500) if name == "tall" else (1600, 1000)), folder)
        assert isinstance(picture, KeptPicture)
        kept[f"https://cdn.example/{name}.jpg"] = picture
    return kept


def keep_logo(folder: Path, size: tuple[int, int]) -> KeptPicture:
    """A logo of dark ink on nothing."""
    drawn = Image.new("RGBA", size)
    ImageDraw.Draw(drawn).ellipse([0, 0, min(size), min(size)], fill=LOGO_INK)
    out = BytesIO()
    drawn.save(out, "PNG")
    kept = keep(out.getvalue(), folder)
    assert isinstance(kept, KeptPicture)
    return kept


def a_long_day(kept: dict[str, KeptPicture], count: int = 40) -> Recap:
    """A day with an hour of long posts that is too full for one page: its pages are numbered parts."""
    addresses = sorted(kept)
    posts = [
        a_post(
            f"long{number}",
            f"<p>{number} things were said before. {'Somebody else has said this as well. ' * 230} #shareASM</p>",
            by=an_account(f"somebody{number % 40}.example", f"Somebody {number % 40}"),
            created_at=at("09:00") + timedelta(minutes=number),
            media=tuple(
                Media(MediaKind.IMAGE, addresses[(number + one) % len(addresses)], "Hills") for one in range(number % 5)
            ),
        )
        for number in range(count)
    ]
    held = [
        ShownPost(
            post, number, post.created_at, pictures={one: kept[one] for one in picture_addresses(post) if one in kept}
        )
        for number, post in enumerate(posts)
    ]  # fmt: skip
    return arrange(replace(a_day(kept), posts=tuple(held), campaign=a_campaign()))


def a_full_day(kept: dict[str, KeptPicture], languages: tuple[str, ...] = ("en", "fr", "es")) -> Recap:
    base = a_day(kept, A_STORY)
    slots, entries, posts = _more_programme()
    posts += _more_voices()
    held = [
        ShownPost(
            post, 100 + number, post.created_at,
            pictures={address: kept[address] for address in picture_addresses(post) if address in kept},
        )
        for number, post in enumerate(posts)
    ]  # fmt: skip
    campaign = a_campaign(
        partners=(
            *a_campaign().partners,
            Partner(
                "planetgold",
                "planetGOLD",
                Role.GOVERNMENT,
                country="CO",
                url="https://planetgold.example",
                accounts=("@planetgold.example",),
            ),
        ),
        look=Look(accent="#8a4b08"),
        languages=languages,
    )
    facts = replace(
        base,
        campaign=campaign,
        schedule=Schedule((*base.schedule.slots, *slots)),
        entries=(*base.entries, *entries),
        posts=(*base.posts, *held),
        story=_a_story(),
        not_shown={**base.not_shown, Reason.HIDDEN: 1, Reason.NOINDEX: 24},
        sources=(
            *base.sources,
            SourceState(
                Source("feed:dialogue.example", SourceKind.FEED, "https://dialogue.example/feed"),
                problem="the feed is no feed",
            ),
        ),
        missing_pictures_count=2,
    )
    return arrange(facts)


def _more_programme() -> tuple[list[Slot], list[QueueEntry], list[Post]]:
    """A thread of six, an interview with a link, a poll on one network, and a post that quotes another of ours."""
    slots, entries, posts = [], [], []
    thread = a_slot("thread", "15:00", Kind.VOICES, parts=tuple(Part({"en": {"": f"{n}"}}) for n in range(6)))
    slots.append(thread)
    for number in range(6):
        post = a_post(
            f"thread{number}",
            f"<p>{number + 1}/6 What three women told us about the day they got a licence, and what it did not change.</p>",
            by=OURS,
            created_at=at(f"15:0{number}"),
        )
        posts.append(post)
        entries.append(an_entry(thread, post, part=number))
    talk = a_slot("talk", "13:00", Kind.INTERVIEW, partner="planetgold")
    told = a_post(
        "talk",
        "<p>Twelve minutes with Camila Ríos on gold without mercury. #shareASM</p>",
        by=OURS,
        created_at=at("13:00"),
        card=Card(
            "https://video.example/w/1",
            "Gold without mercury: Camila Ríos in conversation",
            "Twelve minutes, with captions in three languages",
            "https://cdn.example/card.jpg",
        ),
    )
    slots.append(talk)
    posts.append(told)
    entries.append(replace(an_entry(talk, told), published_at=at("13:00")))
    poll = a_slot("poll", "17:00", Kind.QUESTION_HOUR)
    asked = a_post(
        "poll",
        "<p>What should the fourth day be about? #shareASM</p>",
        by=OURS,
        created_at=at("17:00"),
        quote=told.ref,
        quote_url=told.url,
    )
    asked_too = a_post(
        "poll",
        "<p>What should the fourth day be about? #shareASM</p>",
        by=an_account("shareasm@social.example", "shareASM", network=MASTODON),
        created_at=at("17:00"),
        poll=Poll(
            (
                ("Money", 41),
                ("Mercury", 18),
                ("Schools near mines, and who pays for the teachers in the years between two elections", 7),
            ),
            at("21:00"),
        ),
    )
    slots.append(poll)
    posts += [asked, asked_too]
    entries += [replace(an_entry(poll, one), published_at=at("17:01")) for one in (asked, asked_too)]
    return slots, entries, posts


def _more_voices() -> list[Post]:
    swahili = a_post(
        "sw",
        "<p>Is the guide coming in Swahili, too? We would read it aloud.</p>",
        by=an_account("neema@mining.example", "Neema :gem: Mushi", network=MASTODON),
        created_at=at("10:40"),
        reply_to=None,
    )
    answer = a_post(
        "sw-a",
        "<p>It is: in June, with Wanawake Wachimbaji. We will post it under this tag.</p>",
        by=OURS,
        created_at=at("10:52"),
        reply_to=swahili.ref,
        is_reply=True,
    )
    names = ("Ama", "Tsetseg", "Luz", "Ifeoma", "Paulo", "Ruth")
    answers = [
        a_post(
            f"many{n}",
            f"<p>{'A tunnel that somebody has looked at first. ' * (n + 1)}</p>",
            by=an_account(f"{name.lower()}.example", name),
            created_at=at(f"09:{31 + n}"),
            reply_to=None,
            is_reply=True,
        )
        for n, name in enumerate(names)
    ]
    welcome = a_post("welcome", by=OURS)
    answers = [replace(one, reply_to=welcome.ref) for one in answers]
    partner = a_post(
        "pg",
        "<p>Our school at the pit in Suárez has a roof since Monday. #shareASM</p>",
        by=an_account("planetgold.example", "planetGOLD"),
        created_at=at("12:20"),
        media=(Media(MediaKind.IMAGE, "https://cdn.example/school.jpg", "A long roof of new tin between green hills"),),
        counts=Counts(replies=2),
    )
    tall = a_post(
        "tall",
        "<p>The shaft ladder, before and after. #shareASM</p>",
        by=an_account("ama.example", "Ama"),
        created_at=at("12:31"),
        media=(Media(MediaKind.IMAGE, "https://cdn.example/tall.jpg", "A new steel ladder in a narrow shaft"),),
    )
    web = Post(
        ref=replace(tall.ref, network=Network.WEB, uri="https://dialogue.example/feed#1"), url="https://dialogue.example/1",
        author=replace(tall.author, network=Network.WEB, ref="https://dialogue.example/feed", handle="", name="Mining dialogues", url="https://dialogue.example"),
        created_at=at("12:40"), text="A dialogue is a process", html=tall.html, languages=("en",),
    )  # fmt: skip
    return [swahili, answer, *answers, partner, tall, web]


def _a_story() -> StoryPlan:
    chapters = list(A_STORY.chapters)
    chapters[0] = replace(
        chapters[0],
        show=(
            *chapters[0].show,
            Narration("By ten the question had become another one: *who is asked at all?*"),
            Quotation(
                "A dialogue is a process, not an event.",
                "Nellie Dzikum",
                "Ghana ASM dialogue",
                "en",
                "https://dialogue.example/nellie",
            ),
            Rule(RuleKind.SLOT, "thread"),
        ),
    )
    chapters.append(
        ChapterPlan(
            "What people asked",
            "Questions do not wait for the hour that is planned for them.",
            (
                PairPlan(
                    Rule(RuleKind.POST, "https://social.example/@kwame/v12"),
                    Rule(RuleKind.POST, "https://bsky.example/lender.example/v13"),
                ),
                PairPlan(
                    Quotation("وماذا عن النساء؟", "سلمى", "الخرطوم", "ar"),
                    Quotation(
                        "They are a third of the workforce, and a tenth of the licence holders.", "Abbi Buxton", "IIED"
                    ),
                ),
                Rule(RuleKind.SLOT, "poll"),
                Rule(RuleKind.SLOT, "talk"),
            ),
        )
    )
    return replace(
        A_STORY,
        chapters=tuple(chapters),
        reading=(
            "dirty-work",
            Reading("Mining together: a history of three days", "https://iied.example/history", "IIED"),
        ),
        from_to=FromTo(
            ("Mercury in the kitchen", "A form in the capital"),
            ("Tables that shake", "A clerk who comes by"),
            "From a form to a door",
        ),
    )
