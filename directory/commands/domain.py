"""`diwan domain …`: mail domains, whose they are, and which stand for others."""

from enum import StrEnum
from typing import Annotated

import typer

from config import log
from config.commands import HERE, Directory, Json, ask, show
from config.database import Tx
from directory import domains, organisations
from directory.acts.addresses import DomainAlias, DomainClose, DomainCreate, DomainOutside, DomainShare
from directory.commands.finding import Desk, command, table
from directory.domains import Domain

app = typer.Typer(help="Mail domains: add, alias, share, outside, close, list.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="DOMAIN", help="A domain name.")]
Below = Annotated[bool, typer.Option("--shared/--own", help="Whether administrations below the owner may take addresses in it.")]


class Outside(StrEnum):
    """What may be said of mail that leaves a domain for outside the topology."""

    allow = "allow"
    deny = "deny"
    default = "default"


_SAID: dict[Outside, domains.Outside] = {Outside.allow: "allow", Outside.deny: "deny", Outside.default: ""}
Owner = Annotated[str, typer.Argument(metavar="ADMINISTRATION", help="The code of the administration that owns it.")]


@command(app)
def add(asked: Desk, name: Name, owner: Owner, shared: Below = False) -> None:
    """Give an administration a mail domain."""
    asked.perform(lambda tx: DomainCreate(name, organisations.by_code(tx, owner).organisation_id, shared))


@command(app)
def alias(asked: Desk, name: Name, target: Annotated[str, typer.Argument(metavar="TARGET", help="Where its mail goes.")]) -> None:
    """Let mail for anybody@DOMAIN go to the same name at TARGET."""
    asked.perform(lambda tx: DomainAlias(name, target))


@command(app)
def share(asked: Desk, name: Name, shared: Below = True) -> None:
    """Say whether administrations below the owner may take addresses in it."""
    asked.perform(lambda tx: DomainShare(name, shared))


@command(app)
def outside(
    asked: Desk,
    name: Name,
    said: Annotated[Outside, typer.Argument(metavar="allow|deny|default", help="default: as the settings of the node have it.")],
) -> None:
    """Say whether mail from it may leave the topology."""
    asked.perform(lambda tx: DomainOutside(name, _SAID[said]))


@command(app)
def close(asked: Desk, name: Name) -> None:
    """Take no more mail for a domain."""
    asked.perform(lambda tx: DomainClose(name))


@app.command(name="list")
def listing(
    owner: Annotated[str, typer.Argument(metavar="[ADMINISTRATION]", help="The code of the one that owns them; without it, all.")] = "",
    node: Directory = HERE,
    as_json: Json = False,
) -> None:
    """List the mail domains of an administration, or of all: whose they are, and what is said of them."""
    log.configure("error")
    found = ask(node, _of, owner)
    if as_json:
        show([one.name for one, _ in found])
    else:
        table([("DOMAIN", "OWNER", "SAID OF IT"), *((one.name, code, _notes(one)) for one, code in found)])


def _of(tx: Tx, code: str) -> list[tuple[Domain, str]]:
    """Return domains with the codes of their owners."""
    if code:
        names = domains.of_organisation(tx, organisations.by_code(tx, code).organisation_id)
    else:
        names = tx.column("SELECT name FROM domain WHERE closed_us IS NULL ORDER BY name")
    found = [domains.find(tx, name) for name in names]
    return [(one, organisations.find(tx, one.organisation_id).code) for one in found]


def _notes(one: Domain) -> str:
    notes = [f"stands for {one.alias_of}" if one.alias_of else "", "shared" if one.shared else ""]
    notes.append(f"outside: {one.outside}" if one.outside else "")
    return ", ".join(note for note in notes if note)
