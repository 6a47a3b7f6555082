"""Scanners that run once for all tests, and a node whose listener examines what comes."""

import contextlib
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from config.checking import Checks, Dns
from config.clock import ManualClock
from config.settings import Tls
from directory.signin.passwords import Hasher
from mailcore.checks import judge
from tests.mailcore.smtp.conftest import Listening, listeners
from tests.mailcore.smtp.node import Collector, loopback, opened, settings
from tests.peers import scanners

Opening = Callable[..., contextlib.AbstractAsyncContextManager[Listening]]


@pytest.fixture(scope="session")
def clamd() -> Iterator[tuple[str, str]]:
    """A real clamd: the path of its socket, its host and port."""
    with tempfile.TemporaryDirectory(prefix="diwan-clamd-") as here, scanners.clamd(Path(here)) as places:
        yield places


@pytest.fixture(scope="session")
def rspamd() -> Iterator[str]:
    """A real rspamd: its address."""
    with tempfile.TemporaryDirectory(prefix="diwan-rspamd-") as here, scanners.rspamd(Path(here)) as url:
        yield url


@pytest.fixture
def opening(tmp_path: Path, tls: Tls, trusting: ssl.SSLContext, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Opening:
    """A node that takes its own machine for a stranger's, with name servers and checks of the test's choice."""
    monkeypatch.setattr(judge, "is_loopback", lambda address: False)
    hasher = Hasher(memory_kib=8, passes=1, lanes=1, iterations=4096)

    @contextlib.asynccontextmanager
    async def open_node(dns: Dns, checks: Checks | None = None) -> AsyncIterator[Listening]:
        made = msgspec.structs.replace(settings(tmp_path, tls, loopback()), dns=dns, checks=checks or Checks())
        async with opened(made, clock, hasher) as services, listeners(services, Collector(), trusting) as listening:
            await listening.start("smtp")
            yield listening
        await services.parts.close()

    return open_node
