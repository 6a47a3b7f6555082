"""What a client needs that others do not, by what it says of itself. RFC 2971.

Only where a real client fails without it. Everything else that clients are known for holds for everybody and needs no row: no EXISTS
behind EXPUNGEs that only shrank (Apple Mail loops), no mention of messages that came and went (Outlook stops), CHANGEDSINCE 0 (iOS),
UTF8 (~{n} in APPEND (Thunderbird from 128 on), ENABLE of what is not announced (neomutt), two spaces in ID (aioimaplib).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

ENDLESS = (1 << 31,)
_NUMBER = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class Quirk:
    """A client by name, in lower case, and versions from `first` to before `end` (None: all later ones), with what it is not told of."""

    name: str
    first: tuple[int, ...]
    end: tuple[int, ...] | None
    hides: frozenset[str]
    reason: str
    source: str


QUIRKS = (
    Quirk(
        "microsoft outlook",
        (16,),
        (17,),
        frozenset(("IDLE", "CONDSTORE", "QRESYNC")),
        "stops showing new mail when it idles or resynchronises by modseqs; it polls instead",
        "sora's production settings; cyrus-imapd#3897",
    ),
)


def hidden(fields: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Return the capabilities that a client is not to be told of; `fields` are what it said with ID, keys in lower case."""
    said = dict(fields)
    name, version = said.get("name", "").strip().casefold(), _version(said.get("version", ""))
    found = (quirk.hides for quirk in QUIRKS if quirk.name == name and quirk.first <= version < (quirk.end or ENDLESS))
    return frozenset().union(*found)


def _version(written: str) -> tuple[int, ...]:
    return tuple(map(int, _NUMBER.findall(written)[:4]))
