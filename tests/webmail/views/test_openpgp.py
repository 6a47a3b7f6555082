"""Letters of somebody elsewhere who uses OpenPGP: read, opened, answered, and their keys known, changed and looked up."""

import dataclasses
import html
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from config.clock import MINUTE_US
from config.openpgp import OpenPgp
from directory.demo import FeaturedPerson
from mailcore import dns
from mailcore.message import build
from mailcore.openpgp import letters as judging
from mailcore.openpgp import lookup, mime, own, pins, wkd
from mailcore.openpgp.lookup import Directory
from signing.openpgp import keys, letters
from signing.openpgp.errors import PgpUnavailable
from signing.openpgp.types import Key, Secret
from tests.clocks import ShiftedClock
from tests.mailcore.routing import https
from tests.peers.dns import serving
from tests.webmail.site import EDUCATION, INTERIOR, Site, Visitor, letter
from tests.webmail.views.conftest import Lent
from tests.webmail.views.test_compose import compose, newest
from tests.webmail.views.test_folder import text
from webmail.openpgp.wording import grouped

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("openpgp")]

Pair = tuple[Secret, Key]
HEALTH = "bureau.ordre@sante.gov.example"
HOST = "openpgpkey.ailleurs.example"


@pytest.fixture(scope="module")
def amina() -> Pair:
    return keys.generate("Amina", "amina@ailleurs.example", 700)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ours(site: Site) -> dict[str, Pair]:
    """Keys of two registries, by address."""
    made = {}
    for address in (INTERIOR, EDUCATION):
        key = await own.make(site.services.signer, await site.account(address), address, "Bureau d'ordre", 700)
        await site.services.db.write(own.add, key)
        made[address] = (await own.opened(site.services.signer, key), keys.read(key.public_key)[0])
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[https.Web]:
    """The directory of the correspondent's domain, with a name server that knows it."""
    async with serving({(HOST, "A"): ["127.0.0.1"]}) as names, https.serving(tmp_path, HOST) as web:
        trusted = ssl.create_default_context(cafile=web.root)
        asking = Directory(dns.system_resolver(names.settings), lambda address: True, trusted, web.port)
        monkeypatch.setattr(lookup, "directory", lambda services: asking)
        web.answer(b"", status=404)
        yield web


def entity(words: str = "Bonjour", key: bytes = b"") -> bytes:
    plain = build.body_part(words)
    if not key:
        return plain
    return build.multipart("mixed", [plain, b"Content-Type: application/pgp-keys\r\n\r\n" + keys.armoured(key).replace(b"\n", b"\r\n")])


def signed(pair: Pair, inner: bytes, author: str = "amina@ailleurs.example") -> bytes:
    return written(mime.signed(inner, letters.sign(pair[0], inner), letters.MICALG, "=_outer"), author)


def written(body: bytes, author: str = "amina@ailleurs.example", subject: str = "Question") -> bytes:
    top = letter(subject=subject).partition(b"MIME-Version: 1.0\r\n")[0].replace(b"amina@ailleurs.example", author.encode())
    return build.with_entity(top + b"MIME-Version: 1.0\r\n", body)


async def read(site: Site, visitor: Visitor, raw: bytes, address: str = INTERIOR) -> tuple[str, str]:
    """Deliver a letter and open it; return its address and its page."""
    await site.deliver(address, raw)
    path = await visitor.newest(await site.account(address))
    return path, html.unescape(await text(visitor, path))


async def press(visitor: Visitor, path: str, action: str, **fields: Any) -> str:
    return html.unescape((await visitor.post(path, {"action": action, **fields})).text)


async def test_a_key_that_came_along_is_kept_on_demand_and_another_one_is_warned_of(
    site: Site, visitor: Visitor, amina: Pair, later: ShiftedClock
) -> None:
    path, page = await read(site, visitor, signed(amina, entity("Bonjour", amina[1].octets)))
    assert "anybody could have made it" in page
    assert grouped(amina[1].fingerprint) in page
    assert "Bonjour" in page
    assert 'class="verdict good"' not in page
    page = await press(visitor, path, "pgp-keep", fingerprint=amina[1].fingerprint)
    assert "Signed with the OpenPGP key that is known for this address" in page
    assert "This is no official signature" in page
    assert "letter official" not in page
    other = keys.generate("Amina", "amina@ailleurs.example", 10)
    path, page = await read(site, visitor, signed(other, entity("Urgent", other[1].octets)))
    assert "Signed with another OpenPGP key" in page
    assert 'class="verdict bad"' in page
    assert (await visitor.post(path, {"action": "pgp-keep", "fingerprint": "0" * 40})).status_code == 404
    await visitor.get(path)
    page = await press(visitor, path, "pgp-keep", fingerprint=other[1].fingerprint)
    assert "Another key has turned up" in page
    assert "Signed with another OpenPGP key" in page
    later.ahead_us += 11 * MINUTE_US
    assert "proof-password" in await press(visitor, path, "pgp-accept", fingerprint=other[1].fingerprint)
    later.ahead_us = 0
    await visitor.get(path)
    page = await press(visitor, path, "pgp-accept", fingerprint=other[1].fingerprint)
    assert "The new key is the one of this address" in page
    assert "Signed with the OpenPGP key that is known" in page


