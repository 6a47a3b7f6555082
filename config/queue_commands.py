"""`diwan queue …`: what is on its way, and the three things one may do to it."""

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from config import log, roles
from config.clock import SECOND_US
from config.commands import HERE, Directory, Json, ask, show
from config.errors import MailError

app = typer.Typer(help="Mail that is on its way: list, show, retry, drop.", no_args_is_help=True)
Number = Annotated[str, typer.Argument(metavar="ID", help="The queue id, as the sender was told it.")]


class NotQueued(MailError):
    text = "no such message is in the queue"


@app.command(name="list")
def listing(
    directory: Directory = HERE,
    domain: Annotated[str, typer.Option(help="Only recipients of this domain.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many recipients at most.")] = 100,
    as_json: Json = False,
) -> None:
    """List recipients still to be served, by the time of their next try."""
    _print(_ask(directory, "listing", limit, domain), as_json=as_json)


@app.command(name="show")
def one(number: Number, directory: Directory = HERE, as_json: Json = False) -> None:
    """Show the recipients of one message that are left, and what the last try was told."""
    _print(_of_message(_ask(directory, "show", _number(number)), number), as_json=as_json)


@app.command()
def retry(
    number: Annotated[str, typer.Argument(metavar="[ID]", help="One message; without it, all of them.")] = "", directory: Directory = HERE
) -> None:
    """Try now what waits for its next try; a running node begins within a minute."""
    due = _ask(directory, "retry", _number(number) if number else None)
    _count(_of_message(due, number) if number else due, "will be tried now")


@app.command()
def drop(
    number: Number,
    directory: Directory = HERE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a message from the queue without a word to its sender."""
    if not yes:
        typer.confirm(f"Drop {number}? Its sender will not be told.", abort=True)
    _count(_of_message(_ask(directory, "drop", _number(number)), number), "dropped")


def _ask(directory: Any, unit: str, *args: object) -> Any:
    log.configure("error")
    return ask(directory, roles.load(f"mailcore.queue.listing:{unit}"), *args)


def _number(name: str) -> int:
    try:
        number: int = roles.load("mailcore.queue.types:queue_number")(name)
    except ValueError:
        raise typer.BadParameter(f"{name!r} is not a queue id; `diwan queue list` shows them") from None
    return number


def _of_message(answer: Any, number: str) -> Any:
    """Return what a unit found of one message. Raises NotQueued when that is nothing."""
    if not answer:
        raise NotQueued(f"no message {number} is in the queue: delivered, reported or never here")
    return answer


def _count(recipients: int, done: str) -> None:
    sys.stdout.write(f"{recipients} {'recipient' if recipients == 1 else 'recipients'} {done}\n")


def _print(waiting: list[Any], *, as_json: bool) -> None:
    name = roles.load("mailcore.queue.types:queue_name")
    rows = [
        {
            "id": name(one.queue_id),
            "sender": one.sender,
            "recipient": one.address,
            "size_bytes": one.size_bytes,
            "attempts": one.attempts,
            "next_try": _moment(one.due_us),
            "gives_up": _moment(one.expires_us),
            "last_reply": one.last_text,
        }
        for one in waiting
    ]
    if as_json:
        show(rows)
        return
    for row in rows:
        sys.stdout.write(f"{row['id']}  <{row['sender']}> to <{row['recipient']}>  {row['size_bytes']} octets\n")
        sys.stdout.write(f"    tried {row['attempts']} times, next {row['next_try']}, gives up {row['gives_up']}\n")
        sys.stdout.write(f"    {row['last_reply']}\n" if row["last_reply"] else "")
    if not rows:
        sys.stdout.write("nothing is waiting\n")


def _moment(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // SECOND_US, UTC).isoformat()
