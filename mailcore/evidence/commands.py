"""`diwan evidence …`: what happened to letters, whether the log of it is whole, and what witnesses sign."""

import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from config import log
from config.commands import HERE, Directory, Input, Json, ask, contents, moment, show
from config.database import Tx
from config.plain import plain
from directory.acts.blanking import EvidenceErase
from directory.commands.finding import Desk, command, table
from mailcore.commands import carry_out
from mailcore.evidence import checking, export, listing, places, recovering, sealing, witnessing
from mailcore.evidence.checking import Report
from mailcore.evidence.errors import EvidenceDamaged, NoEvidence, NotWitnessed
from mailcore.evidence.listing import Choice, Shown
from mailcore.evidence.recovering import Recovered
from mailcore.evidence.sealing import Sealer
from mailcore.queue.types import queue_name, queue_number
from mailcore.services import Services
from signing.evidence import note, record, seal
from signing.evidence.log import Log
from signing.evidence.note import BadNote

FAILED = 1
MAX_ASKED = 10_000  # checkpoints since a file was carried away: more than a day's

app = typer.Typer(
    help="What happened to letters: list, show, check, recover, erase, export, and key, request, cosign, attach for witnesses.",
    no_args_is_help=True,
)
Letter = Annotated[str, typer.Argument(metavar="LETTER", help="The queue id, as the sender was told it.")]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it; - is the standard output.")]
WitnessName = Annotated[str, typer.Option("--witness", metavar="NAME", help="Which witness, as its key in the settings names it.")]
STANDARD = Path("-")


