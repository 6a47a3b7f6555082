"""Foreign programs that judge or make signatures: openssl, NSS's cmsutil, GnuPG's gpgsm."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from signing.pki import ca
from tests.signing.country import Country


@dataclass(frozen=True)
class Desk:
    """A directory with root.pem, ministry.pem, clerk.pem, clerk.key, stranger.pem, stranger.key and what a test puts there."""

    directory: Path

    @classmethod
    def laid(cls, directory: Path, country: Country) -> "Desk":
        desk = cls(directory)
        desk.put("root.pem", ca.pem(country.root.certificate))
        desk.put("ministry.pem", ca.pem(country.ministry.certificate))
        for name in ("clerk", "stranger"):
            desk.put(f"{name}.pem", ca.pem(getattr(country, name).identity.certificate))
            desk.put(f"{name}.key", getattr(country, name).pem())
        return desk

    def put(self, name: str, octets: bytes) -> None:
        (self.directory / name).write_bytes(octets)

    def get(self, name: str) -> bytes:
        return (self.directory / name).read_bytes()

    def run(self, command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        words = command.split()
        env = {"PATH": "/usr/bin:/bin:/usr/sbin", "HOME": str(self.directory), **environment}
        return subprocess.run(words, cwd=self.directory, env=env, capture_output=True, check=False, timeout=60)

    def openssl_accepts(self, *, cades: bool = True) -> bool:
        """Say what `openssl cms -verify` makes of `entity` and `cms` here."""
        option = "-cades" if cades else ""
        command = "openssl cms -verify {} -binary -inform DER -in cms -content entity -CAfile root.pem -purpose smimesign -out out"
        return self.run(command.format(option)).returncode == 0
