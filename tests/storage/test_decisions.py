"""What a person decided is kept apart from the posts: the last word holds, and can be taken back."""

from dataclasses import replace

from sqlalchemy.engine import Engine

from factories import NOON, minutes, post
from shareasm.domain.moderation import Choice, Decision, decision_about, of_author
from shareasm.storage import decisions
from shareasm.storage.engine import reading, transaction

POST = post()
OWN = Decision(POST.ref, Choice.APPROVE, "jo", NOON, "fine")
WHOLE = Decision(of_author(POST.author), Choice.HIDE, "jo", NOON + minutes(1), "threats")


def stored(engine: Engine) -> dict[object, Decision]:
    with reading(engine) as connection:
        return dict(decisions.all_decisions(connection))


def test_a_decision_stands_before_its_post_and_the_last_one_about_it_holds(engine: Engine) -> None:
    later = replace(OWN, verdict=Choice.HIDE, by="amina", at=NOON + minutes(2), reason="")
    with transaction(engine) as connection:
        for one in (OWN, WHOLE, later):
            decisions.decide(connection, one)
    assert stored(engine) == {POST.ref: later, WHOLE.ref: WHOLE}


def test_a_decision_about_an_account_can_be_lifted_and_those_about_its_posts_stay(engine: Engine) -> None:
    with transaction(engine) as connection:
        decisions.decide(connection, OWN)
        decisions.decide(connection, WHOLE)
        assert decision_about(POST, decisions.all_decisions(connection)) == WHOLE
        decisions.lift(connection, WHOLE.ref)
    assert stored(engine) == {POST.ref: OWN}
