"""The hostile corpus as posts: each vector in a post's HTML and in every plain field, each followed by a plain neighbour."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from recap_day import a_post, an_account, at, shown
from shareasm.domain.changes import Seen, Skipped
from shareasm.domain.items import ShownPost
from shareasm.domain.posts import Card, Media, MediaKind, Poll, Post
from shareasm.domain.richtext import clean_line, clean_text
from shareasm.networks.bluesky.translate import decode_get_posts
from shareasm.networks.mastodon.translate import translate_status

NOW = datetime(2027, 2, 3, 12, tzinfo=UTC)


def lines(file: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in file.read_text().splitlines())


def built(recipe: Any) -> Any:
    """Return what a recipe of the corpus stands for (see its README)."""
    if not isinstance(recipe, dict):
        return recipe
    if "repeat" in recipe:
        piece, count = recipe["repeat"]
        return "".join(piece.replace("{i}", str(number)) for number in range(count))
    if "concat" in recipe:
        return "".join(str(built(part)) for part in recipe["concat"])
    if "repeat_object" in recipe:
        item, count = recipe["repeat_object"]
        return [json.loads(json.dumps(item).replace("{i}", str(number))) for number in range(count)]
    if "repeat_value" in recipe:
        value, count = recipe["repeat_value"]
        return [value] * count
    if "nest" in recipe:
        key, count = recipe["nest"]
        nested: dict[str, Any] = {}
        for _ in range(min(count, 500)):
            nested = {key: nested}
        return nested
    return recipe.get("literal", recipe)


def changed(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    made = deepcopy(base)
    for path, value in changes.items():
        *inside, key = path.split(".")
        target = made
        for name in inside:
            target = target[name]
        if value == {"delete": True}:
            target.pop(key, None)
        else:
            target[key] = built(value)
    return made


def as_html(shared: Path) -> list[Post]:
    """Every vector of html.jsonl as a post's HTML, and once more as each of its plain texts."""
    posts = []
    for case in lines(shared / "corpus/hostile/html.jsonl"):
        value = case.get("html") if "html" in case else built(case["html_recipe"])
        assert isinstance(value, str)
        posts.append(a_post(case["id"], value))
        if len(value) > 5000:
            continue
        word = clean_line(value, 500)
        plain = a_post(case["id"] + "-plain", "<p>plain</p>", by=an_account("guest.example", word))
        posts.append(
            replace(
                plain,
                content_warning=word,
                media=(Media(MediaKind.IMAGE, "https://canary.invalid/x.png", clean_text(value, 1500)),),
                poll=Poll(((word, 3),)),
                card=Card("https://example.org/", word, word),
                application=word,
            )
        )
    return posts


def as_fields(shared: Path) -> list[Post]:
    """Every case of fields.jsonl that a translator keeps."""
    folder = shared / "corpus/hostile"
    bases = json.loads((folder / "bases.json").read_text())
    posts = []
    for case in lines(folder / "fields.jsonl"):
        item = json.dumps(changed(bases[case["base"]], case["set"])).encode()
        taken: Seen | Skipped | None
        if case["network"] == "mastodon":
            taken = translate_status(item, "https://mastodon.example")
        else:
            taken = next(iter(decode_get_posts(b'{"posts":[' + item + b"]}", NOW).posts), None)
        if isinstance(taken, Seen):
            unique = replace(taken.post.ref, uri=f"{taken.post.ref.uri}#{case['id']}")
            posts.append(replace(taken.post, ref=unique))
    return posts


def with_neighbours(posts: list[Post]) -> list[ShownPost]:
    """Return each post followed by a plain one, which must survive it."""
    held = []
    for number, post in enumerate(posts):
        instant = at("08:00") + timedelta(seconds=2 * number)
        neighbour = a_post(
            f"n{number}", f"<p>neighbour {number} is whole</p>", by=an_account(f"n{number}.example"),
            created_at=instant + timedelta(seconds=1),
        )  # fmt: skip
        held += [
            shown(replace(post, created_at=instant), 2 * number, is_covered=bool(post.content_warning)),
            shown(neighbour, 2 * number + 1),
        ]
    return held
