"""Who gets a grant for what, what it is good for, and that nothing else makes an activation."""

import asyncio
from dataclasses import replace

import pytest

from config.clock import MINUTE_US, ManualClock
from directory import certificates, credentials, delegations, factors, holdings
from directory.errors import BadCredentials, SignInExpired, TooManyAttempts
from directory.signin import Code, app_passwords
from directory.signin.login import MAX_LOGIN_CHARS
from mailcore.activation.client import Proofs
from mailcore.activation.grants import LASTS_US, Grants, Holder
from mailcore.activation.wire import (
    BAD_PASSWORD,
    BAD_SECOND,
    GRANT_BYTES,
    MAX_ANSWER_CHARS,
    MAX_CODE_CHARS,
    MAX_PASSWORD_CHARS,
    Prove,
)
from mailcore.errors import NotAllowed
from mailcore.pdf import commands
from signing.activation import check
from signing.errors import NotActivated, SigningRefused
from tests.directory.conftest import PASSWORD
from tests.mailcore.activation.conftest import DIGEST, PEER, SECRET, Office, certificate


async def refused(office: Office, proofs: Proofs, need: str, who: str = "") -> str:
    """Return what is said to have been wrong with proofs."""
    with pytest.raises(BadCredentials) as error:
        await office.activator.prove(who or office.amina, proofs, PEER, need)  # type: ignore[arg-type]
    return str(error.value.facts["reason"])


async def test_a_grant_lets_one_key_sign_one_digest_once(office: Office) -> None:
    account_id = office.ministry.registry.post_id
    key_id = f"sign-{account_id}"
    proved = await office.activator.prove(office.amina, Proofs(PASSWORD), PEER, "sign", 2)
    assert (proved.person_id, proved.account_id) == (office.ministry.amina.person_id,) * 2
    for purpose in ("sign", "pdf"):
        token = await office.activator.permit(proved.grant, account_id, key_id, DIGEST, purpose)  # type: ignore[arg-type]
        now_us = office.clock.now_us()
        assert check(SECRET, token, key_id, DIGEST, purpose, now_us).expires_us <= now_us + MINUTE_US
        for other in (
            (f"sign-{office.ministry.amina.person_id}", DIGEST, purpose),
            (key_id, b"e" * 32, purpose),
            (key_id, DIGEST, "decrypt"),
        ):
            with pytest.raises(NotActivated):
                check(SECRET, token, *other, now_us)
    with pytest.raises(SignInExpired):  # used up
        await office.activator.permit(proved.grant, account_id, key_id, DIGEST, "sign")


async def test_a_grant_is_for_what_was_proved_and_for_ten_minutes(office: Office) -> None:
    own = office.ministry.amina.person_id
    opens, signs = await office.grant("decrypt", 5), await office.grant("sign", 5)
    assert await office.grant("confirm") == b""
    assert await office.activator.permit(opens, own, f"encrypt-{own}", DIGEST, "decrypt")
    for grant, key, purpose in (
        (opens, "sign", "sign"),
        (opens, "sign", "pdf"),
        (signs, "encrypt", "decrypt"),
        (bytes(32), "sign", "sign"),
    ):
        with pytest.raises(SignInExpired):
            await office.activator.permit(grant, own, f"{key}-{own}", DIGEST, purpose)  # type: ignore[arg-type]
    office.clock.advance(LASTS_US)
    with pytest.raises(SignInExpired):
        await office.activator.permit(signs, own, f"sign-{own}", DIGEST, "sign")


async def test_keys_of_others_stay_shut(office: Office) -> None:
    amina, karim, post = office.ministry.amina.person_id, office.ministry.karim.person_id, office.ministry.registry.post_id
    for account_id, key_id, purpose in (
        (karim, f"sign-{karim}", "sign"),  # nobody gave her that
        (amina, f"sign-{karim}", "sign"),  # her account, somebody else's key
        (amina, f"encrypt-{amina}", "sign"),  # not what the key is for
        (amina, f"sign-{amina}", "decrypt"),
    ):
        grant = await office.grant("decrypt" if purpose == "decrypt" else "sign")
        with pytest.raises(NotAllowed):
            await office.activator.permit(grant, account_id, key_id, DIGEST, purpose)  # type: ignore[arg-type]
    for account_id in (amina, post):
        grant = await office.grant("decrypt", who=office.karim)
        with pytest.raises(NotAllowed):  # what was lent is not decrypted
            await office.activator.permit(grant, account_id, f"encrypt-{account_id}", DIGEST, "decrypt")


