"""Files that come with the program: where the templates lie, in a wheel and in a working copy."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def template_folder() -> Path:
    """Return the folder of templates: inside an installed package, else at the top of the repository."""
    packed = _PACKAGE / "templates"
    return packed if packed.is_dir() else _PACKAGE.parent.parent / "templates"
