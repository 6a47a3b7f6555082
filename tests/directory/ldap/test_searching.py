"""Searches, on both engines: who is found where, what is hidden, what is refused."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from config.clock import MINUTE_US, SECOND_US, ManualClock
from config.database import Database
from directory import attributes, certificates, holdings, organisations, people, units, visibility
from directory.ldap import messages, searching
from directory.ldap.dit import Tree
from directory.ldap.errors import BadName, NoSuchEntry, Unindexed
from directory.ldap.filters import Equal
from directory.ldap.messages import BASE as ENTRY
from directory.ldap.messages import ONE_LEVEL, SUBTREE, Search
from directory.ldap.searching import Answer
from directory.ldap.shelf import KEEP_US, MARGIN_US
from directory.ldap.showing import Reader

from ..conftest import address
from . import wire
from .conftest import AMINA, BASE, BO, KARIM, MINISTRY, REGISTRY, Country

STRANGER = Reader(None, "fr")
Shown = dict[str, dict[str, list[str]]]


def asked(text: str, base: str = BASE, scope: int = SUBTREE, attributes: tuple[str, ...] = ()) -> Search:
    operation = messages.read(wire.search(text, base=base, scope=scope, attributes=attributes)).operation
    assert isinstance(operation, Search)
    return operation


def shown(answer: Answer) -> Shown:
    """Return entries as a foreign codec reads them."""
    found: Shown = {}
    for octets in answer.entries:
        (message,) = wire.decoded(messages.message(1, octets))
        entry = message.value
        found[entry.objectName.decode()] = {
            name.decode(): [one.decode("utf-8", "replace") for one in values] for name, values in entry.attributes
        }
    return found


class Client:
    """Searches as one reader."""

    def __init__(self, database: Database, tree: Tree, reader: Reader) -> None:
        self.database, self.tree, self.reader = database, tree, reader

    async def search(self, text: str, base: str = BASE, scope: int = SUBTREE, attributes: tuple[str, ...] = ()) -> Shown:
        """Return what is found, by name."""
        request = asked(text, base, scope, attributes)
        return shown(await self.database.read(searching.run, self.tree, self.reader, request, (), 100, paged=False))


@pytest.fixture
def client(database: Database, tree: Tree, colleague: Reader) -> Client:
    """Karim's client."""
    return Client(database, tree, colleague)


@pytest.fixture
def stranger(database: Database, tree: Tree, country: Country) -> Client:
    """Somebody who has not signed in."""
    return Client(database, tree, STRANGER)


@pytest.mark.parametrize("text", [wire.THUNDERBIRD, wire.THUNDERBIRD_PANE, wire.OUTLOOK])
async def test_address_books_find_people_as_they_are_typed(client: Client, text: str) -> None:
    for typed in ("benali", "ami", "أمينة", "amina.benali@int", "Bénali"):
        assert AMINA in await client.search(text.format(typed)), typed


async def test_address_books_find_other_spellings(client: Client) -> None:
    found = await client.search(wire.THUNDERBIRD.format("muhammad"))
    assert [one["cn"] for one in found.values()] == [["Mohamed Benaïssa"]]


async def test_two_words_find_who_has_both(client: Client) -> None:
    assert list(await client.search(wire.THUNDERBIRD_TWO.format("ami", "ben"))) == [AMINA]
    assert await client.search(wire.THUNDERBIRD_TWO.format("karim", "ben")) == {}


async def test_a_person_is_an_inetorgperson(client: Client) -> None:
    entry = (await client.search("(mail=amina.benali@interieur.gov.example)"))[AMINA]
    assert entry["objectClass"] == ["top", "person", "organizationalPerson", "inetOrgPerson"]
    assert entry["cn"] == entry["cn;lang-fr"] == ["Amina Benali"]
    assert entry["cn;lang-ar"] == ["أمينة بن علي"]
    assert (entry["sn"], entry["givenName"], entry["telephoneNumber"]) == (["Benali"], ["Amina"], ["+213 21 00 11"])
    assert (entry["o"], entry["ou"], entry["title"]) == (["Ministère de l'Intérieur"], ["Bureau d'ordre"], ["Bureau d'ordre"])


async def test_a_post_names_its_holder(client: Client, country: Country) -> None:
    entry = (await client.search("(mail=bureau.ordre@interieur.gov.example)"))[REGISTRY]
    assert entry["objectClass"] == ["top", "organizationalRole", "diwanMailbox"]
    assert entry["roleOccupant"] == [AMINA]
    assert entry["displayName"] == ["Bureau d'ordre, Ministère de l'Intérieur"]


