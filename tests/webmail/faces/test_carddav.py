"""Address books over HTTPS, asked as telephones ask and by a foreign client."""

import asyncio
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from directory import favourites, people, visibility
from directory.address import parse
from directory.signin import app_passwords
from tests.webmail.faces.conftest import DOMAIN, Device, Office, basic
from tests.webmail.site import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")
D, C = "{DAV:}", "{urn:ietf:params:xml:ns:carddav}"
HEAD = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:S="http://calendarserver.org/ns/"'
SYNC = f"<sync-collection {HEAD}><sync-token>{{}}</sync-token><sync-level>1</sync-level>{{}}<prop><getetag/></prop></sync-collection>"
LIMIT = "<limit><nresults>{}</nresults></limit>"


def propfind(*names: str) -> str:
    return f"<propfind {HEAD}><prop>{''.join(f'<{name}/>' for name in names)}</prop></propfind>"


def hrefs(document: ElementTree.Element, status: str = "200") -> set[str]:
    """Return the addresses of the responses that have this status, by themselves or for a property."""
    found = set()
    for one in document.findall(f"{D}response"):
        said = [one.findtext(f"{D}status"), *(part.findtext(f"{D}status") for part in one.findall(f"{D}propstat"))]
        if any(text and text.split()[1] == status for text in said):
            found.add(one.findtext(f"{D}href", ""))
    return found


async def test_a_device_finds_its_books_from_the_host_name_alone(device: Device, office: Office) -> None:
    known = await device.ask("PROPFIND", "/.well-known/carddav", depth="0")
    assert (known.status_code, known.headers["location"]) == (301, "/dav/")
    root = await device.multistatus("PROPFIND", "/dav/", propfind("current-user-principal", "resourcetype"))
    principal = root.findtext(f".//{D}current-user-principal/{D}href", "")
    answer = await device.multistatus("PROPFIND", principal, propfind("C:addressbook-home-set", "displayname", "principal-URL"))
    assert answer.findtext(f".//{D}displayname") == "Amina"
    home = answer.findtext(f".//{C}addressbook-home-set/{D}href", "")
    books = await device.multistatus("PROPFIND", home, propfind("resourcetype", "displayname", "sync-token", "S:getctag"), depth="1")
    named = {
        one.findtext(f"{D}href"): one.findtext(f".//{D}displayname")
        for one in books.findall(f"{D}response")
        if one.find(f".//{D}resourcetype/{C}addressbook") is not None
    }
    assert named == {office.book: "Mon unité", office.book.replace("unit", "favourites"): "Favoris"}
    assert len([one for one in books.iter(f"{D}sync-token") if one.text]) == 2


async def test_a_book_lists_its_cards_with_their_tags(device: Device, office: Office) -> None:
    listed = await device.multistatus("PROPFIND", office.book, propfind("getetag", "getcontenttype", "quota"), depth="1")
    cards = {office.book + f"{n}.vcf" for n in (office.amina.person_id, office.karim.person_id, office.post.post_id)}
    assert hrefs(listed) == cards
    assert hrefs(listed, "404") == {office.book, *cards}
    assert {one.text for one in listed.iter(f"{D}getcontenttype") if one.text} == {"text/vcard; charset=utf-8"}
    alone = await device.multistatus("PROPFIND", office.book)
    assert hrefs(alone) == {office.book}


async def test_a_card_is_read_in_either_version(device: Device, office: Office) -> None:
    path = office.book + f"{office.karim.person_id}.vcf"
    classic = await device.ask("GET", path)
    assert classic.headers["content-type"] == "text/vcard; charset=utf-8; version=3.0"
    assert "\r\nVERSION:3.0\r\n" in classic.text
    assert "\r\nFN:Karim\r\n" in classic.text
    modern = await device.ask("GET", path, accept='text/vcard; version="4.0"')
    assert "\r\nVERSION:4.0\r\n" in modern.text
    assert modern.headers["etag"] != classic.headers["etag"]
    listed = await device.multistatus("PROPFIND", path, propfind("getetag"))
    assert listed.findtext(f".//{D}getetag") == classic.headers["etag"]
    assert (await device.ask("GET", path, if_none_match=classic.headers["etag"])).status_code == 304
    assert (await device.ask("HEAD", path)).content == b""


