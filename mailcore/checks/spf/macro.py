"""Macros of SPF. Pure.

RFC 7208 §7.1 (syntax), §7.2 (what each letter stands for), §7.3 (how a part is transformed), §7.4 (examples).
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

MAX_DOMAIN = 253  # octets; what is longer loses labels from the left (§7.3)
LETTERS = "slodiphvcrt"
ONLY_EXPLAINING = "crt"  # §7.2: in an explanation, nowhere else

_PIECE = re.compile(r"%\{([A-Za-z])(\d{0,9})(r?)([.\-+,/_=]*)\}|(%%|%_|%-)|([!-$&-~]+|[ ])", re.IGNORECASE)
_ENDING = re.compile(r".*(?:%\{[^}]*\}|\.(?=[A-Za-z0-9-]*[A-Za-z-])[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?)", re.DOTALL)
_LITERALS = {"%%": "%", "%_": " ", "%-": "%20"}


class BadMacro(ValueError):
    """A macro that the grammar does not know: a permerror."""


@dataclass(frozen=True, slots=True)
class Macro:
    """`digits` is how many parts from the right are kept, 0 for all; `escape` that the letter was a capital (§7.3)."""

    letter: str
    digits: int
    reverse: bool
    delimiters: str
    escape: bool


@dataclass(frozen=True, slots=True)
class Values:
    """What the letters stand for. `validated` is the name of p, "unknown" when there is none."""

    sender: str
    domain: str
    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    hello: str
    receiver: str
    now_s: int
    validated: str = "unknown"

    def of(self, letter: str) -> str:
        """Return the text that a letter stands for (§7.2)."""
        local, _, host = self.sender.rpartition("@")
        return {
            "s": self.sender,
            "l": local,
            "o": host,
            "d": self.domain,
            "i": _dotted(self.address),
            "p": self.validated,
            "h": self.hello,
            "v": "in-addr" if self.address.version == 4 else "ip6",
            "c": str(self.address),
            "r": self.receiver or "unknown",
            "t": str(self.now_s),
        }[letter]


def parse(text: str, *, explaining: bool = False) -> list[str | Macro]:
    """Cut a macro-string into texts and macros. Raises BadMacro."""
    pieces: list[str | Macro] = []
    at = 0
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None or (found[6] == " " and not explaining):
            raise BadMacro("malformed macro or character")
        at = found.end()
        pieces.append(_macro(found, explaining) if found[1] else _LITERALS.get(found[5] or "", found[0]))
    return pieces


def _macro(found: re.Match[str], explaining: bool) -> Macro:
    letter = found[1].lower()
    if letter not in LETTERS or (letter in ONLY_EXPLAINING and not explaining):
        raise BadMacro("unknown macro")
    if found[2] and int(found[2]) == 0:
        raise BadMacro("a macro keeps nothing")
    return Macro(letter, int(found[2] or 0), bool(found[3]), found[4] or ".", found[1].isupper())


def needs_validated(text: str, *, explaining: bool = False) -> bool:
    """Say whether the name of p must be looked up for a macro-string."""
    return any(isinstance(piece, Macro) and piece.letter == "p" for piece in parse(text, explaining=explaining))


def expand(text: str, values: Values, *, explaining: bool = False) -> str:
    """Return a macro-string with its macros replaced. Raises BadMacro."""
    pieces = parse(text, explaining=explaining)
    return "".join(piece if isinstance(piece, str) else _transformed(piece, values) for piece in pieces)


def domain(text: str, values: Values) -> str:
    """Return a domain-spec as the name to ask about, in lower case, without its final dot (§4.8, §7.3)."""
    name = expand(text, values).removesuffix(".").lower()
    while len(name) > MAX_DOMAIN and "." in name:
        name = name.partition(".")[2]
    return name


def is_domain_spec(text: str) -> bool:
    """Say whether a macro-string ends as a domain-spec must (§7.1: domain-end)."""
    return _ENDING.fullmatch(text) is not None


def _transformed(macro: Macro, values: Values) -> str:
    parts = _split(values.of(macro.letter), macro.delimiters)
    if macro.reverse:
        parts.reverse()
    if macro.digits:
        parts = parts[-macro.digits :]
    text = ".".join(parts)
    return quote(text, safe="-._~") if macro.escape else text


def _split(text: str, delimiters: str) -> list[str]:
    return re.split(f"[{re.escape(delimiters)}]", text)


def _dotted(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Return an address as labels: IPv6 by its 32 digits (§7.3)."""
    return str(address) if address.version == 4 else ".".join(address.exploded.replace(":", ""))


def explanation(texts: Sequence[str], most: int) -> str:
    """Return a stranger's words as one short line of printable ASCII; "" when they are anything else."""
    words = "".join(texts)
    return words[:most] if words.isascii() and words.isprintable() else ""
