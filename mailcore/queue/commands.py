"""`diwan queue …`: what is on its way, why it waits, and what an operator may do about it."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from config import log, settings
from config.clock import SECOND_US, SystemClock
from config.commands import HERE, Directory, Json, Yes, ask, moment, run, show
from config.database import Database
from config.errors import MailError
from directory.commands import acting
from directory.commands.acting import As, PasswordFile
from directory.commands.finding import table
from directory.rights import Actor
from mailcore.evidence import facts
from mailcore.queue import holds, listing, steering, watch
from mailcore.queue.listing import Waiting
from mailcore.queue.steering import Choice
from mailcore.queue.types import queue_name, queue_number

MAX_SHOWN_CHARS = 72  # of a reason in a table

app = typer.Typer(help="Mail that is on its way: list, show, stats, check, hold, holds, release, retry, drop.", no_args_is_help=True)
Number = Annotated[str, typer.Argument(metavar="ID", help="The queue id, as the sender was told it.")]
MaybeNumber = Annotated[str, typer.Argument(metavar="[ID]", help="One message.")]
Sender = Annotated[str | None, typer.Option("--sender", metavar="ADDRESS", help='Only mail from this address; "" is mail from nobody.')]
Domain = Annotated[str, typer.Option("--domain", metavar="DOMAIN", help="Only recipients of this domain.")]
Reason = Annotated[str, typer.Option("--reason", help="Why: for the journal, and for who sees the queue.")]


class NotQueued(MailError):
    text = "no such message is in the queue"


class NotDue(MailError):
    text = "this message does not wait for its next try"


@app.command(name="list")
def listed(
    directory: Directory = HERE,
    domain: Domain = "",
    sender: Sender = None,
    held: Annotated[bool, typer.Option("--held", help="Only what an operator holds back.")] = False,
    totals: Annotated[bool, typer.Option("--totals", help="One line for each destination.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many lines at most.")] = 100,
    as_json: Json = False,
) -> None:
    """List recipients still to be served, by the time of their next try; or totals of destinations, the most first."""
    log.configure("error")
    if totals:
        _totals(ask(directory, listing.totals, limit), as_json=as_json)
    else:
        _print(ask(directory, listing.listing, limit, domain, sender, held=held), as_json=as_json)


@app.command(name="show")
def one(number: Number, directory: Directory = HERE, as_json: Json = False) -> None:
    """Show the recipients of one message that are left, and what the last try was told."""
    log.configure("error")
    _print(_of_message(ask(directory, listing.show, _number(number)), number), as_json=as_json)


@app.command(name="holds")
def held_back(directory: Directory = HERE, as_json: Json = False) -> None:
    """List what operators hold back, who did it and why."""
    log.configure("error")
    found = ask(directory, listing.held)
    if as_json:
        show(
            [
                {
                    "kind": h.kind,
                    "value": h.value,
                    "who": h.who,
                    "since": moment(h.held_us),
                    "recipients": h.recipients,
                    "reason": h.reason,
                }
                for h in found
            ]
        )
    elif found:
        heads = ("WHAT", "WHICH", "HELD", "SINCE", "BY", "REASON")
        table([heads, *((h.kind, h.value or "<>", str(h.recipients), moment(h.held_us), h.who, h.reason) for h in found)])
    else:
        sys.stdout.write("nothing is held\n")


@app.command()
def hold(
    number: MaybeNumber = "",
    directory: Directory = HERE,
    sender: Sender = None,
    domain: Domain = "",
    reason: Reason = "",
    name_as: As = "",
    password_file: PasswordFile = None,
) -> None:
    """Hold back one message, or all mail from a sender or to a domain, also what comes later, until it is released."""
    kind, value = _which(number, sender, domain)
    if not reason:
        raise _no_reason("whoever looks at the queue will ask")
    count = _act(directory, name_as, password_file, lambda db, actor: steering.hold(db, actor, kind, value, reason))
    _count(count, "held")


@app.command()
def release(
    number: MaybeNumber = "",
    directory: Directory = HERE,
    sender: Sender = None,
    domain: Domain = "",
    reason: Reason = "",
    name_as: As = "",
    password_file: PasswordFile = None,
) -> None:
    """Let go on what was held back. The time in which it was held does not count."""
    kind, value = _which(number, sender, domain)
    count = _act(directory, name_as, password_file, lambda db, actor: steering.release(db, actor, kind, value, reason))
    _count(count, "released")


@app.command()
def retry(
    number: Annotated[str, typer.Argument(metavar="[ID]", help="One message; without it, and without options, all of them.")] = "",
    directory: Directory = HERE,
    sender: Sender = None,
    domain: Domain = "",
    reason: Reason = "",
    name_as: As = "",
    password_file: PasswordFile = None,
) -> None:
    """Try now what waits for its next try; a running node begins within a minute."""
    choice = _choice(number, sender, domain)
    due = _act(directory, name_as, password_file, lambda db, actor: steering.retry(db, actor, choice, reason))
    if number and not due:
        [one, *_] = _of_message(ask(directory, listing.show, _number(number)), number)
        raise NotDue(f"{number} is {one.state(SystemClock().now_us())}: only what waits for its next try is tried now")
    _count(due, "will be tried now")


@app.command()
def drop(
    number: MaybeNumber = "",
    directory: Directory = HERE,
    sender: Sender = None,
    domain: Domain = "",
    held: Annotated[bool, typer.Option("--held", help="Only what an operator holds back.")] = False,
    yes: Yes = False,
    reason: Reason = "",
    name_as: As = "",
    password_file: PasswordFile = None,
) -> None:
    """Remove mail from the queue without a word to its sender."""
    if not (number or domain or held or sender is not None):
        raise typer.BadParameter("say what: a queue id, --sender, --domain or --held")
    if not reason:
        raise _no_reason("nobody else will tell the sender")
    choice = _choice(number, sender, domain, held=held)
    if not yes:
        typer.confirm(f"Drop {_named(number, sender, domain, held=held)}? The sender will not be told.", abort=True)
    issuer = facts.issuer(settings.load(directory.absolute()))
    dropped = _act(directory, name_as, password_file, lambda db, actor: steering.drop(db, actor, choice, reason, issuer))
    _count(_of_message(dropped, number) if number else dropped, "dropped")


@app.command()
def stats(
    directory: Directory = HERE,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many destinations at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Say how much waits, for which destinations, and how old the oldest is."""
    log.configure("error")
    found = ask(directory, watch.standing, limit)
    if as_json:
        show(found)
        return
    sys.stdout.write(f"{found.waiting} waiting, {found.leased} being sent, {found.held} held")
    sys.stdout.write(f", the oldest for {_length(found.oldest_s)}\n" if found.oldest_s is not None else "\n")
    if found.destinations:
        rows = [(d.domain, str(d.waiting), str(d.leased), str(d.held), _length(d.oldest_s)) for d in found.destinations]
        table([("DESTINATION", "WAITING", "SENDING", "HELD", "OLDEST"), *rows])


