"""`story.drafted.json`: what drafts remember of what they wrote. Here only whether a hand was in the story since."""

import json
from hashlib import blake2b
from pathlib import Path

FILE = "story.drafted.json"


def digest_of(text: str) -> str:
    """Return what is remembered of a whole story: its letters, whatever ends its lines."""
    return blake2b("\n".join(text.splitlines()).encode(), digest_size=12).hexdigest()


def is_as_drafted(folder: Path) -> bool:
    """Return whether the story in `folder` is, letter by letter, what a draft wrote last."""
    try:
        known = json.loads((folder / FILE).read_text(encoding="utf-8"))
        text = (folder / "story.yaml").read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return False  # no draft, or none that can be read: then a person's hand was in it
    return isinstance(known, dict) and known.get("story") == digest_of(text)