async def test_an_incremental_synchronisation_tells_who_was_renamed_left_and_came(device: Device, office: Office, site: Site) -> None:
    first = await device.multistatus("REPORT", office.book, SYNC.format("", ""))
    assert len(hrefs(first)) == 3
    token = first.findtext(f"{D}sync-token", "")
    assert hrefs(await device.multistatus("REPORT", office.book, SYNC.format(token, ""))) == set()
    db = site.services.db
    third = await db.write(people.create, "ليلى", "Leïla", parse(f"leila{office.unit.unit_id}@{DOMAIN}"), "ar", office.unit.unit_id)
    await db.write(people.rename, office.amina.person_id, "أمينة بن علي", "Amina Benali")
    await db.write(people.move, office.karim.person_id, office.elsewhere.unit_id)
    second = await device.multistatus("REPORT", office.book, SYNC.format(token, ""))
    assert hrefs(second) == {office.book + f"{n}.vcf" for n in (third.person_id, office.amina.person_id)}
    assert hrefs(second, "404") == {office.book + f"{office.karim.person_id}.vcf"}
    assert second.findtext(f"{D}sync-token") != token
    assert (await device.ask("GET", office.book + f"{office.karim.person_id}.vcf")).status_code == 404


async def test_a_synchronisation_may_come_in_parts(device: Device, office: Office) -> None:
    found: set[str] = set()
    token = ""
    for left in (2, 1, 0):
        part = await device.multistatus("REPORT", office.book, SYNC.format(token, LIMIT.format(1)))
        assert len(hrefs(part)) == 1
        assert hrefs(part, "507") == ({office.book} if left else set())
        found |= hrefs(part)
        token = part.findtext(f"{D}sync-token", "")
    assert len(found) == 3


@pytest.mark.parametrize("token", ["urn:diwan:book:999999", "urn:diwan:book:x", "http://elsewhere.example/1"])
async def test_a_token_that_is_not_good_is_refused_so_that_the_device_starts_over(device: Device, office: Office, token: str) -> None:
    answer = await device.ask("REPORT", office.book, SYNC.format(token, ""))
    assert answer.status_code == 403
    assert ElementTree.fromstring(answer.content).find(f"{D}valid-sync-token") is not None


async def test_many_cards_come_at_once_and_what_is_not_there_is_said(device: Device, office: Office) -> None:
    wanted = [office.book + f"{office.karim.person_id}.vcf", office.book + "1.vcf", "/dav/books/1/unit/1.vcf", "/else", "%00"]
    body = f"<C:addressbook-multiget {HEAD}><prop><getetag/><C:address-data><C:prop name='EMAIL'/></C:address-data></prop>"
    body += "".join(f"<href>{href}</href>" for href in wanted) + "</C:addressbook-multiget>"
    answer = await device.multistatus("REPORT", office.book, body)
    assert hrefs(answer) == {wanted[0]}
    assert hrefs(answer, "404") == set(wanted[1:])
    lines = answer.findtext(f".//{C}address-data", "").split("\n")
    assert [line.partition(":")[0].partition(";")[0] for line in lines if line][:4] == ["BEGIN", "VERSION", "UID", "FN"]
    assert not any(line.startswith("ORG") for line in lines)


async def test_a_query_finds_cards_by_what_is_in_them(device: Device, office: Office) -> None:
    test = "<C:prop-filter name='FN'><C:text-match match-type='starts-with'>kar</C:text-match></C:prop-filter>"
    body = f"<C:addressbook-query {HEAD}><prop><getetag/></prop><C:filter>{test}</C:filter></C:addressbook-query>"
    assert hrefs(await device.multistatus("REPORT", office.book, body)) == {office.book + f"{office.karim.person_id}.vcf"}


async def test_favourites_are_a_book_too(device: Device, office: Office, site: Site) -> None:
    book = office.book.replace("unit", "favourites")
    token = (await device.multistatus("REPORT", book, SYNC.format("", ""))).findtext(f"{D}sync-token", "")
    stranger = site.people[f"bureau.ordre@{DOMAIN}"]
    account = await site.account(stranger.address)
    await site.services.db.write(favourites.add, office.amina.person_id, account)
    assert hrefs(await device.multistatus("REPORT", book, SYNC.format(token, ""))) == {book + f"{account}.vcf"}
    await site.services.db.write(visibility.set, account, "entry", "unit")
    try:
        assert hrefs(await device.multistatus("REPORT", book, SYNC.format(token, "")), "404") == {book + f"{account}.vcf"}
    finally:
        await site.services.db.write(visibility.set, account, "entry", None)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PROPPATCH", "MKCOL", "COPY", "MOVE", "POST"])
async def test_nothing_can_be_changed(device: Device, office: Office, method: str) -> None:
    answer = await device.ask(method, office.book + f"{office.karim.person_id}.vcf", "BEGIN:VCARD")
    assert answer.status_code == 403
    assert ElementTree.fromstring(answer.content).find(f"{D}need-privileges") is not None


