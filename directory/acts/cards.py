"""Acts on what an entry shows: its attributes, and who may see them. Some of it people change themselves."""

from typing import Any, Final

import msgspec

from config.database import Tx
from directory import attributes, holdings, search, visibility
from directory.acts import places
from directory.acts.act import Act, Rule, Rules
from directory.attributes import Attributes
from directory.rights import Scope
from directory.types import Audience

BY_ONESELF: Final = frozenset({"phone", "mobile", "fax", "room"})  # names and numbers of employees are attested by others


class AttributesSet(Act, frozen=True, tag="attributes.set"):
    """Change attributes of an account; "" removes one."""

    account_id: int
    values: dict[str, str]


class VisibilitySet(Act, frozen=True, tag="visibility.set"):
    """Let another audience see an attribute of an account, or (None) the usual one."""

    account_id: int
    attribute: str
    audience: Audience | None


def _set(tx: Tx, act: AttributesSet) -> Attributes:
    return attributes.set(tx, act.account_id, act.values)


def _show(tx: Tx, act: VisibilitySet) -> None:
    """Change who sees it; people are found by a function only while everybody may know of it."""
    visibility.set(tx, act.account_id, act.attribute, act.audience)
    search.index(tx, [act.account_id, *(one.person_id for one in holdings.holders(tx, act.account_id, tx.now_us))])


def _own_attributes(tx: Tx, act: AttributesSet) -> int | None:
    return act.account_id if act.values.keys() <= BY_ONESELF else None


def _own_visibility(tx: Tx, act: VisibilitySet) -> int | None:
    return act.account_id if act.attribute in BY_ONESELF else None


def _here(tx: Tx, act: Any) -> Scope:
    return places.account(tx, act.account_id)


def _attributes(tx: Tx, act: AttributesSet, value: Any) -> dict[str, Any]:
    known = attributes.of(tx, [act.account_id]).get(act.account_id, attributes.NONE)
    return {name: told for name, told in msgspec.to_builtins(known).items() if name in act.values}


def _visibility(tx: Tx, act: VisibilitySet, value: Any) -> dict[str, Audience]:
    return visibility.of(tx, [act.account_id]).get(act.account_id, {})


def _subject(act: Any, value: Any) -> int:
    found: int = act.account_id
    return found


RULES: Rules = {
    AttributesSet: Rule("attributes", _here, _set, "attributes", _subject, _attributes, own=_own_attributes),
    VisibilitySet: Rule(
        "attributes",
        _here,
        _show,
        "visibility",
        _subject,
        _visibility,
        own=_own_visibility,
    ),
}
