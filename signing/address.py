"""Unix sockets at paths of any length: the kernel takes 107 octets, node directories may be deeper (unix(7))."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAX_PATH_BYTES = 107  # sun_path has 108 with its final NUL


@contextmanager
def address(path: Path) -> Iterator[str]:
    """Give a name by which a socket at `path` can be bound or connected to while the context lasts."""
    if len(os.fsencode(path)) <= MAX_PATH_BYTES:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