@app.command()
def check(directory: Directory = HERE, as_json: Json = False) -> None:
    """Exit with 1 when something waits longer than the settings allow: `old_s` in the table `queue`, four hours unless said otherwise."""
    log.configure("error")
    limit_s = settings.load(directory.absolute()).queue.old_s
    found = ask(directory, watch.standing, 3)
    old = found.oldest_s is not None and found.oldest_s > limit_s
    if as_json:
        show({"old": old, "oldest_s": found.oldest_s, "limit_s": limit_s, "waiting": found.waiting})
    else:
        sys.stdout.write(watch.said(found, limit_s) + "\n")
    raise typer.Exit(int(old))


def _act(directory: Path, name: str, password_file: Path | None, work: Callable[[Database, Actor], Awaitable[int]]) -> int:
    log.configure("error")
    done: int = run(_acted(directory.absolute(), name, acting.password_of(name, password_file), work))
    return done


async def _acted(directory: Path, name: str, password: str, work: Callable[[Database, Actor], Awaitable[int]]) -> int:
    async with acting.opened(directory, name, password) as (db, actor):
        return await work(db, actor)


def _which(number: str, sender: str | None, domain: str) -> tuple[str, str]:
    given = [(kind, value) for kind, value in zip(holds.KINDS, (number or None, sender, domain or None), strict=True) if value is not None]
    if len(given) != 1:
        raise typer.BadParameter("say one thing: a queue id, --sender or --domain")
    if number:
        _number(number)
    return given[0]


def _choice(number: str, sender: str | None, domain: str, *, held: bool = False) -> Choice:
    return Choice(_number(number) if number else -1, domain, sender, held)


def _number(name: str) -> int:
    try:
        return queue_number(name)
    except ValueError:
        raise typer.BadParameter(f"{name!r} is not a queue id; `diwan queue list` shows them") from None


def _no_reason(whom: str) -> typer.BadParameter:
    return typer.BadParameter(f"say why with --reason: {whom}", param_hint="--reason")


