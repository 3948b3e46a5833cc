"""Runs the parts of the test bench and says what came of each; `scripts/test` calls it inside .venv.

Parts that wait more than they work run beside another. A part is a list of commands, one after another or beside each other.
What it needs of the system is installed first, while the parts before it run; where that is not possible the part fails and
says what is missing. Nothing is left out in silence.
"""

import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
WORK = ROOT / ".cache" / "test"

# ---- what there is to run ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """One row of the summary. `programs` are what it needs of the system: program → Debian's package."""

    name: str
    about: str
    commands: Callable[[list[str]], Iterator[list[str]]]
    programs: dict[str, str] = field(default_factory=dict)
    needs_bluesky: bool = False
    is_beside: bool = False  # its commands run beside each other


# Folders whose tests open sockets, start servers or touch the disk's databases: each belongs to a part of its own.
OWN_PARTS = ("storage", "contract", "rehearsal")
MARKED = "postgresql or loopback or product or bluesky or browser"
FULLY_COVERED = "src/shareasm/domain/*,src/shareasm/campaign_files/*,src/shareasm/networks/*/translate.py"


def pytest(part: str, *arguments: str) -> list[str]:
    report = f"--junit-xml={WORK.relative_to(ROOT) / part}.xml"
    return ["pytest", "-q", "--no-header", "--hypothesis-profile=ci", "-o", "junit_family=xunit2", report, *arguments]


# Python 3.11 can fail to parse while another thread parses (python/cpython#106905). Where servers run beside the tests, the
# usual tracebacks, which parse the source, would then end the run with a SystemError in place of the failure.
PLAIN_TRACEBACKS = "--tb=native"


def elsewhere() -> list[str]:
    return [f"--ignore=tests/{folder}" for folder in OWN_PARTS]


def lint(_: list[str]) -> Iterator[list[str]]:
    yield ["ruff", "check"]
    yield ["ruff", "format", "--check", "--quiet"]
    yield ["mypy", "--no-error-summary"]
    yield ["lint-imports"]
    for script in shell_scripts():
        yield ["bash", "-n", script]


def unit(options: list[str]) -> Iterator[list[str]]:
    blocked = ["--disable-socket", "--allow-unix-socket"]
    coverage = [] if options else ["--cov", "--cov-report="]
    yield pytest("unit", "tests", *elsewhere(), "-m", f"not ({MARKED})", *blocked, *coverage, *options)
    if not options:  # a part of the tests covers a part of the code
        gate = ["--include", FULLY_COVERED, "--fail-under=100", "--show-missing", "--skip-covered"]
        yield ["coverage", "report", *gate]


def storage(options: list[str]) -> Iterator[list[str]]:
    yield pytest("storage", "tests/storage", *options)


def contract(options: list[str]) -> Iterator[list[str]]:
    yield pytest("contract", "tests/rehearsal", "tests/contract", "-m", "not bluesky", PLAIN_TRACEBACKS, *options)


# Days of real time: groups that each take about as long as all the others, by the durations of the reports in WORK. What is
# named in none runs with the others.
LONG_DAYS = (
    ("tests/product/test_bad_world.py",),
    (
        "tests/product/test_stopping.py",
        "tests/product/test_stopping_held.py",
        "tests/product/test_store_away.py",
        "tests/test_wheel.py",
    ),
    ("tests/product/test_steering.py", "tests/product/test_two_workers.py"),
)


def product(options: list[str]) -> Iterator[list[str]]:
    others = ["tests", *elsewhere(), *(f"--ignore={file}" for files in LONG_DAYS for file in files)]
    for number, where in enumerate([*map(list, LONG_DAYS), others], 1):
        marked = ["-m", "(product or loopback) and not browser"]
        yield pytest(f"product-{number}", *where, *marked, PLAIN_TRACEBACKS, *options)


def bluesky(options: list[str]) -> Iterator[list[str]]:
    yield pytest("bluesky", "tests", "-m", "bluesky", PLAIN_TRACEBACKS, *options)


def browser(options: list[str]) -> Iterator[list[str]]:
    yield pytest("browser", "tests", "-m", "browser", *options)


POSTGRESQL = {"initdb": "postgresql", "setpriv": "util-linux"}
CHROMIUM = {"chromium": "chromium"}
BLUESKY = {"redis-server": "redis-server", "make": "build-essential", "g++": "build-essential", "flock": "util-linux"}

