"""The API calls on statuses, timelines, accounts and media of a stand-in instance: one method for each call.

A method reads what was asked, calls `writing` or `instance`, and draws the answer with `entities`. What tells other
instances of news is handed in as `tell`.
"""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote, urlencode

from starlette.responses import JSONResponse, Response

from shareasm.rehearsal.mastodon import entities, uploads, writing
from shareasm.rehearsal.mastodon.door import NEEDS_USER, Call, Hold, InWork
from shareasm.rehearsal.mastodon.idempotency import Keys
from shareasm.rehearsal.mastodon.instance import Bounds, Instance, TagQuery
from shareasm.rehearsal.mastodon.model import Account, ApiError, Scope, Status
from shareasm.rehearsal.mastodon.params import Params
from shareasm.rehearsal.mastodon.writing import PollWish, Wish

BATCH = 20  # ids in one GET /api/v1/statuses; statuses_controller.rb:19-22
QUOTES_PAGE = 40  # statuses/quotes_controller.rb
ANONYMOUS_ANCESTORS, ANONYMOUS_DESCENDANTS, ANONYMOUS_DEPTH = 40, 60, 20  # statuses_controller.rb
MOST_RELATIVES = 4_096
READ = (Scope.READ, Scope.READ_STATUSES)
WRITE = (Scope.WRITE, Scope.WRITE_STATUSES)

Tell = Callable[[Status], None]


