"""A centre and a following node, both real: their own signers, databases and listeners, with HTTPS and SMTP between them."""

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from rich.console import Console

from config import settings
from config.clock import MINUTE_US
from directory import acts, organisations, people, resolve, search
from directory.acts.posts import PostClose, PostRename
from directory.address import parse
from directory.errors import NotPermitted
from directory.manifest import follow, publish, replica, topology
from directory.manifest.document import Anchor, Freshness
from directory.manifest.errors import BadManifest
from directory.manifest.topology import Node
from directory.rights import CONSOLE
from mailcore import dns, setup
from mailcore.manifest import desk, stick
from mailcore.manifest.centre import Centre, CentreSilent
from mailcore.manifest.follower import Follower
from mailcore.manifest.publisher import Publisher
from mailcore.queue import remote, route
from mailcore.queue.remote import Peer
from mailcore.queue.route import Hop, Map
from mailcore.queue.types import Reply
from mailcore.routing.policy import Way
from mailcore.services import Services, opened
from mailcore.smtp.server import mx
from tests.clocks import ShiftedClock
from tests.ports import free_base
from webmail.app import web

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = "archives.example"


@dataclass(frozen=True, slots=True)
class Nation:
    """The two nodes, and what the follower asks through."""

    centre: Services
    other: Services
    publisher: Publisher
    follower: Follower
    line: Centre
    anchor: Anchor
    clock: ShiftedClock
    node: Node

    async def follow(self) -> None:
        """Publish at the centre, ask at the other node."""
        await self.publisher.publish()
        await self.follower.ask(self.line)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Nation]:
    """Both nodes, open, each with the listener that the other needs."""
    folder, base = tmp_path_factory.mktemp("nation"), free_base(span=2)
    await _make(folder / "centre", setup.Wanted(True, 1, 20, base, "", "", "sqlite"), "")
    anchor = await desk.anchor(folder / "centre", f"https://localhost:{base + setup.PORTS['https']}")
    wanted = setup.Wanted(False, 1, 20, base + 10_000, "mx.archives.example", HERE, "sqlite")
    await _make(folder / "other", wanted, '\n[manifest]\nanchor = "anchor.json"\n')
    clock = ShiftedClock()
    async with contextlib.AsyncExitStack() as stack:
        centre = await stack.enter_async_context(opened(settings.load(folder / "centre"), clock))
        other = await stack.enter_async_context(opened(settings.load(folder / "other"), clock))
        await stack.enter_async_context(web(centre))
        await stack.enter_async_context(mx(other))
        told = desk.describe(folder / "other")
        owner = await centre.db.read(organisations.by_code, "interieur")
        where = (told.hostname, told.smtp, told.https, bytes.fromhex(told.key_sha256))
        node = await centre.db.write(topology.add, "archives", owner.organisation_id, "online", *where, [HERE])
        line = Centre(anchor, other.settings)
        stack.push_async_callback(line.close)
        publisher = Publisher(centre)
        await publisher.publish(whole=True)
        yield Nation(centre, other, publisher, Follower(other.db, clock, anchor), line, anchor, clock, node)


async def _make(directory: Path, wanted: setup.Wanted, manifest: str) -> None:
    await setup.init(directory, wanted, Console(quiet=True))
    file = directory / settings.FILE
    file.write_text(file.read_text("utf-8") + manifest, "utf-8")


async def test_a_node_that_follows_finds_people_and_nodes_of_the_nation(nation: Nation) -> None:
    await nation.follow()
    found = await nation.other.db.read(search.complete, "bureau ordre")
    assert any(one.address == "bureau.ordre@education.gov.example" for one in found)
    known = await nation.other.db.read(topology.of_domain, HERE)
    assert known is not None
    assert known.key_sha256 == nation.node.key_sha256


async def test_what_changes_at_the_centre_is_known_at_the_next_question(nation: Nation) -> None:
    await nation.follow()
    target = await nation.centre.db.read(resolve.resolve, parse("bureau.ordre@education.gov.example"))
    assert target is not None
    unit_id = await nation.centre.db.read(lambda tx: tx.value("SELECT unit_id FROM post WHERE post_id = :id", id=target.account_id))
    await nation.centre.db.write(people.create, "زوليخة", "Zoulikha Tazi", parse("zoulikha@education.gov.example"), "ar", unit_id)
    await nation.follow()
    assert [one.address for one in await nation.other.db.read(search.complete, "zoulikha")] == ["zoulikha@education.gov.example"]
    assert await nation.other.db.read(replica.differing, await nation.other.db.read(follow.entries_part)) == []


async def test_what_another_node_keeps_cannot_be_changed_here(nation: Nation) -> None:
    await nation.follow()
    [number, *_] = await nation.other.db.read(search.ids, "bureau ordre education", None, 5)
    with pytest.raises(NotPermitted, match="kept by another node"):
        await nation.other.db.write(acts.perform, CONSOLE, PostRename(number, "x", "x"))
    with pytest.raises(NotPermitted, match="kept by another node"):
        await nation.other.db.write(acts.perform, CONSOLE, PostClose(number))


