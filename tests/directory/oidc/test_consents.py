"""Which platforms a person allows: by the last decision on each."""

from config.database import Database, Tx
from directory.oidc import clients, consents, grants
from directory.oidc.types import Registration
from tests.directory.conftest import Ministry


async def test_the_last_decision_on_each_platform_counts(database: Database, ministry: Ministry) -> None:
    person_id, other = ministry.amina.person_id, ministry.karim.person_id

    def decide(tx: Tx) -> list[str]:
        made = []
        for name in ("Un", "Deux", "Trois", "Quatre"):
            uris = (f"https://{name.lower()}.example/",)
            facts = Registration(ministry.organisation.organisation_id, "منصة", name, "client_secret_basic", redirect_uris=uris)
            made.append(clients.register(tx, facts).client_id)
        one, two, three, four = made
        grants.note(tx, person_id, one, ("openid",), "allowed")
        grants.note(tx, person_id, two, ("openid",), "allowed")
        grants.note(tx, person_id, three, ("openid",), "denied")
        grants.note(tx, person_id, one, ("openid", "profile"), "allowed")
        grants.withdraw(tx, person_id, two)
        grants.note(tx, other, four, ("openid",), "allowed")
        return made

    one, *_, four = await database.write(decide)
    [allowed] = await database.read(consents.allowed, person_id)
    assert (allowed.client_id, allowed.name_fr, allowed.scopes) == (one, "Un", ("openid", "profile"))
    assert allowed.organisation_fr == "Ministère de l'Intérieur"
    assert [each.client_id for each in await database.read(consents.allowed, other)] == [four]
