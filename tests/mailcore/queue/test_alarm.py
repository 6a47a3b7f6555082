"""How the queue stands, to machines and to the postmaster."""

import asyncio

import msgspec
import pytest
import structlog

from config.clock import DAY_US, HOUR_US
from config.settings import Metrics, SettingsError, parse
from directory import aliases, resolve
from directory.address import parse as address
from mailcore import metrics
from mailcore.queue import alarm, listing, local, queue
from mailcore.queue.accept import accept
from tests.mailcore.queue.node import AMINA, DOMAIN, KARIM, inbox, submission, text


async def ask(port, request):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    said = await reader.read()
    writer.close()
    return said.decode()


async def deliver(services):
    """Serve our own mailboxes only: nobody answers for the other."""
    await local.serve(services, await services.db.write(queue.lease_local, "w", services.clock.now_us() + HOUR_US, 50))


async def test_what_waits_too_long_is_logged_and_told_once_a_day(services, clock):
    amina = (await services.db.read(resolve.resolve, address(AMINA))).account_id
    await services.db.write(aliases.add, amina, "person", address(f"postmaster@{DOMAIN}"))
    await accept(services, submission("x@far.example", sender="", hold_until_us=clock.now_us() + HOUR_US))
    clock.advance(5 * HOUR_US)
    assert not await alarm.look(services)  # an hour of it was asked for
    clock.advance(HOUR_US)
    with structlog.testing.capture_logs() as logs:
        assert await alarm.look(services)
        assert await alarm.look(services)
    assert [(one["event"], one["destinations"]) for one in logs if one["event"] == "queue.old"] == [("queue.old", ["far.example"])] * 2
    await deliver(services)
    [letter] = await inbox(services, AMINA)
    assert "Mail is waiting" in " ".join(letter.decode("utf-8", "replace").split())
    shown = await text(services, letter)
    assert "1  far.example" in shown
    assert "أقدم رسالة" in shown
    clock.advance(DAY_US)
    assert await alarm.look(services)
    await deliver(services)
    assert len(await inbox(services, AMINA)) == 2


async def test_figures_are_shown_to_whoever_asks_on_loopback(services, unused_tcp_port):
    await accept(services, submission(KARIM, "x@far.example", "y@far.example"))
    settings = msgspec.structs.replace(services.settings, metrics=Metrics(f"127.0.0.1:{unused_tcp_port}"))
    object.__setattr__(services, "settings", settings)
    async with metrics.metrics(services):
        said = await ask(unused_tcp_port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        missing = await ask(unused_tcp_port, b"GET / HTTP/1.1\r\n\r\n")
        refused = await ask(unused_tcp_port, b"POST /metrics HTTP/1.1\r\n\r\n")
        assert await ask(unused_tcp_port, b"GET /" + b"x" * 20_000 + b"\r\n\r\n") == ""
    assert said.startswith("HTTP/1.1 200 OK\r\n")
    assert 'diwan_queue_waiting{destination="far.example"} 2' in said
    assert f'diwan_queue_waiting{{destination="{DOMAIN}"}} 1' in said
    assert 'diwan_queue_waiting{destination="other"} 0' in said
    assert [each.split()[1] for each in (missing, refused)] == ["404", "405"]
    assert await services.db.read(listing.depth) == 3


def test_figures_are_for_loopback_only(tmp_path):
    with pytest.raises(SettingsError, match="loopback"):
        parse(
            '[node]\nhostname = "a"\npostmaster = "p@a"\n[tls]\ncertificate = "a"\nkey = "b"\n[metrics]\nlisten = "0.0.0.0:9465"\n',
            tmp_path,
        )
