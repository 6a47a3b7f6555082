"""One letter's evidence as a bundle that needs nobody else: the letter, records, proofs, seals, certificates and what was said of them.

ETSI EN 319 162-1 (ASiC-E), EN 319 122-1 (what makes a seal last stands in the bundle, never in the mail). What is made here is verified as
a court would before anybody gets it: a bundle that is not proven is not handed out.
"""

import asyncio
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from config.clock import SECOND_US
from config.database import Tx
from config.log import log
from directory import journal, resolve, rights
from directory.acts import places as acting_places
from directory.journal import Entry
from directory.rights import CONSOLE
from mailcore import certify
from mailcore.evidence import facts, places
from mailcore.evidence.errors import NoEvidence, NoLetter, NotProven, NotSealed, NotThisLetter
from mailcore.evidence.facts import Row
from mailcore.evidence.places import Kept
from mailcore.evidence.sealing import Sealer, log_of
from mailcore.pki.adopt import adopt
from mailcore.pki.fetching import fetching
from mailcore.pki.publish import Publisher
from mailcore.pki.responder import Responders
from mailcore.queue.types import queue_number
from mailcore.services import Services
from mailcore.stamping import stamps
from mailcore.store import accounts
from mailcore.store.types import BlobId
from signing import cms, genuine, timestamp
from signing.certificate import value
from signing.cms import SigningIdentity
from signing.evidence import bundle, note, record, verify
from signing.evidence.bundle import Checkpoint, Contents, Proof
from signing.evidence.note import Key
from signing.evidence.record import Record
from signing.pki import places as published_places
from signing.pki import published, register

NEAR_US = 600 * SECOND_US  # a copy in the sender's mailbox is filed within ten minutes of sending
MAX_COPIES = 50  # that are opened in one mailbox to find the letter
MAX_MARKS = 20  # checkpoints that are looked at for one that witnesses have signed
TRIES = 2  # an authority of time may be another than the last time: its certificates go in then


@dataclass(frozen=True, slots=True)
class _Copy:
    """Where a message may be: its blob and the key to it, wrapped by an account."""

    account_id: int
    blob_id: BlobId
    dek_wrapped: bytes


async def export(services: Services, queue: str, message: bytes | None = None, reason: str = "") -> bytes:
    """Return the bundle of a letter by its queue id; its octets are found here when they are not given.

    The letter is opened for that, so the journal has it, with the reason, before it is tried.

    Raises NoEvidence, NotSealed, NoLetter, NotThisLetter, NotProven, SignerUnavailable.
    """
    rows = await _rows(services, queue)
    records = [record.read(row.record) for row in rows]
    await services.db.write(_journal, queue_number(queue), records[0], reason)
    octets = await _letter(services, queue, records) if message is None else message
    if not _is(octets, records[0]):
        raise NotThisLetter()
    marks = await services.db.read(_marks, [row.index or 0 for row in rows])
    inside = await _contents(services, octets, rows, marks)
    made = await _bound(services, inside)
    report = await asyncio.to_thread(verify.verify, made, services.roots, services.clock.now_us())
    if report.faults:
        raise NotProven("; ".join(f"{one.part}: {one.check}: {one.said}" for one in report.faults))
    log.info("evidence.exported", queue_id=queue, records=len(rows), size_bytes=len(made))
    return made


def _journal(tx: Tx, queue_id: int, about: Record, reason: str) -> None:
    """Note who had a letter opened, where the first of its people that is here has their place."""
    known = [one for address in (about.sender, *about.recipients) if (one := resolve.written(tx, address)) is not None]
    place = rights.chain(tx, acting_places.account(tx, known[0].account_id)) if known else None
    organisation_id, unit_id = (None, None) if place is None else (place.organisation_id, place.unit_id)
    said = {"letter": about.queue, "message_id": about.message, "digest": about.digest}
    journal.append(tx, [Entry(CONSOLE, "evidence.exported", "letter", queue_id, organisation_id, unit_id, after=said, reason=reason)])


