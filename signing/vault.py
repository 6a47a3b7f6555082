"""Files that hold secrets: written whole or not at all, durable, readable by their owner alone, encrypted at rest."""

import os
import secrets
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from signing.errors import KeyExists, NoSuchKey

NONCE_BYTES = 12
PRIVATE, PUBLIC = 0o600, 0o644  # modes of files: for their owner alone; for everybody, as what listeners show
STORAGE_KEY_BYTES = 32
HANDLE = b"pkcs11:"  # what a key file holds in place of the key when that is on a token


class Damaged(Exception):
    """A key file does not decrypt, or is not the one that its name says: the operator must act."""


class Header(msgspec.Struct, frozen=True, array_like=True):
    """The open part of a key file; all of it is authenticated, so files cannot be swapped or rewritten."""

    name: str
    kind: str
    activated: bool
    version: int = 1


class Sealed(msgspec.Struct, frozen=True, array_like=True):
    header: bytes
    nonce: bytes
    octets: bytes


def write_new(path: Path, octets: bytes) -> None:
    """Write a file that must not exist yet, mode 0600, durable on return; raise FileExistsError."""
    temporary = _temporary(path, octets, PRIVATE)
    try:
        os.link(temporary, path)
    finally:
        os.unlink(temporary)
    sync_directory(path.parent)


def replace(path: Path, octets: bytes, mode: int = PRIVATE) -> None:
    """Write or rewrite a file at once, durable on return; only its owner may read it unless `mode` says otherwise."""
    os.replace(_temporary(path, octets, mode), path)
    sync_directory(path.parent)


def secret_file(path: Path, size_bytes: int = STORAGE_KEY_BYTES) -> bytes:
    """Return the random secret kept in a file, made at the first call; raise Damaged when others may read it."""
    if not path.exists():
        write_new(path, secrets.token_bytes(size_bytes))
    octets = private(path)
    if len(octets) != size_bytes:
        raise Damaged(f"{path} does not hold {size_bytes} octets")
    return octets


def private(path: Path) -> bytes:
    """Return what is in a file that nobody else may read; raise Damaged when others may."""
    if path.stat().st_mode & 0o077:
        raise Damaged(f"{path} can be read by others: chmod 600 it, and consider its secret known")
    return path.read_bytes()


class Vault:
    """Encrypted files under one storage key: AES-256-GCM (NIST SP 800-38D), a fresh nonce for each file."""

    def __init__(self, directory: Path, storage_key: bytes) -> None:
        self._directory = directory
        self._cipher = AESGCM(storage_key)

    def put(self, header: Header, secret: bytes) -> None:
        """Keep a new secret, durable on return; raise KeyExists."""
        path = self._path(header.name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_directory(path.parent.parent)
        opened, nonce = msgspec.msgpack.encode(header), secrets.token_bytes(NONCE_BYTES)
        sealed = Sealed(opened, nonce, self._cipher.encrypt(nonce, secret, opened))
        try:
            write_new(path, msgspec.msgpack.encode(sealed))
        except FileExistsError as reason:
            raise KeyExists(key_id=header.name) from reason

    def holds(self, name: str) -> bool:
        """Say whether there is a secret of this name."""
        return self._path(name).exists()

    def get(self, name: str) -> tuple[Header, bytes]:
        """Return a secret and what it is; raise NoSuchKey, or Damaged."""
        try:
            octets = self._path(name).read_bytes()
        except FileNotFoundError as reason:
            raise NoSuchKey(key_id=name) from reason
        try:
            sealed = msgspec.msgpack.decode(octets, type=Sealed)
            secret = self._cipher.decrypt(sealed.nonce, sealed.octets, sealed.header)
            header = msgspec.msgpack.decode(sealed.header, type=Header)
        except (msgspec.DecodeError, InvalidTag, ValueError) as reason:
            raise Damaged(f"key file {name} cannot be opened with this storage key") from reason
        if header.name != name:
            raise Damaged(f"key file {name} holds another key, {header.name}")
        return header, secret

    def _path(self, name: str) -> Path:
        """Spread the files over 256 directories; wire.KeyId has no separators."""
        shelf = zlib.crc32(name.encode()) & 0xFF
        return self._directory / f"{shelf:02x}" / name


class Journal:
    """Lines that are appended and synced: what must outlive a killed process but is rewritten too often for a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> Iterator[tuple[str, int]]:
        """Return each whole line as name and number; a line torn by a crash was never acted upon and is left out.

        Raise Damaged when a whole line is not of this form.
        """
        if not self._path.exists():
            return
        whole, _, _ = self._path.read_text("ascii", "replace").rpartition("\n")
        for line in whole.splitlines():
            name, _, number = line.partition(" ")
            if not number.isdecimal():
                raise Damaged(f"{self._path} has a line that is not a name and a number")
            yield name, int(number)

    def rewrite(self, entries: Iterable[tuple[str, int]]) -> None:
        """Keep only these; also drops a torn last line."""
        replace(self._path, _lines(entries))

    def append(self, entries: Iterable[tuple[str, int]]) -> None:
        """Add lines, durable on return; all or, on a full disk, none: the next must not be glued to a part of one."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        size = os.fstat(descriptor).st_size
        try:
            _write_all(descriptor, _lines(entries))
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
        finally:
            os.close(descriptor)


def _lines(entries: Iterable[tuple[str, int]]) -> bytes:
    return "".join(f"{name} {number}\n" for name, number in entries).encode("ascii")


def _temporary(path: Path, octets: bytes, mode: int) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
    try:
        os.fchmod(descriptor, mode)  # whatever the umask is
        _write_all(descriptor, octets)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return temporary


def _write_all(descriptor: int, octets: bytes) -> None:
    view = memoryview(octets)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_directory(directory: Path) -> None:
    """Make durable that a file or folder in this one has its name."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
