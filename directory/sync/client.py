"""A small LDAP client: sign in over TLS, read entries page by page. RFC 4511 (§4.2 bind, §4.5 search, §4.14 StartTLS); RFC 2696 (pages).

Everything is bounded: the time of each answer, the size of one message, the entries of one search.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Self
from urllib.parse import urlsplit

from directory.imports.ldif import LdapEntry
from directory.ldap import ber, messages
from directory.ldap.ber import ENUMERATED, SEQUENCE, SET, Reader
from directory.ldap.controls import PAGED
from directory.ldap.errors import NotUnderstood
from directory.ldap.messages import Control
from directory.sync.errors import SourceFailed

PATIENCE_S = 30.0  # for a connection, and for each piece of an answer
MAX_MESSAGE_BYTES = 16_777_216  # an entry with photographs
MAX_ENTRIES = 2_000_000
PAGE = 1_000  # what Active Directory gives at most
STARTTLS = "1.3.6.1.4.1.1466.20037"
BASE, SUBTREE = messages.BASE, messages.SUBTREE
_BIND, _SEARCH, _UNBIND, _EXTENDED = 0x60, 0x63, 0x42, 0x77
_REFERENCE, _INTERMEDIATE = 0x73, 0x79
_NEVER, _NAME, _CONTROLS, _PASSWORD, _PRESENT = 0, 0x80, 0xA0, 0x80, 0x87
_NO_SUCH_OBJECT = 32  # RFC 4511 appendix A


class Client:
    """One connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer, self._number = reader, writer, 0

    @classmethod
    async def connect(cls, url: str, context: ssl.SSLContext) -> Self:
        """Connect to ``ldaps://host[:port]``, or ``ldap://…`` with StartTLS: nothing is ever said in the clear. Raises SourceFailed."""
        parts = urlsplit(url)
        secure, host = parts.scheme == "ldaps", parts.hostname or ""
        port = parts.port or (636 if secure else 389)
        with _explained(url):
            async with asyncio.timeout(PATIENCE_S):
                streams = await asyncio.open_connection(host, port, ssl=context if secure else None)
        client = cls(*streams)
        try:
            if not secure:
                await client._start_tls(url, context, host)
        except BaseException:
            await client.close()
            raise
        return client

    async def bind(self, name: str, password: str) -> None:
        """Sign in with a name and a password; both empty stay nobody. Raises SourceFailed."""
        if name and not password:
            raise SourceFailed("a bind with a name needs a password")  # RFC 4513 §5.1.2
        if not name:
            return
        body = ber.integer(3) + ber.octets(name.encode()) + ber.value(_PASSWORD, password.encode())
        await self._done(ber.value(_BIND, body), messages.BIND_DONE, "sign-in")

    async def search(
        self, base: str, scope: int, wanted: bytes, attributes: Sequence[str], page: int = PAGE
    ) -> AsyncIterator[list[LdapEntry]]:
        """Yield the entries below `base` that an encoded filter lets through, page by page. Raises SourceFailed, also half-way.

        When it ends by itself, these are all there are.
        """
        limits = ber.integer(0) + ber.integer(0) + ber.boolean(False)
        names = ber.value(SEQUENCE, b"".join(ber.octets(one.encode()) for one in attributes))
        head = ber.octets(base.encode()) + ber.integer(scope, ENUMERATED) + ber.integer(_NEVER, ENUMERATED)
        request, cookie, count = ber.value(_SEARCH, head + limits + wanted + names), b"", 0
        while True:
            asked = Control(PAGED, True, ber.value(SEQUENCE, ber.integer(page) + ber.octets(cookie)))
            entries, cookie = await self._page(request, [asked] if scope != BASE else [], count)
            count += len(entries)
            yield entries
            if not cookie:
                return

    async def read(self, name: str, attributes: Sequence[str]) -> LdapEntry | None:
        """Return one entry by its name, "" for what the server says of itself; None when it is not shown. Raises SourceFailed."""
        anything = ber.value(_PRESENT, b"objectClass")
        try:
            found = [entry async for entries in self.search(name, BASE, anything, attributes) for entry in entries]
        except SourceFailed as error:
            if error.facts.get("code") != _NO_SUCH_OBJECT:
                raise
            found = []
        return next(iter(found), None)

    async def close(self) -> None:
        """Say good-bye and close; a server that is gone already is fine."""
        with contextlib.suppress(OSError, TimeoutError, ssl.SSLError):
            self._send(ber.value(_UNBIND, b""), [])
            self._writer.close()
            async with asyncio.timeout(1):
                await self._writer.wait_closed()

    async def _start_tls(self, url: str, context: ssl.SSLContext, host: str) -> None:
        await self._done(ber.value(_EXTENDED, ber.value(_NAME, STARTTLS.encode())), messages.EXTENDED_DONE, "StartTLS")
        with _explained(url):
            async with asyncio.timeout(PATIENCE_S):
                await self._writer.start_tls(context, server_hostname=host)

    async def _page(self, request: bytes, controls: Sequence[Control], already: int) -> tuple[list[LdapEntry], bytes]:
        self._send(request, controls)
        entries: list[LdapEntry] = []
        while True:
            body = await self._answer()
            tag = body.tag()
            if tag == messages.SEARCH_ENTRY:
                entries.append(_entry(body))
                if already + len(entries) > MAX_ENTRIES:
                    raise SourceFailed(f"the source has more than {MAX_ENTRIES} entries")
            elif tag == messages.SEARCH_DONE:
                _accept(body.enter(tag), "search")
                return entries, _cookie(body)
            elif tag not in (_REFERENCE, _INTERMEDIATE):
                raise SourceFailed("the source answers something else")

    async def _done(self, operation: bytes, tag: int, what: str) -> None:
        self._send(operation, [])
        body = await self._answer()
        with _explained(what):
            _accept(body.enter(tag), what)

    def _send(self, operation: bytes, controls: Sequence[Control]) -> None:
        self._number += 1
        self._writer.write(messages.message(self._number, operation, controls))

    async def _answer(self) -> Reader:
        """Return a reader of the next message to our request, its number taken. Raises SourceFailed."""
        with _explained("the connection"):
            async with asyncio.timeout(PATIENCE_S):
                head = await self._reader.readexactly(2)
                more = head[1] - 0x80 if head[1] > 0x80 else 0
                head += await self._reader.readexactly(min(more, ber.MAX_LENGTH_OCTETS))
                size = ber.whole_size(head)
                if size is None or size > MAX_MESSAGE_BYTES:
                    raise NotUnderstood("a message is too large")
                body = Reader(head + await self._reader.readexactly(size - len(head))).enter(SEQUENCE)
            if body.integer() != self._number:
                raise NotUnderstood("the server closes the connection, or answers another request")
            return body


