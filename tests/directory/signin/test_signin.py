"""Sign-in: who gets in, who waits, and what revocation ends."""

import asyncio
import unicodedata

import pytest

from config.clock import DAY_US, MINUTE_US, SECOND_US, ManualClock
from config.database import Database
from directory import credentials, holdings, people
from directory.errors import BadCredentials, BadEntry, NotFound, TooManyAttempts
from directory.signin import SignIn, app_passwords
from directory.signin.attempts import REMEMBER_US
from directory.signin.passwords import prepare
from directory.signin.windows import ACCOUNT_FREE, FREE_LOOKS, FREE_TRIES
from directory.types import APP_SCOPES

from ..conftest import PASSWORD, Ministry

AMINA = "amina.benali@interieur.gov.example"
REGISTRY = "bureau.ordre@interieur.gov.example"
PEER = "192.0.2.7"
NEIGHBOUR = "192.0.2.200"
ELSEWHERE = "198.51.100.9"


@pytest.fixture(autouse=True)
async def credential(database: Database, ministry: Ministry, signin: SignIn) -> None:
    """Amina's password."""
    hashed = await signin.hasher.hash(prepare(PASSWORD))
    await database.write(credentials.set_password, ministry.amina.person_id, hashed)


async def fail(signin: SignIn, password: str, login: str = AMINA, peer: str = PEER) -> None:
    with pytest.raises(BadCredentials):
        await signin.password(login, password, "imap", peer)


async def test_the_right_password_opens_ones_own_mailbox(signin: SignIn, ministry: Ministry) -> None:
    identity = await signin.password("Amina.Benali@INTERIEUR.gov.example", PASSWORD, "imap", PEER)
    assert (identity.account_id, identity.person_id) == (ministry.amina.person_id,) * 2
    assert (identity.address, identity.name_fr, identity.language) == (AMINA, "Amina Benali", "fr")
    assert [(post.address, post.kind) for post in identity.posts] == [(REGISTRY, "titular")]


REFUSED = [
    AMINA,
    "karim.khelifi@interieur.gov.example",  # has no password
    "personne@interieur.gov.example",
    REGISTRY,  # a post has no password
    "amina.benali",
    "",
    "*",
    f"{AMINA}*",
    "*)(uid=*))(|(uid=*",
    "a" * 100_000,
]


async def test_every_refusal_reads_alike(signin: SignIn) -> None:
    for login in REFUSED:
        with pytest.raises(BadCredentials) as refused:
            await signin.password(login, "faux", "imap", PEER)
        assert refused.value.text == BadCredentials.text


async def test_what_cannot_be_a_password_is_refused(signin: SignIn) -> None:
    for password in ("", "a\0b", "a\nb", "x" * 2000, "\ud800"):
        await fail(signin, password)


async def test_an_arabic_password_is_the_same_in_nfd(signin: SignIn, database: Database, ministry: Ministry) -> None:
    password = "مؤسّسة الإدارة é"
    hashed = await signin.hasher.hash(prepare(unicodedata.normalize("NFC", password)))
    await database.write(credentials.set_password, ministry.amina.person_id, hashed)
    typed = unicodedata.normalize("NFD", password).replace(" ", "\u00a0")
    assert (await signin.password(AMINA, typed, "imap", PEER)).person_id == ministry.amina.person_id


def test_presentation_forms_stay_distinct() -> None:
    assert prepare("\ufe8d") != prepare("\u0627")


async def test_guessing_is_slowed_more_and_more(signin: SignIn, clock: ManualClock) -> None:
    for n in range(FREE_TRIES):
        await fail(signin, f"faux {n}")
    waits = []
    for n in range(4):
        with pytest.raises(TooManyAttempts) as refused:
            await signin.password(AMINA, PASSWORD, "imap", NEIGHBOUR)
        waits.append(refused.value.retry_after_s)
        clock.advance(waits[-1] * SECOND_US)
        await fail(signin, f"encore {n}")
    assert waits == [1, 2, 4, 8]


