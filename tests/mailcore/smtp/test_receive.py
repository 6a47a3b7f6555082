"""Reception: who may be written to from outside, and what is put in front of a message. RFC 5321 §3.6, §4.4, §4.5.1."""

import asyncio
import smtplib

from tests.mailcore.smtp.conftest import Listening
from tests.mailcore.smtp.node import AMINA, KARIM, LETTER


async def send(mx: Listening, *recipients: str) -> dict[str, tuple[int, bytes]]:
    """Send with the standard library's client, STARTTLS first."""

    def session() -> dict[str, tuple[int, bytes]]:
        with smtplib.SMTP("localhost", mx.port("smtp"), local_hostname="client.example") as client:
            client.starttls(context=mx.trusting)
            return client.sendmail("a@x.example", recipients, LETTER)

    return await asyncio.to_thread(session)


async def test_smtplib_delivers(mx: Listening) -> None:
    assert await send(mx, AMINA, KARIM) == {}
    [taken] = mx.collector.taken
    assert taken.sender == "a@x.example"
    assert taken.raw.endswith(LETTER)
    print(taken.raw)
