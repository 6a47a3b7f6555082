"""A process of this machine that answers on a unix socket (mode 0600, peers of the same user only) until it is told to end.

It keeps its memory to itself: no core dump, no trace by a process of the same user.
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
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from config.log import LEVELS, configure
from signing import wire
from signing.address import address
from signing.answering import Answering
from signing.errors import SigningRefused

MAX_CONNECTIONS = 256  # one for each role's process, and room for a restart of all of them
TURN_BYTES = 65_536  # of answers to one client before the others have their turn: 600 signatures, or 1,000 secrets
CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid
PR_SET_DUMPABLE = 4


class Connection(asyncio.Protocol):
    """One client: cut its frames, answer each; a stream that cannot be followed is closed."""

    def __init__(self, service: Answering, open_connections: set["Connection"]) -> None:
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


@asynccontextmanager
async def listening(path: Path, service: Answering) -> AsyncIterator[None]:
    """Answer on the socket at `path` for as long as the context lasts."""
    connections: set[Connection] = set()
    server = await asyncio.get_running_loop().create_unix_server(lambda: Connection(service, connections), sock=_listen(path))
    try:
        yield
    finally:
        server.close()
        for connection in tuple(connections):
            connection.close()


def begun(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line of such a process, which `signing.process` starts too; send events, and keep its memory to itself."""
    parser.add_argument("--child", action="store_true", help="end when standard input closes")
    parser.add_argument("--log", choices=LEVELS, default="info", help="from which level on events are written")
    options = parser.parse_args(arguments)
    configure(options.log)
    harden()
    return options


async def told(*, child: bool) -> None:
    """Say `ready`, and wait for SIGTERM or SIGINT, or as a child until the parent is gone."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if child:  # Control-C goes to the parent and its children alike: the parent decides when they end
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        loop.add_reader(sys.stdin.fileno(), _on_parent, stop)
    else:
        loop.add_signal_handler(signal.SIGINT, stop.set)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    _notify(os.environ.get("NOTIFY_SOCKET", ""))
    await stop.wait()


def alone(path: Path) -> int:
    """Hold a file for this process alone; the kernel lets go when it ends, however it ends. Raises BlockingIOError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def harden() -> None:
    """Leave no secret in a core dump and let no process of the same user trace this one (prctl(2))."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError("prctl(PR_SET_DUMPABLE) failed")


def _notify(where: str) -> None:
    """Tell a service manager that this process answers, where one asks for it (sd_notify(3))."""
    if where:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as teller:
            teller.sendto(b"READY=1", "\0" + where[1:] if where[0] == "@" else where)


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