STAGES = [  # one after another; the parts of a stage run beside each other
    [Part("lint", "ruff, types, import contracts, shell", lint)],
    [
        Part("unit", "rules and parts, no sockets, coverage", unit),
        Part("contract", "adapters against the stand-in networks", contract),
    ],
    [
        Part("storage", "SQLite and PostgreSQL", storage, POSTGRESQL),
        Part("bluesky", "adapters against the real Bluesky network", bluesky, POSTGRESQL | BLUESKY, needs_bluesky=True),
    ],
    [Part("product", "the program over loopback, the wheel", product, POSTGRESQL, is_beside=True)],
    [Part("browser", "the pages in chromium", browser, CHROMIUM)],
]


def shell_scripts() -> list[str]:
    """Return every file of the repository that begins as a bash script."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    return [name for name in listed if name and (ROOT / name).is_file() and _is_bash(ROOT / name)]


def _is_bash(file: Path) -> bool:
    with file.open("rb") as content:
        return content.readline().startswith(b"#!/usr/bin/env bash")


# ---- what must be there first ------------------------------------------------------------------------------------------


class SetupError(Exception):
    """Something that a part needs is missing and could not be installed."""


@dataclass
class Preparation:
    """Installs what the chosen parts need, beside the parts that need nothing."""

    parts: list[Part]
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))
    packages: "Future[None] | None" = None
    bluesky: "Future[None] | None" = None

    def begin(self) -> None:
        missing = sorted({package for part in self.parts for package in missing_packages(part)})
        if missing:
            self.packages = self.pool.submit(install_packages, missing)
        if any(part.needs_bluesky for part in self.parts):
            self.bluesky = self.pool.submit(install_bluesky, self.packages)

    def wait_for(self, part: Part) -> None:
        """Return when `part` can run. Raises SetupError with what to do."""
        if missing_packages(part) and self.packages:
            self.packages.result()
        if still := missing_packages(part):
            raise SetupError(f"still missing after installing: {' '.join(still)}")
        if part.needs_bluesky and self.bluesky:
            self.bluesky.result()

    def end(self) -> None:
        self.pool.shutdown(cancel_futures=True)


def missing_packages(part: Part) -> list[str]:
    return sorted({package for program, package in part.programs.items() if not is_there(program)})


def is_there(program: str) -> bool:
    # Debian keeps PostgreSQL's server programs off the PATH.
    return bool(shutil.which(program) or any(Path("/usr/lib/postgresql").glob(f"*/bin/{program}")))


def install_packages(packages: list[str]) -> None:
    by_hand = f"install by hand, then again: apt-get install --no-install-recommends {' '.join(packages)}"
    if not shutil.which("apt-get"):
        raise SetupError(f"these packages are missing and there is no apt-get; {by_hand}")
    if os.geteuid() != 0:
        raise SetupError(f"no right to install what is missing; as root, {by_hand}")
    logged("packages", ["apt-get", "update", "-qq"], by_hand)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
    logged("packages", [*install, *packages], by_hand)


def install_bluesky(packages: "Future[None] | None") -> None:
    if packages:
        packages.result()
    logged("bluesky-network", ["tests/bluesky_network/install"], "the Bluesky network could not be installed")


def logged(name: str, command: list[str], trouble: str) -> None:
    """Run `command` in silence. Raises SetupError with `trouble` and the end of what it said."""
    log = WORK / f"{name}.log"
    with log.open("ab") as output:
        ended = subprocess.run(
            command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if ended.returncode:
        raise SetupError(f"{trouble}\n{log.read_text(errors='replace')[-2000:]}")


def environment() -> dict[str, str]:
    """Return the environment of every command: nobody's tokens and database, no proxy before loopback."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SHAREASM_", "DATABASE_URL"))}
    loopback = "localhost,127.0.0.1,::1"
    return kept | {
        "DEBIAN_FRONTEND": "noninteractive",
        "NO_PROXY": loopback,
        "no_proxy": loopback,
        "PYTHON": sys.executable,
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }


NOTHING_CHOSEN = 5  # pytest's word for a choice of tests that left none
# ---- running and telling -----------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What came of one part, in tests; a check without tests counts as one."""

    part: Part
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    said: list[str] | None = None  # of a part beside others, told when it has ended; None: told at once

    def tell(self, words: str) -> None:
        if self.said is None:
            print(words, end="", flush=True)
        else:
            self.said.append(words)


