"""Uploads pictures and videos ahead of their post, and waits until the server has done with them.

What goes wrong is harmless: nobody sees an upload, and it dies after a day (Mastodon `media_attachments_vacuum.rb`). Mastodon
takes 30 uploads in half an hour, so a file that is there already is not sent again when a later one fails.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import msgspec

from shareasm.domain.pictures import PreparedImage, PreparedVideo
from shareasm.domain.queue import Draft, DraftMedia, DraftVideo
from shareasm.domain.richtext import truncate
from shareasm.errors import NotThere, RateLimited, Rejected, Unreachable
from shareasm.networks.mastodon.answers import Act, Answer
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.library import Library
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
_Piece = tuple[int, DraftMedia | DraftVideo, bytes]
"""A file's place in its post, what the plan says of it, and the digest of its bytes: a file that was replaced is another."""


class _Upload(msgspec.Struct):
    id: str | int


class Uploads:
    """The uploads of one account."""

    def __init__(
        self,
        api: Api,
        library: Library,
        *,
        limits: Callable[[], Limits],
        prepare: Callable[[Path, Limits], PreparedImage],
        prepare_video: PrepareVideo | None,
        wait: Callable[[float], None],
    ) -> None:
        self._api = api
        self._library = library
        self._limits = limits
        self._prepare = prepare
        self._prepare_video = prepare_video
        self._wait = wait
        self._begun: dict[_Piece, tuple[str, datetime]] = {}  # id and when, of what was not handed on yet

    def upload(self, draft: Draft, folder: Path) -> list[str]:
        """Return the ids of what `draft` shows, in its order, ready to be posted. A video's captions have no place here."""
        items: list[DraftMedia | DraftVideo] = [draft.video] if draft.video else list(draft.media)
        ids: dict[_Piece, str] = {}
        for number, item in enumerate(items):
            ready = self._prepared(item, folder)
            piece = (number, item, sha256(ready.data).digest())
            ids[piece] = self._uploaded(piece, ready)
        for piece in ids:  # handed on: another post with the same picture needs its own
            self._begun.pop(piece, None)
        return list(ids.values())

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

    def _prepared(self, item: DraftMedia | DraftVideo, folder: Path) -> PreparedImage | PreparedVideo:
        if isinstance(item, DraftMedia):
            return self._prepare(folder / item.file, self._limits())
        if self._prepare_video is None:
            raise Rejected("videos are not sent here", server=self._api.server, ref=item.file)
        return self._prepare_video(folder / item.file, self._limits())

    def _uploaded(self, piece: _Piece, ready: PreparedImage | PreparedVideo) -> str:
        """Return the id of a file that the server has done with."""
        id_, answer = self._found(piece) or self._sent(piece, ready)
        try:
            self._wait_until_ready(id_, answer, piece[1].file)
        except Rejected:
            del self._begun[piece]
            raise
        return id_

    def _found(self, piece: _Piece) -> tuple[str, Answer] | None:
        """Return the upload that an earlier try began, if it is there still."""
        begun = self._begun.get(piece)
        if begun is None or self._api.now() - begun[1] > FRESH_FOR:
            return None
        try:
            return begun[0], self._ask(begun[0], piece[1].file)
        except Rejected:
            return None

    def _sent(self, piece: _Piece, ready: PreparedImage | PreparedVideo) -> tuple[str, Answer]:
        _, item, _ = piece
        answer = self._library.do(
            lambda speaker: speaker.media_post(
                ready.data,
                ready.mime,
                description=truncate(item.alt, self._limits().alt_length),
                focus=item.focus if isinstance(item, DraftMedia) else None,
                file_name=Path(item.file).name,
            ),
            Act.UPLOAD,
            ref=item.file,
        )
        try:
            id_ = str(msgspec.json.decode(answer.body, type=_Upload).id)
        except ValueError as error:
            message = f"its answer about the upload of {item.file} is not readable"
            raise Unreachable(message, server=self._api.server, ref=item.file) from error
        self._begun[piece] = (id_, self._api.now())
        return id_, answer

    def _ask(self, id_: str, file: str) -> Answer:
        return self._library.do(lambda speaker: speaker.media(quote(id_, safe="")), Act.UPLOAD, ref=file)

    def _wait_until_ready(self, id_: str, answer: Answer, file: str) -> None:
        """Return once the server has done with the file; it answers 422 where it cannot."""
        for seconds in WAITS_S:
            if answer.status not in _STILL_WORKING:
                return
            self._wait(seconds)
            answer = self._ask(id_, file)
        if answer.status in _STILL_WORKING:
            again_at = self._api.now() + ASK_AGAIN_AFTER
            raise RateLimited("is still working on the file", server=self._api.server, ref=file, until=again_at)
