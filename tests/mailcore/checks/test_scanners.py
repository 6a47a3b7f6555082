"""clamd and rspamd as they are: what they find, what they cannot take, and what happens when nobody answers."""

import asyncio
import contextlib
import email.message
import io
import mmap
import tempfile
import zipfile

import pytest

from mailcore.checks.clamav import Clamav
from mailcore.checks.rspamd import Rspamd
from mailcore.checks.types import Arrival, Scan
from tests import servers
from tests.mailcore.checks.letters import LETTER
from tests.peers.scanners import EICAR, free_port

pytestmark = pytest.mark.xdist_group("scanners")
BUFFERS_BYTES = 1 << 24  # more than the system keeps for a connection whose other side does not read
FOUND = Scan("clamav", "virus", "Diwan.Eicar.UNOFFICIAL")


def attached(octets: bytes, name: str) -> bytes:
    """A message with an attachment, base64."""
    made = email.message.EmailMessage()
    made["From"] = "a@x.example"
    made.set_content("voir la pièce jointe")
    made.add_attachment(octets, maintype="application", subtype="octet-stream", filename=name)
    return made.as_bytes().replace(b"\n", b"\r\n")


def zipped(octets: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("facture.com", octets)
    return packed.getvalue()


def forwarded(raw: bytes) -> bytes:
    return (
        b'From: b@x.example\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n'
        + raw
        + b"\r\n--b--\r\n"
    )


INFECTED = {
    "plain": b"From: a@x.example\r\n\r\n" + EICAR + b"\r\n",
    "base64": attached(EICAR, "a.com"),
    "zip": attached(zipped(EICAR), "a.zip"),
    "zip in zip": attached(zipped(zipped(EICAR)), "a.zip"),
    "nested": forwarded(attached(EICAR, "a.com")),
}


@pytest.mark.peer
@pytest.mark.parametrize("raw", INFECTED.values(), ids=INFECTED)
async def test_clamd_finds_it_wherever_it_is(clamd, raw):
    for place in clamd:
        assert await Clamav(place, 30).scan(raw) == FOUND


@pytest.mark.peer
async def test_clamd_takes_what_is_clean_and_says_its_version(clamd):
    assert await Clamav(clamd[0], 30).scan(LETTER) == Scan("clamav", "nothing")
    assert (await Clamav(clamd[1], 30).version())[0].startswith("ClamAV 1.")


@pytest.mark.peer
async def test_a_message_in_a_file_is_streamed(clamd):
    with tempfile.TemporaryFile() as file:
        file.write(b"From: a@x.example\r\n\r\n" + b"x" * 70 + b"\r\n" + EICAR + b"\r\n" + b"y" * 2_000_000)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
            assert (await Clamav(clamd[0], 30).scan(raw)).asked == "virus"


@pytest.mark.peer
async def test_what_is_too_large_for_clamd_was_not_looked_at(clamd):
    found = await Clamav(clamd[0], 30).scan(b"From: a@x.example\r\n\r\n" + b"x" * (5 << 20))
    assert found.asked == "down"


async def test_nobody_answers():
    for place in (f"127.0.0.1:{free_port()}", "/nonexistent/clamd.sock"):
        assert (await Clamav(place, 5).scan(LETTER)).asked == "down"
    scanner = Rspamd(f"http://127.0.0.1:{free_port()}", 5)
    assert (await scanner.scan(arrival())).asked == "down"
    await scanner.aclose()


@contextlib.asynccontextmanager
async def speaking(said: bytes | None):
    """Somebody who says this whatever is asked; None says nothing and keeps the line."""

    async def talk(reader, writer):
        with contextlib.suppress(ConnectionError):
            if said is None:
                await asyncio.Event().wait()
            else:
                await reader.read(10)
                writer.write(said)
                await writer.drain()

    async with servers.serving(talk) as port:
        yield f"127.0.0.1:{port}"


@pytest.mark.parametrize("said", [b"", b"stream: OK", b"x" * 10_000, b"stream: no such thing ERROR\0", b"\xff\0", None])
async def test_a_clamd_that_talks_nonsense_is_down(said):
    async with speaking(said) as place:
        assert (await Clamav(place, 0.5).scan(LETTER)).asked == "down"


async def test_a_clamd_that_stops_listening_holds_nobody_up():
    async with speaking(None) as place, asyncio.timeout(20):
        assert (await Clamav(place, 0.2).scan(b"From: a@x.example\r\n\r\n" + bytes(BUFFERS_BYTES))).asked == "down"


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 500 no\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nnonsense", b"HTTP/1.1 200 OK\r\n\r\n{}", b"\0", None]
)
async def test_an_rspamd_that_talks_nonsense_is_down(said):
    async with speaking(said) as place:
        scanner = Rspamd(f"http://{place}", 0.5)
        assert (await scanner.scan(arrival())).asked == "down"
        await scanner.aclose()


async def test_an_rspamd_that_does_not_finish_its_handshake_keeps_no_connection_of_ours():
    left = asyncio.Event()

    async def listen(reader, writer):
        while await reader.read(1 << 16):
            pass
        left.set()

    async with servers.serving(listen) as port, contextlib.AsyncExitStack() as stack:
        scanner = Rspamd(f"https://127.0.0.1:{port}", 30)
        stack.push_async_callback(scanner.aclose)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await scanner.scan(arrival())
        async with asyncio.timeout(5):
            await left.wait()


async def test_a_name_is_shown_without_what_it_could_hide():
    async with speaking(b"stream: A\r\n550 evil\x1b\xc3\xa9 FOUND\0") as place:
        found = await Clamav(place, 5).scan(LETTER)
    assert found.asked in ("virus", "down")
    assert found.name.isascii()
    assert found.name.isprintable()


def arrival(sender: str = "spam@x.example", raw: bytes = LETTER) -> Arrival:
    return Arrival(
        "192.0.2.9", "mail.x.example", sender, ("amina@gov.example", "b@gov.example"), raw, True, "mx.gov.example", queue_hint="Q1"
    )


@pytest.mark.peer
@pytest.mark.parametrize(
    ("local", "want"), [("spam", "junk"), ("subject", "junk"), ("later", "defer"), ("worst", "reject"), ("nobody", "nothing")]
)
async def test_rspamd_is_told_the_envelope_and_its_action_is_understood(rspamd, local, want):
    scanner = Rspamd(rspamd, 30)
    assert (await scanner.scan(arrival(f"{local}@x.example"), "mail.x.example")).asked == want
    assert "rspamd" in await scanner.version()
    await scanner.aclose()


@pytest.mark.peer
async def test_a_large_message_goes_to_rspamd_in_pieces(rspamd):
    scanner = Rspamd(rspamd, 30)
    assert (await scanner.scan(arrival(raw=LETTER + b"0 " * 400_000), "mail.x.example")).asked == "junk"
    await scanner.aclose()
