"""Keys on a token (SoftHSM), behind the signer's socket: the same signer, but no key ever lies in a file."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from signing.errors import KeyExists, NotActivated, SignerUnavailable, SigningRefused
from signing.process import running
from signing.vault import STORAGE_KEY_BYTES, Vault

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "5678"
DIGEST = bytes(range(32))
LOOK = """
import sys, pkcs11
from pkcs11 import Attribute, ObjectClass
session = pkcs11.lib(sys.argv[1]).get_token(token_label="diwan").open(user_pin=sys.argv[2])
[key] = session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})
print(key.label, key[Attribute.SENSITIVE], key[Attribute.EXTRACTABLE])
"""


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A node's directory whose signer makes keys on a fresh token."""
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    words = ["softhsm2-util", "--init-token", "--free", "--label", "diwan", "--so-pin", "12345678", "--pin", PIN]
    subprocess.run(words, check=True, capture_output=True, timeout=20)
    keys = tmp_path / "node" / "keys"
    keys.mkdir(parents=True)
    (keys / "token.toml").write_text(f'module = "{MODULE}"\nlabel = "diwan"\npin = "token.pin"\n')
    (keys / "token.pin").write_text(f"{PIN}\n")
    (keys / "token.pin").chmod(0o600)
    return tmp_path / "node"


def verified(public: bytes, signature: bytes, digest: bytes, method: hashes.HashAlgorithm) -> None:
    serialization.load_der_public_key(public).verify(signature, digest, ec.ECDSA(utils.Prehashed(method)))


async def test_keys_are_made_and_used_on_the_token_and_survive_a_killed_signer(node: Path) -> None:
    async with running(node) as signer:
        public, large = await signer.generate("amina", "p256"), await signer.generate("root", "p384")
        verified(public, await signer.sign("amina", DIGEST), DIGEST, hashes.SHA256())
        os.kill((await signer.status()).pid, signal.SIGKILL)
        assert await signer.public("amina") == public
        verified(public, await signer.sign("amina", DIGEST), DIGEST, hashes.SHA256())
        verified(large, await signer.sign("root", bytes(48)), bytes(48), hashes.SHA384())
        with pytest.raises(SigningRefused):
            await signer.sign("amina", bytes(48))
        with pytest.raises(KeyExists):
            await signer.generate("amina", "p256")


async def test_the_token_keeps_the_key_and_the_file_only_says_where(node: Path) -> None:
    async with running(node) as signer:
        await signer.generate("amina", "p256", activated=True)
        with pytest.raises(NotActivated):
            await signer.sign("amina", DIGEST, b"x" * 56)
        with pytest.raises(KeyExists):
            await signer.generate("amina", "p256")  # and the token gets no second key, as LOOK sees
    storage_key = (node / "keys" / "storage.key").read_bytes()
    assert len(storage_key) == STORAGE_KEY_BYTES
    header, octets = Vault(node / "keys" / "private", storage_key).get("amina")
    assert (header.kind, header.activated, len(octets)) == ("p256", True, len(b"pkcs11:") + 16)
    assert _on_token() == ["amina", "True", "False"]


def _on_token() -> list[str]:
    words = [sys.executable, "-c", LOOK, str(MODULE), PIN]
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=20).stdout.split()


async def test_keys_that_were_there_before_the_token_stay_in_their_files(node: Path) -> None:
    place = node / "keys" / "token.toml"
    text = place.read_text()
    place.unlink()
    async with running(node) as signer:
        public = await signer.generate("before", "p256")
    place.write_text(text)
    async with running(node) as signer:
        assert await signer.public("before") == public
        verified(public, await signer.sign("before", DIGEST), DIGEST, hashes.SHA256())


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda keys: (keys / "token.pin").write_text("0000\n"), "does not answer, or not to this PIN"),
        (lambda keys: (keys / "token.pin").chmod(0o644), "can be read by others"),
        (lambda keys: (keys / "token.toml").write_text(f'module = "{MODULE}"\nlabel = "other"\npin = "token.pin"\n'), "does not answer"),
        (lambda keys: (keys / "token.toml").write_text('module = "/nowhere.so"\nlabel = "diwan"\npin = "token.pin"\n'), "does not answer"),
        (lambda keys: (keys / "token.toml").write_text("label = 5\n"), "token.toml: "),
    ],
)
def test_a_token_that_cannot_be_had_is_said(node: Path, harm: Callable[[Path], object], said: str) -> None:
    harm(node / "keys")
    words = [sys.executable, "-m", "signing.signer", "--socket", str(node / "run" / "s"), "--keys", str(node / "keys")]
    ended = subprocess.run(words, check=False, capture_output=True, text=True, timeout=20, cwd=Path(__file__).parents[2])
    assert ended.returncode == 1
    assert said in ended.stderr


async def test_a_key_whose_token_is_no_longer_configured_is_refused_for_now(node: Path) -> None:
    async with running(node) as signer:
        await signer.generate("amina", "p256")
    shutil.move(node / "keys" / "token.toml", node / "aside")
    async with running(node) as signer:
        with pytest.raises(SignerUnavailable):
            await signer.sign("amina", DIGEST)
