"""A child process that delivers one circular to many, and may die by SIGKILL at a failpoint.

`DIRECTORY prepare|send|go-on`: make the people and their list; accept a circular and deliver it;
deliver what is left.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from config.clock import SystemClock
from config.database import Tx
from config.engines import open_database
from directory import lists, organisations, people, resolve
from directory.address import parse
from directory.queries import Query
from directory.types import Person
from mailcore.queue import circular, fanout, worker
from mailcore.queue.accept import accept
from tests.kill.wrapper import FileWrapper
from tests.mailcore.queue import node

MEMBERS, FIRST = 2_000, 10_000
LIST = f"circulaire@{node.DOMAIN}"
_ADDRESS = "INSERT INTO address (folded, address, account_id, kind, created_us) VALUES (:folded, :address, :id, 'person', 0)"


def everybody(tx: Tx) -> None:
    """Make people without what search needs of them, and the list."""
    ids = range(FIRST, FIRST + MEMBERS)
    made = [Person(one, None, "شخص", "Personne", "ar", f"p{one}@{node.DOMAIN}", None) for one in ids]
    people.insert(tx, made)
    tx.many(_ADDRESS, [{"folded": p.address.encode(), "address": p.address, "id": p.person_id} for p in made])
    owner = resolve.resolve(tx, parse(node.AMINA))
    assert owner is not None
    ministry = organisations.by_code(tx, "interieur").organisation_id
    lists.create(tx, ministry, owner.account_id, parse(LIST), "الجميع", "Tous", Query(members=tuple(ids)), "everyone")


async def main(directory: Path, mode: str) -> None:
    """Do what the mode says."""
    clock = SystemClock()
    fanout.CHUNK, circular.PIECES = 200, 4
    db = await open_database("sqlite", directory, clock)
    async with node.opened(node.settings(directory), db, clock, FileWrapper(directory / "key")) as services:
        if mode == "prepare":
            await db.write(everybody)
            await services.store.open_accounts(range(FIRST, FIRST + MEMBERS))
        if mode == "send":
            await accept(services, node.submission(LIST, raw=b"Message-ID: <circular@kill>\r\n" + node.letter()))
        if mode == "go-on":
            async with worker.deliver(services):  # takes back what the dead one had leased
                pass
        await worker.drain(services)
    await db.close()


def run(words: Sequence[str]) -> None:
    """Do what the words say."""
    asyncio.run(main(Path(words[0]), words[1]))
