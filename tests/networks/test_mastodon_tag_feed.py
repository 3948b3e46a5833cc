"""Where a timeline is closed and we have no token, the tag's RSS tells what it can, and says how little. On loopback."""

from collections.abc import Iterator

import pytest

from contract.bench import CLOCK, around_now
from factories import campaign
from shareasm.domain.joins import join
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.watches import NARROW
from shareasm.errors import Unauthorized
from shareasm.networks.feeds.reader import FeedReader
from shareasm.networks.mastodon.reader import MastodonReader
from shareasm.networks.ports import Page
from shareasm.rehearsal.faults import Fault
from shareasm.rehearsal.mastodon import Access, Flavour, MastodonServer, federate

pytestmark = pytest.mark.loopback

AGENT = "shareasm-tests/1"
TAG = "shareASM"
CLOSED = Access(needs_token_everywhere=True)


@pytest.fixture(scope="module")
def _mastodon() -> Iterator[MastodonServer]:
    with MastodonServer(CLOCK) as server:
        yield server


@pytest.fixture
def mastodon(_mastodon: MastodonServer) -> MastodonServer:
    _mastodon.wipe()
    _mastodon.instance.access = Access()
    return _mastodon


def feed(url: str) -> FeedReader:
    return FeedReader(url, takes_all=False, language=None, user_agent=AGENT, now=CLOCK.now)


def reader(server: MastodonServer, token: str | None = None) -> MastodonReader:
    return MastodonReader(server.url, token=token, user_agent=AGENT, now=CLOCK.now, open_feed=feed)


def one_page(pages: Iterator[Page]) -> Page:
    (page,) = pages
    return page


def asked(server: MastodonServer, path: str) -> int:
    """How often this was asked for."""
    return sum(one.path == path for one in server.faults.log)


def test_posts_of_the_server_itself_come_whole(mastodon: MastodonServer) -> None:
    mastodon.instance.access = Access(remote="authenticated")
    amina = mastodon.account("amina", "Amina", bio="#nobot")
    said = mastodon.say(amina, f"Good morning #{TAG}", language="en")
    page = one_page(reader(mastodon).read_tag(TAG, around_now(), None))
    (seen,) = page.posts
    assert seen.is_complete
    assert (seen.post.ref.uri, seen.local_id, seen.post.languages) == (said["uri"], said["id"], ("en",))
    assert seen.post.author.bio_tags == {"nobot"}
    assert page.query == f"#{TAG} by RSS"


def test_what_is_known_by_its_address_is_a_copy_of_what_stands_there(mastodon: MastodonServer) -> None:
    mastodon.instance.access = CLOSED
    said = mastodon.say(mastodon.account("amina", "Amina"), f"Good morning #{TAG} <&>", warning="Mud")
    page = one_page(reader(mastodon).read_tag(TAG, around_now(), None))
    (seen,) = page.posts
    host = mastodon.instance.domain
    assert not seen.is_complete  # so it is not shown: what its author wishes is not told
    assert seen.post.ref == PostRef(Network.MASTODON, str(said["url"]))
    assert seen.post.author.handle == f"amina@{host}"
    assert [tag.name for tag in seen.post.hashtags] == ["shareasm"]
    assert "Mud" in seen.post.text
    assert f"Good morning #{TAG} <&>" in seen.post.text

    mastodon.instance.access = Access()
    (whole,) = one_page(reader(mastodon).sweep_tag(TAG, around_now())).posts
    assert whole.post.ref != seen.post.ref
    for both in ([seen.post, whole.post], [whole.post, seen.post]):
        assert join(campaign(), [], both).leads == {seen.post.ref: whole.post.ref}
    assert join(campaign(), [], [seen.post]).leads == {}


def test_a_post_of_another_server_is_known_by_its_own_address(mastodon: MastodonServer) -> None:
    mastodon.instance.access = CLOSED
    with MastodonServer(CLOCK) as home:
        federate(home, mastodon)
        said = home.say(home.account("bakari"), f"From elsewhere #{TAG}")
        (seen,) = one_page(reader(mastodon).read_tag(TAG, around_now(), None)).posts
    assert (seen.post.url, seen.post.ref.uri, seen.is_complete) == (said["url"], said["url"], False)


def test_it_says_that_it_sees_little_and_what_to_do(mastodon: MastodonServer) -> None:
    mastodon.instance.access = CLOSED
    mastodon.say(mastodon.account("amina"), f"#{TAG}")
    open_reader = reader(mastodon)
    assert open_reader.rest() is None
    page = one_page(open_reader.read_tag(TAG, around_now(), None))
    assert list(open_reader.read_tag(TAG, around_now(), page.checkpoint)) in ([], [page])  # unchanged, or said again
    rest = open_reader.rest()
    assert rest
    assert rest.why.startswith(NARROW)
    assert "name one of your accounts there" in rest.why
    mastodon.instance.access = Access()
    list(open_reader.sweep_tag(TAG, around_now()))
    opened = open_reader.rest()
    assert opened is None or NARROW not in opened.why


