import contextlib
import tracemalloc

import pytest

from config.settings import Route
from mailcore.queue import listing, remote
from mailcore.queue.accept import accept
from mailcore.queue.types import Recipient
from mailcore.queue.worker import drain
from tests.mailcore.queue import sink as peer_sink
from tests.mailcore.queue.node import AMINA, HOSTNAME, inbox, last, leased, letter, submission

X, Y = "x@elsewhere.example", "y@elsewhere.example"


@pytest.fixture
def database_url():
    """The peers are the matter here: one engine is enough."""
    return "sqlite"


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
        ((b"EHLO", peer_sink.DROP), "451 4.4.1 no connection to 127.0.0.1: the peer closed the connection"),
        ((b"MAIL", b"451 4.3.0 later"), "451 4.3.0 later"),
        ((b"MAIL", peer_sink.DROP), "451 4.4.2 the connection broke: the peer closed the connection"),
        ((b"RCPT", peer_sink.DROP), "451 4.4.2 the connection broke: the peer closed the connection"),
        ((b"RCPT", b"421 4.7.0 slow down"), "421 4.7.0 slow down"),
        ((b"DATA", b"452 4.3.1 full"), "452 4.3.1 full"),
        ((b"DATA", peer_sink.DROP), "451 4.4.2 the connection broke: the peer closed the connection"),
        ((b"BODY", peer_sink.DROP), "451 4.4.2 the connection broke: the peer closed the connection"),
        ((b"DOT", b"451 4.3.0 not now"), "451 4.3.0 not now"),
        ((b"DOT", peer_sink.DROP), "451 4.4.2 the connection broke: the peer closed the connection"),
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
        assert await last(services) == [(X, "451 4.4.1 no connection to 127.0.0.1: refused")]


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


async def test_a_session_is_kept_for_the_next_lease(via, sink):
    async with via() as services, contextlib.aclosing(remote.Peer(services)) as peer:
        for _ in range(3):
            await accept(services, submission(X))
            await remote.serve(peer, await leased(services))
        assert len(sink.transactions) == 3
        assert sink.connections == 1
        assert sink.commands[-1] == b"DATA"
    assert sink.commands[-1] == b"QUIT"


async def test_a_kept_session_that_the_peer_has_left_costs_nobody_anything(via, sink):
    sink.replies.append((b"MAIL", b"250 fine"))
    async with via() as services, contextlib.aclosing(remote.Peer(services)) as peer:
        await accept(services, submission(X))
        await remote.serve(peer, await leased(services))
        sink.replies.append((b"MAIL", peer_sink.DROP))
        await accept(services, submission(X))
        await remote.serve(peer, await leased(services))
        assert await last(services) == []
    assert (len(sink.transactions), sink.connections) == (2, 2)


@pytest.mark.parametrize(("limits", "want"), [(b"LIMITS RCPTMAX=2", ([2, 2, 1], 1)), (b"LIMITS MAILMAX=1 RCPTMAX=2", ([2, 2, 1], 3))])
async def test_what_a_peer_takes_at_once_is_kept_to(via, sink, clock, limits, want):
    sink.extensions.append(limits)
    async with via() as services:
        await accept(services, submission(*(f"{name}@elsewhere.example" for name in "abcde")))
        for _ in range(3):
            await drain(services)
            clock.advance(300_000_000)
        assert await last(services) == []
    assert ([len(sent.rcpts) for sent in sink.transactions], sink.connections) == want


@pytest.mark.parametrize("extensions", [[], [b"PIPELINING"], [b"PIPELINING", b"CHUNKING"]])
@pytest.mark.parametrize("said", [b"452 4.5.3 too many recipients", b"452 too many recipients", b"552 5.5.3 too many recipients"])
async def test_those_whom_a_peer_finds_too_many_follow_at_once(via, sink, extensions, said):
    sink.extensions += extensions
    sink.recipients, sink.too_many = 2, said
    async with via() as services:
        await accept(services, submission(*(f"{name}@elsewhere.example" for name in "abcde")))
        await drain(services)
        assert await last(services) == []
        assert await inbox(services, AMINA) == []
    assert [len(sent.rcpts) for sent in sink.transactions] == [2, 2, 1]
    assert sink.connections == 1
    assert sum(command.startswith(b"RCPT") for command in sink.commands) == 5 + 2 + 1  # it is not asked for too many again


async def test_a_peer_that_finds_one_recipient_too_many_is_tried_again_later(via, sink):
    sink.recipients, sink.too_many = 0, b"452 4.5.3 too many recipients"
    async with via() as services:
        await accept(services, submission(X, Y))
        await drain(services)
        assert [said for _, said in await last(services)] == ["452 4.5.3 too many recipients"] * 2
    assert sum(command.startswith(b"RCPT") for command in sink.commands) == 2


@pytest.mark.parametrize("extensions", [[b"PIPELINING"], [b"CHUNKING"], [b"PIPELINING", b"CHUNKING"], []])
async def test_large_messages_arrive_whole_and_are_not_held_in_memory(via, sink, extensions):
    sink.extensions = [*extensions, b"8BITMIME"]
    raw = letter() + b"".join(b".%d\r\n" % n + b"x" * 70 + b"\r\n" for n in range(12_000))
    async with via() as services:
        await accept(services, submission(X, Y, raw=raw))
        tracemalloc.start()
        await drain(services)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert await last(services) == []
    [sent] = sink.transactions
    assert sent.data == raw
    held = len(sent.data) * 2 + (1 << 20)  # what the sink holds of it, which lives in this process too
    assert peak - held < 6 << 20


async def test_a_refusal_in_the_middle_of_chunks_is_heard(via, sink):
    sink.extensions = [b"CHUNKING"]
    sink.replies.append((b"BDAT", b"552 5.3.4 too much"))
    async with via() as services:
        await accept(services, submission(X, raw=letter("x" * 70 + "\r\n") * 20_000))
        await drain(services)
        [report] = await inbox(services, AMINA)
    assert b"552 5.3.4 too much" in report


async def test_binary_content_goes_to_a_peer_that_takes_it_and_back_from_one_that_does_not(via, sink):
    binary = letter("a\nb\0c")
    async with via() as services:
        await accept(services, submission(X, raw=binary, body="BINARYMIME"))
        await drain(services)
        [report] = await inbox(services, AMINA)
        assert b"Status: 5.6.1" in report
        sink.extensions += [b"CHUNKING", b"BINARYMIME"]
        await accept(services, submission(X, raw=binary, body="BINARYMIME"))
        await drain(services)
    [sent] = sink.transactions
    assert sent.data == binary
    assert b"BODY=BINARYMIME" in sent.mail


async def test_a_peer_that_speaks_no_smtp_is_tried_again(via, sink):
    sink.replies.append((b"GREETING", b"HTTP/1.1 400 Bad Request"))
    async with via() as services:
        await accept(services, submission(X))
        await drain(services)
        assert await last(services) == [(X, "451 4.4.1 no connection to 127.0.0.1: no SMTP: HTTP/1.1 400 Bad Request")]
