"""Encrypt mail for several people, and open what was encrypted once its key is known. RFC 8551 §2.4.3, §2.4.4, §3.3.

AES-256-GCM (AuthEnvelopedData, RFC 5083, RFC 5084) where everybody can, else AES-256-CBC (EnvelopedData, RFC 5652 §6), which anybody
can change on its way: only a signature inside says that nobody did. Keys travel by RSA (RFC 8017 §7) or ECDH (RFC 5753).
"""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.padding import PKCS7

from signing import capabilities, cms, der, enveloped
from signing.algorithms import MIN_RSA_BITS, RSA_ENCRYPTION, SHA256
from signing.capabilities import AES256_CBC, AES256_GCM
from signing.certificate import EC_PUBLIC_KEY, key_identifier, outline
from signing.cms import DATA
from signing.enveloped import AUTH_ENVELOPED, CBC, ENVELOPED, GCM, MGF1, OAEP, Enveloped, Share

KEY_BYTES, NONCE_BYTES, BLOCK_BYTES, TAG_BYTES = 32, 12, 16, 16
NULL = b"\x05\x00"
WRAP = der.sequence(der.write_oid("2.16.840.1.101.3.4.1.45"))  # AES-256
AGREEMENTS: dict[str, tuple[str, type[hashes.SHA256 | hashes.SHA384]]] = {  # RFC 5753 §7.1.4
    "secp256r1": ("1.3.132.1.11.1", hashes.SHA256),
    "secp384r1": ("1.3.132.1.11.2", hashes.SHA384),
    "secp521r1": ("1.3.132.1.11.2", hashes.SHA384),
}
_SHA256 = der.sequence(der.write_oid(SHA256), NULL)
OAEP_SHA256 = der.sequence(
    der.write_oid(OAEP),
    der.sequence(der.write(der.context(0), _SHA256), der.write(der.context(1), der.sequence(der.write_oid(MGF1), _SHA256))),
)
TYPES = {GCM: "authEnveloped-data", CBC: "enveloped-data"}  # RFC 8551 §3.2.2


class NotEncryptable(ValueError):
    """A certificate to whose key nothing can be encrypted."""


class Undecipherable(ValueError):
    """What was encrypted cannot be opened, for whatever reason: which one is nobody's business (RFC 3218 §2.3.2)."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A certificate (DER) to encrypt for. `modern`: the holder's program reads AES-GCM and RSA-OAEP."""

    certificate: bytes
    modern: bool = False


def recipient(certificate: bytes, said: frozenset[str] = frozenset()) -> Recipient:
    """Return a recipient by what the certificate, or `said` of the holder's last signed letter, says that they can."""
    return Recipient(certificate, AES256_GCM in said | capabilities.of_certificate(certificate))


def cipher(recipients: Sequence[Recipient]) -> str:
    """Return the cipher that all can read."""
    return GCM if all(one.modern for one in recipients) else CBC


def seal(content: bytes, recipients: Sequence[Recipient]) -> bytes:
    """Encrypt for everybody in `recipients`, which are some; return DER. Raises NotEncryptable."""
    name = cipher(recipients)
    key = secrets.token_bytes(KEY_BYTES)
    infos = [_info(one, key) for one in recipients]
    write = {GCM: _authenticated, CBC: _plain}[name]
    return write(content, key, infos)


def _authenticated(content: bytes, key: bytes, infos: Sequence[bytes]) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, content, None)
    parameters = der.sequence(der.write_octets(nonce), der.write_integer(TAG_BYTES))
    inside = _encrypted(AES256_GCM, parameters, sealed[:-TAG_BYTES])
    return _content_info(AUTH_ENVELOPED, 0, infos, inside, der.write_octets(sealed[-TAG_BYTES:]))


def _plain(content: bytes, key: bytes, infos: Sequence[bytes]) -> bytes:
    start, pad = secrets.token_bytes(BLOCK_BYTES), PKCS7(8 * BLOCK_BYTES).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    sealed = encryptor.update(pad.update(content) + pad.finalize()) + encryptor.finalize()
    version = 2 if any(info[0] != der.SEQUENCE for info in infos) else 0  # RFC 5652 §6.1
    return _content_info(ENVELOPED, version, infos, _encrypted(AES256_CBC, der.write_octets(start), sealed))


