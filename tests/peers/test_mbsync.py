"""mbsync (isync) in both directions while mail arrives and another client works: nothing lost, nothing doubled.

Which letter meets which fate is said by its number alone, so that the end is known however the runs fall.
"""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.settings import Tls
from mailcore.imap.names import encode
from tests.mailcore.imap.node import AMINA, PASSWORD, Client, Server
from tests.peers import letters, maildir
from tests.peers.far import deliver, held
from tests.peers.programs import home, needs, run
from tests.peers.relay import Relay

pytestmark = [pytest.mark.peer, needs("mbsync")]

LETTERS = 80
RUNS = 4
FOLDER = "Dossiers/وارد 2026"
WIRE_FOLDER = encode(FOLDER).decode()
RC = """IMAPStore far
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
# What happens to letter n, by n % 10: on the far side …
FAR = {
    1: ("STORE", "\\Flagged"),
    3: ("STORE", "\\Deleted"),
    5: ("MOVE", WIRE_FOLDER),
    7: ("STORE", "\\Answered"),
    8: ("STORE", "$Forwarded"),
}
# … and on the near one.
NEAR = {2: "F", 4: "delete", 6: "move", 7: "S"}
GONE, MOVED = (3, 4), (5, 6)
FLAGS = {1: {"\\Flagged"}, 2: {"\\Flagged"}, 7: {"\\Answered", "\\Seen"}, 8: {"$Forwarded"}}
_NUMBER = re.compile(rb"Message-ID: <letter-(\d+)@")


@dataclass
class Both:
    """The two sides."""

    server: Server
    client: Client
    mail: Path
    command: tuple[str, ...]
    env: dict[str, str]

    async def sync(self) -> None:
        """One run of mbsync."""
        await run(*self.command, env=self.env)

    async def work_far(self) -> None:
        """Do on the server what shall happen there, for what has arrived and is there."""
        await self.client.ask("SELECT INBOX")
        await self.client.ask("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (Message-ID)])")
        for line in self.client.untagged:
            uid, number = re.search(rb"UID (\d+)", line), _NUMBER.search(line)
            if uid and number and (what := FAR.get(int(number[1]) % 10)):
                kind, which = what
                command = f'UID MOVE {int(uid[1])} "{which}"' if kind == "MOVE" else f"UID STORE {int(uid[1])} +FLAGS ({which})"
                assert (await self.client.ask(command)).startswith(b"OK")
        await self.client.ask("EXPUNGE")

    def work_near(self) -> None:
        """Do in the Maildir what shall happen there."""
        for kept in maildir.read(self.mail / "INBOX"):
            number = _NUMBER.search(kept.octets)
            match number and NEAR.get(int(number[1]) % 10):
                case "delete":
                    kept.path.unlink()
                case "move":
                    kept.path.rename(self.mail / WIRE_FOLDER / "cur" / f"{kept.path.stat().st_ino}.moved.here:2,{kept.letters}")
                case str(flag):
                    maildir.flag(kept, flag)


@pytest.fixture
async def both(server: Server, relay: Relay, tls: Tls, tmp_path: Path) -> Both:
    """A server with an Arabic folder, a Maildir that knows it after a first run."""
    folder = tmp_path / "mbsync"
    (folder / "mail").mkdir(parents=True)
    (folder / "password").write_text(PASSWORD, "utf-8")
    text = RC.format(port=relay.port, user=AMINA, folder=folder, certificate=tls.certificate)
    (folder / "rc").write_text(text, "utf-8")
    client = await server.signed_in()
    assert (await client.ask(f'CREATE "{WIRE_FOLDER}"')).startswith(b"OK")
    made = Both(server, client, folder / "mail", ("mbsync", "-c", str(folder / "rc"), "-a"), home(folder))
    await made.sync()
    return made


async def test_both_sides_end_alike_whatever_happens_on_both_while_mail_arrives(both: Both, relay: Relay) -> None:
    for batch in range(0, LETTERS, LETTERS // RUNS):
        arriving = (_letter(number) for number in range(batch + 1, batch + LETTERS // RUNS + 1))
        await asyncio.gather(both.sync(), both.work_far(), deliver(both.server, *arriving))
        both.work_near()
    await both.sync()
    await both.work_far()
    both.work_near()
    await both.sync()
    await both.sync()

    expected = {name: Counter[tuple[bytes, frozenset[str]]]() for name in ("INBOX", FOLDER)}
    for number in range(1, LETTERS + 1):
        if (kind := number % 10) not in GONE:
            name = FOLDER if kind in MOVED else "INBOX"
            expected[name][_plain(_letter(number)), frozenset(FLAGS.get(kind, ()))] += 1
    for name, letters_there in expected.items():
        far = Counter((_plain(message.octets), message.flags) for message in await held(both.client, encode(name).decode()))
        near = Counter((_plain(kept.octets), kept.flags) for kept in maildir.read(both.mail / encode(name).decode()))
        assert far == letters_there
        assert near == letters_there
    assert relay.refused() == []


def _letter(number: int) -> bytes:
    """Return a letter that mbsync takes: it leaves one whose header has no end where it is."""
    return letters.letter(number, without=(letters.only_header,))


def _plain(octets: bytes) -> bytes:
    """Return a message as mbsync keeps it: lines end in LF; without the line that it adds to know its own again."""
    return re.sub(rb"X-TUID: \S+\n", b"", octets.replace(b"\r\n", b"\n"))
