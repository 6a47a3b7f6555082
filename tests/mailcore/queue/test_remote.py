import pytest

from config.settings import Route
from mailcore.queue import listing
from mailcore.queue.accept import accept
from mailcore.queue.types import Recipient
from mailcore.queue.worker import drain
from tests.mailcore.queue import sink as peer
from tests.mailcore.queue.node import AMINA, HOSTNAME, inbox, letter, submission

X, Y = "x@elsewhere.example", "y@elsewhere.example"


@pytest.fixture
def database_url():
    """The peers are the matter here: one engine is enough."""
    return "sqlite"


@pytest.fixture
def via(opener, sink):
    """Services whose mail for everywhere goes to the sink."""

    def make(tls="opportunistic", ca=None, host="127.0.0.1"):
        return opener(routes=[Route(domain="", host=host, port=sink.port, tls=tls, ca=ca)])

    return make


async def last(services):
    return [(row.address, row.last_text) for row in await services.db.read(listing.listing)]


async def test_octets_arrive_as_they_were_accepted(via, sink):
    raw = letter(".dot\r\n..\r\nللجميع\r\n") + b"\x00\xff no end"
    async with via() as services:
        await accept(services, submission(X, raw=raw))
        await drain(services)
        assert await services.db.read(listing.depth) == 0
    [sent] = sink.transactions
    assert sent.data == raw + b"\r\n"
    assert sink.commands[0] == f"EHLO {HOSTNAME}".encode()
    assert sent.mail == f"MAIL FROM:<{AMINA}> SIZE={len(raw)} BODY=8BITMIME".encode()


async def test_recipients_of_a_message_share_a_transaction_and_messages_a_connection(via, sink):
    async with via() as services:
        for _ in range(3):
            await accept(services, submission(X, Y))
        await drain(services)
    assert [len(sent.rcpts) for sent in sink.transactions] == [2, 2, 2]
    assert sink.connections == 1


async def test_dsn_parameters_go_on_to_a_peer_that_knows_them(via, sink):
    asked = Recipient(X, frozenset({"SUCCESS"}), "rfc822;a+b@old.example")
    async with via() as services:
        await accept(services, submission(asked, envid="e=1", ret="FULL"))
        await drain(services)
        assert await inbox(services, AMINA) == []
    assert sink.transactions[0].mail.endswith(b" RET=FULL ENVID=e+3D1")
    assert sink.transactions[0].rcpts == [b"RCPT TO:<x@elsewhere.example> NOTIFY=SUCCESS ORCPT=rfc822;a+2Bb@old.example"]


async def test_a_peer_without_dsn_makes_us_say_that_we_relayed(via, sink):
    sink.extensions = []
    async with via() as services:
        await accept(services, submission(Recipient(X, frozenset({"SUCCESS"}))))
        await drain(services)
        [report] = await inbox(services, AMINA)
    assert b"Action: relayed" in report


async def test_each_recipient_has_a_reply_of_its_own(via, sink):
    sink.replies += [(b"RCPT TO:<x", b"550 5.1.1 no such user"), (b"RCPT TO:<y", b"450 4.2.1 come back")]
    async with via() as services:
        await accept(services, submission(X, Y, "z@elsewhere.example"))
        await drain(services)
        assert await last(services) == [(Y, "450 4.2.1 come back")]
        [report] = await inbox(services, AMINA)
        assert b"550 5.1.1 no such user" in report
        assert b"Remote-MTA: dns; 127.0.0.1" in report
        assert b"y@elsewhere" not in report.replace(b"\r\n", b"")
        assert [sent.rcpts for sent in sink.transactions] == [[b"RCPT TO:<z@elsewhere.example>"]]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ((b"GREETING", b"421 4.3.2 closing"), "451 4.3.2 127.0.0.1 said: 421 4.3.2 closing"),
        ((b"GREETING", b"554 5.7.1 go away"), "451 4.7.1 127.0.0.1 said: 554 5.7.1 go away"),
        ((b"EHLO", peer.DROP), "451 4.4.1 no connection to 127.0.0.1"),
        ((b"MAIL", b"451 4.3.0 later"), "451 4.3.0 later"),
        ((b"MAIL", peer.DROP), "451 4.4.2 the connection broke"),
        ((b"RCPT", peer.DROP), "451 4.4.2 the connection broke"),
        ((b"RCPT", b"421 4.7.0 slow down"), "421 4.7.0 slow down"),
        ((b"DATA", b"452 4.3.1 full"), "452 4.3.1 full"),
        ((b"DATA", peer.DROP), "451 4.4.2 the connection broke"),
        ((b"BODY", peer.DROP), "451 4.4.2 the connection broke"),
        ((b"DOT", b"451 4.3.0 not now"), "451 4.3.0 not now"),
        ((b"DOT", peer.DROP), "451 4.4.2 the connection broke"),
    ],
)
async def test_what_may_pass_is_tried_again(via, sink, clock, script, said):
    sink.replies.append(script)
    async with via() as services:
        await accept(services, submission(X))
        await drain(services)
        assert await last(services) == [(X, said)]
        assert await inbox(services, AMINA) == []
        clock.advance(300_000_000)
        await drain(services)
        assert await last(services) == []
    assert len(sink.transactions) == 1


