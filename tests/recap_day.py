"""Builders for recap tests, and one realistic day: a programme in three languages, an audience in many, a hostile guest."""

# ruff: noqa: E501  what people say stands on one line

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

from PIL import Image, ImageDraw

from shareasm.domain.campaigns import (
    Campaign,
    CampaignAccount,
    EarlierEdition,
    Edition,
    Look,
    Partner,
    Resource,
    Role,
    Source,
    SourceKind,
)
from shareasm.domain.items import ShownPost, picture_addresses
from shareasm.domain.moderation import Reason
from shareasm.domain.pictures import KeptPicture
from shareasm.domain.posts import Account, Card, Counts, Media, MediaKind, Network, Poll, Post, PostRef, SafeHtml
from shareasm.domain.queue import Draft, EntryKey, QueueEntry, Receipt, State
from shareasm.domain.recaps import Facts, SourceState
from shareasm.domain.richtext import sanitise, to_text
from shareasm.domain.schedules import Kind, Part, Picture, Schedule, Slot
from shareasm.domain.stories import ChapterPlan, Rule, RuleKind, StoryPlan
from shareasm.domain.watches import Gap

ON = date(2027, 2, 3)
BLUESKY, MASTODON = Network.BLUESKY, Network.MASTODON


def at(clock: str) -> datetime:
    """Return an instant of the day, UTC: at("09:30")."""
    hour, minute = clock.split(":")
    return datetime(2027, 2, 3, int(hour), int(minute), tzinfo=UTC)


GUIDE = Resource(
    id="osh-guide",
    editions=(
        Edition(
            "en", "Occupational safety and health in small-scale mining: a guide", "https://planetgold.example/osh"
        ),
        Edition(
            "fr", "Sécurité et santé au travail dans la petite mine : un guide", "https://planetgold.example/osh-fr"
        ),
        Edition("es", "Seguridad y salud en la pequeña minería: una guía", "https://planetgold.example/osh-es"),
    ),
    authors=("Yves Bertran Alvarez", "Josephine Singo"),
    organisation="Alliance for Responsible Mining",
    type="guide",
)
DIRTY_WORK = Resource(
    id="dirty-work",
    editions=(
        Edition(
            "en",
            "Artisanal and small-scale mining: protecting those “doing the dirty work”",
            "https://iied.example/dirty-work",
        ),
    ),
    authors=("Boris Verbrugge", "Beverly Besmanos", "Abbi Buxton"),
    organisation="IIED",
    year=2014,
    type="briefing paper",
)


def a_campaign(**changes: object) -> Campaign:
    campaign = Campaign(
        slug="shareasm-2027",
        name="#shareASM 2027",
        hashtags=("shareASM", "ShareASM2027"),
        on=ON,
        zone=ZoneInfo("Europe/London"),
        opens_at=at("06:00"),
        closes_at=at("22:00"),
        languages=("en",),
        host="International Institute for Environment and Development",
        contact="mailto:shareasm@iied.example",
        policy="https://iied.example/policy",
        about="A day online for everyone who cares about a **safer, fairer** small-scale mining sector.",
        accounts=(
            CampaignAccount("iied-bluesky", BLUESKY, "https://pds.example", "shareasm.iied.example", ("en", "fr")),
            CampaignAccount(
                "iied-mastodon", MASTODON, "https://social.example", "shareasm@social.example", ("en", "fr")
            ),
        ),
        sources=(Source("mastodon:social.example", SourceKind.TAG_TIMELINE, "https://social.example"),),
        partners=(
            Partner("iied", "IIED", Role.ACADEMIA, country="GB", accounts=("@shareasm.iied.example",)),
            Partner(
                "tawoma", "Women Miners’ Association", Role.MINERS, country="TZ", accounts=("@wanawake@mining.example",)
            ),
        ),
        resources=(GUIDE, DIRTY_WORK),
        look=Look(accent="#8a4b08"),
        earlier=(EarlierEdition("#shareASM, the second day", 2017, "https://iied.example/2017"),),
    )
    return replace(campaign, **changes)  # type: ignore[arg-type]


