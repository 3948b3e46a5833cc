"""How fast one server is asked: allowances by whom they are counted for, and rests after failures."""

from datetime import datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from networks.mastodon_fakes import NOW, SERVER, Script
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.robots import Notices
from shareasm.errors import LeftAlone, NetworkError, RateLimited, StayAway, Unreachable
from shareasm.networks.mastodon.answers import Answer
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.pace import Fare, Pace, Pacing
from shareasm.networks.mastodon.reader import MastodonReader
from shareasm.networks.ports import Window

IN_FIVE = NOW + timedelta(minutes=5)
ANON, TOKEN, OTHER = Fare(None), Fare("secret"), Fare("another")
ANON_PAGE, TOKEN_PAGE = Fare(None, is_page=True), Fare("secret", is_page=True)
DOWN = Unreachable("cannot be reached", server=SERVER)


class Times:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def pace(times: Times) -> Pace:
    return Pace(SERVER, now=times, chance=lambda: 0.0)


def answer(left=None, *, limit=300, reset="2027-02-03T12:05:00.123456Z", status=200, **more):
    headers = {"x-ratelimit-limit": str(limit), "x-ratelimit-remaining": str(left), "x-ratelimit-reset": reset}
    return Answer(status, (headers if left is not None else {}) | more, b"[]")


def is_open(pace, fare):
    try:
        pace.admit(fare)
    except (RateLimited, LeftAlone):
        return False
    return True


# ---- allowances --------------------------------------------------------------------------------------------------------


def test_nothing_is_asked_any_more_before_a_limit_answers_429(pace: Pace, times: Times) -> None:
    pace.note(ANON, answer(2))
    assert [is_open(pace, ANON) for _ in range(3)] == [True, True, False]
    times.now = IN_FIVE + timedelta(seconds=1)
    assert is_open(pace, ANON)


def test_an_accounts_last_tenth_is_kept_for_posts(pace: Pace) -> None:
    pace.note(TOKEN, answer(31))
    assert [is_open(pace, TOKEN) for _ in range(2)] == [True, False]
    pace.forgive()
    assert is_open(pace, TOKEN), "at the end of the day nothing is kept"


@pytest.mark.parametrize(
    ("spent", "free"),
    [
        (ANON, (TOKEN, TOKEN_PAGE)),
        (TOKEN, (ANON, OTHER, ANON_PAGE)),
        (ANON_PAGE, (ANON, TOKEN_PAGE)),
        (TOKEN_PAGE, (TOKEN, ANON_PAGE)),
    ],
)
def test_each_token_all_without_one_and_pages_have_an_allowance_each(
    pace: Pace, spent: Fare, free: tuple[Fare, ...]
) -> None:
    pace.note(spent, answer(0))
    assert not is_open(pace, spent)
    assert all(is_open(pace, fare) for fare in free)


def test_a_page_needs_room_in_both_of_its_allowances(pace: Pace) -> None:
    pace.note(ANON, answer(0))
    assert not is_open(pace, ANON_PAGE)


def test_a_server_that_counts_addresses_has_one_allowance_for_all(pace: Pace) -> None:
    pace.count_by_address()
    pace.note(TOKEN_PAGE, answer(30))
    assert not any(is_open(pace, fare) for fare in (TOKEN, OTHER, ANON, ANON_PAGE))


def test_an_answer_that_was_overtaken_gives_nothing_back(pace: Pace) -> None:
    pace.note(ANON, answer(0))
    pace.note(ANON, answer(4, reset="2027-02-03T12:05:00.9Z"))
    assert not is_open(pace, ANON)


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("2027-02-03T12:05:00.123456Z", 300.123456),
        ("2027-02-03T12:05:00Z", 300),
        (str(int(IN_FIVE.timestamp())), 300),
        ("300", 300),
        ("", 60),
        ("soon", 60),
        ("9" * 40, 60),
        ("2031-01-01T00:00:00Z", 3600),
        ("2020-01-01T00:00:00Z", 1),
    ],
    ids=["Mastodon", "GoToSocial", "epoch", "seconds", "nothing", "words", "a huge number", "years ahead", "years ago"],
)
def test_the_end_of_a_window_is_read_in_every_flavour_and_nonsense_costs_a_minute(
    pace: Pace, reset: str, seconds: float
) -> None:
    pace.note(ANON, answer(0, reset=reset))
    with pytest.raises(RateLimited) as caught:
        pace.admit(ANON)
    assert caught.value.until == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("left", ["", "x", "-5", "1e9", "²", "99999999999999999999"])
