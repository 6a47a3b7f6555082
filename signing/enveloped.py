"""Encrypted mail taken apart, pure: who holds a share of its key, and what the key opens.

RFC 5652 §6 (EnvelopedData), RFC 5083 (AuthEnvelopedData), RFC 5084 (AES-GCM), RFC 3370 §4.2.1 and RFC 3560 (RSA), RFC 5753 (ECDH).
Nothing is decrypted here, and nothing that is read here is trusted.
"""

from dataclasses import dataclass
from itertools import islice

from signing import ber, cms, der
from signing.algorithms import RSA_ENCRYPTION, SHA256, SHA384, SHA512
from signing.certificate import EC_PUBLIC_KEY
from signing.cms import DATA
from signing.der import BadDer, Element, Fields

ENVELOPED, AUTH_ENVELOPED = "1.2.840.113549.1.7.3", "1.2.840.113549.1.9.16.1.23"
OAEP, MGF1 = "1.2.840.113549.1.1.7", "1.2.840.113549.1.1.8"
SHA1 = "1.3.14.3.2.26"
HASHES = {SHA1: "sha1", SHA256: "sha256", SHA384: "sha384", SHA512: "sha512"}
AGREEMENTS = {  # RFC 5753 §7.1.4; SHA-1 derives a key there, nothing depends on its collisions
    "1.3.133.16.840.63.0.2": "sha1",
    "1.3.132.1.11.1": "sha256",
    "1.3.132.1.11.2": "sha384",
    "1.3.132.1.11.3": "sha512",
}
CURVES = {"1.2.840.10045.3.1.7": 32, "1.3.132.0.34": 48, "1.3.132.0.35": 66}  # RFC 5480 §2.1.1.1: octets of a coordinate
WRAPS = {"2.16.840.1.101.3.4.1.5": 16, "2.16.840.1.101.3.4.1.25": 24, "2.16.840.1.101.3.4.1.45": 32}  # RFC 3565 §2.3.2
GCM, CBC = "gcm", "cbc"
CIPHERS = {  # name, octets of the key
    "2.16.840.1.101.3.4.1.6": (GCM, 16),
    "2.16.840.1.101.3.4.1.46": (GCM, 32),
    "2.16.840.1.101.3.4.1.2": (CBC, 16),
    "2.16.840.1.101.3.4.1.22": (CBC, 24),
    "2.16.840.1.101.3.4.1.42": (CBC, 32),
}
MAX_SHARES = 1000  # as many recipients as a letter may have
MAX_OCTETS = 1024  # of one wrapped key or point: RSA-8192
KEY_IDENTIFIER = 0x80  # [0] IMPLICIT OCTET STRING
AGREED = der.context(1)


@dataclass(frozen=True, slots=True)
class Share:
    """The key of the content as one recipient gets it.

    The recipient is named by issuer and serial number or by key identifier; the other is empty. `method` is `rsa`, `oaep-HASH` or
    `ecdh-HASH-OCTETS`; `point` is the other half of an agreement and `info` its ECC-CMS-SharedInfo.
    """

    issuer: bytes
    serial: bytes
    key_identifier: bytes
    method: str
    wrapped: bytes
    point: bytes = b""
    info: bytes = b""


@dataclass(frozen=True, slots=True)
class Enveloped:
    """What was encrypted, how, and for whom. `tag` and `authenticated` are of GCM alone."""

    shares: tuple[Share, ...]
    cipher: str
    key_bytes: int
    nonce: bytes
    ciphertext: bytes
    tag: bytes = b""
    authenticated: bytes = b""


def read(octets: bytes, max_bytes: int) -> Enveloped:
    """Take an encrypted content apart; raise BadDer, also for methods that are not read here."""
    if len(octets) > max_bytes:
        raise BadDer("too large")
    try:
        return _read(der.read(octets, max_bytes))
    except BadDer:
        return _read(der.read(ber.to_der(octets, max_bytes), max_bytes))


def _read(element: Element) -> Enveloped:
    kind, fields = cms.content_info(element)
    if kind not in (ENVELOPED, AUTH_ENVELOPED):
        raise BadDer("not encrypted")
    der.integer(fields.take())
    fields.maybe(der.context(0))
    shares = _shares(fields.take(der.SET))
    cipher, key_bytes, parameters, ciphertext = _content(Fields(fields.take()))
    if (cipher == GCM) != (kind == AUTH_ENVELOPED):
        raise BadDer("cipher does not belong there")
    if cipher == CBC:
        fields.maybe(der.context(1))
        fields.done()
        return Enveloped(shares, cipher, key_bytes, _sized(parameters.expect(der.OCTET_STRING).octets, 16), ciphertext)
    attributes = fields.maybe(der.context(1))
    tag = fields.take(der.OCTET_STRING).octets
    fields.maybe(der.context(2))
    fields.done()
    nonce = _gcm(Fields(parameters), len(tag))
    authenticated = b"" if attributes is None else bytes((der.SET,)) + attributes.whole[1:]  # RFC 5083 §2.2
    return Enveloped(shares, cipher, key_bytes, nonce, ciphertext, tag, authenticated)


def _content(fields: Fields) -> tuple[str, int, Element, bytes]:
    if der.oid(fields.take()) != DATA:
        raise BadDer("not over mail")
    algorithm = Fields(fields.take())
    name = der.oid(algorithm.take())
    if name not in CIPHERS:
        raise BadDer(f"cipher {name}")
    parameters = algorithm.take()
    algorithm.done()
    body = fields.take()
    fields.done()
    if body.tag == KEY_IDENTIFIER:
        return *CIPHERS[name], parameters, body.octets
    return *CIPHERS[name], parameters, b"".join(piece.expect(der.OCTET_STRING).octets for piece in body.expect(der.context(0)).children())


