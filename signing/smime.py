"""Clear-signed mail: what is signed, how it is wrapped, and how it is cut apart again. RFC 8551 §3.5, RFC 1847 §2.1.

An entity is a MIME part with its own header, exactly the octets that travel. It is signed only in a form that no relay
has a reason to touch: seven-bit, CRLF, short lines, no trailing blanks (RFC 8551 §3.1.1, §3.1.2).
"""

import base64
import binascii
import re
from dataclasses import dataclass

from signing import cms, signers
from signing.algorithms import SHA256, SHA384, SHA512
from signing.cms import SigningIdentity, ToSign
from signing.errors import SigningRefused
from signing.keys import Signer

MAX_LINE_BYTES = 998  # RFC 5322 §2.1.1
MICALG = {SHA256: "sha-256", SHA384: "sha-384", SHA512: "sha-512"}
SIGNATURE_HEADER = (
    b'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\n'
    b"Content-Transfer-Encoding: base64\r\n"
    b'Content-Disposition: attachment; filename="smime.p7s"\r\n'
    b"Content-Description: S/MIME Cryptographic Signature\r\n\r\n"
)
OPAQUE_HEADER = (
    b'Content-Type: application/pkcs7-mime; smime-type=signed-data;\r\n name="smime.p7m"\r\n'
    b"Content-Transfer-Encoding: base64\r\n"
    b'Content-Disposition: attachment; filename="smime.p7m"\r\n'
    b"Content-Description: S/MIME Signed Message\r\n\r\n"
)
SIGNATURE_TYPE = re.compile(rb"^content-type:[ \t\r\n]*application/(x-)?pkcs7-signature[ \t\r\n]*(;|\r\n)", re.IGNORECASE | re.MULTILINE)
BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=?-]{1,70}")  # RFC 2046 §5.1.1, without the space
_UNSAFE = re.compile(rb"[\x80-\xff\0]|\r(?!\n)|(?<!\r)\n|[ \t]\r\n|[ \t]\Z|[^\r\n]{%d}" % (MAX_LINE_BYTES + 1))


class NotSigned(ValueError):
    """The body is not the two parts of a clear-signed message."""


@dataclass(frozen=True, slots=True)
class Detached:
    """A clear-signed body cut apart: what was signed, and the signature over it."""

    entity: bytes
    cms: bytes


def prepare(entity: bytes, identity: SigningIdentity, when_us: int) -> ToSign:
    """Return what to have signed; raise SigningRefused when the entity would not survive the way."""
    if not _is_safe(entity):
        unsafe = _UNSAFE.search(entity)
        raise SigningRefused("this message cannot be signed in the form it has", offset=unsafe.start() if unsafe else 0)
    return cms.prepare(entity, identity, when_us)


def _is_safe(entity: bytes) -> bool:
    """Say whether _UNSAFE finds nothing, in a fiftieth of its time."""
    lines = entity.split(b"\r\n")
    breaks = len(lines) - 1
    if not entity.isascii() or b"\0" in entity or entity.count(b"\r") != breaks or entity.count(b"\n") != breaks:
        return False
    blank = b" \r\n" in entity or b"\t\r\n" in entity or entity.endswith((b" ", b"\t"))
    return bool(entity) and not blank and max(map(len, lines)) <= MAX_LINE_BYTES


def finish(to_sign: ToSign, signature: bytes, timestamp: bytes = b"") -> bytes:
    """Return the detached signature, DER, with a time stamp over `signature` if there is one."""
    return cms.finish(to_sign, signature, timestamp=timestamp)


async def sign(entity: bytes, identity: SigningIdentity, signer: Signer, when_us: int, activation: bytes = b"") -> bytes:
    """Return the detached signature of an entity, DER; errors are those of `prepare` and `Signer.sign`."""
    to_sign = prepare(entity, identity, when_us)
    return finish(to_sign, await signer.sign(identity.key_id, to_sign.digest, activation))


def multipart(entity: bytes, cms_der: bytes, boundary: str) -> tuple[str, bytes]:
    """Return Content-Type value and body of the multipart/signed of an entity (RFC 8551 §3.5.3.2).

    Raise ValueError when the boundary is malformed or occurs in the entity. The line break before a delimiter belongs
    to the delimiter, so the entity stays as it was signed.
    """
    if not BOUNDARY.fullmatch(boundary) or f"--{boundary}".encode() in entity:
        raise ValueError("boundary")
    delimiter = b"--" + boundary.encode()
    body = (delimiter, b"\r\n", entity, b"\r\n", delimiter, b"\r\n", _signature_part(cms_der), delimiter, b"--\r\n")
    value = 'multipart/signed; protocol="application/pkcs7-signature";\r\n micalg="{}"; boundary="{}"'
    return value.format(_micalg(cms_der), boundary), b"".join(body)


def entity(signed: bytes, cms_der: bytes, boundary: str) -> bytes:
    """Return the multipart/signed of an entity as an entity of its own, ready to stand below the top header fields."""
    content_type, body = multipart(signed, cms_der, boundary)
    return b"Content-Type: " + content_type.encode("ascii") + b"\r\n\r\n" + body


def detached(body: bytes, boundary: str) -> Detached:
    """Cut the body of a multipart/signed apart, octet by octet as it came; raise NotSigned.

    Text before the first and after the last delimiter is no part of it and is not shown as signed by anyone.
    """
    delimiter = re.compile(rb"(?:\A|\r\n)--%s(--)?[ \t]*(?:\r\n|\Z)" % re.escape(boundary.encode("ascii", "replace")))
    marks = list(_marks(delimiter, body))
    if len(marks) != 3 or [bool(mark[1]) for mark in marks] != [False, False, True]:
        raise NotSigned("not two parts")
    entity, part = body[marks[0].end() : marks[1].start()], body[marks[1].end() : marks[2].start()]
    header, separator, encoded = part.partition(b"\r\n\r\n")
    if not separator or not SIGNATURE_TYPE.search(header + b"\r\n"):
        raise NotSigned("no signature part")
    try:
        return Detached(entity, base64.b64decode(b"".join(encoded.split()), validate=True))
    except binascii.Error as reason:
        raise NotSigned("signature not in base64") from reason


def opaque(signed: bytes) -> bytes:
    """Return a signature with its content inside (`signers.enclose`) as an entity: for a way that changes what it can read.

    RFC 8551 §3.5.2. Nobody reads it who knows no S/MIME.
    """
    return OPAQUE_HEADER + base64.encodebytes(signed).replace(b"\n", b"\r\n")


def _marks(delimiter: re.Pattern[bytes], body: bytes) -> list[re.Match[bytes]]:
    """Find delimiter lines; the line break after one may be the one before the next."""
    marks: list[re.Match[bytes]] = []
    position = 0
    while len(marks) <= 3 and (mark := delimiter.search(body, position)):
        marks.append(mark)
        position = mark.end() - 2 if mark[0].endswith(b"\r\n") else mark.end()
    return marks


def _signature_part(cms_der: bytes) -> bytes:
    return SIGNATURE_HEADER + base64.encodebytes(cms_der).replace(b"\n", b"\r\n")


def _micalg(cms_der: bytes) -> str:
    """RFC 8551 §3.5.3.2: the digests that a reader may begin with before it has seen the signatures."""
    digests = {cms.read(one).signer.digest_algorithm for one in signers.split(cms_der).each}
    return ",".join(sorted(MICALG.get(digest, "unknown") for digest in digests))
