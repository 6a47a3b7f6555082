"""The topology: which nodes there are, and which of them serves mail for which domain."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from config.database import Row, Tx
from config.settings import endpoint
from directory.address import parse_domain
from directory.entities import allocate
from directory.errors import BadAddress, BadEntry, NotFound
from directory.manifest.document import SITE_CLASSES, SiteClass

MAX_DOMAINS = 1000  # of one node
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_COLUMNS = "node_id, name, organisation_id, site_class, hostname, smtp, https, key_sha256, revoked_us, reason, gateway"
_INSERT = f"""
    INSERT INTO node ({_COLUMNS}, created_us)
    VALUES (:node_id, :name, :organisation_id, :site_class, :hostname, :smtp, :https, :key_sha256, :revoked_us, :reason, :gateway,
            :now_us)
"""
_OF_DOMAIN = f"""
    SELECT {", ".join("n." + column for column in _COLUMNS.split(", "))} FROM node_domain d JOIN node n ON n.node_id = d.node_id
    WHERE d.domain = :domain
"""
_GATEWAYS = f"SELECT {_COLUMNS} FROM node WHERE gateway = 1 AND revoked_us IS NULL ORDER BY name"
_REVOKE = "UPDATE node SET revoked_us = :now_us, reason = :reason WHERE node_id = :node_id AND revoked_us IS NULL"


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the nation. `smtp` and `https` are ``host:port``; `hostname` is the name that its certificate has.

    `key_sha256` is that of its TLS key's SubjectPublicKeyInfo; `revoked_us` is None while it is trusted. A `gateway` takes from
    the others what is for domains outside the topology.
    """

    node_id: int
    name: str
    organisation_id: int
    site_class: SiteClass
    hostname: str
    smtp: str
    https: str
    key_sha256: bytes
    revoked_us: int | None
    reason: str
    gateway: bool = False


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A node as the manifest tells of it."""

    name: str
    site_class: SiteClass
    hostname: str
    smtp: str
    https: str
    key_sha256: str
    domains: list[str]
    revoked_us: int | None = None
    reason: str = ""
    gateway: bool = False


def add(
    tx: Tx,
    name: str,
    organisation_id: int,
    site_class: SiteClass,
    hostname: str,
    smtp: str,
    https: str,
    key_sha256: bytes,
    domains: Sequence[str],
) -> Node:
    """Record a node and the domains whose mail it takes. Raises BadEntry for a bad name, endpoint, key or a domain that has a node."""
    made = Node(allocate(tx), name, organisation_id, site_class, hostname, smtp, https, key_sha256, None, "")
    _check(made)
    if tx.row("SELECT 1 FROM node WHERE name = :name", name=name) is not None:
        raise BadEntry(f"there is a node {name!r} already", name=name)
    _insert(tx, made)
    serve(tx, made.node_id, domains)
    return made


def serve(tx: Tx, node_id: int, domains: Sequence[str]) -> None:
    """Let a node take the mail of exactly these domains. Raises BadEntry, NotFound."""
    find(tx, node_id)
    if len(domains) > MAX_DOMAINS:
        raise BadEntry(f"a node serves {MAX_DOMAINS} domains at most")
    tx.execute("DELETE FROM node_domain WHERE node_id = :node_id", node_id=node_id)
    for name in dict.fromkeys(map(_domain, domains)):
        other = of_domain(tx, name)
        if other is not None:
            raise BadEntry(f"the mail of {name} goes to the node {other.name} already", domain=name)
        tx.execute("INSERT INTO node_domain (domain, node_id) VALUES (:domain, :node_id)", domain=name, node_id=node_id)


def revoke(tx: Tx, node_id: int, reason: str) -> None:
    """Trust a node no more. It stays on record, with its domains: mail for them waits for a successor. Raises BadEntry, NotFound."""
    if not reason.strip():
        raise BadEntry("a revocation needs a reason")
    if tx.execute(_REVOKE, node_id=node_id, reason=reason[:500], now_us=tx.now_us) == 0:
        raise NotFound(node_id=node_id)


def open_gateway(tx: Tx, node_id: int, *, gateway: bool) -> None:
    """Let a node take from the others what is for domains outside the topology, or no longer. Raises NotFound."""
    if tx.execute("UPDATE node SET gateway = :gateway WHERE node_id = :node_id", node_id=node_id, gateway=int(gateway)) == 0:
        raise NotFound(node_id=node_id)


def is_empty(tx: Tx) -> bool:
    """Say whether there is no topology: then no domain is outside it."""
    return tx.row("SELECT 1 FROM node LIMIT 1") is None


def gateways(tx: Tx) -> list[Node]:
    """Return the trusted nodes that take what is for domains outside the topology, by name."""
    return [_node(row) for row in tx.rows(_GATEWAYS)]


def find(tx: Tx, node_id: int) -> Node:
    """Return one node, trusted or not. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM node WHERE node_id = :node_id", node_id=node_id)
    if row is None:
        raise NotFound(node_id=node_id)
    return _node(row)


