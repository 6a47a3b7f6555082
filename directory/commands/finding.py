"""How commands name entries: an address for people, posts, boxes and lists, ``administration/unit`` for units; and how they answer."""

import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import msgspec
import typer

from config.commands import HERE, Directory, Json, show
from config.database import Tx
from config.plain import plain
from directory import acts, organisations, resolve, units
from directory.acts import Act, Outcome
from directory.address import parse
from directory.commands import acting
from directory.commands.acting import As, PasswordFile, Reason
from directory.errors import BadEntry, NotFound
from directory.rights import Actor
from directory.types import AccountKind, Target, Unit

P = ParamSpec("P")

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An address of this node.")]
UnitPath = Annotated[str, typer.Argument(metavar="ADMINISTRATION/UNIT", help="The codes of an administration and of a unit in it.")]
Arabic = Annotated[str, typer.Option("--ar", help="The name in Arabic, as attested.")]
Latin = Annotated[str, typer.Option("--fr", help="The name in Latin letters, as attested.")]
Since = Annotated[str, typer.Option("--from", metavar="DATE", help="Since when it is so; without it, from now on.")]

_NAMED = inspect.Parameter.KEYWORD_ONLY
_COMMON = {
    one.name: one
    for one in (
        inspect.Parameter("node", _NAMED, default=HERE, annotation=Directory),
        inspect.Parameter("name_as", _NAMED, default="", annotation=As),
        inspect.Parameter("password_file", _NAMED, default=None, annotation=PasswordFile),
        inspect.Parameter("reason", _NAMED, default="", annotation=Reason),
        inspect.Parameter("as_json", _NAMED, default=False, annotation=Json),
    )
}


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a command acts, in whose name and why: the options that all commands share."""

    directory: Path
    name: str = ""
    password_file: Path | None = None
    reason: str = ""
    as_json: bool = False

    def perform(self, plan: Callable[Concatenate[Tx, P], Act], *args: P.args, **kwargs: P.kwargs) -> Outcome:
        """Make an act of what was asked, carry it out, say and return what became of it."""
        outcome: Outcome = acting.act(self.directory, self.name, self.password_file, _planned, self.reason, plan, args, kwargs)
        self.say(outcome)
        return outcome

    def say(self, outcome: Outcome) -> None:
        """Print what became of an act: done, or the request that waits for a second person."""
        if self.as_json:
            value = msgspec.to_builtins(outcome.value, builtin_types=(bytes,)) if outcome.value is not None else None
            show({"journal": outcome.seq, "waits_as": outcome.approval_id, "value": value})
        elif outcome.approval_id is not None:
            request = outcome.approval_id
            sys.stdout.write(f"waits for a second person: diwan admin approve {request} --as ADDRESS\n")
        else:
            sys.stdout.write(f"done, entry {outcome.seq} of the journal\n")


def command(app: typer.Typer, name: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add a command that changes the directory: its first parameter is the Desk, made of the options that all of them have."""

    def add(work: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(work).parameters.values())[1:]

        def run(**given: Any) -> None:
            common = {option: given.pop(option) for option in _COMMON}
            work(Desk(*common.values()), **given)

        run.__doc__ = work.__doc__
        run.__annotations__ = {one.name: one.annotation for one in (*own, *_COMMON.values())}
        run.__signature__ = inspect.Signature([*(one.replace(kind=_NAMED) for one in own), *_COMMON.values()])  # type: ignore[attr-defined]
        app.command(name=name or work.__name__)(run)
        return work

    return add


def account(tx: Tx, address: str, *kinds: AccountKind) -> Target:
    """Return whom an address names. Raises NotFound, also when it is none of the kinds asked for."""
    target = resolve.resolve(tx, parse(address))
    if target is None:
        raise NotFound(f"nobody here has the address {address}", address=address)
    if kinds and target.kind not in kinds:
        raise NotFound(f"{address} is a {target.kind}, not a {' or '.join(kinds)}", address=address)
    return target


def unit(tx: Tx, path: str) -> Unit:
    """Return the unit that ``administration/unit`` names. Raises BadEntry, NotFound."""
    code, slash, inside = path.rpartition("/")
    if not slash:
        raise BadEntry(f"{path!r} names no unit: write ADMINISTRATION/UNIT, such as interieur/DRH")
    owner = organisations.by_code(tx, code)
    found = next((one for one in units.of_organisation(tx, owner.organisation_id) if one.code == inside), None)
    if found is None:
        raise NotFound(f"{code} has no unit {inside!r}", organisation=code, unit=inside)
    return found


def table(rows: Iterable[Iterable[str]]) -> None:
    """Print rows in columns that line up, also where Arabic stands among Latin letters."""
    lines = [[plain(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)] if lines else []
    for line in lines:
        sys.stdout.write("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() + "\n")


def _planned(tx: Tx, actor: Actor, reason: str, plan: Callable[..., Act], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Outcome:
    return acts.perform(tx, actor, plan(tx, *args, **kwargs), reason)
