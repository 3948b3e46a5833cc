"""What may be written on a stand-in instance: statuses with all that hangs on them, edits, deletions, boosts, votes.

Validations stand in Mastodon's order and words (`post_status_service.rb`, `status_length_validator.rb`, 4.6.5); what other
programs do differently is asked of the instance's rules. The caller holds the instance's lock.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

import langcodes

from shareasm.rehearsal.mastodon.flavours import Behaviours, Language
from shareasm.rehearsal.mastodon.instance import Instance
from shareasm.rehearsal.mastodon.model import Account, ApiError, Application, Attachment, Poll, Revision, Status
from shareasm.rehearsal.mastodon.wording import Wording, length, quote_line, trimmed_spoiler, word

VISIBILITIES = ("public", "unlisted", "private", "direct")
MEDIA_COUNT = 4
UNATTACHED_LIFE = timedelta(hours=24)  # lib/vacuum/media_attachments_vacuum.rb:4
POLL_OPTION_LENGTH = 50
POLL_SHORTEST, POLL_LONGEST = timedelta(minutes=5), timedelta(days=31)
SCHEDULE_AHEAD = timedelta(minutes=5)  # scheduled_status.rb


@dataclass(frozen=True)
class PollWish:
    """What a request asks a poll to be."""

    options: tuple[str, ...]
    expires_in_s: int
    is_multiple: bool = False
    hides_totals: bool = False


@dataclass(frozen=True)
class Wish:
    """What a request asks a status to be. None: nothing was said."""

    text: str = ""
    spoiler_text: str = ""
    is_sensitive: bool = False
    language: str | None = None
    visibility: str | None = None
    in_reply_to_id: str | None = None
    media_ids: tuple[str, ...] = ()
    poll: PollWish | None = None
    quoted_status_id: str | None = None
    quote_policy: str | None = None
    media_descriptions: tuple[tuple[str, str | None, str | None], ...] = ()  # media_attributes: id, description, focus
    allowed_mentions: tuple[str, ...] | None = None


def create(instance: Instance, author: Account, wish: Wish, application: Application | None) -> Status:
    """Post a status. Raises ApiError where the server would refuse."""
    rules = instance.rules
    attachments = _attachable(instance, author, wish)
    spoiler = trimmed_spoiler(wish.spoiler_text, rules)
    _check_text(rules, wish.text, wish.spoiler_text, has_more=bool(attachments) or wish.poll is not None)
    parent = _parent(instance, author, wish.in_reply_to_id)
    quoted = _quoted(instance, author, wish)
    words = word(wish.text, rules, instance.base_url, instance.account_by_handle)
    _check_mentions(words, wish.allowed_mentions)
    poll = _poll(instance, wish.poll if rules.has_polls else None)
    now = instance.clock.now()
    id_, uri, url, place = _identity(instance, author)
    status = Status(
        id=id_,
        place=place,
        uri=uri,
        url=url,
        account=author,
        created_at=now,
        visibility=_visibility(instance, author, wish.visibility),
        text=wish.text,
        html=_with_quote(words.html, quoted),
        spoiler_text=spoiler,
        is_sensitive=wish.is_sensitive or bool(spoiler),
        language=_language(rules, author, wish.language),
        in_reply_to=parent,
        quote_of=quoted,
        quote_policy=_quote_policy(wish) or "public",
        attachments=attachments,
        tags=words.tags,
        mentions=words.mentions,
        poll=poll,
        application=application,
    )
    for attachment in attachments:
        attachment.is_attached = True
    status.history.append(_revision(status))
    return instance.keep(status)


def edit(instance: Instance, author: Account, id_: str, wish: Wish, *, keeps_poll: bool = False) -> Status:
    """Change a status of one's own; an edit that changes nothing is swallowed (`update_status_service.rb`).

    Attachments and poll that are not named again are gone, unless `keeps_poll`; another poll loses the votes, and the same
    one ends anew after its time (`update_poll!`).
    """
    status = own(instance, author, id_)
    rules = instance.rules
    kept = {attachment.id for attachment in status.attachments}
    attachments = _attachable(instance, author, wish, kept=kept)
    has_more = bool(attachments) or wish.poll is not None or (keeps_poll and status.poll is not None)
    _check_text(rules, wish.text, wish.spoiler_text, has_more=has_more)
    before = _contents(status)
    words = word(wish.text, rules, instance.base_url, instance.account_by_handle)
    status.text, status.html = wish.text, _with_quote(words.html, status.quote_of)
    status.spoiler_text = trimmed_spoiler(wish.spoiler_text, rules)
    status.is_sensitive = wish.is_sensitive or bool(status.spoiler_text)
    status.language = _language(rules, author, wish.language) if wish.language else status.language
    status.attachments, status.mentions = attachments, words.mentions
    if not keeps_poll and not rules.edit_keeps_poll:
        status.poll = _changed_poll(instance, status.poll, wish.poll)
    status.quote_policy = _quote_policy(wish) or status.quote_policy
    described = _describe(attachments, wish)
    if rules.edit_finds_new_tags:
        status.tags = words.tags
        instance.keep(status)
    if not described and _contents(status) == before:
        if rules.unchanged_edit:
            raise ApiError(*rules.unchanged_edit)
        return status
    status.edited_at = instance.clock.now()
    status.history.append(_revision(status))
    for attachment in attachments:
        attachment.is_attached = True
    if rules.edit_changes_id:
        del instance.statuses[status.id]  # find_id still finds the old one
        status.id = instance.ids.make(status.edited_at, status.uri)
        instance.statuses[status.id] = status
    return status


def delete(instance: Instance, author: Account, id_: str, *, has_media: bool = False) -> Status:
    """Delete a status of one's own, and the boosts of it. Its files wait a day for a new one, unless they go too (4.4)."""
    status = own(instance, author, id_)
    instance.delete(status)
    for attachment in status.attachments:
        attachment.is_attached, attachment.created_at = False, instance.clock.now()
        if has_media:
            instance.attachments.pop(attachment.id, None)
    return status


