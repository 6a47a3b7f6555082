"""Who held a post, when and by which decision, as far as one viewer may know of the holders."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from config.database import Row, Tx
from directory import holdings, visibility
from directory.types import Card, Holding, HoldingKind, Viewer
from directory.visibility import ENTRY

MAX_TENURES = 200  # of one post, the latest: some centuries of an ordinary one

_PEOPLE = """
    SELECT p.person_id, p.unit_id, u.organisation_id, p.address, p.name_ar, p.name_fr, p.closed_us
    FROM person p LEFT JOIN unit u ON u.unit_id = p.unit_id WHERE p.person_id IN (:ids[])
"""
_OCCUPIED = """
    SELECT DISTINCT post_id FROM holding WHERE post_id IN (:ids[]) AND superseded_us IS NULL
      AND valid_from_us <= :now_us AND (valid_to_us IS NULL OR valid_to_us > :now_us)
"""


@dataclass(frozen=True, slots=True)
class Tenure:
    """A person held a post from `valid_from_us` up to, not including, `valid_to_us`; None is open.

    Of somebody who is hidden from the viewer `person_id` is 0 and names are empty; `here` says whether they have an account.
    """

    person_id: int
    address: str
    name_ar: str
    name_fr: str
    here: bool
    kind: HoldingKind
    valid_from_us: int
    valid_to_us: int | None
    decision_ref: str
    end_ref: str


def ever(tx: Tx, viewer: Viewer, post_id: int) -> list[Tenure]:
    """Return who held a post, as known today, the latest first, MAX_TENURES at most."""
    return _named(tx, viewer, holdings.history(tx, post_id)[: -MAX_TENURES - 1 : -1])


def during(tx: Tx, viewer: Viewer, post_id: int, from_us: int, to_us: int) -> list[Tenure]:
    """Return who held a post at any moment from `from_us` up to, not including, `to_us`; the longest first."""
    held = holdings.history(tx, post_id)
    there = [one for one in held if one.valid_from_us < to_us and (one.valid_to_us is None or one.valid_to_us > from_us)]
    return _named(tx, viewer, there[:MAX_TENURES])


def shown(tx: Tx, viewer: Viewer, posts: Sequence[Card]) -> frozenset[int]:
    """Return the ids of those of some posts of which a viewer may know at all who holds them."""
    exceptions = visibility.of(tx, [one.account_id for one in posts]) if posts else {}

    def sees(one: Card) -> bool:
        reached = visibility.reach(viewer, one.account_id, one.unit_id, one.organisation_id)
        return visibility.sees(reached, "post", "holders", exceptions.get(one.account_id, {}))

    return frozenset(one.account_id for one in posts if sees(one))


def occupied(tx: Tx, post_ids: Sequence[int]) -> frozenset[int]:
    """Return those of some posts that somebody holds now."""
    return frozenset(tx.column(_OCCUPIED, ids=list(post_ids), now_us=tx.now_us)) if post_ids else frozenset()


def _named(tx: Tx, viewer: Viewer, held: Iterable[Holding]) -> list[Tenure]:
    found = list(held)
    ids = sorted({one.person_id for one in found})
    people: dict[int, Row] = {row[0]: row for row in tx.rows(_PEOPLE, ids=ids)} if ids else {}
    exceptions = visibility.of(tx, ids) if ids else {}

    def tenure(one: Holding) -> Tenure:
        person_id, unit_id, organisation_id, address, name_ar, name_fr, closed_us = people[one.person_id]
        reached = visibility.reach(viewer, person_id, unit_id, organisation_id)
        if not visibility.sees(reached, "person", ENTRY, exceptions.get(person_id, {})):
            person_id, address, name_ar, name_fr = 0, "", "", ""
        here = bool(person_id) and closed_us is None
        return Tenure(
            person_id, address, name_ar, name_fr, here, one.kind, one.valid_from_us, one.valid_to_us, one.decision_ref, one.end_ref
        )

    return [tenure(one) for one in found]
