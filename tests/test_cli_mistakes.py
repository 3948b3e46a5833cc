"""What a person mistypes at the command line: each is met with a sentence that says what to type instead."""

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from shareasm.campaign_files import load_campaign
from shareasm.check import check, check_lines
from shareasm.cli import main
from shareasm.cli.folders import pasteable

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and nothing of shareasm in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "PORT", "SHAREASM_CAMPAIGN", "SHAREASM_DATA"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


# ---- which campaign ----------------------------------------------------------------------------------------------------


def takers(group: click.Group = main, before: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Parameter]:
    """Return every command that takes a campaign's folder, and that argument of it."""
    found: dict[tuple[str, ...], click.Parameter] = {}
    for name, command in group.commands.items():
        words = (*before, name)
        found |= takers(command, words) if isinstance(command, click.Group) else {}
        for parameter in command.params:
            if parameter.name == "folder":
                found[words] = parameter
    return found


def test_no_command_but_init_insists_on_a_folder() -> None:
    needed = [words for words, folder in takers().items() if folder.required]
    assert needed == [("init",)]


@pytest.mark.parametrize("words", ["check", "plan show", "policy", "status"])
def test_the_campaign_of_the_environment_is_taken_where_none_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    call("init", "theirs", "--name", "Their day")
    call("init", "config/campaigns/ours", "--name", "Our day")
    monkeypatch.setenv("SHAREASM_CAMPAIGN", "theirs")
    without = call(*words.split())
    monkeypatch.delenv("SHAREASM_CAMPAIGN")
    assert without.output == call(*words.split(), "theirs").output.replace(" theirs`", "`")
    assert without.output != call(*words.split()).output, "then the only one in config/campaigns"


@pytest.mark.parametrize("command", ["check", "rehearse"])
def test_where_no_campaign_is_named_anywhere_it_asks_which(folder: Path, command: str) -> None:
    result = call(command)
    assert result.exit_code == 2
    assert result.stderr == (
        "shareasm: say which campaign: name its folder at the end of the command, or set SHAREASM_CAMPAIGN\n"
    )


def test_an_environment_that_names_no_folder_is_said_to_be_wrong(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAREASM_CAMPAIGN", "ours")
    result = call("check")
    assert result.exit_code == 2
    assert "SHAREASM_CAMPAIGN names ours, which is no folder" in result.stderr


@pytest.mark.parametrize("words", ["status", "report", "plan show"])
def test_a_folder_that_was_renamed_is_told_the_name_of_its_day(folder: Path, words: str) -> None:
    call("init", "spring-day")
    assert call("plan", "apply", "spring-day", "--yes").exit_code == 0
    assert "The store knows nothing" not in call(*words.split(), "spring-day").output
    (folder / "spring-day").rename(folder / "may-day")
    result = call(*words.split(), "may-day")
    assert "nothing of a day “may-day” yet; it knows “spring-day”." in result.output
    assert "if this folder was called so before, give it that name again" in result.output


def test_a_day_can_be_held_though_the_folder_in_the_environment_is_gone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("init", "my-day")
    assert call("plan", "apply", "my-day", "--yes").exit_code == 0
    (folder / "my-day").rename(folder / "away")
    monkeypatch.setenv("SHAREASM_CAMPAIGN", "my-day")
    assert call("pause", "--reason", "fog").exit_code == 0


@pytest.mark.parametrize("words", ["check", "status", "plan apply", "report", "recap", "doctor", "connect mastodon"])
def test_who_names_a_file_of_the_plan_is_told_its_folder(folder: Path, words: str) -> None:
    call("init", "my-day")
    result = call(*words.split(), "my-day/campaign.yaml")
    assert result.exit_code == 2
    told = " ".join(result.stderr.split())
    assert "my-day/campaign.yaml is a file; name the folder that it lies in: my-day" in told


def test_no_empty_page_of_a_renamed_folder_takes_the_place_of_a_published_one(folder: Path) -> None:
    call("init", "spring-day")
    with (folder / "spring-day/campaign.yaml").open("a") as file:
        file.write(f"recap: {{folder: {folder / 'www'}}}\n")
    assert call("plan", "apply", "spring-day", "--yes").exit_code == 0
    assert call("recap", "--no-check", "--publish", "spring-day").exit_code == 0
    published = (folder / "www/index.html").read_bytes()
    (folder / "spring-day").rename(folder / "may-day")
    result = call("recap", "--no-check", "--publish", "may-day")
    assert result.exit_code == 2
    assert "it knows “spring-day”" in result.stderr
    assert "nothing was published" in result.stderr
    assert (folder / "www/index.html").read_bytes() == published


# ---- commands to paste -------------------------------------------------------------------------------------------------

_IN_CURLY_QUOTES = re.compile(r"[“‘](?:shareasm |\./scripts|\.venv)[^”’]*[”’]")


def test_no_command_is_shown_in_quotes_that_a_shell_does_not_know() -> None:
    files = [*ROOT.glob("src/**/*.py"), *ROOT.glob("templates/**/*"), *ROOT.glob("docs/**/*.md"), ROOT / "README.md"]
    told = [
        f"{file}: {found[0]}" for file in files if file.is_file() for found in _IN_CURLY_QUOTES.finditer(_text(file))
    ]
    assert told == []


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="ignore")


