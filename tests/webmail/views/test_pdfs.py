"""PDF documents that come with letters: signed themselves when that is asked for, judged by whoever reads them."""

import re

import pytest

from directory.demo import FeaturedPerson
from mailcore.message.build import Attachment
from mailcore.message.content import decoded
from mailcore.message.index import index
from mailcore.pdf import verify
from mailcore.services import Services
from mailcore.store.types import AccountId
from signing.errors import WorkerFailed
from signing.pdf.types import Signature
from tests.signing.pdf.paper import paper
from tests.webmail.site import EDUCATION, INTERIOR, Site, Visitor, letter
from tests.webmail.views.test_compose import compose, newest
from tests.webmail.views.test_folder import text
from webmail import pdfs

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def asked(site: Site, visitor: Visitor, octets: bytes) -> str:
    """Write a letter of the registry with a document; return the page of confirmation."""
    path, fields = await compose(visitor, await site.account(INTERIOR))
    fields |= {"to": EDUCATION, "subject": "PDF", "text": "Ci-joint", "sign": "yes", "action": "send"}
    await visitor.post(path, fields, [("files", ("Note 14.pdf", octets, "application/pdf"))])
    assert visitor.last is not None
    assert 'name="pdf"' in visitor.last.text
    return visitor.path


async def arrived(site: Site, language: str) -> str:
    """Return the page of the newest letter that the other registry has."""
    to = await site.account(EDUCATION)
    reader = await site.signed_in(site.people[EDUCATION], language)
    return await text(reader, await reader.newest(to))


async def attached(site: Site) -> bytes:
    """Return the document of that letter."""
    _, raw = await newest(site, await site.account(EDUCATION), "inbox")
    span = next(span for span in index(raw).header.spans if span.subtype == "pdf")
    return decoded(raw, span)


def of_document(page: str) -> str:
    return page.partition('<section class="document"')[2].partition("</section>")[0]


async def test_a_document_is_signed_with_its_stamp_and_judged_where_it_arrives(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    path = await asked(site, visitor, paper())
    to = await site.account(EDUCATION)
    await site.services.store.open_account(to)
    with site.services.store.bus.subscribe(AccountId(to)) as news:
        answer = await visitor.post(path, {"seen": visitor.value("seen"), "proof-password": clerk.password, "pdf": "ar"})
        assert "The letter was signed and sent." in answer.text
        assert await news.wait(20)
    page = await arrived(site, "fr")
    shown = of_document(page)
    assert 'class="verdict good"' in shown
    assert "Note 14.pdf" in shown
    assert "Horodatée le" in shown
    assert INTERIOR in shown
    assert page.count('class="verdict good"') == 2  # the letter's own, and the document's
    document = await attached(site)
    assert document.startswith(paper())
    assert b"/ArabicR" in document
    assert b"/DocTimeStamp" in document
    await site.deliver(EDUCATION, _with(document.replace(b"Note de service", b"Note de servise")))
    shown = of_document(await arrived(site, "ar"))
    assert 'class="verdict bad" role="alert"' in shown
    assert "لا تعتمد عليه" in shown


async def test_a_document_that_cannot_be_signed_keeps_the_letter_and_says_which(
    site: Site, visitor: Visitor, clerk: FeaturedPerson
) -> None:
    path = await asked(site, visitor, b"%PDF-1.4\r\nnothing")
    answer = await visitor.post(path, {"seen": visitor.value("seen"), "proof-password": clerk.password, "pdf": "fr"})
    assert answer.status_code == 422
    assert "Note 14.pdf is not a PDF document, or it is damaged." in answer.text
    assert re.search(r'<option value="fr" selected>', answer.text)


async def test_more_documents_than_a_proof_is_good_for_are_refused_before_anybody_waits(
    site: Site, visitor: Visitor, clerk: FeaturedPerson
) -> None:
    path, fields = await compose(visitor, await site.account(INTERIOR))
    fields |= {"to": EDUCATION, "subject": "PDF", "text": "Ci-joint", "sign": "yes", "action": "send"}
    await visitor.post(
        path, fields, [("files", (f"{number}.pdf", b"%PDF-1.4", "application/pdf")) for number in range(pdfs.MAX_SIGNED + 1)]
    )
    answer = await visitor.post(visitor.path, {"seen": visitor.value("seen"), "proof-password": clerk.password, "pdf": "fr"})
    assert answer.status_code == 422
    assert "These are too many PDF documents to sign in one letter." in answer.text


async def test_a_document_that_only_looks_signed_is_not_green(site: Site) -> None:
    await site.deliver(EDUCATION, _with(b"%PDF-1.4\n/ByteRange [0 1 2 3]\n", kind="application/octet-stream"))
    assert 'class="verdict unsure"' in of_document(await arrived(site, "en"))
    await site.deliver(EDUCATION, _with(paper()))
    assert of_document(await arrived(site, "en")) == ""  # nobody signed it, and nothing is said


async def test_documents_that_cost_too_much_are_given_up_after_the_first_and_only_when_read(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index that says it has four billion entries, in 176 octets, costs all the seconds that a document may have."""
    asked: list[int] = []

    async def costly(services: Services, pdf: bytes) -> tuple[Signature, ...]:
        asked.append(len(pdf))
        raise WorkerFailed(reason="ended with -24")

    monkeypatch.setattr(verify, "verify", costly)
    await site.deliver(EDUCATION, _with(*(b"%%PDF-1.4\n/ByteRange %d" % number for number in range(pdfs.MAX_JUDGED + 1))))
    page = await arrived(site, "en")
    assert page.count("The signatures of this document could not be checked here.") == pdfs.MAX_JUDGED
    assert len(asked) == 1
    part = re.search(r'href="([^"]+/part/[^"]+)"', page)
    reader = await site.signed_in(site.people[EDUCATION], "en")
    assert part is not None
    assert (await reader.get(part[1])).content.startswith(b"%PDF")
    assert len(asked) == 1


def _with(*documents: bytes, kind: str = "application/pdf") -> bytes:
    return letter(attachments=[Attachment("Note 14.pdf", kind, each) for each in documents], text="Ci-joint")
