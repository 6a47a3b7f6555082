"""What operators and senders read when there is no connection."""

import contextlib
import errno
import ssl

import pytest

from config.settings import Route
from mailcore import dns
from mailcore.queue import client, connecting, listing, queue, remote
from mailcore.queue.accept import accept
from mailcore.queue.worker import drain
from tests.mailcore.queue.node import submission
from tests.peers.dns import serving

X = "x@elsewhere.example"


@pytest.fixture
def database_url():
    """The peers are the matter here: one engine is enough."""
    return "sqlite"


async def last(services):
    return [(row.address, row.last_text) for row in await services.db.read(listing.listing)]


async def test_a_silent_peer_is_told_from_one_that_refuses(opener, sink, monkeypatch):
    monkeypatch.setattr(client, "COMMAND_S", 0.1)
    sink.replies.append((b"GREETING", b"220-wait"))
    async with opener(routes=[Route("", "127.0.0.1", sink.port, tls="opportunistic")]) as services:
        await accept(services, submission(X))
        await drain(services)
        assert await last(services) == [(X, "451 4.4.1 no connection to 127.0.0.1: no reply in time")]


async def test_each_address_that_failed_is_told(opener, sink):
    zone = {
        ("elsewhere.example", "MX"): ["10 a.example.", "20 b.example."],
        ("a.example", "A"): ["127.0.0.2"],
        ("b.example", "A"): ["127.0.0.1"],
    }
    sink.replies.append((b"GREETING", b"554 5.7.1 go away"))
    async with opener() as services, serving(zone) as names:
        resolver = dns.system_resolver(names.settings)
        async with contextlib.aclosing(remote.Peer(services, resolver, lambda address: True, port=sink.port)) as peer:
            await accept(services, submission(X))
            await remote.serve(peer, await services.db.write(queue.lease_remote, "me", services.clock.now_us() + 10**9, 50, ()))
        [(_, said)] = await last(services)
    want = "b.example [127.0.0.1] said: 554 5.7.1 go away; before that: no connection to a.example [127.0.0.2]: refused"
    assert said == f"451 4.7.1 {want}"


@pytest.mark.parametrize(
    ("error", "want"),
    [
        (TimeoutError(), "timed out"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "the peer broke the connection off"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "the network is unreachable"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "the host is unreachable"),
        (OSError(errno.EPROTO, "/some/path of ours"), "the network failed"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"), "the handshake failed"),
        (client.Lost("no SMTP: HTTP/1.1 400"), "no SMTP: HTTP/1.1 400"),
    ],
)
def test_why_there_is_no_connection_is_said_in_words(error, want):
    assert connecting._why(error) == want
