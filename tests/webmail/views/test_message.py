"""Reading: the page, the frame of a formatted text, downloads, and the verdict on a signature."""

import hashlib

import pytest

from mailcore.message.build import Attachment
from mailcore.queue import holds, listing
from tests.webmail.site import Site, Visitor, letter
from tests.webmail.views.test_folder import opened, text, uids

pytestmark = pytest.mark.asyncio(loop_scope="session")

HTML = '<p dir="rtl">سلام</p><img src="https://t.example/p.gif"><img src="cid:logo@x"><script>alert(1)</script><a href="javascript:x">a</a>'
PNG = b"\x89PNG\r\n\x1a\n"


async def reading(site: Site, raw: bytes) -> tuple[Visitor, str]:
    """Return a visitor and the path of this one message in their inbox."""
    visitor, inbox = await opened(site, [])
    await site.deliver("bureau.ordre@sante.gov.example", raw)
    return visitor, f"{inbox}/{uids(await text(visitor, inbox))[0]}"


async def test_opening_marks_as_read_unless_it_is_only_a_guess(site: Site) -> None:
    visitor, path = await reading(site, letter())
    visitor.headers["sec-purpose"] = "prefetch"
    await visitor.get(path)
    visitor.headers.clear()
    inbox = path.rpartition("/")[0]
    assert "1 unread" in await text(visitor, inbox)
    assert "unread:" not in await text(visitor, path)
    assert "1 unread" not in await text(visitor, inbox)


async def test_the_page_names_who_wrote_to_whom(site: Site) -> None:
    visitor, path = await reading(site, letter(subject="سؤال حول الإحصاء", text="السلام عليكم"))
    page = await text(visitor, path)
    assert '<h1 id="subject"><bdi>سؤال حول الإحصاء</bdi></h1>' in page
    assert '<bdi>Amina</bdi> <bdi dir="ltr" class="address">amina@ailleurs.example</bdi>' in page
    assert '<p dir="auto">السلام عليكم</p>' in page
    assert "verdict" not in page


async def test_formatted_text_lives_in_a_sandbox_of_its_own(site: Site) -> None:
    visitor, path = await reading(site, letter(text="Bonjour", html=HTML, attachments=[Attachment("l.png", "image/png", PNG, "logo@x")]))
    page = await text(visitor, path)
    assert "<iframe" not in page  # plain text first
    page = await text(visitor, path + "?view=html")
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert "1 remote image was not loaded" in page
    body = await visitor.get(path + "/body")
    policy = body.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none';")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert body.headers["x-content-type-options"] == "nosniff"
    assert '<p dir="rtl">سلام</p>' in body.text
    assert "data:image/png;base64," in body.text
    for hostile in ("t.example", "script>", "javascript"):
        assert hostile not in body.text


async def test_a_page_without_plain_text_is_shown_formatted(site: Site) -> None:
    raw = letter(text="x").replace(b"Content-Type: text/plain", b"Content-Type: text/html")
    visitor, path = await reading(site, raw)
    assert "<iframe" in await text(visitor, path)
    other, plain = await reading(site, letter())
    assert (await other.get(plain + "/body")).status_code == 404


async def test_downloads_are_saved_and_never_shown(site: Site) -> None:
    data = b"<html><script>alert(1)</script>"
    visitor, path = await reading(site, letter(attachments=[Attachment("annexe\u202efdp.html", "text/html", data)]))
    page = await text(visitor, path)
    assert "1 attachment" in page
    link = page.partition('class="attachments"')[2].partition('href="')[2].partition('"')[0]
    answer = await visitor.get(link)
    assert answer.content == data
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith('attachment; filename="annexefdp.html"')
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert (await visitor.get(path + "/part/9")).status_code == 404


async def test_the_message_as_it_came_is_octet_identical(site: Site) -> None:
    raw = letter(subject="a/b\\c", text="é" * 300)
    visitor, path = await reading(site, raw)
    answer = await visitor.get(path + "/raw")
    assert hashlib.sha256(answer.content).digest() == hashlib.sha256(raw).digest()
    assert answer.headers["content-type"] == "message/rfc822"
    assert 'filename="a_b_c.eml"' in answer.headers["content-disposition"]


async def test_actions_on_the_open_message(site: Site) -> None:
    visitor, path = await reading(site, letter())
    uid = path.rpartition("/")[2]
    await visitor.get(path)
    answer = await visitor.post(path, {"uid": uid, "action": "flag"})
    assert visitor.path == path
    assert "Remove flag" in answer.text
    answer = await visitor.post(path, {"uid": uid, "action": "delete"})
    assert "1 message was moved to the trash." in answer.text
    assert (await visitor.get(path)).status_code == 404


@pytest.mark.parametrize(
    "broken", [b"", b"\r\n", b"Subject\r\n\r\n", b"From: <<<>>>\r\nContent-Type: multipart/mixed\r\n\r\nx", b"\xff\x00\xfe" * 50]
)
async def test_broken_messages_still_have_a_page(site: Site, broken: bytes) -> None:
    visitor, path = await reading(site, broken)
    assert (await visitor.get(path)).status_code == 200
    assert (await visitor.get(path + "/raw")).content == broken


async def test_a_signature_by_nobody_known_is_not_green(site: Site) -> None:
    raw = letter(text="x").replace(
        b"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\nx\r\n",
        b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n'
        b"Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n",
    )
    visitor, path = await reading(site, raw)
    page = await text(visitor, path)
    assert 'class="verdict bad"' in page
    assert 'role="alert"' in page
    assert "The signature is damaged" in page


NESTED = b"""From: a@x.example
Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=b

--b

signed
--b
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: application/pdf; name=unsigned.pdf
Content-Disposition: attachment; filename=unsigned.pdf

x
--c
Content-Type: application/pkcs7-signature
Content-Transfer-Encoding: base64

AAAA
--c--
--b--
"""
THIRD = NESTED.replace(b"\r\n--b--", b"\r\n--b\r\n\r\nunsigned\r\n--b--")


@pytest.mark.parametrize("raw", [NESTED, THIRD])
async def test_a_signature_vouches_for_nothing_beside_what_it_covers(site: Site, raw: bytes) -> None:
    visitor, path = await reading(site, raw)
    page = await text(visitor, path)
    assert 'class="verdict unsure"' in page
    assert "This kind of signature cannot be checked here." in page


async def test_reading_is_confirmed_once_and_only_when_the_reader_agrees(site: Site) -> None:
    await site.services.db.write(holds.begin, 1, "destination", "ailleurs.example", "so that it can be looked at", "test")
    visitor, path = await reading(site, b"Disposition-Notification-To: amina@ailleurs.example\r\n" + letter())
    before = await site.services.db.read(listing.depth)
    page = await text(visitor, path)
    assert "asks whether you have read" in page
    assert await site.services.db.read(listing.depth) == before  # never by itself
    await visitor.post(path, {"action": "confirm"})
    assert await site.services.db.read(listing.depth) == before + 1
    assert "asks whether you have read" not in await text(visitor, path)
    await visitor.post(path, {"action": "confirm"})
    assert await site.services.db.read(listing.depth) == before + 1
    [told] = [one for one in await site.services.db.read(listing.listing) if one.address == "amina@ailleurs.example"]
    assert told.sender == ""
    await site.services.db.write(holds.release, 1, site.clock.now_us())
    await site.services.db.write(holds.end, 1)


async def test_somebody_else_than_the_author_cannot_ask(site: Site) -> None:
    visitor, path = await reading(site, b"Disposition-Notification-To: spy@ailleurs.example\r\n" + letter())
    assert "asks whether you have read" not in await text(visitor, path)
