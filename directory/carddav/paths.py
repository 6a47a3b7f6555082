"""Where everything of CardDAV is found: paths of people, of their books, and of cards in them. Pure.

RFC 6764 §5 (the well-known address), RFC 6352 §5.2 (collections). Only `WELL_KNOWN` and `ROOT` are ever told to people.
"""

import re
from dataclasses import dataclass
from typing import Literal

WELL_KNOWN = "/.well-known/carddav"
ROOT = "/dav/"
PRINCIPALS = "/dav/principals/"
HOMES = "/dav/books/"

Book = Literal["unit", "favourites"]
BOOKS: tuple[Book, ...] = ("unit", "favourites")
Level = Literal["root", "principal", "home", "book", "card"]

_NUMBER = r"([1-9][0-9]{0,17})"
_SHAPES: tuple[tuple[Level, re.Pattern[str]], ...] = (
    ("root", re.compile(r"/dav/?")),
    ("principal", re.compile(rf"/dav/principals/{_NUMBER}/?")),
    ("home", re.compile(rf"/dav/books/{_NUMBER}/?")),
    ("book", re.compile(rf"/dav/books/{_NUMBER}/(unit|favourites)/?")),
    ("card", re.compile(rf"/dav/books/{_NUMBER}/(unit|favourites)/{_NUMBER}\.vcf")),
)


@dataclass(frozen=True, slots=True)
class Place:
    """What a path names. Whose it is counts from principals on, the book from books on, the account for cards."""

    level: Level
    person_id: int = 0
    book: Book = "unit"
    account_id: int = 0

    @property
    def path(self) -> str:
        """The path as we write it."""
        return {
            "root": ROOT,
            "principal": f"{PRINCIPALS}{self.person_id}/",
            "home": f"{HOMES}{self.person_id}/",
            "book": f"{HOMES}{self.person_id}/{self.book}/",
            "card": f"{HOMES}{self.person_id}/{self.book}/{self.account_id}.vcf",
        }[self.level]

    def inside(self, level: Level, account_id: int = 0, book: Book | None = None) -> "Place":
        """Return a place of the same person and book."""
        return Place(level, self.person_id, book or self.book, account_id)


def parse(path: str) -> Place | None:
    """Return what a path names, or None when it names nothing of ours."""
    for level, shape in _SHAPES:
        match = shape.fullmatch(path)
        if match:
            person, book, account = (*match.groups(), None, None, None)[:3]
            return Place(level, int(person or 0), "favourites" if book == "favourites" else "unit", int(account or 0))
    return None
