"""The first key of an address stays its key until somebody accepts another."""

import pytest

from directory.errors import NotFound
from mailcore.openpgp import pins
from mailcore.openpgp.pins import EVERYBODY, Pin
from signing.openpgp import keys
from tests.mailcore.openpgp.conftest import BRAHIM


async def test_the_first_key_is_pinned_and_another_is_only_offered(database, clock, brahim, newer):
    first, other = brahim[1], newer[1]
    pin = await database.write(pins.see, 7, BRAHIM.upper(), first, "directory")
    assert (pin.address, pin.fingerprint, pin.source, pin.pinned_us) == (BRAHIM, first.fingerprint, "directory", clock.now_us())
    pin = await database.write(pins.see, 7, BRAHIM, other, "letter")
    assert (pin.fingerprint, pin.public_key, pin.offered_fingerprint) == (first.fingerprint, first.octets, other.fingerprint)
    assert (await database.read(pins.find, 7, BRAHIM)) == pin
    assert await database.read(pins.find, 8, BRAHIM) is None


async def test_only_the_key_that_was_shown_can_be_accepted(database, brahim, newer, amina):
    await database.write(pins.see, 7, BRAHIM, brahim[1], "directory")
    for fingerprint in ("", newer[1].fingerprint):
        with pytest.raises(NotFound):
            await database.write(pins.accept, 7, BRAHIM, fingerprint)
    await database.write(pins.see, 7, BRAHIM, newer[1], "letter")
    with pytest.raises(NotFound):
        await database.write(pins.accept, 7, BRAHIM, amina[1].fingerprint)
    pin = await database.write(pins.accept, 7, BRAHIM, newer[1].fingerprint)
    assert (pin.fingerprint, pin.source, pin.offered_fingerprint) == (newer[1].fingerprint, "letter", "")


async def test_the_same_key_brings_its_revocation(database, brahim):
    secret, key = brahim
    await database.write(pins.see, 7, BRAHIM, key, "directory")
    revoked = keys.revoked(key.octets, secret.revocation)
    pin = await database.write(pins.see, 7, BRAHIM, revoked, "directory")
    assert (pin.public_key, pin.offered_fingerprint) == (revoked.octets, "")


async def test_the_operators_word_comes_first_and_nobody_changes_it(database, clock, brahim, newer):
    await database.write(pins.see, 7, BRAHIM, brahim[1], "directory")
    everybodys = Pin(EVERYBODY, BRAHIM, newer[1].fingerprint, newer[1].octets, "operator", clock.now_us())
    await database.write(pins.put, everybodys)
    assert await database.read(pins.find, 7, BRAHIM) == everybodys
    assert await database.write(pins.see, 7, BRAHIM, brahim[1], "directory") == everybodys
    await database.write(pins.forget, EVERYBODY, BRAHIM)
    assert (await database.read(pins.find, 7, BRAHIM)).fingerprint == brahim[1].fingerprint
    with pytest.raises(NotFound):
        await database.write(pins.forget, EVERYBODY, BRAHIM)
