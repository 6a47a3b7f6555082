"""Whether an address book can have changed since it was last looked through: a few queries by key instead of all its cards.

Devices ask every few minutes, and mostly nothing has changed. What a card says depends on its entry, its place, the posts and people behind
it, and on time, which begins and ends holdings and certificates. When in doubt the answer is yes.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from config.clock import MINUTE_US
from config.database import Tx
from directory.types import Viewer

SLACK_US = MINUTE_US  # a change bears the time at which its transaction began, and is seen when it ended
MAX_CHANGES = 1_000  # of the whole directory, before a look through the book is the cheaper question

_CHANGES = f"SELECT entry_id FROM changed WHERE changed_us > :since_us LIMIT {MAX_CHANGES + 1}"
_PLACES = """
    SELECT u.unit_id, u.organisation_id FROM person p JOIN unit u ON u.unit_id = p.unit_id WHERE p.person_id IN (:ids[])
    UNION SELECT u.unit_id, u.organisation_id FROM post p JOIN unit u ON u.unit_id = p.unit_id WHERE p.post_id IN (:ids[])
    UNION SELECT unit_id, organisation_id FROM unit WHERE unit_id IN (:ids[])
    UNION SELECT list_id, organisation_id FROM list WHERE list_id IN (:ids[])
"""
_BEHIND = "SELECT h.post_id, h.person_id, p.unit_id, h.valid_from_us, h.valid_to_us FROM holding h JOIN post p ON p.post_id = h.post_id"
_HOLDINGS = f"""
    {_BEHIND} WHERE h.person_id IN (:ids[]) AND h.superseded_us IS NULL
    UNION {_BEHIND} WHERE h.post_id IN (:ids[]) AND h.superseded_us IS NULL
    UNION {_BEHIND} WHERE p.unit_id IN (:ids[]) AND h.superseded_us IS NULL
"""
_CERTIFICATES = """
    SELECT 1 FROM certificate WHERE account_id IN (:ids[])
      AND (valid_from_us > :since_us AND valid_from_us <= :now_us OR valid_to_us > :since_us AND valid_to_us <= :now_us
           OR revoked_us > :since_us)
"""


def viewpoint(viewer: Viewer, language: str, members: Sequence[int]) -> bytes:
    """Return what names who looks, from where, and at whom."""
    said = (language, sorted(viewer.unit_ids), sorted(viewer.organisation_ids), viewer.reach, sorted(members))
    return hashlib.sha256(msgspec.msgpack.encode(said)).digest()


def can_differ(tx: Tx, members: Sequence[int], looked_us: int) -> bool:
    """Say whether what anybody sees of these accounts can be another than at `looked_us`."""
    since_us = looked_us - SLACK_US
    changes = tx.column(_CHANGES, since_us=since_us)
    if len(changes) > MAX_CHANGES or tx.row(_CERTIFICATES, ids=members, since_us=since_us, now_us=tx.now_us) is not None:
        return True
    holdings = tx.rows(_HOLDINGS, ids=members)
    if any(at_us is not None and since_us < at_us <= tx.now_us for row in holdings for at_us in row[3:]):
        return True
    concerned = {*members, *(entry_id for row in holdings for entry_id in row[:3])}
    concerned.update(entry_id for row in tx.rows(_PLACES, ids=members) for entry_id in row)
    return not concerned.isdisjoint(changes)
