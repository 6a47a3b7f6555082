"""Accounts of machines: known by a token that is kept nowhere."""

import pytest

from config.database import Database
from directory import rights, services
from directory.errors import BadEntry, NotFound
from directory.rights import Scope

from .conftest import Ministry


def scope(ministry: Ministry) -> Scope:
    return rights.organisation(ministry.organisation.organisation_id)


async def test_a_token_opens_the_faces_it_was_made_for(database: Database, ministry: Ministry) -> None:
    token = services.new_token()
    made = await database.write(services.create, "hr", scope(ministry), ["scim"], services.digest(token))
    assert await database.read(services.by_token, token, "scim") == made
    assert await database.read(services.by_token, token, "sync") is None
    assert await database.read(services.by_token, services.new_token(), "scim") is None
    assert await database.read(services.by_token, "x" * 10**6, "scim") is None
    assert (made.actor.service_id, made.actor.person_id) == (made.service_id, None)


async def test_a_token_has_256_bits_and_only_its_hash_is_kept(database: Database, ministry: Ministry) -> None:
    token = services.new_token()
    await database.write(services.create, "hr", scope(ministry), ["sync"], services.digest(token))
    row = await database.read(lambda tx: tx.row("SELECT * FROM service_account"))
    assert row is not None
    assert len(token) >= 256 // 6
    assert not any(token in str(value) for value in row)


async def test_a_revoked_machine_is_nobody_at_once(database: Database, ministry: Ministry) -> None:
    token = services.new_token()
    made = await database.write(services.create, "hr", scope(ministry), ["scim"], services.digest(token))
    assert await database.read(services.listing) == [made]
    await database.write(services.revoke, made.service_id)
    assert await database.read(services.by_token, token, "scim") is None
    assert await database.read(services.listing) == []
    with pytest.raises(NotFound):
        await database.write(services.revoke, made.service_id)


@pytest.mark.parametrize(("name", "faces"), [(" ", ["scim"]), ("x" * 101, ["scim"]), ("hr", []), ("hr", ["imap"])])
async def test_a_machine_needs_a_name_and_faces_that_exist(
    database: Database, ministry: Ministry, name: str, faces: list[services.Face]
) -> None:
    with pytest.raises(BadEntry):
        await database.write(services.create, name, scope(ministry), faces, bytes(32))
