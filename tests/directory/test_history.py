"""Two times: when something was so, and when the register said so. What was said on a day never changes afterwards.

The properties run a naive model beside the units of work: after each step it keeps a copy of all that is believed. Whatever
happens later, each pair of days (on, known) must still give what the copy of that day says.
"""

import asyncio
import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.clock import DAY_US, ManualClock
from config.database import Database, Tx
from directory import history, holdings, organisations, people, posts, units
from directory.errors import BadEntry, MailError, NotFound
from directory.trees import MAX_DEPTH
from directory.types import Holding

from .conftest import Ministry, address

DAYS = range(-8, 30)
_names = itertools.count()

day = st.integers(-6, 20)
length = st.none() | st.integers(-1, 12)
holding_steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 5)),
        st.tuples(st.just("start"), st.sampled_from([0, 1]), day, length),
        st.tuples(st.just("end"), st.integers(0, 4), day),
        st.tuples(st.just("correct"), st.integers(0, 4), day, length),
        st.tuples(st.just("annul"), st.integers(0, 4)),
        st.tuples(st.just("leave"), st.sampled_from([0, 1])),
    ),
    max_size=14,
)
fact_steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 5)),
        st.tuples(st.just("name"), st.sampled_from("ABC"), day),
        st.tuples(st.just("place"), st.sampled_from([0, 1, 2]), day),
        st.tuples(st.just("state")),
    ),
    max_size=14,
)


def explore(tx: Tx, scenario: Callable[..., None], steps: st.SearchStrategy[list[tuple]], *args: object) -> None:
    """Try many courses of events, each with entries and a time of its own, inside one transaction."""
    began_us = tx.now_us

    @given(steps)
    @settings(max_examples=60, deadline=None)
    def course(taken: list[tuple]) -> None:
        tx.now_us = began_us
        scenario(tx, taken, *args)

    course()


class Belief:
    """The naive model: a whole copy of what is believed, per moment of recording."""

    def __init__(self) -> None:
        self.copies: list[tuple[int, dict]] = []

    def keep(self, now_us: int, believed: dict) -> None:
        if self.copies and self.copies[-1][0] == now_us:
            self.copies.pop()
        self.copies.append((now_us, dict(believed)))

    def pairs(self) -> Iterator[tuple[int, dict]]:
        for known_us, believed in self.copies:
            yield known_us, believed
            yield known_us + DAY_US // 2, believed


def holdings_scenario(tx: Tx, steps: list[tuple], ministry: Ministry) -> None:
    began_us, belief = tx.now_us, Belief()
    post_id = posts.create(tx, ministry.unit.unit_id, "وظيفة", "Poste", address(f"poste{next(_names)}")).post_id
    holders = [people.create(tx, "شخص", "Personne", address(f"personne{next(_names)}")).person_id for _ in range(2)]
    believed: dict[int, tuple[int, int, int | None]] = {}  # holding: person, from, to
    gone: set[int] = set()
    belief.keep(tx.now_us, believed)

    def at(days: int) -> int:
        return began_us + days * DAY_US

    def chosen(n: int) -> int:
        return sorted(believed)[n % len(believed)] if believed else 10**12

    for what, *args in steps:
        if what == "wait":
            tx.now_us += args[0] * DAY_US
        elif what == "start":
            who, since, days = holders[args[0]], at(args[1]), args[2]
            until = None if days is None else since + days * DAY_US
            if who in gone or (days is not None and days <= 0):
                with pytest.raises(MailError):
                    holdings.start(tx, post_id, who, valid_from_us=since, valid_to_us=until)
            else:
                believed[holdings.start(tx, post_id, who, valid_from_us=since, valid_to_us=until).holding_id] = who, since, until
        elif what == "end":
            _, since, until = believed.get(chosen(args[0]), (0, 0, 0))
            if at(args[1]) <= since or (until is not None and until <= tx.now_us):
                with pytest.raises(MailError):
                    holdings.end(tx, chosen(args[0]), at(args[1]))
            else:
                holdings.end(tx, chosen(args[0]), at(args[1]))
                believed[chosen(args[0])] = (*believed[chosen(args[0])][:2], at(args[1]))
        elif what == "correct" and believed:
            number, since = chosen(args[0]), at(args[1])
            until = None if args[2] is None else since + args[2] * DAY_US
            found = holdings.find(tx, number)
            with contextlib.suppress(BadEntry):
                said = holdings.correct(tx, dataclasses.replace(found, valid_from_us=since, valid_to_us=until))
                assert (said.valid_from_us, said.valid_to_us) == (since, until)
                believed[number] = (found.person_id, since, until)
        elif what == "annul" and believed:
            holdings.annul(tx, chosen(args[0]))
            del believed[chosen(args[0])]
        elif what == "leave" and holders[args[0]] not in gone:
            gone.add(holders[args[0]])
            people.close(tx, holders[args[0]])
            for number, (who, since, until) in list(believed.items()):
                if who == holders[args[0]] and (until is None or until > tx.now_us):
                    believed[number] = who, since, max(since, tx.now_us)
        belief.keep(tx.now_us, believed)
    for known_us, then in belief.pairs():
        for on_us in map(at, DAYS):
            want = sorted((number, who) for number, (who, since, until) in then.items() if since <= on_us < (until or 2**62))
            found = holdings.holders(tx, post_id, on_us, known_us)
            assert sorted((one.holding_id, one.person_id) for one in found) == want
    assert [holdings.holders(tx, post_id, at(days)) for days in DAYS] == [
        holdings.holders(tx, post_id, at(days), tx.now_us) for days in DAYS
    ]