async def test_what_somebody_holds_is_found_by_their_name(client: Client) -> None:
    assert list(await client.search(f"(&(objectClass=organizationalRole)(roleOccupant={AMINA}))")) == [REGISTRY]
    assert await client.search("(roleOccupant=mail=nobody@interieur.gov.example,o=interieur,dc=gov,dc=example)") == {}


async def test_the_tree_is_browsed_level_by_level(client: Client, country: Country) -> None:
    assert list(await client.search("(objectClass=*)", BASE, ONE_LEVEL)) == [MINISTRY]
    assert list(await client.search("(objectClass=*)", MINISTRY, ONE_LEVEL)) == [
        f"o=bab-ezzouar,{MINISTRY}",
        BO,
        f"ou=DRH,{MINISTRY}",
        f"mail=tous@interieur.gov.example,{MINISTRY}",
    ]
    assert set(await client.search("(objectClass=*)", BO, ONE_LEVEL)) == {AMINA, KARIM, REGISTRY}


async def test_a_subtree_is_read_whole_when_it_is_small(client: Client) -> None:
    assert list(await client.search("(objectClass=*)", f"ou=DRH,{MINISTRY}")) == [
        f"ou=DRH,{MINISTRY}",
        f"ou=FORM,ou=DRH,{MINISTRY}",
        f"mail=mohamed.benaissa@interieur.gov.example,ou=FORM,ou=DRH,{MINISTRY}",
    ]
    assert list(await client.search("(objectClass=inetOrgPerson)", f"ou=DRH,{MINISTRY}")) == [
        f"mail=mohamed.benaissa@interieur.gov.example,ou=FORM,ou=DRH,{MINISTRY}"
    ]


async def test_a_search_stays_below_its_base(client: Client) -> None:
    assert await client.search(wire.THUNDERBIRD.format("benali"), f"ou=DRH,{MINISTRY}") == {}
    assert list(await client.search(wire.THUNDERBIRD.format("ben"), f"ou=DRH,{MINISTRY}")) == [
        f"mail=mohamed.benaissa@interieur.gov.example,ou=FORM,ou=DRH,{MINISTRY}"
    ]
    assert await client.search("(cn=Amina Benali)", MINISTRY, ONE_LEVEL) == {}
    assert list(await client.search("(cn=Amina Benali)", BO, ONE_LEVEL)) == [AMINA]


async def test_programs_filters_are_taken_to_the_letter(client: Client) -> None:
    assert await client.search("(cn=Amina)") == {}
    assert list(await client.search("(cn=AMINA benali)")) == [AMINA]
    assert await client.search("(sn=amina*)") == {}
    assert list(await client.search("(&(cn=ami*)(telephoneNumber=+213210011))")) == [AMINA]
    assert await client.search("(&(cn=ami*)(!(telephoneNumber=*)))") == {}


async def test_one_entry_is_read_by_its_name_however_it_is_spelt(client: Client) -> None:
    assert list(await client.search("(objectClass=*)", AMINA, ENTRY)) == [AMINA]
    spelt = "MAIL=Amina.Benali@interieur.gov.example, OU=bo, O=INTERIEUR, DC=Gov, dc=EXAMPLE"
    assert list(await client.search("(objectClass=*)", spelt, ENTRY)) == [AMINA]
    assert await client.search("(objectClass=organizationalRole)", AMINA, ENTRY) == {}
    assert list(await client.search("(o=*)", BASE, ENTRY)) == [BASE]
    commune = (await client.search("(objectClass=*)", f"o=bab-ezzouar,{MINISTRY}", ENTRY))[f"o=bab-ezzouar,{MINISTRY}"]
    assert commune["o"] == ["bab-ezzouar", "Commune de Bab Ezzouar"]


NOWHERE = (
    "dc=elsewhere",
    f"o=nobody,{BASE}",
    f"ou=BO,{BASE}",
    f"mail=amina.benali@interieur.gov.example,{MINISTRY}",
    f"mail=nobody@interieur.gov.example,{BO}",
    f"mail=not an address,{BO}",
    f"cn=Amina Benali,{BO}",
)


async def test_a_name_of_nobody_is_refused(client: Client) -> None:
    for base in NOWHERE:
        with pytest.raises(NoSuchEntry):
            await client.search("(objectClass=*)", base, ENTRY)


async def test_the_nearest_entry_above_is_told(client: Client) -> None:
    with pytest.raises(NoSuchEntry) as refused:
        await client.search("(objectClass=*)", f"ou=NONE,ou=DRH,{MINISTRY}", ENTRY)
    assert refused.value.matched == f"ou=DRH,{MINISTRY}"


