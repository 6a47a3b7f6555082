"""Signatures of several people over one content: put side by side, and taken apart again, pure.

RFC 5652 §5.1: the signers of a SignedData know nothing of each other, so each can sign alone and be judged alone. The content
may be inside (RFC 8551 §3.5.2, opaque) or beside it (§3.5.3, detached).
"""

from dataclasses import dataclass

from signing import ber, cms, der
from signing.der import BadDer, Element, Fields

MAX_SIGNERS = 8  # a signatory, an office and a few colleagues; each costs a path to judge
MAX_CONTENT_BYTES = 100 << 20  # twice the largest message that our listeners take by default


@dataclass(frozen=True, slots=True)
class Signatures:
    """Detached signatures of one signer each, DER, and what they sign where that came with them."""

    each: tuple[bytes, ...]
    content: bytes | None


@dataclass(frozen=True, slots=True)
class _Signed:
    """The fields of a SignedData as they stand there."""

    version: int
    digests: tuple[bytes, ...]
    content: bytes | None
    certificates: tuple[bytes, ...]
    lists: tuple[bytes, ...]
    signers: tuple[bytes, ...]


def split(signed: bytes, max_bytes: int = der.MAX_BYTES) -> Signatures:
    """Take signatures over mail apart; raise BadDer for anything else, none at all and too many among it."""
    found = _read(signed, max_bytes)
    if not 1 <= len(found.signers) <= MAX_SIGNERS:
        raise BadDer(f"{len(found.signers)} signers")
    if len(found.certificates) > cms.MAX_CERTIFICATES:
        raise BadDer("too many certificates")
    return Signatures(tuple(_write(found, [signer]) for signer in found.signers), found.content)


def join(*signatures: bytes) -> bytes:
    """Return detached signatures over one content as one; raise BadDer for what is none, or for too many."""
    found = [_read(one, der.MAX_BYTES) for one in signatures]
    signers = [signer for one in found for signer in one.signers]
    if any(one.content is not None for one in found) or not 1 <= len(signers) <= MAX_SIGNERS:
        raise BadDer("not detached signatures, or too many")
    whole = _Signed(
        max(one.version for one in found),
        _union(*(one.digests for one in found)),
        None,
        _union(*(one.certificates for one in found)),
        _union(*(one.lists for one in found)),
        (),
    )
    return _write(whole, signers)


def enclose(signature: bytes, content: bytes) -> bytes:
    """Return a detached signature with its content inside."""
    found = _read(signature, der.MAX_BYTES)
    return _write(found, found.signers, der.write(der.context(0), der.write_octets(content)))


def _union(*groups: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(sorted({one for group in groups for one in group}))


def _read(signed: bytes, max_bytes: int) -> _Signed:
    if len(signed) > max_bytes:
        raise BadDer("too large")
    try:
        return _fields(signed, max_bytes)
    except BadDer:
        return _fields(ber.to_der(signed, max_bytes), max_bytes)


def _fields(signed: bytes, max_bytes: int) -> _Signed:
    kind, fields = cms.content_info(der.read(signed, max_bytes))
    if kind != cms.SIGNED_DATA:
        raise BadDer("not signed data")
    version, digests = der.integer(fields.take()), fields.take(der.SET)
    content = _content(Fields(fields.take()))
    certificates, lists = fields.maybe(der.context(0)), fields.maybe(der.context(1))
    signers = fields.take(der.SET)
    fields.done()
    return _Signed(version, _whole(digests), content, _whole(certificates), _whole(lists), _whole(signers))


def _content(fields: Fields) -> bytes | None:
    if der.oid(fields.take()) != cms.DATA:
        raise BadDer("not over mail")
    explicit = fields.maybe(der.context(0))
    fields.done()
    return None if explicit is None else der.only(explicit).expect(der.OCTET_STRING).octets


def _whole(element: Element | None) -> tuple[bytes, ...]:
    return () if element is None else tuple(one.whole for one in element.children())


def _write(found: _Signed, signers: tuple[bytes, ...] | list[bytes], content: bytes = b"") -> bytes:
    signed_data = der.sequence(
        der.write_integer(found.version),
        der.set_of(*found.digests),
        der.sequence(der.write_oid(cms.DATA), content),
        der.write(der.context(0), *found.certificates) if found.certificates else b"",
        der.write(der.context(1), *found.lists) if found.lists else b"",
        der.set_of(*signers),
    )
    return cms.write_content_info(cms.SIGNED_DATA, signed_data)
