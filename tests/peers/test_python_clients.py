"""Python's IMAP clients through whole journeys: imaplib, IMAPClient, aioimaplib. Each reads the grammar in its own way."""

import asyncio
import contextlib
import datetime
import imaplib
import ssl
from collections.abc import Iterator

import aioimaplib
import imapclient
import pytest

from mailcore.imap.names import encode
from tests.mailcore.imap.node import AMINA, PASSWORD, Server
from tests.peers import letters
from tests.peers.far import deliver

pytestmark = pytest.mark.peer

FOLDER = "Dossiers/وارد 2026"
COUNT = 20
WAIT_S = 20
DATE = datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))


@pytest.fixture
async def filled(server: Server) -> Server:
    """A server whose inbox holds letters of every kind."""
    await deliver(server, *(letters.letter(number) for number in range(1, COUNT + 1)))
    return server


# --- imaplib ------------------------------------------------------------------


@contextlib.contextmanager
def _imaplib(server: Server, trusting: ssl.SSLContext) -> Iterator[imaplib.IMAP4]:
    with imaplib.IMAP4_SSL("localhost", server.imaps, ssl_context=trusting, timeout=WAIT_S) as client:
        client.login(AMINA, PASSWORD)
        yield client


def _fine(answer: tuple[str, list[object]]) -> list[object]:
    assert answer[0] == "OK", answer
    return answer[1]


async def test_imaplib_upgrades_to_tls_and_signs_in(filled: Server, trusting: ssl.SSLContext) -> None:
    def talk() -> None:
        with imaplib.IMAP4("localhost", filled.imap, timeout=WAIT_S) as client:
            assert "LOGINDISABLED" in client.capabilities
            client.starttls(ssl_context=trusting)
            assert "LOGINDISABLED" not in client.capabilities
            client.authenticate("PLAIN", lambda challenge: f"\0{AMINA}\0{PASSWORD}".encode())
            assert _fine(client.select("INBOX", readonly=True)) == [b"%d" % COUNT]

    await asyncio.to_thread(talk)


async def test_imaplib_reads_every_octet_of_every_kind_of_letter(filled: Server, trusting: ssl.SSLContext) -> None:
    def talk() -> None:
        with _imaplib(filled, trusting) as client:
            for number, kind in enumerate((*letters.KINDS, letters.bare_lf)):
                assert client.append("Drafts", r"(\Draft)", imaplib.Time2Internaldate(DATE), kind(number))[0] == "OK"
            _fine(client.select("Drafts"))
            for number, kind in enumerate((*letters.KINDS, letters.bare_lf)):
                original = kind(number).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")  # imaplib itself writes every line end so
                data = _fine(client.fetch(str(number + 1), "(INTERNALDATE FLAGS RFC822.SIZE BODY.PEEK[] BODY.PEEK[]<5.70>)"))
                assert data[0][1] == original  # type: ignore[index]
                assert data[1][1] == original[5:75]  # type: ignore[index]
                assert b'" 4-Mar-2026 04:06:07 +0000"' in data[0][0]  # type: ignore[index]
                assert b"RFC822.SIZE %d " % len(original) in data[0][0]  # type: ignore[index]

    await asyncio.to_thread(talk)


async def test_imaplib_keeps_folders_and_moves_letters_between_them(filled: Server, trusting: ssl.SSLContext) -> None:
    folder = f'"{encode(FOLDER).decode()}"'

    def talk() -> None:
        with _imaplib(filled, trusting) as client:
            _fine(client.create(folder))
            _fine(client.subscribe(folder))
            assert any(folder.encode() in line for line in _fine(client.lsub()))  # type: ignore[operator]
            _fine(client.select("INBOX"))
            _fine(client.copy("1:3", folder))
            _fine(client.uid("MOVE", "4:5", folder))
            _fine(client.store("1", "+FLAGS.SILENT", r"(\Deleted)"))
            assert _fine(client.search(None, "DELETED")) == [b"1"]
            _fine(client.close())
            assert _fine(client.status(folder, "(MESSAGES UIDNEXT UNSEEN)"))[0].endswith(b"(MESSAGES 5 UIDNEXT 6 UNSEEN 5)")  # type: ignore[attr-defined]
            assert _fine(client.status("INBOX", "(MESSAGES)")) == [b"INBOX (MESSAGES %d)" % (COUNT - 3)]
            _fine(client.select(folder))
            assert client.uid("FETCH", "1:*", "(RFC822)")[1][0][1] == letters.letter(1)  # type: ignore[index]
            _fine(client.unselect())
            _fine(client.rename(folder, '"Archives 2026"'))
            _fine(client.delete('"Archives 2026"'))
            assert client.select(folder)[0] == "NO"

    await asyncio.to_thread(talk)