def test_more_than_a_pageful_is_asked_for(mastodon: MastodonServer) -> None:
    mastodon.instance.access = Access(remote="authenticated")
    amina = mastodon.account("amina")
    for number in range(45):
        mastodon.say(amina, f"{number} #{TAG}")
    assert len(one_page(reader(mastodon).read_tag(TAG, around_now(), None)).posts) == 45
    assert asked(mastodon, "/api/v1/statuses") >= 3


def test_each_post_is_asked_for_once_and_in_a_sweep_again(mastodon: MastodonServer) -> None:
    mastodon.instance.access = Access(remote="authenticated")
    amina = mastodon.account("amina")
    mastodon.say(amina, f"One #{TAG}")
    open_reader = reader(mastodon)
    page = one_page(open_reader.read_tag(TAG, around_now(), None))
    mastodon.say(amina, f"Two #{TAG}")
    later = one_page(open_reader.read_tag(TAG, around_now(), page.checkpoint))
    assert [seen.post.text for seen in later.posts] == [f"Two #{TAG}"]
    assert len(one_page(open_reader.sweep_tag(TAG, around_now())).posts) == 2


def test_nobody_is_asked_about_a_post_that_has_no_number(mastodon: MastodonServer) -> None:
    mastodon.instance.access = CLOSED
    mastodon.say(mastodon.account("amina"), f"#{TAG}")
    open_reader = reader(mastodon)
    (seen,) = one_page(open_reader.read_tag(TAG, around_now(), None)).posts
    before = len(mastodon.faults.log)
    assert open_reader.check([(seen.post.ref, seen.local_id)]) == {}
    assert len(mastodon.faults.log) == before


def test_a_timeline_that_opens_again_is_read_from_its_beginning(mastodon: MastodonServer) -> None:
    mastodon.instance.access = CLOSED
    mastodon.say(mastodon.account("amina"), f"#{TAG}")
    open_reader = reader(mastodon)
    page = one_page(open_reader.read_tag(TAG, around_now(), None))
    mastodon.instance.access = Access()
    pages = list(open_reader.read_tag(TAG, around_now(), page.checkpoint))
    assert [seen.is_complete for page in pages for seen in page.posts] == [True]


@pytest.mark.parametrize(
    "access",
    [Access("authenticated", "authenticated"), Access("disabled", "authenticated")],
)
def test_a_feed_that_is_closed_too_is_not_taken_for_an_empty_one(mastodon: MastodonServer, access: Access) -> None:
    mastodon.instance.access = access
    mastodon.say(mastodon.account("amina"), f"#{TAG}")
    with pytest.raises(Unauthorized, match="only to people who are signed in"):
        list(reader(mastodon).read_tag(TAG, around_now(), None))


def test_a_tag_that_nobody_has_used_yet_has_no_feed_and_that_is_no_trouble(mastodon: MastodonServer) -> None:
    mastodon.instance.access = CLOSED
    mastodon.say(mastodon.account("amina"), f"#{TAG}")
    closed = reader(mastodon)
    assert list(closed.read_tag("nobodysTag", around_now(), None)) == []
    assert len(one_page(closed.read_tag(TAG, around_now(), None)).posts) == 1


@pytest.mark.parametrize("flavour", [Flavour.TAKAHE, Flavour.GOTOSOCIAL])
def test_a_server_without_such_feeds_is_closed(flavour: Flavour) -> None:
    with (
        MastodonServer(CLOCK, flavour=flavour) as server,
        pytest.raises(Unauthorized, match="name one of your accounts there"),
    ):
        list(reader(server).read_tag(TAG, around_now(), None))


def test_a_token_that_is_refused_is_told_and_not_gone_around(mastodon: MastodonServer) -> None:
    mastodon.say(mastodon.account("amina"), f"#{TAG}")
    with pytest.raises(Unauthorized, match="refuses the access token"):
        list(reader(mastodon, token="revoked").read_tag(TAG, around_now(), None))


def test_a_feed_in_trouble_is_the_sources_trouble(mastodon: MastodonServer) -> None:
    mastodon.instance.access = CLOSED
    mastodon.say(mastodon.account("amina"), f"#{TAG}")
    mastodon.faults.add(Fault.RATE_LIMITED, path="/tags/.*")
    with pytest.raises(Exception, match="the feed answers 429"):
        list(reader(mastodon).read_tag(TAG, around_now(), None))
