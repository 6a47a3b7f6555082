"""GnuPG at work in a home of its own that is thrown away afterwards: one home per operation, nothing of one is there for the next.

The home lies in memory where the machine has such a place, and its path is short: a socket's name has 107 octets. The agent
that holds private keys is a child of ours, given its socket by us, ended and waited for: none is left behind. Log and status
have a channel each, so that no name in a key can pass for a status (CVE-2018-12020).
"""

import contextlib
import functools
import io
import logging
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gnupg  # type: ignore[import-untyped]

from config.log import log
from signing.openpgp.errors import CannotOpen, PgpUnavailable
from signing.openpgp.status import Event, events

MEMORY = Path("/dev/shm")  # noqa: S108  (nothing of it reaches a disk; each home in it is for our eyes only)
DEADLINE_S = 20.0  # of one call of gpg: what is slower than this was made to be
CPU_S = 10  # of one call of gpg; a signature of RSA-4096 takes some milliseconds
STOP_S = 5.0
MEMORY_BYTES = 1024 * 1024 * 1024  # of one call of gpg, addresses; it reads streams and needs some megabytes
FILE_BYTES = 64 * 1024 * 1024  # of a file that it writes: keys and a log
MAX_OUTPUT_BYTES = 64 * 1024 * 1024  # what is opened may be larger than any letter of a usual node, and a bomb ends here
# Not RLIMIT_CORE: gpg sets that to nothing itself, and cannot when somebody was quicker.
LIMITS = ((resource.RLIMIT_CPU, CPU_S), (resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_FSIZE, FILE_BYTES))
MAX_STATUS_BYTES = 4 * 1024 * 1024  # of what it says about some keys and one letter: some kilobytes
PREFIX = "diwan-pgp-"
STALE_S = 3600.0  # a home of this age was left by a process that was killed; what it holds opens with nothing that was stored
AGENT = (  # gpg-agent takes a listening socket as service managers pass it; the count is small since passphrases are random
    'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=std exec gpg-agent --homedir "$1" --supervised --allow-loopback-pinentry'
    " --s2k-count 65536 3<&0 </dev/null"
)
OPTIONS = (
    *("--no-options", "--no-autostart", "--disable-dirmngr", "--no-auto-key-retrieve", "--no-auto-key-locate", "--no-random-seed-file"),
    *("--trust-model", "always", "--no-auto-check-trustdb", "--display-charset", "utf-8", "--no-emit-version", "--no-comments"),
    *("--compress-algo", "none"),
)

logging.getLogger("gnupg").setLevel(logging.CRITICAL)  # it would write texts and passphrases into a log for debugging


class Gpg(gnupg.GPG):  # type: ignore[misc]
    """python-gnupg whose calls end in bounded time, and which leaves the status to us.

    It breaks lines at U+0085 and the like, which stand in UTF-8 names: a name could write status lines of its own.
    """

    def _read_response(self, stream: Any, result: Any) -> None:
        result.stderr = self._bounded(stream.stream, result, MAX_STATUS_BYTES).decode("latin-1")

    def _read_data(self, stream: Any, result: Any, on_data: Any = None, buffer_size: int = 0) -> None:
        result.data = self._bounded(stream, result, MAX_OUTPUT_BYTES)

    def _bounded(self, stream: Any, result: Any, limit: int) -> bytes:
        """Read to the end; end a call that says more than this. gpg's own limit does not hold for what goes to a pipe."""
        octets: bytes = stream.read(limit + 1)
        if len(octets) <= limit:
            return octets
        result.too_long = True
        self._process.kill()
        return b""

    def _open_subprocess(self, args: list[str], passphrase: bool = False) -> Any:
        self._process = process = super()._open_subprocess(args, passphrase)
        with contextlib.suppress(ProcessLookupError):
            for kind, value in LIMITS:
                resource.prlimit(process.pid, kind, (value, value))
        timer = threading.Timer(DEADLINE_S, process.kill)
        timer.daemon = True
        timer.start()
        process.wait = _waiting(process.wait, timer)
        return process


def _waiting(wait: Any, timer: threading.Timer) -> Any:
    def finish(*args: Any, **kwargs: Any) -> Any:
        try:
            return wait(*args, **kwargs)
        finally:
            timer.cancel()

    return finish


class Home:
    """One home and what gpg does in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "HOME": str(path)}
        options = [*OPTIONS, "--logger-file", str(path / "log")]
        try:
            self.gpg = Gpg(gnupghome=str(path), options=options, env=environment)
        except (OSError, ValueError) as error:
            raise PgpUnavailable(reason=type(error).__name__) from error

    def run(self, arguments: Sequence[str], data: bytes = b"", passphrase: str | None = None) -> tuple[bytes, tuple[Event, ...]]:
        """Call gpg with arguments that python-gnupg has no function for; return its output and what it said."""
        result = self.gpg.result_map["crypt"](self.gpg)
        self.gpg._handle_io(list(arguments), io.BytesIO(data), result, passphrase=passphrase, binary=True)
        return bytes(result.data), said(result)

    def write(self, name: str, octets: bytes) -> str:
        """Put a file into the home; return its path."""
        path = self.path / name
        path.write_bytes(octets)
        return str(path)


def said(result: Any) -> tuple[Event, ...]:
    """Return the status of a finished call. Raises CannotOpen when it said too much, PgpUnavailable when it took too long."""
    if getattr(result, "too_long", False):
        raise CannotOpen(reason="too long")
    if result.returncode is not None and result.returncode < 0:
        raise PgpUnavailable(reason="ended", status=result.returncode)
    return events(result.stderr or "")


@contextlib.contextmanager
def opened(*, private: bool = False) -> Iterator[Home]:
    """Give a fresh home; `private` brings an agent, without which there are no private keys. All of it is gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_place()))
    try:
        with _agent(path) if private else contextlib.nullcontext():
            yield Home(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


@functools.cache
def _place() -> Path:
    """Return where homes lie; what a killed process left there goes when the next one begins."""
    place = MEMORY if os.access(MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    for left in place.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if left.stat().st_uid == os.getuid() and left.stat().st_mtime < time.time() - STALE_S:
                shutil.rmtree(left, ignore_errors=True)
    return place


@contextlib.contextmanager
def _agent(home: Path) -> Iterator[None]:
    """Run the agent of a home as a child: its socket listens before it starts, so that nobody has to wait for it."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home / "S.gpg-agent"))
        listener.listen(16)
        command = ["/bin/sh", "-c", AGENT, "sh", str(home)]
        try:
            agent = subprocess.Popen(command, stdin=listener.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError as error:
            raise PgpUnavailable(reason=type(error).__name__) from error
    try:
        yield
    finally:
        _end(agent)


def _end(agent: "subprocess.Popen[bytes]") -> None:
    agent.send_signal(signal.SIGTERM)
    try:
        agent.wait(STOP_S)
    except subprocess.TimeoutExpired:
        log.warning("openpgp.agent_killed", pid=agent.pid)
        agent.kill()
        agent.wait()
