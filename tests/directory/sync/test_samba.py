"""A real domain controller: Debian's samba, on a loopback address of its own. Left out where it is not installed, or without root."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from config.database import Database
from config.sources import Sync
from directory import people as register
from directory.sync import state
from directory.types import Person

from ..conftest import Ministry, address
from .conftest import Synchronise
from .slapd import Slapd, line

HOST = f"127.77.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"  # its ports are fixed, so each run has an address of its own
DOMAIN, PASSWORD = "dc=ad,dc=example", "Passw0rd!long"
ADMIN = f"cn=Administrator,cn=Users,{DOMAIN}"
DISABLED, ENABLED = "546", "544"  # both without a password
# It keeps the rights of files in a table of its own: file systems of containers have no such attributes.
OPTIONS = ("bind interfaces only=yes", "vfs objects=dfs_samba4 acl_xattr xattr_tdb", "acl_xattr:ignore system acls=yes")

pytestmark = [
    pytest.mark.peer,
    pytest.mark.xdist_group("samba"),
    pytest.mark.skipif(shutil.which("samba-tool") is None or os.geteuid() != 0, reason="samba is not installed, or no root"),
]


def provision(folder: Path) -> None:
    """Make a domain of one controller."""
    named = ["--realm=AD.EXAMPLE", "--domain=AD", f"--adminpass={PASSWORD}", "--host-name=dc1", f"--host-ip={HOST}"]
    kind = ["--server-role=dc", "--dns-backend=NONE", f"--targetdir={folder}"]
    options = [f"--option={one}" for one in (f"interfaces={HOST}/8", *OPTIONS)]
    done = subprocess.run(["samba-tool", "domain", "provision", *named, *kind, *options], check=False, capture_output=True, timeout=180)
    assert done.returncode == 0, done.stderr.decode()[-2000:]


def certificate(folder: Path) -> None:
    """Make a certificate for its address."""
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=dc1",
        "-addext",
        f"subjectAltName=IP:{HOST}",
    ]
    subprocess.run(
        [*made, "-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.pem")], check=True, capture_output=True, timeout=60
    )
    (folder / "tls.key").chmod(0o600)


@pytest.fixture(scope="session")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """The controller, running."""
    folder = tmp_path_factory.mktemp("samba")
    provision(folder)
    certificate(folder)
    tls = (f"tls keyfile={folder}/tls.key", f"tls certfile={folder}/tls.pem", "tls cafile=", f"log file={folder}/log")
    options = [f"--option={one}" for one in ("server services=ldap", f"interfaces={HOST}/8", f"pid directory={folder}", *OPTIONS, *tls)]
    server = subprocess.Popen(
        ["samba", "-i", "-M", "single", "-s", str(folder / "etc" / "smb.conf"), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            with suppress(OSError), socket.create_connection((HOST, 636), 1):
                break
            assert server.poll() is None, "samba stopped"
            assert time.monotonic() < deadline, "samba does not start"
            time.sleep(0.05)
        yield Slapd(636, folder / "tls.pem", HOST, ADMIN, PASSWORD)
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture
def source_server(controller: Slapd) -> Slapd:
    """The controller instead of slapd."""
    return controller


@pytest.fixture
def source(source: Sync) -> Sync:
    """The settings of that source: sign in as its administrator."""
    assert source.password is not None
    source.password.write_text(PASSWORD)
    return msgspec.structs.replace(source, kind="ad", base=DOMAIN, bind=ADMIN)


def name(local: str) -> str:
    return f"cn={local},cn=Users,{DOMAIN}"


def added(local: str, shown: str) -> str:
    facts = {"department": "Bureau d'ordre", "userAccountControl": ENABLED, "sAMAccountName": local}
    lines = [
        f"dn: {name(local)}",
        "changetype: add",
        "objectClass: user",
        line("displayName", shown),
        f"mail: {local}@interieur.gov.example",
    ]
    return "\n".join([*lines, *(line(key, value) for key, value in facts.items())]) + "\n\n"


async def find(db: Database, local: str) -> Person:
    return await db.read(register.by_address, address(local))


async def test_a_domain_controller_is_read_by_its_update_numbers(
    database: Database, ministry: Ministry, run: Synchronise, controller: Slapd
) -> None:
    controller.change(added("lina", "لينا مراد") + added("sami", "Sami Amrani") + added("nora", "Nora"))
    try:
        first = await run()
        assert (first.full, first.report.counts["created"], first.report.refused) == (True, 3, [])
        assert (await find(database, "lina")).name_ar == "لينا مراد"
        assert (await find(database, "sami")).unit_id == ministry.unit.unit_id
        mark = await database.read(state.mark, "hr")
        assert mark.watermark.isdigit()
        assert len(mark.origin) == 32

        controller.replace(name("sami"), "displayName", "Sami Ziani")
        second = await run()
        assert (second.full, second.read, second.report.counts["changed"]) == (False, 1, 1)

        controller.replace(name("nora"), "userAccountControl", DISABLED)
        third = await run()
        assert (third.full, third.read, third.closing.closed) == (False, 1, 1)
        controller.replace(name("nora"), "userAccountControl", ENABLED)
        await run()
        assert (await find(database, "nora")).closed_us is None

        controller.delete(name("sami"))
        assert (await run()).closing.closed == 0
        assert (await run(full=True)).closing.closed == 1
        assert (await find(database, "sami")).closed_us is not None
    finally:
        for local in ("lina", "nora"):
            controller.delete(name(local))
