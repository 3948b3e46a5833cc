"""Groups of commands: each is listed with the whole first paragraph of its help, in the order in which it was added."""

import click


class Commands(click.Group):
    """Lists its commands without cutting what they say of themselves short, as click does at 45 characters."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of the day, not of the alphabet

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list; long summaries go on on the next line."""
        commands = [(name, self.commands[name]) for name in self.list_commands(ctx)]
        rows = [(name, _summary(command)) for name, command in commands if not command.hidden]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def _summary(command: click.Command) -> str:
    return " ".join((command.help or "").split("\n\n")[0].split())
