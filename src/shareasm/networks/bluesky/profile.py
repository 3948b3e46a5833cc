"""What our account says of itself: that a program posts here.

The network's own way, a self-label "bot" on the profile, which its apps show beside the name (social-app#10008,
atproto-website#593, March 2026).
"""

import msgspec

from shareasm.errors import Rejected
from shareasm.networks.bluesky.answers import failure, refusal
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.json_values import items_in, mapping_in
from shareasm.networks.bluesky.records import Json, self_labels
from shareasm.networks.bluesky.translate import MALFORMED

PROFILE_COLLECTION = "app.bsky.actor.profile"
BOT = "bot"
MOST_LABELS = 10  # lexicon com.atproto.label.defs#selfLabels


class _Profile(msgspec.Struct):
    value: Json
    cid: str | None = None


def is_automated(server: Server) -> bool:
    """Return whether the account that `server` is signed in with says that it is automated."""
    return BOT in _labels(_read(server))


def declare_automated(server: Server) -> bool:
    """Let the account say so; return False where it did before. Everything else on the profile stays as it is.

    Raises Occupied where somebody changes the profile at the same moment: ask again.
    """
    profile = _read(server)
    labels = _labels(profile)
    if BOT in labels:
        return False
    if len(labels) >= MOST_LABELS:
        raise Rejected(f"the profile has {len(labels)} labels already: remove one", server=server.base_url)
    record = {"$type": PROFILE_COLLECTION, **profile.value, "labels": self_labels((*labels, BOT))}
    body = {**_place(server), "record": record, "swapRecord": profile.cid}  # null: where there is no profile yet
    server.procedure("com.atproto.repo.putRecord", msgspec.json.encode(body), ref="the profile")
    return True


def _read(server: Server) -> _Profile:
    reply = server.ask("GET", "com.atproto.repo.getRecord", params=list(_place(server).items()), ref="the profile")
    if reply.error == "RecordNotFound":
        return _Profile({})
    if not reply.is_success:
        raise refusal(reply, server.base_url, server.now(), ref="the profile")
    try:
        return msgspec.json.decode(reply.body, type=_Profile)
    except MALFORMED as error:
        raise failure(error, server.base_url, server.now(), ref="the profile") from error


def _labels(profile: _Profile) -> tuple[str, ...]:
    values = items_in(mapping_in(profile.value.get("labels")).get("values"))
    return tuple(val for label in values if isinstance(val := mapping_in(label).get("val"), str))


def _place(server: Server) -> dict[str, str]:
    if server.session is None:
        raise ValueError("a profile needs a session")
    return {"repo": server.session.tokens().did, "collection": PROFILE_COLLECTION, "rkey": "self"}
