"""Writing: every button of the form, errors beside their fields, nothing lost, sent once."""

import asyncio
import re
from typing import Any

import pytest
from structlog.testing import capture_logs

from directory.demo import FeaturedPerson
from mailcore.store import mailboxes, messages
from mailcore.store.types import AccountId, Flag
from tests.mailcore.routing import outside
from tests.webmail.site import EDUCATION, INTERIOR, Site, Visitor, letter
from tests.webmail.views.test_folder import folder, text, uids
from tests.webmail.views.test_message import reading

pytestmark = pytest.mark.asyncio(loop_scope="session")

PDF = ("files", ("Note 12.pdf", b"%PDF-1.4\r\n\x00\xff", "application/pdf"))


async def compose(visitor: Visitor, account: int, query: str = "") -> tuple[str, dict[str, Any]]:
    """Open the form; return its address and its hidden fields."""
    path = f"/mail/{account}/compose"
    await visitor.get(path + query)
    return path, hidden(visitor)


def hidden(visitor: Visitor) -> dict[str, Any]:
    names = ("draft", "nonce", "in_reply_to", "references", "answers", "forwards")
    return {name: visitor.value(name) for name in names}


async def newest(site: Site, account: int, role: str) -> tuple[int, bytes]:
    """Return flags and octets of the newest message of a folder."""
    key = await site.services.store.open_account(account)
    mailbox = await site.services.db.read(mailboxes.by_role, AccountId(account), role)
    [stored] = await site.services.db.read(messages.page, mailbox.key, None, 1)
    return stored.flags, await site.services.store.raw(key, stored)


async def count(site: Site, account: int, role: str) -> int:
    """Return how many messages a folder holds, of an account that nobody opened before too."""
    await site.services.store.open_account(account)
    return (await site.services.db.read(mailboxes.by_role, AccountId(account), role)).exists


