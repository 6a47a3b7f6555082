"""`diwan unit …`: the tree of units in an administration."""

import sys
from typing import Annotated

import typer

from config import log
from config.commands import HERE, Directory, Json, ask, show
from config.database import Tx
from directory import organisations, units
from directory.acts.act import Act
from directory.acts.units import UnitAddress, UnitClose, UnitCreate, UnitMove, UnitRename
from directory.commands import finding
from directory.commands.finding import Arabic, Desk, Latin, Since, UnitPath, command
from directory.commands.naming import begins
from directory.commands.who import Branch, lines
from directory.types import Unit

app = typer.Typer(help="Units: add, rename, move, box, close, list.", no_args_is_help=True)
Below = Annotated[str, typer.Option("--below", metavar="UNIT", help="The code of the unit above it; without it, at the root.")]


@command(app)
def add(
    asked: Desk,
    path: UnitPath,
    ar: Arabic,
    fr: Latin,
    below: Below = "",
    kind: Annotated[str, typer.Option(help="What it is for, such as hr, finance, registry: lists ask for it.")] = "",
    box: Annotated[str, typer.Option(metavar="ADDRESS", help="The address of its functional mailbox.")] = "",
) -> None:
    """Make a unit."""
    asked.perform(_add, path, ar, fr, below, kind, box)


@command(app)
def rename(
    asked: Desk,
    path: UnitPath,
    ar: Arabic,
    fr: Latin,
    since: Since = "",
) -> None:
    """Give a unit another name; the old one stays known for its time."""
    asked.perform(lambda tx: UnitRename(finding.unit(tx, path).unit_id, ar, fr, begins(since)))


@command(app)
def move(
    asked: Desk,
    path: UnitPath,
    below: Below = "",
    since: Since = "",
) -> None:
    """Let a unit stand elsewhere in its administration."""
    asked.perform(_move, path, below, begins(since))


@command(app)
def box(
    asked: Desk,
    path: UnitPath,
    address: Annotated[str, typer.Argument(metavar="[ADDRESS]", help="Its address; without one, the mailbox is closed.")] = "",
) -> None:
    """Give a unit a functional mailbox, or close it. Whoever holds a post of the unit reads there."""
    asked.perform(lambda tx: UnitAddress(finding.unit(tx, path).unit_id, address or None))


@command(app)
def close(asked: Desk, path: UnitPath) -> None:
    """Close a unit that has neither units nor posts any more."""
    asked.perform(lambda tx: UnitClose(finding.unit(tx, path).unit_id))


@app.command(name="list")
def listing(
    administration: Annotated[str, typer.Argument(metavar="ADMINISTRATION", help="The code of an administration.")],
    node: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Draw the units of an administration as a tree."""
    log.configure("error")
    title, found = ask(node, _all, administration)
    if as_json:
        show([one for one in found if one.closed_us is None])
    else:
        sys.stdout.write("".join(f"{line}\n" for line in lines(tree(title, found))))


def tree(title: str, found: list[Unit]) -> Branch:
    """Return the open units of an administration as a tree."""
    below: dict[int | None, list[Unit]] = {}
    for one in found:
        if one.closed_us is None:
            below.setdefault(one.parent_id, []).append(one)

    def branch(one: Unit) -> Branch:
        facts = "  ".join(part for part in (one.kind, f"<{one.address}>" if one.address else "") if part)
        return Branch(f"{one.code}  {one.name_fr} · {one.name_ar}  {facts}".rstrip(), tuple(map(branch, below.get(one.unit_id, ()))))

    return Branch(title, tuple(map(branch, below.get(None, ()))))


def _add(tx: Tx, path: str, ar: str, fr: str, below: str, kind: str, box: str) -> Act:
    code, _, own = path.rpartition("/")
    owner = organisations.by_code(tx, code)
    parent_id = finding.unit(tx, f"{code}/{below}").unit_id if below else None
    return UnitCreate(owner.organisation_id, own, ar, fr, parent_id, kind, box or None)


def _move(tx: Tx, path: str, below: str, since_us: int | None) -> Act:
    code = path.rpartition("/")[0]
    parent_id = finding.unit(tx, f"{code}/{below}").unit_id if below else None
    return UnitMove(finding.unit(tx, path).unit_id, parent_id, since_us)


def _all(tx: Tx, code: str) -> tuple[str, list[Unit]]:
    owner = organisations.by_code(tx, code)
    return f"{owner.name_fr} · {owner.name_ar}  [{owner.code}]", units.of_organisation(tx, owner.organisation_id)
