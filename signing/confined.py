"""The inside of a worker: a process with little CPU, memory and no files, that runs one function after the other.

Started by `signing.worker` as `python -m signing.confined SOCKET`, a descriptor over which frames travel: four octets of length, then
MessagePack. Whatever a document does to a library happens here, where nothing else lives. Ends when nobody asks for a while.
"""

import contextlib
import importlib
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

import msgspec

MEMORY_BYTES = 1 << 30  # address space: the libraries map 400 MiB, a PDF of 32 MiB is held some five times
FILE_BYTES = 0  # nothing is written to a disk
OPEN_FILES = 64  # modules and fonts are read; nothing is kept open
IDLE_S = 120.0  # then it ends: a quiet node keeps no idle process of 80 MiB
HEADER_BYTES = 4
MAX_FRAME_BYTES = 64 << 20  # in and out; the largest message of a node is 50 MB

Plain = bytes | str | int


class Task(msgspec.Struct, array_like=True, frozen=True):
    """What is asked: `module:function`, its arguments, and how many seconds of CPU it may have."""

    function: str
    arguments: tuple[Any, ...]
    cpu_s: int


class Answer(msgspec.Struct, array_like=True, frozen=True):
    """What came of it: `octets` encode the result, or `failed` says what was raised."""

    octets: bytes = b""
    failed: str = ""


def serve(channel: socket.socket) -> None:
    """Answer one task after the other until the other end closes or nobody asks."""
    channel.settimeout(IDLE_S)
    while (frame := _next(channel)) is not None:
        task = msgspec.msgpack.decode(frame, type=Task)
        _allow_cpu(task.cpu_s)
        send(channel, msgspec.msgpack.encode(_answer(task)))


def _next(channel: socket.socket) -> bytes | None:
    try:
        return receive(channel)
    except (TimeoutError, ConnectionError):
        return None


def _answer(task: Task) -> Answer:
    """Run it. A document can make a library raise anything at all."""
    try:
        octets = msgspec.msgpack.encode(_function(task.function)(*task.arguments))
    except MemoryError:
        return Answer(failed="memory")
    except Exception as reason:  # noqa: BLE001  (a driver)
        return Answer(failed=f"raised {type(reason).__name__}: {reason}"[:200])
    return Answer(octets) if len(octets) < MAX_FRAME_BYTES - 64 else Answer(failed="too large a result")


def _function(path: str) -> Callable[..., object]:
    module, _, name = path.partition(":")
    found: Callable[..., object] = getattr(importlib.import_module(module), name)
    return found


def send(channel: socket.socket, octets: bytes) -> None:
    """Send one frame."""
    channel.sendall(len(octets).to_bytes(HEADER_BYTES, "big"))
    channel.sendall(octets)


def receive(channel: socket.socket) -> bytes:
    """Return the next frame; raise ConnectionError at the end, TimeoutError as the socket says."""
    size = int.from_bytes(_exactly(channel, HEADER_BYTES), "big")
    if size > MAX_FRAME_BYTES:
        raise ConnectionError("frame too large")
    return _exactly(channel, size)


def _exactly(channel: socket.socket, size: int) -> bytes:
    octets = bytearray(size)
    view, position = memoryview(octets), 0
    while position < size:
        count = channel.recv_into(view[position:])
        if count == 0:
            raise ConnectionError("closed")
        position += count
    return bytes(octets)


def _confine() -> None:
    """Take what a document could misuse; what is left cannot be taken back by an unprivileged process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        os.nice(5)  # mail first
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's ^C is for the parent, which closes the socket
    logging.disable(logging.CRITICAL)  # libraries write a traceback for each refusal


def _allow_cpu(seconds: int) -> None:
    """Give a task its seconds: the system counts those of the whole life of the process, and ends it with SIGXCPU."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(spent.ru_utime + spent.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def main() -> None:
    """Run as a worker on the socket whose descriptor is the only argument."""
    _confine()
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        serve(channel)


if __name__ == "__main__":
    main()
