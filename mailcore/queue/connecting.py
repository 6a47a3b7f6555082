"""From addresses to a greeted peer, with TLS as each address demands it; what went how is told for reports.

RFC 3207 (STARTTLS), RFC 9325 (TLS 1.2 or newer), RFC 7435 (opportunistic), RFC 7672 §2.2 (DANE), RFC 8461 §4.2 (MTA-STS).
A node shows its own certificate when it is asked for after the handshake (RFC 8446 §4.6.2): so strangers are never asked.
"""

import asyncio
import errno
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import structlog

from config.settings import Settings
from mailcore.queue import client, wire
from mailcore.queue.client import Lost, Refused, Session
from mailcore.queue.route import Hop
from mailcore.queue.types import Reply
from mailcore.queue.visits import Visits
from mailcore.routing import dane
from mailcore.routing.keys import spki_sha256
from mailcore.routing.tlsrpt import Event
from mailcore.tls import changed, sent

OPENING_S = 900.0  # for a session with any of the addresses: two greetings that do not come (RFC 5321 §4.5.3.2.1), and one that does
CONGESTED = "4.4.5"  # RFC 3463 §3.5: it is about us, and says nothing of the destination
MAX_TOLD = 300  # characters of why TLS failed
TLS_FAILED = "4.7.5"  # RFC 3463 §3.8: cryptographic failure
NO_TLS = Reply(451, "4.7.4", "the destination offers no TLS, which its route demands")

# verified: TLS with whom the hop names. any: TLS with whomever. offered: TLS when the peer has it. none: in the clear.
Mode = Literal["verified", "any", "offered", "none"]

_EXPIRED, _HOSTNAME = 10, (62, 64)  # X509_V_ERR_CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH of OpenSSL

_KINDS: dict[type[OSError], str] = {
    ConnectionRefusedError: "refused",
    TimeoutError: "timed out",
    ConnectionResetError: "the peer broke the connection off",
    BrokenPipeError: "the peer broke the connection off",
}
_NUMBERS = {
    errno.ENETUNREACH: "the network is unreachable",
    errno.EHOSTUNREACH: "the host is unreachable",
    errno.ENETDOWN: "our network is down",
    errno.EADDRNOTAVAIL: "we have no address of that kind",
    errno.EAFNOSUPPORT: "we have no address of that kind",
    errno.EACCES: "a filter forbids it",
    errno.EPERM: "a filter forbids it",
    errno.ETIMEDOUT: "timed out",
    errno.EMFILE: "this server has too many files open",
    errno.ENFILE: "this server has too many files open",
}

log = structlog.get_logger()


class TlsFailed(Exception):
    """No TLS session, or not with whom it should be. `result` is that of RFC 8460 §4.3."""

    def __init__(self, text: str, result: str) -> None:
        super().__init__(text)
        self.text, self.result = text, result


@dataclass(slots=True)
class Contexts:
    """TLS contexts for outgoing connections, each made in a thread, as reading the system's roots takes 20 ms; again when a file changes.

    One that cannot be made (a new certificate is there, its key not yet) leaves the one before in use.
    """

    settings: Settings
    made: dict[object, tuple[object, ssl.SSLContext]]

    async def get(self, hop: Hop, mode: Mode) -> ssl.SSLContext:
        """Return the context for a hop."""
        strict = mode == "verified" and not hop.tlsa
        key = (strict, strict and hop.ca, bool(hop.node), bool(hop.key_sha256))
        ours = (self.settings.tls.certificate, self.settings.tls.key) if hop.node else ()
        seen = tuple(map(changed, (*ours, *((hop.ca,) if hop.ca and strict else ()))))
        known = self.made.get(key)
        if known is not None and known[0] == seen:
            return known[1]
        try:
            made = await asyncio.to_thread(self._make, hop, strict)
        except OSError as error:
            if known is None:
                raise
            log.warning("tls.not_renewed", error=type(error).__name__, reason=_why(error))
            return known[1]
        self.made[key] = seen, made
        return made

    def _make(self, hop: Hop, strict: bool) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(hop.ca) if hop.ca and strict else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not strict or hop.key_sha256:
            context.check_hostname = False  # the key that the topology names says who it is, as with DANE-EE (RFC 7671 §5.1)
        if not strict or (hop.key_sha256 and hop.ca is None):
            context.verify_mode = ssl.CERT_NONE
        if hop.node and self.settings.tls.certificate.exists():
            context.load_cert_chain(self.settings.tls.certificate, self.settings.tls.key)
            context.post_handshake_auth = True
        return context


