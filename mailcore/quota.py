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
from directory.acts import Outcome
from directory.acts.quotas import QuotaDefault, QuotaSet
from directory.commands.finding import Address, Desk, account, command, table
from directory.errors import BadEntry
from directory.quotas import EVERYBODY, Quota
from directory.resolve import addresses
from mailcore.store import quota
from mailcore.store.types import AccountId

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
NO_LIMIT = "none"
FULL_PERCENT = 80  # from here on an account is listed: time to act before letters wait
MAX_LISTED = 1_000
_SIZE = re.compile(r"(\d{1,12})(?:[.,](\d{1,2})(?= ?[KMGT]))? ?([KMGT]?)(?:i?B)?", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,12}")

app = typer.Typer(help="How much mail accounts may hold: show, set, reset, default.", no_args_is_help=True)
Storage = Annotated[
    str, typer.Option("--storage", metavar="SIZE", help="Octets of all messages, such as 20G, 1.5G or 500M; none for no limit.")
]
Messages = Annotated[str, typer.Option("--messages", metavar="NUMBER", help="How many messages; none for no limit.")]


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account holds and may hold."""

    address: str
    storage_bytes: int
    messages: int
    storage_limit_bytes: int | None
    messages_limit: int | None
    own: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What every account without a quota of its own may hold."""

    storage_limit_bytes: int | None
    messages_limit: int | None


@dataclass(frozen=True, slots=True)
class Listed(Standing):
    """One line of the list: `percent` is of the limit that the account is nearest to, None without any."""

    percent: int | None


def size(text: str) -> int | None:
    """Return what a size says in octets, None for no limit. Raises BadEntry."""
    said = text.strip()
    if said.lower() == NO_LIMIT:
        return None
    if said.startswith("-"):
        raise BadEntry(f"--storage cannot be negative: {text!r}")
    found = _SIZE.fullmatch(said)
    if found is None:
        raise BadEntry(f"{text!r} is no size: write 500M, 1.5G, 20G or none")
    hundredths = int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))
    return hundredths * UNITS[found[3].upper()] // 100


def number(text: str) -> int | None:
    """Return what a number of messages says, None for no limit. Raises BadEntry."""
    said = text.strip()
    if said.lower() == NO_LIMIT:
        return None
    if said.startswith("-"):
        raise BadEntry(f"--messages cannot be negative: {text!r}")
    if not _NUMBER.fullmatch(said):
        raise BadEntry(f"{text!r} is no number of messages: write 50000 or none")
    return int(said)


