"""Is the log what it was? Every record, every place and every checkpoint, from the first on. RFC 9162 §2.1; C2SP tlog-checkpoint.

The tree is made again from the records and compared with each checkpoint that was ever signed: so any two of them are consistent, or what
is between the last good one and the first bad one was changed. Where the published files still have an entry as it was, its place is named.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from cryptography import x509

from config.clock import MINUTE_US, SECOND_US
from config.database import Database
from mailcore.evidence import erasing, files, places, sealing
from mailcore.evidence.places import Entry, Kept, Tree
from mailcore.evidence.sealing import Sealer
from mailcore.queue.types import queue_name
from mailcore.services import Services
from signing import cms, genuine, moment
from signing.certificate import value
from signing.der import BadDer
from signing.evidence import checkpoint, merkle, note, record
from signing.evidence.checkpoint import Checkpoint
from signing.evidence.log import Log
from signing.evidence.note import BadNote, Key
from signing.evidence.record import BadRecord
from signing.evidence.tiles import WIDTH, BadTile
from signing.pki import path

PAGE = 8 * WIDTH  # rows that are read at a time
LATE_US = 10 * MINUTE_US  # a transaction may be open for so long before its record is there
SKEW_US = 300 * SECOND_US  # clocks of two machines that write to one database
MAX_FINDINGS = 1000  # then a report is long enough

Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong: `place` of the record, or the size of the checkpoint, and in one word what it is."""

    place: int
    what: str
    said: str


@dataclass(slots=True)
class Report:
    """What was looked at, and what is wrong with it."""

    records: int = 0
    erased: int = 0
    checkpoints: int = 0
    waiting: int = 0
    findings: list[Finding] = field(default_factory=list)

    def find(self, place: int, what: str, said: str) -> None:
        """Add a finding."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(place, what, said))


@dataclass(frozen=True, slots=True)
class Judges:
    """What checkpoints are judged by: the log's key, its witnesses, and the roots of seals."""

    origin: str
    key: Key
    witnesses: Sequence[Key]
    roots: Sequence[bytes]
    now_us: int


