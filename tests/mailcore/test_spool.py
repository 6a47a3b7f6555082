"""Large octets in a file without a name."""

import os
from pathlib import Path

import pytest

from config.errors import NoRoom
from mailcore import spool
from mailcore.spool import Spool


def test_pieces_come_back_as_they_were_written_and_the_file_has_no_name(tmp_path: Path) -> None:
    made = Spool(tmp_path)
    first = made.begin()
    first.write(b"a" * 5_000)
    first.write(b"b")
    second = made.begin()
    second.write(b"c" * 3)
    assert (first.octets()[:], second.octets()[:]) == (b"a" * 5_000 + b"b", b"ccc")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("knows", [True, False])
def test_the_file_never_stays_behind_with_a_name(tmp_path: Path, knows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    monkeypatch.setattr(spool, "failpoint", lambda name: names.append(os.listdir(tmp_path)))
    if not knows:
        monkeypatch.setattr(os, "O_TMPFILE", os.O_DIRECTORY)  # writing to a folder: EISDIR, as kernels without it say
    made = Spool(tmp_path).begin()
    made.write(b"octets")
    assert (made.octets()[:], names) == (b"octets", [[]])


def test_what_a_crash_left_with_a_name_goes_after_a_day(tmp_path: Path) -> None:
    old, new, other = tmp_path / ".literal-old", tmp_path / ".literal-new", tmp_path / "diwan.db"
    for path in (old, new, other):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))
    os.utime(other, (1, 1))
    assert spool.remove_abandoned(tmp_path, new.stat().st_mtime) == 1
    assert sorted(os.listdir(tmp_path)) == [".literal-new", "diwan.db"]


@pytest.mark.parametrize("kernel_copies", [True, False])
def test_something_is_put_in_front_without_reading_what_is_behind(
    tmp_path: Path, kernel_copies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kernel_copies:

        def refuse(*arguments: object) -> int:
            raise OSError(22, "not here")

        monkeypatch.setattr(os, "copy_file_range", refuse)
        monkeypatch.setattr(spool, "COPY_BYTES", 1_000)
    message = Spool(tmp_path).begin()
    message.write(bytes(range(256)) * 40)
    stamped = message.behind(b"Received: x\r\n", 100)
    assert stamped.octets()[:] == b"Received: x\r\n" + (bytes(range(256)) * 40)[100:]
    assert message.octets()[:] == bytes(range(256)) * 40


def test_a_full_disk_is_noted_and_said_when_the_octets_are_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = Spool(tmp_path).begin()
    message.write(b"a")
    monkeypatch.setattr(spool, "SPARE_BYTES", 1 << 60)
    message.write(b"b")
    assert message.failed
    with pytest.raises(NoRoom):
        message.behind(b"x").octets()
