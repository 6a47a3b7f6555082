"""A Maildir as a program left it: octets and flags."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LETTERS = {"D": "\\Draft", "F": "\\Flagged", "P": "$Forwarded", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}


@dataclass(frozen=True, slots=True)
class Kept:
    """A file, its flags as letters, its octets."""

    path: Path
    letters: str
    octets: bytes

    @property
    def flags(self) -> frozenset[str]:
        """The flags as IMAP names them."""
        return frozenset(LETTERS[letter] for letter in self.letters)


def read(folder: Path) -> list[Kept]:
    """Return the messages of a Maildir by name of file."""
    return sorted(_read(folder), key=lambda kept: kept.path.name)


def _read(folder: Path) -> Iterator[Kept]:
    for part in ("new", "cur"):
        for path in (folder / part).iterdir():
            yield Kept(path, path.name.partition(":2,")[2], path.read_bytes())


def flag(kept: Kept, letter: str) -> None:
    """Add a flag, as mail programs do: by a new name in ``cur``."""
    if letter not in kept.letters:
        base = kept.path.name.partition(":")[0]
        kept.path.rename(kept.path.parent.parent / "cur" / f"{base}:2,{''.join(sorted(kept.letters + letter))}")
