"""Start-up: a command that only talks to a person starts at once; heavy libraries are for commands that need them.

Claims: `--help` takes at most 3 × a Python that imports click; `check` of 50 slots takes at most 0.6 s; a process that serves
the web pages stays within 80 MB and has loaded neither network's library.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from race import Claim, race, rounds, table, tell

ROOT = Path(__file__).resolve().parent.parent
SLOTS = 50
WEB = """
import resource, sys, time
from pathlib import Path
from urllib.request import urlopen
from urllib.error import URLError
from shareasm.cli.telling import load_plan
from shareasm.settings import read_settings
from shareasm.web.serving import serve

settings = read_settings({"SHAREASM_DATA": sys.argv[2]})
with serve(load_plan(Path(sys.argv[1])), settings, port=0) as address:
    for _ in range(100):
        try:
            page = urlopen(address).read()
            break
        except URLError:  # it does not listen yet
            time.sleep(0.05)
    assert b"#shareASM" in page
    loaded = {name.partition(".")[0] for name in sys.modules} & {"atproto", "atproto_client", "mastodon"}
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, *sorted(loaded))
"""


def main() -> None:
    count = rounds(9)
    with tempfile.TemporaryDirectory() as folder:
        campaign = fifty_slots(Path(folder))
        medians = race(
            {
                "python -c pass": partial(wall, [sys.executable, "-c", "pass"], ""),
                "python -c 'import click'": partial(wall, [sys.executable, "-c", "import click"], ""),
                "shareasm --help": partial(wall, ["shareasm", "--help"], "Run a digital day"),
                "shareasm check, 50 slots": partial(wall, ["shareasm", "check", str(campaign)], f"{SLOTS} slots"),
                "python -c 'import shareasm.web.serving'": partial(
                    wall, [sys.executable, "-c", "import shareasm.web.serving"], ""
                ),
            },
            count,
        )
        output(["shareasm", "db", "upgrade"], SHAREASM_DATA=folder)  # as platforms do at release
        megabytes, *networks = output([sys.executable, "-c", WEB, str(campaign), folder]).split()
        assert not networks, f"the web process has loaded {networks}"
    bare = medians["python -c pass"]
    table(
        ("process", "median", "× bare Python"),
        *((f"`{name}`", f"{seconds * 1000:.0f} ms", f"{seconds / bare:.1f}") for name, seconds in medians.items()),
    )
    tell(
        Claim(
            "`--help` against importing click",
            medians["shareasm --help"] / medians["python -c 'import click'"],
            3,
            "×",
            is_at_most=True,
        ),
        Claim(f"`check` of {SLOTS} slots", medians["shareasm check, 50 slots"], 0.6, "s", is_at_most=True),
        Claim("memory of a web process, without atproto", float(megabytes), 80, "MB", is_at_most=True),
    )


def wall(command: list[str], expected: str) -> float:
    """Return the seconds of a whole process that prints `expected`."""
    began = time.perf_counter()
    said = output(command)
    took = time.perf_counter() - began
    assert expected in said, said
    return took


def output(command: list[str], **settings: str) -> str:
    """Run a process and return what it printed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = os.environ | {"PATH": path} | settings
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def fifty_slots(folder: Path) -> Path:
    """Return a copy of the example campaign, brought to fifty slots."""
    campaign = folder / "shareasm-2027"
    shutil.copytree(ROOT / "config/campaigns/shareasm-2027", campaign)
    plan = (campaign / "schedule.yaml").read_text()
    missing = SLOTS - len(re.findall(r"^  - id: ", plan, re.MULTILINE))
    (campaign / "schedule.yaml").write_text(plan + "".join(SLOT.format(number=number) for number in range(missing)))
    return campaign


SLOT = """
  - id: more-{number}
    at: "20:1{number}"
    kind: voices
    text:
      en: "More words number {number}: what did you learn today, and who should hear of it? #shareASM"
      fr: "Encore quelques mots, numéro {number} : qu’avez-vous appris, et qui devrait le savoir ? #shareASM"
      es: "Unas palabras más, número {number}: ¿qué aprendieron hoy, y quién debería saberlo? #shareASM"
"""


if __name__ == "__main__":
    main()
