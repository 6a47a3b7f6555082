"""`diwan post …`: functions, and who holds them from when to when, by which decision."""

import sys
from typing import Annotated

import typer

from config import log
from config.commands import HERE, Directory, Json, ask, show
from config.database import Tx
from directory import holdings, people, posts
from directory.acts.act import Act
from directory.acts.holdings import HoldingEnd, HoldingStart
from directory.acts.posts import PostClose, PostCreate, PostMove, PostRename, PostRole
from directory.commands import finding
from directory.commands.finding import Address, Arabic, Desk, Latin, Since, UnitPath, account, command, table
from directory.commands.naming import begins, ends
from directory.commands.who import day, decided
from directory.errors import NotFound
from directory.types import HOLDING_KINDS, Holding, HoldingKind, Post

app = typer.Typer(help="Functions: add, rename, move, appoint, dismiss, history, close, list.", no_args_is_help=True)
Person = Annotated[str, typer.Argument(metavar="PERSON", help="The address of a person.")]
Decision = Annotated[str, typer.Option(help="The reference of the decision.")]
Function = Annotated[str, typer.Option(help="head, registry, hr, finance …: lists ask for it.")]
Rank = Annotated[int, typer.Option(min=1, max=999, help="1 leads the administration, larger numbers stand lower.")]


@command(app)
def add(asked: Desk, address: Address, ar: Arabic, fr: Latin, unit: UnitPath, function: Function = "", rank: Rank = 50) -> None:
    """Make a function in a unit, with its mailbox."""
    asked.perform(lambda tx: PostCreate(finding.unit(tx, unit).unit_id, ar, fr, address, rank, function))


@command(app)
def rename(asked: Desk, address: Address, ar: Arabic, fr: Latin, since: Since = "") -> None:
    """Give a function another title; the old one stays known for its time."""
    asked.perform(lambda tx: PostRename(_id(tx, address), ar, fr, begins(since)))


@command(app)
def move(asked: Desk, address: Address, unit: UnitPath, since: Since = "") -> None:
    """Let a function stand in another unit."""
    asked.perform(lambda tx: PostMove(_id(tx, address), finding.unit(tx, unit).unit_id, begins(since)))


@command(app)
def role(asked: Desk, address: Address, function: Function, rank: Rank) -> None:
    """Say what a function is for and how high it stands."""
    asked.perform(lambda tx: PostRole(_id(tx, address), function, rank))


@command(app)
def appoint(
    asked: Desk,
    address: Address,
    person: Person,
    kind: Annotated[str, typer.Option(help=f"{', '.join(HOLDING_KINDS)}.")] = "titular",
    decision: Decision = "",
    since: Since = "",
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="The last day; without it, until it is ended.")] = "",
) -> None:
    """Let a person hold a function: mailbox, history and address are theirs from that day."""
    if kind not in HOLDING_KINDS:
        raise typer.BadParameter(f"{kind!r} is none of {', '.join(HOLDING_KINDS)}", param_hint="--kind")
    asked.perform(_appoint, address, person, kind, begins(since), ends(until), decision)


@command(app)
def dismiss(
    asked: Desk,
    address: Address,
    person: Person,
    decision: Decision = "",
    at: Annotated[str, typer.Option("--at", "--until", metavar="DATE", help="The last day; without it, at once.")] = "",
) -> None:
    """End what a person holds: the mailbox is closed to them at that moment."""
    asked.perform(_dismiss, address, person, ends(at, "--at"), decision)


@command(app)
def close(asked: Desk, address: Address) -> None:
    """Close a function: nobody holds it any more, its address takes no mail, nobody else ever gets it."""
    asked.perform(lambda tx: PostClose(_id(tx, address)))


@app.command()
def history(address: Address, node: Directory = HERE, as_json: Json = False) -> None:
    """Show who held a function, from when to when, by which decision, and when that was recorded."""
    log.configure("error")
    found = ask(node, _history, address)
    if as_json:
        show([{"person": person, **_builtins(one)} for person, one in found])
        return
    table(_row(person, one) for person, one in found)
    if not found:
        sys.stdout.write("nobody ever held it\n")


@app.command(name="list")
def listing(unit: UnitPath, node: Directory = HERE, as_json: Json = False) -> None:
    """List the functions of a unit."""
    log.configure("error")
    found = ask(node, _of_unit, unit)
    if as_json:
        show(found)
    else:
        table((one.address, one.function, str(one.rank), f"{one.title_fr} · {one.title_ar}") for one in found)


def _id(tx: Tx, address: str) -> int:
    return account(tx, address, "post").account_id


def _appoint(tx: Tx, address: str, person: str, kind: HoldingKind, from_us: int | None, to_us: int | None, decision: str) -> Act:
    return HoldingStart(_id(tx, address), account(tx, person, "person").account_id, kind, from_us, to_us, decision)


def _dismiss(tx: Tx, address: str, person: str, at_us: int | None, decision: str) -> Act:
    post_id, person_id = _id(tx, address), account(tx, person, "person").account_id
    held = [one for one in holdings.of_person(tx, person_id) if one.post_id == post_id]
    now = [one for one in held if one.valid_to_us is None or one.valid_to_us > tx.now_us]
    if not now:
        raise NotFound(f"{person} does not hold {address}", person=person, post=address)
    return HoldingEnd(now[-1].holding_id, at_us, decision or None)


def _history(tx: Tx, address: str) -> list[tuple[str, Holding]]:
    return [(people.find(tx, one.person_id).address, one) for one in holdings.history(tx, _id(tx, address))]


def _of_unit(tx: Tx, path: str) -> list[Post]:
    return posts.of_unit(tx, finding.unit(tx, path).unit_id)


def _row(person: str, one: Holding) -> tuple[str, ...]:
    until = day(one.valid_to_us - 1) if one.valid_to_us else "…"
    return day(one.valid_from_us), until, one.kind, person, decided(one.decision_ref, one.end_ref), day(one.recorded_us)


def _builtins(one: Holding) -> dict[str, object]:
    return {name: getattr(one, name) for name in Holding.__slots__}
