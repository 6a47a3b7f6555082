"""What is encrypted here is read by others, what others encrypt is read here, and what was changed is read by nobody."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from signing import capabilities, envelope, enveloped, unwrapping
from signing.der import BadDer
from signing.envelope import Recipient, Undecipherable
from tests.signing.peers import Desk
from tests.signing.readers import Reader, reader

TEXT = b"Content-Type: text/plain; charset=us-ascii\r\n\r\nSecret.\r\n"
MAX_BYTES = 1 << 20
KINDS = ("rsa", "p256", "p384")
PINENTRY = b'#!/bin/sh\necho OK\nwhile read word rest; do [ "$word" = GETPIN ] && echo "D pw"; echo OK; [ "$word" = BYE ] && exit; done\n'


@pytest.fixture
def table() -> Iterator[Desk]:
    """An empty place for foreign programs."""
    with tempfile.TemporaryDirectory(prefix="d-", dir="/tmp") as directory:
        yield Desk(Path(directory))


def opened(cms: bytes, one: Reader) -> bytes:
    """Decrypt as the signer and its client do together."""
    found = enveloped.read(cms, MAX_BYTES)
    share = envelope.share(found, one.certificate)
    assert share is not None
    key = unwrapping.content_key(one.key, share.method, share.wrapped, share.point, share.info, found.key_bytes)
    return envelope.open_with(found, key)


def recipients(*, modern: bool) -> list[Recipient]:
    return [envelope.recipient(reader(kind, modern=modern).certificate) for kind in KINDS]


@pytest.mark.parametrize("modern", [True, False])
def test_each_recipient_reads_it_and_nobody_else(modern: bool) -> None:
    cms = envelope.seal(TEXT, recipients(modern=modern))
    assert [opened(cms, reader(kind, modern=modern)) for kind in KINDS] == [TEXT] * 3
    found = enveloped.read(cms, MAX_BYTES)
    assert envelope.share(found, reader("p256", common_name="Stranger").certificate) is None
    assert b"Secret" not in cms


def test_one_who_cannot_read_gcm_decides_for_all() -> None:
    modern, old = (envelope.recipient(reader("rsa", modern=one).certificate) for one in (True, False))
    assert envelope.cipher([modern]) == "gcm"
    assert envelope.cipher([modern, old]) == "cbc"
    assert envelope.cipher([envelope.recipient(old.certificate, frozenset(capabilities.OURS))]) == "gcm"


@pytest.mark.peer
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("modern", [True, False])
def test_openssl_decrypts_what_we_encrypt(table: Desk, kind: str, modern: bool) -> None:
    cms = envelope.seal(TEXT, recipients(modern=modern))
    one = reader(kind, modern=modern)
    table.put("cms", cms), table.put("key", one.key_pem()), table.put("pem", one.pem())
    done = table.run("openssl cms -decrypt -binary -inform DER -in cms -inkey key -recip pem -out out")
    assert done.returncode == 0, done.stderr
    assert table.get("out") == TEXT
    message = b"MIME-Version: 1.0\r\n" + envelope.entity(cms, envelope.cipher(recipients(modern=modern)))
    table.put("eml", message)
    assert table.run("openssl cms -decrypt -binary -in eml -inkey key -recip pem -out out2").returncode == 0
    assert table.get("out2") == TEXT


@pytest.mark.peer
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("rsa", "-aes-256-cbc"),
        ("rsa", "-aes-128-cbc -keyopt rsa_padding_mode:oaep"),
        ("rsa", "-aes-256-gcm -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256"),
        ("rsa", "-aes-256-gcm -keyid"),
        ("rsa", "-aes-192-cbc -stream"),
        ("p256", "-aes-256-cbc"),
        ("p256", "-aes-128-gcm -keyopt ecdh_kdf_md:sha384"),
        ("p384", "-aes-256-gcm -keyid"),
        ("p384", "-aes-256-cbc -stream"),
    ],
)
def test_we_decrypt_what_openssl_encrypts(table: Desk, kind: str, options: str) -> None:
    one = reader(kind)
    table.put("text", TEXT), table.put("pem", one.pem())
    keys = [word for word in options.split() if word.startswith(("-keyopt", "rsa_", "ecdh_"))]
    others = [word for word in options.split() if word not in keys]
    done = table.run(f"openssl cms -encrypt -binary -outform DER -in text -out cms {' '.join(others)} -recip pem {' '.join(keys)}")
    assert done.returncode == 0, done.stderr
    assert opened(table.get("cms"), one) == TEXT


def imported(table: Desk) -> None:
    """Make a database of NSS with the key and the certificates of p12 in it."""
    table.put("pw", b"pw\n")
    for command in ("certutil -N -d sql:. -f pw", "pk12util -i p12 -d sql:. -W pw -k pw", "certutil -M -d sql:. -f pw -n Elsewhere -t ,C,"):
        done = table.run(command)
        assert done.returncode == 0, (command, done.stderr, table.run("certutil -L -d sql:.").stdout)


@pytest.mark.peer
def test_nss_decrypts_what_we_encrypt(table: Desk) -> None:
    """NSS 3.87 reads CBC with RSA alone; that is why a correspondent of whom nothing is known gets just this."""
    one = reader("rsa")
    table.put("p12", one.p12(b"pw")), table.put("cms", envelope.seal(TEXT, [envelope.recipient(one.certificate)]))
    imported(table)
    done = table.run("cmsutil -D -d sql:. -f pw -i cms -o out")
    assert table.get("out") == TEXT, done.stderr


@pytest.mark.peer
def test_we_decrypt_what_nss_encrypts(table: Desk) -> None:
    one = reader("rsa")
    table.put("p12", one.p12(b"pw")), table.put("text", TEXT)
    imported(table)
    done = table.run("cmsutil -E -d sql:. -f pw -i text -o cms -r reader@elsewhere.example")
    assert done.returncode == 0, done.stderr
    assert opened(table.get("cms"), one) == TEXT


PACKED = 5  # times: GnuPG 2.2 cannot read a PKCS #12 file now and then, as its random octets fall


@pytest.mark.peer
def test_gpgsm_reads_ours_and_we_read_its(table: Desk) -> None:
    """GnuPG 2.2 crashes on other keys than those of RSA, and does not encrypt to them."""
    one = reader("rsa")
    table.put("pinentry", PINENTRY), (table.directory / "pinentry").chmod(0o700)
    table.put("gpg-agent.conf", f"pinentry-program {table.directory}/pinentry\ns2k-count 1024\n".encode())
    table.put("ca", one.issuer), table.put("text", TEXT)
    table.put("cms", envelope.seal(TEXT, [envelope.recipient(one.certificate)]))
    with table.gpgsm(one.issuer) as gpgsm:
        for _ in range(PACKED):
            table.put("p12", one.p12(b"pw"))
            if not gpgsm("--import p12").returncode:
                break
        for command in ("--import ca", "-o out --decrypt cms", "-o theirs -r reader@elsewhere.example --encrypt text"):
            done = gpgsm(command)
            assert done.returncode == 0, (command, done.stderr)
    assert table.get("out") == TEXT
    assert opened(table.get("theirs"), one) == TEXT


SEALED = {modern: envelope.seal(TEXT, [envelope.recipient(reader("p256", modern=modern).certificate)]) for modern in (True, False)}


@given(position=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_no_changed_octet_of_gcm_is_ever_read_otherwise(position: int, flip: int) -> None:
    octets = bytearray(SEALED[True])
    octets[position % len(octets)] ^= flip
    try:
        assert opened_or_missing(bytes(octets), reader("p256", modern=True)) in (TEXT, None)
    except (BadDer, Undecipherable):
        pass


def opened_or_missing(cms: bytes, one: Reader) -> bytes | None:
    found = enveloped.read(cms, MAX_BYTES)
    return opened(cms, one) if envelope.share(found, one.certificate) is not None else None


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_wrong_with_a_share_the_answer_is_a_key_that_opens_nothing(kind: str) -> None:
    one = reader(kind)
    found = enveloped.read(envelope.seal(TEXT, [envelope.recipient(one.certificate)]), MAX_BYTES)
    good = found.shares[0]
    for wrapped, point in ((b"", good.point), (bytes(len(good.wrapped)), good.point), (good.wrapped[:-1], b"\4"), (good.wrapped * 2, b"")):
        for method in (good.method, "rsa", "oaep-sha256", "ecdh-sha256-32"):
            key = unwrapping.content_key(one.key, method, wrapped, point, good.info, found.key_bytes)
            assert len(key) == found.key_bytes
            assert opens(found, key) is None


def opens(found: enveloped.Enveloped, key: bytes) -> bytes | None:
    """Return the text if it is one: of random octets one in 256 ends like a padding."""
    try:
        content = envelope.open_with(found, key)
    except Undecipherable as error:
        return {"this message cannot be decrypted": None}[str(error)]
    return content if content.startswith(b"Content-") else None


@given(st.binary(max_size=400))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    try:
        enveloped.read(octets, MAX_BYTES)
    except BadDer:
        pass


@given(position=st.integers(0, 10_000), octet=st.integers(0, 255), modern=st.booleans())
def test_a_changed_envelope_is_read_or_refused(position: int, octet: int, modern: bool) -> None:
    octets = bytearray(SEALED[modern])
    octets[position % len(octets)] = octet
    try:
        opened_or_missing(bytes(octets), reader("p256", modern=modern))
    except (BadDer, Undecipherable):
        pass


def test_a_large_content_is_read_where_that_is_allowed() -> None:
    one = reader("p256", modern=True)
    cms = envelope.seal(bytes(3 << 20), [envelope.recipient(one.certificate)])
    with pytest.raises(BadDer):
        enveloped.read(cms, MAX_BYTES)
    found = enveloped.read(cms, 4 << 20)
    assert len(found.ciphertext) == 3 << 20


def test_a_key_that_cannot_be_encrypted_to_is_refused() -> None:
    one = reader("p256")
    loaded = x509.load_der_x509_certificate(one.certificate)
    key = ed25519.Ed25519PrivateKey.generate()
    builder = x509.CertificateBuilder(
        loaded.issuer, loaded.subject, key.public_key(), 7, loaded.not_valid_before_utc, loaded.not_valid_after_utc
    )
    certificate = builder.sign(key, None).public_bytes(Encoding.DER)
    with pytest.raises(envelope.NotEncryptable):
        envelope.seal(TEXT, [Recipient(certificate)])