def by_name(tx: Tx, name: str) -> Node:
    """Return a node by its name. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM node WHERE name = :name", name=name)
    if row is None:
        raise NotFound(f"there is no node {name!r}", name=name)
    return _node(row)


def by_key(tx: Tx, key_sha256: bytes) -> Node | None:
    """Return the node with a key; None when the topology has none."""
    row = tx.row(f"SELECT {_COLUMNS} FROM node WHERE key_sha256 = :key", key=key_sha256)
    return None if row is None else _node(row)


def nodes(tx: Tx) -> list[Node]:
    """Return every node, by name."""
    return [_node(row) for row in tx.rows(f"SELECT {_COLUMNS} FROM node ORDER BY name")]


def domains(tx: Tx, node_id: int) -> list[str]:
    """Return the domains whose mail a node takes."""
    return tx.column("SELECT domain FROM node_domain WHERE node_id = :node_id ORDER BY domain", node_id=node_id)


def of_domain(tx: Tx, domain: str) -> Node | None:
    """Return the node that takes the mail of a domain (lower case, A-labels); None when the topology has none."""
    row = tx.row(_OF_DOMAIN, domain=domain)
    return None if row is None else _node(row)


def encode(tx: Tx) -> bytes:
    """Return the topology as a part of the manifest."""
    return msgspec.json.encode([_entry(tx, node) for node in nodes(tx)])


def replace(tx: Tx, part: bytes) -> None:
    """Make the topology what a manifest's part says. The part's signature has been checked; its values are checked here."""
    told = msgspec.json.decode(part, type=list[Entry])
    tx.execute("DELETE FROM node_domain")
    tx.execute("DELETE FROM node")
    for entry in told:
        key = bytes.fromhex(entry.key_sha256)
        made = Node(
            allocate(tx),
            entry.name,
            0,
            entry.site_class,
            entry.hostname,
            entry.smtp,
            entry.https,
            key,
            entry.revoked_us,
            entry.reason,
            entry.gateway,
        )
        _check(made)
        _insert(tx, made)
        serve(tx, made.node_id, entry.domains)


def _entry(tx: Tx, node: Node) -> Entry:
    served = domains(tx, node.node_id)
    key = node.key_sha256.hex()
    return Entry(node.name, node.site_class, node.hostname, node.smtp, node.https, key, served, node.revoked_us, node.reason, node.gateway)


def _check(node: Node) -> None:
    if not _NAME.fullmatch(node.name):
        raise BadEntry(f"{node.name!r} is not a name for a node: lower-case letters, digits, dots and hyphens")
    if node.site_class not in SITE_CLASSES:
        raise BadEntry(f"{node.site_class!r} is not a class of site: {', '.join(SITE_CLASSES)}")
    if len(node.key_sha256) != hashlib.sha256().digest_size:
        raise BadEntry("the fingerprint of the node's key is a SHA-256")
    _domain(node.hostname)
    for where in (node.smtp, node.https):
        try:
            endpoint(where)
        except ValueError:
            raise BadEntry(f"{where!r} is not host:port") from None


def _domain(name: str) -> str:
    try:
        return parse_domain(name)
    except BadAddress:
        raise BadEntry(f"{name!r} is not a domain name") from None


def _insert(tx: Tx, node: Node) -> None:
    values = {name: getattr(node, name) for name in Node.__slots__} | {"gateway": int(node.gateway)}
    tx.execute(_INSERT, **values, now_us=tx.now_us)


def _node(row: Row) -> Node:
    node_id, name, organisation_id, site_class, hostname, smtp, https, key, revoked_us, reason, gateway = row
    return Node(node_id, name, organisation_id, site_class, hostname, smtp, https, bytes(key), revoked_us, reason, bool(gateway))
