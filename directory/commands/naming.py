"""How scopes, holders of roles and times are written on a command line, and how they are shown."""

from datetime import datetime, time, timedelta

import typer

from config.clock import SECOND_US
from config.database import Tx
from directory import organisations, posts, rights, services, units
from directory.address import parse
from directory.errors import NotFound
from directory.resolve import resolve
from directory.rights import NATION, Actor, Scope

SCOPE_HELP = "Where: `nation`, the code of an administration such as `interieur`, or of a unit of it such as `interieur/BO`."
_SERVICE = "service:"
_DAY_CHARS = len("2026-01-31")
_ADDRESS_OF = """
    SELECT address FROM person WHERE person_id = :id UNION ALL SELECT address FROM post WHERE post_id = :id
    UNION ALL SELECT 'service:' || name FROM service_account WHERE service_id = :id
"""


def scope(tx: Tx, text: str) -> Scope:
    """Read a scope as it is written. Raises NotFound."""
    if text == NATION.kind:
        return NATION
    code, slash, unit_code = text.partition("/")
    owner = organisations.by_code(tx, code).organisation_id
    if not slash:
        return rights.organisation(owner)
    sql = "SELECT unit_id FROM unit WHERE organisation_id = :owner AND code = :code"
    unit_id = tx.value(sql, owner=owner, code=unit_code)
    if unit_id is None:
        raise NotFound(f"{code} has no unit with the code {unit_code}", code=unit_code)
    return rights.unit(unit_id)


def scope_name(tx: Tx, where: Scope) -> str:
    """Return a scope as it is written."""
    if where == NATION:
        return NATION.kind
    if where.kind == "organisation":
        return organisations.find(tx, where.id).code
    found = units.find(tx, where.id)
    return f"{organisations.find(tx, found.organisation_id).code}/{found.code}"


def holder(tx: Tx, text: str) -> int:
    """Return whom an address, or `service:NUMBER`, names. Raises NotFound, BadAddress."""
    if text.startswith(_SERVICE) and text.removeprefix(_SERVICE).isdecimal():
        return services.find(tx, int(text.removeprefix(_SERVICE))).service_id
    target = resolve(tx, parse(text))
    if target is None:
        raise NotFound(f"nobody here has the address {text}", address=text)
    return target.account_id


def holder_name(tx: Tx, holder_id: int) -> str:
    """Return who has a role: an address, or a machine by its name."""
    found: str | None = tx.value(_ADDRESS_OF, id=holder_id)
    return found or f"account {holder_id}"


def home(tx: Tx, actor: Actor) -> Scope:
    """Return what somebody means who names no scope: the nation for the console, their own administration for others."""
    if actor.person_id is None:
        return NATION
    unit_id = posts.find(tx, actor.on_behalf_of).unit_id if actor.on_behalf_of else None
    unit_id = unit_id or tx.value("SELECT unit_id FROM person WHERE person_id = :id", id=actor.person_id)
    return NATION if unit_id is None else rights.organisation(units.find(tx, unit_id).organisation_id)


def begins(text: str, option: str = "--from") -> int | None:
    """Return when a day begins in µs, or that moment; None for "". Raises BadParameter."""
    return _moment(text, option, timedelta())


def ends(text: str, option: str = "--until") -> int | None:
    """Return when a day is over in µs, or that moment; None for "". Raises BadParameter."""
    return _moment(text, option, timedelta(days=1))


def _moment(text: str, option: str, later: timedelta) -> int | None:
    """Read a date, in the time zone of this machine, or a moment."""
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date such as 2026-01-31", param_hint=option) from None
    if len(text) <= _DAY_CHARS:
        read = datetime.combine(read.date() + later, time.min)
    return int(read.astimezone().timestamp()) * SECOND_US + read.microsecond


def shown(at_us: int) -> str:
    """Return a moment for people, in the time zone of this machine."""
    return datetime.fromtimestamp(at_us // SECOND_US).astimezone().isoformat(" ", "minutes")
