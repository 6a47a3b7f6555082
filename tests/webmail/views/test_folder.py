"""The list of a folder: pages, marks in words, and what is done to many messages at once."""

import re

import pytest

from mailcore.message.addresses import Mailbox
from tests.webmail.site import Site, Visitor, letter

pytestmark = pytest.mark.asyncio(loop_scope="session")

PERSON = "bureau.ordre@sante.gov.example"


async def opened(site: Site, subjects: list[str]) -> tuple[Visitor, str]:
    """Return the registry of health with these messages alone in its inbox, and the path of that inbox."""
    visitor = await site.signed_in(site.people[PERSON])
    account = await site.account(PERSON)
    await visitor.get(f"/mail/{account}/")
    inbox = visitor.path
    for folder in (inbox, *folders(visitor)):
        while uids(await text(visitor, folder)):
            await visitor.post(folder, {"uid": uids(await text(visitor, folder)), "action": "delete"})
    for number, subject in enumerate(subjects):
        await site.deliver(PERSON, letter(subject=subject, message_id=f"{number}.{subject.encode().hex()}@x.example"))
    return visitor, inbox


async def text(visitor: Visitor, path: str) -> str:
    return (await visitor.get(path)).text


def folders(visitor: Visitor) -> list[str]:
    assert visitor.last is not None
    return re.findall(r'<li><a href="(/mail/\d+/\d+)"', visitor.last.text)


def uids(page: str) -> list[str]:
    return re.findall(r'name="uid" value="(\d+)"', page)


def folder(visitor: Visitor, name: str) -> str:
    assert visitor.last is not None
    found = re.search(rf'<a href="(/mail/\d+/\d+)"[^>]*>(?:(?!</a>).)*<bdi>{name}</bdi>', visitor.last.text, re.DOTALL)
    assert found
    return found[1]


async def test_the_newest_comes_first_and_unread_is_a_word(site: Site) -> None:
    visitor, inbox = await opened(site, ["first", "second"])
    page = await text(visitor, inbox)
    assert page.index("second") < page.index("first")
    assert page.count('<span class="tag new">New</span>') == 2
    assert "2 messages · 2 unread" in page


async def test_a_name_that_poses_as_an_address_is_not_shown(site: Site) -> None:
    visitor, inbox = await opened(site, [])
    for name in ("ministre@interieur.gov.example", "ministre\uff20interieur.gov.example"):
        await site.deliver(PERSON, letter(sender=Mailbox(name, "amina", "ailleurs.example")))
    page = await text(visitor, inbox)
    assert "ministre" not in page
    assert page.count("amina@ailleurs.example") >= 2


async def test_long_folders_have_pages(site: Site) -> None:
    visitor, inbox = await opened(site, [f"n{number}" for number in range(53)])
    page = await text(visitor, inbox)
    assert len(uids(page)) == 50
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older
    rest = await text(visitor, older[1])
    assert len(uids(rest)) == 3
    assert not set(uids(rest)) & set(uids(page))
    assert 'rel="next"' not in rest
    for odd in ("before=x", "before=-1", "before=99999999999999999999"):
        assert len(uids(await text(visitor, f"{inbox}?{odd}"))) == 50


async def test_many_are_marked_at_once(site: Site) -> None:
    visitor, inbox = await opened(site, ["a", "b", "c"])
    chosen = uids(await text(visitor, inbox))[:2]
    answer = await visitor.post(inbox, {"uid": chosen, "action": "seen"})
    assert "2 messages were marked as read." in answer.text
    assert answer.text.count('class="tag new"') == 1
    answer = await visitor.post(inbox, {"uid": chosen, "action": "flag"})
    assert answer.text.count("Flagged") == 2
    answer = await visitor.post(inbox, {"uid": chosen[:1], "action": "unflag"})
    assert answer.text.count("Flagged") == 1
    answer = await visitor.post(inbox, {"uid": chosen, "action": "unseen"})
    assert answer.text.count('class="tag new"') == 3


async def test_deleting_goes_to_the_trash_and_from_there_for_good(site: Site) -> None:
    visitor, inbox = await opened(site, ["a", "b"])
    [one, _] = uids(await text(visitor, inbox))
    answer = await visitor.post(inbox, {"uid": one, "action": "delete"})
    assert "1 message was moved to the trash." in answer.text
    assert len(uids(answer.text)) == 1
    trash = folder(visitor, "Trash")
    page = await text(visitor, trash)
    assert "Delete for good" in page
    answer = await visitor.post(trash, {"uid": uids(page), "action": "delete"})
    assert "1 message was deleted for good." in answer.text
    assert uids(answer.text) == []


async def test_messages_move_between_folders_of_the_same_mailbox_only(site: Site) -> None:
    visitor, inbox = await opened(site, ["a"])
    page = await text(visitor, inbox)
    archive = folder(visitor, "Archive")
    answer = await visitor.post(inbox, {"uid": uids(page), "action": "move", "target": "999999"})
    assert answer.status_code == 404
    await visitor.get(inbox)
    answer = await visitor.post(inbox, {"uid": uids(page), "action": "move", "target": archive.rpartition("/")[2]})
    assert "1 message was moved." in answer.text
    assert len(uids(await text(visitor, archive))) == 1


@pytest.mark.parametrize("fields", [{"action": "seen"}, {"action": "explode", "uid": "1"}, {"uid": "x", "action": "seen"}, {}])
async def test_a_form_that_asks_for_nothing_changes_nothing(site: Site, fields: dict[str, str]) -> None:
    visitor, inbox = await opened(site, ["a"])
    await visitor.get(inbox)
    answer = await visitor.post(inbox, fields)
    assert "No message was selected." in answer.text
    assert len(uids(answer.text)) == 1


async def test_a_form_from_elsewhere_changes_nothing(site: Site) -> None:
    visitor, inbox = await opened(site, ["a"])
    chosen = uids(await text(visitor, inbox))
    visitor.headers["sec-fetch-site"] = "cross-site"
    assert (await visitor.post(inbox, {"uid": chosen, "action": "delete"})).status_code == 403
    visitor.headers.clear()
    assert (await visitor.post(inbox, {"uid": chosen, "action": "delete", "csrf": "00" * 64})).status_code == 403
    assert uids(await text(visitor, inbox)) == chosen


async def test_other_peoples_mailboxes_are_not_there(site: Site) -> None:
    visitor, inbox = await opened(site, ["a"])
    stranger = await site.signed_in(site.people["bureau.ordre@education.gov.example"])
    assert (await stranger.get(inbox)).status_code == 404
    assert (await stranger.post(inbox, {"uid": "1", "action": "delete"})).status_code == 404
    own = site.people["bureau.ordre@education.gov.example"].person_id
    assert (await stranger.get(f"/mail/{own}/{inbox.rpartition('/')[2]}99")).status_code == 404
    assert (await visitor.get(inbox)).status_code == 200


async def test_hostile_names_and_subjects_stay_text(site: Site) -> None:
    sender = Mailbox('<img src=x onerror="alert(1)">', "a", "x.example")
    visitor, inbox = await opened(site, [])
    await site.deliver(PERSON, letter(sender=sender, subject="</span><script>alert(1)</script>\u202egpj.exe"))
    page = await text(visitor, inbox)
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
