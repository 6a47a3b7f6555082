"""Mailboxes that were lent, letters in the name of another and letters to lists, as visitors see them."""

import re

import pytest

from config.database import Tx
from directory import lists
from directory.address import parse
from directory.demo import FeaturedPerson
from directory.queries import Query
from mailcore.store.types import AccountId, Flag
from tests.webmail.site import EDUCATION, INTERIOR, Site, Visitor, letter
from tests.webmail.views.conftest import Lent, account
from tests.webmail.views.test_compose import compose, count

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIST = "registres@interieur.gov.example"


def said(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


async def write(visitor: Visitor, box: int, sender: int, to: str, **more: str) -> str:
    """Press Send; return the page that comes."""
    path, fields = await compose(visitor, box)
    fields |= {"from": str(sender), "to": to, "subject": "Au nom de", "text": "Bonjour", "action": "send", **more}
    return (await visitor.post(path, fields)).text


async def send(site: Site, visitor: Visitor, box: int, sender: int, to: str, reached: int = 0) -> None:
    """Send, and wait until it has arrived at the account `reached`, else at the address written to."""
    account_id = reached or await site.account(to)
    before = await count(site, account_id, "inbox")
    assert "The message was sent." in await write(visitor, box, sender, to)
    await arrived(site, account_id, before + 1)


async def arrived(site: Site, account_id: int, wanted: int) -> None:
    """Wait until an inbox holds that many messages."""
    with site.services.store.bus.subscribe(AccountId(account_id)) as news:
        while await count(site, account_id, "inbox") < wanted:
            assert await news.wait(20)


async def test_a_mailbox_lent_for_reading_is_read_and_nothing_else(site: Site, visitor: Visitor, lent: Lent) -> None:
    box = await lent.lend(["read"])
    await site.deliver(lent.owner, letter(subject="Pour lecture", message_id="lecture@x.example"))
    mailbox, uid, _, _ = await lent.newest(lent.owner)
    page = (await visitor.get(f"/mail/{box}/")).text
    assert "This mailbox was lent to you for reading only, by:" in page
    assert "Pour lecture" in page
    assert 'value="delete"' not in page
    page = (await visitor.get(f"/mail/{box}/{mailbox}/{uid}")).text
    assert 'value="delete"' not in page
    assert not (await lent.newest(lent.owner))[3] & Flag.SEEN
    for path in (f"/mail/{box}/{mailbox}", f"/mail/{box}/{mailbox}/{uid}"):
        answer = await visitor.post(path, {"uid": str(uid), "action": "delete"})
        assert answer.status_code == 403
        assert "lent to you for reading only: nothing in it can be changed" in answer.text
    answer = await visitor.post(f"/mail/{box}/compose", {"from": str(box), "to": INTERIOR, "action": "save"})
    assert answer.status_code == 403
    assert (await lent.newest(lent.owner))[1] == uid


async def test_one_writes_in_ones_own_mailbox_about_a_letter_that_one_may_only_read(
    site: Site, visitor: Visitor, clerk: FeaturedPerson, lent: Lent
) -> None:
    box = await lent.lend(["read", "send_on_behalf"])
    await site.deliver(lent.owner, letter(subject="À répondre", message_id="repondre@x.example"))
    mailbox, uid, _, _ = await lent.newest(lent.owner)
    page = (await visitor.get(f"/mail/{box}/{mailbox}/{uid}")).text
    assert f'compose?reply={box}.{mailbox}.{uid}"' in page
    page = (await visitor.get(f"/mail/{box}/compose?reply={box}.{mailbox}.{uid}")).text
    assert visitor.path.startswith(f"/mail/{clerk.person_id}/compose?")
    assert "Re: À répondre" in page
    assert re.search(rf'<option value="{box}" selected>On behalf of', page)


async def test_writing_is_writing(site: Site, visitor: Visitor, lent: Lent) -> None:
    box = await lent.lend(["write"])
    await site.deliver(lent.owner, letter(subject="À classer", message_id="classer@x.example"))
    mailbox, uid, _, _ = await lent.newest(lent.owner)
    await visitor.get(f"/mail/{box}/{mailbox}/{uid}")
    assert (await lent.newest(lent.owner))[3] & Flag.SEEN
    answer = await visitor.post(f"/mail/{box}/{mailbox}", {"uid": str(uid), "action": "delete"})
    assert answer.status_code == 200
    assert b"<classer@x.example>" in (await lent.newest(lent.owner, "trash"))[2]


async def test_a_folder_is_all_that_is_shown_of_a_mailbox_lent_in_part(site: Site, visitor: Visitor, lent: Lent) -> None:
    box = await lent.lend(["read"], "Archive")
    await site.deliver(lent.owner, letter(subject="Secret", message_id="secret@x.example"))
    inbox, uid, _, _ = await lent.newest(lent.owner)
    page = (await visitor.get(f"/mail/{box}/")).text
    assert "Secret" not in page
    assert "Inbox" not in said(page).partition("Folders")[2].partition("lent to you")[0]
    assert (await visitor.get(f"/mail/{box}/{inbox}")).status_code == 404
    assert (await visitor.get(f"/mail/{box}/{inbox}/{uid}")).status_code == 404
    assert (await visitor.get(f"/mail/{box}/{inbox}/{uid}/raw")).status_code == 404


async def test_what_is_taken_back_is_gone_with_the_next_click(site: Site, visitor: Visitor, lent: Lent) -> None:
    box = await lent.lend(["read"])
    assert (await visitor.get(f"/mail/{box}/")).status_code == 200
    await lent.end()
    assert (await visitor.get(f"/mail/{box}/")).status_code == 404
    assert f"/mail/{box}/" not in (await visitor.get("/")).text


async def test_who_may_only_send_cannot_open(visitor: Visitor, lent: Lent) -> None:
    box = await lent.lend(["send_as"])
    assert (await visitor.get(f"/mail/{box}/")).status_code == 404
    assert f"/mail/{box}/" not in (await visitor.get("/")).text


SAYS = {
    ("send_on_behalf", "en"): "Sent on their behalf by",
    ("send_on_behalf", "fr"): "Envoyé pour son compte par",
    ("send_on_behalf", "ar"): "أرسله نيابة عنه",
    ("send_as", "en"): "Sent in their name by",
    ("send_as", "fr"): "Envoyé en son nom par",
    ("send_as", "ar"): "أرسله باسمه",
}


@pytest.mark.parametrize(("right", "field"), [("send_on_behalf", b"\r\nSender: "), ("send_as", b"\r\nDiwan-Acting: ")])
async def test_the_recipient_sees_both_names_in_every_language(
    site: Site, visitor: Visitor, clerk: FeaturedPerson, lent: Lent, right: str, field: bytes
) -> None:
    box = await lent.lend([right])
    inbox = await site.account(INTERIOR)
    await send(site, visitor, clerk.person_id, box, INTERIOR)
    mailbox, uid, raw, _ = await lent.newest(INTERIOR)
    top = raw.partition(b"\r\n\r\n")[0]
    assert field in top
    assert clerk.address.encode() in top.partition(field)[2].partition(b"\r\nDate")[0]
    assert lent.owner.encode() in top.partition(b"\r\nFrom: ")[2].partition(b"\r\nTo:")[0]
    for language in ("en", "fr", "ar"):
        reader = await site.signed_in(clerk, language)
        page = said((await reader.get(f"/mail/{inbox}/{mailbox}/{uid}")).text)
        assert f"{SAYS[right, language]} " in page
        assert clerk.address in page
        assert lent.owner in page
    for address in (lent.owner, clerk.address):  # the owner sees what was sent, and so does the writer
        assert field in (await lent.newest(address, "sent"))[2]


async def test_nobody_sends_in_a_name_that_was_not_lent_for_it(site: Site, visitor: Visitor, clerk: FeaturedPerson, lent: Lent) -> None:
    box = await lent.lend(["read", "write"])
    page = await write(visitor, clerk.person_id, box, INTERIOR)
    assert "You may not send from this address." in page


async def test_a_letter_in_the_name_of_another_is_not_signed(visitor: Visitor, clerk: FeaturedPerson, lent: Lent) -> None:
    box = await lent.lend(["send_as"])
    page = await write(visitor, clerk.person_id, box, INTERIOR, sign="yes")
    assert "cannot be signed with their certificate" in page


def make_list(tx: Tx, senders: lists.Senders, owner: str, *members: str) -> int:
    organisation = tx.value("SELECT organisation_id FROM domain WHERE name = 'interieur.gov.example'")
    query = Query(members=tuple(account(tx, one) for one in members))
    return lists.create(tx, organisation, account(tx, owner), parse(LIST), "سجلات", "Registres", query, senders).list_id


async def test_a_letter_to_a_list_reaches_its_members_and_refusals_stand_beside_the_field(
    site: Site, visitor: Visitor, clerk: FeaturedPerson
) -> None:
    list_id = await site.services.db.write(make_list, "nation", EDUCATION, EDUCATION, INTERIOR)
    before = [await count(site, await site.account(one), "inbox") for one in (EDUCATION, INTERIOR)]
    to = await site.account(INTERIOR)
    await send(site, visitor, clerk.person_id, clerk.person_id, LIST, to)
    await arrived(site, await site.account(EDUCATION), before[0] + 1)
    assert await count(site, to, "inbox") == before[1] + 1
    await site.services.db.write(lambda tx: lists.change(tx, list_id, senders="owners"))
    page = await write(visitor, clerk.person_id, clerk.person_id, LIST)
    assert "You may not write to this list" in page
    await site.services.db.write(lists.close, list_id)