def _named(number: str, sender: str | None, domain: str, *, held: bool) -> str:
    """Return in words what a choice takes in."""
    what = number or ("what is held" if held else "all mail")
    return what + (f" from {sender or '<>'}" if sender is not None else "") + (f" to {domain}" if domain else "")


def _of_message(answer: Any, number: str) -> Any:
    """Return what a unit found of one message. Raises NotQueued when that is nothing."""
    if not answer:
        raise NotQueued(f"no message {number} is in the queue: delivered, reported or never here")
    return answer


def _count(recipients: int, done: str) -> None:
    sys.stdout.write(f"{recipients} {'recipient' if recipients == 1 else 'recipients'} {done}\n")


def _row(one: Waiting, now_us: int) -> dict[str, object]:
    """Return what machines are told of a recipient."""
    return {
        "id": queue_name(one.queue_id),
        "sender": one.sender,
        "recipient": one.address,
        "size_bytes": one.size_bytes,
        "state": one.state(now_us),
        "priority": one.priority,
        "attempts": one.attempts,
        "since": moment(one.created_us),
        "next_try": moment(one.due_us) if _waits(one, now_us) else None,
        "gives_up": moment(one.expires_us),
        "release": moment(one.hold_until_us) if one.hold_until_us else None,
        "deliver_by": moment(one.by_us) if one.by_mode else None,
        "late": {"": None, "R": "returned", "N": "notified"}[one.by_mode[:1]],
        "last_reply": one.last_text,
        "destination": one.trouble or None,
        "held_by": one.hold_who or None,
        "held_because": one.hold_reason or None,
    }


def _waits(one: Waiting, now_us: int) -> bool:
    """Say whether a recipient has a next try; what is being sent has the end of its lease there."""
    return one.state(now_us) not in ("held", "sending")


def _print(waiting: Sequence[Waiting], *, as_json: bool) -> None:
    now_us = SystemClock().now_us()
    if as_json:
        show([_row(one, now_us) for one in waiting])
        return
    for one in waiting:
        sys.stdout.write("\n".join(_lines(one, now_us)) + "\n")
    if not waiting:
        sys.stdout.write("nothing is waiting\n")


def _lines(one: Waiting, now_us: int) -> list[str]:
    """Return what people are told of a recipient."""
    state, priority = one.state(now_us), "" if one.priority == "routine" else f"  {one.priority}"
    lines = [f"{queue_name(one.queue_id)}  <{one.sender}> to <{one.address}>  {one.size_bytes} octets  {state}{priority}"]
    when = f", next {moment(one.due_us)}" if _waits(one, now_us) else ""
    lines.append(f"    {_tried(one.attempts)} since {moment(one.created_us)}{when}, gives up {moment(one.expires_us)}")
    if one.by_mode:
        lines.append(
            f"    to be delivered by {moment(one.by_us)}, {'else returned' if one.by_mode[0] == 'R' else 'else the sender is told'}"
        )
    for label, text in (("last answer", one.last_text), ("destination", one.trouble)):
        if text:
            lines.append(f"    {label}: {text}")
    if one.held:
        lines.append(f"    held by {one.hold_who}: {one.hold_reason}")
    return lines


def _totals(found: Sequence[listing.Total], *, as_json: bool) -> None:
    now_us = SystemClock().now_us()
    if as_json:
        show(
            [
                {
                    "destination": t.domain,
                    "waiting": t.waiting,
                    "sending": t.leased,
                    "held": t.held,
                    "oldest": moment(t.oldest_us),
                    "next_try": None if t.due_us is None else moment(t.due_us),
                    "rests_until": moment(t.rest_us) if t.rest_us > now_us else None,
                    "trouble": t.trouble or None,
                }
                for t in found
            ]
        )
        return
    heads = ("DESTINATION", "WAITING", "SENDING", "HELD", "OLDEST", "RESTS UNTIL", "WHY")
    rows = [
        (
            t.domain,
            str(t.waiting),
            str(t.leased),
            str(t.held),
            _length(max(0, now_us - t.oldest_us) // SECOND_US),  # what is to go later is not old
            moment(t.rest_us) if t.rest_us > now_us else "",
            t.trouble[:MAX_SHOWN_CHARS],
        )
        for t in found
    ]
    table([heads, *rows] if rows else [("nothing is waiting",)])


def _tried(number: int) -> str:
    return {0: "here", 1: "tried once"}.get(number, f"tried {number} times")


def _length(seconds: int) -> str:
    """Return a length of time as people say it: two units at most."""
    days, hours, minutes = seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds} s"
