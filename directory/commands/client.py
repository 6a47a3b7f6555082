"""`diwan client …`: platforms that rely on our sign-in, and people's identities at other providers."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from config import log
from config.commands import HERE, Directory, Json, ask, show
from config.database import Tx
from directory import acts, organisations, resolve
from directory.acts.act import Outcome
from directory.acts.parties import (
    IdentityLink,
    IdentityUnlink,
    PartyApprove,
    PartyChange,
    PartyRegister,
    PartyRevoke,
    PartyRotate,
)
from directory.address import parse
from directory.commands.acting import As, PasswordFile, Reason, act
from directory.errors import BadEntry, NotFound
from directory.oidc import clients
from directory.oidc.types import Client, Registration
from directory.rights import Actor

app = typer.Typer(help="Platforms that rely on our sign-in: register, change, approve, rotate, revoke, list.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="PLATFORM", help="As `diwan client list` names it.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="What it registers, as JSON: `diwan client example` prints one.")]
Organisation = Annotated[str, typer.Option(help="The code of the administration that answers for it.")]
Issuer = Annotated[str, typer.Argument(metavar="ISSUER", help="The other provider's address.")]
Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="Its name for the person.")]

EXAMPLE = {
    "name_ar": "الملفات",
    "name_fr": "Dossiers",
    "auth": "private_key_jwt",
    "jwks": '{"keys": [{"kty": "EC", "crv": "P-256", "x": "…", "y": "…"}]}',
    "grant_types": ["authorization_code", "refresh_token"],
    "scopes": ["openid", "profile", "email", "organisation", "posts"],
    "redirect_uris": ["https://dossiers.example/back"],
    "post_logout_redirect_uris": ["https://dossiers.example/"],
    "backchannel_logout_uri": "https://dossiers.example/logout",
}


@app.command()
def example() -> None:
    """Print what a platform registers."""
    show(EXAMPLE)


@app.command()
def register(
    file: File, organisation: Organisation, directory: Directory = HERE, name_as: As = "", password_file: PasswordFile = None
) -> None:
    """Note a platform. It can do nothing before it is approved."""
    outcome = act(directory, name_as, password_file, _register, _read(file), organisation)
    made = outcome.value
    sys.stdout.write(f"{made.client_id}\n")
    if made.facts.auth == "client_secret_basic":
        sys.stderr.write(f"its secret: diwan client rotate {made.client_id}\n")
    sys.stderr.write(f"to let it in: diwan client approve {made.client_id}\n")


@app.command()
def change(
    name: Name, file: File, organisation: Organisation, directory: Directory = HERE, name_as: As = "", password_file: PasswordFile = None
) -> None:
    """Ask for what a platform registered to be replaced; a second person approves. Until then it goes on as it was."""
    _said(act(directory, name_as, password_file, _change, name, _read(file), organisation))


@app.command()
def approve(name: Name, directory: Directory = HERE, name_as: As = "", password_file: PasswordFile = None, reason: Reason = "") -> None:
    """Ask for a platform to be let in; a second person approves."""
    _said(act(directory, name_as, password_file, _approve, name, reason))


@app.command()
def rotate(name: Name, directory: Directory = HERE, name_as: As = "", password_file: PasswordFile = None) -> None:
    """Give a platform another secret and print it; the former one goes on for a week."""
    secret = clients.new_secret()
    act(directory, name_as, password_file, _perform, PartyRotate(name, clients.digest(secret).hex()), "")
    sys.stdout.write(f"{secret}\n")
    sys.stderr.write("it is not shown again\n")


@app.command()
def revoke(name: Name, reason: Reason = "", directory: Directory = HERE, name_as: As = "", password_file: PasswordFile = None) -> None:
    """Shut a platform out for good, with everything that it was given."""
    act(directory, name_as, password_file, _perform, PartyRevoke(name), reason)
    sys.stdout.write("done\n")


@app.command()
def link(
    issuer: Issuer,
    subject: Subject,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Whose it is here.")],
    directory: Directory = HERE,
    name_as: As = "",
    password_file: PasswordFile = None,
) -> None:
    """Let an identity of another provider sign in as somebody."""
    outcome = act(directory, name_as, password_file, _link, issuer, subject, address)
    _said(outcome)


@app.command()
def unlink(issuer: Issuer, subject: Subject, directory: Directory = HERE, name_as: As = "", password_file: PasswordFile = None) -> None:
    """Let an identity of another provider sign in as nobody any more."""
    act(directory, name_as, password_file, _perform, IdentityUnlink(issuer, subject), "")
    sys.stdout.write("done\n")


@app.command(name="list")
def listing(directory: Directory = HERE, as_json: Json = False) -> None:
    """List the platforms, with what they registered and whether they are approved."""
    log.configure("error")
    found = ask(directory, clients.every)
    if as_json:
        show([_shown(one) for one in found])
        return
    for one in found:
        leads = " ".join(one.facts.redirect_uris) or one.facts.audience
        sys.stdout.write(f"{one.client_id}  {one.state}  {one.facts.name_fr or one.facts.name_ar}  {leads}\n")
    if not found:
        sys.stdout.write("no platform is registered\n")


def _read(file: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as error:
        raise BadEntry(f"{file}: not what `diwan client example` prints: {error}") from None


def _facts(tx: Tx, told: dict[str, Any], code: str) -> Registration:
    owner = organisations.by_code(tx, code).organisation_id
    try:
        return msgspec.convert(told | {"organisation_id": owner}, Registration)
    except msgspec.ValidationError as error:
        raise BadEntry(f"a platform registers otherwise: {error}") from None


def _register(tx: Tx, actor: Actor, told: dict[str, Any], code: str) -> Outcome:
    return acts.perform(tx, actor, PartyRegister(_facts(tx, told, code)))


def _change(tx: Tx, actor: Actor, name: str, told: dict[str, Any], code: str) -> Outcome:
    return acts.perform(tx, actor, PartyChange(name, _facts(tx, told, code)))


def _approve(tx: Tx, actor: Actor, name: str, reason: str) -> Outcome:
    return acts.perform(tx, actor, PartyApprove(name, clients.find(tx, name).facts), reason)


def _perform(tx: Tx, actor: Actor, wanted: acts.Act, reason: str) -> Outcome:
    return acts.perform(tx, actor, wanted, reason)


def _link(tx: Tx, actor: Actor, issuer: str, subject: str, address: str) -> Outcome:
    found = resolve.resolve(tx, parse(address))
    if found is None or found.kind != "person":
        raise NotFound(f"{address} is nobody's")
    return acts.perform(tx, actor, IdentityLink(issuer, subject, found.account_id))


def _shown(one: Client) -> dict[str, Any]:
    times = {"registered_us": one.registered_us, "approved_us": one.approved_us, "revoked_us": one.revoked_us}
    return {"client_id": one.client_id, "state": one.state, **times, **msgspec.structs.asdict(one.facts)}


def _said(outcome: Outcome) -> None:
    waits = outcome.approval_id
    words = f"request {waits} waits for a second person: diwan admin approve {waits} --as ADDRESS\n"
    sys.stdout.write("done\n" if waits is None else words)