def own(instance: Instance, author: Account, id_: str) -> Status:
    """Return a status of `author`. Somebody else's is not found (`statuses_controller.rb`: current_account.statuses)."""
    status = instance.find_id(id_)
    if status is None or status.account is not author:
        raise ApiError(404, "Record not found")
    return status


def boost(instance: Instance, booster: Account, id_: str) -> Status:
    """Boost a public or unlisted status: a wrapper without words; boosting twice gives the first one."""
    boosted = instance.status(id_, booster)
    boosted = boosted.reblog_of or boosted
    for other in instance.boosts_of(boosted):
        if other.account is booster:
            return other
    if boosted.visibility not in ("public", "unlisted"):
        raise ApiError(404, "Record not found")
    id_, uri, _, place = _identity(instance, booster)
    now = instance.clock.now()
    made = Status(id_, place, f"{uri}/activity", boosted.url, booster, now, boosted.visibility, reblog_of=boosted)
    return instance.keep(made)


def vote(instance: Instance, voter: Account, poll_id: str, choices: tuple[int, ...]) -> Status:
    """Vote once, before the poll ends."""
    for status in instance.living():
        poll = status.poll
        if poll is None or poll.id != poll_id or not instance.may_see(status, voter):
            continue
        if poll.expires_at <= instance.clock.now():
            raise ApiError(422, "Validation failed: The poll has already ended")
        if voter.id in poll.votes:
            raise ApiError(422, "Validation failed: You have already voted on this poll")
        if not all(0 <= choice < len(poll.options) for choice in choices) or not choices:
            raise ApiError(422, "Validation failed: The chosen vote option does not exist")
        poll.votes[voter.id] = choices if poll.is_multiple else choices[:1]
        return status
    raise ApiError(404, "Record not found")


# ---- parts of a status -------------------------------------------------------------------------------------------------


