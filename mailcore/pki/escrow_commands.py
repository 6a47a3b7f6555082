"""`diwan escrow …`: keys of decryption that k of n officers can bring back together. Keys that sign are never kept."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, load_der_private_key

from config import log, settings
from config.commands import HERE, Directory, Json, ask, show
from config.database import Tx
from config.errors import MailError
from directory import orders
from directory.acts.certification import EscrowOpen
from directory.commands.finding import Desk, command, table
from signing import escrow
from signing.escrow import BadShare, Kept
from signing.pki import register
from signing.vault import Damaged, replace, write_new


class EscrowRefused(MailError):
    text = "this key is not opened"


app = typer.Typer(
    help="Keys of decryption in escrow: list them, give officers their shares, and open one with enough of them by an order of two persons."
    " Whose certificates officers have, and how many of them it takes, stands in keys/escrow.toml.",
    no_args_is_help=True,
)
Key = Annotated[str, typer.Argument(metavar="KEY", help="A key, as `diwan escrow list` names it.")]


@app.command(name="list")
def listing(node: Directory = HERE, as_json: Json = False) -> None:
    """List the keys in escrow: who holds shares of each, and how many are needed."""
    log.configure("error")
    keys = settings.load(node.absolute()).keys
    found = [_kept(keys, path.stem) for path in sorted((keys / escrow.FOLDER).glob("*.json"))]
    if as_json:
        show(
            [
                {"key": one.key_id, "kind": one.kind, "needed": one.needed, "officers": [each.officer for each in one.shares]}
                for one in found
            ]
        )
    elif not found:
        sys.stdout.write("no key is in escrow\n")
    else:
        rows = [(one.key_id, f"{one.needed} of {len(one.shares)}", ", ".join(each.officer for each in one.shares)) for one in found]
        table([("key", "needed", "officers"), *rows])


@app.command()
def share(
    key: Key,
    officer: Annotated[int, typer.Option(min=1, help="Which officer, counted as `diwan escrow list` names them.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    node: Directory = HERE,
) -> None:
    """Write an officer's share, which their card alone opens: openssl cms -decrypt -inform DER -in FILE -recip CERT -inkey KEY."""
    log.configure("error")
    kept = _kept(settings.load(node.absolute()).keys, key)
    if officer > len(kept.shares):
        raise EscrowRefused(f"{key} has shares of {len(kept.shares)} officers")
    replace(out, kept.shares[officer - 1].cms)
    sys.stdout.write(f"wrote the share of {kept.shares[officer - 1].officer} to {out}\n")


@command(app)
def order(desk: Desk, key: Key) -> None:
    """Order that a key be opened, once, within thirty days. A second person must agree; both stand in the journal with --reason."""
    _kept(settings.load(desk.directory.absolute()).keys, key)
    desk.perform(_order, key)


@app.command(name="open")
def open_key(
    key: Key,
    shares: Annotated[list[Path], typer.Option("--share", metavar="FILE", help="An officer's share, decrypted; repeat it.")],
    out: Annotated[Path, typer.Option(help="The file to write: the private key in PEM, under the password.")],
    password_file: Annotated[Path, typer.Option(help="Where the password of the new file stands.")],
    node: Directory = HERE,
) -> None:
    """Open a key with enough shares, by an order that two persons gave. It uses the order up."""
    log.configure("error")
    kept = _kept(settings.load(node.absolute()).keys, key)
    try:
        octets = escrow.opened(kept, [escrow.share(path.read_bytes()) for path in shares])
    except BadShare as reason:
        raise EscrowRefused(str(reason)) from reason
    password = password_file.read_bytes().rstrip(b"\r\n")
    if not password:
        raise EscrowRefused(f"{password_file} holds no password")
    pem = load_der_private_key(octets, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))
    if out.exists():
        raise EscrowRefused(f"{out} is there already")
    ask(node, _used, key)
    write_new(out, pem)
    sys.stdout.write(f"wrote {out}; it reads everything that was encrypted for this key: remove it when the order is done\n")


def _order(tx: Tx, key: str) -> EscrowOpen:
    certified = register.of_key(tx, key)
    return EscrowOpen(certified[0].account_id if certified else 0, key)


def _used(tx: Tx, key: str) -> None:
    found = orders.to_open(tx, _order(tx, key).account_id, key)  # in whose name it was weighed
    if found is None or not orders.done(tx, found.order_id, "", key):
        raise EscrowRefused(f"nobody has ordered that {key} be opened, or it was opened since: diwan escrow order {key}")


def _kept(keys: Path, key_id: str) -> Kept:
    try:
        return escrow.read(escrow.path(keys, key_id).read_bytes())
    except FileNotFoundError:
        raise EscrowRefused(f"no key {key_id} is in escrow: diwan escrow list") from None
    except Damaged as reason:
        raise EscrowRefused(f"{escrow.path(keys, key_id)}: {reason}") from reason
