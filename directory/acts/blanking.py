"""The one act on the journal itself: to blank what an entry says, by order of a court."""

from config.database import Tx
from directory import journal
from directory.acts.act import Act, Rule, Rules, always
from directory.errors import BadEntry
from directory.rights import NATION, Actor


class JournalBlank(Act, frozen=True, tag="journal.blank"):
    """Remove what an entry says. `order_ref` is the reference of the court's order."""

    seq: int
    order_ref: str


def _require_order(tx: Tx, actor: Actor, act: JournalBlank) -> None:
    if not act.order_ref.strip():
        raise BadEntry("an entry is blanked by order of a court: name it")


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
}
