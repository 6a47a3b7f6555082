"""Large messages: through a file, with little memory, and refused in time. RFC 1870 §6, RFC 5321 §4.5.3.1.10."""

import asyncio
import gc
import json
import os
import subprocess
import sys
from dataclasses import replace
from mmap import mmap
from pathlib import Path

import pytest

from config.database import Tx
from directory import quotas, resolve
from directory.address import parse
from directory.quotas import Quota
from mailcore import spool
from mailcore.smtp.limits import Limits
from mailcore.smtp.memory import Memory
from mailcore.spool import SPOOLED_BYTES
from tests.mailcore.smtp.conftest import Listening
from tests.mailcore.smtp.node import AMINA, KARIM, LETTER
from tests.mailcore.smtp.test_receive import deliver
from tests.mailcore.smtp.test_submit import signed_in

MIB = 1 << 20
LARGE = LETTER + (b".y" * 36 + b"\r\n") * (SPOOLED_BYTES // 36)


async def test_a_large_message_is_a_file_in_memory_with_our_fields_in_front(mx: Listening) -> None:
    client = await mx.client()
    stuffed = LARGE.replace(b"\r\n.", b"\r\n..")
    assert (await deliver(client, "a@x.example", AMINA, letter=stuffed)).startswith("250")
    [taken] = mx.collector.taken
    assert isinstance(taken.raw, mmap)
    front = taken.raw[: len(taken.raw) - len(LARGE)]
    assert taken.raw[len(front) :] == LARGE
    assert front.startswith(b"Received: from client.example")
    assert [name for name in os.listdir(mx.services.settings.data) if name.startswith(".literal")] == []


async def test_blind_copies_go_from_large_and_small_letters_and_nothing_else_changes(submission: Listening) -> None:
    client = await signed_in(submission)
    author = b"From: <" + AMINA.encode() + b">\r\n"
    odd = b"X-Odd:\t a\r\n\t b \r\nsubject:no space\r\n"
    for body in (b"\r\nhello\r\n", b"\r\n" + LARGE):
        letter = b"BCC: a@x.example,\r\n b@y.example\r\n" + author + odd + b"Resent-Bcc: c@z.example\r\n" + body
        assert (await deliver(client, AMINA, KARIM, letter=letter.replace(b"\r\n.", b"\r\n.."))).startswith("250")
        taken = submission.collector.taken[-1].raw[:]
        assert taken.endswith(b"\r\n" + author + odd + body)
        assert b"bcc" not in taken.lower()


async def test_a_stranger_s_blind_copies_are_not_ours_to_take(mx: Listening) -> None:
    client = await mx.client()
    await deliver(client, "a@x.example", AMINA, letter=b"Bcc: a@x.example\r\n" + LETTER)
    assert mx.collector.taken[0].raw[:].endswith(b"Bcc: a@x.example\r\n" + LETTER)


async def test_a_full_disk_is_said_and_the_next_message_is_taken(mx: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await mx.client()
    with monkeypatch.context() as patch:
        patch.setattr(spool, "SPARE_BYTES", 1 << 60)
        assert (await deliver(client, "a@x.example", AMINA, letter=LARGE)).startswith("452 4.3.1")
        assert (await client.ask(f"MAIL FROM:<a@x.example> SIZE={MIB}")).startswith("452 4.3.1")
        assert (await deliver(client, "a@x.example", AMINA)).startswith("250")
    assert (await deliver(client, "a@x.example", AMINA, letter=LARGE)).startswith("250")
    assert len(mx.collector.taken) == 2


async def test_a_disk_that_is_full_only_at_the_end_is_said_too(mx: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> int:
        raise OSError(28, "No space left on device")

    client = await mx.client()
    monkeypatch.setattr(os, "copy_file_range", full)
    monkeypatch.setattr(spool.Spool, "_copied", full)
    assert (await deliver(client, "a@x.example", AMINA, letter=LARGE)).startswith("452 4.3.1")
    assert mx.collector.taken == []


async def test_memory_is_given_back_whatever_happens(listening: Listening) -> None:
    before = {id(one) for one in _budgets()}
    await listening.start("smtp", replace(Limits(), message_bytes=2 * MIB, memory_bytes=2 * MIB))
    [budget] = [one for one in _budgets() if id(one) not in before]
    for letter in (LARGE, LARGE + b"a\nb\r\n", LETTER, b"x" * 3000 + b"\r\n"):
        client = await listening.client()
        await deliver(client, "a@x.example", AMINA, letter=letter)
        await client.close()
    client = await listening.client()
    await client.ask("MAIL FROM:<a@x.example>")
    await client.ask(f"RCPT TO:<{AMINA}>")
    await client.send(b"BDAT %d\r\n" % len(LARGE) + LARGE)
    assert (await client.reply()).startswith("250")
    await client.close()
    await listening.roles.aclose()
    assert budget.left_bytes == 2 * MIB


def _budgets() -> list[Memory]:
    return [one for one in gc.get_objects() if isinstance(one, Memory)]


@pytest.mark.parametrize("name", ["smtp", "submissions"])
async def test_what_no_mailbox_can_hold_is_refused_at_once(mx: Listening, name: str) -> None:
    def small(tx: Tx) -> None:
        karim = resolve.resolve(tx, parse(KARIM))
        assert karim is not None
        quotas.give(tx, karim.account_id, Quota(MIB, None))

    await mx.start("submission")
    await mx.services.db.write(small)
    client = await mx.client() if name == "smtp" else await signed_in(mx)
    sender = "a@x.example" if name == "smtp" else AMINA
    assert (await client.ask(f"MAIL FROM:<{sender}> SIZE={2 * MIB}")).startswith("250")
    assert (await client.ask(f"RCPT TO:<{KARIM}>")).startswith("552 5.2.2")
    assert (await client.ask(f"RCPT TO:<{AMINA}>")).startswith("250")
    await client.ask("RSET")
    huge = LETTER + (b"x" * 70 + b"\r\n") * 20_000
    assert (await deliver(client, sender, KARIM, letter=huge)).startswith("552 5.2.2")
    assert (await deliver(client, sender, KARIM, AMINA, letter=huge)).startswith("250")


MEASURE = """
import asyncio, json, sys, threading, time
from pathlib import Path
from config import log
from config.clock import SystemClock
from config.settings import Smtp
from directory.signin.passwords import Hasher
from mailcore.smtp import server
from tests.mailcore.certificates import certified
from tests.mailcore.smtp.node import AMINA, Client, loopback, opened, settings

LINE = b"x" * 74 + b"\\r\\n"
BLOCK = LINE * (65536 // len(LINE))


def held():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))


async def send(port, size_bytes):
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    await client.reply()
    for line in ("EHLO c.example", "MAIL FROM:<a@x.example>", f"RCPT TO:<{AMINA}>", "DATA"):
        await client.ask(line)
    await client.send(b"From: a@x.example\\r\\n\\r\\n")
    for _ in range(size_bytes // len(BLOCK)):
        await client.send(BLOCK)
    await client.send(b".\\r\\n")
    said = await client.reply()
    await client.close()
    return said[:9]


async def main(directory, size_bytes, count):
    log.configure("error")
    (directory / "tls").mkdir()
    made = settings(directory, certified(directory / "tls"), loopback(), Smtp(max_message_bytes=1 << 30, max_connections_per_address=100))
    taken = []

    async def accept(services, submission):
        taken.append(len(submission.raw))
        return "X"

    async with opened(made, SystemClock(), Hasher(memory_kib=8, passes=1, lanes=1, iterations=4096)) as services:
        async with server.mx(services, accept):
            port = int(made.listen.smtp.rpartition(":")[2])
            await send(port, 2 << 20)
            base, peak, going = held(), [0], [True]

            def watch():
                while going:
                    peak[0] = max(peak[0], held())
                    time.sleep(0.01)

            thread = threading.Thread(target=watch, daemon=True)
            thread.start()
            said = await asyncio.gather(*[send(port, size_bytes) for _ in range(count)])
            going.clear()
            thread.join()
    print(json.dumps({"said": sorted(set(said)), "taken": min(taken[1:]), "kib": peak[0] - base}))


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
"""


@pytest.mark.parametrize(("size_bytes", "count", "limit_kib"), [(100 * MIB, 1, 8 * 1024), (MIB, 20, 400 * 1024 // 25)])
def test_large_messages_cost_little_memory(tmp_path: Path, size_bytes: int, count: int, limit_kib: int) -> None:
    """What a process holds by itself: pages of the file are the system's, which takes them back when it needs them."""
    command = [sys.executable, "-W", "ignore", "-c", MEASURE, str(tmp_path), str(size_bytes), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = json.loads(done.stdout)
    assert found["said"] == ["250 2.0.0"]
    assert found["taken"] > size_bytes * 0.99
    assert found["kib"] < limit_kib


async def test_a_steady_upload_lives_and_a_stalled_one_ends(listening: Listening) -> None:
    await listening.start("smtp", replace(Limits(), block_s=0.3, grace_s=0.2, rate_bytes_s=50_000))
    client = await listening.client()
    for line in ("MAIL FROM:<a@x.example>", f"RCPT TO:<{AMINA}>", "DATA"):
        await client.ask(line)
    for place in range(0, len(LARGE), 32 * 1024):
        await client.send(LARGE.replace(b"\r\n.", b"\r\n..")[place : place + 32 * 1024])
        await asyncio.sleep(0)
    await client.send(b"\r\n.\r\n")
    assert (await client.reply()).startswith("250")
    for line in ("MAIL FROM:<a@x.example>", f"RCPT TO:<{AMINA}>", "DATA"):
        await client.ask(line)
    await client.send(LETTER)
    assert await client.closed()
