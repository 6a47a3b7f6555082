"""A signed zone and a validating resolver, both real: BIND's tools sign it, unbound serves and verifies it on loopback."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query

from bench.wire import free_port
from config.checking import Dns

START_S = 20.0
ZONES = ("signed.example", "bogus.example", "plain.example")
BEFORE, AFTER = "CD" * 8, "DC" * 8  # a record with the one is changed into the other once it has been signed
TOOLS = ("unbound", "dnssec-keygen", "dnssec-signzone")

CONF = """\
server:
    directory: "{folder}"
    username: ""
    chroot: ""
    pidfile: ""
    logfile: ""
    use-syslog: no
    verbosity: 0
    interface: 127.0.0.1@{port}
    port: {port}
    outgoing-interface: 127.0.0.1
    do-ip6: no
    num-threads: 1
    access-control: 127.0.0.0/8 allow
    module-config: "validator iterator"
    trust-anchor-signaling: no
    local-zone: "example." nodefault
    root-hints: ""
    harden-glue: no
    minimal-responses: no
{anchors}
remote-control:
    control-enable: no
{zones}
"""
ZONE = """
auth-zone:
    name: "{name}"
    zonefile: "{file}"
    for-downstream: no
    for-upstream: yes
    fallback-enabled: no
"""


@dataclass(frozen=True, slots=True)
class Validating:
    """A resolver that verifies: signed.example is good, bogus.example is signed with a key that nobody
    vouches for, plain.example is not signed."""

    port: int

    @property
    def settings(self) -> Dns:
        """The table [dns] that believes it."""
        return Dns(nameservers=(f"127.0.0.1:{self.port}",), validating=True)


def _run(folder: Path, *command: str) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=START_S).stdout.strip()


def _sign(folder: Path, name: str, records: Sequence[str]) -> tuple[Path, str]:
    """Write a zone and sign it; return its file and its anchor."""
    zone = folder / name
    lines = [f"$ORIGIN {name}.", "$TTL 60", f"@ IN SOA ns.{name}. hostmaster.{name}. 1 3600 600 86400 30", f"@ IN NS ns.{name}."]
    zone.write_text("\n".join([*lines, "ns IN A 127.0.0.1", *records, ""]))
    if name == "plain.example":
        return zone, ""
    key = _run(folder, "dnssec-keygen", "-a", "ECDSAP256SHA256", "-f", "KSK", name)
    _run(folder, "dnssec-signzone", "-S", "-z", "-o", name, zone.name)
    signed = folder / f"{name}.signed"
    signed.write_text(signed.read_text().replace(BEFORE, AFTER))
    return signed, (folder / f"{key}.key").read_text().splitlines()[-1]


@contextlib.asynccontextmanager
async def resolving(folder: Path, records: dict[str, Sequence[str]]) -> AsyncIterator[Validating]:
    """Sign the zones and run the resolver until the body ends."""
    zones, anchors = [], []
    for name in ZONES:
        file, anchor = await asyncio.to_thread(_sign, folder, name, records.get(name, ()))
        if name == "bogus.example":
            anchor = _other_anchor(folder, name)
        zones.append(ZONE.format(name=name, file=file))
        if anchor:
            (folder / f"{name}.anchor").write_text(anchor + "\n")
            anchors.append(f'    trust-anchor-file: "{folder / (name + ".anchor")}"')
    port = free_port()
    conf = folder / "unbound.conf"
    conf.write_text(CONF.format(folder=folder, port=port, anchors="\n".join(anchors), zones="".join(zones)))
    process = await asyncio.create_subprocess_exec(
        shutil.which("unbound") or "/usr/sbin/unbound", "-d", "-p", "-c", conf, stdout=subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        await _answers(port, process)
        yield Validating(port)
    finally:
        process.terminate()
        await process.communicate()


def _other_anchor(folder: Path, name: str) -> str:
    """Return the anchor of another key: what the zone's own key signed is then worth nothing."""
    key = _run(folder, "dnssec-keygen", "-a", "ECDSAP256SHA256", "-f", "KSK", name)
    return (folder / f"{key}.key").read_text().splitlines()[-1]


async def _answers(port: int, process: asyncio.subprocess.Process) -> None:
    query = dns.message.make_query("signed.example", "SOA")
    async with asyncio.timeout(START_S):
        while True:
            assert process.returncode is None, "unbound ended"
            with contextlib.suppress(Exception):
                await asyncio.to_thread(dns.query.udp, query, "127.0.0.1", 0.3, port)
                return
            await asyncio.sleep(0.05)