async def test_only_what_the_signature_covers_is_shown_and_a_change_is_told(site: Site, visitor: Visitor, ours: dict[str, Pair]) -> None:
    raw = signed(ours[EDUCATION], entity("Un ordre"), EDUCATION)
    assert "Signed with the OpenPGP key that is known" in (await read(site, visitor, raw))[1]
    assert "the text was changed" in (await read(site, visitor, raw.replace(b"Un ordre", b"Un autre")))[1]
    framed = raw.replace(b"--=_outer--", b"--=_outer\r\nContent-Type: text/plain\r\n\r\nframe\r\n--=_outer--")
    assert "OpenPGP key that is known" not in (await read(site, visitor, framed))[1]


async def test_an_encrypted_letter_opens_for_its_reader_alone(
    site: Site, visitor: Visitor, clerk: FeaturedPerson, ours: dict[str, Pair]
) -> None:
    inner = b"Subject: Secret plan\r\n" + entity("Le plan").replace(
        b"Content-Type: text/plain", b'Content-Type: text/plain; hp="cipher"', 1
    )
    armoured = letters.encrypt(inner, [ours[INTERIOR][1].octets], secret=ours[EDUCATION][0])
    raw = written(mime.encrypted(armoured, "=_outer"), EDUCATION, "[...]")
    path, page = await read(site, visitor, raw)
    assert "Le plan" not in page
    assert "Open the letter" in page
    page = await press(visitor, path, "pgp-open")
    assert "Le plan" in page
    assert "Secret plan" in page
    assert "Signed with the OpenPGP key that is known" in page
    assert "has no OpenPGP key" in (await read(site, visitor, raw, clerk.address))[1]
    broken = written(mime.encrypted(armoured[:300] + armoured[340:], "=_outer"), EDUCATION)
    path, _ = await read(site, visitor, broken)
    assert "cannot be decrypted" in await press(visitor, path, "pgp-open")
    path, _ = await read(site, visitor, written(mime.encrypted(letters.encrypt(entity("x"), [ours[INTERIOR][1].octets]), "=_outer")))
    assert "Nobody has signed this encrypted letter" in await press(visitor, path, "pgp-open")


async def test_what_is_signed_inside_an_encryption_is_judged_there_and_its_key_kept(
    site: Site, visitor: Visitor, ours: dict[str, Pair]
) -> None:
    nora = keys.generate("Nora", "nora@ailleurs.example", 10)
    inner = entity("Bonjour", nora[1].octets)
    within = mime.signed(inner, letters.sign(nora[0], inner), letters.MICALG, "=_inner")
    body = mime.encrypted(letters.encrypt(within, [ours[INTERIOR][1].octets]), "=_outer")
    path, _ = await read(site, visitor, written(body, "nora@ailleurs.example"))
    page = await press(visitor, path, "pgp-open")
    assert "Bonjour" in page
    assert "anybody could have made it" in page
    assert "Nobody has signed" not in page
    assert "The key was noted." in await press(visitor, path, "pgp-keep", fingerprint=nora[1].fingerprint)
    assert "Signed with the OpenPGP key that is known" in html.unescape(await text(visitor, path))


async def test_of_two_authors_nobody_has_signed(site: Site, visitor: Visitor, ours: dict[str, Pair]) -> None:
    raw = signed(ours[EDUCATION], entity("Un ordre"), EDUCATION)
    _, page = await read(site, visitor, raw.replace(b"MIME-Version:", b"From: x@y.example\r\nMIME-Version:", 1))
    assert "Un ordre" in page
    assert "OpenPGP key that is known for" not in page