async def test_a_guesser_elsewhere_locks_nobody_out(signin: SignIn) -> None:
    for n in range(FREE_TRIES):
        await fail(signin, f"faux {n}", peer=ELSEWHERE)
    with pytest.raises(TooManyAttempts):
        await signin.password(AMINA, PASSWORD, "imap", ELSEWHERE)
    assert (await signin.password(AMINA, PASSWORD, "imap", PEER)).address == AMINA


async def test_unknown_people_are_slowed_alike(signin: SignIn) -> None:
    login = "personne@interieur.gov.example"
    for n in range(FREE_TRIES):
        await fail(signin, f"faux {n}", login)
    with pytest.raises(TooManyAttempts):
        await signin.password(login, "faux", "imap", PEER)


async def test_guesses_from_many_networks_are_held_back_except_where_the_owner_is_known(signin: SignIn, pauses: list[float]) -> None:
    await signin.password(AMINA, PASSWORD, "imap", PEER)
    for n in range(ACCOUNT_FREE + 2):
        await fail(signin, f"faux {n}", peer=f"10.0.{n}.1")
    assert pauses
    assert max(pauses) < 1
    pauses.clear()
    await signin.password(AMINA, PASSWORD, "smtp", PEER)
    assert pauses == []


async def test_guesses_at_once_count_before_they_are_judged(signin: SignIn) -> None:
    tries = [signin.password(AMINA, f"faux {n}", "imap", PEER) for n in range(50)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert {type(one) for one in outcomes} <= {BadCredentials, TooManyAttempts}
    assert sum(type(one) is BadCredentials for one in outcomes) <= FREE_TRIES
    with pytest.raises(TooManyAttempts):
        await signin.password(AMINA, PASSWORD, "imap", PEER)


async def test_a_telephone_with_an_old_password_locks_nobody_out(signin: SignIn) -> None:
    for _ in range(FREE_TRIES * 3):
        await fail(signin, "ancien mot de passe")
    assert (await signin.password(AMINA, PASSWORD, "imap", PEER)).address == AMINA


async def test_a_good_password_is_hashed_once_in_ten_minutes(signin: SignIn, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    verify = signin.hasher.verify

    async def counted(password_hash: str | None, password: str) -> bool:
        hashed.append(password)
        return await verify(password_hash, password)

    monkeypatch.setattr(signin.hasher, "verify", counted)
    await asyncio.gather(*(signin.password(AMINA, PASSWORD, "imap", PEER) for _ in range(5)))
    await signin.password(AMINA, PASSWORD, "imap", PEER)
    assert len(hashed) == 1
    clock.advance(REMEMBER_US)
    await signin.password(AMINA, PASSWORD, "imap", PEER)
    assert len(hashed) == 2


async def test_unknown_people_cost_the_same_work(signin: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str | None] = []
    verify = signin.hasher.verify

    async def counted(password_hash: str | None, password: str) -> bool:
        hashed.append(password_hash)
        return await verify(password_hash, password)

    monkeypatch.setattr(signin.hasher, "verify", counted)
    for login in REFUSED:
        await fail(signin, "faux", login)
    assert len(hashed) == len(REFUSED)
    assert sum(one is None for one in hashed) == len(REFUSED) - 1


async def test_without_a_hash_nothing_fits(signin: SignIn) -> None:
    assert not await signin.hasher.verify(None, "faux")
    assert not await signin.hasher.verify("not a hash", "faux")


async def test_a_changed_password_acts_at_once(signin: SignIn, database: Database, ministry: Ministry) -> None:
    await signin.password(AMINA, PASSWORD, "imap", PEER)
    hashed = await signin.hasher.hash(prepare("nouveau"))
    await database.write(credentials.set_password, ministry.amina.person_id, hashed)
    await fail(signin, PASSWORD)
    assert (await signin.password(AMINA, "nouveau", "imap", PEER)).address == AMINA


async def test_a_removed_password_and_a_leaver_are_refused_at_once(signin: SignIn, database: Database, ministry: Ministry) -> None:
    await signin.password(AMINA, PASSWORD, "imap", PEER)
    await database.write(credentials.remove_password, ministry.amina.person_id)
    await fail(signin, PASSWORD)
    await database.write(people.close, ministry.amina.person_id)
    await fail(signin, PASSWORD)
    with pytest.raises(NotFound):
        await database.read(credentials.epoch, ministry.amina.person_id)


async def test_each_credential_change_moves_the_epoch(database: Database, ministry: Ministry) -> None:
    before = await database.read(credentials.epoch, ministry.amina.person_id)
    assert await database.write(credentials.revoke_all, ministry.amina.person_id) == before + 1
    assert await database.read(credentials.epoch, ministry.amina.person_id) == before + 1


async def test_an_app_password_works_where_its_scope_says(signin: SignIn, database: Database, ministry: Ministry) -> None:
    made = await app_passwords.create(database, ministry.amina.person_id, "téléphone", ["imap"], hasher=signin.hasher)
    assert (await signin.password(AMINA, made.secret, "imap", PEER)).address == AMINA
    assert (await signin.password(AMINA, made.secret.replace("-", " ").upper(), "imap", PEER)).address == AMINA
    with pytest.raises(BadCredentials):
        await signin.password(AMINA, made.secret, "smtp", PEER)
    await fail(signin, made.secret, "karim.khelifi@interieur.gov.example")


async def test_a_revoked_app_password_is_refused_at_once(
    signin: SignIn, database: Database, ministry: Ministry, clock: ManualClock
) -> None:
    person_id = ministry.amina.person_id
    made = await app_passwords.create(database, person_id, "téléphone", hasher=signin.hasher)
    await signin.password(AMINA, made.secret, "imap", PEER)
    listed = await database.read(credentials.list_app_passwords, person_id)
    assert [(one.label, one.scopes, one.last_used_us) for one in listed] == [("téléphone", APP_SCOPES, clock.now_us())]
    await database.write(credentials.revoke_app_password, person_id, made.app_password_id)
    await fail(signin, made.secret)
    assert await database.read(credentials.list_app_passwords, person_id) == []
    assert (await signin.password(AMINA, PASSWORD, "imap", PEER)).address == AMINA
    with pytest.raises(NotFound):
        await database.write(credentials.revoke_app_password, person_id, made.app_password_id)


async def test_an_app_password_is_stored_only_as_its_hash(signin: SignIn, database: Database, ministry: Ministry) -> None:
    made = await app_passwords.create(database, ministry.amina.person_id, "x", hasher=signin.hasher)
    (stored,) = await database.read(credentials.app_passwords, ministry.amina.person_id)
    assert stored.sha256 == app_passwords.digest(made.secret)
    with pytest.raises(BadEntry):
        await app_passwords.create(database, ministry.amina.person_id, "x", [], hasher=signin.hasher)


async def test_a_post_opens_only_to_its_present_holder(signin: SignIn, database: Database, ministry: Ministry, clock: ManualClock) -> None:
    login = f"{AMINA}*{REGISTRY.upper()}"
    identity = await signin.password(login, PASSWORD, "imap", PEER)
    assert (identity.account_id, identity.address) == (ministry.registry.post_id, REGISTRY)
    assert identity.person_id == ministry.amina.person_id
    clock.advance(MINUTE_US)
    await database.write(holdings.end, ministry.holding.holding_id)
    with pytest.raises(BadCredentials):
        await signin.password(login, PASSWORD, "imap", PEER)
    assert (await signin.password(AMINA, PASSWORD, "imap", PEER)).posts == ()


async def test_a_post_opens_to_its_successor_from_the_day_on(
    signin: SignIn, database: Database, ministry: Ministry, clock: ManualClock
) -> None:
    hashed = await signin.hasher.hash(prepare("mot de Karim"))
    await database.write(credentials.set_password, ministry.karim.person_id, hashed)
    karim, day_us = ministry.karim, clock.now_us() + DAY_US
    await database.write(holdings.start, ministry.registry.post_id, karim.person_id, valid_from_us=day_us)
    login = f"{karim.address}*{REGISTRY}"
    with pytest.raises(BadCredentials):
        await signin.password(login, "mot de Karim", "imap", PEER)
    clock.advance(DAY_US)
    assert (await signin.password(login, "mot de Karim", "imap", PEER)).address == REGISTRY


async def test_nobody_acts_in_another_persons_mailbox(signin: SignIn, ministry: Ministry) -> None:
    with pytest.raises(BadCredentials):
        await signin.password(f"{AMINA}*{ministry.karim.address}", PASSWORD, "imap", PEER)


async def test_waiting_for_a_hash_is_bounded(signin: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr(signin.hasher, "_slots", 0)
        with pytest.raises(TooManyAttempts):
            await signin.password(AMINA, PASSWORD, "imap", PEER)
    assert (await signin.password(AMINA, PASSWORD, "imap", PEER)).address == AMINA


async def test_guesses_at_the_owners_own_address_do_not_lock_the_owner_out(signin: SignIn) -> None:
    await signin.password(AMINA, PASSWORD, "imap", PEER)
    for number in range(FREE_TRIES):
        with pytest.raises(BadCredentials):
            await signin.password(AMINA, f"faux {number}", "imap", PEER)
    with pytest.raises(TooManyAttempts):
        await signin.password(AMINA, "faux encore", "imap", PEER)
    assert (await signin.password(AMINA, PASSWORD, "imap", PEER)).address == AMINA


async def test_behind_a_lock_a_guesser_learns_little(signin: SignIn) -> None:
    await signin.password(AMINA, PASSWORD, "imap", PEER)
    for number in range(FREE_TRIES):
        with pytest.raises(BadCredentials):
            await signin.password(AMINA, f"faux {number}", "imap", PEER)
    for number in range(FREE_LOOKS):
        with pytest.raises(TooManyAttempts):
            await signin.password(AMINA, f"encore {number}", "imap", PEER)
    with pytest.raises(TooManyAttempts):
        await signin.password(AMINA, PASSWORD, "imap", PEER)


async def test_an_app_password_knows_no_lock(signin: SignIn, database: Database, ministry: Ministry) -> None:
    made = await app_passwords.create(database, ministry.amina.person_id, "téléphone", hasher=signin.hasher)
    for number in range(FREE_TRIES):
        with pytest.raises(BadCredentials):
            await signin.password(AMINA, f"faux {number}", "imap", PEER)
    assert (await signin.password(AMINA, made.secret, "imap", PEER)).methods == ("app",)
    with pytest.raises(TooManyAttempts):
        await signin.password(AMINA, "aaaaa-bbbbb-ccccc-ddddd-eeeeee", "imap", PEER)


async def test_an_app_password_works_from_its_networks_only(signin: SignIn, database: Database, ministry: Ministry) -> None:
    person_id, hasher = ministry.amina.person_id, signin.hasher
    made = await app_passwords.create(database, person_id, "x", hasher=hasher, networks=["10.4.0.0/16", "2001:db8::/32"])
    for peer in ("10.4.7.1", "::ffff:10.4.7.1", "2001:db8::1"):
        assert (await signin.password(AMINA, made.secret, "imap", peer)).methods == ("app",)
    for peer in ("10.5.0.1", "not an address"):
        with pytest.raises(BadCredentials):
            await signin.password(AMINA, made.secret, "imap", peer)
    with pytest.raises(BadEntry):
        await app_passwords.create(database, person_id, "x", hasher=hasher, networks=["10.4.0.1/16"])


async def test_app_passwords_of_a_person_are_bounded(signin: SignIn, database: Database, ministry: Ministry) -> None:
    person_id = ministry.amina.person_id
    for number in range(credentials.MAX_APP_PASSWORDS):
        await database.write(credentials.add_app_password, person_id, bytes([number]) * 32, ["imap"], "x")
    with pytest.raises(BadEntry):
        await database.write(credentials.add_app_password, person_id, b"more", ["imap"], "x")