def _encrypted(algorithm: str, parameters: bytes, octets: bytes) -> bytes:
    return der.sequence(
        der.write_oid(DATA), der.sequence(der.write_oid(algorithm), parameters), der.write(enveloped.KEY_IDENTIFIER, octets)
    )


def _content_info(kind: str, version: int, infos: Sequence[bytes], *rest: bytes) -> bytes:
    inside = der.sequence(der.write_integer(version), der.set_of(*infos), *rest)
    return cms.write_content_info(kind, inside)


def _info(one: Recipient, key: bytes) -> bytes:
    """Return the RecipientInfo of somebody."""
    fields = outline(one.certificate)
    name = der.sequence(fields.issuer, fields.serial)
    public = x509.load_der_x509_certificate(one.certificate).public_key()
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= MIN_RSA_BITS:
        return _transported(public, name, key, oaep=one.modern)
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in AGREEMENTS:
        return _agreed(public, name, key)
    raise NotEncryptable("a key of a kind that mail is not encrypted to here")


def _transported(public: rsa.RSAPublicKey, name: bytes, key: bytes, *, oaep: bool) -> bytes:
    how = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None) if oaep else padding.PKCS1v15()
    algorithm = OAEP_SHA256 if oaep else der.sequence(der.write_oid(RSA_ENCRYPTION), NULL)
    return der.sequence(der.write_integer(0), name, algorithm, der.write_octets(public.encrypt(key, how)))


def _agreed(public: ec.EllipticCurvePublicKey, name: bytes, key: bytes) -> bytes:
    agreement, digest = AGREEMENTS[public.curve.name]
    ephemeral = ec.generate_private_key(public.curve)
    secret = ephemeral.exchange(ec.ECDH(), public)
    wrapping = X963KDF(digest(), KEY_BYTES, enveloped.shared_info(WRAP, KEY_BYTES)).derive(secret)
    form = serialization.PublicFormat.UncompressedPoint
    point = ephemeral.public_key().public_bytes(serialization.Encoding.X962, form)
    originator = der.write(enveloped.AGREED, der.sequence(der.write_oid(EC_PUBLIC_KEY)), der.write_bits(point))
    share = der.sequence(name, der.write_octets(aes_key_wrap(wrapping, key)))
    return der.write(
        enveloped.AGREED,
        der.write_integer(3),
        der.write(der.context(0), originator),
        der.sequence(der.write_oid(agreement), WRAP),
        der.sequence(share),
    )


def share(found: Enveloped, certificate: bytes) -> Share | None:
    """Return the share of whoever holds a certificate (DER); None when there is none."""
    fields = outline(certificate)
    for one in found.shares:
        if one.serial and (one.issuer, one.serial) == (fields.issuer, fields.serial):
            return one
    identifier = key_identifier(x509.load_der_x509_certificate(certificate))
    return next((one for one in found.shares if identifier and one.key_identifier == identifier), None)


def open_with(found: Enveloped, key: bytes) -> bytes:
    """Return the content. Raises Undecipherable, and says no more."""
    try:
        return {GCM: _open_authenticated, CBC: _open_plain}[found.cipher](found, key)
    except (InvalidTag, ValueError):
        raise Undecipherable("this message cannot be decrypted") from None


def _open_authenticated(found: Enveloped, key: bytes) -> bytes:
    mode = modes.GCM(found.nonce, found.tag, min_tag_length=12)
    decryptor = Cipher(algorithms.AES(key), mode).decryptor()
    decryptor.authenticate_additional_data(found.authenticated)
    return decryptor.update(found.ciphertext) + decryptor.finalize()


def _open_plain(found: Enveloped, key: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(found.nonce)).decryptor()
    unpad = PKCS7(8 * BLOCK_BYTES).unpadder()
    return unpad.update(decryptor.update(found.ciphertext) + decryptor.finalize()) + unpad.finalize()


def entity(sealed: bytes, name: str) -> bytes:
    """Return the MIME entity of an encrypted content; `name` is the cipher (RFC 8551 §3.3)."""
    head = (
        f'Content-Type: application/pkcs7-mime; smime-type={TYPES[name]};\r\n name="smime.p7m"\r\n'
        "Content-Transfer-Encoding: base64\r\n"
        'Content-Disposition: attachment; filename="smime.p7m"\r\n'
        "Content-Description: S/MIME Encrypted Message\r\n\r\n"
    )
    return head.encode() + base64.encodebytes(sealed).replace(b"\n", b"\r\n")
