"""Encrypted letters: written for those who can read them, opened by whoever shows who they are, and never shown wrongly."""

import base64
import re
import secrets

import pytest

from config.clock import MINUTE_US
from directory import certificates
from directory.demo import FeaturedPerson
from mailcore import correspondents
from mailcore.correspondents import Known
from mailcore.pki import authorities, freshness, issue
from mailcore.store import mailboxes, messages
from mailcore.store.types import AccountId
from signing import envelope, signers, smime
from signing.cms import SigningIdentity
from signing.envelope import Recipient
from signing.openpgp.types import Secret
from signing.pki import ca, register
from signing.pki.profiles import Subject
from signing.pki.register import New
from tests.clocks import ShiftedClock
from tests.signing.readers import reader
from tests.webmail.site import EDUCATION, INTERIOR, Site, Visitor
from tests.webmail.views.conftest import Lent
from tests.webmail.views.test_compose import compose, newest
from webmail import letters

pytestmark = pytest.mark.asyncio(loop_scope="session")
ENTITY = b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>Tr\xc3\xa8s <b>secret</b> <img src='https://spy.example/'> https://thief.example/?</p>\r\n"
PLAIN = b"Content-Type: text/plain; charset=us-ascii\r\n\r\nWhat was signed.\r\n"
OLD = "old@ailleurs.example"
OUR_TOP = b"From: bureau.ordre@interieur.gov.example\r\nTo: x@y.example\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
TOP = b"From: amina@ailleurs.example\r\nTo: bureau.ordre@interieur.gov.example\r\nSubject: ...\r\nMIME-Version: 1.0\r\n"


async def certified(site: Site, address: str) -> bytes:
    """Return the certificate for encryption of an address, made at first need."""
    account = await site.account(address)
    if not await site.services.db.read(certificates.every, account, "encrypt"):
        holder = await site.services.db.read(issue.subject, address)
        await issue.to_account(site.services, "encrypt", holder)
    return (await site.services.db.read(certificates.every, account, "encrypt"))[0].der


async def arrived(site: Site, entity: bytes, *, modern: bool) -> str:
    """Put an encrypted letter into the registry's inbox; return where it is read."""
    certificate = await certified(site, INTERIOR)
    sealed = envelope.seal(entity, [Recipient(certificate, modern)])
    await site.deliver(INTERIOR, TOP + envelope.entity(sealed, "gcm" if modern else "cbc"))
    return await newest_path(site)


async def newest_path(site: Site) -> str:
    account = AccountId(await site.account(INTERIOR))
    inbox = await site.services.db.read(mailboxes.by_role, account, "inbox")
    [stored] = await site.services.db.read(messages.page, inbox.key, None, 1)
    return f"/mail/{account}/{inbox.key.mailbox_id}/{stored.uid}"


async def opened(visitor: Visitor, path: str, password: str) -> str:
    """Open an encrypted letter as its reader does; return the page."""
    await visitor.get(path)
    answer = await visitor.post(path, {"action": "decrypt"})
    if "proof-password" in answer.text:
        answer = await visitor.post(path, {"action": "decrypt", "proof-password": password})
    return answer.text


@pytest.mark.parametrize("options", [["encrypt"], ["encrypt", "opaque"]])
async def test_a_letter_is_encrypted_signed_and_read_at_the_other_end(
    site: Site, visitor: Visitor, clerk: FeaturedPerson, options: list[str]
) -> None:
    for address in (INTERIOR, EDUCATION):
        await certified(site, address)
    to, post = await site.account(EDUCATION), await site.account(INTERIOR)
    await site.services.store.open_account(to)
    with site.services.store.bus.subscribe(AccountId(to)) as news:
        path, fields = await compose(visitor, post)
        fields |= {"to": EDUCATION, "subject": "سرّي للغاية", "text": "الموعد غدًا", "sign": "yes", "option": options, "action": "send"}
        await visitor.post(path, fields)
        assert f"/mail/{post}/sign/" in visitor.path
        assert visitor.last is not None
        assert "its subject is hidden too" in visitor.last.text
        answer = await visitor.post(visitor.path, {"seen": visitor.value("seen"), "proof-password": clerk.password})
        assert "The letter was signed and sent." in answer.text
        assert await news.wait(20)
    _, raw = await newest(site, to, "inbox")
    assert b"smime-type=authEnveloped-data" in raw
    assert b"\r\nSubject: [...]\r\n" in raw
    assert "الموعد" not in str(base64.b64decode(raw.split(b"\r\n\r\n", 1)[1]).decode("utf-8", "replace"))
    other = await site.signed_in(site.people[EDUCATION], "en")
    where = await other.newest(to)
    closed = (await other.get(where)).text
    assert "Open the letter" in closed
    assert "الموعد غدًا" not in closed
    page = await opened(other, where, site.people[EDUCATION].password)
    assert "Encrypted letter, opened" in page
    assert "الموعد غدًا" in page
    assert "سرّي للغاية" in page
    assert 'class="verdict good"' in page
    assert "not those that were signed" not in page
    _, sent = await newest(site, post, "sent")
    assert b"authEnveloped-data" in sent
    await other.get(f"/mail/{to}/compose?reply={where.split('/')[-2]}.{where.split('/')[-1]}")
    assert other.last is not None
    assert re.search(r'value="encrypt"\s+checked', other.last.text)
    assert "سرّي للغاية" in other.last.text


