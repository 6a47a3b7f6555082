"""What a platform learns of a person: names, address, where they work, which posts they hold, and how they signed in.

OpenID Connect Core 1.0 §5.1, §5.2 (names in both scripts, by language tag), §5.4; RFC 8176 (amr). `organisation`, `units` and
`posts` are ours. What is told is the present, read when it is asked for.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from config.clock import SECOND_US
from config.database import Tx
from directory import holdings, organisations, people, posts, units
from directory.oidc.types import Acr
from directory.types import HeldPost, Method, Organisation, Person, Unit

MAX_POSTS = 50
MAX_DEPTH = 32  # of units one in another

AMR: dict[Method, str] = {"pwd": "pwd", "scram": "pwd", "app": "pwd", "otp": "otp", "recovery": "otp", "passkey": "hwk", "cert": "sc"}
_POSSESSION = {"otp", "recovery"}


def amr(methods: Sequence[Method]) -> list[str]:
    """Return how somebody signed in, in the words of RFC 8176; `mfa` where that took two things."""
    found = list(dict.fromkeys(AMR[method] for method in methods if method in AMR))
    return [*found, "mfa"] if acr(methods) != "low" and found else found


def acr(methods: Sequence[Method]) -> Acr:
    """Return the assurance of a sign-in.

    low: one thing known. substantial: also something had, a one-time password or a passkey (which is had and unlocked).
    high: a certificate of the state's PKI. The words are those of Regulation (EU) 910/2014 article 8, which platforms know.
    """
    if "cert" in methods:
        return "high"
    if "passkey" in methods or (_POSSESSION & set(methods) and "pwd" in methods):
        return "substantial"
    return "low"


def of_person(tx: Tx, person_id: int, scopes: Iterable[str]) -> dict[str, Any]:
    """Return the claims that scopes ask for. Raises NotFound."""
    person = people.find(tx, person_id)
    found: dict[str, Any] = {}
    for scope in scopes:
        if scope in CLAIMS:
            found |= CLAIMS[scope](tx, person)
    return found


def _profile(tx: Tx, person: Person) -> dict[str, Any]:
    names = {"name": person.name_fr or person.name_ar, "name#ar": person.name_ar, "name#fr": person.name_fr}
    return {name: value for name, value in names.items() if value} | {"locale": person.language}


def _email(tx: Tx, person: Person) -> dict[str, Any]:
    return {"email": person.address, "email_verified": True}


def _organisation(tx: Tx, person: Person) -> dict[str, Any]:
    if person.unit_id is None:
        return {}
    path = _path(tx, person.unit_id)
    organisation = organisations.find(tx, path[0].organisation_id)
    return {"organisation": _named(organisation), "units": [_named(unit) for unit in path]}


def _posts(tx: Tx, person: Person) -> dict[str, Any]:
    held = [post for post in holdings.held_by(tx, person.person_id, tx.now_us) if post.kind != "unit"]
    return {"posts": [_post(tx, post) for post in held[:MAX_POSTS]]}


CLAIMS: dict[str, Callable[[Tx, Person], dict[str, Any]]] = {
    "profile": _profile,
    "email": _email,
    "organisation": _organisation,
    "posts": _posts,
}


def seconds(us: int) -> int:
    """Return a time as tokens carry it."""
    return us // SECOND_US


def _post(tx: Tx, held: HeldPost) -> dict[str, Any]:
    unit = units.find(tx, posts.find(tx, held.account_id).unit_id)
    organisation = organisations.find(tx, unit.organisation_id)
    titles = {"title_ar": held.title_ar, "title_fr": held.title_fr, "holding": held.kind, "email": held.address}
    return {**titles, "unit": _named(unit), "organisation": _named(organisation)}


def _path(tx: Tx, unit_id: int) -> list[Unit]:
    """Return a unit and those that it is part of, the widest first."""
    path = [units.find(tx, unit_id)]
    while (parent_id := path[0].parent_id) is not None and len(path) < MAX_DEPTH:
        path.insert(0, units.find(tx, parent_id))
    return path


def _named(entry: Unit | Organisation) -> dict[str, str]:
    return {"code": entry.code, "name_ar": entry.name_ar, "name_fr": entry.name_fr}
