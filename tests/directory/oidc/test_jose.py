"""Tokens of strangers: no algorithm, no key and no header but those that we chose."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk, jwt

from directory.errors import BadEntry
from directory.oidc import jose
from directory.oidc.errors import InvalidToken
from tests.directory.oidc.conftest import KeyBox

KIND = "at+jwt"


def part(value: Any) -> str:
    return jose.base64url(json.dumps(value).encode())


@pytest.fixture
async def spki() -> bytes:
    return await BOX.generate("own", "p256")


BOX = KeyBox()


async def signed(spki: bytes, kind: str = KIND) -> str:
    return await jose.signed({"sub": "x"}, kind, jose.thumbprint(spki), lambda digest: BOX.sign("own", digest))


async def test_what_we_sign_others_read(spki: bytes) -> None:
    token = await signed(spki)
    assert jose.read(token, jose.own_key_set([spki]), {KIND}) == {"sub": "x"}
    assert jwt.decode(token, jwk.import_key(jose.public_jwk(spki)), ["ES256"]).claims == {"sub": "x"}


async def test_the_type_is_part_of_the_token(spki: bytes) -> None:
    keys = jose.own_key_set([spki])
    for kind in ("JWT", "logout+jwt"):
        with pytest.raises(InvalidToken):
            jose.read(await signed(spki, kind), keys, {KIND})


async def test_algorithms_are_ours_to_choose(spki: bytes) -> None:
    """RFC 8725 §2.1: none, and HMAC with the public key as its secret."""
    keys, body = jose.own_key_set([spki]), part({"sub": "x"})
    kid = jose.thumbprint(spki)
    public = load_der_public_key(spki)
    secrets = [spki, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), json.dumps(jose.public_jwk(spki)).encode(), b""]
    forged = [f"{part({'alg': 'none', 'typ': KIND, 'kid': kid})}.{body}."]
    for name, method in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")):
        written = f"{part({'alg': name, 'typ': KIND, 'kid': kid})}.{body}"
        forged += [f"{written}.{jose.base64url(hmac.digest(secret, written.encode(), method))}" for secret in secrets]
    forged += [
        f"{part({'alg': name, 'typ': KIND, 'kid': kid})}.{body}.{'A' * 86}" for name in ("ES384", "RS256", "EdDSA", "Ed25519", "", "es256")
    ]
    for token in forged:
        for algorithms in ((jose.ALGORITHM,), jose.FOREIGN):
            with pytest.raises(InvalidToken):
                jose.read(token, keys, {KIND}, algorithms)


async def test_a_header_brings_no_key_with_it(spki: bytes) -> None:
    thief = jwk.ECKey.generate_key("P-256")
    kid, public = jose.thumbprint(spki), thief.as_dict(private=False)
    headers: list[dict[str, Any]] = [
        {"jwk": public},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/chain"},
        {"kid": "../../etc/passwd"},
        {"kid": "' OR 1=1 --"},
        {"kid": kid + "\0"},
        {"kid": ""},
        {"kid": thief.thumbprint()},
        {"crit": ["exp"], "exp": 1},
        {"b64": False, "crit": ["b64"]},
        {},
    ]
    for more in headers:
        token = jwt.encode({"alg": "ES256", "typ": KIND, "kid": kid}, {"sub": "thief"}, thief)
        _, body, signature = token.split(".")
        swapped = f"{part({'alg': 'ES256', 'typ': KIND, 'kid': kid} | more)}.{body}.{signature}"
        for one in (token, swapped):
            with pytest.raises(InvalidToken):
                jose.read(one, jose.own_key_set([spki]), {KIND})


async def test_any_changed_octet_is_noticed(spki: bytes) -> None:
    token, keys = await signed(spki), jose.own_key_set([spki])
    for place in range(0, len(token) - 1, 7):  # the last character has bits that say nothing
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(InvalidToken):
            jose.read(changed, keys, {KIND})


@given(st.text(max_size=200) | st.lists(st.text("ABCab01_-=", max_size=60), min_size=3, max_size=3).map(".".join))
def test_nonsense_is_refused_and_nothing_else(text: str) -> None:
    keys = jose.own_key_set([KEY])
    with pytest.raises(InvalidToken):
        jose.read(text, keys, {KIND})


KEY = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_long_and_deep_tokens_are_refused_unread() -> None:
    keys = jose.own_key_set([KEY])
    deep = jose.base64url(b"[" * 5000)
    for token in ("a" * 9000, f"{deep}.{deep}.{deep}", f"{part({'alg': 'ES256', 'typ': KIND})}.{jose.base64url(b'{' * 3000)}.AA"):
        with pytest.raises(InvalidToken):
            jose.read(token, keys, {KIND})


def weak() -> dict[str, Any]:
    """Return an RSA key of 1,024 bits."""
    modulus = rsa.generate_private_key(65537, 1024).public_key().public_numbers().n
    return {"kty": "RSA", "e": "AQAB", "n": jose.base64url(modulus.to_bytes(128, "big"))}


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [{"kty": "oct", "k": "AAAA"}],
        [dict(jwk.ECKey.generate_key("P-256").as_dict(private=True))],
        [dict(jwk.ECKey.generate_key("P-256").as_dict(private=False)) | {"use": "enc"}],
        [weak()],
        [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}],
        ["text"],
        [dict(jwk.ECKey.generate_key("P-256").as_dict(private=False))] * 21,
    ],
)
def test_a_platform_registers_public_keys_for_signatures_alone(keys: list[Any]) -> None:
    with pytest.raises(BadEntry):
        jose.key_set(json.dumps({"keys": keys}))


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("ES256", jwk.ECKey.generate_key("P-256")),
        ("ES384", jwk.ECKey.generate_key("P-384")),
        ("PS256", jwk.RSAKey.generate_key(2048)),
        ("RS256", jwk.RSAKey.generate_key(2048)),
        ("Ed25519", jwk.OKPKey.generate_key("Ed25519")),
    ],
)
def test_others_sign_with_any_sound_method(algorithm: str, key: jwk.Key) -> None:
    keys = jose.key_set(json.dumps(jwk.KeySet([key]).as_dict(private=False)))
    token = jwt.encode({"alg": algorithm}, {"sub": "x"}, key, [algorithm])
    assert jose.read(token, keys, {"jwt"}, jose.FOREIGN) == {"sub": "x"}
    with pytest.raises(InvalidToken):
        jose.read(token, keys, {"jwt"}, [one for one in jose.FOREIGN if one != algorithm])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": 1}', "x" * 100, "[" * 100_000])
def test_a_key_set_is_one(text: str) -> None:
    with pytest.raises(BadEntry):
        jose.key_set(text)


def test_keys_of_others_that_we_do_not_understand_are_passed_over() -> None:
    good = dict(jwk.ECKey.generate_key("P-256").as_dict(private=False))
    assert len(jose.foreign_key_set({"keys": [{"kty": "AKP"}, {"kty": "oct", "k": "AAAA"}, None, good]}).keys) == 1
    for nothing in (None, [], {"keys": []}, {"keys": [{"kty": "oct", "k": "AAAA"}]}):
        with pytest.raises(InvalidToken):
            jose.foreign_key_set(nothing)


def test_half_hash_is_the_left_half() -> None:
    assert base64.urlsafe_b64decode(jose.half_hash("x") + "==") == hashlib.sha256(b"x").digest()[:16]
