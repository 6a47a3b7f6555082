"""What lists of messages show, of a span of message ids in one sealed piece: opening ten thousand rows takes longer than answering.

A message never changes, and its id is its account's for ever, so a bundle is right whatever mailboxes show its messages. It is made
behind delivery once all ids of its span are given out, of what is there; it goes when one of its messages goes (sweep.py), and is made
again. What is in no bundle is read from its rows: what came last, what is heavy, and all of an account with few messages.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from config.compression import BadCompression, compress, decompress
from config.database import Row, Tx
from config.log import log
from mailcore.errors import Damaged
from mailcore.message.types import Faces, Fields
from mailcore.store import entries, shared
from mailcore.store.keys import AccountKey
from mailcore.store.types import AccountId, MailboxKey, Stored

if TYPE_CHECKING:
    from mailcore.store.store import Store

SHIFT = 8  # of a message id to the number of its bundle: 256 messages are 60 to 100 KB, opened in half a millisecond
SPAN = 1 << SHIFT
WORTH = SPAN // 8  # messages of a bundle that opening it costs as much as their rows
LIGHT_BYTES = 16_384  # of a sealed field: what is more is left to its row
MAX_BYTES = 2 * SPAN * LIGHT_BYTES  # of an unfolded bundle
FACES, FIELDS = 1, 2
_NAMES = {FACES: b"bundle of faces", FIELDS: b"bundle of fields"}
_WHERE = "account_id = :account_id AND number = :number"

Pause = Callable[[float], Awaitable[None]]


class FacesBundle(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Columns of `Faces`."""

    ids: list[int]
    sizes: list[int]
    envelopes: list[bytes]
    bodies: list[bytes]
    bodystructures: list[bytes]


