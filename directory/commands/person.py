"""`diwan person …`: civil servants, what is known of them, and what they sign in with."""

import asyncio
import secrets
import sys
from typing import Annotated

import msgspec
import typer

from config import log
from config.commands import HERE, Directory, Json, ask, run, show
from config.database import Tx
from directory import attributes, cards, credentials, people, search, visibility
from directory.acts.cards import AttributesSet, VisibilitySet
from directory.acts.credentials import AppPasswordRevoke, FactorsReset, PasswordReset, SessionsEnd
from directory.acts.people import PersonClose, PersonCreate, PersonMove, PersonRename, PersonReopen, PersonTransfer
from directory.address import parse
from directory.commands import finding
from directory.commands.finding import Address, Arabic, Desk, Latin, Since, account, command, table
from directory.commands.naming import begins, shown
from directory.credentials import AppPassword
from directory.errors import BadEntry
from directory.signin.passwords import Hasher, prepare
from directory.types import AUDIENCES, Card, PasswordHash

app = typer.Typer(help="People: add, rename, move, set, hide, password, close, find, show.", no_args_is_help=True)
Unit = Annotated[str, typer.Option("--unit", metavar="ADMINISTRATION/UNIT", help="Where they work.")]
PASSWORD_BYTES = 12  # 96 random bits, 16 characters


@command(app)
def add(
    asked: Desk,
    address: Address,
    ar: Arabic,
    fr: Latin,
    unit: Unit,
    language: Annotated[str, typer.Option(help="ar, fr or en: what they read the webmail in.")] = "ar",
) -> None:
    """Make an account. `diwan person password` gives it a first password."""
    asked.perform(lambda tx: PersonCreate(ar, fr, address, language, finding.unit(tx, unit).unit_id))


@command(app)
def rename(asked: Desk, address: Address, ar: Arabic, fr: Latin, since: Since = "") -> None:
    """Give a person another name, as attested; the old one stays known for its time."""
    asked.perform(lambda tx: PersonRename(_id(tx, address), ar, fr, begins(since)))


@command(app)
def move(asked: Desk, address: Address, unit: Unit, since: Since = "") -> None:
    """Let a person work in another unit of their administration."""
    asked.perform(lambda tx: PersonMove(_id(tx, address), finding.unit(tx, unit).unit_id, begins(since)))


@command(app)
def transfer(asked: Desk, address: Address, unit: Unit, since: Since = "") -> None:
    """Let a person work in another administration; roles of the one they leave end."""
    asked.perform(lambda tx: PersonTransfer(_id(tx, address), finding.unit(tx, unit).unit_id, begins(since)))


@command(app, name="set")
def put(
    asked: Desk,
    address: Address,
    values: Annotated[list[str], typer.Argument(metavar="NAME=VALUE …", help=f"{', '.join(attributes.NAMES)}; nothing after = removes.")],
) -> None:
    """Set attributes of a person, post or unit."""
    pairs = dict(_pair(one) for one in values)
    asked.perform(lambda tx: AttributesSet(account(tx, address).account_id, pairs))


@command(app)
def hide(
    asked: Desk,
    address: Address,
    attribute: Annotated[str, typer.Argument(help=f"{visibility.ENTRY} for all of it, or one of {', '.join(visibility.DEFAULTS)}.")],
    audience: Annotated[str, typer.Argument(metavar="[AUDIENCE]", help=f"{', '.join(AUDIENCES)}; none for the usual one.")] = "",
) -> None:
    """Say who may see an attribute of an entry, or the entry at all."""
    if audience and audience not in AUDIENCES:
        raise typer.BadParameter(f"{audience!r} is none of {', '.join(AUDIENCES)}", param_hint="AUDIENCE")
    asked.perform(lambda tx: VisibilitySet(account(tx, address).account_id, attribute, audience or None))


@command(app)
def password(asked: Desk, address: Address) -> None:
    """Give a person a new password and print it once; every sign-in of theirs ends."""
    made = secrets.token_urlsafe(PASSWORD_BYTES)
    kept = run(_hashed(made))
    done = asked.perform(lambda tx: PasswordReset(_id(tx, address), kept))
    when = "is" if done.approval_id is None else "will be, once the request is approved,"
    sys.stderr.write(f"the password of {address} {when} {made}; it is not shown again\n")


@command(app)
def sessions(asked: Desk, address: Address) -> None:
    """End every sign-in of a person; passwords stay."""
    asked.perform(lambda tx: SessionsEnd(_id(tx, address)))


@command(app)
def factors(asked: Desk, address: Address) -> None:
    """Take every second factor from a person who has lost them; the password stays."""
    asked.perform(lambda tx: FactorsReset(_id(tx, address)))


@command(app)
def revoke(asked: Desk, address: Address, number: Annotated[int, typer.Argument(help="The app password, as `show` numbers it.")]) -> None:
    """Make one app password useless at once."""
    asked.perform(lambda tx: AppPasswordRevoke(_id(tx, address), number))


@command(app)
def close(asked: Desk, address: Address) -> None:
    """Let a person go: no sign-in, no function, no mail from now on. Nothing of the past is removed."""
    asked.perform(lambda tx: PersonClose(_id(tx, address)))


@command(app)
def reopen(asked: Desk, address: Address) -> None:
    """Take a person back, with the address and the mail they had."""
    asked.perform(lambda tx: PersonReopen(people.by_address(tx, parse(address)).person_id))


@app.command()
def find(
    query: Annotated[list[str], typer.Argument(metavar="WORDS …", help="Names, functions, the beginning of an address; either script.")],
    limit: Annotated[int, typer.Option(min=1, max=search.MAX_RESULTS, help="How many at most.")] = 20,
    node: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Find people, functions, boxes and lists as the webmail does."""
    log.configure("error")
    found = ask(node, search.complete, " ".join(query), limit)
    if as_json:
        show(found)
    else:
        table((one.address, f"{one.name_fr} · {one.name_ar}", one.title_fr, one.organisation_fr) for one in found)


@app.command(name="show")
def one(address: Address, node: Directory = HERE, as_json: Json = False) -> None:
    """Show everything that the register says of an account, with its app passwords."""
    log.configure("error")
    card, devices = ask(node, _card, address)
    if as_json:
        told = {name: getattr(card, name) for name in Card.__slots__ if name != "certificates"}
        show({**msgspec.to_builtins(told), "certificates": len(card.certificates), "app_passwords": msgspec.to_builtins(devices)})
        return
    table((name, value) for name in Card.__slots__ if name != "certificates" and (value := _text(name, getattr(card, name))))
    for device in devices:
        sys.stdout.write(f"app password {device.app_password_id}: {device.label} ({' '.join(device.scopes)})\n")


async def _hashed(made: str) -> PasswordHash:
    hasher = Hasher()
    try:
        return await hasher.hash(await asyncio.to_thread(prepare, made))
    finally:
        await hasher.close()


def _card(tx: Tx, address: str) -> tuple[Card, list[AppPassword]]:
    account_id = account(tx, address).account_id
    [card] = cards.cards(tx, visibility.EVERYTHING, [account_id])
    return card, credentials.list_app_passwords(tx, account_id)


def _id(tx: Tx, address: str) -> int:
    return account(tx, address, "person").account_id


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise BadEntry(f"{text!r} is not NAME=VALUE")
    return name, value


def _text(name: str, value: object) -> str:
    if name.endswith("_us") and isinstance(value, int):
        return shown(value)
    if isinstance(value, tuple):
        return ", ".join(getattr(each, "address", str(each)) for each in value)
    return "" if value is None else str(value)
