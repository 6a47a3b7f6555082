"""Address books: who is in them, and what changed since a device last looked.

A book is computed: the people, posts and boxes of one's units, or one's favourites. What was last told of it is kept as one digest for each
card, so that a device learns of every difference, whatever caused it: a name, a move, a post taken up, a right to see more.
RFC 6578 §3.2 (what a synchronisation returns), §3.6 (tokens).
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from config.database import Database, Tx
from directory import cards, favourites, visibility
from directory.carddav import vcard, watch
from directory.carddav.paths import Book
from directory.types import Card, Viewer

MAX_MEMBERS = 5_000  # of a book: clients fetch all of it; more are slow on telephones
MAX_GONE = 5_000  # removed cards that are remembered; a device that has missed more starts over
BATCH = 500
DIGEST_BYTES = 16

_TOKEN = re.compile(r"urn:diwan:book:([0-9]{1,18})")
_IN_UNITS = f"""
    SELECT person_id FROM person WHERE unit_id IN (:units[]) AND closed_us IS NULL
    UNION ALL SELECT post_id FROM post WHERE unit_id IN (:units[]) AND closed_us IS NULL
    UNION ALL SELECT unit_id FROM unit WHERE unit_id IN (:units[]) AND address IS NOT NULL AND closed_us IS NULL
    ORDER BY 1 LIMIT {MAX_MEMBERS}
"""
_BOOK = "SELECT seq, floor FROM dav_book WHERE person_id = :person_id AND book = :book"
_KNOWN = "SELECT account_id, digest, seq, gone FROM dav_card WHERE person_id = :person_id AND book = :book"
_BEGIN = """
    INSERT INTO dav_book (person_id, book, seq, floor, looked_us, viewpoint) VALUES (:person_id, :book, 1, 0, 0, :viewpoint)
    ON CONFLICT (person_id, book) DO NOTHING
"""
_LOOKED = "UPDATE dav_book SET looked_us = :at_us, viewpoint = :viewpoint WHERE person_id = :person_id AND book = :book"
_LAST_LOOK = "SELECT seq, looked_us, viewpoint FROM dav_book WHERE person_id = :person_id AND book = :book"
_BUMP = "UPDATE dav_book SET seq = seq + :count WHERE person_id = :person_id AND book = :book RETURNING seq"
_PUT = """
    INSERT INTO dav_card (person_id, book, account_id, digest, seq, gone)
    VALUES (:person_id, :book, :account_id, :digest, :seq, :gone)
    ON CONFLICT (person_id, book, account_id) DO UPDATE SET digest = excluded.digest, seq = excluded.seq, gone = excluded.gone
"""
_OLDEST_GONE = """
    SELECT seq FROM dav_card WHERE person_id = :person_id AND book = :book AND gone = 1
    ORDER BY seq DESC LIMIT 1 OFFSET :kept
"""
_FORGET = "DELETE FROM dav_card WHERE person_id = :person_id AND book = :book AND gone = 1 AND seq <= :floor"
_RAISE = "UPDATE dav_book SET floor = :floor WHERE person_id = :person_id AND book = :book"


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose book it is, and the language in which they read."""

    person_id: int
    language: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A card in a book. `seq` is when it last differed; `digest` names what it says."""

    card: Card
    digest: bytes
    seq: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A book at one moment. `gone` are (account id, seq) of cards that are not there any more, since `floor`."""

    seq: int
    floor: int
    entries: tuple[Entry, ...]
    gone: tuple[tuple[int, int], ...]

    @property
    def token(self) -> str:
        """The synchronisation token of this state: a URI (RFC 6578 §6.2)."""
        return token(self.seq)


def token(seq: int) -> str:
    """Return the token of whoever knows all that changed up to a seq."""
    return f"urn:diwan:book:{seq}"


def since(token: str, snapshot: Snapshot) -> int | None:
    """Return from where on a device with a token needs changes; None when the token is not good (any more)."""
    match = _TOKEN.fullmatch(token)
    if match is None or not snapshot.floor <= int(match[1]) <= snapshot.seq:
        return None
    return int(match[1])


async def snapshot(db: Database, reader: Reader, book: Book) -> Snapshot:
    """Return a book as it is now, and keep how it differs from what was last told."""
    found, settled, look = await db.read(_look, reader, book)
    if not settled:
        return await db.write(_settle, reader, book)
    await db.write_soft(_looked, reader, book, *look)
    return found


def unchanged(tx: Tx, reader: Reader, book: Book) -> int | None:
    """Return the seq of a book that cannot have changed since it was looked through; None when only another look tells."""
    row = tx.row(_LAST_LOOK, person_id=reader.person_id, book=book)
    viewer = visibility.viewer(tx, reader.person_id)
    members = _members(tx, viewer, reader, book)
    if row is None or bytes(row[2]) != watch.viewpoint(viewer, reader.language, members) or watch.can_differ(tx, members, row[1]):
        return None
    seq: int = row[0]
    return seq


