"""The doctor on a whole campaign: two networks, real HTTP, and a trial post that leaves nothing behind."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from contract.bench import CLOCK
from factories import campaign
from shareasm import doctor
from shareasm.doctor import Finding, Light
from shareasm.doctor.trial import trial_tag
from shareasm.domain.campaigns import CampaignAccount, Source, SourceKind
from shareasm.domain.posts import Network
from shareasm.domain.richtext import fold_hashtag
from shareasm.domain.schedules import Kind, Part, Picture, Schedule, Slot
from shareasm.errors import Unreachable
from shareasm.networks.ports import Publisher
from shareasm.rehearsal.bluesky import Person as BlueskyPerson
from shareasm.rehearsal.bluesky import StandInBluesky
from shareasm.rehearsal.faults import Fault
from shareasm.rehearsal.mastodon import Access, Flavour, MastodonServer, Person
from shareasm.rehearsal.mastodon.flavours import Streaming
from shareasm.settings import read_settings
from shareasm.storage import collected
from shareasm.storage.engine import reading
from shareasm.wiring import Plan, World, doctor_materials, open_store

ZONE = "Europe/London"


@dataclass
class Clinic:
    """A campaign on two stand-ins, as the doctor meets it."""

    mastodon: MastodonServer
    bluesky: StandInBluesky
    mastodon_side: Person
    bluesky_side: BlueskyPerson
    plan: Plan
    data: Path
    environment: dict[str, str]

    def materials(self, plan: Plan | None = None) -> doctor.Materials:
        settings = read_settings({"SHAREASM_DATA": str(self.data), **self.environment})
        return doctor_materials(plan or self.plan, settings, World(CLOCK))

    def findings(self, plan: Plan | None = None, *, has_trial: bool = False) -> list[Finding]:
        materials, examined, heard = self.materials(plan), doctor.Examined(), list[str]()
        findings = doctor.take_back_leftovers(materials) + doctor.examine(materials, heard.append, examined)
        assert heard
        return findings + (doctor.try_posts(materials, examined, heard.append) if has_trial else [])

    def changed(self, **changes: object) -> Plan:
        return replace(self.plan, campaign=replace(self.plan.campaign, **changes))

    def standing(self) -> list[str]:
        """Return what stands on our accounts."""
        said = [str(status["text"]) for status in self.mastodon.statuses()]
        skies, _ = self.bluesky.posts_since(0)
        return said + [str(post.value["text"]) for post in skies]


def watched(clinic: Clinic, **changes: object) -> list[Finding]:
    """Return what is found of the Mastodon source."""
    sources = tuple(replace(source, **changes) for source in clinic.plan.campaign.sources[:1])  # type: ignore[arg-type]
    return [finding for finding in clinic.findings(clinic.changed(sources=sources)) if finding.about == sources[0].id]


def one(findings: list[Finding], about: str, check: str) -> Finding:
    found = [finding for finding in findings if (finding.about, finding.check) == (about, check)]
    assert len(found) == 1, findings
    return found[0]


def troubles(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.light is not Light.GREEN]


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    (tmp_path / "plan" / "media").mkdir(parents=True)
    Image.new("RGB", (60, 40), "sienna").save(tmp_path / "plan" / "media" / "pit.png")
    with MastodonServer(CLOCK) as mastodon, StandInBluesky(CLOCK) as bluesky:
        yield _clinic(tmp_path, mastodon, bluesky)


def _clinic(tmp_path: Path, mastodon: MastodonServer, bluesky: StandInBluesky) -> Clinic:
    on_mastodon, on_bluesky = mastodon.account("iied", "IIED"), bluesky.account("iied.test", "IIED")
    accounts = (
        CampaignAccount("our-mastodon", Network.MASTODON, mastodon.url, on_mastodon.handle, ("en",)),
        CampaignAccount("our-bluesky", Network.BLUESKY, bluesky.pds_url, "iied.test", ("en",)),
    )
    sources = (
        Source("mastodon:home", SourceKind.TAG_TIMELINE, mastodon.url, account="our-mastodon"),
        Source("bluesky:search", SourceKind.SEARCH, bluesky.pds_url, account="our-bluesky"),
    )
    day = campaign(accounts=accounts, sources=sources, languages=("en",))
    pit = Picture("pit.png", {"": "A pit"}, "IIED", "CC BY 4.0")
    slot = Slot(
        "welcome",
        day.opens_at + timedelta(hours=1),
        ZONE,
        Kind.WELCOME,
        (Part({"en": {"": "Welcome to #shareASM"}}, (pit,)),),
        ("our-mastodon", "our-bluesky"),
    )
    plan = Plan(tmp_path / "plan", day, Schedule((slot,)), None)
    secrets = {"OUR_MASTODON": on_mastodon.token, "OUR_BLUESKY": on_bluesky.password}
    environment = {f"SHAREASM_TOKEN_{name}": secret for name, secret in secrets.items()}
    return Clinic(mastodon, bluesky, on_mastodon, on_bluesky, plan, tmp_path / "data", environment)


# ---- looking everything over -------------------------------------------------------------------------------------------


def test_where_all_is_well_everything_is_green(clinic: Clinic) -> None:
    sky = clinic.bluesky
    stream = Source("bluesky:stream", SourceKind.JETSTREAM, sky.jetstream_url, appview=sky.appview_url)
    findings = clinic.findings(clinic.changed(sources=(*clinic.plan.campaign.sources, stream)))
    assert troubles(findings) == []
    assert doctor.worst(findings) is Light.GREEN
    assert {finding.about for finding in findings} == {
        *("our-mastodon", "our-bluesky", "mastodon:home", "bluesky:search", "bluesky:stream"),
        *("database", "worker", "disk", "recap", "time zones"),
    }
    assert "1 post with 1 picture: all fits" in one(findings, "our-mastodon", "posts").message


def test_an_account_without_a_secret_is_red_where_it_should_post(clinic: Clinic) -> None:
    del clinic.environment["SHAREASM_TOKEN_OUR_MASTODON"]
    found = one(clinic.findings(), "our-mastodon", "sign-in")
    assert found.light is Light.RED
    assert "SHAREASM_TOKEN_OUR_MASTODON is not set" in found.message
    assert found.cure == "shareasm connect mastodon --account our-mastodon"
    without_slots = replace(clinic.plan, schedule=Schedule(()))
    assert one(clinic.findings(without_slots), "our-mastodon", "sign-in").light is Light.YELLOW


def test_a_refused_secret_is_red_and_the_others_are_looked_over(clinic: Clinic) -> None:
    clinic.mastodon.revoke(clinic.mastodon_side.token)
    findings = clinic.findings()
    assert one(findings, "our-mastodon", "sign-in").light is Light.RED
    assert one(findings, "our-bluesky", "sign-in").light is Light.GREEN


def test_a_stranger_behind_the_secret_is_red(clinic: Clinic) -> None:
    clinic.environment["SHAREASM_TOKEN_OUR_MASTODON"] = clinic.mastodon.account("bakari", "Bakari").token
    found = one(clinic.findings(), "our-mastodon", "sign-in")
    assert found.light is Light.RED
    assert "is of bakari@" in found.message


def test_a_missing_scope_is_red(clinic: Clinic) -> None:
    token = clinic.mastodon.token(clinic.mastodon_side, "read write:statuses")
    clinic.environment["SHAREASM_TOKEN_OUR_MASTODON"] = token
    assert "lacks write:media" in one(clinic.findings(), "our-mastodon", "scopes").message


def test_the_accounts_own_password_is_yellow(clinic: Clinic) -> None:
    clinic.environment["SHAREASM_TOKEN_OUR_BLUESKY"] = "master-of-iied.test"
    clinic.bluesky._repos.find("iied.test").password = "master-of-iied.test"  # type: ignore[union-attr]
    assert one(clinic.findings(), "our-bluesky", "scopes").light is Light.YELLOW


@pytest.mark.parametrize(("is_automated", "is_marked"), [(True, False), (False, True), (True, True)])
def test_the_bot_mark_is_as_the_plan_says_or_yellow(clinic: Clinic, is_automated: bool, is_marked: bool) -> None:
    clinic.mastodon.change(clinic.mastodon_side, is_bot=is_marked)
    ours, theirs = clinic.plan.campaign.accounts
    plan = clinic.changed(accounts=(replace(ours, is_automated=is_automated), theirs))
    light = one(clinic.findings(plan), "our-mastodon", "bot mark").light
    assert light is (Light.GREEN if is_automated == is_marked else Light.YELLOW)


def test_a_text_that_this_server_counts_too_long_is_red(clinic: Clinic, tmp_path: Path) -> None:
    (slot,) = clinic.plan.schedule.slots
    words = "https://iied.example/" + "x" * 490
    long = replace(slot, parts=(Part({"en": {"mastodon": words, "": "short"}}),))
    plan = replace(clinic.plan, schedule=Schedule((long,)))
    assert troubles(clinic.findings(plan)) == []  # Mastodon counts 23 characters an address …
    with MastodonServer(CLOCK, flavour=Flavour.TAKAHE) as takahe:
        person = takahe.account("iied", "IIED")
        ours, theirs = plan.campaign.accounts
        clinic.environment["SHAREASM_TOKEN_OUR_MASTODON"] = person.token
        moved = replace(ours, server=takahe.url, handle=person.handle)
        plan = replace(plan, campaign=replace(plan.campaign, accounts=(moved, theirs)))
        found = one(clinic.findings(plan), "our-mastodon", "text")  # … and Takahē all of them
    assert found.light is Light.RED
    assert found.message.startswith("welcome (en): 511 of 500 characters")


def test_a_picture_that_is_none_is_red(clinic: Clinic) -> None:
    (clinic.plan.media / "pit.png").write_bytes(b"no picture")
    assert one(clinic.findings(), "our-mastodon", "pictures").light is Light.RED


def test_a_server_that_does_not_answer_costs_only_its_own_lines(clinic: Clinic) -> None:
    clinic.mastodon.stop()
    findings = clinic.findings()
    assert {finding.about for finding in troubles(findings)} == {"our-mastodon", "mastodon:home"}
    assert all("cannot be reached" in finding.message for finding in troubles(findings))
    clinic.mastodon.start()


def test_a_server_that_hangs_is_given_up(clinic: Clinic) -> None:
    clinic.mastodon.faults.add(Fault.HANG_BEFORE, "GET", "/api/v1/accounts/verify_credentials")
    findings = doctor.examine(clinic.materials(), lambda _: None, limit_s=3)
    assert one(findings, "our-mastodon", "asking").message == "no answer within 3 seconds"
    assert one(findings, "mastodon:home", "reading").light is Light.GREEN


def test_a_closed_timeline_is_red_with_the_way_in(clinic: Clinic) -> None:
    with MastodonServer(CLOCK, flavour=Flavour.GOTOSOCIAL) as closed:
        plan = clinic.changed(sources=(Source("mastodon:closed", SourceKind.TAG_TIMELINE, closed.url),))
        found = one(clinic.findings(plan), "mastodon:closed", "reading")
    assert (found.light, found.cure) == (Light.RED, "name an account of ours there, and connect it")


def test_a_search_without_a_sign_in_is_yellow(clinic: Clinic) -> None:
    del clinic.environment["SHAREASM_TOKEN_OUR_BLUESKY"]
    found = one(clinic.findings(), "bluesky:search", "reading")
    assert found.light is Light.YELLOW
    assert "SHAREASM_TOKEN_OUR_BLUESKY is not set" in found.message


def test_stored_secrets_that_others_may_read_are_red_with_the_chmod(clinic: Clinic) -> None:
    del clinic.environment["SHAREASM_TOKEN_OUR_MASTODON"]
    place = clinic.data / "tokens" / clinic.plan.campaign.slug / "our-mastodon"
    place.parent.mkdir(parents=True, mode=0o700)
    place.write_text(clinic.mastodon_side.token)
    place.chmod(0o644)
    assert "chmod 600" in one(clinic.findings(), "our-mastodon", "sign-in").message


def test_no_sign_in_is_made_where_one_is_stored(clinic: Clinic) -> None:
    clinic.findings()
    clinic.bluesky.pds_faults.add(Fault.UNAVAILABLE_BEFORE, "POST", "/xrpc/com.atproto.server.createSession")
    assert one(clinic.findings(), "our-bluesky", "sign-in").light is Light.GREEN


# ---- a trial post ------------------------------------------------------------------------------------------------------


def test_a_trial_is_sent_read_back_and_gone(clinic: Clinic) -> None:
    findings = clinic.findings(has_trial=True)
    assert one(findings, "our-mastodon", "trial post").message == (
        "sent (direct) and read back, with tag, picture and description"
    )
    assert one(findings, "our-bluesky", "trial post").light is Light.GREEN
    assert clinic.standing() == []
    assert list((clinic.data / "doctor").glob("*.json")) == []


def test_a_trial_is_nothing_that_the_campaign_collects(clinic: Clinic) -> None:
    clinic.findings(has_trial=True)
    engine = open_store(read_settings({"SHAREASM_DATA": str(clinic.data)}))
    with reading(engine) as connection:
        assert collected.count_of_campaign(connection, clinic.plan.campaign.slug) == 0
    engine.dispose()
    assert fold_hashtag(trial_tag(clinic.plan.campaign)) not in {
        fold_hashtag(tag) for tag in clinic.plan.campaign.hashtags
    }


@pytest.mark.parametrize("flavour", [*Flavour])
def test_every_server_takes_a_trial_or_is_spared_it(tmp_path: Path, flavour: Flavour) -> None:
    (tmp_path / "plan" / "media").mkdir(parents=True)
    with MastodonServer(CLOCK, flavour=flavour) as server, StandInBluesky(CLOCK) as bluesky:
        clinic = _clinic(tmp_path, server, bluesky)
        plan = replace(clinic.plan, schedule=Schedule(()))
        found = one(clinic.findings(plan, has_trial=True), "our-mastodon", "trial post")
        assert found.light is (Light.GREEN if server.instance.rules.can_delete else Light.YELLOW), found
        assert clinic.standing() == []


def test_a_lost_answer_leaves_nothing_behind(clinic: Clinic) -> None:
    clinic.mastodon.faults.add(Fault.RESET_AFTER, "POST", "/api/v1/statuses")
    clinic.bluesky.pds_faults.add(Fault.RESET_AFTER, "POST", "/xrpc/com.atproto.repo.(putRecord|applyWrites)")
    findings = clinic.findings(has_trial=True)
    assert one(findings, "our-mastodon", "trial post").light is Light.RED
    assert clinic.standing() == []


def test_stopping_in_the_middle_leaves_nothing_behind(clinic: Clinic) -> None:
    materials, examined = clinic.materials(), doctor.Examined()
    doctor.examine(materials, lambda _: None, examined)

    class Stopped:
        def read_back(self, _: object) -> None:
            assert clinic.standing()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        doctor.try_posts(replace(materials, probe=lambda _: Stopped()), examined, lambda _: None)
    assert clinic.standing() == []


def test_what_a_killed_trial_left_is_taken_back_at_the_next_run(clinic: Clinic) -> None:
    materials, examined = clinic.materials(), doctor.Examined()
    doctor.examine(materials, lambda _: None, examined)
    doctor.try_posts(replace(materials, publisher=lambda account: _dying(materials.publisher(account))), examined, str)
    assert len(clinic.standing()) == 2
    assert len(list((clinic.data / "doctor").glob("*.json"))) == 2
    taken = doctor.take_back_leftovers(clinic.materials())
    assert [finding.light for finding in taken] == [Light.GREEN, Light.GREEN]
    assert clinic.standing() == []
    assert doctor.take_back_leftovers(clinic.materials()) == []


def test_a_killed_trial_that_a_person_deleted_is_done_with(clinic: Clinic) -> None:
    materials, examined = clinic.materials(), doctor.Examined()
    doctor.examine(materials, lambda _: None, examined)
    doctor.try_posts(replace(materials, publisher=lambda account: _dying(materials.publisher(account))), examined, str)
    file = clinic.data / "doctor" / "shareasm-2027-our-bluesky.json"
    written_down = json.loads(file.read_text("utf-8"))
    clinic.bluesky.delete(written_down["receipt"]["ref"]["uri"])
    file.write_text(json.dumps(written_down | {"receipt": None}), encoding="utf-8")  # killed before it was known
    assert [finding.light for finding in doctor.take_back_leftovers(clinic.materials())] == [Light.GREEN, Light.GREEN]
    assert clinic.standing() == []


def test_no_second_trial_is_sent_while_the_first_still_stands(clinic: Clinic) -> None:
    materials, examined = clinic.materials(), doctor.Examined()
    doctor.examine(materials, lambda _: None, examined)
    dying = replace(materials, publisher=lambda account: _dying(materials.publisher(account)))
    doctor.try_posts(dying, examined, str)
    again = doctor.try_posts(dying, examined, str)
    assert [finding.message for finding in again] == ["not tried: an earlier trial post could not be taken back"] * 2
    doctor.take_back_leftovers(clinic.materials())
    assert clinic.standing() == []


def _dying(publisher: Publisher | None) -> Publisher | None:
    """Return a publisher whose process is killed before the trial can be taken back."""

    class Dying:
        def __getattr__(self, name: str) -> object:
            return getattr(publisher, name)

        def delete(self, _: object) -> None:
            raise Unreachable("killed", server="here")

    return Dying()  # type: ignore[return-value]


def test_an_account_that_is_not_the_plans_is_not_tried(clinic: Clinic) -> None:
    clinic.environment["SHAREASM_TOKEN_OUR_MASTODON"] = clinic.mastodon.account("bakari", "Bakari").token
    findings = clinic.findings(has_trial=True)
    assert [finding.about for finding in findings if finding.check == "trial post"] == ["our-bluesky"]


# ---- how well a server is watched ----------------------------------------------------------------------------------------


def test_a_source_with_an_account_is_heard_live(clinic: Clinic) -> None:
    assert [(found.check, found.message) for found in watched(clinic)][1:] == [("live", "the stream runs")]


def test_a_stream_that_does_not_run_is_yellow_for_nothing_is_lost(clinic: Clinic) -> None:
    clinic.mastodon.stream.refuse()
    read, live = watched(clinic)
    assert (read.light, live.light) == (Light.GREEN, Light.YELLOW)


def test_a_server_without_a_stream_is_well(clinic: Clinic) -> None:
    rules = clinic.mastodon.instance.rules
    clinic.mastodon.instance.rules = replace(rules, streaming=Streaming.NONE)
    live = one(watched(clinic), "mastodon:home", "live")
    assert live.light is Light.GREEN
    assert "has no live stream; its timeline is read all the same" in live.message


def test_a_closed_timeline_is_yellow_where_its_feed_is_open(clinic: Clinic) -> None:
    clinic.mastodon.instance.access = Access(remote="authenticated")
    clinic.mastodon.say(clinic.mastodon_side, "Good morning #shareASM")
    (found,) = watched(clinic, account=None)
    assert found.light is Light.YELLOW
    assert "1 post of the last day on its first page; sees little: " in found.message
    assert "name one of your accounts there" in found.message
