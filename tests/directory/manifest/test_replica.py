from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.clock import MINUTE_US, ManualClock
from config.database import Database, Tx
from config.engines import open_database
from directory import attributes, cards, holdings, organisations, people, posts, resolve, search, units, visibility
from directory.address import parse
from directory.manifest import document, follow, publish, replica
from directory.manifest.document import Freshness
from directory.manifest.errors import BadManifest
from tests.directory.conftest import Ministry, address, build
from tests.directory.manifest.test_publish import KEY, publish_all


@pytest.fixture
async def centre(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Database]:
    """The register of the nation, on a node of its own."""
    folder = tmp_path / "centre"
    folder.mkdir()
    opened = await open_database("sqlite", folder, clock)
    yield opened
    await opened.close()


@pytest.fixture
async def nation(centre: Database) -> Ministry:
    """What the register says."""
    return await centre.write(build)


async def followed(centre: Database, database: Database) -> None:
    """Fetch and believe the newest document, as a following node does."""
    octets = await centre.write(publish_all)
    signed = document.opened(octets, [KEY.written], "demo")
    parts = {n: await centre.read(publish.part, p.sha256) for n, p in signed.body.parts.items()}
    await database.write(follow.accept, signed, parts)
    since = await database.read(follow.completed)
    await database.write(replica.receive, await centre.read(publish.changes, since, signed.body.serial))
    assert await database.read(replica.differing, await database.read(follow.entries_part)) == []
    while await database.write(replica.build, "demo"):
        pass
    await database.write(follow.complete, signed.body.serial, signed.body.parts[publish.ENTRIES].sha256)


async def test_people_of_other_nodes_are_found_and_shown(centre: Database, database: Database, nation: Ministry) -> None:
    await centre.write(attributes.set, nation.amina.person_id, {"phone": "021 12 34"})
    await followed(centre, database)
    [found] = await database.read(search.complete, "amina")
    assert (found.address, found.title_fr) == (nation.amina.address, "Bureau d'ordre")
    [number] = await database.read(search.ids, "amina", None, 5)
    [card] = await database.read(cards.cards, visibility.NATION, [number])
    assert (card.phone, card.organisation_fr) == ("021 12 34", "Ministère de l'Intérieur")


async def test_they_have_no_mailbox_here(centre: Database, database: Database, nation: Ministry) -> None:
    await followed(centre, database)
    assert await database.read(resolve.resolve, parse(nation.amina.address)) is None
    assert not await database.read(resolve.is_local_domain, "interieur.gov.example")


async def test_changes_arrive(centre: Database, database: Database, nation: Ministry, clock: ManualClock) -> None:
    await followed(centre, database)
    clock.advance(MINUTE_US)

    def change(tx: Tx) -> None:
        below = units.create(tx, nation.organisation.organisation_id, "SD", "مصلحة", "Service", nation.unit.unit_id)
        people.rename(tx, nation.karim.person_id, "كريم", "Karim Zidane")
        people.move(tx, nation.karim.person_id, below.unit_id)
        people.close(tx, nation.amina.person_id)
        post = posts.create(tx, below.unit_id, "رئيس", "Chef", address("chef"), function="head")
        holdings.start(tx, post.post_id, nation.karim.person_id, "interim")

    await centre.write(change)
    await followed(centre, database)
    assert await database.read(search.complete, "amina") == []
    [found] = await database.read(search.complete, "zidane")
    assert found.title_fr == "Chef"
    [number] = await database.read(search.ids, "zidane", None, 5)
    [card] = await database.read(cards.cards, visibility.NATION, [number])
    assert card.unit_fr == "Service"


async def test_an_administration_that_is_kept_here_stays_as_it_is(centre: Database, database: Database, nation: Ministry) -> None:
    own = await database.write(build)
    await centre.write(people.rename, nation.karim.person_id, "x", "Someone else")
    await followed(centre, database)
    assert (await database.read(people.find, own.karim.person_id)).name_fr == "Karim Khelifi"
    assert await database.read(search.complete, "someone") == []


async def test_a_parent_may_come_after_its_child(centre: Database, database: Database, nation: Ministry) -> None:
    def reverse(tx: Tx) -> None:
        top = organisations.create(tx, "ministry", "top", "أ", "Top")
        organisations.move(tx, nation.organisation.organisation_id, top.organisation_id)

    await centre.write(reverse)
    await followed(centre, database)
    made = await database.read(organisations.by_code, "interieur")
    assert made.parent_id == (await database.read(organisations.by_code, "top")).organisation_id


async def test_lines_that_the_document_does_not_vouch_for_are_noticed(centre: Database, database: Database, nation: Ministry) -> None:
    await followed(centre, database)
    hashes = await database.read(follow.entries_part)
    forged = publish.Line(str(nation.amina.person_id), b'{"is":"person","id":1,"ar":"x","fr":"x","address":"x@y"}')
    await database.write(replica.receive, [forged])
    number = document.bucket_of(forged.uid)
    assert await database.read(replica.differing, hashes) == [number]
    whole = await centre.read(publish.bucket, number)
    await database.write(replica.receive, whole)
    await database.write(replica.keep_only, number, [one.uid for one in whole])
    assert await database.read(replica.differing, hashes) == []


async def test_a_line_with_a_name_that_no_entry_has_is_never_kept(centre: Database, database: Database, nation: Ministry) -> None:
    """What cannot be compared would stop this node from following for good."""
    await followed(centre, database)
    line = b'{"is":"person","id":1,"ar":"x","fr":"x","address":"x@y"}'
    for uid in ("9" * 70_000, "", "0", "-1", "1\0", "\ud800", "@" + "x" * 300):
        with pytest.raises(BadManifest):
            await database.write(replica.receive, [publish.Line(uid, line)])
        with pytest.raises(BadManifest):
            await database.write(replica.receive, [publish.Line(uid, b"")])
    assert await database.read(replica.differing, await database.read(follow.entries_part)) == []


async def test_a_part_that_is_not_the_one_named_is_refused(centre: Database, database: Database, nation: Ministry) -> None:
    signed = document.opened(await centre.write(publish_all), [KEY.written], "demo")
    parts = {n: await centre.read(publish.part, p.sha256) for n, p in signed.body.parts.items()}
    with pytest.raises(BadManifest, match="'topology' is missing"):
        await database.write(follow.accept, signed, {**parts, "topology": b"[ ]"})
    assert await database.read(follow.current) is None


async def test_what_is_too_old_is_said_and_then_not_believed(centre: Database, database: Database, clock: ManualClock) -> None:
    await followed(centre, database)
    for minutes, want in ((9, Freshness.FRESH), (2, Freshness.STALE), (10, Freshness.EXPIRED)):
        clock.advance(minutes * MINUTE_US)
        state = await database.read(follow.state, "online")
        assert state is not None
        assert state.freshness is want
        assert (state.stale_since_us is None) == (want is Freshness.FRESH)
    assert await database.read(follow.trust, "online") is None
    assert await database.read(follow.trust, "satellite") is not None
