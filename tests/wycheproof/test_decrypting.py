"""Keys that decrypt: RSA and ECDH, through a whole letter that is read, its share, and the key that comes of it.

Whatever is wrong with a share, the answer is a key that opens nothing (RFC 3218 §2.3.2): that is what "refused" means here.
"""

import functools

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.serialization import load_der_private_key

from signing import der, enveloped, unwrapping
from signing.algorithms import RSA_ENCRYPTION
from signing.certificate import EC_PUBLIC_KEY
from signing.der import BadDer
from signing.enveloped import AGREED, MGF1, OAEP, Share
from signing.unwrapping import Keys
from tests.wycheproof.vectors import Vector, hold

KEY = bytes(range(32))
NAME = der.write(enveloped.KEY_IDENTIFIER, b"somebody")
NULL = der.write(der.NULL, b"")
WRAP = der.sequence(der.write_oid("2.16.840.1.101.3.4.1.45"))
AGREEMENT = {"secp256r1": ("1.3.132.1.11.1", hashes.SHA256), "secp384r1": ("1.3.132.1.11.2", hashes.SHA384)}
SHA = {
    "SHA-1": "1.3.14.3.2.26",
    "SHA-224": "2.16.840.1.101.3.4.2.4",
    "SHA-256": "2.16.840.1.101.3.4.2.1",
    "SHA-384": "2.16.840.1.101.3.4.2.2",
    "SHA-512": "2.16.840.1.101.3.4.2.3",
    "SHA-512/224": "2.16.840.1.101.3.4.2.5",
    "SHA-512/256": "2.16.840.1.101.3.4.2.6",
}


def share(info: bytes) -> Share | None:
    """Return the share in a letter with this RecipientInfo, as the reader finds it; None when there is none, or nothing to be read."""
    cipher = der.sequence(der.write_oid("2.16.840.1.101.3.4.1.42"), der.write_octets(bytes(16)))
    content = der.sequence(der.write_oid(enveloped.DATA), cipher, der.write(enveloped.KEY_IDENTIFIER, bytes(16)))
    inside = der.sequence(der.write_integer(2), der.set_of(info), content)
    letter = der.sequence(der.write_oid(enveloped.ENVELOPED), der.write(der.context(0), inside))
    try:
        shares = enveloped.read(letter, 1 << 20).shares
    except BadDer:
        return None
    return shares[0] if shares else None


def opens(key: Keys, found: Share, want: bytes) -> bool:
    """Say whether a share gives the key that it should. Any other answer is a key of the right length."""
    key_bytes = len(want) or len(KEY)  # nothing at all is no key: what gives it must give another
    answer = unwrapping.content_key(key, found.method, found.wrapped, found.point, found.info, key_bytes)
    assert len(answer) == key_bytes
    return answer == want


def transported(algorithm: bytes, wrapped: bytes) -> bytes:
    return der.sequence(der.write_integer(2), NAME, algorithm, der.write_octets(wrapped))


@functools.lru_cache(8)
def private(octets: bytes) -> RSAPrivateKey:
    key = load_der_private_key(octets, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, RSAPrivateKey)
    return key


@pytest.mark.parametrize(("name", "count"), [("rsa_pkcs1_2048", 67), ("rsa_pkcs1_3072", 67), ("rsa_pkcs1_4096", 67)])
def test_rsa_with_the_old_padding(name: str, count: int) -> None:
    def accepts(one: Vector) -> bool:
        found = share(transported(der.sequence(der.write_oid(RSA_ENCRYPTION), NULL), one.octets("ct")))
        return found is not None and opens(private(one.shared("privateKeyPkcs8")), found, one.octets("msg"))

    hold(name, count, accepts, lambda one: one.must and one.fields["msg"] != "")


READ = {  # RSA-OAEP with one digest for the label and the mask
    "rsa_oaep_2048_sha1_mgf1sha1": 36,
    "rsa_oaep_2048_sha256_mgf1sha256": 37,
    "rsa_oaep_2048_sha384_mgf1sha384": 34,
    "rsa_oaep_2048_sha512_mgf1sha512": 33,
    "rsa_oaep_3072_sha256_mgf1sha256": 37,
    "rsa_oaep_3072_sha512_mgf1sha512": 33,
    "rsa_oaep_4096_sha256_mgf1sha256": 37,
    "rsa_oaep_4096_sha512_mgf1sha512": 36,
    "rsa_oaep_misc": 395,
}
PASSED_OVER = {  # digests that nobody sends with, or two of them
    "rsa_oaep_2048_sha224_mgf1sha1": 31,
    "rsa_oaep_2048_sha224_mgf1sha224": 35,
    "rsa_oaep_2048_sha256_mgf1sha1": 31,
    "rsa_oaep_2048_sha384_mgf1sha1": 31,
    "rsa_oaep_2048_sha512_224_mgf1sha1": 32,
    "rsa_oaep_2048_sha512_224_mgf1sha512_224": 35,
    "rsa_oaep_2048_sha512_mgf1sha1": 31,
    "rsa_oaep_3072_sha256_mgf1sha1": 32,
    "rsa_oaep_3072_sha512_256_mgf1sha1": 31,
    "rsa_oaep_3072_sha512_256_mgf1sha512_256": 37,
    "rsa_oaep_3072_sha512_mgf1sha1": 31,
    "rsa_oaep_4096_sha256_mgf1sha1": 32,
    "rsa_oaep_4096_sha512_mgf1sha1": 31,
}


