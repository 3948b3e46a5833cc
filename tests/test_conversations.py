"""Answers to the day's posts are read also without the tag, a few at a time, and stand only below what they answer."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from clocks import FixedClock
from factories import NOON, campaign, minutes, schedule, seen, slot, source
from shareasm import collect
from shareasm.collect import Desk, Tally, conversations
from shareasm.domain.moderation import Reason
from shareasm.domain.posts import Counts, Post, PostRef, Visibility
from shareasm.errors import RateLimited, Unreachable
from shareasm.networks.memory import MemoryNetwork
from shareasm.networks.ports import Conversation, Page
from shareasm.publish import Press, bring_in_line, publish_due
from shareasm.showing import judge
from shareasm.storage import collected
from shareasm.storage.engine import open_engine, reading, transaction
from shareasm.storage.schema import upgrade
from shareasm.storage.tables import campaign_posts

DOWN = Unreachable("connection refused", server="https://memory.example")


@dataclass
class Office:
    """A desk, the network that it reads, and what a test does with them."""

    desk: Desk
    network: MemoryNetwork = field(default_factory=MemoryNetwork)

    def say(self, text: str, to: Post | None = None, **changes: object) -> Post:
        """Let somebody post; what is answered or quoted counts it."""
        if to:
            changes |= {"reply_to": to.ref, "is_reply": True}
            self._count(to, replies=1)
        if isinstance(quoted := changes.get("quote"), PostRef):
            self._count(self.network.posts[quoted], quotes=1)
        return self.network.say(text, at=NOON, **changes)

    def _count(self, post: Post, replies: int = 0, quotes: int = 0) -> None:
        known = self.network.posts[post.ref]
        counts = Counts(replies=known.counts.replies + replies, quotes=known.counts.quotes + quotes)
        self.network.posts[post.ref] = replace(known, counts=counts)

    def read(self, **bound: int) -> Tally:
        """Look through the whole tag again, as a sweep does, then at the conversations that grew."""
        collect.sweep(self.desk, source(), self.network, NOON - minutes(60))
        return self.listen(**bound).tally

    def listen(self, **bound: int) -> collect.Asked:
        return collect.read_conversations(self.desk, {source().id: self.network}, **bound)

    def refresh(self) -> collect.Asked:
        return collect.ask_about_ours(self.desk, {source().id: self.network})

    def belonging(self) -> dict[str, str]:
        with reading(self.desk.engine) as connection:
            return {one.post.text: one.belongs_by for one in collected.of_campaign(connection, self.desk.campaign.slug)}

    def shown(self) -> list[str]:
        return [one.stored.post.text for one in judge(self.desk.engine, self.desk.campaign) if one.verdict.show]

    def reads(self) -> int:
        return self.network.calls.count("converse")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    return Office(Desk(engine, campaign(), FixedClock(NOON)))


def test_an_answer_without_the_tag_comes_and_says_how_it_belongs(office: Office) -> None:
    question = office.say("What do masks cost? #shareASM")
    answer = office.say("Two dollars here.", to=question)
    office.say("And where?", to=answer)
    office.say("Nobody's business.")
    assert office.read() == Tally(new=2)
    assert office.belonging() == {
        "What do masks cost? #shareASM": "tag",
        "Two dollars here.": "reply",
        "And where?": "reply",
    }
    assert len(office.shown()) == 3


def test_a_quote_without_the_tag_comes_too(office: Office) -> None:
    office.say("Read this", quote=office.say("Our guide #shareASM").ref)
    office.read()
    assert office.belonging()["Read this"] == "quote"
    assert "Read this" in office.shown()


def test_an_answer_with_the_tag_is_a_voice_of_its_own(office: Office) -> None:
    office.say("I agree #shareASM", to=office.say("Gold #shareASM"))
    office.read()
    assert office.belonging()["I agree #shareASM"] == "tag"


def test_our_own_posts_are_asked_how_often_they_were_answered_for_an_hour(office: Office) -> None:
    desk, network = office.desk, office.network
    bring_in_line(desk.engine, desk.campaign, schedule(slot()))
    press = Press(desk.engine, desk.campaign, Path(), {"ours": network}, desk.clock, "one")
    publish_due(press, "ours", lambda _: None, lambda: False)
    collect.sweep(desk, source(), network, NOON - minutes(60))
    [ours] = network.posts.values()
    office.say("Good morning! How are you?", to=ours)
    assert office.listen().tally == Tally(), "nobody has told how often it was answered"
    assert collect.ask_about_ours(desk, {source().id: network}).tally == Tally(changed=1)
    assert office.listen().tally == Tally(new=1)
    desk.clock.advance(minutes=61)  # type: ignore[attr-defined]
    assert collect.ask_about_ours(desk, {source().id: network}).tally == Tally()


def test_a_conversation_is_read_again_only_when_it_grew(office: Office) -> None:
    question = office.say("What do masks cost? #shareASM")
    office.say("Two dollars here.", to=question)
    office.read()
    before = office.reads()
    assert office.listen().tally == Tally()
    assert office.reads() == before
    office.say("Three here.", to=question)
    assert office.read().new == 1


def test_a_thread_is_followed_where_it_grows(office: Office) -> None:
    question = office.say("What do masks cost? #shareASM")
    answer = office.say("Two dollars here.", to=question)
    tagged = office.say("And in Geita? #shareASM", to=question)
    office.read()
    office.say("Really?", to=answer)
    office.say("Three.", to=tagged)
    assert office.read() == Tally(new=1), "only the post under the tag is in the sweep"
    office.refresh()
    assert office.listen().tally == Tally(new=1)
    before = office.reads()
    assert (office.listen().tally, office.reads()) == (Tally(), before)


def test_an_answer_goes_with_its_question(office: Office) -> None:
    question = office.say("What do masks cost? #shareASM")
    office.say("Two dollars here.", to=question)
    office.read()
    del office.network.posts[question.ref]
    collect.verify(office.desk, {source().id: office.network}, before=NOON + minutes(1))
    verdicts = {one.stored.post.text: one.verdict.reason for one in judge(office.desk.engine, office.desk.campaign)}
    assert verdicts == {"What do masks cost? #shareASM": Reason.GONE, "Two dollars here.": Reason.LOOSE}


def test_the_rules_of_consent_hold_for_answers_as_for_all(office: Office) -> None:
    question = office.say("What do masks cost? #shareASM")
    office.say("To you alone.", to=question, visibility=Visibility.PRIVATE)
    office.say("Quietly.", to=question, visibility=Visibility.UNLISTED)
    office.read()
    assert list(office.belonging()) == ["What do masks cost? #shareASM"]


def test_what_was_said_in_somebody_elses_thread_is_followed_no_further(office: Office) -> None:
    elsewhere = office.say("A thread of our own, without any tag.")
    tagged = office.say("This is what #shareASM is about", to=elsewhere)
    office.say("Is it?", to=tagged)
    office.read()
    assert list(office.belonging()) == ["This is what #shareASM is about"]


def test_one_pass_asks_about_few_posts_and_the_next_goes_on(office: Office) -> None:
    for number in range(3):
        office.say(f"Answer {number}", to=office.say(f"Question {number}? #shareASM"))
    assert office.read(at_most=2) == Tally(new=2)
    assert office.listen().tally == Tally(new=1)


def test_a_conversation_that_runs_away_is_cut(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "ANSWERS_EACH", 3)
    question = office.say("Who is right? #shareASM")
    for number in range(10):
        office.say(f"I, {number}", to=question)
    assert office.read() == Tally(new=3)


def test_a_day_keeps_only_so_many_answers_without_the_tag(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "A_DAY", 1)
    question = office.say("Who is right? #shareASM")
    office.say("I", to=question)
    office.read()
    office.say("No, I", to=question)
    assert office.read() == Tally()


def test_an_answer_whose_tag_was_taken_away_does_not_come_back_without_it(office: Office) -> None:
    question = office.say("What do masks cost? #shareASM")
    answer = office.say("Two dollars #shareASM", to=question)
    office.read()
    bare = replace(office.network.posts[answer.ref], text="Two dollars", hashtags=(), edited_at=NOON + minutes(1))
    office.network.posts[answer.ref] = bare
    collect.verify(office.desk, {source().id: office.network}, before=NOON + minutes(1))
    office.say("Three.", to=question)
    office.read()
    assert sorted(office.shown()) == ["Three.", "What do masks cost? #shareASM"]


def test_an_answer_that_another_campaign_stored_comes_to_this_one_too(office: Office) -> None:
    question = office.say("What do masks cost? #shareASM")
    office.say("Two dollars.", to=question)
    office.read()
    theirs = sa.update(campaign_posts).where(campaign_posts.c.belongs_by == "reply")
    with transaction(office.desk.engine) as connection:
        connection.execute(theirs, {"campaign": "another-day"})
    office.say("Three.", to=question)
    office.read()
    assert sorted(office.shown()) == ["Three.", "Two dollars.", "What do masks cost? #shareASM"]


def test_a_team_may_leave_answers_alone(office: Office) -> None:
    office.say("Two dollars here.", to=office.say("What do masks cost? #shareASM"))
    office.read()
    office.desk = replace(office.desk, campaign=replace(office.desk.campaign, follows_replies=False))
    assert office.shown() == ["What do masks cost? #shareASM"]
    office.say("Three.", to=office.say("And gloves? #shareASM"))
    assert office.read() == Tally()


@pytest.mark.parametrize("error", [DOWN, RateLimited("slow down", server="x", until=NOON + minutes(7))])
def test_a_server_that_does_not_answer_is_left_alone_for_a_while(office: Office, error: Unreachable) -> None:
    office.say("Two dollars here.", to=office.say("What do masks cost? #shareASM"))
    collect.sweep(office.desk, source(), office.network, NOON - minutes(60))
    office.network.fail_next("converse", error)
    assert office.listen().silent == {source().id: error}
    asked = office.reads()
    assert office.listen() == collect.Asked(Tally(), {})
    assert office.reads() == asked
    office.desk.clock.advance(minutes=10)  # type: ignore[attr-defined]
    assert office.listen().tally == Tally(new=1)


class Picky(MemoryNetwork):
    """Fails whenever it is asked about one certain conversation."""

    refused: PostRef | None = None

    def read_conversation(self, post: Post, local_id: str) -> Conversation:
        if post.ref == self.refused:
            raise Unreachable("500", server="https://memory.example")
        return super().read_conversation(post, local_id)


def test_a_conversation_that_its_server_cannot_read_keeps_no_other_from_being_read(office: Office) -> None:
    office.network = network = Picky()
    broken, sound = office.say("Gold #shareASM"), office.say("Masks #shareASM")
    network.refused = broken.ref
    for text in ("One.", "Two."):
        office.say(text, to=broken)
    office.say("Three.", to=sound)
    office.read()
    assert "Three." in office.belonging()
    assert office.listen().silent.keys() == {source().id}, "now it answers nothing"


def test_conversations_of_a_server_that_is_left_alone_keep_no_others_waiting(office: Office) -> None:
    other = source("elsewhere.example")
    office.desk = replace(office.desk, campaign=replace(office.desk.campaign, sources=(source(), other)))
    for text in ("Gold #shareASM", "Silver #shareASM"):
        asked = office.say(text)
        office.say("One.", to=asked)
        office.say("Two.", to=asked)
    collect.sweep(office.desk, other, office.network, NOON - minutes(60))
    asked = office.say("Masks #shareASM")
    office.say("Three.", to=asked)
    page = Page(posts=(replace(seen(), post=office.network.posts[asked.ref], local_id="9"),))
    collect.store(office.desk, source(), page, "shareasm")
    assert office.listen(at_most=1).tally == Tally(new=1)
    assert "Three." in office.belonging()
