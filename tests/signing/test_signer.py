"""The signer as a process, over its real socket."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from signing import process, wire
from signing.errors import BadSecret, KeyExists, NoSuchKey, NotActivated, SignerUnavailable, SigningRefused
from signing.keys import Signer
from signing.process import running, shared, socket_path
from tests.signing.country import token

DIGEST = bytes(range(32))
HUNG_UP = 42
ROOT = Path(__file__).parents[2]


def verified(public: bytes, signature: bytes, digest: bytes = DIGEST) -> None:
    key = serialization.load_der_public_key(public)
    key.verify(signature, digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


async def exchange(path: Path, octets: bytes, *, finish: bool = True) -> list[wire.Reply]:
    """Send octets as they are; return the replies until the signer closes."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(octets)
    if finish:
        writer.write_eof()
    async with asyncio.timeout(10):
        frames = wire.Framer().feed(await reader.read())
    writer.close()
    await writer.wait_closed()
    return [wire.reply(body) for body in frames]


def peak_kb(pid: int) -> int:
    """Return the most memory that a process has had."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0])


@pytest.fixture
def key() -> str:
    """The name of a key that nobody else has."""
    return secrets.token_hex(8)


async def test_it_makes_keys_and_signs(shared: Signer, key: str) -> None:
    public = await shared.generate(key, "p256")
    verified(public, await shared.sign(key, DIGEST))
    assert await shared.public(key) == public


async def test_every_signature_is_told_of_by_what_was_signed(tmp_path: Path) -> None:
    async with running(tmp_path) as signer:
        await signer.generate("k", "p256")
        await signer.sign("k", DIGEST, purpose="letter")
        os.kill((await signer.status()).pid, signal.SIGKILL)
        [file] = (tmp_path / "keys" / "signed").iterdir()
        [line] = map(msgspec.json.decode, file.read_bytes().splitlines())
        assert (line["key"], line["digest"], line["purpose"]) == ("k", DIGEST.hex(), "letter")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        await signer.sign("k", DIGEST)
        assert len(file.read_bytes().splitlines()) == 2


async def test_many_requests_travel_together(shared: Signer, key: str) -> None:
    public = await shared.generate(key, "p256")
    digests = [secrets.token_bytes(32) for _ in range(200)]
    signatures = await asyncio.gather(*(shared.sign(key, digest) for digest in digests))
    for digest, signature in zip(digests, signatures, strict=True):
        verified(public, signature, digest)
    assert (await shared.status()).signatures[key] == 200


async def test_refusals_come_back_as_what_they_are(shared: Signer, key: str) -> None:
    await shared.generate(key, "p256")
    before = (await shared.status()).refused
    wrapped, _ = await shared.new_secret()
    for error, attempt in (
        (NoSuchKey, shared.sign("nobody", DIGEST)),
        (KeyExists, shared.generate(key, "p256")),
        (SigningRefused, shared.sign(key, DIGEST + bytes(16))),
        (BadSecret, shared.unwrap(wrapped[:-1] + b"\0")),
    ):
        with pytest.raises(error):
            await attempt
    assert (await shared.status()).refused == before + 4


async def test_secrets_come_in_batches_of_any_size(shared: Signer) -> None:
    pairs = await shared.new_secrets(wire.MAX_BATCH + 1)
    assert len({secret for _, secret in pairs}) == wire.MAX_BATCH + 1
    assert await shared.unwrap_many([wrapped for wrapped, _ in pairs]) == [secret for _, secret in pairs]
    wrapped, secret = await shared.new_secret()
    assert await shared.unwrap(wrapped) == secret


async def test_an_activated_key_signs_what_was_confirmed_once(shared: Signer, key: str, busy: Path) -> None:
    public = await shared.generate(key, "p256", activated=True)
    once = token(busy, key, DIGEST)
    verified(public, await shared.sign(key, DIGEST, once))
    with pytest.raises(NotActivated):
        await shared.sign(key, DIGEST, once)


async def test_of_two_equal_activations_at_the_same_time_one_signs(shared: Signer, key: str, busy: Path) -> None:
    await shared.generate(key, "p256", activated=True)
    once = token(busy, key, DIGEST)
    results = await asyncio.gather(*(shared.sign(key, DIGEST, once) for _ in range(5)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NotActivated"] * 4 + ["bytes"]


@pytest.mark.parametrize("wrong", [{"key_id": "other"}, {"digest": bytes(32)}, {"purpose": "seal"}, {"lasts_s": -1}, {"lasts_s": 3600}])
async def test_an_activation_for_something_else_is_refused(shared: Signer, key: str, busy: Path, wrong: dict) -> None:
    await shared.generate(key, "p256", activated=True)
    for activated in (token(busy, **{"key_id": key, "digest": DIGEST, **wrong}), b"", secrets.token_bytes(56)):
        with pytest.raises(NotActivated):
            await shared.sign(key, DIGEST, activated)
    assert key not in (await shared.status()).signatures


async def test_a_killed_signer_is_started_again_and_remembers(signer: Signer, tmp_path: Path) -> None:
    public = await signer.generate("k", "p256", activated=True)
    wrapped, secret = await signer.new_secret()
    once = token(tmp_path, "k", DIGEST)
    await signer.sign("k", DIGEST, once)
    before = await signer.status()
    os.kill(before.pid, signal.SIGKILL)
    assert await signer.unwrap(wrapped) == secret
    assert (await signer.status()).pid != before.pid
    assert await signer.public("k") == public
    with pytest.raises(NotActivated):
        await signer.sign("k", DIGEST, once)


async def test_requests_under_way_when_it_dies_are_answered_after_its_restart(signer: Signer) -> None:
    await signer.generate("k", "p256")
    pid = (await signer.status()).pid
    asking = [asyncio.create_task(signer.sign("k", DIGEST)) for _ in range(300)]
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    assert len(await asyncio.gather(*asking)) == 300


@pytest.mark.parametrize(
    "octets",
    [
        b"\xff" * 64,
        b"GET / HTTP/1.1\r\n\r\n" * 10,
        wire.LENGTH.pack(wire.MAX_FRAME_BYTES + 1) + b"x" * 100,
    ],
)
async def test_a_stream_that_cannot_be_followed_is_refused_and_closed(shared: Signer, busy: Path, octets: bytes) -> None:
    before = (await shared.status()).refused
    replies = await exchange(socket_path(busy), octets, finish=False)
    assert replies == [wire.Refusal(0, "refused")]
    assert (await shared.status()).refused == before + 1


async def test_malformed_requests_are_refused_and_the_connection_goes_on(shared: Signer, busy: Path) -> None:
    broken = [msgspec.msgpack.encode(one) for one in (["sign", 5], {"a": 1}, ["sign", "5"], ["sign", 2**64 - 1], ["sign"], 5, None)]
    bodies = [b"", b"\xc1", b"\x93", *broken, b"\x91" * 60_000, secrets.token_bytes(50)]
    octets = b"".join(wire.LENGTH.pack(len(body)) + body for body in bodies) + wire.frame(wire.Report(9))
    replies = await exchange(socket_path(busy), octets)
    assert replies[:-1] == [
        wire.Refusal(5 if number == 3 else 0, "refused") for number in range(len(bodies))
    ]  # that one alone, when it says so
    assert replies[-1].id == 9


async def test_a_client_that_asks_for_much_and_reads_nothing_costs_little(signer: Signer, tmp_path: Path) -> None:
    """Seventeen octets ask for 38 KB: a chunk of them was hundreds of megabytes, and seconds in which nobody else was answered."""
    pid = (await signer.status()).pid
    before_kb = peak_kb(pid)
    reading, writing = await asyncio.open_unix_connection(str(socket_path(tmp_path)))
    writing.write(b"".join(wire.frame(wire.NewSecrets(id, wire.MAX_BATCH)) for id in range(1, 1001)))
    await writing.drain()
    await signer.status()
    assert peak_kb(pid) - before_kb < 20_000
    for id in range(1, 31):
        size = int.from_bytes(await reading.readexactly(4), "big")
        assert wire.reply(await reading.readexactly(size)).id == id
    writing.close()


async def test_half_a_frame_and_a_hang_up_disturb_nobody(shared: Signer, busy: Path) -> None:
    before = await shared.status()
    assert await exchange(socket_path(busy), struct.pack(">I", 100) + b"half") == []
    assert await shared.status() == before


async def test_the_socket_is_for_its_owner_alone(shared: Signer, busy: Path) -> None:
    path = socket_path(busy)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_another_user_is_hung_up_on_even_when_the_files_let_him_in(signer: Signer, tmp_path: Path) -> None:
    """The modes of files are one lock, the peer's credentials another."""
    path = socket_path(tmp_path)
    path.chmod(0o666)
    path.parent.chmod(0o711)
    directory = os.open(path.parent, os.O_PATH)
    pid = os.fork()
    if pid == 0:
        os._exit(ask_as_nobody(f"/proc/self/fd/{directory}/{path.name}"))
    _, status = await asyncio.to_thread(os.waitpid, pid, 0)
    os.close(directory)
    assert os.waitstatus_to_exitcode(status) == HUNG_UP


