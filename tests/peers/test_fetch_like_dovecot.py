"""Dovecot answers FETCH of well-formed letters as our vectors say: then they are no fancy of ours."""

import asyncio

import pytest

from bench import dovecot
from bench.server import Missing
from tests.mailcore.imap.grammar import read
from tests.mailcore.imap.node import Client
from tests.mailcore.imap.test_fetching import answered, asked, compare
from tests.peers.programs import needs
from tests.vectors.letters import LETTERS, Vector

pytestmark = [pytest.mark.peer, needs("dovecot")]


async def test_dovecot_says_the_same_of_well_formed_letters() -> None:
    letters = [vector for vector in LETTERS if vector.peer]
    assert len(letters) >= 20
    try:
        await _compared(letters)
    except Missing as missing:
        pytest.skip(str(missing))


async def _compared(letters: list[Vector]) -> None:
    async with dovecot.running(1) as peer:
        client = Client(*await asyncio.open_connection(peer.imap.host, peer.imap.port, limit=1 << 20))
        await client.line()
        login = peer.people[0].login
        assert (await client.sign_in(login.user, login.password)).startswith(b"OK")
        for number, vector in enumerate(letters, 1):
            assert (await client.append(vector.raw)).startswith(b"OK")
            await client.ask("SELECT INBOX" if number == 1 else "NOOP")
            for item in vector.want:
                assert (await client.ask(f"FETCH {number} ({asked(item)})")).startswith(b"OK"), (vector.name, item)
                [line] = [line for line in client.untagged if b" FETCH (" in line]
                # It writes names of fields in capitals, and an empty string where a message has no such part.
                found = {name.upper(): value for name, value in read(line, frugal=False)[1].items()}[answered(item).upper()]
                if not (vector.want[item] is None and found == b""):
                    compare(vector, {answered(item): found}, item)
        await client.close()