def oaep(one: Vector) -> bytes:
    """Return the AlgorithmIdentifier of a vector (RFC 4055 §4.1), with its label if it has one."""
    digest, mask = (der.sequence(der.write_oid(SHA[one.group[name]]), NULL) for name in ("sha", "mgfSha"))
    fields = [der.write(der.context(0), digest), der.write(der.context(1), der.sequence(der.write_oid(MGF1), mask))]
    if one.octets("label"):
        source = der.sequence(der.write_oid("1.2.840.113549.1.1.9"), der.write_octets(one.octets("label")))
        fields.append(der.write(der.context(2), source))
    return der.sequence(der.write_oid(OAEP), der.sequence(*fields))


def found_in(one: Vector) -> Share | None:
    return share(transported(oaep(one), one.octets("ct")))


def is_read(one: Vector) -> bool:
    """Whether mail has such a share: no label, one digest that we know, and a key in it."""
    return not one.octets("label") and one.group["sha"] == one.group["mgfSha"] and SHA[one.group["sha"]] in enveloped.HASHES


@pytest.mark.parametrize("name", READ)
def test_rsa_with_oaep(name: str) -> None:
    def accepts(one: Vector) -> bool:
        found = found_in(one)
        assert (found is not None) == is_read(one), one
        return found is not None and opens(private(one.shared("privateKeyPkcs8")), found, one.octets("msg"))

    hold(name, READ[name], accepts, lambda one: one.must and is_read(one) and one.fields["msg"] != "")


@pytest.mark.parametrize("name", PASSED_OVER)
def test_rsa_with_oaep_of_kinds_that_are_passed_over(name: str) -> None:
    hold(name, PASSED_OVER[name], lambda one: found_in(one) is not None, lambda _: False)


@functools.lru_cache(64)
def scalar(curve: str, number: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int(number, 16), {"secp256r1": ec.SECP256R1(), "secp384r1": ec.SECP384R1()}[curve])


def agreed(one: Vector, originator: bytes) -> bool:
    """Say whether a key that somebody else has wrapped for the shared secret of a vector is found."""
    name, digest = AGREEMENT[one.group["curve"]]
    info = enveloped.shared_info(WRAP, len(KEY))
    wrapped = aes_key_wrap(X963KDF(digest(), len(KEY), info).derive(one.octets("shared")), KEY)
    fields = der.write(der.context(0), originator), der.sequence(der.write_oid(name), WRAP)
    key = der.sequence(der.write(der.context(0), der.write_octets(b"somebody")), der.write_octets(wrapped))
    found = share(der.write(AGREED, der.write_integer(3), *fields, der.sequence(key)))
    return found is not None and opens(scalar(one.group["curve"], one.fields["private"]), found, KEY)


@pytest.mark.parametrize(("name", "count"), [("ecdh_secp256r1_ecpoint", 355), ("ecdh_secp384r1_ecpoint", 790)])
def test_ecdh_with_a_point(name: str, count: int) -> None:
    def accepts(one: Vector) -> bool:
        return agreed(one, der.write(AGREED, der.sequence(der.write_oid(EC_PUBLIC_KEY)), der.write_bits(one.octets("public"))))

    hold(name, count, accepts)


RIGHT_IN_CMS = (  # wrong in a certificate only: a letter may be BER (RFC 5652 §5), a curve missing or NULL (RFC 5753 §7.1.2)
    "length of sequence uses long form encoding",
    "length of sequence contains a leading 0",
    "length of oid uses long form encoding",
    "length of oid contains a leading 0",
    "length of bit string uses long form encoding",
    "length of bit string contains a leading 0",
    "indefinite length",
    "truncated sequence: removed last 1 elements",
    "Replacing oid with NULL",
)
METHOD, UNCOMPRESSED = der.write_oid(EC_PUBLIC_KEY)[2:], b"\0\4"


def is_right_in_cms(one: Vector) -> bool:
    """Whether nothing is missing or another, however long the lengths are."""
    return one.fields["comment"] in RIGHT_IN_CMS and METHOD in one.octets("public") and UNCOMPRESSED in one.octets("public")


@pytest.mark.parametrize(("name", "count"), [("ecdh_secp256r1", 612), ("ecdh_secp384r1", 1047)])
def test_ecdh_with_a_key_that_names_its_curve(name: str, count: int) -> None:
    """A key in a letter is written as one in a certificate is, but for its first octet."""

    def accepts(one: Vector) -> bool:
        octets = one.octets("public")
        return agreed(one, bytes((AGREED,)) + octets[1:] if octets[:1] == b"\x30" else octets)

    hold(name, count, accepts, lambda one: one.must or is_right_in_cms(one))
