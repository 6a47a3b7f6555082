"""Signing: shown, confirmed with the password, signed exactly so, and judged on the other side."""

import asyncio
import base64
import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from config.clock import SECOND_US
from directory import factors, totp
from directory.demo import FeaturedPerson
from mailcore.store.types import AccountId
from tests.clocks import ShiftedClock
from tests.webmail.site import EDUCATION, INTERIOR, Site, Visitor
from tests.webmail.views.test_compose import PDF, compose, count, hidden, newest
from tests.webmail.views.test_folder import text, uids

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def prepared(site: Site, visitor: Visitor, subject: str = "مراسلة رسمية رقم 12/2026") -> tuple[int, str]:
    """Fill in a letter of the registry to be signed; return the registry's account and the page of confirmation."""
    post = await site.account(INTERIOR)
    path, fields = await compose(visitor, post)
    fields |= {"to": EDUCATION, "subject": subject, "text": "السلام عليكم\nBonjour", "sign": "yes", "action": "send"}
    await visitor.post(path, fields, [PDF])
    assert visitor.path.startswith(f"/mail/{post}/sign/")
    return post, visitor.path


async def test_the_page_shows_what_will_be_signed(site: Site, visitor: Visitor) -> None:
    await prepared(site, visitor)
    assert visitor.last is not None
    page = visitor.last.text
    assert hashlib.sha256(PDF[1][1]).hexdigest() in page
    assert "مراسلة رسمية رقم 12/2026" in page
    assert EDUCATION in page
    assert 'autocomplete="current-password"' in page


async def test_a_signed_letter_arrives_valid_and_foreign_tools_agree(
    site: Site, visitor: Visitor, clerk: FeaturedPerson, tmp_path: Path
) -> None:
    to = await site.account(EDUCATION)
    await site.services.store.open_account(to)
    with site.services.store.bus.subscribe(AccountId(to)) as news:
        _, path = await prepared(site, visitor)
        answer = await visitor.post(path, {"seen": visitor.value("seen"), "proof-password": clerk.password})
        assert "The letter was signed and sent." in answer.text
        assert await news.wait(20)
    reader = await site.signed_in(site.people[EDUCATION], "fr")
    page = await text(reader, await reader.newest(to))
    assert 'class="verdict good"' in page
    assert "Signature valable" in page
    assert "Horodatée le" in page
    assert "Fiable jusqu'au" in page
    acting = page.partition("En fonction ce jour-là")[2].partition("</div>")[0]
    assert f"<bdi>{clerk.name}</bdi>" in acting, acting
    assert INTERIOR in page.partition('class="verdict good"')[2].partition("</section>")[0]
    assert 'class="differs"' not in page
    reader = await site.signed_in(site.people[EDUCATION], "ar")
    page = await text(reader, await reader.newest(to))
    assert "<bdi>المكلف بمكتب الضبط</bdi>" in page.partition('class="verdict good"')[2].partition("</section>")[0]
    _, raw = await newest(site, to, "inbox")
    (tmp_path / "letter.eml").write_bytes(raw)
    root = site.services.settings.keys / "root.pem"
    verify = ["openssl", "cms", "-verify", "-in", "letter.eml", "-CAfile", root, "-out", "entity"]
    done = await asyncio.to_thread(subprocess.run, verify, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "entity").read_bytes() in raw


