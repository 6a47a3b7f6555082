"""What a message header must be before the message is taken. Pure decisions on octets.

RFC 5322 §3.6.2 (originator fields), RFC 5321 §6.3 (loops). Stricter than RFC 5322 §4 (obsolete syntax), because every
form that two programs read differently is a way to show one sender and check another.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from directory.address import Address
from mailcore.errors import MalformedMessage, TooManyHops
from mailcore.message import loops
from mailcore.message.types import ACTING_FIELD
from mailcore.smtp.grammar import DOMAIN, LOCAL, BadPath, mailbox_address
from mailcore.smtp.reply import SENDER_FIELDS, Refused
from mailcore.store.sealing import Content

HOPS = 50  # RFC 5321 §6.3 asks for at least 100 where it is the only guard; Postfix hopcount_limit
HEADER_BYTES = 102_400  # Postfix header_size_limit
FIELDS = 1000
ROUTING_MARKS = "%!@"  # user%remote@here, remote!user@here, "user@remote"@here

_UNSOUND = "malformed or too large message header"
_ON_THE_WAY = (b"received", b"delivered-to")
_RESENT = (b"resent-from", b"resent-sender")
_ACTING = ACTING_FIELD.lower().encode()
_FIELD = re.compile(rb"([!-9;-~]+):([^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*+)(?:\r\n|\Z)")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_COMMENT = rb"\((?:[^()\\]|\\.)*+\)"
_PHRASE = rb'(?:[A-Za-z0-9!#$%&\'*+/=?^_`{|}~.\[\]\x80-\xff \t-]|"(?:[^"\\]|\\.)*+"|' + _COMMENT + rb")*+"
_SPACE = rb"(?:[ \t]|" + _COMMENT + rb")*+"
_MAILBOX = LOCAL + rb"@" + DOMAIN
_NAMED = re.compile(_PHRASE + rb"<(" + _MAILBOX + rb")>" + _SPACE)
_PLAIN = re.compile(_SPACE + rb"(" + _MAILBOX + rb")" + _SPACE)


Span = tuple[bytes, int, int, int]  # name in lower case, where the field begins, its value, and what follows its line break


@dataclass(frozen=True, slots=True)
class Head:
    """What the decisions need of a header: values of some fields as sent, and where each field stands in `octets`.

    `octets` is the header without the empty line behind it.
    """

    octets: bytes
    spans: tuple[Span, ...]
    names: frozenset[bytes]  # of its fields, in lower case
    from_values: tuple[bytes, ...]
    sender_values: tuple[bytes, ...]
    hops: int
    has_date: bool
    has_message_id: bool
    names_actor: bool = False  # has the field that only we may write

    def values(self, *names: bytes) -> tuple[bytes, ...]:
        """Return the values of the fields of these names (in lower case), as sent."""
        return _values(self.octets, self.spans, *names)


def read_head(raw: Content) -> Head:
    """Read the header of a message whose lines end with CR LF. Raises MalformedMessage.

    Each line is a field or continues one: a line that is neither ends the header for some readers and not for others.
    """
    octets = _head_octets(raw)
    spans: list[Span] = []
    next_field = _FIELD.scanner(octets).match  # type: ignore[attr-defined]
    start = 0
    while (found := next_field()) is not None:
        name, end = found[1].lower(), found.end()
        spans.append((name, start, start + len(name) + 1, end))
        start = end
    if start != len(octets) or len(spans) > FIELDS:
        raise MalformedMessage(_UNSOUND)
    names = [span[0] for span in spans]
    return Head(
        octets=octets,
        spans=tuple(spans),
        names=frozenset(names),
        from_values=_values(octets, spans, b"from"),
        sender_values=_values(octets, spans, b"sender") if b"sender" in names else (),
        hops=names.count(b"received"),
        has_date=b"date" in names,
        has_message_id=b"message-id" in names,
        names_actor=_ACTING in names,
    )


def _values(octets: bytes, spans: Iterable[Span], *names: bytes) -> tuple[bytes, ...]:
    return tuple([octets[value:end].removesuffix(b"\r\n") for name, _, value, end in spans if name in names])


def _head_octets(raw: Content) -> bytes:
    """Return what stands before the first empty line. Raises MalformedMessage when that is too much."""
    if raw[:2] == b"\r\n":
        return b""
    end = raw.find(b"\r\n\r\n", 0, HEADER_BYTES + 2)
    if end < 0 and len(raw) > HEADER_BYTES:
        raise MalformedMessage(_UNSOUND)
    return raw[: end + 2] if end >= 0 else raw[:]


def without(head: Head, names: Collection[bytes]) -> bytes:
    """Return a header without the fields of these names (in lower case), every other octet as it is; b"" when it has none of them."""
    if head.names.isdisjoint(names):
        return b""
    return b"".join(head.octets[start:end] for name, start, _, end in head.spans if name not in names)


def refuse_nul(head: Head) -> None:
    """Stop a message with a NUL in its header: a binary one may have them behind it only. Raises MalformedMessage."""
    if b"\0" in head.octets:
        raise MalformedMessage(_UNSOUND)


def author(head: Head) -> Address:
    """Return the one address of the one From field. Raises Refused."""
    return _only_mailbox(head.from_values)


def transmitter(head: Head) -> Address | None:
    """Return the address of the Sender field; None when there is none. Raises Refused."""
    return _only_mailbox(head.sender_values) if head.sender_values else None


def resenders(head: Head) -> list[Address]:
    """Return the addresses of the Resent-From and Resent-Sender fields, one each (RFC 5322 §3.6.6). Raises Refused."""
    return [_only_mailbox((value,)) for value in head.values(*_RESENT)] if not head.names.isdisjoint(_RESENT) else []


def refuse_loops(head: Head, host: str, recipients: Sequence[str]) -> None:
    """Stop a message that has been on its way through too many servers, or comes back for all of its recipients. Raises TooManyHops.

    When it comes back for some of them only, their deliveries say so.
    """
    if head.hops > HOPS:
        raise TooManyHops(hops=head.hops)
    if head.names.isdisjoint(_ON_THE_WAY):
        return
    spans = [span for span in head.spans if span[0] in _ON_THE_WAY]
    if len(spans) == head.hops < loops.MAX_PASSES:  # nobody has delivered it yet, and hardly anybody has passed it on
        return
    fields = [(name, head.octets[start:end]) for name, start, _, end in spans]
    coming = int(len(recipients) == 1)  # what is put in front names the recipient when there is one
    if all(loops.goes_round(fields, host, address, coming) for address in recipients):
        raise TooManyHops(hops=head.hops)


def _only_mailbox(values: tuple[bytes, ...]) -> Address:
    if len(values) != 1:
        raise Refused(SENDER_FIELDS)
    value = _FOLD.sub(b"", values[0])
    found = _NAMED.fullmatch(value) or _PLAIN.fullmatch(value)
    if found is None:
        raise Refused(SENDER_FIELDS)
    try:
        return mailbox_address(found[1])
    except BadPath as error:
        raise Refused(SENDER_FIELDS) from error


def routes_further(address: Address) -> bool:
    """Say whether a local part asks for delivery elsewhere, the old ways to ask a server to relay."""
    return any(mark in address.local for mark in ROUTING_MARKS)
