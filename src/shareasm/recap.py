"""The recap: read what may be shown, keep its pictures, arrange the story, write the pages.

    posts rows + decisions → may_show → pictures kept → Facts → arrange → files

Nothing is asked of the networks here (that is `collect.verify`, before) but the pictures, through `strangers`; nothing is
fetched while rendering. The same store and story give the same bytes.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy.engine import Engine

from shareasm.domain.campaigns import Campaign, Source
from shareasm.domain.chapters import Withheld
from shareasm.domain.colours import PAPER, palette
from shareasm.domain.items import ShownPost, picture_addresses
from shareasm.domain.moderation import Reason, count_reasons
from shareasm.domain.pictures import KeptPicture, Refusal
from shareasm.domain.recaps import Facts, Recap, SourceState, arrange
from shareasm.domain.retelling import retold
from shareasm.domain.schedules import Picture, Schedule
from shareasm.domain.stories import StoryPlan
from shareasm.domain.watches import NARROW, UNBROKEN, Gap
from shareasm.errors import StorageError
from shareasm.forms import Copy, write_again
from shareasm.pictures import keep, remove
from shareasm.render import Written, write_recap
from shareasm.render.pages import editions
from shareasm.share_picture import Poster, draw
from shareasm.showing import Judged, asked_last_since, judge
from shareasm.storage import anchors, keeping, pictures, queue, sources, watches
from shareasm.storage.engine import reading, transaction
from shareasm.storage.wishes import Mark, mark
from shareasm.wayback import read_copies

FETCHED_AT_ONCE = 4  # pictures
MOST_SILENCES = 3  # of one host, in a row
WRITTEN_AGAIN = 3  # times at most, where something was withdrawn each time


@dataclass(frozen=True, slots=True)
class Materials:
    """What making a recap needs. `fetch` returns an image's bytes, or why not; `files` keeps the pictures between runs."""

    engine: Engine
    campaign: Campaign
    schedule: Schedule
    story: StoryPlan | None
    campaign_folder: Path
    files: Path
    fetch: Callable[[str], bytes | Refusal]
    now: Callable[[], datetime]
    unbroken: timedelta = UNBROKEN  # the longest silence of a source that is no gap
    archived: Path | None = None  # where copies at the Internet Archive are noted (`wayback`)


class Made(NamedTuple):
    """The written recap and how many posts it shows."""

    written: Written
    shown_count: int
    not_shown_count: int
    recap: Recap | None = None  # what was written, for those who want it in another form too
    copies: tuple[Copy, ...] = ()  # what came of its further forms that were written before


def make_recap(materials: Materials, folder: Path, tell: Callable[[str], object] = lambda _: None) -> Made:
    """Write the recap of a campaign into `folder`, and its further forms where they were written before.

    `tell` hears how far it is: it may take minutes. Raises ConfigError and StorageError, never for a stranger's fault.
    """
    asked_at, judged = _judged(materials)
    kept = _keep_pictures(materials, [item for item in judged if item.verdict.show], tell)
    tell("the pages are being made")
    # Pictures take minutes and pages seconds: who was forgotten or hidden meanwhile is on none, nor comes back to one.
    if _mark(materials) != asked_at:
        asked_at, judged = _judged_again(materials, judged)
    for _ in range(WRITTEN_AGAIN):
        try:
            made = _write(materials, judged, kept, folder)
        except StorageError:
            if _mark(materials) == asked_at:  # else a picture was taken out under our hands
                raise
        else:
            if _mark(materials) == asked_at:
                return made
        asked_at, judged = _judged_again(materials, judged)
    return _write(materials, judged, kept, folder)


def _write(materials: Materials, judged: list[Judged], kept: Mapping[str, KeptPicture | Refusal], folder: Path) -> Made:
    facts = _with_places(materials, _facts(materials, judged, kept))
    archived = read_copies(materials.archived) if materials.archived else {}
    arranged = _with_poster(materials, replace(arrange(facts), archived=archived))
    _remember_places(materials, facts, arranged)
    written = write_recap(arranged, folder, pictures=materials.files)
    copies = write_again(arranged, folder, materials.files)
    return Made(written, len(facts.posts), len(judged) - len(facts.posts), arranged, copies)


def _judged(materials: Materials) -> tuple[Mark, list[Judged]]:
    """Return the posts as they are judged now, and what tells that something was withdrawn since."""
    since = asked_last_since(materials.campaign, materials.now())
    return _mark(materials), judge(materials.engine, materials.campaign, confirmed_since=since)