async def test_a_changed_letter_is_red_and_a_changed_header_not_green(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    post, path = await prepared(site, visitor)
    await visitor.post(path, {"seen": visitor.value("seen"), "proof-password": clerk.password})
    _, raw = await newest(site, post, "sent")
    changed = re.sub(rb"%PDF|JVBERi0", b"JVBERi1", raw, count=1)
    assert changed != raw
    await site.deliver(EDUCATION, changed)
    await site.deliver(EDUCATION, raw.replace(b"\r\nTo: " + EDUCATION.encode(), b"\r\nTo: autre@x.example", 1))
    reader = await site.signed_in(site.people[EDUCATION], "ar")
    await reader.get(f"/mail/{await site.account(EDUCATION)}/")
    inbox = reader.path
    header, body = uids(await text(reader, inbox))[:2]
    page = await text(reader, f"{inbox}/{body}")
    assert 'class="verdict bad"' in page
    assert "تغيّر النص بعد توقيعه" in page
    page = await text(reader, f"{inbox}/{header}")
    assert 'class="differs"' in page
    assert 'class="verdict unsure"' in page
    assert f'<bdi dir="ltr">To</bdi> — الموقّع: <strong><bdi>{EDUCATION}' in page


async def test_a_second_author_takes_the_green_away(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    post, path = await prepared(site, visitor)
    await visitor.post(path, {"seen": visitor.value("seen"), "proof-password": clerk.password})
    _, raw = await newest(site, post, "sent")
    await site.deliver(EDUCATION, raw.replace(b"\r\nMIME-Version:", b"\r\nFrom: ministre@x.example\r\nMIME-Version:", 1))
    reader = await site.signed_in(site.people[EDUCATION], "ar")
    page = await text(reader, await reader.newest(await site.account(EDUCATION)))
    assert "ministre@x.example" not in page
    assert 'class="verdict bad"' in page


async def test_a_wrong_password_signs_nothing(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    post, path = await prepared(site, visitor)
    before = await count(site, post, "sent")
    for password in ("wrong", "", clerk.app_password):
        answer = await visitor.post(path, {"seen": visitor.value("seen"), "proof-password": password})
        assert answer.status_code == 401
        assert "The password is wrong." in answer.text
    assert await count(site, post, "sent") == before


async def test_while_nobody_hears_proofs_letters_leave_unsigned_and_drafts_are_kept(
    site: Site, visitor: Visitor, clerk: FeaturedPerson, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    post, path = await prepared(site, visitor)
    given = {"seen": visitor.value("seen"), "proof-password": clerk.password}
    before = await count(site, post, "drafts")
    with monkeypatch.context() as down:
        for name, value in (("_socket", tmp_path / "none"), ("_link", None), ("_patience_s", 0)):
            down.setattr(site.services.activator, name, value)
        answer = await visitor.post(path, given)
        assert answer.status_code == 503
        assert "Signing and confirming are not available at the moment. Your drafts are kept." in answer.text
        assert await count(site, post, "drafts") == before
        other, sent = await site.signed_in(clerk), await count(site, post, "sent")  # who signs in and writes notices nothing
        form, fields = await compose(other, post)
        await other.post(form, fields | {"to": EDUCATION, "subject": "sans", "text": "Bonjour", "action": "send"})
        assert await count(site, post, "sent") == sent + 1
    await visitor.get(path)
    assert "The letter was signed and sent." in (await visitor.post(path, given)).text


async def test_with_a_second_factor_on_the_password_alone_signs_nothing(site: Site, clerk: FeaturedPerson, later: ShiftedClock) -> None:
    steps, db = site.services.signin.steps, site.services.db
    made = await steps.new_codes(clerk.person_id, clerk.address, "Diwan")
    secret = base64.b32decode(made.secret)

    def code() -> str:
        later.ahead_us += 30 * SECOND_US
        return totp.code(secret, totp.step_at(later.now_us()))

    await steps.confirm_codes(clerk.person_id, code())
    try:
        visitor = site.visitor()
        visitor.client.cookies.set("__Host-language", "en", domain="mx.diwan.example")
        await visitor.get("/signin")
        await visitor.post("/signin", {"login": clerk.address, "password": clerk.password})
        await visitor.post("/signin/second", {"proof-ticket": visitor.value("proof-ticket"), "proof-code": code()})
        post, path = await prepared(site, visitor)
        before = await count(site, post, "sent")
        password = {"proof-password": clerk.password}
        for proofs, said in (
            (password, "was not accepted"),
            (password | {"proof-code": "000000"}, "was not accepted"),
            ({"proof-code": code()}, "The password is wrong."),
        ):
            answer = await visitor.post(path, {"seen": visitor.value("seen")} | proofs)
            assert (answer.status_code, said in answer.text) == (401, True)
        assert await count(site, post, "sent") == before
        answer = await visitor.post(path, {"seen": visitor.value("seen"), "proof-code": code()} | password)
        assert "The letter was signed and sent." in answer.text
    finally:
        await db.write(factors.reset, clerk.person_id)


async def test_what_was_not_shown_is_not_signed(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    post, path = await prepared(site, visitor)
    before = await count(site, post, "sent")
    answer = await visitor.post(path, {"seen": "0" * 64, "proof-password": clerk.password})
    assert answer.status_code == 409
    assert "The letter has changed" in answer.text
    assert await count(site, post, "sent") == before


async def test_a_sender_without_certificate_is_told_so(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    from directory import certificates

    post = await site.account(INTERIOR)
    now_us = site.services.clock.now_us()
    current = await site.services.db.read(certificates.current, post, "sign", now_us)
    assert current is not None
    try:
        await site.services.db.write(certificates.revoke, post, current.key_id)
        path, fields = await compose(visitor, post)
        answer = await visitor.post(path, fields | {"to": EDUCATION, "subject": "S", "sign": "yes", "action": "send"})
        assert answer.status_code == 422
        assert "has no certificate in force" in answer.text
    finally:
        await site.services.db.write(certificates.add, post, "sign", current.key_id, current.der, current.chain)


async def test_one_cannot_sign_for_a_post_one_does_not_hold(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    other = await site.account(EDUCATION)
    path, fields = await compose(visitor, clerk.person_id)
    answer = await visitor.post(path, fields | {"from": str(other), "to": EDUCATION, "sign": "yes", "action": "send"})
    assert answer.status_code == 422
    assert "You may not send from this address." in answer.text
    await visitor.post(path, hidden(visitor) | {"from": str(other), "to": EDUCATION, "sign": "yes", "action": "save"})
    assert visitor.value("draft")
    assert (await visitor.get(f"/mail/{other}/sign/1")).status_code == 404
