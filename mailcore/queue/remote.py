"""To another server over SMTP: one connection for all recipients of a destination, a reply for each recipient.

RFC 5321 §3.3, §4.5.3.2 (timeouts), §6.1; RFC 3207 (STARTTLS); RFC 9325 (TLS 1.2 or newer). aiosmtplib carries the
session; commands are built by `wire`, because its own address quoting goes through the `email` package. A message is
settled before the next one is sent: only between a peer's last 250 and that commit can a crash send twice (RFC 1047).
"""

import asyncio
import hashlib
import itertools
import socket
import ssl
from collections.abc import Sequence

import aiosmtplib
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from config.failpoints import failpoint
from directory.manifest import follow
from mailcore.queue import route, wire
from mailcore.queue.route import Hop, Resolver
from mailcore.queue.settle import Outcome, reply_to, settle
from mailcore.queue.types import Lease, Reply
from mailcore.services import Services
from mailcore.store import accounts
from mailcore.store.types import Prepared

CONNECT_S = 30.0
HANDSHAKE_S = 30.0  # smtp reference §4
COMMAND_S = 300.0  # RFC 5321 §4.5.3.2: greeting, MAIL and RCPT 5 min
FINAL_S = 600.0  # the answer to the final dot, 10 min
QUIT_S = 5.0
MAX_HOPS = 50  # Received fields; Postfix hopcount_limit

LOST = Reply(451, "4.4.2", "the connection broke")
TLS_FAILED = "4.7.5"  # RFC 3463 §3.8: cryptographic failure
NO_TLS = Reply(451, "4.7.4", "the destination offers no TLS, which its route demands")
GOES_ROUND = Reply(554, "5.4.6", "too many hops, the message goes round in circles")

log = structlog.get_logger()


class Peer:
    """What outgoing sessions share: the resolver, TLS contexts, who may be connected to."""

    def __init__(self, services: Services, resolver: Resolver, allowed: route.Allowed = route.is_public) -> None:
        self.services, self.resolver, self.allowed = services, resolver, allowed
        self._contexts: dict[object, ssl.SSLContext] = {}

    async def context(self, hop: Hop) -> ssl.SSLContext:
        """Return the TLS context for a hop: verified, or for opportunistic ones only encrypted (RFC 7435)."""
        key = "pinned" if hop.key_sha256 else hop.ca if hop.verify else False
        if key not in self._contexts:
            self._contexts[key] = await asyncio.to_thread(_context, hop)
        return self._contexts[key]


def _context(hop: Hop) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(hop.ca) if hop.ca else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not hop.verify or hop.key_sha256:  # a key that the topology names is proof enough, as with DANE-EE (RFC 7671 §5.1)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def serve(peer: Peer, leases: Sequence[Lease]) -> None:
    """Send to recipients in one foreign domain, message after message, each settled before the next.

    A connection that breaks is made again for the next message; one that cannot be made postpones the rest.
    """
    settings = peer.services.settings
    domain = leases[0].domain
    node = await peer.services.db.peek(follow.node_of, domain, settings.manifest.site)
    hops = await route.hops(domain, settings.routes, settings.node.hostname, peer.resolver, peer.allowed, node)
    if isinstance(hops, Reply):
        await settle(peer.services, [Outcome(lease, hops) for lease in leases])
        return
    groups = [list(group) for _, group in itertools.groupby(leases, key=lambda lease: lease.message.queue_id)]
    session: aiosmtplib.SMTP | Reply = LOST
    try:
        for group in groups:
            if isinstance(session, Reply) or not session.is_connected:
                session = await connect(peer, hops)
            if isinstance(session, Reply):
                break
            await settle(peer.services, await transfer(peer.services, session, group))
            groups = groups[1:]
    finally:
        if not isinstance(session, Reply):
            await _leave(session)
    if isinstance(session, Reply):
        await settle(peer.services, [Outcome(lease, session) for group in groups for lease in group])


async def connect(peer: Peer, hops: Sequence[Hop]) -> aiosmtplib.SMTP | Reply:
    """Return a session after EHLO, with TLS as the hop wants it; or why the last of the hops failed, always 4xx."""
    reply = LOST
    for hop in hops:
        session = await _open(peer, hop, tls=True)
        if isinstance(session, Reply) and not hop.verify and session.status == TLS_FAILED:
            session = await _open(peer, hop, tls=False)
        if not isinstance(session, Reply):
            return session
        reply = session
        log.info("queue.peer_failed", peer=hop.host, address=hop.address, reply=str(reply))
    return reply


async def _open(peer: Peer, hop: Hop, *, tls: bool) -> aiosmtplib.SMTP | Reply:
    session: aiosmtplib.SMTP | None = None
    handshake = False
    try:
        session = aiosmtplib.SMTP(
            hostname=hop.host,
            local_hostname=peer.services.settings.node.hostname,
            timeout=COMMAND_S,
            start_tls=False,
            sock=await _socket(hop),
        )
        await session.connect()
        await session.ehlo()
        if tls and session.supports_extension("starttls"):
            context, handshake = await peer.context(hop), True
            await session.starttls(tls_context=context, server_hostname=hop.host, timeout=HANDSHAKE_S)
            handshake = False
            if hop.key_sha256 and _key_sha256(session) != hop.key_sha256:
                session.close()
                return Reply(451, TLS_FAILED, f"{hop.host} has not the key that the topology names", hop.host)
            await session.ehlo()
        elif hop.verify:
            await _leave(session)
            return NO_TLS
    except BaseException as error:
        if session is not None:
            session.close()
        if not isinstance(error, (OSError, aiosmtplib.SMTPException)):
            raise
        return _tls_failed(error, hop) if handshake else _failed(error, hop)
    return session


