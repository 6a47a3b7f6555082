"""A child process that keeps letters and indexes them after each, and may die by SIGKILL at a failpoint.

`DIRECTORY URL FIRST LAST` keeps letters FIRST … LAST-1 and prints "ok N" when one is durable.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from config.clock import SystemClock
from config.engines import open_database
from mailcore.store import fulltext, mailboxes, messages
from mailcore.store.fulltext import indexing
from mailcore.store.store import Store
from mailcore.store.types import AccountId
from tests.kill.wrapper import FileWrapper

ACCOUNT = AccountId(5)


async def main(directory: Path, url: str, numbers: range) -> None:
    """Keep the letters with these numbers, and index."""
    clock = SystemClock()
    db, blob_db = await open_database(url, directory, clock), await open_database(url, directory, clock, "blobs")
    store = await Store.open(db, blob_db, directory / "blobs", FileWrapper(directory / "key"))
    account = await store.open_account(ACCOUNT)
    box = await db.read(mailboxes.find, ACCOUNT, "INBOX")
    await fulltext.catch_up(store, account)
    for number in numbers:
        message = await store.prepare(b"Subject: letter\r\n\r\nnumber%dx of many\r\n" % number)
        await store.keep(message)
        await db.write(messages.append, box.key, account, message, 0, number)
        print("ok", number, flush=True)
        await fulltext.catch_up(store, account)
    await blob_db.close()
    await db.close()


def run(words: Sequence[str]) -> None:
    """Do what the words say."""
    folder, url, first, last = words
    indexing.CHUNK_BYTES = 150  # several rows even for one letter
    asyncio.run(main(Path(folder), url, range(int(first), int(last))))
