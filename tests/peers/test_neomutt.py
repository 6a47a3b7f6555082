"""neomutt in a terminal: it shows an Arabic subject, reads, flags, deletes, files, and says so to the server when told to."""

from pathlib import Path

import pytest

from config.settings import Tls
from mailcore.imap.names import encode
from tests.mailcore.imap.node import AMINA, PASSWORD, Client, Server
from tests.peers import letters, terminal
from tests.peers.far import deliver, held
from tests.peers.programs import home, needs, until
from tests.peers.relay import Relay

pytestmark = [pytest.mark.peer, needs("neomutt")]

COUNT = 6
FOLDER = "وارد"
RC = """set imap_user = "{user}"
set imap_pass = "{password}"
set folder = "imaps://localhost:{port}/"
set spoolfile = "+INBOX"
set record = ""
set ssl_ca_certificates_file = "{certificate}"
set certificate_file = "{folder}/certificates"
set ssl_force_tls = yes
set imap_check_subscribed = no
set mail_check = 1
set timeout = 1
set delete = yes
set move = no
set confirmappend = no
set wait_key = no
set mark_old = no
set index_format = "%4C %Z %s"
set pager_index_lines = 0
set charset = "utf-8"
"""


async def test_neomutt_shows_reads_flags_files_and_deletes(server: Server, relay: Relay, tls: Tls, tmp_path: Path) -> None:
    rc = tmp_path / "rc"
    rc.write_text(RC.format(user=AMINA, password=PASSWORD, port=relay.port, certificate=tls.certificate, folder=tmp_path), "utf-8")
    originals = [letters.arabic(number) for number in range(1, COUNT + 1)]
    await deliver(server, *originals)
    client = await server.signed_in()
    assert (await client.ask(f'CREATE "{encode(FOLDER).decode()}"')).startswith(b"OK")
    async with terminal.started("neomutt", "-n", "-F", rc, env=home(tmp_path)) as screen:
        await screen.expect(letters.SUBJECT.format(n=COUNT))
        screen.type("1\n\n")  # the first letter; open it
        await screen.expect(letters.BODY.splitlines()[0])
        screen.type("i2\nF")  # back; the second: flag
        screen.type("3\nd")  # the third: delete
        screen.type(f"4\ns={FOLDER}\n")  # the fourth: file
        await screen.expect(FOLDER)
        await deliver(server, letters.arabic(77))
        await screen.expect(letters.SUBJECT.format(n=77))
        screen.type("$")
        await until(lambda: _filed(client))
        screen.type("q")
        assert await screen.ended() == 0
    left = {message.uid: message for message in await held(client, "INBOX")}
    assert {uid: sorted(message.flags) for uid, message in left.items()} == {
        1: ["\\Seen"], 2: ["\\Flagged"], 5: [], 6: [], 7: [],
    }  # fmt: skip
    [filed] = await held(client, encode(FOLDER).decode())
    assert filed.octets == originals[3]
    assert relay.refused() == []


async def _filed(client: Client) -> bool:
    return {message.uid for message in await held(client, "INBOX")} == {1, 2, 5, 6, 7}
