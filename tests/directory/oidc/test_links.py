"""Whom another provider vouches for."""

from config.database import Database
from directory import people
from directory.oidc import links
from tests.directory.conftest import Ministry

ISSUER, OTHER, DOMAINS = "https://other.example", "https://third.example", ("interieur.gov.example",)


async def test_an_address_counts_once(database: Database, ministry: Ministry) -> None:
    """The other provider gave the address of somebody who left it to somebody else."""
    amina = ministry.amina
    for _ in range(2):
        found = await database.write(links.recognise, ISSUER, "s-1", amina.address, DOMAINS)
        assert found is not None
        assert found.person_id == amina.person_id
    assert await database.write(links.recognise, ISSUER, "s-2", amina.address, DOMAINS) is None
    assert await database.read(links.of_person, amina.person_id) == [(ISSUER, "s-1")]
    assert await database.write(links.recognise, OTHER, "s-2", amina.address, DOMAINS) is not None
    await database.write(links.remove, ISSUER, "s-1")
    assert await database.write(links.recognise, ISSUER, "s-2", amina.address, DOMAINS) is not None


async def test_nobody_is_recognised_elsewhere_nor_once_gone(database: Database, ministry: Ministry) -> None:
    address = ministry.amina.address
    assert await database.write(links.recognise, ISSUER, "s-1", address, ("sante.gov.example",)) is None
    assert await database.write(links.recognise, ISSUER, "s-1", ministry.registry.address, DOMAINS) is None
    assert await database.write(links.recognise, ISSUER, "s-1", address, DOMAINS) is not None
    await database.write(people.close, ministry.amina.person_id)
    assert await database.write(links.recognise, ISSUER, "s-1", address, DOMAINS) is None