def commands_in(words: str) -> list[list[str]]:
    """Return the commands of shareasm between backticks, as a shell would hand them over."""
    return [shlex.split(found) for found in re.findall(r"`(shareasm [^`]+)`", words)]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("plan show", 0, ["shareasm", "plan", "apply", "our day"]),
        ("status", 0, ["shareasm", "run", "our day"]),
        ("pause --reason fog", 0, ["shareasm", "resume", "our day"]),
        ("publish", 0, ["shareasm", "connect", "bluesky", "--account", "our-bluesky", "our day"]),
        ("withdraw welcome --reason x --yes", 2, ["shareasm", "plan", "apply", "our day"]),
    ],
)
def test_a_command_that_is_shown_means_the_campaign_that_was_named(
    folder: Path, words: str, code: int, told: list[str]
) -> None:
    call("init", "our day")
    call("init", "config/campaigns/one")
    call("init", "config/campaigns/two")
    result = call(*words.split(), "our day")
    assert result.exit_code == code
    assert told in commands_in(result.output)


def test_what_names_its_folder_already_or_takes_none_is_left_as_it_is() -> None:
    for words in ("`shareasm withdraw` takes it back", "`shareasm connect`", "`shareasm posts hide`"):
        assert pasteable(words, Path("a/b")) == words, "it is no whole command yet"
    for words in ("`shareasm check a/b`", "`shareasm init my-day`", "`shareasm db upgrade`", "shareasm run", "`other`"):
        assert pasteable(words, Path("a/b")) == words
    assert pasteable("   → shareasm resume", Path("a b")) == "   → shareasm resume 'a b'"


def test_a_folder_with_a_blank_in_its_name_is_quoted_in_what_is_to_be_typed(folder: Path) -> None:
    made = call("init", "our day")
    assert "Next: shareasm check 'our day', then shareasm rehearse 'our day'" in made.output
    assert "run   shareasm check 'our day'" in (folder / "our day/campaign.yaml").read_text()
    with (folder / "our day/campaign.yaml").open("a") as file:
        file.write("zone: again\n")
    told = [call("policy", "our day").stderr, call("init", "new", "--from", "our day").stderr]
    assert [commands_in(words) for words in told] == [[["shareasm", "check", "our day"]]] * 2


@pytest.mark.parametrize(("name", "following"), [("our-2027", "our-2028"), ("our day", "our day-next")])
def test_when_the_day_is_over_the_command_for_the_next_one_can_be_pasted(
    folder: Path, name: str, following: str
) -> None:
    call("init", name, "--on", "2027-05-12")
    said = "\n".join(check_lines(check(Path(name), datetime(2027, 5, 14, tzinfo=UTC))))
    assert commands_in(said) == [["shareasm", "init", following, "--from", name]]
    assert call(*commands_in(said)[0][1:]).exit_code == 0


def test_a_file_that_is_missing_is_met_with_a_command_that_makes_one(folder: Path) -> None:
    (folder / "here").mkdir()
    there, nowhere = ("\n".join(f.cure for f in load_campaign(Path(name)).findings) for name in ("here", "no where"))
    assert ["shareasm", "init", "no where"] in commands_in(nowhere)
    assert "It holds campaign.yaml and schedule.yaml" in there


# ---- dates -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        ("3.2.2027", "If 3 February 2027 is meant: --on 2027-02-03"),
        ("tomorrow", "Such as: --on 2027-05-12"),
        ("2027-02-30", "Such as: --on 2027-05-12"),
    ],
)
def test_a_date_that_is_written_otherwise_is_shown_as_it_is_to_be_typed(folder: Path, words: str, cure: str) -> None:
    result = call("init", "my-day", "--on", words)
    assert result.exit_code == 2
    assert f"“{words}” is not a day as year-month-day. {cure}" in " ".join(result.stderr.split())
    assert not (folder / "my-day").exists()


def test_a_date_may_do_without_zeros(folder: Path) -> None:
    assert call("init", "my-day", "--on", "2027-5-2").exit_code == 0
    campaign = load_campaign(folder / "my-day").campaign
    assert campaign
    assert str(campaign.on) == "2027-05-02"


# ---- Ctrl-C ------------------------------------------------------------------------------------------------------------


def test_ctrl_c_is_one_plain_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    call("init", "my-day")
    monkeypatch.setattr("shareasm.check.check", interrupted)
    result = call("check", "my-day")
    assert (result.exit_code, result.stderr.strip().count("\n")) == (130, 0)
    assert "Stopped by Ctrl-C" in result.stderr
