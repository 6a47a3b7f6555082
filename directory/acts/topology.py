"""Acts on the topology: which nodes there are. Every one needs a second person: a wrong node could read a ministry's mail."""

from config.database import Tx
from directory.acts.act import Act, Rule, Rules, always
from directory.errors import BadEntry
from directory.manifest import topology
from directory.manifest.document import SiteClass
from directory.manifest.topology import Node
from directory.rights import NATION


class NodeAdd(Act, frozen=True, tag="node.add"):
    """Let a node take the mail of domains. `key_sha256`, in hexadecimal, is that of its TLS key's SubjectPublicKeyInfo."""

    name: str
    organisation_id: int
    site_class: SiteClass
    hostname: str
    smtp: str
    https: str
    key_sha256: str
    domains: tuple[str, ...]


class NodeServe(Act, frozen=True, tag="node.serve"):
    """Let a node take the mail of exactly these domains."""

    node_id: int
    domains: tuple[str, ...]


class NodeGateway(Act, frozen=True, tag="node.gateway"):
    """Let a node take from the others what is for domains outside the topology, or no longer."""

    node_id: int
    gateway: bool


class NodeRevoke(Act, frozen=True, tag="node.revoke"):
    """Trust a node no more."""

    node_id: int
    reason: str


def _add(tx: Tx, act: NodeAdd) -> Node:
    try:
        key = bytes.fromhex(act.key_sha256)
    except ValueError as error:
        raise BadEntry("this is not the SHA-256 of a key") from error
    return topology.add(tx, act.name, act.organisation_id, act.site_class, act.hostname, act.smtp, act.https, key, act.domains)


def _shown(tx: Tx, node_id: int) -> dict[str, object]:
    node = topology.find(tx, node_id)
    shown = {name: getattr(node, name) for name in Node.__slots__}
    return shown | {"key_sha256": node.key_sha256.hex(), "domains": topology.domains(tx, node_id)}


RULES: Rules = {
    NodeAdd: Rule(
        "topology",
        lambda tx, act: NATION,
        _add,
        "node",
        lambda act, value: None if value is None else value.node_id,
        lambda tx, act, value: None if value is None else _shown(tx, value.node_id),
        two_persons=always,
    ),
    NodeServe: Rule(
        "topology",
        lambda tx, act: NATION,
        lambda tx, act: topology.serve(tx, act.node_id, act.domains),
        "node",
        lambda act, value: act.node_id,
        lambda tx, act, value: _shown(tx, act.node_id),
        two_persons=always,
    ),
    NodeGateway: Rule(
        "topology",
        lambda tx, act: NATION,
        lambda tx, act: topology.open_gateway(tx, act.node_id, gateway=act.gateway),
        "node",
        lambda act, value: act.node_id,
        lambda tx, act, value: _shown(tx, act.node_id),
        two_persons=always,
    ),
    NodeRevoke: Rule(
        "topology",
        lambda tx, act: NATION,
        lambda tx, act: topology.revoke(tx, act.node_id, act.reason),
        "node",
        lambda act, value: act.node_id,
        lambda tx, act, value: _shown(tx, act.node_id),
        two_persons=always,
    ),
}