class Api:
    """The calls of one instance. Each runs with the instance's lock held."""

    def __init__(self, instance: Instance, tell: Tell) -> None:
        self._instance = instance
        self._tell = tell
        self._keys = Keys(instance)
        self._hold: Hold | None = None
        self.scheduled: list[dict[str, object]] = []

    def hold_posts(self) -> Hold:
        """Let the posts that come in stay in work until the hold is released."""
        self.release_posts()
        self._hold = Hold()
        return self._hold

    def release_posts(self) -> None:
        """Finish the posts in work, and hold no more."""
        if self._hold is not None:
            self._hold.release()
            self._hold = None

    def leave_in_work(self, author: Account, key: str) -> None:
        """Let a worker die with a key in its hands, before it has posted anything."""
        self._keys.begin(author, key)

    def forget_keys(self) -> None:
        """Forget all Idempotency-Keys."""
        self._keys = Keys(self._instance)

    def wipe(self) -> None:
        """Forget the keys and what is scheduled."""
        self.forget_keys()
        self.scheduled.clear()

    # ---- statuses ----------------------------------------------------------------------------------------------------

    def create(self, call: Call) -> Response | InWork:
        """Post a status, or what the server does instead when it knows the key."""
        author = call.user(*WRITE)
        scheduled_at = call.params.text("scheduled_at")
        if scheduled_at and self._instance.rules.can_schedule:
            return self._schedule(call.params, scheduled_at)
        application = call.token.application if call.token else None
        wish = read_wish(call.params)
        key = call.request.headers.get("idempotency-key")

        def post() -> Status:
            status = writing.create(self._instance, author, wish, application)
            self._tell(status)
            return status

        known = self._keys.begin(author, key)
        if known is not None:
            return self._drawn(known, call)
        if self._hold is None:
            return self._drawn(self._keys.finish(author, key, post), call)
        return self._hold.take(lambda: self._drawn(self._keys.finish(author, key, post), call))

    def read(self, call: Call) -> Response:
        """Answer with one status."""
        call.check(*READ)
        return self._drawn(self._instance.status(call.argument("id"), call.viewer), call)

    def read_many(self, call: Call) -> Response:
        """Answer with those of the ids that may be seen; the others are left out, and the order is nobody's promise."""
        call.check(*READ)
        ids = call.params.texts("id")
        if len(ids) > BATCH:
            raise ApiError(422, "Mastodon::ValidationError")
        found = [self._instance.find_id(id_) for id_ in dict.fromkeys(ids)]
        seen = [status for status in found if status is not None and self._instance.may_see(status, call.viewer)]
        self._instance.random.shuffle(seen)
        return self._listed(seen, call)

    def source(self, call: Call) -> Response:
        """Answer with what the author typed."""
        viewer = call.user(*READ)
        status = self._instance.status(call.argument("id"), viewer)
        return JSONResponse({"id": status.id, "text": status.text, "spoiler_text": status.spoiler_text})

    def history(self, call: Call) -> Response:
        """Answer with what the status said before."""
        call.check(*READ)
        if not self._instance.rules.keeps_history:
            raise ApiError(404, "Record not found")
        status = self._instance.status(call.argument("id"), call.viewer)
        return JSONResponse(entities.history_json(self._instance, status))

    def context(self, call: Call) -> Response:
        """Answer with the thread around a status; who is not signed in sees less of a long one."""
        call.check(*READ)
        status = self._instance.status(call.argument("id"), call.viewer)
        is_known = call.viewer is not None
        ancestors = self._ancestors(status, MOST_RELATIVES if is_known else ANONYMOUS_ANCESTORS)
        depth = 1 if not self._instance.rules.context_is_deep else MOST_RELATIVES if is_known else ANONYMOUS_DEPTH
        descendants = self._descendants(status, depth, call.viewer)[
            : MOST_RELATIVES if is_known else ANONYMOUS_DESCENDANTS
        ]
        return JSONResponse({"ancestors": self._draw(ancestors, call), "descendants": self._draw(descendants, call)})

    def quotes(self, call: Call) -> Response:
        """Answer with who quotes a status, where its author agreed; `statuses/quotes_controller.rb`: only with a token."""
        viewer = call.user(*READ)
        if not self._instance.rules.has_quotes:
            raise ApiError(404, "Record not found")
        status = self._instance.status(call.argument("id"), viewer)
        quoting = [one for one in self._instance.quotes_of(status) if self._instance.may_see(one, viewer)]
        return self._listed(quoting[::-1][:QUOTES_PAGE], call)

    def edit(self, call: Call) -> Response:
        """Change a status of one's own."""
        author = call.user(*WRITE)
        status = writing.edit(self._instance, author, call.argument("id"), read_wish(call.params))
        self._tell(status)
        return self._drawn(status, call)

    def delete(self, call: Call) -> Response:
        """Delete, and answer with the source text, so that it can be drafted again."""
        author = call.user(*WRITE)
        if not self._instance.rules.can_delete:
            raise ApiError(404, "Record not found")
        drawn = entities.status_json(self._instance, writing.own(self._instance, author, call.argument("id")), author)
        has_media = call.params.flag("delete_media")
        status = writing.delete(self._instance, author, call.argument("id"), has_media=has_media)
        self._tell(status)
        return JSONResponse(drawn | {"text": status.text})

    def reblog(self, call: Call) -> Response:
        """Boost."""
        return self._drawn(writing.boost(self._instance, call.user(*WRITE), call.argument("id")), call)

    def favourite(self, call: Call) -> Response:
        """Favour."""
        viewer = call.user(Scope.WRITE, Scope.WRITE_FAVOURITES)
        status = self._instance.status(call.argument("id"), viewer)
        status.favourited_by.add(viewer.id)
        return self._drawn(status, call)

    def read_poll(self, call: Call) -> Response:
        """Answer with a poll."""
        call.check(*READ)
        for status in self._instance.living():
            is_it = status.poll is not None and status.poll.id == call.argument("id")
            if is_it and status.poll is not None and self._instance.may_see(status, call.viewer):
                return JSONResponse(entities.poll_json(self._instance, status.poll, call.viewer))
        raise ApiError(404, "Record not found")

    def vote(self, call: Call) -> Response:
        """Vote."""
        voter = call.user(*WRITE)
        choices = tuple(int(choice) for choice in call.params.texts("choices") if choice.isdecimal())
        status = writing.vote(self._instance, voter, call.argument("id"), choices)
        if status.poll is None:
            raise ApiError(404, "Record not found")
        return JSONResponse(entities.poll_json(self._instance, status.poll, voter))

    # ---- timelines and accounts --------------------------------------------------------------------------------------

    def tag_timeline(self, call: Call) -> Response:
        """Answer with a page of a hashtag timeline."""
        params, rules = call.params, self._instance.rules
        is_local = params.flag("local") and rules.knows_local_filter
        is_remote = params.flag("remote") and rules.knows_tag_filters
        if call.token is None and not rules.anonymous_may_read_tags:
            raise ApiError(401, "Unauthorized: token not supplied")
        call.check(*READ)
        self._check_access(call.viewer, is_local=is_local, is_remote=is_remote)
        asked_media = params.flag("only_media") if "only_media" in params.values else rules.only_media_by_default
        knows_media = rules.knows_tag_filters or rules.only_media_by_default or rules.only_media_is_inverted
        query = TagQuery(
            tag=call.argument("tag"),
            any=params.texts("any"),
            all=params.texts("all"),
            none=params.texts("none"),
            is_local=is_local,
            is_remote=is_remote,
            only_media=asked_media and knows_media,
        )
        page = self._instance.tag_timeline(query, call.viewer, read_bounds(params))
        answer = self._listed(page, call)
        # Only these survive in the Link: following it drops any[], all[], none[] and remote; tag_controller.rb:7
        self._link(answer, page, call, ("local", "limit", "only_media"))
        return answer

    def verify_credentials(self, call: Call) -> Response:
        """Answer with the account behind the token."""
        viewer = call.user(Scope.READ, Scope.READ_ACCOUNTS)
        return JSONResponse(entities.own_account_json(self._instance, viewer))

    def update_credentials(self, call: Call) -> Response:
        """Change what an account says of itself; only whether a program writes it is understood here."""
        viewer = call.user(Scope.WRITE, Scope.WRITE_ACCOUNTS)
        if "bot" in call.params.values:
            viewer.is_bot = call.params.flag("bot")
        return JSONResponse(entities.own_account_json(self._instance, viewer))

    def account(self, call: Call) -> Response:
        """Answer with an account."""
        call.check(Scope.READ, Scope.READ_ACCOUNTS)
        return JSONResponse(entities.account_json(self._instance, self._account(call.argument("id"))))

    def lookup(self, call: Call) -> Response:
        """Answer with the account of a handle."""
        account = self._instance.account_by_handle(call.params.text("acct") or "")
        if account is None:
            raise ApiError(404, "Record not found")
        return JSONResponse(entities.account_json(self._instance, account))

    def account_statuses(self, call: Call) -> Response:
        """Answer with a page of what an account says and boosts."""
        call.check(*READ)
        params = call.params
        statuses = self._instance.account_statuses(self._account(call.argument("id")), call.viewer)
        if params.flag("exclude_reblogs"):
            statuses = [status for status in statuses if status.reblog_of is None]
        if params.flag("exclude_replies"):
            statuses = [status for status in statuses if status.in_reply_to is None]
        if params.flag("only_media"):
            statuses = [status for status in statuses if status.attachments]
        page = self._instance.page(statuses, read_bounds(params))
        answer = self._listed(page, call)
        self._link(answer, page, call, ("limit", "only_media", "exclude_replies", "exclude_reblogs"))
        return answer

    # ---- media -------------------------------------------------------------------------------------------------------

    def upload(self, call: Call) -> Response:
        """Take a file: 200 when it is ready, 202 and no address while it is processed (`api/v2/media_controller.rb`)."""
        owner = call.user(Scope.WRITE, Scope.WRITE_MEDIA)
        attachment = uploads.upload(self._instance, owner, call.params.files.get("file"), call.params.words())
        drawn = entities.attachment_json(self._instance, attachment)
        is_plain = attachment.is_ready or call.request.url.path.startswith("/api/v1")
        return JSONResponse(drawn, status_code=200 if is_plain else 202)

    def read_media(self, call: Call) -> Response:
        """Answer 206 while it is processed, 200 when ready, 422 when it failed (`api/v1/media_controller.rb:39-49`)."""
        owner = call.user(Scope.WRITE, Scope.WRITE_MEDIA)
        attachment = uploads.ask(self._instance, owner, call.argument("id"))
        drawn = entities.attachment_json(self._instance, attachment)
        status = 200 if attachment.is_ready else 206
        if attachment.polls_left:
            attachment.polls_left -= 1
        return JSONResponse(drawn, status_code=status)

    def change_media(self, call: Call) -> Response:
        """Change the description of a file that hangs on no status yet."""
        owner = call.user(Scope.WRITE, Scope.WRITE_MEDIA)
        attachment = uploads.redescribe(self._instance, owner, call.argument("id"), call.params.words())
        return JSONResponse(entities.attachment_json(self._instance, attachment))

    # ---- parts -------------------------------------------------------------------------------------------------------

    def _account(self, id_: str) -> Account:
        account = self._instance.accounts.get(id_)
        if account is None:
            raise ApiError(404, "Record not found")
        return account

    def _draw(self, statuses: list[Status], call: Call) -> list[dict[str, object]]:
        return [entities.status_json(self._instance, status, call.viewer) for status in statuses]

    def _drawn(self, status: Status, call: Call) -> Response:
        return JSONResponse(entities.status_json(self._instance, status, call.viewer))

    def _listed(self, statuses: list[Status], call: Call) -> Response:
        return JSONResponse(self._draw(statuses, call))

    def _link(self, answer: Response, page: list[Status], call: Call, kept: tuple[str, ...]) -> None:
        """Say where the pages before and after are; nothing on an empty page; `timelines/base_controller.rb:12-24`."""
        if not page or not self._instance.rules.has_link:
            return
        base = {name: said for name, said in call.params.words().items() if name in kept}
        path = self._instance.base_url + quote(call.request.url.path)  # a tag in any script; headers are ASCII
        older, newer = (urlencode(base | bound) for bound in ({"max_id": page[-1].id}, {"min_id": page[0].id}))
        answer.headers["Link"] = f'<{path}?{older}>; rel="next", <{path}?{newer}>; rel="prev"'

    def _check_access(self, viewer: Account | None, *, is_local: bool, is_remote: bool) -> None:
        """Raise ApiError 422 where the instance shows this only to users; `timelines/topic_controller.rb:8-16`."""
        access = self._instance.access
        halves = {access.local} if is_local else {access.remote} if is_remote else {access.local, access.remote}
        if viewer is None and halves != {"public"}:
            raise ApiError(422, NEEDS_USER)

    def _ancestors(self, status: Status, most: int) -> list[Status]:
        found: list[Status] = []
        parent = status.in_reply_to
        while parent is not None and len(found) < most:
            found.insert(0, parent)
            parent = parent.in_reply_to
        return [ancestor for ancestor in found if not ancestor.is_deleted]

    def _descendants(self, status: Status, depth: int, viewer: Account | None) -> list[Status]:
        if depth == 0:
            return []
        replies = [one for one in self._instance.replies_to(status) if self._instance.may_see(one, viewer)]
        return [other for reply in replies for other in (reply, *self._descendants(reply, depth - 1, viewer))]

    def _schedule(self, params: Params, scheduled_at: str) -> Response:
        """Take a status for later: at least five minutes ahead; `scheduled_status.rb:16-38`. It stays scheduled."""
        try:
            at = datetime.fromisoformat(scheduled_at)
        except ValueError as error:
            raise ApiError(422, "Validation failed: Scheduled at is invalid") from error
        if at.tzinfo is None or at < self._instance.clock.now() + writing.SCHEDULE_AHEAD:
            raise ApiError(422, "Validation failed: Scheduled at The scheduled date must be in the future")
        id_ = str(len(self.scheduled) + 1)
        drawn: dict[str, object] = {
            "id": id_,
            "scheduled_at": entities.instant(at, self._instance.rules),
            "params": params.words() | {"text": params.text("status")},
            "media_attachments": [],
        }
        self.scheduled.append(drawn)
        return JSONResponse(drawn)


