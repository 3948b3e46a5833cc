"""Single values that are wrong, where a golden plan would hide the point. Each names its cure."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from shareasm.campaign_files import Finding, Loaded, load_campaign
from shareasm.campaign_files.days import guess_day

GOOD = Path(__file__).resolve().parent.parent / "data" / "schedules" / "good"


def said_after(tmp_path: Path, old: str, new: str) -> str:
    folder = Path(shutil.copytree(GOOD, tmp_path / "day"))
    text = (folder / "campaign.yaml").read_text()
    assert old in text
    (folder / "campaign.yaml").write_text(text.replace(old, new))
    return "\n".join(
        str(finding) for finding in load_campaign(folder).findings if finding.file.endswith("campaign.yaml")
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('window: {opens: "06:00", closes: "22:00"}', "window: [a]", "Here must stand the window"),
        ('window: {opens: "06:00", closes: "22:00"}', "window: 06:00 - 22:00", 'closes: "22:00"}, or window: everywhere.'),
        ('window: {opens: "06:00", closes: "22:00"}', "window: “everywhere”", "stands in curly quotes"),
        ('closes: "22:00"', 'closes: "2027-03-03 22:00"', "The window is longer than a week"),
        ('closes: "22:00"', 'closes: ""', "“closes” is empty"),
        ("network: bluesky, server", "network: twitter, server", "There is no network “twitter”"),
        ('"@iied.example"', "[x]", "“accounts” must be text"),
        ("accent: \"#8a4b08\"", "accent: []", "“accent” must be text"),
        ("contact: shareasm@iied.example", "contact: [x]", "“contact” must be text"),
        ("contact: shareasm@iied.example", "contact: https://iied.example/a b", "contact: mailto:asm@iied.example, or contact: https://"),
        ("contact: shareasm@iied.example", "contact: ask Amina", "is neither an e-mail address nor a web address"),
        ("contact: shareasm@iied.example", "contact: https://iied.example/contact", ""),
        ("contact: shareasm@iied.example", "contact: https://iied.example:x", "neither an e-mail address nor"),
        ("server: https://bsky.social", "server: [x]", "“server” must be text"),
        ("https://mastodon.social, handle", '"http://127.0.0.1:3000", handle', ""),
        ("https://mastodon.social, handle", '"http://mastodon.social", handle', "The line to mastodon.social is not encrypted"),
        ("languages: [en, fr, es]\n", "languages: [en, fr, es, [x]]\n", "“languages” must be text"),
        ("country: GB", "country: [x]", "“country” must be text"),
        ("on: 2027-02-03", "on: [x]", "“on” must be text"),
        ("on: 2027-02-03", "on: 1999-02-03", "The year 1999 cannot be meant"),
        ("year: 2021", "year: [x]", "“year” must be text"),
        ("https://www.iied.org, zone", "[x], zone", "“url” must be text"),
        ("mastodon: https://mastodon.social}", "mastodon: https://mastodon.social, account: iied-mastodon}", ""),
        ("contact: shareasm@", "contact: mailto:shareasm@", ""),
        ("partners:\n", "partners: *x\nothers:\n", "“*x” is an alias"),
        ("collect:\n", "collect: *x\nothers:\n", "“*x” is an alias"),
        ("hashtags: [shareASM, ShareASM2027]", "hashtags: shareASM", ""),
        ("look: {accent", "look: *x\nother: {accent", "“*x” is an alias"),
        ("handle: shareasm@mastodon.social", "handle: *x", "“*x” is an alias"),
        ("jetstream: wss://jetstream.us-east.bsky.network", "jetstream: *x", "“*x” is an alias"),
        ("contact: shareasm@iied.example", "contact: you@organisation.example", "is what every new campaign begins with"),
        ("contact: shareasm@iied.example", "contact:", "“contact” is empty. Write where people ask to be removed"),
        ("handle: shareasm@mastodon.social", "handle: https://mastodon.social/@shareasm", "Write “shareasm@mastodon.social”."),
        ("handle: shareasm@mastodon.social", "handle: ours", "Write a Mastodon handle with its server"),
        ("handle: shareasm.iied.example", "handle: https://bsky.app/profile/iied.example", "Write “iied.example”."),
        ("handle: shareasm.iied.example", "handle: ours", "Write a Bluesky handle"),
        ("languages: [en, fr, es]\n", "languages: [EN, fr, pt_br]\n", "Write “en”."),
        ("languages: [en, fr, es]\n", "languages: [EN, fr, pt_br]\n", "Write “pt-BR”."),
        ("zone: Europe/London\nwindow", "zone: Africa/Dar\nwindow", "Did you mean “Africa/Dar_es_Salaam”?"),
        ("hashtags: [shareASM, ShareASM2027]", "hashtags: [gold day!]", "such as goldDay; several"),
        ("hashtags: [shareASM, ShareASM2027]", 'hashtags: ["! ?"]', "such as myDay; several"),
        ("look: {accent", "recap: [x]\nlook: {accent", "Here must stand the recap"),
        ("look: {accent", "recap: {url: x}\nlook: {accent", "is not an address"),
        ("look: {accent", "recap: {folder: www}\nlook: {accent", "“www” does not say where it begins"),
        ("look: {accent", 'recap: {folder: /www, command: [cp, "{folder}", /x]}\nlook: {accent', "two ways to its readers"),
        ("look: {accent", "recap: {command: [rsync, -a]}\nlook: {accent", "does not say what it carries"),
        ("look: {accent", "recap: {url: https://iied.example/2027, folder: /srv/www}\nlook: {accent", ""),
    ],
)  # fmt: skip
def test_a_small_mistake_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    said = said_after(tmp_path, old, new)
    assert words in said
    assert bool(words) is bool(said), said


def test_a_link_to_a_picture_is_not_followed_out_of_the_folder(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(GOOD, tmp_path / "day"))
    shutil.move(folder / "media" / "dialogue.png", tmp_path / "elsewhere.png")
    (folder / "media" / "dialogue.png").symlink_to(tmp_path / "elsewhere.png")
    (finding,) = load_campaign(folder).findings
    assert finding.message == "“dialogue.png” is a link that leads out of the campaign's folder."


def test_a_capital_letter_in_a_folder_name_counts(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(GOOD, tmp_path / "day"))
    (folder / "schedule.yaml").write_text(
        (folder / "schedule.yaml").read_text().replace("dialogue.png", "More/dialogue.png")
    )
    (finding,) = load_campaign(folder).findings
    assert "There is no file “More/dialogue.png”" in finding.message


def test_a_picture_without_a_name_has_no_other_finding(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(GOOD, tmp_path / "day"))
    (folder / "schedule.yaml").write_text(
        (folder / "schedule.yaml").read_text().replace("file: dialogue.png", "file: []")
    )
    (finding,) = load_campaign(folder).findings
    assert "“file” must be text" in finding.message


def test_the_address_of_the_recap_ends_where_its_files_begin(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(GOOD, tmp_path / "day"))
    with (folder / "campaign.yaml").open("a") as file:
        file.write("recap: {url: https://iied.example/2027, command: [rsync, '{folder}/', 'web:/srv/']}\n")
    loaded = load_campaign(folder)
    assert loaded.campaign
    publication = loaded.campaign.publication
    assert (publication.url, publication.command) == ("https://iied.example/2027/", ("rsync", "{folder}/", "web:/srv/"))
    assert publication.has_place


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("3.2.2027", date(2027, 2, 3)),
        ("03/02/2027", date(2027, 2, 3)),
        ("2/28/2027", date(2027, 2, 28)),
        ("2027/2/3", date(2027, 2, 3)),
        ("3rd of February 2027", date(2027, 2, 3)),
        ("Feb. 3, 2027", date(2027, 2, 3)),
        ("3. March 2027", date(2027, 3, 3)),
        ("31.2.2027", None),
        ("3 Smarch 2027", None),
        ("next week", None),
    ],
)
def test_a_date_written_otherwise_is_understood_for_its_cure_alone(words: str, meant: date | None) -> None:
    assert guess_day(words) == meant


@pytest.mark.parametrize("value", ["“2027-02-03”", "„2027-02-03“", "”2027-02-03”"])
def test_the_quotes_of_a_word_processor_are_named(tmp_path: Path, value: str) -> None:
    said = said_after(tmp_path, "on: 2027-02-03", f"on: {value}")
    assert 'stands in curly quotes, which are letters of the text here. Write straight ones: "2027-02-03".' in said


def test_a_quotation_in_straight_quotes_keeps_its_curly_ones(tmp_path: Path) -> None:
    assert said_after(tmp_path, "host: ", 'host: "“Ours”" #') == ""


# ---- the command that publishes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ('"rsync -a {folder}/ web:/srv/"', ("rsync", "-a", "{folder}/", "web:/srv/")),
        ("rsync -e 'ssh -p 22' {folder}/ 'web:/my day/'", ("rsync", "-e", "ssh -p 22", "{folder}/", "web:/my day/")),
        ("""sh -c 'cp -r {folder} "$HOME"; true'""", ("sh", "-c", 'cp -r {folder} "$HOME"; true')),
        ('[sh, -c, "cp -r {folder} $HOME; true"]', ("sh", "-c", "cp -r {folder} $HOME; true")),
        ('"rsync --exclude=*.md {folder}/ /srv"', ("rsync", "--exclude=*.md", "{folder}/", "/srv")),
        ("[echo, '{folder}', a, a]", ("echo", "{folder}", "a", "a")),
    ],
)
def test_a_command_is_a_line_or_a_list_of_words(tmp_path: Path, command: str, words: tuple[str, ...]) -> None:
    loaded = with_command(tmp_path, command)
    assert loaded.campaign, loaded.findings
    assert loaded.campaign.publication.command == words


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("cp -r {folder} /srv && ls", "“&&” is for a shell"),
        ("cp -r {folder} ~/www", "“~/www” is for a shell"),
        ("cp -r {folder} $HOME", "“$HOME” is for a shell"),
        ("cp -r {folder}/* /srv", "“{folder}/*” is for a shell"),
        ("cp -r {folder} 'web", "A quotation mark is opened in this command"),
        ("['cp -r {folder} /srv']", "The whole command is one item of a list"),
        ("cp -r /srv", "does not say what it carries"),
        ('""', "“command” is empty"),
        ("[[a], '{folder}']", "“command” must be text"),
    ],
)
def test_a_command_that_cannot_work_is_told_with_one_that_can(tmp_path: Path, command: str, message: str) -> None:
    (finding,) = with_command(tmp_path, command).findings
    assert message in finding.message
    assert finding.cure


def with_command(tmp_path: Path, command: str) -> Loaded:
    folder = Path(shutil.copytree(GOOD, tmp_path / "day"))
    with (folder / "campaign.yaml").open("a") as file:
        file.write(f"recap: {{command: {command}}}\n" if command[0] in '["' else f"recap:\n  command: {command}\n")
    return load_campaign(folder)


# ---- words that are still to come --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "Hello {name}",
        "Hello {Link}",
        "TODO: greet",
        "At XX:XX or XXX",
        "Lorem Ipsum dolor",
        "See [insert link here]",
    ],
)
def test_words_that_are_still_to_come_are_warned_of_wherever_people_will_read_them(tmp_path: Path, words: str) -> None:
    for file, old, new in (
        ("schedule.yaml", "More to come", words),
        ("schedule.yaml", "A golden disc", words),
        ("campaign.yaml", "languages:", f'about: "{words}"\nlanguages:'),
    ):
        folder = Path(shutil.copytree(GOOD, tmp_path / file / old))
        text = (folder / file).read_text()
        (folder / file).write_text(text.replace(old, f'"{words}"' if file == "schedule.yaml" else new, 1))
        (finding,) = load_campaign(folder).findings
        assert finding.severity == "warning"
        assert finding.cure


def test_what_init_could_not_translate_is_warned_of(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(GOOD, tmp_path / "day"))
    text = (folder / "schedule.yaml").read_text()
    (folder / "schedule.yaml").write_text(text.replace('"Bonjour #shareASM"', '"[fr] Good morning #shareASM"'))
    (finding,) = load_campaign(folder).findings
    assert finding.message == "The text begins with [fr]: it is not translated yet."


@pytest.mark.parametrize(
    "words", ["{link} is it", "{@iied} says so", "XX century", "to do", "[sic] it is", "[…] and so on", "Football XI"]
)
def test_ordinary_words_are_not_taken_for_unfinished_ones(tmp_path: Path, words: str) -> None:
    folder = Path(shutil.copytree(GOOD, tmp_path / "day"))
    text = (folder / "schedule.yaml").read_text()
    (folder / "schedule.yaml").write_text(text.replace("More to come", f'"{words}"'))
    assert load_campaign(folder).findings == ()


# ---- languages that are missing ----------------------------------------------------------------------------------------


def test_a_language_that_an_account_speaks_and_slots_lack_is_told_once(tmp_path: Path) -> None:
    texts = [f"{{id: s{n}, at: 09:{n:02}, kind: news, text: {{en: 'Number {n} #shareASM'}}}}" for n in range(10)]
    (finding,) = with_slots(tmp_path, *texts)
    assert finding.severity == "warning"
    assert finding.message.startswith("“s0”, “s1”")
    assert finding.message.endswith(
        "“s7” and 2 more have no text in “fr” and “es”, which iied-mastodon speaks: nothing of them goes out there in them."
    )
    assert finding.cure.endswith("where it is meant so, say in the slot: languages: [en].")


def test_a_slot_that_says_its_languages_is_meant_so(tmp_path: Path) -> None:
    slot = "{id: one, at: 09:00, kind: news, text: {en: 'One #shareASM'}, languages: [en]}"
    assert with_slots(tmp_path, slot) == ()


@pytest.mark.parametrize(
    ("languages", "message"),
    [
        ("[en, fr]", "“languages” names fr, and there is no text in it."),
        ("[fr]", "There is a text in en, and “languages” does not name it."),
        ("english", "is not a language's code"),
    ],
)
def test_the_languages_that_a_slot_names_are_those_of_its_texts(tmp_path: Path, languages: str, message: str) -> None:
    slot = f"{{id: one, at: 09:00, kind: news, text: {{en: 'One #shareASM'}}, languages: {languages}}}"
    assert message in str(with_slots(tmp_path, slot))


def with_slots(tmp_path: Path, *slots: str) -> tuple[Finding, ...]:
    folder = Path(shutil.copytree(GOOD, tmp_path / "day"))
    (folder / "story.yaml").unlink()
    lines = "".join(f"  - {slot}\n" for slot in slots)
    (folder / "schedule.yaml").write_text(f"defaults: {{accounts: [iied-bluesky, iied-mastodon]}}\nslots:\n{lines}")
    return load_campaign(folder).findings


def test_names_that_stand_in_one_text_are_to_be_a_list(tmp_path: Path) -> None:
    slot = "{id: one, at: 09:00, kind: news, text: {en: 'One #shareASM'}, accounts: 'iied-bluesky, iied-mastodon'}"
    assert "Write several as a list: [iied-bluesky, iied-mastodon]." in str(with_slots(tmp_path, slot))


# ---- ids that stand twice ----------------------------------------------------------------------------------------------


def test_an_id_that_stands_twice_leaks_no_name_of_ours(tmp_path: Path) -> None:
    found = with_slots(
        tmp_path,
        "{id: one, at: 09:00, kind: news, text: {en: 'One #shareASM'}}",
        "{id: one, at: 09:00, kind: news, text: {en: 'Two #shareASM'}, reply_to: two}",
        "{at: 09:00, kind: news, text: {en: 'Three #shareASM'}, quote: ore}",
        "{id: two, at: 10:00, kind: news, text: {en: 'Four #shareASM'}}",
        "{id: two, at: 08:00, kind: news, text: {en: 'Five #shareASM'}, reply_to: two}",
        "{at: 08:00, kind: news, text: {en: 'Six #shareASM'}}",
    )
    said = "\n".join(map(str, found))
    assert "?" not in said.replace("Did you mean “one”?", "")
    assert "The id “one” is taken by the slot on line 3." in said
    assert "This slot and the slot on line 7 go out on iied-bluesky, iied-mastodon in the same minute." in said
