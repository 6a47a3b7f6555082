"""Requests as values, responses as octets. Pure. RFC 4511 §4; RFC 4532 (who am I)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from directory.ldap import ber, filters
from directory.ldap.ber import ENUMERATED, SEQUENCE, Reader
from directory.ldap.errors import NotUnderstood, TooComplex
from directory.ldap.filters import Filter

MAX_ID = 2**31 - 1  # §4.1.1.1
MAX_ATTRIBUTES = 256  # Thunderbird asks for about sixty
MAX_CONTROLS = 16
WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"  # RFC 4532 §2
DISCONNECTION = "1.3.6.1.4.1.1466.20036"  # RFC 4511 §4.4.1
BASE, ONE_LEVEL, SUBTREE = range(3)  # §4.5.1.2
_CONTROLS, _SIMPLE, _SASL = 0xA0, 0x80, 0xA3
_BIND, _UNBIND, _SEARCH, _COMPARE, _ABANDON, _EXTENDED = 0x60, 0x42, 0x63, 0x6E, 0x50, 0x77
BIND_DONE, SEARCH_ENTRY, SEARCH_DONE, COMPARE_DONE, EXTENDED_DONE = 0x61, 0x64, 0x65, 0x6F, 0x78
_SERVER_CREDENTIALS, _RESPONSE_NAME, _RESPONSE_VALUE = 0x87, 0x8A, 0x8B
_CHANGES = {0x66: 0x67, 0x68: 0x69, 0x4A: 0x6B, 0x6C: 0x6D}  # modify, add, delete, modify DN: request and response


@dataclass(frozen=True, slots=True)
class Control:
    """What a request or a response says besides (§4.1.11)."""

    oid: str
    critical: bool = False
    value: bytes = b""


@dataclass(frozen=True, slots=True)
class Bind:
    """Sign in: `mechanism` is empty for a simple bind, whose `credentials` are the password."""

    version: int
    name: str
    mechanism: str
    credentials: bytes | None


@dataclass(frozen=True, slots=True)
class Unbind:
    """Good-bye."""


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for, and which attributes to show; limits of 0 are the server's."""

    base: str
    scope: int
    size_limit: int
    time_limit_s: int
    types_only: bool
    filter: Filter | None  # None: deeper or longer than is read
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """Ask whether an entry has a value."""

    name: str
    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Abandon:
    """Forget another request."""

    message_id: int


@dataclass(frozen=True, slots=True)
class Extended:
    """An operation that is named by an object identifier."""

    oid: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """One of the operations that write; `response` is the tag of the refusal."""

    response: int


Operation = Bind | Unbind | Search | Compare | Abandon | Extended | Change


@dataclass(frozen=True, slots=True)
class Message:
    """One request."""

    message_id: int
    operation: Operation
    controls: tuple[Control, ...]


def read(octets: bytes) -> Message:
    """Read one whole message. Raises NotUnderstood."""
    outer = Reader(octets)
    inner = outer.enter(SEQUENCE)
    message_id = inner.integer()
    tag = inner.tag()
    if not 0 <= message_id <= MAX_ID:
        raise NotUnderstood("a message has a number from 0 to 2147483647")
    if tag in _CHANGES:
        inner.octets(tag)
        operation: Operation = Change(_CHANGES[tag])
    elif tag in _READERS:
        operation = _READERS[tag](inner)
    else:
        raise NotUnderstood("there is no such operation")
    controls = _controls(inner) if inner.tag() == _CONTROLS else ()
    inner.end()
    outer.end()
    return Message(message_id, operation, controls)


def response_tag(operation: Operation) -> int:
    """Return the tag of the result that ends an operation; 0 when it has none."""
    return operation.response if isinstance(operation, Change) else _RESPONSES.get(type(operation), 0)


def message(message_id: int, operation: bytes, controls: Sequence[Control] = ()) -> bytes:
    """Return the octets of a message around a response."""
    after = ber.value(_CONTROLS, b"".join(map(_control, controls))) if controls else b""
    return ber.value(SEQUENCE, ber.integer(message_id) + operation + after)


def result(tag: int, code: int, text: str = "", matched: str = "", after: bytes = b"") -> bytes:
    """Return an LDAPResult (§4.1.9); `after` is what the response adds to it."""
    body = ber.integer(code, ENUMERATED) + ber.octets(matched.encode()) + ber.octets(text.encode())
    return ber.value(tag, body + after)