def test_a_count_that_is_none_says_nothing(pace: Pace, left: str) -> None:
    pace.note(ANON, answer(left))
    assert is_open(pace, ANON)


@given(limit=st.text(max_size=12), left=st.text(max_size=12), reset=st.text(max_size=30), age=st.text(max_size=9))
def test_no_header_of_a_server_breaks_anything_for_longer_than_an_hour(
    limit: str, left: str, reset: str, age: str
) -> None:
    times = Times()
    pace = Pace(SERVER, now=times)
    pace.note(TOKEN_PAGE, answer(left, limit=limit, reset=reset, date=age, **{"retry-after": age}))
    pace.rest("secret", 3)
    is_open(pace, TOKEN_PAGE)
    times.now += timedelta(hours=1)
    assert is_open(pace, TOKEN_PAGE)


def test_after_429_nothing_is_asked_until_the_server_said(pace: Pace) -> None:
    pace.note(ANON, answer(status=429, **{"retry-after": "120"}))
    with pytest.raises(RateLimited) as caught:
        pace.admit(ANON)
    assert caught.value.until == NOW + timedelta(minutes=2)
    assert is_open(pace, TOKEN)


def test_an_overloaded_server_is_left_in_peace_by_all(pace: Pace, times: Times) -> None:
    pace.note(TOKEN, answer(status=503, **{"retry-after": "30"}))
    assert not is_open(pace, ANON)
    times.now += timedelta(seconds=30)
    assert is_open(pace, ANON)


# ---- slowing down ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "requests", "wait"),
    [(200, 9, None), (149, 9, None), (45, 9, 180), (35, 2, 120), (31, 9, 300), (30, 9, 300)],
    ids=["plenty", "more than a minute's round", "low", "lower", "nearly out", "out"],
)
def test_rounds_lie_further_apart_as_an_allowance_runs_low(
    pace: Pace, left: int, requests: int, wait: float | None
) -> None:
    pace.note(TOKEN, answer(left, reset="2027-02-03T12:05:00Z"))
    rest = pace.rest("secret", requests)
    assert (rest and (rest.until - NOW).total_seconds()) == wait
    if rest:
        assert rest.why == f"asked less often: what it allows to this account allows {left} more until 12:05:00 UTC"


def test_a_cache_that_would_answer_the_same_is_not_asked() -> None:
    fresh = {"cache-control": "max-age=15, public, stale-while-revalidate=30", "age": "5"}
    script = Script().on("/api/v1/timelines/tag/a", httpx.Response(200, json=[], headers=fresh))
    api = Api(SERVER, user_agent="x", now=lambda: NOW, transport=script.transport)
    api.get("/api/v1/timelines/tag/a")
    assert api.rest() == (NOW + timedelta(seconds=10), "")


@pytest.mark.parametrize("said", ["private, no-store", "max-age=0", "no-cache", "max-age=x", ""])
def test_where_no_cache_answers_a_source_is_read_as_usual(said: str) -> None:
    script = Script().on("/api/v1/timelines/tag/a", httpx.Response(200, json=[], headers={"cache-control": said}))
    api = Api(SERVER, user_agent="x", now=lambda: NOW, transport=script.transport)
    api.get("/api/v1/timelines/tag/a")
    assert api.rest() is None


