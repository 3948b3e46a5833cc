"""One real post with tag and described picture on an account, read as the collector reads, and taken back whatever happens.

What is sent is written down first, beside the store and not in it: a trial that was killed is taken back at the next run. Its
tag is not the campaign's, so that nobody collects it. On Mastodon it is a direct status that names nobody: its author alone
sees it, and no tag timeline shows it, so it is read back by its id. Bluesky knows public posts only: there nobody may answer
or quote it.
"""

import base64
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from shareasm.doctor.findings import Finding, Light
from shareasm.doctor.materials import Examined, Materials
from shareasm.domain.campaigns import Campaign, CampaignAccount
from shareasm.domain.posts import Network, Post
from shareasm.domain.queue import Draft, DraftMedia, Receipt, WhoMayReply, tid
from shareasm.domain.richtext import fold_hashtag
from shareasm.errors import ConfigError, NetworkError, Rejected, Unreachable
from shareasm.networks.ports import AccountFacts, Publisher, Ties
from shareasm.secret_files import write_secret

PICTURE = "trial.png"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABAAQMAAACQp+OdAAAABlBMVEWKSwj////wZenUAAAAHklEQVR42mNgGFyAkYHhPwMDAyMD"
    "E0xklIHMGGwAAPa7AUAn7aGOAAAAAElFTkSuQmCC"
)
CHECK = "trial post"
ALT = "A white square on brown, for a trial"


class Trial(msgspec.Struct, frozen=True):
    """What is written down before a trial is sent, and again with its receipt."""

    key: str
    payload: str
    since: datetime
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class _Patient:
    """An account on which a trial is made."""

    account: CampaignAccount
    publisher: Publisher
    file: Path  # where the trial is written down
    materials: Materials


def trial_tag(campaign: Campaign) -> str:
    """Return the tag of trials: near the campaign's, and not it."""
    return f"{campaign.hashtags[0]}Test"


def draft_trial(campaign: Campaign, account: CampaignAccount, facts: AccountFacts) -> Draft:
    """Return the post that is tried."""
    return Draft(
        network=account.network,
        text=f"Trying out our tools. This goes by itself in a moment. #{trial_tag(campaign)}",
        language=account.languages[0],
        media=(DraftMedia(PICTURE, ALT),),
        visibility=facts.narrowest,
        who_may_reply=WhoMayReply.NOBODY,
        may_be_quoted=False,
    )


# ---- making one --------------------------------------------------------------------------------------------------------


def try_posts(materials: Materials, examined: Examined, tell: Callable[[str], None]) -> list[Finding]:
    """Try each account that could be looked over, one after another; return what came of it."""
    findings: list[Finding] = []
    for account in materials.campaign.accounts:
        facts, patient = examined.get(account.id), _patient(materials, account)
        if patient is not None and facts is not None and facts.is_account(account.handle):
            findings += _try_post(patient, facts)
            tell(f"{account.id}: tried a post")
    return findings


def _patient(materials: Materials, account: CampaignAccount) -> _Patient | None:
    publisher = materials.publisher(account)
    file = materials.data / "doctor" / f"{materials.campaign.slug}-{account.id}.json"
    return _Patient(account, publisher, file, materials) if publisher else None


def _try_post(patient: _Patient, facts: AccountFacts) -> list[Finding]:
    """Send a trial, read it back, and take it back, also when it is interrupted. Raises nothing of the network's."""
    if not facts.can_delete:
        words = f"not tried: a post on {facts.software} cannot be taken back"
        return [Finding(Light.YELLOW, patient.account.id, CHECK, words, "look at its first real post")]
    if patient.file.exists():  # writing a second one down would forget the first
        words = "not tried: an earlier trial post could not be taken back"
        return [Finding(Light.YELLOW, patient.account.id, CHECK, words, "ask the doctor again")]
    findings: list[Finding] = []
    is_settled = False  # whether it is known that nothing can still appear
    try:
        findings.append(_sent_and_read(patient, facts))
        is_settled = True
    except (NetworkError, ConfigError) as error:
        is_settled = not (isinstance(error, Unreachable) and error.is_outcome_unknown)
        findings.append(Finding(Light.RED, patient.account.id, CHECK, str(error), "mend that, and try again"))
    finally:  # also when somebody stops us
        findings += _taken_back(patient, is_settled=is_settled)
    return findings


