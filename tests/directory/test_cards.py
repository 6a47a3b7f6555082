"""Cards: each viewer sees what the rules and the exceptions let them see, in the order asked for."""

import pytest

from config.clock import DAY_US, ManualClock
from config.database import Database
from directory import attributes, cards, holdings, lists, organisations, people, posts, queries, units, visibility
from directory.errors import BadEntry
from directory.types import Card, HeldPost, Holder, Viewer
from directory.visibility import EVERYTHING, NATION, OUTSIDER

from .conftest import Ministry, address

KNOWN = {"surname_fr": "Benali", "phone": "+213 000 1", "mobile": "+213 000 2", "room": "B 12", "employee_number": "77"}


@pytest.fixture
async def amina(database: Database, ministry: Ministry) -> int:
    """Amina, with attributes."""
    await database.write(attributes.set, ministry.amina.person_id, KNOWN)
    return ministry.amina.person_id


async def card(database: Database, viewer: Viewer, account_id: int) -> Card | None:
    return await database.read(cards.card, viewer, account_id)


async def test_a_card_of_a_person_says_what_they_do_and_where(database: Database, ministry: Ministry, amina: int) -> None:
    found = await card(database, NATION, amina)
    assert found is not None
    assert (found.kind, found.name_ar, found.surname_fr, found.title_fr, found.rank) == (
        "person",
        "أمينة بن علي",
        "Benali",
        "Bureau d'ordre",
        40,
    )
    assert (found.unit_code, found.organisation_code, found.organisation_fr) == ("BO", "interieur", "Ministère de l'Intérieur")
    assert found.posts == (
        HeldPost(ministry.registry.post_id, "bureau.ordre@interieur.gov.example", "مكتب الضبط", "Bureau d'ordre", "titular"),
    )


async def test_a_card_of_a_post_says_who_holds_it(database: Database, ministry: Ministry) -> None:
    found = await card(database, NATION, ministry.registry.post_id)
    assert found is not None
    assert found.holders == (
        Holder(ministry.amina.person_id, "amina.benali@interieur.gov.example", "أمينة بن علي", "Amina Benali", "titular"),
    )
    assert found.title_fr == found.name_fr == "Bureau d'ordre"


async def test_each_audience_sees_its_share(database: Database, ministry: Ministry, amina: int) -> None:
    colleague = await database.read(visibility.viewer, ministry.karim.person_id)
    beside = Viewer(None, frozenset(), frozenset([ministry.organisation.organisation_id]))
    owner = await database.read(visibility.viewer, amina)
    want = {
        NATION: ("+213 000 1", "", "", ""),
        beside: ("+213 000 1", "", "B 12", ""),
        colleague: ("+213 000 1", "+213 000 2", "B 12", ""),
        owner: ("+213 000 1", "+213 000 2", "B 12", "77"),
        EVERYTHING: ("+213 000 1", "+213 000 2", "B 12", "77"),
    }
    for viewer, seen in want.items():
        found = await card(database, viewer, amina)
        assert found is not None
        assert (found.phone, found.mobile, found.room, found.employee_number) == seen
    assert await card(database, OUTSIDER, amina) is None


async def test_outsiders_see_posts_but_not_who_holds_them(database: Database, ministry: Ministry) -> None:
    found = await card(database, OUTSIDER, ministry.registry.post_id)
    assert found is not None
    assert found.holders == ()


async def test_exceptions_widen_and_narrow(database: Database, ministry: Ministry, amina: int) -> None:
    await database.write(visibility.set, amina, "mobile", "everyone")
    await database.write(visibility.set, amina, "phone", "nobody")
    found = await card(database, NATION, amina)
    assert found is not None
    assert (found.phone, found.mobile) == ("", "+213 000 2")
    await database.write(visibility.set, amina, "phone", None)
    assert (await card(database, NATION, amina)).phone == "+213 000 1"


async def test_a_hidden_entry_is_hidden_wherever_it_would_show(database: Database, ministry: Ministry, amina: int) -> None:
    await database.write(visibility.set, amina, visibility.ENTRY, "unit")
    assert await card(database, NATION, amina) is None
    post = await card(database, NATION, ministry.registry.post_id)
    assert post is not None
    assert post.holders == ()
    colleague = await database.read(visibility.viewer, ministry.karim.person_id)
    assert await card(database, colleague, amina) is not None
    await database.write(visibility.set, ministry.registry.post_id, visibility.ENTRY, "nobody")
    seen = await card(database, colleague, amina)
    assert seen is not None
    assert (seen.posts, seen.title_fr) == ((), "")