@pytest.mark.parametrize(("told", "reads"), [(None, 60.0), (answer(200, limit=600), 108.0)])
def test_how_fast_posts_can_be_asked_about_is_known(pace: Pace, told: Answer | None, reads: float) -> None:
    if told:
        pace.note(TOKEN, told)
    assert pace.reads_a_minute("secret") == reads


# ---- leaving alone -----------------------------------------------------------------------------------------------------


def test_a_server_that_fails_five_times_in_a_row_is_left_alone(pace: Pace, times: Times) -> None:
    for _ in range(4):
        pace.note_silence(DOWN)
        assert is_open(pace, TOKEN)
    pace.note(ANON, answer(status=502))
    with pytest.raises(LeftAlone, match=r"left alone after 5 failures in a row \(502\)") as caught:
        pace.admit(TOKEN)
    assert caught.value.until == NOW + timedelta(seconds=30)


def test_an_answer_between_failures_starts_the_count_again(pace: Pace) -> None:
    for _ in range(4):
        pace.note_silence(DOWN)
    pace.note(ANON, answer(status=404))
    for _ in range(4):
        pace.note_silence(DOWN)
    assert is_open(pace, ANON)


def test_one_request_tries_a_server_again_and_lets_all_others_in(pace: Pace, times: Times) -> None:
    for _ in range(5):
        pace.note_silence(DOWN)
    times.now += timedelta(seconds=30)
    assert [is_open(pace, TOKEN), is_open(pace, ANON)] == [True, False]
    pace.note(TOKEN, answer())
    assert is_open(pace, ANON)


def test_each_try_in_vain_makes_the_rest_twice_as_long(pace: Pace, times: Times) -> None:
    for _ in range(5):
        pace.note_silence(DOWN)
    waits = []
    for _ in range(8):
        with pytest.raises(LeftAlone) as caught:
            pace.admit(ANON)
        waits.append((caught.value.until - times.now).total_seconds())
        times.now = caught.value.until
        pace.admit(ANON)
        pace.note_silence(DOWN)
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


def test_a_try_that_never_comes_back_keeps_the_others_out_for_two_minutes(pace: Pace, times: Times) -> None:
    for _ in range(5):
        pace.note_silence(DOWN)
    times.now += timedelta(seconds=30)
    pace.admit(ANON)
    times.now += timedelta(minutes=2)
    assert is_open(pace, ANON)


def test_the_last_look_leaves_nobody_alone(pace: Pace) -> None:
    for _ in range(9):
        pace.note_silence(DOWN)
    pace.forgive()
    assert is_open(pace, ANON)


def test_rests_are_of_unequal_length() -> None:
    for chance, seconds in ((0.0, 30), (0.5, 33.75), (1.0, 37.5)):
        pace = Pace(SERVER, now=lambda: NOW, chance=lambda drawn=chance: drawn)  # type: ignore[misc]
        for _ in range(5):
            pace.note_silence(DOWN)
        with pytest.raises(LeftAlone) as caught:
            pace.admit(ANON)
        assert caught.value.until == NOW + timedelta(seconds=seconds)


# ---- shared ------------------------------------------------------------------------------------------------------------


def test_all_who_ask_a_server_share_its_pace(times: Times) -> None:
    pacing = Pacing(now=times)
    used_up = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2027-02-03T12:05:00Z"}
    script = Script().on("/api/v1/statuses/1", httpx.Response(200, json={}, headers=used_up))
    first, second = (
        Api(SERVER, user_agent="x", now=times, pace=pacing.of(SERVER), transport=script.transport) for _ in range(2)
    )
    first.get("/api/v1/statuses/1")
    with pytest.raises(RateLimited):
        second.get("/api/v1/statuses/1")
    elsewhere = "https://elsewhere.example"
    other = Api(elsewhere, user_agent="x", now=times, pace=pacing.of(elsewhere), transport=script.transport)
    assert other.get("/api/v1/statuses/1")


