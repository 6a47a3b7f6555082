"""Three nodes of one state, all real: each with its own database and listener, certificates of one authority, one topology.

`interieur` and `education` have people, `gate` is the gateway. A route of the gateway leads outside, to a sink of the test.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.wire import free_port
from config.clock import SystemClock
from config.database import Tx
from config.engines import open_database
from config.settings import DatabaseSettings, Imap, Listen, Node, Queue, Route, Routing, Settings, Smtp, Tls, Web
from directory import domains, organisations, people
from directory.address import parse
from directory.manifest import topology
from directory.signin import SignIn
from mailcore.queue.accept import accept
from mailcore.queue.types import Submission
from mailcore.queue.worker import drain
from mailcore.routing import identity
from mailcore.services import Services
from mailcore.smtp.server import mx
from mailcore.store.store import Store
from signing.pki import ca
from signing.process import running
from tests.mailcore.wrapper import AesWrapper, provider

NAMES = ("interieur", "education", "gate")
OUTSIDE = "elsewhere.example"


def domain(name: str) -> str:
    """The domain of a node's people."""
    return f"{name}.gov.example"


def person(name: str) -> str:
    """The address of the one person whom a node has."""
    return f"amina@{domain(name)}"


@dataclass(frozen=True, slots=True)
class Nation:
    """The nodes by their names, and where each listens."""

    nodes: dict[str, Services]
    ports: dict[str, int]
    root: Path

    async def send(self, name: str, submission: Submission) -> None:
        """Accept a message at a node and carry it out, until nothing is due anywhere."""
        await accept(self.nodes[name], submission)
        await self.settle()

    async def settle(self) -> None:
        """Carry out what is due, node after node."""
        while sum([await drain(node) for node in self.nodes.values()]):
            pass


async def certified(folder: Path) -> tuple[Path, dict[str, Tls]]:
    """Make the state's root, and for each node a certificate below it."""
    now_us = time.time_ns() // 1000
    made = {name: Tls(folder / f"{name}.pem", folder / f"{name}.key") for name in NAMES}
    async with running(folder) as signer:
        root = await ca.create_root(signer, "Racine", now_us)
        issuing = await ca.create_issuing_ca(signer, root, "Noeuds", (), now_us, key_id="ca-tls", purpose="tls")
        (folder / "root.pem").write_bytes(ca.pem(root.certificate))
        for name, tls in made.items():
            await ca.write_tls(signer, issuing, ["localhost", f"mx.{domain(name)}"], tls.certificate, tls.key, now_us=now_us)
    return folder / "root.pem", made


def settings(folder: Path, name: str, tls: Tls, root: Path | None, port: int, outside: Mapping[str, int]) -> Settings:
    """Settings of one node; `outside` are ports on loopback that stand for foreign domains."""
    return Settings(
        directory=folder,
        node=Node(hostname=f"mx.{domain(name)}", postmaster=f"postmaster@{domain(name)}"),
        tls=tls,
        database=DatabaseSettings("sqlite"),
        listen=Listen(smtp=f"127.0.0.1:{port}"),
        smtp=Smtp(),
        imap=Imap(),
        web=Web(),
        queue=Queue(workers=2),
        routes=[Route(domain="", host="127.0.0.1", port=at, tls="opportunistic") for at in outside.values()] if name == "gate" else [],
        routing=Routing(ca=root),
    )


def found(tx: Tx, name: str, keys: Mapping[str, bytes], ports: Mapping[str, int]) -> None:
    """A node's people, and the topology, which all of them have."""
    organisation = organisations.create(tx, "ministry", name, "وزارة", "Ministère")
    domains.create(tx, domain(name), organisation.organisation_id)
    people.create(tx, "أمينة", "Amina", parse(person(name)), "ar")
    for each in NAMES:
        where = f"127.0.0.1:{ports[each]}"
        made = topology.add(
            tx, each, organisation.organisation_id, "online", f"mx.{domain(each)}", where, where, keys[each], [domain(each)]
        )
        topology.open_gateway(tx, made.node_id, gateway=each == "gate")


@contextlib.asynccontextmanager
async def opened(folder: Path, sink_port: int, *, with_ca: bool = True) -> AsyncIterator[Nation]:
    """Open all nodes and their listeners."""
    root, certificates = await certified(folder)
    keys = {name: identity.key_sha256(tls.certificate) for name, tls in certificates.items()}
    ports = {name: free_port() for name in NAMES}
    nodes: dict[str, Services] = {}
    async with contextlib.AsyncExitStack() as stack:
        for name in NAMES:
            place = folder / name
            place.mkdir()
            made = settings(place, name, certificates[name], root if with_ca else None, ports[name], {OUTSIDE: sink_port})
            clock = SystemClock()
            db = await open_database("sqlite", place, clock)
            stack.push_async_callback(db.close)
            blobs = await open_database("sqlite", place, clock, "blobs")
            stack.push_async_callback(blobs.close)
            await db.write(found, name, keys, ports)
            store = await Store.open(db, blobs, place / "blobs", AesWrapper())
            wrapper = AesWrapper()
            nodes[name] = Services(made, clock, db, store, SignIn(db, clock), wrapper, (), None, bytes(32), provider(db, clock))  # type: ignore[arg-type]
            stack.push_async_callback(nodes[name].parts.close)
            await stack.enter_async_context(mx(nodes[name]))
        yield Nation(nodes, ports, root)
