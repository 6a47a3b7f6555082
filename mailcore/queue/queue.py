"""Units of work of the queue: enqueue, lease, settle. One row per recipient.

A lease has an owner, an end and a token that grows each time. Whoever comes back with an older token has lost it and
changes nothing, so two workers can never both settle one recipient.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from config import numbers
from config.database import Row, Tx
from config.failpoints import failpoint
from directory import recents, resolve
from mailcore.evidence import facts
from mailcore.evidence.facts import Fact, Issuer
from mailcore.queue import acting, holds, lanes, proofs, ranks, spending
from mailcore.queue.proofs import Ending
from mailcore.queue.types import By, Entry, Later, Lease, Queued, Recipient, Report, parsed, queue_name
from mailcore.store import accounts, blobs
from mailcore.store.types import Changed
from signing.evidence.record import Event

LOCAL, REMOTE = 1, 0  # lanes: the column `local`

INSERT_MESSAGE = """
INSERT INTO queue_message (queue_id, blob_id, dek_wrapped, size_bytes, sender, account_id, envid, ret, smtputf8,
                           created_us, expires_us, pending, origin_id, priority, hold_until_us, by_us, by_mode,
                           requiretls, body, junk, digest, message_id)
VALUES (:queue_id, :blob_id, :dek_wrapped, :size_bytes, :sender, :account_id, :envid, :ret, :smtputf8, :created_us,
        :expires_us, :pending, :origin_id, :priority, :hold_until_us, :by_us, :by_mode, :requiretls, :body, :junk, :digest, :message_id)"""

INSERT_RECIPIENT = """
INSERT INTO queue_recipient (queue_id, number, address, domain, lane, rank, notify, orcpt, attempts, due_us, lease_owner,
                             lease_token, delay_told, last_code, last_text, hold_id)
VALUES (:queue_id, :number, :address, :domain, :lane, :rank, :notify, :orcpt, 0, :due_us, '', 0, 0, 0, '', :hold_id)"""

_BRANCH = """
    SELECT queue_id, number FROM (
        SELECT queue_id, number FROM queue_recipient WHERE lane = :lane AND rank = {rank} AND due_us <= :now_us
        ORDER BY due_us LIMIT :p{rank} /* FOR UPDATE SKIP LOCKED */) r{rank}"""
LEASE = f"""
WITH due AS ({" UNION ALL ".join(_BRANCH.format(rank=rank) for rank in (3, 2, 1, 0))} LIMIT :limit)
UPDATE queue_recipient
SET lease_owner = :owner, lease_token = lease_token + 1, due_us = :until_us, attempts = attempts + 1
WHERE (queue_id, number) IN (SELECT queue_id, number FROM due)
RETURNING queue_id, number, lease_owner, lease_token, due_us, address, domain, notify, orcpt, attempts, delay_told, lane"""

MESSAGES = """
SELECT queue_id, blob_id, dek_wrapped, size_bytes, sender, account_id, envid, ret, smtputf8, created_us, expires_us,
       origin_id, priority, hold_until_us, by_us, by_mode, requiretls, body, junk, digest, message_id
