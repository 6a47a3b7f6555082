"""What a test has a worker do: what a hostile document would bring a library to."""

import os
import resource
import socket
from pathlib import Path


def echo(octets: bytes, text: str, number: int) -> list[object]:
    return [octets, text, number]


def pid() -> int:
    return os.getpid()


def spin() -> None:
    while True:
        pass


def sleep() -> None:
    left, _right = socket.socketpair()
    left.recv(1)


def eat() -> int:
    return len(bytearray(2_000_000_000))


def fail() -> None:
    raise KeyError("nothing here")


def vanish() -> None:
    os._exit(7)


def environment() -> list[str]:
    return sorted(os.environ)


def write(path: str) -> None:
    with Path(path).open("wb") as file:
        file.write(b"x")
        file.flush()


def limits() -> list[int]:
    return [resource.getrlimit(one)[0] for one in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)]
