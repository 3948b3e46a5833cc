"""The campaign's folder as an argument: the same in every command that takes one."""

from os import PathLike
from pathlib import Path

import click


class _Folder(click.Path):
    """A folder's path. Who names a file of the plan is told its folder."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(
        self, value: str | PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | PathLike[str]:
        """Return the path, which need not be there."""
        path = Path(value)
        if path.is_file():
            self.fail(f"{path} is a file; name the folder that it lies in: {path.parent}", param, ctx)
        return super().convert(value, param, ctx)


FOLDER = click.argument("folder", required=False, type=_Folder())
NEW_FOLDER = click.argument("folder", type=_Folder())
