"""The documentation knows everything that a person can type, and names nothing that is not there."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import shareasm.campaign_files
from shareasm.cli import main
from shareasm.settings import ENVIRONMENT

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def _walk(command: click.Command, words: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, as it is typed."""
    if not isinstance(command, click.Group):
        yield words, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below
        yield from _walk(below, f"{words} {name}")


def _yaml_keys() -> set[str]:
    """Return every key that a campaign's files may hold: the readers keep them in tuples named …_KEYS."""
    found: set[str] = set()
    for module in pkgutil.iter_modules(shareasm.campaign_files.__path__, "shareasm.campaign_files."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if name.endswith("_KEYS"):
                found.update(value)
    return found


def _environment_names() -> set[str]:
    """Return every variable that the program reads, also one that the table of settings forgot."""
    read = re.compile(r"\bSHAREASM_[A-Z]+(?:_[A-Z]+)*\b")
    in_code = {name for file in (ROOT / "src").rglob("*.py") for name in read.findall(file.read_text())}
    in_code = {name for name in in_code if not name.startswith("SHAREASM_TOKEN_")}  # one for each account
    return in_code | {name.split("<")[0].rstrip("_") for name in ENVIRONMENT}


COMMANDS = dict(_walk(main, "shareasm"))
EVERYTHING = "\n".join(file.read_text() for file in DOCUMENTS)


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_is_documented(words: str) -> None:
    assert re.search(rf"\b{words}\b", EVERYTHING), f"`{words}` stands in no document"
    assert COMMANDS[words].help, f"`{words} --help` says nothing"


@pytest.mark.parametrize("name", sorted(_environment_names()))
def test_every_setting_is_documented(name: str) -> None:
    assert name in EVERYTHING


@pytest.mark.parametrize("key", sorted(_yaml_keys()))
def test_every_key_of_a_campaign_is_documented(key: str) -> None:
    assert re.search(rf"`{key}[:`]|^[ -]*{key}:|[{{,] *{key}:", EVERYTHING, re.MULTILINE), (
        f"`{key}` stands in no document"
    )


def test_there_are_keys_and_commands_to_look_for() -> None:
    assert len(_yaml_keys()) > 40
    assert len(COMMANDS) > 5


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_documents_name_only_commands_that_exist(file: Path) -> None:
    groups = {" ".join(words.split()[:-1]) for words in COMMANDS}
    for line in file.read_text().splitlines():
        for typed in re.findall(r"(?:^ {4,}|`|\$ |\.venv/bin/)(shareasm(?: [a-z][a-z-]*){1,2})", line):
            words = (
                typed
                if typed in COMMANDS or typed.rsplit(" ", 1)[0] in groups - {"shareasm"}
                else " ".join(typed.split()[:2])
            )
            assert words in COMMANDS or words in groups, f"{words!r} is no command"


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_documents_point_at_files_that_exist(file: Path) -> None:
    text = file.read_text()
    links = {
        link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link and not link.startswith("mailto:")
    }
    scripts = {f"./{script}" for script in re.findall(r"(?<![\w./])(?:\./)?(scripts/[a-z]+)\b", text)}
    missing = [link for link in links if not (file.parent / link).exists()]
    missing += [script for script in scripts if not (ROOT / script).exists()]
    assert not missing


def test_the_page_of_the_architecture_gives_every_module_its_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {
        path.stem
        for path in (ROOT / "src" / "shareasm").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert not {room for room in rooms - {"__init__"} if not re.search(rf"\b{room}\b", page)}
