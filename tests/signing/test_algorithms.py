"""Methods that do not fit, and signatures of a form that no vector of Wycheproof has (tests/wycheproof holds ours against those)."""

import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from signing import der
from signing.algorithms import ECDSA_SHA256, ECDSA_SHA384, RSA_ENCRYPTION, RSA_SHA256, RSA_SHA384, SHA256, Broken, Weak, verify

TEXT = b"Monsieur le Ministre,"
P256 = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
INFO = der.sequence(der.sequence(der.write_oid(SHA256), der.write(der.NULL, b"")), der.write_octets(hashlib.sha256(TEXT).digest()))
ROOM = RSA.key_size // 8 - 3 - len(INFO)


def refuses(work: Callable[[], None]) -> bool:
    try:
        work()
    except Broken:
        return True
    return False


def test_two_numbers_side_by_side_are_no_signature_of_ecdsa() -> None:
    made = P256.sign(TEXT, ec.ECDSA(hashes.SHA256()))
    verify(P256.public_key(), ECDSA_SHA256, SHA256, made, TEXT)
    beside = b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(made))
    assert refuses(lambda: verify(P256.public_key(), ECDSA_SHA256, SHA256, beside, TEXT))


def block(filling: bytes, after: bytes = b"") -> bytes:
    """An RSA signature whose block is just this (RFC 8017 §9.2), with the digest that belongs there."""
    octets = b"".join((b"\0\1", filling, b"\0", INFO, after))
    assert len(octets) == RSA.key_size // 8
    numbers = RSA.private_numbers()
    return pow(int.from_bytes(octets, "big"), numbers.d, numbers.public_numbers.n).to_bytes(len(octets), "big")


@pytest.mark.parametrize(
    ("filling", "after"), [(bytes(ROOM), b""), (b"\xff" * 8, b"\1" * (ROOM - 8)), (b"\xff" * 7, b"\1" * (ROOM - 7)), (b"", b"\xff" * ROOM)]
)
def test_an_rsa_block_that_is_not_filled_up_to_the_digest_is_broken(filling: bytes, after: bytes) -> None:
    """Bleichenbacher 2006: what stands behind the digest is free to choose, if anybody overlooks it."""
    verify(RSA.public_key(), RSA_SHA256, SHA256, block(b"\xff" * ROOM), TEXT)
    assert refuses(lambda: verify(RSA.public_key(), RSA_SHA256, SHA256, block(filling, after), TEXT))


def test_an_rsa_signature_has_the_length_of_its_modulus() -> None:
    good = RSA.sign(TEXT, padding.PKCS1v15(), hashes.SHA256())
    for signature in (good[:-1], good + b"\0", b"\0" + good, good[1:]):
        assert refuses(lambda signature=signature: verify(RSA.public_key(), RSA_SHA256, SHA256, signature, TEXT))


@pytest.mark.parametrize(
    ("key", "method", "digest"),
    [
        (RSA.public_key(), ECDSA_SHA256, SHA256),
        (RSA.public_key(), RSA_SHA384, SHA256),
        (RSA.public_key(), RSA_SHA256, "1.3.14.3.2.26"),  # SHA-1
        (RSA.public_key(), RSA_ENCRYPTION, "1.2.840.113549.2.5"),  # MD5
        (P256.public_key(), RSA_SHA256, SHA256),
        (P256.public_key(), ECDSA_SHA384, SHA256),
        (ec.generate_private_key(ec.SECP224R1()).public_key(), ECDSA_SHA256, SHA256),
        (ed25519.Ed25519PrivateKey.generate().public_key(), ECDSA_SHA256, SHA256),
    ],
)
def test_a_method_that_does_not_fit_its_key_is_weak(key: object, method: str, digest: str) -> None:
    with pytest.raises(Weak):
        verify(key, method, digest, bytes(64), TEXT)  # type: ignore[arg-type]
