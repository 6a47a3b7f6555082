"""Verdicts, and where two judges can be asked the same question, that openssl agrees."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from config.clock import SystemClock
from signing import cms, der, smime
from signing.certificate import outline
from signing.cms import SigningIdentity
from signing.verdict import Verdict, judge, same_address
from tests.signing.country import ADDRESS, CHANGED, DAY_US, ENTITY, NAME, NOW_US, ORGANISATION, Country
from tests.signing.peers import Desk


def judged(country: Country, signature: bytes, *, entity: bytes = ENTITY, sender: str = ADDRESS, at_us: int = NOW_US) -> Verdict:
    return judge(entity, signature, [country.root.certificate], at_us, sender)


def now_us() -> int:
    """Return the machine's time, by which foreign programs sign; NOW_US may be minutes old by then."""
    return SystemClock().now_us()


@pytest.mark.parametrize("name", ["clerk", "judge_p384"])
def test_a_good_signature_names_its_signer(country: Country, name: str) -> None:
    holder = getattr(country, name)
    verdict = judged(country, holder.sign())
    assert (verdict.status, verdict.code, verdict.reason_key) == ("valid", "TOTAL_PASSED", "good")
    assert (verdict.signer_name, verdict.organisation, verdict.address) == (NAME, ORGANISATION, ADDRESS)
    assert verdict.signed_at_us == NOW_US
    assert int(verdict.serial, 16) == x509.load_der_x509_certificate(holder.identity.certificate).serial_number


@given(position=st.integers(0, len(ENTITY) - 1), flip=st.integers(1, 255))
def test_any_changed_octet_of_the_text_is_seen(trusted: list[bytes], signature: bytes, position: int, flip: int) -> None:
    changed = bytearray(ENTITY)
    changed[position] ^= flip
    verdict = judge(bytes(changed), signature, trusted, NOW_US, ADDRESS)
    assert (verdict.status, verdict.code) == ("invalid", "HASH_FAILURE")


@pytest.mark.filterwarnings("default::cryptography.utils.CryptographyDeprecationWarning")
@given(position=st.integers(0, 4000), flip=st.integers(1, 255))
def test_a_changed_signature_never_passes_for_somebody_else(trusted: list[bytes], signature: bytes, position: int, flip: int) -> None:
    """An octet outside what is signed may change without harm; whoever is named must still be the signer."""
    octets = bytearray(signature)
    octets[position % len(octets)] ^= flip
    verdict = judge(ENTITY, bytes(octets), trusted, NOW_US, ADDRESS)
    if verdict.status == "valid":
        assert verdict == judge(ENTITY, signature, trusted, NOW_US, ADDRESS)


@pytest.mark.parametrize("octets", [b"", b"\x30\x00", b"not a signature"])
def test_what_cannot_be_read_is_damaged(country: Country, octets: bytes) -> None:
    verdict = judged(country, octets)
    assert (verdict.status, verdict.code, verdict.signer_name) == ("invalid", "FORMAT_FAILURE", "")


def test_a_signature_value_from_another_key_is_forged(country: Country) -> None:
    to_sign = smime.prepare(ENTITY, country.clerk.identity, NOW_US)
    foreign = country.stranger.key.sign(to_sign.attributes, ec.ECDSA(hashes.SHA256()))
    assert judged(country, cms.finish(to_sign, foreign)).code == "SIG_CRYPTO_FAILURE"


def test_the_reference_to_the_certificate_is_held_to(country: Country) -> None:
    """Another certificate for the same key, put in the place of the one that was signed with (RFC 5035 §5)."""
    to_sign = smime.prepare(ENTITY, country.clerk.identity, NOW_US)
    swapped = cms.ToSign(to_sign.digest, to_sign.attributes, country.stranger.identity)
    signature = country.stranger.key.sign(der.write(der.SET, to_sign.attributes), ec.ECDSA(hashes.SHA256()))
    assert judged(country, cms.finish(swapped, signature), sender="clerk@finances.gov.example").code == "SIG_CRYPTO_FAILURE"


@pytest.mark.parametrize("sender", ["other@interieur.gov.example", "Bureau.ordre@interieur.gov.example", "", "bureau.ordre@", NAME])
def test_another_senders_address_is_invalid(country: Country, sender: str) -> None:
    verdict = judged(country, country.clerk.sign(), sender=sender)
    assert (verdict.status, verdict.code, verdict.reason_key) == ("invalid", "CHAIN_CONSTRAINTS_FAILURE", "other_address")
    assert verdict.address == ADDRESS