async def test_a_letter_is_shown_when_its_signature_takes_too_long(
    site: Site, visitor: Visitor, ours: dict[str, Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        raise PgpUnavailable

    monkeypatch.setattr(judging, "judge", never)
    _, page = await read(site, visitor, signed(ours[EDUCATION], entity("Un ordre"), EDUCATION))
    assert "This OpenPGP signature cannot be read" in page
    assert "Un ordre" in page


async def test_who_borrows_a_mailbox_neither_opens_its_letters_nor_decides_about_keys(
    site: Site, visitor: Visitor, ours: dict[str, Pair], lent: Lent
) -> None:
    account = await lent.lend(["read", "write"])
    raw = written(mime.encrypted(letters.encrypt(entity("Le plan"), [ours[EDUCATION][1].octets]), "=_outer"))
    path, page = await read(site, visitor, raw, EDUCATION)
    assert "its key is not lent with it" in page
    mira = keys.generate("Mira", "mira@ailleurs.example", 10)
    shown, page = await read(site, visitor, signed(mira, entity("Bonjour", mira[1].octets), "mira@ailleurs.example"), EDUCATION)
    assert "anybody could have made it" in page
    assert 'value="pgp-keep"' not in page
    await site.services.db.write(pins.see, account, "mira@ailleurs.example", mira[1], "letter")
    asked = {"csrf": visitor.token(), "fingerprint": mira[1].fingerprint, "address": "mira@ailleurs.example", "account": str(account)}
    for where, action in ((path, "pgp-open"), (shown, "pgp-keep"), (shown, "pgp-look"), (shown, "pgp-accept"), ("/openpgp", "forget")):
        assert (await visitor.send(where, asked | {"action": action})).status_code == 404


async def test_the_key_of_an_author_is_asked_of_their_domain_by_a_button(site: Site, visitor: Visitor, directory: https.Web) -> None:
    leila = keys.generate("Leila", "leila@ailleurs.example", 10)
    path, page = await read(site, visitor, signed(leila, entity(), "leila@ailleurs.example"))
    assert "OpenPGP key that is not known here" in page
    assert directory.asked == []
    assert "publishes no key" in await press(visitor, path, "pgp-look")
    directory.answer(leila[1].octets)
    page = await press(visitor, path, "pgp-look")
    assert "from the directory of the sender's domain" in page
    assert "Signed with the OpenPGP key that is known" in page
    assert directory.hosts == [HOST, HOST]
    for published in (keys.revoked(leila[1].octets, leila[0].revocation).octets, leila[1].octets):  # what is forgotten there is not here
        directory.answer(published)
        page = await press(visitor, path, "pgp-look")
        assert "Signed with the OpenPGP key that is known" not in page
        assert "The OpenPGP key of this signature was revoked" in page


async def test_a_letter_leaves_encrypted_its_subject_inside_or_signed(
    site: Site, visitor: Visitor, ours: dict[str, Pair], directory: https.Web, sent: Callable[..., Any]
) -> None:
    await sent(visitor, to=EDUCATION, subject="Affaire 12", text="Le dossier", option=["pgp-sign", "pgp-encrypt"])
    _, raw = await newest(site, await site.account(INTERIOR), "sent")
    assert b"Affaire" not in raw
    armoured = raw[raw.index(b"-----BEGIN PGP MESSAGE") :].partition(b"--=_")[0]
    for address in (EDUCATION, INTERIOR):
        found = letters.decrypt([ours[address][0]], armoured, ours[INTERIOR][1].octets)
        assert (found.judged.worth, found.judged.fingerprint) == ("good", ours[INTERIOR][1].fingerprint)
        assert b"Subject: Affaire 12" in found.octets
        assert b"Le dossier" in found.octets
        assert b"multipart/signed" not in found.octets  # what encrypts it has signed it
    await sent(visitor, to=EDUCATION, subject="Affaire 13", text="Le dossier é", option="pgp-sign")
    _, raw = await newest(site, await site.account(INTERIOR), "sent")
    boundary = raw.partition(b'boundary="')[2].partition(b'"')[0]
    _, first, second, _ = raw.split(b"--" + boundary)
    covered, signature = first.removeprefix(b"\r\n").removesuffix(b"\r\n"), second.partition(b"\r\n\r\n")[2]
    assert letters.verify(ours[INTERIOR][1].octets, covered, signature).worth == "good"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"option": ["encrypt", "pgp-encrypt"]}, "A letter is encrypted once"),
        ({"option": "pgp-sign", "sign": "yes"}, "An official signature stands for itself"),
        ({"option": "pgp-encrypt", "to": ", ".join(f"a{n}@ailleurs.example" for n in range(101))}, "has at most 100 recipients"),
    ],
)
async def test_what_keeps_a_letter_from_leaving_with_openpgp_is_said(
    visitor: Visitor, ours: dict[str, Pair], sent: Callable[..., Any], fields: dict[str, Any], says: str
) -> None:
    assert says in await sent(visitor, **({"to": EDUCATION, "subject": "x", "text": "y"} | fields))


