"""One number names a message: in the reply to the client, its Received field, the log, the queue and what is reported of it."""

import dataclasses
import re

import msgspec
import pytest
from structlog.testing import capture_logs

from config.clock import DAY_US, ManualClock
from config.settings import Route
from mailcore.queue import listing
from mailcore.queue.accept import accept
from mailcore.queue.types import queue_number
from mailcore.queue.worker import drain
from mailcore.services import Services
from mailcore.store import accounts
from tests.mailcore.queue.node import inbox, text
from tests.mailcore.smtp.conftest import Listening
from tests.mailcore.smtp.node import AMINA, LETTER, Client
from tests.mailcore.smtp.test_submit import signed_in

FAR = "x@elsewhere.example"
NOWHERE = [Route(domain="", host="127.0.0.1", port=1)]  # tcpmux: nobody listens there


@pytest.fixture
async def services(services: Services) -> Services:
    """A node whose mail does not get away."""
    return dataclasses.replace(services, settings=msgspec.structs.replace(services.settings, routes=NOWHERE))


async def sent(client: Client) -> str:
    """Send a letter that stays in the queue; return the number that the client is told."""
    for line in (f"MAIL FROM:<{AMINA}>", f"RCPT TO:<{FAR}>", "DATA"):
        assert (await client.ask(line))[0] in "23"
    told = re.fullmatch(r"250 2\.0\.0 queued as (\w{13})", await client.ask(LETTER + b"."))
    assert told is not None
    return told[1]


async def header(services: Services, number: str) -> bytes:
    """The octets that wait in the queue under a number."""
    row = await services.db.read(
        lambda tx: tx.row("SELECT blob_id, dek_wrapped FROM queue_message WHERE queue_id = :id", id=queue_number(number))
    )
    node = await services.store.open_account(accounts.NODE)
    return await services.store.read(row[0], node.unwrap(row[1]))


async def test_one_number_leads_from_the_reply_to_the_report(listening: Listening, clock: ManualClock) -> None:
    services = listening.services
    await listening.start("submission", accept=accept)
    client = await signed_in(listening)
    with capture_logs() as logged:
        number = await sent(client)
    [said] = [line for line in logged if line["event"] == "smtp.accepted"]
    assert said["queue_id"] == number
    raw = await header(services, number)
    assert re.search(rb"\bid " + number.encode() + rb"\b", raw.partition(b"\r\n\r\n")[0])
    [waiting] = await services.db.read(listing.show, queue_number(number))
    assert waiting.address == FAR
    clock.advance(6 * DAY_US)
    await drain(services)
    [report] = await inbox(services, AMINA)
    assert f"X-Diwan-Queue-ID: {number}\r\n".encode() in report
    assert f"number : {number}\n" in (await text(services, report)).replace("\r\n", "\n")


async def test_every_message_has_its_own(listening: Listening) -> None:
    await listening.start("submission", accept=accept)
    client = await signed_in(listening)
    assert len({await sent(client) for _ in range(3)}) == 3
