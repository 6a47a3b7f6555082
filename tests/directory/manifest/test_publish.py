import msgspec

from config.clock import MINUTE_US, ManualClock
from config.database import Database, Tx
from directory import attributes, certificates, holdings, people, visibility
from directory.manifest import document, lines, publish
from directory.manifest.publish import Line
from tests.directory.acts.world import certificate
from tests.directory.conftest import Ministry, address
from tests.directory.manifest.keys import SigningKey

KEY = SigningKey()


def publish_all(tx: Tx) -> bytes:
    """Look at everything and issue a document, as the centre does at its start."""
    before = publish.latest(tx)
    serial = before.body.serial + 1 if before else 1
    for table in publish.tables():
        publish.store(tx, lines.of(tx, publish.page(tx, table, 0)), serial)
    publish.store_domains(tx, lines.domains(tx), serial)
    octets = KEY.document(publish.prepare(tx, "demo", b'{"roots":[]}', [KEY.written]))
    assert publish.issue(tx, octets)
    return octets


def told(tx: Tx) -> dict[str, lines.AnyLine]:
    return {one.uid: lines.decode(one.line) for number in range(document.BUCKETS) for one in publish.bucket(tx, number)}


async def test_the_nation_is_told_what_it_may_see(database: Database, ministry: Ministry) -> None:
    amina, post = ministry.amina, ministry.registry
    await database.write(attributes.set, amina.person_id, {"phone": "021 12 34", "mobile": "0550 12", "given_fr": "Amina"})
    await database.write(publish_all)
    found = await database.read(told)
    assert found[str(amina.person_id)] == lines.Person(
        *(amina.person_id, amina.name_ar, amina.name_fr, amina.address, ministry.unit.unit_id, "fr"),
        attributes={"phone": "021 12 34", "given_fr": "Amina"},
    )
    kinds = sorted(type(line).__name__ for line in found.values())
    assert kinds == ["Domain", "Holding", "Organisation", "Person", "Person", "Post", "Unit"]
    assert isinstance(found[str(post.post_id)], lines.Post)


async def test_a_hidden_person_is_not_told_of_nor_what_they_hold(database: Database, ministry: Ministry) -> None:
    await database.write(visibility.set, ministry.amina.person_id, visibility.ENTRY, "organisation")
    await database.write(publish_all)
    found = await database.read(told)
    assert str(ministry.amina.person_id) not in found
    assert not any(isinstance(line, lines.Holding) for line in found.values())


async def test_a_certificate_that_is_hidden_or_of_somebody_hidden_is_not_told_of(database: Database, ministry: Ministry) -> None:
    for person in (ministry.amina, ministry.karim):
        await database.write(certificates.add, person.person_id, "encrypt", "k", certificate(person.address), [])
    await database.write(visibility.set, ministry.amina.person_id, visibility.ENTRY, "organisation")
    await database.write(publish_all)
    shown = [one.account for one in (await database.read(told)).values() if isinstance(one, lines.Certificate)]
    assert shown == [ministry.karim.person_id]
    await database.write(visibility.set, ministry.karim.person_id, "certificates", "organisation")
    await database.write(publish_all)
    assert not any(isinstance(one, lines.Certificate) for one in (await database.read(told)).values())


async def test_only_what_differs_goes_out_with_the_next_document(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    await database.write(publish_all)
    seen = await database.read(publish.look)
    clock.advance(2 * MINUTE_US)
    await database.write(people.rename, ministry.karim.person_id, "كريم", "Karim K.")
    assert ministry.karim.person_id in await database.read(publish.changed, seen)
    await database.write(publish_all)
    [change] = await database.read(publish.changes, 1, 2)
    assert (change.uid, change.serial) == (str(ministry.karim.person_id), 2)
    assert lines.decode(change.line).fr == "Karim K."  # type: ignore[union-attr]


async def test_one_who_left_leaves_an_empty_line(database: Database, ministry: Ministry) -> None:
    await database.write(publish_all)
    await database.write(people.close, ministry.amina.person_id)
    await database.write(publish_all)
    gone = {one.uid for one in await database.read(publish.changes, 1, 2) if not one.line}
    assert gone == {str(ministry.amina.person_id), str(ministry.holding.holding_id)}
    assert str(ministry.amina.person_id) not in await database.read(told)


async def test_what_came_since_a_look_is_found(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    seen = await database.read(publish.look)
    clock.advance(2 * MINUTE_US)
    someone = await database.write(people.create, "سعاد", "Souad", address("souad"), "ar", ministry.unit.unit_id)
    held = await database.write(holdings.start, ministry.registry.post_id, someone.person_id, "interim")
    assert {someone.person_id, held.holding_id} <= set(await database.read(publish.changed, seen))


async def test_changes_come_in_pages_without_a_gap(database: Database, ministry: Ministry) -> None:
    await database.write(publish_all)
    whole = await database.read(publish.changes, 0, 1)
    paged: list[Line] = []
    while more := await database.read(publish.changes, 0, 1, paged[-1] if paged else None, 2):
        paged += more
    assert paged == whole
    assert len(whole) == 7


async def test_every_document_names_its_predecessor_and_its_parts(database: Database, ministry: Ministry) -> None:
    first = document.opened(await database.write(publish_all), [KEY.written], "demo")
    second = document.opened(await database.write(publish_all), [KEY.written], "demo")
    document.follows(first, second, second.body.issued_us)
    assert second.body.previous == first.sha256
    for part in second.body.parts.values():
        assert document.fits(part, await database.read(publish.part, part.sha256))


async def test_a_serial_is_issued_once(database: Database) -> None:
    octets = await database.write(publish_all)
    assert not await database.write(publish.issue, octets)
    other = msgspec.structs.replace(document.reopened(octets).body, issued_us=1)
    assert not await database.write(publish.issue, KEY.document(other))
