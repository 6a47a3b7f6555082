"""Every kind of credential against every scope, with and without a second factor. What is not listed is refused."""

import pytest

from directory.errors import BadCredentials, MailError, SecondFactorNeeded
from directory.signin import Code, Half, Identity
from directory.types import SCOPES, Scope

from ..conftest import PASSWORD
from .conftest import AMINA, CERTIFICATE, PEER, TOKEN, Amina
from .scram_client import sign_in

DEVICES = ("imap", "smtp", "ldap", "dav")


async def password(amina: Amina, scope: Scope) -> Identity:
    return await amina.signin.password(AMINA, PASSWORD, scope, PEER)


async def app_password(amina: Amina, scope: Scope) -> Identity:
    return await amina.signin.password(AMINA, amina.app_password, scope, PEER)


async def scram(amina: Amina, scope: Scope) -> Identity:
    return await sign_in(amina.signin.exchange("SCRAM-SHA-256", scope, PEER), AMINA, PASSWORD)


async def scram_app_password(amina: Amina, scope: Scope) -> Identity:
    return await sign_in(amina.signin.exchange("SCRAM-SHA-256", scope, PEER), AMINA, amina.app_password)


async def token(amina: Amina, scope: Scope) -> Identity:
    return await amina.signin.token(TOKEN, scope, PEER, AMINA)


async def certificate(amina: Amina, scope: Scope) -> Identity:
    exchange = amina.signin.exchange("EXTERNAL", scope, PEER, certificate=CERTIFICATE)
    done = await exchange.respond(b"")
    assert isinstance(done, Identity)
    return done


async def two_steps(amina: Amina, scope: Scope) -> Identity:
    if scope != "web":
        raise BadCredentials
    half = await amina.signin.first_factor(AMINA, PASSWORD, PEER)
    if isinstance(half, Identity):
        return half
    assert isinstance(half, Half)
    amina.clock.advance(30_000_000)  # the code that turned codes on is used up
    return await amina.signin.second_factor(half.ticket, Code(amina.code()), PEER)


ALLOWED = {
    # credential: scopes without a second factor, scopes with one, what proved it
    password: ((*DEVICES, "web"), (), ("pwd",)),
    app_password: (DEVICES, DEVICES, ("app",)),
    scram: (DEVICES, (), ("scram",)),
    scram_app_password: (DEVICES, DEVICES, ("scram", "app")),
    token: (DEVICES, DEVICES, ("pwd", "otp", "token")),
    certificate: (SCOPES, SCOPES, ("cert",)),
    two_steps: (("web",), ("web",), None),
}


@pytest.mark.parametrize("second", [False, True], ids=["password alone", "second factor on"])
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("credential", ALLOWED, ids=lambda one: one.__name__)
async def test_each_credential_opens_what_it_must_and_nothing_else(amina: Amina, credential, scope: Scope, second: bool) -> None:  # type: ignore[no-untyped-def]
    if second:
        await amina.turn_codes_on()
    allowed, methods = ALLOWED[credential][second], ALLOWED[credential][2]
    if scope in allowed:
        who = await credential(amina, scope)
        assert (who.person_id, who.account_id, who.address) == (amina.person_id, amina.person_id, AMINA)
        assert who.methods == (methods or (("pwd", "otp") if second else ("pwd",)))
        return
    with pytest.raises(MailError) as refused:
        await credential(amina, scope)
    wanted = SecondFactorNeeded if (credential, scope, second) == (password, "web", True) else BadCredentials
    assert type(refused.value) is wanted


@pytest.mark.parametrize("typed", [PASSWORD, "faux"])
async def test_with_a_second_factor_a_mail_client_cannot_find_out_the_password(amina: Amina, typed: str) -> None:
    await amina.turn_codes_on()
    compared = []
    verify = amina.signin.hasher.verify

    async def seen(kept: str | None, prepared: str) -> bool:
        compared.append(kept)
        return await verify(kept, prepared)

    amina.signin.hasher.verify = seen  # type: ignore[method-assign]
    try:
        with pytest.raises(BadCredentials):
            await amina.signin.password(AMINA, typed, "imap", PEER)
    finally:
        amina.signin.hasher.verify = verify  # type: ignore[method-assign]
    assert compared == [None]  # the same work, against nobody's hash


async def test_turning_a_second_factor_on_ends_what_a_mail_client_had(amina: Amina) -> None:
    who = await password(amina, "imap")
    assert await amina.signin.is_current(who)
    await amina.turn_codes_on()
    assert not await amina.signin.is_current(who)
    with pytest.raises(BadCredentials):
        await password(amina, "imap")
