"""A node's services on each engine, as for the queue; `node` has a signer and a root too, one and the same for all tests: it takes time."""

import dataclasses
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest

from config.clock import ManualClock
from mailcore import certify, stamping
from mailcore.pki import authorities
from mailcore.services import ROOTS, Services, _certificates
from signing.keys import Signer
from signing.process import socket_path
from signing.tsa import TimeAuthority
from tests.mailcore.queue.conftest import Opener, opener, services, sink
from tests.signers import at_work

__all__ = ["opener", "services", "sink"]
START_S = 20.0


@pytest.fixture(scope="session")
def state() -> Iterator[Path]:
    """The keys of a state, held by a signer."""
    with tempfile.TemporaryDirectory(prefix="diwan-evidence-") as name, at_work(Path(name)):
        yield Path(name)


@pytest.fixture(autouse=True)
def steady(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority of time compares the clock of a test with itself: a busy machine would look to it as if somebody had set it."""
    monkeypatch.setattr(stamping, "TimeAuthority", partial(TimeAuthority, steady_ns=lambda: clock.now_us() * 1000))


@pytest.fixture
async def node(opener: Opener, tmp_path: Path, state: Path) -> AsyncIterator[Services]:
    """A node that can sign."""
    client = await Signer.connect(socket_path(state), patience_s=START_S)
    async with opener() as made:
        able, made_before = dataclasses.replace(made, signer=client), state / "made"
        if made_before.exists():
            shutil.copytree(made_before, tmp_path / "keys")
        else:
            (tmp_path / "keys").mkdir()
            await authorities.make_root(able, "الجذر الوطني")
            await certify.clock(able)
            await certify.seal(able)
            shutil.copytree(tmp_path / "keys", made_before)
        yield dataclasses.replace(able, roots=_certificates((tmp_path / "keys" / ROOTS).read_bytes()))
        await able.parts.close()
    await client.close()
