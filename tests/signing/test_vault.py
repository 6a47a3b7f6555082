import os
import resource
from pathlib import Path

import pytest

from signing.errors import KeyExists, NoSuchKey
from signing.vault import Damaged, Header, Journal, Vault, secret_file, write_new

STORAGE_KEY = b"k" * 32


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "private", STORAGE_KEY)


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def test_a_secret_comes_back_with_what_it_is(vault: Vault) -> None:
    vault.put(Header("p1", "p256", activated=True), b"secret")
    assert vault.get("p1") == (Header("p1", "p256", activated=True), b"secret")


def test_a_secret_is_never_replaced(vault: Vault) -> None:
    vault.put(Header("p1", "p256", activated=False), b"first")
    with pytest.raises(KeyExists):
        vault.put(Header("p1", "p256", activated=False), b"second")
    assert vault.get("p1")[1] == b"first"


def test_files_are_encrypted_whole_and_for_their_owner_alone(vault: Vault, tmp_path: Path) -> None:
    vault.put(Header("p1", "p256", activated=False), b"very secret octets")
    [path] = files(tmp_path)
    assert b"very secret" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600


def test_any_changed_octet_is_noticed(vault: Vault, tmp_path: Path) -> None:
    vault.put(Header("p1", "p256", activated=False), b"secret")
    [path] = files(tmp_path)
    original = path.read_bytes()
    for position in range(len(original)):
        changed = bytearray(original)
        changed[position] ^= 1
        path.write_bytes(changed)
        with pytest.raises(Damaged):
            vault.get("p1")


def test_a_key_file_cannot_stand_in_for_another(vault: Vault, tmp_path: Path) -> None:
    vault.put(Header("p1", "p256", activated=True), b"one")
    vault.put(Header("p2", "p256", activated=False), b"two")
    first, second = sorted(files(tmp_path), key=lambda path: path.name)
    first.write_bytes(second.read_bytes())
    with pytest.raises(Damaged):
        vault.get("p1")


def test_an_unknown_name_is_no_key(vault: Vault) -> None:
    with pytest.raises(NoSuchKey):
        vault.get("nobody")


def test_the_storage_key_is_made_once_and_must_be_private(tmp_path: Path) -> None:
    path = tmp_path / "storage.key"
    secret = secret_file(path)
    assert len(secret) == 32
    assert secret_file(path) == secret
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(Damaged):
        secret_file(path)


def test_a_storage_key_of_the_wrong_length_is_damaged(tmp_path: Path) -> None:
    write_new(tmp_path / "storage.key", b"short")
    with pytest.raises(Damaged):
        secret_file(tmp_path / "storage.key")


def test_no_temporary_file_stays(tmp_path: Path) -> None:
    write_new(tmp_path / "one", b"1")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "one", b"2")
    assert os.listdir(tmp_path) == ["one"]


def test_a_journal_forgets_a_torn_line_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    Journal(path).append([("a", 1), ("b", 2)])
    with path.open("ab") as file:
        file.write(b"c 3")
    journal = Journal(path)
    assert list(journal.entries()) == [("a", 1), ("b", 2)]
    journal.rewrite(journal.entries())
    journal.append([("d", 4)])
    assert list(journal.entries()) == [("a", 1), ("b", 2), ("d", 4)]


def test_a_journal_on_a_full_disk_keeps_whole_lines(tmp_path: Path) -> None:
    """Glued to a part of the line before, what is remembered of an activation would be forgotten at the next start."""
    journal = Journal(tmp_path / "j")
    journal.append([("aa", 1)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, hard))
    try:
        with pytest.raises(OSError, match="large"):
            journal.append([("bb", 2)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    journal.append([("cc", 3)])
    assert list(Journal(tmp_path / "j").entries()) == [("aa", 1), ("cc", 3)]


def test_a_journal_that_is_not_one_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text("a 1\nnonsense\n")
    with pytest.raises(Damaged):
        list(Journal(path).entries())