async def test_a_letter_is_sent_kept_in_sent_and_delivered(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    to = await site.account(EDUCATION)
    await site.services.store.open_account(to)
    with site.services.store.bus.subscribe(AccountId(to)) as news:
        path, fields = await compose(visitor, clerk.person_id)
        fields |= {"to": f'"Registre" <{EDUCATION}>', "bcc": clerk.address, "subject": "مراسلة", "text": "السلام", "action": "send"}
        with capture_logs() as logged:
            answer = await visitor.post(path, fields, [PDF])
        assert "The message was sent." in answer.text
        assert await news.wait(20)
    _, raw = await newest(site, to, "inbox")
    [number] = [line["queue_id"] for line in logged if line["event"] == "web.sent"]
    assert re.search(rb"^Received: by mx\.diwan\.example \(Diwan webmail\) with HTTPS\s+id " + number.encode() + rb";", raw, re.MULTILINE)
    assert b"Bcc" not in raw
    assert b"X-Diwan" not in raw
    assert raw.startswith(b"Return-Path:") or b"Received: by mx.diwan.example" in raw
    flags, sent = await newest(site, clerk.person_id, "sent")
    assert flags & Flag.SEEN
    assert f"Bcc: {clerk.address}".encode() in sent


async def test_a_form_sent_twice_sends_one_letter(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    before = await count(site, clerk.person_id, "sent")
    path, fields = await compose(visitor, clerk.person_id)
    fields |= {"to": EDUCATION, "subject": "once", "text": "x", "action": "send", "csrf": visitor.token()}
    answers = await asyncio.gather(visitor.send(path, fields), visitor.send(path, fields))
    assert {answer.status_code for answer in answers} == {303}
    assert await count(site, clerk.person_id, "sent") == before + 1


PROBLEMS = [
    ({"to": ""}, "to", "Name at least one recipient."),
    ({"to": "personne"}, "to", "This is not an address:"),
    ({"cc": "a@b@c, , x y"}, "cc", "These are not addresses:"),
    ({"bcc": "x@y.example\r\nTo: z@y.example"}, "bcc", "This is not an address:"),
    ({"to": "nobody@interieur.gov.example"}, "to", "There is no such address here:"),
    ({"subject": "a\r\nBcc: x@y.example"}, "subject", "A subject has one line only."),
    ({"from": "1"}, "from", "You may not send from this address."),
]


@pytest.mark.parametrize(("changed", "name", "words"), PROBLEMS)
async def test_errors_stand_beside_their_field_and_nothing_is_lost(
    site: Site, visitor: Visitor, clerk: FeaturedPerson, changed: dict[str, str], name: str, words: str
) -> None:
    before = await count(site, clerk.person_id, "sent")
    path, fields = await compose(visitor, clerk.person_id)
    fields |= {"to": EDUCATION, "subject": "S", "text": "Mon texte & <b>\nsuite", "action": "send", **changed}
    answer = await visitor.post(path, fields, [PDF])
    assert answer.status_code == 422
    assert words in answer.text.partition(f'id="{name}-problem"')[2].partition("</p>")[0]
    assert f'href="#{name}"' in answer.text
    assert "Mon texte &amp; &lt;b&gt;\nsuite</textarea>" in answer.text
    assert "Note 12.pdf" in answer.text  # kept as a draft, since a browser does not give a file twice
    assert int(visitor.value("draft")) > 0
    assert await count(site, clerk.person_id, "sent") == before


async def test_a_draft_is_kept_and_taken_up_again(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    path, fields = await compose(visitor, clerk.person_id)
    fields |= {"to": f"Registre <{EDUCATION}>", "subject": "مسودة", "text": "سطر\n\nآخر", "sign": "yes", "action": "save"}
    answer = await visitor.post(path, fields, [PDF])
    assert "The draft was saved." in answer.text
    assert visitor.value("to") == f'"Registre" <{EDUCATION}>'
    assert visitor.value("subject") == "مسودة"
    assert "سطر\n\nآخر\n</textarea>" in answer.text
    assert "Note 12.pdf" in answer.text
    assert 'value="yes" checked' in answer.text
    first = visitor.value("draft")
    answer = await visitor.post(path, hidden(visitor) | {"to": EDUCATION, "subject": "x", "text": "y", "action": "save"})
    assert "Note 12.pdf" in answer.text
    assert visitor.value("draft") != first
    assert (await visitor.get(f"{path}?draft={first}")).status_code == 404
    flags, raw = await newest(site, clerk.person_id, "drafts")
    assert flags & Flag.DRAFT
    assert b"%PDF" not in raw  # encoded
    assert b"Note 12.pdf" in raw


async def test_a_draft_that_is_gone_does_not_take_the_text_along(visitor: Visitor, clerk: FeaturedPerson) -> None:
    path, fields = await compose(visitor, clerk.person_id)
    await visitor.post(path, fields | {"subject": "S", "action": "save"})
    stale = hidden(visitor)
    await visitor.post(path, stale | {"action": "discard"})
    await visitor.get(path)
    answer = await visitor.post(path, stale | {"to": EDUCATION, "subject": "S", "text": "precious", "action": "send"})
    assert answer.status_code == 422
    assert "The draft was changed or deleted elsewhere." in answer.text
    assert "precious" in answer.text
    answer = await visitor.post(path, hidden(visitor) | {"to": EDUCATION, "subject": "S", "text": "precious", "action": "send"})
    assert "The message was sent." in answer.text


async def test_a_draft_sent_twice_is_sent_once_and_says_so(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    path, fields = await compose(visitor, clerk.person_id)
    await visitor.post(path, fields | {"to": EDUCATION, "subject": "S", "text": "T", "action": "save"})
    before = await count(site, clerk.person_id, "sent")
    again = hidden(visitor) | {"to": EDUCATION, "subject": "S", "text": "T", "action": "send", "csrf": visitor.token()}
    for _ in range(2):
        answer = await visitor.send(path, again)
        assert answer.headers["location"].endswith("?done=sent")
    assert await count(site, clerk.person_id, "sent") == before + 1


@pytest.mark.parametrize("answers", ["1.2.3", "²٣.1.1", "x", "9" * 60])
async def test_an_odd_reference_to_what_is_answered_does_not_stop_a_letter(
    site: Site, visitor: Visitor, clerk: FeaturedPerson, answers: str
) -> None:
    path, fields = await compose(visitor, clerk.person_id)
    fields |= {"to": EDUCATION, "subject": "S", "text": "T", "action": "send", "answers": answers.replace("1.", f"{clerk.person_id}.", 1)}
    assert "The message was sent." in (await visitor.post(path, fields)).text


async def test_files_are_added_and_removed(visitor: Visitor, clerk: FeaturedPerson) -> None:
    path, fields = await compose(visitor, clerk.person_id)
    two = [PDF, ("files", ("b.txt", b"b", "text/plain"))]
    answer = await visitor.post(path, fields | {"subject": "S", "action": "attach"}, two)
    assert "The files were attached" in answer.text
    answer = await visitor.post(path, hidden(visitor) | {"subject": "S", "action": "remove:0"})
    assert "Note 12.pdf" not in answer.text
    assert "b.txt" in answer.text


async def test_discarding_removes_the_draft(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    path, fields = await compose(visitor, clerk.person_id)
    await visitor.post(path, fields | {"subject": "S", "action": "save"})
    before = await count(site, clerk.person_id, "drafts")
    answer = await visitor.post(path, hidden(visitor) | {"action": "discard"})
    assert "The draft was deleted." in answer.text
    assert await count(site, clerk.person_id, "drafts") == before - 1


async def test_the_directory_is_searched_without_javascript(visitor: Visitor, clerk: FeaturedPerson) -> None:
    path, fields = await compose(visitor, clerk.person_id)
    answer = await visitor.post(path, fields | {"subject": "S", "text": "T", "q": "bureau ordre", "action": "search"})
    assert f'value="add:cc:{EDUCATION}"' in answer.text
    answer = await visitor.post(path, hidden(visitor) | {"subject": "S", "q": "bureau ordre", "action": f"add:cc:{EDUCATION}"})
    assert EDUCATION in visitor.value("cc")
    assert visitor.value("subject") == "S"
    answer = await visitor.post(path, hidden(visitor) | {"q": "zzzzzz", "action": "search"})
    assert "Nobody in the directory matches." in answer.text


async def test_suggestions_come_as_json_for_scripts(visitor: Visitor, clerk: FeaturedPerson) -> None:
    answer = await visitor.get(f"/mail/{clerk.person_id}/complete?q=bureau%20ordre")
    found = answer.json()
    assert EDUCATION in {entry["address"] for entry in found}
    assert {"name", "place", "address", "value"} == set(found[0])
    assert (await visitor.get(f"/mail/{clerk.person_id}/complete?q=b")).json() == []
    assert (await visitor.get("/mail/1/complete?q=bureau")).status_code == 404


async def test_whom_one_wrote_to_is_suggested_first(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    place = f"/mail/{clerk.person_id}/complete?q=bureau"
    before = [entry["address"] for entry in (await visitor.get(place)).json()]
    assert before[0] != before[-1]
    path, fields = await compose(visitor, clerk.person_id)
    sent = await visitor.post(path, fields | {"to": before[-1], "subject": "S", "text": "T", "action": "send"})
    assert "The message was sent." in sent.text
    assert (await visitor.get(place)).json()[0]["address"] == before[-1]


async def test_an_answer_keeps_the_thread_and_marks_what_it_answers(site: Site) -> None:
    raw = letter(subject="RE: Question", text="Ligne\n> vieux", cc=[], references=["<0@x.example>"], in_reply_to="<0@x.example>")
    visitor, path = await reading(site, raw)
    account, mailbox, uid = path.split("/")[2:]
    form, fields = await compose(visitor, int(account), f"?reply={mailbox}.{uid}")
    assert visitor.value("to") == '"Amina" <amina@ailleurs.example>'
    assert visitor.value("subject") == "Re: Question"
    assert fields["in_reply_to"] == "<m1@ailleurs.example>"
    assert fields["references"] == "<0@x.example> <m1@ailleurs.example>"
    assert visitor.last is not None
    assert "Amina wrote on" in visitor.last.text
    assert "&gt; Ligne\n&gt;&gt; vieux" in visitor.last.text
    await visitor.post(form, fields | {"to": EDUCATION, "subject": "Re: Question", "text": "ok", "action": "send"})
    flags, _ = await newest(site, int(account), "inbox")
    assert flags & Flag.ANSWERED


async def test_answering_all_leaves_oneself_out(site: Site) -> None:
    from mailcore.message.addresses import Mailbox

    to = [Mailbox("", "bureau.ordre", "sante.gov.example"), Mailbox("K", "k", "x.example")]
    visitor, path = await reading(site, letter(to=to, cc=[Mailbox("", "l", "x.example"), Mailbox("", "amina", "ailleurs.example")]))
    account, mailbox, uid = path.split("/")[2:]
    await compose(visitor, int(account), f"?all={mailbox}.{uid}")
    assert visitor.value("to") == '"Amina" <amina@ailleurs.example>'
    assert visitor.value("cc") == '"K" <k@x.example>, l@x.example'


async def test_a_forward_takes_the_files_along(site: Site) -> None:
    from mailcore.message.build import Attachment

    visitor, path = await reading(site, letter(attachments=[Attachment("a.pdf", "application/pdf", b"%PDF")]))
    account, mailbox, uid = path.split("/")[2:]
    form, fields = await compose(visitor, int(account), f"?forward={mailbox}.{uid}")
    assert visitor.value("subject") == "Fwd: Question"
    answer = await visitor.post(form, fields | {"to": "personne", "subject": "Fwd: Question", "action": "send"}, [PDF])
    assert answer.status_code == 422
    assert answer.text.count("a.pdf") == 1
    before = await count(site, int(account), "sent")
    await visitor.post(form, hidden(visitor) | {"to": EDUCATION, "subject": "Fwd: Question", "action": "send"})
    assert await count(site, int(account), "sent") == before + 1
    _, raw = await newest(site, int(account), "sent")
    assert raw.count(b'filename="a.pdf"') == 1
    assert raw.count(b'filename="Note 12.pdf"') == 1


async def test_writing_for_a_post_keeps_the_copy_with_the_post(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    post = await site.account(INTERIOR)
    await site.services.store.open_account(post)
    before = await count(site, post, "sent")
    path, fields = await compose(visitor, clerk.person_id)
    await visitor.post(path, fields | {"from": str(post), "to": EDUCATION, "subject": "P", "text": "x", "action": "send"})
    assert await count(site, post, "sent") == before + 1
    _, raw = await newest(site, post, "sent")
    assert f"<{INTERIOR}>".encode() in raw


async def test_drafts_are_opened_in_the_form(visitor: Visitor, clerk: FeaturedPerson) -> None:
    path, fields = await compose(visitor, clerk.person_id)
    await visitor.post(path, fields | {"subject": "to go on with", "action": "save"})
    page = await text(visitor, folder(visitor, "Drafts"))
    assert re.search(rf'href="{path}\?draft={uids(page)[0]}"', page)


async def test_an_address_outside_the_state_is_refused_in_the_readers_words(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    await site.services.db.write(outside.found)
    try:
        path, fields = await compose(visitor, clerk.person_id)
        fields |= {"to": "x@elsewhere.example", "subject": "S", "text": "T", "action": "send"}
        answer = await visitor.post(path, fields)
    finally:
        await site.services.db.write(outside.lost)
    assert answer.status_code == 422
    told = answer.text.partition('id="to-problem"')[2].partition("</p>")[0]
    assert "This address is outside the state&#39;s network" in told
