"""Thunderbird, as people have it: the account opens, letters are read, flagged, thrown away and kept."""

import ssl
from pathlib import Path

import pytest

from tests.mailcore.imap.node import AMINA, PASSWORD, Server
from tests.peers import letters, thunderbird
from tests.peers.far import deliver, held
from tests.peers.programs import needs, until
from tests.peers.relay import relaying

pytestmark = [pytest.mark.peer, needs("thunderbird", "certutil")]

COUNT = 30


def _subject(number: int) -> str:
    return letters.SUBJECT.format(n=number)


async def test_the_account_opens_and_letters_are_read_flagged_removed_and_kept(
    server: Server, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    originals = [letters.letter(number) for number in range(1, COUNT + 1)]
    await deliver(server, *originals)
    client = await server.signed_in()
    draft = tmp_path / "draft.eml"
    draft.write_bytes(letters.eight_bit(77))
    root, certificate = thunderbird.issue(tmp_path)
    async with relaying(server.imaps, certificate, trusting) as relay, thunderbird.opened(tmp_path, root, relay.port, AMINA) as peer:
        await peer.do("signIn", AMINA, PASSWORD)
        subjects = await peer.do("subjects", "INBOX", COUNT)
        assert _subject(1) in subjects
        assert set(await peer.do("folders", 6)) == {"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"}
        shown = await peer.do("read", "INBOX", _subject(1))
        assert _subject(1) in shown
        assert letters.BODY.splitlines()[0] in shown
        await peer.do("flag", "INBOX", _subject(5))
        await peer.do("remove", "INBOX", _subject(6))
        await peer.do("append", "Drafts", str(draft))
        assert await peer.do("subjects", "Drafts", 1) == [_subject(77)]
        await deliver(server, letters.arabic(99))
        await peer.do("arrival", "INBOX", _subject(99))
        [trashed] = await until(lambda: held(client, "Trash"))  # shown before the server is told
        [kept] = await until(lambda: held(client, "Drafts"))
        assert trashed.octets == originals[5]
        assert kept.octets == draft.read_bytes()
        left = {message.uid: message for message in await held(client, "INBOX")}
        assert sorted(left) == [*(uid for uid in range(1, COUNT + 2) if uid != 6)]
        assert left[1].flags == {"\\Seen"}
        assert left[5].flags == {"\\Flagged"}
        assert all(not message.flags for uid, message in left.items() if uid not in (1, 5))
        stored = peer.stored("INBOX")
    assert originals[1].rpartition(b"--inner--")[2][:200] in stored.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert relay.refused() == []
    assert any(said.startswith(b'ID ("name" "Thunderbird" "version" ') for said in relay.ids)
