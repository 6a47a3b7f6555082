"""Programs that collect mail: getmail6 keeps it with us, then deletes it; fetchmail takes it by STARTTLS and marks it as seen."""

import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import Tls
from tests.mailcore.imap.node import AMINA, PASSWORD, Server
from tests.peers import letters, maildir
from tests.peers.far import deliver, held
from tests.peers.programs import give_away, home, needs, nobody, nobodys_folder, run
from tests.peers.relay import Relay

pytestmark = pytest.mark.peer

KINDS = letters.KINDS
_ADDED = re.compile(rb"(?m)^(Return-Path|X-getmail-retrieved-from-mailbox): .*\n")
GETMAIL = """[retriever]
type = SimpleIMAPSSLRetriever
server = localhost
port = {port}
username = {user}
password = {password}
mailboxes = ("INBOX",)
ca_certs = {folder}/certificate.pem
[destination]
type = Maildir
path = {folder}/mail/
[options]
read_all = false
delete = {delete}
delivered_to = false
received = false
verbose = 2
"""
FETCHMAIL = """set no bouncemail
poll localhost protocol imap port {port} bad-header accept
  user "{user}" password "{password}"
  sslcertck sslcertfile "{folder}/certificate.pem"
  keep
  mda "cat > {folder}/mail/new/$(mktemp -u XXXXXXXXXX)"
"""


def _originals() -> list[bytes]:
    return [kind(number) for number, kind in enumerate(KINDS)]


@pytest.fixture
def folder(tls: Tls) -> Iterator[Path]:
    """Where a collector works; it holds the certificate to trust."""
    with nobodys_folder() as made:
        for part in ("mail/cur", "mail/new", "mail/tmp"):
            (made / part).mkdir(parents=True)
        shutil.copy(tls.certificate, made / "certificate.pem")
        yield made


async def _collect(folder: Path, name: str, *command: str | Path, ends: tuple[int, ...] = (0,)) -> int:
    """Run a collector whose settings are called `name`; return how many letters it brought."""
    before = len(maildir.read(folder / "mail"))
    (folder / name).chmod(stat.S_IRUSR | stat.S_IWUSR)
    give_away(folder)
    await run(*command, env=home(folder), user=nobody(), ends=ends)
    return len(maildir.read(folder / "mail")) - before


@needs("getmail")
async def test_getmail_fetches_all_then_only_what_is_new_and_deletes_when_told(server: Server, relay: Relay, folder: Path) -> None:
    originals = _originals()
    await deliver(server, *originals)
    client = await server.signed_in()

    async def fetch(delete: str) -> int:
        text = GETMAIL.format(port=relay.port, user=AMINA, password=PASSWORD, folder=folder, delete=delete)
        (folder / "rc").write_text(text, "utf-8")
        return await _collect(folder, "rc", "getmail", "--getmaildir", folder, "--rcfile", folder / "rc")

    assert await fetch("false") == len(originals)
    kept = [_ADDED.sub(b"", each.octets) for each in maildir.read(folder / "mail")]
    for kind in (letters.eight_bit, letters.latin, letters.only_body):  # others it writes anew by Python's own mail library
        assert kind(KINDS.index(kind)).replace(b"\r\n", b"\n") in kept
    ids = [re.findall(rb"Message-ID: <(.*?)>", octets)[:1] for octets in kept]
    assert sorted(ids) == sorted(re.findall(rb"Message-ID: <(.*?)>", octets)[:1] for octets in originals)
    assert len(await held(client, "INBOX")) == len(originals)
    assert await fetch("false") == 0
    await deliver(server, letters.arabic(90), letters.mixed(91))
    assert await fetch("true") == 2
    assert await held(client, "INBOX") == []
    assert relay.refused() == []


@needs("fetchmail")
async def test_fetchmail_takes_what_is_unseen_over_starttls(server: Server, folder: Path) -> None:
    (folder / "rc").write_text(FETCHMAIL.format(port=server.imap, user=AMINA, password=PASSWORD, folder=folder), "utf-8")
    originals = _originals()
    await deliver(server, *originals)
    command = ("fetchmail", "-f", folder / "rc", "--nosyslog", "--pidfile", folder / "pid")
    assert await _collect(folder, "rc", *command) == len(originals)
    client = await server.signed_in()
    assert all("\\Seen" in message.flags for message in await held(client, "INBOX"))
    assert await _collect(folder, "rc", *command, ends=(1,)) == 0  # 1: nothing new
    await deliver(server, letters.eight_bit(90))
    assert await _collect(folder, "rc", *command) == 1
