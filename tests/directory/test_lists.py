"""Lists: whom a query takes, who may write, and what is refused."""

import pytest

from config.database import Database, Tx
from directory import aliases, domains, held, holdings, lists, organisations, people, posts, queries, resolve, units
from directory.address import parse
from directory.errors import AddressTaken, BadEntry, NotFound, NotPending
from directory.lists import MailingList, Moderation, Senders
from directory.queries import Query
from directory.types import Organisation

from .conftest import Ministry, address

KINDS = ("hr", "registry", "finance")


def commune(tx: Tx, name: str, above: Organisation) -> Organisation:
    """A commune with a registry, its post and a box, and human resources with a head and a secretary."""
    made = organisations.create(tx, "commune", name, name, name, above.organisation_id)
    domains.create(tx, f"{name}.example", made.organisation_id)
    for kind in KINDS:
        unit = units.create(tx, made.organisation_id, kind.upper(), kind, kind, kind=kind, address=parse(f"box.{kind}@{name}.example"))
        posts.create(tx, unit.unit_id, "رئيس", "Chef", parse(f"head.{kind}@{name}.example"), rank=10, function="head")
        post = posts.create(tx, unit.unit_id, "عون", "Agent", parse(f"{kind}@{name}.example"), function=kind)
        person = people.create(tx, name, name, parse(f"person.{kind}@{name}.example"), "fr", unit.unit_id)
        holdings.start(tx, post.post_id, person.person_id)
    return made


def wilayas(tx: Tx) -> dict[str, int]:
    """Two wilayas; three communes below the first, one of them below another; one commune below the second."""
    made = {name: organisations.create(tx, "wilaya", name, name, name) for name in ("oran", "setif")}
    for name, above in (("ain", "oran"), ("bir", "oran"), ("hassi", "bir"), ("guenzet", "setif")):
        made[name] = commune(tx, name, made[above])
    return {name: one.organisation_id for name, one in made.items()}


def taken(tx: Tx, query: Query) -> list[str]:
    return sorted(resolve.addresses(tx, one)[0] for one in queries.ids(tx, query))


def account(tx: Tx, written: str) -> int:
    target = resolve.resolve(tx, parse(written))
    assert target is not None
    return target.account_id


def make(tx: Tx, ministry: Ministry, senders: Senders = "organisation", moderation: Moderation = "none", *members: int) -> MailingList:
    query = Query(members=members or (ministry.amina.person_id,))
    owner = ministry.registry.post_id
    return lists.create(tx, ministry.organisation.organisation_id, owner, address("liste"), "قائمة", "Liste", query, senders, moderation)


