"""Keys of decryption in escrow: officers open their shares with `openssl cms`, enough bring the key back; keys that sign stay out."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from config.clock import ManualClock
from signing import escrow
from signing.errors import KeyExists
from signing.escrow import BadShare, Kept, Share
from signing.keyring import Keyring
from signing.vault import Damaged

OFFICERS = ("hamid", "leila", "omar")


def officer(folder: Path, name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    now, subject = datetime.now(UTC), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(5).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    (folder / f"{name}.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, form, plain))


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A keys directory with three officers, of whom two are needed: two with cards of today, one with RSA."""
    for name in OFFICERS[:2]:
        officer(tmp_path, name, ec.generate_private_key(ec.SECP256R1()))
    officer(tmp_path, OFFICERS[2], rsa.generate_private_key(65537, 2048))
    names = ", ".join(f'"{name}.pem"' for name in OFFICERS)
    (tmp_path / escrow.PLACE).write_text(f"needed = 2\nofficers = [{names}]\n")
    return tmp_path


def kept(keys: Path, key_id: str) -> Kept:
    return escrow.read(escrow.path(keys, key_id).read_bytes())


def decrypted(keys: Path, name: str, cms: bytes) -> bytes:
    words = ["openssl", "cms", "-decrypt", "-inform", "DER", "-inkey", str(keys / f"{name}.key"), "-recip", str(keys / f"{name}.pem")]
    return subprocess.run(words, input=cms, check=True, capture_output=True, timeout=20).stdout


@pytest.mark.parametrize("some", [(0, 1), (0, 2), (2, 1), (0, 1, 2)])
def test_enough_officers_open_it_with_openssl(keys: Path, clock: ManualClock, some: tuple[int, ...]) -> None:
    public = Keyring(keys, clock).generate("encrypt-12", "decrypt-p256", activated=True)
    found = kept(keys, "encrypt-12")
    assert [portion.officer for portion in found.shares] == [f"CN={name}" for name in OFFICERS]
    shares = [escrow.share(decrypted(keys, OFFICERS[n], found.shares[n].cms)) for n in some]
    private = serialization.load_der_private_key(escrow.opened(found, shares), None)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    assert private.public_key().public_bytes(Encoding.DER, form) == public


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa3072"])
def test_keys_that_sign_are_kept_nowhere_else(keys: Path, clock: ManualClock, kind: str) -> None:
    Keyring(keys, clock).generate("sign-12", kind, activated=True)
    assert not (keys / escrow.FOLDER).exists()


def test_what_is_kept_is_never_written_over(keys: Path, clock: ManualClock) -> None:
    Keyring(keys, clock).generate("encrypt-12", "decrypt-p256", activated=True)
    before = escrow.path(keys, "encrypt-12").read_bytes()
    for file in (keys / "private").rglob("encrypt-12"):
        file.unlink()
    with pytest.raises(KeyExists):
        Keyring(keys, clock).generate("encrypt-12", "decrypt-p256", activated=True)
    assert escrow.path(keys, "encrypt-12").read_bytes() == before


@pytest.fixture
def shares(keys: Path, clock: ManualClock) -> tuple[Kept, list[Share]]:
    ring = Keyring(keys, clock)
    ring.generate("encrypt-12", "decrypt-p256", activated=True)
    found = kept(keys, "encrypt-12")
    return found, [escrow.share(decrypted(keys, name, one.cms)) for name, one in zip(OFFICERS, found.shares, strict=True)]


def test_officers_who_are_named_while_the_signer_runs_keep_the_next_key(keys: Path, clock: ManualClock) -> None:
    rule = (keys / escrow.PLACE).read_bytes()
    (keys / escrow.PLACE).unlink()
    ring = Keyring(keys, clock)
    ring.generate("encrypt-12", "decrypt-p256", activated=True)
    (keys / escrow.PLACE).write_bytes(rule)
    ring.generate("encrypt-13", "decrypt-p256", activated=True)
    assert [escrow.path(keys, f"encrypt-{number}").exists() for number in (12, 13)] == [False, True]


def test_too_few_or_foreign_shares_open_nothing(keys: Path, clock: ManualClock, shares: tuple[Kept, list[Share]]) -> None:
    found, [one, two, _] = shares
    with pytest.raises(BadShare, match="2 different shares are needed, these are 1"):
        escrow.opened(found, [one, one])
    with pytest.raises(BadShare, match="is of another key, encrypt-13"):
        escrow.opened(found, [one, Share("encrypt-13", 2, 2, two.octets)])
    with pytest.raises(BadShare, match="do not open it"):
        escrow.opened(found, [one, Share("encrypt-12", 2, 2, bytes(32))])


def test_a_share_is_text_that_survives_paper(shares: tuple[Kept, list[Share]]) -> None:
    _, [one, *_] = shares
    text = escrow.written(one, 3)
    assert escrow.share(b"typed by hand\r\n" + text.replace(b"\n", b"\r\n")) == one
    for place in range(len(text)):
        harmed = text[:place] + bytes((text[place] ^ 1,)) + text[place + 1 :]
        try:
            assert escrow.share(harmed) == one
        except BadShare:
            continue


@pytest.mark.parametrize("text", [b"", b"\xff" * 50, b"key: k\nshare: 1 of 3, 2 needed\noctets: 00\ncheck: 00\n", b"x" * 10_000])
def test_what_is_no_share_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(BadShare, match="no share"):
        escrow.share(text)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("needed = 4\nofficers = ['hamid.pem', 'leila.pem', 'omar.pem']\n", "4 of 3 officers cannot be"),
        ("needed = 1\nofficers = ['hamid.pem', 'leila.pem']\n", "at least 2"),
        ("needed = 2\nofficers = ['hamid.pem', 'nobody.pem']\n", "nobody.pem"),
        ("needed = 2\nofficers = ['hamid.pem', 'hamid.key']\n", "escrow.toml"),
        ("needed = two\n", "escrow.toml"),
        ("officers = []\n", "needed"),
    ],
)
def test_a_rule_that_cannot_be_stops_the_signer(keys: Path, clock: ManualClock, rule: str, said: str) -> None:
    (keys / escrow.PLACE).write_text(rule)
    with pytest.raises(Damaged, match=said):
        Keyring(keys, clock)


def test_a_damaged_file_is_said(keys: Path) -> None:
    with pytest.raises(Damaged):
        escrow.read(b"{}")
