"""DANE with a signed zone, a resolver that verifies it, and servers that show one certificate or another."""

import contextlib
import datetime
import hashlib
import ssl
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailcore import dns
from mailcore.queue import listing, remote
from mailcore.queue.accept import accept
from mailcore.routing import dane, tlsrpt
from mailcore.routing.dane import Tlsa
from tests.mailcore.queue.node import inbox, submission
from tests.mailcore.routing import https, signed
from tests.peers.programs import needs

pytestmark = [pytest.mark.peer, needs(*signed.TOOLS)]

NAME = "mx.ta.signed.example"
NOW_US = int(datetime.datetime.now(datetime.UTC).timestamp()) * 1_000_000


class Shown:
    """A root and a certificate below it for one name."""

    def __init__(self, folder: Path) -> None:
        root, self.file = https.certify(folder, NAME)
        self.root = x509.load_pem_x509_certificate(root.read_bytes())
        self.leaf = x509.load_pem_x509_certificates(self.file.read_bytes())[0]
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(self.file)

    @property
    def chain(self) -> list[bytes]:
        return [der(self.leaf), der(self.root)]


def der(certificate):
    return certificate.public_bytes(Encoding.DER)


def spki(certificate):
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    return Shown(tmp_path_factory.mktemp("shown"))


def sha256(octets):
    return hashlib.sha256(octets).digest()


@pytest.mark.parametrize(
    ("record", "names", "fits"),
    [
        (lambda s: Tlsa(3, 1, 1, sha256(spki(s.leaf))), ["other.example"], True),
        (lambda s: Tlsa(3, 0, 1, sha256(der(s.leaf))), [], True),
        (lambda s: Tlsa(3, 0, 0, der(s.leaf)), [], True),
        (lambda s: Tlsa(3, 1, 2, hashlib.sha512(spki(s.leaf)).digest()), [], True),
        (lambda s: Tlsa(3, 1, 1, sha256(spki(s.root))), [NAME], False),
        (lambda s: Tlsa(3, 1, 1, bytes(32)), [NAME], False),
        (lambda s: Tlsa(2, 0, 1, sha256(der(s.root))), [NAME], True),
        (lambda s: Tlsa(2, 1, 1, sha256(spki(s.root))), ["ta.signed.example", NAME], True),
        (lambda s: Tlsa(2, 0, 1, sha256(der(s.root))), ["other.example"], False),
        (lambda s: Tlsa(2, 1, 1, sha256(spki(s.leaf))), [NAME], False),
    ],
)
def test_a_certificate_fits_its_record(shown, record, names, fits):
    assert dane.fits([record(shown)], shown.chain, names, NOW_US) is fits


def test_an_authority_that_the_record_holds_whole_need_not_be_sent(shown):
    record = Tlsa(2, 0, 0, der(shown.root))
    assert dane.fits([record], [der(shown.leaf)], [NAME], NOW_US)
    assert not dane.fits([Tlsa(2, 0, 1, sha256(der(shown.root)))], [der(shown.leaf)], [NAME], NOW_US)


def test_only_the_leaf_of_dane_ee_may_be_out_of_date(shown):
    later = NOW_US + 30 * 86_400_000_000
    assert dane.fits([Tlsa(3, 1, 1, sha256(spki(shown.leaf)))], shown.chain, [], later)
    assert not dane.fits([Tlsa(2, 0, 1, sha256(der(shown.root)))], shown.chain, [NAME], later)


def test_an_authority_that_did_not_sign_the_leaf_counts_for_nothing(shown, tmp_path):
    other = Shown(tmp_path)
    record = Tlsa(2, 0, 1, sha256(der(other.root)))
    assert not dane.fits([record], [der(shown.leaf), der(other.root)], [NAME], NOW_US)
    assert not dane.fits([record], [b"nonsense"], [NAME], NOW_US)


@pytest.mark.parametrize(
    ("text", "usable"),
    [
        ("3 1 1 " + "ab" * 32, True),
        ("3 1 1 " + "ab" * 16 + " " + "ab" * 16, True),
        ("2 0 2 " + "ab" * 64, True),
        ("1 1 1 " + "ab" * 32, False),
        ("0 0 1 " + "ab" * 32, False),
        ("3 1 1 " + "ab" * 31, False),
        ("3 2 1 " + "ab" * 32, False),
        ("3 1 9 " + "ab" * 32, False),
        ("3 1 1 abc", False),
        ("nonsense", False),
    ],
)
def test_records_that_nobody_can_go_by_are_left_out(text, usable):
    assert bool(dane.usable([text])) is usable


