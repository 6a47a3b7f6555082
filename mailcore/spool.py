"""Large messages on their way in: in a file without a name, so that nobody holds them in memory.

The file is gone with whoever refers to it, also after a crash. Writing blocks, and belongs in a thread.
"""

import errno
import os
import tempfile
from dataclasses import dataclass
from mmap import ACCESS_READ, ALLOCATIONGRANULARITY, mmap
from pathlib import Path

from config.errors import FULL, NoRoom
from config.failpoints import failpoint
from config.log import log
from mailcore.errors import Unavailable

SPOOLED_BYTES = 256 * 1024  # what is larger goes into a file: a thousand senders at once then hold 256 MiB
SPARE_BYTES = 128 * 1024 * 1024  # of the disk, left to the databases: they must be able to write when nothing else can
ABANDONED_S = 86_400  # a file with a name that nobody has written to for a day is left over from a crash
PREFIX = ".literal-"
CANNOT = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT}  # what file systems and kernels say that know no O_TMPFILE
COPY_BYTES = 1 << 20  # in one step, where the system cannot copy between files by itself


def has_room(directory: Path, size_bytes: int) -> bool:
    """Say whether a message of this size has room now. What is not known is left to its writing."""
    try:
        room = os.statvfs(directory)
    except OSError:
        return True
    return room.f_bavail * room.f_frsize >= SPARE_BYTES + size_bytes


def _nameless(directory: Path) -> int:
    """Open a file that never has a name; where the file system knows no such thing, one that loses it at once."""
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in CANNOT:
            raise
    descriptor, path = tempfile.mkstemp(prefix=PREFIX, dir=directory)
    os.unlink(path)
    return descriptor


def remove_abandoned(directory: Path, before_s: float) -> int:
    """Remove files that a crash left with their names, last written to before `before_s`; return how many."""
    old = [path for path in directory.glob(f"{PREFIX}*") if path.stat().st_mtime < before_s]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


class Spool:
    """Large octets, one piece behind the other in one file."""

    __slots__ = ("_descriptor", "_end", "_full", "failed")

    def __init__(self, directory: Path) -> None:
        self._descriptor, self._end, self._full = -1, 0, False
        self.failed = False  # no room on the disk, or it fails: what is written from then on is lost
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._descriptor = _nameless(directory)
        except OSError as error:
            self._fail(error)

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def _fail(self, error: OSError) -> None:
        if not self.failed:
            log.error("spool.failed", said=error.strerror)
            self._full = error.errno in FULL
        self.failed = True

    def begin(self) -> "Spooled":
        """Begin a piece; return where it will be. The system maps files from the start of a page only."""
        self._end += -self._end % ALLOCATIONGRANULARITY
        return Spooled(self, self._end)

    def write(self, octets: bytes) -> None:
        """Write the next octets of the piece that was begun last. Failure is noted, and raised when it is read."""
        if self.failed:
            return
        try:
            self._require_room(len(octets))
            done = 0
            while done < len(octets):
                done += os.pwrite(self._descriptor, memoryview(octets)[done:], self._end + done)
        except OSError as error:
            self._fail(error)
        self._end += len(octets)
        failpoint("spool.after_write")

    def copy(self, place: int, size_bytes: int) -> None:
        """Write what stands at a place once more, as the next octets of the piece that was begun last: none of it in memory."""
        if self.failed:
            return
        try:
            self._require_room(size_bytes)
            done = 0
            while done < size_bytes:
                done += self._copied(place + done, self._end + done, size_bytes - done)
        except OSError as error:
            self._fail(error)
        self._end += size_bytes

    def _copied(self, source: int, aim: int, size_bytes: int) -> int:
        try:
            count = os.copy_file_range(self._descriptor, self._descriptor, size_bytes, source, aim)
        except OSError:  # not on this file system
            count = 0
        count = count or os.pwrite(self._descriptor, os.pread(self._descriptor, min(size_bytes, COPY_BYTES), source), aim)
        if not count:
            raise OSError(5, "the file is shorter than what was written")
        return count

    def _require_room(self, size_bytes: int) -> None:
        room = os.fstatvfs(self._descriptor)
        if room.f_bavail * room.f_frsize < SPARE_BYTES + size_bytes:
            raise OSError(errno.ENOSPC, "the disk is nearly full")

    def map(self, place: int, size_bytes: int) -> mmap:
        """Return a part of the file in memory. Raises NoRoom, Unavailable when it could not be written."""
        if self._full:
            raise NoRoom
        if self.failed:
            raise Unavailable("the message cannot be stored at the moment")
        return mmap(self._descriptor, size_bytes, access=ACCESS_READ, offset=place)


@dataclass(slots=True, eq=False)
class Spooled:
    """One piece of a spool."""

    _spool: Spool
    _place: int
    size_bytes: int = 0

    @property
    def failed(self) -> bool:
        """Say whether it could not be written."""
        return self._spool.failed

    def write(self, octets: bytes) -> None:
        """Write its next octets."""
        self._spool.write(octets)
        self.size_bytes += len(octets)

    def behind(self, front: bytes, at: int = 0) -> "Spooled":
        """Return a piece that is `front` and what this one holds from `at` on; this one stays as it is."""
        made = self._spool.begin()
        made.write(front)
        self._spool.copy(self._place + at, self.size_bytes - at)
        made.size_bytes += self.size_bytes - at
        return made

    def octets(self) -> mmap:
        """Return it as a file in memory, which goes with the last who refers to it. Raises NoRoom, Unavailable."""
        return self._spool.map(self._place, self.size_bytes)
