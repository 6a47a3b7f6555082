"""What is removed by order of a court: what an entry of the journal says, what evidence of a letter says."""

from config.database import Tx
from directory import journal, orders
from directory.acts.act import Act, Rule, Rules, always
from directory.errors import BadEntry
from directory.orders import Wanted
from directory.rights import NATION, Actor


class JournalBlank(Act, frozen=True, tag="journal.blank"):
    """Remove what an entry says. `order_ref` is the reference of the court's order."""

    seq: int
    order_ref: str


class EvidenceErase(Act, frozen=True, tag="evidence.erase"):
    """Remove what all records of a letter say, `queue` being its queue id. Their places in the log stay."""

    queue: str
    order_ref: str


def _require_order(tx: Tx, actor: Actor, act: JournalBlank | EvidenceErase) -> None:
    if not act.order_ref.strip():
        raise BadEntry("this is removed by order of a court alone: name it")


def _erase(tx: Tx, act: EvidenceErase) -> int:
    return orders.add(tx, Wanted("erase", 0, serial=act.queue, reason=act.order_ref))


RULES: Rules = {
    JournalBlank: Rule(
        "blank",
        lambda tx, act: NATION,
        lambda tx, act: journal.blank(tx, act.seq),
        "journal",
        lambda act, value: act.seq,
        guard=_require_order,
        two_persons=always,
    ),
    EvidenceErase: Rule(
        "blank", lambda tx, act: NATION, _erase, "evidence", lambda act, value: value, guard=_require_order, two_persons=always
    ),
}
