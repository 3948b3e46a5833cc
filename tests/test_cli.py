"""The command line parses, makes one call, prints: its help has an example each, its errors are one sentence."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from clocks import FixedClock
from factories import NOON, post, seen
from shareasm import __version__
from shareasm.campaign_files import load_campaign
from shareasm.cli import main
from shareasm.clock import SystemClock
from shareasm.rehearsal.day import Outcome


def commands(group: click.Group = main, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return every command with the words that lead to it."""
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        words = (*before, name)
        found += commands(command, words) if isinstance(command, click.Group) else [words]
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and nothing of shareasm in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "PORT", "SHAREASM_CAMPAIGN", "SHAREASM_DATA"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_help_with_an_example(words: tuple[str, ...]) -> None:
    result = call(*words, "--help")
    assert result.exit_code == 0
    assert f"Example:  shareasm {' '.join(words)}" in result.output
    assert all(len(line) <= 100 for line in result.output.splitlines())


@pytest.mark.parametrize("words", [(), ("plan",), ("posts",), ("connect",), ("db",)], ids=" ".join)
def test_the_list_of_commands_cuts_no_sentence_short(words: tuple[str, ...]) -> None:
    group = _command(words)
    assert isinstance(group, click.Group)
    listed = " ".join(call(*words, "--help").output.split())
    for name, command in group.commands.items():
        assert f" {name} {' '.join((command.help or '').partition(chr(10) * 2)[0].split())}" in listed


