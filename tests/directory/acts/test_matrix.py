"""Every act, by everybody, everywhere: what a role brings in its scope passes, nothing else does, and nothing crosses tenants."""

import contextlib
from collections.abc import Iterator, Sequence

from config.database import Database, Tx
from config.errors import MailError
from directory import grants, people
from directory.acts import Act, decide, perform
from directory.acts.organisations import OrganisationMove
from directory.acts.people import PersonRename
from directory.acts.table import RULES
from directory.address import parse
from directory.errors import NotPermitted
from directory.rights import CONSOLE, ROLES, Actor, Right, Role

from .examples import EXAMPLES, TOUCH_TWO
from .world import PLACES, World, build, holder, lies_in

# who is tried: a role with the scope in which it is held
HOLDERS: tuple[tuple[Role, str], ...] = (
    ("national", "nation"),
    ("administrator", "gov"),
    ("administrator", "in"),
    ("administrator", "in.a"),
    ("clerk", "in"),
    ("signer", "in"),
    ("auditor", "in"),
    ("hr", "in"),
    ("hr", "in.a"),
)
# what each role is for, written down a second time: the table of rights must not drift unseen
FOR: dict[Role, set[Right]] = {
    "national": set(ROLES["administrator"]) | {"domains", "parties", "topology", "audit", "blank"},
    "administrator": {
        *("organisations", "units", "posts", "people", "holdings", "addresses", "attributes"),
        *("lists", "delegations", "credentials", "grants", "services"),
    },
    "clerk": {"register"},
    "signer": {"sign"},
    "auditor": {"audit"},
    "hr": {"units", "posts", "people", "holdings", "attributes"},
}


def test_every_rule_has_an_example() -> None:
    assert EXAMPLES.keys() == RULES.keys()


def test_roles_bring_what_is_written_here() -> None:
    assert {role: set(brought) for role, brought in ROLES.items()} == FOR
    assert {role for role, _ in HOLDERS} == set(ROLES)


@contextlib.contextmanager
def undone(tx: Tx) -> Iterator[None]:
    """Undo whatever happens inside."""
    tx.execute("SAVEPOINT trial")
    try:
        yield
    finally:
        tx.execute("ROLLBACK TO SAVEPOINT trial")
        tx.execute("RELEASE SAVEPOINT trial")


def tried(tx: Tx, actor: Actor, act: Act) -> bool:
    """Say whether an act is permitted, and undo it; what it is refused for besides does not matter here."""
    with undone(tx):
        try:
            perform(tx, actor, act)
        except NotPermitted:
            return False
        except MailError:
            return True
    return True


def wrong(tx: Tx, world: World, kind: type[Act], places: Sequence[str], actor: Actor, role: Role | None, scope: str) -> list[str]:
    """Return the places where somebody may do what they should not, or may not do what they should."""
    found = []
    for p in places:
        for q in places if kind in TOUCH_TWO else (p,):
            act, touched = EXAMPLES[kind](world[p], world[q])
            wanted = role is not None and all(brings(role, scope, RULES[kind].right, place) for place in touched)
            if tried(tx, actor, act) != wanted:
                found.append(f"{role} of {scope}, {kind.__name__} at {p} with {q}: should be {'permitted' if wanted else 'refused'}")
    return found


def brings(role: Role, scope: str, right: Right, touched: str) -> bool:
    """Say whether a role in a scope brings a right at a place; "right:place" asks for another right than the rule's."""
    named, _, place = touched.rpartition(":")
    return (named or right) in FOR[role] and lies_in(place, scope)


def without_a_role(tx: Tx, world: World) -> list[Actor]:
    """Return those who may do nothing: somebody without an account, without a role, gone, and with a role that was taken back."""
    plain = people.create(tx, "x", "x", parse("plain@in.gov.example"), "fr", world["in.a"].unit.unit_id)
    former = holder(tx, world, "national", "nation", "former")
    grants.revoke_of(tx, former.actor_id)
    return [Actor("nobody"), Actor("console"), Actor("plain", plain.person_id), Actor("gone", world["in.b"].gone.person_id), former]


def all_wrong(tx: Tx, places: Sequence[str]) -> list[str]:
    world = build(tx)
    actors: list[tuple[Actor, Role | None, str]] = [(holder(tx, world, role, scope), role, scope) for role, scope in HOLDERS]
    actors += [(actor, None, "nation") for actor in without_a_role(tx, world)]
    actors = actors if places == PLACES else actors[1::4]
    return [said for kind in RULES for who in actors for said in wrong(tx, world, kind, places, *who)]


async def test_each_act_passes_for_its_right_in_its_scope_and_nowhere_else(database: Database) -> None:
    places = PLACES if database.engine == "sqlite" else ("in.a", "out.a")  # some 15,000 trials; the rules know no engine
    assert await database.write(all_wrong, places) == []


def all_refused(tx: Tx) -> dict[str, str]:
    """Return what refuses an example where it is meant to work, for the console: an example that fails tests nothing."""
    world, found = build(tx), {}
    second = holder(tx, world, "national", "nation")
    perform(tx, CONSOLE, PersonRename(world["in.b"].person.person_id, "y", "y"))  # the first entry of the journal
    for kind, example in EXAMPLES.items():
        home, other = world["in.a.x"], world["out.a" if kind is OrganisationMove else "in.b"]
        act, _ = example(home, other if kind in TOUCH_TWO else home)
        with undone(tx):
            try:
                done = perform(tx, CONSOLE, act)
                if done.approval_id is not None:
                    decide(tx, second, done.approval_id, approve=True)
            except MailError as error:
                found[kind.__name__] = error.text
    return found


async def test_each_example_works_for_whoever_may(database: Database) -> None:
    assert await database.write(all_refused) == {}