async def test_who_signs_for_whom_is_looked_up_each_time(office: Office, database) -> None:  # type: ignore[no-untyped-def]
    amina, karim, post = office.ministry.amina.person_id, office.ministry.karim.person_id, office.ministry.registry.post_id
    lent, held = await office.grant(uses=9, who=office.karim), await office.grant(uses=9)
    assert await office.activator.permit(lent, amina, f"sign-{amina}", DIGEST, "pdf")
    with pytest.raises(NotAllowed):  # a document says that it is signed by delegation, a letter cannot
        await office.activator.permit(lent, amina, f"sign-{amina}", DIGEST, "sign")
    assert await office.activator.permit(held, post, f"sign-{post}", DIGEST, "sign")
    office.clock.advance(1_000_000)
    await database.write(lambda tx: [delegations.revoke(tx, one.delegation_id) for one in delegations.lent_to(tx, karim, tx.now_us)])
    await database.write(holdings.end, office.ministry.holding.holding_id)
    for grant, account_id in ((lent, amina), (held, post)):
        with pytest.raises(NotAllowed):
            await office.activator.permit(grant, account_id, f"sign-{account_id}", DIGEST, "pdf")


async def test_a_grant_ends_with_the_credentials_that_it_was_given_for(office: Office, database) -> None:  # type: ignore[no-untyped-def]
    own = office.ministry.amina.person_id

    async def ended(grant: bytes, purpose: str) -> None:
        with pytest.raises(SignInExpired):
            await office.activator.permit(grant, own, f"{purpose}-{own}", DIGEST, purpose.replace("encrypt", "decrypt"))  # type: ignore[arg-type]

    for change in (credentials.revoke_all, factors.reset):  # a new password is the first of them
        signs, opens = await office.grant(uses=5), await office.grant("decrypt", 5)
        await database.write(change, own)
        await ended(signs, "sign")
        await ended(opens, "encrypt")
    key = await office.passkey()
    half = await office.activator.asked(office.amina)
    assert half is not None
    proofs = Proofs(ticket=half.ticket, answer=key.get(half.passkey_options))
    opens = (await office.activator.prove(office.amina, proofs, PEER, "decrypt", 5)).grant
    assert await office.activator.permit(opens, own, f"encrypt-{own}", DIGEST, "decrypt")
    await database.write(credentials.revoke_all, own)
    await ended(opens, "encrypt")
    opens = await office.grant("decrypt", 5)
    await database.write(lambda tx: tx.execute("UPDATE person SET closed_us = :now WHERE person_id = :id", now=tx.now_us, id=own))
    await ended(opens, "encrypt")  # who has left


async def test_what_one_person_types_ends_nobody_elses_request(office: Office) -> None:
    answer = "\N{ARABIC LETTER MEEM}" * (MAX_ANSWER_CHARS - 1)  # as many characters as may be, in twice as many octets
    others = [asyncio.create_task(office.grant()) for _ in range(5)]
    await asyncio.sleep(0)
    assert await refused(office, Proofs("م" * MAX_PASSWORD_CHARS, "م" * MAX_CODE_CHARS, answer, answer), "sign") == BAD_PASSWORD
    with pytest.raises(SigningRefused):
        await office.activator.permit(b"short", 1, "k", DIGEST, "sign")
    assert all([await one for one in others])


def test_grants_that_have_run_out_are_forgotten(clock: ManualClock) -> None:
    grants, who = Grants(clock), Holder(1, 1)
    for _ in range(100):
        grants.give(who, "sign", 1)
    clock.advance(LASTS_US - 1)
    grants.give(who, "decrypt", 9)
    assert len(grants) == 101
    clock.advance(1)
    grants.give(who, "sign", 1)
    assert len(grants) == 2


async def test_old_letters_open_with_old_keys_but_nothing_is_signed_with_them(office: Office, database) -> None:  # type: ignore[no-untyped-def]
    own = office.ministry.amina.person_id
    for purpose in ("sign", "encrypt"):
        await database.write(certificates.add, own, purpose, f"new-{purpose}", certificate(office.clock.now_us() + 86_400_000_000), ())
    office.clock.advance(86_400_000_000)
    assert await office.activator.permit(await office.grant("decrypt"), own, f"encrypt-{own}", DIGEST, "decrypt")
    assert await office.activator.permit(await office.grant(), own, "new-sign", DIGEST, "sign")
    with pytest.raises(NotAllowed):
        await office.activator.permit(await office.grant(), own, f"sign-{own}", DIGEST, "sign")


async def test_what_is_suspended_or_revoked_signs_nothing_and_still_opens(office: Office, database) -> None:  # type: ignore[no-untyped-def]
    own = office.ministry.amina.person_id
    signs, opens = await office.grant(uses=9), await office.grant("decrypt", 9)
    for purpose in ("sign", "encrypt"):
        await database.write(certificates.revoke, own, f"{purpose}-{own}")
    office.clock.advance(1)
    with pytest.raises(NotAllowed):
        await office.activator.permit(signs, own, f"sign-{own}", DIGEST, "sign")
    assert await office.activator.permit(opens, own, f"encrypt-{own}", DIGEST, "decrypt")
    await database.write(certificates.restore, own, f"sign-{own}")
    assert await office.activator.permit(signs, own, f"sign-{own}", DIGEST, "sign")