def _identity(instance: Instance, author: Account) -> tuple[str, str, str, int | str]:
    now = instance.clock.now()
    rules = instance.rules
    time = f"{int(now.timestamp())}.{now.microsecond:06d}"
    while rules.edit_changes_id and _address(rules.uri, instance, author, "", time) in instance.by_uri:
        time = f"{time[:-6]}{int(time[-6:]) + 1:06d}"  # snac names a status after the time of its file
    id_, place = instance.new_id(now, _address(rules.uri, instance, author, "", time))
    uri, url = (_address(form, instance, author, id_, time) for form in (rules.uri, rules.url))
    return id_, uri, url, place


def _address(form: str, instance: Instance, author: Account, id_: str, time: str) -> str:
    return form.format(
        base=instance.base_url, domain=instance.domain, account=author.id, name=author.username, id=id_, time=time
    )


def _check_text(rules: Behaviours, text: str, spoiler: str, *, has_more: bool) -> None:
    if not text.strip() and not has_more and not rules.takes_empty:
        raise ApiError(422, "Validation failed: Text can't be blank")
    if rules.max_characters is not None and length(text, spoiler, rules) > rules.max_characters:
        status, message = rules.too_long
        raise ApiError(status, message.format(limit=rules.max_characters))


def _check_mentions(words: Wording, allowed: tuple[str, ...] | None) -> None:
    """Refuse mentions that the client did not expect (`allowed_mentions[]`, `statuses_controller.rb:45`)."""
    unexpected = [] if allowed is None else [account for account in words.mentions if account.id not in allowed]
    if unexpected:
        accounts = [{"id": account.id, "acct": account.handle} for account in unexpected]
        message = "Post would be sent to unexpected accounts"
        raise ApiError(422, message, more={"unexpected_accounts": accounts})


def _visibility(instance: Instance, author: Account, wanted: str | None) -> str:
    chosen = wanted or author.visibility
    if chosen not in VISIBILITIES:
        if not instance.rules.takes_any_visibility:
            status, message = instance.rules.bad_visibility
            raise ApiError(status, message)
        chosen = "public"
    # A limited account's public statuses become unlisted without a word: `post_status_service.rb` preprocess_attributes!
    return "unlisted" if chosen == "public" and author.is_silenced else chosen


def _language(rules: Behaviours, author: Account, wanted: str | None) -> str | None:
    if rules.language is Language.DROPPED:
        return None
    if rules.language is Language.ENGLISH:
        return "en"
    if not wanted:
        return author.language
    tag = wanted.replace("_", "-")
    if langcodes.tag_is_valid(tag):
        return langcodes.standardize_tag(tag)
    if rules.language is Language.CHECKED:
        raise ApiError(400, f"Bad Request: language {wanted!r} could not be parsed")
    return author.language  # Mastodon: valid_locale_cascade


def _parent(instance: Instance, author: Account, id_: str | None) -> Status | None:
    if not id_:
        return None
    if instance.rules.software == "takahe":
        instance.ids.place(id_)  # what is no number is its server error
    try:
        found = instance.status(id_, author)
    except ApiError:
        if instance.rules.missing_parent_status is None:
            return None
        raise
    return found.reblog_of or found


def _quoted(instance: Instance, author: Account, wish: Wish) -> Status | None:
    """Return the status to quote. One that may not be quoted is as good as none (`set_quoted_status`)."""
    if not wish.quoted_status_id or not instance.rules.has_quotes:
        return None
    try:
        quoted = instance.status(wish.quoted_status_id, author)
    except ApiError:
        quoted = None
    is_open = quoted is not None and (quoted.account is author or quoted.quote_policy == "public")
    if quoted is None or not is_open or quoted.visibility == "direct":
        raise ApiError(404, "The post you are trying to quote does not appear to exist.")
    return quoted


def _quote_policy(wish: Wish) -> str | None:
    if wish.quote_policy not in (None, "public", "followers", "nobody"):
        raise ApiError(422, "Validation failed: Quote approval policy is invalid")
    return wish.quote_policy


def _with_quote(html: str, quoted: Status | None) -> str:
    return html if quoted is None or quoted.url in html else quote_line(quoted.url) + html


