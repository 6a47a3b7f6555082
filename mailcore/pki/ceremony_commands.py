"""`diwan ceremony …`: a root that is used offline, and what a node needs to be below it."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509

from config import log, settings
from config.clock import SystemClock
from config.commands import HERE, Directory, Json, ask, run, show
from config.database import Tx
from config.settings import Settings
from directory import certificates
from mailcore.pki import authorities, ceremony
from mailcore.pki.ceremony import Attended, CeremonyFailed
from mailcore.services import ROOTS
from signing.certificate import outline
from signing.pki import ca, register
from signing.pki.ca import Authority
from signing.pki.register import New
from signing.vault import PUBLIC, replace

app = typer.Typer(
    help="Key ceremonies: a root whose key is used on a machine without network, by several operators together, before two witnesses."
    " Each session writes a protocol that the root signs.",
    no_args_is_help=True,
)
Place = Annotated[Path, typer.Argument(metavar="PLACE", help="The root's directory: on a stick that is locked away.")]
Operators = Annotated[list[str], typer.Option("--operator", metavar="NAME", help="Who gets a share of the root's key; repeat it.")]
Witnesses = Annotated[list[str], typer.Option("--witness", metavar="NAME", help="Who looks on; two of them.")]
Needed = Annotated[int, typer.Option(help="How many operators come together the next time.")]
Url = Annotated[str, typer.Option(help="Where lists of the root are found, as http://pki.gov.example; without it certificates name none.")]


@app.command()
def root(
    place: Place,
    name: Annotated[str, typer.Option(help="The root's name, as it stands in its certificate.")],
    operator: Operators,
    witness: Witnesses,
    needed: Needed = 2,
    country: Annotated[str, typer.Option(help="Two letters (ISO 3166).")] = "",
    url: Url = "",
) -> None:
    """Make a root. Everybody who takes part types their name; the key ends sealed, its storage key in shares for the operators."""
    log.configure("error")
    attended = Attended(tuple(operator), tuple(witness), needed)
    run(ceremony.root(place.absolute(), SystemClock(), attended, _confirm, name=name, country=country, url=url))
    sys.stdout.write(f"made {place / ceremony.ROOT}; its lists are signed for a year\n")
    _say_shares(place)


@app.command()
def request(
    node: Directory = HERE, out: Annotated[Path | None, typer.Option(help="The file to write; without it, standard output.")] = None
) -> None:
    """Write the certificates of a node's issuing authorities, which a root may certify again. They hold no secret."""
    log.configure("error")
    found = [one.certificate for one in authorities.every(settings.load(node.absolute()).keys) if _issues(one.certificate)]
    if not found:
        raise CeremonyFailed("this node has no issuing authority yet: it is made with the first certificate of an administration")
    _write(out, ca.pem(*found))


@app.command()
def certify(
    place: Place,
    asked: Annotated[typer.FileBinaryRead, typer.Argument(metavar="REQUEST", help="What `diwan ceremony request` wrote.")],
    operator: Operators,
    witness: Witnesses,
    share: Annotated[list[Path], typer.Option("--share", metavar="FILE", help="A share of the root's key; repeat it.")],
    out: Annotated[Path, typer.Option(help="The file to write, for `diwan ceremony install`.")],
    needed: Needed = 2,
    url: Url = "",
) -> None:
    """Certify the authorities of a node under the root, and sign its lists anew. All shares are made anew; those of before are void."""
    log.configure("error")
    attended, texts = Attended(tuple(operator), tuple(witness), needed), [path.read_bytes() for path in share]
    made = run(ceremony.certify(place.absolute(), SystemClock(), attended, _confirm, texts, asked.read(), url=url))
    replace(out, made)
    sys.stdout.write(f"wrote {out}\n")
    _say_shares(place)


