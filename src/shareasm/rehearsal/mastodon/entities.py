"""The JSON that a stand-in instance answers with, in the shape of Mastodon 4.6's serializers (`app/serializers/rest/`).

Key for key as a Mastodon 4.6.4 test server answered, without what no client reads. Every entity is drawn for a viewer.
"""

import hashlib
from datetime import UTC, datetime

from shareasm.rehearsal.mastodon.flavours import Behaviours
from shareasm.rehearsal.mastodon.instance import Instance
from shareasm.rehearsal.mastodon.model import Account, Attachment, Card, Poll, Status

Json = dict[str, object]


def instant(at: datetime, rules: Behaviours) -> str:
    """Return an instant as the server writes it: with milliseconds, or none at all (snac)."""
    if rules.created_at_has_milliseconds:
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def acct(instance: Instance, account: Account) -> str:
    """Return how an account is named here: without a domain at home, except where the program always says it."""
    if account.domain is None and instance.rules.acct_names_own_host:
        return f"{account.username}@{instance.domain}"
    return account.handle


def account_json(instance: Instance, account: Account) -> Json:
    """Draw an Account (`account_serializer.rb`)."""
    last = instance.shelves.latest(account)
    avatar = account.avatar or f"{instance.base_url}/avatars/original/missing.png"
    header = f"{instance.base_url}/headers/original/missing.png"
    drawn: Json = {
        "id": account.id,
        "username": account.username,
        "acct": acct(instance, account),
        "display_name": account.display_name,
        "locked": account.is_locked,
        "bot": account.is_bot,
        "discoverable": account.is_discoverable,
        "indexable": account.is_indexable,
        "group": False,
        "created_at": account.created_at.strftime("%Y-%m-%dT00:00:00.000Z"),
        "note": account.note,
        "url": account.url,
        "uri": account.uri,
        "avatar": avatar,
        "avatar_static": avatar,
        "header": header,
        "header_static": header,
        "followers_count": 0,
        "following_count": 0,
        "statuses_count": instance.shelves.count(account),
        "last_status_at": last.date().isoformat() if last else None,
        "hide_collections": None,
        "emojis": [],
        "fields": [{"name": name, "value": value, "verified_at": None} for name, value in account.fields],
    }
    if account.domain is None:  # only local accounts say it: account_serializer.rb:9-22
        drawn |= {"noindex": account.is_noindex, "roles": []}
    if account.is_silenced:
        drawn["limited"] = True
    if account.is_suspended:
        drawn["suspended"] = True
    return drawn


def own_account_json(instance: Instance, account: Account) -> Json:
    """Draw the CredentialAccount of `verify_credentials`."""
    source = {
        "privacy": account.visibility,
        "sensitive": False,
        "language": account.language,
        "note": account.note_source,
        "fields": [{"name": name, "value": value, "verified_at": None} for name, value in account.fields],
        "follow_requests_count": 0,
        "hide_collections": None,
        "discoverable": account.is_discoverable,
        "indexable": account.is_indexable,
    }
    role = {"id": "-99", "name": "", "permissions": "65536", "color": "", "highlighted": False}
    return account_json(instance, account) | {"source": source, "role": role}


def status_json(instance: Instance, status: Status, viewer: Account | None, *, depth: int = 0) -> Json:
    """Draw a Status for `viewer` (`status_serializer.rb`). `depth`: how many quotes or boosts we are inside."""
    rules = instance.rules
    drawn: Json = {
        "id": status.id,
        "created_at": instant(status.created_at, rules),
        "in_reply_to_id": status.in_reply_to.id if status.in_reply_to else None,
        "in_reply_to_account_id": status.in_reply_to.account.id if status.in_reply_to else None,
        "sensitive": status.is_sensitive,
        "spoiler_text": status.spoiler_text,
        "visibility": _shown_visibility(status, rules),
        "language": status.language,
        "uri": status.uri,
        "url": status.url,
        "replies_count": len(instance.replies_to(status)),
        "reblogs_count": len(instance.boosts_of(status)),
        "favourites_count": len(status.favourited_by),
        "quotes_count": len(instance.quotes_of(status)),
        "edited_at": instant(status.edited_at, rules) if status.edited_at else None,
        "content": status.html,
        "reblog": status_json(instance, status.reblog_of, viewer, depth=depth + 1) if status.reblog_of else None,
        "account": account_json(instance, status.account),
        "media_attachments": _attachments_json(instance, status),
        "mentions": [_mention_json(instance, account) for account in status.mentions],
        "tags": [{"name": name, "url": f"{instance.base_url}/tags/{name}"} for name in status.tags],
        "emojis": [],
        "card": _card_json(status.card) if status.card else None,
        "poll": poll_json(instance, status.poll, viewer) if status.poll else None,
        "quote": _quote_json(instance, status, viewer, depth),
        "quote_approval": _quote_approval_json(status, viewer),
    }
    if status.reblog_of:
        drawn["content"], drawn["language"] = status.reblog_of.html, status.reblog_of.language
    return drawn | _for_viewer(status, viewer)


def _for_viewer(status: Status, viewer: Account | None) -> Json:
    """What only a signed-in viewer is told; the application, its author alone (`status_serializer.rb:60-62`)."""
    if viewer is None:
        return {}
    drawn: Json = {
        "favourited": viewer.id in status.favourited_by,
        "reblogged": False,
        "muted": False,
        "bookmarked": False,
        "filtered": [],
    }
    if status.account is viewer:
        drawn["pinned"] = False
        drawn["application"] = {"name": status.application.name, "website": None} if status.application else None
    return drawn


