"""A letter as a script asks about it: from the index that reception made, never parsed again. Pure.

RFC 5228 §2.4.2.2 (headers), §2.7.4 (addresses), §5.4 (envelope); RFC 2047 words are decoded before anything is compared (§2.7.2).
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property

from mailcore.message import addresses, words
from mailcore.message.addresses import Mailbox
from mailcore.message.types import Header


class Letter:
    """One message with its envelope. `sender` is "" for the null sender. `raw` is None unless the script looks at bodies."""

    def __init__(self, header: Header, size_bytes: int, sender: str, recipient: str, raw: bytes | None = None) -> None:
        self.header, self.size_bytes, self.raw = header, size_bytes, raw
        self.sender, self.recipient = sender, recipient
        self._texts: dict[str, list[str]] = {}
        self._mailboxes: dict[str, list[Mailbox]] = {}
        self._read: dict[bytes, list[Mailbox]] = {}  # by the octets of a field
        self.parts: dict[int, str] = {}  # decoded, by number: see bodies.py
        self.shown: list[str] | None = None  # what there is to read of them

    @cached_property
    def _fields(self) -> dict[bytes, list[bytes]]:
        found = defaultdict(list)
        for name, octets in self.header.fields:
            found[name].append(octets)
        return dict(found)

    def has(self, name: str) -> bool:
        """Say whether there is such a field."""
        return _key(name) in self._fields

    def octets(self, name: str) -> Sequence[bytes]:
        """Return what follows the colon of each field of this name, as received."""
        return [octets.partition(b":")[2] for octets in self._fields.get(_key(name), ())]

    def texts(self, name: str) -> Sequence[str]:
        """Return each field of this name, decoded, on one line, without blanks at its ends."""
        key = name.lower()
        if key not in self._texts:
            self._texts[key] = [words.decode_words(octets) for octets in self.octets(name)]
        return self._texts[key]

    def mailboxes(self, name: str) -> Sequence[Mailbox]:
        """Return each mailbox of the fields of this name, those in groups too."""
        key = name.lower()
        if key not in self._mailboxes:
            self._mailboxes[key] = self.mailboxes_of(self.octets(name))
        return self._mailboxes[key]

    def mailboxes_of(self, fields: Sequence[bytes]) -> list[Mailbox]:
        """Return each mailbox of these fields; each field is read once, however many tests ask for it."""
        for octets in fields:
            if octets not in self._read:
                self._read[octets] = addresses.mailboxes(octets)
        return [box for octets in fields for box in self._read[octets]]


def _key(name: str) -> bytes:
    return name.lower().encode("ascii", "replace")