async def test_imaplib_asks_for_its_namespace(filled: Server, trusting: ssl.SSLContext) -> None:
    def talk() -> None:
        with _imaplib(filled, trusting) as client:
            assert _fine(client.namespace())[0].startswith(b'(("" "/"))')  # type: ignore[attr-defined]

    await asyncio.to_thread(talk)


# --- IMAPClient ---------------------------------------------------------------


@contextlib.contextmanager
def _imapclient(server: Server, trusting: ssl.SSLContext) -> Iterator[imapclient.IMAPClient]:
    with imapclient.IMAPClient("localhost", server.imaps, ssl_context=trusting, timeout=WAIT_S) as client:
        client.login(AMINA, PASSWORD)
        yield client


async def test_imapclient_reads_structures_and_envelopes_of_every_kind_of_letter(server: Server, trusting: ssl.SSLContext) -> None:
    kinds = (*letters.KINDS, letters.bare_lf)
    await deliver(server, *(kind(number) for number, kind in enumerate(kinds)))

    def talk() -> None:
        with _imapclient(server, trusting) as client:
            client.select_folder("INBOX", readonly=True)
            found = client.fetch(
                range(1, len(kinds) + 1), ["ENVELOPE", "BODYSTRUCTURE", "BODY", "RFC822.SIZE", "BODY.PEEK[]", "BODY.PEEK[HEADER]"]
            )
            assert [found[uid][b"BODY[]"] for uid in sorted(found)] == [kind(number) for number, kind in enumerate(kinds)]
            by_kind = {kind: found[uid] for uid, kind in enumerate(kinds, 1)}
            assert by_kind[letters.arabic][b"ENVELOPE"].subject.decode() == letters.encoded(letters.SUBJECT.format(n=0))
            assert by_kind[letters.mixed][b"BODYSTRUCTURE"].is_multipart
            assert len(by_kind[letters.mixed][b"BODYSTRUCTURE"][0]) == 2
            assert by_kind[letters.nested][b"BODYSTRUCTURE"][0][0][:2] == (b"message", b"rfc822")
            assert by_kind[letters.only_body][b"ENVELOPE"].subject is None
            for values in found.values():
                assert values[b"BODY[]"].startswith(values[b"BODY[HEADER]"])

    await asyncio.to_thread(talk)


async def test_imapclient_searches_copies_flags_and_expunges_what_it_names(filled: Server, trusting: ssl.SSLContext) -> None:
    def talk() -> None:
        with _imapclient(filled, trusting) as client:
            assert client.id_({"name": "journey"})[0][:2] == (b"name", b"Diwan")
            assert client.find_special_folder(b"\\Sent") == "Sent"
            client.create_folder(FOLDER)
            client.subscribe_folder(FOLDER)
            assert FOLDER in [name for _, _, name in client.list_sub_folders()]
            client.select_folder("INBOX")
            assert client.search(["SUBJECT", "مراسلة رقم 11 ", "NOT", "SEEN"], "UTF-8") == [11]
            assert client.search(["BODY", "المدرسي", "UID", "1:6"], "UTF-8") != []
            assert client.search(["OR", "FROM", "karim", "TO", "nobody", "SINCE", datetime.date(2020, 1, 1)])[:2] == [1, 2]
            client.add_flags([1, 2, 3], [imapclient.DELETED])
            client.add_flags([5], [b"\xd9\x85".hex(), imapclient.FLAGGED])
            client.uid_expunge([2])
            assert client.search(["DELETED"]) == [1, 3]
            assert client.get_flags([5])[5] == (imapclient.FLAGGED, b"d985")
            client.copy([5, 7], FOLDER)
            client.move([8, 9], FOLDER)
            status = client.folder_status(FOLDER, ["MESSAGES", "UIDNEXT", "UNSEEN"])
            assert status == {b"MESSAGES": 4, b"UIDNEXT": 5, b"UNSEEN": 4}
            client.select_folder(FOLDER)
            assert client.get_flags([1])[1] == (imapclient.FLAGGED, b"d985")
            client.unselect_folder()
            client.delete_folder(FOLDER)
            assert not client.folder_exists(FOLDER)

    await asyncio.to_thread(talk)


