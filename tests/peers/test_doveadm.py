"""Dovecot takes a mailbox of thousands over from us, octet for octet: how people leave; and brings letters
to us: how they come. doveadm backup and import over imapc."""

import asyncio
import datetime
import imaplib
import re
import time
from dataclasses import replace

import pytest

from config.settings import Tls
from tests.mailcore.imap.node import AMINA, PASSWORD, Client, Server
from tests.peers import dovecot, letters
from tests.peers.dovecot import Copy
from tests.peers.far import held
from tests.peers.programs import needs

pytestmark = [pytest.mark.peer, needs("doveadm")]

COUNT = 5_000
CLIENTS = 20  # at once: many appends share one write to the disk
FIRST_S = 1_700_000_000
MARKS = ((), ("\\Seen",), ("\\Seen", "\\Answered"), ("\\Flagged",), ("\\Draft", "\\Seen"), ("$Forwarded", "\\Seen"), ("\\Deleted",))
_APPENDED = re.compile(rb"OK \[APPENDUID \d+ (\d+)\]")


def _letter(number: int) -> bytes:
    return letters.bare_lf(number) if number % 500 == 7 else letters.letter(number)


def _kept(number: int) -> Copy:
    """Return letter `number` as Dovecot must have it: it ends every line in CRLF."""
    octets = re.sub(rb"(?<!\r)\n", b"\r\n", _letter(number))
    return Copy(frozenset(MARKS[number % len(MARKS)]), FIRST_S + number * 60, octets)


async def _append(client: Client, number: int) -> tuple[int, int]:
    day = f'"{_date(FIRST_S + number * 60)}"'
    answer = await client.append(_letter(number), "INBOX", f"({' '.join(MARKS[number % len(MARKS)])}) {day} ")
    found = _APPENDED.match(answer)
    assert found is not None, answer
    return int(found[1]), number


def _date(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%d-%b-%Y %H:%M:%S +0000")


async def _fill(server: Server, numbers: range) -> dict[int, Copy]:
    """Append letters over many connections; return what must be there, by UID."""
    clients = [await server.signed_in() for _ in range(CLIENTS)]
    todo = iter(numbers)

    async def some(client: Client) -> list[tuple[int, int]]:
        return [await _append(client, number) for number in todo]

    done = await asyncio.gather(*(some(client) for client in clients))
    return {uid: _kept(number) for pairs in done for uid, number in pairs}


async def test_dovecot_copies_thousands_of_letters_octet_for_octet_and_later_what_changed(server: Server, tls: Tls) -> None:
    expected = await _fill(server, range(1, COUNT + 1))
    with dovecot.configured(server.imaps, tls, AMINA, PASSWORD) as peer:
        await peer.do("backup", "-R", "imapc:")
        assert peer.copies() == expected

        client = await server.signed_in("INBOX")
        assert (await client.ask("UID EXPUNGE 1:500")).startswith(b"OK")  # of MARKS, those that are \Deleted
        assert (await client.ask(r"UID STORE 501:600 +FLAGS.SILENT (\Flagged $Junk)")).startswith(b"OK")
        assert (await client.ask("UID MOVE 601:650 Archive")).startswith(b"OK")
        for uid in [uid for uid in range(1, 501) if "\\Deleted" in expected[uid].flags]:
            del expected[uid]
        for uid in range(501, 601):
            expected[uid] = replace(expected[uid], flags=expected[uid].flags | {"\\Flagged", "$Junk"})
        archived = [expected.pop(uid) for uid in range(601, 651)]
        expected |= await _fill(server, range(COUNT + 1, COUNT + 51))
        await peer.do("backup", "-R", "imapc:")
        assert peer.copies() == expected
        assert list(peer.copies("Archive").values()) == archived


async def test_dovecot_brings_letters_to_us_with_flags_and_dates(server: Server, tls: Tls) -> None:
    with dovecot.configured(server.imaps, tls, AMINA, PASSWORD) as peer:
        expected = await _fill(server, range(1, 101))
        await peer.do("backup", "-R", "imapc:")
        await peer.do("-o", "mail_location=imapc:~/imapc:INDEX=MEMORY", "import", "maildir:~/Maildir", "Venus", "MAILBOX", "INBOX")
        client = await server.signed_in()
        brought = await held(client, "Venus/INBOX")
        wanted = [copy for _, copy in sorted(expected.items())]
        assert [(message.octets, message.flags) for message in brought] == [(copy.octets, copy.flags) for copy in wanted]
        await client.ask("FETCH 1:* (INTERNALDATE)")
        dates = [imaplib.Internaldate2tuple(line) for line in client.untagged]
        assert [time.mktime(date) for date in dates if date] == [copy.internaldate_s for copy in wanted]
