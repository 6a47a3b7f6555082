"""`diwan cert …`: the certificates that this node issues, from request to end. RFC 2986 (requests), RFC 5280 §5.3.1 (reasons)."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from config import log, settings
from config.clock import DAY_US
from config.commands import HERE, Directory, Json, Yes, ask, day, moment, show
from config.database import Tx
from directory import acts, orders
from directory.acts import Act, Outcome
from directory.acts.approvals import MAX_LISTED
from directory.acts.certification import CertificateOrder, CertificateRenew, CertificateResume, CertificateRevoke, CertificateSuspend, Kind
from directory.commands import acting
from directory.commands.finding import Desk, command, table
from directory.errors import BadEntry, NotPending
from directory.orders import Order
from directory.rights import Actor
from mailcore.commands import carry_out
from mailcore.pki import carrying, issue
from mailcore.services import Services
from signing.der import BadDer
from signing.errors import CertificateRefused
from signing.pki import ca, profiles, register
from signing.pki.register import REASONS, Issued

KINDS = get_args(Kind)
BROUGHT = ("client", "tls")  # whose keys are made elsewhere
STATES = ("good", "suspended", "revoked")
PREFIX = "certificate."  # of acts
UNSAID = "unspecified"  # RFC 5280 §5.3.1

app = typer.Typer(help="Certificates: list, show, request, approve, issue, renew, suspend, resume, revoke, expiring.", no_args_is_help=True)
Serial = Annotated[str, typer.Argument(metavar="SERIAL", help="The beginning of its serial number, as `diwan cert list` shows it.")]


@app.command(name="list")
def listing(
    directory: Directory = HERE,
    kind: Annotated[str, typer.Option(help="Only of this kind, such as sign, post, seal, tls or authority.")] = "",
    state: Annotated[str, typer.Option(help=f"Only these: {', '.join(STATES)}.")] = "",
    address: Annotated[str, typer.Option(metavar="ADDRESS", help="Only those of this address.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=register.MAX_LISTED, help="How many at most.")] = 100,
    as_json: Json = False,
) -> None:
    """List certificates, the newest first."""
    if state and state not in STATES:
        raise typer.BadParameter(f"{state!r} is no state; states are {', '.join(STATES)}", param_hint="--state")
    log.configure("error")
    _print(ask(directory, register.listed, kind=kind, state=state, address=address, most=limit), as_json=as_json)


@app.command()
def expiring(
    directory: Directory = HERE,
    days: Annotated[
        int | None, typer.Option(min=1, help="Within so many days; without it, those of `alert_days` in the table `pki`.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List what runs out soon and was not replaced, the soonest first."""
    log.configure("error")
    within = days or settings.load(directory.absolute()).pki.alert_days
    _print(ask(directory, _soon, within), as_json=as_json, none=f"nothing runs out within {within} days")


@app.command(name="show")
def show_(
    serial: Serial,
    directory: Directory = HERE,
    pem: Annotated[bool, typer.Option("--pem", help="Print the certificate itself, and those of its issuers.")] = False,
    as_json: Json = False,
) -> None:
    """Show a certificate and what became of it."""
    log.configure("error")
    found, above = ask(directory, _with_issuers, serial)
    if pem:
        sys.stdout.write(ca.pem(found.der, *above).decode())
    elif as_json:
        show(_told(found) | {"pem": ca.pem(found.der).decode()})
    else:
        table([(name, str(value)) for name, value in _told(found).items() if value not in ("", None)])


@command(app)
def request(
    asked: Desk,
    whose: Annotated[str, typer.Argument(metavar="ADDRESS|HOST,…", help="Who gets it: an address or, for tls, host names.")],
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(KINDS)}; without it, what somebody signs letters with.")] = "",
    csr: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="For client and tls: a request (PKCS #10) with their key. Its names do not count."),
    ] = None,
) -> None:
    """Ask for a certificate; a second person approves. `sign` and `encrypt` are for people, `post` and `encrypt` for posts and units; a
    `seal` of a post or a unit stands from then on beside each signature in its name; `client` is for cards and devices, `tls` for other
    machines."""
    if kind and kind not in KINDS:
        raise typer.BadParameter(f"{kind!r} cannot be asked for; kinds are {', '.join(KINDS)}", param_hint="--kind")
    if (kind in BROUGHT) != (csr is not None):
        raise typer.BadParameter(f"{' and '.join(BROUGHT)} need --csr, other kinds have their key made here", param_hint="--csr")
    public_key = b"" if csr is None else _public_key(csr)
    _ordered(asked, lambda tx: _order(tx, whose, kind, public_key))


