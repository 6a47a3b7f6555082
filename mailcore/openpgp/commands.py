"""`diwan pgp`: OpenPGP keys of our accounts, keys of correspondents, and letters or files signed, encrypted and read by hand."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import replace as changed

from config import log
from config.clock import SystemClock
from config.commands import HERE, Directory, Input, Json, Yes, ask, contents, day, show
from config.database import Tx
from directory import search
from directory.commands import acting
from directory.commands.acting import PasswordFile, Reason
from directory.commands.finding import Address, account, table
from directory.errors import BadEntry, NotFound
from directory.rights import CONSOLE
from mailcore.commands import carry_out
from mailcore.openpgp import letters, own, pins, trust
from mailcore.openpgp.own import OwnKey
from mailcore.openpgp.pins import EVERYBODY, Pin
from mailcore.services import Services
from signing.openpgp import keys
from signing.openpgp import letters as engine

app = typer.Typer(help="OpenPGP: our keys, and those of correspondents.", no_args_is_help=True)
Fingerprint = Annotated[
    str, typer.Argument(metavar="FINGERPRINT", help="Which key, or the last 16 digits of it, as `diwan pgp list` shows it.")
]
Days = Annotated[int, typer.Option("--days", min=1, max=3649, help="How long the key lasts from now.")]
Other = Annotated[str, typer.Argument(metavar="ADDRESS", help="The address of a correspondent.")]
Of = Annotated[str, typer.Option("--of", metavar="ADDRESS", help="For this mailbox alone; without it, for everybody.")]
As = Annotated[
    str, typer.Option("--as", metavar="ADDRESS", help="Whose key is used: a person, or person/post, who is asked for the password.")
]
By = Annotated[str, typer.Option("--by", metavar="ADDRESS", help="Who is said to have signed it.")]


@app.command()
def make(address: Address, directory: Directory = HERE, days: Days = own.DAYS, reason: Reason = "", as_json: Json = False) -> None:
    """Make a key for an account. The web key directory shows it at once; it opens and signs letters in the webmail."""

    async def work(node: Services) -> OwnKey:
        target = await node.db.read(account, address)
        described = await node.db.read(search.describe, target.account_id)
        name = (described.name_fr or described.title_fr) if described is not None else ""
        key = await own.make(node.signer, target.account_id, target.address, name, days)
        await node.db.write(_kept, own.add, key, "openpgp.made", reason)
        return key

    _said(carry_out(directory, work), as_json, "made")


@app.command(name="list")
def listing(directory: Directory = HERE, as_json: Json = False) -> None:
    """List the keys of our accounts: whose they are, until when, and which are revoked."""
    log.configure("error")
    found = [_row(one) for one in ask(directory, own.every)]
    if as_json:
        show(found)
    elif found:
        table((row["address"], row["fingerprint"], row["state"], f"until {row['expires_at']}") for row in found)
    else:
        sys.stdout.write("no account has an OpenPGP key; `diwan pgp make ADDRESS` makes one\n")


@app.command()
def export(
    named: Annotated[str, typer.Argument(metavar="ADDRESS|FINGERPRINT", help="Whose key, or which one as `diwan pgp list` shows it.")],
    directory: Directory = HERE,
) -> None:
    """Print a public key as text, to be given to somebody."""
    log.configure("error")
    key = ask(directory, _named, named)
    sys.stdout.buffer.write(keys.armoured(key.public_key))


@app.command()
def extend(
    fingerprint: Fingerprint, directory: Directory = HERE, days: Days = own.DAYS, reason: Reason = "", as_json: Json = False
) -> None:
    """Give a key a longer life, counted from now. Correspondents learn of it from the web key directory."""

    async def work(node: Services) -> OwnKey:
        found = await node.db.read(own.find, fingerprint)
        if found.revoked_us:
            raise BadEntry("a revoked key stays revoked: make a new one")
        secret, key = await own.run(keys.extended, await own.opened(node.signer, found), days)
        longer = await own.sealed(node.signer, found.account_id, found.address, secret, key)
        await node.db.write(_kept, own.replace, longer, "openpgp.extended", reason)
        return longer

    _said(carry_out(directory, work), as_json, "extended")


@app.command()
def revoke(fingerprint: Fingerprint, directory: Directory = HERE, yes: Yes = False, reason: Reason = "", as_json: Json = False) -> None:
    """Revoke a key for good: the web key directory shows the revocation. It still opens old letters."""
    if not yes:
        typer.confirm(f"Revoke the key {fingerprint}? This cannot be taken back.", abort=True)

    async def work(node: Services) -> OwnKey:
        found = await node.db.read(own.find, fingerprint)
        secret = await own.opened(node.signer, found)
        key = await own.run(keys.revoked, found.public_key, secret.revocation)
        ended = changed(found, public_key=key.octets, revoked_us=found.revoked_us or node.clock.now_us())
        await node.db.write(_kept, own.replace, ended, "openpgp.revoked", reason)
        return ended

    _said(carry_out(directory, work), as_json, "revoked")


@app.command(name="pins")
def pinned(directory: Directory = HERE, as_json: Json = False) -> None:
    """List the keys of correspondents, and which of them have shown another key since."""
    log.configure("error")
    found = [_pin(one) for one in ask(directory, pins.every)]
    if as_json:
        show(found)
    elif found:
        table(
            (row["address"], row["fingerprint"], row["source"], row["pinned_at"], row["offered"] and "another: " + row["offered"])
            for row in found
        )
    else:
        sys.stdout.write("no key of a correspondent is known yet\n")


@app.command()
def pin(address: Other, file: Input, directory: Directory = HERE, of: Of = "", as_json: Json = False) -> None:
    """Pin the key in FILE to an address in place of what was known. Compare its fingerprint with the owner first."""
    log.configure("error")
    key = keys.of_address(contents(file), address)

    def work(tx: Tx) -> Pin:
        return trust.pin(tx, CONSOLE, Pin(_whose(tx, of), address.lower(), key.fingerprint, key.octets, "operator", tx.now_us))

    _pinned(ask(directory, work), as_json)


@app.command()
def accept(address: Other, fingerprint: Fingerprint, directory: Directory = HERE, of: Of = "", as_json: Json = False) -> None:
    """Take the other key that an address has shown; FINGERPRINT says in full which."""
    log.configure("error")
    _pinned(ask(directory, lambda tx: trust.accept(tx, CONSOLE, _whose(tx, of), address, fingerprint.upper())), as_json)


@app.command()
def forget(address: Other, directory: Directory = HERE, of: Of = "") -> None:
    """Forget the key of an address: the next one that turns up is pinned."""
    log.configure("error")
    ask(directory, lambda tx: trust.forget(tx, CONSOLE, _whose(tx, of), address))
    sys.stdout.write(f"forgotten: {address}\n")


@app.command(name="look-up")
def look_up(address: Other, directory: Directory = HERE, of: Of = "", as_json: Json = False) -> None:
    """Ask the web key directory of an address's domain, and pin the key when it is the first one."""

    async def work(node: Services) -> Pin | None:
        whose = await node.db.read(_whose, of)
        return await letters.look_up(node, whose, address)

    found = carry_out(directory, work)
    if found is None:
        sys.stderr.write(f"the domain of {address} publishes no usable key for it\n")
        raise typer.Exit(1)
    _pinned(found, as_json)


