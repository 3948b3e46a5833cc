"""From `recap` in `campaign.yaml` to where the recap is published."""

import re
import shlex

from shareasm.campaign_files import words
from shareasm.campaign_files.reading import Field, Row, items_of, row_of, shorten, text
from shareasm.campaign_files.tree import Items
from shareasm.domain.campaigns import Publication

RECAP_KEYS = ("url", "folder", "command")
PLACE = "{folder}"
_EXAMPLE = f"rsync -a --delete --exclude=.* {PLACE}/ web@iied.example:/srv/www/my-day/"
_FOR_A_SHELL = re.compile(r"[|;<>`]|&&|^&$|&$|\$[\w({]|^~(?=/|$)|\{folder\}\S*\*")


def read_publication(row: Row) -> Publication:
    """Return where readers open the recap and how it is brought there; nothing where the campaign does not say."""
    named = row_of(row.field("recap"), "the recap", RECAP_KEYS) if row.has("recap") else None
    if named is None:
        return Publication()
    url, folder = named.get("url", _address), named.get("folder", _folder)
    command = _command(named.field("command")) if named.has("command") else ()
    if folder and command:
        cure = "Keep “folder” for this machine, or “command” for another one."
        named.findings.error(named.place_of("command"), "The recap has two ways to its readers.", cure)
    return Publication(url, folder, command)


def _address(field: Field) -> str | None:
    url = words.url(field)
    return url if url is None or url.endswith("/") else f"{url}/"


def _folder(field: Field) -> str | None:
    path = text(field)
    if path is not None and not path.startswith("/"):
        field.fail(
            f"“{shorten(path)}” does not say where it begins.", "Write the whole path, such as /srv/www/shareasm-2027."
        )
        return None
    return path


def _command(field: Field) -> tuple[str, ...]:
    """Return the words of a command: of a text as a shell parts them, or as a list gives them. No shell ever reads them."""
    words = _words_of_list(field) if isinstance(field.node, Items) else _words_of_line(field)
    if words and not any(PLACE in word for word in words):
        field.fail(
            "The command does not say what it carries.",
            f'Write {PLACE} where the recap\'s folder belongs: command: "{_EXAMPLE}".',
        )
    return words


def _words_of_list(field: Field) -> tuple[str, ...]:
    words = tuple(word for item in items_of(field) if (word := text(item)))
    if len(words) == 1 and " " in words[0]:
        field.fail(
            "The whole command is one item of a list, and so the name of one program.",
            f'Take the brackets away: command: "{_EXAMPLE}". Or put a comma behind each word.',
        )
    return words


def _words_of_line(field: Field) -> tuple[str, ...]:
    line = text(field)
    if line is None:
        return ()
    try:
        bare = [word for word in shlex.split(line, posix=False) if word[0] not in "'\""]
        if asked := next((word for word in bare if _FOR_A_SHELL.search(word)), None):
            field.fail(
                f"“{shorten(asked)}” is for a shell, and none reads this command.",
                f"Put the line into a script of yours, and name that: command: /srv/bin/publish-recap {PLACE}.",
            )
        return tuple(shlex.split(line))
    except ValueError:
        field.fail(
            "A quotation mark is opened in this command and never closed.", f'Write it so: command: "{_EXAMPLE}".'
        )
        return ()
