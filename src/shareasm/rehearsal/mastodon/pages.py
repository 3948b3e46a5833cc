"""What a stand-in instance says about itself, its feeds, and the files that it serves."""

import base64
from email.utils import format_datetime
from html import escape

from starlette.responses import JSONResponse, Response

from shareasm.rehearsal.mastodon import entities, uploads
from shareasm.rehearsal.mastodon.door import Call
from shareasm.rehearsal.mastodon.instance import PAGE, Bounds, Instance, TagQuery
from shareasm.rehearsal.mastodon.model import ApiError, Status
from shareasm.rehearsal.mastodon.wording import tag_name
from shareasm.rehearsal.mastodon.writing import MEDIA_COUNT, POLL_LONGEST, POLL_OPTION_LENGTH, POLL_SHORTEST

FEED_LONGEST = 200


class Pages:
    """The calls of one instance that are about no status. Each runs with the instance's lock held."""

    def __init__(self, instance: Instance, title: str) -> None:
        self._instance = instance
        self._title = title

    # ---- the instance ------------------------------------------------------------------------------------------------

    def instance_v2(self, call: Call) -> Response:  # noqa: ARG002  every call looks the same
        """Describe the instance; `instance_serializer.rb`, with `timelines_access` from 4.5 on."""
        rules = self._instance.rules
        if not rules.has_instance_v2:
            raise ApiError(404, "Record not found")
        drawn: dict[str, object] = {
            "domain": self._instance.domain,
            "title": self._title,
            "version": rules.version,
            "source_url": "https://github.com/mastodon/mastodon",
            "description": "",
            "usage": {"users": {"active_month": len(self._instance.accounts)}},
            "languages": ["en"],
            "configuration": self._configuration(),
            "registrations": {"enabled": False, "approval_required": False, "message": None, "url": None},
            "contact": {"email": "", "account": None},
            "rules": [],
        }
        if rules.has_api_versions:
            drawn["api_versions"] = {"mastodon": rules.api_version}
        return JSONResponse(drawn)

    def instance_v1(self, call: Call) -> Response:  # noqa: ARG002
        """Describe the instance as up to 3.5."""
        rules = self._instance.rules
        configuration = self._configuration()
        drawn: dict[str, object] = {
            "uri": self._instance.domain,
            "title": self._title,
            "short_description": "",
            "description": "",
            "email": "",
            "version": rules.version,
            "urls": {"streaming_api": self._instance.base_url.replace("http", "ws", 1)},
            "stats": {"user_count": len(self._instance.accounts), "status_count": 0, "domain_count": 0},
            "languages": ["en"],
            "registrations": False,
            "approval_required": False,
            "invites_enabled": False,
            "configuration": {name: configuration[name] for name in ("statuses", "media_attachments", "polls")},
            "contact_account": None,
            "rules": [],
        }
        return JSONResponse(drawn)

    def _configuration(self) -> dict[str, object]:
        rules, access = self._instance.rules, self._instance.access
        feeds = {"local": access.local, "remote": access.remote}
        configuration: dict[str, object] = {
            "urls": {"streaming": self._instance.base_url.replace("http", "ws", 1)},
            "accounts": {"max_featured_tags": 10},
            "statuses": {
                "max_characters": rules.max_characters_said,
                "max_media_attachments": MEDIA_COUNT,
                "characters_reserved_per_url": rules.url_length_said,
            },
            "media_attachments": {
                "supported_mime_types": uploads.taken_types(rules),
                "description_limit": uploads.description_limit(rules),
                "image_size_limit": uploads.IMAGE_BYTES,
                "image_matrix_limit": uploads.MATRIX,
                "video_size_limit": uploads.VIDEO_BYTES,
                "video_frame_rate_limit": 120,
                "video_matrix_limit": 8_294_400,
            },
            "polls": {
                "max_options": 4,
                "max_characters_per_option": POLL_OPTION_LENGTH,
                "min_expiration": int(POLL_SHORTEST.total_seconds()),
                "max_expiration": int(POLL_LONGEST.total_seconds()),
            },
            "translation": {"enabled": False},
        }
        if rules.has_timelines_access:
            configuration["timelines_access"] = {"live_feeds": feeds, "hashtag_feeds": feeds}
        return configuration

    def nodeinfo_links(self, call: Call) -> Response:  # noqa: ARG002
        """Say where nodeinfo is."""
        href = f"{self._instance.base_url}/nodeinfo/2.0"
        return JSONResponse({"links": [{"rel": "http://nodeinfo.diaspora.software/ns/schema/2.0", "href": href}]})

    def nodeinfo(self, call: Call) -> Response:  # noqa: ARG002
        """Name the software."""
        rules = self._instance.rules
        drawn = {
            "version": "2.0",
            "software": {"name": rules.software, "version": rules.software_version},
            "protocols": ["activitypub"],
            "services": {"outbound": [], "inbound": []},
            "usage": {"users": {"total": len(self._instance.accounts)}, "localPosts": len(self._instance.statuses)},
            "openRegistrations": False,
            "metadata": {"nodeName": self._title, "nodeDescription": ""},
        }
        return JSONResponse(drawn)

    # ---- feeds and files ---------------------------------------------------------------------------------------------

    def tag_feed(self, call: Call) -> Response:
        """Serve a hashtag's RSS, as Mastodon 4.2 was seen to: no title, no author, the page as the guid.

        Twenty items, or up to 200 as `limit` asks; 404 for a tag that nobody has used; what strangers may not see is left
        out in silence (`tags_controller.rb:7-8,47-53`).
        """
        tag, rules = call.argument("tag"), self._instance.rules
        if rules.software != "mastodon" or tag_name(tag, rules.tag_names) not in self._instance.tags_seen:
            raise ApiError(404, "Record not found")
        asked = call.params.text("limit") or ""
        limit = min(int(asked), FEED_LONGEST) if asked.isdigit() else PAGE
        statuses: list[Status] = []
        while len(statuses) < limit:
            bounds = Bounds(max_id=statuses[-1].id if statuses else None, limit=min(limit - len(statuses), 40))
            if not (more := self._instance.tag_timeline(TagQuery(tag), None, bounds)):
                break
            statuses += more
        items = "".join(self._feed_item(status) for status in statuses)
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<rss version="2.0" xmlns:webfeeds="http://webfeeds.org/rss/1.0" xmlns:media="http://search.yahoo.com/mrss/">'
            f"<channel><title>#{escape(tag)}</title><description>Public posts tagged #{escape(tag)}</description>"
            f"<link>{escape(f'{self._instance.base_url}/tags/{tag}')}</link>"
            f"<generator>Mastodon v{self._instance.rules.version}</generator>{items}</channel></rss>"
        )
        return Response(body, media_type="application/rss+xml")

    def _feed_item(self, status: Status) -> str:
        media = "".join(
            f'<media:content url="{escape(entities.media_url(self._instance, attachment))}"'
            f' type="{attachment.mime_type}" fileSize="{len(attachment.data)}" medium="{attachment.kind}">'
            f'<media:rating scheme="urn:simple">{"adult" if status.is_sensitive else "nonadult"}</media:rating>'
            f'<media:description type="plain">{escape(attachment.description or "")}</media:description></media:content>'
            for attachment in status.attachments
        )
        warned = status.spoiler_text
        warning = f"<p><strong>Content warning:</strong> {escape(warned)}</p><hr />" if warned else ""
        categories = "".join(f"<category>{escape(name)}</category>" for name in status.tags)
        return (
            f'<item><guid isPermaLink="true">{escape(status.url)}</guid><link>{escape(status.url)}</link>'
            f"<pubDate>{format_datetime(status.created_at)}</pubDate>"
            f"<description>{escape(warning + status.html)}</description>{media}{categories}</item>"
        )

    def note(self, call: Call) -> Response:
        """Show a status as it goes to other servers, as far as our programs ask: whom it is for."""
        status = self._instance.by_uri.get(f"{self._instance.base_url}{call.request.url.path}")
        if status is None or status.is_deleted or status.visibility not in {"public", "unlisted"}:
            raise ApiError(404, "Record not found")
        everybody, followers = "https://www.w3.org/ns/activitystreams#Public", f"{status.account.uri}/followers"
        to, cc = (everybody, followers) if status.visibility == "public" else (followers, everybody)
        drawn = {"id": status.uri, "type": "Note", "attributedTo": status.account.uri, "to": [to], "cc": [cc]}
        return JSONResponse(drawn, media_type="application/activity+json")

    def file(self, call: Call) -> Response:
        """Serve an uploaded file; one that hangs on no status is served too, as on Mastodon's file store."""
        attachment = self._instance.attachments.get(call.argument("id"))
        if attachment is None or not attachment.is_ready:
            raise ApiError(404, "Record not found")
        return Response(attachment.data, media_type=attachment.mime_type)


def missing_picture(call: Call) -> Response:  # noqa: ARG001
    """Serve the picture of accounts that have none."""
    return Response(_GREY_DOT, media_type="image/png")


_GREY_DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB3Q9WlgAAAABJRU5ErkJggg=="
)