class Walk:
    """A way through the whole log, page after page. `size` entries are published; `outside` are checkpoints that others kept, by size."""

    def __init__(self, report: Report, judges: Judges, log: Log, size: int, outside: Mapping[int, Sequence[Checkpoint]]) -> None:
        self._report, self._judges, self._files, self._size, self._outside = report, judges, log, size, outside
        self._tree, self._leaves = Tree(0, {}), list[bytes]()
        self._bundle: list[bytes] | None = None  # the published entries of a tile
        self._marks = deque[Kept]()  # checkpoints to come
        self._before: Kept | None = None
        self._good = 0  # size of the last checkpoint that the entries give

    @property
    def next(self) -> int:
        """Return the next place."""
        return self._tree.size + len(self._leaves)

    def take(self, rows: Sequence[Entry], marks: Sequence[Kept]) -> None:
        """Look at some rows, after the checkpoints are named that end among them or next behind."""
        known = self._marks[-1].size if self._marks else self.next
        self._marks.extend(mark for mark in marks if mark.size > known)
        for row in rows:
            self._fill(row.place)
            self._judge(row)
            self._step(row.entry)

    def end(self, size: int, marks: Sequence[Kept]) -> None:
        """Come to the end of the log of `size` entries: what it should still have is missing."""
        self.take((), marks)
        self._fill(size)
        for mark in self._marks:
            self._report.find(mark.size, "missing", f"the checkpoint covers {mark.size} entries, the log has {self.next}")

    def root(self) -> bytes:
        """Return the root of all entries so far."""
        self._grow()
        return self._tree.root()

    def _fill(self, place: int) -> None:
        """Name places that no row has, and go on with what was published of them."""
        while self.next < place:
            self._report.find(self.next, "missing", "a record was removed")
            self._step(self._published(self.next) or b"")

    def _step(self, entry: bytes) -> None:
        """Go one place on, and judge the checkpoints of that size."""
        self._leaves.append(merkle.leaf_hash(entry))
        while self._marks and self._marks[0].size == self.next:
            self._report.checkpoints += 1
            self._before = self._marks.popleft()
            self._compare(self._before)
        for one in self._outside.get(self.next, ()):
            self._compare_root(one, "a checkpoint that somebody kept")

    def _judge(self, row: Entry) -> None:
        find = partial(self._report.find, row.place)
        self._report.records += 1
        published = self._published(row.place)
        if published is not None and published != row.entry:
            find("changed", "the log published another entry at this place")
        if not row.record:
            self._report.erased += 1
        elif record.entry(row.salt, row.record) != row.entry:
            find("changed", "the record is not the one that the log holds")
        else:
            self._judge_record(row)

    def _judge_record(self, row: Entry) -> None:
        find, before = partial(self._report.find, row.place), self._before
        try:
            said = record.read(row.record)
        except BadRecord as error:
            find("changed", str(error))
            return
        if said.queue != queue_name(row.queue_id):
            find("changed", f"filed under another letter than {said.queue}")
        if before is not None and said.at < before.at_us - LATE_US:
            find("back-dated", f"says {said.at} µs, and came after the checkpoint of {before.size} entries, of {before.at_us} µs")
        if self._marks and said.at > self._marks[0].at_us + SKEW_US:
            find("post-dated", f"says {said.at} µs, and the checkpoint of {self._marks[0].at_us} µs has it already")

    def _compare(self, mark: Kept) -> None:
        if wrong := _wrong(mark, self._judges):
            self._report.find(mark.size, "checkpoint", wrong)
        else:
            self._compare_root(sealing.text_of(mark), "its checkpoint")

    def _compare_root(self, said: Checkpoint, whose: str) -> None:
        if self.root() == said.root:
            self._good = said.size
        else:
            span = f"places {self._good} to {said.size - 1}"
            self._report.find(said.size, "rewritten", f"{whose} has another root: something in {span} was changed, removed or added")

    def _grow(self) -> None:
        self._tree, self._leaves = self._tree.grown(self._leaves), []

    def _published(self, place: int) -> bytes | None:
        """Return the entry that was published at a place, None where the files do not say."""
        if place % WIDTH == 0 or self._bundle is None:
            self._bundle = list(self._read(place // WIDTH))
        within = place % WIDTH
        return self._bundle[within] if within < len(self._bundle) else None

    def _read(self, number: int) -> Iterator[bytes]:
        try:
            yield from self._files.bundle(number, self._size)
        except BadTile:
            return


async def check(services: Services, kept_by_others: Sequence[bytes] = (), told: Told = lambda count: None) -> Report:
    """Look at all of a node's evidence; `kept_by_others` are checkpoints that somebody noted. Raises BadNote for one that is none."""
    report, db, sealer = Report(), services.db, Sealer(services)
    size, published = (await db.read(places.tree)).size, _published_size(sealer.log)
    by = await judges(services)
    walk = Walk(report, by, sealer.log, published, _outside(kept_by_others, by, size, report))
    while rows := await db.read(places.page, walk.next, PAGE):
        await _judge_erased(db, report, rows)
        walk.take(rows, await _marks(db, walk.next, rows[-1].place + 1))
        told(len(rows))
    walk.end(size, await db.read(places.after, walk.next, MAX_FINDINGS))
    now = await db.read(places.tree)
    _judge_ends(report, walk, now, sealer.log)
    for place in await db.read(places.outside, now.size):
        report.find(place, "added", f"a record that is in no place of the log of {now.size} entries")
    if 0 < published <= now.size:
        await asyncio.to_thread(files.judge_tiles, Log(sealer.log.directory), published, report.find)
        await files.judge_checkpoint(db, sealer.log, published, partial(_wrong, judges=by), report.find)
    report.waiting = await db.read(places.waiting)
    return report


async def judges(services: Services) -> Judges:
    """Return what the checkpoints of a node's own log are judged by."""
    return Judges(
        sealing.origin(services.settings),
        await Sealer(services).key(),
        [key for key, _ in sealing.witnesses(services.settings)],
        services.roots,
        services.clock.now_us(),
    )


async def _judge_erased(db: Database, report: Report, rows: Sequence[Entry]) -> None:
    """What a record said goes by order alone: else whoever can write to the table removes what is unwelcome."""
    gone = [row for row in rows if not row.record]
    ordered = await db.read(erasing.ordered, sorted({row.queue_id for row in gone})) if gone else set()
    for row in gone:
        if row.queue_id == places.LOST:
            report.find(row.place, "lost", "the database was restored from a backup that did not have this record")
        elif row.queue_id not in ordered:
            report.find(row.place, "removed", "what the record said was erased, and nobody ordered that")


async def _marks(db: Database, size: int, until: int) -> list[Kept]:
    """Return the checkpoints among some places, and the next one behind them."""
    among, behind = await db.read(places.between, size, until), await db.read(places.after, until, 1)
    return [*among, *behind]


def _published_size(log: Log) -> int:
    try:
        published = log.checkpoint()
    except BadNote:
        return 0  # `_judge_ends` says so
    return published.size if published is not None else 0


def _judge_ends(report: Report, walk: Walk, now: Tree, log: Log) -> None:
    """Compare the end of the log with what it grows from, and with what is published."""
    size = now.size
    if walk.next == size and walk.root() != now.root():
        report.find(size, "rewritten", "the log grows from other hashes than those of its entries")
    try:
        published = log.checkpoint()
    except BadNote as error:
        report.find(size, "checkpoint", f"the published one cannot be read: {error}")
        return
    if published is not None and published.size > size:
        report.find(published.size, "missing", f"a checkpoint of {published.size} entries was published, the log has {size}")


def _outside(noted: Sequence[bytes], judges: Judges, size: int, report: Report) -> dict[int, list[Checkpoint]]:
    """Return what others have noted, by size. Raises BadNote for what the log has not signed."""
    found: dict[int, list[Checkpoint]] = {}
    for octets in noted:
        said = read(octets, judges)
        found.setdefault(said.size, []).append(said)
        if said.size > size:
            report.find(said.size, "missing", f"somebody kept a checkpoint of {said.size} entries, the log has {size}")
    return found


def read(octets: bytes, judges: Judges) -> Checkpoint:
    """Return what a checkpoint says that the log has signed. Raises BadNote for any other."""
    signed = note.read(octets)
    if judges.key not in note.signers(signed, [judges.key, *judges.witnesses]):
        raise BadNote(f"the key of {judges.origin} has not signed it")
    said = checkpoint.read(signed.text)
    if said.origin != judges.origin:
        raise BadNote(f"it is of another log, {said.origin}")
    return said


def _wrong(mark: Kept, judges: Judges) -> str:
    """Return what is wrong with a checkpoint, "" for nothing."""
    try:
        said = _signed(mark, judges)
    except (BadNote, BadDer, genuine.Failed, path.Refused) as error:
        return f"{type(error).__name__}: {error}"
    return "" if said.size == mark.size else f"is filed under {mark.size} and says {said.size}"


def _signed(mark: Kept, judges: Judges) -> Checkpoint:
    """Return what a checkpoint says when its note and its seal are good. Raises BadNote, BadDer, genuine.Failed, path.Refused."""
    said = read(mark.note, judges)
    if mark.stamped and not mark.seal:
        raise BadNote("its seal was taken away")
    if mark.seal:
        signed = cms.read(mark.seal)
        leaf = genuine.leaf(signed)
        if leaf is None:
            raise genuine.Failed("no_certificate")
        genuine.check(checkpoint.write(said).encode(), signed, leaf)
        stamp = moment.proven(signed.signer, judges.roots, judges.now_us)
        if mark.stamped and (stamp is None or stamp.time_us < mark.at_us - SKEW_US):
            raise BadNote("its time stamp is not good, or older than the checkpoint")
        at_us = stamp.time_us if stamp is not None else judges.now_us
        names = value(leaf, x509.SubjectAlternativeName)
        if names is None or judges.origin.partition("/")[0] not in names.get_values_for_type(x509.DNSName):
            raise BadNote("its seal is not that of this node")
        path.search(leaf, genuine.loaded(signed.certificates), genuine.loaded(judges.roots), at_us, at_us)
    return said
