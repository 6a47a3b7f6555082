"""Foreign clients against the real server: imaplib, IMAPClient, aioimaplib, mbsync."""

import asyncio
import datetime
import imaplib
import shutil
import ssl
from pathlib import Path

import aioimaplib
import imapclient
import pytest

from config.settings import Tls
from tests.mailcore.imap.node import AMINA, PASSWORD, Server, letter

pytestmark = pytest.mark.peer


async def test_imaplib(server: Server, trusting: ssl.SSLContext) -> None:
    await server.fill(3)

    def talk() -> None:
        with imaplib.IMAP4_SSL("localhost", server.imaps, ssl_context=trusting) as client:
            client.authenticate("PLAIN", lambda challenge: f"\0{AMINA}\0{PASSWORD}".encode())
            assert client.select("INBOX") == ("OK", [b"3"])
            assert client.search(None, "SUBJECT", '"essai 2"') == ("OK", [b"2"])
            kind, data = client.fetch("2", "(RFC822)")
            assert kind == "OK"
            assert data[0][1] == letter(2)  # type: ignore[index]
            assert client.append("Drafts", r"(\Draft)", imaplib.Time2Internaldate(0), letter(9))[0] == "OK"
            assert client.uid("STORE", "1", "+FLAGS", r"(\Deleted)")[0] == "OK"
            assert client.expunge() == ("OK", [b"1"])
            assert client.status("Drafts", "(MESSAGES UNSEEN)") == ("OK", [b"Drafts (MESSAGES 1 UNSEEN 1)"])

    await asyncio.to_thread(talk)


async def test_imapclient(server: Server, trusting: ssl.SSLContext) -> None:
    await server.fill(3)

    def talk() -> None:
        with imapclient.IMAPClient("localhost", server.imaps, ssl_context=trusting) as client:
            client.login(AMINA, PASSWORD)
            assert (b"\\HasNoChildren", b"\\Sent") in [flags for flags, _, _ in client.list_folders()]
            client.create_folder("Dossier ديوان")
            assert client.folder_exists("Dossier ديوان")
            assert client.select_folder("INBOX")[b"EXISTS"] == 3
            assert client.search(["SUBJECT", "essai"], "UTF-8") == [1, 2, 3]
            found = client.fetch([2], ["ENVELOPE", "BODYSTRUCTURE", "INTERNALDATE", "BODY.PEEK[]"])[2]
            assert found[b"ENVELOPE"].subject == b"essai 2"
            assert found[b"ENVELOPE"].date.replace(tzinfo=None).date() == datetime.date(2026, 6, 3)
            assert found[b"BODYSTRUCTURE"][:2] == (b"text", b"plain")
            assert found[b"BODY[]"] == letter(2)
            client.move([1], "Dossier ديوان")
            client.add_flags([2], [b"$Forwarded"])
            assert client.get_flags([2])[2] == (b"$Forwarded",)
            assert client.folder_status("Dossier ديوان")[b"MESSAGES"] == 1
            assert client.search() == [2, 3]

    await asyncio.to_thread(talk)


async def test_aioimaplib_sees_mail_arrive_in_idle(server: Server, trusting: ssl.SSLContext) -> None:
    client = aioimaplib.IMAP4_SSL("localhost", server.imaps, ssl_context=trusting, timeout=20)
    await client.wait_hello_from_server()
    assert (await client.login(AMINA, PASSWORD)).result == "OK"
    await client.select("INBOX")
    idle = await client.idle_start(timeout=20)
    await server.fill(1)
    assert "1 EXISTS" in [line.decode() for line in await client.wait_server_push(20)]
    client.idle_done()
    await asyncio.wait_for(idle, 20)
    assert (await client.uid("fetch", "1:*", "(FLAGS)")).result == "OK"
    await client.logout()


MBSYNC = """IMAPStore far
Host localhost
Port {port}
User {user}
PassCmd "cat {folder}/password"
SSLType IMAPS
CertificateFile {certificate}
AuthMechs PLAIN

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
"""


@pytest.mark.skipif(shutil.which("mbsync") is None, reason="isync is not installed")
async def test_mbsync_syncs_both_ways(server: Server, tls: Tls, tmp_path: Path) -> None:
    await server.fill(3)
    folder = tmp_path / "mbsync"
    (folder / "mail").mkdir(parents=True)
    (folder / "password").write_text(PASSWORD, "utf-8")
    (folder / "rc").write_text(MBSYNC.format(port=server.imaps, user=AMINA, folder=folder, certificate=tls.certificate))

    async def sync() -> None:
        process = await asyncio.create_subprocess_exec(
            "mbsync", "-c", folder / "rc", "-a", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        async with asyncio.timeout(60):
            out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()

    await sync()
    new = folder / "mail" / "INBOX"
    files = sorted(path for part in ("new", "cur") for path in (new / part).iterdir())
    assert sorted(_plain(path.read_bytes()) for path in files) == sorted(_plain(letter(n)) for n in (1, 2, 3))
    files[0].unlink()
    files[1].rename(new / "cur" / (files[1].name.partition(":")[0] + ":2,FS"))
    (new / "cur" / "1.1.here:2,S").write_bytes(letter(9).replace(b"\r\n", b"\n"))
    client = await server.signed_in("INBOX")
    await client.append(letter(8))
    await sync()
    assert len([path for part in ("new", "cur") for path in (new / part).iterdir()]) == 4
    await client.ask("NOOP")
    await client.ask("FETCH 1:* (UID FLAGS)")
    assert sorted(client.untagged) == [
        b"* 1 FETCH (UID 2 FLAGS (\\Flagged \\Seen))",
        b"* 2 FETCH (UID 3 FLAGS ())",
        b"* 3 FETCH (UID 4 FLAGS ())",
        b"* 4 FETCH (UID 5 FLAGS (\\Seen))",
    ]
    await client.ask("UID FETCH 5 BODY.PEEK[TEXT]")
    assert b"bonjour\r\n" in client.untagged[0]


def _plain(octets: bytes) -> bytes:
    """Return a message without line endings and without what mbsync adds."""
    return b"\n".join(line for line in octets.splitlines() if not line.startswith(b"X-TUID"))
