"""From `recap` in `campaign.yaml` to where the recap is published."""

from shareasm.campaign_files import words
from shareasm.campaign_files.reading import Field, Row, row_of, shorten, text
from shareasm.domain.campaigns import Publication

RECAP_KEYS = ("url", "folder", "command")
PLACE = "{folder}"


def read_publication(row: Row) -> Publication:
    """Return where readers open the recap and how it is brought there; nothing where the campaign does not say."""
    named = row_of(row.field("recap"), "the recap", RECAP_KEYS) if row.has("recap") else None
    if named is None:
        return Publication()
    url, folder, command = named.get("url", _address), named.get("folder", _folder), named.each("command", text)
    if folder and command:
        cure = "Keep “folder” for this machine, or “command” for another one."
        named.findings.error(named.place_of("command"), "The recap has two ways to its readers.", cure)
    if command and not any(PLACE in word for word in command):
        cure = (
            f'Write {PLACE} where its folder belongs: [rsync, -a, --delete, "{PLACE}/", "web@iied.example:/srv/www/"].'
        )
        named.findings.error(named.place_of("command"), "The command does not say what it carries.", cure)
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
