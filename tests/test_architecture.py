"""What keeps the code readable: sizes, names, and files that name nobody's machine. Who imports whom is in pyproject.toml."""

import ast
import re
import subprocess
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "shareasm"
MODULES = sorted(SOURCE.rglob("*.py"))
LONGEST_MODULE = 400
LONGEST_FUNCTION = 50
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "core"}


def _name(file: Path) -> str:
    return str(file.relative_to(SOURCE))


def _functions(module: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _tracked_files(*patterns: str) -> list[Path]:
    """Return the files that a clone has."""
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("file", MODULES, ids=_name)
def test_a_long_module_says_why_it_is_one(file: Path) -> None:
    text = file.read_text()
    length = text.count("\n")
    reason = "over 400 lines" in (ast.get_docstring(ast.parse(text)) or "").lower()
    assert length <= LONGEST_MODULE or reason, f"{length} lines: cut along a seam, or say 'Over 400 lines: …' on top"


@pytest.mark.parametrize("file", [file for file in MODULES if file.stat().st_size], ids=_name)
def test_every_module_says_what_it_is(file: Path) -> None:
    assert file.parent.name == "versions" or ast.get_docstring(ast.parse(file.read_text()))


def test_functions_are_short() -> None:
    lengths = {
        f"{_name(file)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for file in MODULES
        if file.parent.name != "versions"  # a migration is one flat list of tables
        for node in _functions(ast.parse(file.read_text()))
    }
    middle = sorted(lengths.values())[len(lengths) // 2]
    long = {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION}
    assert middle < 10
    assert len(long) <= len(lengths) * 0.01, f"over {LONGEST_FUNCTION} lines: {long}"


def test_names_say_what_a_thing_is() -> None:
    files = {part for file in MODULES for part in file.relative_to(SOURCE).with_suffix("").parts}
    classes = {
        node.name
        for file in MODULES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef) and node.name.lower().endswith(("manager", "helper", "base", "util", "utils"))
    }
    assert not files & VAGUE
    assert not classes


def test_there_are_no_words_of_other_networks() -> None:
    """A post is a post (glossary): the networks' own words stay in their rooms."""
    elsewhere = [file for file in MODULES if not {"networks", "rehearsal"} & set(file.relative_to(SOURCE).parts)]
    told = re.compile(r"\b(tweet|toot)", re.IGNORECASE)
    assert not [_name(file) for file in MODULES if told.search(file.read_text())]
    assert not [_name(file) for file in elsewhere if re.search(r"\b(skeet|reblog)", file.read_text(), re.IGNORECASE)]


def test_migrations_are_numbered_in_a_line() -> None:
    numbers = sorted(file.name[:4] for file in (SOURCE / "storage" / "migrations" / "versions").glob("[0-9]*.py"))
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_lock_files_name_no_registry() -> None:
    locks = list(
        chain(_tracked_files("*package-lock.json"), _tracked_files("*requirements*.txt"), _tracked_files("*.lock"))
    )
    address = re.compile(r'"resolved"|https?://[^"]*\.tgz|^\s*(-i|--(extra-)?index-url|--find-links)\b', re.MULTILINE)
    assert locks
    assert not [lock.name for lock in locks if address.search(lock.read_text())]


def test_no_file_names_somebodys_machine() -> None:
    """A path of one machine in a file is a script that works on one machine."""
    home = re.compile(r"(?<![\w.$}])/(root|work|home/[a-z]\w*)/")
    allowed = {ROOT / "scripts" / "prove", ROOT / "tests" / "test_architecture.py"}  # the bare machine's own root
    text_files = _tracked_files(
        "*.py", "*.md", "*.toml", "*.yaml", "*.yml", "*.mjs", "*.jinja", "*.html", "scripts", "Procfile"
    )
    assert not [str(file) for file in set(text_files) - allowed if home.search(file.read_text(errors="replace"))]


def test_the_stand_ins_are_known_to_the_commands_only() -> None:
    """Nothing that runs a real day can reach a stand-in (import-linter knows the layers; this says it by name)."""
    importing = re.compile(r"^\s*(from|import) shareasm\.rehearsal", re.MULTILINE)
    others = [file for file in MODULES if file.relative_to(SOURCE).parts[0] not in ("rehearsal", "cli", "cli.py")]
    assert not [_name(file) for file in others if importing.search(file.read_text())]