@app.command()
def sign(file: Input, directory: Directory = HERE, name: As = "", password_file: PasswordFile = None) -> None:
    """Print a detached signature over a file, by the key of an account, whose holder shows who they are."""
    password = acting.password_of(name, password_file)

    async def work(node: Services) -> bytes:
        secret = await own.opened(node.signer, await letters.current(node, await _proved(node, name, password)))
        return await own.run(engine.sign, secret, contents(file))

    sys.stdout.buffer.write(carry_out(directory, work))


@app.command()
def verify(
    file: Input,
    signature: Annotated[Path, typer.Argument(metavar="SIGNATURE", help="The file with the detached signature.")],
    author: By,
    directory: Directory = HERE,
) -> None:
    """Check a detached signature over a file by the key that is known of an address; 0 only when it is good."""

    octets, detached = contents(file), contents(signature)

    async def work(node: Services) -> letters.Reading:
        return await letters.judge(node, EVERYBODY, author, octets, detached)

    found = carry_out(directory, work)
    sys.stdout.write(f"{found.judged.worth}  {found.judged.fingerprint or found.judged.issuer}\n")
    if found.judged.worth != "good":
        raise typer.Exit(1)


@app.command()
def encrypt(
    file: Input,
    to: Annotated[list[str], typer.Option("--to", metavar="ADDRESS", help="Who can read it; repeat it.")],
    directory: Directory = HERE,
    name: As = "",
    password_file: PasswordFile = None,
) -> None:
    """Print a file encrypted to addresses whose keys are known or found; with `--as` signed too."""
    password = acting.password_of(name, password_file)

    async def work(node: Services) -> bytes:
        whose = await _proved(node, name, password) if name else EVERYBODY
        found = await letters.keys_of(node, whose, to)
        secret = await own.opened(node.signer, await letters.current(node, whose)) if name else None
        return await own.run(engine.encrypt, contents(file), found, (), secret)

    sys.stdout.buffer.write(carry_out(directory, work))


