"""SASL exchanges from the first octet to an identity."""

import json

import pytest

from config.clock import SECOND_US
from config.database import Database, Row, Tx
from directory import client_certificates, credentials, delegations, holdings
from directory.address import parse
from directory.errors import BadCredentials, BadExchange, SignInExpired, TooManyAttempts, UnknownMechanism
from directory.signin import Identity, scram
from directory.signin.attempts import REMEMBER_US
from directory.signin.exchanges import EXCHANGE_US
from directory.signin.passwords import prepare
from directory.signin.windows import FREE_TRIES
from directory.types import Binding, TokenOwner

from ..conftest import PASSWORD, Ministry
from .conftest import AMINA, CERTIFICATE, PEER, REGISTRY, TOKEN, Amina
from .scram_client import sign_in

BINDING = Binding("tls-exporter", b"\x07" * 32)
END_POINT = Binding("tls-server-end-point", b"\x09" * 32)
BOTH = (BINDING, END_POINT)
FLAG = "p=tls-exporter"


def test_outside_tls_nothing_is_offered(amina: Amina) -> None:
    assert amina.signin.mechanisms(tls=False, certificate=CERTIFICATE, bindings=BOTH) == ()


def test_what_is_offered_follows_what_the_connection_has(amina: Amina) -> None:
    plain = ("SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN")
    assert amina.signin.mechanisms(tls=True) == plain
    assert amina.signin.mechanisms(tls=True, certificate=CERTIFICATE, bindings=BOTH) == ("EXTERNAL", "SCRAM-SHA-256-PLUS", *plain)


@pytest.mark.parametrize("name", ["", "CRAM-MD5", "EXTERNAL", "SCRAM-SHA-256-PLUS"])
def test_what_is_not_offered_is_not_begun(amina: Amina, name: str) -> None:
    with pytest.raises(UnknownMechanism):
        amina.signin.exchange(name, "imap", PEER)


async def test_login_asks_twice(amina: Amina) -> None:
    exchange = amina.signin.exchange("login", "smtp", PEER)
    assert await exchange.respond(None) == b"Username:"
    assert await exchange.respond(AMINA.encode()) == b"Password:"
    done = await exchange.respond(PASSWORD.encode())
    assert isinstance(done, Identity)


async def test_scram_with_channel_binding(amina: Amina) -> None:
    exchange = amina.signin.exchange("SCRAM-SHA-256-PLUS", "imap", PEER, BOTH)
    done = await sign_in(exchange, AMINA, PASSWORD, flag=FLAG, channel=BINDING.data)
    assert (done.address, done.methods) == (AMINA, ("scram",))


async def test_the_binding_that_clients_do_not_take_by_default_is_used_by_who_asks_for_it_and_not_listed(amina: Amina) -> None:
    assert "SCRAM-SHA-256-PLUS" not in amina.signin.mechanisms(tls=True, bindings=[END_POINT])
    for bindings in (BOTH, (END_POINT,)):
        exchange = amina.signin.exchange("SCRAM-SHA-256-PLUS", "imap", PEER, bindings)
        done = await sign_in(exchange, AMINA, PASSWORD, flag="p=tls-server-end-point", channel=END_POINT.data)
        assert done.address == AMINA
    exchange = amina.signin.exchange("SCRAM-SHA-256", "imap", PEER, (END_POINT,))
    assert (await sign_in(exchange, AMINA, PASSWORD, flag="y")).address == AMINA  # it was not told of it


async def test_scram_over_another_connection_than_the_client_sees_is_refused(amina: Amina) -> None:
    exchange = amina.signin.exchange("SCRAM-SHA-256-PLUS", "imap", PEER, BOTH)
    with pytest.raises(BadCredentials):
        await sign_in(exchange, AMINA, PASSWORD, flag=FLAG, channel=b"\x08" * 32)


