"""A DKIM-Signature field as values, refused as soon as it says something that no honest signer says. Pure.

RFC 6376 §3.5, §6.1.1; RFC 8301 (no SHA-1, RSA of 1024 bits or more), RFC 8463 (Ed25519), RFC 8616 (internationalised names).
"""

import base64
import binascii
import re
from dataclasses import dataclass

from mailcore.checks import names, tags
from mailcore.checks.canonical import Form
from mailcore.checks.tags import BadTags

MAX_SIGNED = 256  # names in h=; a signer that names every field of a long header twice stays below
MAX_SIGNATURE = 1024  # octets: RSA with 8192 bits; longer ones belong to keys that we do not take
ALGORITHMS = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}
FORMS: dict[str, Form] = {"simple": "simple", "relaxed": "relaxed"}

_NUMBER = re.compile(r"[0-9]{1,20}")
_FIELD_NAME = re.compile(r"[!-9;-~]+")
_SIGNATURE = re.compile(rb"((?:\A|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*")


class BadSignature(ValueError):
    """A signature that says something wrong; the text is fit for a log and for Authentication-Results."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature says. `octets` are those of its field; `limit` is l=, `at` and `expires` seconds since 1970 or None."""

    octets: bytes
    algorithm: str
    domain: str
    selector: str
    identity: str
    signed: tuple[bytes, ...]
    header_form: Form
    body_form: Form
    body_hash: bytes
    value: bytes
    limit: int | None
    at: int | None
    expires: int | None

    @property
    def key_name(self) -> str:
        """Where the DNS has its key (§3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"


def read(octets: bytes) -> Signature:
    """Read a whole DKIM-Signature field. Raises BadSignature."""
    found = _tags(octets)
    if found.get("v") != "1":
        raise BadSignature("unknown version")
    made = common(octets, found)
    domain = made.domain
    if "dns/txt" not in tags.blankless(found.get("q", "dns/txt")).lower().split(":"):
        raise BadSignature("unknown way to the key")
    if made.at is not None and made.expires is not None and made.expires <= made.at:
        raise BadSignature("expires before it was made")
    if b"from" not in made.signed:
        raise BadSignature("From is not signed")
    _within(made.identity, domain)
    return made


def common(octets: bytes, found: dict[str, str]) -> Signature:
    """Return what DKIM-Signature and ARC-Message-Signature have in common (RFC 8617 §4.1.2). Raises BadSignature."""
    algorithm = found.get("a", "").lower()
    if algorithm not in ALGORITHMS:
        raise BadSignature("rsa-sha1 is not taken" if algorithm == "rsa-sha1" else "unknown algorithm")
    header_form, _, body_form = found.get("c", "simple/simple").lower().partition("/")
    body_form = body_form or "simple"
    if header_form not in FORMS or body_form not in FORMS:
        raise BadSignature("unknown canonicalisation")
    domain, selector = place(found)
    return Signature(
        octets=octets,
        algorithm=algorithm,
        domain=domain,
        selector=selector,
        identity=found.get("i", ""),
        signed=_signed(found),
        header_form=FORMS[header_form],
        body_form=FORMS[body_form],
        body_hash=binary(found, "bh", 32),
        value=binary(found, "b", MAX_SIGNATURE),
        limit=_number(found, "l"),
        at=_number(found, "t"),
        expires=_number(found, "x"),
    )


def place(found: dict[str, str]) -> tuple[str, str]:
    """Return d= and s= as names that the DNS may be asked about. Raises BadSignature."""
    try:
        return names.canonical(found.get("d", "")), names.selector(found.get("s", ""))
    except names.BadName as error:
        raise BadSignature("d= or s= is no name") from error


def binary(found: dict[str, str], tag: str, most: int) -> bytes:
    """Return a tag's base64 as octets. Raises BadSignature."""
    text = tags.blankless(found.get(tag, ""))
    try:
        octets = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise BadSignature(f"{tag}= is no base64") from error
    if not 0 < len(octets) <= most:
        raise BadSignature(f"{tag}= is missing or too long")
    return octets


def unsigned(octets: bytes) -> bytes:
    """Return a signature's field with an empty b=, as it was when it was signed (§3.7)."""
    name, colon, value = octets.partition(b":")
    return name + colon + _SIGNATURE.sub(rb"\1", value, count=1)


def _tags(octets: bytes) -> dict[str, str]:
    try:
        return tags.read(octets.partition(b":")[2])
    except BadTags as error:
        raise BadSignature(str(error)) from error


def _signed(found: dict[str, str]) -> tuple[bytes, ...]:
    listed = tags.blankless(found.get("h", "")).lower().split(":", MAX_SIGNED)
    if len(listed) > MAX_SIGNED:
        raise BadSignature("h= names too many fields")
    if not all(map(_FIELD_NAME.fullmatch, listed)):
        raise BadSignature("h= is no list of fields")
    return tuple(name.encode("ascii") for name in listed)


def _number(found: dict[str, str], tag: str) -> int | None:
    text = found.get(tag)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise BadSignature(f"{tag}= is no number")
    return int(text)


def _within(identity: str, domain: str) -> None:
    """Refuse an identity of another domain (§3.5, i=)."""
    if not identity:
        return
    _, at, host = identity.rpartition("@")
    try:
        inside = bool(at) and names.is_within(names.canonical(host, least_labels=1), domain)
    except names.BadName:
        inside = False
    if not inside:
        raise BadSignature("i= is not of the domain in d=")