def _entry(body: Reader) -> LdapEntry:
    with _explained("an entry"):
        inner = body.enter(messages.SEARCH_ENTRY)
        name, sequence = inner.text(), inner.enter(SEQUENCE)
        values: dict[str, tuple[bytes, ...]] = {}
        while sequence.more:
            one = sequence.enter(SEQUENCE)
            description, set_of = one.text().lower(), one.enter(SET)
            found: list[bytes] = []
            while set_of.more:
                found.append(set_of.octets())
            values[description] = tuple(found)
        return LdapEntry(0, name, values)


def _accept(result: Reader, what: str) -> None:
    """Accept success. Raises SourceFailed with what the server said, also when it gave only a part (§4.1.9)."""
    with _explained(what):
        code = result.integer(ENUMERATED)
        result.text()
        said = result.text()
    if code != 0:
        raise SourceFailed(f"{what} failed: result {code} {said[:200]}".rstrip(), code=code)


def _cookie(body: Reader) -> bytes:
    """Return the cookie of the next page; empty after the last, and from a server that knows no pages."""
    with _explained("a page"):
        if body.tag() != _CONTROLS:
            return b""
        sequence = body.enter(_CONTROLS)
        while sequence.more:
            control = sequence.enter(SEQUENCE)
            oid = control.text()
            if control.tag() == ber.BOOLEAN:
                control.boolean()
            if oid == PAGED:
                page = Reader(control.octets()).enter(SEQUENCE)
                page.integer()
                return page.octets()
    return b""


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn whatever goes wrong with a connection into SourceFailed."""
    try:
        yield
    except TimeoutError:
        raise SourceFailed(f"{what}: no answer within {PATIENCE_S:.0f} s") from None
    except asyncio.IncompleteReadError:
        raise SourceFailed(f"{what} was cut") from None
    except ssl.SSLError as error:
        raise SourceFailed(f"{what}: {error.reason or error}") from None
    except OSError as error:
        raise SourceFailed(f"{what}: {error.strerror or error}") from None
    except NotUnderstood as error:
        raise SourceFailed(f"{what}: {error.text}") from None