async def test_a_text_that_is_no_name_is_refused(client: Client) -> None:
    with pytest.raises(BadName):
        await client.search("(objectClass=*)", "nonsense", ENTRY)


async def test_the_register_is_not_read_whole(client: Client) -> None:
    for text in ("(objectClass=*)", "(mail=*)", "(mail=*@interieur.gov.example)", "(!(cn=x))"):
        with pytest.raises(Unindexed):
            await client.search(text)


async def test_only_what_is_asked_for_is_shown(client: Client) -> None:
    text = "(mail=amina.benali@interieur.gov.example)"
    assert set((await client.search(text, attributes=("CN",)))[AMINA]) == {"cn", "cn;lang-ar", "cn;lang-fr"}
    assert set((await client.search(text, attributes=("cn;lang-ar", "rfc822Mailbox")))[AMINA]) == {"cn;lang-ar", "mail"}
    assert (await client.search(text, attributes=("1.1",)))[AMINA] == {}
    operational = (await client.search(text, attributes=("+",)))[AMINA]
    assert operational["entryDN"] == [AMINA]
    assert operational["structuralObjectClass"] == ["inetOrgPerson"]
    assert operational["hasSubordinates"] == ["FALSE"]
    again = (await client.search(text, attributes=("*", "entryUUID")))[AMINA]
    assert again["entryUUID"] == operational["entryUUID"]
    assert again["cn"] == ["Amina Benali"]


async def test_names_are_shown_in_the_readers_language(database: Database, tree: Tree, country: Country) -> None:
    arabic = Client(database, tree, Reader(country.ministry.karim.person_id, "ar"))
    assert (await arabic.search("(mail=amina.benali@interieur.gov.example)"))[AMINA]["displayName"] == ["أمينة بن علي"]
    assert (await arabic.search("(mail=apc@bab.gov.example)")).popitem()[1]["displayName"] == ["رئيس البلدية، بلدية باب الزوار"]


async def test_a_small_list_is_a_group(client: Client, country: Country) -> None:
    name = f"mail=tous@interieur.gov.example,{MINISTRY}"
    entry = (await client.search("(objectClass=*)", name, ENTRY))[name]
    assert entry["objectClass"] == ["top", "groupOfNames", "diwanMailbox"]
    assert set(entry["member"]) == {AMINA, KARIM}
    assert "member" not in (await client.search(wire.THUNDERBIRD.format("tous")))[name]


async def test_a_stranger_sees_what_is_public(stranger: Client) -> None:
    assert await stranger.search(wire.THUNDERBIRD.format("benali")) == {}
    post = (await stranger.search("(mail=bureau.ordre@interieur.gov.example)"))[REGISTRY]
    assert "roleOccupant" not in post
    with pytest.raises(NoSuchEntry):
        await stranger.search("(objectClass=*)", AMINA, ENTRY)


async def test_what_is_hidden_matches_no_filter_and_is_no_base(database: Database, client: Client, country: Country) -> None:
    outside = Client(database, client.tree, Reader(None, "fr"))
    assert list(await client.search("(&(cn=ami*)(mobile=+213555))")) == [AMINA]
    await database.write(visibility.set, country.ministry.amina.person_id, "entry", "nobody")
    for text in ("(cn=Amina Benali)", wire.THUNDERBIRD.format("ami"), "(mail=amina.benali@interieur.gov.example)"):
        assert await client.search(text) == {}
        assert await outside.search(text) == {}
    assert "roleOccupant" not in (await client.search("(mail=bureau.ordre@interieur.gov.example)"))[REGISTRY]


async def test_certificates_are_octets(
    database: Database, client: Client, country: Country, certificate: bytes, clock: ManualClock
) -> None:
    from_us, _ = certificates.validity_us(certificate)
    clock.advance(from_us - clock.now_us() + SECOND_US)
    await database.write(certificates.add, country.ministry.amina.person_id, "encrypt", "key", certificate, [])
    request = asked("(mail=amina.benali@interieur.gov.example)", attributes=("userCertificate;binary",))
    answer = await database.read(searching.run, client.tree, client.reader, request, (), 100, paged=False)
    assert certificate in answer.entries[0]


@pytest.fixture
def certificate(tls_folder: Path) -> bytes:
    """Somebody's certificate, DER."""
    return x509.load_pem_x509_certificate((tls_folder / "tls.pem").read_bytes()).public_bytes(Encoding.DER)