async def test_only_who_has_a_key_is_offered_what_it_does(site: Site, visitor: Visitor, ours: dict[str, Pair]) -> None:
    await compose(visitor, await site.account(INTERIOR))
    assert visitor.last is not None
    assert 'value="pgp-encrypt"' in visitor.last.text
    other = await site.signed_in(site.people[HEALTH])
    await compose(other, await site.account(HEALTH))
    assert other.last is not None
    assert 'value="encrypt"' in other.last.text
    assert "pgp-" not in other.last.text


async def test_who_has_no_key_is_named_before_anything_is_sent(
    site: Site, visitor: Visitor, ours: dict[str, Pair], directory: https.Web, sent: Callable[..., Any]
) -> None:
    page = await sent(visitor, to="nobody@ailleurs.example", subject="x", text="y", option="pgp-encrypt")
    assert "No OpenPGP key is known for" in page
    asked = [f"/.well-known/openpgpkey/ailleurs.example/hu/{wkd.name('nobody')}?l=nobody"]
    assert directory.asked == asked
    silent = msgspec.structs.replace(site.services.settings, openpgp=OpenPgp(lookup=False))
    services = dataclasses.replace(site.services, settings=silent)
    assert await judging.look_up(services, await site.account(INTERIOR), "nobody@ailleurs.example") is None
    assert directory.asked == asked


@pytest.fixture
def sent(site: Site) -> Callable[..., Any]:
    """Write a letter as the registry of the interior; return the page after it."""

    async def send(visitor: Visitor, **fields: Any) -> str:
        account = await site.account(INTERIOR)
        path, kept = await compose(visitor, account)
        return html.unescape((await visitor.post(path, kept | fields | {"from": str(account), "action": "send"})).text)

    return send


async def test_anybody_finds_our_keys_in_the_directory(site: Site, ours: dict[str, Pair]) -> None:
    local, _, domain = INTERIOR.partition("@")
    advanced, direct = wkd.places(local, domain)
    anybody = site.visitor().client
    answer = await anybody.get(advanced.path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert keys.of_address(answer.content, INTERIOR).fingerprint == ours[INTERIOR][1].fingerprint
    assert (await anybody.get(direct.path, headers={"host": domain})).content == answer.content
    assert (await anybody.get(direct.path)).status_code == 404
    assert (await anybody.get(advanced.path.replace(wkd.name(local), wkd.name("nobody")))).status_code == 404
    assert (await anybody.get(f"{wkd.PATH}/{domain}/hu/x%00y")).status_code == 404
    assert (await anybody.get(f"{wkd.PATH}/{domain}/policy")).status_code == 200


async def test_the_keys_that_are_known_are_shown_accepted_and_forgotten(
    site: Site, visitor: Visitor, amina: Pair, ours: dict[str, Pair], later: ShiftedClock
) -> None:
    account, address = await site.account(INTERIOR), "karim@ailleurs.example"
    await site.services.db.write(pins.see, account, address, ours[EDUCATION][1], "directory")
    await site.services.db.write(pins.see, account, address, amina[1], "letter")
    assert 'href="/openpgp"' in await text(visitor, "/directory")
    page = html.unescape(await text(visitor, "/openpgp"))
    assert 'href="/openpgp" aria-current="page"' in page
    assert grouped(ours[INTERIOR][1].fingerprint) in page
    assert grouped(ours[EDUCATION][1].fingerprint) in page
    assert "Another key has turned up" in page
    asked = {"account": str(account), "address": address}
    later.ahead_us += 11 * MINUTE_US
    assert "proof-password" in (await visitor.post("/openpgp", asked | {"action": "forget"})).text
    later.ahead_us = 0
    await visitor.get("/openpgp")
    assert (await visitor.post("/openpgp", asked | {"action": "accept", "fingerprint": "0" * 40})).status_code == 404
    await visitor.get("/openpgp")
    page = html.unescape((await visitor.post("/openpgp", asked | {"action": "accept", "fingerprint": amina[1].fingerprint})).text)
    assert grouped(ours[EDUCATION][1].fingerprint) not in page
    assert address not in (await visitor.post("/openpgp", asked | {"action": "forget"})).text
    await visitor.get("/openpgp")
    others = asked | {"account": str(await site.account(EDUCATION)), "action": "forget"}
    assert (await visitor.post("/openpgp", others)).status_code == 404