def _judged_again(materials: Materials, before: Iterable[Judged]) -> tuple[Mark, list[Judged]]:
    """Return the same now, letting go of pictures that nobody knew of when their posts were taken out of the store."""
    asked_at, judged = _judged(materials)
    left = {item.stored.post.ref for item in judged}
    still = {address for item in judged for address in picture_addresses(item.stored.post)}
    gone = {url for item in before if item.stored.post.ref not in left for url in picture_addresses(item.stored.post)}
    with transaction(materials.engine) as connection:
        remove(pictures.take(connection, gone - still), materials.files)
    return asked_at, judged


def _mark(materials: Materials) -> Mark:
    with reading(materials.engine) as connection:
        return mark(connection, materials.campaign.slug)


def _with_places(materials: Materials, facts: Facts) -> Facts:
    """Add where posts were shown before."""
    with reading(materials.engine) as connection:
        stood = anchors.stood(connection, materials.campaign.slug)
        told = anchors.told(connection, materials.campaign.slug)
        early = anchors.early(connection, materials.campaign.slug)
    return replace(facts, stood=stood, told=told, early=early, is_over=materials.now() >= materials.campaign.closes_at)


def _remember_places(materials: Materials, facts: Facts, made: Recap) -> None:
    """Note on which page each post is shown, before anybody can see it there: its address answers from then on."""
    tellings = [retold(made, edition.language) for edition in editions(made.campaign.languages)]
    told = {item.anchor for telling in tellings for item in telling.told} - facts.told
    news = {
        item.anchor: item.page
        for item in made.items
        if facts.stood.get(item.anchor) != item.page
        or item.anchor in told
        or (facts.is_over and item.anchor in facts.early)
    }
    if news:
        with transaction(materials.engine) as connection:
            anchors.remember(connection, materials.campaign.slug, news, told | facts.told, is_early=not facts.is_over)


def facts_of_day(materials: Materials) -> Facts:
    """Return what the recap would show now, without its pictures; of a day that is over, what its networks confirmed."""
    since = asked_last_since(materials.campaign, materials.now())
    return _facts(materials, judge(materials.engine, materials.campaign, confirmed_since=since), {})


def facts_so_far(materials: Materials, newest: int | None = None) -> Facts:
    """Return what may be shown now, of the newest posts or of all, without their pictures: the day as it is."""
    return _facts(materials, judge(materials.engine, materials.campaign, newest=newest), {})


def _facts(materials: Materials, judged: list[Judged], kept: Mapping[str, KeptPicture | Refusal]) -> Facts:
    shown = [item for item in judged if item.verdict.show]
    withheld = _withheld(judged)
    wanted = materials.story.cover if materials.story else None
    with reading(materials.engine) as connection:
        entries = queue.of_campaign(connection, materials.campaign.slug)
        states = sources.states(connection, materials.campaign.slug)
        gaps = watches.gaps(connection, materials.campaign, materials.now(), materials.unbroken)
        kept_no_longer = keeping.let_go_reasons(connection, materials.campaign.slug)
    return Facts(
        campaign=materials.campaign,
        schedule=materials.schedule,
        story=materials.story,
        entries=entries,
        posts=[_without_card_of(withheld, _shown(item, kept)) for item in shown],
        not_shown=count_reasons(item.verdict for item in judged) + kept_no_longer,
        withheld=withheld,
        sources=tuple(_seen_by(source, states.get(source.id), gaps) for source in materials.campaign.sources),
        checked_at=min((item.stored.checked_at for item in shown if item.stored.checked_at), default=None),
        missing_pictures_count=sum(isinstance(kept.get(url), Refusal) for url in _pictured(shown)),
        logo=_keep_own(materials, materials.campaign.look.logo),
        cover=_keep_own(materials, f"media/{wanted.file}") if isinstance(wanted, Picture) else None,
    )


def _seen_by(source: Source, state: sources.SourceState | None, gaps: Iterable[Gap]) -> SourceState:
    if state is None or state.last_ok_at is None:  # never watched is said so, and is no gap in watching
        return SourceState(source, problem=state.note if state else None)
    own = tuple(gap for gap in gaps if gap.source == source.id)
    is_narrow = state.note is not None and state.note.startswith(NARROW)
    return SourceState(source, last_read_at=state.last_ok_at, gaps=own, problem=state.note, is_narrow=is_narrow)


def _shown(item: Judged, kept: Mapping[str, KeptPicture | Refusal]) -> ShownPost:
    addresses = picture_addresses(item.stored.post, is_covered=item.verdict.is_covered)
    return ShownPost(
        post=item.stored.post,
        arrival_number=item.stored.arrival,
        first_seen_at=item.stored.first_seen_at,
        is_covered=item.verdict.is_covered,
        answers=item.answers,
        without_tag=item.without_tag,
        pictures={url: picture for url in addresses if isinstance(picture := kept.get(url), KeptPicture)},
        fingerprint=item.stored.fingerprint,
    )


