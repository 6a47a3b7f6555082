"""Letters of somebody elsewhere who uses OpenPGP: read, opened, answered, and their keys known, changed and looked up."""

import html
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from directory.demo import FeaturedPerson
from mailcore import dns
from mailcore.message import build
from mailcore.openpgp import lookup, mime, own, pins, wkd
from mailcore.openpgp.lookup import Directory
from signing.openpgp import keys, letters
from signing.openpgp.types import Key, Secret
from tests.mailcore.routing import https
from tests.peers.dns import serving
from tests.webmail.site import EDUCATION, INTERIOR, Site, Visitor, letter
from tests.webmail.views.test_compose import compose, newest
from tests.webmail.views.test_folder import text, uids
from webmail.openpgp.wording import grouped

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("openpgp")]

Pair = tuple[Secret, Key]
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
    await visitor.get(f"/mail/{await site.account(address)}/")
    inbox = visitor.path
    path = f"{inbox}/{uids(await text(visitor, inbox))[0]}"
    return path, html.unescape(await text(visitor, path))


async def press(visitor: Visitor, path: str, action: str, **fields: Any) -> str:
    return html.unescape((await visitor.post(path, {"action": action, **fields})).text)


async def test_a_key_that_came_along_is_kept_on_demand_and_another_one_is_warned_of(site: Site, visitor: Visitor, amina: Pair) -> None:
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
    await sent(visitor, to=EDUCATION, subject="Affaire 12", text="Le dossier", option="pgp-encrypt")
    _, raw = await newest(site, await site.account(INTERIOR), "sent")
    assert b"Affaire" not in raw
    armoured = raw[raw.index(b"-----BEGIN PGP MESSAGE") :].partition(b"--=_")[0]
    for address in (EDUCATION, INTERIOR):
        found = letters.decrypt([ours[address][0]], armoured, ours[INTERIOR][1].octets)
        assert (found.judged.worth, found.judged.fingerprint) == ("good", ours[INTERIOR][1].fingerprint)
        assert b"Subject: Affaire 12" in found.octets
        assert b"Le dossier" in found.octets
    await sent(visitor, to=EDUCATION, subject="Affaire 13", text="Le dossier é", option="pgp-sign")
    _, raw = await newest(site, await site.account(INTERIOR), "sent")
    boundary = raw.partition(b'boundary="')[2].partition(b'"')[0]
    _, first, second, _ = raw.split(b"--" + boundary)
    covered, signature = first.removeprefix(b"\r\n").removesuffix(b"\r\n"), second.partition(b"\r\n\r\n")[2]
    assert letters.verify(ours[INTERIOR][1].octets, covered, signature).worth == "good"


async def test_who_has_no_key_is_named_before_anything_is_sent(
    site: Site, visitor: Visitor, ours: dict[str, Pair], directory: https.Web, sent: Callable[..., Any]
) -> None:
    page = await sent(visitor, to="nobody@ailleurs.example", subject="x", text="y", option="pgp-encrypt")
    assert "No OpenPGP key is known for" in page
    assert directory.asked == [f"/.well-known/openpgpkey/ailleurs.example/hu/{wkd.name('nobody')}?l=nobody"]


@pytest.fixture
def sent(site: Site) -> Callable[..., Any]:
    """Write a letter as the registry of the interior; return the page after it."""

    async def send(visitor: Visitor, **fields: str) -> str:
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
    site: Site, visitor: Visitor, amina: Pair, ours: dict[str, Pair]
) -> None:
    account, address = await site.account(INTERIOR), "karim@ailleurs.example"
    await site.services.db.write(pins.see, account, address, ours[EDUCATION][1], "directory")
    await site.services.db.write(pins.see, account, address, amina[1], "letter")
    page = html.unescape(await text(visitor, "/openpgp"))
    assert grouped(ours[INTERIOR][1].fingerprint) in page
    assert grouped(ours[EDUCATION][1].fingerprint) in page
    assert "Another key has turned up" in page
    asked = {"account": str(account), "address": address}
    assert (await visitor.post("/openpgp", asked | {"action": "accept", "fingerprint": "0" * 40})).status_code == 404
    await visitor.get("/openpgp")
    page = html.unescape((await visitor.post("/openpgp", asked | {"action": "accept", "fingerprint": amina[1].fingerprint})).text)
    assert grouped(ours[EDUCATION][1].fingerprint) not in page
    assert address not in (await visitor.post("/openpgp", asked | {"action": "forget"})).text
    await visitor.get("/openpgp")
    others = asked | {"account": str(await site.account(EDUCATION)), "action": "forget"}
    assert (await visitor.post("/openpgp", others)).status_code == 404
