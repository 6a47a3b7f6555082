"""Blobs: the original octets of messages, once each, compressed and encrypted.

A blob's name and its key are both HMAC-SHA-256 of the content under two secrets of the node. So the same content is kept
once, whoever sends it; nobody without the node's key can test whether a known text is stored; and the key cannot be
derived from what is stored: it exists only wrapped by the keys of the accounts that hold the message. Destroy those, and
the blob is noise.

Sealed form: version 1, codec (0 none, 1 zstd), 12-octet nonce, AES-256-GCM of the coded content.
"""

import asyncio
import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config import compression
from config.compression import BadCompression
from config.database import Database, Tx
from mailcore.errors import Damaged
from mailcore.store.keys import NONCE, derive
from mailcore.store.types import BlobId

INLINE_MAX_BYTES = 128 * 1024  # larger ones are files: rows of this size are as fast as files (reference: 100 kB, 1,545/s to 1,034/s)
MAX_CONTENT_BYTES = 1 << 30  # what a sealed blob may unfold to: a bound against damaged lengths
VERSION = b"\x01"
PLAIN, ZSTD = b"\x00", b"\x01"


class Sealer:
    """Turns content into a sealed blob and back, with the secrets of one node. Safe in any thread."""

    def __init__(self, node_secret: bytes) -> None:
        self._id_key = derive(node_secret, b"blob id")
        self._dek_key = derive(node_secret, b"blob key")

    def seal(self, content: bytes) -> tuple[BlobId, bytes, bytes]:
        """Return (blob id, key, sealed octets)."""
        dek = hmac.digest(self._dek_key, content, "sha256")
        coded = compression.compress(content)
        codec = ZSTD if len(coded) < len(content) else PLAIN
        nonce = os.urandom(NONCE)
        head = VERSION + codec
        sealed = AESGCM(dek).encrypt(nonce, coded if codec == ZSTD else content, head)
        return BlobId(hmac.digest(self._id_key, content, "sha256")), dek, head + nonce + sealed

    def open(self, blob_id: BlobId, dek: bytes, sealed: bytes) -> bytes:
        """Return the content. Raises Damaged when it is not what was sealed under this name."""
        try:
            head, nonce = sealed[:2], sealed[2 : 2 + NONCE]
            coded = AESGCM(dek).decrypt(nonce, memoryview(sealed)[2 + NONCE :], head)
            if head[1:] == ZSTD:
                return compression.decompress(coded, MAX_CONTENT_BYTES)
        except (InvalidTag, ValueError, BadCompression) as error:
            raise Damaged(blob=blob_id.hex()) from error
        return coded

    def matches(self, blob_id: BlobId, content: bytes) -> bool:
        """Tell whether this content belongs to this name."""
        return hmac.compare_digest(hmac.digest(self._id_key, content, "sha256"), blob_id)


class Blobs:
    """Where sealed blobs are kept: small ones in a database, large ones in files below `directory`."""

    def __init__(self, db: Database, directory: Path) -> None:
        self._db, self._directory = db, directory

    async def put(self, blob_id: BlobId, sealed: bytes) -> None:
        """Keep a blob; it is durable on return. One that is there already is only marked as in use."""
        inline = len(sealed) <= INLINE_MAX_BYTES
        await self._db.write_brief(insert, blob_id, len(sealed), sealed if inline else None)
        if not inline:  # after the row: from now on the sweep leaves the file alone
            await asyncio.to_thread(write_file, self._path(blob_id), sealed)

    async def get(self, blob_id: BlobId) -> bytes:
        """Return the sealed octets. Raises Damaged when there are none."""
        found = await self._db.read(select, blob_id)
        if found is None:
            raise Damaged(blob=blob_id.hex())
        if found[0] is not None:
            return found[0]
        try:
            return await asyncio.to_thread(self._path(blob_id).read_bytes)
        except FileNotFoundError as error:
            raise Damaged(blob=blob_id.hex()) from error

    async def untouched(self, before_us: int, after: BlobId, limit: int) -> list[BlobId]:
        """Return blobs last touched before `before_us`, by name, from the one after `after`."""
        return await self._db.read(select_untouched, before_us, after, limit)

    async def drop(self, blob_id: BlobId, before_us: int) -> bool:
        """Drop a blob unless it was touched meanwhile; say whether it went."""
        return await self._db.write(delete, blob_id, before_us, self._path(blob_id))

    def _path(self, blob_id: BlobId) -> Path:
        name = blob_id.hex()
        return self._directory / name[:2] / name


def insert(tx: Tx, blob_id: BlobId, stored_bytes: int, data: bytes | None) -> None:
    """Record a blob, or mark an existing one as touched, so that the sweep leaves it alone."""
    tx.execute(
        """INSERT INTO blob (blob_id, stored_bytes, touched_us, data) VALUES (:blob_id, :stored_bytes, :now, :data)
           ON CONFLICT (blob_id) DO UPDATE SET touched_us = excluded.touched_us""",
        blob_id=blob_id,
        stored_bytes=stored_bytes,
        now=tx.now_us,
        data=data,
    )


def select(tx: Tx, blob_id: BlobId) -> tuple[bytes | None] | None:
    """Return (data,) of a blob, (None,) when it is a file, None when there is no such blob."""
    row = tx.row("SELECT data FROM blob WHERE blob_id = :blob_id", blob_id=blob_id)
    return None if row is None else (row[0],)


def select_untouched(tx: Tx, before_us: int, after: BlobId, limit: int) -> list[BlobId]:
    """Return names of blobs last touched before `before_us`, ascending, above `after`."""
    return tx.column(
        "SELECT blob_id FROM blob WHERE touched_us < :before AND blob_id > :after ORDER BY blob_id LIMIT :limit",
        before=before_us,
        after=after,
        limit=limit,
    )


def delete(tx: Tx, blob_id: BlobId, before_us: int, path: Path) -> bool:
    """Delete a blob's row and file together: the row's lock keeps a writer of the same content away until both are gone."""
    gone = tx.execute("DELETE FROM blob WHERE blob_id = :blob_id AND touched_us < :before", blob_id=blob_id, before=before_us)
    if gone:
        path.unlink(missing_ok=True)
    return bool(gone)


def write_file(path: Path, data: bytes) -> None:
    """Write a file so that it is whole and durable, or absent: write aside, fdatasync, link, fsync the folder."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}.new")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fdatasync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    for folder in (path.parent, path.parent.parent):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
