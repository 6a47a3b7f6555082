"""Thunderbird without a screen, driven by Marionette: its own protocol, ``LENGTH:JSON`` each way."""

import asyncio
import contextlib
import datetime
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config.settings import Tls
from tests.peers.programs import home, run

START_S, STEP_S = 60, 60
TASKS = Path(__file__).with_suffix(".js")
QUIET = {  # no question at the start, nothing from outside
    "app.donation.eoy.version.viewed": 999,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.blocklist.enabled": False,
    "extensions.update.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
}
TLS, PASSWORD = 3, 3  # of mail.server.*.socketType and .authMethod


@dataclass
class Thunderbird:
    """A running Thunderbird."""

    profile: Path
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int = 0

    async def ask(self, name: str, **parameters: object) -> Any:
        """Give a command of Marionette's and return what it answers."""
        self.number += 1
        message = json.dumps([0, self.number, name, parameters]).encode()
        self.writer.write(b"%d:%b" % (len(message), message))
        _, _, error, value = await self.hear()
        assert error is None, error
        return value

    async def hear(self) -> Any:
        """Read one message."""
        async with asyncio.timeout(STEP_S):
            size = await self.reader.readuntil(b":")
            return json.loads(await self.reader.readexactly(int(size[:-1])))

    async def do(self, task: str, *parameters: object) -> Any:
        """Do a task of thunderbird.js."""
        script = TASKS.read_text("utf-8")
        found = await self.ask("WebDriver:ExecuteAsyncScript", script=script, args=[task, parameters], newSandbox=True)
        assert "error" not in found["value"], found["value"]
        return found["value"].get("value")

    def stored(self, mailbox: str) -> bytes:
        """Return what the profile holds of a mailbox."""
        return (self.profile / "ImapMail" / "localhost" / mailbox).read_bytes()


@contextlib.asynccontextmanager
async def opened(folder: Path, root: Path, port: int, user: str) -> AsyncIterator[Thunderbird]:
    """Start Thunderbird with one account; `root` is the authority it trusts."""
    profile = folder / "profile"
    profile.mkdir()
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in (QUIET | _account(port, user)).items())
    (profile / "user.js").write_text("".join(lines), "utf-8")
    await run("certutil", "-N", "-d", f"sql:{profile}", "--empty-password")
    await run("certutil", "-A", "-d", f"sql:{profile}", "-n", "root", "-t", "C,,", "-i", root)
    process = await asyncio.create_subprocess_exec(
        *("thunderbird", "--headless", "--no-remote", "--profile", profile, "--marionette", "--remote-allow-system-access"),
        env=home(folder), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", await _port(profile, process))
        client = Thunderbird(profile, reader, writer)
        await client.hear()
        await client.ask("WebDriver:NewSession")
        await client.ask("Marionette:SetContext", value="chrome")
        await client.ask("WebDriver:SetTimeouts", script=STEP_S * 1000)
        yield client
        await client.ask("Marionette:Quit", flags=["eForceQuit"])
        writer.close()
        await asyncio.wait_for(process.wait(), STEP_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _account(port: int, user: str) -> dict[str, object]:
    server = {
        "type": "imap", "hostname": "localhost", "port": port, "userName": user, "name": user,
        "socketType": TLS, "authMethod": PASSWORD, "login_at_startup": False, "check_new_mail": False,
    }  # fmt: skip
    return {
        "marionette.port": 0,
        "mail.accountmanager.accounts": "account1",
        "mail.accountmanager.defaultaccount": "account1",
        "mail.account.account1.server": "server1",
        "mail.account.account1.identities": "id1",
        "mail.identity.id1.fullName": "Amina Benali",
        "mail.identity.id1.useremail": user,
        "mail.identity.id1.valid": True,
        **{f"mail.server.server1.{name}": value for name, value in server.items()},
    }


async def _port(profile: Path, process: asyncio.subprocess.Process) -> int:
    active = profile / "MarionetteActivePort"
    async with asyncio.timeout(START_S):
        while not active.exists() or not active.read_text():
            assert process.returncode is None, "Thunderbird ended"
            await asyncio.sleep(0.05)
    return int(active.read_text())


def issue(folder: Path) -> tuple[Path, Tls]:
    """Return a root and a certificate of its for localhost: Mozilla takes no authority for a server, as our other tests' is both."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root of a test")])
    root = _certificate(root_name, root_name, root_key, root_key, x509.BasicConstraints(ca=True, path_length=None))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    leaf = _certificate(name, root_name, key, root_key, x509.SubjectAlternativeName([x509.DNSName("localhost")]))
    made = Tls(folder / "leaf.pem", folder / "leaf.key")
    made.certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    made.key.write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    (folder / "root.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    return folder / "root.pem", made


def _certificate(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .sign(by, hashes.SHA256())
    )