async def test_no_entry_outlives_a_change(database: Database, client: Client, country: Country, clock: ManualClock) -> None:
    """What was made long enough after the last change is kept, and made anew after the next one."""
    ministry, text = country.ministry, wire.THUNDERBIRD.format("amina")
    clock.advance(3 * MARGIN_US)
    assert (await client.search(text))[AMINA]["telephoneNumber"] == ["+213 21 00 11"]
    clock.advance(MINUTE_US)
    await database.write(attributes.set, ministry.amina.person_id, {"phone": "+213 99"})
    assert (await client.search(text))[AMINA]["telephoneNumber"] == ["+213 99"]
    clock.advance(3 * MARGIN_US)
    await client.search(text)
    await database.write(units.rename, ministry.unit.unit_id, "مكتب", "Greffe")
    assert (await client.search(text))[AMINA]["ou"] == ["Greffe"]
    clock.advance(3 * MARGIN_US)
    await client.search(text)
    await database.write(organisations.rename, ministry.organisation.organisation_id, "الداخلية", "Intérieur")
    assert (await client.search(text))[AMINA]["o"] == ["Intérieur"]
    clock.advance(3 * MARGIN_US)
    assert (await client.search("(mail=bureau.ordre@interieur.gov.example)"))[REGISTRY]["roleOccupant"] == [AMINA]
    await database.write(holdings.end, ministry.holding.holding_id)
    assert "roleOccupant" not in (await client.search("(mail=bureau.ordre@interieur.gov.example)"))[REGISTRY]
    assert "title" not in (await client.search(text))[AMINA]


async def test_a_move_changes_the_name_at_once(database: Database, client: Client, country: Country, clock: ManualClock) -> None:
    text = wire.THUNDERBIRD.format("muhammad")
    clock.advance(3 * MARGIN_US)
    assert list(await client.search(text)) == [f"mail=mohamed.benaissa@interieur.gov.example,ou=FORM,ou=DRH,{MINISTRY}"]
    clock.advance(MINUTE_US)
    await database.write(units.move, country.training, country.ministry.unit.unit_id)
    assert list(await client.search(text)) == [f"mail=mohamed.benaissa@interieur.gov.example,ou=FORM,{BO}"]
    clock.advance(3 * MARGIN_US)
    assert list(await client.search(text)) == [f"mail=mohamed.benaissa@interieur.gov.example,ou=FORM,{BO}"]


async def test_what_time_alone_changes_shows_in_time(database: Database, client: Client, country: Country, clock: ManualClock) -> None:
    ministry = country.ministry
    ends_us = clock.now_us() + 3 * MARGIN_US + MINUTE_US
    await database.write(holdings.start, ministry.registry.post_id, ministry.karim.person_id, "interim", valid_to_us=ends_us)
    clock.advance(3 * MARGIN_US)
    assert len((await client.search("(mail=bureau.ordre@interieur.gov.example)"))[REGISTRY]["roleOccupant"]) == 2
    clock.advance(KEEP_US)
    assert (await client.search("(mail=bureau.ordre@interieur.gov.example)"))[REGISTRY]["roleOccupant"] == [AMINA]


async def test_what_is_kept_for_one_reader_is_shown_to_no_other(
    database: Database, tree: Tree, country: Country, clock: ManualClock
) -> None:
    clock.advance(3 * MARGIN_US)
    text, ministry = "(mail=amina.benali@interieur.gov.example)", country.ministry
    far = await database.write(people.create, "غريب", "Far Away", address("far.away"), "fr")
    near, apart = (Client(database, tree, Reader(one, "fr")) for one in (ministry.karim.person_id, far.person_id))
    for _ in range(2):
        assert (await near.search(text))[AMINA]["mobile"] == ["+213 555"]
        assert "mobile" not in (await apart.search(text))[AMINA]
        assert await Client(database, tree, STRANGER).search(text) == {}


async def test_a_comparison_says_whether_an_entry_has_a_value(database: Database, client: Client) -> None:
    async def compare(name: str, attribute: str, value: str) -> bool | None:
        return await database.read(searching.compare, client.tree, client.reader, name, Equal(attribute, value.encode()))

    assert await compare(AMINA, "cn", "amina benali") is True
    assert await compare(AMINA, "cn", "karim") is False
    assert await compare(AMINA, "employeeNumber", "1") is None
    assert await compare(REGISTRY, "roleOccupant", AMINA) is True
    with pytest.raises(NoSuchEntry):
        await compare(f"mail=nobody@x.example,{BO}", "cn", "x")