async def test_each_day_has_the_holders_that_were_known_then(database: Database, ministry: Ministry) -> None:
    await database.write(explore, holdings_scenario, holding_steps, ministry)


def facts_scenario(tx: Tx, steps: list[tuple], ministry: Ministry) -> None:
    began_us, belief = tx.now_us, Belief()
    places = [units.create(tx, ministry.organisation.organisation_id, f"U{next(_names)}", "وحدة", "Unité").unit_id for _ in range(3)]
    person_id = people.create(tx, "شخص", "Nom", address(f"personne{next(_names)}"), unit_id=places[0]).person_id
    believed: dict[tuple[str, int], object] = {("name", -(10**6)): "Nom", ("place", -(10**6)): places[0], ("state", -(10**6)): False}
    belief.keep(tx.now_us, believed)
    closed = False
    for what, *args in steps:
        today = (tx.now_us - began_us) // DAY_US
        if what == "wait":
            tx.now_us += args[0] * DAY_US
        elif what == "state":
            (people.reopen if closed else people.close)(tx, person_id)
            closed = not closed
            believed["state", today] = closed
        else:
            value = args[0] if what == "name" else places[args[0]]
            act = (
                (lambda v, us: people.rename(tx, person_id, "شخص", v, us))
                if what == "name"
                else (lambda v, us: people.move(tx, person_id, v, us))
            )
            if closed or args[1] > today:
                with pytest.raises(MailError):
                    act(value, began_us + args[1] * DAY_US)
            else:
                act(value, began_us + args[1] * DAY_US)
                believed[what, args[1]] = value
        belief.keep(tx.now_us, believed)

    def want(then: dict, aspect: str, on: int) -> object:
        return then[aspect, max(since for found, since in then if found == aspect and since <= on)]

    for known_us, then in belief.pairs():
        for on in DAYS:
            found = history.as_of(tx, "person", person_id, began_us + on * DAY_US, known_us)
            assert (found.name_fr, found.place_id, found.closed) == tuple(want(then, aspect, on) for aspect in ("name", "place", "state"))
    today, person = (tx.now_us - began_us) // DAY_US, people.find(tx, person_id)
    assert (person.name_fr, person.unit_id) == (want(believed, "name", today), want(believed, "place", today))


async def test_each_day_has_the_names_and_places_that_were_known_then(database: Database, ministry: Ministry) -> None:
    await database.write(explore, facts_scenario, fact_steps, ministry)