def an_account(handle: str, name: str = "", *, network: Network = BLUESKY, **changes: object) -> Account:
    if network is BLUESKY:
        account = Account(network, f"did:plc:{handle.replace('.', '')}", handle, name, f"https://bsky.example/{handle}")
    else:
        user, _, host = handle.partition("@")
        account = Account(network, f"https://{host}/users/{user}", handle, name, f"https://{host}/@{user}")
    return replace(account, **changes)  # type: ignore[arg-type]


def a_post(
    key: str, html: str = "<p>Good morning #shareASM</p>", *, by: Account | None = None, **changes: object
) -> Post:
    """Return a post; `key` tells posts of one author apart."""
    author = by or an_account("amina.example", "Amina")
    if author.network is BLUESKY:
        ref = PostRef(BLUESKY, f"at://{author.ref}/app.bsky.feed.post/{key}")
    else:
        ref = PostRef(MASTODON, f"{author.ref}/statuses/{key}")
    clean = sanitise(html)
    post = Post(ref, f"{author.url}/{key}", author, at("09:00"), to_text(html), SafeHtml(clean), languages=("en",))
    return replace(post, **changes)  # type: ignore[arg-type]


def shown(post: Post, number: int = 1, **changes: object) -> ShownPost:
    return replace(ShownPost(post, number, post.created_at), **changes)  # type: ignore[arg-type]


def a_slot(name: str, clock: str = "09:00", kind: Kind = Kind.PUBLICATION, **changes: object) -> Slot:
    part = Part({"en": {"": f"Words of {name} #shareASM"}})
    slot = Slot(name, at(clock), "Europe/London", kind, (part,), ("iied-bluesky", "iied-mastodon"))
    return replace(slot, **changes)  # type: ignore[arg-type]


OURS = an_account("shareasm.iied.example", "shareASM")
OURS_TOO = an_account("shareasm@social.example", "shareASM", network=MASTODON)


def an_entry(slot: Slot, post: Post | None, *, language: str = "en", part: int = 0, account: str = "") -> QueueEntry:
    """Return the queue entry that became `post`; a missed one without a post."""
    network = post.ref.network if post else BLUESKY
    receipt = Receipt(post.ref, post.url, "local") if post else None
    key = EntryKey(slot.id, part, language, account or f"iied-{network}")
    draft = Draft(network, post.text if post else "", language)
    state = State.PUBLISHED if post else State.MISSED
    return QueueEntry(1, "shareasm-2027", key, network, slot.due_at, None, draft, "key", state, receipt=receipt)


# ---- a whole day -------------------------------------------------------------------------------------------------------

