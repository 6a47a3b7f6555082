"""What a person has allowed to platforms, as they see it: for the page on which they take it back."""

from dataclasses import dataclass

from config.database import Tx
from directory.oidc import clients
from directory.oidc.types import Registration

MAX_SHOWN = 200

_LIVING = """
    SELECT g.client_id, g.scopes, g.created_us FROM openid_grant g
    JOIN openid_client c ON c.client_id = g.client_id JOIN person p ON p.person_id = g.person_id
    WHERE g.person_id = :person_id AND g.issued_us IS NOT NULL AND g.ended_us IS NULL AND g.expires_us > :now_us
      AND c.state = 'approved' AND p.credential_epoch = g.credential_epoch
    ORDER BY g.created_us LIMIT :limit
"""


@dataclass(frozen=True, slots=True)
class Connection:
    """A platform that can do something in somebody's name now: what, and since when. `grants.withdraw` ends it."""

    client_id: str
    platform: Registration
    scopes: tuple[str, ...]
    since_us: int


def of_person(tx: Tx, person_id: int) -> list[Connection]:
    """Return the platforms that a person has connected, each once with all its scopes, the oldest first."""
    found: dict[str, Connection] = {}
    for client_id, written, since_us in tx.rows(_LIVING, person_id=person_id, now_us=tx.now_us, limit=MAX_SHOWN):
        before = found.get(client_id)
        scopes = dict.fromkeys((*(before.scopes if before else ()), *written.split()))
        facts = before.platform if before else clients.find(tx, client_id).facts
        found[client_id] = Connection(client_id, facts, tuple(scopes), before.since_us if before else since_us)
    return list(found.values())
