"""Letting people go whose entries are gone; and the brake, for a source that suddenly lacks many."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from config.database import Tx
from config.errors import MailError
from directory import acts
from directory.acts.people import MAX_AT_ONCE, PeopleClose, PersonClose
from directory.imports.carry import Result, Undone
from directory.imports.rows import Refused
from directory.rights import Actor
from directory.sync import state
from directory.sync.take import REASON

MAX_GONE = 20  # people who may leave one source at a time without anybody being asked
_STATE = "SELECT state, expires_us FROM approval WHERE approval_id = :approval_id"
_ADDRESSES = "SELECT person_id, address FROM person WHERE person_id IN (:ids[])"


@dataclass(frozen=True, slots=True)
class Closing:
    """Who was let go. `held` people were not, because the brake holds; `approval_id` is the request that waits for two persons."""

    closed: int = 0
    held: int = 0
    approval_id: int | None = None
    refused: tuple[Refused, ...] = ()


def close(
    tx: Tx, actor: Actor, source: str, missing: Sequence[str], percent: float, *, emptied: bool = False, keep: bool = True
) -> Closing:
    """Note entries as gone and let their people go, with those of earlier runs who are still here; or hold them all.

    The brake holds for more than `MAX_GONE` people, for several that are more than `percent` of the source's people, and when
    the source is `emptied`: then one request to close them is made. Without `keep` Undone is raised, and nothing happened.
    """
    state.gone(tx, source, missing)
    people, total = state.leaving(tx, source), state.count(tx, source)
    if people and (emptied or _is_many(len(people), total, percent)):
        closing = Closing(held=len(people), approval_id=_request(tx, actor, source, people, total))
    else:
        closing = _close(tx, actor, source, people)
    if not keep:
        raise Rehearsed(replace(closing, approval_id=None))
    return closing


class Rehearsed(Undone):
    """Raised to undo a closing that told what it would have done."""

    def __init__(self, closing: Closing) -> None:
        self.closing = closing
        super().__init__(list[Result](closing.refused))


def _is_many(count: int, total: int, percent: float) -> bool:
    return count > MAX_GONE or (count > 1 and count * 100 > total * percent)


def _close(tx: Tx, actor: Actor, source: str, people: Sequence[int]) -> Closing:
    outcomes = acts.perform_many(tx, actor, [PersonClose(one) for one in people], REASON.format(source))
    errors = {one: outcome for one, outcome in zip(people, outcomes, strict=True) if isinstance(outcome, MailError)}
    names: dict[int, str] = {row[0]: row[1] for row in tx.rows(_ADDRESSES, ids=list(errors))} if errors else {}
    refused = tuple(Refused(0, "person", names[one], error.text) for one, error in errors.items())
    return Closing(len(people) - len(refused), refused=refused)


def _request(tx: Tx, actor: Actor, source: str, people: Sequence[int], total: int) -> int | None:
    """Ask two persons, unless they are being asked, or have refused that many already. Return the request that waits."""
    mark = state.mark(tx, source)
    row = tx.row(_STATE, approval_id=mark.approval_id) if mark.approval_id is not None else None
    if row is not None and row[0] == "pending" and row[1] > tx.now_us:
        return mark.approval_id
    if row is not None and row[0] == "refused" and len(people) <= mark.asked:
        return None
    reason = f"{REASON.format(source)}: {len(people)} of {total} people are gone from it"
    asked = acts.perform(tx, actor, PeopleClose(tuple(people[:MAX_AT_ONCE])), reason)
    state.asked(tx, source, asked.approval_id, len(people))
    return asked.approval_id
