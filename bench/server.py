"""What the measurements need to know of a running server, ours or a peer."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.smtp_client import Login
from bench.wire import Endpoint


class Missing(Exception):
    """A server cannot be started here; the text says what to install or to do."""


@dataclass(frozen=True, slots=True)
class Person:
    """A recipient with a mailbox."""

    address: str
    password: str

    @property
    def login(self) -> Login:
        """Credentials for IMAP."""
        return Login(self.address, self.password)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where mail goes in, where it is read, and which processes it is."""

    name: str
    version: str
    delivery: Endpoint
    imap: Endpoint
    people: tuple[Person, ...]
    pids: tuple[int, ...]
    lmtp: bool = False  # whether `delivery` speaks LMTP
    mail: Path | None = None  # where the mailboxes are, when a measurement may drop their caches


def find(program: str, package: str) -> str:
    """Return the path of a program, also from the administrator's directories."""
    found = shutil.which(program, path="/usr/sbin:/usr/lib/postfix/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/bin")
    if found is None:
        raise Missing(f"{program} is not installed (Debian: apt-get install {package})")
    return found


@contextmanager
def throwaway(prefix: str) -> Iterator[Path]:
    """Give a directory that other users may enter, gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix=f"{prefix}-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
