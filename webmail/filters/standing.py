"""What an account has of scripts, as the pages need it; putting a script in force without losing another."""

from dataclasses import dataclass

from starlette.requests import Request

from config.database import Tx
from mailcore.errors import LentForReading
from mailcore.sieve import rules, scripts
from mailcore.sieve.rules import Rules
from mailcore.sieve.scripts import State
from mailcore.store.keys import AccountKey
from webmail.desk import Box, Desk


@dataclass(frozen=True, slots=True)
class Standing:
    """`rules` are those in force; None when the script in force was written by hand, or ours was changed by hand."""

    state: State
    rules: Rules | None


def box_of(request: Request, desk: Desk) -> Box:
    """Return the mailbox of a page. Its owner alone, or whoever holds the post, says what becomes of its mail. Raises NoSuchPage."""
    box = desk.box(request.path_params["account"])
    if box.lent is not None:
        raise LentForReading(account_id=box.account_id)
    return box


def read(tx: Tx, account: AccountKey) -> Standing:
    """Return how things stand."""
    state = scripts.state(tx, account.account_id)
    octets = scripts.read(tx, account, state.active) if state.active else None
    if octets is None:
        ours = any(each.name == rules.NAME for each in state.scripts)
        octets = scripts.read(tx, account, rules.NAME) if ours else rules.script(Rules())
    return Standing(state, rules.read(octets))


def put_in_force(tx: Tx, account: AccountKey, wanted: bytes) -> None:
    """Put the script of the rules in force; one of its name that was written by hand is kept under another.

    Raises as `scripts.put` does.
    """
    state = scripts.state(tx, account.account_id)
    names = {each.name for each in state.scripts}
    if rules.NAME in names and rules.read(scripts.read(tx, account, rules.NAME)) is None:
        spare = next(name for number in range(2, 100) if (name := f"{rules.NAME}-{number}") not in names)
        scripts.rename(tx, account, rules.NAME, spare)
    scripts.put_in_force(tx, account, rules.NAME, wanted)