@dataclass(slots=True)
class Connecting:
    """What connecting needs. `tell` takes what a report counts."""

    name: str
    contexts: Contexts
    now_us: Callable[[], int]
    tell: Callable[[Event], None]
    visits: Visits = field(default_factory=Visits)

    def free(self, hops: Sequence[Hop]) -> list[Hop]:
        """Return the hops with whose address no more sessions last than may."""
        return [hop for hop in hops if not (hop.domain and self.visits.crowded(hop.address))]

    def use(self, session: Session, hop: Hop) -> Session:
        """Count a session that was kept, from now on."""
        session.visit = self.visits.begin(hop.address, session.close) if hop.domain else None
        return session

    async def first(self, hops: Sequence[Hop]) -> tuple[Session, Hop] | Reply:
        """Return a session after EHLO with the first hop that can be had; or why the last of them failed, always 4xx."""
        time, failed = asyncio.get_running_loop().time, list[Reply]()
        until_s, free = time() + OPENING_S, self.free(hops)
        for hop in free:
            found = await self._one(hop, until_s)
            if not isinstance(found, Reply):
                return found, hop
            failed.append(found)
            log.info("queue.peer_failed", peer=hop.host, address=hop.address, reply=str(found))
            if time() >= until_s:
                break
        return _together(failed) if failed else _crowded(hops[-1])

    async def _one(self, hop: Hop, until_s: float) -> Session | Reply:
        reply = NO_TLS
        for mode in modes(hop):
            try:
                return await self._open(hop, mode, until_s)
            except TlsFailed as failed:
                self._tell(hop, failed.result, failed.text)
                reply = NO_TLS if failed.text == NO_TLS.text else Reply(451, TLS_FAILED, failed.text, hop.host)
            except Refused as refused:
                return _refused(refused, hop)
            except OSError as error:
                return Reply(451, "4.4.1", f"no connection to {_where(hop)}: {_why(error)}", hop.host)
        return replace(reply, text=f"{reply.text[:MAX_TOLD]} (at {hop.address})")

    async def _open(self, hop: Hop, mode: Mode, until_s: float) -> Session:
        async with asyncio.timeout_at(until_s) as limit:
            session = await self._connected(hop, limit)
            await self._greet(session, hop, mode)
        return session

    async def _connected(self, hop: Hop, limit: asyncio.Timeout) -> Session:
        visit = self.visits.begin(hop.address, lambda _: limit.reschedule(0.0)) if hop.domain else None
        try:
            line = await client.connected(hop.address, hop.port)
        except BaseException:
            if visit is not None:
                visit.end()
            raise
        session = Session(line, hop.host, hop.address, opened_s=asyncio.get_running_loop().time(), visit=visit)
        if visit is not None:
            visit.stop = session.close
        return session

    async def _greet(self, session: Session, hop: Hop, mode: Mode) -> None:
        try:
            said = await session.line.reply(client.COMMAND_S)
            if said[0] != 220:
                raise Refused(said)
            await session.hello(self.name)
            if mode != "none":
                await self._secure(session, hop, mode)
        except BaseException:
            session.close()
            raise

    async def _secure(self, session: Session, hop: Hop, mode: Mode) -> None:
        """Begin TLS, see who is there, and greet again (RFC 3207 §4.2)."""
        if "starttls" not in session.extensions:
            if mode == "offered":
                self._tell(hop, "starttls-not-supported")
                return
            await session.quit()
            raise TlsFailed(NO_TLS.text, "starttls-not-supported")
        code, lines = await session.ask(b"STARTTLS")
        if code != 220:
            raise TlsFailed(f"{hop.host} begins no TLS: {wire.reply(code, chr(10).join(lines), hop.host)}", "starttls-not-supported")
        try:
            inside = await session.line.start_tls(await self.contexts.get(hop, mode), hop.host)
        except OSError as error:  # ssl.SSLError is one
            raise TlsFailed(*_explained(error, hop)) from error
        if mode == "verified":
            _require(hop, inside, self.now_us())
        session.tls, session.verified = inside, mode == "verified" and not hop.testing
        await session.hello(self.name)
        self._tell(hop, "")

    def _tell(self, hop: Hop, result: str, reason: str = "") -> None:
        if hop.domain:
            asked = hop.asked
            self.tell(Event(hop.domain, asked.kind, asked.lines, asked.patterns, result, hop.host, hop.address, reason))


