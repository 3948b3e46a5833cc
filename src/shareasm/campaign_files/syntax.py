"""What a YAML parser's complaint means to somebody who has never seen YAML."""

import re

from ruamel.yaml.error import MarkedYAMLError

from shareasm.campaign_files.findings import Findings, Place

EXAMPLE = "the example in config/campaigns/shareasm-2027"
_TAG_IN_BRACKETS = re.compile(r"[\[{,:]\s*#\w")

# (part of the parser's words, what it means, what to do, whether the place where the construct begins helps more)
_EXPLAINED: tuple[tuple[str, str, str, bool], ...] = (
    (
        "found character '\\t'",
        "A tab stands here; YAML is indented with spaces.",
        "Replace the tab by spaces (in most editors: “Convert indentation to spaces”).",
        False,
    ),
    (
        "found character",
        "A value cannot begin with this character.",
        'Put the whole value in double quotes: "…".',
        False,
    ),
    (
        "mapping values are not allowed here",
        "YAML does not expect a colon here.",
        "If it belongs to a text, put that in double quotes; if it follows a key, indent the key like its neighbours.",
        False,
    ),
    (
        "could not find expected ':'",
        "This line has no key, or no colon behind its key.",
        "Write “key: value”. If the line goes on with the text above, put that whole text in double quotes.",
        True,
    ),
    (
        "found unknown escape character",
        "In double quotes a backslash begins a code, and this one is not known.",
        "Write the backslash twice, or use single quotes around the text.",
        False,
    ),
    (
        "found unexpected end of stream",
        "A quotation mark is opened here and never closed.",
        "Close it with the same mark.",
        True,
    ),
    (
        "found unexpected document separator",
        "A quotation mark is opened here and not closed before “---”.",
        "Close it with the same mark.",
        True,
    ),
    (
        "expected ',' or ']'",
        "A list opens here with [ and is not closed, or a comma is missing in it.",
        "Close it with ], put commas between the items, and put text with commas, colons or # in quotes.",
        True,
    ),
    (
        "expected ',' or '}'",
        "A block opens here with { and is not closed, or a comma is missing in it.",
        "Close it with }, put commas between its keys, and put text with commas, colons or # in quotes.",
        True,
    ),
    (
        "but found '<scalar>'",
        "Text goes on here, where the value has already ended.",
        'Put the whole value in double quotes; a quotation mark inside it is written \\".',
        False,
    ),
    (
        "expected <block end>",
        "This line is not indented like its neighbours.",
        "Give all keys of one block, and all dashes of one list, the same number of spaces.",
        False,
    ),
    (
        "expected the node content",
        "A value is missing here, or a bracket before it is not closed.",
        "Write the value, or close the bracket.",
        False,
    ),
    (
        "sequence entries are not allowed here",
        "A list item (“- …”) cannot begin here.",
        "Begin it on a line of its own below its key, indented by two spaces more.",
        False,
    ),
)


def explain_syntax(error: MarkedYAMLError, text: str, place: Place, findings: Findings) -> None:
    """Add the finding for the parser's `error`, in a person's words where they are known."""
    problem = str(error.problem or error)
    unknown = ("", f"This is not YAML: {problem}.", f"Compare with {EXAMPLE}.", False)
    _, message, cure, is_told_at_beginning = next((row for row in _EXPLAINED if row[0] in problem), unknown)
    mark = (error.context_mark if is_told_at_beginning else None) or error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    last = error.problem_mark.line if error.problem_mark else line
    if _TAG_IN_BRACKETS.search("\n".join(text.split("\n")[line : last + 1])):
        message = "A # begins a comment in YAML: the rest of its line, with the closing bracket, is not read."
        cure = "In “hashtags” write the words without #: [shareASM]. Elsewhere put the value in double quotes."
    findings.error(Place(place.file, line + 1, column + 1), message, cure)
