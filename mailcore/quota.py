"""`diwan quota …`: how much mail accounts may hold, and how much they do."""

import re
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from config import log
from config.commands import HERE, Directory, Json, ask, show
from config.database import Tx
from directory import quotas
from directory.acts.quotas import QuotaDefault, QuotaSet
from directory.commands.finding import Address, Desk, account, command, table
from directory.errors import BadEntry
from directory.quotas import EVERYBODY, Quota
from mailcore.store import quota
from mailcore.store.types import AccountId

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
NO_LIMIT = "none"
_SIZE = re.compile(r"(\d{1,12}) ?([KMGT]?)(?:i?B)?", re.IGNORECASE)

app = typer.Typer(help="How much mail accounts may hold: show, set, reset, default.", no_args_is_help=True)
Storage = Annotated[str, typer.Option("--storage", metavar="SIZE", help="Octets of all messages, such as 20G or 500M; none for no limit.")]
Messages = Annotated[str, typer.Option("--messages", metavar="NUMBER", help="How many messages; none for no limit.")]


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account holds and may hold; everybody's quota has no address and holds nothing."""

    address: str
    storage_bytes: int
    messages: int
    storage_limit_bytes: int | None
    messages_limit: int | None
    own: bool


def size(text: str) -> int | None:
    """Return what a size says in octets, None for no limit. Raises BadEntry."""
    found = _SIZE.fullmatch(text.strip())
    if text.strip().lower() == NO_LIMIT:
        return None
    if found is None:
        raise BadEntry(f"{text!r} is no size: write 500M, 20G or none")
    return int(found[1]) * UNITS[found[2].upper()]


@app.command(name="show")
def show_(
    address: Annotated[str, typer.Argument(metavar="[ADDRESS]", help="Whose; without it, everybody's.")] = "",
    node: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Show what an account holds and may hold, or what holds for everybody."""
    log.configure("error")
    found: Standing = ask(node, _standing, address)
    if as_json:
        show(found)
        return
    rows = [("", "held", "limit"), ("octets", f"{found.storage_bytes:,}", _limit(found.storage_limit_bytes))]
    table([*rows, ("messages", f"{found.messages:,}", _limit(found.messages_limit))])
    if address and not found.own:
        sys.stdout.write("the limits are everybody's\n")


def _limit(limit: int | None) -> str:
    return "no limit" if limit is None else f"{limit:,}"


def _standing(tx: Tx, address: str) -> Standing:
    if not address:
        everybody = quotas.of(tx, EVERYBODY)
        return Standing("", 0, 0, everybody.storage_bytes, everybody.messages, own=True)
    target = account(tx, address, "person", "post", "unit")
    held, may = quota.standing(tx, AccountId(target.account_id))
    own = quotas.own(tx, target.account_id) is not None
    return Standing(target.address, held.storage_bytes, held.messages, may.storage_bytes, may.messages, own)


@command(app, "set")
def set_(asked: Desk, address: Address, storage: Storage = "", messages: Messages = "") -> None:
    """Give a person, post or box a quota of its own. What is not said stays as it is."""

    def plan(tx: Tx) -> QuotaSet:
        target = account(tx, address, "person", "post", "unit")
        wanted = _changed(quotas.of(tx, target.account_id), storage, messages)
        return QuotaSet(target.account_id, wanted.storage_bytes, wanted.messages)

    asked.perform(plan)


@command(app)
def reset(asked: Desk, address: Address) -> None:
    """Let everybody's quota hold for an account again."""
    asked.perform(lambda tx: QuotaSet(account(tx, address, "person", "post", "unit").account_id, everybodys=True))


@command(app)
def default(asked: Desk, storage: Storage = "", messages: Messages = "") -> None:
    """Change the quota of all accounts that have none of their own. What is not said stays as it is."""

    def plan(tx: Tx) -> QuotaDefault:
        wanted = _changed(quotas.of(tx, EVERYBODY), storage, messages)
        return QuotaDefault(wanted.storage_bytes, wanted.messages)

    asked.perform(plan)


def _changed(now: Quota, storage: str, messages: str) -> Quota:
    """Return a quota with what was said. Raises BadEntry, also when nothing was."""
    if not storage and not messages:
        raise BadEntry("say what the quota is to be: --storage SIZE, --messages NUMBER")
    return Quota(size(storage) if storage else now.storage_bytes, size(messages) if messages else now.messages)
