"""The LDAP role: the directory's own server behind this node's listener and certificate. RFC 4513 §3."""

import asyncio
import contextlib
from asyncio import sslproto
from collections.abc import AsyncIterator

from config.settings import FILE, Settings, SettingsError, endpoint
from directory.ldap import dn
from directory.ldap.dit import Tree
from directory.ldap.errors import BadName
from directory.ldap.server import Listener, Room
from directory.ldap.session import Front, Limits, Peer
from mailcore.services import Services
from mailcore.tls import Listening

TLS_BUFFER_BYTES = 16_384  # one TLS record; asyncio's 256 KiB would cost 277 KB for each idle session


def base(settings: Settings) -> str:
    """Return the distinguished name at the top of the tree. Raises SettingsError.

    Without a setting it is made of the hostname as RFC 2247 §4 says, less its first label.
    """
    labels = settings.node.hostname.split(".")
    written = settings.ldap.base or ",".join(dn.rdn("dc", label) for label in labels[1:] or labels)
    try:
        return dn.text(dn.parse(written))
    except BadName:
        raise SettingsError(f"{settings.directory / FILE}: ldap.base: expected a distinguished name such as `dc=gov,dc=example`") from None


@contextlib.asynccontextmanager
async def ldap(services: Services) -> AsyncIterator[None]:
    """Serve LDAP where the settings say, until the context ends. Raises SettingsError."""
    sslproto.SSLProtocol.max_size = TLS_BUFFER_BYTES
    settings, tls = services.settings, Listening(services, protocols=("ldap",))
    said = settings.ldap
    limits = Limits(said.max_entries, said.time_limit_s, said.anonymous)
    room = Room(said.max_connections, said.max_connections_per_address, said.idle_timeout_s, said.login_timeout_s)
    front = Front(services.db, services.signin, Tree(base(settings)), limits)

    def peer(transport: asyncio.Transport) -> Peer:
        name, offered = transport.get_extra_info("peername"), tls.channel(transport.get_extra_info("ssl_object"))
        return Peer(str(name[0]) if name else "", offered.bindings, offered.certificate)

    async with Listener(front, room, peer) as listener:
        if settings.listen.ldaps:
            await listener.listen(*endpoint(settings.listen.ldaps), tls.context)
        yield
