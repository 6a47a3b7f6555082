"""One signature judged whole: its mathematics and path here, revocation where it can be had, the path again by a second judge in a worker.

What a path is worth is remembered for some minutes, by its certificates, by the lists that were known and by the trusted roots, so that the
next letter of the same post costs one signature check. ETSI EN 319 102-1 §5.3 (B-B), §5.5 (B-T).
"""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from config.clock import MINUTE_US
from signing import signers, standing, verdict, worker
from signing.der import BadDer
from signing.errors import WorkerBusy, WorkerFailed
from signing.pki import revocation
from signing.pki.cases import JUDGE, Case, Judged, encoded
from signing.pki.revocation import Known, Material
from signing.reasons import Status
from signing.standing import Weighed
from signing.verdict import Verdict

Find = Callable[[Sequence[bytes]], Awaitable[Material]]

BUCKET_US = 5 * MINUTE_US  # what was found is believed so long: as long as clocks may differ
MAX_REMEMBERED = 4096  # paths; each some KiB, most of it shared
BUSY = Weighed("busy")
GRAVITY: tuple[Status, ...] = ("invalid", "undecided", "valid")


class Judging:
    """Judges signatures against the roots of a node; `find` gives lists and answers for a path, leaf first and root last."""

    def __init__(self, roots: Sequence[bytes], find: Find) -> None:
        self._roots, self._find = tuple(roots), find
        self._worth: OrderedDict[tuple[object, ...], tuple[Weighed, tuple[Known, ...]]] = OrderedDict()

    async def judge(self, entity: bytes, cms_der: bytes, from_address: str | None, at_us: int) -> Verdict:
        """Return the verdict on a detached signature over an entity, for a letter from an address; None takes any signer.

        Raises nothing for what a letter can contain, and nothing when revocation cannot be had: the verdict says so.
        """
        first = await asyncio.to_thread(verdict.judge, entity, cms_der, self._roots, at_us, from_address)
        if first.reason_key in standing.REVOCABLE and first.proven_us is not None:
            weighed, known = await self._weigh(first.stamp_path, first.proven_us, at_us)
            if not standing.stamp_holds(weighed, known, first.proven_us):
                first = await asyncio.to_thread(self._without_stamp, entity, cms_der, from_address, at_us)
        if first.reason_key not in standing.REVOCABLE:
            return first
        weighed, _ = await self._weigh(first.path, first.proven_us, at_us)
        return standing.settled(first, weighed)

    async def each(self, entity: bytes, cms_der: bytes, from_address: str, at_us: int) -> tuple[Verdict, ...]:
        """Return a verdict for each signer of a signature, that of the letter's author first; one for what cannot be read.

        Others sign with addresses of their own, such as an office that seals; when none is the author's the first is told so.
        """
        try:
            signatures = signers.split(cms_der).each
        except BadDer:
            signatures = (cms_der,)
        if len(signatures) == 1:
            return (await self.judge(entity, signatures[0], from_address, at_us),)
        found = [(await self.judge(entity, one, None, at_us), one) for one in signatures]
        found.sort(key=lambda pair: not verdict.same_address(pair[0].address, from_address))
        first = await self.judge(entity, found[0][1], from_address, at_us)
        return (first, *(judged for judged, _ in found[1:]))

    def _without_stamp(self, entity: bytes, cms_der: bytes, from_address: str | None, at_us: int) -> Verdict:
        return verdict.judge(entity, cms_der, self._roots, at_us, from_address, believe_stamp=False)

    async def _weigh(self, path: tuple[bytes, ...], proven_us: int | None, at_us: int) -> tuple[Weighed, tuple[Known, ...]]:
        material = await self._find(path)
        key = (path, material, proven_us, at_us // BUCKET_US)
        found = self._worth.get(key)
        if found is None:
            found = await self._weighed(path, material, proven_us, at_us)
            if found[0] != BUSY:
                self._remember(key, found)
        return found

    async def _weighed(
        self, path: tuple[bytes, ...], material: Material, proven_us: int | None, at_us: int
    ) -> tuple[Weighed, tuple[Known, ...]]:
        known = await asyncio.to_thread(_known, path, material, at_us)
        used_us = at_us if proven_us is None else proven_us
        case = Case(path[0], path[1:-1], path[-1:], material.crls, material.ocsps, at_us, used_us, "declared")
        try:
            judged = await worker.ask(Judged, JUDGE, encoded(case))
        except WorkerBusy:
            return BUSY, known
        except WorkerFailed:
            return Weighed("too_costly"), known
        return standing.weigh(path, known, judged, proven_us), known

    def _remember(self, key: tuple[object, ...], found: tuple[Weighed, tuple[Known, ...]]) -> None:
        self._worth[key] = found
        if len(self._worth) > MAX_REMEMBERED:
            self._worth.popitem(last=False)


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict that speaks for all: an invalid signature is not made good by another one beside it, nor is an open one."""
    return min(verdicts, key=lambda one: GRAVITY.index(one.status))


def _known(path: tuple[bytes, ...], material: Material, at_us: int) -> tuple[Known, ...]:
    """Return what is known of each certificate but the root, by the one above it."""
    return tuple(revocation.judge(one, above, material, at_us) for one, above in itertools.pairwise(path))
