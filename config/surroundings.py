"""What must hold before a node can serve: its ports are free, its certificate and key are there and fit each other."""

import errno
import os
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path

from config import settings
from config.settings import FILE, Settings, SettingsError

SOCKET_PATH_BYTES = 107  # sockaddr_un, unix(7)


def ready(read: Settings, listening: Mapping[str, str]) -> None:
    """Accept surroundings in which these listeners can start. Raises SettingsError with one line for people."""
    if listening:
        certified(read)
    for key, path in roots(read):
        _readable(read, key, path)
    for name, where in listening.items():
        free(read, name, where)


def free(read: Settings, name: str, where: str) -> None:
    """Accept a listener whose port can be had, or whose path a socket may have. Raises SettingsError."""
    try:
        _placed(read, where) if name == "lmtp" else _bound(where)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
        key = "metrics.listen" if name == "metrics" else f"listen.{name}"
        raise SettingsError(f"{read.directory / FILE}: {key}: {where}: {reason}") from None


def _bound(where: str) -> None:
    host, port = settings.endpoint(where)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _placed(read: Settings, where: str) -> None:
    path = read.directory / where
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES:
        raise OSError(errno.ENAMETOOLONG, f"a socket's path has at most {SOCKET_PATH_BYTES} octets")
    if path.exists() and not path.is_socket():
        raise OSError(errno.EEXIST, "this is no socket")


def certified(read: Settings) -> None:
    """Accept a certificate and a key that can be read and belong together. Raises SettingsError."""
    for name, path in (("certificate", read.tls.certificate), ("key", read.tls.key)):
        _readable(read, f"tls.{name}", path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(read.tls.certificate, read.tls.key)
    except ssl.SSLError as error:
        reason = (error.reason or "no PEM certificate and its key").lower().replace("_", " ")
        raise SettingsError(f"{read.directory / FILE}: tls: {read.tls.certificate} and {read.tls.key}: {reason}") from None


def roots(read: Settings) -> list[tuple[str, Path]]:
    """Return the files of root certificates of those whom this node asks, by the key that names them."""
    named = [("routing.ca", read.routing.ca), ("pki.times_ca", read.pki.times_ca)]
    named += [(f"route[{at}].ca", route.ca) for at, route in enumerate(read.routes)]
    return [(key, path) for key, path in named if path is not None]


def _readable(read: Settings, key: str, path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{read.directory / FILE}: {key}: {path}: {(error.strerror or str(error)).lower()}") from None
