"""`diwan delegation …`: mailboxes that are lent, and the right to write in the name of another."""

import sys
from typing import Annotated, Any, cast

import typer

from config import log
from config.commands import HERE, Directory, Json, ask, show
from config.database import Tx
from directory import delegations
from directory.acts.delegations import DelegationGrant, DelegationRevoke
from directory.commands import finding
from directory.commands.finding import Desk, command, table
from directory.commands.naming import begins, ends
from directory.commands.naming import shown as shown_at
from directory.delegations import Delegation, Right
from directory.resolve import addresses

app = typer.Typer(help="Delegations: grant, list, revoke.", no_args_is_help=True)
Owner = Annotated[str, typer.Argument(metavar="OWNER", help="Whose mailbox: a person, a post or a unit, by address.")]
Lent = Annotated[
    list[str], typer.Option("--right", metavar="RIGHT", help="What is lent (repeatable): read, write, send_as, send_on_behalf.")
]


@command(app)
def grant(
    asked: Desk,
    owner: Owner,
    delegate: Annotated[str, typer.Argument(metavar="DELEGATE", help="To whom: a person, or a post or unit and so its holders.")],
    right: Lent,
    since: Annotated[str, typer.Option("--from", metavar="DATE", help="From this day on; without it, from now on.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="The last day; without it, until it is revoked.")] = "",
    folder: Annotated[str, typer.Option(help="Only this folder and those below it.")] = "",
    decision: Annotated[str, typer.Option(help="The reference of the decision.")] = "",
) -> None:
    """Lend a mailbox, or the right to write in its owner's name."""
    rights = _rights(right)
    asked.perform(
        lambda tx: DelegationGrant(
            finding.account(tx, owner, "person", "post", "unit").account_id,
            finding.account(tx, delegate, "person", "post", "unit").account_id,
            rights,
            begins(since),
            ends(until),
            folder,
            decision,
        )
    )


@command(app)
def revoke(
    asked: Desk, number: Annotated[int, typer.Argument(metavar="NUMBER", help="Its number, as `diwan delegation list` shows it.")]
) -> None:
    """End a delegation now; open sessions lose the mailbox with their next command."""
    asked.perform(lambda tx: DelegationRevoke(number))


@app.command(name="list")
def listing(
    owner: Owner,
    past: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    node: Directory = HERE,
    as_json: Json = False,
) -> None:
    """List to whom a mailbox is lent."""
    log.configure("error")
    found = ask(node, _given, owner, past)
    if as_json:
        show(found)
    elif not found:
        sys.stdout.write("lent to nobody\n")
    else:
        table(
            (
                str(one["number"]),
                one["delegate"],
                " ".join(one["rights"]),
                one["folder"] or "*",
                one["from"],
                one["until"] or "open",
                one["state"],
            )
            for one in found
        )


def _rights(asked: list[str]) -> tuple[Right, ...]:
    for one in asked:
        if one not in delegations.RIGHTS:
            raise typer.BadParameter(f"{one!r} is none of {', '.join(delegations.RIGHTS)}", param_hint="--right")
    return cast(tuple[Right, ...], tuple(asked))


def _given(tx: Tx, owner: str, past: bool) -> list[dict[str, Any]]:
    given = delegations.given(tx, finding.account(tx, owner).account_id)
    return [_described(tx, one) for one in given if past or _state(one, tx.now_us) in ("in force", "to come")]


def _described(tx: Tx, one: Delegation) -> dict[str, Any]:
    return {
        "number": one.delegation_id,
        "delegate": next(iter(addresses(tx, one.delegate_id)), f"account {one.delegate_id}"),
        "rights": [right for right in delegations.RIGHTS if right in one.rights],
        "folder": one.folder,
        "from": shown_at(one.valid_from_us),
        "until": shown_at(one.valid_to_us) if one.valid_to_us is not None else None,
        "decision": one.decision_ref,
        "state": _state(one, tx.now_us),
    }


def _state(one: Delegation, now_us: int) -> str:
    if one.revoked_us is not None:
        return "revoked"
    if one.valid_from_us > now_us:
        return "to come"
    return "over" if one.valid_to_us is not None and one.valid_to_us <= now_us else "in force"
