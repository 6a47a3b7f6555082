"""What clients look up before they have a password, as they look it up."""

import re

import pytest

from directory.autoconfig import outlook, thunderbird, zone
from tests.directory.autoconfig.test_outlook import ASKED
from tests.webmail.site import INTERIOR, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")
DOMAIN = "interieur.gov.example"
ASK = f"?emailaddress=personne%40{DOMAIN}"


@pytest.mark.parametrize(
    ("host", "path"),
    [
        (f"autoconfig.{DOMAIN}", f"/mail/config-v1.1.xml{ASK}"),
        (f"autoconfig.{DOMAIN}", "/mail/config-v1.1.xml"),
        (DOMAIN, f"/.well-known/autoconfig/mail/config-v1.1.xml{ASK}"),
        (f"{DOMAIN}:443", "/.well-known/autoconfig/mail/config-v1.1.xml"),
        (f"autoconfig.{DOMAIN}", f"/.well-known/mail-v1.xml{ASK}"),
    ],
)
async def test_thunderbird_finds_its_document(site: Site, host: str, path: str) -> None:
    answer = await site.visitor().client.get(path, headers={"host": host})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == thunderbird.MEDIA_TYPE
    assert f"<domain>{DOMAIN}</domain>" in answer.text


@pytest.mark.parametrize("query", ["?emailaddress=a@elsewhere.example", "?emailaddress=@", ""])
async def test_a_domain_that_is_not_ours_has_none(site: Site, query: str) -> None:
    assert (await site.visitor().client.get(thunderbird.PATHS[0] + query)).status_code == 404


@pytest.mark.parametrize("path", outlook.PATHS)
async def test_outlook_is_told_the_same_whether_somebody_has_the_address_or_not(site: Site, path: str) -> None:
    said = []
    for address in (INTERIOR, f"personne@{DOMAIN}"):
        body = ASKED.format(address=address, schema=outlook.ACCEPTABLE)
        answer = await site.visitor().client.post(path, content=body, headers={"content-type": "text/xml"})
        assert answer.status_code == 200
        said.append(answer.text.replace(address, "X"))
    assert said[0] == said[1]
    assert "<Type>IMAP</Type>" in said[0]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (ASKED.format(address="a@elsewhere.example", schema=outlook.ACCEPTABLE), 500),
        (ASKED.format(address="a@" + DOMAIN, schema="urn:else"), 601),
        ("", 600),
    ],
)
async def test_outlook_is_refused_by_a_document(site: Site, body: str, code: int) -> None:
    answer = await site.visitor().client.post(outlook.PATHS[0], content=body)
    assert answer.status_code == 200
    assert re.search(r"<ErrorCode>(\d+)<", answer.text)[1] == str(code)


async def test_a_request_that_is_too_large_is_not_read(site: Site) -> None:
    answer = await site.visitor().client.post(outlook.PATHS[0], content=b" " * (outlook.MAX_BYTES + 1))
    assert answer.status_code == 413


async def test_an_iphone_gets_a_profile_of_an_address(site: Site) -> None:
    answer = await site.visitor().client.get(f"/.well-known/diwan/mail.mobileconfig?email={INTERIOR}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-apple-aspen-config"
    assert (await site.visitor().client.get(f"/.well-known/diwan/mail.mobileconfig?email={DOMAIN}")).status_code == 404


async def test_the_policy_host_gives_the_policy(site: Site) -> None:
    answer = await site.visitor().client.get(zone.STS_PATH, headers={"host": f"mta-sts.{DOMAIN}"})
    assert answer.content == zone.policy("mx.diwan.example")
    assert (await site.visitor().client.get(zone.STS_PATH, headers={"host": "mta-sts.elsewhere.example"})).status_code == 404