CASES = {
    "heads of human resources": (Query(unit_kind="hr", function="head"), ["ain", "bir", "guenzet", "hassi"], "head.hr"),
    "registries of the communes of a wilaya": (
        Query(organisation_kind="commune", unit_kind="registry", function="registry"),
        ["ain", "bir", "hassi"],
        "registry",
    ),
    "their boxes": (Query(unit_kind="registry", take="unit"), ["ain", "bir", "hassi"], "box.registry"),
    "boxes of units that have such a post": (Query(function="finance", take="unit"), ["ain", "bir", "hassi"], "box.finance"),
    "people who hold such a post": (Query(function="finance", take="person"), ["ain", "bir", "hassi"], "person.finance"),
    "people who work there": (Query(unit_code="HR", take="person"), ["ain", "bir", "hassi"], "person.hr"),
    "a title": (Query(title="رئيس", unit_kind="finance"), ["ain", "bir", "hassi"], "head.finance"),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_query_takes_what_it_says(database: Database, name: str) -> None:
    made = await database.write(wilayas)
    query, places, local = CASES[name]
    if "guenzet" not in places:
        query = Query(**{one: getattr(query, one) for one in query.__struct_fields__} | {"within": made["oran"]})
    assert await database.read(taken, query) == [f"{local}@{place}.example" for place in places]


async def test_pages_follow_each_other_without_gap_or_repetition(database: Database) -> None:
    await database.write(wilayas)

    def pages(tx: Tx) -> tuple[list[int], list[int]]:
        named = account(tx, "person.hr@ain.example")
        query = Query(function="head", members=(named,), without=(account(tx, "head.hr@bir.example"),))
        found, after = list[int](), 0
        while page := queries.ids(tx, query, after, 3):
            found += page
            after = page[-1]
        return found, queries.ids(tx, query, 0, 1000)

    paged, whole = await database.read(pages)
    assert paged == whole == sorted(set(whole))
    assert len(whole) == 12


async def test_what_is_closed_is_reached_no_more(database: Database) -> None:
    await database.write(wilayas)

    def gone(tx: Tx) -> list[str]:
        posts.close(tx, account(tx, "head.hr@ain.example"))
        people.close(tx, account(tx, "person.finance@bir.example"))
        named = Query(members=(account(tx, "person.finance@ain.example"),))
        people.close(tx, named.members[0])
        return taken(tx, Query(unit_kind="hr", function="head")) + taken(tx, Query(function="finance", take="person")) + taken(tx, named)

    assert [one.partition("@")[2] for one in await database.write(gone)] == [
        *("bir.example", "guenzet.example", "hassi.example"),
        *("guenzet.example", "hassi.example"),
    ]


async def test_members_count_and_membership_go_through_nested_lists(database: Database, ministry: Ministry) -> None:
    def nested(tx: Tx) -> tuple[int, list[int], bool, bool]:
        inner = make(tx, ministry, "members")
        query = Query(members=(inner.list_id, ministry.karim.person_id, ministry.amina.person_id))
        outer = lists.create(tx, inner.organisation_id, inner.owner_id, address("dehors"), "", "Dehors", query, "members")
        lists.change(tx, inner.list_id, query=Query(members=(ministry.amina.person_id, outer.list_id)))
        may = lists.may_post(tx, inner.list_id, [ministry.karim.person_id]), lists.may_post(tx, inner.list_id, [])
        return lists.count(tx, outer.list_id), lists.members(tx, outer.list_id), *may

    count, members, karim, stranger = await database.write(nested)
    assert count == 2
    assert len(members) == 3
    assert (karim, stranger) == (True, False)


# (senders, moderation) -> what becomes of a letter of: the owner's holder, a colleague, somebody of another administration, a stranger
RULES: dict[tuple[Senders, Moderation], tuple[str, str, str, str]] = {
    ("everyone", "none"): ("deliver", "deliver", "deliver", "deliver"),
    ("everyone", "outsiders"): ("deliver", "deliver", "hold", "hold"),
    ("everyone", "all"): ("deliver", "hold", "hold", "hold"),
    ("nation", "none"): ("deliver", "deliver", "deliver", "refuse"),
    ("nation", "outsiders"): ("deliver", "deliver", "hold", "refuse"),
    ("organisation", "none"): ("deliver", "deliver", "refuse", "refuse"),
    ("organisation", "all"): ("deliver", "hold", "refuse", "refuse"),
    ("members", "none"): ("deliver", "refuse", "refuse", "refuse"),
    ("owners", "none"): ("deliver", "refuse", "refuse", "refuse"),
    ("owners", "all"): ("deliver", "refuse", "refuse", "refuse"),
}


@pytest.mark.parametrize("rule", RULES)
async def test_who_may_write_and_who_is_held(database: Database, ministry: Ministry, rule: tuple[Senders, Moderation]) -> None:
    await database.write(wilayas)

    def judged(tx: Tx) -> tuple[str, ...]:
        one = make(tx, ministry, *rule)
        colleague = people.create(tx, "", "Colleague", address("colleague"), "fr", ministry.unit.unit_id)
        senders = ([ministry.amina.person_id], [colleague.person_id], [account(tx, "person.hr@ain.example")], [])
        return tuple(lists.judge(tx, one, each) for each in senders)

    assert await database.write(judged) == RULES[rule]


async def test_a_member_through_a_post_is_a_member(database: Database, ministry: Ministry) -> None:
    def judged(tx: Tx) -> tuple[str, str]:
        one = make(tx, ministry, "members", "none", ministry.registry.post_id)
        lists.change(tx, one.list_id, owner_id=ministry.karim.person_id)
        holder, other = ministry.amina.person_id, people.create(tx, "", "Other", address("other")).person_id
        found = lists.find(tx, one.list_id)
        return lists.judge(tx, found, [holder]), lists.judge(tx, found, [other])

    assert await database.write(judged) == ("deliver", "refuse")


async def test_change_leaves_what_is_not_given(database: Database, ministry: Ministry) -> None:
    def changed(tx: Tx) -> tuple[MailingList, MailingList]:
        was = make(tx, ministry)
        return was, lists.change(tx, was.list_id, name_fr="Autre", moderation="all")

    was, now = await database.write(changed)
    assert (now.name_ar, now.name_fr, now.moderation, now.query) == (was.name_ar, "Autre", "all", was.query)


async def test_a_closed_list_cannot_be_changed_and_keeps_its_address(database: Database, ministry: Ministry) -> None:
    one = await database.write(make, ministry)
    await database.write(lists.close, one.list_id)
    with pytest.raises(NotFound):
        await database.write(lists.close, one.list_id)
    with pytest.raises(NotFound):
        await database.write(lambda tx: lists.change(tx, one.list_id, name_fr="x"))
    with pytest.raises(AddressTaken):
        await database.write(make, ministry)
    assert await database.read(lists.of_organisation, ministry.organisation.organisation_id) == []


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (Query(), "reach nobody"),
        (Query(without=(1,)), "reach nobody"),
        (Query(members=(999_999,)), "no such member"),
        (Query(within=999_999, function="head"), "no such administration"),
        (Query(title="x" * 301), "too long"),
        (Query(members=tuple(range(1_000, 6_001))), "one by one"),
    ],
)
async def test_a_query_that_cannot_be_is_refused(database: Database, ministry: Ministry, query: Query, why: str) -> None:
    def attempt(tx: Tx) -> None:
        lists.create(tx, ministry.organisation.organisation_id, ministry.amina.person_id, address("x"), "", "X", query)

    with pytest.raises(BadEntry, match=why):
        await database.write(attempt)


