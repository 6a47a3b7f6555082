"""Signatures of forms of their own: DKIM, nodes, manifests, notes, tokens.

What is signed in a token or by a passkey is made of parts, which no vector is: of tokens, keys and methods are held against them as
`directory.oidc.jose` takes them, of passkeys only keys.
"""

import base64
import functools
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from joserfc import jwk
from joserfc.jws import JWSRegistry

from directory.errors import BadEntry
from directory.manifest import jws
from directory.manifest.errors import BadManifest
from directory.oidc import jose
from directory.signin import passkeys
from mailcore.checks import published
from mailcore.checks.published import NoKey, Published
from mailcore.routing import keys
from signing.evidence import note
from signing.evidence.note import BadNote
from tests.directory.conftest import SITE
from tests.directory.signin.authenticator import Authenticator, es256
from tests.wycheproof.vectors import Vector, hold, taken

DKIM = {"rsa_signature_2048_sha256": 259, "rsa_signature_3072_sha256": 259, "rsa_signature_4096_sha256": 258}
DKIM["rsa_signature_8192_sha256"] = 258


@pytest.mark.parametrize("name", DKIM)
def test_a_signature_of_dkim_with_rsa(name: str) -> None:
    def accepts(one: Vector) -> bool:
        try:
            key = zone_key("rsa", one.shared("publicKeyDer"))
        except NoKey:
            return False
        return key.verifies(one.octets("sig"), hashlib.sha256(one.octets("msg")).digest())

    hold(name, DKIM[name], accepts, lambda one: one.must and one.group["keySize"] <= published.MAX_BITS)


def zone_key(kind: str, octets: bytes) -> Published:
    """Read a key as a zone publishes it."""
    return published.read(f"v=DKIM1; k={kind}; p={base64.b64encode(octets).decode()}")


def test_a_signature_of_dkim_with_ed25519() -> None:
    hold("ed25519", 210, lambda one: zone_key("ed25519", raw(one)).verifies(one.octets("sig"), one.octets("msg")))


def raw(one: Vector) -> bytes:
    return bytes.fromhex(one.group["publicKey"]["pk"])


def test_a_signature_of_a_node_with_ed25519() -> None:
    hold("ed25519", 210, lambda one: keys.fits(one.shared("publicKeyDer"), one.octets("msg"), one.octets("sig")))


def test_a_signature_of_a_node_with_p256() -> None:
    name = "ecdsa_secp256r1_sha256_p1363"
    hold(name, 262, lambda one: keys.fits(one.shared("publicKeyDer"), one.octets("msg"), one.octets("sig")))


@pytest.mark.parametrize(("name", "count"), [("ecdsa_secp256k1_sha256_p1363", 252), ("ecdsa_secp384r1_sha384_p1363", 280)])
def test_a_node_signs_on_no_other_curve(name: str, count: int) -> None:
    hold(name, count, lambda one: keys.fits(one.shared("publicKeyDer"), one.octets("msg"), one.octets("sig")), lambda _: False)


def test_a_signature_of_a_manifest() -> None:
    def accepts(one: Vector) -> bool:
        arguments = (one.shared("publicKeyDer"), one.octets("msg"), one.octets("sig"))
        return taken(jws.verify, *arguments, refusals=(BadManifest,))

    hold("ecdsa_secp256r1_sha256_p1363", 262, accepts)


def test_a_signature_below_a_note() -> None:
    """A note is text: those over other octets, 68 of 210, are left out."""
    signer = note.Key("log.example", note.ED25519, b"")
    run = 0

    def accepts(one: Vector) -> bool:
        nonlocal run
        try:
            text = one.octets("msg").decode()
        except UnicodeDecodeError:
            return one.must
        run += 1
        key = note.Key(signer.name, signer.kind, raw(one))
        signed = note.Note(text, (note.signature(key, one.octets("sig")),))
        return taken(note.signers, signed, [key], refusals=(BadNote,))

    hold("ed25519", 210, accepts)
    assert run == 142


KEY_TYPES = {"ES256": "EC", "ES384": "EC", "Ed25519": "OKP", "RS256": "RSA", "PS256": "RSA"}
TOKENS = {  # the algorithm by which a token would name it, and how many
    "ecdsa_secp256r1_sha256_p1363": ("ES256", 262),
    "ecdsa_secp384r1_sha384_p1363": ("ES384", 280),
    "ed25519": ("Ed25519", 210),
    "rsa_signature_2048_sha256": ("RS256", 259),
    "rsa_signature_3072_sha256": ("RS256", 259),
    "rsa_signature_4096_sha256": ("RS256", 258),
    "rsa_pss_2048_sha256_mgf1_32": ("PS256", 108),
    "rsa_pss_3072_sha256_mgf1_32": ("PS256", 108),
    "rsa_pss_4096_sha256_mgf1_32": ("PS256", 108),
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_signature_of_a_token(name: str) -> None:
    """The key is read as that of a foreign authority; the octets signed are not a token's, so the method is asked itself."""
    algorithm, count = TOKENS[name]
    assert algorithm in jose.FOREIGN
    way = JWSRegistry(algorithms=[algorithm]).get_alg(algorithm)

    def accepts(one: Vector) -> bool:
        key = token_key(algorithm, one.shared("publicKeyDer"))
        way.check_key(key)
        return bool(way.verify(one.octets("msg"), one.octets("sig"), key))

    hold(name, count, accepts)


@functools.lru_cache(256)
def token_key(algorithm: str, spki: bytes) -> jwk.Key:
    """Return a key as the reader of a set of keys makes it of what stands there."""
    pem = load_der_public_key(spki).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return jose.key_set(json.dumps({"keys": [jwk.import_key(pem, KEY_TYPES[algorithm]).as_dict()]})).keys[0]


CURVES = {"ecdh_secp256r1_webcrypto": 353, "ecdh_secp384r1_webcrypto": 794, "ecdh_secp521r1_webcrypto": 655}


@pytest.mark.parametrize("name", CURVES)
def test_a_key_of_a_token_that_is_on_no_curve_is_refused(name: str) -> None:
    """One that is invalid only because the other side has another curve is a key nevertheless."""

    def accepts(one: Vector) -> bool:
        return taken(jose.key_set, json.dumps({"keys": [one.fields["public"]]}), refusals=(BadEntry,))

    hold(
        name,
        CURVES[name],
        accepts,
        lambda one: one.must or one.fields["public"]["crv"] in {"P-256", "P-384", "P-521"} - {one.group["curve"]},
    )


@pytest.mark.parametrize("name", CURVES)
def test_a_key_of_a_passkey_that_is_not_on_its_curve_is_refused(name: str) -> None:
    """As it is when it is registered: on P-256, whatever the other side has."""
    challenge, mine = bytes(32), Authenticator(SITE.host, SITE.origins[0])
    options = passkeys.creation_options(SITE, challenge, b"person", "a@gov.example", "A", [])

    def accepts(one: Vector) -> bool:
        public = one.fields["public"]
        x, y = (jws.unb64(public[field].encode()) for field in "xy")
        answer = mine.create(options, es256(x, y, {"P-256": 1, "P-384": 2, "P-521": 3, "P-256K": 8}[public["crv"]]))
        return taken(passkeys.created, SITE, challenge, answer, refusals=(BadEntry,))

    hold(name, CURVES[name], accepts, lambda one: one.fields["public"]["crv"] == "P-256" and (one.must or one.group["curve"] != "P-256"))
