"""Debian's slapd with a throw-away configuration and our own entries: LDIF in, ldaps out, indexed as an administrator would.

Fair to it: the mdb backend as packaged, equality and substring indexes on every attribute that the filters name, no access rules.
"""

import asyncio
import base64
import os
import subprocess
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.dovecot import make_certificate, stop
from bench.server import find
from bench.wire import Endpoint, free_port, wait_listening
from directory.ldap import schema
from directory.ldap.entries import Entry

SCHEMAS = Path("/etc/ldap/schema")
MODULES = Path("/usr/lib/ldap")
LOAD_TIMEOUT_S = 600
PASSWORD = "bench"
CONFIG = """\
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
include {directory}/diwan.schema
modulepath {modules}
moduleload back_mdb
pidfile {directory}/slapd.pid
TLSCertificateFile {directory}/tls.pem
TLSCertificateKeyFile {directory}/tls.key
database mdb
maxsize 4294967296
suffix "{base}"
rootdn "cn=bench,{base}"
rootpw {password}
directory {directory}/db
index objectClass eq
index cn,sn,mail,givenName,displayName sub,eq
"""


def classes() -> str:
    """Return the definitions of the classes that are ours alone, as slapd.conf has them."""
    return "".join(f"objectclass {one}\n" for one in schema.CLASSES if schema.ARC in one)


def ldif(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield entries in LDIF (RFC 2849), parents before children."""
    for entry in sorted(entries, key=lambda one: one.dn.count(",")):
        lines = [f"dn:: {base64.b64encode(entry.dn.encode()).decode()}"]
        lines += [f"{name}:: {base64.b64encode(one).decode()}" for name, values in entry.values.items() for one in values]
        yield "\n".join(lines) + "\n\n"


def load(directory: Path, base: str, entries: Iterable[Entry]) -> Path:
    """Make a database of entries; return the path of its configuration."""
    make_certificate(directory)
    (directory / "db").mkdir()
    (directory / "diwan.schema").write_text(classes())
    config = directory / "slapd.conf"
    config.write_text(CONFIG.format(schemas=SCHEMAS, modules=MODULES, directory=directory, base=base, password=PASSWORD))
    with (directory / "all.ldif").open("w") as file:
        file.writelines(ldif(entries))
    command = [find("slapadd", "slapd"), "-q", "-f", str(config), "-l", str(directory / "all.ldif")]
    said = subprocess.run(command, check=False, capture_output=True, text=True, timeout=LOAD_TIMEOUT_S)
    if said.returncode:
        raise RuntimeError(f"slapadd: {said.stderr[-500:]}")
    return config


def version() -> str:
    """Return what slapd says of itself."""
    said = subprocess.run([find("slapd", "slapd"), "-VV"], check=False, capture_output=True, text=True, timeout=10).stderr
    return "slapd " + next((word for word in said.split() if word[:1].isdigit()), "")


@asynccontextmanager
async def running(directory: Path, config: Path) -> AsyncIterator[tuple[Endpoint, int]]:
    """Run slapd on a free port; give where it listens and its process."""
    endpoint = Endpoint("127.0.0.1", free_port(), "tls")
    where = f"ldaps://{endpoint.host}:{endpoint.port}"
    environment = {**os.environ, "LDAPNOINIT": "1"}
    started = await asyncio.create_subprocess_exec(find("slapd", "slapd"), "-h", where, "-f", str(config), "-d", "0", env=environment)
    try:
        await wait_listening(endpoint)
        yield endpoint, started.pid
    finally:
        await stop(started)