@app.command()
def install(
    file: Annotated[typer.FileBinaryRead, typer.Argument(metavar="FILE", help="What `diwan ceremony certify` wrote.")],
    node: Directory = HERE,
) -> None:
    """Put a node's authorities below the root that certified them, and trust it. What they have issued stays good."""
    log.configure("error")
    read = settings.load(node.absolute())
    *made, above = ceremony.certificates(file.read())
    found = {_key(one.certificate): one for one in authorities.every(read.keys)}
    ours = [(found[_key(octets)], octets) for octets in made if _key(octets) in found]
    if not ours:
        raise CeremonyFailed("none of these certificates is of an authority of this node")
    others = {one.certificate: octets for one, octets in ours}
    ask(node, _record, above, [(one.key_id, octets) for one, octets in ours], others)
    for one, octets in ours:
        authorities.keep(read.keys, Authority(one.key_id, octets))
    _rechain(read, others)
    _trust(read.keys / ROOTS, above)
    sys.stdout.write(f"{len(ours)} authorities are now below {_subject(above)}; start the node again\n")
    sys.stdout.write("then publish the root's lists, without which nobody can judge: diwan crl take root.crl root-delta.crl\n")


@app.command(name="protocol")
def show_protocol(place: Place, as_json: Json = False) -> None:
    """Check the protocol of a root's ceremonies with the root's own certificate, and show it. Exit with 1 when it was changed."""
    log.configure("error")
    try:
        octets, signature, pem = ((place / name).read_bytes() for name in (ceremony.PROTOCOL, ceremony.SIGNATURE, ceremony.ROOT))
    except OSError as reason:
        raise CeremonyFailed(f"{reason.filename} cannot be read: {reason.strerror}") from reason
    steps = ceremony.check(octets, signature, pem)
    if as_json:
        show(steps)
        return
    for step in steps:
        said = [f"{name} {value}" for name, value in step.facts.items() if value] + step.present
        sys.stdout.write(f"{step.number}. {step.at}  {step.step}\n" + "".join(f"      {line}\n" for line in said))
    sys.stdout.write(f"the root has signed these {len(steps)} steps\n")


def _confirm(who: str) -> None:
    """Have somebody type their name. Raises CeremonyFailed."""
    _, _, name = who.partition(" ")
    typed = typer.prompt(f"{who}: I am here and agree; my name", prompt_suffix=": ", default="", show_default=False)
    if typed.strip().casefold() != name.strip().casefold():
        raise CeremonyFailed(f"{who} has not confirmed: nothing was done")


def _say_shares(place: Path) -> None:
    sys.stdout.write(
        f"give each operator their file of {place / ceremony.SHARES} and remove it there: without enough of them the key is lost\n"
        "copy protocol.jsonl and protocol.sig for everybody who took part; `diwan ceremony protocol` checks them\n"
    )


def _write(out: Path | None, octets: bytes) -> None:
    if out is None:
        sys.stdout.write(octets.decode())
    else:
        replace(out, octets)
        sys.stdout.write(f"wrote {out}\n")


def _record(tx: Tx, above: bytes, made: list[tuple[str, bytes]], others: Mapping[bytes, bytes]) -> None:
    if above not in {one.der for one in register.authorities(tx)}:  # its lists are made elsewhere, and published here
        register.add(tx, ceremony.KEY, above, New("root", ceremony.KEY))
    for key_id, octets in made:
        register.add(tx, ceremony.KEY, octets, New("authority", key_id))
    certificates.rechain(tx, others)


def _rechain(read: Settings, others: Mapping[bytes, bytes]) -> None:
    """Send with the certificates of machines and listeners what leads to the new root: who trusts that one alone knows no other way."""
    for one in authorities.every(read.keys):
        if others.keys() & set(one.chain):
            authorities.keep(read.keys, Authority(one.key_id, one.certificate, tuple(others.get(each, each) for each in one.chain)))
    listeners = read.tls.certificate
    if listeners.exists():
        before = ceremony.certificates(listeners.read_bytes())
        if others.keys() & set(before):
            replace(listeners, ca.pem(*(others.get(each, each) for each in before)), PUBLIC)


def _issues(certificate: bytes) -> bool:
    found = x509.load_der_x509_certificate(certificate).extensions
    return any(isinstance(one.value, x509.BasicConstraints) and one.value.path_length == 0 for one in found)


def _key(certificate: bytes) -> tuple[bytes, bytes]:
    fields = outline(certificate)
    return fields.subject, fields.public_key


def _trust(path: Path, root: bytes) -> None:
    """Add a root to those that the node trusts."""
    pem, kept = ca.pem(root), path.read_bytes() if path.exists() else b""
    if pem not in kept:
        replace(path, kept + pem)


def _subject(certificate: bytes) -> str:
    return x509.load_der_x509_certificate(certificate).subject.rfc4514_string()
