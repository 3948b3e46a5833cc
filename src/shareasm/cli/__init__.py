"""The command line: each command parses, makes one call, prints. Grouped as a team meets them: before, on and after the day.

Everything heavy is imported inside the commands, so that `--help` and `check` start at once.
"""

import sys
from typing import Any

import click

from shareasm import __version__
from shareasm.cli.accounts import connect, doctor
from shareasm.cli.after import forget, policy, recap, sweep
from shareasm.cli.before import check, init, rehearse
from shareasm.cli.day import collect, publish, run, status, web, worker
from shareasm.cli.ending import INTERRUPTED, tell_interrupted
from shareasm.cli.folders import pasteable
from shareasm.cli.groups import Commands
from shareasm.cli.plan import plan
from shareasm.cli.posts import posts
from shareasm.cli.report import report
from shareasm.cli.steering import STEERING
from shareasm.cli.store import db
from shareasm.cli.story import story
from shareasm.errors import ConfigError, ShareasmError


class _Main(Commands):
    """Prints our own errors as one sentence, without a trace: exit 2 for what a person wrote, 1 for the world."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ShareasmError as error:
            click.secho(f"shareasm: {pasteable(str(error))}", fg="red", err=True)
            ctx.exit(2 if isinstance(error, ConfigError) else 1)
        except KeyboardInterrupt:
            tell_interrupted()
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:  # `shareasm check | head` is no fault
            sys.stderr.close()
            ctx.exit(1)


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="shareasm")
def main() -> None:
    """Run a digital day: a plan in YAML goes out on Bluesky and Mastodon, the answers come in, a recap tells the day.

    \b
    Try it without an account:   shareasm init my-day && shareasm rehearse my-day
    """


for command in (
    init,
    check,
    plan,
    rehearse,
    connect,
    doctor,
    run,
    status,
    *STEERING,
    story,
    recap,
    report,
    sweep,
    posts,
    forget,
    policy,
    worker,
    web,
    collect,
    publish,
    db,
):
    main.add_command(command)
