"""`diwan directory import FILE`: entries by the thousand, from CSV or LDIF, with a report of every row that was refused."""

import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from config import log
from config.commands import HERE, Directory, Json, run, show
from directory import organisations
from directory.commands import acting
from directory.commands.acting import As, PasswordFile, Reason
from directory.imports import work
from directory.imports.carry import Result
from directory.imports.report import Report
from directory.imports.rows import KINDS
from directory.imports.source import Source, Survey
from directory.imports.table import Shape
from directory.imports.work import Manner

MAX_SHOWN = 50  # refused rows on a terminal; --report and --json have the others


def main(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header, or LDIF when its name ends in .ldif.", exists=True)],
    kind: Annotated[str, typer.Option(help=f"What the rows are, unless a column `kind` says it: {', '.join(KINDS)}.")] = "",
    organisation: Annotated[
        str, typer.Option(metavar="CODE", help="The administration of units that stand there by their code alone.")
    ] = "",
    encoding: Annotated[str, typer.Option(help="Of the file, such as cp1256, cp1252 or utf-16.")] = "utf-8",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    all_or_nothing: Annotated[bool, typer.Option("--all-or-nothing", help="Take nothing in when a row is refused.")] = False,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every refused row to this file, as CSV.")] = None,
    node: Directory = HERE,
    name_as: As = "",
    password_file: PasswordFile = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Take in entries from a file: new ones are made, others changed where the file says otherwise. Exit status 1 if a row was refused.

    An empty cell says nothing: what the directory knows stays.
    """
    if kind and kind not in KINDS:
        raise typer.BadParameter(f"{kind!r} is none of {', '.join(KINDS)}", param_hint="--kind")
    log.configure("error")
    source = Source(file, Shape(kind or None, organisation), encoding)
    manner = Manner(dry_run, all_or_nothing, reason or f"import of {file.name}")
    password = acting.password_of(name_as, password_file)
    with _written(report) as heard:
        kept: bool = run(_take_in(node.absolute(), name_as, password, source, manner, heard))
    _say(heard, manner, kept=kept, as_json=as_json)
    raise typer.Exit(1 if heard.counts["refused"] else 0)


async def _take_in(node: Path, name: str, password: str, source: Source, manner: Manner, heard: Report) -> bool:
    async with acting.opened(node, name, password) as (db, actor):
        if source.shape.organisation:
            await db.read(organisations.by_code, source.shape.organisation)
        survey = source.survey()
        async with _shown(survey, heard) as hear:
            return await work.take_in(db, actor, source, survey, manner, hear)


@contextlib.asynccontextmanager
async def _shown(survey: Survey, report: Report) -> AsyncIterator[Callable[[Sequence[Result]], None]]:
    """Give what hears results, and moves a bar on a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("importing"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[refused]} refused"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=survey.total, refused=0)

        def hear(results: Sequence[Result]) -> None:
            report.hear(results)
            progress.update(task, completed=report.total, refused=report.counts["refused"])

        yield hear


@contextlib.contextmanager
def _written(path: Path | None) -> Iterator[Report]:
    """Give a report whose refused rows are written to a file, for spreadsheets: UTF-8 with a byte order mark."""
    if path is None:
        yield Report()
        return
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        yield Report(file)


def _say(report: Report, manner: Manner, *, kept: bool, as_json: bool) -> None:
    refused = report.in_order()
    if as_json:
        show({**report.summary(), "taken_in": kept, "dry_run": manner.dry_run, "rows": refused})
        return
    for one in refused[:MAX_SHOWN]:
        sys.stderr.write(f"line {one.line}: {one.key or one.kind}: {one.reason}\n")
    if report.counts["refused"] > MAX_SHOWN:
        sys.stderr.write(f"… and {report.counts['refused'] - MAX_SHOWN} more: --report FILE writes them all\n")
    told = ", ".join(f"{count} {name}" for name, count in report.summary().items())
    fate = "" if kept else "; a dry run, nothing went in" if manner.dry_run else "; nothing went in"
    sys.stdout.write(f"{told}{fate}\n")
