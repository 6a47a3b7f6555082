"""`diwan route show`: how mail for a domain would travel from here, and why."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from config import log, settings
from config.clock import SystemClock
from config.commands import HERE, Directory, Json, run, show
from config.database import Database
from config.engines import open_database
from config.settings import Settings
from directory.address import parse_domain
from mailcore import dns
from mailcore.errors import OutsideNotAllowed
from mailcore.queue import route
from mailcore.queue.route import Hop, Map
from mailcore.queue.types import Reply
from mailcore.routing import policy
from mailcore.routing.policy import Way
from mailcore.routing.sts_client import Policies

app = typer.Typer(help="Ways that mail takes: show.", no_args_is_help=True)

WORDS = {
    "here": "it is a domain of this node",
    "node": "the topology names the node {node}",
    "route": "the settings have a route to {route}",
    "exchange": "there is no topology, and no route is named: by its MX in the DNS",
    "exit": "it is outside the topology, and mail may leave it from here: by its MX in the DNS",
    "gateway": "it is outside the topology: through the gateway {node}{route}",
    "closed": "it is outside the topology, and no gateway is named",
    "circle": "the topology says that this node serves it, but it is no mail domain here",
}


@app.callback()
def _group() -> None:
    """Keep `show` a command of its own."""


@app.command(name="show")
def one(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="The recipient's domain.")],
    sender: Annotated[str, typer.Option("--from", metavar="DOMAIN", help="The domain of the sender, whose policy may close the way.")] = "",
    directory: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Say how mail for a domain would travel, to which servers, and what TLS must be with each."""
    log.configure("error")
    found = run(_found(directory.absolute(), parse_domain(domain), parse_domain(sender) if sender else ""))
    if as_json:
        show(found)
        return
    sys.stdout.write(f"{found['domain']}: {found['why']}\n")
    if found["refused"]:
        sys.stdout.write(f"  refused: {found['refused']}\n")
    if found["problem"]:
        sys.stdout.write(f"  now: {found['problem']}\n")
    for hop in found["servers"]:
        sys.stdout.write(f"  {hop['host']} {hop['address']}:{hop['port']}  {hop['tls']}\n")


async def _found(directory: Path, domain: str, sender: str) -> dict[str, Any]:
    read = settings.load(directory)
    db = await open_database(read.database.url, read.data, SystemClock())
    try:
        view = policy.view(read)
        way = await db.read(policy.way, domain, view)
        refused = ""
        try:
            if sender:
                await db.read(policy.permit, sender, domain, view)
        except OutsideNotAllowed as error:
            refused = error.text
        hops = await _hops(read, db, domain, way)
    finally:
        await db.close()
    return {
        "domain": domain,
        "way": way.kind,
        "outside": way.outside,
        "why": WORDS["exit" if way.kind == "exchange" and way.outside else way.kind].format(
            node=way.node.name if way.node else "", route=_place(way)
        ),
        "refused": refused,
        "problem": str(hops) if isinstance(hops, Reply) else "",
        "servers": [] if isinstance(hops, Reply) else [_shown(hop) for hop in hops],
    }


async def _hops(read: Settings, db: Database, domain: str, way: Way) -> tuple[Hop, ...] | Reply:
    if way.kind in ("here", "closed"):
        return ()
    resolver = dns.system_resolver(read.dns)
    policies = Policies(db, resolver, route.is_public)
    return await route.hops(domain, way, Map(read.node.hostname, resolver, policies, ca=read.routing.ca))


def _place(way: Way) -> str:
    return f"{way.route.host}:{way.route.port}" if way.route is not None else ""


def _shown(hop: Hop) -> dict[str, object]:
    return {"host": hop.host, "address": hop.address, "port": hop.port, "node": hop.node, "tls": _tls(hop), "policy": hop.asked.kind}


def _tls(hop: Hop) -> str:
    if hop.key_sha256:
        return "TLS with the key that the topology names" + (", certified by the state" if hop.ca else "")
    if hop.tlsa:
        return "TLS with a certificate that fits the TLSA records of its zone"
    if hop.verify:
        return "TLS with a certificate for this name"
    if hop.testing:
        return "TLS with a certificate for this name is tried, and done without"
    return "TLS with whomever" if hop.encrypt else "TLS where it is offered"
