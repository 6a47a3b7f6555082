"""Extensions as Python's clients speak them. Each runs once the server announces its name; `AWAITED` are those that it may not yet."""

import asyncio
import contextlib
import imaplib
import ssl
from collections.abc import Iterator

import imapclient
import pytest

from tests.mailcore.imap.node import AMINA, PASSWORD, REGISTRY, Server
from tests.peers import letters
from tests.peers.far import deliver

pytestmark = pytest.mark.peer

AWAITED = frozenset({"ACL", "MULTIAPPEND", "CONDSTORE", "BINARY"})
COUNT = 9
WAIT_S = 20


@pytest.fixture
async def filled(server: Server) -> Server:
    """A server whose inbox holds letters."""
    await deliver(server, *(letters.letter(number) for number in range(1, COUNT + 1)))
    return server


@contextlib.contextmanager
def _imaplib(server: Server, trusting: ssl.SSLContext, *names: str) -> Iterator[imaplib.IMAP4]:
    with imaplib.IMAP4_SSL("localhost", server.imaps, ssl_context=trusting, timeout=WAIT_S) as client:
        client.login(AMINA, PASSWORD)
        _require(client.capability()[1][0].decode().split(), names)
        yield client


@contextlib.contextmanager
def _imapclient(server: Server, trusting: ssl.SSLContext, *names: str) -> Iterator[imapclient.IMAPClient]:
    with imapclient.IMAPClient("localhost", server.imaps, ssl_context=trusting, timeout=WAIT_S) as client:
        client.login(AMINA, PASSWORD)
        _require([name.decode() for name in client.capabilities()], names)
        yield client


def _require(announced: list[str], names: tuple[str, ...]) -> None:
    missing = set(names) - set(announced)
    if missing and missing <= AWAITED:
        pytest.skip(f"not announced yet: {', '.join(sorted(missing))}")
    assert not missing


async def test_imaplib_reads_the_quota(filled: Server, trusting: ssl.SSLContext) -> None:
    def talk() -> None:
        with _imaplib(filled, trusting, "QUOTA", "QUOTA=RES-STORAGE") as client:
            kind, (roots, quotas) = client.getquotaroot("INBOX")
            assert kind == "OK"
            assert roots[0].startswith(b"INBOX ")  # type: ignore[union-attr]
            assert b"STORAGE " in quotas[0]  # type: ignore[operator]
            assert b"MESSAGE %d " % COUNT in quotas[0]  # type: ignore[operator]

    await asyncio.to_thread(talk)


async def test_imapclient_reads_the_quota_and_may_not_set_it(filled: Server, trusting: ssl.SSLContext) -> None:
    def talk() -> None:
        with _imapclient(filled, trusting, "QUOTA") as client:
            used = {quota.resource: quota.usage for quota in client.get_quota("INBOX")}
            assert used["MESSAGE"] == COUNT
            assert used["STORAGE"] > 0
            with pytest.raises(imapclient.exceptions.IMAPClientError):
                client.set_quota([imapclient.imapclient.Quota("", "STORAGE", None, 1)])

    await asyncio.to_thread(talk)


async def test_imaplib_keeps_metadata(filled: Server, trusting: ssl.SSLContext) -> None:
    imaplib.Commands.setdefault("SETMETADATA", ("AUTH", "SELECTED"))
    imaplib.Commands.setdefault("GETMETADATA", ("AUTH", "SELECTED"))

    def talk() -> None:
        with _imaplib(filled, trusting, "METADATA") as client:
            assert client.xatom("SETMETADATA", "INBOX", '(/private/comment "note 1")')[0] == "OK"
            assert client.xatom("GETMETADATA", "INBOX", "(/private/comment)")[0] == "OK"
            told = client.response("METADATA")[1][0]
            assert told.replace(b'"', b"") == b"INBOX (/private/comment note 1)"  # type: ignore[union-attr]
            assert client.xatom("SETMETADATA", "INBOX", "(/private/comment NIL)")[0] == "OK"

    await asyncio.to_thread(talk)


async def test_imapclient_shows_and_grants_rights(filled: Server, trusting: ssl.SSLContext) -> None:
    def talk() -> None:
        with _imapclient(filled, trusting, "ACL") as client:
            client.create_folder("Partage")
            client.setacl("Partage", REGISTRY, "lrs")
            assert set(_rights(client)[REGISTRY.encode()]) >= set(b"lrs")
            client.setacl("Partage", REGISTRY, "-lrs")
            assert REGISTRY.encode() not in _rights(client)

    await asyncio.to_thread(talk)