async def _rows(services: Services, queue: str) -> list[Row]:
    """Return the records of a letter, all of them with their places."""
    try:
        queue_id = queue_number(queue)
    except ValueError:
        raise NoEvidence(f"{queue!r} is not a queue id") from None
    rows = await services.db.read(facts.rows_of, queue_id)
    if any(row.index is None for row in rows):
        await Sealer(services).turn()
        rows = await services.db.read(facts.rows_of, queue_id)
    if not rows:
        raise NoEvidence(f"there is no evidence of a letter {queue}")
    if any(row.index is None for row in rows):
        raise NotSealed()
    return sorted(rows, key=_order)


def _order(row: Row) -> tuple[int, bool, int]:
    """In the order of events; what was accepted and delivered in one transaction has one time and no order in the log."""
    said = record.read(row.record)
    return said.at, said.event.startswith("Content"), row.index or 0


def _marks(tx: Tx, indexes: Sequence[int]) -> list[Kept]:
    """Return for each place the first checkpoint that covers it and has a stamp; one that witnesses have signed, if there is any."""
    found = []
    for index in indexes:
        later = [one for one in places.after(tx, index, MAX_MARKS) if one.stamped]
        if not later:
            raise NotSealed()
        found.append(next((one for one in later if len(note.read(one.note).signatures) > 1), later[0]))
    return found


async def _contents(services: Services, message: bytes, rows: Sequence[Row], marks: Sequence[Kept]) -> Contents:
    """Return what goes into the bundle, without what its own seal needs."""
    different = sorted({one.size: one for one in marks}.values(), key=lambda one: one.size)
    names = {one.size: f"checkpoints/{number}.note" for number, one in enumerate(different, 1)}
    files = log_of(services.settings)

    def proven() -> list[tuple[bytes, Proof]]:
        return [
            (row.record, Proof(row.salt, row.index or 0, mark.size, tuple(files.proof(row.index or 0, mark.size)), names[mark.size]))
            for row, mark in zip(rows, marks, strict=True)
        ]

    keys = [await Sealer(services).key(), *(note.key(one.partition(" ")[0]) for one in services.settings.evidence.witnesses)]
    certificates = {octets for mark in different for octets in _certificates(mark.seal)} | set(services.roots)
    records = tuple(await asyncio.to_thread(proven))
    checkpoints = tuple(Checkpoint(_by(one.note, keys), one.seal) for one in different)
    return Contents(message, records, checkpoints, tuple(key.written() for key in keys), tuple(sorted(certificates)))


def _by(octets: bytes, keys: Sequence[Key]) -> bytes:
    """Return a note with the signatures of these keys alone: nobody can verify those of a witness that the settings name no more."""
    read, known = note.read(octets), {(key.name, key.key_id) for key in keys}
    return note.write(replace(read, signatures=tuple([one for one in read.signatures if (one.name, one.key_id) in known])))


async def _bound(services: Services, inside: Contents) -> bytes:
    """Return the bundle, sealed and stamped by this node. Raises NotSealed when there is no stamp to be had."""
    identity = await certify.seal(services)
    clock = await certify.clock(services)
    known = {*inside.certificates, identity.certificate, *identity.chain, clock.certificate, *clock.chain}
    for _ in range(TRIES):
        listed = bundle.files(replace(inside, certificates=tuple(sorted(known)), crls=await _lists(services, known)))
        manifest = bundle.manifest(listed)
        seal = await _sealed(services, identity, manifest)
        if (needed := set(_certificates(seal))) <= known:
            return bundle.pack(listed, manifest, seal)
        known |= needed
    raise NotSealed("the authority of time is another at each time that it is asked: try again")


async def _sealed(services: Services, identity: SigningIdentity, manifest: bytes) -> bytes:
    to_sign = cms.prepare(manifest, identity, services.clock.now_us())
    signature = await services.signer.sign(identity.key_id, to_sign.digest)
    stamp = await stamps(services).over(signature)
    if not stamp:
        raise NotSealed("there is no time stamp to be had at the moment: try again")
    return cms.finish(to_sign, signature, timestamp=stamp)


def _certificates(seal: bytes) -> Iterable[bytes]:
    """Yield the certificates that a stamped seal has in it."""
    signed = cms.read(seal)
    yield from signed.certificates
    yield from timestamp.read(signed.signer.timestamp).signed.certificates


