"""What lists show of a message that came to many accounts at once: sealed once, under a key that whoever opens the message has.

Everything in a summary and a header follows from the message's octets, so they need no more secrecy than these: the key is
made of the blob's. For each account only that key is wrapped (decision 0025). Rows that seal them per account stay as they are.
"""

from dataclasses import dataclass

from config.database import Tx
from mailcore.store.keys import encoded, seal_shared
from mailcore.store.types import BlobId, Prepared

_INSERT = """
    INSERT INTO shared_face (blob_id, touched_us, summary, header) VALUES (:blob_id, :now, :summary, :header)
    ON CONFLICT (blob_id) DO UPDATE SET touched_us = excluded.touched_us"""
_UNTOUCHED = """
    DELETE FROM shared_face WHERE blob_id IN (
        SELECT f.blob_id FROM shared_face f
        WHERE f.touched_us < :before AND NOT EXISTS (SELECT 1 FROM message m WHERE m.blob_id = f.blob_id) LIMIT :limit)
    AND touched_us < :before"""  # said twice: on PostgreSQL a row that somebody touches meanwhile is looked at again

IS = "LENGTH(m.summary) = 0"  # of a message `m`: whether its face is shared


@dataclass(frozen=True, slots=True)
class Face:
    """A sealed summary and a sealed header."""

    summary: bytes
    header: bytes


def seal(message: Prepared) -> Face:
    """Return what lists show of a message as it is stored once for many accounts."""
    sealed = [
        seal_shared(field, message.blob_id, message.dek, encoded(plain))
        for field, plain in ((b"summary", message.index.summary), (b"header", message.index.header))
    ]
    return Face(*sealed)


def keep(tx: Tx, blob_id: BlobId, face: Face) -> None:
    """Write a face beside the first messages that refer to it; one that is there is marked as in use."""
    tx.execute(_INSERT, blob_id=blob_id, now=tx.now_us, summary=face.summary, header=face.header)


def drop(tx: Tx, before_us: int, limit: int) -> int:
    """Drop a batch of faces that were last touched before `before_us` and that no message refers to; return how many."""
    return tx.execute(_UNTOUCHED, before=before_us, limit=limit)


def summary(light_bytes: int | None = None) -> str:
    """Return the SQL for the sealed summary of a message `m`; NULL when it has more than `light_bytes`."""
    return f"CASE WHEN {IS} THEN ({_of('summary', light_bytes)}) ELSE {_light('m.summary', light_bytes)} END"


def header(light_bytes: int | None = None) -> str:
    """Return the SQL for the sealed header of a message `m`, which a row `h` has or lacks; NULL when it has more than `light_bytes`."""
    return f"CASE WHEN h.sealed IS NULL THEN ({_of('header', light_bytes)}) ELSE {_light('h.sealed', light_bytes)} END"


def _of(column: str, light_bytes: int | None) -> str:
    return f"SELECT {_light(f'f.{column}', light_bytes)} FROM shared_face f WHERE f.blob_id = m.blob_id"


def _light(column: str, light_bytes: int | None) -> str:
    return column if light_bytes is None else f"CASE WHEN LENGTH({column}) <= {light_bytes} THEN {column} END"