def read_bounds(params: Params) -> Bounds:
    """Return which page is asked for."""
    return Bounds(params.text("max_id"), params.text("since_id"), params.text("min_id"), params.number("limit"))


def read_wish(params: Params) -> Wish:
    """Return what a request asks a status to be."""
    options = params.texts("poll[options]")
    poll = PollWish(
        options,
        expires_in_s=params.number("poll[expires_in]") or 0,
        is_multiple=params.flag("poll[multiple]"),
        hides_totals=params.flag("poll[hide_totals]"),
    )
    return Wish(
        text=params.text("status") or "",
        spoiler_text=params.text("spoiler_text") or "",
        is_sensitive=params.flag("sensitive"),
        language=params.text("language") or None,
        visibility=params.text("visibility") or None,
        in_reply_to_id=params.text("in_reply_to_id") or None,
        media_ids=params.texts("media_ids"),
        poll=poll if options else None,
        quoted_status_id=params.text("quoted_status_id") or None,
        quote_policy=params.text("quote_approval_policy") or None,
        media_descriptions=_read_descriptions(params),
        allowed_mentions=params.texts("allowed_mentions") if "allowed_mentions[]" in params.values else None,
    )


def _read_descriptions(params: Params) -> tuple[tuple[str, str | None, str | None], ...]:
    ids = [id_ or "" for id_ in params.values.get("media_attributes[][id]", [])]
    columns = (params.values.get(f"media_attributes[][{name}]", []) for name in ("description", "focus"))
    descriptions, focuses = ([*column, *[None] * len(ids)] for column in columns)
    return tuple(zip(ids, descriptions, focuses, strict=False))
