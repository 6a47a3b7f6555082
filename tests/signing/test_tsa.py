"""A time stamp authority with its key in a real signer: openssl accepts what it says, and it says nothing once its clock was set."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from config.clock import SECOND_US, ManualClock, SystemClock
from signing import timestamp
from signing.algorithms import SHA256
from signing.cms import SigningIdentity
from signing.keys import Signer
from signing.pki import ca
from signing.pki.profiles import Subject
from signing.process import socket_path
from signing.timestamp import Refused
from signing.tsa import TimeAuthority
from tests.signing.country import NOW_US
from tests.signing.peers import Desk

DATA = b"octets of a signature"
REQUEST = timestamp.request(SHA256, hashlib.sha256(DATA).digest(), 5)


Made = tuple[SigningIdentity, bytes]


@pytest.fixture(scope="module")
def identity(busy: Path) -> Made:
    """The identity of an authority, and the root above it."""
    return asyncio.run(founded(busy))


async def founded(busy: Path) -> Made:
    signer = await Signer.connect(socket_path(busy))
    root = await ca.create_root(signer, "Racine", NOW_US)
    times = await ca.create_issuing_ca(signer, root, "Horloges", [], NOW_US, key_id="ca-times", purpose="tsa")
    certificate = await ca.issue(signer, times, "tsa", Subject("Horloge"), await signer.generate("tsa", "p256"), NOW_US)
    await signer.close()
    return SigningIdentity("tsa", certificate, times.issued_chain), root.certificate


async def reason(authority: TimeAuthority) -> str:
    """Why there is no token; "" when there is one."""
    try:
        timestamp.read(timestamp.read_response(await authority.answer(REQUEST)))
    except Refused as refused:
        return refused.text
    return ""


@pytest.mark.peer
async def test_openssl_accepts_what_it_says(shared: Signer, identity: Made, tmp_path: Path) -> None:
    made, root = identity
    desk = Desk(tmp_path)
    desk.put("root.pem", ca.pem(root))
    desk.put("question", REQUEST)
    desk.put("answer", await TimeAuthority(shared, made, SystemClock()).answer(REQUEST))
    said = desk.run("openssl ts -verify -queryfile question -in answer -CAfile root.pem")
    assert said.returncode == 0, said.stderr


async def test_no_two_tokens_have_one_number_and_none_goes_back_in_time(shared: Signer, identity: Made) -> None:
    made, _ = identity
    clock, steady = ManualClock(), [0]
    authority, other = (TimeAuthority(shared, made, clock, lambda: steady[0]) for _ in range(2))
    tokens = [timestamp.read(each) for each in await asyncio.gather(*[each.stamp(DATA) for each in (authority, other) * 50])]
    assert len({token.serial for token in tokens}) == 100
    assert max(token.serial for token in tokens).bit_length() <= 160
    clock.advance(-SECOND_US // 2)
    assert timestamp.read(await authority.stamp(DATA)).time_us == tokens[0].time_us


@pytest.mark.parametrize("jump_us", [-2 * SECOND_US, 2 * SECOND_US])
async def test_a_clock_that_was_set_is_vouched_for_no_more(shared: Signer, identity: Made, jump_us: int) -> None:
    made, _ = identity
    clock, steady = ManualClock(NOW_US), [0]
    authority = TimeAuthority(shared, made, clock, lambda: steady[0])
    clock.advance(3600 * SECOND_US)
    steady[0] += 3600 * 1_000_000_000
    assert await reason(authority) == ""
    clock.advance(jump_us)
    assert "clock of this authority was set" in await reason(authority)
    with pytest.raises(Refused):
        await authority.stamp(DATA)


async def test_what_is_no_request_and_a_signer_that_is_away_are_answered(shared: Signer, identity: Made) -> None:
    made, _ = identity
    authority = TimeAuthority(shared, made, SystemClock())
    with pytest.raises(Refused, match="not a request"):
        timestamp.read_response(await authority.answer(b"GET / HTTP/1.1"))
    await shared.close()
    assert await reason(authority) == "no time stamp can be given at the moment"