async def test_a_list_owns_no_list_and_is_no_member_of_itself(database: Database, ministry: Ministry) -> None:
    one = await database.write(make, ministry)
    for changes in ({"owner_id": one.list_id}, {"query": Query(members=(one.list_id,))}, {"senders": "nobody"}, {"moderation": "some"}):
        with pytest.raises(BadEntry):
            await database.write(lambda tx, given=changes: lists.change(tx, one.list_id, **given))


async def test_the_name_of_a_list_is_one_visible_line(database: Database, ministry: Ministry) -> None:
    one = await database.write(make, ministry)
    for name in ("", " ", "x\r\nBcc: y@z.example", "x\u202ecte", "x" * 301):
        with pytest.raises(BadEntry):
            await database.write(lambda tx, given=name: lists.change(tx, one.list_id, name_ar="", name_fr=given))


def test_what_is_typed_is_checked() -> None:
    assert queries.decode(queries.encode(Query(within=3, function="head"))) == Query(within=3, function="head")
    for text in ("", "[]", '{"within": "x"}', '{"nonsense": 1}', '{"take": "all"}'):
        with pytest.raises(BadEntry):
            queries.decode(text)


async def test_a_held_letter_is_decided_once(database: Database, ministry: Ministry) -> None:
    def hold(tx: Tx) -> int:
        held_id = held.reserve(tx)
        held.hold(tx, held_id, make(tx, ministry).list_id, 7, 0, "a@x.example", 10)
        return held_id

    held_id = await database.write(hold)
    decided = await database.write(held.decide, held_id, "rejected", "non")
    assert (decided.queue_id, decided.number) == (7, 0)
    with pytest.raises(NotPending):
        await database.write(held.decide, held_id, "released")
    with pytest.raises(NotFound):
        await database.write(held.decide, held_id + 1, "released")
    found = await database.read(held.of, 7, 0)
    assert found is not None
    assert (found.state, found.reason) == ("rejected", "non")


async def test_an_alias_resolves_to_the_list(database: Database, ministry: Ministry) -> None:
    one = await database.write(make, ministry)
    await database.write(aliases.add, one.list_id, "list", address("autre"))
    target = await database.read(resolve.resolve, address("autre"))
    assert target is not None
    assert (target.account_id, target.kind) == (one.list_id, "list")
