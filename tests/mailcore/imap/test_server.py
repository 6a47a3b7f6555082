"""The server over real sockets: states, order, limits of connections."""

from tests.mailcore.imap.node import AMINA, Client, Server


async def test_the_greeting_tells_the_capabilities(server: Server) -> None:
    client = await server.connect()
    assert client.untagged[0].startswith(b"* OK [CAPABILITY IMAP4rev1 ")
    assert b"AUTH=PLAIN" in client.untagged[0]


async def test_a_session_from_sign_in_to_sign_out(server: Server) -> None:
    await server.fill(3)
    client = await server.connect()
    assert (await client.sign_in()).startswith(b"OK [CAPABILITY IMAP4rev1 ")
    assert await client.ask("SELECT inbox") == b"OK [READ-WRITE] open"
    assert b"* 3 EXISTS" in client.untagged
    assert (await client.ask("FETCH 1:* (FLAGS UID)")).startswith(b"OK")
    assert client.untagged == [b"* %d FETCH (FLAGS () UID %d)" % (n, n) for n in (1, 2, 3)]
    assert (await client.ask("LOGOUT")).startswith(b"OK")
    assert client.untagged[0].startswith(b"* BYE")
    assert await client.everything() == b""


async def test_all_items_of_a_message(amina: Client, server: Server) -> None:
    await server.fill(1)
    await amina.ask("SELECT INBOX")
    assert (await amina.ask("FETCH 1 FULL")).startswith(b"OK")
    assert b"ENVELOPE (" in amina.untagged[0]
    assert (await amina.ask("FETCH 1 (BODY[] BODY.PEEK[HEADER.FIELDS (Subject)] BODY[TEXT]<0.4>)")).startswith(b"OK")
    assert b"BODY[HEADER.FIELDS (Subject)] {20}\r\nSubject: essai 1\r\n\r\n BODY[TEXT]<0> {4}\r\nbonj FLAGS (\\Seen))" in amina.untagged[0]
    assert AMINA.encode() in amina.untagged[0]
