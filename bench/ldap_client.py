"""A client that times LDAP searches: Thunderbird's filters over one connection, answers framed and counted, not read further."""

import asyncio
import time
from dataclasses import dataclass

from bench.wire import Endpoint, LoadError, connect
from directory.ldap import ber

SHOWN = (
    "cn",
    "commonname",
    "mail",
    "sn",
    "surname",
    "givenName",
    "displayName",
    "o",
    "ou",
    "company",
    "title",
    "telephonenumber",
    "mobile",
    "fax",
    "facsimiletelephonenumber",
    "street",
    "l",
    "st",
    "postalcode",
    "c",
    "countryname",
    "workurl",
    "homeurl",
    "notes",
    "description",
    "department",
    "departmentnumber",
    "orgunit",
    "birthyear",
    "pager",
    "homephone",
    "cellphone",
    "carphone",
    "modifytimestamp",
    "nsAIMid",
    "custom1",
    "custom2",
    "custom3",
    "custom4",
    "mozillaNickname",
    "mozillaSecondEmail",
    "objectClass",
)  # fmt: skip  (what Thunderbird's default attribute map makes of a card)
MAX_HITS = 100  # Thunderbird's default
TIMEOUT_S = 30.0
_DONE, _BIND_DONE = 0x65, 0x61


@dataclass(frozen=True, slots=True)
class Found:
    """How long a search took, and what came."""

    seconds: float
    entries: int
    octets: int
    code: int


def thunderbird(*words: str) -> bytes:
    """Return the filter that Thunderbird makes of the words typed: (|(cn=a*b*)(mail=a*b*)(sn=a*b*))."""
    first, *others = (word.encode() for word in words)
    pieces = ber.value(ber.SEQUENCE, ber.value(0x80, first) + b"".join(ber.value(0x81, one) for one in others))
    return ber.value(0xA1, b"".join(ber.value(0xA4, ber.octets(name) + pieces) for name in (b"cn", b"mail", b"sn")))


def search(number: int, base: str, wanted: bytes) -> bytes:
    """Return a search of a whole tree."""
    head = ber.octets(base.encode()) + ber.integer(2, ber.ENUMERATED) + ber.integer(0, ber.ENUMERATED)
    limits = ber.integer(MAX_HITS) + ber.integer(0) + ber.boolean(False)
    attributes = ber.value(ber.SEQUENCE, b"".join(ber.octets(name.encode()) for name in SHOWN))
    return ber.value(ber.SEQUENCE, ber.integer(number) + ber.value(0x63, head + limits + wanted + attributes))


class LdapConnection(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._answer: asyncio.Future[tuple[int, int]] | None = None
        self._entries = self._octets = self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Count messages; finish with the one that ends the answer."""
        self._buffer += data
        at = 0
        while (size := ber.whole_size(self._buffer, at)) is not None and len(self._buffer) - at >= size:
            head = at + 2 + (self._buffer[at + 1] & 0x7F if self._buffer[at + 1] & 0x80 else 0)
            operation = head + 2 + self._buffer[head + 1]
            self._octets += size
            if self._buffer[operation] in (_DONE, _BIND_DONE):
                code = self._buffer[operation + (4 if self._buffer[operation + 1] < 0x80 else 4 + (self._buffer[operation + 1] & 0x7F))]
                if self._answer is not None and not self._answer.done():
                    self._answer.set_result((self._entries, code))
            else:
                self._entries += 1
            at += size
        del self._buffer[:at]

    def connection_lost(self, error: Exception | None) -> None:
        """Let whoever waits know."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(LoadError("the server closed the connection"))

    async def bind(self, name: str, password: str) -> None:
        """Sign in. Raises LoadError."""
        body = ber.integer(3) + ber.octets(name.encode()) + ber.value(0x80, password.encode())
        found = await self._ask(ber.value(0x60, body))
        if found.code:
            raise LoadError(f"the sign-in was refused with {found.code}")

    async def find(self, base: str, wanted: bytes) -> Found:
        """Search; return how long it took until everything was there."""
        self._number += 1
        return await self._send(search(self._number, base, wanted))

    def close(self) -> None:
        """Leave."""
        self._transport.abort()

    async def _ask(self, operation: bytes) -> Found:
        self._number += 1
        return await self._send(ber.value(ber.SEQUENCE, ber.integer(self._number) + operation))

    async def _send(self, request: bytes) -> Found:
        self._entries = self._octets = 0
        self._answer = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        self._transport.write(request)
        async with asyncio.timeout(TIMEOUT_S):
            entries, code = await self._answer
        return Found(time.perf_counter() - began, entries, self._octets, code)


async def open_ldap(endpoint: Endpoint, name: str, password: str) -> LdapConnection:
    """Connect and sign in. Raises LoadError."""
    made = await connect(endpoint, LdapConnection)
    await made.bind(name, password)
    return made
