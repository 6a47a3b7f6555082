"""`diwan list …`: addresses that stand for a question to the directory, and the letters that wait for their owners."""

import sys
from typing import Annotated, Any

import msgspec
import typer

from config import log, roles
from config.commands import HERE, Directory, Json, ask, show
from config.database import Tx
from directory import lists, organisations, queries, resolve
from directory.acts import Act, Outcome
from directory.acts.lists import ListChange, ListClose, ListCreate, ListReject, ListRelease
from directory.commands import acting, finding
from directory.commands.finding import Address, Desk, command, table
from directory.commands.naming import shown as shown_at
from directory.held import Held
from directory.lists import MailingList, Moderation, Senders
from directory.queries import Query, Take
from directory.rights import Actor

app = typer.Typer(help="Lists: create, show, members, change, close; held letters: held, release, reject.", no_args_is_help=True)

NOT_SAID = "-"  # what an option of `change` holds when it was not given: "" empties
Within = Annotated[str, typer.Option("--within", metavar="ADMINISTRATION", help="Only this administration and those below it.")]
Kind = Annotated[str, typer.Option("--kind", help="Only administrations of this kind, such as commune.")]
UnitKind = Annotated[str, typer.Option("--unit-kind", help="Only units of this kind, such as hr or registry.")]
UnitCode = Annotated[str, typer.Option("--unit-code", help="Only units with this code.")]
Function = Annotated[str, typer.Option("--function", help="Only posts with this function, such as head.")]
Title = Annotated[str, typer.Option("--title", help="Only posts with this very title, in Arabic or French.")]
Taken = Annotated[Take | None, typer.Option("--take", help="Which address of a match: its post's, its unit's, or its people's.")]
Members = Annotated[list[str] | None, typer.Option("--member", metavar="ADDRESS", help="A member by name (repeatable); may be a list.")]
Without = Annotated[list[str] | None, typer.Option("--without", metavar="ADDRESS", help="Somebody left out (repeatable).")]
Writers = Annotated[Senders | None, typer.Option("--senders", help="Who may write to it.")]
Moderated = Annotated[Moderation | None, typer.Option("--moderation", help="Whose letters wait for the owner.")]
Owner = Annotated[str, typer.Option("--owner", metavar="ADDRESS", help="Who answers for it: a person, a post or a unit.")]
Arabic = Annotated[str, typer.Option("--ar", help="Its name in Arabic.")]
Latin = Annotated[str, typer.Option("--fr", help="Its name in Latin letters.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The number of the letter, as `diwan list held` shows it.")]
ADDRESSES = "SELECT account_id, MIN(address) FROM address WHERE account_id IN (:ids[]) AND closed_us IS NULL GROUP BY account_id"


@command(app)
def create(
    asked: Desk,
    address: Address,
    organisation: Annotated[str, typer.Option("--organisation", metavar="ADMINISTRATION", help="The code of whose list it is.")],
    owner: Owner,
    ar: Arabic = "",
    fr: Latin = "",
    within: Within = "",
    kind: Kind = "",
    unit_kind: UnitKind = "",
    unit_code: UnitCode = "",
    function: Function = "",
    title: Title = "",
    take: Taken = None,
    member: Members = None,
    without: Without = None,
    senders: Writers = None,
    moderation: Moderated = None,
) -> None:
    """Make a list. Its members are asked of the directory for each letter."""
    if not (ar or fr):
        raise typer.BadParameter("a list needs a name, in Arabic, in Latin letters or in both", param_hint="--ar, --fr")
    said = {"within": within, "organisation_kind": kind, "unit_kind": unit_kind, "unit_code": unit_code, "function": function}
    asked.perform(
        lambda tx: ListCreate(
            organisations.by_code(tx, organisation).organisation_id,
            finding.account(tx, owner, "person", "post", "unit").account_id,
            address,
            ar,
            fr,
            _query(tx, Query(), {**said, "title": title}, take, member, without),
            senders or "organisation",
            moderation or "none",
        )
    )


@command(app)
def change(
    asked: Desk,
    address: Address,
    owner: Owner = "",
    ar: Arabic = "",
    fr: Latin = "",
    within: Within = NOT_SAID,
    kind: Kind = NOT_SAID,
    unit_kind: UnitKind = NOT_SAID,
    unit_code: UnitCode = NOT_SAID,
    function: Function = NOT_SAID,
    title: Title = NOT_SAID,
    take: Taken = None,
    member: Members = None,
    without: Without = None,
    senders: Writers = None,
    moderation: Moderated = None,
) -> None:
    """Change what is given and leave the rest; "" takes a condition away, --member and --without replace those named so far."""
    said = {"within": within, "organisation_kind": kind, "unit_kind": unit_kind, "unit_code": unit_code, "function": function}

    def plan(tx: Tx) -> Act:
        one = _list(tx, address)
        query = _query(tx, one.query, {**said, "title": title}, take, member, without)
        return ListChange(
            one.list_id,
            finding.account(tx, owner, "person", "post", "unit").account_id if owner else None,
            ar or None,
            fr or None,
            query if query != one.query else None,
            senders,
            moderation,
        )

    asked.perform(plan)


@command(app)
def close(asked: Desk, address: Address) -> None:
    """End a list; its address is never given again."""
    asked.perform(lambda tx: ListClose(_list(tx, address).list_id))


@command(app)
def release(asked: Desk, number: Number) -> None:
    """Let a held letter go to the members; a running node does so within a minute."""
    _decide(asked, ListRelease(number))