async def test_what_was_not_recorded_yet_was_not_known(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    with pytest.raises(NotFound):
        await database.read(history.as_of, "person", ministry.amina.person_id, clock.now_us(), clock.now_us() - 1)
    assert await database.read(holdings.holders, ministry.registry.post_id, clock.now_us(), clock.now_us() - 1) == []


async def test_before_its_first_record_an_entry_was_as_first_recorded(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    clock.advance(DAY_US)
    await database.write(units.rename, ministry.unit.unit_id, "السجل", "Registre")
    long_ago = await database.read(history.as_of, "unit", ministry.unit.unit_id, clock.now_us() - 1000 * DAY_US)
    assert (long_ago.name_fr, long_ago.closed) == ("Bureau d'ordre", False)
    assert (await database.read(history.as_of, "unit", ministry.unit.unit_id, clock.now_us())).name_fr == "Registre"


@dataclass(frozen=True, slots=True)
class Counting:
    """A transaction that counts its questions."""

    tx: Tx
    asked: list[str]

    def rows(self, sql: str, **params: object) -> list[tuple]:
        self.asked.append(sql)
        return self.tx.rows(sql, **params)


async def test_the_past_is_one_query(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    def count(tx: Tx) -> tuple[int, int]:
        one, other = Counting(tx, []), Counting(tx, [])
        history.as_of(one, "post", ministry.registry.post_id, clock.now_us(), clock.now_us())
        assert len(holdings.holders(other, ministry.registry.post_id, clock.now_us(), clock.now_us())) == 1
        return len(one.asked), len(other.asked)

    assert await database.read(count) == (1, 1)


async def test_a_correction_that_would_outlast_its_person_is_refused(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    clock.advance(DAY_US)
    await database.write(people.close, ministry.amina.person_id)
    found: Holding = await database.read(holdings.find, ministry.holding.holding_id)
    with pytest.raises(BadEntry):
        await database.write(holdings.correct, dataclasses.replace(found, valid_to_us=None))
    earlier = dataclasses.replace(found, valid_to_us=found.valid_from_us + 1, decision_ref="D-2026-1 bis")
    assert (await database.write(holdings.correct, earlier)).decision_ref == "D-2026-1 bis"
    with pytest.raises(BadEntry):
        await database.write(holdings.correct, dataclasses.replace(found, person_id=ministry.karim.person_id))


async def test_who_was_entered_by_mistake_never_held_the_post(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    said = clock.now_us()
    clock.advance(DAY_US)
    await database.write(holdings.annul, ministry.holding.holding_id)
    assert await database.read(holdings.holders, ministry.registry.post_id, said) == []
    assert len(await database.read(holdings.holders, ministry.registry.post_id, said, said)) == 1
    assert await database.read(holdings.held_by, ministry.amina.person_id, clock.now_us()) == ()
    with pytest.raises(NotFound):
        await database.write(holdings.end, ministry.holding.holding_id)


async def test_administrations_and_units_stand_in_trees(database: Database, ministry: Ministry) -> None:
    top = ministry.organisation.organisation_id
    wilaya = (await database.write(organisations.create, "wilaya", "w", "ولاية", "Wilaya", top)).organisation_id
    commune = (await database.write(organisations.create, "commune", "c", "بلدية", "Commune", wilaya)).organisation_id
    assert await database.read(organisations.ancestors, commune) == [wilaya, top]
    for below, above in ((top, commune), (wilaya, wilaya)):
        with pytest.raises(BadEntry):
            await database.write(organisations.move, below, above)
    root = ministry.unit.unit_id
    office = (await database.write(units.create, top, "A", "أ", "A", root)).unit_id
    desk = (await database.write(units.create, top, "B", "ب", "B", office)).unit_id
    assert await database.read(units.ancestors, desk) == [office, root]
    foreign = (await database.write(units.create, wilaya, "A", "أ", "A")).unit_id
    for unit, above in ((root, desk), (office, office), (office, foreign)):
        with pytest.raises(BadEntry):
            await database.write(units.move, unit, above)
    await database.write(units.move, desk, root)
    assert (await database.read(units.find, desk)).parent_id == root


async def test_two_moves_at_once_close_no_ring(database: Database, ministry: Ministry) -> None:
    async def unit(code: str, parent: int | None = None) -> int:
        return (await database.write(units.create, ministry.organisation.organisation_id, code, "و", "U", parent)).unit_id

    one, other = await unit("one"), await unit("other")
    below_one, below_other = await unit("below-one", one), await unit("below-other", other)
    moves = database.write(units.move, one, below_other), database.write(units.move, other, below_one)
    done = await asyncio.gather(*moves, return_exceptions=True)
    assert sorted(type(one) for one in done if one is not None) == [BadEntry]


async def test_a_tree_has_no_more_levels_than_are_walked(database: Database, ministry: Ministry) -> None:
    def chain(tx: Tx, name: str, length: int) -> list[int]:
        made: list[int] = []
        for n in range(length):
            parent = made[-1] if made else None
            made.append(units.create(tx, ministry.organisation.organisation_id, f"{name}{n}", "و", "U", parent).unit_id)
        return made

    deep = await database.write(chain, "a", MAX_DEPTH)
    with pytest.raises(BadEntry):
        await database.write(units.create, ministry.organisation.organisation_id, "z", "و", "U", deep[-1])
    short = await database.write(chain, "b", 3)
    with pytest.raises(BadEntry):
        await database.write(units.move, short[0], deep[MAX_DEPTH - 3])
    await database.write(units.move, short[0], deep[MAX_DEPTH - 4])
    assert await database.read(units.ancestors, short[-1]) == [short[1], short[0], *reversed(deep[: MAX_DEPTH - 3])]


@pytest.mark.parametrize("name", ["", "  ", "a\u202eb", "a\nb", "x" * 301])
async def test_names_are_short_lines_of_visible_characters(database: Database, ministry: Ministry, name: str) -> None:
    for act, *args in (
        (people.create, name, name, address("x")),
        (people.rename, ministry.amina.person_id, name, name),
        (units.create, ministry.organisation.organisation_id, "X", name, name),
        (posts.rename, ministry.registry.post_id, name, name),
        (organisations.rename, ministry.organisation.organisation_id, name, name),
    ):
        with pytest.raises(BadEntry):
            await database.write(act, *args)


async def test_what_is_alike_everywhere_is_said_in_one_word(database: Database, ministry: Ministry) -> None:
    await database.write(units.set_kind, ministry.unit.unit_id, "registry")
    await database.write(posts.set_role, ministry.registry.post_id, "head", 5)
    post = await database.read(posts.find, ministry.registry.post_id)
    assert ((await database.read(units.find, ministry.unit.unit_id)).kind, post.function, post.rank) == ("registry", "head", 5)
    for act, *args in ((units.set_kind, ministry.unit.unit_id, "Two Words"), (posts.set_role, ministry.registry.post_id, "é", 5)):
        with pytest.raises(BadEntry):
            await database.write(act, *args)


async def test_people_read_in_a_language_of_the_pages(database: Database, ministry: Ministry) -> None:
    await database.write(people.set_language, ministry.amina.person_id, "ar")
    assert (await database.read(people.find, ministry.amina.person_id)).language == "ar"
    with pytest.raises(BadEntry):
        await database.write(people.set_language, ministry.amina.person_id, "xx")


async def test_what_still_has_something_in_it_is_not_closed(database: Database, ministry: Ministry) -> None:
    with pytest.raises(BadEntry):
        await database.write(organisations.close, ministry.organisation.organisation_id)
    with pytest.raises(BadEntry):
        await database.write(units.close, ministry.unit.unit_id)
    await database.write(posts.close, ministry.registry.post_id)
    for person in (ministry.amina, ministry.karim):
        await database.write(people.move, person.person_id, None)
    await database.write(units.close, ministry.unit.unit_id)
    await database.write(organisations.close, ministry.organisation.organisation_id)
    for act, *args in (
        (units.create, ministry.organisation.organisation_id, "X", "س", "X"),
        (organisations.create, "commune", "x", "س", "X", ministry.organisation.organisation_id),
        (posts.create, ministry.unit.unit_id, "س", "X", address("x")),
        (people.transfer, ministry.amina.person_id, ministry.unit.unit_id),
        (units.rename, ministry.unit.unit_id, "س", "X"),
    ):
        with pytest.raises(BadEntry):
            await database.write(act, *args)
    assert (await database.read(organisations.find, ministry.organisation.organisation_id)).closed_us is not None


async def test_nothing_moves_into_another_administration_unasked(database: Database, ministry: Ministry) -> None:
    other = await database.write(organisations.create, "ministry", "sante", "الصحة", "Santé")
    office = (await database.write(units.create, other.organisation_id, "SG", "الأمانة", "Secrétariat")).unit_id
    with pytest.raises(BadEntry):
        await database.write(people.move, ministry.karim.person_id, office)
    with pytest.raises(BadEntry):
        await database.write(posts.move, ministry.registry.post_id, office)
    await database.write(people.transfer, ministry.karim.person_id, office)
    assert (await database.read(people.find, ministry.karim.person_id)).unit_id == office


async def test_somebody_comes_back_to_their_mailbox_without_a_post(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    await database.write(people.close, ministry.amina.person_id)
    clock.advance(DAY_US)
    await database.write(people.reopen, ministry.amina.person_id)
    assert (await database.read(people.find, ministry.amina.person_id)).closed_us is None
    assert await database.read(holdings.held_by, ministry.amina.person_id, clock.now_us()) == ()
    with pytest.raises(BadEntry):
        await database.write(people.reopen, ministry.amina.person_id)
