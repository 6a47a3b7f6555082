"""Where sealed blobs are kept: small ones as rows of the main database, large ones as files. See sealing.py for what they are.

A small one is written in the transaction that names it, so that one commit makes both durable (decision 0021); a large one is
durable before it. What was kept before small blobs stood in the main database is still read where it is: in the blob database,
which holds the names of the files too. A blob is swept later, never deleted by what names it no more.
"""

import asyncio
import errno
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from config.database import Database, Tx
from config.errors import FULL, NoRoom
from config.failpoints import failpoint
from config.log import log
from mailcore.errors import Damaged, Unavailable
from mailcore.store.sealing import Chunks
from mailcore.store.types import BlobId

INLINE_MAX_BYTES = 128 * 1024  # larger ones are files: rows of this size are as fast as files (reference: 100 kB, 1,545/s to 1,034/s)
PEEKED = 2  # blobs looked up without a thread's turn: about 0.1 ms each
ABANDONED_S = 86_400  # a file aside that nobody has written to for a day is left over from a crash
ASIDE = ".new"
CANNOT = FULL | {errno.EFBIG, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}


class Source:
    """A sealed blob that can be read at any place, in any thread: octets, or an open file, which outlives its name.

    The file is closed when nobody refers to it any more, because a thread may still read for a caller that has gone.
    """

    __slots__ = ("_descriptor", "_octets", "size_bytes")
    _octets: bytes | None

    def __init__(self, where: bytes | Path) -> None:
        self._octets, self._descriptor = None, -1
        if isinstance(where, bytes):
            self._octets, self.size_bytes = where, len(where)
        else:
            self._descriptor = os.open(where, os.O_RDONLY)
            self.size_bytes = os.fstat(self._descriptor).st_size

    @property
    def is_file(self) -> bool:
        """Say whether reading may wait for a disk."""
        return self._octets is None

    def read(self, place: int, count: int) -> bytes:
        """Return octets from a place on; fewer when there are not so many."""
        if self._octets is not None:
            return self._octets[place : place + count]
        return os.pread(self._descriptor, count, place)

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


class Blobs:
    """Sealed blobs by name: rows of the main database, and files below `directory` with their rows in a database of their own."""

    def __init__(self, main: Database, db: Database, directory: Path) -> None:
        self._main, self._db, self._directory = main, db, directory

    async def put(self, blob_id: BlobId, sealed: bytes | Chunks) -> None:
        """Keep a large blob; it is durable on return. One that is there already is only marked as in use.

        Raises NoRoom when the disk is full, Unavailable when it cannot be written otherwise.
        """
        size_bytes = len(sealed) if isinstance(sealed, bytes) else sealed.size_bytes  # of chunks: what they hold at most
        await self._db.write_brief(insert, blob_id, size_bytes, None)
        pieces = [sealed] if isinstance(sealed, bytes) else sealed
        try:  # after the row: from now on the sweep leaves the file alone
            await asyncio.to_thread(write_file, self._path(blob_id), pieces)
        except OSError as error:
            if error.errno not in CANNOT:
                raise
            log.error("blobs.not_written", blob=blob_id.hex(), said=error.strerror)
            if error.errno in FULL:
                raise NoRoom from error
            raise Unavailable("the message cannot be stored at the moment") from error

    async def open(self, blob_id: BlobId) -> Source:
        """Return where the sealed octets can be read. Raises Damaged when there are none."""
        found = (await self.several([blob_id]))[blob_id]
        if found is None:
            raise Damaged(blob=blob_id.hex())
        return found

    async def several(self, blob_ids: Sequence[BlobId]) -> dict[BlobId, Source | None]:
        """Return where the sealed octets of each can be read, None where there are none: one turn of a thread for all.

        What is no row of the main database is nearly always a file; only what is neither was kept before small blobs stood there.
        """
        few = len(blob_ids) <= PEEKED
        rows = await (self._main.peek if few else self._main.read)(select_several_small, blob_ids)
        found: dict[BlobId, Source | None] = {
            blob_id: Source(data) if (data := rows.get(blob_id)) is not None else self._file(blob_id) for blob_id in blob_ids
        }
        if elsewhere := [blob_id for blob_id, source in found.items() if source is None]:
            older = await (self._db.peek if few else self._db.read)(select_several, elsewhere)
            found.update({blob_id: Source(data) for blob_id, data in older.items() if data is not None})
        return found

    def _file(self, blob_id: BlobId) -> Source | None:
        try:
            return Source(self._path(blob_id))
        except FileNotFoundError:
            return None

    async def untouched(self, before_us: int, after: BlobId, limit: int) -> list[BlobId]:
        """Return blobs of the blob database last touched before `before_us`, by name, from the one after `after`."""
        return await self._db.read(select_untouched, before_us, after, limit)

    async def drop(self, blob_id: BlobId, before_us: int) -> bool:
        """Drop a blob unless it was touched meanwhile; say whether it went."""
        return await self._db.write(delete, blob_id, before_us, self._path(blob_id))

    async def tidy(self) -> int:
        """Remove the files that a crash left half written; return how many."""
        return await asyncio.to_thread(remove_abandoned, self._directory, time.time() - ABANDONED_S)

    def _path(self, blob_id: BlobId) -> Path:
        name = blob_id.hex()
        return self._directory / name[:2] / name


