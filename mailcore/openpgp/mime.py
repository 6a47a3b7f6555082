"""The forms of RFC 3156 as octets: multipart/signed and multipart/encrypted, made and cut apart. Pure.

A letter counts as signed or encrypted only when it is so as a whole: what stands beside the form is shown by no reader of it
(RFC 3156 §4, §5; RFC 1847 §2).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.message import content
from mailcore.message.types import Span

SIGNATURE = b"""\
Content-Type: application/pgp-signature; name="signature.asc"\r
Content-Description: OpenPGP digital signature\r
Content-Disposition: attachment; filename="signature.asc"\r
\r
"""
CONTROL = b"Content-Type: application/pgp-encrypted\r\nContent-Description: PGP/MIME version identification\r\n\r\nVersion: 1\r\n"
SEALED = b"""\
Content-Type: application/octet-stream; name="encrypted.asc"\r
Content-Description: OpenPGP encrypted message\r
Content-Disposition: inline; filename="encrypted.asc"\r
\r
"""
MAX_KEY_FILES = 3  # attached keys that are looked at
_VERSION = re.compile(rb"\s*version:[ \t]*1\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Signed:
    """A clear-signed letter cut apart: what was signed, where it stands, and the signature over it."""

    covered: Span
    octets: bytes
    signature: bytes


def signed(entity: bytes, signature: bytes, micalg: str, boundary: str) -> bytes:
    """Return the multipart/signed of an entity. Raises ValueError when the boundary occurs in it."""
    kind = f'signed; protocol="application/pgp-signature";\r\n micalg={micalg}'
    return _multipart(kind, (entity, SIGNATURE + signature), boundary)


def encrypted(armoured: bytes, boundary: str) -> bytes:
    """Return the multipart/encrypted of what was encrypted. Raises ValueError when the boundary occurs in it."""
    return _multipart('encrypted; protocol="application/pgp-encrypted"', (CONTROL, SEALED + armoured), boundary)


def _multipart(kind: str, parts: Sequence[bytes], boundary: str) -> bytes:
    mark = b"--" + boundary.encode("ascii")
    if any(mark in part for part in parts):
        raise ValueError("boundary")
    head = f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"\r\n\r\n'.encode("ascii")
    return head + b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"


def find_signed(raw: bytes, spans: Sequence[Span]) -> Signed | None:
    """Return what is signed when the whole message is one multipart/signed of OpenPGP; else None."""
    if not _is_form(spans, "signed") or (spans[-1].type, spans[-1].subtype) != ("application", "pgp-signature"):
        return None
    covered = spans[1]
    octets = raw[covered.header_start : covered.end]
    return Signed(covered, octets, content.decoded(raw, spans[-1]))


def find_encrypted(raw: bytes, spans: Sequence[Span]) -> bytes | None:
    """Return what is encrypted when the whole message is one multipart/encrypted of OpenPGP; else None."""
    if not _is_form(spans, "encrypted") or len(spans) != 3:
        return None
    control, sealed = spans[1], spans[2]
    if (control.type, control.subtype) != ("application", "pgp-encrypted") or not _VERSION.fullmatch(content.decoded(raw, control)):
        return None
    return content.decoded(raw, sealed) if (sealed.type, sealed.subtype) == ("application", "octet-stream") else None


def attached_keys(raw: bytes, spans: Sequence[Span]) -> tuple[bytes, ...]:
    """Return the first files of a letter that say they are OpenPGP keys (RFC 3156 §7)."""
    found = [span for span in spans if (span.type, span.subtype) == ("application", "pgp-keys") and not span.children]
    return tuple(content.decoded(raw, span) for span in found[:MAX_KEY_FILES])


def _is_form(spans: Sequence[Span], subtype: str) -> bool:
    """Say whether the root is of this form and its second part is a leaf, the last of all."""
    root, last = spans[0], spans[-1]
    return (root.type, root.subtype, root.children) == ("multipart", subtype, 2) and last.path == "2" and not last.children
