"""`diwan crl …`: the lists of revoked certificates that this node publishes, and those that an authority off the network made for it."""

from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from config import log
from config.commands import HERE, Directory, Json, ask, moment, show
from config.database import Tx
from directory.commands.finding import table
from signing.certificate import UNREADABLE
from signing.errors import CertificateRefused
from signing.pki import places, published, register, revocation
from signing.pki.places import PARTS, WHOLE
from signing.pki.published import List
from signing.pki.register import Issued

ALL = "all"  # the part that speaks of every certificate
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
    authority: Annotated[str, typer.Option(metavar="KEY", help="Only of this authority, such as ca-root, with all parts.")] = "",
    parts: Annotated[bool, typer.Option("--parts", help="Show the parts of each list, too.")] = False,
    as_json: Json = False,
) -> None:
    """Show what is published, by authority: the whole list and what changed since."""
    log.configure("error")
    found = ask(directory, standing, authority, parts=parts or bool(authority))
    if as_json:
        show(found)
    elif not found:
        typer.echo("nothing is published: `diwan cert list --kind authority` names the authorities, the role `pki` makes their lists")
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
        except UNREADABLE:
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


def standing(tx: Tx, only: str = "", *, parts: bool) -> list[Shown]:
    """Return what is published, of one authority or all; with their parts, which are many, or the lists of everything alone."""
    keys = sorted({one.key_id for one in register.authorities(tx)})
    found = [_shown(key_id, one) for key_id in keys if only in ("", key_id) for one in published.every(tx, key_id)]
    return [one for one in found if parts or one.part == ALL]


def _shown(authority: str, one: List) -> Shown:
    part, kind = ALL if one.part == WHOLE else str(one.part), "delta" if one.delta else "list"
    return Shown(authority, part, kind, one.number, moment(one.this_update_us), moment(one.next_update_us), len(one.octets))


def _der(octets: bytes) -> bytes:
    if not octets.startswith(b"-----BEGIN"):
        return octets
    try:
        return x509.load_pem_x509_crl(octets).public_bytes(Encoding.DER)
    except ValueError as reason:
        raise CertificateRefused("this is no list in PEM") from reason
