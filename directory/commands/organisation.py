"""`diwan organisation …`: administrations, one below the other."""

import sys
from typing import Annotated

import typer

from config import log
from config.commands import HERE, Directory, Json, ask, show
from config.database import Tx
from directory import organisations
from directory.acts.act import Act
from directory.acts.organisations import OrganisationClose, OrganisationCreate, OrganisationMove, OrganisationRename
from directory.commands.finding import Arabic, Desk, Latin, Since, command, table
from directory.commands.naming import begins
from directory.types import Organisation

app = typer.Typer(help="Administrations: add, rename, move, close, list.", no_args_is_help=True)
Code = Annotated[str, typer.Argument(metavar="CODE", help="The short name of the administration, unique in the country.")]
Below = Annotated[str, typer.Option("--below", metavar="CODE", help="The administration above it; without it, at the top.")]


@command(app)
def add(
    asked: Desk,
    code: Code,
    ar: Arabic,
    fr: Latin,
    kind: Annotated[str, typer.Option(help="ministry, wilaya, commune, school …: lists ask for it.")],
    below: Below = "",
) -> None:
    """Make an administration."""
    asked.perform(lambda tx: OrganisationCreate(kind, code, ar, fr, _above(tx, below)))


@command(app)
def rename(asked: Desk, code: Code, ar: Arabic, fr: Latin, since: Since = "") -> None:
    """Give an administration another name; the old one stays known for its time."""
    asked.perform(lambda tx: OrganisationRename(_id(tx, code), ar, fr, begins(since)))


@command(app)
def move(asked: Desk, code: Code, below: Below = "", since: Since = "") -> None:
    """Let an administration stand below another one."""
    asked.perform(_move, code, below, since)


@command(app)
def close(asked: Desk, code: Code) -> None:
    """Close an administration in which nothing is open any more."""
    asked.perform(lambda tx: OrganisationClose(_id(tx, code)))


@app.command(name="list")
def listing(
    below: Annotated[str, typer.Argument(metavar="[CODE]", help="Those below this administration; without it, those at the top.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=20_000, help="How many at most.")] = 1000,
    node: Directory = HERE,
    as_json: Json = False,
) -> None:
    """List administrations, one level."""
    log.configure("error")
    found = ask(node, _below, below, limit)
    if as_json:
        show(found)
    elif found:
        table((one.code, one.kind, f"{one.name_fr} · {one.name_ar}") for one in found)
    else:
        sys.stdout.write("there is no administration here\n")


def _below(tx: Tx, code: str, limit: int) -> list[Organisation]:
    if code:
        return organisations.children(tx, _id(tx, code), limit)
    return organisations.top(tx, limit)


def _move(tx: Tx, code: str, below: str, since: str) -> Act:
    return OrganisationMove(_id(tx, code), _above(tx, below), begins(since))


def _id(tx: Tx, code: str) -> int:
    return organisations.by_code(tx, code).organisation_id


def _above(tx: Tx, code: str) -> int | None:
    return _id(tx, code) if code else None
