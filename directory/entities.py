"""What all entries of the directory share: ids from one counter, an owner, and the time of their last change."""

import re
from collections.abc import Iterable

from config.database import Tx
from directory.errors import BadEntry

MAX_CODE_CHARS = 100  # of the short name of an administration or unit
MAX_NAME_CHARS = 300  # of one name or title: the longest official names of administrations have some 200

_WORD = re.compile(r"[a-z][a-z0-9_.-]{0,31}")
_ALLOCATE = "UPDATE counter SET value = value + :count WHERE name = 'entity' RETURNING value"
_TOUCH = """
    INSERT INTO changed (entry_id, changed_us) VALUES (:entry_id, :now_us)
    ON CONFLICT (entry_id) DO UPDATE SET changed_us = excluded.changed_us
"""
_ORGANISATION = """
    SELECT u.organisation_id FROM person p JOIN unit u ON u.unit_id = p.unit_id WHERE p.person_id = :account_id
    UNION ALL SELECT u.organisation_id FROM post p JOIN unit u ON u.unit_id = p.unit_id WHERE p.post_id = :account_id
    UNION ALL SELECT organisation_id FROM unit WHERE unit_id = :account_id
"""


def allocate(tx: Tx, count: int = 1) -> int:
    """Reserve `count` ids in a row; return the first. No person, post, unit … shares an id with another."""
    last: int = tx.value(_ALLOCATE, count=count)
    return last - count + 1


def require_names(*names: str) -> None:
    """Accept the spellings of a name: short lines of visible characters, of which one says something. Raises BadEntry.

    Invisible characters could make one name look like another, or turn the line around that shows it.
    """
    if not any(map(str.strip, names)) or any(len(name) > MAX_NAME_CHARS or not name.isprintable() for name in names):
        raise BadEntry("a name is a short line of visible characters", names=names)


def require_code(code: str) -> None:
    """Accept the short name of an administration or unit: people and files write it as ``administration/unit``. Raises BadEntry."""
    if not code or code != code.strip() or "/" in code or len(code) > MAX_CODE_CHARS or not code.isprintable():
        raise BadEntry("a code is a short line of visible characters without /", code=code)


def require_word(word: str) -> None:
    """Accept what says the same in every administration, a kind of unit or a function: one small word, or "". Raises BadEntry."""
    if word and not _WORD.fullmatch(word):
        raise BadEntry("a kind or function is one word of small Latin letters", word=word)


def touch(tx: Tx, *entry_ids: int) -> None:
    """Note that what the directory says of these entries changes."""
    touch_all(tx, entry_ids)


def touch_all(tx: Tx, entry_ids: Iterable[int]) -> None:
    """Note it for many. Rows are taken in order, so that two writers never wait for each other."""
    tx.many(_TOUCH, [{"entry_id": one, "now_us": tx.now_us} for one in sorted(set(entry_ids))])


def organisation_of(tx: Tx, account_id: int) -> int | None:
    """Return the administration of a person, post or unit; None for a person without a unit and for what is none of these."""
    found: int | None = tx.value(_ORGANISATION, account_id=account_id)
    return found
