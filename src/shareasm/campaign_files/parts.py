"""The posts of one slot: their words per language and network, and what goes with them."""

import re
from dataclasses import dataclass
from pathlib import Path

from shareasm.campaign_files import words
from shareasm.campaign_files.accounts import NETWORKS
from shareasm.campaign_files.attachments import read_attachments
from shareasm.campaign_files.campaign import Sketch
from shareasm.campaign_files.places import KeyOf, Places, TextKey
from shareasm.campaign_files.reading import Field, Row, suggest, text
from shareasm.campaign_files.tree import Fields, Items, Scalar
from shareasm.campaign_files.unfinished import warn_unfinished
from shareasm.domain.campaigns import CampaignAccount
from shareasm.domain.schedules import Part

PARTS_LIMIT = 25
"""Further parts of one thread."""

_PART_KEYS = ("text", "media", "video", "poll")
_PARTNER = re.compile(r"\{@([^{}\s]*)\}")

Texts = dict[str, dict[str, str]]
"""language → network or "" → words."""


@dataclass(frozen=True, slots=True)
class PartsReader:
    """Reads the posts of one slot."""

    slot: str
    accounts: tuple[CampaignAccount, ...]  # where it goes out
    sketch: Sketch
    media: Path
    places: Places

    def read(self, row: Row) -> tuple[Part, ...]:
        """Return the slot's own post and the further parts of its thread; none where it has no words."""
        texts = self._texts(row, 0)
        if not texts:
            return ()
        parts = [self._part(row, 0, texts, texts)]
        for part in row.rows("thread", "a part of the thread", _PART_KEYS, most=PARTS_LIMIT):
            further = self._texts(part, len(parts))
            self._compare_languages(part, texts, further)
            if further.keys() >= texts.keys():
                parts.append(self._part(part, len(parts), {key: further[key] for key in texts}, texts))
        return tuple(parts)

    def _part(self, row: Row, part: int, texts: Texts, root: Texts) -> Part:
        networks = frozenset(account.network for account in self.accounts)
        more = read_attachments(row, tuple(root), networks, self.media)
        for key in ("media", "video", "poll"):
            self.places.keys[KeyOf(self.slot, key, part)] = row.place_of(key)
        return Part(texts, more.pictures, more.video, more.poll)

    def _compare_languages(self, part: Row, root: Texts, further: Texts) -> None:
        if further and (missing := [language for language in root if language not in further]):
            part.findings.error(
                part.place_of("text"),
                f"This part of the thread is not there in {', '.join(missing)}, but its first post is.",
                "Write it in every language of the first post.",
            )
        if extra := [language for language in further if language not in root]:
            part.findings.error(
                part.place_of("text"),
                f"This part of the thread is in {', '.join(extra)}, but its first post is not.",
                "Write the first post in that language too.",
            )

    # ---- words ---------------------------------------------------------------------------------------------------------

    def _texts(self, row: Row, part: int) -> Texts:
        if not row.has("text") or (isinstance(node := row.field("text").node, Fields) and not node.pairs):
            row.findings.error(
                row.place_of("text"),
                f"“text” is missing in {row.what}, or empty.",
                'Write: text: {en: "…  #shareASM"}.',
            )
            return {}
        field = row.field("text")
        if isinstance(field.node, Scalar):
            return self._only_text(field, part)
        if isinstance(field.node, Items):
            text(field)
            return {}
        texts: Texts = {}
        spoken = {language for account in self.accounts for language in account.languages}
        for key, node in field.node.pairs:
            language = words.language(Field("text", key, row.findings))
            by_network = self._by_network(Field(key.text, node, row.findings), part, language or "")
            if language is None or not by_network:
                continue
            if spoken and language not in spoken:
                row.findings.error(
                    key.place,
                    f"None of the slot's accounts speaks “{language}”: this text would go out nowhere.",
                    f"They speak {', '.join(sorted(spoken))}. Add the language to one of them, or take the text out.",
                )
            texts[language] = by_network
        return texts

    def _only_text(self, field: Field, part: int) -> Texts:
        """Return a text that names no language: right where the campaign has only one."""
        only = self._words(field)
        languages = self.sketch.campaign.languages
        if only is None:
            return {}
        if len(languages) > 1:
            field.fail(
                f"Which language is this? The campaign speaks {', '.join(languages)}.",
                f'Write it below its language: text: {{{languages[0]}: "…"}}.',
            )
        language = languages[0] if languages else "en"
        self.places.texts[TextKey(self.slot, part, language, "")] = field.place
        return {language: {"": only}}

    def _by_network(self, field: Field, part: int, language: str) -> dict[str, str]:
        """Return network or "" → words of one language."""
        if not isinstance(field.node, Fields):
            whole = self._words(field)
            self.places.texts[TextKey(self.slot, part, language, "")] = field.place
            return {"": whole} if whole else {}
        row = Row(field.node, f"the text in “{field.name}”", NETWORKS, field.findings)
        by_network = {}
        for network in NETWORKS:
            if row.has(network) and (one := row.get(network, self._words)):
                by_network[str(network)] = one
                self.places.texts[TextKey(self.slot, part, language, network)] = row.place_of(network)
        needed = {account.network for account in self.accounts if language in account.languages}
        for network in sorted(needed):
            if not row.has(network):
                row.findings.error(
                    row.place, f"The text for {network.title()} is missing here.", f"Add “{network}: …”."
                )
        return by_network if needed <= by_network.keys() else {}

    def _words(self, field: Field) -> str | None:
        """Return a text, after a look at the partners that it names by {@id}."""
        said = text(field)
        known = self.sketch.partners
        warn_unfinished(field, said or "", ("{link}",))
        for match in _PARTNER.finditer(said or ""):
            if known is not None and match[1] not in known:
                field.fail(
                    f"There is no partner in campaign.yaml called “{match[1]}”, whose handle should stand for {match[0]}.",
                    suggest(match[1], sorted(known)),
                )
        return said