def _attachable(
    instance: Instance, author: Account, wish: Wish, kept: set[str] | frozenset[str] = frozenset()
) -> list[Attachment]:
    """Return the attachments to hang on a status; `post_status_service.rb:187-202` validate_media!."""
    if not wish.media_ids:
        if instance.rules.needs_media and not kept and not wish.in_reply_to_id:
            raise ApiError(403, "You must attach media to a top-level post")  # Pixelfed, ApiV1Controller.php:3644
        return []
    if len(wish.media_ids) > MEDIA_COUNT:
        raise ApiError(422, "Validation failed: Cannot attach more than 4 files")
    if wish.poll is not None and instance.rules.poll_with_media:
        raise ApiError(*instance.rules.poll_with_media)
    found = [instance.attachments.get(id_) for id_ in wish.media_ids]
    missing = [
        id_
        for id_, attachment in zip(wish.media_ids, found, strict=True)
        if not _is_free(instance, author, attachment, kept)
    ]
    attachments = [attachment for attachment in found if attachment is not None]
    if missing:
        code, message = instance.rules.missing_media
        raise ApiError(code, message.format(ids=", ".join(missing)))
    if len(attachments) > 1 and any(attachment.kind in ("video", "audio") for attachment in attachments):
        raise ApiError(422, "Validation failed: Cannot attach a video to a post that already contains images")
    if not all(attachment.is_ready for attachment in attachments):
        message = "Cannot attach files that have not finished processing. Try again in a moment!"
        raise ApiError(422, f"Validation failed: {message}")
    return attachments


def _is_free(
    instance: Instance, author: Account, attachment: Attachment | None, kept: set[str] | frozenset[str]
) -> bool:
    if attachment is None or attachment.account is not author:
        return False
    if attachment.id in kept:
        return True
    is_alive = instance.clock.now() - attachment.created_at < UNATTACHED_LIFE
    return is_alive and not attachment.is_attached


def _describe(attachments: list[Attachment], wish: Wish) -> bool:
    """Apply `media_attributes`; return whether that changed anything."""
    is_changed = False
    for id_, description, focus in wish.media_descriptions:
        for attachment in attachments:
            if attachment.id == id_ and description is not None and description != attachment.description:
                attachment.description, is_changed = description, True
            if attachment.id == id_ and focus:
                x, y = (float(part) for part in focus.split(","))
                attachment.focus, is_changed = (x, y), True
    return is_changed


def _poll(instance: Instance, wish: PollWish | None) -> Poll | None:
    if wish is None:
        return None
    life = timedelta(seconds=wish.expires_in_s)
    if not 2 <= len(wish.options) <= 4:
        words = "must have more than one item" if len(wish.options) < 2 else "can't contain more than 4 items"
        raise ApiError(422, f"Validation failed: Poll options {words}")
    if any(length(option, "", instance.rules) > POLL_OPTION_LENGTH for option in wish.options):
        raise ApiError(422, f"Validation failed: Options cannot be longer than {POLL_OPTION_LENGTH} characters each")
    if not POLL_SHORTEST <= life <= POLL_LONGEST:
        raise ApiError(422, f"Validation failed: Expires at is too {'short' if life < POLL_SHORTEST else 'long'}")
    id_, _ = instance.new_id(instance.clock.now())
    options = tuple(re.sub(r"\s+", " ", option) for option in wish.options)
    return Poll(id_, options, instance.clock.now() + life, wish.is_multiple, wish.hides_totals)


def _changed_poll(instance: Instance, before: Poll | None, wish: PollWish | None) -> Poll | None:
    """Return the poll after an edit: the same one with its votes where the question is the same, ending anew."""
    after = _poll(instance, wish)
    if before is None or after is None or (before.options, before.is_multiple) != (after.options, after.is_multiple):
        return after
    before.expires_at = after.expires_at
    return before


def _contents(status: Status) -> tuple[object, ...]:
    ids = tuple(attachment.id for attachment in status.attachments)
    poll = (status.poll.options, status.poll.expires_at) if status.poll else None
    return status.text, status.spoiler_text, status.is_sensitive, status.language, ids, poll


def _revision(status: Status) -> Revision:
    at = status.edited_at or status.created_at
    return Revision(status.html, status.spoiler_text, status.is_sensitive, at)
