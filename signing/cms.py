"""CMS signatures, pure: build the CAdES baseline forms B-B and B-T, read any with exactly one signer.

RFC 5652 §5 (SignedData), §11 (attributes); RFC 5035 §3 (signing-certificate-v2); ETSI EN 319 122-1 §6 (CAdES baseline). What is
signed is not in here, except where it is of a type of its own: time stamps (`signing.timestamp`) hold what they say.
Nothing here decides whether a signature is good: that is `signing.verdict`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from signing import algorithms, ber, capabilities, der
from signing.certificate import CACHED, key_kind, outline
from signing.der import BadDer, Element, Fields

DATA, SIGNED_DATA = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2"
CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4", "1.2.840.113549.1.9.5"
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
SIGNATURE_TIME_STAMP = "1.2.840.113549.1.9.16.2.14"  # RFC 3161 appendix A

MAX_CERTIFICATES = 32
MAX_ATTRIBUTES = 32
SKI_TAG = 0x80  # [0] IMPLICIT OCTET STRING
INDEFINITE = 0x80
MAX_REMEMBERED_BYTES = 512  # a name and a serial number take some hundred; strangers' octets are not kept beyond that
ALIKE = der.write_oid(CONTENT_TYPE), der.write_oid(SIGNING_CERTIFICATE_V2)  # attributes that all signatures of a certificate share
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SigningIdentity:
    """A key in the signer, its certificate and the issuers up to, without, the root: all DER."""

    key_id: str
    certificate: bytes
    chain: tuple[bytes, ...] = ()
    encryption: bytes = b""  # the holder's certificate to encrypt for, told with each signature (RFC 8551 §2.5.2, §2.5.3)


@dataclass(frozen=True, slots=True)
class ToSign:
    """What the signer must sign: `digest` is that of the signed attributes, as a SET."""

    digest: bytes
    attributes: bytes
    identity: SigningIdentity
    content_type: str = DATA


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """The one signer. Named by issuer and serial number, or by key identifier: the other is empty."""

    issuer: bytes
    serial: bytes
    key_identifier: bytes
    digest_algorithm: str
    signature_algorithm: str
    signature: bytes
    signed_octets: bytes
    message_digest: bytes
    signed_at_us: int | None
    certificate_digest: tuple[str, bytes] | None
    timestamp: bytes = b""  # a token over the signature, as it stands there: nobody has judged it


@dataclass(frozen=True, slots=True)
class SignedData:
    """`content` is what was signed where that is in here."""

    certificates: tuple[bytes, ...]
    signer: SignerInfo
    content: bytes = b""


class SeveralSigners(BadDer):
    """More or fewer than one signer: who would be meant by the verdict? We read such a signature no further."""


def prepare(content: bytes, identity: SigningIdentity, when_us: int, content_type: str = DATA) -> ToSign:
    """Return what to have signed so that `identity` signs `content`; raise BadDer for a key that we do not make."""
    frame = _frame(identity)
    digest = algorithms.digest(frame.digest_name, content)
    return over(digest, identity, _attribute(SIGNING_TIME, der.write_time(when_us)), *frame.announced, content_type=content_type)


def digest_name(identity: SigningIdentity) -> str:
    """Return the digest that goes with the key of an identity; raise BadDer for a key that we do not make."""
    return _frame(identity).digest_name


def over(digest: bytes, identity: SigningIdentity, *more: bytes, content_type: str = DATA) -> ToSign:
    """Return what to have signed so that `identity` signs content with this digest, by `digest_name`; `more` are attributes, DER.

    Raise BadDer for a key that we do not make.
    """
    frame = _frame(identity)
    kind, message = _attribute(CONTENT_TYPE, der.write_oid(content_type)), _attribute(MESSAGE_DIGEST, der.write_octets(digest))
    attributes = b"".join(sorted((kind, message, frame.reference, *more)))
    # RFC 5652 §5.4: signed with the tag of a SET, although stored as [0].
    return ToSign(algorithms.digest(frame.digest_name, der.write(der.SET, attributes)), attributes, identity, content_type)


def finish(to_sign: ToSign, signature: bytes, *, timestamp: bytes = b"", content: bytes = b"", with_certificates: bool = True) -> bytes:
    """Return the signature, a ContentInfo, DER: form B-T with a time stamp over `signature`, else B-B. `content` goes into it."""
    frame = _frame(to_sign.identity)
    signer = der.sequence(
        der.write_integer(1),
        frame.signer,
        frame.digest_algorithm,
        der.write(der.context(0), to_sign.attributes),
        frame.signature_algorithm,
        der.write_octets(signature),
        der.write(der.context(1), _attribute(SIGNATURE_TIME_STAMP, timestamp)) if timestamp else b"",
    )
    signed_data = der.sequence(
        der.write_integer(1 if to_sign.content_type == DATA else 3),  # RFC 5652 §5.1
        der.set_of(frame.digest_algorithm),
        der.sequence(der.write_oid(to_sign.content_type), der.write(der.context(0), der.write_octets(content)) if content else b""),
        frame.certificates if with_certificates else b"",
        der.set_of(signer),
    )
    return write_content_info(SIGNED_DATA, signed_data)


def content_info(element: Element) -> tuple[str, Fields]:
    """Return the type and the fields of what a ContentInfo holds (RFC 5652 §3); raise BadDer."""
    outer = Fields(element)
    kind, explicit = der.oid(outer.take()), outer.take(der.context(0))
    outer.done()
    return kind, Fields(der.only(explicit))


def write_content_info(kind: str, content: bytes) -> bytes:
    """Return a ContentInfo."""
    return der.sequence(der.write_oid(kind), der.write(der.context(0), content))


def read(cms: bytes, content_type: str = DATA) -> SignedData:
    """Read a signature over content of this type; raise BadDer, SeveralSigners among it, and nothing else."""
    if cms[1:2] == bytes((INDEFINITE,)):
        cms = ber.to_der(cms)
    kind, fields = content_info(der.read(cms))
    if kind != SIGNED_DATA:
        raise BadDer("not signed data")
    return _signed_data(fields, content_type)


def _signed_data(fields: Fields, content_type: str) -> SignedData:
    if der.integer(fields.take()) not in (1, 3, 4, 5):
        raise BadDer("version")
    digests = _known(_digests, fields.take(der.SET))
    content = _content(Fields(fields.take()), content_type)
    certificates = _certificates(fields.maybe(der.context(0)))
    fields.maybe(der.context(1))
    signers = list(fields.take(der.SET).children())
    fields.done()
    if len(signers) != 1:
        raise SeveralSigners(f"{len(signers)} signers")
    signer = _signer(Fields(signers[0]), content_type)
    if signer.digest_algorithm not in digests:
        raise BadDer("digest algorithm not announced")
    return SignedData(certificates, signer, content)


def _content(fields: Fields, content_type: str) -> bytes:
    """RFC 5652 §5.2: plain data is not in here, everything else is."""
    if der.oid(fields.take()) != content_type:
        raise BadDer("not over what it should be")
    content = b"" if content_type == DATA else Fields(fields.take(der.context(0)), der.context(0)).take(der.OCTET_STRING).octets
    fields.done()
    return content


def _certificates(element: Element | None) -> tuple[bytes, ...]:
    """Return the plain certificates; attribute certificates and other formats (RFC 5652 §10.2.2) are passed over."""
    found = [] if element is None else [one.whole for one in element.children() if one.tag == der.SEQUENCE]
    if len(found) > MAX_CERTIFICATES:
        raise BadDer("too many certificates")
    return tuple(found)


def _signer(fields: Fields, content_type: str) -> SignerInfo:
    if der.integer(fields.take()) not in (1, 3):
        raise BadDer("version")
    issuer, serial, key_identifier = _known(identifier, fields.take())
    digest_algorithm = _algorithm(fields.take())
    attributes = fields.take(der.context(0))
    values = _attributes(attributes)
    signature_algorithm = _algorithm(fields.take())
    signature = fields.take(der.OCTET_STRING).octets
    unsigned = fields.maybe(der.context(1))
    fields.done()
    if der.oid(_required(values, CONTENT_TYPE)) != content_type:
        raise BadDer("content type")
    return SignerInfo(
        issuer,
        serial,
        key_identifier,
        digest_algorithm,
        signature_algorithm,
        signature,
        signed_octets=bytes((der.SET,)) + attributes.whole[1:],
        message_digest=_required(values, MESSAGE_DIGEST).expect(der.OCTET_STRING).octets,
        signed_at_us=der.time(values[SIGNING_TIME]) if SIGNING_TIME in values else None,
        certificate_digest=_known(_referenced, values[SIGNING_CERTIFICATE_V2]) if SIGNING_CERTIFICATE_V2 in values else None,
        timestamp=_timestamp(unsigned),
    )


def identifier(element: Element) -> tuple[bytes, bytes, bytes]:
    """Return issuer and serial number, or key identifier, of a signer or recipient; the other is empty (RFC 5652 §5.3, §6.2.1)."""
    if element.tag == SKI_TAG:
        return b"", b"", element.octets
    fields = Fields(element)
    issuer, serial = fields.take(der.SEQUENCE).whole, fields.take(der.INTEGER).whole
    fields.done()
    return issuer, serial, b""


def _attributes(element: Element) -> dict[str, Element]:
    """Return the signed attributes: none twice, each with one value (RFC 5652 §11)."""
    values: dict[str, Element] = {}
    for attribute in element.children():
        name, members = _known(_one, attribute) if attribute.octets.startswith(ALIKE) else _one(attribute)
        if name in values or len(values) >= MAX_ATTRIBUTES or not members:
            raise BadDer("attributes")
        if len(members) > 1 and name in (CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME, SIGNING_CERTIFICATE_V2):
            raise BadDer("attribute with several values")
        values[name] = members[0]
    return values


def _one(attribute: Element) -> tuple[str, tuple[Element, ...]]:
    fields = Fields(attribute)
    name, members = der.oid(fields.take()), tuple(fields.take(der.SET).children())
    fields.done()
    return name, members


def _timestamp(unsigned: Element | None) -> bytes:
    """Return the first time stamp over the signature; whoever adds others, or other attributes, cannot hide it."""
    for attribute in unsigned.children() if unsigned is not None else ():
        fields = Fields(attribute)
        if der.oid(fields.take()) == SIGNATURE_TIME_STAMP:
            return Fields(fields.take(der.SET), der.SET).take(der.SEQUENCE).whole
    return b""


def _required(values: dict[str, Element], name: str) -> Element:
    if name not in values:
        raise BadDer(f"attribute {name} is missing")
    return values[name]


def _referenced(attribute: Element) -> tuple[str, bytes]:
    """Return digest name and digest of the first ESSCertIDv2 (RFC 5035 §3); its issuerSerial may follow, unread."""
    reference = Fields(Fields(Fields(attribute).take(der.SEQUENCE)).take(der.SEQUENCE))
    named = reference.maybe(der.SEQUENCE)
    return (_algorithm(named) if named else algorithms.SHA256), reference.take(der.OCTET_STRING).octets


def _algorithm(element: Element) -> str:
    return _known(_name, element)


def _name(element: Element) -> str:
    return der.oid(Fields(element).take())


def _digests(element: Element) -> frozenset[str]:
    return frozenset(_algorithm(one) for one in element.children())


def _known(read: Callable[[Element], T], element: Element) -> T:
    """Read an element that stands in many signatures alike, such as who signs by which method: once."""
    octets = element.whole
    return _remembered(read, octets) if len(octets) <= MAX_REMEMBERED_BYTES else read(element)


@lru_cache(CACHED)
def _remembered(read: Callable[[Element], T], octets: bytes) -> T:
    return read(der.read(octets))


def _attribute(name: str, value: bytes) -> bytes:
    return der.sequence(der.write_oid(name), der.set_of(value))


def _announced(encryption: bytes) -> tuple[bytes, ...]:
    """Return the attributes that say how to write to the signer in secret."""
    if not encryption:
        return ()
    fields = outline(encryption)
    preferred = der.write(der.context(0), fields.issuer, fields.serial)
    return _attribute(capabilities.CAPABILITIES, capabilities.write()), _attribute(capabilities.KEY_PREFERENCE, preferred)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every signature of an identity has, written once."""

    digest_name: str
    digest_algorithm: bytes
    signature_algorithm: bytes
    signer: bytes
    certificates: bytes
    announced: tuple[bytes, ...]
    reference: bytes  # the attribute that names its certificate; SHA-256 is the default there and so not named


@lru_cache(CACHED)
def _frame(identity: SigningIdentity) -> _Frame:
    certificate = outline(identity.certificate)
    digest_name, signature_name = algorithms.OURS[key_kind(certificate.public_key)]
    reference = der.write_octets(algorithms.digest(algorithms.SHA256, identity.certificate))
    return _Frame(
        digest_name,
        algorithms.identifier(digest_name),
        algorithms.identifier(signature_name),
        der.sequence(certificate.issuer, certificate.serial),
        der.write(der.context(0), *sorted({identity.certificate, *identity.chain, *(identity.encryption and [identity.encryption])})),
        _announced(identity.encryption),
        _attribute(SIGNING_CERTIFICATE_V2, der.sequence(der.sequence(der.sequence(reference)))),
    )