def test_gotosocial_counts_addresses(times: Times) -> None:
    used_up = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2027-02-03T12:05:00Z"}
    script = Script("gotosocial").on("/api/v1/statuses/1", httpx.Response(200, json={}, headers=used_up))
    pace = Pace(SERVER, now=times)
    api = Api(SERVER, user_agent="x", now=times, token="secret", pace=pace, transport=script.transport)
    assert api.software() == "gotosocial"
    api.get("/api/v1/statuses/1")
    with pytest.raises(RateLimited):
        pace.admit(OTHER)


def test_a_server_that_breaks_off_is_counted(times: Times) -> None:
    script = Script().on("/api/v1/statuses/1", httpx.ConnectError("refused"))
    pace = Pace(SERVER, now=times)
    api = Api(SERVER, user_agent="x", now=times, pace=pace, transport=script.transport)
    for _ in range(5):
        with pytest.raises(NetworkError):
            api.get("/api/v1/statuses/1")
    with pytest.raises(LeftAlone, match="cannot be reached"):
        api.get("/api/v1/statuses/1")
    assert len(script.asked) == 5


# ---- robots.txt --------------------------------------------------------------------------------------------------------

TAG = "/api/v1/timelines/tag/shareASM"
GOTOSOCIAL = httpx.Response(200, text="User-agent: *\nDisallow: /api/\n")


def polite(script: Script, token: str | None = None) -> MastodonReader:
    pace = Pacing(now=lambda: NOW, notices=Notices(lambda: NOW)).of(SERVER)
    return MastodonReader(
        SERVER, user_agent="x", now=lambda: NOW, token=token, pace=pace, transport=script.on(TAG, []).transport
    )


def read(reader: MastodonReader) -> None:
    for _ in reader.read_tag("shareASM", Window(NOW - timedelta(hours=1), NOW), None):
        pass


def test_a_server_that_wants_no_programs_is_not_read_without_an_account() -> None:
    script = Script().on("/robots.txt", GOTOSOCIAL)
    reader = polite(script)
    for _ in range(3):
        with pytest.raises(
            StayAway, match=r"robots\.txt asks programs not to read /api/v1/timelines/tag/shareASM: leave"
        ):
            read(reader)
        with pytest.raises(StayAway):
            reader.check([(PostRef(Network.MASTODON, f"{SERVER}/1"), "1")])
    assert script.paths() == ["/robots.txt"], "asked for once, and nothing else is"


def test_an_accounts_own_use_of_its_server_is_no_robots() -> None:
    script = Script().on("/robots.txt", GOTOSOCIAL)
    read(polite(script, token="secret"))
    assert script.paths() == [TAG]


@pytest.mark.parametrize(
    "robots", [httpx.Response(404), httpx.Response(200, text="User-agent: *\nDisallow: /media_proxy/")]
)
def test_a_server_that_does_not_mind_is_read_and_asked_for_its_robots_txt_once(robots: httpx.Response) -> None:
    script = Script().on("/robots.txt", robots)
    reader = polite(script)
    read(reader)
    read(reader)
    assert script.paths() == ["/robots.txt", TAG, TAG]


@pytest.mark.parametrize("robots", [httpx.Response(500), httpx.ConnectError("refused")])
def test_a_server_whose_robots_txt_cannot_be_read_is_tried_later(robots: httpx.Response | Exception) -> None:
    script = Script().on("/robots.txt", robots)
    with pytest.raises(Unreachable, match=r"its robots\.txt cannot be read"):
        read(polite(script))
    assert script.paths() == ["/robots.txt"]


def test_what_a_server_says_of_itself_is_not_asked_leave_for() -> None:
    script = Script().on("/robots.txt", GOTOSOCIAL)
    pace = Pacing(now=lambda: NOW, notices=Notices(lambda: NOW)).of(SERVER)
    Api(SERVER, user_agent="x", now=lambda: NOW, pace=pace, transport=script.transport).confirm_well()
    assert "/robots.txt" not in script.paths()