def _without_card_of(withheld: Withheld, shown: ShownPost) -> ShownPost:
    """Return a post without its link card where that is the preview of a post that is not shown: it holds the words of it."""
    card = shown.post.card
    is_preview = card is not None and (card.url in withheld or card.url.rstrip("/") in withheld)
    return replace(shown, post=replace(shown.post, card=None), fingerprint=None) if is_preview else shown


def _withheld(judged: Iterable[Judged]) -> dict[str, Reason]:
    hidden = [(item.stored.post, item.verdict.reason) for item in judged if item.verdict.reason]
    return {address: reason for post, reason in hidden for address in (post.ref.uri, post.url)}


# ---- pictures ----------------------------------------------------------------------------------------------------------


def _keep_pictures(
    materials: Materials, shown: Iterable[Judged], tell: Callable[[str], object]
) -> dict[str, KeptPicture | Refusal]:
    """Return what we keep for every image that the page shows. What is kept is not fetched again; a refusal is not kept, for
    the host may be well at the next recap.
    """
    addresses = _pictured(shown)
    with reading(materials.engine) as connection:
        kept = {url: one for url, one in pictures.find(connection, addresses).items() if _is_there(materials, one)}
    missing = [url for url in addresses if url not in kept]
    for count, (url, data) in enumerate(_fetched(materials.fetch, missing)):
        tell(f"{count} of {len(missing)} pictures fetched")
        picture = kept[url] = data if isinstance(data, Refusal) else keep(data, materials.files)
        if isinstance(picture, KeptPicture):
            with transaction(materials.engine) as connection:
                pictures.put(connection, url, picture, materials.now())
    return kept


def _pictured(shown: Iterable[Judged]) -> list[str]:
    """Return where the images are that the page shows, each once."""
    wanted = [url for item in shown for url in picture_addresses(item.stored.post, is_covered=item.verdict.is_covered)]
    return list(dict.fromkeys(wanted))


def _is_there(materials: Materials, picture: KeptPicture | Refusal) -> bool:
    return isinstance(picture, KeptPicture) and all((materials.files / file.path).is_file() for file in picture.files)


def _fetched(
    fetch: Callable[[str], bytes | Refusal], addresses: Iterable[str]
) -> Iterator[tuple[str, bytes | Refusal]]:
    """Yield what each address gives, in their order; a few are fetched at a time, and few answers wait in memory.

    A host that was silent too often is left alone for the rest: a dead one would cost half a minute for each picture.
    """
    silences: Counter[str] = Counter()

    def fetch_unless_silent(url: str) -> bytes | Refusal:
        host = urlsplit(url).netloc
        if silences[host] >= MOST_SILENCES:
            return Refusal("its host did not answer before", is_silence=True)
        data = fetch(url)
        if isinstance(data, Refusal) and data.is_silence:
            silences[host] += 1
        else:
            silences.pop(host, None)
        return data

    with ThreadPoolExecutor(FETCHED_AT_ONCE, thread_name_prefix="picture") as pool:
        under_way: deque[tuple[str, Future[bytes | Refusal]]] = deque()
        for url in addresses:
            under_way.append((url, pool.submit(fetch_unless_silent, url)))
            if len(under_way) > 2 * FETCHED_AT_ONCE:
                first, answer = under_way.popleft()
                yield first, answer.result()
        yield from ((url, answer.result()) for url, answer in under_way)


def _with_poster(materials: Materials, made: Recap) -> Recap:
    """Add the picture that networks show beside a link, where the campaign says what readers link to."""
    campaign = made.campaign
    if campaign.publication.url is None:
        return made
    spoken = editions(campaign.languages)[0].speech
    numbers = made.numbers
    poster = Poster(
        title=made.title,
        date=spoken.long_day(campaign.on),
        numbers=(
            (spoken.number(numbers.post_count), str(spoken.ngettext("post", "posts", numbers.post_count))),
            (spoken.number(numbers.author_count), str(spoken.ngettext("account", "accounts", numbers.author_count))),
            (
                spoken.number(numbers.language_count),
                str(spoken.ngettext("language", "languages", numbers.language_count)),
            ),
        ),
        host=campaign.host,
        accent=palette(campaign.look.accent).on_paper,
        paper=PAPER,
        photo=materials.files / made.cover.kept.largest.path if made.cover else None,
        focus=made.cover.focus if made.cover else None,
    )
    return replace(made, share=draw(poster, materials.files))


def _keep_own(materials: Materials, path: str | None) -> KeptPicture | None:
    if path is None:
        return None
    file = materials.campaign_folder / path
    picture = keep(file.read_bytes(), materials.files) if file.is_file() else Refusal("not there")
    return picture if isinstance(picture, KeptPicture) else None
