"""A child process that accepts and delivers real messages, and may die by SIGKILL at DIWAN_FAILPOINT.

`python -m tests.kill.runner DIRECTORY URL SINK_PORT MODE FIRST LAST` accepts letters FIRST … LAST-1, prints "ok N" for each
acknowledged one, delivers and prints "drained". MODE `role` delivers while it accepts, `steps` after each letter and in the
same task, so that nothing else happens at the moment of death. A letter goes to Karim, to a stranger at the sink, to nobody
(which must give Amina a report), and to a list of Karim and two clerks. With MODE `express` it goes to Karim and Amina alone.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

from config.clock import SystemClock
from config.database import Tx
from config.engines import open_database
from config.settings import Queue, Route
from directory import lists, organisations, people, resolve
from directory.address import parse
from directory.queries import Query
from mailcore.queue import fanout, listing, worker
from mailcore.queue.accept import accept
from mailcore.services import Services
from mailcore.store.types import AccountId
from tests.mailcore.queue import node

FAR = "far@elsewhere.example"
NOBODY = f"nobody@{node.DOMAIN}"
CLERKS = (f"clerk1@{node.DOMAIN}", f"clerk2@{node.DOMAIN}")
LIST = f"everybody@{node.DOMAIN}"
EVERYBODY = (node.KARIM, FAR, NOBODY, LIST)
NEAR = (node.KARIM, node.AMINA)


class FileWrapper:
    """The signer's contract with a key that the next process has too."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(os.urandom(32))
        self._key = path.read_bytes()

    async def new_secret(self) -> tuple[bytes, bytes]:
        """Return (wrapped, secret)."""
        secret = os.urandom(32)
        return aes_key_wrap(self._key, secret), secret

    async def new_secrets(self, number: int) -> list[tuple[bytes, bytes]]:
        """Return so many of them."""
        return [await self.new_secret() for _ in range(number)]

    async def unwrap(self, wrapped: bytes) -> bytes:
        """Return the secret."""
        return aes_key_unwrap(self._key, wrapped)

    async def unwrap_many(self, wrapped: Sequence[bytes]) -> list[bytes]:
        """Return the secrets."""
        return [aes_key_unwrap(self._key, one) for one in wrapped]


def everybody(tx: Tx) -> None:
    """Make the clerks and the list, unless an earlier run has."""
    if resolve.resolve(tx, parse(LIST)) is not None:
        return
    ids = [people.create(tx, "كاتب", "Clerc", parse(address)).person_id for address in CLERKS]
    for address in (node.KARIM, node.AMINA):
        target = resolve.resolve(tx, parse(address))
        assert target is not None
        ids.append(target.account_id)
    *members, owner = ids
    ministry = organisations.by_code(tx, "interieur").organisation_id
    lists.create(tx, ministry, owner, parse(LIST), "الجميع", "Tous", Query(members=tuple(members)), "everyone")


def letter(number: int) -> bytes:
    """The letter with this number: large ones become files, small ones rows."""
    filler = os.urandom(100_000).hex().encode() if number % 5 == 4 else b"x" * number
    lines = b"\r\n".join(filler[n : n + 76] for n in range(0, len(filler), 76))
    return b"Message-ID: <%d@kill>\r\nSubject: %d\r\n\r\n%b\r\n" % (number, number, lines)


async def send(services: Services, directory: Path, number: int, recipients: Sequence[str] = EVERYBODY) -> None:
    """Accept a letter; note its octets before, and its acknowledgement after."""
    raw = letter(number)
    (directory / f"sent-{number}").write_bytes(raw)
    await accept(services, node.submission(*recipients, raw=raw))
    print("ok", number, flush=True)


async def by_steps(services: Services, directory: Path, numbers: range) -> None:
    """Accept and deliver one after the other."""
    for number in numbers:
        await send(services, directory, number)
        await worker.drain(services)


async def express(services: Services, directory: Path, numbers: range) -> None:
    """Accept what is delivered by that."""
    for number in numbers:
        await send(services, directory, number, NEAR)


async def by_role(services: Services, directory: Path, numbers: range) -> None:
    """Accept while workers deliver; wait at every second letter, so that not all of them are settled in one transaction."""
    async with worker.deliver(services):
        for number in numbers:
            await send(services, directory, number)
            if number % 2:
                await emptied(services)
        await emptied(services)


async def emptied(services: Services) -> None:
    """Wait until nothing is left in the queue."""
    with services.store.bus.subscribe(AccountId(0)) as hints:
        while await services.db.read(listing.depth):
            await hints.wait(0.05)


async def main(directory: Path, url: str, port: int, mode: str, numbers: range) -> None:
    """Send, and wait until all is delivered."""
    clock = SystemClock()
    routes = [Route(domain="", host="127.0.0.1", port=port, tls="opportunistic")]
    limits = Queue(workers=1, lease_s=1, retry_first_s=1, retry_max_s=1)
    settings = node.settings(directory, url, routes, limits)
    db = await open_database(url, directory, clock)
    fanout.CHUNK = 1  # so that a list of three is expanded in steps
    async with node.opened(settings, db, clock, FileWrapper(directory / "key")) as services:
        await db.write(everybody)
        await {"role": by_role, "steps": by_steps, "express": express}[mode](services, directory, numbers)
    await db.close()
    print("drained", flush=True)


if __name__ == "__main__":
    folder, url, port, mode, first, last = sys.argv[1:]
    asyncio.run(main(Path(folder), url, int(port), mode, range(int(first), int(last))))