async def test_only_the_password_of_that_person_counts(office: Office, database) -> None:  # type: ignore[no-untyped-def]
    app = await app_passwords.create(database, office.ministry.amina.person_id, "x", hasher=office.signin.hasher)
    for need in ("confirm", "decrypt", "sign"):
        for wrong in ("wrong", "", app.secret, "x" * MAX_PASSWORD_CHARS):
            assert await refused(office, Proofs(wrong), need) == BAD_PASSWORD
    for who in ("nobody@interieur.gov.example", "no address", "x" * (MAX_LOGIN_CHARS + 1)):
        assert await refused(office, Proofs(PASSWORD), "sign", who) == BAD_PASSWORD
    for wrong in ("x" * (MAX_PASSWORD_CHARS + 1), "\ud800"):
        assert await refused(office, Proofs(wrong), "sign") == BAD_PASSWORD


async def test_a_signature_needs_both_and_a_code_alone_decrypts_nothing(office: Office) -> None:
    secret = await office.codes_on()
    assert await refused(office, Proofs(PASSWORD), "sign") == BAD_SECOND
    assert await refused(office, Proofs(PASSWORD, "000000"), "sign") == BAD_SECOND
    assert await refused(office, Proofs("wrong", office.code(secret)), "sign") == BAD_PASSWORD
    typed = office.code(secret)
    assert (await office.activator.prove(office.amina, Proofs(PASSWORD, typed), PEER, "sign")).grant
    assert await refused(office, Proofs(PASSWORD, typed), "sign") == BAD_SECOND  # a code works once
    assert await refused(office, Proofs(code=office.code(secret)), "decrypt") == BAD_PASSWORD
    assert (await office.activator.prove(office.amina, Proofs(code=office.code(secret)), PEER, "confirm")).grant == b""
    assert await office.grant("decrypt")


async def test_the_command_line_asks_for_a_code_and_tells_which_proof_was_wrong(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = await office.codes_on()
    typed: list[str] = ["000000", office.code(secret)]
    monkeypatch.setattr("directory.commands.acting.code", lambda half: Code(typed.pop(0)))
    wish = commands.Wish(office.amina, PASSWORD, "B-B", None, None, 0, "", "")
    with pytest.raises(BadCredentials, match="this code was not accepted"):
        await commands._proved(office.activator, wish)
    assert (await commands._proved(office.activator, wish)).grant
    with pytest.raises(BadCredentials, match="the name or the password is wrong"):
        await commands._proved(office.activator, replace(wish, password="wrong"))
    assert typed == []


async def test_a_passkey_decrypts_and_is_asked_by_this_process_alone(office: Office) -> None:
    key = await office.passkey()
    half = await office.activator.asked(office.amina)
    assert half is not None
    assert half.factors == ("passkey", "recovery")
    key.count = -1  # one that does not count, as most do
    answer = key.get(half.passkey_options)
    assert (await office.activator.prove(office.amina, Proofs(ticket=half.ticket, answer=answer), PEER, "decrypt")).grant
    with pytest.raises(SignInExpired):  # once
        await office.activator.prove(office.amina, Proofs(ticket=half.ticket, answer=answer), PEER, "decrypt")
    fronts = await office.signin.confirmation(office.ministry.amina.person_id)  # a front can make tickets, but not these
    assert fronts is not None
    proofs = Proofs(ticket=fronts.ticket, answer=key.get(fronts.passkey_options))
    with pytest.raises(SignInExpired):
        await office.activator.prove(office.amina, proofs, PEER, "decrypt")
    assert await refused(office, Proofs(answer="x" * 30_000, ticket=half.ticket, password=PASSWORD), "sign") == BAD_SECOND
    assert await office.activator.asked(office.karim) is None
    with pytest.raises(BadCredentials):
        await office.activator.asked("nobody@interieur.gov.example")


async def test_guessing_is_slowed_down_here_too(office: Office) -> None:
    said: list[int] = []
    for number in range(40):
        try:
            await office.activator.prove(office.amina, Proofs(f"guess {number}"), PEER, "sign")
        except TooManyAttempts as error:
            said.append(error.retry_after_s)
        except BadCredentials:
            said.append(0)
    assert len(said) == 40
    assert said[0] == 0
    assert said[-1] > 0
    with pytest.raises(TooManyAttempts):
        await office.activator.prove(office.amina, Proofs(PASSWORD), PEER, "sign")


async def test_what_is_no_request_is_refused_and_tells_no_secret(office: Office, capfd: pytest.CaptureFixture[str]) -> None:
    too_many = Prove(1, office.amina, "a secret phrase", "", "", "", PEER, "sign", 1_000_000)
    for build in (lambda id: too_many, lambda id: Prove(id, "", "a secret phrase", "", "", "", PEER, "sign", 1)):
        with pytest.raises(SigningRefused):
            await office.activator.ask(build, repeatable=False)
    with pytest.raises(SigningRefused):
        await office.activator.permit(b"short", 1, "k", DIGEST, "sign")
    assert "a secret phrase" not in "".join(capfd.readouterr())
    assert len(await office.grant()) == GRANT_BYTES  # it goes on
