"""The one act on the journal itself: to blank what an entry says, by order of a court."""

from config.database import Tx
from directory import journal
from directory.acts.act import Act, Rule, Rules, always
from directory.errors import BadEntry
from directory.rights import NATION


class JournalBlank(Act, frozen=True, tag="journal.blank"):
    """Remove what an entry says. `order_ref` is the reference of the court's order."""

    seq: int
    order_ref: str


def _blank(tx: Tx, act: JournalBlank) -> None:
    if not act.order_ref.strip():
        raise BadEntry("an entry is blanked by order of a court: name it")
    journal.blank(tx, act.seq)


RULES: Rules = {
    JournalBlank: Rule("blank", lambda tx, act: NATION, _blank, "journal", lambda act, value: act.seq, two_persons=always),
}
