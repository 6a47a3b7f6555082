"""Units of work: a piece of a file becomes acts, and the acts are performed. Each row goes in as a whole or not at all."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from config.database import Tx
from config.errors import MailError
from directory import acts
from directory.acts import Act
from directory.imports.known import Known, look_up
from directory.imports.plans import CREATES, acts_for
from directory.imports.rows import KINDS, OrganisationRow, Refused, Row, UnitRow
from directory.rights import Actor

Became = Literal["created", "changed", "unchanged"]
Planner = Callable[[Tx, Known, Row], list[Act]]


@dataclass(frozen=True, slots=True)
class Done:
    """A row that went in, or that the directory said already."""

    row: Row
    became: Became


Result = Done | Refused


class Undone(Exception):
    """Raised to undo a unit of work that told what it would have done."""

    def __init__(self, results: list[Result]) -> None:
        self.results = results
        super().__init__()


@dataclass(frozen=True, slots=True)
class Plan:
    """A row and the acts that it asks for."""

    row: Row
    acts: Sequence[Act]


def bring(tx: Tx, actor: Actor, rows: Sequence[Row], reason: str) -> list[Result]:
    """Take in rows of any kind, those first that others need; return what became of each, in no order."""
    results: list[Result] = []
    for kind in KINDS:
        waiting = [row for row in rows if row.kind == kind]
        while waiting:
            ready = _ready(waiting)
            results += _bring(tx, actor, ready, reason)
            done = set(map(id, ready))
            waiting = [row for row in waiting if id(row) not in done]
    return results


def bring_all(tx: Tx, actor: Actor, rows: Sequence[Row], reason: str) -> list[Result]:
    """Take in all rows, or none: then Undone is raised with what would have become of each."""
    results = bring(tx, actor, rows, reason)
    if any(isinstance(one, Refused) for one in results):
        raise Undone(results)
    return results


def rehearse(tx: Tx, actor: Actor, rows: Sequence[Row], needed: Sequence[Row], reason: str) -> None:
    """Raise Undone with what would become of rows once those that they need were in; nothing is."""
    bring(tx, actor, needed, reason)
    raise Undone(bring(tx, actor, rows, reason))


def perform(tx: Tx, actor: Actor, plans: Sequence[Plan], reason: str) -> list[Result]:
    """Perform what rows ask for; return what became of each. Rows of one act go together, which is quick."""
    results: list[Result] = [Done(plan.row, "unchanged") for plan in plans if not plan.acts]
    single = sorted((plan for plan in plans if len(plan.acts) == 1), key=lambda plan: type(plan.acts[0]).__name__)
    outcomes = acts.perform_many(tx, actor, [plan.acts[0] for plan in single], reason)
    for plan, outcome in zip(single, outcomes, strict=True):
        results.append(_refused(plan.row, outcome) if isinstance(outcome, MailError) else Done(plan.row, _became(plan.acts[0])))
    return results + [_whole(tx, actor, plan, reason) for plan in plans if len(plan.acts) > 1]


def _bring(tx: Tx, actor: Actor, rows: Sequence[Row], reason: str) -> list[Result]:
    known = look_up(tx, rows)
    plans: list[Plan] = []
    refused: list[Result] = []
    for row in rows:
        try:
            plans.append(Plan(row, acts_for(tx, known, row)))
        except MailError as error:
            refused.append(_refused(row, error))
    return refused + perform(tx, actor, plans, reason)


def _whole(tx: Tx, actor: Actor, plan: Plan, reason: str) -> Result:
    """Perform every act of a row, or none of them."""
    announced = len(tx.changes)
    tx.execute("SAVEPOINT import_row")
    outcomes = acts.perform_many(tx, actor, plan.acts, reason)
    error = next((one for one in outcomes if isinstance(one, MailError)), None)
    if error is not None:
        tx.execute("ROLLBACK TO SAVEPOINT import_row")
        del tx.changes[announced:]
    tx.execute("RELEASE SAVEPOINT import_row")
    return Done(plan.row, "changed") if error is None else _refused(plan.row, error)


def _ready(rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows whose parent is not among the others; all of them when they wait for each other in a ring."""
    keys = {row.key for row in rows}
    return [row for row in rows if not _waits(row, keys)] or rows


def _waits(row: Row, keys: Iterable[str]) -> bool:
    return isinstance(row, OrganisationRow | UnitRow) and row.parent != row.key and row.parent in keys


def _became(act: Act) -> Became:
    return "created" if type(act) in CREATES else "changed"


def _refused(row: Row, error: MailError) -> Refused:
    return Refused(row.line, row.kind, row.key, error.text)
