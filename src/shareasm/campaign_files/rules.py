"""From `rules` in `campaign.yaml` to what each rule does: stricter freely, looser only by naming it, what is fixed never."""

from shareasm.campaign_files.reading import Field, Row, one_of, row_of
from shareasm.domain.campaigns import Effect
from shareasm.domain.moderation import RULES, Rule

_BY_NAME = {rule.name: rule for rule in RULES}


def read_rules(row: Row) -> dict[str, Effect]:
    """Return the effects that the campaign names itself, by the rule's name."""
    named = row_of(row.field("rules"), "the rules", _BY_NAME) if row.has("rules") else None
    if named is None:
        return {}
    effects: dict[str, Effect] = {}
    for name, rule in _BY_NAME.items():
        word = named.get(name, one_of(Effect, "effect"))
        if word is not None and _is_allowed(rule, Effect(word), named.field(name)):
            effects[name] = Effect(word)
    return effects


def _is_allowed(rule: Rule, effect: Effect, field: Field) -> bool:
    if not rule.effect.is_stricter_than(effect):
        return True
    if rule.is_fixed:
        field.fail(
            f"“{rule.name}” cannot do less than “{rule.effect}”: that is its network's decision, or its author's.",
            "Take the line out.",
        )
        return False
    field.findings.warn(
        field.place,
        f"“{rule.name}: {effect}” is less careful than usual (“{rule.effect}”): it goes against what people asked for.",
        "Keep it only if those people agreed.",
    )
    return True
