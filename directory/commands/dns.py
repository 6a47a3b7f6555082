"""`diwan dns`: what the zone of a mail domain must say, for the zone file, and whether the DNS says it."""

import asyncio
import hashlib
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from config import log, roles, settings
from config.commands import HERE, Directory, Json, ask, run, show
from config.database import Tx
from config.settings import Settings
from directory import resolve
from directory.address import parse_domain
from directory.autoconfig import offer, zone
from directory.autoconfig.zone import Record
from directory.carddav.paths import ROOT
from directory.errors import NotFound
from directory.manifest import topology

KEYS = "mailcore.checks.keys:of_domain"
OWN_CHOICE = (zone.SPF, zone.DMARC)  # what else these records say is for their domain to decide
LOOK_UP, RESOLVER = "mailcore.dns:look_up", "mailcore.dns:system_resolver"
AT_ONCE = 8  # questions under way
FAILED = 1


def main(
    domain: Annotated[str, typer.Argument(help="One mail domain; without it, every domain of this node.")] = "",
    directory: Directory = HERE,
    check: Annotated[bool, typer.Option("--check", help="Ask the DNS and say what is missing or differs.")] = False,
    as_json: Json = False,
) -> None:
    """Print the records for the zone of a mail domain, or compare them with the DNS."""
    log.configure("error")
    read = settings.load(directory.absolute())
    offered = offer.offer(read.node.hostname, read.listen)
    pinned = zone.pins(offered, _key_sha256(read.tls.certificate))
    wanted = {one: _records(read, one, *rest) for one, *rest in ask(directory, _domains, domain)}
    if check:
        _check([*(record for each in wanted.values() for record in each), *pinned], read.dns, as_json=as_json)
    elif as_json:
        show({one: _rows([*each, *pinned]) for one, each in wanted.items()})
    else:
        sys.stdout.write("\n".join(zone.text(one, offered, each, pinned) for one, each in wanted.items()))


def _records(read: Settings, domain: str, gateways: Sequence[str], keys: Sequence[Any]) -> list[Record]:
    exits = [host for host in (*gateways, *(route.host for route in read.routes if not route.domain)) if host != read.node.hostname]
    found = zone.records(domain, offer.offer(read.node.hostname, read.listen), read.node.postmaster, ROOT, exits)
    return found + [zone.key(key.name, key.strings) for key in keys]


def _domains(tx: Tx, asked: str) -> list[tuple[str, list[str], Sequence[Any]]]:
    """Return the domains asked for, each with the gateways by which its mail leaves and its keys. Raises BadAddress, NotFound."""
    names = [parse_domain(asked)] if asked else tx.column("SELECT name FROM domain ORDER BY name")
    names = [name for name in names if resolve.is_local_domain(tx, name)]
    if asked and not names:
        raise NotFound(f"{asked} is not a mail domain of this node")
    keys_of = roles.load(KEYS)
    gateways = [node.hostname for node in topology.gateways(tx)]
    return [(name, gateways, keys_of(tx, name)) for name in names]


def _key_sha256(certificate: Path) -> bytes:
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def _check(wanted: Sequence[Record], servers: Any, *, as_json: bool) -> None:
    found = run(_ask_all(wanted, servers))
    said = [(record, _judge(record, answer), answer) for record, answer in zip(wanted, found, strict=True)]
    if as_json:
        show([{**row, "state": state} for row, (_, state, _) in zip(_rows(wanted), said, strict=True)])
    else:
        for record, state, answer in said:
            differs = f", the DNS says {' | '.join(answer)}" if state == "differs" and answer else ""
            sys.stdout.write(f"{state:<9} {record.name} {record.kind} {record.data}{differs}\n")
    raise typer.Exit(0 if all(state == "right" for _, state, _ in said) else FAILED)


async def _ask_all(wanted: Sequence[Record], servers: Any) -> list[tuple[str, ...] | None]:
    look_up: Callable[[str, str, Any], Awaitable[tuple[str, ...] | None]] = roles.load(LOOK_UP)
    resolver, slots = roles.load(RESOLVER)(servers), asyncio.Semaphore(AT_ONCE)

    async def one(record: Record) -> tuple[str, ...] | None:
        async with slots:
            return await look_up(record.name, record.kind, resolver)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(record)) for record in wanted]
    return [task.result() for task in tasks]


def _judge(record: Record, answer: Sequence[str] | None) -> str:
    if answer is None:
        return "unknown"
    wanted, said = _plain(record.data), [_plain(one) for one in answer]
    for opening in OWN_CHOICE:
        if wanted.startswith(_plain(opening)):
            return "right" if any(one.startswith(_plain(opening)) for one in said) else "missing"
    if not said:
        return "missing"
    return "right" if wanted in said else "differs"


def _plain(data: str) -> str:
    """Return a record without what the writer of a zone file may choose: capitals, quotes, final dots."""
    return " ".join(word.strip('"').removesuffix(".") for word in data.lower().replace('" "', "").split())


def _rows(wanted: Sequence[Record]) -> list[dict[str, object]]:
    return [{"name": record.name, "type": record.kind, "ttl_s": zone.TTL_S, "data": record.data} for record in wanted]
