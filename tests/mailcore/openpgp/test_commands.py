"""`diwan pgp`, with the signer and gpg at work."""

import asyncio
import contextlib
import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from directory.commands.acting import NoPassword
from directory.errors import BadEntry, NotFound
from mailcore.openpgp.own import DAYS
from signing.openpgp import keys
from signing.openpgp import letters as engine
from signing.openpgp.errors import BadPgpKey
from signing.process import running
from tests.directory.commands.test_register_commands import diwan, fund, node
from tests.mailcore.openpgp.conftest import BRAHIM

__all__ = ["fund", "node"]

LEILA = "leila@cnas.example"


@pytest.fixture
def signing(fund: Path) -> Iterator[Path]:
    """That node with its signer at work: each command would start one of its own."""
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        runner.run(stack.enter_async_context(running(fund)))
        yield fund
        runner.run(stack.aclose())


def told(fund: Path, *arguments: str):
    return json.loads(diwan(fund, "pgp", *arguments, "--json").output)


def password(fund: Path, tmp_path: Path) -> Path:
    """Give Leila a password; return the file that holds it."""
    found = re.search(rf"the password of {LEILA} is (\S+);", diwan(fund, "person", "password", LEILA).stderr)
    assert found is not None
    (tmp_path / "password").write_text(found[1], "utf-8")
    return tmp_path / "password"


def test_a_key_is_made_signs_opens_and_is_revoked(signing: Path, tmp_path: Path, brahim) -> None:
    made = told(signing, "make", LEILA, "--days", "30")
    assert (made["address"], made["state"]) == (LEILA, "in force")
    [listed] = told(signing, "list")
    assert listed == made
    [shown] = keys.read(diwan(signing, "pgp", "export", LEILA).stdout_bytes)
    assert shown.fingerprint == made["fingerprint"]
    assert shown.addresses == (LEILA,)
    assert "Leila" in shown.user_ids[0]
    paper = tmp_path / "paper"
    paper.write_bytes(engine.encrypt(b"bonjour", [shown.octets], secret=brahim[0]))
    with pytest.raises(NoPassword):
        diwan(signing, "pgp", "decrypt", str(paper), "--as", LEILA)
    proof = ("--as", LEILA, "--password-file", str(password(signing, tmp_path)))
    opened = diwan(signing, "pgp", "decrypt", str(paper), *proof)
    assert (opened.stdout, "signature: unknown" in opened.stderr) == ("bonjour", True)
    longer = told(signing, "extend", made["fingerprint"], "--days", str(DAYS))
    assert longer["expires_at"] > made["expires_at"]
    assert told(signing, "revoke", made["fingerprint"][-16:], "--yes")["state"] == "revoked"
    with pytest.raises(BadEntry, match="stays revoked"):
        diwan(signing, "pgp", "extend", made["fingerprint"])
    assert diwan(signing, "pgp", "decrypt", str(paper), *proof).stdout == "bonjour"
    noted = diwan(signing, "journal", "show", "--limit", "9").stdout
    assert all(f"openpgp.{what}" in noted for what in ("made", "extended", "revoked"))
    with pytest.raises(NotFound):
        diwan(signing, "pgp", "make", "nobody@cnas.example")
    assert stat.S_IMODE((signing / "keys").stat().st_mode) & 0o077 == 0


def test_keys_of_correspondents_are_pinned_by_hand(fund: Path, tmp_path: Path, brahim, newer) -> None:
    assert "makes one" in diwan(fund, "pgp", "list").output
    with pytest.raises(NotFound):
        diwan(fund, "pgp", "export", "0" * 40)
    file = tmp_path / "key"
    file.write_bytes(keys.armoured(brahim[1].octets))
    assert told(fund, "pin", BRAHIM, str(file))["fingerprint"] == brahim[1].fingerprint
    file.write_bytes(newer[1].octets)
    assert told(fund, "pin", BRAHIM, str(file), "--of", LEILA)["account_id"] != 0
    assert [row["source"] for row in told(fund, "pins")] == ["operator", "operator"]
    with pytest.raises(BadPgpKey):
        diwan(fund, "pgp", "pin", LEILA, str(file))
    diwan(fund, "pgp", "forget", BRAHIM)
    [left] = told(fund, "pins")
    assert left["fingerprint"] == newer[1].fingerprint
    with pytest.raises(NotFound):
        diwan(fund, "pgp", "forget", BRAHIM)
