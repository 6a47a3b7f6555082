"""The `diwan` command. Each subcommand names what it runs as a string; errors are one line that says what to do."""

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from config import groups, log, roles
from config.commands import HERE, Directory, Json, run, show
from config.errors import MailError
from config.settings import Settings

OK, FAILED = 0, 1

app = typer.Typer(
    name="diwan",
    help="The state's own mail: SMTP, IMAP, directory, signed official correspondence and webmail.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 refused or failed, 2 wrong usage."""
    groups.add(app, sys.argv[1:])
    try:
        app()
    except* MailError as group:
        _refuse(error.text for error in _leaves(group) if isinstance(error, MailError))
    except* OSError as group:  # a port that is taken, a directory that cannot be written
        _refuse(str(error) for error in _leaves(group))


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found


def _refuse(reasons: Iterable[str]) -> NoReturn:
    sys.stderr.write("".join(f"diwan: {reason}\n" for reason in reasons))
    sys.exit(FAILED)


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="The directory to make; it becomes the node.")],
    demo: Annotated[bool, typer.Option(help="Fill it with a demonstration country.")] = False,
    seed: Annotated[int, typer.Option(help="Which country: the same seed gives the same people.")] = 1,
    people: Annotated[int, typer.Option(min=20, max=1_000_000, help="How many people the demonstration country has.")] = 200,
    port_base: Annotated[
        int, typer.Option(min=1, max=60_000, help="Ports are this plus 525, 587, 465, 143, 993, 443, 636, 4190, 80.")
    ] = 2000,
    domain: Annotated[str, typer.Option(help="Make a first administration with this mail domain, its registry and one account.")] = "",
    hostname: Annotated[str, typer.Option(help="The node's name, in greetings and certificates.")] = "",
    database: Annotated[str, typer.Option(help="`sqlite` or `postgresql://…`.")] = "sqlite",
    as_json: Json = False,
) -> None:
    """Make a node: directory, settings, keys, root certificate, empty or demonstration directory."""
    log.configure("warning")
    setup = importlib.import_module("mailcore.setup")
    wanted = setup.Wanted(demo, seed, people, port_base, hostname, domain, database)
    made = run(setup.init(directory.absolute(), wanted, Console(stderr=True)))
    if as_json:
        sys.stdout.write(made.described.decode() + "\n")
        return
    for one in () if demo else made.sign_ins:
        sys.stdout.write(f"sign in as {one.address} with {one.password}\n")
        sys.stdout.write(f"for a mail client there is the app password {one.app_password}; neither is shown again\n")
    sys.stdout.write(f"made {directory}; start it with: diwan up --dir {directory}\n")


@app.command()
def up(
    directory: Directory = HERE,
    role: Annotated[list[str] | None, typer.Option(help="Run only these roles (repeatable).")] = None,
    level: Annotated[log.Level, typer.Option("--log", help="From which level on events are logged.")] = "warning",
) -> None:
    """Serve until SIGTERM. Prints one line that begins with `ready` when every listener answers."""
    log.configure(level)
    names = role or list(roles.ROLES)

    def ready(settings: Settings) -> None:
        sys.stdout.write(roles.load("mailcore.welcome:show")(settings))
        listening = roles.listeners(settings, names)
        sys.stdout.write("ready " + " ".join(f"{name}={where}" for name, where in listening.items()) + "\n")
        sys.stdout.flush()

    run(roles.run(directory.absolute(), names, ready))


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="Which demonstration country.")] = 1,
    port_base: Annotated[int, typer.Option(help="Ports of the first node; the second has them 10,000 higher.")] = 22_000,
    keep: Annotated[bool, typer.Option(help="Leave the data directory for a look.")] = False,
) -> None:
    """Carry a signed official letter from one ministry to another with real clients, and check every step."""
    log.configure("error")
    raise typer.Exit(OK if roles.load("mailcore.demo.journey:main")(seed=seed, port_base=port_base, keep=keep) else FAILED)


@app.command()
def check(directory: Directory = HERE, as_json: Json = False) -> None:
    """Verify the store: counts, UIDs, modseqs, and that every blob is there and hashes right."""
    log.configure("error")
    findings: list[str] = run(roles.load("mailcore.operate:check")(directory.absolute()))
    if as_json:
        show({"ok": not findings, "findings": findings})
    else:
        sys.stdout.write("".join(f"{finding}\n" for finding in findings) or "the store is sound\n")
    raise typer.Exit(FAILED if findings else OK)


@app.command()
def doctor(
    directory: Directory = HERE,
    fix: Annotated[bool, typer.Option("--fix", help="Repair what can be repaired without a decision.")] = False,
    as_json: Json = False,
) -> None:
    """Say what is wrong with a node's surroundings and what to do about it."""
    log.configure("error")
    findings = run(roles.load("mailcore.operate:doctor")(directory.absolute(), fix=fix))
    if as_json:
        show([{"check": f.check, "ok": f.ok, "said": f.said, "fixed": f.fixed} for f in findings])
    else:
        console = Console(soft_wrap=True)
        for f in findings:
            console.print("[green]ok[/green]  " if f.ok else "[red]no[/red]  ", escape(f"{f.check}: {f.said}"), sep="", highlight=False)
    raise typer.Exit(OK if all(f.ok for f in findings) else FAILED)
