"""Lists as their owners see them: rules, members, and letters that wait. Nobody else sees any of it."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from config.database import Tx
from directory import held, lists, posts, units
from directory.address import parse
from directory.queries import Query
from mailcore.queue import moderation
from mailcore.queue.accept import accept
from mailcore.queue.types import Recipient, Submission
from mailcore.store.types import AccountId
from tests.webmail.directory.test_finding import said
from tests.webmail.site import EDUCATION, INTERIOR, Site, Visitor, letter
from tests.webmail.views.test_compose import count

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIST = "avis@interieur.gov.example"
HEALTH = "bureau.ordre@sante.gov.example"


def make(tx: Tx, owner: int, member: int) -> int:
    organisation_id = units.find(tx, posts.find(tx, owner).unit_id).organisation_id
    known = [one.list_id for one in lists.owned_by(tx, [owner]) if one.address == LIST]
    if known:
        lists.change(tx, known[0], senders="nation", moderation="all", query=Query(members=(member,)))
        return known[0]
    return lists.create(tx, organisation_id, owner, parse(LIST), "إعلانات", "Avis", Query(members=(member,)), "nation", "all").list_id


@pytest_asyncio.fixture(loop_scope="session")
async def owned(site: Site) -> AsyncIterator[int]:
    """A moderated list of the clerk's post, with the registry of health as its member; afterwards nothing waits."""
    list_id = await site.services.db.write(make, await site.account(INTERIOR), await site.account(HEALTH))
    yield list_id
    for one in await site.services.db.read(moderation.waiting, [list_id]):
        decided = await site.services.db.write(held.decide, one.held_id, "rejected")
        await site.services.db.write(moderation.wake, decided)


async def wait_for_letter(site: Site, list_id: int, subject: str) -> int:
    """Write to the list from elsewhere in the nation; return the number under which the letter waits."""
    sender = site.people[EDUCATION]
    raw = letter(subject=subject, text="Bonjour\n<script>x</script>", message_id=f"{subject.encode().hex()}@x.example")
    owner = AccountId(await site.account(INTERIOR))
    with site.services.store.bus.subscribe(owner) as news:
        await accept(site.services, Submission(sender.address, (Recipient(LIST),), raw, account_id=sender.person_id))
        while not (waiting := await site.services.db.read(moderation.waiting, [list_id])):
            assert await news.wait(20)
    return waiting[-1].held_id


async def test_an_owner_sees_the_list_and_changes_who_may_write(site: Site, visitor: Visitor, owned: int) -> None:
    assert LIST in (await visitor.get("/lists")).text
    page = said((await visitor.get(f"/lists/{owned}")).text)
    assert "1 mailbox" in page
    assert HEALTH in page
    await visitor.post(f"/lists/{owned}", {"senders": "members", "moderation": "outsiders"})
    found = await site.services.db.read(lists.find, owned)
    assert (found.senders, found.moderation) == ("members", "outsiders")
    await visitor.post(f"/lists/{owned}", {"senders": "aliens", "moderation": ""})
    assert await site.services.db.read(lists.find, owned) == found


async def test_members_are_added_and_taken_out_by_name(site: Site, visitor: Visitor, owned: int) -> None:
    added, first = await site.account(EDUCATION), await site.account(HEALTH)
    await visitor.get(f"/lists/{owned}")
    await visitor.post(f"/lists/{owned}/members", {"action": "add", "address": EDUCATION})
    assert (await site.services.db.read(lists.find, owned)).query.members == (first, added)
    for wrong in ("nobody@interieur.gov.example", LIST, "x"):
        answer = await visitor.post(f"/lists/{owned}/members", {"action": "add", "address": wrong})
        assert answer.status_code == 422
        assert "Nobody here has this address" in answer.text
    await visitor.post(f"/lists/{owned}/members", {"action": "remove", "member": str(first)})
    assert (await site.services.db.read(lists.find, owned)).query.members == (added,)
    answer = await visitor.post(f"/lists/{owned}/members", {"action": "remove", "member": str(added)})
    assert "leave one member" in answer.text


async def test_a_letter_that_waits_is_read_and_released(site: Site, visitor: Visitor, owned: int) -> None:
    number = await wait_for_letter(site, owned, "Pour avis")
    page = (await visitor.get(f"/lists/{owned}")).text
    assert "Pour avis" in page
    assert site.people[EDUCATION].address in page
    page = (await visitor.get(f"/lists/held/{number}")).text
    assert visitor.path == f"/lists/{owned}/held/{number}"
    assert "&lt;script&gt;" in page
    member = await site.account(HEALTH)
    await site.services.store.open_account(member)
    before = await count(site, member, "inbox")
    with site.services.store.bus.subscribe(AccountId(member)) as news:
        assert "The letter goes to the members." in (await visitor.post(visitor.path, {"action": "release"})).text
        while await count(site, member, "inbox") == before:
            assert await news.wait(20)
    assert (await visitor.get(f"/lists/{owned}/held/{number}")).status_code == 409


async def test_a_letter_is_rejected_with_a_reason(site: Site, visitor: Visitor, owned: int) -> None:
    number = await wait_for_letter(site, owned, "Hors sujet")
    await visitor.get(f"/lists/{owned}/held/{number}")
    page = (await visitor.post(f"/lists/{owned}/held/{number}", {"action": "reject", "reason": "Hors de propos"})).text
    assert "The letter goes back to its sender." in page
    found = await site.services.db.read(held.find, number)
    assert (found.state, found.reason) == ("rejected", "Hors de propos")


async def test_lists_of_others_and_their_letters_are_not_there(site: Site, visitor: Visitor, owned: int) -> None:
    number = await wait_for_letter(site, owned, "Secret")
    other = await site.signed_in(site.people[HEALTH])
    assert "You answer for no list." in (await other.get("/lists")).text
    for path in (f"/lists/{owned}", f"/lists/{owned}/held/{number}", f"/lists/held/{number}", "/lists/999999", "/lists/held/999999"):
        answer = await other.get(path)
        assert answer.status_code == 404, path
        assert "Secret" not in answer.text
    await other.get("/lists")
    for path, fields in (
        (f"/lists/{owned}", {"senders": "everyone"}),
        (f"/lists/{owned}/members", {"action": "add", "address": HEALTH}),
        (f"/lists/{owned}/held/{number}", {"action": "release"}),
    ):
        assert (await other.post(path, fields)).status_code == 404, path
    assert (await site.services.db.read(held.find, number)).state == "held"
    assert (await site.services.db.read(lists.find, owned)).senders == "nation"


async def test_a_letter_is_found_below_its_own_list_only(site: Site, visitor: Visitor, owned: int) -> None:
    number = await wait_for_letter(site, owned, "Ailleurs")
    assert (await visitor.get(f"/lists/{owned + 1}/held/{number}")).status_code == 404
    assert re.search(r"1 letter waits", said((await visitor.get("/lists")).text))