@pytest.mark.parametrize(
    ("mechanism", "flag", "error"),
    [
        ("SCRAM-SHA-256", "y", BadCredentials),  # the client believes that we cannot bind: somebody told it so
        ("SCRAM-SHA-256", FLAG, BadExchange),
        ("SCRAM-SHA-256-PLUS", "n", BadExchange),
        ("SCRAM-SHA-256-PLUS", "p=tls-unique", BadExchange),
    ],
)
async def test_a_binding_that_does_not_agree_is_refused(amina: Amina, mechanism: str, flag: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await sign_in(amina.signin.exchange(mechanism, "imap", PEER, BOTH), AMINA, PASSWORD, flag=flag, channel=BINDING.data)


async def test_a_client_that_can_bind_may_say_so_where_the_connection_cannot(amina: Amina) -> None:
    assert (await sign_in(amina.signin.exchange("SCRAM-SHA-256", "imap", PEER), AMINA, PASSWORD, flag="y")).address == AMINA


async def test_a_front_that_can_sends_the_proof_with_success(amina: Amina) -> None:
    exchange = amina.signin.exchange("SCRAM-SHA-256", "ldap", PEER, with_success=True)
    assert (await sign_in(exchange, AMINA, PASSWORD)).address == AMINA
    assert exchange.data.startswith(b"v=")


@pytest.mark.parametrize("login", [AMINA, "nobody@interieur.gov.example", "not an address", "karim.khelifi@interieur.gov.example"])
async def test_a_wrong_proof_and_an_unknown_name_look_the_same(amina: Amina, login: str) -> None:
    challenges = []
    for _ in range(2):
        exchange = amina.signin.exchange("SCRAM-SHA-256", "imap", PEER)
        asked = await exchange.respond(f"n,,n={login},r=abcdefgh".encode())
        assert isinstance(asked, bytes)
        challenges.append(asked.partition(b",s=")[2])
        nonce = asked.partition(b",")[0]
        with pytest.raises(BadCredentials):
            await exchange.respond(b"c=biws," + nonce + b",p=" + b"A" * 43 + b"=")
    assert challenges[0] == challenges[1]
    assert challenges[0].endswith(b",i=%d" % amina.signin.hasher.iterations)


async def test_a_nonce_of_another_exchange_is_refused(amina: Amina) -> None:
    exchange = amina.signin.exchange("SCRAM-SHA-256", "imap", PEER)
    await exchange.respond(f"n,,n={AMINA},r=abcdefgh".encode())
    with pytest.raises(BadCredentials):
        await exchange.respond(b"c=biws,r=abcdefgh,p=" + b"A" * 43 + b"=")


async def test_an_exchange_is_used_once_and_not_for_long(amina: Amina) -> None:
    exchange = amina.signin.exchange("PLAIN", "imap", PEER)
    await exchange.respond(f"\0{AMINA}\0{PASSWORD}".encode())
    with pytest.raises(BadExchange):
        await exchange.respond(b"")
    late = amina.signin.exchange("PLAIN", "imap", PEER)
    amina.clock.advance(EXCHANGE_US + 1)
    with pytest.raises(SignInExpired):
        await late.respond(f"\0{AMINA}\0{PASSWORD}".encode())


async def test_guessing_with_scram_is_slowed_down_like_any_other(amina: Amina) -> None:
    for number in range(FREE_TRIES):
        with pytest.raises(BadCredentials):
            await _prove(amina, f"faux {number}")
    with pytest.raises(TooManyAttempts):
        await _prove(amina, "faux encore")
    with pytest.raises(TooManyAttempts):
        await _prove(amina, PASSWORD)
    assert (await _prove(amina, amina.app_password)).methods == ("scram", "app")  # nobody guesses 128 bits
    amina.clock.advance(2 * SECOND_US)
    assert (await _prove(amina, PASSWORD)).address == AMINA


async def test_a_colleagues_guesses_do_not_lock_out_who_was_right_a_moment_ago(amina: Amina) -> None:
    await _prove(amina, PASSWORD)
    for number in range(FREE_TRIES):
        with pytest.raises(BadCredentials):
            await _prove(amina, f"faux {number}")
    with pytest.raises(TooManyAttempts):
        await _prove(amina, "faux encore")
    assert (await _prove(amina, PASSWORD)).address == AMINA
    amina.clock.advance(REMEMBER_US)
    assert (await _prove(amina, PASSWORD)).address == AMINA  # the lock has run out too


async def test_a_changed_password_changes_the_verifier_and_keeps_the_salt(amina: Amina, database: Database) -> None:
    salt = await database.read(credentials.salt, amina.person_id)
    kept = await amina.signin.hasher.hash(prepare("nouveau"), salt)
    await database.write(credentials.set_password, amina.person_id, kept)
    with pytest.raises(BadCredentials):
        await _prove(amina, PASSWORD)
    assert (await _prove(amina, "nouveau")).methods == ("scram",)
    assert (await _prove(amina, amina.app_password)).methods == ("scram", "app")


async def test_a_password_of_yesterdays_parameters_is_hashed_again_when_it_comes(amina: Amina, database: Database) -> None:
    old = scram.verifier(PASSWORD, b"s" * 16, 4096)
    await database.write(_forget_verifier, amina.person_id)
    with pytest.raises(BadCredentials):
        await _prove(amina, PASSWORD)
    who = await amina.signin.password(AMINA, PASSWORD, "imap", PEER)
    assert await amina.signin.is_current(who)  # no sign-in ends by it
    assert (await _prove(amina, PASSWORD)).methods == ("scram",)
    assert old.iterations == amina.signin.hasher.iterations


def _forget_verifier(tx, person_id: int) -> None:  # type: ignore[no-untyped-def]
    tx.execute("UPDATE password SET scram_salt = NULL, scram_iterations = NULL WHERE person_id = :id", id=person_id)


@pytest.mark.parametrize("way", ["plain", "scram", "token", "certificate"])
async def test_an_authorization_identity_opens_a_post_that_is_held(amina: Amina, database: Database, ministry: Ministry, way: str) -> None:
    done = await _act_for(amina, way, REGISTRY)
    assert (done.address, done.capacity, done.access, done.person_id) == (REGISTRY, "post", "write", amina.person_id)
    amina.clock.advance(SECOND_US)
    await database.write(holdings.end, ministry.holding.holding_id)
    assert not await amina.signin.is_current(done)
    with pytest.raises(BadCredentials):
        await _act_for(amina, way, REGISTRY)


@pytest.mark.parametrize("way", ["plain", "scram", "token", "certificate"])
async def test_it_opens_a_lent_mailbox_within_what_was_lent(amina: Amina, database: Database, ministry: Ministry, way: str) -> None:
    owner = ministry.karim.address
    with pytest.raises(BadCredentials):
        await _act_for(amina, way, owner)
    lent = await database.write(delegations.grant, ministry.karim.person_id, amina.person_id, ["read"], folder="Dossiers")
    done = await _act_for(amina, way, owner)
    assert (done.address, done.capacity, done.access, done.folder) == (owner, "delegate", "read", "Dossiers")
    assert done.delegation_id == lent.delegation_id
    assert await amina.signin.is_current(done)
    amina.clock.advance(SECOND_US)
    await database.write(delegations.revoke, lent.delegation_id)
    assert not await amina.signin.is_current(done)


async def _act_for(amina: Amina, way: str, acting: str) -> Identity:
    match way:
        case "scram":
            return await sign_in(amina.signin.exchange("SCRAM-SHA-256", "imap", PEER), AMINA, PASSWORD, acting=acting)
        case "plain":
            exchange, said = amina.signin.exchange("PLAIN", "imap", PEER), f"{acting}\0{AMINA}\0{PASSWORD}"
        case "token":
            exchange, said = amina.signin.exchange("OAUTHBEARER", "imap", PEER), f"n,a={acting},\1auth=Bearer {TOKEN}\1\1"
        case _:
            exchange, said = amina.signin.exchange("EXTERNAL", "imap", PEER, certificate=CERTIFICATE), acting
    done = await exchange.respond(said.encode())
    if isinstance(done, bytes):
        done = await exchange.respond(b"\x01")
    assert isinstance(done, Identity)
    return done


async def test_oauthbearer_says_in_json_what_was_wrong_and_fails_after_the_answer(amina: Amina) -> None:
    exchange = amina.signin.exchange("OAUTHBEARER", "imap", PEER)
    said = await exchange.respond(b"n,,\x01auth=Bearer nonsense\x01\x01")
    assert isinstance(said, bytes)
    assert json.loads(said) == {  # RFC 7628 §3.2.2
        "status": "invalid_token", "scope": "imap", "openid-configuration": "https://x.example/.well-known/openid-configuration",
    }  # fmt: skip
    with pytest.raises(BadCredentials):
        await exchange.respond(b"\x01")


async def test_xoauth2_does_likewise_in_its_own_words(amina: Amina) -> None:
    exchange = amina.signin.exchange("XOAUTH2", "smtp", PEER)
    said = await exchange.respond(f"user={AMINA}\1auth=Bearer nonsense\1\1".encode())
    assert isinstance(said, bytes)
    assert json.loads(said) == {"status": "401", "schemes": "bearer", "scope": "smtp"}
    with pytest.raises(BadCredentials):
        await exchange.respond(b"")
    good = await amina.signin.exchange("XOAUTH2", "smtp", PEER).respond(f"user={AMINA}\1auth=Bearer {TOKEN}\1\1".encode())
    assert isinstance(good, Identity)


@pytest.mark.parametrize("owner", [None, "epoch", "person"])
async def test_a_token_of_an_earlier_epoch_or_for_another_name_is_none(amina: Amina, ministry: Ministry, owner: str | None) -> None:
    found = amina.tokens.owner
    assert found is not None
    amina.tokens.owner = {
        None: None,
        "epoch": TokenOwner(found.person_id, found.epoch - 1),
        "person": TokenOwner(ministry.karim.person_id, 0),
    }[owner]
    with pytest.raises(BadCredentials):
        await amina.signin.token(TOKEN, "imap", PEER, AMINA)


async def test_wrong_tokens_lock_nobody_out(amina: Amina) -> None:
    for _ in range(20):
        with pytest.raises(BadCredentials):
            await amina.signin.token("nonsense", "imap", PEER, AMINA)
    assert (await amina.signin.token(TOKEN, "imap", PEER)).address == AMINA
    assert (await amina.signin.password(AMINA, PASSWORD, "imap", PEER)).address == AMINA


async def test_a_revoked_or_unknown_certificate_is_refused_at_once(amina: Amina, database: Database) -> None:
    assert (await amina.signin.certificate(CERTIFICATE, "", PEER)).methods == ("cert",)
    assert [one.last_used_us for one in await database.read(client_certificates.listed, amina.person_id)] == [amina.clock.now_us()]
    with pytest.raises(BadCredentials):
        await amina.signin.certificate(b"\x06" * 32, "", PEER)
    await database.write(client_certificates.revoke, amina.person_id, CERTIFICATE)
    with pytest.raises(BadCredentials):
        await amina.signin.certificate(CERTIFICATE, "", PEER)


async def _prove(amina: Amina, password: str) -> Identity:
    try:
        return await sign_in(amina.signin.exchange("SCRAM-SHA-256", "imap", PEER), AMINA, password)
    except AssertionError as error:  # pragma: no cover - the server's proof did not fit
        raise RuntimeError from error


class Counting:
    """A transaction that counts what is asked of it."""

    def __init__(self, tx: Tx) -> None:
        self._tx, self.now_us, self.asked = tx, tx.now_us, 0

    def rows(self, sql: str, **params: object) -> list[Row]:
        self.asked += 1
        return self._tx.rows(sql, **params)

    def row(self, sql: str, **params: object) -> Row | None:
        self.asked += 1
        return self._tx.row(sql, **params)

    def value(self, sql: str, **params: object) -> object:
        self.asked += 1
        return self._tx.value(sql, **params)


async def test_no_less_is_read_for_a_name_that_nobody_has(amina: Amina, database: Database) -> None:
    def asked(tx: Tx, name: str) -> int:
        counting = Counting(tx)
        credentials.record_and_apps(counting, parse(name))  # type: ignore[arg-type]
        return counting.asked

    known = await database.read(asked, AMINA)
    for name in ("nobody@interieur.gov.example", "nobody@other.example"):
        assert await database.read(asked, name) >= known
