"""`diwan admin service …`: accounts of machines and their tokens."""

import sys
from typing import Annotated, Any

import typer

from config.commands import HERE, Directory, Json, show
from config.database import Tx
from directory import acts, rights, services
from directory.acts.act import Outcome
from directory.acts.grants import GrantGive
from directory.acts.services import ServiceCreate, ServiceRevoke
from directory.commands import naming
from directory.commands.acting import As, PasswordFile, Reason, act
from directory.rights import Actor
from directory.services import FACES, Face, Service

app = typer.Typer(help="Accounts of machines, such as a personnel system: add, list, revoke.", no_args_is_help=True)


@app.command()
def add(
    label: Annotated[str, typer.Argument(metavar="NAME", help="What the machine is called.")],
    where: Annotated[str, typer.Option("--in", metavar="SCOPE", help=naming.SCOPE_HELP)],
    face: Annotated[list[str] | None, typer.Option(help=f"What its token opens (repeatable): {', '.join(FACES)}.")] = None,
    reason: Reason = "",
    directory: Directory = HERE,
    name: As = "",
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Make an account that keeps units, posts, people and holdings in a scope; its token is shown once."""
    wanted: list[Face] = [one for one in FACES if one in (face or FACES)]
    if set(face or ()) - set(FACES):
        raise typer.BadParameter(f"faces are {', '.join(FACES)}", param_hint="--face")
    token = services.new_token()
    made = act(directory, name, password_file, _add, label, where, tuple(wanted), services.digest(token), reason)
    if as_json:
        show({"number": made.service_id, "name": made.name, "faces": made.faces, "token": token})
    else:
        sys.stdout.write(f"service:{made.service_id} acts by this token, which is not shown again:\n{token}\n")


@app.command(name="list")
def listing(directory: Directory = HERE, name: As = "", password_file: PasswordFile = None, as_json: Json = False) -> None:
    """List the machines that have an account."""
    found = act(directory, name, password_file, _listed)
    if as_json:
        show(found)
        return
    for one in found:
        sys.stdout.write(f"service:{one['number']}  {one['name']}  in {one['scope']}  opens {', '.join(one['faces'])}\n")
    if not found:
        sys.stdout.write("no machines\n")


@app.command()
def revoke(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Its number, as it was listed.", min=1)],
    reason: Reason = "",
    directory: Directory = HERE,
    name: As = "",
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Make a machine's token useless, at once."""
    done: Outcome = act(directory, name, password_file, acts.perform, ServiceRevoke(number), reason)
    if as_json:
        show({"journal": done.seq})
    else:
        sys.stdout.write(f"revoked; entry {done.seq} of the journal\n")


def _add(tx: Tx, actor: Actor, label: str, where: str, faces: tuple[Face, ...], sha256: bytes, reason: str) -> Service:
    scope = naming.scope(tx, where)
    made = acts.perform(tx, actor, ServiceCreate(label, scope.kind, scope.id, faces, sha256.hex()), reason)
    acts.perform(tx, actor, GrantGive(made.value.service_id, "hr", scope.kind, scope.id), reason)
    found: Service = made.value
    return found


def _listed(tx: Tx, actor: Actor) -> list[dict[str, Any]]:
    found = (one for one in services.listing(tx) if rights.may(tx, actor, "services", one.scope))
    return [{"number": one.service_id, "name": one.name, "scope": naming.scope_name(tx, one.scope), "faces": one.faces} for one in found]