def bind_result(code: int, text: str = "", credentials: bytes | None = None) -> bytes:
    """Return a BindResponse, with the server's SASL credentials when there are any (§4.2.2)."""
    return result(BIND_DONE, code, text, after=b"" if credentials is None else ber.value(_SERVER_CREDENTIALS, credentials))


def extended_result(code: int, text: str = "", oid: str = "", value: bytes | None = None) -> bytes:
    """Return an ExtendedResponse (§4.12)."""
    name = ber.value(_RESPONSE_NAME, oid.encode()) if oid else b""
    return result(EXTENDED_DONE, code, text, after=name + (b"" if value is None else ber.value(_RESPONSE_VALUE, value)))


def disconnection(code: int, text: str) -> bytes:
    """Return the notice that the server is about to close the connection (§4.4.1)."""
    return message(0, extended_result(code, text, DISCONNECTION))


def _bind(inner: Reader) -> Bind:
    body = inner.enter(_BIND)
    version, name = body.integer(), body.text()
    if body.tag() == _SIMPLE:
        found = Bind(version, name, "", body.octets(_SIMPLE))
    else:
        sasl = body.enter(_SASL)
        mechanism = sasl.text()
        if not mechanism:
            raise NotUnderstood("a SASL bind names its mechanism")
        found = Bind(version, name, mechanism.upper(), sasl.octets() if sasl.more else None)
        sasl.end()
    body.end()
    return found


def _unbind(inner: Reader) -> Unbind:
    inner.octets(_UNBIND)
    return Unbind()


def _search(inner: Reader) -> Search:
    body = inner.enter(_SEARCH)
    base, scope, _aliases = body.text(), body.integer(ENUMERATED), body.integer(ENUMERATED)
    size, time_s, types_only = body.integer(), body.integer(), body.boolean()
    if scope not in (BASE, ONE_LEVEL, SUBTREE) or size < 0 or time_s < 0:
        raise NotUnderstood("a search has no such scope or limit")
    start = body.at
    try:
        wanted: Filter | None = filters.read(body)
    except TooComplex:
        wanted = None
        body.at = start
        body.octets(body.tag())
    attributes = body.enter(SEQUENCE)
    names: list[str] = []
    while attributes.more:
        names.append(attributes.text())
        if len(names) > MAX_ATTRIBUTES:
            raise NotUnderstood("a search asks for too many attributes")
    body.end()
    return Search(base, scope, size, time_s, types_only, wanted, tuple(names))


def _compare(inner: Reader) -> Compare:
    body = inner.enter(_COMPARE)
    name, assertion = body.text(), body.enter(SEQUENCE)
    found = Compare(name, assertion.text(), assertion.octets())
    assertion.end()
    body.end()
    return found


def _abandon(inner: Reader) -> Abandon:
    return Abandon(inner.integer(_ABANDON))


def _extended(inner: Reader) -> Extended:
    body = inner.enter(_EXTENDED)
    found = Extended(body.text(0x80), body.octets(0x81) if body.more else b"")
    body.end()
    return found


_READERS: dict[int, Callable[[Reader], Operation]] = {
    _BIND: _bind,
    _UNBIND: _unbind,
    _SEARCH: _search,
    _COMPARE: _compare,
    _ABANDON: _abandon,
    _EXTENDED: _extended,
}
_RESPONSES: dict[type, int] = {Bind: BIND_DONE, Search: SEARCH_DONE, Compare: COMPARE_DONE, Extended: EXTENDED_DONE}


def _controls(inner: Reader) -> tuple[Control, ...]:
    sequence = inner.enter(_CONTROLS)
    found: list[Control] = []
    while sequence.more:
        one = sequence.enter(SEQUENCE)
        oid = one.text()
        critical = one.boolean() if one.tag() == ber.BOOLEAN else False
        found.append(Control(oid, critical, one.octets() if one.more else b""))
        one.end()
        if len(found) > MAX_CONTROLS:
            raise NotUnderstood("a request has too many controls")
    return tuple(found)


def _control(control: Control) -> bytes:
    critical = ber.boolean(True) if control.critical else b""
    return ber.value(SEQUENCE, ber.octets(control.oid.encode()) + critical + ber.octets(control.value))
