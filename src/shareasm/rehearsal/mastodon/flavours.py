"""How servers that speak Mastodon's API differ, as data.

Source, where no other is named: the servers GoToSocial 0.20.0-rc1, snac 2.75 and Takahē 0.11.0, seen running in November
2026; Mastodon from its source 4.6.5; Pixelfed 8aae92d and an old Pleroma from their sources. Each field is one row of what
was seen; `tests/rehearsal/test_mastodon_flavours.py` holds every row to it.
"""

from dataclasses import dataclass, replace
from enum import StrEnum


class Flavour(StrEnum):
    """The server program that a stand-in speaks like."""

    MASTODON = "mastodon"
    GOTOSOCIAL = "gotosocial"
    SNAC = "snac"
    TAKAHE = "takahe"
    PIXELFED = "pixelfed"  # its timeline and its idempotency only; the rest is Mastodon's
    PLEROMA = "pleroma"  # its idempotency only; the rest is Mastodon's
    UNHEARD_OF = "unheard of"  # a program that nobody has named yet, with others' oddities; no such server was seen


class Idempotency(StrEnum):
    """What becomes of a second request with a known Idempotency-Key."""

    FIRST_STATUS = "200 with the first status"  # Mastodon up to 4.5.x and from 4.7.2
    ERROR = "500, and no second status"  # Mastodon 4.6.0 to 4.7.1, mastodon/mastodon#40399
    IGNORED = "a second status"
    REFUSED = "400, and the key is burnt before anything is checked"  # Pixelfed
    REPLAYED = "the first answer, whatever it was"  # Pleroma, Akkoma


class Replies(StrEnum):
    """Which replies a hashtag timeline shows."""

    ALL = "all"
    TO_ONESELF = "within one's own thread"
    NONE = "none"


class TagNames(StrEnum):
    """Under which name a hashtag is kept."""

    FOLDED = "NFKC, lower case, accents off"  # Mastodon
    LOWERED = "NFC, lower case"  # GoToSocial, Takahē
    ASCII = "ASCII letters in lower case; others are never found"  # snac


class Streaming(StrEnum):
    """Who is told live what happens under a hashtag."""

    FOR_USERS = "whoever has a user's token"  # Mastodon
    FOR_ALL = "everybody"  # Pleroma, Akkoma, where reading is open
    SILENT = "connects, and nothing ever comes"  # GoToSocial
    NONE = "404"  # snac, Takahē, Pixelfed


class Language(StrEnum):
    """What becomes of the language that a status is posted with."""

    KEPT = "kept; nonsense becomes the account's language"
    CHECKED = "kept and normalised; nonsense is refused"
    ENGLISH = "always en through the API"
    DROPPED = "always null"


class Look(StrEnum):
    """The shape of the HTML in `content`."""

    MASTODON = "mastodon"
    GOTOSOCIAL = "gotosocial"
    SNAC = "snac"
    TAKAHE = "takahe"


@dataclass(frozen=True)
class Behaviours:
    """One server program. The defaults are Mastodon's."""

    software: str  # as nodeinfo names it
    version: str  # as the instance endpoints say it
    software_version: str  # as nodeinfo says it
    has_api_versions: bool = True
    has_timelines_access: bool = True
    has_instance_v2: bool = True
    takes_trailing_slash: bool = True
    # text
    max_characters_said: int = 500
    max_characters: int | None = 500
    url_length_said: int = 23
    url_length: int | None = 23  # None: every address counts as long as it is
    counts_code_points: bool = False
    counts_warning: bool = True
    too_long: tuple[int, str] = (422, "Validation failed: Text character limit of {limit} exceeded")
    takes_empty: bool = False
    takes_any_visibility: bool = False
    bad_visibility: tuple[int, str] = (422, "Validation failed: Visibility is not included in the list")
    default_visibility: str = "public"
    language: Language = Language.KEPT
    look: Look = Look.MASTODON
    cuts_spoiler_at_tag_end: bool = False
    # hashtag timeline
    anonymous_may_read: bool = True  # anything but what the instance says of itself
    anonymous_may_read_tags: bool = True
    unknown_tag_status: int = 200
    tag_names: TagNames = TagNames.FOLDED
    tags_are_sorted: bool = False
    shows_unlisted_as_public: bool = False
    tag_replies: Replies = Replies.ALL
    knows_tag_filters: bool = True  # any[] all[] none[] local remote only_media
    knows_local_filter: bool = True
    only_media_by_default: bool = False
    only_media_is_inverted: bool = False
    # paging
    max_page: int | None = 40
    has_link: bool = True
    since_id_counts: bool = True
    min_id_gives_newest: bool = False  # as since_id does
    streaming: Streaming = Streaming.FOR_USERS
    # writing
    idempotency: Idempotency = Idempotency.FIRST_STATUS
    locks_keys: bool = True  # a second request with a key whose first is in work is refused; before 4.6 both post
    missing_parent_status: int | None = 404  # None: posted, as no reply
    edit_changes_id: bool = False
    edit_finds_new_tags: bool = True
    keeps_history: bool = True
    can_delete: bool = True
    has_quotes: bool = True  # quoted_status_id and quote_approval_policy, since Mastodon 4.5
    api_version: int = 8  # `api_versions.mastodon`
    has_polls: bool = True
    edit_keeps_poll: bool = False  # an edit knows no polls; elsewhere one that is not named again is gone
    unchanged_edit: tuple[int, str] | None = None  # None: swallowed
    poll_with_media: tuple[int, str] | None = None  # None: taken
    missing_media: tuple[int, str] = (
        422,
        "Validation failed: Media {ids} not found or already attached to another post",
    )
    renames_media: bool = False  # an attachment has another id in its status than as an upload
    can_schedule: bool = True
    needs_media: bool = False
    takes_any_file: bool = False
    takes_films: bool = True
    bad_file: tuple[int, str] = (422, "Validation failed: File content type is invalid, File is invalid")
    has_media_meta: bool = True
    stored_type: str | None = None  # mime type that every picture becomes
    context_is_deep: bool = True
    has_batch: bool = True  # GET /api/v1/statuses?id[]=, since Mastodon 4.3; not in the routes of the others
    # access and identity
    wrong_token: tuple[int, str, bool] = (401, "The access token is invalid", True)  # status, message, is JSON
    limits_rates: bool = True
    groups_rates: bool = False  # by address and group of routes; else as Mastodon's rack_attack.rb
    closes_silently: bool = False  # the connection after each answer, without announcing it
    acct_names_own_host: bool = False
    created_at_has_milliseconds: bool = True
    uri: str = "{base}/ap/users/{account}/statuses/{id}"  # numeric, as Mastodon 4.6.5 makes them
    url: str = "{base}/@{name}/{id}"
    actor: str = "{base}/ap/users/{account}"


