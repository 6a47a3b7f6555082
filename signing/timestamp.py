"""Time stamps, pure: what is asked, what is answered, what a token says. RFC 3161, RFC 5816; the policy is that of ETSI EN 319 421.

A token is a CMS signature over a TSTInfo, whose imprint is the digest of what existed at that time. Keys, clocks and serial numbers are
those of the role that answers (`signing.tsa`).
"""

import re
from dataclasses import dataclass

from signing import algorithms, cms, der
from signing.cms import SigningIdentity, ToSign
from signing.der import BadDer, Element, Fields

TST_INFO = "1.2.840.113549.1.9.16.1.4"
BEST_PRACTICES = "0.4.0.2023.1.1"  # ETSI EN 319 421 §5.2: best-practices-ts-policy
ACCURACY_S = 1  # EN 319 421 §7.7.2: a second or better
BAD_ALGORITHM, BAD_REQUEST, BAD_DATA, TIME_NOT_AVAILABLE, BAD_POLICY, BAD_EXTENSION, SYSTEM_FAILURE = (
    0,
    2,
    5,
    14,
    15,
    16,
    25,
)  # RFC 3161 §2.4.2
GRANTED, REJECTED = 0, 2
MAX_NONCE_BYTES = 64
MAX_TEXT = 200  # characters of why a foreign authority refused

_FRACTION = re.compile(rb"\.[0-9]{1,12}Z\Z")


class Refused(Exception):
    """A request that is not answered with a token; `bit` says why, as RFC 3161 §2.4.2 numbers it."""

    def __init__(self, bit: int, text: str) -> None:
        super().__init__(text)
        self.bit, self.text = bit, text


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants a time for. `imprint` and `nonce` as they came, DER; no nonce is empty."""

    imprint: bytes
    nonce: bytes
    with_certificates: bool


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says; its signature is judged elsewhere. `serial` is unique for its authority, `time_us` the moment."""

    digest_algorithm: str
    digest: bytes
    time_us: int
    serial: int
    policy: str
    nonce: bytes
    signed: cms.SignedData


def request(digest_algorithm: str, digest: bytes, nonce: int) -> bytes:
    """Return a TimeStampReq that asks for the authority's certificate too."""
    return der.sequence(der.write_integer(1), _imprint(digest_algorithm, digest), der.write_integer(nonce), der.write_boolean(True))


def read_request(octets: bytes) -> Request:
    """Read a TimeStampReq. Raises Refused, with what to answer."""
    try:
        fields = Fields(der.read(octets))
        if der.integer(fields.take()) != 1:
            raise Refused(BAD_REQUEST, "not version 1")
        imprint = fields.take(der.SEQUENCE)
        _read_imprint(imprint)
        policy, nonce, wants = fields.maybe(der.OID), fields.maybe(der.INTEGER), fields.maybe(der.BOOLEAN)
        if fields.maybe(der.context(0)) is not None:
            raise Refused(BAD_EXTENSION, "no extension is known here")
        fields.done()
        if policy is not None and der.oid(policy) != BEST_PRACTICES:
            raise Refused(BAD_POLICY, f"the policy here is {BEST_PRACTICES}")
        if nonce is not None and der.integer(nonce).bit_length() > 8 * MAX_NONCE_BYTES:
            raise Refused(BAD_REQUEST, f"a nonce has {MAX_NONCE_BYTES} octets at most")
    except algorithms.Weak as reason:
        raise Refused(BAD_ALGORITHM, "SHA-256, SHA-384 and SHA-512 are taken") from reason
    except BadDer as reason:
        raise Refused(BAD_DATA, f"not a request: {reason}") from reason
    return Request(imprint.whole, b"" if nonce is None else nonce.whole, wants is not None and wants.octets != b"\0")


def info(asked: Request, serial: int, time_us: int) -> bytes:
    """Return the TSTInfo that answers a request."""
    return der.sequence(
        der.write_integer(1),
        der.write_oid(BEST_PRACTICES),
        asked.imprint,
        der.write_integer(serial),
        der.write_generalized_time(time_us),
        der.sequence(der.write_integer(ACCURACY_S)),
        asked.nonce,
    )


def prepare(info: bytes, identity: SigningIdentity, time_us: int) -> ToSign:
    """Return what to have signed so that `identity`, an authority, vouches for a TSTInfo."""
    return cms.prepare(info, identity, time_us, TST_INFO)


def finish(to_sign: ToSign, signature: bytes, info: bytes, asked: Request) -> bytes:
    """Return the token."""
    return cms.finish(to_sign, signature, content=info, with_certificates=asked.with_certificates)


def granted(token: bytes) -> bytes:
    """Return the TimeStampResp with a token."""
    return der.sequence(der.sequence(der.write_integer(GRANTED)), token)


def rejected(refused: Refused) -> bytes:
    """Return the TimeStampResp that says why there is none."""
    octet, bit = divmod(refused.bit, 8)
    named = der.write(der.BIT_STRING, bytes((7 - bit,)), bytes(octet), bytes((0x80 >> bit,)))
    text = der.sequence(der.write(der.UTF8_STRING, refused.text.encode()))
    return der.sequence(der.sequence(der.write_integer(REJECTED), text, named))


def read_response(octets: bytes) -> bytes:
    """Return the token of a TimeStampResp. Raises Refused with what the authority says, BadDer for what is no answer."""
    fields = Fields(der.read(octets))
    status = Fields(fields.take(der.SEQUENCE))
    said = der.integer(status.take())
    if said in (GRANTED, GRANTED + 1):  # with modifications: `read` shows which
        token = fields.take(der.SEQUENCE).whole
        fields.done()
        return token
    texts = status.maybe(der.SEQUENCE)
    words = " ".join([one.octets.decode("utf-8", "replace") for one in texts.children()]) if texts is not None else ""
    raise Refused(SYSTEM_FAILURE, words[:MAX_TEXT] or f"refused with status {said}")


def read(token: bytes) -> Token:
    """Read a token. Raises BadDer."""
    signed = cms.read(token, TST_INFO)
    fields = Fields(der.read(signed.content))
    if der.integer(fields.take()) != 1:
        raise BadDer("version")
    policy = der.oid(fields.take())
    try:
        digest_algorithm, digest = _read_imprint(fields.take(der.SEQUENCE))
    except algorithms.Weak as reason:
        raise BadDer("imprint") from reason
    serial, time_us = der.integer(fields.take()), _time(fields.take(der.GENERALIZED_TIME))
    fields.maybe(der.SEQUENCE)
    fields.maybe(der.BOOLEAN)
    nonce = fields.maybe(der.INTEGER)
    return Token(digest_algorithm, digest, time_us, serial, policy, b"" if nonce is None else nonce.whole, signed)


def _imprint(digest_algorithm: str, digest: bytes) -> bytes:
    return der.sequence(algorithms.identifier(digest_algorithm), der.write_octets(digest))


def _read_imprint(element: Element) -> tuple[str, bytes]:
    """Return algorithm and digest. Raises Weak for an algorithm that is not ours, BadDer for a digest of another length."""
    fields = Fields(element)
    name, digest = der.oid(Fields(fields.take(der.SEQUENCE)).take()), fields.take(der.OCTET_STRING).octets
    fields.done()
    if len(digest) != len(algorithms.digest(name, b"")):
        raise BadDer("a digest of another length")
    return name, digest


def _time(element: Element) -> int:
    """Return the moment of a token in µs; a fraction of a second (RFC 3161 §2.4.2) is cut off."""
    octets = _FRACTION.sub(b"Z", element.octets)
    return der.time(der.read(der.write(der.GENERALIZED_TIME, octets)))
