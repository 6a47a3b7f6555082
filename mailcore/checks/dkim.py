"""Verification of the signatures of a message. Pure: it yields questions to the DNS and hashes what it is given.

RFC 6376 §6, §5.4.2 (which instance of a field is signed), RFC 8463, RFC 8301.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mailcore.answers import Outcome, Question
from mailcore.checks import canonical, published, signature
from mailcore.checks.asking import Steps
from mailcore.checks.canonical import Form
from mailcore.checks.published import NoKey, Published
from mailcore.checks.results import Dkim, DkimResult
from mailcore.checks.signature import BadSignature, Signature
from mailcore.message.headers import Field
from mailcore.store.sealing import Content

MAX_SIGNATURES = 10  # examined, from the top: whoever comes later was there first (smtp reference §6.5)
MAX_HASHES = 3  # different hashes of one body: two forms, and one l=
SKEW_S = 3600  # clocks differ
NAME = b"dkim-signature"

Shape = tuple[Form, int | None]
Hashes = dict[Shape, tuple[bytes, int]]


@dataclass(frozen=True, slots=True)
class Head:
    """The fields of a message by their names in lower case, whole, the uppermost of each name first."""

    named: dict[bytes, list[bytes]]

    @classmethod
    def of(cls, raw: Content, fields: Iterable[Field]) -> "Head":
        """Cut the fields out of a message."""
        named: dict[bytes, list[bytes]] = {}
        for field in fields:
            if field.lower:
                named.setdefault(field.lower, []).append(raw[field.start : field.end])
        return cls(named)

    def all(self, name: bytes) -> list[bytes]:
        """Return the fields of a name, the uppermost first."""
        return self.named.get(name, [])

    def digest(self, signed: Sequence[bytes], form: Form, last: bytes) -> bytes:
        """Return the SHA-256 of the signed fields, each time the lowest not yet taken, then `last` without its line break (§3.7)."""
        stacks: dict[bytes, list[bytes]] = {}
        hashed = hashlib.sha256()
        for name in signed:
            if name not in stacks:
                stacks[name] = self.all(name).copy()
            if stacks[name]:
                hashed.update(canonical.field(stacks[name].pop(), form))
        hashed.update(canonical.field(last, form)[:-2])
        return hashed.digest()


@dataclass(frozen=True, slots=True)
class Found:
    """A signature that could be read, or what is wrong with it."""

    signature: Signature | None
    result: Dkim


def find(head: Head) -> list[Found]:
    """Read the signatures of a message, at most MAX_SIGNATURES."""
    return [_read(octets) for octets in head.all(NAME)[:MAX_SIGNATURES]]


def shapes(found: Iterable[Found]) -> list[Shape]:
    """Return which hashes of the body are needed; signatures that need more than MAX_HASHES are not examined."""
    wanted = dict.fromkeys(shape(each.signature) for each in found if each.signature is not None)
    return list(wanted)[:MAX_HASHES]


def shape(of: Signature) -> Shape:
    """Return the form of the body that a signature is about, and how much of it."""
    return of.body_form, of.limit


def hashes(raw: Content, body_start: int, wanted: Iterable[Shape]) -> Hashes:
    """Hash the body in each form. Costs time with its size; runs in any thread."""
    return {(form, limit): canonical.body_hash(raw, body_start, form, limit) for form, limit in wanted}


def verify(found: Found, head: Head, bodies: Hashes, now_s: int) -> Steps[Dkim]:
    """Judge one signature; yields the question for its key unless it fails without (§6.1)."""
    made = found.signature
    if made is None:
        return found.result
    try:
        check_body(made, bodies, now_s)
        answer = yield Question(made.key_name, "TXT")
        if answer.outcome is Outcome.TEMPORARY:
            return _result(made, "temperror", "the DNS gives no key now")
        key = published.choose(answer)
        _check_key(made, key)
    except NoKey as error:
        return _result(made, "permerror", str(error))
    except Failed as error:
        return _result(made, "fail", str(error))
    return _signed(made, key, lambda: head.digest(made.signed, made.header_form, signature.unsigned(made.octets)))


class Failed(ValueError):
    """The signature does not hold for this message; the text says why."""


def check_body(made: Signature, bodies: Hashes, now_s: int) -> None:
    """Refuse a signature whose time is over or whose body is not this one. Raises Failed."""
    body = bodies.get(shape(made))
    if body is None:
        raise Failed("too many forms of the body to hash")
    if made.expires is not None and made.expires < now_s - SKEW_S:
        raise Failed("signature expired")
    if made.limit is not None and made.limit > body[1]:
        raise Failed("l= is more than the body has")
    if not hmac.compare_digest(body[0], made.body_hash):
        raise Failed("body was changed")


def _check_key(made: Signature, key: Published) -> None:
    if key.kind != signature.ALGORITHMS[made.algorithm]:
        raise NoKey("key is for another algorithm")
    if key.exact and made.identity and made.identity.rpartition("@")[2].lower() != made.domain:
        raise NoKey("key is not for names below its domain")


def _signed(made: Signature, key: Published, digest: Callable[[], bytes]) -> Dkim:
    if not key.verifies(made.value, digest()):
        return _result(made, "fail", "signature does not fit", key.bits)
    return _result(made, "pass", "key is being tested" if key.testing else "", key.bits)


def _read(octets: bytes) -> Found:
    try:
        made = signature.read(octets)
    except BadSignature as error:
        result: DkimResult = "fail" if str(error).startswith("rsa-sha1") else "permerror"
        return Found(None, Dkim(result, reason=str(error)))
    return Found(made, _result(made, "neutral", ""))


def _result(made: Signature, result: DkimResult, reason: str, bits: int = 0) -> Dkim:
    return Dkim(
        result=result,
        domain=made.domain,
        selector=made.selector,
        algorithm=made.algorithm,
        value=_beginning(made.value),
        reason=reason or ("l= leaves the end of the body unsigned" if made.limit is not None else ""),
        bits=bits,
        partial=made.limit is not None,
    )


def _beginning(value: bytes) -> str:
    return base64.b64encode(value[:6]).decode("ascii")