def _sent_and_read(patient: _Patient, facts: AccountFacts) -> Finding:
    campaign, now = patient.materials.campaign, patient.materials.now()
    draft = draft_trial(campaign, patient.account, facts)
    prepared = patient.publisher.prepare(draft, _picture_folder(patient))
    key = _key(patient.account, now)
    trial = Trial(key, patient.publisher.freeze(draft, key, prepared, Ties(), now), now)
    _write_down(patient, trial)
    receipt = patient.publisher.publish(trial.payload, trial.key)
    _write_down(patient, msgspec.structs.replace(trial, receipt=receipt))
    probe = patient.materials.probe(patient.account)
    return _judged(campaign, patient.account, draft, None if isinstance(probe, str) else probe.read_back(receipt))


def _picture_folder(patient: _Patient) -> Path:
    folder = patient.file.parent / "media"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PICTURE).write_bytes(PNG)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written ({error.strerror}): nothing is tried") from error
    return folder


def _key(account: CampaignAccount, now: datetime) -> str:
    if account.network is Network.BLUESKY:
        return tid(int(now.timestamp() * 1_000_000), uuid.uuid4().int & 1023)
    return f"shareasm-doctor:{uuid.uuid4()}"


def _judged(campaign: Campaign, account: CampaignAccount, draft: Draft, post: Post | None) -> Finding:
    if post is None:
        words = "sent, but readers do not see it yet"
        return Finding(Light.YELLOW, account.id, CHECK, words, "try again in an hour: its index runs late")
    lost = [*_lost(campaign, post)]
    if lost:
        words = f"sent and read back, but without {' and '.join(lost)}"
        return Finding(Light.RED, account.id, CHECK, words, "show this to whoever runs that server")
    how = "" if draft.visibility == "public" else f" ({draft.visibility})"
    words = f"sent{how} and read back, with tag, picture and description"
    return Finding(Light.GREEN, account.id, CHECK, words)


def _lost(campaign: Campaign, post: Post) -> Iterator[str]:
    if fold_hashtag(trial_tag(campaign)) not in {tag.name for tag in post.hashtags}:
        yield "its tag"
    if len(post.media) != 1:
        yield "its picture"
    elif post.media[0].alt != ALT:
        yield "the picture's description"


# ---- taking it back ----------------------------------------------------------------------------------------------------


def take_back_leftovers(materials: Materials) -> list[Finding]:
    """Take back what trials that were killed have left. Raises nothing of the network's."""
    folder = materials.data / "doctor"
    patients = (_patient(materials, account) for account in materials.campaign.accounts if folder.is_dir())
    return [
        finding
        for patient in patients
        if patient is not None and patient.file.exists()
        for finding in _taken_back(patient, is_settled=True) or [_done(patient)]
    ]


def _done(patient: _Patient) -> Finding:
    words = "what a trial that was broken off had left from before has been taken back"
    return Finding(Light.GREEN, patient.account.id, CHECK, words)


def _taken_back(patient: _Patient, *, is_settled: bool) -> list[Finding]:
    """Take back what is written down; return what went wrong. What may still appear stays written down for the next run."""
    trial = _written_down(patient)
    if trial is None:
        return []
    publisher = patient.publisher
    try:
        receipt = trial.receipt or _found(patient, trial)
        if receipt is not None:
            publisher.delete(receipt)
            if _found(patient, trial) is not None:
                raise Unreachable("it is still there", server=patient.account.server, ref=receipt.ref.uri)
    except NetworkError as error:
        where = f" {trial.receipt.url}" if trial.receipt and trial.receipt.url else ""
        words = f"the trial post{where} could not be taken back: {error}"
        return [Finding(Light.RED, patient.account.id, CHECK, words, "ask the doctor again, or delete it by hand")]
    if receipt is not None or is_settled:
        patient.file.unlink(missing_ok=True)
        return []
    words = "whether the trial post was sent is not known; it is not there now"
    return [Finding(Light.YELLOW, patient.account.id, CHECK, words, "ask the doctor again in a few minutes")]


def _found(patient: _Patient, trial: Trial) -> Receipt | None:
    """Return where the trial stands; None also where somebody was faster and deleted it by hand, which Bluesky tells."""
    try:
        return patient.publisher.find(trial.payload, trial.key, trial.since)
    except Rejected:
        if patient.account.network is Network.BLUESKY:
            return None
        raise


def _write_down(patient: _Patient, trial: Trial) -> None:
    try:
        write_secret(patient.file, msgspec.json.encode(trial).decode())
    except OSError as error:
        raise ConfigError(f"{patient.file} cannot be written ({error.strerror}): nothing is tried") from error


def _written_down(patient: _Patient) -> Trial | None:
    try:
        return msgspec.json.decode(patient.file.read_bytes(), type=Trial)
    except (OSError, ValueError):
        return None
