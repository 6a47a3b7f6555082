"""Dovecot as a client of ours (imapc): its settings and what it kept. Nothing of it listens; doveadm does all."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.dovecot import names
from config.settings import Tls
from tests.peers import maildir
from tests.peers.programs import give_away, home, nobodys_folder, run

PREFETCH = 20  # commands that it sends ahead
CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols =
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
mail_home = {folder}/home
mail_location = maildir:~/Maildir
mail_uid = {owner}
mail_gid = {owner_group}
first_valid_uid = 1
mail_save_crlf = yes
mail_fsync = never
mail_prefetch_count = {prefetch}
namespace inbox {{
  inbox = yes
  separator = /
}}
ssl_client_ca_file = {folder}/certificate.pem
imapc_host = 127.0.0.1
imapc_port = {port}
imapc_ssl = imaps
imapc_user = {user}
imapc_password = {password}
imapc_features = rfc822.size fetch-headers
"""
_UIDLIST = re.compile(rb"(?m)^(\d+) [^:\n]*:(.*)$")


@dataclass(frozen=True, slots=True)
class Copy:
    """A message as Dovecot keeps it."""

    flags: frozenset[str]
    internaldate_s: int
    octets: bytes


@dataclass(frozen=True)
class Doveadm:
    """Settings in a folder."""

    folder: Path

    async def do(self, *command: str) -> str:
        """Run a command of doveadm's."""
        env = home(self.folder / "home", USER="amina")
        return await run("doveadm", "-c", self.folder / "dovecot.conf", *command, env=env)

    def copies(self, mailbox: str = "") -> dict[int, Copy]:
        """Return a mailbox by UID, ascending."""
        place = self.folder / "home" / "Maildir" / (f".{mailbox}" if mailbox else "")
        uids = {name.strip(): int(uid) for uid, name in _UIDLIST.findall((place / "dovecot-uidlist").read_bytes())}
        known = place / "dovecot-keywords"
        keywords = dict(line.split() for line in known.read_text().splitlines()) if known.exists() else {}
        found = {uids[kept.path.name.partition(":")[0].encode()]: _copy(kept, keywords) for kept in maildir.read(place)}
        return dict(sorted(found.items()))  # a folder's files come in no order


def _copy(kept: maildir.Kept, keywords: dict[str, str]) -> Copy:
    flags = {keywords[str(ord(letter) - ord("a"))] if letter.islower() else maildir.LETTERS[letter] for letter in kept.letters}
    return Copy(frozenset(flags), int(kept.path.stat().st_mtime), kept.octets)


@contextmanager
def configured(port: int, tls: Tls, user: str, password: str) -> Iterator[Doveadm]:
    """Write the settings for an account of ours, in a folder that Dovecot's own user can reach."""
    with nobodys_folder() as folder:
        for name in ("home", "run", "state"):
            (folder / name).mkdir()
        shutil.copy(tls.certificate, folder / "certificate.pem")
        filled = CONFIG.format(folder=folder, port=port, user=user, password=password, prefetch=PREFETCH, **names())
        (folder / "dovecot.conf").write_text(filled, "utf-8")
        give_away(folder)
        yield Doveadm(folder)
