"""Our own OpenPGP keys in the database, sealed."""

import pytest
from cryptography.exceptions import InvalidTag
from msgspec.structs import replace

from config.clock import DAY_US
from directory.errors import NotFound
from mailcore.openpgp import letters, own, wkd
from signing.openpgp import keys
from tests.mailcore.openpgp.conftest import AMINA
from tests.mailcore.wrapper import AesWrapper

HASH = wkd.name("amina")


@pytest.fixture
def wrapper():
    return AesWrapper()


async def test_a_key_is_kept_sealed_and_opens_again(database, wrapper, amina):
    secret, key = amina
    stored = await own.sealed(wrapper, 7, "Amina@Interieur.example", secret, key)
    await database.write(own.add, stored)
    [found] = await database.read(own.of_account, 7)
    assert (found.address, found.domain, found.local_hash) == (AMINA, "interieur.example", HASH)
    assert await own.opened(wrapper, found) == secret
    assert secret.octets not in found.private_sealed
    with pytest.raises(InvalidTag):
        await own.opened(wrapper, replace(found, fingerprint="B" * 40))


async def test_the_directory_gives_what_is_in_force_and_a_revocation_when_nothing_is(database, clock, wrapper, amina):
    secret, key = amina
    stored = replace(await own.sealed(wrapper, 7, AMINA, secret, key), expires_us=clock.now_us() + DAY_US)
    await database.write(own.add, stored)
    assert await database.read(own.published, "interieur.example", HASH) == key.octets
    assert (await database.read(letters.known, 1, AMINA)).fingerprint == key.fingerprint
    assert await database.read(own.published, "elsewhere.example", HASH) == b""
    assert await database.read(own.published, "interieur.example", wkd.name("brahim")) == b""
    clock.advance(2 * DAY_US)
    assert await database.read(own.published, "interieur.example", HASH) == b""
    assert await database.read(own.current, 7) is None
    assert await database.read(letters.known, 1, AMINA) is None
    revoked = keys.revoked(key.octets, secret.revocation)
    await database.write(own.replace, replace(stored, public_key=revoked.octets, revoked_us=clock.now_us()))
    assert await database.read(own.published, "interieur.example", HASH) == revoked.octets


async def test_a_key_is_found_by_the_end_of_its_fingerprint(database, wrapper, amina, brahim):
    for account_id, (secret, key) in enumerate((amina, brahim), 7):
        await database.write(own.add, await own.sealed(wrapper, account_id, key.addresses[0], secret, key))
    fingerprint = amina[1].fingerprint
    assert (await database.read(own.find, fingerprint[-16:].lower())).fingerprint == fingerprint
    for unknown in ("", "0" * 40):
        with pytest.raises(NotFound):
            await database.read(own.find, unknown)
    like_it = replace(await own.sealed(wrapper, 9, AMINA, *amina), fingerprint="0" * 24 + fingerprint[-16:])
    await database.write(own.add, like_it)
    with pytest.raises(NotFound, match="several"):
        await database.read(own.find, fingerprint[-16:])
    absent = await own.sealed(wrapper, 99, AMINA, *amina)
    with pytest.raises(NotFound):
        await database.write(own.replace, absent)
