"""An authoritative DNS server on loopback, for zones that a test writes down."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from config.checking import Dns
from tests import servers

TTL_S = 60
UDP_BYTES = 512  # RFC 1035 §4.2.1; more when the question says so (EDNS)
SOA = "ns.test. hostmaster.test. 1 3600 600 86400 30"
Zone = Mapping[tuple[str, str], Sequence[str]]


@dataclass
class Server:
    """Answers from `records`: {("gov.example", "TXT"): ['"v=spf1 -all"'], …}, names without their final dot, any case.

    A name in `broken` is answered by SERVFAIL, one in `silent` by nothing. Whatever has a record itself or below it exists. `asked`
    lists the questions in order. What is too long for UDP is cut and told again over TCP.
    """

    records: dict[tuple[str, str], Sequence[str]]
    broken: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    @property
    def settings(self) -> Dns:
        """The table [dns] that asks this server."""
        return Dns(nameservers=(f"127.0.0.1:{self.port}",))

    def answer(self, data: bytes, *, datagram: bool) -> bytes | None:
        """Return the response to one question."""
        query = dns.message.from_wire(data)
        asked = query.question[0]
        name, kind = asked.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return None
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA | dns.flags.RA
        if name in self.broken:
            reply.set_rcode(dns.rcode.SERVFAIL)
            return reply.to_wire()
        self._fill(reply, asked.name, name, kind)
        limit = max(UDP_BYTES, query.payload) if datagram else 65_535
        octets = reply.to_wire(max_size=65_535)
        if len(octets) <= limit:
            return octets
        short = dns.message.make_response(query)
        short.flags |= dns.flags.TC
        return short.to_wire()

    def _fill(self, reply: dns.message.Message, owner: dns.name.Name, name: str, kind: str) -> None:
        known = {(each.lower(), of): tuple(texts) for (each, of), texts in self.records.items()}
        while (alias := known.get((name, "CNAME"))) and kind != "CNAME":
            reply.answer.append(dns.rrset.from_text_list(owner, TTL_S, "IN", "CNAME", alias))
            owner = dns.name.from_text(alias[0])
            name = owner.to_text(omit_final_dot=True).lower()
            if len(reply.answer) > 16:
                return
        if texts := known.get((name, kind)):
            reply.answer.append(dns.rrset.from_text_list(owner, TTL_S, "IN", kind, texts))
            return
        if not any(each == name or each.endswith(f".{name}") for each, _ in known):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        reply.authority.append(dns.rrset.from_text_list(dns.name.root, TTL_S, "IN", "SOA", [SOA]))


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: Server) -> None:
        self.server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if (octets := self.server.answer(data, datagram=True)) is not None:
            self.transport.sendto(octets, addr)


@contextlib.asynccontextmanager
async def serving(zone: Zone) -> AsyncIterator[Server]:
    """Serve a zone on one port of 127.0.0.1, UDP and TCP; `records` may be changed meanwhile."""
    server, loop = Server(dict(zone)), asyncio.get_running_loop()

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                [size] = struct.unpack(">H", await reader.readexactly(2))
                octets = server.answer(await reader.readexactly(size), datagram=False)
                if octets is None:
                    break
                writer.write(struct.pack(">H", len(octets)) + octets)
                await writer.drain()

    async with servers.serving(stream) as server.port:
        transport, _ = await loop.create_datagram_endpoint(lambda: Datagrams(server), local_addr=("127.0.0.1", server.port))
        try:
            yield server
        finally:
            transport.close()
