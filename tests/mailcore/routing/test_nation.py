"""Mail between real nodes, with TLS, client certificates, signed traces and a gateway."""

import asyncio
import ssl

import pytest
import pytest_asyncio

from directory import domains
from directory.manifest import topology
from mailcore.queue import listing
from mailcore.queue.accept import accept
from mailcore.queue.types import Submission
from mailcore.queue.worker import drain
from mailcore.routing import tracing
from tests.mailcore.queue.node import inbox, submission
from tests.mailcore.queue.sink import Sink
from tests.mailcore.routing import nation as state
from tests.mailcore.routing.nation import OUTSIDE, Nation, domain, person

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("nation")]  # each builds on the one before

A, B, GATE = "interieur", "education", "gate"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sink():
    async with Sink().listening() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nation(tmp_path_factory, sink):
    async with state.opened(tmp_path_factory.mktemp("nation"), sink.port) as made:
        yield made


def written(*to: str, sender: str = person(A), text: str = "bonjour", **more) -> Submission:
    raw = f"From: <{sender or person(A)}>\r\nTo: <x@y.example>\r\nSubject: {text}\r\n\r\n{text}\r\n".encode()
    return submission(*to, sender=sender, raw=raw, **more)


async def last(nation: Nation, name: str) -> bytes:
    return (await inbox(nation.nodes[name], person(name)))[-1]


async def waiting(nation: Nation, name: str) -> list[str]:
    return [row.last_text for row in await nation.nodes[name].db.read(listing.listing)]


async def test_a_letter_between_nodes_is_signed_on_its_way_and_found_good(nation: Nation) -> None:
    await nation.send(A, written(person(B), text="premier"))
    arrived = await last(nation, B)
    assert arrived.startswith(b"Diwan-Trace-Result: mx.education.gov.example; trace=good; node=interieur; hops=1\r\nReceived: ")
    assert arrived.count(b"\r\nDiwan-Trace: v=1; n=interieur; i=1;") == 1
    assert b"with ESMTPS" in arrived or b"with UTF8SMTPS" in arrived
    assert b"\r\n\r\npremier\r\n" in arrived


async def test_the_other_side_knows_which_node_speaks(nation: Nation) -> None:
    """Shown by what it lets that node do: a gateway relays for it."""
    await nation.nodes[A].db.write(domains.let_outside, domain(A), "allow")
    await nation.send(A, written(f"x@{OUTSIDE}", text="dehors"))
    assert await waiting(nation, A) == await waiting(nation, GATE) == []


async def test_outside_gets_no_trace_but_the_letter_as_it_was(nation: Nation, sink: Sink) -> None:
    [sent] = [each for each in sink.transactions if b"dehors" in each.data]
    assert sent.rcpts == [f"RCPT TO:<x@{OUTSIDE}>".encode()]
    assert sent.data.count(b"Diwan-Trace: ") == 1
    assert b"Received: from mx.interieur.gov.example" in sent.data


async def test_nothing_leaves_that_may_not(nation: Nation, sink: Sink) -> None:
    before = len(sink.transactions)
    await nation.send(B, written(f"x@{OUTSIDE}", sender=person(B), text="interdit"))
    assert len(sink.transactions) == before
    report = await last(nation, B)
    assert b"Status: 5.7.1" in report
    assert b"outside the state's network" in report.replace(b"\r\n ", b" ")


@pytest.mark.parametrize("claims", [A, B])
async def test_a_gateway_relays_for_no_stranger_and_for_no_node_in_the_name_of_another(nation: Nation, claims: str) -> None:
    context = ssl.create_default_context(cafile=str(nation.root))
    if claims == B:  # a node of ours, which writes in the name of another's people
        context.load_cert_chain(nation.nodes[A].settings.tls.certificate, nation.nodes[A].settings.tls.key)
        context.post_handshake_auth = True
    said = await _talk(nation.ports[GATE], context, f"MAIL FROM:<{person(claims)}>", f"RCPT TO:<x@{OUTSIDE}>")
    assert said[0].startswith("250")
    assert said[1].startswith("550 5.7.1")


async def test_a_stranger_with_a_certificate_is_not_asked_for_it_and_goes_on(nation: Nation, authority) -> None:
    context = ssl.create_default_context(cafile=str(nation.root))
    context.load_cert_chain(authority.ca.with_name("localhost.pem"))
    said = await _talk(nation.ports[B], context, "MAIL FROM:<x@stranger.example>", f"RCPT TO:<{person(B)}>")
    assert [each[:3] for each in said] == ["250", "250"]


