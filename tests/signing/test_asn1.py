"""The mend of asn1crypto: lengths that end in 0x80 are definite, octets are handed on as they came, and nothing takes long."""

import datetime as dt
import time

import pytest
from asn1crypto import core
from asn1crypto import x509 as other
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signing import asn1
from signing.pki import judge
from signing.pki.cases import Case

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
NOW_US = int(NOW.timestamp()) * 1_000_000
ODD_URI = "http://PKI.Gov.example:80/%7Ecrl"  # asn1crypto would write it otherwise
KEY = rsa.generate_private_key(65537, 3072)
MAX_CPU_S = 1.0  # of one path; unmended nine seconds and more


def certificate(name: str, uri: str, *, ca: bool = False) -> bytes:
    """A certificate by the key of 3,072 bits."""
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, "root"))
    builder = x509.CertificateBuilder(issuer, subject, KEY.public_key(), x509.random_serial_number() >> 8 | 1 << 150)
    builder = builder.not_valid_before(NOW - dt.timedelta(1)).not_valid_after(NOW + dt.timedelta(9))
    builder = builder.add_extension(x509.BasicConstraints(ca, None), True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def ends_in_80() -> bytes:
    """A certificate whose signed part has a length with 0x80 as its last octet: its address is as long as it takes."""
    short = certificate("leaf", ODD_URI)
    wanted = -(-(int.from_bytes(short[6:8], "big") - 0x80) // 256) * 256 + 0x80
    made = (certificate("leaf", ODD_URI + "n" * size) for size in range(wanted - int.from_bytes(short[6:8], "big") - 8, 300))
    return next(one for one in made if one[4:6] == b"\x30\x82" and one[7] == 0x80)


def test_the_mend_is_done_once_and_refuses_what_it_was_not_made_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asn1.mend()
    before = core.Sequence.dump
    asn1.mend()
    assert core.Sequence.dump is before
    monkeypatch.delattr(core, "_mended")
    monkeypatch.setattr(asn1, "WRONG", "a test that is not there")
    with pytest.raises(asn1.NotMended):
        asn1.mend()


@pytest.mark.parametrize("length", [0x80, 0x180, 0x8080, 0x010080])
def test_octets_with_a_length_that_ends_in_80_are_handed_on(length: int) -> None:
    asn1.mend()
    octets = core.OctetString(bytes(length)).dump()
    assert octets[:-length][-1] == 0x80
    assert core.OctetString.load(octets).dump() == octets


def test_a_certificate_is_judged_by_the_octets_that_were_signed() -> None:
    asn1.mend()
    octets = ends_in_80()
    loaded = other.Certificate.load(octets)
    assert loaded["tbs_certificate"].native  # everything read, which is when it would be written anew
    assert loaded["tbs_certificate"].dump() == x509.load_der_x509_certificate(octets).tbs_certificate_bytes


def test_a_path_of_rsa_3072_takes_no_time() -> None:
    """Signatures of 3,072 bits are `04 82 01 80` or `03 82 01 81`; one in three made the unmended reader stall."""
    root = certificate("root", ODD_URI, ca=True)
    for leaf in (ends_in_80(), *(certificate(f"leaf {number}", ODD_URI) for number in range(3))):
        began = time.process_time()
        said = judge.judge(Case(leaf, (), (root,), (), (), NOW_US, NOW_US, "none"))
        assert said.reason == "good", said
        assert time.process_time() - began < MAX_CPU_S