def _key_sha256(session: aiosmtplib.SMTP) -> bytes:
    """Return the SHA-256 of the key in the certificate that the other side showed."""
    tls = session.get_transport_info("ssl_object")
    certificate = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))
    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).digest()


async def _socket(hop: Hop) -> socket.socket:
    family = socket.AF_INET6 if ":" in hop.address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        async with asyncio.timeout(CONNECT_S):
            await asyncio.get_running_loop().sock_connect(made, (hop.address, hop.port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        made.close()
        raise
    return made


def _tls_failed(error: Exception, hop: Hop) -> Reply:
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"the certificate of {hop.host} is not trusted: {error.verify_message}"
    else:
        text = f"no TLS session with {hop.host}: {getattr(error, 'reason', None) or type(error).__name__}"
    return Reply(451, TLS_FAILED, text, hop.host)


def _failed(error: Exception, hop: Hop) -> Reply:
    """Return what went wrong before a transaction began, never as permanent: another hop or another day may do."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        said = wire.reply(error.code, error.message, hop.host)
        return Reply(451, "4" + said.status[1:], f"{hop.host} said: {said}", hop.host)
    return Reply(451, "4.4.1", f"no connection to {hop.host}", hop.host)


async def transfer(services: Services, session: aiosmtplib.SMTP, group: Sequence[Lease]) -> list[Outcome]:
    """Send one message to some recipients; return how it ended for each."""
    message = group[0].message
    host = session.hostname or ""
    try:
        node = await services.store.open_account(accounts.NODE)
        dek = node.unwrap(message.dek_wrapped)
        kept = await services.store.prepared(message.blob_id, dek)
        raw = await services.store.read(message.blob_id, dek)
    except Exception as error:  # noqa: BLE001  (a driver: the recipients are postponed, never lost)
        return [Outcome(lease, reply_to(error)) for lease in group]
    refusal = _refusal(group, kept, raw, session)
    if refusal is not None:
        return [Outcome(lease, refusal) for lease in group]
    failpoint("remote.before_send")
    outcomes: list[Outcome] = []
    try:
        await _transaction(session, host, group, kept, raw, outcomes)
    except (OSError, aiosmtplib.SMTPException):
        session.close()
    concluded = {each.lease.key for each in outcomes}
    lost = Reply(LOST.code, LOST.status, LOST.text, host)
    return outcomes + [Outcome(lease, lost) for lease in group if lease.key not in concluded]


def _refusal(group: Sequence[Lease], kept: Prepared, raw: bytes, session: aiosmtplib.SMTP) -> Reply | None:
    header = kept.index.header
    if sum(name == b"received" for name, _ in header.fields) > MAX_HOPS:
        return GOES_ROUND
    return wire.sendable(group[0].message, raw, header.header_bytes, session.esmtp_extensions)


async def _transaction(
    session: aiosmtplib.SMTP, host: str, group: Sequence[Lease], kept: Prepared, raw: bytes, outcomes: list[Outcome]
) -> None:
    """Run MAIL, RCPT … DATA (RFC 5321 §3.3) and note each recipient's outcome as soon as it is certain."""
    extensions = session.esmtp_extensions
    able = [lease for lease in group if lease.address.isascii() or "smtputf8" in extensions]
    outcomes.extend(Outcome(lease, wire.NEEDS_UTF8) for lease in group if lease not in able)
    if not able:
        return
    command = wire.mail(group[0].message, raw, able, kept.index.header.header_bytes, extensions)
    answer = await _ask(session, command, host)
    if answer.code >= 400:
        outcomes.extend(Outcome(lease, answer) for lease in able)
        return
    taken: list[Lease] = []
    for lease in able:
        said = await _ask(session, wire.rcpt(lease, extensions), host)
        if said.code < 400:
            taken.append(lease)
        else:
            outcomes.append(Outcome(lease, said))
    if not taken:
        await session.rset()
        return
    final = await _data(session, raw, host)
    failpoint("remote.after_reply")
    told = "done" if "dsn" in extensions else "relayed"
    outcomes.extend(Outcome(lease, final, told) for lease in taken)  # type: ignore[arg-type]


async def _ask(session: aiosmtplib.SMTP, command: bytes, host: str) -> Reply:
    said = await session.execute_command(command)
    return wire.reply(said.code, said.message, host)


async def _data(session: aiosmtplib.SMTP, raw: bytes, host: str) -> Reply:
    """Send the octets as they are stored; only a missing last line break is added, as DATA cannot do without."""
    try:
        said = await session.data(raw, timeout=FINAL_S)
    except aiosmtplib.SMTPDataError as error:
        return wire.reply(error.code, error.message, host)
    return wire.reply(said.code, said.message, host)


async def _leave(session: aiosmtplib.SMTP) -> None:
    try:
        if session.is_connected:
            await session.quit(timeout=QUIT_S)
    except (OSError, aiosmtplib.SMTPException):
        pass
    finally:
        session.close()
