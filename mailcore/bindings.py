"""Channel bindings of a TLS connection: what both of its ends know and nobody between them can have. RFC 5056.

tls-exporter (RFC 9266) for TLS 1.3, tls-unique (RFC 5929 §3) for TLS 1.2, tls-server-end-point (RFC 5929 §4) for both.

Python's `ssl` gives tls-unique only. The exporter is asked of OpenSSL itself, for which the connection's address is needed:
it stands in CPython's own object, between two others of which one is known, so that the place is verified before it is used.
Where it is not found there (another Python, OpenSSL built in) there is no tls-exporter, and all else works.
"""

import _ssl
import ctypes
import functools
import hashlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from directory.types import Binding

EXPORTER, UNIQUE, END_POINT = "tls-exporter", "tls-unique", "tls-server-end-point"

_LABEL = b"EXPORTER-Channel-Binding"  # RFC 9266 §2
_EXPORTED_BYTES = 32
_WEAK = frozenset({"md5", "sha1"})  # RFC 5929 §4.1: SHA-256 stands in for them
_WORD = ctypes.sizeof(ctypes.c_void_p)

Export = Callable[[int], bytes | None]


def of(ssl_object: Any, end_point: Binding | None) -> tuple[Binding, ...]:
    """Return the bindings of a connection after its handshake, the one that clients take by default first."""
    if ssl_object.version() == "TLSv1.3":
        own = _exported(ssl_object)
        found = None if own is None else Binding(EXPORTER, own)
    else:
        unique = ssl_object.get_channel_binding(UNIQUE)
        found = None if unique is None else Binding(UNIQUE, unique)
    return tuple(one for one in (found, end_point) if one is not None)


def end_point(certificate: Path) -> Binding | None:
    """Return tls-server-end-point of a listener: the hash of its certificate (RFC 5929 §4.1). None where that is not defined."""
    loaded = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    method = loaded.signature_hash_algorithm
    if method is None:  # Ed25519 has no hash of its own
        return None
    name = "sha256" if method.name in _WEAK else method.name
    return Binding(END_POINT, hashlib.new(name, loaded.public_bytes(Encoding.DER)).digest())


def _exported(ssl_object: ssl.SSLObject) -> bytes | None:
    """Return the exported octets of a TLS 1.3 connection (RFC 9266 §2), None where they cannot be had."""
    export, address = _exporter(), _address(ssl_object)
    return None if export is None or address is None else export(address)


def _address(ssl_object: ssl.SSLObject) -> int | None:
    """Return where OpenSSL keeps a connection.

    `_ssl._SSLSocket` begins with its socket, its SSL* and its context (CPython, Modules/_ssl.c): the context's address is known.
    """
    inner = ssl_object._sslobj  # type: ignore[attr-defined]
    if type(inner).__basicsize__ < object.__basicsize__ + 3 * _WORD:
        return None
    start = id(inner) + object.__basicsize__
    _, address, context = (ctypes.c_void_p.from_address(start + number * _WORD).value for number in range(3))
    return address if context == id(ssl_object.context) else None


@functools.cache
def _exporter() -> Export | None:
    """Return OpenSSL's exporter, of the library that `ssl` itself uses."""
    try:
        function = ctypes.CDLL(_ssl.__file__).SSL_export_keying_material
    except (AttributeError, OSError):
        return None
    octets, size, pointer = ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p
    function.argtypes = (pointer, pointer, size, octets, size, octets, size, ctypes.c_int)
    function.restype = ctypes.c_int

    def export(address: int) -> bytes | None:
        out = ctypes.create_string_buffer(_EXPORTED_BYTES)
        done = function(address, out, _EXPORTED_BYTES, _LABEL, len(_LABEL), b"", 0, 1)
        return out.raw if done == 1 else None

    return export
