"""`diwan directory sync [NAME]`: take over what LDAP servers say of people, now."""

import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from config import log, settings
from config.clock import SystemClock
from config.commands import HERE, Directory, Json, run, show
from config.errors import MailError
from config.settings import Settings, SettingsError
from config.sources import Sync
from directory import acts
from directory.commands import acting
from directory.commands.acting import As, PasswordFile, Reason
from directory.errors import NotPending
from directory.sync import state
from directory.sync.work import Synchronised, synchronise

MAX_SHOWN = 50  # refused entries on a terminal; --json has the others


def main(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="One source of the settings; all of them without it.")] = "",
    full: Annotated[bool, typer.Option("--full", help="Read everything, not only what changed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    approve: Annotated[bool, typer.Option("--approve", help="As a second person: close those whom the brake has held.")] = False,
    node: Directory = HERE,
    name_as: As = "",
    password_file: PasswordFile = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Take over what LDAP servers say of people. Exit status 1 if an entry was refused or the brake holds."""
    log.configure("error")
    directory = node.absolute()
    sources = chosen(settings.load(directory), name)
    if approve:
        if not name or not name_as:
            raise typer.BadParameter("a second person approves by name, for one source", param_hint="--as")
        password = acting.password_of(name_as, password_file)
        run(_approve(directory, sources[0], name_as, password, reason))
        sys.stdout.write("approved and done\n")
        return
    with Console(stderr=True).status("reading"):
        done = run(_all(directory, sources, full=full, dry_run=dry_run))
    if as_json:
        show([_told(one) for one in done])
    else:
        sys.stdout.write("".join(map(_said, done)))
    raise typer.Exit(1 if any(one.report.counts["refused"] or one.closing.held for one in done) else 0)


def chosen(read: Settings, name: str) -> list[Sync]:
    """Return the sources that are meant. Raises SettingsError."""
    found = [one for one in read.syncs if name in ("", one.name)]
    if not found:
        raise SettingsError(f"{read.directory / settings.FILE}: there is no [[sync]]" + (f" with the name {name!r}" if name else ""))
    return found


async def _all(directory: Any, sources: list[Sync], *, full: bool, dry_run: bool) -> list[Synchronised]:
    done: list[Synchronised] = []
    async with acting.opened(directory, "", "") as (db, _):
        for source in sources:
            try:
                done.append(await synchronise(db, SystemClock(), source, full=full, dry_run=dry_run))
            except MailError as error:
                raise type(error)(f"{source.name}: {error.text}") from None
    return done


async def _approve(directory: Any, source: Sync, name: str, password: str, reason: str) -> None:
    async with acting.opened(directory, name, password) as (db, actor):
        mark = await db.read(state.mark, source.name)
        if mark.approval_id is None:
            raise NotPending(f"the brake has asked for nothing in {source.name}")
        await db.write(acts.decide, actor, mark.approval_id, approve=True, reason=reason)


def _told(one: Synchronised) -> dict[str, Any]:
    return {
        "source": one.source,
        "full": one.full,
        "dry_run": one.dry_run,
        "read": one.read,
        **one.report.summary(),
        "closed": one.closing.closed,
        "held": one.closing.held,
        "waits_as": one.closing.approval_id,
        "rows": [{"entry": each.key, "reason": each.reason} for each in one.report.refused],
    }


def _said(one: Synchronised) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in one.report.summary().items())
    how = ("all" if one.full else "what changed") + (", a dry run" if one.dry_run else "")
    lines = [f"{one.source} ({how}): {one.read} entries read, {counts}, {one.closing.closed} closed"]
    lines += [f"  {each.key}: {each.reason}" for each in one.report.refused[:MAX_SHOWN]]
    if one.closing.held:
        lines.append(f"  the brake holds: {one.closing.held} people are gone from the source, nobody was closed")
    if one.closing.approval_id is not None:
        lines.append(f"  a second person decides: diwan directory sync {one.source} --approve --as ADDRESS")
    return "".join(f"{line}\n" for line in lines)
