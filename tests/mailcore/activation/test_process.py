"""The process itself: beside a node that has none of its secrets at hand, killed, started wrongly."""

import asyncio
import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.wire import free_port
from config.clock import SystemClock
from directory import certificates, credentials
from directory.errors import BadCredentials, SignInExpired
from directory.signin.passwords import prepare
from mailcore import certify, operate
from mailcore.activation import process
from mailcore.activation.client import Activator, Proofs, socket_path
from mailcore.services import Services
from signing.errors import NotActivated, SignerUnavailable
from tests.directory.conftest import PASSWORD, Ministry, build
from tests.mailcore.activation.conftest import DIGEST, PEER
from tests.mailcore.founded import AMINA, REGISTRY, TOML, founded

SOURCES = Path(__file__).parents[3]
SECRETS = ("activation.key", "storage.key")


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[tuple[Services, Ministry]]:
    """A node with its signer and the process, whose secrets were taken away after both have begun."""
    async with founded(tmp_path, SystemClock()) as made:
        ministry = await made.db.write(build)
        await made.db.write(credentials.set_password, ministry.amina.person_id, await made.signin.hasher.hash(prepare(PASSWORD)))
        await certify.certify_address(made, REGISTRY)
        async with process.running(made.settings):
            for name in SECRETS:
                (tmp_path / "keys" / name).rename(tmp_path / name)
            yield made, ministry


async def test_a_front_without_any_secret_signs_once_who_is_there_has_proved_it(node: tuple[Services, Ministry]) -> None:
    services, ministry = node
    post = ministry.registry.post_id
    held = await services.db.read(certificates.current, post, "sign", services.clock.now_us())
    assert held is not None
    grant = (await services.activator.prove(AMINA, Proofs(PASSWORD), PEER, "sign")).grant
    token = await services.activator.permit(grant, post, held.key_id, DIGEST, "sign")
    assert await services.signer.sign(held.key_id, DIGEST, token, "sign")
    for forged in (b"", token, bytes(len(token))):
        with pytest.raises(NotActivated):
            await services.signer.sign(held.key_id, DIGEST, forged, "sign")


async def test_it_is_started_again_and_has_forgotten_what_was_granted(node: tuple[Services, Ministry], tmp_path: Path) -> None:
    services, ministry = node
    own = ministry.amina.person_id
    grant = (await services.activator.prove(AMINA, Proofs(PASSWORD), PEER, "decrypt", 9)).grant
    async with process.running(services.settings):  # there is one: this starts no other
        pass
    for name in SECRETS:
        (tmp_path / name).rename(tmp_path / "keys" / name)
    os.kill(_peer(socket_path(tmp_path)), signal.SIGKILL)
    assert await services.activator.asked(AMINA) is None  # waits for the next one
    with pytest.raises(SignInExpired):
        await services.activator.permit(grant, own, "k", DIGEST, "decrypt")
    assert (await services.activator.prove(AMINA, Proofs(PASSWORD), PEER, "decrypt")).grant


async def test_a_node_has_one_and_keeps_it_when_whoever_began_it_ends(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signing.process.level", lambda: "error")  # as of a command
    async with founded(tmp_path, SystemClock()) as made, contextlib.AsyncExitStack() as node:
        await made.db.write(build)
        async with process.running(made.settings):  # as of a command, just before the node starts
            first = _peer(socket_path(tmp_path))
            await node.enter_async_context(process.running(made.settings))
            words = [sys.executable, "-m", "mailcore.activation.process", "--dir", str(tmp_path)]
            ran = await asyncio.to_thread(subprocess.run, words, cwd=SOURCES, capture_output=True, text=True, timeout=30, check=False)
            assert (ran.returncode, "another one works" in ran.stderr) == (1, True)
            assert _peer(socket_path(tmp_path)) == first
        await (await Activator.connect(socket_path(tmp_path), patience_s=30)).close()
        assert _peer(socket_path(tmp_path)) != first
        with pytest.raises(BadCredentials):
            await made.activator.prove(AMINA, Proofs("wrong"), PEER, "sign")
    assert "activation.refused" not in capfd.readouterr().err  # it says no more than whoever began it


def _peer(path: Path) -> int:
    """Return which process listens on a socket."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(path))
        return int(struct.unpack("3i", asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])


async def test_the_doctor_tells_whether_it_answers(tmp_path: Path) -> None:
    async with founded(tmp_path, SystemClock()):
        (tmp_path / "diwan.toml").write_text(f'{TOML}\n[listen]\nhttps = "127.0.0.1:{free_port()}"\n')
        for mode in (0o644, 0o600):  # with a secret that others can read it does not start
            (tmp_path / "keys" / "activation.key").chmod(mode)
            [told] = [one for one in await operate.doctor(tmp_path, fix=False) if one.check == "activation"]
            assert told.ok is (mode == 0o600), told.said


async def test_a_node_starts_it_for_the_first_proof_and_ends_it(tmp_path: Path) -> None:
    async with founded(tmp_path, SystemClock()) as made:
        await made.db.write(build)
        secret = tmp_path / "keys" / "activation.key"
        async with process.at_need(made.settings, made.activator):
            assert not socket_path(tmp_path).exists()
            secret.chmod(0o644)
            with pytest.raises(SignerUnavailable):
                await made.activator.asked(AMINA)
            secret.chmod(0o600)
            assert await asyncio.gather(*(made.activator.asked(AMINA) for _ in range(5))) == [None] * 5
            started = _peer(socket_path(tmp_path))
        with pytest.raises(ProcessLookupError):
            os.kill(started, 0)


async def test_it_says_why_it_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "diwan.toml").write_text(TOML)
    (tmp_path / "keys" / "activation.key").write_bytes(bytes(32))
    (tmp_path / "keys" / "activation.key").chmod(0o644)
    for place, said in ((tmp_path, "can be read by others"), (tmp_path / "nowhere", "diwan.toml")):
        words = [sys.executable, "-m", "mailcore.activation.process", "--dir", str(place)]
        ran = await asyncio.to_thread(subprocess.run, words, cwd=SOURCES, capture_output=True, text=True, timeout=30, check=False)
        assert ran.returncode == 1
        assert said in ran.stderr
        assert "Traceback" not in ran.stderr