def some(tx: Tx, reader: Reader, book: Book, ids: Sequence[int]) -> list[tuple[Card, bytes]]:
    """Return cards of a book with their digests, of those ids that are in it."""
    viewer = visibility.viewer(tx, reader.person_id)
    members = set(_members(tx, viewer, reader, book)).intersection(ids)
    return [(card, digest(card, reader.language)) for card in _cards(tx, viewer, sorted(members))]


def digest(card: Card, language: str) -> bytes:
    """Return what names the content of a card for a reader."""
    written = vcard.text(vcard.properties(card, language, "4.0"))
    return hashlib.sha256(written.encode()).digest()[:DIGEST_BYTES]


def _looked(tx: Tx, reader: Reader, book: Book, at_us: int, viewpoint: bytes) -> None:
    tx.execute(_LOOKED, person_id=reader.person_id, book=book, at_us=at_us, viewpoint=viewpoint)


def _look(tx: Tx, reader: Reader, book: Book) -> tuple[Snapshot, bool, tuple[int, bytes]]:
    """Return a book as far as it is known, whether that is all of it, and when and from where it was looked at."""
    present, viewpoint = _present(tx, reader, book)
    found = _assembled(tx, reader, book, present)
    return found, found.seq > 0, (tx.now_us, viewpoint)


def _assembled(tx: Tx, reader: Reader, book: Book, present: Sequence[tuple[Card, bytes]]) -> Snapshot:
    """Return a book of these cards; its seq is 0, and it has no entries, when they are not known as they are."""
    where = {"person_id": reader.person_id, "book": book}
    seq, floor = tx.row(_BOOK, **where) or (0, 0)
    known = {row[0]: row[1:] for row in tx.rows(_KNOWN, **where)}
    changed, gone = _differences(present, known)
    removed = tuple((account_id, one[1]) for account_id, one in known.items() if one[2])
    if changed or gone:
        return Snapshot(0, floor, (), removed)
    return Snapshot(seq, floor, tuple(Entry(card, mark, known[card.account_id][1]) for card, mark in present), removed)


def _settle(tx: Tx, reader: Reader, book: Book) -> Snapshot:
    """Write down how a book differs from what was last told; return it."""
    where = {"person_id": reader.person_id, "book": book}
    tx.execute(_BEGIN, **where, viewpoint=b"")
    tx.value(_BUMP, **where, count=0)  # the lock of the book: whoever settles it at the same time comes after
    present, viewpoint = _present(tx, reader, book)
    known = {row[0]: row[1:] for row in tx.rows(_KNOWN, **where)}
    changed, gone = _differences(present, known)
    written = [*((card.account_id, mark, 0) for card, mark in changed), *((account_id, b"", 1) for account_id in gone)]
    first: int = tx.value(_BUMP, **where, count=len(written)) - len(written) + 1  # a seq for each: an answer may stop anywhere
    tx.many(
        _PUT,
        [{**where, "account_id": one, "digest": mark, "seq": n, "gone": away} for n, (one, mark, away) in enumerate(written, first)],
    )
    floor: int | None = tx.value(_OLDEST_GONE, **where, kept=MAX_GONE)
    if floor is not None:
        tx.execute(_FORGET, **where, floor=floor)
        tx.execute(_RAISE, **where, floor=floor)
    _looked(tx, reader, book, tx.now_us, viewpoint)
    return _assembled(tx, reader, book, present)


def _differences(
    present: Sequence[tuple[Card, bytes]], known: dict[int, tuple[bytes, int, int]]
) -> tuple[list[tuple[Card, bytes]], list[int]]:
    """Return the cards that are not known as they are, and the ids of those that are known and not there."""
    here = {card.account_id for card, _ in present}
    changed = [(card, mark) for card, mark in present if card.account_id not in known or bytes(known[card.account_id][0]) != mark]
    return changed, [account_id for account_id, one in known.items() if not one[2] and account_id not in here]


def _present(tx: Tx, reader: Reader, book: Book) -> tuple[list[tuple[Card, bytes]], bytes]:
    """Return the cards of a book with their digests, and the viewpoint from which they look so."""
    viewer = visibility.viewer(tx, reader.person_id)
    members = _members(tx, viewer, reader, book)
    found = [(card, digest(card, reader.language)) for card in _cards(tx, viewer, members)]
    return found, watch.viewpoint(viewer, reader.language, members)


def _members(tx: Tx, viewer: Viewer, reader: Reader, book: Book) -> list[int]:
    if book == "favourites":
        return favourites.of(tx, reader.person_id)
    return tx.column(_IN_UNITS, units=sorted(viewer.unit_ids))


def _cards(tx: Tx, viewer: Viewer, ids: Sequence[int]) -> Iterator[Card]:
    batches: Iterable[Sequence[int]] = (ids[n : n + BATCH] for n in range(0, len(ids), BATCH))
    return (card for batch in batches for card in cards.cards(tx, viewer, batch))
