"""Foreign programs that judge or make signatures: openssl, NSS's cmsutil, GnuPG's gpgsm."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

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

    def nss(self, content: str = "") -> bytes:
        """Return what NSS says of `cms` here, over the file `content` where it holds none itself."""
        if not (self.directory / "cert9.db").exists():
            assert self.run("certutil -N -d sql:. --empty-password").returncode == 0
            assert self.run("certutil -A -d sql:. -n root -t ,C, -i root.pem").returncode == 0
        done = self.run(f"cmsutil -D -d sql:. -i cms {content and '-c'} {content} -u 4 -h 0 -n")
        return done.stdout + done.stderr

    @contextmanager
    def gpgsm(self, root: bytes) -> Iterator[Callable[[str], subprocess.CompletedProcess[bytes]]]:
        """Run gpgsm, which trusts a root, DER, and asks nobody about revocation; its agent ends with the context."""
        home = str(self.directory)
        fingerprint = x509.load_der_x509_certificate(root).fingerprint(hashes.SHA1()).hex()
        self.put("trustlist.txt", f"{fingerprint} S relax\n".encode())
        try:
            yield lambda words: self.run(f"gpgsm --batch --disable-dirmngr --disable-crl-checks {words}", GNUPGHOME=home)
        finally:
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, timeout=30)

    def verdict_of_gpgsm(self, root: bytes, content: str = "") -> bytes:
        """Return what gpgsm says of `cms` here, over the file `content` where it holds none itself."""
        with self.gpgsm(root) as gpgsm:
            for name in ("root.pem", "ministry.pem"):
                assert gpgsm(f"--import {name}").returncode == 0
            done = gpgsm(f"--status-fd 1 --verify cms {content}")
            return done.stdout + done.stderr
