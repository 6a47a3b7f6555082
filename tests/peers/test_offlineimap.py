"""offlineimap3 in both directions, twice, with changes on both sides, and a third time with nothing to do."""

from pathlib import Path

import pytest

from config.settings import Tls
from mailcore.imap.names import encode
from tests.mailcore.imap.node import AMINA, PASSWORD, Server
from tests.peers import letters, maildir
from tests.peers.far import deliver, held
from tests.peers.programs import home, needs, run
from tests.peers.relay import Relay

pytestmark = [pytest.mark.peer, needs("offlineimap")]

COUNT = 40
FOLDER = encode("وارد").decode()
RC = """[general]
accounts = all
metadata = {folder}/state
ui = quiet
[Account all]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {folder}/mail
sep = /
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {port}
remoteuser = {user}
remotepass = {password}
ssl = yes
sslcacertfile = {certificate}
"""
# What Python's own mail library, by which offlineimap writes its files, does not give back as it was.
REWRITTEN = (letters.mixed, letters.huge_header, letters.only_header, letters.no_colon, letters.open_parts, letters.bad_addresses)
KINDS = (*(kind for kind in letters.KINDS if kind not in REWRITTEN), letters.bare_lf)
ORIGINALS = tuple(KINDS[number % len(KINDS)](number) for number in range(1, COUNT + 1))


async def test_two_runs_carry_the_changes_of_both_sides_and_a_third_finds_none(
    server: Server, relay: Relay, tls: Tls, tmp_path: Path
) -> None:
    text = RC.format(folder=tmp_path, port=relay.port, user=AMINA, password=PASSWORD, certificate=tls.certificate)
    (tmp_path / "rc").write_text(text, "utf-8")
    inbox, command, env = tmp_path / "mail" / "INBOX", ("offlineimap", "-c", tmp_path / "rc", "-1", "-o"), home(tmp_path)
    await deliver(server, *ORIGINALS)
    client = await server.signed_in()
    assert (await client.ask(f'CREATE "{FOLDER}"')).startswith(b"OK")

    async def alike(mailbox: str) -> bool:
        """Both sides hold the same octets with the same flags, once each."""
        far = sorted((_plain(message.octets), sorted(message.flags)) for message in await held(client, mailbox))
        near = sorted((kept.octets, sorted(kept.flags)) for kept in maildir.read(tmp_path / "mail" / mailbox))
        assert near == far
        return bool(far)

    await run(*command, env=env)
    assert await alike("INBOX")

    for letter, kept in zip("SFR", maildir.read(inbox), strict=False):
        maildir.flag(kept, letter)
    for kept in maildir.read(inbox)[10:13]:
        kept.path.unlink()
    (inbox / "new" / "1.here.vm").write_bytes(_plain(letters.eight_bit(70)))
    (tmp_path / "mail" / FOLDER / "cur" / "2.here.vm:2,FS").write_bytes(_plain(letters.arabic(71)))
    await client.ask("SELECT INBOX")
    assert (await client.ask(r"UID STORE 20:22 +FLAGS.SILENT (\Answered)")).startswith(b"OK")
    assert (await client.ask(r"UID STORE 30:31 +FLAGS.SILENT (\Deleted)")).startswith(b"OK")
    assert (await client.ask("UID EXPUNGE 30:31")).startswith(b"OK")
    assert (await client.ask(f'UID MOVE 25 "{FOLDER}"')).startswith(b"OK")
    await deliver(server, letters.nested(72))
    await run(*command, env=env)
    assert await alike("INBOX")
    assert await alike(FOLDER)
    assert len(await held(client, "INBOX")) == COUNT - 3 - 3 + 2
    assert len(await held(client, FOLDER)) == 2

    before = len(relay.talks)
    await run(*command, env=env)
    said = b"".join(talk.plain()[0] for talk in relay.talks[before:])
    assert b"LOGOUT" in said
    assert not any(word in said for word in (b"APPEND", b"STORE", b"BODY.PEEK"))
    assert relay.ids == {b'ID ("name" "OfflineIMAP" "version" "8.0.0")'}
    assert relay.refused() == []


def _plain(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n")
