"""One real node for all tests of the pages: store on SQLite, signer process, demonstration country, delivery at work."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from rich.console import Console

from config import settings
from directory.demo import FeaturedPerson
from mailcore import setup, stamping
from mailcore.activation.process import answering
from mailcore.queue.worker import deliver
from mailcore.services import opened
from signing.tsa import TimeAuthority
from tests.clocks import ShiftedClock
from tests.webmail.site import INTERIOR, Site, Visitor


@pytest.fixture(scope="session")
def country() -> Iterator[tuple[Path, tuple[FeaturedPerson, ...]]]:
    """The directory of a node with twenty people, and those of them who can sign in."""
    directory = Path(tempfile.mkdtemp(prefix="diwan-web-"))
    wanted = setup.Wanted(True, 1, 20, 40_000, "", "", "sqlite")
    people = asyncio.run(setup.init(directory / "node", wanted, Console(quiet=True))).sign_ins
    yield directory / "node", people
    shutil.rmtree(directory)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(country: tuple[Path, tuple[FeaturedPerson, ...]]) -> AsyncIterator[Site]:
    """The node, open, with delivery at work."""
    directory, people = country
    clock = ShiftedClock()
    with pytest.MonkeyPatch.context() as patch:  # to the authority of time a test that moves this clock would look like somebody who set it
        steady = partial(TimeAuthority, steady_ns=lambda: clock.now_us() * 1000)
        patch.setattr(stamping, "TimeAuthority", steady)
        async with opened(settings.load(directory), clock) as services, deliver(services), answering(services.settings, services.db, clock):
            yield Site(services, clock, {address: one for one in people for address in (one.address, *one.posts)})


@pytest.fixture
def clerk(site: Site) -> FeaturedPerson:
    """The registry clerk of the ministry of the interior."""
    return site.people[INTERIOR]


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(site: Site, clerk: FeaturedPerson) -> Visitor:
    """That clerk, signed in, in English."""
    return await site.signed_in(clerk)


@pytest.fixture
def later(site: Site) -> Iterator[ShiftedClock]:
    """A clock that a test may move; it is put back afterwards."""
    yield site.clock
    site.clock.ahead_us = 0
