"""`diwan reindex`: make full-text indexes anew, of some accounts or of all."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from config import log, settings
from config.commands import HERE, Directory, Json, run, show
from config.database import Tx
from directory.address import parse
from directory.resolve import resolve
from mailcore import services
from mailcore.errors import NoSuchRecipient
from mailcore.store import accounts
from mailcore.store.fulltext import rebuild
from mailcore.store.types import AccountId


@dataclass(frozen=True, slots=True)
class Work:
    """An account to index, and how many messages it has."""

    account_id: AccountId
    messages: int


@dataclass(frozen=True, slots=True)
class Done:
    """What was indexed."""

    accounts: int
    messages: int


def main(
    addresses: Annotated[list[str] | None, typer.Argument(metavar="[ADDRESS]…", help="Whose mail to index.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Index the mail of every account.")] = False,
    directory: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Make the full-text index of accounts anew; the node may be serving. Until it is done searches take longer and find the same."""
    log.configure("error")
    if bool(addresses) == every:
        raise typer.BadParameter("name addresses, or say --all")
    done: Done = run(reindex(directory.absolute(), addresses))
    if as_json:
        show(done)
    else:
        sys.stdout.write(f"{done.messages} messages of {done.accounts} accounts are indexed\n")


async def reindex(directory: Path, addresses: Sequence[str] | None) -> Done:
    """Make the indexes of these addresses' accounts anew, or of every account. Raises NoSuchRecipient, BadAddress."""
    async with services.opened(settings.load(directory)) as node:
        chosen = await node.db.read(work, addresses)
        columns = (TextColumn("messages"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("messages", total=sum(one.messages for one in chosen))
            done = 0
            for one in chosen:
                account = await node.store.open_account(one.account_id)
                done += await rebuild(node.store, account, partial(_told, bar, task, done))
        return Done(len(chosen), done)


def _told(bar: Progress, task: TaskID, before: int, count: int) -> None:
    bar.update(task, completed=before + count)


def work(tx: Tx, addresses: Sequence[str] | None) -> list[Work]:
    """Return the accounts of addresses, each once, or every account (None). Raises NoSuchRecipient, BadAddress."""
    chosen = None if addresses is None else [_account(tx, address) for address in addresses]
    counts: dict[int, int] = dict(tx.rows("SELECT account_id, COUNT(*) FROM message GROUP BY account_id"))
    opened: list[int] = tx.column("SELECT account_id FROM account WHERE account_id <> :node ORDER BY account_id", node=accounts.NODE)
    return [Work(AccountId(one), counts.get(one, 0)) for one in opened if chosen is None or one in chosen]


def _account(tx: Tx, address: str) -> int:
    target = resolve(tx, parse(address))
    if target is None:
        raise NoSuchRecipient(f"nobody here has the address {address}")
    return target.account_id