def _gcm(fields: Fields, tag_bytes: int) -> bytes:
    """RFC 5084 §3.2; tags under 96 bits are refused: they can be guessed."""
    nonce, announced = fields.take(der.OCTET_STRING).octets, fields.maybe(der.INTEGER)
    fields.done()
    if (12 if announced is None else der.integer(announced)) != tag_bytes or not 12 <= tag_bytes <= 16:
        raise BadDer("tag")
    return _sized(nonce, 12)


def _sized(octets: bytes, size: int) -> bytes:
    if len(octets) != size:
        raise BadDer("nonce")
    return octets


def _shares(recipients: Element) -> tuple[Share, ...]:
    """Return the shares of the kinds that are read here; other kinds (RFC 5652 §6.2.3 to §6.2.5) are passed over."""
    found: list[Share] = []
    for count, one in enumerate(recipients.children()):
        if one.tag == der.SEQUENCE:
            found += _transported(Fields(one))
        elif one.tag == AGREED:
            found += _agreed(Fields(one, AGREED))
        if max(count, len(found)) > MAX_SHARES:
            raise BadDer("too many recipients")
    return tuple(found)


def _transported(fields: Fields) -> list[Share]:
    der.integer(fields.take())
    name = cms.identifier(fields.take())
    method = _transport(Fields(fields.take()))
    wrapped = fields.take(der.OCTET_STRING).octets
    fields.done()
    return [Share(*name, method, wrapped)] if method and len(wrapped) <= MAX_OCTETS else []


def _transport(algorithm: Fields) -> str:
    name = der.oid(algorithm.take())
    if name == RSA_ENCRYPTION:
        return "rsa"
    if name != OAEP:
        return ""
    parameters = Fields(algorithm.take())
    hashed, masked = parameters.maybe(der.context(0)), parameters.maybe(der.context(1))
    parameters.done()  # a label of its own is nothing that mail has
    digest, mask = _hash(hashed), _mask(masked)
    return f"oaep-{HASHES[digest]}" if digest == mask and digest in HASHES else ""


def _hash(explicit: Element | None) -> str:
    return SHA1 if explicit is None else der.oid(Fields(der.only(explicit)).take())


def _mask(explicit: Element | None) -> str:
    if explicit is None:
        return SHA1
    fields = Fields(der.only(explicit))
    if der.oid(fields.take()) != MGF1:
        raise BadDer("mask")
    return der.oid(Fields(fields.take()).take())


def _agreed(fields: Fields) -> list[Share]:
    der.integer(fields.take())
    point = _point(der.only(fields.take(der.context(0))))
    material = fields.maybe(der.context(1))
    algorithm = Fields(fields.take())
    agreement, wrap = der.oid(algorithm.take()), algorithm.take()
    wrap_name = der.oid(Fields(wrap).take())
    keys = [_agreed_key(Fields(one)) for one in islice(fields.take(der.SEQUENCE).children(), MAX_SHARES + 1)]
    fields.done()
    if agreement not in AGREEMENTS or wrap_name not in WRAPS or not point:
        return []
    secret = b"" if material is None else der.only(material).expect(der.OCTET_STRING).octets
    if len(secret) > MAX_OCTETS:
        raise BadDer("keying material")
    info = shared_info(wrap.whole, WRAPS[wrap_name], secret)
    method = f"ecdh-{AGREEMENTS[agreement]}-{WRAPS[wrap_name]}"
    return [Share(*name, method, wrapped, point, info) for name, wrapped in keys if len(wrapped) <= MAX_OCTETS]


def _point(originator: Element) -> bytes:
    """Return the point of an originatorKey; b"" for an originator of another kind (static keys, RFC 5753 §3.1.1, are not mail's)."""
    if originator.tag != AGREED:
        return b""
    fields = Fields(originator, AGREED)
    algorithm, point = fields.take(der.SEQUENCE), der.bits(fields.take())
    fields.done()
    if len(point) > MAX_OCTETS:
        raise BadDer("point")
    return point if _on_a_curve(Fields(algorithm), len(point)) else b""


def _on_a_curve(algorithm: Fields, point_bytes: int) -> bool:
    """Say whether an originator's curve is the recipient's, being named nowhere, or one of that size by its name (RFC 5753 §7.1.2).

    One that is given by its numbers, of which some could be false, is none (RFC 5480 §2.1.1).
    """
    if der.oid(algorithm.take()) != EC_PUBLIC_KEY:
        return False
    nothing = algorithm.maybe(der.NULL)
    curve = algorithm.maybe(der.OID) if nothing is None else None
    algorithm.done()
    if curve is None:
        return nothing is None or not nothing.octets
    size = CURVES.get(der.oid(curve), 0)
    return point_bytes in (1 + size, 1 + 2 * size) and size > 0


def _agreed_key(fields: Fields) -> tuple[tuple[bytes, bytes, bytes], bytes]:
    recipient, wrapped = fields.take(), fields.take(der.OCTET_STRING).octets
    fields.done()
    if recipient.tag == der.context(0):
        return (b"", b"", Fields(recipient, recipient.tag).take(der.OCTET_STRING).octets), wrapped
    return cms.identifier(recipient), wrapped


def shared_info(wrap: bytes, key_bytes: int, material: bytes = b"") -> bytes:
    """Return the ECC-CMS-SharedInfo of an agreement (RFC 5753 §7.2). `wrap` is the AlgorithmIdentifier as it is sent."""
    return der.sequence(
        wrap,
        der.write(der.context(0), der.write_octets(material)) if material else b"",
        der.write(der.context(2), der.write_octets((8 * key_bytes).to_bytes(4, "big"))),
    )
