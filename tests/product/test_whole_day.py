"""A whole day as a process: what the plan says goes out once, what people say comes in, a recap lies on disk."""

import json
import re
import signal

import httpx
import pytest

from product.days import TAG, Day, png, slot
from product.program import wait_until
from shareasm.rehearsal.bluesky import Picture

pytestmark = pytest.mark.product

THREAD = """
    thread:
      - text: {en: "And a second part", fr: "Et une suite"}
      - text: {en: "And a third part", fr: "Et une fin"}"""
PICTURE = """
    media:
      - {file: dot.png, alt: {en: "A brown field", fr: "Un champ brun"}, credit: us, licence: CC0 1.0}"""


def test_a_whole_day_in_one_process(day: Day) -> None:
    world = day.world
    day.plan(
        slot("welcome", 6, PICTURE, en=f"Welcome, @amina.test! #{TAG}", fr=f"Bienvenue à tous #{TAG}"),
        slot("question", 7, THREAD, en=f"Your question? #{TAG}", fr=f"Votre question ? #{TAG}"),
        slot("guide", 8, "    resource: guide", en=f"Read this #{TAG}"),
        lasts=35,
    )
    world.bluesky.say(day.amina, f"Here before you #{TAG}")
    program = day.start("run", "--until-closed")
    address = program.wait_for("The day so far: ").split()[-1]

    program.wait_for("sent ", times=18)
    edited = world.bluesky.say(day.amina, f"Safer mines #{TAG}", images=[Picture(png(30, 20), "A mine", (30, 20))])
    deleted = world.bluesky.say(day.amina, f"I will regret this #{TAG}")
    status_edited = world.home.say(day.bakari, f"Old words #{TAG}", language="en")
    status_deleted = world.home.say(day.bakari, f"Bakari regrets #{TAG}", language="en")
    world.away.say(world.away.account("chinara"), f"From afar #{TAG}", language="fr")
    world.bluesky.say(day.amina, "Nothing to do with it #else")
    program.wait_for("collected  jetstream")
    told = f"SELECT count(*) FROM posts WHERE uri IN ('{edited}', '{deleted}')"
    wait_until(lambda: day.rows(told)[0][0] == 2, 20)
    program.wait_for("collected  bluesky")

    health = httpx.get(f"{address}healthz").json()
    assert health["status"] == "ok", health
    running = day.run("status", "--json")
    facts = json.loads(running.out)
    assert (running.code, facts["worker_alive"], facts["queue"]) == (0, True, {"published": 18}), running.out
    assert "Here before you" in httpx.get(address).text, program.said

    world.bluesky.edit(edited, f"Safer mines for all #{TAG}")
    world.bluesky.delete(deleted)
    world.home.edit(status_edited, f"New words #{TAG}")
    world.home.delete(status_deleted)
    program.wait_for("the day is over")
    assert program.ended() == 0, program.said
    assert "Traceback" not in program.said

    _check_posts(day)
    recap = (day.folder / "data" / "recaps" / "small-day" / "index.html").read_text(encoding="utf-8")
    for words in ("Here before you", "Safer mines for all", "New words", "From afar", "Welcome", "Your question?"):
        assert words in recap, words
    for words in ("I will regret", "Bakari regrets", "Old words", "Nothing to do with it"):
        assert words not in recap, words
    assert re.search(r'<img[^>]+alt="A mine"', recap), "a picture of the audience"
    after = day.run("status")
    assert (after.code, "closed" in after.out.splitlines()[0]) == (0, True), after.out
    _check_pages(day)


def _check_pages(day: Day) -> None:
    """The day is over: the program still shows its recap, and does nothing else."""
    program = day.start("run")
    address = program.wait_for("The day so far: ").split()[-1]
    page = httpx.get(address, follow_redirects=True)
    assert (page.status_code, page.url.path) == (200, "/recap/small-day/")
    picture = re.search(r'src="(media/[^"]+)"', page.text)
    assert picture
    assert httpx.get(page.url.join(picture[1])).status_code == 200
    assert httpx.get(f"{address}nowhere").status_code == 404
    program.signal(signal.SIGTERM)
    assert program.ended(10) == 0
    assert len(day.on_bluesky()) == 9


def _check_posts(day: Day) -> None:
    bluesky, mastodon = day.texts()
    assert sorted(bluesky) == sorted(
        [
            f"Welcome, @amina.test! #{TAG}",
            f"Bienvenue à tous #{TAG}",
            f"Your question? #{TAG}",
            f"Votre question ? #{TAG}",
            *("And a second part", "And a third part", "Et une suite", "Et une fin"),
            f"Read this #{TAG}",
        ]
    )
    assert len(mastodon) == len(set(mastodon)) == 9
    posts = {post["text"]: post for post in day.on_bluesky()}
    welcome = posts[f"Welcome, @amina.test! #{TAG}"]
    features = [facet["features"][0] for facet in welcome["facets"]]
    assert {"$type": "app.bsky.richtext.facet#mention", "did": day.amina.did} in features
    assert {"$type": "app.bsky.richtext.facet#tag", "tag": TAG} in features
    assert welcome["langs"] == ["en"]
    assert welcome["embed"]["images"][0]["alt"] == "A brown field"
    assert welcome["embed"]["images"][0]["aspectRatio"] == {"width": 60, "height": 40}
    card = posts[f"Read this #{TAG}"]["embed"]["external"]
    assert (card["uri"], card["title"]) == ("https://iied.example/guide", "Coming home from work")
    third = posts["And a third part"]["reply"]
    by_text = {str(post.value["text"]): post.uri for post in day.world.bluesky.posts(day.bluesky)}
    assert third["root"]["uri"] == by_text[f"Your question? #{TAG}"]
    assert third["parent"]["uri"] == by_text["And a second part"]
    statuses = {status["text"]: status for status in day.on_mastodon()}
    french = statuses[f"Bienvenue à tous #{TAG}"]
    assert (french["language"], french["visibility"]) == ("fr", "public")
    assert french["media_attachments"][0]["description"] == "Un champ brun"
    assert statuses["Et une fin"]["in_reply_to_id"] == statuses["Et une suite"]["id"]
    assert "https://iied.example/guide" in next(text for text in statuses if text.startswith("Read this"))