async def test_mail_finds_the_node_by_the_topology_and_knows_it_by_its_key(nation: Nation) -> None:
    peer = Peer(nation.centre)
    hops = await _hops(nation.centre)
    assert isinstance(hops, tuple)
    session = await remote.connect(peer, hops)
    assert not isinstance(session, Reply)
    await session.quit()
    other_key = Hop(hops[0].host, hops[0].address, hops[0].port, True, None, bytes(32))
    refused = await remote.connect(peer, [other_key])
    assert isinstance(refused, Reply)
    assert "has not the key that the topology names" in refused.text


async def _hops(node: Services) -> tuple[Hop, ...] | Reply:
    found = await node.db.peek(follow.node_of, HERE, node.settings.manifest.site)
    assert found is not None
    return await route.hops(HERE, Way("node", *found), Map("mx.example", dns.of(node)))


async def test_a_silent_centre_leaves_what_was_good(nation: Nation) -> None:
    await nation.follow()
    nowhere = Centre(Anchor("demo", "https://localhost:1", nation.anchor.keys, nation.anchor.ca), nation.other.settings)
    with pytest.raises(CentreSilent, match="no answer from"):
        await nation.follower.ask(nowhere)
    await nowhere.close()
    assert await nation.other.db.read(search.complete, "bureau ordre") != []


async def test_a_centre_with_another_key_is_not_believed(nation: Nation) -> None:
    stranger = Anchor("demo", nation.anchor.url, [], nation.anchor.ca)
    with pytest.raises(BadManifest, match="no key that we trust"):
        await Follower(nation.other.db, nation.clock, stranger).ask(nation.line)


async def test_entries_are_for_nodes_of_the_topology(nation: Nation) -> None:
    outsider = Centre(nation.anchor, nation.centre.settings)  # shows the centre's own key, which the topology does not name
    assert await outsider.document()
    with pytest.raises(CentreSilent, match="401"):
        await outsider.bucket(0, "", nation.clock.now_us())
    await outsider.close()


async def test_a_badge_from_yesterday_opens_nothing(nation: Nation) -> None:
    with pytest.raises(CentreSilent, match="out of date"):
        await nation.line.bucket(0, "", nation.clock.now_us() - 1440 * MINUTE_US)


async def test_a_stick_says_the_same_as_the_line(nation: Nation, tmp_path: Path) -> None:
    await nation.follow()
    file = tmp_path / "stick"
    count = await stick.export(nation.centre.db, file)
    carried = stick.verify(file, nation.anchor)
    assert (carried.entries, carried.differing, carried.since) == (count, [], None)
    applied = await stick.apply(nation.follower, nation.other.db, nation.anchor, file)
    assert (applied.entries, applied.differing) == (count, [])
    assert applied.signed.sha256 == (await nation.centre.db.read(publish.latest)).sha256  # type: ignore[union-attr]


async def test_a_stick_that_was_tampered_with_is_noticed(nation: Nation, tmp_path: Path) -> None:
    file, cut, other = tmp_path / "stick", tmp_path / "cut", tmp_path / "other"
    await stick.export(nation.centre.db, file)
    octets = file.read_bytes()
    cut.write_bytes(octets[:-6])
    with pytest.raises(BadManifest, match="cut off"):
        stick.verify(cut, nation.anchor)
    full = re.search(rb"B\x00\x00\x00\x02(\d\d)L", octets)  # the first two-digit bucket that holds anything says that it is another
    assert full is not None
    other.write_bytes(octets[: full.start(1)] + b"%02d" % ((int(full[1]) + 1) % 100) + octets[full.end(1) :])
    assert int(full[1]) in stick.verify(other, nation.anchor).differing
    cut.write_bytes(b"something else")
    with pytest.raises(BadManifest, match="no file that"):
        stick.verify(cut, nation.anchor)


async def test_what_grows_too_old_is_not_believed_until_the_centre_is_seen_again(nation: Nation) -> None:
    await nation.follow()
    nation.clock.ahead_us = 21 * MINUTE_US
    try:
        state = await nation.other.db.read(follow.state, "online")
        assert state is not None
        assert state.freshness is Freshness.EXPIRED
        assert await nation.other.db.read(search.complete, "bureau ordre") != []
        found = await _hops(nation.other)
        assert isinstance(found, Reply)
        assert "too old to be believed" in found.text
        await nation.follow()
        assert isinstance(await _hops(nation.other), tuple)
    finally:
        nation.clock.ahead_us = 0


async def test_a_revoked_node_is_refused_everywhere_with_the_next_question(nation: Nation) -> None:
    nation.clock.ahead_us = 22 * MINUTE_US
    await nation.follow()
    await nation.centre.db.write(topology.revoke, nation.node.node_id, "stolen")
    await nation.publisher.publish()
    with pytest.raises(CentreSilent, match="this node is revoked: stolen"):
        await nation.line.bucket(0, "", nation.clock.now_us())
    await nation.follower.ask(nation.line)
    for node in (nation.centre, nation.other):
        refused = await _hops(node)
        assert isinstance(refused, Reply)
        assert "the node archives is revoked: stolen" in refused.text
    nation.clock.ahead_us = 0