@pytest.mark.parametrize(("attribute", "audience"), [("password", "nation"), ("phone", "world")])
async def test_what_is_not_in_the_closed_lists_is_refused(database: Database, amina: int, attribute: str, audience: str) -> None:
    with pytest.raises(BadEntry):
        await database.write(visibility.set, amina, attribute, audience)


@pytest.mark.parametrize("values", [{"password": "x"}, {"phone": "1" * 201}, {"room": "a\nb"}])
async def test_attributes_are_a_closed_list_of_short_lines(database: Database, amina: int, values: dict[str, str]) -> None:
    with pytest.raises(BadEntry):
        await database.write(attributes.set, amina, values)
    assert (await database.read(attributes.of, [amina]))[amina].phone == KNOWN["phone"]


async def test_cards_come_in_the_order_asked_for_without_the_unknown_and_the_closed(database: Database, ministry: Ministry) -> None:
    await database.write(people.close, ministry.karim.person_id)
    ids = [ministry.registry.post_id, 10**9, ministry.karim.person_id, ministry.amina.person_id, ministry.unit.unit_id]
    found = await database.read(cards.cards, EVERYTHING, ids)
    assert [one.account_id for one in found] == [ministry.registry.post_id, ministry.amina.person_id]


async def test_a_unit_with_a_box_has_a_card_with_all_its_holders(database: Database, ministry: Ministry) -> None:
    await database.write(units.set_address, ministry.unit.unit_id, address("courrier"))
    second = await database.write(posts.create, ministry.unit.unit_id, "نائب", "Adjoint", address("adjoint"), 50)
    await database.write(holdings.start, second.post_id, ministry.karim.person_id, "interim")
    await database.write(holdings.start, second.post_id, ministry.amina.person_id, "delegation")
    found = await card(database, NATION, ministry.unit.unit_id)
    assert found is not None
    assert [(one.name_fr, one.kind) for one in found.holders] == [("Amina Benali", "titular"), ("Karim Khelifi", "interim")]
    assert (found.kind, found.address, found.unit_id) == ("unit", "courrier@interieur.gov.example", ministry.unit.unit_id)
    karim = await card(database, NATION, ministry.karim.person_id)
    assert karim is not None
    assert [(one.title_fr, one.kind) for one in karim.posts] == [("Adjoint", "interim"), ("Bureau d'ordre", "unit")]


async def test_the_time_of_the_last_change_follows_all_that_a_card_shows(
    database: Database, ministry: Ministry, clock: ManualClock
) -> None:
    amina, post_id = ministry.amina.person_id, ministry.registry.post_id

    async def changed(account_id: int) -> int:
        found = await card(database, NATION, account_id)
        assert found is not None
        return found.changed_us

    for unit, args, seen_by in (
        (people.rename, (amina, "أمينة", "Amina Haddad"), (amina, post_id)),
        (posts.rename, (post_id, "الضبط", "Registre"), (amina, post_id)),
        (units.rename, (ministry.unit.unit_id, "الضبط", "Registre"), (amina, post_id)),
        (organisations.rename, (ministry.organisation.organisation_id, "الداخلية", "Intérieur"), (amina, post_id)),
        (attributes.set, (amina, KNOWN), (amina,)),
        (holdings.end, (ministry.holding.holding_id,), (amina, post_id)),
    ):
        clock.advance(DAY_US)
        await database.write(unit, *args)
        assert [await changed(one) for one in seen_by] == [clock.now_us()] * len(seen_by)


async def test_a_thousand_cards_cost_as_many_queries_as_one(database: Database, ministry: Ministry) -> None:
    class Counting:
        def __init__(self, tx: object) -> None:
            self.tx, self.count, self.now_us = tx, 0, tx.now_us

        def rows(self, sql: str, **params: object) -> object:
            self.count += 1
            return self.tx.rows(sql, **params)

    def counts(tx: object) -> tuple[int, int]:
        one, many = Counting(tx), Counting(tx)
        cards.cards(one, EVERYTHING, [ministry.amina.person_id])
        cards.cards(many, EVERYTHING, range(1000))
        return one.count, many.count

    one, many = await database.read(counts)
    assert one == many <= 12


async def test_a_list_has_a_card(database: Database, ministry: Ministry) -> None:
    made = await database.write(
        lists.create,
        ministry.organisation.organisation_id,
        ministry.registry.post_id,
        address("tous"),
        "الجميع",
        "Tous",
        queries.Query(function="registry"),
    )
    found = await card(database, NATION, made.list_id)
    assert found is not None
    assert (found.kind, found.name_fr, found.organisation_code) == ("list", "Tous", "interieur")
