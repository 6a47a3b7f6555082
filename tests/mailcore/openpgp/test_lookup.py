"""Keys of correspondents from a directory of the web, over real HTTPS and a real name server."""

import ssl

import pytest

from mailcore import dns
from mailcore.openpgp import wkd
from mailcore.openpgp.lookup import Directory
from signing.openpgp import keys
from signing.openpgp.errors import BadPgpKey
from tests.mailcore.openpgp.conftest import BRAHIM
from tests.mailcore.routing import https
from tests.peers.dns import serving

HOST = "openpgpkey.elsewhere.example"
ADVANCED = {(HOST, "A"): ["127.0.0.1"]}
HASH = wkd.name("brahim")


def asking(names, web, allowed=lambda address: True, roots=None):
    trusted = roots or ssl.create_default_context(cafile=web.root)
    return Directory(dns.system_resolver(names.settings), allowed, trusted, web.port)


async def key_of(directory, address):
    octets = await directory.fetch(address)
    return None if octets is None else keys.of_address(octets, address)


@pytest.fixture
async def site(tmp_path):
    async with serving(ADVANCED) as names, https.serving(tmp_path, HOST) as web:
        yield names, web


@pytest.mark.parametrize(
    ("local", "want"),
    [
        ("Joe.Doe", "iy9q119eutrkn8s1mk4r39qejnbu3n5q"),  # the example of the draft, §3.1
        ("joe.doe", "iy9q119eutrkn8s1mk4r39qejnbu3n5q"),
    ],
)
def test_a_local_part_has_one_name(local, want):
    assert wkd.name(local) == want


def test_places_are_those_of_the_draft():
    advanced, direct = wkd.places("Joe.Doe", "example.org")
    tail = "hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe"
    assert (advanced.host, advanced.path) == ("openpgpkey.example.org", f"/.well-known/openpgpkey/example.org/{tail}")
    assert (direct.host, direct.path) == ("example.org", f"/.well-known/openpgpkey/{tail}")
    assert wkd.places("a&b/c", "x.example")[1].path.endswith("?l=a%26b%2Fc")


async def test_a_key_is_found_where_the_domain_publishes_it(site, brahim):
    names, web = site
    web.answer(brahim[1].octets, kind="application/octet-stream")
    found = await key_of(asking(names, web), BRAHIM)
    assert found.fingerprint == brahim[1].fingerprint
    assert web.asked == [f"/.well-known/openpgpkey/elsewhere.example/hu/{HASH}?l=brahim"]
    assert web.hosts == [HOST]


async def test_the_domain_itself_is_asked_only_without_the_other_host(brahim, tmp_path):
    async with serving({("elsewhere.example", "A"): ["127.0.0.1"]}) as names, https.serving(tmp_path, "elsewhere.example") as web:
        web.answer(brahim[1].octets)
        assert (await key_of(asking(names, web), BRAHIM)).fingerprint == brahim[1].fingerprint
        assert web.asked == [f"/.well-known/openpgpkey/hu/{HASH}?l=brahim"]
        names.records[HOST, "A"] = ["192.0.2.9"]
        assert await key_of(asking(names, web, allowed=lambda address: address == "127.0.0.1"), BRAHIM) is None
        assert len(web.asked) == 1


async def test_there_is_no_key_where_there_is_no_answer_or_no_trust(site, brahim):
    names, web = site
    web.answer(b"", status=404)
    assert await key_of(asking(names, web), BRAHIM) is None
    web.answer(brahim[1].octets)
    assert await key_of(asking(names, web, allowed=lambda address: False), BRAHIM) is None
    assert await key_of(asking(names, web, roots=ssl.create_default_context()), BRAHIM) is None
    assert await key_of(asking(names, web), "a@nowhere.example") is None


async def test_a_key_of_another_address_is_refused(site, amina):
    names, web = site
    for body in (amina[1].octets, b"no key", b"x" * (keys.MAX_KEY_BYTES + 1)):
        web.answer(body)
        with pytest.raises(BadPgpKey):
            await key_of(asking(names, web), BRAHIM)