@command(app)
def renew(asked: Desk, serial: Serial) -> None:
    """Issue another certificate in the place of one, which goes on until it runs out. Machines and authorities: two persons."""
    _ordered(asked, lambda tx: CertificateRenew(**_named(tx, serial)))


@command(app)
def suspend(asked: Desk, serial: Serial) -> None:
    """Let a certificate not be good until it is resumed or revoked: lost, or not yet sure."""
    _ordered(asked, lambda tx: CertificateSuspend(**_named(tx, serial)))


@command(app)
def resume(asked: Desk, serial: Serial) -> None:
    """Let a suspended certificate be good again; a second person approves."""
    _ordered(asked, lambda tx: CertificateResume(**_held(tx, serial)))


@command(app)
def revoke(
    asked: Desk,
    serial: Serial,
    because: Annotated[str, typer.Option(help=f"One of {', '.join(sorted(REASONS))}.")] = UNSAID,
    yes: Yes = False,
) -> None:
    """End a certificate for good. That of a machine or an authority needs a second person. `--because` stands in the lists that everybody
    reads, `--reason` in the journal."""
    because = _because(because, asked.reason)
    if not yes:
        typer.confirm(f"Revoke {serial}? That is for ever: --yes does not ask", abort=True, err=True)
    _ordered(asked, lambda tx: CertificateRevoke(**_named(tx, serial), because=because))


@command(app)
def approve(
    asked: Desk, number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="Its number: `diwan admin pending`.")]
) -> None:
    """Agree, as the second person, to what waits; then it is done at once. Say who with --as."""
    _finish(asked, acting.act(asked.directory, asked.name, asked.password_file, _approve, number, asked.reason))


@app.command(name="issue")
def issue_(directory: Directory = HERE, as_json: Json = False) -> None:
    """Carry out what was approved and waits, as a running node does every few seconds."""
    log.configure("error")
    done = carry_out(directory, _carried_out)
    if as_json:
        show([{"order": one.order_id, "verb": one.wanted.verb, "serial": one.wanted.serial, "failed": one.failed or None} for one in done])
        return
    for one in done:
        sys.stdout.write(f"order {one.order_id}, {one.wanted.verb}: {one.failed or one.wanted.serial}\n")
    if not done:
        sys.stdout.write("nothing waits\n")


def _ordered(asked: Desk, plan: Callable[[Tx], Act]) -> None:
    _finish(asked, acting.act(asked.directory, asked.name, asked.password_file, _perform, plan, asked.reason))


def _finish(asked: Desk, outcome: Outcome) -> None:
    """Carry an order out and say what came of it; or say who must agree first. Raises CertificateRefused."""
    if outcome.value is None and asked.as_json:
        asked.say(outcome)
        return
    if outcome.value is None:
        sys.stdout.write(f"waits for a second person: diwan cert approve {outcome.approval_id} --as ADDRESS\n")
        return
    order, issued = carry_out(asked.directory, lambda node: _carried(node, outcome.value))
    if order.failed:
        raise CertificateRefused(f"{order.failed} (order {order.order_id})")
    if asked.as_json:
        show(
            {"journal": outcome.seq, "order": order.order_id, "done": bool(order.done_us), "certificate": _told(issued) if issued else None}
        )
    elif issued is None:
        sys.stdout.write(f"order {order.order_id} waits: the node carries it out as soon as it can\n")
    else:
        sys.stdout.write(f"{issued.serial:x}  {issued.kind}  {issued.address or issued.key_id}  {_standing(issued)}\n")


async def _carried(node: Services, order_id: int) -> tuple[Order, Issued | None]:
    order = await node.db.read(orders.find, order_id)
    if not order.done_us:
        order = await carrying.one(node, order) or order
    if not order.done_us or order.failed:
        return order, None
    return order, await node.db.read(register.find, order.wanted.authority, int(order.wanted.serial, 16))


async def _carried_out(node: Services) -> list[Order]:
    tried = [await carrying.one(node, order) for order in await node.db.read(orders.waiting)]
    return [one for one in tried if one is not None]


def _perform(tx: Tx, actor: Actor, plan: Callable[[Tx], Act], reason: str) -> Outcome:
    return acts.perform(tx, actor, plan(tx), reason)


def _approve(tx: Tx, actor: Actor, number: int, reason: str) -> Outcome:
    """Approve what is about certificates, and nothing else by mistake. Raises NotPending, BadEntry."""
    found = next((one for one in acts.pending(tx, actor, MAX_LISTED) if one.approval_id == number), None)
    if found is None:
        raise NotPending(f"no request {number} waits for you; `diwan admin pending` lists those that do")
    if not found.act.startswith(PREFIX):
        raise BadEntry(f"request {number} is about something else: diwan admin approve {number}")
    return acts.decide(tx, actor, number, True, reason)


