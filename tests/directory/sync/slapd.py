"""OpenLDAP's own server with people in it, or with Active Directory's attribute names; stopped and removed with the test."""

import base64
import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.wire import free_port

BASE = "dc=source,dc=example"
ROOT, PASSWORD = f"cn=admin,{BASE}", "s3cret"
OLD = "20200101000000Z"  # when entries of a bulk load last changed
ACTIVE_DIRECTORY = """
attributetype ( 1.2.840.113556.1.2.120 NAME 'uSNChanged' EQUALITY integerMatch ORDERING integerOrderingMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.782 NAME 'objectCategory' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.141 NAME 'department' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.115 NAME 'invocationId' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.1000001 NAME 'dsServiceName' EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP inetOrgPerson STRUCTURAL
    MAY ( uSNChanged $ objectGUID $ userAccountControl $ objectCategory $ department ) )
objectclass ( 1.2.840.113556.1.5.3 NAME 'nTDSDSA' SUP top STRUCTURAL MUST cn MAY invocationId )
"""
CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
{extra}
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
{root_dse}
sizelimit unlimited
database mdb
suffix "{base}"
rootdn "{root}"
rootpw {password}
directory {folder}/data
maxsize 1073741824
index objectClass,entryUUID,modifyTimestamp eq
dbnosync
"""


@dataclass(frozen=True, slots=True)
class Slapd:
    """A running server."""

    port: int
    certificate: Path
    host: str = "localhost"
    name: str = ROOT
    password: str = PASSWORD

    @property
    def url(self) -> str:
        """Where it listens, with TLS from the start."""
        return f"ldaps://{self.host}:{self.port}"

    def change(self, ldif: str) -> None:
        """Apply LDIF change records."""
        environment = {
            **os.environ,
            "LDAPTLS_REQCERT": "never",
            "LDAPRC": "/dev/null",
        }  # it asks for the name that "localhost" has backwards
        command = ["ldapmodify", "-x", "-H", self.url, "-D", self.name, "-w", self.password]
        done = subprocess.run(command, input=ldif.encode(), env=environment, check=False, capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr.decode()

    def replace(self, dn: str, attribute: str, value: str) -> None:
        """Change one value."""
        self.change(f"dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{line(attribute, value)}\n")

    def delete(self, *names: str) -> None:
        """Delete entries."""
        self.change("\n".join(f"dn: {name}\nchangetype: delete\n" for name in names))


def line(attribute: str, value: str | bytes) -> str:
    """Return one line of LDIF, in base64 where it must be."""
    octets = value.encode() if isinstance(value, str) else value
    safe = octets.isascii() and octets.decode("ascii").isprintable() and not octets.startswith((b" ", b":", b"<"))
    return f"{attribute}: {octets.decode()}" if safe else f"{attribute}:: {base64.b64encode(octets).decode()}"


def entry(dn: str, values: Mapping[str, str | bytes | Sequence[str]]) -> str:
    """Return an entry as LDIF."""
    lines = [line("dn", dn)]
    for name, value in values.items():
        lines += [line(name, one) for one in ([value] if isinstance(value, str | bytes) else value)]
    return "\n".join(lines) + "\n\n"


def head() -> str:
    """Return the entries above the people."""
    return entry(BASE, {"objectClass": ["dcObject", "organization"], "dc": "source", "o": "Source"}) + entry(
        f"ou=people,{BASE}", {"objectClass": "organizationalUnit", "ou": "people"}
    )


@contextlib.contextmanager
def running(folder: Path, tls: Path, ldif: str, *, active_directory: bool = False, scheme: str = "ldaps") -> Iterator[Slapd]:
    """Load entries, serve them on a free port until the context ends."""
    (folder / "data").mkdir(parents=True)
    root = folder / "root.ldif"
    root.write_text(f"dn:\nobjectClass: top\ndsServiceName: cn=NTDS Settings,{BASE}\n")
    (folder / "slapd.conf").write_text(
        CONFIGURATION.format(
            extra=ACTIVE_DIRECTORY if active_directory else "",
            root_dse=f"rootDSE {root}" if active_directory else "",
            folder=folder,
            certificate=tls / "tls.pem",
            key=tls / "tls.key",
            base=BASE,
            root=ROOT,
            password=PASSWORD,
        )
    )
    (folder / "load.ldif").write_text(head() + ldif, "utf-8")
    binary = shutil.which("slapd") or "/usr/sbin/slapd"
    load = [binary, "-T", "add", "-q", "-f", str(folder / "slapd.conf"), "-l", str(folder / "load.ldif")]
    done = subprocess.run(load, check=False, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    port = free_port()
    server = subprocess.Popen(
        [binary, "-f", str(folder / "slapd.conf"), "-h", f"{scheme}://localhost:{port}", "-d", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port, server)
        yield Slapd(port, tls / "tls.pem")
    finally:
        server.terminate()
        server.wait(20)


def _wait(port: int, server: "subprocess.Popen[bytes]") -> None:
    """Wait until the server takes connections."""
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 1):
            return
        assert server.poll() is None, "slapd stopped"
        assert time.monotonic() < deadline, "slapd does not start"
        time.sleep(0.01)
