"""What somebody allowed, and taking it back."""

from config.database import Database
from directory.oidc import connections, grants
from directory.oidc.types import SignedIn
from tests.directory.conftest import Ministry
from tests.directory.oidc.conftest import Platform


async def test_people_see_what_they_allowed_and_take_it_back(
    database: Database, ministry: Ministry, dossiers: Platform, keyed: Platform, amina: SignedIn
) -> None:
    await dossiers.tokens(amina, scope="openid imap")
    await dossiers.tokens(amina, scope="openid email")
    await dossiers.code(amina, scope="openid posts")  # never used
    await keyed.tokens(amina)
    first, second = await database.read(connections.of_person, ministry.amina.person_id)
    assert (first.client_id, set(first.scopes)) == (dossiers.client.client_id, {"openid", "imap", "email"})
    assert second.platform.name_fr == "Marchés"
    assert await database.write(grants.withdraw, ministry.amina.person_id, dossiers.client.client_id) == 3
    assert [one.client_id for one in await database.read(connections.of_person, ministry.amina.person_id)] == [keyed.client.client_id]
    assert await database.read(connections.of_person, ministry.karim.person_id) == []
    assert not await database.read(grants.has_allowed, ministry.amina.person_id, dossiers.client.client_id, ["openid"])