def ask_as_nobody(path: str) -> int:
    """Return an exit status that says how far somebody else got."""
    with socket.socket(socket.AF_UNIX) as peer:
        try:
            os.setgid(65534)
            os.setuid(65534)
            peer.connect(path)
        except OSError:
            return 1
        try:
            peer.sendall(wire.frame(wire.Report(1)))
            return 2 if peer.recv(1) else HUNG_UP
        except OSError:
            return HUNG_UP


async def test_no_private_octet_is_in_the_open(signer: Signer, tmp_path: Path) -> None:
    await signer.generate("k", "p256")
    written = [path for path in (tmp_path / "keys").rglob("*") if path.is_file()]
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in written)
    [key] = [path for path in written if path.name == "k"]
    with pytest.raises(ValueError):
        serialization.load_der_private_key(key.read_bytes(), None)


async def test_two_signers_never_share_keys(shared: Signer, busy: Path) -> None:
    with pytest.raises(SignerUnavailable):
        async with running(busy):
            pass
    assert await shared.status()


async def test_a_deep_directory_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    async with running(deep) as signer:
        assert (await signer.status()).pid


async def test_nobody_at_the_socket_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(SignerUnavailable):
        await Signer.connect(tmp_path / "none.sock", patience_s=0)


async def test_nobody_waits_for_the_patience_of_others(tmp_path: Path) -> None:
    client = Signer(tmp_path / "none.sock", patience_s=0.5)
    async with asyncio.timeout(2):  # all together, not one after the other
        told = await asyncio.gather(*(client.public("k") for _ in range(20)), return_exceptions=True)
    assert {type(one) for one in told} == {SignerUnavailable}


