"""Smuggling and header attacks, every way of cutting them. RFC 5321 §4.1.1.4, §2.3.8; CVE-2023-51764 and its kin, espoofer."""

import asyncio

import pytest

from mailcore.errors import MalformedMessage
from mailcore.smtp.data import Chunks, Decoder
from mailcore.smtp.policy import author, read_head
from mailcore.smtp.reply import Refused
from tests.mailcore.smtp.conftest import Listening
from tests.mailcore.smtp.node import AMINA, DOMAIN, LETTER
from tests.mailcore.smtp.test_receive import deliver
from tests.mailcore.smtp.test_smuggling import CANDIDATES, EVIL
from tests.mailcore.smtp.test_submit import signed_in

STUFFED = [candidate.replace(b".", dots) for candidate in CANDIDATES for dots in (b"..", b"...")]
PADDING = b"x" * 997 + b"\r\n"


@pytest.mark.parametrize("candidate", [*CANDIDATES, *STUFFED])
@pytest.mark.parametrize("before", [b"", b"x", PADDING])
def test_no_candidate_ends_a_message_however_it_is_split(candidate: bytes, before: bytes) -> None:
    octets = LETTER + before + candidate + EVIL
    found = set()
    for place in range(len(LETTER) - 4, len(octets) + 1):
        decoder = Decoder()
        message = decoder.feed(octets[:place]) + (b"" if decoder.done else decoder.feed(octets[place:]))
        found.add((message, decoder.done, decoder.rest, decoder.text.bad))
    [(message, done, rest, bad)] = found  # the same wherever it is split
    assert (done, rest) == (True, b"")
    assert message.endswith(b"evil\r\n")  # one message, to its only end
    assert bad


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_what_is_not_a_line_break_is_bad_in_chunks_too(candidate: bytes) -> None:
    for place in range(len(candidate) + 1):
        decoder = Chunks(binary=False)
        decoder.begin(len(candidate) + 2)
        decoder.feed(b"x" + candidate[:place])
        decoder.feed(candidate[place:] + b"x")
        decoder.finish()
        assert decoder.text.bad


@pytest.mark.parametrize("candidate", CANDIDATES[::3])
async def test_people_who_signed_in_smuggle_no_better(submission: Listening, candidate: bytes) -> None:
    client = await signed_in(submission)
    for line in (f"MAIL FROM:<{AMINA}>", f"RCPT TO:<{AMINA}>", "DATA"):
        await client.ask(line)
    octets = LETTER + b"x" + candidate
    for octet in (octets, EVIL):
        await client.send(octet)
        await asyncio.sleep(0)
    assert (await client.reply()).startswith("550 5.6.11")
    assert submission.collector.taken == []


@pytest.mark.parametrize("candidate", CANDIDATES)
async def test_a_chunk_that_holds_commands_holds_no_commands(mx: Listening, candidate: bytes) -> None:
    client = await mx.client()
    octets = LETTER + b"x" + candidate + EVIL
    await client.send(b"MAIL FROM:<a@x.example>\r\nRCPT TO:<%b>\r\nBDAT %d LAST\r\n%bQUIT\r\n" % (AMINA.encode(), len(octets), octets))
    assert [said[:9] for said in await client.everything()] == ["250 2.1.0", "250 2.1.5", "550 5.6.1", "221 2.0.0"]
    assert mx.collector.taken == []


NAMES = [b"__proto__", b"constructor", b"__class__", b"toString", b"From-", b"x" * 1000]


@pytest.mark.parametrize("name", NAMES)
async def test_hostile_field_names_are_only_names(mx: Listening, name: bytes) -> None:
    client = await mx.client()
    letter = name + b": a\r\n" + LETTER
    assert (await deliver(client, "a@x.example", AMINA, letter=letter)).startswith("250")
    assert mx.collector.taken[0].raw[:].endswith(letter)


FORGED = [
    b"From: <a@x>\r\nFrom: <b@y>\r\n", b" From: <a@x>\r\n", b"From : <a@x>\r\n", b"From\r\n : <a@x>\r\n", b"Sender: <a@x>\r\n",
    b"Resent-From: <a@x>\r\n", b"From: <a@attack>, <b@legit>\r\n", b"From: <@route:a@x>\r\n", b"From: a@legit,<b@attack>\r\n",
    b"From: <any@attack>admin@legit\r\n", b"From: =?utf-8?b?PGFAeD4=?=\r\n", b'From: "a@legit" b@attack\r\n', b"From: <(any@legit>\r\n",
    b"From: <a@x>\r\nfROM: <a@x>\r\n", b"From: <a@x\r\n", b"From: a@x <b@y>\r\n", b": x\r\nFrom: <a@x>\r\n",
    "From: <а@x.example>\r\nFrom: <a@x.example>\r\n".encode(), "From: <a\u202eb@x>\r\n".encode(),
    b"X: " + b"y" * 200_000 + b"\r\nFrom: <a@x>\r\n", b"X: y\r\n" * 1001 + b"From: <a@x>\r\n",
]  # fmt: skip


@pytest.mark.parametrize("header", FORGED, ids=range(len(FORGED)))
def test_a_sender_that_two_readers_read_differently_is_refused(header: bytes) -> None:
    with pytest.raises((Refused, MalformedMessage)):
        author(read_head(header + b"\r\nbody\r\n"))


@pytest.mark.parametrize("name", ["smtp", "submissions"])
@pytest.mark.parametrize("header", FORGED[:8], ids=range(8))
async def test_and_by_both_listeners(mx: Listening, name: str, header: bytes) -> None:
    await mx.start("submission")
    client = await mx.client() if name == "smtp" else await signed_in(mx)
    said = await deliver(client, "a@x.example" if name == "smtp" else AMINA, AMINA, letter=header + b"\r\nbody\r\n")
    assert said[:9] in ("550 5.7.1", "550 5.6.0", "553 5.7.1")
    assert mx.collector.taken == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (f"Resent-From: <{AMINA}>\r\nResent-Sender: <bureau.ordre@{DOMAIN}>\r\n", "250 2.0.0"),
        ("Resent-From: <a@x.example>\r\n", "553 5.7.1"),
        (f"Resent-From: <{AMINA}>\r\nResent-Sender: <a@x.example>\r\n", "553 5.7.1"),
        (f"Resent-From: <{AMINA}>, <{AMINA}>\r\n", "550 5.7.1"),
        ("Resent-From: nobody\r\n", "550 5.7.1"),
    ],
)
async def test_whoever_sends_again_says_so_in_their_own_name(submission: Listening, fields: str, code: str) -> None:
    client = await signed_in(submission)
    assert (await deliver(client, AMINA, AMINA, letter=fields.encode() + LETTER)).startswith(code)


@pytest.mark.parametrize("hops", [50, 51])
async def test_a_message_that_goes_round_is_stopped(mx: Listening, hops: int) -> None:
    client = await mx.client()
    said = await deliver(client, "a@x.example", AMINA, letter=b"Received: x\r\n" * hops + LETTER)
    assert said.startswith("250 2.0.0" if hops == 50 else "554 5.4.6")
