"""What is put in front of mail that leaves: the signatures of its author's domain, or a seal on what we only pass on.

RFC 6376 §5 (the author's domain answers for it), RFC 8617 §5.1 (a forwarder seals what it found when the message came).
"""

import asyncio
import re
from collections import OrderedDict
from itertools import pairwise
from typing import Protocol, cast

from config.clock import SECOND_US
from config.log import log
from mailcore.checks import arc, authres, canonical, keys, names, signing
from mailcore.checks.dkim import Head
from mailcore.checks.judge import IN_THREAD_BYTES
from mailcore.checks.keys import DkimKey
from mailcore.checks.signing import SigningKey
from mailcore.message import addresses, headers
from mailcore.message.headers import Field
from mailcore.services import Services
from mailcore.store.sealing import Content

MAX_OPEN = 1000  # keys in memory, some 4 KiB each

# Our own trace stands above every other: how the message came, and above it that it was passed on by a script of its recipient. The
# protocol ends in A when the client had signed in (RFC 3848), and is HTTPS from the webmail.
_PROTOCOL = re.compile(rb"received:.*?\swith\s+([a-z0-9]+)[\s;]", re.IGNORECASE | re.DOTALL)
PASSED_ON = b"local"
SIGNED_IN = {b"esmtpa", b"esmtpsa", b"utf8smtpa", b"utf8smtpsa", b"https"}


class Sent(Protocol):
    """What must be known of a message of the queue."""

    @property
    def queue_id(self) -> int: ...


class Keychain:
    """Opened keys, least recently used ones dropped."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[str, bytes], SigningKey] = OrderedDict()

    async def opened(self, services: Services, key: DkimKey) -> SigningKey:
        """Return a key, opened now when it is not yet."""
        place = key.name, key.public_key  # a selector may come again with another key
        found = self._open.get(place)
        if found is None:
            found = self._open[place] = await keys.opened(services.signer, key)
            if len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
        self._open.move_to_end(place)
        return found


async def fields(services: Services, message: Sent, raw: Content) -> bytes:
    """Return the lines to put in front of a message on its way to outside; b"" when no domain of ours that it concerns has a key.

    Only what somebody wrote here who had signed in, or what this node wrote itself, is signed: never the words of strangers.
    """
    spans, body_start = headers.scan(cast(bytes, raw))
    if _is_from_outside(raw, spans):
        return await _sealed(services, raw, spans, body_start)
    whose = author_domain(raw, spans)
    opened = await _keys(services, whose) if whose else []
    if not opened:
        return b""
    body = await _body_hash(raw, body_start)
    made = signing.dkim(Head.of(raw, spans), body, opened, services.clock.now_us() // SECOND_US)
    log.debug("checks.signed", queue_id=message.queue_id, domain=opened[0].domain, signatures=len(opened))
    return made


async def _sealed(services: Services, raw: Content, spans: tuple[Field, ...], body_start: int) -> bytes:
    """Return an ARC set for a message that we pass on; b"" when we did not examine it, or when its chain is broken or full."""
    host = services.settings.node.hostname
    written = ours(raw, spans, host)
    opened = await _keys(services, services.settings.node.postmaster.rpartition("@")[2].lower())
    if not written or not opened:
        return b""
    head = Head.of(raw, spans)
    chain = arc.read(head)
    found = authres.results(written).get("arc", "none")
    if chain.reason or len(chain.sets) >= arc.MAX_SETS or found != ("pass" if chain.sets else "none"):
        return b""
    key, instance, now_s = opened[0], len(chain.sets) + 1, services.clock.now_us() // SECOND_US
    results = b"ARC-Authentication-Results: i=%d;%b" % (instance, written.partition(b":")[2])
    signature = signing.message_signature(instance, head, await _body_hash(raw, body_start), key, now_s)
    front = arc.relaxed(results) + arc.relaxed(signature)
    seal = signing.seal(instance, [*(each.whole for each in chain.sets), front], key, now_s, "pass" if chain.sets else "none")
    return seal + signature + results


async def _keys(services: Services, domain: str) -> list[SigningKey]:
    found = await services.db.peek(keys.signing, domain)
    chain = services.parts.get(Keychain, Keychain)
    return [await chain.opened(services, key) for key in found]


async def _body_hash(raw: Content, start: int) -> bytes:
    if len(raw) - start < IN_THREAD_BYTES:
        return canonical.body_hash(raw, start, "relaxed")[0]
    return (await asyncio.to_thread(canonical.body_hash, raw, start, "relaxed"))[0]


def author_domain(raw: Content, spans: tuple[Field, ...]) -> str:
    """Return the domain of the one author, as A-labels; "" when there is not exactly one."""
    written = [headers.value(cast(bytes, raw), each) for each in spans if each.lower == b"from"]
    if len(written) != 1:
        return ""
    people = addresses.mailboxes(written[0])
    try:
        return names.canonical(people[0].domain) if len(people) == 1 else ""
    except names.BadName:
        return ""


def ours(raw: Content, spans: tuple[Field, ...], authserv_id: str) -> bytes:
    """Return our own Authentication-Results: the one right behind our trace; b"" when there is none."""
    for before, each in pairwise(spans):
        if each.lower == authres.NAME:
            octets = raw[each.start : each.end]
            mine = authres.identifier(octets.partition(b":")[2]) == authserv_id.lower().encode("ascii")
            return octets if mine and before.lower == b"received" else b""
    return b""


def _is_from_outside(raw: Content, spans: tuple[Field, ...]) -> bool:
    """Say whether somebody brought a message who had not signed in. Without any trace this node wrote it itself."""
    for each in spans:
        if each.lower == b"received":
            found = _PROTOCOL.match(raw[each.start : each.end])
            protocol = found[1].lower() if found else b""
            if protocol != PASSED_ON:
                return protocol not in SIGNED_IN
    return False
