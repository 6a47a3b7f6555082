"""docs/settings.md names every setting, and says what a node does without it."""

import re
import typing
from pathlib import Path

import msgspec
import pytest

from config import settings

ROOT = Path(__file__).parents[2]
SINGLE, SEVERAL = re.findall(r"^```toml\n(.*?)^```$", (ROOT / "docs/settings.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
BARE = """
[node]
hostname = "mx.archives.example"
postmaster = "postmaster@archives.example"
[tls]
certificate = "keys/tls/node.pem"
key = "keys/tls/node.key"
"""
PLURAL = {"route": "routes", "sync": "syncs", "identity_provider": "identity_providers"}


def named(text: str) -> dict[str, set[str]]:
    """The keys of each table, also those that are commented out."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if table := re.match(r"\[+([a-z_.]+)\]", line):
            keys = found.setdefault(table[1], set())
        elif key := re.match(r"(?:# )?([a-z_]+) = ", line):
            keys.add(key[1])
    return found


def wanted(kind: type, name: str) -> dict[str, set[str]]:
    """The keys of a table and of those below it."""
    hints = typing.get_type_hints(kind)
    below = {key: hint for key, hint in hints.items() if isinstance(hint, type) and issubclass(hint, msgspec.Struct)}
    found = {name: set(hints) - set(below)}
    for key, hint in below.items():
        found |= wanted(hint, f"{name}.{key}")
    return found


def test_every_setting_is_named() -> None:
    want: dict[str, set[str]] = {}
    for name, kind in typing.get_type_hints(settings._File).items():
        want |= wanted(typing.get_args(kind)[0] if typing.get_args(kind) else kind, name)
    assert named(SINGLE + SEVERAL) == want


def test_what_it_says_is_what_a_node_does_without_it() -> None:
    assert settings.parse(SINGLE, ROOT) == settings.parse(BARE, ROOT)


@pytest.mark.parametrize("table", PLURAL)
def test_in_tables_of_which_there_are_several_too(table: str) -> None:
    [said] = getattr(settings.parse(BARE + SEVERAL, ROOT), PLURAL[table])
    for each in msgspec.structs.fields(type(said)):
        if not each.required:
            assert getattr(said, each.name) == (each.default if each.default is not msgspec.NODEFAULT else each.default_factory())