@pytest.mark.parametrize("verb", [b"MAIL", b"RCPT", b"DATA", b"DOT"])
async def test_a_permanent_refusal_is_reported(via, sink, verb):
    sink.replies.append((verb, b"554 5.7.1 refused by policy"))
    async with via() as services:
        await accept(services, submission(X))
        await drain(services)
        assert await services.db.read(listing.depth) == 0
        [report] = await inbox(services, AMINA)
    assert b"refused by policy" in report
    assert sink.transactions == []


async def test_a_connection_that_ends_between_messages_is_made_again(via, sink):
    sink.replies += [(b"DOT", b"250 2.0.0 first"), (b"MAIL", b"250 ok"), (b"MAIL", b"421 4.3.2 enough")]
    async with via() as services:
        for _ in range(3):
            await accept(services, submission(X))
        await drain(services)
        assert await services.db.read(listing.depth) == 1
    assert (len(sink.transactions), sink.connections) == (2, 2)


async def test_nobody_listening_postpones(via, sink, opener):
    async with opener(routes=[Route(domain="", host="127.0.0.1", port=1)]) as services:
        await accept(services, submission(X))
        await drain(services)
        assert await last(services) == [(X, "451 4.4.1 no connection to 127.0.0.1")]


async def test_verified_tls(via, sink, authority):
    sink.tls = authority.localhost
    async with via("verify", authority.ca, "localhost") as services:
        await accept(services, submission(X))
        await drain(services)
        assert await services.db.read(listing.depth) == 0
    assert [sent.tls for sent in sink.transactions] == [True]


@pytest.mark.parametrize("case", ["other name", "unknown root", "no starttls"])
async def test_a_verified_route_never_sends_without_trust(via, sink, authority, case):
    sink.tls = {"other name": authority.elsewhere, "unknown root": authority.localhost, "no starttls": None}[case]
    ca = None if case == "unknown root" else authority.ca
    async with via("verify", ca, "localhost") as services:
        await accept(services, submission(X))
        await drain(services)
        [(_, said)] = await last(services)
    assert said.startswith("451 4.7.4" if case == "no starttls" else "451 4.7.5")
    assert sink.transactions == []
    assert not any(command.startswith(b"MAIL") for command in sink.commands)


async def test_an_opportunistic_route_encrypts_when_it_can(via, sink, authority):
    sink.tls = authority.elsewhere
    async with via("opportunistic") as services:
        await accept(services, submission(X))
        await drain(services)
    assert [sent.tls for sent in sink.transactions] == [True]


async def test_an_opportunistic_route_goes_on_without_tls_when_it_fails(via, sink, authority):
    sink.tls = authority.no_common_cipher()
    async with via("opportunistic") as services:
        await accept(services, submission(X))
        await drain(services)
    assert [sent.tls for sent in sink.transactions] == [False]


async def test_a_verified_route_does_not(via, sink, authority):
    sink.tls = authority.no_common_cipher()
    async with via("verify", authority.ca, "localhost") as services:
        await accept(services, submission(X))
        await drain(services)
        [(_, said)] = await last(services)
    assert said.startswith("451 4.7.5 no TLS session")
    assert sink.transactions == []


async def test_internationalised_addresses_need_a_peer_that_knows_them(via, sink):
    async with via() as services:
        await accept(services, submission("كريم@elsewhere.example", X))
        await drain(services)
        [report] = await inbox(services, AMINA)
    assert b"Status: 5.6.7" in report
    assert [sent.rcpts for sent in sink.transactions] == [[b"RCPT TO:<x@elsewhere.example>"]]


async def test_internationalised_addresses_travel_to_a_peer_that_knows_them(via, sink):
    sink.extensions.append(b"SMTPUTF8")
    async with via() as services:
        await accept(services, submission("كريم@elsewhere.example"))
        await drain(services)
    assert sink.transactions[0].mail.endswith(b" SMTPUTF8")
    assert sink.transactions[0].rcpts == ["RCPT TO:<كريم@elsewhere.example>".encode()]


async def test_bare_line_breaks_never_leave(via, sink):
    async with via() as services:
        await accept(services, submission(X, raw=letter("a\nb")))
        await drain(services)
        [report] = await inbox(services, AMINA)
    assert b"Status: 5.6.0" in report
    assert sink.transactions == []


async def test_a_message_that_went_through_fifty_servers_goes_no_further(via, sink):
    async with via() as services:
        await accept(services, submission(X, raw=b"Received: from x by y; now\r\n" * 51 + letter()))
        await drain(services)
        [report] = await inbox(services, AMINA)
    assert b"Status: 5.4.6" in report
    assert sink.transactions == []
