"""The second step: codes, recovery codes, passkeys, tickets."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from config.clock import SECOND_US
from config.database import Database
from directory import credentials, factors
from directory.errors import BadCredentials, BadEntry, NotFound, SignInExpired, TooManyAttempts
from directory.signin import Assertion, Code, Half, Identity, SignIn, passkeys
from directory.signin.steps import RECOVERY_CODES, TICKET_US
from directory.totp import STEP_US
from directory.types import Passkey

from ..conftest import PASSWORD, SITE, Ministry
from .authenticator import Authenticator, es256
from .conftest import AMINA, PEER, REGISTRY, Amina


async def half(amina: Amina, login: str = AMINA) -> Half:
    found = await amina.signin.first_factor(login, PASSWORD, PEER)
    assert isinstance(found, Half)
    return found


@pytest.fixture
async def coded(amina: Amina) -> Amina:
    """Amina with codes on, the first of them used up."""
    await amina.turn_codes_on()
    amina.clock.advance(STEP_US)
    return amina


@pytest.fixture
async def keyed(amina: Amina) -> tuple[Amina, Authenticator]:
    """Amina with a passkey."""
    authenticator = Authenticator()
    begun = await amina.signin.steps.new_passkey(amina.person_id, AMINA, "Amina Benali")
    await amina.signin.steps.add_passkey(amina.person_id, begun.ticket, authenticator.create(begun.options), "clé")
    return amina, authenticator


async def test_without_a_second_factor_the_password_is_enough(amina: Amina) -> None:
    who = await amina.signin.first_factor(AMINA, PASSWORD, PEER)
    assert isinstance(who, Identity)
    assert who.methods == ("pwd",)


async def test_a_code_finishes_in_the_mailbox_that_was_asked_for(coded: Amina) -> None:
    begun = await half(coded, f"{AMINA}*{REGISTRY}")
    assert begun.factors == ("otp", "recovery")
    who = await coded.signin.second_factor(begun.ticket, Code(f"{coded.code()[:3]} {coded.code()[3:]}"), PEER)
    assert (who.address, who.capacity, who.methods) == (REGISTRY, "post", ("pwd", "otp"))


async def test_a_code_works_once(coded: Amina) -> None:
    one, two = await half(coded), await half(coded)
    code = coded.code()
    await coded.signin.second_factor(one.ticket, Code(code), PEER)
    with pytest.raises(BadCredentials):
        await coded.signin.second_factor(two.ticket, Code(code), PEER)


async def test_a_ticket_leads_to_one_sign_in(coded: Amina) -> None:
    begun = await half(coded)
    await coded.signin.second_factor(begun.ticket, Code(coded.code()), PEER)
    coded.clock.advance(STEP_US)
    with pytest.raises(SignInExpired):
        await coded.signin.second_factor(begun.ticket, Code(coded.code()), PEER)


async def test_a_ticket_grows_old_and_dies_with_the_epoch(coded: Amina, database: Database) -> None:
    old = await half(coded)
    coded.clock.advance(TICKET_US)
    with pytest.raises(SignInExpired):
        await coded.signin.second_factor(old.ticket, Code(coded.code()), PEER)
    revoked = await half(coded)
    await database.write(credentials.revoke_all, coded.person_id)
    with pytest.raises(BadCredentials):
        await coded.signin.second_factor(revoked.ticket, Code(coded.code()), PEER)


async def test_a_ticket_of_another_process_of_the_node_is_good_and_one_of_another_key_is_not(coded: Amina, database: Database) -> None:
    begun = await half(coded)
    stranger = SignIn(database, coded.clock, coded.signin.hasher, key=b"\1" * 32, site=SITE)
    with pytest.raises(SignInExpired):
        await stranger.second_factor(begun.ticket, Code(coded.code()), PEER)
    sibling = SignIn(database, coded.clock, coded.signin.hasher, key=bytes(32), site=SITE)
    assert (await sibling.second_factor(begun.ticket, Code(coded.code()), PEER)).address == AMINA


async def test_wrong_codes_close_the_second_step_for_everybody_who_has_the_password_and_for_nobody_else(coded: Amina) -> None:
    begun = await half(coded)
    for number in range(factors.FREE_TRIES):
        with pytest.raises(BadCredentials):
            await coded.signin.second_factor(begun.ticket, Code(f"00000{number}"), f"198.51.{number}.1")
    with pytest.raises(TooManyAttempts):
        await coded.signin.second_factor(begun.ticket, Code(coded.code()), PEER)
    assert (await coded.signin.password(AMINA, coded.app_password, "imap", PEER)).address == AMINA
    coded.clock.advance(2 * SECOND_US)
    assert (await coded.signin.second_factor(begun.ticket, Code(coded.code()), PEER)).address == AMINA


async def test_recovery_codes_work_once_each_however_they_are_typed(coded: Amina, database: Database) -> None:
    codes = await coded.signin.steps.new_recovery_codes(coded.person_id)
    assert len(set(codes)) == RECOVERY_CODES
    who = await coded.signin.second_factor((await half(coded)).ticket, Code(codes[0].replace("-", " ").upper()), PEER)
    assert who.methods == ("pwd", "recovery")
    with pytest.raises(BadCredentials):
        await coded.signin.second_factor((await half(coded)).ticket, Code(codes[0]), PEER)
    assert (await database.read(factors.overview, coded.person_id)).recovery_left == RECOVERY_CODES - 1
    await coded.signin.steps.new_recovery_codes(coded.person_id)
    with pytest.raises(BadCredentials):
        await coded.signin.second_factor((await half(coded)).ticket, Code(codes[1]), PEER)


async def test_codes_are_on_only_when_the_application_has_proved_itself(amina: Amina) -> None:
    await amina.signin.steps.new_codes(amina.person_id, AMINA, "Diwan")
    assert isinstance(await amina.signin.first_factor(AMINA, PASSWORD, PEER), Identity)
    with pytest.raises(BadEntry):
        await amina.signin.steps.confirm_codes(amina.person_id, "000000")
    await amina.turn_codes_on()
    with pytest.raises(BadEntry):
        await amina.signin.steps.new_codes(amina.person_id, AMINA, "Diwan")
    await amina.database.write(factors.remove_codes, amina.person_id)
    assert isinstance(await amina.signin.first_factor(AMINA, PASSWORD, PEER), Identity)


async def test_the_secret_is_not_in_the_rows(coded: Amina, database: Database) -> None:
    sealed = await database.read(lambda tx: bytes(tx.value("SELECT secret_sealed FROM totp")))
    assert coded.secret not in sealed


async def test_a_passkey_is_a_second_proof(keyed: tuple[Amina, Authenticator]) -> None:
    amina, authenticator = keyed
    begun = await half(amina)
    assert begun.factors == ("passkey", "recovery")
    assert [one["id"] for one in json.loads(begun.passkey_options)["allowCredentials"]]
    who = await amina.signin.second_factor(begun.ticket, Assertion(authenticator.get(begun.passkey_options)), PEER)
    assert who.methods == ("pwd", "passkey")


async def test_a_passkey_that_knows_its_user_needs_neither_name_nor_password(keyed: tuple[Amina, Authenticator]) -> None:
    amina, authenticator = keyed
    begun = await amina.signin.steps.passkey_begin()
    assert json.loads(begun.passkey_options)["userVerification"] == "required"
    who = await amina.signin.second_factor(begun.ticket, Assertion(authenticator.get(begun.passkey_options)), PEER)
    assert (who.address, who.methods) == (AMINA, ("passkey",))
    authenticator.verifies = False
    again = await amina.signin.steps.passkey_begin()
    with pytest.raises(BadCredentials):
        await amina.signin.second_factor(again.ticket, Assertion(authenticator.get(again.passkey_options)), PEER)
    with pytest.raises(BadCredentials):
        await amina.signin.second_factor((await amina.signin.steps.passkey_begin()).ticket, Code("000000"), PEER)


async def test_an_answer_for_another_site_another_challenge_or_another_key_is_refused(keyed: tuple[Amina, Authenticator]) -> None:
    amina, authenticator = keyed
    begun, other = await half(amina), await half(amina)
    phished = Authenticator("evil.example", "https://evil.example", authenticator.key, authenticator.credential_id)
    thief = Authenticator(credential_id=authenticator.credential_id)
    for answer in (phished.get(begun.passkey_options), thief.get(begun.passkey_options), authenticator.get(other.passkey_options)):
        with pytest.raises(BadCredentials):
            await amina.signin.second_factor(begun.ticket, Assertion(answer), PEER)


async def test_a_copied_or_revoked_passkey_is_refused(keyed: tuple[Amina, Authenticator], database: Database) -> None:
    amina, authenticator = keyed
    authenticator.count = 10
    begun = await half(amina)
    await amina.signin.second_factor(begun.ticket, Assertion(authenticator.get(begun.passkey_options)), PEER)
    authenticator.count = 3
    begun = await half(amina)
    with pytest.raises(BadCredentials):
        await amina.signin.second_factor(begun.ticket, Assertion(authenticator.get(begun.passkey_options)), PEER)
    (passkey,) = await database.read(factors.passkeys, amina.person_id)
    await database.write(factors.revoke_passkey, amina.person_id, passkey.credential_id)
    assert isinstance(await amina.signin.first_factor(AMINA, PASSWORD, PEER), Identity)
    authenticator.count = 20
    begun = await amina.signin.steps.passkey_begin()
    with pytest.raises(BadCredentials):
        await amina.signin.second_factor(begun.ticket, Assertion(authenticator.get(begun.passkey_options)), PEER)


async def test_a_passkey_is_registered_once_by_the_person_who_began(amina: Amina, ministry: Ministry) -> None:
    authenticator, steps = Authenticator(), amina.signin.steps
    begun = await steps.new_passkey(amina.person_id, AMINA, "Amina")
    answer = authenticator.create(begun.options)
    with pytest.raises(SignInExpired):
        await steps.add_passkey(ministry.karim.person_id, begun.ticket, answer, "clé")
    await steps.add_passkey(amina.person_id, begun.ticket, answer, "clé")
    with pytest.raises(BadEntry):
        await steps.add_passkey(amina.person_id, begun.ticket, answer, "clé")
    again = await steps.new_passkey(amina.person_id, AMINA, "Amina")
    with pytest.raises(BadEntry):
        await steps.add_passkey(amina.person_id, again.ticket, authenticator.create(again.options), "clé")


async def test_without_a_site_there_are_no_passkeys(amina: Amina, database: Database) -> None:
    signin = SignIn(database, amina.clock, amina.signin.hasher, key=bytes(32))
    with pytest.raises(NotFound):
        await signin.steps.passkey_begin()


async def test_a_reset_takes_every_second_factor(keyed: tuple[Amina, Authenticator], database: Database) -> None:
    amina, _ = keyed
    await amina.turn_codes_on()
    await database.write(factors.reset, amina.person_id)
    found = await database.read(factors.overview, amina.person_id)
    assert (found.codes, found.passkeys, found.recovery_left) == (False, (), 0)
    assert isinstance(await amina.signin.first_factor(AMINA, PASSWORD, PEER), Identity)


NAMES = ("id", "rawId", "type", "response", "clientDataJSON", "authenticatorData", "signature", "attestationObject")
VALUES = st.recursive(st.none() | st.text(max_size=8) | st.integers(), lambda inner: st.dictionaries(st.sampled_from(NAMES), inner))


@settings(max_examples=200)
@given(st.text(max_size=60) | VALUES.map(json.dumps))
def test_any_answer_is_refused_and_nothing_worse(answer: str) -> None:
    passkey = Passkey(b"x", 1, b"\xa0", 0, "", (), 0, None)
    for judge in (lambda: passkeys.named(answer), lambda: passkeys.proved(SITE, bytes(32), passkey, answer, verified=True)):
        with pytest.raises(BadCredentials):
            judge()
    with pytest.raises(BadEntry):
        passkeys.created(SITE, bytes(32), answer)


P384 = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
NO_KEYS = {
    "on no curve": es256(b"\1" * 32, b"\2" * 32),
    "the point at infinity": es256(bytes(32), bytes(32)),
    "of P-384": es256(*[number.to_bytes(48, "big") for number in (P384.x, P384.y)], curve=2),
    "of a curve that is none": es256(b"\1" * 32, b"\2" * 32, curve=9),
    "a map of nothing": b"\xa0",
    "no map": b"\x01",
    "without a point": b"\xa3\x01\x02\x03\x26\x20\x01",
    "of a method that is none": b"\xa2\x01\x02\x03\x18\x4d",
    "of texts": b"\xa5\x01\x02\x03\x26\x20\x01\x21\x61a\x22\x61b",
    "Ed25519 of one octet": b"\xa4\x01\x01\x03\x27\x20\x06\x21\x41\x01",
    "RSA without an exponent": b"\xa4\x01\x03\x03\x39\x01\x00\x20\x41\x03\x21\x41\x00",
    "RSA of 1024 bits": b"\xa4\x01\x03\x03\x39\x01\x00\x20\x58\x80" + b"\xff" * 128 + b"\x21\x43\x01\x00\x01",
}


@pytest.mark.parametrize("what", NO_KEYS)
def test_a_passkey_whose_key_is_none_is_not_registered_and_proves_nothing(what: str) -> None:
    """One that is here from before must not end in worse than a refusal either."""
    mine, challenge = Authenticator(SITE.host, SITE.origins[0]), bytes(32)
    with pytest.raises(BadEntry):
        passkeys.created(
            SITE, challenge, mine.create(passkeys.creation_options(SITE, challenge, b"person", AMINA, "Amina", []), NO_KEYS[what])
        )
    kept = Passkey(mine.credential_id, 1, NO_KEYS[what], 0, "", (), 0, None)
    with pytest.raises(BadCredentials):
        passkeys.proved(SITE, challenge, kept, mine.get(passkeys.request_options(SITE, challenge, [kept], verified=True)), verified=True)


async def test_a_confirmation_takes_codes_and_passkeys_of_that_person_alone(coded: Amina, ministry: Ministry) -> None:
    begun = await coded.signin.steps.new_passkey(coded.person_id, AMINA, "Amina")
    authenticator = Authenticator()
    await coded.signin.steps.add_passkey(coded.person_id, begun.ticket, authenticator.create(begun.options), "clé")
    asked = await coded.signin.confirmation(coded.person_id)
    assert asked is not None
    assert asked.factors == ("otp", "passkey", "recovery")
    steps, answer = coded.signin.steps, Assertion(authenticator.get(asked.passkey_options))
    with pytest.raises(BadCredentials):
        await steps.prove(ministry.karim.person_id, asked.ticket, answer)
    asked = await coded.signin.confirmation(coded.person_id)
    assert asked is not None
    answer = Assertion(authenticator.get(asked.passkey_options))
    await steps.prove(coded.person_id, asked.ticket, answer)
    with pytest.raises(BadCredentials):
        await steps.prove(coded.person_id, asked.ticket, answer)
    await steps.prove(coded.person_id, "", Code(coded.code()))
    with pytest.raises(BadCredentials):
        await steps.prove(coded.person_id, "", Code("000000"))
    with pytest.raises(SignInExpired):  # what confirms does not sign in
        await coded.signin.second_factor(asked.ticket, Code(coded.code()), PEER)


async def test_without_a_second_factor_only_the_password_confirms(amina: Amina) -> None:
    assert await amina.signin.confirmation(amina.person_id) is None