async def _lists(services: Services, certificates: set[bytes]) -> tuple[bytes, ...]:
    """Return what authorities published of what they revoked: ours made now where it is missing or has run out, others fetched."""
    found = await services.db.read(_published, certificates)
    if not found or not all(found):
        await adopt(services)
        await Publisher(services, Responders(services)).look()
        found = await services.db.read(_published, certificates)
    own = {one.der for one in await services.db.read(register.authorities)}
    return tuple([octets for octets in (*found, *await _others(services, certificates, own)) if octets])


async def _others(services: Services, certificates: set[bytes], own: set[bytes]) -> list[bytes]:
    """Return the lists of authorities that are not this node's, such as that of an authority of time elsewhere."""
    known, fetch = genuine.loaded(sorted(certificates)), fetching(services)
    found: dict[str, bytes] = {}
    for one in known:
        issuer = next((each for each in known if each.subject == one.issuer and each != one), None)
        points = value(one, x509.CRLDistributionPoints) or ()
        if issuer is None or (octets := issuer.public_bytes(Encoding.DER)) in own:
            continue
        for url in [name.value for point in points for name in point.full_name or () if isinstance(name, x509.UniformResourceIdentifier)]:
            found[url] = found.get(url) or await fetch.list(url, octets)
    return list(found.values())


def _published(tx: Tx, certificates: set[bytes]) -> list[bytes]:
    """Return the whole list of each authority among some certificates, and what changed since; b"" where there is none that holds."""
    found = []
    for authority in register.authorities(tx):
        if authority.der in certificates:
            whole = published.find(tx, authority.key_id, published_places.WHOLE)
            found.append(whole.octets if whole is not None and whole.next_update_us > tx.now_us else b"")
            delta = published.find(tx, authority.key_id, published_places.WHOLE, delta=True)
            found += [delta.octets] if delta is not None and delta.next_update_us > tx.now_us else []
    return found


async def _letter(services: Services, queue: str, records: Sequence[Record]) -> bytes:
    """Return the octets of a letter, from the queue or from a mailbox that it went into or was sent from. Raises NoLetter."""
    for copy in await services.db.read(_copies, queue_number(queue), records):
        account = await services.store.open_account(copy.account_id)
        octets = await services.store.read(copy.blob_id, account.unwrap(copy.dek_wrapped))
        if _is(octets, records[0]):
            return octets
    raise NoLetter()


def _is(octets: bytes, about: Record) -> bool:
    return hmac.compare_digest(record.digest_name(sha256(octets).digest()), about.digest)


def _copies(tx: Tx, queue_id: int, records: Sequence[Record]) -> list[_Copy]:
    """Return where the letter may be, the likeliest first: what was delivered was written in the transaction of its record."""
    queued = tx.rows("SELECT blob_id, dek_wrapped FROM queue_message WHERE queue_id = :queue_id", queue_id=queue_id)
    found = [_Copy(accounts.NODE, BlobId(bytes(blob)), bytes(dek)) for blob, dek in queued]
    for one in records:
        if one.event == "ContentConsignment":
            for address in one.recipients:
                found += _filed(tx, address, one.at, one.at)
    for one in records:
        if one.event == "SubmissionAcceptance":
            found += _filed(tx, one.sender, one.at - NEAR_US, one.at + NEAR_US)
    return found


def _filed(tx: Tx, address: str, since_us: int, until_us: int) -> list[_Copy]:
    """Return the messages that came into a mailbox of this node within some time."""
    target = resolve.written(tx, address)
    if target is None:
        return []
    rows = tx.rows(
        """SELECT blob_id, dek_wrapped FROM message
           WHERE account_id = :account_id AND created_us BETWEEN :since_us AND :until_us ORDER BY created_us LIMIT :most""",
        account_id=target.account_id,
        since_us=since_us,
        until_us=until_us,
        most=MAX_COPIES,
    )
    return [_Copy(target.account_id, BlobId(bytes(blob)), bytes(dek)) for blob, dek in rows]
