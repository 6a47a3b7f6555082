"""Where a password for the command line comes from."""

from pathlib import Path

import pytest

from directory.commands.acting import NoPassword, password_of


def test_a_file_that_holds_no_password_is_told_in_one_line(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text("مفتاح طويل\r\n", "utf-8")
    bad.write_bytes(b"\xff\xfe")
    assert password_of("a@x.example", good) == "مفتاح طويل"
    for file, said in ((bad, "not text in UTF-8"), (tmp_path / "none", "No such file")):
        with pytest.raises(NoPassword, match=said):
            password_of("a@x.example", file)
