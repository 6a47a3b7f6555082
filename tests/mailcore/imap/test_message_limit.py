"""No command takes more messages than is announced, and what is left out is said. RFC 9738."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.clock import ManualClock
from config.settings import Imap, Tls
from tests.mailcore.imap.node import Client, Server, letter, opened, serving, settings

LIMIT, FILLED = 3, 5


@pytest.fixture
async def limited(tmp_path: Path, tls: Tls, trusting: ssl.SSLContext, clock: ManualClock, database_url: str) -> AsyncIterator[Server]:
    made = settings(tmp_path, tls, Imap(messages_per_command=LIMIT), database_url=database_url)
    async with opened(made, clock) as services, serving(services, trusting) as server:
        await server.fill(FILLED)
        yield server


async def selected(server: Server) -> Client:
    return await server.signed_in("INBOX")


async def test_the_limit_is_announced(limited: Server) -> None:
    client = await limited.signed_in()
    await client.ask("CAPABILITY")
    assert f"MESSAGELIMIT={LIMIT}".encode() in client.untagged[0].split()
    assert b"SAVELIMIT" not in client.untagged[0]


SEARCHES = [  # command, what is found, code
    ("SEARCH ALL", b"* SEARCH 3 4 5", b"[MESSAGELIMIT 3 3] "),
    ("UID SEARCH ALL", b"* SEARCH 3 4 5", b"[MESSAGELIMIT 3 3] "),
    ("UID SEARCH UIDBEFORE 3", b"* SEARCH 1 2", b""),
    ("UID SEARCH 1:3 SEEN", b"* SEARCH", b""),
    ("UID SEARCH UID 1:4", b"* SEARCH 2 3 4", b"[MESSAGELIMIT 3 2] "),
    ("UID SEARCH UIDAFTER 1 UIDBEFORE 5", b"* SEARCH 2 3 4", b""),
    ("UID SEARCH NOT UID 4", b"* SEARCH 3 5", b"[MESSAGELIMIT 3 3] "),
    ("UID SEARCH OR UID 1 UID 5", b"* SEARCH 5", b"[MESSAGELIMIT 3 3] "),
    ("UID SEARCH RETURN (COUNT) ALL", b'* ESEARCH (TAG "t3") UID COUNT 3', b"[MESSAGELIMIT 3 3] "),
]


@pytest.mark.parametrize(("command", "found", "code"), SEARCHES)
async def test_a_search_looks_at_the_highest_uids(limited: Server, command: str, found: bytes, code: bytes) -> None:
    client = await selected(limited)
    assert await client.ask(command) == b"OK " + code + b"searched"
    assert client.untagged == [found]


async def test_what_is_saved_ends_at_the_limit(limited: Server) -> None:
    client = await selected(limited)
    assert (await client.ask("UID SEARCH RETURN (SAVE) ALL")).startswith(b"OK [MESSAGELIMIT 3 3]")
    assert await client.ask("FETCH $ (UID)") == b"OK fetched"
    assert client.untagged == [b"* %d FETCH (UID %d)" % (uid, uid) for uid in (3, 4, 5)]


REFUSED = ["SORT (DATE) UTF-8 ALL", "UID THREAD REFERENCES UTF-8 ALL", "ESEARCH IN (PERSONAL) ALL", "FETCH 1:* (UID) (PARTIAL 1:4)"]


@pytest.mark.parametrize("command", REFUSED)
async def test_what_cannot_be_done_in_parts_is_refused(limited: Server, command: str) -> None:
    client = await selected(limited)
    assert (await client.ask(command)).startswith(b"NO [MESSAGELIMIT 3] ")
    assert client.untagged == []


async def test_fewer_messages_are_sorted_and_threaded(limited: Server) -> None:
    client = await selected(limited)
    assert await client.ask("UID SORT (REVERSE DATE) UTF-8 UIDAFTER 3") == b"OK sorted"
    assert client.untagged == [b"* SORT 5 4"]
    assert await client.ask("UID THREAD ORDEREDSUBJECT UTF-8 2:4") == b"OK threaded"


async def test_fetch_and_store_take_the_highest_uids(limited: Server) -> None:
    client = await selected(limited)
    assert (await client.ask("FETCH 1:* (UID)")).startswith(b"OK [MESSAGELIMIT 3 3] ")
    assert len(client.untagged) == LIMIT
    assert (await client.ask("UID STORE 1:* +FLAGS.SILENT (\\Flagged)")).startswith(b"OK [MESSAGELIMIT 3 3] ")
    await client.ask("UID SEARCH UID 1:2 FLAGGED")
    assert client.untagged == [b"* SEARCH"]


async def test_copy_is_whole_or_not_at_all(limited: Server) -> None:
    client = await selected(limited)
    await client.ask("CREATE Classeur")
    assert (await client.ask("COPY 1:4 Classeur")).startswith(b"NO [MESSAGELIMIT 3 2] ")
    assert (await client.ask("COPY 1:3 Classeur")).startswith(b"OK [COPYUID ")
    await client.ask("STATUS Classeur (MESSAGES)")
    assert client.untagged == [b"* STATUS Classeur (MESSAGES 3)"]


async def test_expunge_without_a_set_knows_no_limit(limited: Server) -> None:
    client = await selected(limited)
    await client.ask("UID STORE 1:3 +FLAGS.SILENT (\\Deleted)")
    await client.ask("UID STORE 4:5 +FLAGS.SILENT (\\Deleted)")
    assert (await client.ask("EXPUNGE")).startswith(b"OK")
    assert len(client.untagged) == FILLED


async def test_append_takes_no_more_messages_at_once(limited: Server) -> None:
    client = await limited.signed_in()
    parts = b"".join(b" {%d+}\r\n%b" % (len(letter(number)), letter(number)) for number in range(4))
    assert (await client.ask(b"APPEND INBOX" + parts)).startswith(b"NO [MESSAGELIMIT 3] ")
    await client.ask("STATUS INBOX (MESSAGES)")
    assert client.untagged == [b"* STATUS INBOX (MESSAGES %d)" % FILLED]