def test_the_domain_of_the_sender_may_be_in_capitals(country: Country) -> None:
    assert judged(country, country.clerk.sign(), sender="bureau.ordre@INTERIEUR.gov.Example").status == "valid"


def test_an_issuer_that_nobody_here_trusts_leaves_it_open(country: Country) -> None:
    verdict = judged(country, country.foreigner.sign())
    assert (verdict.status, verdict.code) == ("undecided", "NO_CERTIFICATE_CHAIN_FOUND")
    assert judge(ENTITY, country.foreigner.sign(), [], NOW_US, ADDRESS).code == "NO_CERTIFICATE_CHAIN_FOUND"


def test_without_its_issuers_certificate_there_is_no_path(country: Country) -> None:
    alone = SigningIdentity("", country.clerk.identity.certificate, ())
    holder = type(country.clerk)(country.clerk.key, alone)
    assert judged(country, holder.sign()).code == "NO_CERTIFICATE_CHAIN_FOUND"


def test_an_address_outside_the_ministrys_domains_is_refused(country: Country) -> None:
    verdict = judged(country, country.stranger.sign(), sender="clerk@finances.gov.example")
    assert (verdict.status, verdict.reason_key) == ("undecided", "outside_domain")


def test_a_servers_certificate_does_not_sign_mail(country: Country) -> None:
    assert judged(country, country.server.sign()).code == "CHAIN_CONSTRAINTS_FAILURE"


@pytest.mark.parametrize(
    ("signed_days", "at_days", "code", "status"),
    [
        (-900, 0, "OUT_OF_BOUNDS_NO_POE", "undecided"),
        (-900, -900, "TOTAL_PASSED", "valid"),
        (-1, 0, "EXPIRED", "invalid"),
        (-1100, 0, "NOT_YET_VALID", "invalid"),
    ],
)
def test_the_certificate_must_be_in_its_time(country: Country, signed_days: int, at_days: int, code: str, status: str) -> None:
    """It began 1,000 days ago and lasted 730."""
    signature = country.retired.sign(when_us=NOW_US + signed_days * DAY_US)
    verdict = judged(country, signature, at_us=NOW_US + at_days * DAY_US)
    assert (verdict.code, verdict.status) == (code, status)


def test_a_signature_from_the_future_is_not_accepted_beyond_the_skew_of_clocks(country: Country) -> None:
    minute_us = 60 * 1_000_000
    assert judged(country, country.clerk.sign(when_us=NOW_US + 4 * minute_us)).status == "valid"
    assert judged(country, country.clerk.sign(when_us=NOW_US + 6 * minute_us)).code == "SIG_CONSTRAINTS_FAILURE"


@pytest.mark.peer
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("-cades -md sha256", "TOTAL_PASSED"),
        ("-md sha256", "TOTAL_PASSED"),
        ("-md sha384", "TOTAL_PASSED"),
        ("-md sha512 -keyid", "TOTAL_PASSED"),
        ("-md sha1", "CRYPTO_CONSTRAINTS_FAILURE"),
        ("-noattr -md sha256", "FORMAT_FAILURE"),
        ("-nocerts -md sha256", "NO_SIGNING_CERTIFICATE_FOUND"),
        ("-nodetach -md sha256", "FORMAT_FAILURE"),
        ("-signer stranger.pem -inkey stranger.key -md sha256", "SIG_CONSTRAINTS_FAILURE"),
    ],
)
def test_openssls_signatures_are_judged(country: Country, desk: Desk, options: str, code: str) -> None:
    desk.put("entity", ENTITY)
    base = "openssl cms -sign -binary -in entity -signer clerk.pem -inkey clerk.key -certfile ministry.pem -outform DER -out cms "
    done = desk.run(base + options)
    assert done.returncode == 0, done.stderr
    assert judged(country, desk.get("cms"), at_us=now_us()).code == code
    changed = judged(country, desk.get("cms"), entity=CHANGED, at_us=now_us())
    assert changed.status != "valid"


def streamed(element: der.Element, levels: int = 5) -> bytes:
    """Return the same element as Apple Mail and others write it: indefinite lengths on the outside."""
    if levels == 0 or not element.tag & 0x20 or (element.tag == der.context(0) and levels < 4):
        return element.whole
    return bytes((element.tag, 0x80)) + b"".join(streamed(child, levels - 1) for child in element.children()) + b"\0\0"


