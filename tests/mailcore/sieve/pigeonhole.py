"""Dovecot's Sieve as an oracle: what it would do with a message, in the words of our own outcomes."""

import re
import subprocess
from pathlib import Path

SETTINGS = """
mail_location = maildir:{folder}/mail
mail_home = {folder}
mail_uid = nobody
mail_gid = nogroup
ssl = no
log_path = /dev/stderr
plugin {{
  sieve_extensions = +vacation-seconds
  sieve_vacation_min_period = 1m
  sieve_max_redirects = 5
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""
_STORE = re.compile(r" \* store message in folder: (.*)")
_FLAGS = re.compile(r"\s+\+ add IMAP flags:(.*)")
_ONE_LINE = {
    "redirect": re.compile(r" \* redirect message to: <(.*)>"),
    "reject": re.compile(r" \* reject message with reason: (.*)"),
    "vacation": re.compile(r"    => seconds +: (\d+)"),
}


def prepare(folder: Path) -> None:
    """Write the settings; the folder is read by another user."""
    folder.chmod(0o755)
    (folder / "dovecot.conf").write_text(SETTINGS.format(folder=folder))


def run(folder: Path, script: bytes, message: bytes, sender: str, recipient: str) -> list[tuple[object, ...]] | str:
    """Return what is to be done, in order, or "error" when the script does not compile or does not run to its end."""
    (folder / "s.sieve").write_bytes(script)
    (folder / "m.eml").write_bytes(message)
    (folder / "s.svbin").unlink(missing_ok=True)
    command = ["sieve-test", "-c", folder / "dovecot.conf", "-a", recipient, "-f", sender or "<>", folder / "s.sieve", folder / "m.eml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode or "final result: success" not in done.stderr:
        return "error"
    return _actions(done.stdout)


def _actions(shown: str) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for line in shown.splitlines():
        if stored := _STORE.fullmatch(line):
            found.append(("store", stored[1], ()))
        elif flags := _FLAGS.fullmatch(line):
            found[-1] = (*found[-1][:2], tuple(sorted(flags[1].lower().split())))
        else:
            for kind, pattern in _ONE_LINE.items():
                if said := pattern.fullmatch(line):
                    found.append((kind, said[1]))
    return found
