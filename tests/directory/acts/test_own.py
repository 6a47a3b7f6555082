"""What people change of their own credentials: done, journalled, and undone when refused."""

import base64

import pytest

from config.clock import ManualClock
from config.database import Database, Tx
from directory import client_certificates, credentials, factors, journal, totp
from directory.acts import own
from directory.errors import BadEntry
from directory.factors import recovery_digest
from directory.rights import NATION, Actor
from directory.signin import SignIn
from directory.signin.passwords import Hasher, prepare
from directory.signin.steps import fresh_recovery_codes
from tests.directory.conftest import Ministry
from tests.directory.signin.authenticator import Authenticator

from .world import certificate

CODES = fresh_recovery_codes()
DIGESTS = [recovery_digest(one) for one in CODES]


@pytest.fixture
def actor(ministry: Ministry) -> Actor:
    return Actor(ministry.amina.address, person_id=ministry.amina.person_id)


async def acts_of(database: Database, actor: Actor) -> list[str]:
    """Return what the journal says that somebody changed, the oldest first; its chain is sound."""

    def read(tx: Tx) -> list[str]:
        assert journal.verify(tx).bad_seq is None
        return [one.act for one in reversed(journal._find(tx, NATION, 2**62, 50, [actor.actor_id], ""))]

    return await database.read(read)


async def turn_codes_on(database: Database, signin: SignIn, clock: ManualClock, actor: Actor) -> bool:
    made = await signin.steps.new_codes(actor.actor_id, actor.name, "Diwan")
    assert await signin.steps.pending_codes(actor.actor_id, actor.name, "Diwan") == made
    typed = totp.code(base64.b32decode(made.secret), totp.step_at(clock.now_us()))
    return await database.write(own.confirm_codes, actor, signin.seals, typed, DIGESTS)


async def test_a_password_is_changed(database: Database, actor: Actor, hasher: Hasher) -> None:
    before = await database.read(credentials.epoch, actor.actor_id)
    after = await database.write(own.change_password, actor, await hasher.hash(prepare("une autre phrase")))
    assert after == before + 1
    assert await database.read(credentials.password_changed_us, actor.actor_id) is not None
    assert await acts_of(database, actor) == ["password.change"]


async def test_the_first_second_factor_brings_recovery_codes_and_the_last_takes_them(
    database: Database, signin: SignIn, clock: ManualClock, actor: Actor
) -> None:
    assert await turn_codes_on(database, signin, clock, actor)
    authenticator = Authenticator()
    begun = await signin.steps.new_passkey(actor.actor_id, actor.name, "Amina")
    register = signin.steps.made(actor.actor_id, begun.ticket, authenticator.create(begun.options), "clé")
    assert not await database.write(own.add_passkey, actor, "clé", register, [recovery_digest("other")])
    assert (await database.read(factors.overview, actor.actor_id)).recovery_left == len(CODES)
    await database.write(own.remove_codes, actor)
    assert (await database.read(factors.overview, actor.actor_id)).recovery_left == len(CODES)
    await database.write(factors.rename_passkey, actor.actor_id, authenticator.credential_id, "clé du bureau")
    assert (await database.read(factors.overview, actor.actor_id)).passkeys[0].label == "clé du bureau"
    await database.write(own.renew_recovery, actor, DIGESTS[:3])
    assert (await database.read(factors.overview, actor.actor_id)).recovery_left == 3
    await database.write(own.remove_passkey, actor, authenticator.credential_id)
    assert await database.read(factors.overview, actor.actor_id) == factors.Overview(False, (), 0)
    assert await acts_of(database, actor) == ["codes.on", "passkey.add", "codes.off", "recovery.renew", "passkey.remove"]


async def test_what_is_refused_is_not_journalled(database: Database, signin: SignIn, actor: Actor) -> None:
    await signin.steps.new_codes(actor.actor_id, actor.name, "Diwan")
    with pytest.raises(BadEntry):
        await database.write(own.confirm_codes, actor, signin.seals, "000000", DIGESTS)
    assert await acts_of(database, actor) == []
    assert await database.read(factors.overview, actor.actor_id) == factors.Overview(False, (), 0)


async def test_app_passwords_and_certificates(database: Database, hasher: Hasher, actor: Actor) -> None:
    verifier = await hasher.derive("secret", bytes(16))
    number = await database.write(own.add_app_password, actor, bytes(32), ("imap",), "téléphone", verifier)
    await database.write(own.revoke_app_password, actor, number)
    assert await database.read(credentials.list_app_passwords, actor.actor_id) == []
    added = await database.write(client_certificates.add, actor.actor_id, certificate("one"), "carte")
    await database.write(own.revoke_certificate, actor, added.sha256)
    assert await database.read(client_certificates.listed, actor.actor_id) == []
    assert await acts_of(database, actor) == ["app_password.add", "app_password.revoke", "client_certificate.revoke"]