def _shown_visibility(status: Status, rules: Behaviours) -> str:
    is_told_as_public = rules.shows_unlisted_as_public and status.visibility == "unlisted"
    return "public" if is_told_as_public else status.visibility


def attachment_json(instance: Instance, attachment: Attachment) -> Json:
    """Draw a MediaAttachment (`media_attachment_serializer.rb`); `url` is null until it is processed."""
    is_remote = attachment.remote_url is not None
    url = media_url(instance, attachment)
    drawn: Json = {
        "id": attachment.id,
        "type": attachment.kind,
        "url": url if attachment.is_ready else None,
        "preview_url": url if attachment.is_ready else None,
        "remote_url": attachment.remote_url if is_remote else None,
        "preview_remote_url": None,
        "text_url": None,
        "description": attachment.description,
    }
    if instance.rules.has_media_meta:
        drawn |= {"meta": _meta(attachment), "blurhash": "UBL_:rOpGG-;~qRjWBay" if attachment.kind == "image" else None}
    return drawn


def _attachments_json(instance: Instance, status: Status) -> list[Json]:
    drawn = [attachment_json(instance, attachment) for attachment in status.attachments]
    if instance.rules.renames_media:
        return [attachment | {"id": f"{status.id}_{number}"} for number, attachment in enumerate(drawn)]
    return drawn


def media_url(instance: Instance, attachment: Attachment) -> str:
    """Return where this instance serves the file from: of a remote one, its own copy."""
    suffix = attachment.mime_type.partition("/")[2].replace("jpeg", "jpg")
    name = hashlib.sha256(attachment.data).hexdigest()[:16]
    folder = "cache/media_attachments" if attachment.remote_url else "media_attachments"
    return f"{instance.base_url}/system/{folder}/files/{attachment.id}/original/{name}.{suffix}"


def _meta(attachment: Attachment) -> Json:
    meta: Json = {}
    if attachment.width and attachment.height:
        width, height = attachment.width, attachment.height
        sides = {"width": width, "height": height, "size": f"{width}x{height}", "aspect": width / height}
        meta = {"original": sides, "small": sides}
    if attachment.focus:
        meta["focus"] = {"x": attachment.focus[0], "y": attachment.focus[1]}
    return meta


def poll_json(instance: Instance, poll: Poll, viewer: Account | None) -> Json:
    """Draw a Poll; totals are null while it hides them and has not ended."""
    has_ended = poll.expires_at <= instance.clock.now()
    is_open = has_ended or not poll.hides_totals
    counts = [sum(index in choices for choices in poll.votes.values()) for index in range(len(poll.options))]
    drawn: Json = {
        "id": poll.id,
        "expires_at": instant(poll.expires_at, instance.rules),
        "expired": has_ended,
        "multiple": poll.is_multiple,
        "votes_count": sum(counts),
        "voters_count": len(poll.votes),
        "options": [
            {"title": title, "votes_count": count if is_open else None}
            for title, count in zip(poll.options, counts, strict=True)
        ],
        "emojis": [],
    }
    if viewer is not None:
        drawn |= {"voted": viewer.id in poll.votes, "own_votes": list(poll.votes.get(viewer.id, ()))}
    return drawn


def history_json(instance: Instance, status: Status) -> list[Json]:
    """Draw the StatusEdits, oldest first."""
    return [
        {
            "content": revision.html,
            "spoiler_text": revision.spoiler_text,
            "sensitive": revision.is_sensitive,
            "created_at": instant(revision.created_at, instance.rules),
            "account": account_json(instance, status.account),
            "media_attachments": [],
            "emojis": [],
        }
        for revision in status.history
    ]


def _mention_json(instance: Instance, account: Account) -> Json:
    return {"id": account.id, "username": account.username, "url": account.url, "acct": acct(instance, account)}


def _quote_json(instance: Instance, status: Status, viewer: Account | None, depth: int) -> Json | None:
    """Draw a quote; one level down only the id of what is quoted (`base_quote_serializer.rb`)."""
    quoted = status.quote_of
    if quoted is None:
        return None
    if quoted.is_deleted:
        return {"state": "deleted", "quoted_status": None}
    if depth:
        return {"state": "accepted", "quoted_status_id": quoted.id}
    return {"state": "accepted", "quoted_status": status_json(instance, quoted, viewer, depth=depth + 1)}


def _quote_approval_json(status: Status, viewer: Account | None) -> Json:
    """Draw who may quote it (`status_serializer.rb`); its author always."""
    is_open = viewer is not None and (status.quote_policy == "public" or viewer is status.account)
    automatic = [] if status.quote_policy == "nobody" else [status.quote_policy]
    return {"automatic": automatic, "manual": [], "current_user": "automatic" if is_open else "denied"}


def _card_json(card: Card) -> Json:
    return {
        "url": card.url,
        "title": card.title,
        "description": card.description,
        "language": None,
        "type": "link",
        "author_name": "",
        "author_url": "",
        "provider_name": "",
        "provider_url": "",
        "html": "",
        "width": 0,
        "height": 0,
        "image": card.image,
        "image_description": "",
        "embed_url": "",
        "blurhash": None,
        "published_at": None,
        "authors": [],
    }
