"""The campaign's folder as an argument, the same in every command that takes one; and in the commands that messages show."""

import re
from os import PathLike
from pathlib import Path
from shlex import quote

import click

_NAMED = "shareasm.folder"  # in the context: the folder as it was named on the command line
_TAKES_NONE = r"(?:init|db|story import)\b"
_IS_PART_OF_ONE = r"(?:connect|plan|posts|story|adopt|forget|resend|withdraw|posts hide|posts approve)`"
_COMMAND = re.compile(rf"(?<=`)shareasm (?!{_TAKES_NONE}|{_IS_PART_OF_ONE})[^`\n]+(?=`)|(?<=→ )shareasm .+$")


class _Folder(click.Path):
    """A folder's path. Who names a file of the plan is told its folder."""

    def __init__(self, *, is_noted: bool) -> None:
        super().__init__(path_type=Path)
        self._is_noted = is_noted  # for `pasteable`

    def convert(
        self, value: str | PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | PathLike[str]:
        """Return the path, which need not be there."""
        path = Path(value)
        if path.is_file():
            self.fail(f"{path} is a file; name the folder that it lies in: {path.parent}", param, ctx)
        if ctx and self._is_noted:
            ctx.meta[_NAMED] = path
        return super().convert(value, param, ctx)


FOLDER = click.argument("folder", required=False, type=_Folder(is_noted=True))
NEW_FOLDER = click.argument("folder", type=_Folder(is_noted=False))


def named_folder() -> Path | None:
    """Return the folder that the command line names, None where it names none: then a command without one means the same."""
    context = click.get_current_context(silent=True)
    return context.meta.get(_NAMED) if context else None


def pasteable(words: str, folder: Path | None = None) -> str:
    """Return `words` with the folder that was named added to each whole command in them that has none.

    What knows nothing of the command line says “`shareasm resume`”; pasted so it would ask which campaign is meant. Threads
    know no command line: they hand in the `folder`.
    """
    named = folder or named_folder()
    if named is None:
        return words
    where = quote(str(named))
    return _COMMAND.sub(lambda found: found[0] if where in found[0] else f"{found[0]} {where}", words)