@command(app)
def reject(asked: Desk, number: Number, why: Annotated[str, typer.Option("--why", help="What its sender is told.")] = "") -> None:
    """Send a held letter back to its sender."""
    _decide(asked, ListReject(number, why))


@app.command(name="show")
def shown(
    address: Annotated[str, typer.Argument(metavar="[ADDRESS]", help="One list; without it, all of them.")] = "",
    node: Directory = HERE,
    as_json: Json = False,
) -> None:
    """Show a list, or all of them."""
    log.configure("error")
    found = ask(node, _shown, address)
    if as_json:
        show(found)
    elif address:
        table((name.replace("_", " "), _text(value)) for name, value in found[0].items())
    elif not found:
        sys.stdout.write("there is no list; `diwan list create` makes one\n")
    else:
        table((one["address"], one["name_fr"] or one["name_ar"], one["senders"], one["moderation"]) for one in found)


@app.command()
def members(
    address: Address,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 1000,
    node: Directory = HERE,
    as_json: Json = False,
) -> None:
    """List whom a letter would reach now. Lists among them are shown as themselves."""
    log.configure("error")
    found = ask(node, _members, address, limit)
    if as_json:
        show(found)
    else:
        sys.stdout.write("".join(f"{one}\n" for one in found["members"]))
        sys.stdout.write(f"{found['mailboxes']} mailboxes in all\n")


@app.command()
def held(
    address: Annotated[str, typer.Argument(metavar="[ADDRESS]", help="One list; without it, all of them.")] = "",
    node: Directory = HERE,
    as_json: Json = False,
) -> None:
    """List the letters that wait for the owners of lists."""
    log.configure("error")
    found = ask(node, _held, address)
    if as_json:
        show(found)
    else:
        table((str(one["number"]), one["list"], one["sender"], f"{one['size_bytes']} octets", one["since"]) for one in found)
        sys.stdout.write("" if found else "nothing waits\n")


def _query(tx: Tx, before: Query, said: dict[str, str], take: Take | None, member: list[str] | None, without: list[str] | None) -> Query:
    """Return a query with what was said of it; NOT_SAID leaves a condition."""
    changed: dict[str, Any] = {name: text for name, text in said.items() if text != NOT_SAID}
    if "within" in changed:
        changed["within"] = organisations.by_code(tx, changed["within"]).organisation_id if changed["within"] else 0
    if take is not None:
        changed["take"] = take
    for name, addresses in (("members", member), ("without", without)):
        if addresses is not None:
            changed[name] = tuple(finding.account(tx, one).account_id for one in addresses if one)
    return msgspec.structs.replace(before, **changed)


def _list(tx: Tx, address: str) -> MailingList:
    return lists.find(tx, finding.account(tx, address, "list").account_id)


def _decide(asked: Desk, act: ListRelease | ListReject) -> None:
    asked.say(acting.act(asked.directory, asked.name, asked.password_file, decide, act, asked.reason))


def decide(tx: Tx, actor: Actor, act: ListRelease | ListReject, reason: str) -> Outcome:
    """Release or reject a held letter, and wake it where it sleeps. Raises NotPermitted, NotFound, NotPending."""
    outcome: Outcome = roles.load("mailcore.queue.moderation:decide")(tx, actor, act, reason)
    return outcome


def _shown(tx: Tx, address: str) -> list[dict[str, Any]]:
    found = [_list(tx, address)] if address else lists.everywhere(tx)
    names = _addresses(tx, [account for one in found for account in (one.owner_id, *one.query.members, *one.query.without)])
    return [_described(tx, one, names, counted=bool(address)) for one in found]


def _described(tx: Tx, one: MailingList, names: dict[int, str], *, counted: bool) -> dict[str, Any]:
    query = msgspec.to_builtins(one.query)
    if one.query.within:
        query["within"] = organisations.find(tx, one.query.within).code
    for name in ("members", "without"):
        if name in query:
            query[name] = [names.get(account, f"account {account}") for account in query[name]]
    return {
        "address": one.address,
        "addresses": resolve.addresses(tx, one.list_id),
        "name_ar": one.name_ar,
        "name_fr": one.name_fr,
        "organisation": organisations.find(tx, one.organisation_id).code,
        "owner": names.get(one.owner_id, ""),
        "senders": one.senders,
        "moderation": one.moderation,
        "query": query,
        **({"mailboxes": lists.count(tx, one.list_id)} if counted else {}),
    }


def _members(tx: Tx, address: str, limit: int) -> dict[str, Any]:
    one = _list(tx, address)
    found = queries.ids(tx, one.query, 0, limit)
    names = _addresses(tx, found)
    return {"members": [names[account] for account in found if account in names], "mailboxes": lists.count(tx, one.list_id)}


def _held(tx: Tx, address: str) -> list[dict[str, Any]]:
    found = [_list(tx, address)] if address else lists.everywhere(tx)
    names = {one.list_id: one.address for one in found}
    letters: list[Held] = roles.load("mailcore.queue.moderation:waiting")(tx, sorted(names))
    return [
        {
            "number": one.held_id,
            "list": names[one.list_id],
            "sender": one.sender,
            "size_bytes": one.size_bytes,
            "since": shown_at(one.held_us),
        }
        for one in letters
    ]


def _addresses(tx: Tx, account_ids: list[int]) -> dict[int, str]:
    return dict(tx.rows(ADDRESSES, ids=account_ids)) if account_ids else {}


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={_text(one)}" for name, one in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
