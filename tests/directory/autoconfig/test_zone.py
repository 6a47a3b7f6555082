"""What `diwan dns` prints is a zone file, and says what clients look for."""

import shutil
import subprocess
from pathlib import Path

import dns.rdatatype
import dns.zone
import pytest

from config.settings import Listen
from directory.autoconfig import zone
from directory.autoconfig.offer import Offer, offer
from directory.autoconfig.zone import Record

FULL = Listen(
    smtp="0.0.0.0:25", submission="0.0.0.0:587", submissions="[::]:465", imap="0.0.0.0:143", imaps="0.0.0.0:993", https="0.0.0.0:443"
)
HEAD = "@ 3600 IN SOA ns.gov.example. root.gov.example. 1 3600 600 86400 3600\n@ 3600 IN NS ns.gov.example.\n"
DOMAIN = "interieur.gov.example"


def made(host: str = "mx.diwan.example", listen: Listen = FULL) -> tuple[Offer, list[Record], list[Record]]:
    offered = offer(host, listen)
    return offered, zone.records(DOMAIN, offered, "postmaster@diwan.example", "/dav/"), zone.pins(offered, bytes(range(32)))


def read(text: str) -> dns.zone.Zone:
    return dns.zone.from_text(f"$ORIGIN {DOMAIN}.\n{HEAD}{text}", origin=DOMAIN, relativize=False, check_origin=True)


@pytest.mark.parametrize("host", ["mx.diwan.example", f"mx.{DOMAIN}", DOMAIN])
def test_the_snippet_is_a_zone_file_that_says_every_record(host: str) -> None:
    offered, wanted, pinned = made(host)
    found = read(zone.text(DOMAIN, offered, wanted, pinned))
    here = pinned if host.endswith(DOMAIN) else []
    for record in [*wanted, *here]:
        answers = found.find_rdataset(f"{record.name}.", record.kind)
        assert record.data in [answer.to_text() for answer in answers], record
    said = sum(len(rdataset) for _, rdataset in found.iterate_rdatasets() if rdataset.rdtype not in (dns.rdatatype.SOA, dns.rdatatype.NS))
    assert said == len(wanted) + len(here)


@pytest.mark.peer
@pytest.mark.skipif(not shutil.which("named-checkzone"), reason="bind9-utils is not installed")
def test_named_checkzone_accepts_it(tmp_path: Path) -> None:
    offered, wanted, pinned = made()
    path = tmp_path / "zone"
    path.write_text(HEAD + zone.text(DOMAIN, offered, wanted, pinned))
    done = subprocess.run(["named-checkzone", "-i", "local", DOMAIN, str(path)], check=False, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stdout
    assert "ignoring" not in done.stdout


def test_implicit_tls_is_looked_for_first() -> None:
    _, wanted, _ = made()
    said = {record.name.removesuffix(f".{DOMAIN}"): record.data for record in wanted if record.kind == "SRV"}
    assert said["_imaps._tcp"] == "0 1 993 mx.diwan.example."
    assert said["_submissions._tcp"] == "0 1 465 mx.diwan.example."
    assert said["_imap._tcp"].startswith("10 ")
    assert said["_pop3._tcp"] == "0 0 0 ."


def test_filters_are_found_where_they_are_served() -> None:
    _, wanted, _ = made(listen=Listen(sieve="127.0.0.1:4190"))
    assert Record(f"_sieve._tcp.{DOMAIN}", "SRV", "0 1 4190 mx.diwan.example.") in wanted


def test_what_is_switched_off_is_not_offered() -> None:
    _, wanted, pinned = made(listen=Listen(imaps="127.0.0.1:2993"))
    assert {record.kind for record in wanted} == {"SRV"}
    assert [record.data for record in wanted if record.data != "0 0 0 ."] == ["0 1 2993 mx.diwan.example."]
    assert [record.name for record in pinned] == ["_2993._tcp.mx.diwan.example"]


def test_the_policy_is_named_by_its_content() -> None:
    _, here, _ = made()
    _, there, _ = made("mx2.diwan.example")
    ids = [next(record.data for record in wanted if record.name.startswith("_mta-sts")) for wanted in (here, there)]
    assert ids[0] != ids[1]
    assert b"mx: mx.diwan.example\r\n" in zone.policy("mx.diwan.example")
