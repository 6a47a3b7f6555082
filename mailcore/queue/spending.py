"""What people have sent is counted, each for themselves and for their administration: a stolen password or a loop ends here.

RFC 6409 §6 (a submission server may limit), RFC 3463 §3.8 (4.7.1). The counts are rows, one for each holder and hour: they hold
for all fronts and processes of a node and survive restarts. A day is the last twenty-four hours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from config.clock import HOUR_US, SECOND_US
from config.database import Tx
from config.settings import Rate, Sending
from directory import sending
from mailcore.errors import SendingLimited

HOURS = 24  # what a day has
MAX_HELD = 1_000  # letters of one sender that wait for their release
MAX_HELD_BYTES = 256 * 1024 * 1024  # and their octets: five letters of the largest size, a queue is no storage

_ADMINISTRATION = "SELECT u.organisation_id FROM person p JOIN unit u ON u.unit_id = p.unit_id WHERE p.person_id = :person_id"
_COUNTS = """
    SELECT hour, messages, recipients FROM sending_count WHERE holder_id = :holder_id AND hour > :after AND hour <= :hour ORDER BY hour"""
_ADD = """
    INSERT INTO sending_count (holder_id, hour, messages, recipients) VALUES (:holder_id, :hour, 1, :recipients)
    ON CONFLICT (holder_id, hour) DO UPDATE
    SET messages = sending_count.messages + 1, recipients = sending_count.recipients + excluded.recipients"""
_HELD = """
    SELECT COUNT(*), COALESCE(SUM(size_bytes), 0) FROM queue_message
    WHERE account_id = :account_id AND hold_until_us <> 0 AND hold_until_us > :now_us"""
_FORGET = "DELETE FROM sending_count WHERE holder_id = :holder_id AND hour <= :before"


@dataclass(frozen=True, slots=True)
class Bound:
    """One limit: of messages or recipients, over the last so many hours. 0 is none."""

    what: str
    hours: int
    limit: int


@dataclass(frozen=True, slots=True)
class Count:
    """What was sent in one hour."""

    hour: int
    messages: int
    recipients: int


def spend(tx: Tx, person_id: int, recipients: int, defaults: Sending) -> None:
    """Count a message to so many recipients. Raises SendingLimited, and counts nothing, when it is too much."""
    _spend(tx, _holders(tx, person_id, defaults), recipients)


def send_on(tx: Tx, account_id: int, copies: int, defaults: Sending) -> None:
    """Count a letter that the script of an account sends on. Raises SendingLimited, and counts nothing, when it is too much.

    It has a count of its own, under the account's number below zero: what comes in must not use up what its owner may write.
    """
    _spend(tx, [(-account_id, _bounds(sending.NOTHING_SAID, defaults.script))], copies)


def _spend(tx: Tx, holders: Sequence[tuple[int, tuple[Bound, ...]]], recipients: int) -> None:
    hour = tx.now_us // HOUR_US
    for holder_id, bounds in holders:
        counts = _counts(tx, holder_id, hour)
        for bound in bounds:
            _require(bound, counts, hour, 1 if bound.what == "messages" else recipients)
    for holder_id, _ in holders:
        tx.execute(_ADD, holder_id=holder_id, hour=hour, recipients=recipients)
        tx.execute(_FORGET, holder_id=holder_id, before=hour - 2 * HOURS)


def require_release(tx: Tx, account_id: int, size_bytes: int) -> None:
    """Refuse a letter that is to be sent later (RFC 4865) when too much of its sender waits already. Raises SendingLimited."""
    row = tx.row(_HELD, account_id=account_id, now_us=tx.now_us)
    assert row is not None
    if row[0] >= MAX_HELD or int(row[1]) + size_bytes > MAX_HELD_BYTES:
        raise SendingLimited(f"no more than {MAX_HELD:,} letters of {MAX_HELD_BYTES // 1024**2} MiB may wait for their release")


def room(tx: Tx, person_id: int, defaults: Sending) -> int | None:
    """Return to how many recipients a person may write now, None without a limit. Raises SendingLimited when to none."""
    hour = tx.now_us // HOUR_US
    left: list[int] = []
    for holder_id, bounds in _holders(tx, person_id, defaults):
        counts = _counts(tx, holder_id, hour)
        for bound in bounds:
            _require(bound, counts, hour, 1)
            if bound.what == "recipients" and bound.limit:
                left.append(bound.limit - _used(bound, counts, hour))
    return min(left, default=None)


def used(tx: Tx, holder_id: int) -> tuple[Count, Count]:
    """Return what a holder has sent in this hour and in the last day."""
    hour = tx.now_us // HOUR_US
    counts = _counts(tx, holder_id, hour)
    of_hour = next((one for one in counts if one.hour == hour), Count(hour, 0, 0))
    return of_hour, Count(hour, sum(one.messages for one in counts), sum(one.recipients for one in counts))


def priority(tx: Tx, person_id: int, defaults: Sending) -> int:
    """Return the highest priority that a person may ask for: their own, else their administration's, else everybody's."""
    administration = tx.value(_ADMINISTRATION, person_id=person_id)
    said = sending.several(tx, [person_id, administration or 0])
    for holder_id in (person_id, administration):
        if holder_id in said and (own := said[holder_id].priority) is not None:
            return own
    return defaults.priority


def _holders(tx: Tx, person_id: int, defaults: Sending) -> list[tuple[int, tuple[Bound, ...]]]:
    """Return whose counts a person's letters are in, with the bounds that hold."""
    administration = tx.value(_ADMINISTRATION, person_id=person_id)
    said = sending.several(tx, [person_id, administration or 0])
    found = [(person_id, _bounds(said.get(person_id, sending.NOTHING_SAID), defaults.person))]
    if administration is not None:
        found.append((administration, _bounds(said.get(administration, sending.NOTHING_SAID), defaults.administration)))
    return found