def _rights(client: imapclient.IMAPClient) -> dict[bytes, bytes]:
    return {who.strip(b'"'): what for who, what in client.getacl("Partage")}  # it leaves the quotes where they stand


async def test_imaplib_asks_for_its_own_rights(filled: Server, trusting: ssl.SSLContext) -> None:
    def talk() -> None:
        with _imaplib(filled, trusting, "ACL") as client:
            mailbox, rights = client.myrights("INBOX")[1][0].split(b" ", 1)
            assert mailbox == b"INBOX"
            assert set(rights) >= set(b"lrswi")

    await asyncio.to_thread(talk)


async def test_imapclient_sorts_and_threads_as_it_is_told(filled: Server, trusting: ssl.SSLContext) -> None:
    def talk() -> None:
        with _imapclient(filled, trusting, "SORT", "THREAD=REFERENCES") as client:
            client.select_folder("INBOX")
            by_size = client.sort("SIZE", charset="UTF-8")
            sizes = {number: len(letters.letter(number)) for number in range(1, COUNT + 1)}
            assert by_size == sorted(sizes, key=lambda number: (sizes[number], number))
            assert client.sort("REVERSE SIZE", ["SUBJECT", "مراسلة"], "UTF-8")[0] in (2, 7)
            threads = client.thread("REFERENCES", charset="UTF-8")
            assert sorted(number for thread in threads for number in _flat(thread)) == list(range(1, COUNT + 1))

    await asyncio.to_thread(talk)


def _flat(thread: object) -> Iterator[int]:
    if isinstance(thread, int):
        yield thread
    else:
        for part in thread:  # type: ignore[attr-defined]
            yield from _flat(part)


async def test_imapclient_appends_several_letters_at_once(filled: Server, trusting: ssl.SSLContext) -> None:
    def talk() -> None:
        with _imapclient(filled, trusting, "MULTIAPPEND") as client:
            wanted = [letters.arabic(50), letters.no_final_newline(51), letters.nested(52)]
            client.multiappend("Drafts", wanted)
            client.select_folder("Drafts")
            found = client.fetch([1, 2, 3], ["BODY.PEEK[]"])
            assert [found[uid][b"BODY[]"] for uid in sorted(found)] == wanted

    await asyncio.to_thread(talk)


async def test_imapclient_asks_for_what_has_changed(filled: Server, trusting: ssl.SSLContext) -> None:
    def talk() -> None:
        with _imapclient(filled, trusting, "CONDSTORE") as client:
            client.enable("CONDSTORE")
            before = client.select_folder("INBOX")[b"HIGHESTMODSEQ"]
            client.add_flags([3, 5], [imapclient.FLAGGED])
            changed = client.fetch(list(range(1, COUNT + 1)), ["FLAGS"], modifiers=[f"CHANGEDSINCE {before}"])
            assert sorted(changed) == [3, 5]
            assert all(values[b"MODSEQ"][0] > before for values in changed.values())

    await asyncio.to_thread(talk)


async def test_imaplib_searches_what_it_has_saved(filled: Server, trusting: ssl.SSLContext) -> None:
    def talk() -> None:
        with _imaplib(filled, trusting, "SEARCHRES") as client:
            client.select("INBOX")
            assert client.uid("SEARCH", "RETURN", "(SAVE)", "UID", "2:4")[0] == "OK"
            assert client.uid("STORE", "$", "+FLAGS", r"(\Seen)")[0] == "OK"
            assert client.search(None, "SEEN") == ("OK", [b"2 3 4"])

    await asyncio.to_thread(talk)


async def test_imapclient_fetches_decoded_parts(server: Server, trusting: ssl.SSLContext) -> None:
    await deliver(server, letters.arabic(1))

    def talk() -> None:
        with _imapclient(server, trusting, "BINARY") as client:
            client.select_folder("INBOX", readonly=True)
            found = client.fetch([1], ["BINARY.PEEK[1]", "BINARY.SIZE[1]"])[1]
            assert found[b"BINARY[1]"].decode() == letters.BODY
            assert found[b"BINARY.SIZE[1]"] == len(letters.BODY.encode())

    await asyncio.to_thread(talk)
