"""Uploads pictures and videos ahead of their post, and waits until the server has done with them.

What goes wrong is harmless: nobody sees an upload, and it dies after a day (Mastodon `media_attachments_vacuum.rb`). Mastodon
takes 30 uploads in half an hour, so a file that is there already is not sent again when a later one fails.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import msgspec

from shareasm.domain.pictures import PreparedImage, PreparedVideo
from shareasm.domain.queue import Draft, DraftMedia, DraftVideo
from shareasm.domain.richtext import truncate
from shareasm.errors import RateLimited, Rejected, Unreachable
from shareasm.networks.mastodon.answers import Act, Answer, NotThere
from shareasm.networks.mastodon.client import Api
from shareasm.networks.ports import Limits

WAITS_S = (1, 1, 2, 3, 5)
"""Between looks at a file that the server is still working on. Videos take longer: they are asked for again later, so that what
is due on this account meanwhile is not held up.
"""
ASK_AGAIN_AFTER = timedelta(seconds=20)

FRESH_FOR = timedelta(hours=20)
"""Mastodon forgets an upload that hangs on no post after 24 hours."""

_STILL_WORKING = (202, 206)  # api/v2/media_controller.rb, api/v1/media_controller.rb:39-49


PrepareVideo = Callable[[Path, Limits], PreparedVideo]
_Numbered = tuple[int, DraftMedia | DraftVideo]


class _Upload(msgspec.Struct):
    id: str | int


class Uploads:
    """The uploads of one account."""

    def __init__(
        self,
        api: Api,
        *,
        limits: Callable[[], Limits],
        prepare: Callable[[Path, Limits], PreparedImage],
        prepare_video: PrepareVideo | None,
        wait: Callable[[float], None],
    ) -> None:
        self._api = api
        self._limits = limits
        self._prepare = prepare
        self._prepare_video = prepare_video
        self._wait = wait
        self._begun: dict[_Numbered, tuple[str, datetime]] = {}  # id and when, of what was not handed on yet

    def upload(self, draft: Draft, folder: Path) -> list[str]:
        """Return the ids of what `draft` shows, in its order, ready to be posted. A video's captions have no place here."""
        items: list[DraftMedia | DraftVideo] = [draft.video] if draft.video else list(draft.media)
        numbered = list(enumerate(items))
        ids = [self._ready(number, item, folder) for number, item in numbered]
        for both in numbered:  # handed on: another post with the same picture needs its own
            self._begun.pop(both, None)
        return ids

    def are_gone(self, ids: list[str]) -> bool:
        """Return whether the server knows one of these uploads no more, or has hung it on a post."""
        for id_ in ids:
            try:
                self._ask(id_, id_)
            except NotThere:
                return True
            except Rejected:
                continue
        return False

    def _ready(self, number: int, item: DraftMedia | DraftVideo, folder: Path) -> str:
        begun = self._begun.pop((number, item), None)
        if begun and self._api.now() - begun[1] < FRESH_FOR:
            try:
                return self._until_ready((number, item), *begun, self._ask(begun[0], item.file))
            except NotThere:
                pass  # it died meanwhile
        answer = self._send(item, folder)
        try:
            id_ = str(msgspec.json.decode(answer.body, type=_Upload).id)
        except ValueError as error:
            message = f"its answer about the upload of {item.file} is not readable"
            raise Unreachable(message, server=self._api.server, ref=item.file) from error
        return self._until_ready((number, item), id_, self._api.now(), answer)

    def _send(self, item: DraftMedia | DraftVideo, folder: Path) -> Answer:
        limits = self._limits()
        ready = (
            self._video(item, folder, limits) if isinstance(item, DraftVideo) else self._picture(item, folder, limits)
        )
        form: dict[str, str | list[str]] = {"description": truncate(item.alt, limits.alt_length)}
        if isinstance(item, DraftMedia) and item.focus:
            form["focus"] = f"{item.focus[0]},{item.focus[1]}"
        file = (Path(item.file).name, ready.data, ready.mime)
        return self._api.send("POST", "/api/v2/media", Act.UPLOAD, form=form, file=file, ref=item.file)

    def _picture(self, item: DraftMedia, folder: Path, limits: Limits) -> PreparedImage:
        return self._prepare(folder / item.file, limits)

    def _video(self, item: DraftVideo, folder: Path, limits: Limits) -> PreparedVideo:
        if self._prepare_video is None:
            raise Rejected("videos are not sent here", server=self._api.server, ref=item.file)
        return self._prepare_video(folder / item.file, limits)

    def _ask(self, id_: str, file: str) -> Answer:
        return self._api.send("GET", f"/api/v1/media/{quote(id_, safe='')}", Act.UPLOAD, ref=file)

    def _until_ready(self, one: _Numbered, id_: str, begun_at: datetime, answer: Answer) -> str:
        """Return the id once the server has done with the file; it answers 422 where it cannot."""
        for seconds in WAITS_S:
            if answer.status not in _STILL_WORKING:
                break
            self._wait(seconds)
            try:
                answer = self._ask(id_, one[1].file)
            except (RateLimited, Unreachable):
                self._begun[one] = (id_, begun_at)
                raise
        self._begun[one] = (id_, begun_at)
        if answer.status in _STILL_WORKING:
            again_at = self._api.now() + ASK_AGAIN_AFTER
            raise RateLimited("is still working on the file", server=self._api.server, ref=one[1].file, until=again_at)
        return id_
