"""A following node's side: the last good document, its parts, and what they are worth now."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from config.clock import SECOND_US
from config.database import Tx
from directory.manifest import document, topology
from directory.manifest.document import GRACE, VALID_S, Anchor, Freshness, Signed, SiteClass
from directory.manifest.errors import BadManifest
from directory.manifest.publish import ENTRIES, TOPOLOGY, TRUST
from directory.manifest.topology import Node

# Rows of `manifest_state` beside the parts. ANCHOR: the fingerprint of the anchor gone by; COMPLETE: the serial whose entries are all here.
DOCUMENT, ANCHOR, COMPLETE = "document", "anchor", "complete"


class Trust(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whom the nation trusts: root certificates (DER, base64) and certificates taken back, as SHA-256 of their DER, hexadecimal."""

    roots: list[str]
    revoked: list[str] = []


@dataclass(frozen=True, slots=True)
class State:
    """What a following node goes by. `stale_since_us` is None while the document is fresh; `complete` says how far entries came."""

    signed: Signed
    checked_us: int
    freshness: Freshness
    stale_since_us: int | None
    complete: int


def current(tx: Tx) -> Signed | None:
    """Return the last good document; None before the first."""
    octets = _get(tx, DOCUMENT)
    return None if octets is None else document.reopened(octets)


def accept(tx: Tx, signed: Signed, parts: Mapping[str, bytes]) -> None:
    """Go by a document from now on. `parts` are those that changed. Raises BadManifest when one is not what the document names."""
    document.follows(current(tx), signed, tx.now_us)
    for name, wanted in signed.body.parts.items():
        octets = parts.get(name, _get(tx, name))
        if octets is None or not document.fits(wanted, octets):
            raise BadManifest(f"its part {name!r} is missing or damaged")
        if name in parts:
            _put(tx, name, octets)
    if TOPOLOGY in parts:
        topology.replace(tx, parts[TOPOLOGY])
    _put(tx, DOCUMENT, signed.octets)


def missing(tx: Tx, signed: Signed) -> list[str]:
    """Return the parts of a document that are not here yet."""
    return [name for name, wanted in signed.body.parts.items() if (kept := _get(tx, name)) is None or not document.fits(wanted, kept)]


def state(tx: Tx, site: SiteClass) -> State | None:
    """Return what this node goes by; None when it follows nothing yet."""
    row = tx.row("SELECT octets, at_us FROM manifest_state WHERE name = :name", name=DOCUMENT)
    if row is None:
        return None
    signed = document.reopened(bytes(row[0]))
    found = document.freshness(signed.body, site, tx.now_us)
    ends_us = signed.body.issued_us + signed.body.valid_s.get(site, VALID_S["online"]) * SECOND_US
    return State(signed, row[1], found, None if found is Freshness.FRESH else ends_us, completed(tx))


def trusted_until_us(tx: Tx, site: SiteClass) -> int | None:
    """Return until when the topology and the trust list may be believed; None for ever, where nothing is followed."""
    signed = current(tx)
    if signed is None:
        return None
    return signed.body.issued_us + GRACE * signed.body.valid_s.get(site, VALID_S["online"]) * SECOND_US


def node_of(tx: Tx, domain: str, site: SiteClass) -> tuple[Node, bool] | None:
    """Return the node that takes the mail of a domain, and whether what we know of it may still be believed; None without one."""
    node = topology.of_domain(tx, domain)
    if node is None:
        return None
    until_us = trusted_until_us(tx, site)
    return node, until_us is None or tx.now_us <= until_us


def trust(tx: Tx, site: SiteClass) -> Trust | None:
    """Return the nation's trust list; None without one, or when it is too old to be believed."""
    octets, until_us = _get(tx, TRUST), trusted_until_us(tx, site)
    if octets is None or until_us is None or tx.now_us > until_us:
        return None
    return msgspec.json.decode(octets, type=Trust)


def entries_part(tx: Tx) -> bytes:
    """Return the bucket hashes of the document that this node goes by."""
    return _get(tx, ENTRIES) or b""


def completed(tx: Tx) -> int:
    """Return the serial of the document whose entries are all here; 0 before the first."""
    octets = _get(tx, COMPLETE)
    return 0 if octets is None else int(octets.split()[0])


def complete(tx: Tx, serial: int, entries: str) -> None:
    """Note that the entries of a document are all here. `entries` is the SHA-256 of that part."""
    _put(tx, COMPLETE, f"{serial} {entries}".encode())


def is_complete(tx: Tx, entries: str) -> bool:
    """Say whether the entries here are those of a part with this SHA-256."""
    octets = _get(tx, COMPLETE)
    return octets is not None and octets.decode().endswith(f" {entries}")


def believed_keys(tx: Tx, anchor: Anchor) -> list[str]:
    """Return the keys that may sign the next document: those that the last one names, or the anchor's after it was handed over anew."""
    before, known = current(tx), _get(tx, ANCHOR)
    if before is None or known != anchor.fingerprint.encode():
        return anchor.keys
    return before.body.keys


def begin(tx: Tx, anchor: Anchor) -> None:
    """Go by an anchor. Another one than before ends what was believed on the word of the old."""
    if _get(tx, ANCHOR) == anchor.fingerprint.encode():
        return
    tx.execute("DELETE FROM manifest_state")
    _put(tx, ANCHOR, anchor.fingerprint.encode())


def checked(tx: Tx) -> None:
    """Note that the centre was asked and has nothing that we lack."""
    tx.execute("UPDATE manifest_state SET at_us = :now_us WHERE name = :name", now_us=tx.now_us, name=DOCUMENT)


def _get(tx: Tx, name: str) -> bytes | None:
    octets = tx.value("SELECT octets FROM manifest_state WHERE name = :name", name=name)
    return None if octets is None else bytes(octets)


def _put(tx: Tx, name: str, octets: bytes) -> None:
    sql = """
        INSERT INTO manifest_state (name, octets, at_us) VALUES (:name, :octets, :now_us)
        ON CONFLICT (name) DO UPDATE SET octets = excluded.octets, at_us = excluded.at_us
    """
    tx.execute(sql, name=name, octets=octets, now_us=tx.now_us)
