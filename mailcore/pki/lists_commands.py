"""`diwan crl …`: the lists of revoked certificates that this node publishes, and those that an authority off the network made for it."""

from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from config import log
from config.clock import SECOND_US
from config.commands import HERE, Directory, Json, ask, show
from config.database import Tx
from directory.commands.finding import table
from signing.errors import CertificateRefused
from signing.pki import crl, places, published, register, revocation
from signing.pki.places import PARTS, WHOLE
from signing.pki.published import List
from signing.pki.register import Issued

HEAD = ("authority", "part", "kind", "number", "made", "ends", "octets")

app = typer.Typer(help="Lists of revoked certificates: list, take.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Shown:
    """A list, for people and machines."""

    authority: str
    part: str
    kind: str
    number: int
    made: str
    ends: str
    size_bytes: int


@app.command(name="list")
def listing(
    directory: Directory = HERE,
    authority: Annotated[str, typer.Option(metavar="KEY", help="Only of this authority, such as ca-root.")] = "",
    as_json: Json = False,
) -> None:
    """Show what is published, by authority."""
    log.configure("error")
    found = ask(directory, _all, authority)
    if as_json:
        show(found)
    else:
        table([HEAD, *(tuple(map(str, astuple(one))) for one in found)])


@app.command()
def take(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Lists in DER or PEM, such as a ceremony leaves.")],
    directory: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Publish lists that an authority whose key is elsewhere made. They must be newer than those that are there."""
    log.configure("error")
    taken = [ask(directory, take_list, path.read_bytes()) for path in files]
    if as_json:
        show(taken)
        return
    for path, one in zip(files, taken, strict=True):
        typer.echo(f"{path}: {one.kind} {one.number} of {one.authority}, good until {one.ends}")


def take_list(tx: Tx, octets: bytes) -> Shown:
    """Publish a list made elsewhere. Raises CertificateRefused for one of nobody here, one that ran out, and one that is not newer."""
    octets = _der(octets)
    for authority in register.authorities(tx):
        try:
            found = revocation.verified(octets, x509.load_der_x509_certificate(authority.der))
        except crl.UNREADABLE:
            continue
        one = List(
            _part(found, authority),
            found.base is not None,
            found.number,
            found.base or 0,
            found.this_update_us,
            found.next_update_us,
            octets,
        )
        if one.next_update_us <= tx.now_us:
            raise CertificateRefused("this list has run out: have another made")
        if not published.keep(tx, authority.key_id, [one]):
            raise CertificateRefused("a list as new as this one, or newer, is published already")
        return _shown(authority.key_id, one)
    raise CertificateRefused(
        "this is no list of an authority in the register, or its signature is broken; `diwan cert list --kind authority`"
    )


def _part(found: revocation.Verified, authority: Issued) -> int:
    if found.points is None:
        return WHOLE
    for part in range(PARTS):
        if any(url.endswith(places.list_path(authority.key_id, part)) for url in found.points):
            return part
    raise CertificateRefused("this list is for addresses that are not published here")


def _all(tx: Tx, only: str) -> list[Shown]:
    keys = sorted({one.key_id for one in register.authorities(tx)})
    return [_shown(key_id, one) for key_id in keys if only in ("", key_id) for one in published.every(tx, key_id)]


def _shown(authority: str, one: List) -> Shown:
    part, kind = "all" if one.part == WHOLE else str(one.part), "delta" if one.delta else "list"
    return Shown(authority, part, kind, one.number, _written(one.this_update_us), _written(one.next_update_us), len(one.octets))


def _written(us: int) -> str:
    return f"{datetime.fromtimestamp(us // SECOND_US, UTC):%Y-%m-%d %H:%M}"


def _der(octets: bytes) -> bytes:
    if not octets.startswith(b"-----BEGIN"):
        return octets
    try:
        return x509.load_pem_x509_crl(octets).public_bytes(Encoding.DER)
    except ValueError as reason:
        raise CertificateRefused("this is no list in PEM") from reason
