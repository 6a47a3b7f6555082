"""A topology with another node and a gateway, for tests of fronts."""

from config.database import Tx
from directory.manifest import topology

THEIRS = "education.gov.example"


def found(tx: Tx) -> None:
    """Two other nodes, one of them a gateway."""
    where = ("mx.example", "mx.example:25", "mx.example:443")
    topology.add(tx, "education", 1, "online", *where, bytes([1] * 32), [THEIRS])
    gate = topology.add(tx, "gate", 1, "online", *where, bytes([2] * 32), [])
    topology.open_gateway(tx, gate.node_id, gateway=True)


def lost(tx: Tx) -> None:
    """No topology any more."""
    tx.execute("DELETE FROM node_domain")
    tx.execute("DELETE FROM node")