def _order(tx: Tx, whose: str, kind: str, public_key: bytes) -> CertificateOrder:
    if kind == "tls":
        return CertificateOrder("tls", 0, " ".join(one.strip().lower() for one in whose.split(",") if one.strip()), public_key)
    holder = issue.subject(tx, whose)
    wanted = cast(Kind, kind or issue.SIGNATORIES[holder.kind])
    issue.require_fits(wanted, holder)  # two persons need not find that out
    return CertificateOrder(wanted, holder.account_id, holder.address, public_key)


def _because(because: str, reason: str) -> str:
    """Return a reason of RFC 5280, however its letters are written. Raises BadParameter for another, and when it stands in --reason."""
    known = {one.casefold(): one for one in REASONS}
    meant = "".join(reason.split()).casefold()
    if because == UNSAID and meant in known:
        raise typer.BadParameter(
            f"that is for the journal, and the lists would say {UNSAID}: write --because {known[meant]}, and in --reason what happened",
            param_hint="--reason",
        )
    if because.casefold() not in known:
        raise typer.BadParameter(f"{because!r} is no reason; reasons are {', '.join(sorted(REASONS))}", param_hint="--because")
    return known[because.casefold()]


def _named(tx: Tx, serial: str) -> dict[str, Any]:
    found = register.named(tx, serial)
    return {"account_id": found.account_id, "authority": found.authority, "serial": f"{found.serial:x}"}


def _held(tx: Tx, serial: str) -> dict[str, Any]:
    """Return what an act names a suspended certificate by. Raises CertificateRefused for another: two persons need not find that out."""
    found = register.named(tx, serial)
    if found.state != "suspended":
        raise CertificateRefused(f"only a suspended certificate is resumed: this one is {found.state}")
    return _named(tx, serial)


def _public_key(file: Path) -> bytes:
    """Return the key of a request, which shows that whoever asks has the other half. Raises BadEntry."""
    try:
        octets = file.read_bytes()
        read = x509.load_pem_x509_csr(octets) if octets.lstrip().startswith(b"-----") else x509.load_der_x509_csr(octets)
    except (OSError, ValueError) as error:
        raise BadEntry(f"{file}: no certificate request, as `openssl req -new` makes one: {error}") from None
    if not read.is_signature_valid:
        raise BadEntry(f"{file}: this request was not signed with the key that it names")
    public_key = read.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        profiles.accept(public_key)
    except BadDer as error:
        raise BadEntry(f"{file}: {error}") from None  # two persons need not find that out
    return public_key


def _soon(tx: Tx, days: int) -> list[Issued]:
    return register.expiring(tx, tx.now_us + days * DAY_US)


def _with_issuers(tx: Tx, serial: str) -> tuple[Issued, list[bytes]]:
    """Return a certificate and those above it, without the root."""
    found, above = register.named(tx, serial), []
    issuers = {one.key_id: one for one in register.authorities(tx) if one.state == "good"}
    one = issuers.get(found.authority)
    while one is not None and one.kind != "root":
        above.append(one.der)
        one = issuers.get(one.authority)
    return found, above


def _told(one: Issued) -> dict[str, Any]:
    """Return what people and machines are told of a certificate."""
    return {
        "serial": f"{one.serial:x}",
        "kind": one.kind,
        "address": one.address,
        "subject": x509.load_der_x509_certificate(one.der).subject.rfc4514_string(),
        "issuer": one.authority,
        "key": one.key_id,
        "from": moment(one.not_before_us),
        "until": moment(one.not_after_us),
        "state": one.state,
        "reason": one.reason,
        "since": moment(one.ended_us) if one.state != "good" else None,
        "replaced_by": f"{one.successor:x}" if one.successor else None,
    }


def _standing(one: Issued) -> str:
    return f"until {day(one.not_after_us)}" if one.state == "good" else f"{one.state} since {moment(one.ended_us)}"


def _print(found: list[Issued], *, as_json: bool, none: str = "no certificates") -> None:
    if as_json:
        show([_told(one) for one in found])
        return
    rows = [(f"{one.serial:x}", one.kind, one.address or one.key_id, day(one.not_after_us), one.state) for one in found]
    table([("SERIAL", "KIND", "OF", "UNTIL", "STATE"), *rows] if rows else [(none,)])
