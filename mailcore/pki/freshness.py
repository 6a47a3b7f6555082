"""What is known now of the certificates of a path: from our own register, from what was fetched, from who issued them. RFC 5280 §6.3.

Our own are answered from the register as it is at this moment.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain as chained
from itertools import pairwise

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from config.database import Tx
from mailcore.pki.answers import Answers
from mailcore.pki.fetching import Fetching, fetching
from mailcore.pki.responder import Responders
from mailcore.services import Services
from signing import genuine
from signing.certificate import UNREADABLE, value
from signing.pki import ocsp, path, places, published, revocation
from signing.pki.revocation import Material

MAX_ADDRESSES = 2  # of one kind in a certificate: the others are copies
CACHED = 4096


@dataclass(frozen=True, slots=True)
class Named:
    """What a certificate names: where answers are given, its lists, what changed since them."""

    serial: int
    answers: tuple[str, ...]
    lists: tuple[str, ...]
    deltas: tuple[str, ...]


async def material(services: Services, chain: Sequence[bytes]) -> Material:
    """Return what is to be had about each certificate of a path, DER, leaf first and root last; its own list a root does not have.

    Others are asked only below a root of this node, along a path that is signed, and only when the settings allow it: else whoever
    writes a letter could have this node ask any address. Raises nothing for what cannot be had.
    """

    def asking() -> bool:
        return bool(chain) and chain[-1] in services.roots and all(_is_issued(*pair) for pair in pairwise(chain))

    found = await asyncio.gather(*[_of(services, *pair, asking=asking) for pair in pairwise(chain)])
    crls, ocsps = (tuple(dict.fromkeys(chained.from_iterable(kind))) for kind in zip(*found, strict=True)) if found else ((), ())
    return Material(tuple(filter(None, crls)), tuple(filter(None, ocsps)))


async def _of(services: Services, certificate: bytes, issuer: bytes, *, asking: Callable[[], bool]) -> tuple[list[bytes], list[bytes]]:
    """Return lists and answers about one certificate."""
    try:
        named, authority = _named(certificate), await _answers(services).authority(issuer)
    except UNREADABLE:
        return [], []
    if authority is not None:
        return await _by_register(services, authority, issuer, named)
    if not await asyncio.to_thread(asking):
        return [], []
    return await _foreign(services, certificate, issuer, named)


async def _by_register(services: Services, authority: str, issuer: bytes, named: Named) -> tuple[list[bytes], list[bytes]]:
    """Return the answer and the lists of our own authority; nothing about what it never issued: a list would call it good."""
    answer = await _answers(services).to(ocsp.request(issuer, named.serial))
    if answer.octets == ocsp.refusal(ocsp.UNAUTHORIZED):
        return [], []
    return await services.db.peek(_own, authority, named), [answer.octets] if answer.next_update_us else []


async def _foreign(services: Services, certificate: bytes, issuer: bytes, named: Named) -> tuple[list[bytes], list[bytes]]:
    """Ask for an answer, and for lists when there is none that is good now."""
    fetch, now_us = fetching(services), services.clock.now_us()
    answers = [await fetch.answer(url, issuer, named.serial) for url in named.answers[:1]]
    if revocation.judge(certificate, issuer, Material(ocsps=tuple(answers)), now_us).state != "unknown":
        return [], answers
    return await _lists(fetch, issuer, named), answers


async def _lists(fetch: Fetching, issuer: bytes, named: Named) -> list[bytes]:
    for url in named.lists[:MAX_ADDRESSES]:
        if octets := await fetch.list(url, issuer):
            return [octets, *[await fetch.list(delta, issuer) for delta in named.deltas[:1]]]
    return []


def _own(tx: Tx, authority: str, named: Named) -> list[bytes]:
    """Return the list that the certificate names, or that of everything, and its delta."""
    part = next((one for one in (places.part(named.serial), places.WHOLE) if _names(named, authority, one)), places.WHOLE)
    found = [published.find(tx, authority, part, delta=delta) for delta in (False, True)]
    return [one.octets for one in found if one is not None]


def _names(named: Named, authority: str, part: int) -> bool:
    return any(url.endswith(places.list_path(authority, part)) for url in named.lists)


def _is_issued(certificate: bytes, issuer: bytes) -> bool:
    """Say whether a certificate is signed by the one above it."""
    readable = genuine.loaded([certificate, issuer])
    return len(readable) == 2 and path.issued(*readable)


@lru_cache(CACHED)
def _named(certificate: bytes) -> Named:
    loaded = x509.load_der_x509_certificate(certificate)
    access = value(loaded, x509.AuthorityInformationAccess) or ()
    asked = [one.access_location for one in access if one.access_method == AuthorityInformationAccessOID.OCSP]
    lists, deltas = value(loaded, x509.CRLDistributionPoints), value(loaded, x509.FreshestCRL)
    return Named(loaded.serial_number, *(tuple(_urls(each)) for each in (asked, _full(lists), _full(deltas))))


def _full(points: x509.CRLDistributionPoints | x509.FreshestCRL | None) -> list[x509.GeneralName]:
    return [name for point in points or () for name in point.full_name or ()]


def _urls(names: Sequence[x509.GeneralName]) -> Iterator[str]:
    return (one.value for one in names if isinstance(one, x509.UniformResourceIdentifier))


def _answers(services: Services) -> Answers:
    return services.parts.get(Answers, lambda: Answers(services, Responders(services)))
