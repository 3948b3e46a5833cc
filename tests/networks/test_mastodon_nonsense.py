"""Whatever a server answers, the publisher gives a receipt, nothing, or one of our errors."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import httpx
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from networks.mastodon_fakes import NODEINFO, NOW, SERVER, status
from shareasm.domain.pictures import PreparedImage
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import Draft, DraftMedia, DraftPoll, Receipt
from shareasm.errors import NetworkError
from shareasm.networks.mastodon.publisher import MastodonPublisher
from shareasm.networks.ports import Limits, Ties

RECEIPT = Receipt(PostRef(Network.MASTODON, status(50)["uri"]), status(50)["url"], "50")
DRAFT = Draft(
    Network.MASTODON,
    "Good morning #shareASM",
    "en",
    media=(DraftMedia("dot.png", "Two fields"),),
    poll=DraftPoll(("gold", "tin"), timedelta(hours=2)),
    quotes="welcome",
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = (
    "id",
    "uri",
    "url",
    "acct",
    "poll",
    "quote",
    "content",
    "created_at",
    "media_attachments",
    "configuration",
    "text",
)
BODIES = st.one_of(
    st.binary(max_size=30),
    VALUES.map(msgspec.json.encode),
    st.builds(
        lambda number, key, value: msgspec.json.encode(status(number, **{key: value})),
        st.integers(0, 99),
        st.sampled_from(KEYS),
        VALUES,
    ),
    st.builds(lambda one, other: msgspec.json.encode([status(51, poll=one), status(50, quote=other)]), VALUES, VALUES),
    st.just(msgspec.json.encode(NODEINFO)),
    st.just(b'{"id":"7","acct":"iied"}'),
)
STATUSES = st.sampled_from((200, 200, 200, 202, 206, 204, 301, 400, 401, 404, 410, 422, 429, 500, 503))
RETRY = st.sampled_from(("", "5", "-1", "nonsense", "9" * 30, "Wed, 01 Feb 2017 09:05:00 GMT"))
ANSWERS = st.builds(
    lambda code, body, retry: httpx.Response(code, content=body, headers={"Retry-After": retry}),
    STATUSES,
    BODIES,
    RETRY,
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_nonsense_ends_in_one_of_our_errors(data: st.DataObject) -> None:
    """A server is strange from one request to the next."""

    def answer(_: httpx.Request) -> httpx.Response:
        return data.draw(ANSWERS)

    def prepare(_: Path, _limits: Limits) -> PreparedImage:
        return PreparedImage(b"x", "image/png", 1, 1)

    publisher = MastodonPublisher(
        SERVER,
        "secret",
        user_agent="x",
        now=lambda: NOW,
        prepare=prepare,
        wait=lambda _: None,
        handle=data.draw(st.sampled_from((None, None, "iied@mastodon.example"))),
        transport=httpx.MockTransport(answer),
    )
    payload = '{"status":"Good morning #shareASM","media_ids":["77"],"poll":{"options":["gold"],"expires_in":600}}'
    with suppress(NetworkError):
        payload = publisher.freeze(DRAFT, "k", publisher.prepare(DRAFT, Path("media")), Ties(quoted=RECEIPT), NOW)
    for call in (
        publisher.limits,
        publisher.verify,
        lambda: publisher.publish(payload, "k"),
        lambda: publisher.find(payload, "k", NOW),
        lambda: publisher.edit(payload, RECEIPT),
        lambda: publisher.delete(RECEIPT),
    ):
        with suppress(NetworkError):
            call()
