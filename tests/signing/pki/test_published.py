"""What was published and what was fetched, in rows, on both engines."""

from config.clock import DAY_US, ManualClock
from config.database import Database
from signing.pki import fetched, ocsp, published, register
from signing.pki.ocsp import Said
from signing.pki.places import WHOLE
from signing.pki.published import List
from signing.pki.register import New
from tests.signing.pki.issuing import OURS_SERIAL, Issuing

AUTHORITY = "ca-gov.example"


async def test_a_list_gives_way_to_newer_ones_only(database: Database) -> None:
    made = [List(part, delta, 5, 4 if delta else 0, 1, 2, b"five") for part in (WHOLE, 3) for delta in (False, True)]
    assert await database.write(published.keep, AUTHORITY, made) == 4
    for number, kept in ((4, 0), (5, 0), (6, 1)):
        assert await database.write(published.keep, AUTHORITY, [List(3, True, number, 4, 1, 9, b"other")]) == kept
    assert await database.read(published.find, AUTHORITY, 3, delta=True) == List(3, True, 6, 4, 1, 9, b"other")
    assert await database.read(published.find, AUTHORITY, WHOLE) == made[0]
    assert await database.read(published.find, AUTHORITY, 4) is None
    assert await database.read(published.find, "ca-none", WHOLE) is None
    heads = await database.read(published.heads, AUTHORITY)
    assert {key: one.number for key, one in heads.items()} == {(WHOLE, False): 5, (WHOLE, True): 5, (3, False): 5, (3, True): 6}


async def test_numbers_only_grow(database: Database, clock: ManualClock) -> None:
    first = await database.read(published.next_number, AUTHORITY)
    assert first == clock.now_us()
    ahead = first + 10 * DAY_US  # a clock that was wrong
    await database.write(published.keep, AUTHORITY, [List(WHOLE, True, ahead, 1, 1, 2, b"")])
    assert await database.read(published.next_number, AUTHORITY) > ahead


async def test_an_answer_counts_while_it_says_what_the_register_says(database: Database, clock: ManualClock) -> None:
    issuing = Issuing()
    await database.write(register.add, AUTHORITY, issuing.leaf(OURS_SERIAL), New("sign", "k"))
    assert await database.read(published.standing, AUTHORITY, 4711) is None
    now_us = clock.now_us()
    assert [one.serial for one in await database.read(published.due, AUTHORITY, now_us, "", 9)] == [OURS_SERIAL]
    await database.write(published.answer, AUTHORITY, ocsp.SHA1, [(OURS_SERIAL, Said(now_us, now_us + DAY_US), b"good")])
    assert await database.read(published.due, AUTHORITY, now_us, "", 9) == []
    assert len(await database.read(published.due, AUTHORITY, now_us + 1, "", 9)) == 1
    found = await database.read(published.standing, AUTHORITY, OURS_SERIAL)
    assert found is not None
    assert (found.octets, found.revoked_us, found.next_update_us) == (b"good", 0, now_us + DAY_US)
    await database.write(register.suspend, AUTHORITY, OURS_SERIAL)
    found = await database.read(published.standing, AUTHORITY, OURS_SERIAL)
    assert found is not None
    assert (found.octets, found.revoked_us, found.reason) == (b"", now_us, "certificateHold")
    assert [one.reason for one in await database.read(published.due, AUTHORITY, now_us, "", 9)] == ["certificateHold"]
    await database.write(register.resume, AUTHORITY, OURS_SERIAL)
    found = await database.read(published.standing, AUTHORITY, OURS_SERIAL)
    assert found is not None
    assert (found.octets, found.revoked_us, found.reason) == (b"good", 0, "")
    clock.advance(2 * DAY_US)
    assert await database.write(published.drop, AUTHORITY) == 1


async def test_what_was_fetched_stays_until_newer_comes(database: Database, clock: ManualClock) -> None:
    now_us = clock.now_us()
    assert await database.read(fetched.find, "http://x/") == fetched.NOTHING
    assert await database.write(fetched.keep, "http://x/", b"", b"new", now_us, now_us + 2)
    assert not await database.write(fetched.keep, "http://x/", b"", b"old", now_us - 1, now_us + 2)
    await database.write(fetched.fail, "http://x/", b"", "away")
    await database.write(fetched.fail, "http://x/", b"another question", "away")
    found = await database.read(fetched.find, "http://x/")
    assert (found.octets, found.failed) == (b"new", "away")
    clock.advance(89 * DAY_US)
    assert await database.write(fetched.forget) == 0
    clock.advance(2 * DAY_US)
    assert await database.write(fetched.forget) == 2
