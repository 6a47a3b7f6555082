"""Signatures: messages signed by both keys, and RSA signatures verified, for each second of CPU; dkimpy beside it.

The keys are open and the DNS answers at once: what is measured is the hashing and the mathematics.
"""

import asyncio
import base64
import time
from collections.abc import Callable
from functools import partial

import dkim as dkimpy
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bench.figures import Measure
from bench.measures import ASKED, OURS
from bench.rounds import Run, section
from mailcore.answers import Answer, Outcome
from mailcore.checks import canonical, dkim, signing
from mailcore.checks.asking import walk
from mailcore.checks.dkim import Head
from mailcore.checks.signing import SigningKey
from mailcore.message import headers

PEER = "dkimpy"
TARGET = 500  # signed messages a second and core
DEADLINE_S = 120.0
ROUND_S = 0.5  # of CPU for each figure of a round
DOMAIN, SELECTOR = "gov.example", "bench"
SIZES = {"4 KB": 4_000, "100 KB": 100_000}

SIGN = {
    name: Measure(f"dkim/sign/{name}", f"messages of {name} signed with RSA and Ed25519, by our CPU", "per s", bars={ASKED: 1})
    for name in SIZES
}
RSA = {name: Measure(f"dkim/rsa/{name}", f"messages of {name} signed with RSA alone, by CPU", "per s", bars={PEER: 1}) for name in SIZES}
VERIFY = {name: Measure(f"dkim/verify/{name}", f"RSA signatures of {name} verified, by CPU", "per s", bars={PEER: 1}) for name in SIZES}


def message(size_bytes: int) -> bytes:
    """Return a message of about this size, lines of 70 octets."""
    head = f"From: Amina <amina@{DOMAIN}>\r\nTo: b@x.example\r\nSubject: essai\r\nDate: Sun, 22 Nov 2026 08:00:00 +0000\r\n"
    more = "Message-ID: <1@gov.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    line = "Le chef de service  prie le bureau de bien vouloir repondre au plus tot.\r\n"
    return (head + more + line * (size_bytes // len(line))).encode()


def sign(raw: bytes, keys: list[SigningKey]) -> bytes:
    """Sign a message as the queue does."""
    fields, start = headers.scan(raw)
    return signing.dkim(Head.of(raw, fields), canonical.body_hash(raw, start, "relaxed")[0], keys, 1_795_000_000)


def verify(raw: bytes, answer: Answer) -> None:
    """Verify the one signature of a message as the listener does."""
    fields, start = headers.scan(raw)
    head = Head.of(raw, fields)
    [found] = dkim.find(head)
    result = walk(dkim.verify(found, head, dkim.hashes(raw, start, dkim.shapes([found])), 1_795_000_000), lambda _: answer)
    assert result.result == "pass", result


def rate(work: Callable[[], object]) -> float:
    """Return how often work is done in a second of this process's CPU."""
    count, began = 0, time.process_time()
    while (spent := time.process_time() - began) < ROUND_S:
        work()
        count += 1
    return count / spent


async def measure(run: Run) -> None:
    """Sign and verify in rounds."""
    private = rsa.generate_private_key(65_537, 2048)
    keys = [SigningKey(DOMAIN, SELECTOR, private), SigningKey(DOMAIN, SELECTOR, ed25519.Ed25519PrivateKey.generate())]
    public = base64.b64encode(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    record = f"v=DKIM1; k=rsa; p={public}"
    answer = Answer(Outcome.FOUND, (record,))
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    async with section(run, "dkim", DEADLINE_S):
        for _ in range(run.plan.rounds):
            for name, size in SIZES.items():
                raw = message(size)
                run.board.add(SIGN[name], OURS, rate(partial(sign, raw, keys)))
                run.board.add(SIGN[name], ASKED, TARGET)
                signed = sign(raw, keys[:1]) + raw
                run.board.add(VERIFY[name], OURS, rate(partial(verify, signed, answer)))
                run.board.add(
                    VERIFY[name], PEER, rate(lambda signed=signed: dkimpy.verify(signed, dnsfunc=lambda *_, **__: record.encode()))
                )
                run.board.add(RSA[name], OURS, rate(partial(sign, raw, keys[:1])))
                run.board.add(RSA[name], PEER, rate(partial(dkimpy.sign, raw, SELECTOR.encode(), DOMAIN.encode(), pem)))
                await asyncio.sleep(0)
