"""`story.yaml`: what a chapter may show, and what is said of a line that cannot be meant."""

import shutil
from pathlib import Path

import pytest

from shareasm.campaign_files import load_campaign
from shareasm.campaign_files.drafted import digest_of
from shareasm.domain.schedules import Picture
from shareasm.domain.stories import (
    ChapterPlan,
    FromTo,
    Narration,
    Order,
    PairPlan,
    Quotation,
    Reading,
    Rule,
    RuleKind,
    StoryPlan,
)

GOOD = Path(__file__).resolve().parent.parent / "data" / "schedules" / "good"

A_POST = "https://bsky.app/profile/x/post/1"


def read(tmp_path: Path, story: str) -> tuple[StoryPlan | None, list[str]]:
    folder = Path(shutil.copytree(GOOD, tmp_path / "day"))
    (folder / "story.yaml").write_text(story)
    loaded = load_campaign(folder)
    return loaded.story, [str(finding).partition("/day/")[2] for finding in loaded.findings]


def chapter(tmp_path: Path, body: str) -> ChapterPlan:
    story, findings = read(tmp_path, f"chapters:\n  - heading: One\n{body}")
    assert findings == []
    assert story
    return story.chapters[0]


def test_the_narrator_speaks_between_posts(tmp_path: Path) -> None:
    body = (
        "    show:\n      - {slot: welcome}\n      - text: |\n          Six minutes *later*.\n      - {slot: thanks}\n"
    )
    assert chapter(tmp_path, body).show == (
        Rule(RuleKind.SLOT, "welcome"),
        Narration("Six minutes *later*."),
        Rule(RuleKind.SLOT, "thanks"),
    )


def test_a_quotation_has_a_name_and_a_role(tmp_path: Path) -> None:
    body = f'    show: [{{quote: "We were never asked.", name: Aïssata Traoré, role: miner, language: fr, link: "{A_POST}"}}]\n'
    assert chapter(tmp_path, body).show == (Quotation("We were never asked.", "Aïssata Traoré", "miner", "fr", A_POST),)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("{slot: welcome}", Rule(RuleKind.SLOT, "welcome")),
        (f'{{post: "{A_POST}"}}', Rule(RuleKind.POST, A_POST)),
        ("Who lends?", Quotation("Who lends?")),
        ("{quote: Who lends?, name: Amina}", Quotation("Who lends?", "Amina")),
    ],
)
def test_a_question_or_answer_is_a_post_or_words(tmp_path: Path, question: str, expected: object) -> None:
    body = f"    show:\n      - question: {question}\n        answer: {{slot: thanks}}\n"
    plan = chapter(tmp_path, body)
    assert plan.show == (PairPlan(expected, Rule(RuleKind.SLOT, "thanks")),)  # type: ignore[arg-type]
    assert plan.rules[-1] == Rule(RuleKind.SLOT, "thanks")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{partner: iied, most: 3}", Rule(RuleKind.PARTNER, "iied", 3)),
        ("{top: 6}", Rule(RuleKind.TOP, "6")),
        ("{language: pt-BR}", Rule(RuleKind.LANGUAGE, "pt-BR")),
    ],
)
def test_posts_are_chosen_by_rule(tmp_path: Path, line: str, expected: Rule) -> None:
    assert chapter(tmp_path, f"    show: [{line}]\n").show == (expected,)


def test_a_chapter_may_stand_in_order_of_time(tmp_path: Path) -> None:
    assert chapter(tmp_path, "    order: time\n").order is Order.TIME


@pytest.mark.parametrize(
    ("written", "cover"),
    [
        (f'{{post: "{A_POST}"}}', Rule(RuleKind.POST, A_POST)),
        ("{slot: welcome}", Rule(RuleKind.SLOT, "welcome")),
        (
            "{file: dialogue.png, alt: {en: Hills, fr: Des collines, es: Colinas}, credit: Ama, licence: CC0, focus: [0, 1]}",
            Picture("dialogue.png", {"en": "Hills", "fr": "Des collines", "es": "Colinas"}, "Ama", "CC0", (0.0, 1.0)),
        ),
    ],
)
def test_the_editor_says_which_photograph_leads(tmp_path: Path, written: str, cover: Rule | Picture) -> None:
    story, findings = read(tmp_path, f"cover: {written}\n")
    assert findings == []
    assert story
    assert story.cover == cover


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("hills.jpg", "Here must stand the cover with its keys"),
        ("{alt: Hills}", "The cover is the picture of one post, or a file of yours."),
        ("{slot: welcome, file: dialogue.png}", "The cover is the picture of one post, or a file of yours."),
        ("{slot: welcom}", "There is no slot “welcom”."),
        ("{slot: welcome, credit: Ama}", "The key “credit” does not belong to a cover from a post."),
        ("{file: nowhere.jpg, alt: x, credit: Ama, licence: CC0}", "nowhere.jpg"),
        ("{file: dialogue.png, credit: Ama, licence: CC0}", "The picture has no alt text."),
        ("{file: dialogue.png, alt: {en: Hills}, credit: Ama, licence: CC0}", "The alt text is missing in fr"),
    ],
)
def test_a_cover_that_cannot_be_meant_is_said(tmp_path: Path, written: str, words: str) -> None:
    _, findings = read(tmp_path, f"cover: {written}\n")
    assert words in findings[0]


def test_the_story_has_a_from_and_a_to_and_reading_from_elsewhere(tmp_path: Path) -> None:
    story, findings = read(
        tmp_path,
        "from_to: {heading: The way, from: [promises], to: [seats, rights]}\n"
        "reading: [osh-guide, {title: A paper, url: https://iied.example/paper, by: IIED}]\n",
    )
    assert findings == []
    assert story
    assert story.from_to == FromTo(("promises",), ("seats", "rights"), "The way")
    assert story.reading == ("osh-guide", Reading("A paper", "https://iied.example/paper", "IIED"))


