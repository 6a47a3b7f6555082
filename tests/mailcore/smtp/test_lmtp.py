"""LMTP on a socket of this machine: one reply for each recipient. RFC 2033."""

import asyncio
import contextlib
import os
import socket
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from config.clock import ManualClock
from config.database import Tx
from config.settings import Tls
from directory import quotas, resolve
from directory.address import parse
from directory.quotas import Quota
from directory.signin.passwords import Hasher
from mailcore.errors import Unavailable
from mailcore.services import Services
from mailcore.smtp import server
from mailcore.smtp.door import _unix
from tests.mailcore.smtp.node import AMINA, DOMAIN, KARIM, LETTER, Client, Collector, loopback, opened, settings

LARGE = LETTER + (b"x" * 70 + b"\r\n") * 30_000


@dataclass
class Local:
    """A node with a socket, and connections to it."""

    services: Services
    collector: Collector
    clients: contextlib.AsyncExitStack

    @property
    def path(self) -> Path:
        """Where it listens."""
        return self.services.settings.directory / "run/lmtp"

    async def connect(self) -> Client:
        """Connect and greet."""
        client = Client(*await asyncio.open_unix_connection(str(self.path)))
        self.clients.push_async_callback(client.close)
        assert (await client.reply()).endswith(" LMTP")
        assert (await client.ask("LHLO mta.example")).startswith("250")
        return client


@pytest.fixture
async def lmtp(tmp_path: Path, tls: Tls, clock: ManualClock, hasher: Hasher, collector: Collector) -> AsyncIterator[Local]:
    """A node with a socket; Karim's mailbox holds a MiB."""
    made = settings(tmp_path, tls, msgspec.structs.replace(loopback(), lmtp="run/lmtp"))

    def small(tx: Tx) -> None:
        karim = resolve.resolve(tx, parse(KARIM))
        assert karim is not None
        quotas.give(tx, karim.account_id, Quota(1 << 20, None))

    async with (
        opened(made, clock, hasher) as services,
        server.mx(services, collector.accept),
        contextlib.AsyncExitStack() as clients,
    ):
        await services.db.write(small)
        yield Local(services, collector, clients)


async def begin(client: Client, *recipients: str) -> list[str]:
    assert (await client.ask("MAIL FROM:<a@x.example>")).startswith("250")
    return [(await client.ask(f"RCPT TO:<{one}>"))[:9] for one in recipients]


async def test_the_socket_is_for_its_group_and_goes_with_the_node(lmtp: Local) -> None:
    assert stat.S_IMODE(os.stat(lmtp.path).st_mode) == 0o660


@pytest.mark.parametrize("chunks", [False, True])
async def test_each_recipient_that_was_taken_has_a_reply_in_order(lmtp: Local, chunks: bool) -> None:
    client = await lmtp.connect()
    assert await begin(client, AMINA, f"nobody@{DOMAIN}", KARIM) == ["250 2.1.5", "550 5.1.1", "250 2.1.5"]
    if chunks:
        await client.send(b"BDAT 5\r\n" + LETTER[:5])
        assert (await client.reply()).startswith("250 2.0.0 chunk")
        await client.send(b"BDAT %d LAST\r\n" % (len(LETTER) - 5) + LETTER[5:])
    else:
        assert (await client.ask("DATA")).startswith("354")
        await client.send(LETTER + b".\r\n")
    assert [(await client.reply())[:9] for _ in range(2)] == ["250 2.0.0", "250 2.0.0"]
    assert (await client.ask("QUIT")).startswith("221")
    [taken] = lmtp.collector.taken
    assert [one.address for one in taken.recipients] == [AMINA, KARIM]
    assert taken.raw[:].startswith(b"Received: from mta.example (this machine)\r\n\tby ")
    assert b" with LMTP id " in taken.raw[:]


async def test_nobody_writes_results_in_our_name(lmtp: Local) -> None:
    client = await lmtp.connect()
    await begin(client, AMINA)
    await client.ask("DATA")
    host = lmtp.services.settings.node.hostname
    await client.send(f"Authentication-Results: {host}; spf=pass\r\nAuthentication-Results: mta.example; spf=none\r\n".encode())
    await client.send(LETTER + b".\r\n")
    assert (await client.reply()).startswith("250")
    raw = lmtp.collector.taken[0].raw[:]
    assert f"\r\nX-Foreign-Auth-Results: {host}; spf=pass\r\n".encode() in raw
    assert b"\r\nAuthentication-Results: mta.example; spf=none\r\n" in raw


@pytest.mark.parametrize("verb", ["EHLO", "HELO"])
async def test_other_greetings_show_that_somebody_is_wrong_here(lmtp: Local, verb: str) -> None:
    client = await lmtp.connect()
    assert (await client.ask(f"{verb} mta.example")).startswith("500 5.5.2")


async def test_smtp_has_no_lhlo(lmtp: Local) -> None:
    port = int(lmtp.services.settings.listen.smtp.rpartition(":")[2])
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    lmtp.clients.push_async_callback(client.close)
    await client.reply()
    assert (await client.ask("LHLO mta.example")).startswith("500 5.5.2")


async def test_what_does_not_fit_one_mailbox_reaches_the_others(lmtp: Local) -> None:
    client = await lmtp.connect()
    await begin(client, KARIM, AMINA)
    assert (await client.ask("DATA")).startswith("354")
    await client.send(LARGE + b".\r\n")
    assert [(await client.reply())[:9] for _ in range(2)] == ["552 5.2.2", "250 2.0.0"]
    assert [one.address for one in lmtp.collector.taken[0].recipients] == [AMINA]


@pytest.mark.parametrize(
    ("letter", "want"),
    [(LETTER + b"\n", "550 5.6.1"), (b"From: a@x, b@x\r\n\r\n", "550 5.7.1"), (LARGE, "451 4.3.0")],
    ids=["bare", "authors", "later"],
)
async def test_a_refusal_is_said_to_each(lmtp: Local, letter: bytes, want: str) -> None:
    lmtp.collector.error = Unavailable()
    client = await lmtp.connect()
    await begin(client, AMINA, f"bureau.ordre@{DOMAIN}")
    assert (await client.ask("DATA")).startswith("354")
    await client.send(letter + b"\r\n.\r\n")
    assert [(await client.reply())[:9] for _ in range(2)] == [want, want]
    assert (await client.ask("NOOP")).startswith("250")


async def test_a_socket_that_was_left_over_is_replaced_and_one_in_use_is_not(tmp_path: Path, lmtp: Local) -> None:
    await lmtp.connect()
    with pytest.raises(OSError, match="in use"):
        _unix(lmtp.path)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
    with _unix(tmp_path / "left") as made, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "left"))
        made.accept()[0].close()
