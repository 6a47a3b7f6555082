"""Acts on the keys that sign mail in the name of a domain. Like the domain itself they are the nation's matter."""

from typing import Annotated, Any

from config.database import Tx
from directory import dkim
from directory.acts import places
from directory.acts.act import SECRET, Act, Rule, Rules
from directory.address import parse_domain
from directory.dkim import KeyRow, Shown
from directory.rights import NATION, Scope


class DkimAdd(Act, frozen=True, tag="dkim.add"):
    """Store the `first` keys of a domain, or the next ones. The private halves are sealed before they come here."""

    domain: str
    keys: Annotated[tuple[KeyRow, ...], SECRET]
    first: bool


class DkimRemove(Act, frozen=True, tag="dkim.remove"):
    """Destroy a key of a domain."""

    domain: str
    selector: str


def _owner(tx: Tx, act: Any) -> tuple[Scope, ...]:
    """Ask for the right in the whole nation, where the owner is too: the first place is where it is journalled."""
    return places.domain(tx, parse_domain(act.domain)), NATION


def _shown(tx: Tx, act: Any, value: Any) -> list[Shown]:
    return dkim.shown(tx, parse_domain(act.domain))


def _none(act: Any, value: Any) -> None:
    """Domains have names, not ids."""


def _add(tx: Tx, act: DkimAdd) -> None:
    dkim.add(tx, parse_domain(act.domain), act.keys, first=act.first)


def _remove(tx: Tx, act: DkimRemove) -> None:
    dkim.remove(tx, parse_domain(act.domain), act.selector)


RULES: Rules = {
    DkimAdd: Rule("domains", _owner, _add, "dkim", _none, _shown),
    DkimRemove: Rule("domains", _owner, _remove, "dkim", _none, _shown),
}