FROM queue_message WHERE queue_id IN (:ids[])"""

LEASED = """
SELECT queue_id, number, lease_token FROM queue_recipient
WHERE queue_id IN (:ids[]) AND lease_owner IN (:owners[text])"""
HELD = f"{LEASED} /* FOR UPDATE */"

REMOVE = "DELETE FROM queue_recipient WHERE queue_id = :queue_id AND number = :number"
COUNT_DOWN = "UPDATE queue_message SET pending = pending - :done WHERE queue_id = :queue_id"
SWEEP = "DELETE FROM queue_message WHERE queue_id IN (:ids[]) AND pending = 0"

POSTPONE = f"""
UPDATE queue_recipient SET lease_owner = '', due_us = {holds.DUE}, last_code = :code, last_text = :text, delay_told = :told
WHERE queue_id = :queue_id AND number = :number"""


def fresh_id(now_us: int) -> int:
    """Return a queue id that nobody has."""
    return numbers.fresh(now_us)


def enqueue(tx: Tx, entry: Entry) -> None:
    """Write a message and its recipients, due at once or at its release, and wake the workers. Raises BadAddress, SendingLimited."""
    submission = entry.submission
    if submission.hold_until_us > tx.now_us and submission.account_id is not None:
        spending.require_release(tx, submission.account_id, entry.size_bytes)
    local: dict[str, int] = {}
    for recipient in submission.recipients:
        domain = parsed(recipient.address).domain
        if domain not in local:
            local[domain] = LOCAL if resolve.is_local_domain(tx, domain) else REMOTE
    due_us = max(tx.now_us, submission.hold_until_us)
    rank = ranks.rank(submission.priority)
    held_back = holds.of(tx, submission.sender, local)
    blobs.insert_small(tx, entry.blob_id, entry.message.sealed)
    tx.execute(INSERT_MESSAGE, **_message(tx, entry, due_us, local))
    for number, recipient in enumerate(submission.recipients):
        domain = parsed(recipient.address).domain
        hold_id = held_back.get(domain, 0) if held_back else 0
        tx.execute(
            INSERT_RECIPIENT,
            queue_id=entry.queue_id,
            number=number,
            address=recipient.address,
            domain=domain,
            lane=lane(domain, local[domain]),
            rank=rank,
            notify=",".join(sorted(recipient.notify)),
            orcpt=recipient.orcpt,
            due_us=holds.NEVER_US if hold_id else due_us,
            hold_id=hold_id,
        )
    note(tx, entry)
    lanes.lower(tx, ((domain, rank) for domain, kind in local.items() if kind == REMOTE), due_us)
    wake(tx)


def note(tx: Tx, entry: Entry, more: Sequence[Fact] = ()) -> None:
    """Note who sent a message in whose name, and to whom people write, and that it was accepted, with what else happened to it."""
    submission = entry.submission
    facts.note(tx, [*accepted(entry), *more])
    if submission.acting is not None:
        acting.record(tx, submission.acting, queue_name(entry.queue_id))
    if submission.writer_id is not None:
        recents.note(tx, submission.writer_id, (each.address for each in submission.recipients))


def accepted(entry: Entry) -> list[Fact]:
    """Return the evidence that a message was taken from whoever brought it: one of our people, a node, or a stranger.

    What a script sends on was brought by nobody: its sender has not written to whom it goes to.
    """
    submission = entry.submission
    if entry.letter is None or submission.sent_on:
        return []
    event: Event = "SubmissionAcceptance"
    if submission.account_id is None:
        event = "RelayAcceptance" if submission.relayed else "ReceivedFromNonERDS"
    return [Fact(entry.letter, event, recipients(entry))]


def recipients(entry: Entry) -> tuple[str, ...]:
    """Return the addresses that a message is for, each once."""
    return tuple(dict.fromkeys([recipient.address for recipient in entry.submission.recipients]))


def lane(domain: str, local: int) -> str:
    """Return the lane of a domain: all of ours share one."""
    return lanes.LOCAL if local == LOCAL else domain


def _message(tx: Tx, entry: Entry, due_us: int, local: Mapping[str, int]) -> dict[str, object]:
    submission = entry.submission
    return {
        "queue_id": entry.queue_id,
        "blob_id": entry.blob_id,
        "dek_wrapped": entry.dek_wrapped,
        "size_bytes": entry.size_bytes,
        "sender": submission.sender,
        "account_id": submission.account_id,
        "envid": submission.envid,
        "ret": submission.ret,
        "smtputf8": int(submission.smtputf8),
        "created_us": tx.now_us,
        "expires_us": due_us + entry.lifetime_us,
        "pending": len(submission.recipients),
        "origin_id": entry.queue_id if _shares(tx, submission.recipients, local) else 0,
        "priority": submission.priority,
        "hold_until_us": submission.hold_until_us,
        **by_columns(submission.by),
        "requiretls": int(submission.requiretls),
        "body": submission.body,
        "junk": int(submission.junk),
        "digest": entry.letter.digest if entry.letter is not None else None,
        "message_id": entry.letter.message_id if entry.letter is not None else "",
    }


def by_columns(by: By | None) -> dict[str, object]:
    """Return the columns that say when a message must have arrived."""
    if by is None:
        return {"by_us": 0, "by_mode": ""}
    return {"by_us": by.time_us, "by_mode": ("N" if by.notify else "R") + ("T" if by.trace else "")}


def _shares(tx: Tx, recipients: Sequence[Recipient], local: Mapping[str, int]) -> bool:
    """Say whether a list stands among several recipients: then a mailbox may be reached twice, and must be noted."""
    if len(recipients) == 1:
        return False
    ours = (address for each in recipients if local[(address := parsed(each.address)).domain] == LOCAL)
    return any(target is not None and target.kind == "list" for target in (resolve.resolve(tx, address) for address in ours))


def wake(tx: Tx) -> None:
    """Announce that there may be something to do."""
    tx.changes.append(Changed(accounts.NODE, tx.now_us))


def lease_local(tx: Tx, owner: str, until_us: int, limit: int) -> list[Lease]:
    """Take up to `limit` due recipients whose domain is ours, the most urgent first (see ranks)."""
    return _take(tx, lanes.LOCAL, owner, until_us, limit)


def lease_remote(
    tx: Tx, owner: str, until_us: int, limit: int, busy: Sequence[str], *, by_age: bool = False, nodes: bool = False
) -> list[Lease]:
    """Take up to `limit` due recipients of one foreign domain that is not `busy`: the most urgent, or the longest due one.

    With `nodes` only of a domain whose mail goes to a node of the topology.
    """
    chosen = lanes.choose(tx, busy, by_age=by_age, nodes=nodes)
    while chosen is not None:
        due = lanes.lock(tx, chosen)
        taken = _take(tx, chosen, owner, until_us, limit)
        lanes.settle(tx, chosen, due)
        if taken:
            return taken
        busy = [*busy, chosen]
        chosen = lanes.choose(tx, busy, by_age=by_age, nodes=nodes)
    return []


def _take(tx: Tx, chosen: str, owner: str, until_us: int, limit: int) -> list[Lease]:
    return _leases(tx, tx.rows(LEASE, lane=chosen, owner=owner, until_us=until_us, limit=limit, now_us=tx.now_us, **ranks.places(limit)))


def next_due_us(tx: Tx, local: int, busy: Sequence[str] = (), *, nodes: bool = False) -> int | None:
    """Return when the next recipient of a lane may be due, or None when the lane is empty."""
    return lanes.due_us(tx, local=local == LOCAL, busy=busy, nodes=nodes)


def held(tx: Tx, leases: Sequence[Lease]) -> list[Lease]:
    """Return those that are still ours, locked until the transaction ends."""
    return _ours(tx, HELD, leases)


def seen(tx: Tx, leases: Sequence[Lease]) -> list[Lease]:
    """Return those that are ours at this moment, for a reader."""
    return _ours(tx, LEASED, leases)


def _ours(tx: Tx, sql: str, leases: Sequence[Lease]) -> list[Lease]:
    ids = sorted({lease.message.queue_id for lease in leases})
    owners = sorted({lease.owner for lease in leases})
    tokens = {(row[0], row[1]): row[2] for row in tx.rows(sql, ids=ids, owners=owners)}
    return [lease for lease in leases if tokens.get(lease.key) == lease.token]


def finish(tx: Tx, leases: Sequence[Lease]) -> None:
    """Remove recipients that `held` returned; a message goes with its last one."""
    tx.many(REMOVE, [{"queue_id": lease.message.queue_id, "number": lease.number} for lease in leases])
    done = Counter(lease.message.queue_id for lease in leases)
    tx.many(COUNT_DOWN, [{"queue_id": queue_id, "done": done[queue_id]} for queue_id in sorted(done)])
    tx.execute(SWEEP, ids=sorted(done))


def settle(
    tx: Tx, done: Sequence[Lease], later: Sequence[Later], reports: Sequence[Report], proven: tuple[Issuer, Sequence[Ending]] | None = None
) -> list[Lease]:
    """Write how attempts ended, all of it or nothing; return the leases that were lost meanwhile, left untouched.

    `done` is finished without a word, `reports` finish theirs and queue a DSN; a delay notice comes as a report whose
    recipients stand in `later` too. `proven` says who vouches for how it ended.
    """
    asked = {lease.key: lease for lease in done}
    asked.update((each.lease.key, each.lease) for each in later)
    asked.update((lease.key, lease) for report in reports for lease in report.leases)
    ours = {lease.key for lease in held(tx, list(asked.values()))}
    waiting = {each.lease.key for each in later}
    ended = [lease for lease in done if lease.key in ours]
    for report in reports:
        if all(lease.key in ours for lease in report.leases):
            enqueue(tx, report.entry)
            ended.extend(lease for lease in report.leases if lease.key not in waiting)
    for each in later:
        if each.lease.key in ours:
            postpone(tx, each)
    if ended:
        finish(tx, ended)
    if proven is not None:
        proofs.note(tx, *proven, {lease.key for lease in ended})
    if reports:
        failpoint("bounce.before_commit")
    if later:
        failpoint("later.before_commit")
    return [lease for key, lease in asked.items() if key not in ours]


def postpone(tx: Tx, later: Later) -> None:
    """Give a recipient back to the queue until `due_us`, with the reason."""
    tx.execute(
        POSTPONE,
        queue_id=later.lease.message.queue_id,
        number=later.lease.number,
        due_us=later.due_us,
        code=later.reply.code,
        text=str(later.reply),
        told=int(later.delay_told or later.lease.delay_told),
    )
    lanes.lower(tx, [(later.lease.lane, ranks.rank(later.lease.message.priority))], later.due_us)


def renew(tx: Tx, leases: Sequence[Lease], until_us: int) -> int:
    """Extend leases; return how many are still ours."""
    ours = held(tx, leases)
    tx.many(
        "UPDATE queue_recipient SET due_us = :until_us WHERE queue_id = :queue_id AND number = :number",
        [{"queue_id": lease.message.queue_id, "number": lease.number, "until_us": until_us} for lease in ours],
    )
    failpoint("lease.before_renewal")
    return len(ours)


def change_lane(tx: Tx, leases: Sequence[Lease], local: int) -> None:
    """Hand recipients to the other lane at once: their domain has become ours, or is no longer."""
    for lease in held(tx, leases):
        chosen = lane(lease.domain, local)
        tx.execute(
            f"""UPDATE queue_recipient SET lease_owner = '', due_us = {holds.DUE}, lane = :lane
                WHERE queue_id = :queue_id AND number = :number""",
            queue_id=lease.message.queue_id,
            number=lease.number,
            lane=chosen,
            due_us=tx.now_us,
        )
        lanes.lower(tx, [(chosen, ranks.rank(lease.message.priority))], tx.now_us)
    wake(tx)


def release(tx: Tx, owner: str = "") -> int:
    """Make leased recipients due at once: those of an owner that has stopped, or of all when none is named."""
    freed = tx.rows(
        f"""UPDATE queue_recipient SET lease_owner = '', due_us = {holds.DUE}
            WHERE lease_owner <> '' AND (:owner = '' OR lease_owner = :owner) RETURNING lane, rank""",
        due_us=tx.now_us,
        owner=owner,
    )
    lanes.lower(tx, [(row[0], row[1]) for row in freed], tx.now_us)
    return len(freed)


def _leases(tx: Tx, taken: Sequence[Row]) -> list[Lease]:
    if not taken:
        return []
    messages = described(tx, {row[0] for row in taken})
    leases = [_lease(row, messages[row[0]]) for row in taken]
    return sorted(leases, key=lambda lease: (-ranks.rank(lease.message.priority), lease.key))


def described(tx: Tx, ids: Collection[int]) -> dict[int, Queued]:
    """Return messages of the queue by their ids."""
    return {row[0]: _queued(row) for row in tx.rows(MESSAGES, ids=sorted(ids))}


def _lease(row: Row, message: Queued) -> Lease:
    _, number, owner, token, until_us, address, domain, notify, orcpt, attempts, delay_told, lane = row
    words = frozenset(notify.split(",")) if notify else frozenset()
    return Lease(message, number, owner, token, until_us, address, domain, words, orcpt, attempts, bool(delay_told), lane)


def _queued(row: Row) -> Queued:
    queue_id, blob_id, dek, size_bytes, sender, account_id, envid, ret, smtputf8, created_us, expires_us, origin_id, *asked = row
    priority, hold_until_us, by_us, by_mode, requiretls, body, junk, digest, message_id = asked
    by = By(by_us, by_mode[0] == "N", by_mode.endswith("T")) if by_mode else None
    return Queued(
        queue_id,
        blob_id,
        dek,
        size_bytes,
        sender,
        account_id,
        envid,
        ret,
        bool(smtputf8),
        created_us,
        expires_us,
        origin_id,
        priority,
        hold_until_us,
        by,
        bool(requiretls),
        body,
        bool(junk),
        digest or b"",
        message_id,
    )
