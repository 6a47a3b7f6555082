"""ECDSA and RSA as mail, certificates, lists, seals and protocols have them, and RSA as it is made."""

import functools
import hashlib
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key, load_der_public_key

from mailcore.checks.signing import SigningKey
from mailcore.pki import ceremony
from signing import algorithms, der
from signing.algorithms import (
    ECDSA_SHA256,
    ECDSA_SHA384,
    ECDSA_SHA512,
    RSA_SHA256,
    RSA_SHA384,
    RSA_SHA512,
    SHA256,
    SHA384,
    SHA512,
    Broken,
    Weak,
)
from signing.keyring import KINDS, Loaded
from tests.signing.readers import certified
from tests.wycheproof.vectors import Vector, hold, taken

METHODS = {
    "ecdsa_sha256": (ECDSA_SHA256, SHA256),
    "ecdsa_sha384": (ECDSA_SHA384, SHA384),
    "ecdsa_sha512": (ECDSA_SHA512, SHA512),
    "rsa_sha256": (RSA_SHA256, SHA256),
    "rsa_sha384": (RSA_SHA384, SHA384),
    "rsa_sha512": (RSA_SHA512, SHA512),
}
FILES = {  # mail, seals, lists, answers: all that is CMS or X.509
    "ecdsa_secp256r1_sha256": 484,
    "ecdsa_secp256r1_sha512": 554,
    "ecdsa_secp256k1_sha256": 476,
    "ecdsa_secp256k1_sha512": 546,
    "ecdsa_secp384r1_sha256": 472,
    "ecdsa_secp384r1_sha384": 504,
    "ecdsa_secp384r1_sha512": 542,
    "ecdsa_secp521r1_sha512": 542,
    "rsa_signature_2048_sha256": 259,
    "rsa_signature_2048_sha384": 258,
    "rsa_signature_2048_sha512": 259,
    "rsa_signature_3072_sha256": 259,
    "rsa_signature_3072_sha384": 259,
    "rsa_signature_3072_sha512": 260,
    "rsa_signature_4096_sha256": 258,
    "rsa_signature_4096_sha384": 259,
    "rsa_signature_4096_sha512": 259,
    "rsa_signature_8192_sha256": 258,
    "rsa_signature_8192_sha384": 259,
    "rsa_signature_8192_sha512": 259,
}


def method(name: str) -> tuple[str, str]:
    return METHODS[f"{name.partition('_')[0]}_{name.rpartition('_')[2]}"]


@functools.lru_cache(256)
def loaded(spki: bytes) -> object:
    return load_der_public_key(spki)


@pytest.mark.parametrize("name", FILES)
def test_a_signature_of_cms_or_of_a_certificate(name: str) -> None:
    def accepts(one: Vector) -> bool:
        arguments = (loaded(one.shared("publicKeyDer")), *method(name), one.octets("sig"), one.octets("msg"))
        return taken(algorithms.verify, *arguments, refusals=(Broken,))

    hold(name, FILES[name], accepts)


WEAK = {  # curves of less than 256 bits and RSA of less than 2048, by the digest that we would take
    "ecdsa_secp192r1_sha256": (ECDSA_SHA256, SHA256, 454),
    "ecdsa_secp224r1_sha256": (ECDSA_SHA256, SHA256, 481),
    "ecdsa_secp224r1_sha512": (ECDSA_SHA512, SHA512, 550),
    "dsa_2048_256_sha256": (ECDSA_SHA256, SHA256, 366),
}


@pytest.mark.parametrize("name", WEAK)
def test_a_key_that_is_weak_or_of_another_kind_verifies_nothing(name: str) -> None:
    *how, count = WEAK[name]

    def accepts(one: Vector) -> bool:
        with pytest.raises(Weak):
            algorithms.verify(loaded(one.shared("publicKeyDer")), *how, one.octets("sig"), one.octets("msg"))  # type: ignore[arg-type]
        return False

    hold(name, count, accepts, lambda _: False)


MADE = {"rsa_pkcs1_1024_sig_gen": 33, "rsa_pkcs1_1536_sig_gen": 32, "rsa_pkcs1_2048_sig_gen": 43, "rsa_pkcs1_3072_sig_gen": 26}
MADE |= {"rsa_pkcs1_4096_sig_gen": 24}
SHA = {"SHA-256": (RSA_SHA256, SHA256), "SHA-384": (RSA_SHA384, SHA384), "SHA-512": (RSA_SHA512, SHA512)}


@pytest.mark.parametrize("name", MADE)
def test_the_signer_and_dkim_make_the_one_signature_of_rsa(name: str) -> None:
    """There is one for each key and text: ours is that of the vector, where it is over SHA-256."""

    def accepts(one: Vector) -> bool:
        said = (*SHA.get(one.group["sha"], (RSA_SHA256, one.group["sha"])), one.octets("sig"), one.octets("msg"))
        if one.group["sha"] == "SHA-256":
            private = opened(one.shared("privateKeyPkcs8"))
            digest = hashlib.sha256(one.octets("msg")).digest()
            assert Loaded(private).sign(digest, *KINDS["rsa3072"].how) == one.octets("sig"), one
            assert SigningKey("example.org", "s", private).sign(digest) == one.octets("sig"), one
        return taken(algorithms.verify, loaded(one.shared("keyDer")), *said, refusals=(Weak,))

    hold(name, MADE[name], accepts, lambda one: one.must and one.group["sha"] in SHA)


@functools.lru_cache(8)
def opened(octets: bytes) -> RSAPrivateKey:
    key = load_der_private_key(octets, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, RSAPrivateKey)
    return key


def test_a_signature_of_a_root_below_its_protocol() -> None:
    """What is signed is no protocol, so only what is said of the signature counts."""

    def accepts(one: Vector) -> bool:
        try:
            ceremony.check(one.octets("msg"), one.octets("sig"), certificate(one.shared("publicKeyDer")).public_bytes(Encoding.PEM))
        except ceremony.CeremonyFailed as told:
            return "has signed it" not in str(told)
        return True

    hold("ecdsa_secp384r1_sha384", 504, accepts)


@functools.lru_cache(256)
def certificate(spki: bytes) -> x509.Certificate:
    return certified(loaded(spki))  # type: ignore[arg-type]


VERIFIED = {name: FILES[name] for name in ("ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "rsa_signature_2048_sha256")}


@pytest.mark.parametrize("name", VERIFIED)
def test_a_signature_that_the_program_for_courts_reads(name: str) -> None:
    program = verifier()
    algorithm, digest = (der.write_oid(one) for one in method(name))
    over = program.hashed(program.SHA2[digest], b"")

    def accepts(one: Vector) -> bool:
        fields = certificate(one.shared("publicKeyDer"))
        signer = fields.public_bytes(Encoding.DER)
        said = {
            "certificates": [signer],
            "signer": der.sequence(fields.issuer.public_bytes(), der.write_integer(fields.serial_number)),
            "attributes": {program.DIGEST: der.write_octets(over)},
            "digest": digest,
            "algorithm": algorithm,
            "signed": one.octets("msg"),
            "signature": one.octets("sig"),
        }
        return taken(program.signer, said, b"", [signer], refusals=(program.Wrong,))

    hold(name, VERIFIED[name], accepts)


@functools.cache
def verifier() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verifier", Path(__file__).parents[2] / "docs/verifier.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