def test_a_secret_that_cannot_be_read_stops_neither_status_nor_pause(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("init", "my-day")
    monkeypatch.setenv("SHAREASM_TOKEN_MY_DAY_BLUESKY_FILE", "/nowhere/x")
    assert "Queue:" in call("status", "my-day").output
    assert call("pause", "my-day", "--reason", "fog").exit_code == 0


def test_before_the_first_run_the_plan_says_once_that_nothing_is_in_the_queue(folder: Path) -> None:
    call("init", "my-day")
    output = call("plan", "show", "my-day").output
    assert output.count("in the queue yet") == 1
    assert output.count("planned ") > 1


def test_every_option_says_what_it_is_for() -> None:
    silent = [
        f"{' '.join(words)} {option.name}"
        for words in commands()
        for option in _command(words).params
        if isinstance(option, click.Option) and not option.help
    ]
    assert silent == []


def _command(words: tuple[str, ...]) -> click.Command:
    command: click.Command = main
    for word in words:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    return command


def test_the_commands_stand_in_the_order_of_the_day() -> None:
    output = call("--help").output
    places = [
        output.index(f"\n  {name} ")
        for name in ("init", "check", "rehearse", "connect", "doctor", "run", "status", "recap")
    ]
    assert places == sorted(places)


def test_the_version_is_told() -> None:
    assert call("--version").output == f"shareasm, version {__version__}\n"


def test_an_unknown_command_is_refused_with_usage() -> None:
    result = call("tweet")
    assert result.exit_code == 2
    assert "No such command" in result.output


@pytest.mark.parametrize("name", ["run", "worker", "web", "collect", "publish", "status", "recap"])
def test_without_a_campaign_it_asks_which(folder: Path, name: str) -> None:
    result = call(name)
    assert result.exit_code == 2
    assert result.stderr == (
        "shareasm: say which campaign: name its folder at the end of the command, or set SHAREASM_CAMPAIGN\n"
    )


def test_where_there_are_several_campaigns_it_names_them(folder: Path) -> None:
    call("init", "config/campaigns/first")
    call("init", "config/campaigns/second")
    assert "(there are: config/campaigns/first, config/campaigns/second)" in call("status").stderr


@pytest.mark.parametrize("command", ["check", "status", "run"])
def test_a_folder_that_is_not_there_is_met_with_how_to_make_one(folder: Path, command: str) -> None:
    result = call(command, "nowhere")
    assert result.exit_code == 2
    assert "`shareasm init nowhere` makes a new campaign" in result.output + result.stderr


def test_without_a_terminal_connecting_says_where_else_a_secret_goes(folder: Path) -> None:
    call("init", "my-day")
    result = call("connect", "bluesky", "my-day")
    assert result.exit_code == 2
    assert "nothing was stored" in result.stderr
    assert "SHAREASM_TOKEN_<ACCOUNT>" in result.stderr


def test_a_new_campaign_passes_its_check(folder: Path) -> None:
    made = call("init", "my-day", "--hashtag", "myDay", "--on", "2027-05-12")
    assert made.exit_code == 0, made.output
    assert "Next: shareasm check my-day" in made.output
    checked = call("check", "my-day")
    assert checked.exit_code == 0, checked.output
    assert "welcome" in checked.output
    assert "findings" in json.loads(call("check", "my-day", "--json").output)


def test_the_only_campaign_need_not_be_named(folder: Path) -> None:
    call("init", "config/campaigns/my-day", "--on", "2027-05-12")
    named = call("status", "config/campaigns/my-day")
    assert named.exit_code == call("status").exit_code == 0, named.output
    assert call("status").output == named.output.replace(" config/campaigns/my-day`", "`")


def test_a_broken_plan_is_told_with_its_place_and_leaves_no_store(folder: Path) -> None:
    call("init", "my-day", "--on", "2027-05-12")
    schedule = folder / "my-day" / "schedule.yaml"
    schedule.write_text(schedule.read_text("utf-8").replace("kind: welcome", "kind: welcom"), encoding="utf-8")
    checked = call("check", "my-day")
    assert checked.exit_code == 2
    for words in (("run",), ("worker",), ("collect",), ("publish",), ("recap",), ("plan", "apply")):
        result = call(*words, "my-day")
        assert result.exit_code == 2
        assert "schedule.yaml:" in result.stderr
        assert "nothing was changed" in result.stderr
    assert not (folder / "data").exists()


def test_the_day_is_told_and_steered_while_the_plan_is_broken(folder: Path) -> None:
    call("init", "my-day", "--on", "2027-05-12")
    call("plan", "apply", "my-day", "--yes")
    schedule = folder / "my-day" / "schedule.yaml"
    schedule.write_text(schedule.read_text("utf-8").replace("kind: welcome", "kind: welcom"), encoding="utf-8")
    assert "waiting" in call("status", "my-day").output
    assert "this is the queue alone" in call("plan", "show", "my-day").output
    withdrawn = call("withdraw", "welcome", "my-day", "--reason", "a wrong name", "--yes")
    assert (withdrawn.exit_code, "cancelled, it never went out" in withdrawn.output) == (0, True), withdrawn.output
    (folder / "my-day" / "campaign.yaml").write_text("nonsense: [", encoding="utf-8")
    assert call("pause", "my-day", "--reason", "too much is going out").exit_code == 0


def test_once_a_plan_was_taken_a_slip_in_a_file_does_not_stop_the_day(folder: Path) -> None:
    call("init", "my-day", "--on", "2027-05-12")
    call("plan", "apply", "my-day", "--yes")
    schedule = folder / "my-day" / "schedule.yaml"
    schedule.write_text(schedule.read_text("utf-8").replace("kind: welcome", "kind: welcom"), encoding="utf-8")
    result = call("publish", "my-day")
    assert result.exit_code == 0, result.output
    assert "the queue goes on as it is, until they are mended" in result.stderr
    assert json.loads(call("status", "my-day", "--json").stdout)["queue"].keys() == {"waiting"}


def test_what_changes_the_day_asks_first_and_without_a_terminal_wants_yes(folder: Path) -> None:
    call("init", "my-day", "--on", "2027-05-12")
    refused = call("plan", "apply", "my-day")
    assert refused.exit_code == 2
    assert refused.output.startswith("new ")
    assert "add --yes if you mean it; nothing was changed" in refused.stderr
    assert call("plan", "apply", "my-day", "--yes").exit_code == 0
    assert call("plan", "apply", "my-day").output == "The queue says what the plan says.\n"
    assert call("withdraw", "welcome", "my-day", "--reason", "why").exit_code == 2
    assert json.loads(call("status", "my-day", "--json").output)["queue"].keys() == {"waiting"}


def test_a_paused_day_says_what_will_happen_before_it_goes_on(folder: Path) -> None:
    call("init", "my-day", "--on", "2027-05-12")
    call("plan", "apply", "my-day", "--yes")
    assert call("resume", "my-day").output == "my-day is not paused.\n"
    paused = call("pause", "my-day", "--reason", "an accident")
    assert "my-day is paused: an accident" in paused.output
    status = call("status", "my-day")
    assert status.exit_code == 1
    assert "PAUSED since" in status.output.splitlines()[0]
    assert "an accident" in status.output
    refused = call("resume", "my-day")
    assert refused.exit_code == 2
    assert "Then, at its time: " in refused.output
    assert "The day goes on." in call("resume", "my-day", "--yes").output
    acts = json.loads(call("plan", "show", "my-day", "--json").output)["acts"]
    assert [act["act"] for act in acts] == ["apply", "pause", "resume"]


def test_a_day_that_is_not_there_is_not_said_to_be_held(folder: Path) -> None:
    call("init", "my-day", "--on", "2027-05-12")
    call("plan", "apply", "my-day", "--yes")
    refused = call("pause", "mi-day", "--reason", "an accident")
    assert (refused.exit_code, "nothing was held" in refused.stderr) == (2, True)
    (folder / "my-day").rename(folder / "elsewhere")
    assert call("pause", "my-day", "--reason", "an accident").exit_code == 0  # its queue is known


def test_what_cannot_be_written_or_asked_is_a_persons_mistake_too(folder: Path) -> None:
    call("init", "my-day", "--on", "2027-05-12")
    unwritten = call("posts", "export", "my-day", "--out", "nowhere/day.csv")
    assert (unwritten.exit_code, "nowhere/day.csv cannot be written" in unwritten.stderr) == (2, True)
    unasked = call("forget", "@amina@m.example", "my-day")
    assert (unasked.exit_code, "add --yes" in unasked.stderr) == (2, True)


def test_who_is_forgotten_leaves_the_exports_and_files_elsewhere_are_named(folder: Path) -> None:
    call("init", "my-day", "--on", "2020-05-12")
    kept = call("posts", "export", "my-day")
    file = folder / "data" / "exports" / "my-day" / "posts.jsonl"
    assert kept.output == f"0 posts written to {Path('data/exports/my-day/posts.jsonl')}\n"
    assert call("posts", "export", "my-day", "--dehydrated", "--format", "csv", "--out", "given.csv").exit_code == 0
    assert call("posts", "export", "my-day", "--out", "-").output == ""
    file.write_text("secret words of amina\n")
    done = call("forget", "@amina@m.example", "my-day", "--yes")
    assert done.exit_code == 0, done.output
    assert f"Export written again: {file}" in done.output
    assert f"Ours no more to reach, clean it where it lies now: {folder / 'given.csv'}" in done.output
    assert file.read_text() == ""
    assert (folder / "given.csv").read_bytes() == b"network,uri\r\n"


def test_who_is_forgotten_leaves_the_report_too(folder: Path) -> None:
    from clocks import FixedClock
    from factories import CLOSES, campaign, seen, source
    from shareasm.collect import Desk, store
    from shareasm.networks.ports import Page
    from shareasm.storage.engine import open_engine

    call("init", "my-day", "--on", "2027-02-03")
    assert "Report written again" not in call("forget", "@nobody@m.example", "my-day", "--yes").output
    engine, day = open_engine("sqlite:///data/shareasm.db"), campaign(slug="my-day")
    store(Desk(engine, day, FixedClock(CLOSES)), source(), Page(posts=(seen(),)), "shareasm")
    engine.dispose()
    evidence = folder / "data" / "reports" / "my-day" / "evidence.csv"
    assert call("report", "my-day").exit_code == 0
    assert "Safer mines" in evidence.read_text("utf-8")
    done = call("forget", seen().post.url, "my-day", "--yes")
    assert f"Report written again: {evidence.parent.relative_to(folder)}" in done.output, done.output
    assert "Safer mines" not in evidence.read_text("utf-8")


def test_for_other_days_that_had_what_is_forgotten_the_commands_are_printed(folder: Path) -> None:
    from clocks import FixedClock
    from factories import NOON, campaign, seen, source
    from shareasm.collect import Desk, store
    from shareasm.networks.ports import Page
    from shareasm.storage.engine import open_engine

    call("init", "my-day", "--on", "2020-05-12")
    call("init", "last year", "--on", "2019-05-12")
    call("posts", "export", "my-day")
    engine = open_engine("sqlite:///data/shareasm.db")
    for slug in ("my-day", "last year", "older"):
        store(Desk(engine, campaign(slug=slug), FixedClock(NOON)), source(), Page(posts=(seen(),)), "shareasm")
    engine.dispose()
    done = call("forget", seen().post.url, "my-day", "--yes")
    lines = done.output.splitlines()
    assert "  shareasm recap 'last year'" in lines, done.output
    assert "  shareasm recap older  # where its folder lies: there is none at older" in lines
    assert not any("recap my-day" in line for line in lines)


def test_what_has_had_its_time_goes_when_the_recap_is_looked_over(folder: Path) -> None:
    from datetime import UTC, datetime

    from shareasm.domain.changes import Skipped
    from shareasm.storage import sources
    from shareasm.storage.engine import open_engine, transaction

    call("init", "my-day", "--on", "2020-05-12")
    plan = folder / "my-day" / "campaign.yaml"
    plan.write_text(f"{plan.read_text('utf-8')}\nkeep: {{raw: 0 days}}\n", encoding="utf-8")
    call("posts", "export", "my-day")
    store = open_engine("sqlite:///data/shareasm.db")
    with transaction(store) as connection:
        odd = Skipped("odd", b"{}")
        sources.add_skips(connection, "my-day", "mastodon:m.example", [odd], datetime(2020, 5, 12, tzinfo=UTC))
    store.dispose()
    swept = call("sweep", "my-day")
    assert "Kept no longer, as the campaign says: raw copies 1, posts 0, picture files 0" in swept.output, swept.output
    assert "Kept no longer" not in call("sweep", "my-day").output


def test_a_slot_that_is_not_there_is_a_persons_mistake(folder: Path) -> None:
    call("init", "my-day", "--on", "2027-05-12")
    call("plan", "apply", "my-day", "--yes")
    result = call("resend", "welcom", "my-day")
    assert result.exit_code == 2
    assert "Did you mean “welcome”?" in result.stderr
    nothing = call("resend", "welcome", "my-day")
    assert (nothing.exit_code, "nothing to send again" in nothing.stderr) == (2, True)
    adopted = call("adopt", "welcome", "https://a.example/1", "my-day")
    assert adopted.exit_code == 2


def test_what_is_withdrawn_leaves_the_recap_its_other_forms_and_the_published_page_at_once(folder: Path) -> None:
    from datetime import UTC, datetime

    from shareasm import collect
    from shareasm.collect import Desk
    from shareasm.domain.campaigns import Source, SourceKind
    from shareasm.domain.queue import Receipt
    from shareasm.networks.ports import Page
    from shareasm.storage import queue, steering
    from shareasm.storage.engine import open_engine, transaction

    call("init", "my-day", "--on", "2027-05-12")
    plan = folder / "my-day" / "campaign.yaml"
    plan.write_text(plan.read_text("utf-8") + f"\nrecap: {{folder: {folder / 'www'}}}\n", encoding="utf-8")
    call("plan", "apply", "my-day", "--yes")
    loaded = load_campaign(folder / "my-day").campaign
    assert loaded
    engine, at = open_engine("sqlite:///data/shareasm.db"), datetime(2027, 5, 12, 9, tzinfo=UTC)
    said = seen(f"A wrong number #{loaded.hashtags[0]}", at=at)
    desk, source = Desk(engine, loaded, FixedClock(at)), Source("m", SourceKind.TAG_TIMELINE, "https://m.example")
    collect.store(desk, source, Page((said,)), loaded.hashtags[0])
    with transaction(engine) as connection:
        entry = next(one for one in queue.of_campaign(connection, "my-day") if one.key.slot == "welcome")
        steering.adopt(connection, entry, Receipt(said.post.ref, said.post.url, "1"), "", at)
    engine.dispose()
    assert call("recap", "--no-check", "--publish", "--single-file", "day.html", "my-day").exit_code == 0
    page, single, public = folder / "data/recaps/my-day/day-1.html", folder / "day.html", folder / "www" / "day-1.html"
    assert all("A wrong number" in file.read_text("utf-8") for file in (page, single, public))
    page.with_name("index.html").unlink()  # whoever was stopped before the story's page, which is written last
    done = call("withdraw", "welcome", "my-day", "--reason", "x", "--yes")
    assert "Recap written again: " in done.output
    assert f"One file written again: {single}" in done.output
    assert f"Published again: {folder / 'www'}" in done.output
    assert not [file for file in (page, single, public) if "A wrong number" in file.read_text("utf-8")]


def test_where_the_plan_has_mistakes_a_withdrawal_says_that_the_recap_still_shows_it(folder: Path) -> None:
    from datetime import UTC, datetime

    from shareasm.domain.posts import Network, PostRef
    from shareasm.domain.queue import Receipt
    from shareasm.storage import queue, steering
    from shareasm.storage.engine import open_engine, transaction

    call("init", "my-day", "--on", "2027-05-12")
    call("plan", "apply", "my-day", "--yes")
    engine = open_engine("sqlite:///data/shareasm.db")
    with transaction(engine) as connection:
        entry = next(one for one in queue.of_campaign(connection, "my-day") if one.key.slot == "welcome")
        url = "https://m.example/1"
        receipt = Receipt(PostRef(Network.MASTODON, url), url, "1")
        steering.adopt(connection, entry, receipt, "", datetime(2027, 5, 12, tzinfo=UTC))
    engine.dispose()
    call("recap", "--no-check", "my-day")
    (folder / "my-day" / "story.yaml").write_text("chapters: 7\n")
    done = call("withdraw", "welcome", "my-day", "--reason", "x", "--yes")
    assert "The recap still shows it, for the plan has mistakes" in done.output


def test_status_is_told_as_data(folder: Path) -> None:
    call("init", "my-day", "--on", "2027-05-12")
    result = call("status", "my-day", "--json")
    assert result.exit_code == 0
    facts = json.loads(result.output)
    assert (facts["campaign"], facts["collected"], facts["queue"]) == ("my-day", 0, {})


def test_status_exits_1_when_something_needs_a_person(folder: Path) -> None:
    from shareasm.storage import days
    from shareasm.storage.engine import open_engine, transaction

    call("init", "my-day", "--on", "2027-05-12")
    call("status", "my-day")
    engine = open_engine("sqlite:///data/shareasm.db")
    with transaction(engine) as connection:
        days.beat(connection, "my-day", SystemClock().now())
        days.set_note(connection, "my-day", "the new plan has mistakes")
    engine.dispose()
    result = call("status", "my-day")
    assert result.exit_code == 1
    assert "the new plan has mistakes" in result.output


def test_the_tables_are_made_by_a_command_of_their_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///elsewhere.db")
    for _ in range(2):
        result = call("db", "upgrade")
        assert (result.exit_code, result.output) == (0, "sqlite:///elsewhere.db is up to date\n")


@pytest.mark.parametrize(("url", "code"), [("nonsense", 2), ("postgresql://[", 2), ("sqlite:////proc/no/where.db", 1)])
def test_the_exit_code_tells_a_persons_mistake_from_the_worlds(
    folder: Path, monkeypatch: pytest.MonkeyPatch, url: str, code: int
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    result = call("db", "upgrade")
    assert result.exit_code == code
    assert result.stderr.startswith("shareasm: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("is_clean", "code"), [(True, 0), (False, 1)])
def test_a_rehearsal_in_which_something_was_not_sent_exits_1(
    folder: Path, monkeypatch: pytest.MonkeyPatch, is_clean: bool, code: int
) -> None:
    given: dict[str, object] = {}

    def live(_plan: object, out: Path, **options: object) -> Outcome:
        given.update(options, out=out)
        return Outcome(Path("index.html"), 3, 2, 10, 9, is_clean)

    monkeypatch.setattr("shareasm.rehearsal.day.rehearse", live)
    call("init", "my-day")
    result = call("rehearse", "my-day", "--seconds", "7", "--seed", "5")
    assert result.exit_code == code
    assert "Planned 3 · sent 2 · collected 10 · shown 9" in result.output
    assert f"For your browser: {Path.cwd().as_uri()}/index.html" in result.output
    assert (given["seconds"], given["seed"], given["out"]) == (7, 5, Path("data/rehearsals/my-day"))


# ---- accounts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["connect mastodon", "connect bluesky", "doctor"])
def test_without_a_campaign_the_commands_about_accounts_ask_which(folder: Path, words: str) -> None:
    result = call(*words.split())
    assert (result.exit_code, "say which campaign" in result.stderr) == (2, True)


def test_an_account_that_the_plan_does_not_have_is_not_connected(folder: Path) -> None:
    call("init", "my-day")
    result = call("connect", "mastodon", "my-day", "--account", "our-bluesky")
    assert result.exit_code == 2
    assert "the plan has no account our-bluesky on Mastodon; it has: our-mastodon" in result.stderr


def test_what_is_no_app_password_is_refused_and_nothing_asked_of_anybody(folder: Path) -> None:
    call("init", "my-day")
    result = CliRunner().invoke(main, ["connect", "bluesky", "my-day"], input="my-real-password\n")
    assert result.exit_code == 2
    assert "this is no app password" in result.stderr
    assert "my-real-password" not in result.output
    assert not (folder / "data").exists()


@pytest.mark.parametrize(("light", "code"), [("green", 0), ("yellow", 0), ("red", 1)])
@pytest.mark.parametrize("as_json", [False, True])
def test_the_doctor_exits_1_for_red_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, light: str, code: int, as_json: bool
) -> None:
    from shareasm.doctor import Finding, Light

    def examine(_: object, tell: Callable[[str], None], __: object) -> list[Finding]:
        tell("ours: looked over (1 of 1)")
        return [Finding(Light(light), "ours", "sign-in", "as it is")]

    monkeypatch.setattr("shareasm.doctor.examine", examine)
    call("init", "my-day")
    result = call("doctor", "my-day", *(["--json"] if as_json else []))
    assert result.exit_code == code, result.output
    assert result.stderr == "ours: looked over (1 of 1)\n"
    if as_json:
        assert json.loads(result.stdout)["light"] == light
    else:
        assert result.stdout.splitlines()[0] == f"{light:<6}  ours  sign-in  as it is"


def test_a_person_decides_what_waits_and_the_recap_and_exports_follow(folder: Path) -> None:
    from shareasm import collect
    from shareasm.collect import Desk
    from shareasm.domain.campaigns import Source, SourceKind
    from shareasm.networks.ports import Page
    from shareasm.storage.engine import open_engine

    call("init", "my-day", "--on", "2027-02-03")
    plan = folder / "my-day" / "campaign.yaml"
    plan.write_text(plan.read_text("utf-8").replace("moderation: open ", "moderation: approve "), encoding="utf-8")
    assert call("posts", "waiting", "my-day").output == "Posts that wait for a person: 0\n"
    loaded = load_campaign(folder / "my-day").campaign
    assert loaded
    tag = loaded.hashtags[0]
    store = open_engine("sqlite:///data/shareasm.db")
    desk = Desk(store, loaded, FixedClock(NOON))
    said = replace(seen(), post=post(f"\x1b[31mSafer\nmines #{tag} {'long ' * 30}", url="https://m.example/@amina/1"))
    collect.store(desk, Source("mastodon:m.example", SourceKind.TAG_TIMELINE, "https://m.example"), Page((said,)), tag)
    store.dispose()
    listed = call("posts", "waiting", "my-day").output
    assert "\x1b" not in listed
    assert "amina@memory.example: " in listed
    assert f"Safer mines #{tag} " in listed
    assert (
        "…\n    https://m.example/@amina/1\n    nobody has looked at it yet\nPosts that wait for a person: 1\n"
        in listed
    )
    (fact,) = json.loads(call("posts", "waiting", "my-day", "--json").output)
    assert (fact["url"], fact["held_by"]) == ("https://m.example/@amina/1", "not looked at yet")
    call("posts", "export", "my-day")
    call("recap", "--no-check", "my-day")
    approved = call("posts", "approve", "https://m.example/@amina/1", "my-day")
    assert approved.exit_code == 0, approved.output
    assert "Recap written again" in approved.output
    assert "Export written again" in approved.output
    page, exported = folder / "data/recaps/my-day/day-1.html", folder / "data/exports/my-day/posts.jsonl"
    assert "https://m.example/@amina/1" in exported.read_text("utf-8")
    assert "https://m.example/@amina/1" in page.read_text("utf-8")
    assert "--reason" in call("posts", "hide", "@amina@memory.example", "my-day").stderr
    hidden = call("posts", "hide", "@amina@memory.example", "my-day", "--reason", "threats")
    assert "@amina@memory.example (an account, posts stored of it: 1): hidden" in hidden.output
    assert exported.read_text("utf-8") == ""
    assert not page.exists() or "@amina/1" not in page.read_text("utf-8")
    unknown = call("posts", "approve", "https://m.example/@amina/2", "my-day")
    assert (unknown.exit_code, "Nothing was changed" in unknown.stderr) == (2, True)
    assert "name the address of a post before it" in call("posts", "approve", "my-day").stderr