def is_small(sealed: bytes | Chunks) -> bool:
    """Say whether a blob goes into a row of the main database, with what names it; not when there is nothing left to write."""
    return isinstance(sealed, bytes) and 0 < len(sealed) <= INLINE_MAX_BYTES


def insert_small(tx: Tx, blob_id: BlobId, sealed: bytes | Chunks) -> None:
    """Write a small blob beside what names it; a large one, or one that is kept already, is left alone."""
    if is_small(sealed):
        tx.execute(_INSERT_SMALL, blob_id=blob_id, now=tx.now_us, data=sealed)


_INSERT_SMALL = """
    INSERT INTO small_blob (blob_id, touched_us, data) VALUES (:blob_id, :now, :data)
    ON CONFLICT (blob_id) DO UPDATE SET touched_us = excluded.touched_us"""


def select_small(tx: Tx, blob_id: BlobId) -> tuple[bytes | None] | None:
    """Return (data,) of a small blob, None when there is none of this name."""
    row = tx.row("SELECT data FROM small_blob WHERE blob_id = :blob_id", blob_id=blob_id)
    return None if row is None else (row[0],)


def select_several_small(tx: Tx, blob_ids: Sequence[BlobId]) -> dict[BlobId, bytes | None]:
    """Return the data of small blobs by name."""
    if len(blob_ids) == 1:  # half of what a list of one costs
        found = select_small(tx, blob_ids[0])
        return {} if found is None else {blob_ids[0]: found[0]}
    rows = tx.rows("SELECT blob_id, data FROM small_blob WHERE blob_id IN (:blob_ids[bytes])", blob_ids=blob_ids)
    return {BlobId(blob_id): data for blob_id, data in rows}


def select_untouched_small(tx: Tx, before_us: int, after: BlobId, limit: int) -> list[BlobId]:
    """Return names of small blobs last touched before `before_us`, ascending, above `after`."""
    return tx.column(
        "SELECT blob_id FROM small_blob WHERE touched_us < :before AND blob_id > :after ORDER BY blob_id LIMIT :limit",
        before=before_us,
        after=after,
        limit=limit,
    )


def delete_small(tx: Tx, blob_ids: Sequence[BlobId], before_us: int) -> int:
    """Delete small blobs unless they were touched meanwhile; return how many went."""
    sql = "DELETE FROM small_blob WHERE blob_id = :blob_id AND touched_us < :before"
    return sum(tx.execute(sql, blob_id=blob_id, before=before_us) for blob_id in blob_ids)


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


def select_several(tx: Tx, blob_ids: Sequence[BlobId]) -> dict[BlobId, bytes | None]:
    """Return the data of blobs by name, None for one that is a file."""
    if len(blob_ids) == 1:
        found = select(tx, blob_ids[0])
        return {} if found is None else {blob_ids[0]: found[0]}
    rows = tx.rows("SELECT blob_id, data FROM blob WHERE blob_id IN (:blob_ids[bytes])", blob_ids=blob_ids)
    return {BlobId(blob_id): data for blob_id, data in rows}


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


def write_file(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file so that it is whole and durable, or absent: write aside, fdatasync, rename, fsync the folders.

    One that is there already may have got its name a moment ago, by somebody who died before that was durable.
    """
    if not path.exists():
        _write_aside(path, pieces)
    for folder in (path.parent, path.parent.parent):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_aside(path: Path, pieces: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}{ASIDE}")
    try:
        with aside.open("wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            failpoint("blob.before_sync")
            os.fdatasync(file.fileno())
        failpoint("blob.before_name")
        aside.replace(path)
        failpoint("blob.after_name")
    finally:
        aside.unlink(missing_ok=True)


def remove_abandoned(directory: Path, before_s: float) -> int:
    """Remove files aside that were last written to before `before_s`, a time of the file system."""
    count = 0
    for aside in directory.glob(f"*/*{ASIDE}"):
        try:
            if aside.stat().st_mtime < before_s:
                aside.unlink()
                count += 1
        except FileNotFoundError:  # its writer has just finished
            continue
    return count