_MASTODON = Behaviours(software="mastodon", version="4.7.3", software_version="4.7.3")

BEHAVIOURS: dict[Flavour, Behaviours] = {
    Flavour.MASTODON: _MASTODON,
    Flavour.GOTOSOCIAL: replace(
        _MASTODON,
        software="gotosocial",
        version="0.20.0-rc1+8-g57cb4fe74+git-57cb4fe",
        software_version="0.20.0-rc1+8-g57cb4fe74",
        has_api_versions=False,
        has_timelines_access=False,
        max_characters_said=5000,
        max_characters=5000,
        url_length_said=25,
        url_length=None,
        counts_code_points=True,
        too_long=(400, "Bad Request: text with spoiler exceed max chars ({limit})"),
        bad_visibility=(422, "Unprocessable Entity: visibility not recognized"),
        default_visibility="unlisted",
        language=Language.CHECKED,
        look=Look.GOTOSOCIAL,
        cuts_spoiler_at_tag_end=True,
        anonymous_may_read=False,  # internal/api/client/statuses/statusget.go asks for a user everywhere
        anonymous_may_read_tags=False,
        unknown_tag_status=404,
        tag_names=TagNames.LOWERED,
        tag_replies=Replies.TO_ONESELF,
        streaming=Streaming.SILENT,
        knows_tag_filters=False,
        knows_local_filter=False,
        idempotency=Idempotency.IGNORED,
        has_quotes=False,
        # Its source: processing/status/edit.go and common.go, api/client/statuses/statuscreate.go
        unchanged_edit=(422, "Unprocessable Entity: status was not changed"),
        poll_with_media=(400, "Bad Request: can't post media + poll in same status"),
        missing_media=(400, "Bad Request: media not found: {ids}"),
        groups_rates=True,  # cmd/gotosocial/action/server: clLimit, s2sLimit, fsMainLimit
        has_batch=False,
        bad_file=(422, "Unprocessable Entity: error processing media"),
        wrong_token=(401, "Unauthorized: token not recognized", True),
        uri="{base}/users/{name}/statuses/{id}",
        url="{base}/@{name}/statuses/{id}",
        actor="{base}/users/{name}",
    ),
    Flavour.SNAC: replace(
        _MASTODON,
        software="snac",
        version="4.0.0 (not true; really snac/2.75)",
        software_version="2.75",
        has_api_versions=False,
        has_timelines_access=False,
        has_instance_v2=False,
        max_characters_said=100_000,
        max_characters=None,
        takes_empty=True,
        takes_any_visibility=True,
        language=Language.ENGLISH,
        look=Look.SNAC,
        tag_names=TagNames.ASCII,
        shows_unlisted_as_public=True,
        knows_tag_filters=False,
        knows_local_filter=False,
        max_page=None,
        has_link=False,
        streaming=Streaming.NONE,
        idempotency=Idempotency.IGNORED,
        has_quotes=False,
        has_polls=False,  # mastoapi.c reads no poll
        renames_media=True,  # mastoapi.c: STATUS_NUMBER
        closes_silently=True,
        has_batch=False,
        missing_parent_status=None,
        edit_changes_id=True,
        edit_finds_new_tags=False,
        keeps_history=False,
        can_delete=False,
        can_schedule=False,
        takes_any_file=True,
        has_media_meta=False,
        context_is_deep=False,
        wrong_token=(422, "", False),
        limits_rates=False,
        acct_names_own_host=True,
        created_at_has_milliseconds=False,
        uri="{base}/{name}/p/{time}",
        url="{base}/{name}/p/{time}",
        actor="{base}/{name}",
    ),
    Flavour.TAKAHE: replace(
        _MASTODON,
        software="takahe",
        version="takahe/0.11.0",
        software_version="0.11.0",
        has_api_versions=False,
        has_timelines_access=False,
        takes_trailing_slash=False,
        url_length=None,
        counts_code_points=True,
        too_long=(400, "Status is too long"),
        bad_visibility=(400, "Bad Request"),
        language=Language.DROPPED,
        look=Look.TAKAHE,
        anonymous_may_read_tags=False,
        tag_names=TagNames.LOWERED,
        tags_are_sorted=True,
        tag_replies=Replies.NONE,
        streaming=Streaming.NONE,
        knows_tag_filters=False,
        only_media_is_inverted=True,  # api/views/timelines.py:90-122, d45f22c
        idempotency=Idempotency.IGNORED,
        # api/views/statuses.py of 017bdf1: len(details.status), no poll in EditStatusSchema
        counts_warning=False,
        has_quotes=False,
        edit_keeps_poll=True,
        missing_media=(404, "Record not found"),
        takes_films=False,  # api/views/instance.py: images only
        has_batch=False,
        keeps_history=False,
        can_schedule=False,
        bad_file=(500, "Server Error (500)"),
        stored_type="image/webp",
        wrong_token=(400, "invalid_token", False),
        limits_rates=False,
        acct_names_own_host=True,
        uri="{base}/@{name}@{domain}/posts/{id}/",
        url="{base}/@{name}/posts/{id}/",
        actor="{base}/@{name}@{domain}/",
    ),
    Flavour.PIXELFED: replace(
        _MASTODON,
        software="pixelfed",
        version="3.5.3 (compatible; Pixelfed 0.12.3)",
        software_version="0.12.3",
        has_api_versions=False,
        has_timelines_access=False,
        anonymous_may_read_tags=False,
        knows_tag_filters=False,
        only_media_by_default=True,
        has_link=False,
        since_id_counts=False,
        min_id_gives_newest=True,
        streaming=Streaming.NONE,
        idempotency=Idempotency.REFUSED,
        has_quotes=False,
        has_polls=False,  # it names limits of polls, and statusCreate reads none
        needs_media=True,
    ),
    Flavour.PLEROMA: replace(
        _MASTODON,
        software="pleroma",
        version="2.7.2 (compatible; Pleroma 2.7.0)",
        software_version="2.7.0",
        has_api_versions=False,
        has_timelines_access=False,
        streaming=Streaming.FOR_ALL,
        tag_names=TagNames.LOWERED,
        idempotency=Idempotency.REPLAYED,
        locks_keys=False,
        has_quotes=False,
    ),
    Flavour.UNHEARD_OF: replace(
        _MASTODON,
        software="glasswing",
        version="0.1",
        software_version="0.1",
        has_api_versions=False,
        has_timelines_access=False,
        has_link=False,
        tag_names=TagNames.LOWERED,
        min_id_gives_newest=True,
        streaming=Streaming.NONE,
        idempotency=Idempotency.IGNORED,
        has_quotes=False,
        has_batch=False,
    ),
}