_VOICES = [
    ("06:12", "en", "otgon.example", "Отгонбаяр", "Good morning from Ulaanbaatar, where the day is half over already. #shareASM"),
    ("07:05", "mn", "otgon.example", "Отгонбаяр", "Бичил уурхайчдын эрх, аюулгүй байдлын тухай өнөөдөр ярилцъя. #shareASM"),
    ("07:40", "sw", "wanawake@mining.example", "Wanawake Wachimbaji", "Habari za asubuhi kutoka Geita! Leo tunazungumza kuhusu usalama wa wachimbaji wadogo. #shareASM"),
    ("08:15", "ar", "salma@arabic.example", "سلمى الحداد", "صباح الخير من الخرطوم. نتحدث اليوم عن التعدين الحرفي وسلامة العمال، 50 مشاركًا حتى الآن! #shareASM"),
    ("08:50", "he", "noa.example", "נועה", "בוקר טוב! היום מדברים על כרייה בקנה מידה קטן (ASM) ועל בטיחות. #shareASM"),
    ("09:20", "fr", "aissata.example", "Aïssata Traoré", "À Kéniéba, notre coopérative a remplacé le mercure par des tables à secousses. Il a fallu trois ans, et beaucoup de patience. #shareASM"),
    ("09:47", "pt", "helena.example", "Helena Macuácua", "Em Manica, o primeiro dia de formação juntou 60 mineiros. As perguntas foram melhores do que as respostas. #shareASM"),
    ("10:30", "en", "kwame@social.example", "Kwame Boateng ⛏️🇬🇭", "Formalisation is not a form. It is whether the bank manager knows your name, whether the clinic is open, whether the inspector comes to help or to collect. #shareASM"),
    ("11:11", "zh", "lin@zh.example", "林晓梅", "小规模采矿影响着全球数千万人的生计。今天的讨论很有价值。 #shareASM"),
    ("12:02", "es", "camila.example", "Camila Ríos", "Las barequeras de Condoto preguntan: ¿quién decide qué es legal? La respuesta no puede llegar sólo desde Bogotá. #shareASM"),
    ("12:45", "fa", "roya@fa.example", "رویا", "ایمنی در معادن کوچک از گفت‌وگو آغاز می‌شود. سپاس از همه! 🙏 #shareASM"),
    ("13:30", "th", "ploy@th.example", "พลอย", "วันนี้เราเรียนรู้เรื่องการทำเหมืองขนาดเล็กอย่างปลอดภัยจากเพื่อนทั่วโลก #shareASM"),
    ("14:05", "en", "kwame@social.example", "Kwame Boateng ⛏️🇬🇭", "Question for the finance people: what would make you lend to a cooperative without a land title? #shareASM"),
    ("14:20", "en", "lender.example", "Priya Natarajan", "Honestly? Two years of sales records and somebody who answers the phone. The title matters less than people think. #shareASM"),
    ("15:10", "ja", "yuki.example", "ゆき", "紛争鉱物だけでなく、零細採掘者の声を聞くことが大切だと思う。#shareASM"),
    ("16:00", "de", "johanna@de.example", "Johanna", "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz ist nichts gegen das Bergrecht mancher Länder: Kleinbergbaugenehmigungsverlängerungsantragsformular! #shareASM"),
    ("17:15", "en", "amina.example", "Amina", "Took the children to see the reclaimed pit today. There are fish in it now. #shareASM"),
    ("18:40", "es", "camila.example", "Camila Ríos", "Gracias por un día en el que nadie habló de nosotras sin nosotras. #shareASM"),
    ("20:05", "en", "guest@odd.example", "<script>pwn('name')</script>", "<p>Look: &lt;img src=x onerror=pwn(1)&gt; " + "unbreakable" * 30 + " #shareASM</p>"),
]  # fmt: skip