@pytest.mark.peer
def test_a_streamed_signature_is_judged_as_openssl_judges_it(country: Country, desk: Desk, signature: bytes) -> None:
    octets = streamed(der.read(signature))
    assert octets.count(b"\x80") > 5
    desk.put("entity", ENTITY)
    desk.put("cms", octets)
    assert desk.openssl_accepts()
    assert judged(country, octets) == judged(country, signature)
    for size in range(0, len(octets), 5):
        assert judged(country, octets[:size]).code == "FORMAT_FAILURE"


@pytest.mark.peer
def test_openssls_mail_is_cut_and_judged(country: Country, desk: Desk) -> None:
    desk.put("entity", ENTITY)
    command = "openssl smime -sign -binary -in entity -signer clerk.pem -inkey clerk.key -certfile ministry.pem -out mail"
    assert desk.run(command).returncode == 0
    before, _, rest = desk.get("mail").partition(ENTITY)
    boundary = before.splitlines()[-1].removeprefix(b"--")
    body = b"--" + boundary + b"\r\n" + ENTITY + rest.replace(b"\n", b"\r\n")
    cut = smime.detached(body, boundary.decode())
    assert judged(country, cut.cms, entity=cut.entity, at_us=now_us()).code == "TOTAL_PASSED"


@pytest.mark.peer
def test_one_flipped_octet_anywhere_fails_in_openssl_and_here(country: Country, desk: Desk, signature: bytes) -> None:
    desk.put("cms", signature)
    desk.put("entity", ENTITY)
    assert desk.openssl_accepts()
    for position in range(0, len(ENTITY), 7):
        changed = bytearray(ENTITY)
        changed[position] ^= 0x01
        desk.put("entity", bytes(changed))
        assert not desk.openssl_accepts(), position
        assert judged(country, signature, entity=bytes(changed)).code == "HASH_FAILURE"


def rsa_root(bits: int, *, purpose: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.EMAIL_PROTECTION) -> tuple:
    """Return a root and a leaf of one RSA administration elsewhere: (root DER, leaf, leaf key)."""
    key, root_key = rsa.generate_private_key(65537, bits), rsa.generate_private_key(65537, 2048)
    now = dt.datetime.now(dt.UTC)
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "RSA root")])
    base = x509.CertificateBuilder().issuer_name(root_name).not_valid_before(now - dt.timedelta(1)).not_valid_after(now + dt.timedelta(9))
    usage = dict.fromkeys(("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only", "crl_sign"), False)
    root = base.subject_name(root_name).public_key(root_key.public_key()).serial_number(1)
    root = root.add_extension(x509.BasicConstraints(True, None), True)
    root = root.add_extension(x509.KeyUsage(key_cert_sign=True, digital_signature=False, content_commitment=False, **usage), True)
    leaf = (
        base.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Elsewhere")])).public_key(key.public_key()).serial_number(2)
    )
    leaf = leaf.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(ADDRESS)]), False)
    if purpose is not None:
        leaf = leaf.add_extension(x509.ExtendedKeyUsage([purpose]), False)
    signed = [builder.sign(root_key, hashes.SHA256()) for builder in (root, leaf)]
    return signed[0].public_bytes(Encoding.DER), signed[1], key