@app.command(name="list")
def listed(
    directory: Directory = HERE,
    event: Annotated[str, typer.Option(help="Only this event, such as `ContentConsignment`.")] = "",
    sender: Annotated[str, typer.Option(metavar="ADDRESS", help="Only letters from this address.")] = "",
    recipient: Annotated[str, typer.Option(metavar="ADDRESS", help="Only letters to this address.")] = "",
    message_id: Annotated[str, typer.Option("--message-id", help="Only the letter with this Message-ID.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """List records, the newest first."""
    log.configure("error")
    if event and event not in record.EVENTS:
        raise NoEvidence(f"there is no event {event!r}; events are {', '.join(sorted(record.EVENTS))}")
    _print(ask(directory, listing.newest, Choice(event, sender, recipient, message_id), limit), as_json=as_json)


@app.command(name="show")
def one(letter: Letter, directory: Directory = HERE, as_json: Json = False) -> None:
    """Show all records of one letter, with their places in the log and the checkpoints that cover them."""
    log.configure("error")
    found = ask(directory, listing.of_letter, _queue_id(letter))
    if not found:
        raise NoEvidence(f"there is no evidence of a letter {letter}")
    if as_json:
        show([_plain(each) for each in found])
        return
    sys.stdout.write("\n".join(plain(line) for each in found for line in _lines(each)) + "\n")


@command(app)
def erase(
    asked: Desk,
    letter: Letter,
    order_ref: Annotated[str, typer.Option("--order", metavar="TEXT", help="The reference of the court's order.")],
) -> None:
    """Have what the records of a letter say erased, by order of a court; their places in the log stay. A second person must agree.

    The role `seal` does it within seconds then. Records that come later, such as of a failure, are kept.
    """
    asked.perform(_erase, letter, order_ref)


@app.command()
def check(
    directory: Directory = HERE,
    kept: Annotated[
        list[Path] | None,
        typer.Option("--kept", metavar="FILE", help="A checkpoint that somebody kept: the log must begin with it."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look at every record and every checkpoint; name what was removed, changed or back-dated. Exit status 1 when something is wrong."""

    async def work(node: Services) -> Report:
        columns = (TextColumn("records"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("records", total=(await node.db.read(places.tree)).size)
            noted = [path.read_bytes() for path in kept or ()]
            return await _judged(checking.check(node, noted, lambda count: bar.advance(task, count)))

    found: Report = carry_out(directory, work)
    if as_json:
        show(found)
    else:
        for each in found.findings:
            sys.stdout.write(plain(f"{each.place}: {each.what}: {each.said}") + "\n")
        sys.stdout.write(
            f"{found.records} records ({found.erased} erased), {found.checkpoints} checkpoints, {found.waiting} records wait: "
            f"{len(found.findings) or 'nothing'} wrong\n"
        )
    if found.findings:
        raise typer.Exit(FAILED)


@app.command()
def recover(
    directory: Directory = HERE,
    source: Annotated[
        Path | None, typer.Option("--from", help="A copy of the published files; without it the node's own.", file_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Let a log go on whose database was restored from an older backup: take back the entries that it has published.

    What their records said is lost with the database, and `check` says so; what waits in it finds its place again.
    """

    async def work(node: Services) -> Recovered:
        columns = (TextColumn("entries"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        files = Log(source) if source is not None else sealing.log_of(node.settings)
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("entries", total=None)
            return await recovering.recover(node, files, lambda count: bar.advance(task, count))

    found: Recovered = carry_out(directory, work)
    if as_json:
        show(found)
    else:
        sys.stdout.write(f"{found.entries} entries came back, {found.lost} of them without their record; the log has {found.size}\n")


@app.command(name="export")
def exported(
    letter: Letter,
    output: Output,
    directory: Directory = HERE,
    message: Annotated[Path | None, typer.Option("--message", metavar="FILE", help="The letter, when no mailbox here has it.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the journal: the letter is in the file, to be read.")] = "",
) -> None:
    """Write one letter's evidence as a file that `diwan verify` and a court judge without this node. It stands in the journal."""
    octets = None if message is None else message.read_bytes()
    made = carry_out(directory, lambda node: export.export(node, letter, octets, reason))
    _write(output, made)
    if output != STANDARD:
        sys.stderr.write(f"wrote {output}, {len(made)} octets: the letter is in it; `diwan verify {output}` judges it\n")


@app.command(name="key")
def keys(directory: Directory = HERE, as_json: Json = False) -> None:
    """Print the key of this node's log, for witnesses and verifiers, and its key as a witness, for the settings of others."""

    async def work(node: Services) -> tuple[str, str]:
        own, witness = await Sealer(node).key(), await seal.witness_key(node.signer, witnessing.name(node))
        return own.written(), witness.written()

    own, witness = carry_out(directory, work)
    if as_json:
        show({"log": own, "witness": witness})
    else:
        table([("log", own), ("witness", witness)])


@app.command()
def request(witness: WitnessName, output: Output, directory: Directory = HERE) -> None:
    """Write what a witness that cannot be reached is asked to sign: carry it there, `diwan evidence cosign` answers it."""

    async def work(node: Services) -> bytes:
        kept, (key, _) = await node.db.read(places.latest), _witness(node, witness)
        if kept is None:
            raise EvidenceDamaged("there is no checkpoint yet: the role `seal` signs one when something has happened")
        return await witnessing.request(sealing.log_of(node.settings), kept, await node.db.read(places.cosigned, key.name))

    _write(output, carry_out(directory, work))


@app.command()
def cosign(file: Input, output: Output, directory: Directory = HERE) -> None:
    """Sign a checkpoint of another node's log as a witness, when it has grown from the last one that was signed here."""

    async def work(node: Services) -> bytes:
        status, _, said = await witnessing.answer(node, contents(file))
        if status != 200:  # as HTTP has it
            raise NotWitnessed(f"not signed ({status}): {said.decode('utf-8', 'replace').strip()}")
        return said

    _write(output, carry_out(directory, work))


@app.command()
def attach(file: Input, witness: WitnessName, directory: Directory = HERE) -> None:
    """Add a witness's answer, carried back as a file, to the checkpoint that it signed."""

    async def work(node: Services) -> int:
        key, octets = _witness(node, witness)[0], contents(file)
        for kept in await node.db.read(places.newest, MAX_ASKED):
            try:
                return (await witnessing.attach(node, kept, key, octets)).size
            except BadNote:
                continue
        raise NotWitnessed(f"{file} is no signature of {witness} over one of the last {MAX_ASKED} checkpoints")

    sys.stdout.write(f"the checkpoint of {carry_out(directory, work)} entries has the signature of {witness}\n")


def _erase(tx: Tx, letter: str, order_ref: str) -> EvidenceErase:
    if not listing.of_letter(tx, queue_id := _queue_id(letter)):
        raise NoEvidence(f"there is no evidence of a letter {letter}")
    return EvidenceErase(queue_name(queue_id), order_ref)


def _queue_id(letter: str) -> int:
    try:
        return queue_number(letter)
    except ValueError:
        raise NoEvidence(f"{letter!r} is no queue id: 13 letters and digits") from None


def _witness(node: Services, name: str) -> tuple[note.Key, str]:
    found = {key.name: (key, url) for key, url in sealing.witnesses(node.settings)}
    if name not in found:
        raise NotWitnessed(f"no witness {name} stands in [evidence] of the settings; there are: {', '.join(found) or 'none'}")
    return found[name]


async def _judged(work: Awaitable[Report]) -> Report:
    try:
        return await work
    except BadNote as error:
        raise EvidenceDamaged(f"a checkpoint that was kept: {error}") from error


def _print(found: list[Shown], *, as_json: bool) -> None:
    if as_json:
        show([_plain(each) for each in found])
    elif found:
        rows = [
            (moment(each.said.at), each.said.queue, each.said.event, each.said.sender, ", ".join(each.said.recipients)[:60], _place(each))
            for each in found
        ]
        table([("TIME", "LETTER", "EVENT", "SENDER", "RECIPIENTS", "PLACE"), *rows])
    else:
        sys.stdout.write("no records\n")


def _lines(shown: Shown) -> list[str]:
    said = shown.said
    lines = [
        f"{moment(said.at)}  {said.event}",
        f"  letter {said.queue}, Message-ID {said.message or 'none'}, {said.digest}",
        f"  from {said.sender} to {', '.join(said.recipients)}",
        *(f"  because {reason.code}: {reason.text}" for reason in said.reasons),
        f"  record {said.id} of {said.issuer}, {_place(shown)}",
    ]
    if shown.checkpoint:
        cosigned = f", cosigned by {', '.join(shown.witnesses)}" if shown.witnesses else ""
        lines.append(f"  under the checkpoint of {shown.checkpoint} entries, {moment(shown.sealed_us)}{cosigned}")
    return lines


def _plain(shown: Shown) -> dict[str, Any]:
    facts = {"place": shown.place, "checkpoint": shown.checkpoint, "sealed_us": shown.sealed_us, "witnesses": list(shown.witnesses)}
    return {**msgspec.to_builtins(shown.said), **facts}


def _place(shown: Shown) -> str:
    return "waits for its place" if shown.place is None else f"place {shown.place}"


def _write(output: Path, octets: bytes) -> None:
    if output == STANDARD:
        sys.stdout.buffer.write(octets)
    else:
        output.write_bytes(octets)