def a_picture(hue: int = 30, size: tuple[int, int] = (1600, 1000)) -> bytes:
    """Return a drawn landscape as JPEG: nothing that anyone owns."""
    image = Image.new("RGB", size)
    draw = ImageDraw.Draw(image)
    width, height = size
    for row in range(height):
        light = 235 - row * 90 // height
        draw.line([(0, row), (width, row)], fill=(light, light - hue // 2, light - hue))
    for layer in range(5):
        base = height * (4 + layer) // 9
        shade = (150 - layer * 26, 105 - layer * 18, 70 - layer * 12 + hue // 3)
        peaks = [
            (x, base + ((x * (layer + 3)) // 7 % 160) - abs((x * 13 + layer * 371) % 900 - 450) // 4)
            for x in range(0, width + 80, 80)
        ]
        draw.polygon([(0, height), *peaks, (width, height)], fill=shade)
    draw.ellipse([width * 0.68, height * 0.12, width * 0.76, height * 0.12 + width * 0.08], fill=(250, 236, 200))
    out = BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


def a_day(kept: dict[str, KeptPicture] | None = None, story: StoryPlan | None = None, **changes: object) -> Facts:
    """Return a realistic day. `kept` are the pictures by address; without them the page says where they are."""
    slots, entries, posts = _programme()
    posts += _audience(posts)
    pictures = kept or {}
    held = [
        ShownPost(
            post,
            number,
            post.created_at + timedelta(seconds=40),
            is_covered=bool(post.content_warning),
            pictures={address: pictures[address] for address in picture_addresses(post) if address in pictures},
        )
        for number, post in enumerate(posts, start=1)
    ]
    campaign = a_campaign(languages=("en", "fr", "es"))
    stream = Source("jetstream:us-east", SourceKind.JETSTREAM, "wss://jetstream.example")
    lost = Gap(stream.id, at("13:02"), at("13:09"), "the connection was lost", found_later=3)
    facts = Facts(
        campaign=campaign,
        schedule=Schedule(tuple(slots)),
        story=story,
        entries=tuple(entries),
        posts=tuple(held),
        not_shown={Reason.GONE: 2, Reason.OPTED_OUT: 3, Reason.SIGNED_IN_ONLY: 1},
        sources=(
            SourceState(campaign.sources[0], at("21:59")),
            SourceState(stream, at("21:59"), (lost,)),
        ),
        checked_at=at("22:02"),
    )
    return replace(facts, **changes)  # type: ignore[arg-type]


def _programme() -> tuple[list[Slot], list[QueueEntry], list[Post]]:
    photo = Picture(
        "dialogue.jpg",
        {"en": "Hills in layers of brown under a pale morning sun", "fr": "Des collines brunes au petit matin"},
        "shareASM",
        "CC BY 4.0",
    )
    plan = [
        ("welcome", "09:00", Kind.WELCOME, None, None, "Good morning! For the third time, miners, researchers and everyone else who cares meet here for a day. What would make your work safer? Tell us. #shareASM", True),
        ("guide", "10:00", Kind.PUBLICATION, "safety and health", "osh-guide", "A guide to safety and health in small-scale mining, written with miners, in three languages. #shareASM", False),
        ("interview", "11:30", Kind.INTERVIEW, None, None, "“A dialogue is a process, not an event.” We talk with people from the Ghana dialogue. #shareASM", True),
        ("questions", "14:00", Kind.QUESTION_HOUR, None, None, "For the next hour our researchers answer your questions on finance and formalisation. Ask under #shareASM", False),
        ("dirty", "16:30", Kind.PUBLICATION, "safety and health", "dirty-work", "Who protects those who do the dirty work? A briefing that is still asked for. #shareASM", False),
        ("thanks", "21:30", Kind.THANKS, None, None, "Thank you, asante, merci, gracias, рахмат! What you said today stays. #shareASM", False),
    ]  # fmt: skip
    slots, entries, posts = [], [], []
    for name, clock, kind, theme, resource, words, pictured in plan:
        part = Part({"en": {"": words}}, (photo,) if pictured else ())
        slot = a_slot(name, clock, kind, theme=theme, resource=resource, partner="iied", parts=(part,))
        slots.append(slot)
        media = (Media(MediaKind.IMAGE, f"https://cdn.example/{name}.jpg", photo.alt["en"]),) if pictured else ()
        work = GUIDE if resource == "osh-guide" else DIRTY_WORK if resource else None
        card = Card(work.editions[0].url, work.editions[0].title, "guide · 2027") if work else None
        for author in (OURS, OURS_TOO):
            post = a_post(
                name, f"<p>{words}</p>", by=author, created_at=at(clock), media=media, card=card,
                counts=Counts(replies=4, reposts=12, likes=31),
            )  # fmt: skip
            posts.append(post)
            entries.append(an_entry(slot, post))
    french = a_post(
        "guide-fr", "<p>Un guide de sécurité et de santé, écrit avec des mineurs. #shareASM</p>", by=OURS,
        created_at=at("10:00"), languages=("fr",),
    )  # fmt: skip
    posts.append(french)
    entries.append(an_entry(slots[1], french, language="fr"))
    entries.append(an_entry(a_slot("cancelled-interview", "19:00"), None))
    return slots, entries, posts


def _audience(ours: Sequence[Post]) -> list[Post]:
    posts = []
    for key, (clock, language, handle, name, words) in enumerate(_VOICES):
        network = MASTODON if "@" in handle else BLUESKY
        by = an_account(handle, name, network=network)
        html = words if words.startswith("<p>") else f"<p>{words}</p>"
        posts.append(
            a_post(
                f"v{key}",
                html,
                by=by,
                created_at=at(clock),
                languages=(language,),
                counts=Counts(replies=key % 4, likes=key),
            )
        )
    posts[5] = replace(
        posts[5],
        media=(
            Media(MediaKind.IMAGE, "https://cdn.example/table.jpg", "Une table à secousses devant un hangar"),
            Media(MediaKind.IMAGE, "https://cdn.example/hills.jpg", None),
        ),
    )
    posts[6] = replace(
        posts[6], media=(Media(MediaKind.VIDEO, "https://cdn.example/v.m3u8", None, "https://cdn.example/still.jpg"),)
    )
    posts[16] = replace(
        posts[16],
        edited_at=at("17:20"),
        media=(Media(MediaKind.IMAGE, "https://cdn.example/lost.jpg", "A pond in an old pit"),),
    )
    posts[12] = replace(
        posts[12], poll=Poll((("A land title", 12), ("Sales records", 31), ("A group guarantee", 27)), at("20:00"))
    )
    posts[9] = replace(
        posts[9],
        card=Card(
            "https://iied.example/what-is-legal",
            "“What is legal?” Formalising artisanal and small-scale mining in Colombia",
            "A report by Cristina Echavarria",
        ),
    )
    warned = a_post(
        "cw",
        "<p>Three of our colleagues died at the pit last March. We say their names today. #shareASM</p>",
        by=an_account("bakari@mining.example", "Bakari", network=MASTODON),
        created_at=at("19:10"),
        content_warning="Death of colleagues",
        media=(Media(MediaKind.IMAGE, "https://cdn.example/memorial.jpg", "Flowers"),),
    )
    answers = [
        a_post("a1", "<p>Boots that fit women. Really. Start there.</p>", by=an_account("chinara.example", "Chinara"), created_at=at("09:06"), reply_to=ours[0].ref, is_reply=True, counts=Counts(likes=18)),
        a_post("a2", "<p>Qu’on nous demande avant d’écrire la loi.</p>", by=an_account("aissata.example", "Aïssata Traoré"), created_at=at("09:12"), reply_to=ours[0].ref, is_reply=True, languages=("fr",)),
        a_post("a3", "<p>This. My sister wears two pairs of socks in hers.</p>", by=an_account("kwame@social.example", "Kwame Boateng ⛏️🇬🇭", network=MASTODON), created_at=at("09:30"), reply_to=ours[1].ref, is_reply=True),
        a_post("a4", "<p>Is there a Swahili edition of the guide planned?</p>", by=an_account("wanawake@mining.example", "Wanawake Wachimbaji", network=MASTODON), created_at=at("10:20"), reply_to=ours[2].ref, is_reply=True),
    ]  # fmt: skip
    copy = replace(
        a_post("bridged", "<p>Formalisation is not a form.</p>", by=an_account("kwame.social.example.ap.brid.gy", "Kwame Boateng"), created_at=at("10:31")),
        bridged_from=posts[7].ref.uri,
    )  # fmt: skip
    return [*posts, warned, *answers, copy]


A_STORY = StoryPlan(
    title="What would make your work safer?",
    lede="For one day in February, people who dig, weigh, study and regulate the world’s small mines talked to each "
    "other in public. They spoke **twelve languages** and agreed on less than they expected.",
    chapters=(
        ChapterPlan(
            "The question",
            "The day began with a question, and the first answer came six minutes later. It was about boots.",
            (Rule(RuleKind.SLOT, "welcome"), Rule(RuleKind.HOUR, "9")),
        ),
        ChapterPlan(
            "Written with miners",
            "Guides for miners are usually written far from any mine. This one was not.",
            (Rule(RuleKind.THEME, "safety and health"), Rule(RuleKind.POST, "https://bsky.example/gone/1")),
        ),
        ChapterPlan("In Spanish, from Chocó", "", (Rule(RuleKind.LANGUAGE, "es"),)),
        ChapterPlan("Money", "> What would make you lend?\n\nA question at five past two, answered in fifteen minutes.", (Rule(RuleKind.HOUR, "14:00"),)),
    ),
    ahead="The fourth day is planned for **February 2028**.",
    reading=("dirty-work",),
)  # fmt: skip
