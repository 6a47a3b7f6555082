"""The LDAP role: the directory's own server behind this node's listener and certificate. RFC 4513 §3; RFC 5929 §4."""

import asyncio
import contextlib
import ssl
from asyncio import sslproto
from collections.abc import AsyncIterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from config.settings import FILE, Settings, SettingsError, endpoint
from directory.ldap import dn
from directory.ldap.dit import Tree
from directory.ldap.errors import BadName
from directory.ldap.server import Listener, Room
from directory.ldap.session import Front, Limits, Peer
from directory.types import Binding
from mailcore.services import Services

TLS_BUFFER_BYTES = 16_384  # one TLS record; asyncio's 256 KiB would cost 277 KB for each idle session


def base(settings: Settings) -> str:
    """Return the distinguished name at the top of the tree. Raises SettingsError.

    Without a setting it is made of the hostname as RFC 2247 §4 says, less its first label.
    """
    labels = settings.node.hostname.split(".")
    written = settings.ldap.base or ",".join(dn.rdn("dc", label) for label in labels[1:] or labels)
    try:
        return dn.text(dn.parse(written)) or written
    except BadName:
        raise SettingsError(f"{settings.directory / FILE}: ldap.base: expected a distinguished name such as `dc=gov,dc=example`") from None


@contextlib.asynccontextmanager
async def ldap(services: Services) -> AsyncIterator[None]:
    """Serve LDAP where the settings say, until the context ends."""
    sslproto.SSLProtocol.max_size = TLS_BUFFER_BYTES
    settings = services.settings
    said = settings.ldap
    limits = Limits(said.max_entries, said.time_limit_s, said.anonymous)
    room = Room(said.max_connections, said.max_connections_per_address, said.idle_timeout_s, said.login_timeout_s)
    front = Front(services.db, services.signin, Tree(base(settings)), limits)
    binding = _binding(settings)
    async with Listener(front, room, lambda transport: _peer(transport, binding)) as listener:
        if settings.listen.ldaps:
            await listener.listen(*endpoint(settings.listen.ldaps), _tls(settings))
        yield


def _tls(settings: Settings) -> ssl.SSLContext:
    """Return the context of the listener: TLS 1.2 and later, ALPN "ldap" when a client asks for one."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls.certificate, settings.tls.key)
    context.set_alpn_protocols(["ldap"])
    return context


def _peer(transport: asyncio.Transport, binding: Binding) -> Peer:
    name = transport.get_extra_info("peername")
    return Peer(str(name[0]) if name else "", binding)


def _binding(settings: Settings) -> Binding:
    """Return what binds SASL to connections with our certificate: its hash, by the hash of its signature (RFC 5929 §4.1)."""
    certificate = x509.load_pem_x509_certificates(settings.tls.certificate.read_bytes())[0]
    used = certificate.signature_hash_algorithm
    weak = used is None or isinstance(used, hashes.MD5 | hashes.SHA1)
    return Binding("tls-server-end-point", certificate.fingerprint(hashes.SHA256() if weak or used is None else used))
