"""`diwan quota`: sizes as people write them, and what the commands show and change."""

import json
from pathlib import Path

import pytest

from directory.errors import BadEntry, NotFound
from mailcore import quota
from tests.directory.commands.test_register_commands import diwan, fund, node

__all__ = ["fund", "node"]

LEILA = "leila@cnas.example"


@pytest.mark.parametrize(
    ("text", "octets"), [("0", 0), ("12", 12), ("500M", 500 << 20), ("20g", 20 << 30), ("1 TiB", 1 << 40), ("64KB", 65_536), ("none", None)]
)
def test_sizes_are_read_as_people_write_them(text: str, octets: int | None) -> None:
    assert quota.size(text) == octets


@pytest.mark.parametrize("text", ["", "much", "-1", "1.5G", "20X", "9" * 13])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BadEntry, match="is no size"):
        quota.size(text)


def shown(node: Path, *arguments: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(diwan(node, "quota", "show", *arguments, "--json").stdout)
    return found


def test_a_quota_of_ones_own_is_set_and_reset(fund: Path) -> None:
    everybody = shown(fund)
    diwan(fund, "quota", "set", LEILA, "--storage", "20G")
    own = shown(fund, LEILA)
    assert (own["storage_limit_bytes"], own["messages_limit"], own["own"]) == (20 << 30, everybody["messages_limit"], True)
    diwan(fund, "quota", "default", "--storage", "none", "--messages", "5")
    diwan(fund, "quota", "reset", LEILA)
    assert shown(fund, LEILA) == {**shown(fund), "address": LEILA, "own": False}
    assert shown(fund)["storage_limit_bytes"] is None


def test_people_read_it_as_a_table(fund: Path) -> None:
    said = diwan(fund, "quota", "show", LEILA).stdout
    assert "octets" in said
    assert "everybody's" in said


def test_bad_wishes_are_refused(fund: Path) -> None:
    with pytest.raises(BadEntry, match="say what"):
        diwan(fund, "quota", "set", LEILA)
    with pytest.raises(NotFound):
        diwan(fund, "quota", "show", "nobody@cnas.example")