def _crowded(hop: Hop) -> Reply:
    return Reply(451, CONGESTED, f"as many sessions with {_where(hop)} last already as may", hop.host)


def _together(failed: Sequence[Reply]) -> Reply:
    """Return the last failure, with what came of the addresses before it."""
    last = failed[-1]
    before = "; ".join(dict.fromkeys(each.text for each in failed[:-1] if each.text != last.text))
    return replace(last, text=f"{last.text}; before that: {before}"[: wire.MAX_TEXT]) if before else last


def _where(hop: Hop) -> str:
    return hop.host if hop.host == hop.address else f"{hop.host} [{hop.address}]"


def _why(error: OSError) -> str:
    """Return in a few words why there is no connection. What we know of ourselves stays out of it."""
    if isinstance(error, Lost):
        return str(error)
    if isinstance(error, ssl.SSLError):
        return (getattr(error, "reason", None) or "the handshake failed").replace("_", " ").lower()
    named = next((words for kind, words in _KINDS.items() if isinstance(error, kind)), None)
    return named or _NUMBERS.get(error.errno or 0, "the network failed")


def modes(hop: Hop) -> tuple[Mode, ...]:
    """Return how to try a hop: each only after TLS failed in the way before."""
    if hop.verify:
        return ("verified",)
    if hop.testing:
        return ("verified", "offered", "none")
    return ("any",) if hop.encrypt else ("offered", "none")


def _require(hop: Hop, inside: Any, now_us: int) -> None:
    """Refuse a peer that is not the one whom the hop names. Raises TlsFailed."""
    leaf = inside.getpeercert(True) or b""
    if hop.tlsa and not dane.fits(hop.tlsa, [leaf, *sent(inside)[1:]], hop.names, now_us):
        raise TlsFailed(f"the certificate of {hop.host} does not fit the TLSA records of its zone", "certificate-not-trusted")
    if hop.key_sha256 and _key(leaf) != hop.key_sha256:
        raise TlsFailed(f"{hop.host} has not the key that the topology names", "certificate-not-trusted")


def _key(leaf: bytes) -> bytes:
    try:
        return spki_sha256(leaf)
    except ValueError:
        return b""


def _explained(error: OSError, hop: Hop) -> tuple[str, str]:
    """Return a failed handshake in words, and as a report calls it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"the certificate of {hop.host} is not trusted: {error.verify_message}"
        if error.verify_code == _EXPIRED:
            return text, "certificate-expired"
        return text, "certificate-host-mismatch" if error.verify_code in _HOSTNAME else "certificate-not-trusted"
    return f"no TLS session with {hop.host}: {_why(error)}", "validation-failure"


def _refused(refused: Refused, hop: Hop) -> Reply:
    """Return what a peer said instead of greeting us, never as permanent: another hop or another day may do."""
    code, lines = refused.said
    said = wire.reply(code, "\n".join(lines), hop.host)
    return Reply(451, "4" + said.status[1:], f"{_where(hop)} said: {said}", hop.host)
