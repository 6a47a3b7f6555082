"""`diwan dkim`: keys that sign what leaves in the name of a domain, and the records to publish for them.

The next keys are made ahead: publish their records, and they take over in two days. Former keys can go when what they signed has arrived.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from config import log, settings
from config.clock import SystemClock
from config.commands import HERE, Directory, Json, Yes, ask, moment, run, show
from config.database import Tx
from directory import acts, dkim
from directory.acts import Outcome
from directory.acts.dkim import DkimAdd, DkimRemove
from directory.address import parse_domain
from directory.commands import acting
from directory.commands.finding import Desk, command
from directory.rights import Actor
from mailcore import services
from mailcore.checks import keys
from mailcore.checks.keys import DkimKey

app = typer.Typer(
    help="Keys that sign outgoing mail (DKIM): add, list, rotate, remove. Each change stands in the journal.", no_args_is_help=True
)
Domain = Annotated[str, typer.Argument(help="A mail domain of this node.")]


@command(app)
def add(asked: Desk, domain: Domain) -> None:
    """Make the first keys of a domain, one RSA and one Ed25519, and print the records to publish. They sign at once."""
    _made(asked, run(_make(asked.directory.absolute(), parse_domain(domain), first=True)), first=True)


@app.command(name="list")
def listing(
    domain: Annotated[str, typer.Argument(metavar="[DOMAIN]", help="One domain; without it, all of them.")] = "",
    directory: Directory = HERE,
    as_json: Json = False,
) -> None:
    """List keys: what signs now, what will sign next, what signed before."""
    log.configure("error")
    found = ask(directory, keys.of_domain, parse_domain(domain)) if domain else ask(directory, keys.every)
    states = keys.states(found, SystemClock().now_us())
    if as_json:
        show([{**_row(key), "state": state} for key, state in zip(found, states, strict=True)])
        return
    for key, state in zip(found, states, strict=True):
        sys.stdout.write(f"{key.domain}  {key.selector}  {key.algorithm}  {state}, from {moment(key.active_us)}\n")
    if not found:
        sys.stdout.write("no domain has keys; `diwan dkim add DOMAIN` makes them\n")


@command(app)
def rotate(
    asked: Desk,
    domain: Domain,
    now: Annotated[bool, typer.Option("--now", help="Sign with them at once: the records must be there before.")] = False,
) -> None:
    """Make the next keys of a domain and print the records to publish. They sign in two days; the former ones until then."""
    _made(asked, run(_make(asked.directory.absolute(), parse_domain(domain), first=False, at_once=now)), first=False)


@command(app)
def remove(
    asked: Desk,
    domain: Domain,
    selector: Annotated[str, typer.Argument(help="Which key, as `diwan dkim list` names it.")],
    yes: Yes = False,
) -> None:
    """Destroy a key. Take its record out of the zone a week later, when what it signed has arrived."""
    name = parse_domain(domain)
    if not yes:
        typer.confirm(f"Destroy the key {selector} of {name}? It cannot be brought back.", abort=True)
    asked.perform(lambda tx: DkimRemove(name, selector))
    if not asked.as_json:
        sys.stdout.write(f"destroyed; take {selector}._domainkey.{name} out of the zone in a week\n")


async def _make(directory: Path, domain: str, *, first: bool, at_once: bool = False) -> list[DkimKey]:
    """Make a key of each algorithm, which nobody has stored yet. Raises NotFound, BadEntry."""
    log.configure("error")
    async with services.opened(settings.load(directory)) as node:
        await node.db.read(dkim.require_ours, domain)
        known = await node.db.read(keys.of_domain, domain)
        dkim.require_order(domain, known=bool(known), first=first)
        now_us = node.clock.now_us()
        active_us = now_us if first or at_once else now_us + keys.AHEAD_US
        return [
            await keys.make(node.signer, domain, algorithm, selector, now_us, active_us)
            for algorithm, selector in keys.selectors(known, now_us).items()
        ]


def _made(asked: Desk, made: Sequence[DkimKey], *, first: bool) -> None:
    """Store keys and say what to publish. Raises NotPermitted; then nothing was stored."""
    act = DkimAdd(made[0].domain, tuple(keys.row(key) for key in made), first)
    outcome: Outcome = acting.act(asked.directory, asked.name, asked.password_file, _performed, act, asked.reason)
    if asked.as_json:
        show([{**_row(key), "journal": outcome.seq} for key in made])
        return
    asked.say(outcome)
    sys.stdout.write("publish these records:\n" + "".join(f"{key.zone_line}\n" for key in made))
    sys.stdout.write(f"these keys sign from {moment(made[0].active_us)}; `diwan doctor` says whether the DNS has their records\n")


def _performed(tx: Tx, actor: Actor, act: DkimAdd, reason: str) -> Outcome:
    return acts.perform(tx, actor, act, reason)


def _row(key: DkimKey) -> dict[str, object]:
    return {
        "domain": key.domain,
        "selector": key.selector,
        "algorithm": key.algorithm,
        "active_at": moment(key.active_us),
        "name": key.name,
        "type": "TXT",
        "data": key.record,
        "zone": key.zone_line,
    }
