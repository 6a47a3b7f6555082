"""The client against servers that are cut, lie, give a part, or send absurd lengths: always one refusal, never a wait without end."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from directory.imports.ldif import LdapEntry
from directory.ldap import ber, messages
from directory.ldap.ber import SEQUENCE, SET
from directory.ldap.controls import PAGED
from directory.ldap.messages import Control
from directory.sync import client
from directory.sync.client import SUBTREE, Client
from directory.sync.errors import SourceFailed
from directory.sync.filtering import encode
from tests import servers

from ..ldap.conftest import tls_folder as tls_folder

ANYTHING = encode("(cn=*)")
ENTRY = ber.value(
    messages.SEARCH_ENTRY,
    ber.octets(b"cn=a") + ber.value(SEQUENCE, ber.value(SEQUENCE, ber.octets(b"CN;Lang-ar") + ber.value(SET, ber.octets("علي".encode())))),
)
READ = LdapEntry(0, "cn=a", {"cn;lang-ar": ("علي".encode(),)})


def done(code: int = 0, cookie: bytes | None = b"") -> tuple[bytes, list[Control]]:
    """Return the end of a search."""
    value = ber.value(SEQUENCE, ber.integer(0) + ber.octets(cookie or b""))
    return messages.result(messages.SEARCH_DONE, code, "said"), [] if cookie is None else [Control(PAGED, value=value)]


@asynccontextmanager
async def server(tls: Path, answers: Callable[[int], bytes]) -> AsyncIterator[Client]:
    """A server that says `answers(n)` to the nth request; the connection ends with an empty answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        while await reader.read(4096):
            number += 1
            said = answers(number)
            writer.write(said)
            if not said:
                break

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "tls.pem", tls / "tls.key")
    async with servers.serving(serve, ssl=context) as port:
        one = await Client.connect(f"ldaps://localhost:{port}", ssl.create_default_context(cafile=tls / "tls.pem"))
        try:
            yield one
        finally:
            await one.close()


async def everything(one: Client) -> list[LdapEntry]:
    return [entry async for page in one.search("", SUBTREE, ANYTHING, ["cn"]) for entry in page]


async def test_pages_are_followed_to_their_end(tls_folder: Path) -> None:
    def answers(number: int) -> bytes:
        end, controls = done(cookie=b"more" if number < 3 else b"")
        reference = ber.value(0x73, ber.octets(b"ldap://elsewhere"))
        return messages.message(number, ENTRY) + messages.message(number, reference) + messages.message(number, end, controls)

    async with server(tls_folder, answers) as one:
        assert await everything(one) == [READ, READ, READ]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "was cut"),
        (messages.message(1, ENTRY), "was cut"),
        (messages.message(1, ENTRY) + messages.message(1, *done(4)), "result 4 said"),
        (messages.message(1, *done(52)), "result 52"),
        (messages.message(7, ENTRY), "another request"),
        (messages.disconnection(52, "bye"), "another request"),
        (b"\x30\x84\xff\xff\xff\xff", "too large"),
        (b"\x30\x80\x00\x00", "indefinite"),
        (b"HTTP/1.1 400\r\n", "no message"),
        (messages.message(1, ber.value(0x6F, b"")), "something else"),
        (messages.message(1, ber.value(messages.SEARCH_ENTRY, b"\x04\x7f")), "longer than"),
    ],
)
async def test_an_answer_that_is_not_whole_is_a_failure(
    tls_folder: Path, answer: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server(tls_folder, lambda number: answer if number == 1 and answer else b"") as one:
        monkeypatch.setattr(client, "PATIENCE_S", 0.2 if said == "was cut" and answer else 30.0)
        with pytest.raises(SourceFailed) as failed:
            await everything(one)
    assert said in failed.value.text or "no answer" in failed.value.text


async def test_a_source_has_so_many_entries_at_most(tls_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_ENTRIES", 2)
    async with server(tls_folder, lambda number: messages.message(number, ENTRY) * 3) as one:
        with pytest.raises(SourceFailed, match="more than 2"):
            await everything(one)


async def test_a_refused_sign_in_and_an_empty_password_are_failures(tls_folder: Path) -> None:
    refusal = messages.bind_result(49, "no")
    async with server(tls_folder, lambda number: messages.message(number, refusal)) as one:
        with pytest.raises(SourceFailed, match="result 49"):
            await one.bind("cn=x", "y")
        with pytest.raises(SourceFailed, match="password"):
            await one.bind("cn=x", "")
        await one.bind("", "")
