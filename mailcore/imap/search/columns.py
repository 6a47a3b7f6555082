"""What is known of all messages of a mailbox, column by column: header fields as one text, numbers as one array.

A UID names one message for ever (RFC 3501 §2.3.1.1), so a column only grows. It is a cache; nothing is lost when it goes.
"""

import asyncio
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from sys import getsizeof
from typing import Any
from weakref import WeakValueDictionary

from mailcore.imap.search.facts import FIELD
from mailcore.store.types import MailboxKey

LIMIT_BYTES = 96 * 1024 * 1024  # of all columns of a process: some twenty of 100,000 messages
OUTGROWN = 2  # a column with this many times the messages of its mailbox is of messages that are gone


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Folded texts by UID, some for each: every one on a line of its own, so that one search looks at all."""

    uids: "array[int]"
    ends: "array[int]"  # where the lines of each message end
    text: str

    def extended(self, uids: Sequence[int], values: Sequence[Sequence[str]]) -> "Texts":
        """Return the column with more messages behind."""
        pieces = ["".join([f"\n{line}" for line in lines]) for lines in values]
        ends = accumulate(map(len, pieces), initial=len(self.text))
        next(ends)
        return Texts(self.uids + array("q", uids), self.ends + array("q", ends), "".join((self.text, *pieces)))

    def joined(self, parts: "Sequence[Column]") -> "Texts":
        """Return the column with others behind."""
        uids, ends, texts = self.uids[:], self.ends[:], [self.text]
        length = len(self.text)
        for part in parts:
            assert isinstance(part, Texts)
            uids.extend(part.uids)
            ends.extend(array("q", [end + length for end in part.ends]))
            texts.append(part.text)
            length += len(part.text)
        return Texts(uids, ends, "".join(texts))

    def rows_with(self, text: str) -> list[int]:
        """Return the rows that have a line with this text in it; with "" those that have a line."""
        if not text:
            return [row for row in range(len(self.ends)) if self.ends[row] > (self.ends[row - 1] if row else 0)]
        rows: list[int] = []
        at = self.text.find(text) if "\n" not in text else -1
        while at >= 0:
            row = bisect_right(self.ends, at)
            rows.append(row)
            at = self.text.find(text, self.ends[row])
        return rows

    def size_bytes(self) -> int:
        """Return what the column costs."""
        return getsizeof(self.text) + 16 * len(self.uids)


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """One value for each UID: a number, a sort key, what threading asks."""

    uids: "array[int]"
    values: Sequence[Any]
    cost: int = 0

    def extended(self, uids: Sequence[int], values: Sequence[Any]) -> "Values":
        """Return the column with more messages behind."""
        return Values(self.uids + array("q", uids), [*self.values, *values], self.cost + sum(map(_cost, values)))

    def joined(self, parts: "Sequence[Column]") -> "Values":
        """Return the column with others behind."""
        column = self
        for part in parts:
            assert isinstance(part, Values)
            column = column.extended(part.uids, part.values)
        return column

    def rows_within(self, low: int, high: int) -> list[int]:
        """Return the rows whose number lies in [low, high); None lies nowhere."""
        return [row for row, value in enumerate(self.values) if value is not None and low <= value < high]

    def rows_of(self, wanted: object) -> list[int]:
        """Return the rows with this value."""
        return [row for row, value in enumerate(self.values) if value == wanted]

    def of(self, uid: int) -> Any:
        """Return the value of a message. Raises KeyError."""
        row = bisect_left(self.uids, uid)
        if row == len(self.uids) or self.uids[row] != uid:
            raise KeyError(uid)
        return self.values[row]

    def size_bytes(self) -> int:
        """Return what the column costs."""
        return self.cost + 16 * len(self.uids)


def _cost(value: Any) -> int:
    return getsizeof(value) + sum(map(getsizeof, value)) if isinstance(value, tuple) else getsizeof(value)


Column = Texts | Values
NO_TEXTS = Texts(array("q"), array("q"), "")
NO_VALUES = Values(array("q"), [])


def empty(name: str) -> Column:
    """Return a column without messages, by its name."""
    return NO_TEXTS if name.startswith(FIELD) else NO_VALUES


class Shelf:
    """The columns of a process by mailbox and name; what nobody asked for longest goes first."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._held = 0
        self._columns: OrderedDict[tuple[MailboxKey, str], Column] = OrderedDict()
        self._locks: WeakValueDictionary[MailboxKey, asyncio.Lock] = WeakValueDictionary()

    def find(self, key: MailboxKey, name: str, messages: int) -> Column | None:
        """Return a column of a mailbox that has so many messages, None when it is to be read."""
        found = self._columns.get((key, name))
        if found is None or len(found.uids) > OUTGROWN * max(messages, 1):
            return None
        self._columns.move_to_end((key, name))
        return found

    def keep(self, key: MailboxKey, name: str, column: Column) -> None:
        """Remember a column."""
        self._drop((key, name))
        self._columns[key, name] = column
        self._held += column.size_bytes()
        while self._held > self._limit:
            self._drop(next(iter(self._columns)))

    def _drop(self, place: tuple[MailboxKey, str]) -> None:
        dropped = self._columns.pop(place, None)
        if dropped is not None:
            self._held -= dropped.size_bytes()

    def lock(self, key: MailboxKey) -> asyncio.Lock:
        """Return what one reader of a mailbox's columns holds, so that two do not read the same."""
        return self._locks.setdefault(key, asyncio.Lock())
