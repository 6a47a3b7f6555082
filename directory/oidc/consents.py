"""Which platforms a person allows: those that get in without asking again, by the person's last decision on each."""

from dataclasses import dataclass

from config.database import Tx
from directory import organisations
from directory.oidc import clients

_ALLOWED = """
    SELECT c.client_id, c.scopes, c.at_us FROM openid_consent c
    WHERE c.person_id = :person_id AND c.decision = 'allowed' AND c.consent_id =
      (SELECT max(d.consent_id) FROM openid_consent d WHERE d.person_id = c.person_id AND d.client_id = c.client_id)
    ORDER BY c.consent_id
"""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A platform that a person allows `scopes` since `at_us`, with its names and those of the administration behind it."""

    client_id: str
    name_ar: str
    name_fr: str
    organisation_ar: str
    organisation_fr: str
    scopes: tuple[str, ...]
    at_us: int


def allowed(tx: Tx, person_id: int) -> list[Allowed]:
    """Return the platforms that a person allows, those allowed longest first."""
    found = []
    for client_id, scopes, at_us in tx.rows(_ALLOWED, person_id=person_id):
        facts = clients.find(tx, client_id).facts
        owner = organisations.find(tx, facts.organisation_id)
        names = (facts.name_ar, facts.name_fr, owner.name_ar, owner.name_fr)
        found.append(Allowed(client_id, *names, tuple(scopes.split()), at_us))
    return found
