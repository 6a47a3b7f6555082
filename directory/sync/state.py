"""What is kept of each source: how far it was read, and which of its entries is which person here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from config.database import Tx
from directory.errors import NotFound
from directory.rights import Actor
from directory.services import MAX_NAME_CHARS

_MARK = "SELECT watermark, origin, full_us, approval_id, asked FROM sync_source WHERE name = :name"
_KEEP_MARK = """
    INSERT INTO sync_source (name, watermark, origin, full_us, asked) VALUES (:name, :watermark, :origin, :full_us, 0)
    ON CONFLICT (name) DO UPDATE SET watermark = excluded.watermark, origin = excluded.origin, full_us = excluded.full_us
"""
_ASKED = """
    INSERT INTO sync_source (name, watermark, origin, full_us, approval_id, asked) VALUES (:name, '', '', 0, :approval_id, :asked)
    ON CONFLICT (name) DO UPDATE SET approval_id = excluded.approval_id, asked = excluded.asked
"""
_LINKS = """
    SELECT foreign_id, person_id, hash, gone_us FROM sync_entry WHERE source = :source AND foreign_id IN (:foreign_ids[text])
"""
_LINKED = "SELECT person_id, source, foreign_id, gone_us FROM sync_entry WHERE person_id IN (:ids[])"
_LINK = """
    INSERT INTO sync_entry (source, foreign_id, person_id, hash, since_us) VALUES (:source, :foreign_id, :person_id, :hash, :now_us)
    ON CONFLICT (source, foreign_id) DO UPDATE SET hash = excluded.hash, gone_us = NULL,
        since_us = CASE WHEN sync_entry.gone_us IS NULL THEN sync_entry.since_us ELSE excluded.since_us END
"""
_UNLINK = "DELETE FROM sync_entry WHERE person_id = :person_id AND gone_us IS NOT NULL"
_HERE = "SELECT foreign_id FROM sync_entry WHERE source = :source AND gone_us IS NULL AND since_us < :before_us"
_GONE = "UPDATE sync_entry SET gone_us = :now_us WHERE source = :source AND foreign_id = :foreign_id AND gone_us IS NULL"
_LEAVING = """
    SELECT e.person_id FROM sync_entry e JOIN person p ON p.person_id = e.person_id
    WHERE e.source = :source AND e.gone_us IS NOT NULL AND p.closed_us IS NULL ORDER BY e.person_id
"""
_COUNT = """
    SELECT COUNT(*) FROM sync_entry e JOIN person p ON p.person_id = e.person_id
    WHERE e.source = :source AND p.closed_us IS NULL
"""
_SERVICE = "SELECT service_id, name, faces FROM service_account WHERE name = :name AND revoked_us IS NULL"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a source was read. `approval_id`: the request that the brake made last, to close `asked` people."""

    watermark: str = ""
    origin: str = ""
    full_us: int = 0
    approval_id: int | None = None
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """Which person an entry of a source is, the hash of what it said, and since when it is gone."""

    foreign_id: str
    person_id: int
    hash: bytes
    gone_us: int | None


def actor(tx: Tx, service: str) -> Actor:
    """Return the machine in whose name a source is taken over. Raises NotFound."""
    rows = [row for row in tx.rows(_SERVICE, name=service[:MAX_NAME_CHARS]) if "sync" in row[2].split()]
    if len(rows) != 1:
        raise NotFound(f"there is no service account {service!r} with the face sync, or there are two: `diwan admin service add`")
    return Actor(rows[0][1], service_id=rows[0][0])


def mark(tx: Tx, name: str) -> Mark:
    """Return how far a source was read."""
    row = tx.row(_MARK, name=name)
    return Mark() if row is None else Mark(*row)


def keep(tx: Tx, name: str, watermark: str, origin: str, full_us: int) -> None:
    """Note how far a source was read."""
    tx.execute(_KEEP_MARK, name=name, watermark=watermark, origin=origin, full_us=full_us)


def asked(tx: Tx, name: str, approval_id: int | None, count: int) -> None:
    """Note what the brake asked for."""
    tx.execute(_ASKED, name=name, approval_id=approval_id, asked=count)


def links(tx: Tx, source: str, foreign_ids: Sequence[str]) -> dict[str, Link]:
    """Return which people entries are, by foreign id."""
    return {row[0]: Link(row[0], row[1], bytes(row[2]), row[3]) for row in tx.rows(_LINKS, source=source, foreign_ids=foreign_ids)}


def linked(tx: Tx, person_ids: Sequence[int]) -> dict[int, tuple[str, str, bool]]:
    """Return of people which entry of which source they are, and whether it is still there."""
    return {row[0]: (row[1], row[2], row[3] is None) for row in tx.rows(_LINKED, ids=person_ids)}


def link(tx: Tx, source: str, entries: Mapping[str, tuple[int, bytes]]) -> None:
    """Note which people entries are and the hashes of what they said; a person's earlier entry that is gone is forgotten."""
    known = links(tx, source, list(entries))
    tx.many(_UNLINK, [{"person_id": person_id} for one, (person_id, _) in entries.items() if one not in known])
    rows = [
        {"source": source, "foreign_id": one, "person_id": person_id, "hash": digest, "now_us": tx.now_us}
        for one, (person_id, digest) in entries.items()
    ]
    tx.many(_LINK, rows)


def here(tx: Tx, source: str, before_us: int) -> list[str]:
    """Return the ids of the entries that are there since before some time."""
    return tx.column(_HERE, source=source, before_us=before_us)


def gone(tx: Tx, source: str, foreign_ids: Iterable[str]) -> None:
    """Note that entries are not there any more."""
    tx.many(_GONE, [{"source": source, "foreign_id": one, "now_us": tx.now_us} for one in foreign_ids])


def leaving(tx: Tx, source: str) -> list[int]:
    """Return the people whose entries are gone, and who are still here."""
    return tx.column(_LEAVING, source=source)


def count(tx: Tx, source: str) -> int:
    """Return how many people who are here came from a source."""
    found: int = tx.value(_COUNT, source=source)
    return found
