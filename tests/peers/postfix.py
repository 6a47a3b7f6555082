"""Debian's Postfix with a throw-away configuration on loopback: mail for its domain into maildirs, mail for ours to our port."""

import asyncio
import contextlib
import os
import pwd
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from bench.postfix import MASTER, control
from bench.wire import Endpoint, free_port, wait_listening

DOMAIN = "postfix.example"
PEOPLE = ("leila", "كريم")

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
myhostname = mx.{domain}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {people} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
transport_maps = inline:{{ {ours}=smtp:[127.0.0.1]:{port} }}
default_transport = error:nowhere
disable_dns_lookups = yes
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtputf8_enable = yes
smtputf8_autodetect_classes = all
smtp_tls_security_level = may
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtpd_tls_chain_files = {chain}
smtp_host_lookup = native
alias_maps =
alias_database =
local_recipient_maps =
biff = no
minimal_backoff_time = 300s
"""
MORE = "virtual unix - n n - - virtual\ntlsmgr unix - - n 1000? 1 tlsmgr\npickup unix n - n 60 1 pickup\n"


@dataclass(frozen=True, slots=True)
class Postfix:
    """Where it listens and what it has delivered."""

    folder: Path
    port: int

    def letters(self, person: str) -> list[bytes]:
        """Return what lies in somebody's maildir, the oldest first."""
        place = self.folder / "mail" / person / "new"
        found = sorted(place.iterdir(), key=lambda path: path.stat().st_mtime_ns) if place.exists() else []
        return [path.read_bytes() for path in found]

    def log(self) -> str:
        """Return its log."""
        return (self.folder / "postfix.log").read_text("utf-8", "replace")


@contextlib.asynccontextmanager
async def running(ours: str, port: int, chain: Path) -> AsyncIterator[Postfix]:
    """Run it until the body ends; mail for the domain `ours` goes to `port`. Only root can."""
    folder = Path(tempfile.mkdtemp(prefix="diwan-postfix-"))  # not pytest's own, which only its owner can enter
    program = shutil.which("postfix") or "/usr/sbin/postfix"
    try:
        listens = _configure(folder, ours, port, chain)
        await control(program, folder / "config", "start")
        try:
            await wait_listening(Endpoint("127.0.0.1", listens))
            yield Postfix(folder, listens)
        finally:
            await control(program, folder / "config", "stop")
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _configure(folder: Path, ours: str, port: int, chain: Path) -> int:
    listens = free_port()
    folder.chmod(0o755)
    for name in ("config", "queue", "data", "mail"):
        (folder / name).mkdir()
    owner, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
    os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
    os.chown(folder / "mail", nobody.pw_uid, nobody.pw_gid)
    shutil.copy(chain, folder / "chain.pem")
    people = ", ".join(f"{person}@{DOMAIN}={person}/" for person in PEOPLE)
    values = {"folder": folder, "domain": DOMAIN, "people": people, "uid": nobody.pw_uid, "gid": nobody.pw_gid}
    text = MAIN.format(**values, ours=ours, port=port, chain=folder / "chain.pem")
    (folder / "config/main.cf").write_text(text)
    (folder / "config/master.cf").write_text(MASTER.format(smtp_port=listens) + MORE)
    return listens
