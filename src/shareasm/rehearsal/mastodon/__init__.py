"""A stand-in Mastodon-API server over real HTTP on loopback, strict and faithful, in the flavours that are met in life.

    with MastodonServer(clock) as home, MastodonServer(clock, flavour=Flavour.GOTOSOCIAL) as away:
        federate(home, away)
        amina = home.account("amina", "Amina")
        home.say(amina, "Good morning #shareASM", language="en")

`server` is the handle; below it `routes` and `door` (HTTP), `api` and `pages` (calls), `streaming` (what is told live),
`writing`, `uploads`, `wording`, `idempotency`, `limits`, `federation` (rules), `instance`, `model`, `shelves`, `ids` (rows),
`entities` (JSON), `flavours` (data).
"""

from shareasm.rehearsal.mastodon.federation import Federation
from shareasm.rehearsal.mastodon.flavours import Flavour, Idempotency
from shareasm.rehearsal.mastodon.instance import Access
from shareasm.rehearsal.mastodon.limits import Budget, Budgets
from shareasm.rehearsal.mastodon.model import ApiError, Card
from shareasm.rehearsal.mastodon.server import MastodonServer, Person, federate
from shareasm.rehearsal.mastodon.writing import PollWish

__all__ = [
    "Access",
    "ApiError",
    "Budget",
    "Budgets",
    "Card",
    "Federation",
    "Flavour",
    "Idempotency",
    "MastodonServer",
    "Person",
    "PollWish",
    "federate",
]
