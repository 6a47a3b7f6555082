"""Who may see what of an entry: a rule per attribute, and exceptions per account.

Audiences, each part of the one before: everyone (also who has not signed in), the nation (whoever has), the entry's own
organisation, its unit, nobody. People see all of their own entry.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from config.database import Tx
from directory.entities import touch
from directory.errors import BadEntry
from directory.types import AUDIENCES, AccountKind, Audience, Viewer

ENTRY = "entry"  # the attribute that hides or shows an entry as a whole

ENTRIES: dict[AccountKind, Audience] = {"person": "nation", "post": "everyone", "unit": "everyone", "list": "nation"}
DEFAULTS: dict[str, Audience] = {
    "phone": "nation",
    "fax": "nation",
    "room": "organisation",
    "mobile": "unit",
    "employee_number": "nobody",
    "language": "nation",
    "holders": "nation",
    "posts": "nation",
    "certificates": "everyone",
}

OUTSIDER = Viewer(None, frozenset(), frozenset(), "everyone")
NATION = Viewer(None, frozenset(), frozenset(), "nation")
EVERYTHING = Viewer(None, frozenset(), frozenset(), "nobody")

_WIDTH = {audience: n for n, audience in enumerate(AUDIENCES)}
_VIEWER = """
    SELECT u.unit_id, u.organisation_id FROM person p JOIN unit u ON u.unit_id = p.unit_id WHERE p.person_id = :person_id
    UNION SELECT u.unit_id, u.organisation_id FROM holding h JOIN post p ON p.post_id = h.post_id JOIN unit u ON u.unit_id = p.unit_id
    WHERE h.person_id = :person_id AND h.superseded_us IS NULL
      AND h.valid_from_us <= :now_us AND (h.valid_to_us IS NULL OR h.valid_to_us > :now_us)
"""
_SET = """
    INSERT INTO visibility (account_id, attribute, audience) VALUES (:account_id, :attribute, :audience)
    ON CONFLICT (account_id, attribute) DO UPDATE SET audience = excluded.audience
"""


def viewer(tx: Tx, person_id: int) -> Viewer:
    """Return how a person looks at the directory today: from their unit, and from those of the posts they hold."""
    places = tx.rows(_VIEWER, person_id=person_id, now_us=tx.now_us)
    return Viewer(person_id, frozenset(row[0] for row in places), frozenset(row[1] for row in places))


def set(tx: Tx, account_id: int, attribute: str, audience: Audience | None) -> None:
    """Let another audience see an attribute of an account, or (None) the one that the rule says. Raises BadEntry."""
    if attribute not in (ENTRY, *DEFAULTS) or audience not in (None, *AUDIENCES):
        raise BadEntry("no such attribute or audience", attribute=attribute, audience=audience)
    if audience is None:
        sql = "DELETE FROM visibility WHERE account_id = :account_id AND attribute = :attribute"
        tx.execute(sql, account_id=account_id, attribute=attribute)
    else:
        tx.execute(_SET, account_id=account_id, attribute=attribute, audience=audience)
    touch(tx, account_id)


def of(tx: Tx, account_ids: Sequence[int]) -> dict[int, dict[str, Audience]]:
    """Return the exceptions of accounts by id and attribute; an account without any is left out."""
    found: dict[int, dict[str, Audience]] = {}
    for account_id, attribute, audience in tx.rows(
        "SELECT account_id, attribute, audience FROM visibility WHERE account_id IN (:ids[])", ids=account_ids
    ):
        found.setdefault(account_id, {})[attribute] = audience
    return found


def reach(viewer: Viewer, account_id: int, unit_id: int | None, organisation_id: int | None) -> Audience:
    """Return the narrowest audience of an entry that a viewer belongs to."""
    if viewer.person_id == account_id:
        return "nobody"
    if unit_id in viewer.unit_ids:
        return _narrower(viewer.reach, "unit")
    if organisation_id in viewer.organisation_ids:
        return _narrower(viewer.reach, "organisation")
    return viewer.reach


def sees(reached: Audience, kind: AccountKind, attribute: str, exceptions: dict[str, Audience]) -> bool:
    """Say whether somebody of an audience sees an attribute, or the entry itself (ENTRY). Names and addresses go with it."""
    rule = ENTRIES[kind] if attribute == ENTRY else DEFAULTS.get(attribute, "everyone")
    return _WIDTH[exceptions.get(attribute, rule)] <= _WIDTH[reached]


def shown(reached: Audience, kind: AccountKind, exceptions: Mapping[str, Audience]) -> frozenset[str]:
    """Return which of the attributes that have a rule, and ENTRY, somebody of an audience sees."""
    if not exceptions:
        return _by_rule(reached, kind)
    return frozenset(one for one in (ENTRY, *DEFAULTS) if sees(reached, kind, one, dict(exceptions)))


@lru_cache
def _by_rule(reached: Audience, kind: AccountKind) -> frozenset[str]:
    return frozenset(one for one in (ENTRY, *DEFAULTS) if sees(reached, kind, one, {}))


def _narrower(one: Audience, other: Audience) -> Audience:
    return one if _WIDTH[one] >= _WIDTH[other] else other