def _bounds(said: sending.Sending, default: Rate) -> tuple[Bound, ...]:
    def limit(own: int | None, otherwise: int) -> int:
        return otherwise if own is None else own

    return (
        Bound("messages", 1, limit(said.messages_hour, default.messages_per_hour)),
        Bound("recipients", 1, limit(said.recipients_hour, default.recipients_per_hour)),
        Bound("messages", HOURS, limit(said.messages_day, default.messages_per_day)),
        Bound("recipients", HOURS, limit(said.recipients_day, default.recipients_per_day)),
    )


def _counts(tx: Tx, holder_id: int, hour: int) -> list[Count]:
    return [Count(*row) for row in tx.rows(_COUNTS, holder_id=holder_id, after=hour - HOURS, hour=hour)]


def _used(bound: Bound, counts: Sequence[Count], hour: int) -> int:
    return sum(int(getattr(one, bound.what)) for one in counts if one.hour > hour - bound.hours)


def _require(bound: Bound, counts: Sequence[Count], hour: int, more: int) -> None:
    if not bound.limit or _used(bound, counts, hour) + more <= bound.limit:
        return
    until = _free(bound, counts, hour, more)
    span = "an hour" if bound.hours == 1 else "a day"
    text = f"no more than {bound.limit} {bound.what} in {span}"
    if until is not None:
        text += f"; it may go on at {datetime.fromtimestamp(until * HOUR_US // SECOND_US, UTC):%Y-%m-%d %H:%M} UTC"
    raise SendingLimited(text, what=bound.what, limit=bound.limit)


def _free(bound: Bound, counts: Sequence[Count], hour: int, more: int) -> int | None:
    """Return the hour from which so much more fits; None when it never does."""
    if more > bound.limit:
        return None
    left = _used(bound, counts, hour)
    for one in counts:
        if one.hour > hour - bound.hours:
            left -= int(getattr(one, bound.what))
            if left + more <= bound.limit:
                return one.hour + bound.hours
    return hour + bound.hours
