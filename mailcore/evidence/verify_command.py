"""`diwan verify FILE`: what an evidence bundle, a signed message, a signature or a signed PDF is worth. ETSI EN 319 102-1."""

import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from config import log, settings
from config.clock import SystemClock
from config.commands import HERE, Directory, Json, moment, run, show
from config.plain import plain
from config.settings import Settings, SettingsError
from mailcore import services
from mailcore.evidence import judged
from mailcore.evidence.errors import NoContent, NotASignature
from mailcore.evidence.judged import Finding
from mailcore.services import ROOTS
from signing import worker
from signing.errors import PdfRefused
from signing.evidence import bundle, verify
from signing.evidence.bundle import BadBundle
from signing.evidence.verify import Proven, Report

MAX_BYTES = bundle.MAX_CONTAINER_BYTES
Content = Annotated[
    Path | None,
    typer.Option("--content", help="What a signature in a file of its own is over.", exists=True, dir_okay=False, readable=True),
]
Root = Annotated[
    list[Path] | None,
    typer.Option("--root", help="Trusted roots, PEM, for a bundle: then no node is needed.", exists=True, dir_okay=False, readable=True),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    octets: bytes
    directory: Path
    content: bytes | None
    roots: tuple[bytes, ...]


def main(
    file: Annotated[
        Path, typer.Argument(help="A bundle (.asice), message (.eml), signature (.p7s, .p7m) or PDF.", exists=True, dir_okay=False)
    ],
    content: Content = None,
    root: Root = None,
    directory: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Verify a file: 0 when everything in it is good, 1 when something is not, 2 when it cannot be judged."""
    log.configure("error")
    if file.stat().st_size > MAX_BYTES:
        raise typer.BadParameter(f"{file} is larger than {MAX_BYTES >> 20} MiB", param_hint="FILE")
    octets = file.read_bytes()
    asked = Asked(octets, directory.absolute(), content.read_bytes() if content else None, _roots(root or ()))
    judge = next((work for magic, work in KINDS if octets.startswith(magic)), _message)
    raise typer.Exit(int(not judge(asked, as_json)))


def _bundle(asked: Asked, as_json: bool) -> bool:
    roots = asked.roots or _roots([_settings(asked.directory, " or the roots to trust with --root").keys / ROOTS])
    try:
        report = verify.verify(asked.octets, roots, SystemClock().now_us())
    except BadBundle as error:
        raise typer.BadParameter(str(error), param_hint="FILE") from error
    if as_json:
        show({"good": not report.faults, **_plain(report)})
    else:
        sys.stdout.write("".join(f"{plain(line)}\n" for line in lines(report)))
    return not report.faults


def _pdf(asked: Asked, as_json: bool) -> bool:
    return _findings(asked, as_json, judged.pdf)


def _signature(asked: Asked, as_json: bool) -> bool:
    return _findings(asked, as_json, judged.signature)


def _message(asked: Asked, as_json: bool) -> bool:
    return _findings(asked, as_json, judged.message)


KINDS: tuple[tuple[bytes, Callable[[Asked, bool], bool]], ...] = (
    (b"PK\x03\x04", _bundle),
    (b"%PDF-", _pdf),
    (b"\x30", _signature),
)


def _findings(asked: Asked, as_json: bool, work: Callable[..., Coroutine[Any, Any, tuple[Finding, ...]]]) -> bool:
    """Judge by the node's roots and what it knows of revocation."""
    try:
        found: tuple[Finding, ...] = run(_asked(asked, work))
    except (NoContent, NotASignature, PdfRefused) as error:
        raise typer.BadParameter(str(error), param_hint="FILE") from error
    if as_json:
        show(found)
    else:
        sys.stdout.write("".join(f"{plain(line)}\n" for one in found for line in _said(one)) or "there is no signature in it\n")
    return bool(found) and all(one.status == "valid" for one in found)


async def _asked(asked: Asked, work: Callable[..., Coroutine[Any, Any, tuple[Finding, ...]]]) -> tuple[Finding, ...]:
    async with services.opened(_settings(asked.directory)) as node:
        try:
            return await work(node, asked.octets, asked.content)
        finally:
            worker.close()


def _settings(directory: Path, otherwise: str = "") -> Settings:
    """Return the settings of the node by which is judged. Raises BadParameter: a file that nobody could judge is not a bad one."""
    try:
        return settings.load(directory)
    except SettingsError as error:
        raise typer.BadParameter(f"{error.text}. Name the node whose roots are trusted{otherwise}", param_hint="--dir") from error


def _roots(files: Any) -> tuple[bytes, ...]:
    try:
        loaded = [one for file in files for one in x509.load_pem_x509_certificates(file.read_bytes())]
    except FileNotFoundError as error:
        raise typer.BadParameter(f"{error.filename} is missing: name trusted roots", param_hint="--root") from error
    except ValueError as error:
        raise typer.BadParameter("this is no certificate in PEM", param_hint="--root") from error
    return tuple(one.public_bytes(Encoding.DER) for one in loaded)


def lines(report: Report) -> list[str]:
    """Return a report on a bundle as people read it."""
    said = [f"letter of {report.message_bytes} octets, {report.digest}"]
    for one in report.records:
        record = one.record
        said.append(f"{one.file}: {record.event} at {moment(record.at)}, from <{record.sender}> to {', '.join(record.recipients)}")
        said += [f"    because of {reason.code}: {reason.text}" for reason in record.reasons]
        said.append(
            f"    said by {record.issuer}: entry {one.index} of {one.mark.size} in its log, stamped {moment(one.mark.sealed.at_us)}"
        )
        said.append(f"    witnesses of the log: {', '.join(one.mark.witnesses) or 'none'}")
    if report.sealed is not None:
        organisation = f" ({report.sealed.organisation})" if report.sealed.organisation else ""
        said.append(f"sealed by {report.sealed.name}{organisation} at {moment(report.sealed.at_us)}")
    said += [f"root in the bundle: SHA-256 {one}" for one in report.roots]
    return said + ([f"FAILED  {one.part}: {one.check}: {one.said}" for one in report.faults] or ["Everything is proven."])


def _plain(report: Report) -> dict[str, object]:
    """Return a report as machines read it."""
    return {
        "digest": report.digest,
        "message_bytes": report.message_bytes,
        "sealed": report.sealed,
        "records": [_record(one) for one in report.records],
        "faults": report.faults,
        "roots": report.roots,
    }


def _record(one: Proven) -> dict[str, object]:
    mark = {"size": one.mark.size, "root": one.mark.root.hex(), "witnesses": one.mark.witnesses, "sealed": one.mark.sealed}
    return {"file": one.file, "index": one.index, "record": one.record, "checkpoint": mark}


def _said(one: Finding) -> list[str]:
    who = f"{one.name} <{one.address}>" if one.address else one.name or "nobody known"
    organisation = f" ({one.organisation})" if one.organisation else ""
    proven = f", stamped {moment(one.proven_us)}" if one.proven_us is not None else ", without a trusted time"
    return [f"{one.status.upper()} {one.code}: {one.part}, by {who}{organisation}{proven}", f"    {one.found} {one.action}"]
