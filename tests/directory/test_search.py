"""Completion, in Arabic and in French, on both engines."""

from config.clock import DAY_US, ManualClock
from config.database import Database
from directory import domains, holdings, organisations, people, recents, search, units, visibility
from directory.acts import perform
from directory.acts.cards import VisibilitySet
from directory.address import parse
from directory.rights import CONSOLE
from directory.search import MAX_RESULTS

from .conftest import Ministry, address

AMINA, KARIM, REGISTRY = "amina.benali", "karim.khelifi", "bureau.ordre"


async def found(database: Database, query: str, limit: int = 20) -> list[str]:
    return [one.address.partition("@")[0] for one in await database.read(search.complete, query, limit)]


QUERIES = [
    ("ami", [AMINA]),
    ("AMINA", [AMINA]),
    ("amina ben", [AMINA]),
    ("benali amina", [AMINA]),
    ("أمي", [AMINA]),
    ("امينه", [AMINA]),
    ("كريم", [KARIM]),
    ("كريم خل", [KARIM]),
    ("karim amina", []),
    ("bureau ordre", [AMINA, REGISTRY]),
    ("bureau d'ordre interieur", [REGISTRY]),
    ("مكتب", [AMINA, REGISTRY]),
    ("ضبط", [AMINA, REGISTRY]),
    ("الضبط الداخلية", [REGISTRY]),
    ("داخلية", [REGISTRY]),
    ("bureau.ordre@int", [REGISTRY]),
    ("karim.khelifi@interieur.gov.example", [KARIM]),
    ("<karim.khelifi@interieur.gov.example>", [KARIM]),
    ("karim.kh", [KARIM]),
    ("Kerim Khlifi", [KARIM]),
    ("zzz", []),
    ("", []),
    ("   ", []),
    ("%", []),
    ("' OR 1=1 --", []),
    ("\0\ud800", []),
]


async def test_each_word_begins_something(database: Database, ministry: Ministry) -> None:
    for query, want in QUERIES:
        assert sorted(await found(database, query)) == want, query


async def test_a_suggestion_says_who_and_what(database: Database, ministry: Ministry) -> None:
    (registry,) = await database.read(search.complete, "bureau interieur")
    assert (registry.name_fr, registry.title_fr, registry.organisation_ar) == (
        "Amina Benali",
        "Bureau d'ordre",
        "وزارة الداخلية",
    )
    (karim,) = await database.read(search.complete, "karim")
    assert (karim.title_fr, karim.organisation_fr) == ("", "Ministère de l'Intérieur")


async def test_the_function_follows_its_present_holder(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    clock.advance(DAY_US)
    await database.write(holdings.end, ministry.holding.holding_id)
    await database.write(holdings.start, ministry.registry.post_id, ministry.karim.person_id)
    assert sorted(await found(database, "ordre")) == [REGISTRY, KARIM]
    (registry,) = await database.read(search.complete, "bureau interieur")
    assert registry.name_fr == "Karim Khelifi"


async def test_whole_words_come_before_beginnings_and_functions_before_none(database: Database, ministry: Ministry) -> None:
    await database.write(people.create, "كريمة", "Karima Aissa", address("karima.aissa"))
    assert await found(database, "karim") == [KARIM, "karima.aissa"]
    await database.write(people.create, "أمينة", "Amina Aissa", address("amina.aissa"))
    assert await found(database, "amina") == [AMINA, "amina.aissa"]


async def test_what_is_near_comes_first(database: Database, ministry: Ministry) -> None:
    """One's correspondents, then one's unit, then one's administration, then the rest."""
    other = await database.write(organisations.create, "ministry", "sante", "وزارة الصحة", "Ministère de la Santé")
    await database.write(domains.create, "sante.gov.example", other.organisation_id)
    office = await database.write(units.create, other.organisation_id, "SG", "الأمانة", "Secrétariat")
    service = await database.write(units.create, ministry.organisation.organisation_id, "DRH", "الموارد", "Ressources")
    places = {"far": office.unit_id, "here": service.unit_id, "beside": ministry.unit.unit_id, "written": office.unit_id}
    made = {}
    for name, unit in places.items():
        domain = "sante.gov.example" if unit == office.unit_id else "interieur.gov.example"
        made[name] = await database.write(people.create, "سعيد", "Said Nacer", parse(f"said.{name}@{domain}"), "ar", unit)
    await database.write(recents.note, ministry.amina.person_id, [made["written"].address])
    amina = await database.read(visibility.viewer, ministry.amina.person_id)
    want = [made[name] for name in ("written", "beside", "here", "far")]
    assert await database.read(search.ids, "said", amina, 10) == [one.person_id for one in want]
    assert [one.address for one in await database.read(search.complete, "said", 10, amina)] == [one.address for one in want]
    stranger = await database.read(search.ids, "said", visibility.NATION, 10)
    assert stranger == await database.read(search.ids, "said", None, 10) != [one.person_id for one in want]


async def test_results_are_bounded(database: Database, ministry: Ministry) -> None:
    for n in range(MAX_RESULTS + 10):
        await database.write(people.create, "سعيد", "Said Nacer", address(f"said.nacer{n}"))
    assert len(await found(database, "said", 10_000)) == MAX_RESULTS
    assert len(await found(database, "said nac", 7)) == 7
    assert await found(database, "said", 0) == []
    assert await found(database, "said", -1) == []


async def test_a_line_tells_of_nobody_who_is_hidden_and_of_no_hidden_function(database: Database, ministry: Ministry) -> None:
    async def seen(query: str) -> list[tuple[str, str, str]]:
        lines = await database.read(search.complete, query, 20, visibility.NATION)
        return [(one.address.partition("@")[0], one.name_fr, one.title_fr) for one in lines]

    amina, registry = ministry.amina.person_id, ministry.registry.post_id
    whole = [(AMINA, "Amina Benali", "Bureau d'ordre"), (REGISTRY, "Amina Benali", "Bureau d'ordre")]
    alone = [(AMINA, "Amina Benali", "")]
    vacant = [(REGISTRY, "", "Bureau d'ordre")]
    assert sorted(await seen("bureau")) == whole
    for account_id, attribute, by_function, by_name in (
        (amina, "entry", vacant, []),
        (amina, "posts", whole[1:], alone),
        (registry, "holders", [whole[0], *vacant], whole[:1]),
        (registry, "entry", [], alone),
    ):
        await database.write(perform, CONSOLE, VisibilitySet(account_id, attribute, "unit"))
        assert sorted(await seen("bureau")) == by_function, attribute
        assert await seen("amina benali") == by_name, attribute
        await database.write(perform, CONSOLE, VisibilitySet(account_id, attribute, None))
    assert sorted(await seen("bureau")) == whole
