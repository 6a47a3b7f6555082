"""Numbered SQL migrations, one linear history per database, for both engines."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.errors import MailError

SCHEMA = Path(__file__).parent / "schema"
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


class SchemaTooNew(MailError):
    text = "the database was written by a newer release of Diwan: upgrade the program, or restore the backup made before"


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step; `statements` are ready to run on the engine."""

    number: int
    name: str
    statements: tuple[str, ...]


def load(history: str, types: Mapping[str, str]) -> list[Migration]:
    """Return the migrations of config/schema/<history>, in order, with column types for one engine.

    Raises ValueError when a number is missing or stands twice.
    """
    found = []
    for path in sorted((SCHEMA / history).glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path}: a migration is named NNNN_what_it_does.sql")
        found.append(Migration(int(match[1]), path.stem, _statements(path.read_text(), types)))
    if [m.number for m in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"{SCHEMA / history}: numbers must run 1, 2, 3 … without a gap")
    return found


def pending(migrations: list[Migration], version: int) -> list[Migration]:
    """Return what a database at `version` still lacks. Raises SchemaTooNew when it is ahead of the code."""
    if version > len(migrations):
        raise SchemaTooNew(database_version=version, code_version=len(migrations))
    return migrations[version:]


def _statements(text: str, types: Mapping[str, str]) -> tuple[str, ...]:
    plain = "\n".join(line.split("--", 1)[0].rstrip() for line in text.splitlines())
    for token, kind in types.items():
        plain = plain.replace("{" + token + "}", kind)
    return tuple(part.strip() for part in plain.split(";") if part.strip())