async def test_imapclient_idles_while_letters_come_and_go(filled: Server, trusting: ssl.SSLContext) -> None:
    loop = asyncio.get_running_loop()

    def talk() -> None:
        with _imapclient(filled, trusting) as client:
            client.select_folder("INBOX")
            client.idle()
            asyncio.run_coroutine_threadsafe(deliver(filled, letters.arabic(99)), loop).result(WAIT_S)
            told = client.idle_check(timeout=WAIT_S)
            assert (COUNT + 1, b"EXISTS") in told
            client.idle_done()
            assert client.search(["UID", f"{COUNT + 1}:*"]) == [COUNT + 1]

    await asyncio.to_thread(talk)


# --- aioimaplib ---------------------------------------------------------------


async def _aioimaplib(server: Server, trusting: ssl.SSLContext) -> aioimaplib.IMAP4_SSL:
    client = aioimaplib.IMAP4_SSL("localhost", server.imaps, ssl_context=trusting, timeout=WAIT_S)
    await client.wait_hello_from_server()
    assert (await client.login(AMINA, PASSWORD)).result == "OK"
    return client


async def test_aioimaplib_goes_through_a_day(filled: Server, trusting: ssl.SSLContext) -> None:
    client = await _aioimaplib(filled, trusting)
    assert b'("" "/")' in (await client.namespace()).lines[0]
    assert b"Diwan" in (await client.id(name="journey")).lines[0]
    assert (await client.create("Dossier")).result == "OK"
    assert (await client.append(letters.mixed(50), "Dossier", flags=r"(\Seen)", date=DATE)).result == "OK"
    await client.select("INBOX")
    assert (await client.search("UNSEEN")).lines[0] == b" ".join(b"%d" % number for number in range(1, COUNT + 1))
    fetched = await client.uid("fetch", "2", "(FLAGS BODY.PEEK[])")
    assert fetched.lines[1] == letters.letter(2)
    assert (await client.store("2", "+FLAGS", r"(\Answered)")).lines[0] == rb"2 FETCH (FLAGS (\Answered))"
    assert (await client.uid("copy", "2", "Dossier")).result == "OK"
    assert (await client.move("3", "Dossier")).result == "OK"
    assert (await client.uid("store", "1", "+FLAGS.SILENT", r"(\Deleted)")).result == "OK"
    assert b"1 EXPUNGE" in (await client.expunge()).lines
    assert (await client.status("Dossier", "(MESSAGES UNSEEN)")).lines[0] == b"Dossier (MESSAGES 3 UNSEEN 2)"
    await client.examine("Dossier")
    assert (await client.fetch("1", "BODY.PEEK[]")).lines[1] == letters.mixed(50)
    await client.close()
    assert (await client.delete("Dossier")).result == "OK"
    await client.logout()


async def test_aioimaplib_idles_twice_and_sees_each_change(filled: Server, trusting: ssl.SSLContext) -> None:
    client, other = await _aioimaplib(filled, trusting), await filled.signed_in("INBOX")
    await client.select("INBOX")
    for command, told in ((r"STORE 1 +FLAGS (\Deleted)", rb"1 FETCH (UID 1 FLAGS (\Deleted))"), ("EXPUNGE", b"1 EXPUNGE")):
        idle = await client.idle_start(timeout=WAIT_S)
        assert (await other.ask(command)).startswith(b"OK")
        assert told in await client.wait_server_push(WAIT_S)
        client.idle_done()
        await asyncio.wait_for(idle, WAIT_S)
    await client.logout()
