"""`diwan sending …`: how much people and administrations may send, and how much they have."""

import sys
from dataclasses import dataclass, fields, replace
from typing import Annotated

import typer

from config import log, settings
from config.commands import HERE, Directory, Json, ask, show
from config.database import Tx
from directory import organisations, sending
from directory.acts.sending import SendingSet
from directory.commands.finding import Desk, account, command, table
from directory.errors import BadEntry
from directory.sending import PRIORITIES, Sending
from mailcore.queue import spending

NO_LIMIT, DEFAULT = "none", "default"
OF_SETTINGS = {True: ", as the settings say", False: ""}

app = typer.Typer(help="How much people and administrations may send: show, set.", no_args_is_help=True)
Whose = Annotated[str, typer.Argument(metavar="ADDRESS|CODE", help="A person, or the code of an administration.")]
_LIMIT = "A number, none for no limit, default for what the settings say."


@dataclass(frozen=True, slots=True)
class Standing:
    """What a holder has sent, and what the register says of it: 0 is no limit, None what the settings say."""

    holder: str
    messages_this_hour: int
    recipients_this_hour: int
    messages_last_day: int
    recipients_last_day: int
    limits: Sending


def limit(text: str, now: int | None) -> int | None:
    """Return what a limit says, `now` when nothing was said. Raises BadEntry."""
    said = text.strip().lower()
    if said in ("", NO_LIMIT, DEFAULT):
        return {"": now, NO_LIMIT: 0, DEFAULT: None}[said]
    if not said.isascii() or not said.isdigit() or not int(said):
        raise BadEntry(f"{text!r} is no limit: write a number from 1 on, none or default")
    return int(said)


def priority(text: str, now: int | None) -> int | None:
    """Return which priority a word or a number means, `now` when nothing was said. Raises BadEntry."""
    said = text.strip().lower()
    if said in ("", DEFAULT):
        return now if not said else None
    if said in PRIORITIES:
        return PRIORITIES[said]
    if len(said) == 1 and said in "0123456789":
        return int(said)
    raise BadEntry(f"{text!r} is no priority: write {', '.join(PRIORITIES)}, a number from 0 to 9, or default")


def holder(tx: Tx, whose: str) -> int:
    """Return whom an address or a code names. Raises NotFound."""
    return account(tx, whose, "person").account_id if "@" in whose else organisations.by_code(tx, whose).organisation_id


@app.command(name="show")
def show_(whose: Whose, node: Directory = HERE, as_json: Json = False) -> None:
    """Show what a person or an administration has sent, and may send."""
    log.configure("error")
    found = ask(node, _standing, whose)
    if as_json:
        show(found)
        return
    may, read = found.limits, settings.load(node.absolute()).sending
    rate = read.person if "@" in whose else read.administration
    table(
        [
            ("", "sent", "limit"),
            ("messages in this hour", f"{found.messages_this_hour:,}", _said(may.messages_hour, rate.messages_per_hour)),
            ("recipients in this hour", f"{found.recipients_this_hour:,}", _said(may.recipients_hour, rate.recipients_per_hour)),
            ("messages in a day", f"{found.messages_last_day:,}", _said(may.messages_day, rate.messages_per_day)),
            ("recipients in a day", f"{found.recipients_last_day:,}", _said(may.recipients_day, rate.recipients_per_day)),
        ]
    )
    sys.stdout.write(f"highest priority: {read.priority if may.priority is None else may.priority}{OF_SETTINGS[may.priority is None]}\n")


def _said(value: int | None, default: int) -> str:
    """Return a limit in words, the register's or else that of the settings."""
    number = default if value is None else value
    return (f"{number:,}" if number else "no limit") + OF_SETTINGS[value is None]


def _standing(tx: Tx, whose: str) -> Standing:
    holder_id = holder(tx, whose)
    hour, day = spending.used(tx, holder_id)
    return Standing(whose, hour.messages, hour.recipients, day.messages, day.recipients, sending.own(tx, holder_id))


@command(app, "set")
def set_(
    asked: Desk,
    whose: Whose,
    messages_hour: Annotated[str, typer.Option("--messages-hour", metavar="NUMBER", help=_LIMIT)] = "",
    messages_day: Annotated[str, typer.Option("--messages-day", metavar="NUMBER", help=_LIMIT)] = "",
    recipients_hour: Annotated[str, typer.Option("--recipients-hour", metavar="NUMBER", help=_LIMIT)] = "",
    recipients_day: Annotated[str, typer.Option("--recipients-day", metavar="NUMBER", help=_LIMIT)] = "",
    urgency: Annotated[str, typer.Option("--priority", metavar="WORD", help=f"The highest: {', '.join(PRIORITIES)}, 0 to 9.")] = "",
) -> None:
    """Say how much a person or an administration may send. What is not said stays as it is."""
    words = {
        "messages_hour": messages_hour,
        "messages_day": messages_day,
        "recipients_hour": recipients_hour,
        "recipients_day": recipients_day,
    }
    if not any(words.values()) and not urgency:
        raise BadEntry("say what may be sent: --messages-hour, --messages-day, --recipients-hour, --recipients-day, --priority")

    def plan(tx: Tx) -> SendingSet:
        holder_id = holder(tx, whose)
        now = sending.own(tx, holder_id)
        wanted = replace(now, **{name: limit(text, getattr(now, name)) for name, text in words.items()})
        wanted = replace(wanted, priority=priority(urgency, now.priority))
        return SendingSet(holder_id, **{one.name: getattr(wanted, one.name) for one in fields(wanted)})

    asked.perform(plan)