@pytest.mark.parametrize("modern", [True, False])
async def test_only_what_nobody_can_have_changed_is_shown_formatted(
    site: Site, visitor: Visitor, clerk: FeaturedPerson, modern: bool
) -> None:
    path = await arrived(site, b"Diwan-Acting: minister@interieur.gov.example\r\nSender: m@gov.example\r\n" + ENTITY, modern=modern)
    page = await opened(visitor, path, clerk.password)
    assert "Encrypted letter, opened" in page
    assert "Sent in their name by" not in page  # only our own submission writes that field
    assert "m@gov.example" not in page
    assert ("<iframe" in page) is modern
    assert ("Nobody signed it" in page) is not modern
    assert (await visitor.client.get(path + "/body")).status_code == (200 if modern else 404)
    assert "spy.example" not in page
    assert 'href="https://thief.example' not in page  # EFAIL §4.2 without pictures: one click would carry the text out
    assert ("https://thief.example" in page) is not modern


async def test_whatever_is_wrong_is_told_in_one_way(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    certificate = await certified(site, INTERIOR)
    good = envelope.seal(ENTITY, [Recipient(certificate, False)])
    broken = good[:-1] + bytes([good[-1] ^ 1])
    random = envelope.seal(b"\0\1\2 no entity", [Recipient(certificate, True)])
    pages = []
    for octets in (broken, random):
        await site.deliver(INTERIOR, TOP + envelope.entity(octets, "cbc"))
        pages.append(await opened(visitor, await newest_path(site), clerk.password))
    await site.deliver(INTERIOR, TOP + envelope.entity(good[:-20], "cbc"))
    pages.append((await visitor.get(await newest_path(site))).text)
    [said] = {tuple(re.findall(r'<section class="notice sealed.*?</section>', page, re.DOTALL)) for page in pages}
    assert len(said) == 1
    assert "This letter cannot be decrypted." in said[0]


async def test_a_letter_for_somebody_else_stays_closed(site: Site, visitor: Visitor) -> None:
    sealed = envelope.seal(ENTITY, [envelope.recipient(reader("p256").certificate)])
    await site.deliver(INTERIOR, TOP + envelope.entity(sealed, "cbc"))
    path = await newest_path(site)
    assert "not encrypted for this mailbox" in (await visitor.get(path)).text
    assert (await visitor.send(path, {"csrf": visitor.token(), "action": "decrypt"})).status_code == 404


async def test_an_encrypted_part_among_others_is_a_file(site: Site, visitor: Visitor) -> None:
    """Whoever wraps an encrypted text in a page of their own must not have it opened there."""
    certificate = await certified(site, INTERIOR)
    part = envelope.entity(envelope.seal(ENTITY, [Recipient(certificate, True)]), "gcm")
    wrapped = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<img src="https://spy.example/?\r\n--b\r\n'
    await site.deliver(INTERIOR, TOP + wrapped + part + b'\r\n--b\r\nContent-Type: text/html\r\n\r\n">\r\n--b--\r\n')
    page = (await visitor.get(await newest_path(site))).text
    assert "Open the letter" not in page
    assert "smime.p7m" in page


async def test_what_is_told_of_a_node_has_no_secret_in_it(site: Site) -> None:
    secret = Secret("F1", b"private octets", "a passphrase", b"revocation")
    told = repr(site.services) + repr(secret)
    for each in (site.services.directory_key, secret.octets, secret.revocation):
        assert repr(each)[2:-1] not in told
    assert secret.passphrase not in told
    assert "F1" in told


async def test_another_session_does_not_see_what_one_has_opened(
    site: Site, visitor: Visitor, clerk: FeaturedPerson, later: ShiftedClock
) -> None:
    path = await arrived(site, ENTITY, modern=True)
    await visitor.get(path)
    asked = (await visitor.post(path, {"action": "decrypt"})).text
    assert "proof-password" in asked
    assert "secret" not in asked
    assert "Encrypted letter, opened" in await opened(visitor, path, clerk.password)
    other = await site.signed_in(clerk)
    assert "Open the letter" in (await other.get(path)).text
    later.ahead_us += 11 * MINUTE_US
    assert "Open the letter" in (await visitor.get(path)).text


async def test_who_borrows_a_mailbox_opens_none_of_its_encrypted_letters(site: Site, visitor: Visitor, lent: Lent) -> None:
    account = await lent.lend(["read", "write"])
    sealed = envelope.seal(ENTITY, [Recipient(await certified(site, EDUCATION), True)])
    await site.deliver(EDUCATION, TOP + envelope.entity(sealed, "gcm"))
    path = await visitor.newest(account)
    assert "its key is not lent with it" in (await visitor.get(path)).text
    assert (await visitor.send(path, {"csrf": visitor.token(), "action": "decrypt"})).status_code == 404


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"to": "x@ailleurs.example"}, "No certificate for encryption is known for"),
        ({"option": "opaque"}, "Only a letter that is signed officially"),
        ({"bcc": EDUCATION}, "An encrypted letter names everybody who can read it"),
        ({"to": OLD}, "sign this letter as well"),
    ],
)
async def test_what_keeps_a_letter_from_being_encrypted_is_said(site: Site, visitor: Visitor, changes: dict[str, str], says: str) -> None:
    for address in (INTERIOR, EDUCATION):
        await certified(site, address)
    known = Known(reader("rsa").certificate, frozenset())  # of which nothing says that it reads GCM
    await site.services.db.write(correspondents.learn, OLD, known, site.clock.now_us())
    path, fields = await compose(visitor, await site.account(INTERIOR))
    fields |= {"to": EDUCATION, "subject": "x", "text": "y", "option": "encrypt", "action": "send", **changes}
    answer = await visitor.post(path, fields)
    assert answer.status_code == 422
    assert says in answer.text
    assert re.search(rf'value="{fields["option"]}"\s+checked', answer.text)


