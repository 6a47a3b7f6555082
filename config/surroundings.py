"""What must hold before a node can serve: its ports are free, its certificate and key are there and fit each other."""

import os
import socket
import ssl
from collections.abc import Mapping

from config import settings
from config.settings import FILE, Settings, SettingsError


def ready(read: Settings, listening: Mapping[str, str]) -> None:
    """Accept surroundings in which these listeners can start. Raises SettingsError with one line for people."""
    if listening:
        certified(read)
    for name, where in listening.items():
        free(read, name, where)


def free(read: Settings, name: str, where: str) -> None:
    """Accept a listener whose port can be had. Raises SettingsError."""
    host, port = settings.endpoint(where)
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
        raise SettingsError(f"{read.directory / FILE}: listen.{name}: {where}: {reason}") from None


def certified(read: Settings) -> None:
    """Accept a certificate and a key that can be read and belong together. Raises SettingsError."""
    for name, path in (("certificate", read.tls.certificate), ("key", read.tls.key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise SettingsError(f"{read.directory / FILE}: tls.{name}: {path}: {(error.strerror or str(error)).lower()}") from None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(read.tls.certificate, read.tls.key)
    except ssl.SSLError as error:
        reason = (error.reason or "no PEM certificate and its key").lower().replace("_", " ")
        raise SettingsError(f"{read.directory / FILE}: tls: {read.tls.certificate} and {read.tls.key}: {reason}") from None