class FieldsBundle(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Columns of `Fields`. Messages of one program have the same names in the same order: that is a layout, kept once.

    `octets` are the fields of all messages, one after the other.
    """

    ids: list[int]
    sizes: list[int]
    header_bytes: list[int]
    layouts: list[list[bytes]]
    layout_of: list[int]
    octets: list[bytes]


Bundle = FacesBundle | FieldsBundle
Opened = Mapping[tuple[int, int], Bundle]  # by kind and number
_DECODERS: dict[int, msgspec.msgpack.Decoder[Bundle]] = {
    FACES: msgspec.msgpack.Decoder(FacesBundle),
    FIELDS: msgspec.msgpack.Decoder(FieldsBundle),
}
_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Span:
    """What is to be bundled: how many messages there are, and the rows of the light ones."""

    number: int
    message_count: int
    rows: Sequence[Row]


async def catch_up(store: "Store", account: AccountKey, pause: Pause) -> int:
    """Make the bundles that an account lacks; return how many. `pause` is called after each with the seconds it took."""
    made = 0
    for number in await store.db.read(missing, account.account_id):
        began = time.monotonic()
        span = await store.db.read(gather, account.account_id, number)
        sealed = await asyncio.to_thread(seal, account, span)
        made += await store.db.write_soft(put, account.account_id, span, sealed)
        await pause(time.monotonic() - began)
    return made


def read(
    tx: Tx, account: AccountKey, key: MailboxKey, wanted: Sequence[int], kinds: Sequence[int], known: Opened
) -> tuple[list[Row], Opened]:
    """Return (UID, message id, internal date, saved date) of messages, by UID, and the bundles that are worth opening for them.

    `known` are bundles that are open already. One that is damaged is passed over: the rows say the same.
    """
    chosen, params = entries.among(entries.run(wanted))
    rows = tx.rows(
        f"""SELECT uid, message_id, internaldate_us, saved_us FROM entry
            WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND {chosen} ORDER BY uid""",
        account_id=key.account_id,
        mailbox_id=key.mailbox_id,
        **params,
    )
    counts: dict[int, int] = {}
    for row in rows:
        number = row[1] >> SHIFT
        counts[number] = counts.get(number, 0) + 1
    opened = {(kind, number): known[kind, number] for kind in kinds for number in counts if (kind, number) in known}
    unopened = [number for number, count in counts.items() if count >= WORTH and not all((kind, number) in opened for kind in kinds)]
    for kind, number, sealed in _sealed(tx, account.account_id, unopened, kinds) if unopened else ():
        bundle = _open(account, kind, number, sealed)
        if bundle is not None:
            opened[kind, number] = bundle
    return rows, opened


def _sealed(tx: Tx, account_id: AccountId, numbers: Sequence[int], kinds: Sequence[int]) -> list[Row]:
    return tx.rows(
        """SELECT kind, number, sealed FROM bundle
           WHERE account_id = :account_id AND number IN (:numbers[]) AND kind IN (:kinds[])""",
        account_id=account_id,
        numbers=numbers,
        kinds=list(kinds),
    )


def _open(account: AccountKey, kind: int, number: int, sealed: bytes) -> Bundle | None:
    try:
        return _DECODERS[kind].decode(decompress(account.open(_NAMES[kind], number, sealed), MAX_BYTES))
    except (Damaged, BadCompression, msgspec.DecodeError) as error:
        log.warning("store.bundle_damaged", account_id=account.account_id, number=number, bundle=kind, error=type(error).__name__)
        return None


def seal(account: AccountKey, span: Span) -> dict[int, bytes]:
    """Return the bundles of a span as they are stored."""
    faces = FacesBundle([], [], [], [], [])
    fields = FieldsBundle([], [], [], [], [], [])
    layouts: dict[tuple[bytes, ...], int] = {}
    for message_id, size_bytes, summary, header, blob_id, dek_wrapped, is_shared in span.rows:
        stored = Stored(0, 0, 0, 0, size_bytes, message_id, blob_id, dek_wrapped, summary, header, 0, 0, is_shared)
        try:
            shown, cut = account.faces(stored), account.fields(stored)
        except Damaged:  # whoever asks for it will hear of it
            continue
        _add_faces(faces, stored, shown)
        _add_fields(fields, stored, cut, layouts)
    fields.layouts.extend(map(list, layouts))
    bundles: dict[int, Bundle] = {FACES: faces, FIELDS: fields}
    return {kind: account.seal(_NAMES[kind], span.number, compress(_encode(bundle))) for kind, bundle in bundles.items()}


def _add_faces(bundle: FacesBundle, stored: Stored, faces: Faces) -> None:
    bundle.ids.append(stored.message_id)
    bundle.sizes.append(stored.size_bytes)
    bundle.envelopes.append(faces.envelope)
    bundle.bodies.append(faces.body)
    bundle.bodystructures.append(faces.bodystructure)


def _add_fields(bundle: FieldsBundle, stored: Stored, fields: Fields, layouts: dict[tuple[bytes, ...], int]) -> None:
    bundle.ids.append(stored.message_id)
    bundle.sizes.append(stored.size_bytes)
    bundle.header_bytes.append(fields.header_bytes)
    bundle.layout_of.append(layouts.setdefault(tuple([name for name, _ in fields.fields]), len(layouts)))
    bundle.octets.extend([octets for _, octets in fields.fields])


def missing(tx: Tx, account_id: AccountId) -> list[int]:
    """Return the numbers of the bundles that an account could have and has not."""
    message_next: int | None = tx.value("SELECT message_next FROM account_state WHERE account_id = :account_id", account_id=account_id)
    there = set(tx.column("SELECT DISTINCT number FROM bundle WHERE account_id = :account_id", account_id=account_id))
    return [number for number in range((message_next or 0) >> SHIFT) if number not in there]


def lacking(tx: Tx, after: int, limit: int) -> list[AccountId]:
    """Return accounts above `after` that could have bundles and have none at all, ascending."""
    return tx.column(
        """SELECT s.account_id FROM account_state s WHERE s.account_id > :after AND s.message_next >= :span
           AND NOT EXISTS (SELECT 1 FROM bundle b WHERE b.account_id = s.account_id) ORDER BY s.account_id LIMIT :limit""",
        after=after,
        span=SPAN,
        limit=limit,
    )


def gather(tx: Tx, account_id: AccountId, number: int) -> Span:
    """Return what a bundle is made of."""
    rows = tx.rows(
        f"""SELECT m.message_id, m.size_bytes, {shared.summary(LIGHT_BYTES)}, {shared.header(LIGHT_BYTES)},
                   m.blob_id, m.dek_wrapped, {shared.IS}
           FROM message m LEFT JOIN message_header h ON h.account_id = m.account_id AND h.message_id = m.message_id
           WHERE m.account_id = :account_id AND m.message_id BETWEEN :first AND :last ORDER BY m.message_id""",
        account_id=account_id,
        first=number << SHIFT,
        last=(number << SHIFT) + SPAN - 1,
    )
    return Span(number, len(rows), [row for row in rows if row[2] is not None and row[3] is not None])


def put(tx: Tx, account_id: AccountId, span: Span, sealed: Mapping[int, bytes]) -> bool:
    """Keep the bundles of a span, unless some of its messages have gone meanwhile; say whether they were kept.

    The messages are locked: what drops one waits, and then drops the bundle as well.
    """
    there = tx.column(
        "SELECT message_id FROM message WHERE account_id = :account_id AND message_id BETWEEN :first AND :last /* FOR UPDATE */",
        account_id=account_id,
        first=span.number << SHIFT,
        last=(span.number << SHIFT) + SPAN - 1,
    )
    if len(there) != span.message_count:
        return False
    tx.many(
        """INSERT INTO bundle (account_id, number, kind, message_count, sealed)
           VALUES (:account_id, :number, :kind, :message_count, :sealed) ON CONFLICT DO NOTHING""",
        [
            {"account_id": account_id, "number": span.number, "kind": kind, "message_count": span.message_count, "sealed": octets}
            for kind, octets in sealed.items()
        ],
    )
    return True


def forget(tx: Tx, gone: Sequence[tuple[int, int]]) -> None:
    """Drop the bundles of messages, (account, message id), that are no longer there."""
    tx.many(
        f"""DELETE FROM bundle WHERE {_WHERE}
            AND NOT EXISTS (SELECT 1 FROM message m WHERE m.account_id = :account_id AND m.message_id = :message_id)""",
        [{"account_id": account_id, "message_id": message_id, "number": message_id >> SHIFT} for account_id, message_id in gone],
    )
