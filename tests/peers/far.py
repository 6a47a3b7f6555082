"""What lies in a mailbox of ours, as a plain client reads it; and mail that arrives there."""

import re
from dataclasses import dataclass

from directory import resolve
from directory.address import parse
from mailcore.store import messages
from tests.mailcore.imap.node import AMINA, Client, Server

_FETCHED = re.compile(rb"\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\) BODY\[\] \{(\d+)\}\r\n")


@dataclass(frozen=True, slots=True)
class Held:
    """A message: its UID, its flags without \\Recent, its octets."""

    uid: int
    flags: frozenset[str]
    octets: bytes


async def held(client: Client, mailbox: str) -> list[Held]:
    """Return the messages of a mailbox in their order, changing nothing."""
    assert (await client.ask(f'EXAMINE "{mailbox}"')).startswith(b"OK")
    assert (await client.ask("UID FETCH 1:* (UID FLAGS BODY.PEEK[])")).startswith(b"OK")
    found = [match for line in client.untagged if (match := _FETCHED.match(line))]
    return [_held(match) for match in found]


def _held(match: re.Match[bytes]) -> Held:
    octets = match.string[match.end() : match.end() + int(match[3])]
    return Held(int(match[1]), frozenset(match[2].decode().split()) - {"\\Recent"}, octets)


async def deliver(server: Server, *letters: bytes, address: str = AMINA) -> None:
    """Put letters into the inbox as the queue does."""
    target = await server.services.db.read(resolve.resolve, parse(address))
    assert target is not None
    account = await server.services.store.open_account(target.account_id)
    for raw in letters:
        prepared = await server.services.store.prepare(raw)
        await server.services.store.keep(prepared)
        await server.services.db.write(messages.deliver, account, prepared, server.services.clock.now_us())