async def test_who_could_not_read_their_own_copy_is_told_so(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    await certified(site, EDUCATION)
    path, fields = await compose(visitor, clerk.person_id)
    fields |= {"from": str(clerk.person_id), "to": EDUCATION, "subject": "x", "text": "y", "option": "encrypt", "action": "send"}
    assert "This sender has no certificate for encryption" in (await visitor.post(path, fields)).text


async def test_the_opaque_form_is_shown_and_judged_like_the_clear_one(site: Site, visitor: Visitor) -> None:
    certificate, key_id = await signing_key(site)
    detached = await signed(site, certificate, key_id, PLAIN)
    await site.deliver(INTERIOR, OUR_TOP + smime.opaque(signers.enclose(detached, PLAIN)))
    page = (await visitor.get(await newest_path(site))).text
    assert "What was signed." in page
    assert 'class="verdict good"' in page
    assert "smime.p7m" not in page
    changed = signers.enclose(detached, PLAIN.replace(b"What", b"That"))
    await site.deliver(INTERIOR, OUR_TOP + smime.opaque(changed))
    assert 'class="verdict bad"' in (await visitor.get(await newest_path(site))).text


async def test_each_of_several_signers_is_named(site: Site, visitor: Visitor) -> None:
    certificate, key_id = await signing_key(site)
    seal = await sealing_key(site)
    joined = signers.join(await signed(site, certificate, key_id, PLAIN), await signed(site, *seal, PLAIN))
    await site.deliver(INTERIOR, OUR_TOP + smime.entity(PLAIN, joined, "b-1"))
    page = (await visitor.get(await newest_path(site))).text
    assert 'class="verdict good"' in page
    assert "Also signed by" in page
    assert page.partition("Also signed by")[2].partition("</ul>")[0].count("<li") == 1


async def signing_key(site: Site) -> tuple[certificates.Certificate, str]:
    """Return the certificate of the registry's post and its key, which nobody has to confirm here."""
    return await sealing_key(site, "post")


async def sealing_key(site: Site, kind: str = "seal") -> tuple[certificates.Certificate, str]:
    """Certify a key of the registry that signs without a confirmation."""
    holder = await site.services.db.read(issue.subject, INTERIOR)
    issuer = await authorities.administration(site.services, holder.organisation, "interieur.gov.example")
    key_id = f"test-{kind}-{secrets.token_hex(4)}"
    public = await site.services.signer.generate(key_id, "p256")
    who = Subject(holder.name, holder.organisation, addresses=(INTERIOR,))
    der = await ca.issue(site.services.signer, issuer, kind, who, public, site.clock.now_us())
    await site.services.db.write(register.add, issuer.key_id, der, New(kind, key_id, holder.account_id, INTERIOR))
    return certificates.Certificate(holder.account_id, "sign", key_id, der, issuer.issued_chain, 0, 0), key_id


async def signed(site: Site, certificate: certificates.Certificate, key_id: str, entity: bytes) -> bytes:
    identity = SigningIdentity(key_id, certificate.der, certificate.chain)
    return await smime.sign(entity, identity, site.services.signer, site.clock.now_us())


async def test_the_seal_of_an_office_stands_beside_its_signatory(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    holder = await site.services.db.read(issue.subject, INTERIOR)
    seal = await issue.to_account(site.services, "seal", holder)
    to = await site.account(EDUCATION)
    await site.services.store.open_account(to)
    try:
        with site.services.store.bus.subscribe(AccountId(to)) as news:
            path, fields = await compose(visitor, holder.account_id)
            await visitor.post(path, fields | {"to": EDUCATION, "subject": "x", "text": "y", "sign": "yes", "action": "send"})
            assert visitor.last is not None
            assert "The seal of the office" in visitor.last.text
            assert "its subject is hidden too" not in visitor.last.text
            await visitor.post(visitor.path, {"seen": visitor.value("seen"), "proof-password": clerk.password})
            assert await news.wait(20)
    finally:
        await site.services.db.write(certificates.revoke, holder.account_id, seal.key_id)
    _, raw = await newest(site, to, "inbox")
    found = signers.split(base64.b64decode(raw.rpartition(b"Signature\r\n\r\n")[2].partition(b"--")[0]))
    assert len(found.each) == 2
    reader_of = await site.signed_in(site.people[EDUCATION], "en")
    page = (await reader_of.get(await reader_of.newest(to))).text
    assert 'class="verdict good"' in page
    assert "Also signed by" in page
    assert re.search(r"<bdi>Bureau d&#39;ordre</bdi> · <bdi>", page)  # the office, behind its post whichever DER puts first


async def test_a_signature_tells_how_to_write_back_until_its_certificate_is_blocked(site: Site, visitor: Visitor) -> None:
    issuer = await authorities.administration(site.services, "Ailleurs", "ailleurs.example")
    freshness._answers(site.services)._known_until_s = 0.0  # a new authority is known to it after five seconds
    who = Subject("Amina", "Ailleurs", addresses=("amina@ailleurs.example",))
    ders = {}
    for kind, key in (("sign", "p256"), ("encrypt", "decrypt-p256")):
        public = await site.services.signer.generate(f"amina-{kind}", key)
        ders[kind] = await ca.issue(site.services.signer, issuer, kind, who, public, site.clock.now_us())
        issued = await site.services.db.write(register.add, issuer.key_id, ders[kind], New(kind, f"amina-{kind}"))
    identity = SigningIdentity("amina-sign", ders["sign"], issuer.issued_chain, ders["encrypt"])
    signature = await smime.sign(PLAIN, identity, site.services.signer, site.clock.now_us())
    await site.deliver(INTERIOR, TOP + smime.entity(PLAIN.replace(b"What", b"That"), signature, "b-1"))
    assert 'class="verdict bad"' in (await visitor.get(await newest_path(site))).text
    assert (await correspondents.readers(site.services, ["amina@ailleurs.example"])).missing
    await site.deliver(INTERIOR, TOP + smime.entity(PLAIN, signature, "b-1"))
    assert 'class="verdict good"' in (await visitor.get(await newest_path(site))).text
    found = await correspondents.readers(site.services, ["amina@ailleurs.example"])
    assert (found.recipients, found.cipher) == ((Recipient(ders["encrypt"], True),), "gcm")
    await site.services.db.write(register.revoke, issued.authority, issued.serial, "keyCompromise")
    assert (await correspondents.readers(site.services, ["amina@ailleurs.example"])).missing == ("amina@ailleurs.example",)


async def test_a_signed_letter_that_was_sent_on_to_somebody_else_says_so(site: Site, visitor: Visitor, clerk: FeaturedPerson) -> None:
    certificate, key_id = await signing_key(site)
    protected = letters.protect(OUR_TOP, PLAIN, letters.confidential(OUR_TOP))
    protected = protected.replace(INTERIOR.encode(), b"x@y.example").replace(b"HP-Outer: From: x@y.example", b"HP-Outer: From: z@y.example")
    entity = smime.entity(protected, await signed(site, certificate, key_id, protected), "b-1")
    page = await opened(visitor, await arrived(site, entity, modern=True), clerk.password)
    assert "Whoever signed it did not write to this mailbox" in page
    assert "The author named inside is not the one named above" in page
