"""Runs the benchmarks one after the other and writes what they print into docs/benchmarks.md, with date and kind of machine."""

import argparse
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
BENCHMARKS = ("startup", "store", "render", "browser", "read_mastodon", "stream", "publish_on_time", "recheck")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; default: all of them")
    parser.add_argument("--rounds", type=int, help="how often each contestant runs; default: each benchmark's own")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    failed = []
    for name in asked.names or BENCHMARKS:
        print(f"━━ {name}", flush=True)
        said = run(name, asked.rounds)
        if said is None:
            failed.append(name)
        else:
            print(said)
            write(name, said)
    if failed:
        print(f"a wrong result: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run(name: str, rounds: int | None) -> str | None:
    """Return what a benchmark prints, in Markdown; None where its result was wrong."""
    options = [] if rounds is None else ["--rounds", str(rounds)]
    began = machine()
    ended = subprocess.run(
        [sys.executable, HERE / f"{name}.py", *options], stdout=subprocess.PIPE, text=True, check=False
    )
    return None if ended.returncode else f"{began}\n\n{ended.stdout.strip()}"


def machine() -> str:
    """Return date and kind of machine in a line. Whose machine it is does not matter."""
    cores, load = os.cpu_count(), os.getloadavg()[0]
    return (
        f"*{datetime.now(UTC):%-d %B %Y}, {cores} cores ({platform.machine()}, shared; load {load:.1f} before), "
        f"{platform.system()}, Python {platform.python_version()}*"
    )


def write(name: str, said: str) -> None:
    """Put what a benchmark said in place of what it said last time."""
    block = re.compile(rf"(<!-- results of {name} -->\n).*?(<!-- end of results -->)", re.DOTALL)
    page, count = block.subn(lambda found: f"{found[1]}{said}\n{found[2]}", PAGE.read_text())
    assert count == 1, f"{PAGE} has no place for the results of {name}"
    PAGE.write_text(page)


if __name__ == "__main__":
    sys.exit(main())
