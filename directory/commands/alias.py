"""`diwan alias …`: further addresses of mailboxes."""

import sys
from typing import Annotated

import typer

from config import log
from config.commands import HERE, Directory, Json, ask, show
from config.database import Tx
from directory import resolve
from directory.acts.addresses import AliasAdd, AliasClose
from directory.commands.finding import Address, Desk, account, command

app = typer.Typer(help="Further addresses of mailboxes: add, close, list.", no_args_is_help=True)


@command(app)
def add(asked: Desk, address: Address, alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The further address.")]) -> None:
    """Give a person, post or box one more address."""
    asked.perform(lambda tx: AliasAdd(account(tx, address).account_id, alias))


@command(app)
def close(asked: Desk, alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The address that takes no more mail.")]) -> None:
    """Stop taking mail for one address; nobody else ever gets it."""
    asked.perform(lambda tx: AliasClose(alias))


@app.command(name="list")
def listing(address: Address, node: Directory = HERE, as_json: Json = False) -> None:
    """List every address of an account, the oldest first."""
    log.configure("error")
    found = ask(node, _of, address)
    if as_json:
        show(found)
    else:
        sys.stdout.write("".join(f"{one}\n" for one in found))


def _of(tx: Tx, address: str) -> list[str]:
    return resolve.addresses(tx, account(tx, address).account_id)
