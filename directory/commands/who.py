"""`diwan who ADDRESS`: who is behind an address, where they stand, since when and by which decision; on any day."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from config import log
from config.clock import SECOND_US
from config.commands import HERE, Directory, Json, ask, show
from config.database import Tx
from directory import who as directory
from directory.address import parse
from directory.commands.naming import ends
from directory.who import Holds, Who

_KINDS = {"person": "person", "post": "post", "unit": "unit mailbox", "list": "list"}
_BRANCH, _LAST, _BESIDE, _BELOW = "├─ ", "└─ ", "│  ", "   "


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of a tree, and what hangs below it."""

    said: str
    below: tuple["Branch", ...] = ()


def main(
    address: Annotated[str, typer.Argument(help="An address of this node: of a person, post, unit or list, or an alias.")],
    on: Annotated[str, typer.Option(metavar="DATE", help="As it was at the end of this day, or at this moment (ISO 8601).")] = "",
    known: Annotated[str, typer.Option(metavar="DATE", help="As the directory knew it then; without it, as it is known today.")] = "",
    node: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Say who is behind an address: holders, since when and by which decision, aliases, unit, administration."""
    log.configure("error")
    found = ask(node, _find, address, _moment(on, "--on"), _moment(known, "--known"))
    if as_json:
        show(found)
    else:
        sys.stdout.write("".join(f"{line}\n" for line in (_heading(found, on, known), *lines(tree(found)))))


def tree(found: Who) -> Branch:
    """Return an answer as a tree: administrations, then units, then the account with its addresses and holders."""
    state = "" if found.open else "  (closed)"
    aliases = (Branch(f"alias {one.address}{_closed(found, one.closed_us)}") for one in found.addresses if one.address != found.address)
    held = [_held(found, one) for one in found.held]
    if not held and found.kind in ("post", "unit"):
        held = [Branch("held by nobody")]
    counted = [] if found.members is None else [Branch(f"reaches {found.members} mailboxes today")]
    branch = Branch(
        f"{_name(found.name_fr, found.name_ar)}  <{found.address}>{state}",
        (*aliases, *held, *counted),
    )
    for place in (*found.units, *found.organisations):
        branch = Branch(f"{_name(place.name_fr, place.name_ar)}  [{place.code}]", (branch,))
    return branch


def lines(root: Branch) -> Iterator[str]:
    """Yield a tree line by line, its branches drawn."""
    yield root.said
    yield from _drawn(root.below, "")


def _drawn(branches: Sequence[Branch], indent: str) -> Iterator[str]:
    for branch in branches:
        last = branch is branches[-1]
        yield f"{indent}{_LAST if last else _BRANCH}{branch.said}"
        yield from _drawn(branch.below, indent + (_BELOW if last else _BESIDE))


def _find(tx: Tx, address: str, on_us: int | None, known_us: int | None) -> Who:
    return directory.who(tx, parse(address), on_us, known_us)


def _heading(found: Who, on: str, known: str) -> str:
    when = f", on {on}" if on else ""
    return f"{found.asked}: {_KINDS[found.kind]}{when}{f', as known on {known}' if known else ''}"


def _held(found: Who, one: Holds) -> Branch:
    until = "" if one.valid_to_us is None else f" until {day(one.valid_to_us - 1)}"
    decisions = decided(one.decision_ref, one.end_ref)
    said = f", decision {decisions}" if decisions else ""
    since = Branch(f"{one.kind} since {day(one.valid_from_us)}{until}{said}, recorded {day(one.recorded_us)}")
    if found.kind == "person":
        return Branch(f"holds {_name(one.title_fr, one.title_ar)}  <{one.post_address}>", (since,))
    post = f" as {one.title_fr or one.title_ar}" if found.kind == "unit" else ""
    return Branch(f"held by {_name(one.name_fr, one.name_ar)}  <{one.person_address}>{post}", (since,))


def _closed(found: Who, closed_us: int | None) -> str:
    return f"  (closed {day(closed_us)})" if closed_us is not None and closed_us <= found.on_us else ""


def _name(latin: str, arabic: str) -> str:
    return " · ".join(part for part in (latin, arabic) if part)


def decided(began: str, ended: str) -> str:
    """Return the decision that began a holding, and the one that ended it."""
    return f"{began or '?'}, ended by {ended}" if ended else began


def day(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // SECOND_US).astimezone().date().isoformat()


def _moment(text: str, option: str) -> int | None:
    """Return a moment in µs: of a date its last; None for "". Raises BadParameter."""
    over = ends(text, option)
    return None if over is None else over - 1
