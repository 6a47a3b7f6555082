"""One act, from its rule to its journal entry."""

from typing import Any

import msgspec

from config.database import Tx
from directory.acts.act import Act, Rule, public, tag
from directory.acts.table import RULES
from directory.errors import NotPermitted
from directory.journal import Entry
from directory.rights import Actor, Chain


def rule_of(kind: type[Act]) -> Rule[Any]:
    """Return the rule of a kind of act. Raises NotPermitted when it has none."""
    if kind not in RULES:
        raise NotPermitted("there is no rule for this act", act=tag(kind))
    return RULES[kind]


def carry_out(tx: Tx, actor: Actor, rule: Rule[Any], act: Act, place: Chain, reason: str) -> tuple[Any, Entry]:
    """Change what an act says; return what that gave and its journal entry."""
    before = rule.image(tx, act, None)
    value = rule.run(tx, act)
    return value, entry_of(tx, actor, rule, act, place, before, value, reason)


def entry_of(tx: Tx, actor: Actor, rule: Rule[Any], act: Act, place: Chain, before: Any, value: Any, reason: str) -> Entry:
    """Return the journal entry of an act that was carried out."""
    return Entry(
        actor,
        tag(act),
        rule.kind,
        rule.subject(act, value),
        place.organisation_id,
        place.unit_id,
        msgspec.to_builtins(before),
        {"asked": public(act), "is": msgspec.to_builtins(rule.image(tx, act, value))},
        reason,
    )
