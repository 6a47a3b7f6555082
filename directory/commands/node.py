"""`diwan node …`: the nodes of the nation, which of them serves which domain, and which is trusted no more."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from config import log, roles
from config.commands import HERE, Directory, Json, ask, show
from config.database import Tx
from directory import organisations
from directory.acts.topology import NodeAdd, NodeGateway, NodeRevoke, NodeServe
from directory.commands.finding import Desk, command
from directory.errors import BadEntry
from directory.manifest import topology
from directory.manifest.document import SITE_CLASSES

app = typer.Typer(help="The nodes of the nation: describe, add, serve, gateway, revoke, list.", no_args_is_help=True)
CLOSED = (
    "once it is approved, mail to domains outside the topology is refused: `diwan route show DOMAIN` tells, "
    "`diwan domain outside DOMAIN allow` and [routing] outside change it\n"
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The node's name.")]
Domains = Annotated[list[str], typer.Option("--domain", help="A domain whose mail it takes (repeatable).")]


@app.command()
def describe(directory: Directory = HERE) -> None:
    """Print this node as the centre has to know it: its name, where it listens, the fingerprint of its key."""
    show(roles.load("mailcore.manifest.desk:describe")(directory.absolute()))


@command(app)
def add(
    asked: Desk,
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `diwan node describe` printed there.")],
    organisation: Annotated[str, typer.Option(help="The code of the administration that runs it.")],
    domain: Domains,
    site: Annotated[str, typer.Option(help=f"How often it sees the centre: {', '.join(SITE_CLASSES)}.")] = "online",
) -> None:
    """Ask for a node to be added; a second person approves it with `diwan admin approve`.

    From the first node on, mail to domains outside the topology is refused unless the sender's domain may write there.
    """
    try:
        told = msgspec.json.decode(file.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError) as error:
        raise BadEntry(f"{file}: not what `diwan node describe` prints: {error}") from None
    missing = {"hostname", "smtp", "https", "key_sha256"} - told.keys()
    if missing:
        raise BadEntry(f"{file}: {', '.join(sorted(missing))} is missing")
    asked.perform(_add, name, told, organisation, site, tuple(domain))
    sys.stderr.write(CLOSED)


@command(app)
def serve(
    asked: Desk,
    name: Name,
    domain: Domains,
) -> None:
    """Ask for a node to take the mail of exactly these domains; a second person approves."""
    asked.perform(_serve, name, tuple(domain))


@command(app)
def gateway(
    asked: Desk,
    name: Name,
    gateway: Annotated[bool, typer.Option("--open/--closed", help="Whether it takes mail for outside from the other nodes.")] = True,
) -> None:
    """Ask for a node to take from the others what is for domains outside the topology, or no longer; a second person approves."""
    asked.perform(lambda tx: NodeGateway(topology.by_name(tx, name).node_id, gateway))


@command(app)
def revoke(
    asked: Desk,
    name: Name,
) -> None:
    """Ask for a node to be trusted no more; a second person approves. Nodes that are online refuse it within two minutes.

    Every node of the nation will read the reason.
    """
    asked.perform(lambda tx: NodeRevoke(topology.by_name(tx, name).node_id, asked.reason))


@app.command(name="list")
def listing(directory: Directory = HERE, as_json: Json = False) -> None:
    """List the nodes, with their domains and whether they are trusted."""
    log.configure("error")
    found = ask(directory, _listed)
    if as_json:
        show(found)
        return
    for node in found:
        trusted = "trusted" if node["revoked_us"] is None else f"REVOKED: {node['reason']}"
        kind = f"{node['site_class']}{', gateway' if node['gateway'] else ''}"
        sys.stdout.write(f"{node['name']}  {node['hostname']}  smtp {node['smtp']}  {kind}  {trusted}\n")
        sys.stdout.write(f"    {' '.join(node['domains'])}\n")
    if not found:
        sys.stdout.write("there is no node in the topology\n")


def _add(tx: Tx, name: str, told: dict[str, str], code: str, site: str, domains: tuple[str, ...]) -> NodeAdd:
    if site not in SITE_CLASSES:
        raise BadEntry(f"{site!r} is not a class of site: {', '.join(SITE_CLASSES)}")
    owner = organisations.by_code(tx, code).organisation_id
    return NodeAdd(name, owner, site, told["hostname"], told["smtp"], told["https"], told["key_sha256"], domains)


def _serve(tx: Tx, name: str, domains: tuple[str, ...]) -> NodeServe:
    return NodeServe(topology.by_name(tx, name).node_id, domains)


def _listed(tx: Tx) -> list[dict[str, Any]]:
    shown = []
    for node in topology.nodes(tx):
        values = {name: getattr(node, name) for name in type(node).__slots__}
        shown.append(values | {"key_sha256": node.key_sha256.hex(), "domains": topology.domains(tx, node.node_id)})
    return shown