async def test_a_signer_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        client = await Signer.connect(tmp_path / "s", answer_s=0.05)
        with pytest.raises(SignerUnavailable):
            await client.status()
        await client.close()


async def test_whoever_waits_when_the_client_closes_is_told(shared: Signer, key: str) -> None:
    asking = asyncio.create_task(shared.generate(key, "p384"))
    await asyncio.sleep(0)
    await shared.close()
    with pytest.raises(SignerUnavailable):
        await asking


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A signer that nobody looks after, in its `--child` form."""
    command = [sys.executable, "-m", "signing.signer", "--socket", str(tmp_path / "s"), "--keys", str(tmp_path / "k"), "--child"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


def test_it_ends_when_its_parent_goes_away(alone: subprocess.Popen[bytes], tmp_path: Path) -> None:
    alone.stdin.close()
    assert alone.wait(10) == 0
    assert not (tmp_path / "s").exists()


def test_it_ends_on_sigterm_and_not_on_the_terminals_interrupt(alone: subprocess.Popen[bytes]) -> None:
    alone.send_signal(signal.SIGINT)
    alone.send_signal(signal.SIGTERM)
    assert alone.wait(10) == 0


def test_it_says_in_one_line_why_it_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "storage.key").write_bytes(b"short")
    (tmp_path / "storage.key").chmod(0o600)
    command = [sys.executable, "-m", "signing.signer", "--socket", str(tmp_path / "s"), "--keys", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("signer: ")
    assert len(done.stderr.splitlines()) == 1


async def test_who_is_left_runs_the_signer_when_whoever_began_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "FOLLOW_S", 0.1)  # no service manager here
    command = contextlib.AsyncExitStack()
    await command.enter_async_context(shared(tmp_path))
    async with shared(tmp_path) as signer:
        await signer.generate("k", "p256")
        first = (await signer.status()).pid
        await command.aclose()
        assert await signer.sign("k", bytes(32))
        assert (await signer.status()).pid != first
