"""AES-GCM, the wrapping of keys by AES, and the HMAC that is written here, through what uses them."""

from dataclasses import replace
from pathlib import Path

from config.clock import ManualClock
from directory.seals import BadSeal, Seals
from mailcore.errors import Damaged
from mailcore.store.keys import AccountKey, hmac_sha256
from mailcore.store.types import AccountId
from signing import der, envelope, enveloped
from signing.capabilities import AES256_GCM
from signing.der import BadDer
from signing.envelope import Undecipherable
from signing.enveloped import Enveloped
from signing.errors import BadSecret
from signing.keyring import WRAP_VERSION, Keyring
from tests.wycheproof.vectors import Vector, hold, taken

GCM = {128: "2.16.840.1.101.3.4.1.6", 256: AES256_GCM}
NONCE_BITS = 96  # what mail and everything here have; others are refused before they come to a cipher
HASH_BYTES, KEY_BYTES = 32, 64
GCM_VECTORS, WRAP_VECTORS, HKDF_VECTORS = 316, 165, 86


def letter(one: Vector) -> Enveloped:
    """Return an encrypted letter as its reader takes it apart. Raises BadDer."""
    parameters = der.sequence(der.write_octets(one.octets("iv")), der.write_integer(16))
    algorithm = der.sequence(der.write_oid(GCM[one.group["keySize"]]), parameters)
    content = der.sequence(der.write_oid(enveloped.DATA), algorithm, der.write(enveloped.KEY_IDENTIFIER, one.octets("ct")))
    inside = der.sequence(der.write_integer(0), der.set_of(), content, der.write_octets(one.octets("tag")))
    found = enveloped.read(der.sequence(der.write_oid(enveloped.AUTH_ENVELOPED), der.write(der.context(0), inside)), 1 << 20)
    return replace(found, authenticated=one.octets("aad"))


def test_a_letter_under_gcm() -> None:
    def accepts(one: Vector) -> bool:
        if one.group["keySize"] not in GCM:
            return False
        try:
            return envelope.open_with(letter(one), one.octets("key")) == one.octets("msg")
        except (BadDer, Undecipherable):
            return False

    hold("aes_gcm", GCM_VECTORS, accepts, lambda one: one.must and one.group["ivSize"] == NONCE_BITS and one.group["keySize"] in GCM)


class Given(Seals):
    """Seals with a key as it is, for every use."""

    def derive(self, use: str) -> bytes:
        return self._key


def test_a_sealed_value_of_the_directory() -> None:
    def accepts(one: Vector) -> bool:
        sealed = one.octets("iv") + one.octets("ct") + one.octets("tag")
        try:
            return Given(one.octets("key")).open("any", sealed, one.octets("aad")) == one.octets("msg")
        except BadSeal:
            return False

    hold("aes_gcm", GCM_VECTORS, accepts, lambda one: one.must and one.group["ivSize"] == NONCE_BITS)


def test_the_key_of_a_message_as_an_account_has_it() -> None:
    key = AccountKey(AccountId(1), bytes(32))

    def accepts(one: Vector) -> bool:
        key._wrap = one.octets("key")
        if one.result == "valid":
            assert key.wrap(one.octets("msg")) == one.octets("ct"), one
        return taken(key.unwrap, one.octets("ct"), refusals=(Damaged,)) and key.unwrap(one.octets("ct")) == one.octets("msg")

    hold("aes_wrap", WRAP_VECTORS, accepts)


def test_a_secret_of_the_signer(tmp_path: Path) -> None:
    ring = Keyring(tmp_path, ManualClock(0))

    def accepts(one: Vector) -> bool:
        ring._node = one.octets("key")
        wrapped = WRAP_VERSION + one.octets("ct")
        return taken(ring.unwrap, [wrapped], refusals=(BadSecret,)) and ring.unwrap([wrapped]) == [one.octets("msg")]

    hold("aes_wrap", WRAP_VECTORS, accepts)


def test_the_hmac_that_is_written_here() -> None:
    """By HKDF, which consists of it (RFC 5869 §2); it takes no key that is longer than a block."""

    def accepts(one: Vector) -> bool:
        wanted, room = one.fields["size"], 255 * HASH_BYTES
        secret, octets, found = hmac_sha256(one.octets("salt"), one.octets("ikm")), b"", b""
        for number in range(1, -(-min(wanted, room) // HASH_BYTES) + 1):
            octets = hmac_sha256(secret, octets + one.octets("info") + bytes((number,)))
            found += octets
        return wanted <= room and found[:wanted] == one.octets("okm")

    hold("hkdf_sha256", HKDF_VECTORS, accepts, lambda one: one.must and len(one.octets("salt")) <= KEY_BYTES)
