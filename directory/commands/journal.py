"""`diwan journal …`: what was done to the directory, by whom, and whether its record is whole."""

import difflib
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from config import log, settings
from config.clock import SystemClock
from config.commands import HERE, Directory, Json, run, show
from config.database import Tx
from config.engines import open_database
from directory import delegations, journal
from directory.acts.table import KINDS
from directory.commands import naming
from directory.commands.acting import As, PasswordFile, act
from directory.errors import BadEntry
from directory.journal import Verdict, Written
from directory.rights import Actor

FAILED = 1
NEAREST = 3  # kinds of acts to name for one that is none
MAX_DELEGATIONS = 1_000  # of an account, the last ones: what is older is found by its own number
BESIDE = frozenset(  # what is journalled without being an act that a rule stands for
    f"{noun}.{verb}"
    for noun, verbs in {
        "approval": ("request", "approve", "refuse"),
        "app_password": ("add", "revoke"),
        "client_certificate": ("revoke",),
        "codes": ("on", "off"),
        "delegation": ("sent",),
        "journal": ("read",),
        "mailbox": ("rights",),
        "passkey": ("add", "remove"),
        "password": ("change",),
        "recovery": ("renew",),
    }.items()
    for verb in verbs
)
_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")

app = typer.Typer(help="What was done to the directory: show, verify.", no_args_is_help=True)


@app.command(name="show")
def entries(
    where: Annotated[str, typer.Option("--in", metavar="SCOPE", help=naming.SCOPE_HELP)] = "",
    about: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Only about this person, post or `service:NUMBER`, and their delegations.")
    ] = "",
    kind: Annotated[str, typer.Option("--act", help="Only this kind of act, such as `person.create`.")] = "",
    before: Annotated[int, typer.Option(min=0, help="Only entries before this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=journal.PAGE, help="How many at most.")] = 20,
    directory: Directory = HERE,
    name: As = "",
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Show entries, the newest first. That you looked is an entry too."""
    found = act(directory, name, password_file, _entries, where, about, kind, before or None, limit)
    if as_json:
        show([{"seq": one.seq, "at_us": one.at_us, "hash": one.hash.hex(), "body": one.body} for one in found])
        return
    for one in found:
        sys.stdout.write("".join(f"{line}\n" for line in _lines(one)))
    if not found:
        sys.stdout.write("no entries\n")


@app.command()
def verify(
    head: Annotated[str, typer.Option(metavar="NUMBER:HASH", help="An end that you noted before: it must still stand there.")] = "",
    directory: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Walk the chain of hashes from the first entry to the last; say where it breaks. Note what it prints somewhere else."""
    log.configure("error")
    noted = _HEAD.fullmatch(head)
    if head and noted is None:
        raise typer.BadParameter(f"{head!r} is not what verify printed", param_hint="--head")
    found: Verdict = run(_verify(directory.absolute(), (int(noted[1]), bytes.fromhex(noted[2])) if noted else None))
    end = f"{found.seq}:{found.hash.hex()}"
    if as_json:
        show({"ok": found.bad_seq is None, "entries": found.entries, "head": end, "bad_entry": found.bad_seq, "said": found.said})
    elif found.bad_seq is None:
        sys.stdout.write(f"{found.entries} entries, all sound; the end is {end}\n")
    else:
        sys.stdout.write(f"entry {found.bad_seq}: {found.said}; sound up to {end}\n")
    raise typer.Exit(FAILED if found.bad_seq is not None else 0)


async def _verify(directory: Path, anchor: tuple[int, bytes] | None) -> Verdict:
    read = settings.load(directory)
    db = await open_database(read.database.url, read.data, SystemClock())
    try:
        return await db.read(journal.verify, anchor)
    finally:
        await db.close()


def _entries(tx: Tx, actor: Actor, where: str, about: str, kind: str, before: int | None, limit: int) -> list[Written]:
    scope = naming.scope(tx, where) if where else naming.home(tx, actor)
    subject_id = naming.holder(tx, about) if about else None
    also = delegations.numbers(tx, subject_id, MAX_DELEGATIONS) if subject_id is not None else []
    found = journal.entries(tx, actor, scope, before_seq=before, limit=limit, subject_id=subject_id, also=also, act=kind)
    if kind and not found:
        _require_act(kind)
    return found


def _require_act(kind: str) -> None:
    """Refuse what is no kind of act, and name those that were perhaps meant. Raises BadEntry."""
    known = sorted(KINDS.keys() | BESIDE)
    if kind in known:
        return
    near = difflib.get_close_matches(kind, known, n=NEAREST, cutoff=0.5)
    hint = f": perhaps {' or '.join(near)}" if near else ", such as person.create"
    raise BadEntry(f"{kind!r} is no kind of act{hint}", act=kind)


def _lines(one: Written) -> list[str]:
    if one.body is None:
        return [f"{one.seq:>8}  {naming.shown(one.at_us)}  (blanked)"]
    body = one.body
    also = f", with {body['approved_by']['name']}" if body["approved_by"] else ""
    reason = f": {body['reason']}" if body["reason"] else ""
    subject = f" {body['subject']['kind']} {body['subject']['id'] or ''}".rstrip()
    lines = [f"{one.seq:>8}  {naming.shown(one.at_us)}  {body['act']}{subject}  by {body['actor']['name']}{also}{reason}"]
    return lines + [f"{'':>10}{side:<7}{_json(body[side])}" for side in ("before", "after") if body[side] is not None]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