@app.command()
def decrypt(file: Input, directory: Directory = HERE, name: As = "", author: By = "", password_file: PasswordFile = None) -> None:
    """Print what was encrypted to an account, whose holder shows who they are; on the standard error what its signature is worth."""
    password = acting.password_of(name, password_file)

    async def work(node: Services) -> bytes:
        opened, found = await letters.decrypt(node, await _proved(node, name, password), author, contents(file))
        sys.stderr.write(f"signature: {found.judged.worth}  {found.judged.fingerprint or found.judged.issuer}\n")
        return opened.octets

    sys.stdout.buffer.write(carry_out(directory, work))


def _whose(tx: Tx, of: str) -> int:
    return account(tx, of).account_id if of else EVERYBODY


def _named(tx: Tx, named: str) -> OwnKey:
    """Return a key by its fingerprint, or the one in force of an address. Raises NotFound."""
    if "@" not in named:
        return own.find(tx, named)
    found = own.current(tx, account(tx, named).account_id)
    if found is None:
        raise NotFound(f"{named} has no OpenPGP key in force; `diwan pgp make {named}` makes one")
    return found


async def _proved(node: Services, name: str, password: str) -> int:
    """Return whose key is used, once they have shown who they are: the operator of a node signs and reads for nobody. Raises BadEntry."""
    if not name:
        raise BadEntry("say with --as ADDRESS whose key is to be used")
    proved = await acting.actor(node.db, name, password, node.directory_key)
    assert proved.person_id is not None
    return proved.on_behalf_of or proved.person_id


def _kept(tx: Tx, keep: Callable[[Tx, OwnKey], None], key: OwnKey, act: str, reason: str) -> None:
    """Keep a key, and journal what the operator did to it."""
    keep(tx, key)
    said = {"address": key.address, "fingerprint": key.fingerprint, "until": _end(key)}
    trust.record(tx, CONSOLE, act, key.account_id, after=said, reason=reason)


def _said(key: OwnKey, as_json: bool, done: str) -> None:
    if as_json:
        show(_row(key))
    else:
        sys.stdout.write(f"{done}: {key.fingerprint} of {key.address}, until {_end(key)}\n")


def _pinned(pin: Pin, as_json: bool) -> None:
    row = _pin(pin)
    if as_json:
        show(row)
        return
    sys.stdout.write(f"pinned: {row['fingerprint']} of {row['address']}\n")
    if row["offered"]:
        sys.stdout.write(f"WARNING: another key turned up: {row['offered']}; ask its owner, then `diwan pgp accept`\n")


def _row(key: OwnKey) -> dict[str, Any]:
    now_us = SystemClock().now_us()
    state = "revoked" if key.revoked_us else "in force" if own.is_in_force(key, now_us) else "expired"
    days = {"created_at": day(key.created_us), "expires_at": _end(key)}
    return {"address": key.address, "fingerprint": key.fingerprint, "state": state, **days}


def _pin(pin: Pin) -> dict[str, Any]:
    return {
        "account_id": pin.account_id,
        "address": pin.address,
        "fingerprint": pin.fingerprint,
        "source": pin.source,
        "pinned_at": day(pin.pinned_us),
        "offered": pin.offered_fingerprint,
    }


def _end(key: OwnKey) -> str:
    return day(key.expires_us) if key.expires_us else "for ever"
