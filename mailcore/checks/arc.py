"""Chains of custody: what forwarders say they received. Pure.

RFC 8617 §5.2 (validation), §4.1 (the fields of a set), §5.1 (sealing). A chain that holds proves who sealed, not that they are honest:
which forwarders are believed is for the settings to say.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.answers import Outcome, Question
from mailcore.checks import authres, canonical, dkim, published, signature, tags
from mailcore.checks.asking import Steps
from mailcore.checks.dkim import Failed, Head, Shape
from mailcore.checks.published import NoKey
from mailcore.checks.results import Arc
from mailcore.checks.signature import BadSignature, Signature

MAX_SETS = 50  # RFC 8617 §5.2, step 1
RESULTS, MESSAGE, SEAL = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"

_INSTANCE = re.compile(rb"[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*([0-9]{1,3})[ \t\r\n]*;")


@dataclass(frozen=True, slots=True)
class Set:
    """The three fields of one instance, and what the signature and the seal say."""

    results: bytes
    message: bytes
    seal: bytes
    signature: Signature
    sealed: dict[str, str]
    front: bytes  # the first two in their relaxed form, in the order in which they are sealed (§5.1.1)
    whole: bytes  # all three


@dataclass(frozen=True, slots=True)
class Chain:
    """The sets of a message, the oldest first, or why they are none."""

    sets: tuple[Set, ...] = ()
    reason: str = ""


def read(head: Head) -> Chain:
    """Read the sets of a message; their structure is checked, nothing else (§5.2, steps 1 to 3)."""
    columns = [_by_instance(head.all(name)) for name in (RESULTS, MESSAGE, SEAL)]
    if not any(columns):
        return Chain()
    instances = list(range(1, len(columns[0]) + 1))
    if any(sorted(column) != instances or len(column) > MAX_SETS for column in columns):
        return Chain(reason="sets are missing or stand twice")
    try:
        sets = tuple(_set(*(column[instance] for column in columns)) for instance in instances)
    except (BadSignature, tags.BadTags) as error:
        return Chain(reason=str(error))
    validity = [each.sealed.get("cv", "").lower() for each in sets]
    if validity != ["none", *("pass" for _ in sets[1:])]:
        return Chain(reason="a forwarder found the chain broken")
    return Chain(sets)


def shapes(chain: Chain) -> list[Shape]:
    """Return the hash of the body that the newest signature is about."""
    return [dkim.shape(each.signature) for each in chain.sets[-1:]]


def verify(chain: Chain, head: Head, bodies: dkim.Hashes, now_s: int) -> Steps[Arc]:
    """Judge a chain: the newest signature over the message, and every seal (§5.2, steps 4 to 6)."""
    if not chain.sets:
        return Arc("fail", reason=chain.reason) if chain.reason else Arc("none")
    newest = chain.sets[-1].signature
    try:
        dkim.check_body(newest, bodies, now_s)
        digest = head.digest(newest.signed, newest.header_form, signature.unsigned(newest.octets))
        if not (yield from _fits(newest.algorithm, newest.domain, newest.selector, newest.value, digest)):
            return Arc("fail", reason="signature does not fit", sets=len(chain.sets))
        for number in range(len(chain.sets), 0, -1):
            if not (yield from _sealed(chain.sets[:number])):
                return Arc("fail", reason=f"seal {number} does not fit", sets=len(chain.sets))
    except (Failed, NoKey, BadSignature) as error:
        return Arc("fail", reason=str(error), sets=len(chain.sets))
    except _Later:
        return Arc("temperror", reason="the DNS gives no key now", sets=len(chain.sets))
    said = authres.results(chain.sets[-1].results).get("dmarc", "")
    return Arc("pass", tuple(signature.place(each.sealed)[0] for each in chain.sets), sets=len(chain.sets), said=said)


class _Later(Exception):
    """The DNS says nothing now."""


def _sealed(sets: Sequence[Set]) -> Steps[bool]:
    newest = sets[-1]
    algorithm = newest.sealed.get("a", "").lower()
    if algorithm not in signature.ALGORITHMS:
        raise BadSignature("unknown algorithm")
    domain, selector = signature.place(newest.sealed)
    digest = chained([*(each.whole for each in sets[:-1]), newest.front], signature.unsigned(newest.seal))
    value = signature.binary(newest.sealed, "b", signature.MAX_SIGNATURE)
    return (yield from _fits(algorithm, domain, selector, value, digest))


def _fits(algorithm: str, domain: str, selector: str, value: bytes, digest: bytes) -> Steps[bool]:
    answer = yield Question(f"{selector}._domainkey.{domain}", "TXT")
    if answer.outcome is Outcome.TEMPORARY:
        raise _Later
    key = published.choose(answer)
    return key.kind == signature.ALGORITHMS[algorithm] and key.verifies(value, digest)


def chained(before: Sequence[bytes], last: bytes) -> bytes:
    """Return the SHA-256 of what is in its relaxed form already and of a seal with an empty b= (§5.1.1)."""
    hashed = hashlib.sha256(b"".join(before))
    hashed.update(canonical.field(last, "relaxed")[:-2])
    return hashed.digest()


def _by_instance(fields: Sequence[bytes]) -> dict[int, bytes]:
    """Return fields by their instance; -1 stands for one without, or for one that is there twice."""
    found: dict[int, bytes] = {}
    for octets in fields[: MAX_SETS + 1]:
        number = _instance(octets)
        found[number if number not in found else -1] = octets
    return found


def _instance(field: bytes) -> int:
    name, _, value = field.partition(b":")
    if name.strip().lower() == RESULTS:  # begins with it; what follows is no list of tags (§4.1.1)
        leading = _INSTANCE.match(value)
        return int(leading[1]) if leading else -1
    try:
        written = tags.read(value).get("i", "")
    except tags.BadTags:
        return -1
    return int(written) if written.isascii() and written.isdigit() and len(written) <= 3 else -1


def _set(results: bytes, message: bytes, seal: bytes) -> Set:
    made = signature.common(message, tags.read(message.partition(b":")[2]))
    if SEAL in made.signed:
        raise BadSignature("a signature may not cover seals")  # §4.1.2
    sealed = tags.read(seal.partition(b":")[2])
    if "h" in sealed:
        raise BadSignature("a seal has no h=")  # §4.1.3
    front = relaxed(results) + relaxed(message)
    return Set(results, message, seal, made, sealed, front, front + relaxed(seal))


def relaxed(field: bytes) -> bytes:
    """Return a field in its relaxed form."""
    return canonical.field(field, "relaxed")