def run_stage(stage: list[Part], options: list[str], preparation: Preparation) -> Iterator[Outcome]:
    """Run the parts of a stage beside each other; those of several are heard one after another, as they end."""
    if len(stage) > 1:
        print(f"\n━━ {' and '.join(part.name for part in stage)}, beside each other", flush=True)
    with ThreadPoolExecutor(len(stage)) as pool:
        running = [pool.submit(run, part, options, preparation, is_beside=len(stage) > 1) for part in stage]
        for done in as_completed(running):
            outcome = done.result()
            print("".join(outcome.said or ()), end="", flush=True)
        yield from (done.result() for done in running)


def run(part: Part, options: list[str], preparation: Preparation, *, is_beside: bool) -> Outcome:
    outcome = Outcome(part, said=[] if is_beside else None)
    began = time.monotonic()
    outcome.tell(f"\n━━ {part.name}: {part.about}\n")
    try:
        preparation.wait_for(part)
    except SetupError as trouble:
        outcome.tell(f"{part.name} could not be set up: {trouble}\n")
        outcome.failed = 1
    else:
        commands = list(part.commands(options))
        with ThreadPoolExecutor(len(commands) if part.is_beside else 1) as pool:
            for ended in pool.map(partial(run_command, is_told_late=part.is_beside or is_beside), commands):
                ended.count(outcome)
        if not outcome.passed + outcome.failed + outcome.skipped:
            outcome.tell("no test was chosen\n")
            outcome.failed = 1
    outcome.seconds = time.monotonic() - began
    return outcome


@dataclass
class Ended:
    """A command that has ended."""

    command: list[str]
    code: int
    said: str  # where it was not told at once
    report: Path | None

    def count(self, outcome: Outcome) -> None:
        """Tell how it ended, and count it."""
        outcome.tell(self.said)
        passed, failed, skipped = counts(self.report)
        outcome.passed += passed + (self.report is None and self.code == 0)
        outcome.failed += failed
        outcome.skipped += skipped
        if self.code and not failed and not (self.code == NOTHING_CHOSEN and outcome.part.is_beside):
            outcome.failed += 1
            outcome.tell(f"failed ({self.code}): {' '.join(self.command)}\n")


def run_command(command: list[str], *, is_told_late: bool) -> Ended:
    """Run a command to its end. One that runs beside others is heard when it has ended, or nobody could read them."""
    report = next((ROOT / word.partition("=")[2] for word in command if word.startswith("--junit-xml=")), None)
    if report:
        report.unlink(missing_ok=True)
    hearing = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True} if is_told_late else {}
    ended = subprocess.run(command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, check=False, **hearing)
    return Ended(command, ended.returncode, ended.stdout or "", report)


def counts(report: Path | None) -> tuple[int, int, int]:
    """Return passed, failed and skipped of pytest's report; zeros where there is none."""
    if report is None or not report.exists():
        return 0, 0, 0
    suites = list(ET.parse(report).getroot().iter("testsuite"))
    total, failures, errors, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    )
    return total - failures - errors - skipped, failures + errors, skipped


def summarise(outcomes: list[Outcome]) -> int:
    print()
    for each in outcomes:
        sign = "FAILED" if each.failed else "ok"
        tests = f"{each.passed:5} passed {each.failed:4} failed {each.skipped:4} skipped"
        print(f"{each.part.name:10} {sign:7} {tests} {each.seconds:7.1f} s   {each.part.about}")
    passed, failed, skipped = (
        sum(getattr(each, what) for each in outcomes) for what in ("passed", "failed", "skipped")
    )
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


def main(arguments: list[str]) -> int:
    name, options = (arguments[0], arguments[1:]) if arguments else ("all", [])
    stages = [[part for part in stage if name in ("all", part.name)] for stage in STAGES]
    chosen = [part for stage in stages for part in stage]
    if not chosen:
        names = ", ".join(part.name for stage in STAGES for part in stage)
        print(f"no such part: {name}; there are all, {names}", file=sys.stderr)
        return 2
    WORK.mkdir(parents=True, exist_ok=True)
    for old in WORK.glob("*.log"):
        old.unlink()
    preparation = Preparation(chosen)
    preparation.begin()
    try:
        return summarise([one for stage in stages if stage for one in run_stage(stage, options, preparation)])
    finally:
        preparation.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