def behaviours(flavour: Flavour, version: str | None = None) -> Behaviours:
    """Return how `flavour` behaves; of Mastodon also in an older `version`, such as 4.6.5."""
    base = BEHAVIOURS[flavour]
    if version is None or flavour is not Flavour.MASTODON:
        return base
    numbers = tuple(int(part) for part in version.split("-")[0].split("+")[0].split("."))
    return replace(
        base,
        version=version,
        software_version=version,
        idempotency=Idempotency.ERROR if (4, 6) <= numbers < (4, 7, 2) else Idempotency.FIRST_STATUS,
        locks_keys=numbers >= (4, 6),
        has_quotes=numbers >= (4, 5),
        api_version=8 if numbers >= (4, 6) else 7 if numbers >= (4, 5) else 4 if numbers >= (4, 4) else 2,
        poll_with_media=None if numbers >= (4, 6) else (422, "Validation failed: Cannot attach more than 4 files"),
        has_api_versions=numbers >= (4, 3),
        has_timelines_access=numbers >= (4, 5),
        has_batch=numbers >= (4, 3),
    )


def is_at_least(version: str, *wanted: int) -> bool:
    """Whether a Mastodon `version` is `wanted` or newer; programs that say something else count as old."""
    numbers = version.split("-")[0].split("+")[0].split(".")
    return all(part.isdecimal() for part in numbers) and tuple(int(part) for part in numbers) >= wanted
