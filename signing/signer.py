"""The process that holds private keys: `python -m signing.signer --socket PATH --keys DIR`.

One unix socket (mode 0600, peers of the same user only), no network, no database. With `--child` it ends when the
process that started it goes away; SIGTERM ends it always. It prints `ready` when it answers.
"""

import argparse
import asyncio
import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, cast

from config.clock import SystemClock
from config.log import configure
from signing import wire
from signing.address import address
from signing.book import Book
from signing.errors import SignerUnavailable, SigningRefused
from signing.keyring import Keyring
from signing.service import Service
from signing.vault import Damaged

if TYPE_CHECKING:
    from signing.token import Token

MAX_CONNECTIONS = 256  # one for each role's process, and room for a restart of all of them
FLUSH_S = 1.0
TURN_BYTES = 65_536  # of answers to one client before the others have their turn: 600 signatures, or 1,000 secrets
PLACE = "token.toml"  # below the keys directory: the PKCS#11 token on which keys are made, if there is one
CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid
PR_SET_DUMPABLE = 4


class Connection(asyncio.Protocol):
    """One client: cut its frames, answer each; a stream that cannot be followed is closed."""

    def __init__(self, service: Service, open_connections: set["Connection"]) -> None:
        self._service = service
        self._open = open_connections
        self._framer = wire.Framer()
        self._frames: deque[bytes] = deque()
        self._batch: list[bytes] | None = None
        self._full = False  # of answers that the client has not read
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let in peers of our own user, as long as there is room."""
        self._transport = cast(asyncio.Transport, transport)
        if len(self._open) >= MAX_CONNECTIONS or _peer_uid(transport.get_extra_info("socket")) != os.geteuid():
            self._transport.abort()
        else:
            self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client; what it still waits for is done and dropped."""
        self._open.discard(self)
        self._frames.clear()

    def data_received(self, data: bytes) -> None:
        """Answer the frames that these octets complete."""
        try:
            self._frames += self._framer.feed(data)
        except wire.FrameTooLong:
            self._frames.clear()
            self._transport.write(wire.frame(self._service.refusal(None, SigningRefused(reason="frame"))))
            self._transport.close()
        else:
            self._turn()

    def pause_writing(self) -> None:
        """Stop answering, and reading from, a client that does not read its answers."""
        self._full = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self._full = False
        self._turn()

    def close(self) -> None:
        """End the connection after its last answers."""
        self._transport.close()

    def _turn(self) -> None:
        """Answer as many frames as one write takes; read on when none is left."""
        self._batch, room = [], TURN_BYTES
        while self._frames and room > 0 and not self._full:
            self._service.answer(self._frames.popleft(), self._send)
            room -= len(self._batch[-1]) if self._batch else 0
        self._flush()
        if self._full or self._transport.is_closing():
            return
        if self._frames:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._turn)
        else:
            self._transport.resume_reading()

    def _send(self, octets: bytes) -> None:
        if self._batch is not None:
            self._batch.append(octets)
        elif not self._transport.is_closing():
            self._transport.write(octets)

    def _flush(self) -> None:
        batch, self._batch = self._batch, None
        if batch:
            self._transport.write(b"".join(batch))


async def serve(path: Path, keyring: Keyring, book: Book, *, child: bool) -> None:
    """Answer on the socket until SIGTERM, or as a child until the parent is gone."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if child:  # Control-C goes to the parent and its children alike: the parent decides when its signer ends
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        loop.add_reader(sys.stdin.fileno(), _on_parent, stop)
    else:
        loop.add_signal_handler(signal.SIGINT, stop.set)
    connections: set[Connection] = set()
    async with asyncio.TaskGroup() as tasks:
        service = Service(keyring, book, SystemClock(), tasks)
        server = await loop.create_unix_server(lambda: Connection(service, connections), sock=_listen(path))
        flushing = tasks.create_task(_flush(service))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await stop.wait()
        server.close()
        flushing.cancel()
        for connection in tuple(connections):
            connection.close()
    await service.close()


async def _flush(service: Service) -> None:
    while True:
        await asyncio.sleep(FLUSH_S)
        await service.flush()


def _on_parent(stop: asyncio.Event) -> None:
    """The parent holds the other end of standard input and never writes: readable means gone."""
    if not os.read(sys.stdin.fileno(), 1):
        stop.set()


def _listen(path: Path) -> socket.socket:
    """Return a listening socket, mode 0600 from its first moment; a dead predecessor's socket is replaced."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    path.unlink(missing_ok=True)
    mask = os.umask(0o177)
    try:
        with address(path) as name:
            listener.bind(name)
    finally:
        os.umask(mask)
    listener.listen(MAX_CONNECTIONS)
    return listener


def _peer_uid(peer: socket.socket) -> int:
    """Return the user at the other end, as the kernel knows it (SO_PEERCRED, unix(7))."""
    octets = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    return int(CREDENTIALS.unpack(octets)[1])


def _harden() -> None:
    """Leave no private key in a core dump and let no process of the same user trace this one (prctl(2))."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError("prctl(PR_SET_DUMPABLE) failed")


def _lock(directory: Path) -> int:
    """Hold the key directory for this process alone; the kernel lets go when it ends, however it ends."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def main(arguments: list[str] | None = None) -> int:
    """Run the signer; return 1 with one line that says why when it cannot start."""
    parser = argparse.ArgumentParser(prog="signing.signer", description="holds private keys and signs digests")
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--keys", type=Path, required=True)
    parser.add_argument("--child", action="store_true", help="end when standard input closes")
    options = parser.parse_args(arguments)
    configure()
    _harden()
    try:
        options.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        options.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _lock(options.keys)
        keyring = Keyring(options.keys, SystemClock(), _token(options.keys / PLACE))
    except BlockingIOError:
        return _fail(f"another signer works on {options.keys}")
    except (Damaged, OSError) as reason:
        return _fail(str(reason))
    except SignerUnavailable:
        return _fail(f"the token that {options.keys / PLACE} names does not answer, or not to this PIN")
    asyncio.run(serve(options.socket, keyring, Book(options.keys, SystemClock()), child=options.child))
    options.socket.unlink(missing_ok=True)
    os.close(lock)
    return 0


def _token(path: Path) -> "Token | None":
    """Open the token on which new keys are made, where there is one. Raises Damaged, OSError, SignerUnavailable."""
    if not path.exists():
        return None
    from signing import token

    return token.Token(token.read(path))


def _fail(reason: str) -> int:
    sys.stderr.write(f"signer: {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
