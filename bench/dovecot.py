"""Debian's Dovecot with a throw-away configuration: mdbox, fsync as shipped, IMAP and LMTP on loopback.

Fair to it: log-in and mail processes as packaged, no plugins, static password without a hash, inotify as the machine has it.
For thousands of idle sessions its limits are raised, log-in processes are kept, and it may hibernate (`Crowd`).
"""

import asyncio
import grp
import os
import pwd
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.server import Daemon, Person, Server, find, stop, throwaway
from bench.wire import Endpoint, free_port, wait_listening

PASSWORD = "bench"
DOMAIN = "bench.example"

CONFIG = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = {ssl}
ssl_cert = <{directory}/tls.pem
ssl_key = <{directory}/tls.key
disable_plaintext_auth = no
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
default_vsz_limit = 1G
first_valid_uid = 1
mail_location = mdbox:~/mdbox
mail_fsync = optimized
mail_max_userip_connections = {sessions}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner_group} home={directory}/mail/%u
}}
namespace inbox {{
  inbox = yes
}}
service anvil {{
  chroot = {chroot_empty}
}}
service imap-login {{
  chroot = {chroot_login}
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = {ssl}
  }}
}}
service imap {{
  process_limit = {sessions}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp_port}
  }}
}}
"""


CROWD = """\
default_client_limit = {clients}
service imap-login {{
  service_count = 0
  process_min_avail = 2
  process_limit = 2
  client_limit = {clients}
}}
service anvil {{
  client_limit = {clients}
}}
service auth {{
  client_limit = {clients}
}}
"""
HIBERNATING = """\
imap_hibernate_timeout = {seconds}s
service imap {{
  unix_listener imap-master {{
    mode = 0666
  }}
}}
service imap-hibernate {{
  client_limit = {clients}
  unix_listener imap-hibernate {{
    mode = 0666
  }}
}}
"""
SESSIONS = 2000
HIBERNATE_S = 2


@dataclass(frozen=True, slots=True)
class Crowd:
    """Many sessions at once, on the plain listener and on the one with TLS."""

    sessions: int
    hibernate: bool

    def config(self) -> str:
        """Return what is added to the configuration."""
        clients = self.sessions + 2000
        return CROWD.format(clients=clients) + (HIBERNATING.format(clients=clients, seconds=HIBERNATE_S) if self.hibernate else "")


def names() -> dict[str, str]:
    """Return the users that Dovecot's processes run as: the packaged ones as root, else only ourselves."""
    if os.geteuid() != 0:
        me, mine = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
        return {
            "internal": me, "internal_group": mine, "login": me, "owner": me, "owner_group": mine,
            "chroot_login": "", "chroot_empty": "",
        }  # fmt: skip
    return {
        "internal": "dovecot", "internal_group": "dovecot", "login": "dovenull", "owner": "nobody",
        "owner_group": "nogroup", "chroot_login": "login", "chroot_empty": "empty",
    }  # fmt: skip


def make_certificate(directory: Path) -> None:
    """Make a P-256 certificate, the kind that our own listeners have."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    target = [*named, "-keyout", str(directory / "tls.key"), "-out", str(directory / "tls.pem")]
    subprocess.run([*command, *target], check=True, capture_output=True, timeout=30)


def version(program: str) -> str:
    """Return what Dovecot says of itself."""
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True, timeout=10).stdout
    return f"Dovecot {said.split()[0]}"


def configure(directory: Path, *, tls: bool, crowd: Crowd | None) -> tuple[Path, dict[str, int]]:
    """Write the configuration; return its path and the ports it listens on.

    Without TLS it is off altogether: a log-in process that loads a certificate costs several milliseconds more.
    """
    ports = {"imap_port": free_port(), "imaps_port": free_port(), "lmtp_port": free_port()}
    make_certificate(directory)
    used = names()
    mail = directory / "mail"
    mail.mkdir()
    if os.geteuid() == 0:
        os.chown(mail, pwd.getpwnam(used["owner"]).pw_uid, grp.getgrnam(used["owner_group"]).gr_gid)
    path = directory / "dovecot.conf"
    facts = {"ssl": "yes" if tls or crowd else "no", "sessions": crowd.sessions + 1000 if crowd else SESSIONS}
    text = CONFIG.format(directory=directory, password=PASSWORD, **facts, **used, **ports)
    path.write_text(text + (crowd.config() if crowd else ""))
    return path, ports


@asynccontextmanager
async def running(people: int = 20, *, tls: bool = False, crowd: Crowd | None = None) -> AsyncIterator[Server]:
    """Run Dovecot; deliver through its LMTP, read over plain connections or TLS, over both with a crowd."""
    program = find("dovecot", "dovecot-imapd dovecot-lmtpd")
    find("/usr/lib/dovecot/lmtp", "dovecot-lmtpd")
    with throwaway("bench-dovecot") as directory:
        config, ports = configure(directory, tls=tls, crowd=crowd)
        plain = Endpoint("127.0.0.1", ports["imap_port"])
        imaps = Endpoint("127.0.0.1", ports["imaps_port"], "tls", directory / "tls.pem") if tls or crowd else None
        lmtp = Endpoint("127.0.0.1", ports["lmtp_port"])
        members = tuple(Person(f"user{number:02}@{DOMAIN}", PASSWORD) for number in range(people))

        async def launch() -> asyncio.subprocess.Process:
            started = await asyncio.create_subprocess_exec(program, "-F", "-c", str(config))
            try:
                await wait_listening(lmtp)
                await wait_listening(plain)
            except BaseException:
                await stop(started)
                raise
            return started

        daemon = Daemon(launch)
        try:
            await daemon.start()
            imap = imaps if tls and imaps is not None else plain
            yield Server("dovecot", version(program), lmtp, imap, members, daemon, True, directory / "mail", imaps)
        finally:
            await daemon.stop()


def forget_caches(server: Server) -> None:
    """Remove the index caches, so that the next FETCH parses the messages again ("cold")."""
    if server.mail is not None:
        for path in server.mail.rglob("dovecot.index.cache"):
            path.unlink(missing_ok=True)