@pytest.mark.peer
@pytest.mark.parametrize(
    ("bits", "purpose", "code"),
    [
        (2048, ExtendedKeyUsageOID.EMAIL_PROTECTION, "TOTAL_PASSED"),
        (1024, ExtendedKeyUsageOID.EMAIL_PROTECTION, "CRYPTO_CONSTRAINTS_FAILURE"),
        (2048, None, "CHAIN_CONSTRAINTS_FAILURE"),
        (2048, ExtendedKeyUsageOID.CODE_SIGNING, "CHAIN_CONSTRAINTS_FAILURE"),
    ],
)
def test_rsa_signatures_are_judged(desk: Desk, bits: int, purpose: x509.ObjectIdentifier | None, code: str) -> None:
    root, leaf, key = rsa_root(bits, purpose=purpose)
    desk.put("entity", ENTITY)
    desk.put("rsa.pem", leaf.public_bytes(Encoding.PEM))
    desk.put("rsa.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    command = "openssl cms -sign -binary -in entity -signer rsa.pem -inkey rsa.key -outform DER -out cms -md sha256"
    assert desk.run(command).returncode == 0
    assert judge(ENTITY, desk.get("cms"), [root], now_us(), ADDRESS).code == code


def test_a_stamped_signature_stays_good_after_its_certificate(country: Country) -> None:
    """Three years on the clerk's certificate has run out, that of the clock has not."""
    later = NOW_US + 1000 * DAY_US
    stamped = country.clerk.sign(clock=country.clock)
    verdict = judged(country, stamped, at_us=later)
    assert (verdict.status, verdict.proven_us) == ("valid", NOW_US)
    assert judged(country, country.clerk.sign(), at_us=later).reason_key == "expired_since"
    assert judged(country, stamped).proven_us == NOW_US
    assert judged(country, stamped, entity=CHANGED, at_us=later).code == "HASH_FAILURE"


def test_a_stamp_proves_nothing_for_what_was_signed_after_the_certificate(country: Country) -> None:
    assert judged(country, country.retired.sign(clock=country.clock)).reason_key == "signed_after_expiry"


def test_a_stamp_that_proves_nothing_is_as_none(country: Country) -> None:
    to_sign = smime.prepare(ENTITY, country.clerk.identity, NOW_US)
    signature = country.clerk.raw(to_sign.digest)
    tokens = {
        "over something else": country.clock.stamp(signature + b"."),
        "by a clerk": country.clerk.stamp(signature),
        "by a server": country.server.stamp(signature),
        "in the future": country.clock.stamp(signature, NOW_US + 2000 * DAY_US),
        "no token": der.sequence(der.write_integer(1)),
    }
    later = NOW_US + 1000 * DAY_US
    for what, token in tokens.items():
        octets = cms.finish(to_sign, signature, timestamp=token)
        assert judged(country, octets).proven_us is None, what
        assert judged(country, octets).status == "valid", what
        assert judged(country, octets, at_us=later).reason_key == "expired_since", what
    good = cms.finish(to_sign, signature, timestamp=country.clock.stamp(signature))
    assert judged(country, good, at_us=later).status == "valid"
    assert judge(ENTITY, good, [country.foreign_root.certificate], later, ADDRESS).proven_us is None


def test_a_stamp_before_the_stated_time_is_seen(country: Country) -> None:
    to_sign = smime.prepare(ENTITY, country.clerk.identity, NOW_US)
    signature = country.clerk.raw(to_sign.digest)
    early = cms.finish(to_sign, signature, timestamp=country.clock.stamp(signature, NOW_US - DAY_US // 48))
    verdict = judged(country, early)
    assert (verdict.status, verdict.code) == ("undecided", "TIMESTAMP_ORDER_FAILURE")


@given(position=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_changed_stamp_never_proves_another_time(trusted: list[bytes], stamped: bytes, position: int, flip: int) -> None:
    octets = bytearray(stamped)
    octets[position % len(octets)] ^= flip
    assert judge(ENTITY, bytes(octets), trusted, NOW_US, ADDRESS).proven_us in (None, NOW_US)


def test_a_name_of_another_type_is_no_certificate(country: Country, signature: bytes) -> None:
    """A BIT STRING where text belongs: what reads certificates raises TypeError for it, long after it was loaded."""
    at = signature.index(NAME.encode())
    octets = signature[: at - 2] + bytes((der.BIT_STRING,)) + signature[at - 1 :]
    assert judged(country, octets).code == "NO_SIGNING_CERTIFICATE_FOUND"


@pytest.mark.parametrize(
    ("one", "other", "want"),
    [
        ("a@gov.example", "a@GOV.example", True),
        ("a@gov.example", "A@gov.example", False),
        ("a@strasse.example", "a@stra\u00dfe.example", False),
        ("a@ok.example", "a@o\u212a.example", False),
        ("@x", "@x", False),
    ],
)
def test_domains_are_compared_as_the_name_system_does(one: str, other: str, want: bool) -> None:
    assert same_address(one, other) is want


def test_a_certificate_has_one_form_in_which_it_is_signed(country: Country, signature: bytes) -> None:
    """OpenSSL takes the signature on a certificate with a bit less, when that bit is zero: octets that nobody signed."""
    ministry = country.ministry.certificate
    size = len(x509.load_der_x509_certificate(ministry).signature)
    altered = ministry[: -size - 1] + b"\x01" + ministry[-size:]
    assert ministry[-size - 1] == 0
    with pytest.raises(der.BadDer):
        outline(altered)
    assert judged(country, signature.replace(ministry, altered)).code == "NO_CERTIFICATE_CHAIN_FOUND"
