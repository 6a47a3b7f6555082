"""Access tokens at the doors of this node, through the sign-in that every front uses."""

import pytest

from config.clock import ManualClock
from config.database import Database
from directory import people
from directory.errors import BadCredentials
from directory.oidc.access import AccessTokens
from directory.oidc.provider import Provider
from directory.oidc.types import SignedIn
from directory.signin import SignIn
from directory.signin.passwords import Hasher
from tests.directory.conftest import Ministry
from tests.directory.oidc.conftest import Platform

PEER = "192.0.2.7"


@pytest.fixture
def doors(provider: Provider, database: Database, clock: ManualClock, hasher: Hasher) -> SignIn:
    return SignIn(database, clock, hasher, tokens=AccessTokens(provider))


async def test_a_token_opens_the_owners_mailboxes(doors: SignIn, dossiers: Platform, ministry: Ministry, amina: SignedIn) -> None:
    token = (await dossiers.tokens(amina, scope="imap"))["access_token"]
    own = await doors.token(token, "imap", PEER)
    assert (own.person_id, own.account_id) == (ministry.amina.person_id, ministry.amina.person_id)
    assert own.methods == ("pwd", "otp", "token")
    post = await doors.token(token, "imap", PEER, f"{ministry.amina.address}/{ministry.registry.address}")
    assert post.account_id == ministry.registry.post_id
    for login in (ministry.karim.address, f"{ministry.karim.address}/{ministry.registry.address}"):
        with pytest.raises(BadCredentials):
            await doors.token(token, "imap", PEER, login)


async def test_a_token_opens_no_other_door(doors: SignIn, dossiers: Platform, amina: SignedIn) -> None:
    answer = await dossiers.tokens(amina, scope="openid imap")
    for scope in ("smtp", "ldap", "dav", "web"):
        with pytest.raises(BadCredentials):
            await doors.token(answer["access_token"], scope, PEER)  # type: ignore[arg-type]
    for other in (answer["id_token"], answer["refresh_token"], "", "x"):
        with pytest.raises(BadCredentials):
            await doors.token(other, "imap", PEER)


async def test_who_left_is_refused_at_once(
    doors: SignIn, database: Database, dossiers: Platform, ministry: Ministry, amina: SignedIn
) -> None:
    token = (await dossiers.tokens(amina, scope="imap"))["access_token"]
    await database.write(people.close, ministry.amina.person_id)
    with pytest.raises(BadCredentials):
        await doors.token(token, "imap", PEER)