def records(shown: Shown) -> list[str]:
    """Destinations below one zone, each with a server and what is said of it."""
    tlsa = {
        "ee": f"3 1 1 {sha256(spki(shown.leaf)).hex()}",
        "ta": f"2 0 1 {sha256(der(shown.root)).hex()}",
        "wrongname": f"2 0 1 {sha256(der(shown.root)).hex()}",
        "stranger": "3 1 1 " + "ab" * 32,
        "unusable": "1 1 1 " + "ab" * 32,
        "tampered": "3 1 1 " + "cd" * 32,
    }
    lines = [f"{each} IN MX 10 mx.{each}\nmx.{each} IN A 127.0.0.1" for each in (*tlsa, "none")]
    return lines + [f"_25._tcp.mx.{each} IN TLSA {data}" for each, data in tlsa.items()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def validating(tmp_path_factory, shown):
    folder = tmp_path_factory.mktemp("zones")
    async with signed.resolving(folder, dict.fromkeys(signed.ZONES, records(shown))) as made:
        yield made


@pytest.fixture
def database_url():
    return "sqlite"


@pytest.fixture
def send(services, sink, validating, clock):
    """Send one letter to somebody at a domain; return what is left of it in the queue."""
    clock.advance(NOW_US - clock.now_us())  # certificates are of today

    async def one(domain: str) -> list[str]:
        resolver = dns.system_resolver(validating.settings)
        async with contextlib.aclosing(remote.Peer(services, resolver, lambda address: True, port=sink.port)) as peer:
            await accept(services, submission(f"x@{domain}"))
            leases = await services.db.write(remote.queue.lease_remote, "test", services.clock.now_us() + 10**9, 10, ())
            await remote.serve(peer, leases)
        return [row.last_text for row in await services.db.read(listing.listing)]

    return one


async def told(services):
    day = tlsrpt.day_of(services.clock.now_us())
    return [(one.kind, one.result) for one in await services.db.read(tlsrpt.of_day, day)]


@pytest.mark.parametrize("domain", ["ee.signed.example", "ta.signed.example", "unusable.signed.example"])
async def test_the_server_that_the_zone_names_gets_the_letter(services, send, sink, shown, domain):
    sink.tls = shown.context
    assert await send(domain) == []
    assert [each.tls for each in sink.transactions] == [True]
    assert await told(services) == [("tlsa", "")]


@pytest.mark.parametrize("domain", ["stranger.signed.example", "wrongname.signed.example"])
async def test_any_other_server_gets_nothing_not_even_in_the_clear(services, send, sink, shown, domain):
    sink.tls = shown.context
    [said] = await send(domain)
    assert said == f"451 4.7.5 the certificate of mx.{domain} does not fit the TLSA records of its zone (at 127.0.0.1)"
    assert sink.transactions == []
    assert not any(command.startswith(b"MAIL") for command in sink.commands)
    assert await told(services) == [("tlsa", "certificate-not-trusted")]


@pytest.mark.parametrize("domain", ["ee.signed.example", "unusable.signed.example"])
async def test_a_server_whose_zone_has_records_must_offer_tls(services, send, sink, domain):
    [said] = await send(domain)
    assert said.startswith("451 4.7.4")
    assert sink.transactions == []
    assert await told(services) == [("tlsa", "starttls-not-supported")]


async def test_records_that_were_changed_make_mail_wait_with_the_reason(services, send, sink, shown):
    sink.tls = shown.context
    [said] = await send("tampered.signed.example")
    assert said.startswith("451 4.7.5 the DNS gives no good answer about the TLSA records of mx.tampered.signed.example")
    assert sink.connections == 0
    assert await told(services) == [("tlsa", "dnssec-invalid")]


async def test_a_zone_that_cannot_be_verified_makes_mail_wait(services, send, sink):
    [said] = await send("ee.bogus.example")
    assert said.startswith("451 4.4.3")
    assert sink.connections == 0


@pytest.mark.parametrize("domain", ["stranger.plain.example", "none.signed.example"])
async def test_without_a_signed_record_tls_is_with_whomever(services, send, sink, shown, domain):
    sink.tls = shown.context
    assert await send(domain) == []
    assert [each.tls for each in sink.transactions] == [True]
    assert await told(services) == [("no-policy-found", "")]


async def test_requiretls_needs_a_server_that_is_known(services, sink, shown, validating):
    sink.tls, sink.extensions = shown.context, [b"REQUIRETLS"]
    resolver = dns.system_resolver(validating.settings)
    async with contextlib.aclosing(remote.Peer(services, resolver, lambda address: True, port=sink.port)) as peer:
        for domain in ("ee.signed.example", "none.signed.example"):
            await accept(services, submission(f"x@{domain}", requiretls=True))
            await remote.serve(peer, await services.db.write(remote.queue.lease_remote, "test", services.clock.now_us() + 10**9, 10, ()))
    assert [each.mail.endswith(b" REQUIRETLS") for each in sink.transactions] == [True]
    waiting = await services.db.read(listing.listing)
    assert all(row.sender == "" for row in waiting)
    assert await inbox(services, "amina.benali@interieur.gov.example") == []
