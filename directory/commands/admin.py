"""`diwan admin …`: who has which role where, and what waits for a second person."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any, cast, get_args

import typer

from config.commands import HERE, Directory, Json, show
from config.database import Tx
from directory import acts, grants, organisations, rights
from directory.acts import approvals
from directory.acts.act import Outcome
from directory.acts.grants import GrantGive, GrantRevoke
from directory.commands import naming, service
from directory.commands.acting import As, PasswordFile, Reason, act
from directory.grants import Grant
from directory.manifest import topology
from directory.rights import Actor, Role

app = typer.Typer(
    help="Roles: grant, revoke, list; what waits for a second person: pending, approve, refuse; machines.", no_args_is_help=True
)
app.add_typer(service.app, name="service")
ROLES = get_args(Role)
Where = Annotated[str, typer.Option("--in", metavar="SCOPE", help=naming.SCOPE_HELP)]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Its number, as it was listed.", min=1)]


@app.command()
def grant(
    holder: Annotated[str, typer.Argument(metavar="HOLDER", help="The address of a person or post, or `service:NUMBER`.")],
    role: Annotated[str, typer.Argument(metavar="ROLE", help=f"One of: {', '.join(ROLES)}.")],
    where: Where = "",
    until: Annotated[str, typer.Option(metavar="DATE", help="The last day; without it, until it is revoked.")] = "",
    decision: Annotated[str, typer.Option(help="The reference of the decision.")] = "",
    reason: Reason = "",
    directory: Directory = HERE,
    name: As = "",
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Give somebody a role. National operators and auditors need a second person's approval."""
    if role not in ROLES:
        raise typer.BadParameter(f"{role!r} is not a role; roles are {', '.join(ROLES)}", param_hint="ROLE")
    if not where and role != "national":
        raise typer.BadParameter("say where the role counts", param_hint="--in")
    asked = (holder, cast(Role, role), where or rights.NATION.kind, naming.ends(until), decision, reason)
    _asked(act(directory, name, password_file, _grant, *asked), "granted", as_json=as_json)


@app.command()
def revoke(
    number: Number,
    reason: Reason = "",
    directory: Directory = HERE,
    name: As = "",
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Take a role back, at once. Those of national operators and auditors need a second person's approval."""
    _asked(act(directory, name, password_file, acts.perform, GrantRevoke(number), reason), "revoked", as_json=as_json)


@app.command(name="list")
def listing(
    where: Where = "",
    of: Annotated[str, typer.Option(metavar="HOLDER", help="Only those of this person, post or `service:NUMBER`.")] = "",
    directory: Directory = HERE,
    name: As = "",
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """List roles with their numbers, their holders and their scopes."""
    found = act(directory, name, password_file, _listed, where, of)
    if as_json:
        show(found)
        return
    for one in found:
        until = f", until {naming.shown(one['valid_to_us'])}" if one["valid_to_us"] is not None else ""
        decision = f", decision {one['decision_ref']}" if one["decision_ref"] else ""
        sys.stdout.write(f"{one['number']:>8}  {one['role']:<13} {one['holder']}  in {one['scope']}{until}{decision}\n")
    if not found:
        sys.stdout.write("no roles\n")


@app.command()
def pending(directory: Directory = HERE, name: As = "", password_file: PasswordFile = None, as_json: Json = False) -> None:
    """List what waits for a second person, as far as it concerns you."""
    found = act(directory, name, password_file, _pending)
    if as_json:
        show([one for one, _ in found])
        return
    for one, fields in found:
        reason = f": {one.reason}" if one.reason else ""
        sys.stdout.write(f"{one.approval_id:>8}  {one.act}  asked by {one.requester}{reason}; until {naming.shown(one.expires_us)}\n")
        sys.stdout.write("".join(f"{'':>10}{field} = {value}\n" for field, value in fields.items()))
    if not found:
        sys.stdout.write("nothing waits\n")


@app.command()
def approve(
    number: Number,
    reason: Reason = "",
    directory: Directory = HERE,
    name: As = "",
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Carry out what somebody else asked for. Needs your name: `--as`."""
    if not name:
        raise typer.BadParameter("a second person approves by name", param_hint="--as")
    _decided(act(directory, name, password_file, acts.decide, number, approve=True, reason=reason), "approved and done", as_json=as_json)


@app.command()
def refuse(
    number: Number,
    reason: Reason = "",
    directory: Directory = HERE,
    name: As = "",
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Refuse what somebody asked for, or take back what you asked for."""
    _decided(act(directory, name, password_file, acts.decide, number, approve=False, reason=reason), "refused", as_json=as_json)


def _asked(done: Outcome, what: str, *, as_json: bool) -> None:
    """Say that an act was done, or that it waits for a second person."""
    if as_json:
        show({"journal": done.seq, "waits_as": done.approval_id})
    elif done.approval_id is None:
        sys.stdout.write(f"{what}; entry {done.seq} of the journal\n")
    else:
        sys.stdout.write(f"waits for a second person: diwan admin approve {done.approval_id} --as ADDRESS\n")


def _decided(done: Outcome, what: str, *, as_json: bool) -> None:
    if as_json:
        show({"journal": done.seq})
    else:
        sys.stdout.write(f"{what}; entry {done.seq} of the journal\n")


def _grant(tx: Tx, actor: Actor, holder: str, role: Role, where: str, until_us: int | None, decision: str, reason: str) -> Outcome:
    scope = naming.scope(tx, where)
    asked = GrantGive(naming.holder(tx, holder), role, scope.kind, scope.id, valid_to_us=until_us, decision_ref=decision)
    return acts.perform(tx, actor, asked, reason)


def _listed(tx: Tx, actor: Actor, where: str, of: str) -> list[dict[str, Any]]:
    found = (
        grants.of_holder(tx, naming.holder(tx, of)) if of else grants.in_scope(tx, naming.scope(tx, where)) if where else grants.listing(tx)
    )
    return [_shown(tx, one) for one in found if _may_see(tx, actor, one)]


def _may_see(tx: Tx, actor: Actor, one: Grant) -> bool:
    return one.holder_id == actor.actor_id or any(rights.may(tx, actor, right, one.scope) for right in ("grants", "audit"))


def _shown(tx: Tx, one: Grant) -> dict[str, Any]:
    return {
        "number": one.grant_id,
        "role": one.role,
        "holder": naming.holder_name(tx, one.holder_id),
        "scope": naming.scope_name(tx, one.scope),
        "valid_from_us": one.valid_from_us,
        "valid_to_us": one.valid_to_us,
        "decision_ref": one.decision_ref,
    }


def _pending(tx: Tx, actor: Actor) -> list[tuple[approvals.Request, dict[str, str]]]:
    return [(one, _readable(tx, one.asked)) for one in acts.pending(tx, actor)]


def _readable(tx: Tx, asked: Mapping[str, Any]) -> dict[str, str]:
    """Return what was asked for as people know it, so that a second person sees whom and what they approve."""
    found: dict[str, str] = {}
    for field, value in asked.items():
        if value is None or value in ("", []) or field == "scope_kind":
            continue
        name = field.removesuffix("_id").removesuffix("_us")
        if field in ("holder_id", "person_id", "post_id", "account_id"):
            found[name] = naming.holder_name(tx, value)
        elif field == "organisation_id":
            found[name] = organisations.find(tx, value).code
        elif field == "node_id":
            found[name] = topology.find(tx, value).name
        elif field == "scope_id":
            found[name] = naming.scope_name(tx, rights.Scope(asked["scope_kind"], value))
        elif field.endswith("_us"):
            found[name] = naming.shown(value)
        else:
            found[field] = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return found