@app.command(name="show")
def show_(
    address: Annotated[str, typer.Argument(metavar="[ADDRESS]", help="Whose; without it, everybody's.")] = "",
    every: Annotated[
        bool, typer.Option("--all", help=f"Every account with a quota of its own or more than {FULL_PERCENT} % full.")
    ] = False,
    node: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Show what an account holds and may hold, or what holds for everybody."""
    log.configure("error")
    if address and every:
        raise typer.BadParameter("one address or all of them", param_hint="--all")
    found = ask(node, _listed) if every else ask(node, _standing, address) if address else ask(node, _limits)
    if as_json:
        show(found)
    elif isinstance(found, list):
        _list(found)
    else:
        _show(found)


def _show(found: Standing | Limits) -> None:
    limits = ("octets", _limit(found.storage_limit_bytes)), ("messages", _limit(found.messages_limit))
    if not isinstance(found, Standing):
        table([("", "limit"), *limits])
        sys.stdout.write("for every account without its own\n")
        return
    held = f"{found.storage_bytes:,}", f"{found.messages:,}"
    table([("", "held", "limit"), *((name, there, limit) for (name, limit), there in zip(limits, held, strict=True))])
    if not found.own:
        sys.stdout.write("the limits are everybody's\n")


def _list(found: list[Listed]) -> None:
    if not found:
        sys.stdout.write(f"no account has a quota of its own, none is more than {FULL_PERCENT} % full\n")
        return
    rows = [
        (
            *(one.address, f"{one.storage_bytes:,}", _limit(one.storage_limit_bytes), f"{one.messages:,}", _limit(one.messages_limit)),
            *("" if one.percent is None else f"{one.percent} %", "own" if one.own else "everybody's"),
        )
        for one in found
    ]
    table([("address", "octets", "limit", "messages", "limit", "full", "quota"), *rows])
    if len(found) == MAX_LISTED:
        sys.stdout.write(f"these are the first {MAX_LISTED}\n")


def _limit(limit: int | None, what: str = "") -> str:
    return f"no limit{what and ' of'}{what}" if limit is None else f"{limit:,}{what}"


def _limits(tx: Tx) -> Limits:
    everybody = quotas.of(tx, EVERYBODY)
    return Limits(everybody.storage_bytes, everybody.messages)


def _standing(tx: Tx, address: str) -> Standing:
    target = account(tx, address, "person", "post", "unit")
    held, may = quota.standing(tx, AccountId(target.account_id))
    own = quotas.own(tx, target.account_id) is not None
    return Standing(target.address, held.storage_bytes, held.messages, may.storage_bytes, may.messages, own)


def _listed(tx: Tx) -> list[Listed]:
    """Return the accounts to look after, the fullest first."""
    found = []
    for account_id in quota.notable(tx, FULL_PERCENT, MAX_LISTED):
        held, may = quota.standing(tx, account_id)
        address = next(iter(addresses(tx, account_id)), f"account {account_id}")
        own = quotas.own(tx, account_id) is not None
        full = quota.percent(held, may)
        found.append(Listed(address, held.storage_bytes, held.messages, may.storage_bytes, may.messages, own, full))
    return sorted(found, key=lambda one: (1 if one.percent is None else -one.percent, one.address))


def _answer(desk: Desk, outcome: Outcome, address: str = "") -> None:
    """Repeat what holds now, and warn of an account that is over it already: nothing is removed, but nothing more comes in."""
    if outcome.approval_id is not None:
        return
    now: Standing | Limits = ask(desk.directory, _standing, address) if address else ask(desk.directory, _limits)
    if not desk.as_json:
        whose = address or "every account without its own"
        sys.stdout.write(f"{whose}: {_limit(now.storage_limit_bytes, ' octets')}, {_limit(now.messages_limit, ' messages')}\n")
    if isinstance(now, Standing):
        for held, limit, what in (
            (now.storage_bytes, now.storage_limit_bytes, "octets"),
            (now.messages, now.messages_limit, "messages"),
        ):
            if limit is not None and held > limit:
                sys.stderr.write(f"warning: {address} holds {held:,} {what} already, and takes no more\n")


@command(app, "set")
def set_(asked: Desk, address: Address, storage: Storage = "", messages: Messages = "") -> None:
    """Give a person, post or box a quota of its own. What is not said stays as it is."""

    def plan(tx: Tx) -> QuotaSet:
        target = account(tx, address, "person", "post", "unit")
        wanted = _changed(quotas.of(tx, target.account_id), storage, messages)
        return QuotaSet(target.account_id, wanted.storage_bytes, wanted.messages)

    _answer(asked, asked.perform(plan), address)


@command(app)
def reset(asked: Desk, address: Address) -> None:
    """Let everybody's quota hold for an account again."""
    outcome = asked.perform(lambda tx: QuotaSet(account(tx, address, "person", "post", "unit").account_id, everybodys=True))
    _answer(asked, outcome, address)


@command(app)
def default(asked: Desk, storage: Storage = "", messages: Messages = "") -> None:
    """Change the quota of all accounts that have none of their own. What is not said stays as it is."""

    def plan(tx: Tx) -> QuotaDefault:
        wanted = _changed(quotas.of(tx, EVERYBODY), storage, messages)
        return QuotaDefault(wanted.storage_bytes, wanted.messages)

    _answer(asked, asked.perform(plan))


def _changed(now: Quota, storage: str, messages: str) -> Quota:
    """Return a quota with what was said. Raises BadEntry, also when nothing was."""
    if not storage and not messages:
        raise BadEntry("say what the quota is to be: --storage SIZE, --messages NUMBER")
    return Quota(size(storage) if storage else now.storage_bytes, number(messages) if messages else now.messages)
