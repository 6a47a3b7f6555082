"""`diwan sieve …`: the scripts that sort the mail of a mailbox. RFC 5228, RFC 5804 §1.4."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from config import log, settings
from config.commands import HERE, Directory, Json, ask, moment, run, show
from config.database import Tx
from directory.acts import Outcome
from directory.commands import acting
from directory.commands.finding import Address, Desk, account, command, table
from mailcore import services
from mailcore.routing import policy
from mailcore.sieve import limits, scripts, steering, ways
from mailcore.sieve.compile import Script, compile
from mailcore.sieve.faults import SieveError
from mailcore.sieve.scripts import State
from mailcore.sieve.steering import Done

NAME = "operator"  # of what is put without a name: the owner's own scripts stay
UNSOUND = 1

app = typer.Typer(
    help="Scripts that sort the mail of a person, post or box: list, check, show, put, on, off."
    " A script is its owner's private matter: what shows or changes one needs --reason and stands in the journal.",
    no_args_is_help=True,
)
File = Annotated[typer.FileBinaryRead, typer.Argument(metavar="FILE", help="A script; - for standard input.")]
Named = Annotated[str, typer.Argument(metavar="NAME", help="A script, as `diwan sieve list` names it.")]
MaybeNamed = Annotated[str, typer.Argument(metavar="[NAME]", help="A script; without it, the one in force.")]


@app.command(name="list")
def listing(address: Address, node: Directory = HERE, as_json: Json = False) -> None:
    """List the scripts of a mailbox: which is in force, and what went wrong at a delivery lately. No text of theirs is shown."""
    log.configure("error")
    account_id, state = ask(node, _state, address)
    fault = run(_fault(node.absolute(), account_id, state)) if state.fault_sealed else ""
    if as_json:
        rows = [
            {"name": one.name, "active": one.active, "size_bytes": one.size_bytes, "changed_at": moment(one.changed_us)}
            for one in state.scripts
        ]
        show({"address": address, "scripts": rows, "fault": fault, "fault_at": moment(state.fault_us) if fault else None})
        return
    if not state.scripts:
        sys.stdout.write(f"{address} has no scripts\n")
        return
    rows_ = [("in force" if one.active else "", one.name, f"{one.size_bytes:,}", moment(one.changed_us)) for one in state.scripts]
    table([("", "script", "octets", "changed"), *rows_])
    if fault:
        sys.stdout.write(f"at a delivery, {moment(state.fault_us)}: {fault}\n")


@app.command()
def check(address: Address, file: File, node: Directory = HERE, as_json: Json = False) -> None:
    """Check a file as a script for a mailbox, and store nothing. Exit with 1 when it is not sound.

    A warning is no error: it names whom the script sends letters on to although the owner's domain may not write there.
    """
    log.configure("error")
    try:
        warned = _warnings(node, address, compile(_octets(file)))
    except SieveError as error:
        if not as_json:
            raise
        show({"sound": False, "error": error.text, "line": error.place.line, "column": error.place.column, "warnings": []})
        raise typer.Exit(UNSOUND) from None
    if as_json:
        show({"sound": True, "error": None, "line": None, "column": None, "warnings": warned})
        return
    _warn(warned)
    sys.stdout.write("the script is sound\n")


@command(app, "show")
def show_(asked: Desk, address: Address, name: MaybeNamed = "") -> None:
    """Show the text of a script. It is its owner's: say why with --reason, the journal keeps it."""
    found = _act(asked, address, steering.read, scripts.canonical(name) if name else "")
    text = found.octets.decode("utf-8", "replace").replace("\r\n", "\n")
    if asked.as_json:
        show({"journal": found.seq, "name": found.name, "active": found.active, "text": text})
        return
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    sys.stderr.write(f"{found.name}, {'in force' if found.active else 'not in force'}; entry {found.seq} of the journal\n")


@command(app)
def put(
    asked: Desk,
    address: Address,
    file: File,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What to call it.")] = NAME,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the script of this name.")] = False,
) -> None:
    """Store a file as a script and put it in force; the one in force until now is kept. Needs --reason."""
    octets = _octets(file)
    warned = _warnings(asked.directory, address, compile(octets))
    done = _act(asked, address, steering.put, scripts.canonical(name), octets, replaces=replace)
    _warn(warned)
    _say(asked, address, done)


@command(app)
def on(asked: Desk, address: Address, name: Named) -> None:
    """Put in force a script that the mailbox has already. Needs --reason."""
    _say(asked, address, _act(asked, address, steering.turn, scripts.canonical(name)))


@command(app)
def off(asked: Desk, address: Address) -> None:
    """Put no script in force: letters go to the inbox. The scripts are kept. Needs --reason."""
    _say(asked, address, _act(asked, address, steering.turn, ""))


def _act(desk: Desk, address: str, unit: Callable[..., Any], *args: object, **kwargs: object) -> Any:
    """Run a unit on the account of an address, in somebody's name. Raises what it refuses, NotFound, BadCredentials."""
    if not desk.reason.strip():
        raise typer.BadParameter("say why with --reason: the mailbox is somebody else's", param_hint="--reason")
    log.configure("error")
    return run(_acted(desk, acting.password_of(desk.name, desk.password_file), address, unit, *args, **kwargs))


async def _acted(desk: Desk, password: str, address: str, unit: Callable[..., Any], *args: object, **kwargs: object) -> Any:
    async with services.opened(settings.load(desk.directory.absolute())) as node:
        actor = await acting.actor(node.db, desk.name, password, node.directory_key)
        key = await node.store.open_account(await node.db.read(_account_id, address))
        return await node.db.write(unit, actor, key, *args, desk.reason, **kwargs)


async def _fault(directory: Path, account_id: int, state: State) -> str:
    async with services.opened(settings.load(directory)) as node:
        return state.fault(await node.store.open_account(account_id))


def _say(desk: Desk, address: str, done: Done) -> None:
    """Say what holds now."""
    desk.say(Outcome(done.seq, done))
    if not desk.as_json:
        was = f", {done.before!r} was" if done.before != done.now else ""
        sys.stdout.write(f"{address}: {repr(done.now) if done.now else 'no script'} is in force{was if done.before else ''}\n")


def _warnings(directory: Path, address: str, script: Script) -> list[str]:
    view = policy.view(settings.load(directory.absolute()))
    return ask(directory, lambda tx: ways.warnings(tx, _account_id(tx, address), script, view))


def _warn(warned: list[str]) -> None:
    sys.stderr.write("".join(f"warning: {one}\n" for one in warned))


def _account_id(tx: Tx, address: str) -> int:
    return account(tx, address, "person", "post", "unit").account_id


def _state(tx: Tx, address: str) -> tuple[int, State]:
    account_id = _account_id(tx, address)
    return account_id, scripts.state(tx, account_id)


def _octets(file: typer.FileBinaryRead) -> bytes:
    """Return a file with the line ends of a script (RFC 5228 §2.2), cut where it is too long in any case."""
    octets: bytes = file.read(limits.MAX_SCRIPT_BYTES + 1)
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