def test_where_a_rule_stands_is_remembered(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(GOOD, tmp_path / "day"))
    place = load_campaign(folder).places.rules[Rule(RuleKind.THEME, "safety")]
    assert (place.line, Path(place.file).name) == (5, "story.yaml")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{slot: welcom}", "5:16: error: There is no slot “welcom”. Did you mean “welcome”?"),
        ("{partner: iid}", "5:19: error: There is no partner “iid”. Did you mean “iied”?"),
        ("{top: many}", "5:15: error: “many” is not a number from 1 to 200."),
        ("{most: 3}", "5:9: error: A line of “show” has one of the keys slot, post, kind, theme,"),
        ("{slot: welcome, hour: 9}", "5:9: error: A line of “show” has one of the keys"),
        ("{slot: welcome, name: Amina}", "5:25: error: The key “name” does not belong to a rule with “slot”."),
        ("{text: Hello, most: 2}", "5:23: error: The key “most” does not belong to the narrator's text."),
        ("{text: []}", "5:16: error: “text” must be text, but a list stands here."),
        ("{quote: Hello, most: 2}", "5:24: error: The key “most” does not belong to a quotation."),
        ("{quote: Hello, role: miner}", "5:30: error: A role stands here without a name."),
        ("{quote: [], name: Amina}", "5:17: error: “quote” must be text, but a list stands here."),
        ("{quote: Hello, link: bsky.app/x}", "5:30: error: “bsky.app/x” is not an address"),
        ("{question: Who?}", "5:9: error: “answer” is missing in a line of “show”."),
        ("{question: [], answer: Me}", "5:20: error: “question” must be text, but a list stands here."),
        ("{question: {hour: 9}, answer: Me}", "5:21: error: The key “hour” is not known in “question”."),
        ("{question: {name: A}, answer: Me}", "5:20: error: A line of “show” has one of the keys"),
        ("{question: Who?, answer: Me, slot: welcome}", "5:38: error: The key “slot” does not belong to a question"),
        ("{headline: x}", "5:10: error: The key “headline” is not known in a line of “show”."),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused_with_its_place(tmp_path: Path, line: str, said: str) -> None:
    _, findings = read(tmp_path, f"title: x\nchapters:\n  - heading: One\n    show:\n      - {line}\n")
    assert any(f"story.yaml:{said}" in finding for finding in findings), findings


@pytest.mark.parametrize(
    ("story", "said"),
    [
        ("reading: [osh-gide]", "1:11: error: There is no resource “osh-gide”. Did you mean “osh-guide”?"),
        ("reading: [{title: A paper}]", "1:11: error: “url” is missing in background reading."),
        ("reading: [{url: https://iied.example}]", "1:11: error: “title” is missing in background reading."),
        ("from_to: x", "1:10: error: Here must stand “from_to” with its keys (heading, from, to)."),
        ("from_to: {from: [a]}", "1:10: error: “to” is missing in “from_to”, or empty."),
        ("chapters: [{heading: One, order: tim}]", "1:34: error: There is no order “tim”. Did you mean “time”?"),
        ("chapters: [{text: x}]", "1:12: error: “heading” is missing in a chapter."),
    ],
)
def test_a_story_s_other_mistakes_are_named(tmp_path: Path, story: str, said: str) -> None:
    _, findings = read(tmp_path, story + "\n")
    assert any(f"story.yaml:{said}" in finding for finding in findings), findings


def test_a_post_that_is_named_twice_stands_once_and_is_warned_of(tmp_path: Path) -> None:
    show = "show: [{slot: welcome}, {hour: 9}, {hour: 9}, {slot: welcome, most: 2}]"
    story, findings = read(tmp_path, f"chapters:\n  - heading: One\n    {show}\n")
    assert story
    [finding] = findings
    assert "story.yaml:3:51: warning: “welcome” is named a second time" in finding
    assert "The first is on line 3." in finding


@pytest.mark.parametrize(
    ("memory", "is_drafted"),
    [
        (None, False),
        ("[]", False),
        ("{", False),
        ('{"story": "another"}', False),
        (f'{{"story": "{digest_of("title: x" + chr(10))}"}}', True),
    ],
)
def test_a_story_that_no_hand_was_in_is_known(tmp_path: Path, memory: str | None, is_drafted: bool) -> None:
    folder = Path(shutil.copytree(GOOD, tmp_path / "day"))
    (folder / "story.yaml").write_bytes(b"title: x\r\n")
    if memory:
        (folder / "story.drafted.json").write_text(memory)
    story = load_campaign(folder).story
    assert story
    assert story.is_drafted is is_drafted


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("earlier/shareasm-2015/index.html", True),
        ("earlier/x/", True),
        ("earlier/../x/", False),
        ("https://iied.example", True),
    ],
)
def test_an_earlier_day_may_be_a_page_beside_the_recap(tmp_path: Path, url: str, is_good: bool) -> None:
    folder = Path(shutil.copytree(GOOD, tmp_path / "day"))
    text = (folder / "campaign.yaml").read_text()
    (folder / "campaign.yaml").write_text(
        text.replace("year: 2017, url: https://iied.example", f'year: 2017, url: "{url}"')
    )
    assert load_campaign(folder).has_errors is not is_good


def test_the_documented_story_can_be_copied(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "comms.md").read_text().partition("## story.yaml")[2]
    lines = (line[4:] for line in page.splitlines()[3:])
    example = "\n".join(lines).partition("\n\n")[0].partition("title:")
    story, findings = read(tmp_path, "title:" + example[2].replace("finance-question", "thanks"))
    assert findings == []
    assert story
    assert len(story.chapters[0].show) == 6
