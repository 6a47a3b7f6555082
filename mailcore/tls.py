"""TLS of the listeners: their context, what it binds a sign-in to, and the client certificate that came with it.

RFC 8996 (TLS 1.2 at least), RFC 5280 §6 (path of a client certificate).
A certificate is asked for, never demanded: whoever has none signs in otherwise. One of a stranger's authority ends the handshake.
"""

import contextlib
import hashlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from config.log import log
from directory.types import Binding
from mailcore import bindings
from mailcore.services import Services
from signing.pki import path

_DER = 2  # _ssl.ENCODING_DER


@dataclass(frozen=True, slots=True)
class Channel:
    """What a connection inside TLS offers. `certificate` is the SHA-256 of a client certificate that is good to sign in with, or None.

    `later` asks for the certificate of a node, where nodes show one.
    """

    bindings: tuple[Binding, ...] = ()
    certificate: bytes | None = None
    later: "Later | None" = None


NOTHING = Channel()  # in the clear, or before the handshake


class Later:
    """A certificate that is asked for after the handshake, of clients that offer that (RFC 8446 §4.6.2): only nodes do."""

    def __init__(self, ssl_object: Any) -> None:
        self._inside, self._asked = ssl_object, False

    def ask(self) -> None:
        """Ask, once; the request goes out with what is written next."""
        if not self._asked:
            self._asked = True
            with contextlib.suppress(ssl.SSLError):  # the client has not offered it, or speaks TLS 1.2
                self._inside.verify_client_post_handshake()

    def shown(self) -> bytes | None:
        """Return what the client has shown (DER), below one of the roots: anything else would have ended the connection."""
        return self._inside.getpeercert(True) or None


class Listening:
    """What the connections of a listener share: its context, and how what they offer is found out.

    `context` is what a listener begins with. Once the certificate's files were replaced, a connection goes on with another one from its
    first message on: nothing has to be started again for a renewed certificate.
    """

    def __init__(self, services: Services, *, protocols: Sequence[str] = (), asks: bool = True, nodes: Path | None = None) -> None:
        """Make it. It asks people for certificates, or with `nodes`, a file of roots, later and only nodes for theirs."""
        self._files, self._clock = services.settings.tls, services.clock
        self._trusted, self._protocols, self._nodes = services.roots if asks else (), tuple(protocols), nodes
        self._roots = tuple(map(x509.load_der_x509_certificate, self._trusted))
        self.for_nodes = nodes is not None
        self._seen = self._look()
        self._now = self._made()
        self.context = self._now[0]
        self.context.sni_callback = self._begin

    def _look(self) -> object:
        return changed(self._files.certificate), changed(self._files.key)

    def _made(self) -> tuple[ssl.SSLContext, Binding | None]:
        """Return a context with the certificate that is there now, and what that binds to. Raises OSError, ValueError."""
        made = context(self._files.certificate, self._files.key, self._trusted, self._protocols)
        if self._nodes is not None:
            made.load_verify_locations(self._nodes)
            made.verify_mode, made.post_handshake_auth = ssl.CERT_OPTIONAL, True
        return made, bindings.end_point(self._files.certificate)

    def _begin(self, ssl_object: Any, name: str | None, context: ssl.SSLContext) -> None:
        """Let a connection that begins have the certificate of today; OpenSSL asks here whether or not the client named a server."""
        if (seen := self._look()) != self._seen:
            self._seen = seen
            try:
                self._now = self._made()
            except (OSError, ValueError) as error:  # half of it is there; the other half will be seen too
                log.warning("tls.not_renewed", error=type(error).__name__)
            else:
                log.info("tls.renewed", certificate=str(self._files.certificate))
        if self._now[0] is not context:
            ssl_object.context = self._now[0]

    def channel(self, ssl_object: Any) -> Channel:
        """Return what a connection offers after its handshake."""
        der = ssl_object.getpeercert(True) if self._roots else None
        certificate = None if der is None else self._certificate(der, ssl_object)
        current, end_point = self._now
        binding = end_point if ssl_object.context is current else None  # renewed during its handshake: it has that of before
        return Channel(bindings.of(ssl_object, binding), certificate, Later(ssl_object) if self.for_nodes else None)

    def _certificate(self, der: bytes, ssl_object: Any) -> bytes | None:
        """Return by what a good certificate is known, None when `signing.pki` does not find it good."""
        now_us = self._clock.now_us()
        try:
            leaf, others = x509.load_der_x509_certificate(der), [x509.load_der_x509_certificate(one) for one in sent(ssl_object)]
            path.search(leaf, others, self._roots, now_us, now_us, ExtendedKeyUsageOID.CLIENT_AUTH)
        except (path.Refused, ValueError) as refused:
            log.info("tls.certificate_refused", reason=str(refused))
            return None
        return hashlib.sha256(der).digest()


def context(certificate: Path, key: Path, roots: Sequence[bytes] = (), protocols: Sequence[str] = ()) -> ssl.SSLContext:
    """Return a server's context: TLS 1.2 at least (RFC 8996), no renegotiation, no compression.

    With `roots` (DER) it asks for a client certificate below one of them. `protocols` are for ALPN (RFC 7301).
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    made.load_cert_chain(certificate, key)
    if protocols:
        made.set_alpn_protocols(list(protocols))
    if roots:
        made.verify_mode = ssl.CERT_OPTIONAL
        made.load_verify_locations(cadata=b"".join(roots))
    return made


def changed(file: Path) -> object:
    """Return what is another value once a file was written anew or replaced; None without one."""
    try:
        known = file.stat()
    except OSError:
        return None
    return known.st_mtime_ns, known.st_size, known.st_ino


def sent(ssl_object: Any) -> list[bytes]:
    """Return the chain that the other side sent, DER; a server's own certificate stands first, a client's is left out (OpenSSL).

    Public from Python 3.13 on, there before.
    """
    chain = getattr(ssl_object, "get_unverified_chain", None)
    if chain is not None:
        return [bytes(one) for one in chain()]
    return [one.public_bytes(_DER) for one in ssl_object._sslobj.get_unverified_chain() or ()]
