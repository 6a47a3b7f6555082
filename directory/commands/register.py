"""`diwan directory …`: the register as a whole, and the signed manifest by which other nodes know it."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from config import log, roles, settings
from config.clock import SystemClock
from config.commands import HERE, Directory, Json, moment, run, show
from config.engines import open_database
from directory import search
from directory.commands import importing, syncing
from directory.manifest.document import Anchor
from directory.manifest.errors import BadManifest

app = typer.Typer(help="The register as a whole: import, synchronise, publish, export, verify, follow.", no_args_is_help=True)
app.command(name="import")(importing.main)
app.command(name="sync")(syncing.main)
DESK = "mailcore.manifest.desk"
File = Annotated[Path, typer.Argument(metavar="FILE", help="The file to carry.")]


@app.command()
def anchor(
    directory: Directory = HERE,
    url: Annotated[str, typer.Option(help="Where nodes reach this centre; without it, its host name and port.")] = "",
) -> None:
    """Print the anchor from which other nodes trust this centre; read the fingerprint out to them."""
    log.configure("error")
    made: Anchor = run(roles.load(f"{DESK}:anchor")(directory.absolute(), url))
    show(made)
    sys.stderr.write(f"fingerprint: {made.fingerprint}\n")


@app.command()
def publish(directory: Directory = HERE) -> None:
    """Compare the whole register with what was published, and issue a document now."""
    log.configure("error")
    serial: int = run(roles.load(f"{DESK}:publish_now")(directory.absolute()))
    sys.stdout.write(f"issued the document of serial {serial}\n")


@app.command()
def export(
    file: File,
    directory: Directory = HERE,
    since: Annotated[int | None, typer.Option(help="Only what changed after the document of this serial.")] = None,
) -> None:
    """Write the signed manifest and all that it vouches for to one file, for a stick."""
    log.configure("error")
    with Console(stderr=True).status("writing entries"):
        count: int = run(roles.load(f"{DESK}:export")(directory.absolute(), file, since))
    sys.stdout.write(f"{count} entries in {file}, {file.stat().st_size} octets\n")


@app.command()
def verify(
    file: File,
    anchor: Annotated[Path, typer.Option(help="The anchor, as it was handed over.")],
    as_json: Json = False,
) -> None:
    """Judge a file by an anchor alone; no node is needed."""
    believed = roles.load("mailcore.manifest.centre:read_anchor")(anchor)
    carried = roles.load("mailcore.manifest.stick:verify")(file, believed)
    body = carried.signed.body
    ok = not carried.differing
    if as_json:
        told = {"ok": ok, "nation": body.nation, "serial": body.serial, "issued": moment(body.issued_us), "since": carried.since}
        show({**told, "entries": carried.entries, "differing_buckets": carried.differing, "fingerprint": believed.fingerprint})
    else:
        sys.stdout.write(f"signed for {body.nation}, serial {body.serial}, issued {moment(body.issued_us)}\n")
        sys.stdout.write(f"anchor {believed.fingerprint}\n")
        held = "all entries" if carried.since is None else f"what changed after serial {carried.since}"
        sys.stdout.write(f"{carried.entries} entries, {held}: {'as the document says' if ok else 'NOT what the document says'}\n")
    raise typer.Exit(0 if ok else 1)


@app.command()
def apply(file: File, directory: Directory = HERE) -> None:
    """Go by a file that was carried here, as if it had been fetched from the centre."""
    log.configure("error")
    with Console(stderr=True).status("reading entries"):
        carried = run(roles.load(f"{DESK}:apply")(directory.absolute(), file))
    serial = carried.signed.body.serial
    if carried.differing:
        since = "" if carried.since is None else f"; the file holds only what changed after serial {carried.since}: carry a whole one"
        raise BadManifest(f"topology and trust list of serial {serial} hold, but entries are missing{since}")
    sys.stdout.write(f"this node goes by serial {serial}: {carried.entries} entries taken over\n")


@app.command()
def status(directory: Directory = HERE, as_json: Json = False) -> None:
    """Say which document this node publishes or follows, and how far it may be believed."""
    log.configure("error")
    found = run(roles.load(f"{DESK}:status")(directory.absolute()))
    if as_json:
        show(msgspec.to_builtins(found))
        return
    if not found.role:
        sys.stdout.write("this node neither publishes a manifest nor follows one\n")
    elif not found.serial:
        sys.stdout.write(f"{found.role} of {found.nation}: no document yet\n")
    else:
        sys.stdout.write(f"{found.role} of {found.nation}: serial {found.serial}, issued {moment(found.issued_us)}\n")
    if found.freshness is not None:
        stale = f" since {moment(found.stale_since_us)}" if found.stale_since_us is not None else ""
        sys.stdout.write(f"{found.freshness.value}{stale} for a site of class {found.site}; asked last {moment(found.checked_us)}\n")
        sys.stdout.write(f"entries are complete up to serial {found.complete}\n")


@app.command()
def reindex(directory: Directory = HERE, as_json: Json = False) -> None:
    """Build the search index anew from the register; the node may be serving. Until it is done searches find fewer."""
    log.configure("error")
    count: int = run(_reindex(directory.absolute()))
    if as_json:
        show({"accounts": count})
    else:
        sys.stdout.write(f"{count} accounts are in the index\n")


async def _reindex(directory: Path) -> int:
    read = settings.load(directory)
    db = await open_database(read.database.url, read.data, SystemClock())
    try:
        with Progress(TextColumn("accounts"), BarColumn(), MofNCompleteColumn(), console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("accounts", total=None)
            return await search.rebuild(db, lambda done, total: bar.update(task, completed=done, total=total))
    finally:
        await db.close()
