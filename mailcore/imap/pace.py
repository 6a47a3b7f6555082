"""How slow a client may be: slow but steady lives, stalled does not. RFC 3501 §5.4 leaves it to the server.

Behind a satellite or a telephone line a client may take minutes for a message; what must not be is that somebody holds a
server's memory, files and connections by doing nothing. So in each window some octets must move.
"""

import contextlib
import fcntl
import struct
import termios
from asyncio import Transport
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """The least that must move in each window of time."""

    window_s: float
    least_bytes: int

    def is_kept(self, moved_bytes: int) -> bool:
        """Say whether it was enough."""
        return moved_bytes >= self.least_bytes


TAKES = Pace(300, 64 * 1024)  # replies: five minutes without a line are survived, below 220 octets/s is not a reader
SENDS = Pace(60, 8 * 1024)  # announced literals: a minute without any is the end, and so are less than 140 octets/s


def unsent_bytes(transport: Transport) -> int:
    """Return how many octets wait here and in the system that the peer has not received."""
    return transport.get_write_buffer_size() + _in_system(transport)


def _in_system(transport: Transport) -> int:
    """Return how many octets the system holds for a socket; it takes megabytes at once and reports room only now and then."""
    socket = transport.get_extra_info("socket")
    if socket is not None:
        with contextlib.suppress(OSError):
            return int(struct.unpack("i", fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0])
    return 0