async def test_what_belongs_to_others_is_not_there(device: Device, office: Office) -> None:
    for path in (f"/dav/books/{office.karim.person_id}/unit/", f"/dav/principals/{office.karim.person_id}/", "/dav/books/1/", "/dav/else"):
        assert (await device.ask("PROPFIND", path, depth="0")).status_code == 404


@pytest.mark.parametrize(("name", "password"), [("", ""), ("amina", "x"), ("AMINA", "wrong"), ("AMINA", "imap"), ("KARIM", "SECRET")])
async def test_nobody_reads_without_a_password_for_it(stranger: Device, office: Office, site: Site, name: str, password: str) -> None:
    other = await app_passwords.create(site.services.db, office.amina.person_id, "x", ["imap"], hasher=site.services.signin.hasher)
    known = {"AMINA": office.amina.address, "KARIM": office.karim.address, "imap": other.secret, "SECRET": office.secret}
    headers = {"authorization": basic(known.get(name, name), known.get(password, password))} if name else {}
    answer = await stranger.ask("PROPFIND", office.book, depth="0", **headers)
    assert answer.status_code == 401
    assert 'Basic realm="Diwan", charset="UTF-8"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !", "Basic YQ==", "Basic " + "A" * 5000, "Bearer", "Bearer x", "Digest x", "Basic /w==", "Basic é"]
)
async def test_a_header_that_says_nothing_lets_nobody_in(stranger: Device, office: Office, header: str) -> None:
    answer = await stranger.client.request("PROPFIND", office.book, headers={"depth": "0", "authorization": header.encode()})
    assert answer.status_code == 401


ENTITY = '<!DOCTYPE p [<!ENTITY e SYSTEM "file:///etc/passwd">]><propfind xmlns="DAV:"><prop><x>&e;</x></prop></propfind>'


@pytest.mark.parametrize(
    ("method", "depth", "body", "status"),
    [
        ("PROPFIND", "infinity", "", 403),
        ("PROPFIND", "1", "<", 400),
        ("PROPFIND", "1", "<a/>", 400),
        ("PROPFIND", "1", ENTITY, 400),
        ("REPORT", "0", "", 400),
        ("REPORT", "0", '<expand-property xmlns="DAV:"/>', 403),
        ("REPORT", "0", " " * 1_100_000, 413),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_refused(device: Device, office: Office, method: str, depth: str, body: str, status: int) -> None:
    assert (await device.ask(method, office.book, body, depth=depth)).status_code == status


async def test_options_tell_what_is_spoken(stranger: Device) -> None:
    answer = await stranger.ask("OPTIONS", "/dav/")
    assert "addressbook" in answer.headers["dav"]


CONFIG = """
[general]
status_path = "{folder}/status"
[pair book]
a = "here"
b = "there"
collections = ["from b"]
conflict_resolution = "b wins"
[storage here]
type = "filesystem"
path = "{folder}/cards"
fileext = ".vcf"
[storage there]
type = "carddav"
url = "{url}/"
username = "{name}"
password = "{password}"
verify = "{roots}"
read_only = true
"""


@pytest.mark.peer
@pytest.mark.skipif(not shutil.which("vdirsyncer"), reason="vdirsyncer is not installed")
async def test_vdirsyncer_follows_the_unit(served: tuple[str, Path], office: Office, site: Site, tmp_path: Path) -> None:
    url, roots = served
    config = tmp_path / "config"
    config.write_text(CONFIG.format(folder=tmp_path, url=url, name=office.amina.address, password=office.secret, roots=roots))

    async def run(command: str) -> None:
        done = await asyncio.create_subprocess_exec(
            *("vdirsyncer", "-c", str(config), command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(done.communicate(b"y\n" * 8), 60)
        assert done.returncode == 0, said.decode()

    def names() -> set[str]:
        cards = [path.read_text("utf-8") for path in (tmp_path / "cards" / "unit").glob("*.vcf")]
        return {line.partition(":")[2] for card in cards for line in card.splitlines() if line.startswith("FN")}

    await run("discover")
    await run("sync")
    assert names() == {"Amina", "Karim", "Chef"}
    db = site.services.db
    await db.write(people.create, "ليلى", "Leïla", parse(f"leila{office.unit.unit_id}@{DOMAIN}"), "ar", office.unit.unit_id)
    await db.write(people.rename, office.amina.person_id, "أمينة بن علي", "Amina Benali")
    await db.write(people.move, office.karim.person_id, office.elsewhere.unit_id)
    await run("sync")
    assert names() == {"Amina Benali", "Leïla", "Chef"}
