"""Signatures at the edges of their mathematics and of their encoding: the classes of Project Wycheproof, made here.

ECDSA: r and s of zero, one, the order and beyond, negative, encoded otherwise than DER (CVE-2022-21449 and kin). RSA PKCS#1 v1.5: another
digest in the block, a block that is padded otherwise (Bleichenbacher 2006), other lengths.
"""

import hashlib
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from signing import der
from signing.algorithms import (
    ECDSA_SHA256,
    ECDSA_SHA384,
    RSA_ENCRYPTION,
    RSA_SHA256,
    RSA_SHA384,
    SHA256,
    SHA384,
    Broken,
    Weak,
    verify,
)

TEXT = b"Monsieur le Ministre,"
ORDERS = {  # SEC 2 §2.4.2, §2.5.1
    "p256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "p384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}
CURVES = {"p256": (ec.SECP256R1(), ECDSA_SHA256, SHA256), "p384": (ec.SECP384R1(), ECDSA_SHA384, SHA384)}
EC = {name: ec.generate_private_key(curve) for name, (curve, _, _) in CURVES.items()}
RSA = rsa.generate_private_key(65537, 2048)
INFO = der.sequence(der.sequence(der.write_oid(SHA256), b"\x05\0"), der.write_octets(hashlib.sha256(TEXT).digest()))
WITHOUT_NULL = der.sequence(der.sequence(der.write_oid(SHA256)), der.write_octets(hashlib.sha256(TEXT).digest()))


def pair(r: int, s: int) -> bytes:
    return der.sequence(der.write_integer(r), der.write_integer(s))


def at_the_edges(r: int, s: int, order: int) -> Iterator[tuple[str, bytes]]:
    for name, value in (("0", 0), ("1", 1), ("-1", -1), ("n", order), ("n-1", order - 1), ("n+1", order + 1), ("2^384", 2**384)):
        yield f"r={name}", pair(value, s)
        yield f"s={name}", pair(r, value)
        yield f"r=s={name}", pair(value, value)
    yield "r+n", pair(r + order, s)
    yield "s+n", pair(r, s + order)
    yield "-r", pair(-r, s)
    yield "-s", pair(r, -s)
    yield "r and s exchanged", pair(s, r)
    yield "nothing", b""


def encoded_otherwise(r: int, s: int) -> Iterator[tuple[str, bytes]]:
    one, two = der.write_integer(r), der.write_integer(s)
    yield "long length", b"\x30\x81" + bytes((len(one + two),)) + one + two
    yield "indefinite", b"\x30\x80" + one + two + b"\0\0"
    yield "trailing octet", der.sequence(one, two) + b"\0"
    yield "trailing octet inside", der.sequence(one, two, b"\0")
    yield "a third integer", der.sequence(one, two, der.write_integer(1))
    yield "leading zeros", der.sequence(der.write(der.INTEGER, bytes(2) + one[2:]), two)
    yield "one integer", der.sequence(one)
    yield "a set", der.write(der.SET, one, two)
    yield "octet strings", der.sequence(der.write_octets(one[2:]), der.write_octets(two[2:]))
    yield "plain (P1363)", r.to_bytes(48, "big") + s.to_bytes(48, "big")
    yield "cut", der.sequence(one, two)[:-1]


@pytest.mark.parametrize("name", CURVES)
def test_ecdsa_at_its_edges_is_broken(name: str) -> None:
    curve, method, digest = CURVES[name]
    made = EC[name].sign(TEXT, ec.ECDSA(hashes.SHA256() if name == "p256" else hashes.SHA384()))
    verify(EC[name].public_key(), method, digest, made, TEXT)
    r, s = decode_dss_signature(made)
    assert encode_dss_signature(r, s) == pair(r, s) == made
    for what, signature in (*at_the_edges(r, s, ORDERS[name]), *encoded_otherwise(r, s)):
        assert signature != made, what
        assert refuses(lambda signature=signature: verify(EC[name].public_key(), method, digest, signature, TEXT)), what
    assert curve.key_size in (256, 384)


def refuses(work: Callable[[], None]) -> bool:
    try:
        work()
    except Broken:
        return True
    return False


def block(*parts: bytes) -> bytes:
    """An RSA signature whose block is just this."""
    octets = b"".join(parts)
    numbers = RSA.private_numbers()
    size = RSA.key_size // 8
    return pow(int.from_bytes(octets, "big"), numbers.d, numbers.public_numbers.n).to_bytes(size, "big")


def filled(info: bytes, *, kind: bytes = b"\0\1", fill: bytes = b"\xff", after: bytes = b"") -> bytes:
    room = RSA.key_size // 8 - len(kind) - 1 - len(info) - len(after)
    return block(kind, fill * room, b"\0", info, after)


BLOCKS = {
    "no NULL in the identifier": filled(WITHOUT_NULL),
    "filled with zeros": filled(INFO, fill=b"\0"),
    "a block of encryption": filled(INFO, kind=b"\0\2"),
    "octets behind the digest": block(b"\0\1", b"\xff" * 8, b"\0", INFO, bytes(256 - 11 - len(INFO))),
    "too short a filling": block(b"\0\1", b"\xff" * 7, b"\0", INFO, bytes(256 - 10 - len(INFO))),
    "another digest's name": filled(INFO.replace(der.write_oid(SHA256), der.write_oid(SHA384))),
    "a bare digest": filled(hashlib.sha256(TEXT).digest()),
    "long lengths": filled(b"\x30\x81" + INFO[1:]),
    "zero": bytes(256),
    "one": b"\0" * 255 + b"\1",
    "the modulus": RSA.private_numbers().public_numbers.n.to_bytes(256, "big"),
    "nothing": b"",
}


@pytest.mark.parametrize("what", BLOCKS)
def test_an_rsa_block_of_another_form_is_broken(what: str) -> None:
    verify(RSA.public_key(), RSA_SHA256, SHA256, filled(INFO), TEXT)
    assert refuses(lambda: verify(RSA.public_key(), RSA_SHA256, SHA256, BLOCKS[what], TEXT))


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
        (EC["p256"].public_key(), RSA_SHA256, SHA256),
        (EC["p256"].public_key(), ECDSA_SHA384, SHA256),
        (ec.generate_private_key(ec.SECP224R1()).public_key(), ECDSA_SHA256, SHA256),
        (ed25519.Ed25519PrivateKey.generate().public_key(), ECDSA_SHA256, SHA256),
    ],
)
def test_a_method_that_does_not_fit_its_key_is_weak(key: object, method: str, digest: str) -> None:
    with pytest.raises(Weak):
        verify(key, method, digest, bytes(64), TEXT)  # type: ignore[arg-type]