async def test_mail_in_the_name_of_a_node_that_another_brings_is_marked(nation: Nation) -> None:
    message = f"From: <{person(A)}>\r\nSubject: faux\r\n\r\nfaux\r\n"
    await _brought(nation, person(A), message)
    assert (await last(nation, B)).startswith(b"Diwan-Trace-Result: mx.education.gov.example; trace=missing; node=interieur; hops=0\r\n")


async def test_an_author_of_a_node_is_marked_whatever_the_envelope_says(nation: Nation) -> None:
    for number, sender in enumerate(("x@stranger.example", "")):
        message = f"From: <{person(A)}>\r\nSubject: faux {number}\r\n\r\nfaux\r\n"
        await _brought(nation, sender, message)
        arrived = await last(nation, B)
        assert arrived.startswith(b"Diwan-Trace-Result: mx.education.gov.example; trace=missing; node=interieur; hops=0\r\n")
        assert f"\r\nSubject: faux {number}\r\n".encode() in arrived


@pytest.mark.parametrize("author", [person(GATE), person(B)])
async def test_a_node_that_writes_in_the_name_of_another_s_people_is_marked(nation: Nation, author: str) -> None:
    message = f"From: <{author}>\r\nTo: <x@y.example>\r\nSubject: usurpation\r\n\r\nx\r\n".encode()
    await nation.send(A, submission(person(B), sender=person(A), raw=message))
    assert b"trace=other; node=interieur" in (await last(nation, B)).split(b"\r\n")[0]


async def test_a_letter_that_is_played_again_is_marked(nation: Nation) -> None:
    await nation.send(A, written(person(B), text="encore"))
    octets = await last(nation, B)
    again = octets[octets.index(b"Diwan-Trace: ") :].decode()
    await _brought(nation, person(A), again)
    assert b"trace=stranger; node=interieur" in (await last(nation, B)).split(b"\r\n")[0]


async def test_how_messages_came_is_counted(nation: Nation) -> None:
    node = nation.nodes[B]
    await node.parts.close()
    marks = {(name, mark) for _, name, mark, _ in await node.db.read(tracing.counts, 0)}
    assert {(A, "good"), (A, "missing"), (A, "stranger")} <= marks


async def test_a_node_that_shows_another_key_gets_nothing(nation: Nation) -> None:
    await nation.nodes[B].db.write(_change_key, GATE, bytes(32))
    await accept(nation.nodes[B], written(person(GATE), sender=person(B)))
    await drain(nation.nodes[B])
    [said] = await waiting(nation, B)
    assert said == "451 4.7.5 mx.gate.gov.example has not the key that the topology names (at 127.0.0.1)"


async def test_requiretls_goes_from_node_to_node_and_not_outside(nation: Nation, sink: Sink) -> None:
    before = len(sink.transactions)
    await nation.send(A, written(person(B), text="confidentiel", requiretls=True))
    assert b"confidentiel" in await last(nation, B)
    await nation.send(GATE, written(f"x@{OUTSIDE}", sender=person(GATE), text="confidentiel", requiretls=True))
    assert len(sink.transactions) == before


async def test_a_message_that_comes_back_to_the_same_recipients_goes_no_further(nation: Nation) -> None:
    await nation.send(A, written(person(B), text="ronde"))
    octets = await last(nation, B)
    await nation.send(A, submission(person(B), sender=person(A), raw=octets))
    report = await last(nation, A)
    assert b"Status: 5.4.6" in report


def _change_key(tx, name, key):
    node = topology.by_name(tx, name)
    tx.execute("UPDATE node SET key_sha256 = :key WHERE node_id = :id", key=key, id=node.node_id)


async def _brought(nation: Nation, sender: str, message: str) -> None:
    """Bring a message that ends in a line break to a person of B, in the clear and with no certificate."""
    said = await _talk(nation.ports[B], None, f"MAIL FROM:<{sender}>", f"RCPT TO:<{person(B)}>", "DATA", f"{message}.")
    assert [each[:3] for each in said] == ["250", "250", "354", "250"]
    await nation.settle()


async def _talk(port: int, context: ssl.SSLContext | None, *lines: str) -> list[str]:
    """Say lines to a listener, inside TLS when there is a context; return the replies."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def ask(line: str) -> str:
        writer.write(line.encode() + b"\r\n")
        while (said := (await reader.readline()).decode())[3:4] == "-":
            pass
        return said

    await reader.readline()
    await ask("EHLO client.example")
    if context is not None:
        await ask("STARTTLS")
        await writer.start_tls(context, server_hostname="localhost")
        await ask("EHLO client.example")
    said = [await ask(line) for line in lines]
    writer.close()
    await writer.wait_closed()
    return said
