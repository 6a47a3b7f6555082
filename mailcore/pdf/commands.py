"""`diwan pdf …`: sign PDF documents and check the signatures of those that came."""

import os
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from config import log, settings
from config.commands import HERE, Directory, Json, moment, run, show
from config.database import Tx
from config.errors import MailError
from directory import address, resolve
from directory.commands import acting
from directory.commands.acting import PasswordFile
from directory.commands.finding import table
from directory.errors import BadCredentials, NotFound
from mailcore import services
from mailcore.activation import process as activation
from mailcore.activation.client import Activator, Proofs, Proved
from mailcore.activation.wire import BAD_SECOND
from mailcore.pdf import sign as signing_
from mailcore.pdf import signatory, verify
from signing.pdf.types import CORNERS, LAST_PAGE, LEVELS, Corner, Language, Level, Signature
from signing.reasons import REASONS

app = typer.Typer(help="PDF documents: sign, verify.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="The document.", exists=True, dir_okay=False, readable=True)]


class NotWritten(MailError):
    text = "the signed document cannot be written"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for."""

    who: str
    password: str
    level: Level
    language: Language | None
    corner: Corner | None
    page: int
    reason: str
    of: str


@dataclass(frozen=True, slots=True)
class Done:
    """What was signed, by whom, and the form that was reached."""

    file: str
    signer: str
    level: str
    wanted: str


@app.command()
def sign(
    file: File,
    name: Annotated[
        str, typer.Option("--as", metavar="ADDRESS", help="Who signs: a person, or person/post, who is asked for the password.")
    ],
    of: Annotated[str, typer.Option("--for", metavar="ADDRESS", help="The post, unit or person in whose name; without it their own.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="Where to write it; without it FILE-signed.pdf beside it.")] = None,
    level: Annotated[str, typer.Option(help=f"The form: {', '.join(LEVELS)}; each holds the one before.")] = "B-LTA",
    language: Annotated[str, typer.Option(help="Of the stamp on the page: ar, fr, or none for no stamp.")] = "ar",
    corner: Annotated[str, typer.Option(help=f"Where the stamp stands: {', '.join(CORNERS)}.")] = "",
    page: Annotated[int, typer.Option(min=0, help="On which page, from 1; 0 is the last one.")] = 0,
    reason: Annotated[str, typer.Option("--reason", help="Why it is signed: stands in the signature.")] = "",
    password_file: PasswordFile = None,
    directory: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Sign a PDF document with the key of a person, post or unit. What was in it stays as it was; the signature is added."""
    log.configure("error")
    target = out or file.with_name(f"{file.stem}-signed.pdf")
    if not os.access(target if target.exists() else target.absolute().parent, os.W_OK):
        raise NotWritten(f"{target} cannot be written: choose another place with --out")  # before anything is signed
    wish = Wish(
        who=name,
        password=acting.password_of(name, password_file),
        level=_one_of(level.upper(), LEVELS, "--level"),
        language=_one_of(language, ("ar", "fr", "none"), "--language") if language != "none" else None,
        corner=_one_of(corner, CORNERS, "--corner") if corner else None,
        page=page - 1 if page else LAST_PAGE,
        reason=reason,
        of=of,
    )
    done: Done = run(_sign(directory.absolute(), file.read_bytes(), target, wish))
    if as_json:
        show(done)
    else:
        sys.stdout.write(f"signed by {done.signer}, form {done.level}: {done.file}\n")
        if done.level != done.wanted:
            sys.stdout.write(f"form {done.wanted} was not reached: no time stamp could be had; sign again later, or check `diwan doctor`\n")


@app.command(name="verify")
def verified(file: File, directory: Directory = HERE, as_json: Json = False) -> None:
    """Check the signatures of a PDF document. Exit with 1 when one of them is not good, or when there is none."""
    log.configure("error")
    found: tuple[Signature, ...] = run(_verify(directory.absolute(), file.read_bytes()))
    if as_json:
        show([_plain(one) for one in found])
    elif found:
        for one in found:
            _print(one)
    else:
        sys.stdout.write("this document is not signed\n")
    raise typer.Exit(int(not found or any(one.status != "valid" for one in found)))


async def _sign(directory: Path, pdf: bytes, target: Path, wish: Wish) -> Done:
    with Console(stderr=True).status("signing"):
        async with services.opened(settings.load(directory)) as node, activation.running(node.settings):
            proved = await _proved(node.activator, wish)
            who = await node.db.read(_signatory, proved, wish.of)
            face = None
            if wish.language is not None:
                face = signatory.stamp(who, wish.language, node.clock.now_us(), sha256(pdf).hexdigest(), wish.corner, wish.page)
            signed = await signing_.sign(node, who, proved.grant, pdf, wish.level, face, wish.reason)
    _write(target, signed.pdf)
    return Done(str(target), who.address, signed.level, wish.level)


async def _verify(directory: Path, pdf: bytes) -> tuple[Signature, ...]:
    with Console(stderr=True).status("checking"):
        async with services.opened(settings.load(directory)) as node:
            return await verify.verify(node, pdf)


async def _proved(activator: Activator, wish: Wish) -> Proved:
    """Have the password judged, and a code where a second factor is on. Raises BadCredentials, TooManyAttempts, NoPassword."""
    if not wish.who:
        raise acting.NoPassword("nobody signs without a name: say whose with --as")
    try:
        return await activator.prove(wish.who, Proofs(wish.password), acting.PEER, "sign")
    except BadCredentials as error:
        half = await activator.asked(wish.who) if error.facts.get("reason") == BAD_SECOND else None
        if half is None:
            raise
        code = acting.code(half)
    try:
        return await activator.prove(wish.who, Proofs(wish.password, code.typed), acting.PEER, "sign")
    except BadCredentials as error:
        if error.facts.get("reason") != BAD_SECOND:
            raise
        raise BadCredentials("this code was not accepted: it works once, wait for the next one or use a recovery code") from error


def _signatory(tx: Tx, proved: Proved, of: str) -> signatory.Signatory:
    """Return who signs. Raises NotFound, NotAllowed."""
    if not of:
        return signatory.find(tx, proved.person_id, proved.account_id)
    target = resolve.resolve(tx, address.parse(of))
    if target is None:
        raise NotFound(f"nobody here has the address {of}")
    return signatory.find(tx, proved.person_id, target.account_id)


def _write(target: Path, pdf: bytes) -> None:
    try:
        target.write_bytes(pdf)
    except OSError as reason:
        raise NotWritten(f"{target} cannot be written: {reason.strerror}") from reason


def _one_of(value: str, choice: tuple[Any, ...], option: str) -> Any:
    if value not in choice:
        raise typer.BadParameter(f"one of {', '.join(choice)}", param_hint=option)
    return value


def _plain(one: Signature) -> dict[str, Any]:
    """Return what a verdict says, without certificates."""
    facts = msgspec.structs.asdict(one)
    return {name: value for name, value in facts.items() if name not in ("certificate", "chain")} | {"words": _words(one)}


def _words(one: Signature) -> str:
    words = REASONS[one.reason_key].words("en")
    return words.found if one.status == "valid" else f"{words.found} {words.action}"


def _print(one: Signature) -> None:
    lines = [
        ("verdict", f"{one.status} ({one.code})"),
        ("because", _words(one)),
        ("signer", " · ".join(text for text in (one.name, one.organisation, one.address) if text)),
        ("form", one.level),
        ("signed", _moment(one.claimed_us)),
        ("proven", _moment(one.proven_us)),
        ("certificate", one.serial),
        ("covers", "the whole document" if one.whole else "the document as it was then: more was added"),
    ]
    table([(one.field.upper(), ""), *((name, text) for name, text in lines if text)])


def _moment(at_us: int | None) -> str:
    return "" if at_us is None else moment(at_us)
