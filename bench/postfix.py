"""Debian's Postfix with a throw-away configuration: one smtpd on loopback, everything handed to an LMTP server.

Fair to it: process limits, fsync and queue as packaged; chroot off, no DNS. It must be started by root, as ever.
"""

import asyncio
import os
import pwd
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from bench.server import Missing, Server, find, throwaway
from bench.wire import Endpoint, free_port, wait_listening

COMMAND_TIMEOUT_S = 60.0

MAIN = """\
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = {directory}/postfix.log
maillog_file_prefixes = {directory}
myhostname = mx.bench.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = bench.example
virtual_transport = lmtp:inet:127.0.0.1:{lmtp_port}
disable_dns_lookups = yes
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
alias_maps =
alias_database =
local_recipient_maps =
biff = no
"""

MASTER = """\
127.0.0.1:{smtp_port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def configure(directory: Path, lmtp_port: int) -> tuple[Path, int]:
    """Write main.cf and master.cf and the directories with the owners that Postfix asks for; return the SMTP port."""
    smtp_port = free_port()
    config = directory / "config"
    for name in ("config", "queue", "data"):
        (directory / name).mkdir()
    owner = pwd.getpwnam("postfix")
    os.chown(directory / "data", owner.pw_uid, owner.pw_gid)
    (config / "main.cf").write_text(MAIN.format(directory=directory, lmtp_port=lmtp_port))
    (config / "master.cf").write_text(MASTER.format(smtp_port=smtp_port))
    return config, smtp_port


def version() -> str:
    """Return the version that postconf tells."""
    command = [find("postconf", "postfix"), "-h", "mail_version"]
    return f"Postfix {subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout.strip()}"


async def control(program: str, config: Path, verb: str) -> str:
    """Run `postfix start` or `stop` on our configuration; return what it said."""
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(config), verb, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(COMMAND_TIMEOUT_S):
        said, _ = await process.communicate()
    if process.returncode:
        raise Missing(f"postfix {verb} failed: {said.decode(errors='replace').strip()[-400:]}")
    return said.decode(errors="replace")


@asynccontextmanager
async def running(dovecot: Server, more: str = "") -> AsyncIterator[Server]:
    """Run Postfix in front of a running Dovecot, with `more` in main.cf; CPU is counted on both."""
    program = find("postfix", "postfix")
    if os.geteuid() != 0:
        raise Missing("Postfix starts only as root: run the benchmark as root to compare with it")
    with throwaway("bench-postfix") as directory:
        config, port = configure(directory, dovecot.delivery.port)
        with (config / "main.cf").open("a") as settings:
            settings.write(more)
        await control(program, config, "start")
        try:
            delivery = Endpoint("127.0.0.1", port)
            await wait_listening(delivery)
            master = int((directory / "queue/pid/master.pid").read_text())
            both = f"{version()} into {dovecot.version}"
            yield replace(dovecot, name="postfix", version=both, delivery=delivery, others=(master,), lmtp=False)
        finally:
            await control(program, config, "stop")
