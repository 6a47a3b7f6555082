"""One run over a source: what changed since the last, or all of it; then, only after all of it was read, who has left.

Entries go in page by page, in transactions of a page at most. A run that ends early has closed nobody and does not move the
watermark: the next one reads the same again, which costs a look-up for each entry.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from config.clock import SECOND_US, Clock
from config.database import Database
from config.sources import Sync
from directory.imports import ldap
from directory.imports.carry import Undone
from directory.imports.ldif import LdapEntry
from directory.imports.report import Report
from directory.imports.rows import Refused
from directory.imports.work import PAUSE_S
from directory.rights import Actor
from directory.sync import closing, filtering, state, take
from directory.sync.client import SUBTREE, Client
from directory.sync.closing import Closing, Rehearsed
from directory.sync.dialects import DIALECTS, Dialect
from directory.sync.errors import SourceFailed
from directory.sync.state import Mark
from directory.sync.take import Foreign, Places, Taken

PIECE = 500  # entries in one transaction: a quarter of a second at the measured rates
MAX_CONTESTED = 10_000  # entries that are kept until the whole source was read


@dataclass(slots=True)
class Synchronised:
    """What one run did. `read` counts entries; `full` says that all of the source was read."""

    source: str
    full: bool
    dry_run: bool = False
    read: int = 0
    report: Report = field(default_factory=Report)
    closing: Closing = field(default_factory=Closing)


@dataclass(slots=True)
class _Run:
    """One run and what it has learned."""

    db: Database
    source: Sync
    actor: Actor
    where: Places
    dialect: Dialect
    attributes: ldap.Attributes
    done: Synchronised
    watermark: str
    seen: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    contested: list[Foreign] = field(default_factory=list)


async def synchronise(db: Database, clock: Clock, source: Sync, *, full: bool = False, dry_run: bool = False) -> Synchronised:
    """Take a source over. Everything is read when it is asked for, due, or when another server answers than last time.

    Raises SourceFailed, and NotFound for a service account or an administration that is not there.
    """
    began_us, dialect = clock.now_us(), DIALECTS[source.kind]
    actor = await db.read(state.actor, source.service)
    where = await db.read(take.places, source.organisation, source.units, source.unit)
    mark = await db.read(state.mark, source.name)
    client = await Client.connect(source.url, ssl.create_default_context(cafile=source.ca))
    try:
        await client.bind(source.bind, source.password.read_text("utf-8").rstrip("\r\n") if source.password else "")
        origin = await _origin(client, dialect)
        full = full or not mark.watermark or origin != mark.origin or began_us - mark.full_us >= source.full_every_s * SECOND_US
        run = _Run(
            db, source, actor, where, dialect, _attributes(source, dialect), Synchronised(source.name, full, dry_run), mark.watermark
        )
        async for entries in _entries(client, run):
            await _take(run, entries)
    finally:
        await client.close()
    await _finish(run, mark, origin, began_us)
    return run.done


def _attributes(source: Sync, dialect: Dialect) -> ldap.Attributes:
    return {**dialect.attributes, **{name: taken for name, taken in source.mapping.items() if name in ldap.FIELDS}}


async def _origin(client: Client, dialect: Dialect) -> str:
    """Return which server counts changes: Active Directory's invocation id ([MS-ADTS] §3.1.1.1.9), else nothing."""
    if not dialect.by_server:
        return ""
    root = await client.read("", ["dsServiceName"])
    names = root.values.get("dsservicename", ()) if root is not None else ()
    server = await client.read(names[0].decode(), ["invocationId"]) if names else None
    found = server.values.get("invocationid", ()) if server is not None else ()
    if not found:
        raise SourceFailed("the server does not say its invocationId")
    return found[0].hex()


def _entries(client: Client, run: _Run) -> AsyncIterator[list[LdapEntry]]:
    wanted = run.source.filter or run.dialect.usual_filter
    if not run.done.full:
        wanted = f"(&{wanted}{run.dialect.since(run.watermark)})"
    names = sorted({name for taken in run.attributes.values() for name in taken})
    tagged = [f"{name};lang-{script}" for name in ("cn", "displayName", "givenName", "sn") for script in ("ar", "fr")]
    return client.search(run.source.base, SUBTREE, filtering.encode(wanted), [*names, *tagged, *run.dialect.extra])


async def _take(run: _Run, entries: list[LdapEntry]) -> None:
    found = iter(list(_foreign(run, entries)))
    while piece := list(islice(found, PIECE)):
        await _write(run, piece)


def _foreign(run: _Run, entries: list[LdapEntry]) -> Iterator[Foreign]:
    """Yield what entries say; note who is there, who has left, and how far the source was read."""
    for entry in entries:
        foreign_id = run.dialect.identity(entry)
        if not foreign_id:
            raise SourceFailed(f"{entry.dn} shows no lasting id: let {run.source.bind or 'everybody'} read {run.dialect.extra[0]}")
        run.done.read += 1
        run.watermark = run.dialect.later(run.watermark, run.dialect.stamp(entry))
        if run.dialect.left(entry):
            run.left.add(foreign_id)
            continue
        run.seen.add(foreign_id)
        one = take.read(entry, foreign_id, run.attributes, run.where)
        if isinstance(one, Foreign):
            yield one
        else:
            run.done.report.hear([one])


async def _write(run: _Run, entries: list[Foreign], missing: Sequence[str] | None = None) -> None:
    """Take over some entries. With `missing` it is the second time for them: what still belongs to another entry is refused."""
    unit = take.take if missing is None else partial(take.take_again, missing=missing)
    try:
        taken: Taken = await run.db.write(unit, run.actor, run.source.name, run.where, entries, keep=not run.done.dry_run)
    except Undone as undone:
        run.done.report.hear(undone.results)
        return
    run.done.report.hear(taken.results)
    run.contested += taken.contested[: MAX_CONTESTED - len(run.contested)]
    if any(isinstance(one, Refused) or one.became != "unchanged" for one in taken.results):
        await asyncio.sleep(PAUSE_S)


async def _finish(run: _Run, mark: Mark, origin: str, began_us: int) -> None:
    """Let go who has left, after all of it was read; then note how far that was."""
    name, keep, missing = run.source.name, not run.done.dry_run, run.left
    if run.done.full:
        missing = set(await run.db.read(state.here, name, began_us)) - run.seen
    if run.contested:
        await _write(run, run.contested, sorted(missing))
    emptied = run.done.full and not run.seen
    try:
        run.done.closing = await run.db.write(
            closing.close, run.actor, name, sorted(missing), run.source.brake_percent, emptied=emptied, keep=keep
        )
    except Rehearsed as rehearsed:
        run.done.closing = rehearsed.closing
        return
    run.done.report.hear(run.done.closing.refused)
    await run.db.write(state.keep, name, run.watermark, origin, began_us if run.done.full else mark.full_us)
