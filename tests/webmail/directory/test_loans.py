"""Lending one's mailbox in the webmail, and what nobody may lend or take back."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from directory import delegations, journal
from directory.demo import FeaturedPerson
from directory.rights import CONSOLE, NATION
from tests.webmail.directory.test_finding import said
from tests.webmail.site import EDUCATION, INTERIOR, Site, Visitor
from webmail.times import day_of, local

pytestmark = pytest.mark.asyncio(loop_scope="session")

HEALTH = "bureau.ordre@sante.gov.example"


@pytest_asyncio.fixture(loop_scope="session")
async def registry(site: Site) -> AsyncIterator[int]:
    """The clerk's post; afterwards nothing of it is lent."""
    account = await site.account(INTERIOR)
    yield account
    for one in await site.services.db.read(delegations.given, account):
        if one.revoked_us is None:
            await site.services.db.write(delegations.revoke, one.delegation_id)


async def lend(visitor: Visitor, box: int, **fields: str) -> str:
    """Go through form and question; return the page after them."""
    await visitor.get(f"/loans/{box}")
    asked = {"to": HEALTH, "reading": "read", **fields}
    page = (await visitor.post(f"/loans/{box}", asked)).text
    if "Lend this mailbox?" not in page:
        return page
    return (await visitor.post(f"/loans/{box}", {**asked, "action": "confirm"})).text


async def standing(site: Site, account: int) -> list[delegations.Delegation]:
    return [one for one in await site.services.db.read(delegations.given, account) if one.revoked_us is None]


async def test_a_post_is_lent_shown_and_taken_back(site: Site, visitor: Visitor, registry: int) -> None:
    until = day_of(site.clock.now_us() + timedelta(days=9) // timedelta(microseconds=1))
    page = await lend(visitor, registry, reading="write", sending="send_on_behalf", until=until, folder="Archive", decision="D-9/2026")
    assert "The mailbox is lent." in page
    [made] = await standing(site, registry)
    assert made.rights == {"write", "send_on_behalf"}
    assert (made.folder, made.decision_ref) == ("Archive", "D-9/2026")
    assert made.valid_to_us is not None
    assert day_of(made.valid_to_us - 1) == until
    assert (local(made.valid_to_us).hour, local(made.valid_to_us).minute) == (0, 0)
    assert "D-9/2026" in said(page)
    other = await site.signed_in(site.people[HEALTH])
    assert "only the folder: Archive" in said((await other.get("/loans")).text)
    await visitor.get("/loans")
    page = (await visitor.post("/loans", {"loan": str(made.delegation_id)})).text
    assert "The loan was taken back." in page
    assert await standing(site, registry) == []
    assert "Nobody has lent you a mailbox." in (await other.get("/loans")).text


async def test_the_journal_names_the_person_and_the_post(site: Site, visitor: Visitor, clerk: FeaturedPerson, registry: int) -> None:
    await lend(visitor, registry)
    [made] = await standing(site, registry)
    [entry] = await site.services.db.write(journal.entries, CONSOLE, NATION, subject_id=made.delegation_id)
    assert entry.body is not None
    assert entry.act == "delegation.grant"
    assert entry.body["actor"] == {"name": clerk.address, "person": clerk.person_id, "service": None, "on_behalf_of": registry}


async def test_nothing_is_lent_before_it_was_confirmed(site: Site, visitor: Visitor, registry: int) -> None:
    await visitor.get(f"/loans/{registry}")
    page = (await visitor.post(f"/loans/{registry}", {"to": HEALTH, "reading": "read"})).text
    assert "Lend this mailbox?" in page
    page = (await visitor.post(f"/loans/{registry}", {"to": HEALTH, "reading": "write", "decision": "D-1", "action": "change"})).text
    assert 'value="write" checked' in page
    assert 'value="D-1"' in page
    assert await standing(site, registry) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"to": "bureau sante"}, "Choose whom you mean."),
        ({"to": "nobody@sante.gov.example"}, "Name one person, post or unit"),
        ({"to": INTERIOR}, "Name one person, post or unit"),
        ({"to": f"{HEALTH}, {EDUCATION}"}, "Name one person, post or unit"),
        ({"reading": ""}, "Say what is lent"),
        ({"until": "2020-01-01"}, "The last day lies before the first"),
        ({"since": "tomorrow"}, "This is not a day."),
    ],
)
async def test_what_is_wrong_is_said_at_the_field_and_nothing_is_lent(
    site: Site, visitor: Visitor, registry: int, fields: dict[str, str], words: str
) -> None:
    assert words in await lend(visitor, registry, **fields)
    assert await standing(site, registry) == []


async def test_a_choice_among_those_meant_counts(site: Site, visitor: Visitor, registry: int) -> None:
    assert "The mailbox is lent." in await lend(visitor, registry, to="bureau", chosen=HEALTH)
    assert [one.delegate_id for one in await standing(site, registry)] == [await site.account(HEALTH)]


async def test_nobody_lends_what_is_not_theirs(site: Site, visitor: Visitor) -> None:
    for address in (EDUCATION, HEALTH):
        account = await site.account(address)
        assert (await visitor.get(f"/loans/{account}")).status_code == 404
        await visitor.get("/loans")
        answer = await visitor.post(f"/loans/{account}", {"to": INTERIOR, "reading": "read", "action": "confirm"})
        assert answer.status_code == 404
        assert await standing(site, account) == []


async def test_what_was_lent_to_me_is_not_mine_to_lend_nor_to_take_back(
    site: Site, visitor: Visitor, clerk: FeaturedPerson, registry: int
) -> None:
    await lend(visitor, registry, reading="write")
    [made] = await standing(site, registry)
    other = await site.signed_in(site.people[HEALTH])
    assert (await other.get(f"/loans/{registry}")).status_code == 404
    await other.get("/loans")
    assert (await other.post("/loans", {"loan": str(made.delegation_id)})).status_code == 404
    assert await standing(site, registry) == [made]


async def test_a_form_from_elsewhere_lends_nothing(site: Site, visitor: Visitor, registry: int) -> None:
    answer = await visitor.send(f"/loans/{registry}", {"csrf": "0" * 64, "to": HEALTH, "reading": "read", "action": "confirm"})
    assert answer.status_code == 403
    assert await standing(site, registry) == []
