"""What tests of signatures share: a country with certificates, a signer of one's own, a place for foreign programs."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from signing.keys import Signer
from signing.process import START_S, running, socket_path
from tests.signers import at_work
from tests.signing.country import Country, found
from tests.signing.peers import Desk


@pytest.fixture(scope="session")
def country() -> Iterator[Country]:
    with tempfile.TemporaryDirectory(prefix="diwan-pki-") as directory:
        yield asyncio.run(found(Path(directory)))


@pytest.fixture(scope="session")
def signature(country: Country) -> bytes:
    """One and the same signature of the clerk over ENTITY."""
    return country.clerk.sign()


@pytest.fixture(scope="session")
def stamped(country: Country) -> bytes:
    """The same with a time stamp."""
    return country.clerk.sign(clock=country.clock)


@pytest.fixture(scope="session")
def trusted(country: Country) -> list[bytes]:
    """The trusted roots alone: Hypothesis writes out what it hands to a test, and a whole country is long."""
    return [country.root.certificate]


@pytest.fixture(scope="session")
def busy() -> Iterator[Path]:
    """The directory of a signer that works for all who make keys of names of their own."""
    with tempfile.TemporaryDirectory(prefix="diwan-signer-") as name, at_work(Path(name)):
        yield Path(name)


@pytest.fixture
async def shared(busy: Path) -> AsyncIterator[Signer]:
    """A client of it."""
    client = await Signer.connect(socket_path(busy), patience_s=START_S)
    yield client
    await client.close()


@pytest.fixture
async def signer(tmp_path: Path) -> AsyncIterator[Signer]:
    """A real signer process of this test's own; its keys are in tmp_path/keys."""
    async with running(tmp_path) as client:
        yield client


@pytest.fixture
def desk(country: Country) -> Iterator[Desk]:
    """A short directory (gpg-agent's socket paths are limited) with the country's certificates in it."""
    with tempfile.TemporaryDirectory(prefix="d-", dir="/tmp") as directory:
        yield Desk.laid(Path(directory), country)
