"""An SPF record as terms. Pure.

RFC 7208 §4.5 (choosing the record), §4.6 and §12 (grammar), §7 (macros in domain-specs).
"""

import ipaddress
import re
from dataclasses import dataclass

from mailcore.checks.spf import macro

VERSION = "v=spf1"
MAX_RECORD = 4096  # octets; RFC 7208 §3.4 asks for 450
MAX_TERMS = 200

QUALIFIERS = "+-?~"
_TERM = re.compile(r"([+\-?~]?)([A-Za-z][A-Za-z0-9_.-]*)([:/=]?)(.*)", re.DOTALL)
_CIDR = re.compile(r"(?:/(0|[1-9]\d?))?(?://(0|[1-9]\d{0,2}))?")
_WITH_CIDR = re.compile(r"(.*?)((?:/\d{1,3})?(?://\d{1,3})?)", re.DOTALL)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadRecord(ValueError):
    """The record breaks the grammar: a permerror."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One that may match. `domain` is a domain-spec with macros, "" for the current one; prefix lengths are for a, mx."""

    qualifier: str
    name: str
    domain: str = ""
    bits4: int = 32
    bits6: int = 128
    network: Network | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A record's mechanisms in order, and its two modifiers as domain-specs."""

    mechanisms: tuple[Mechanism, ...]
    redirect: str = ""
    explanation: str = ""


def is_record(text: str) -> bool:
    """Say whether a TXT record is one for SPF (§4.5)."""
    return text[: len(VERSION)].lower() == VERSION and text[len(VERSION) : len(VERSION) + 1] in ("", " ")


def read(text: str) -> Record:
    """Read a record. Raises BadRecord at the first thing that the grammar does not know (§4.6)."""
    terms = text[len(VERSION) :].split(" ", MAX_TERMS)
    if len(text) > MAX_RECORD or len(terms) > MAX_TERMS:
        raise BadRecord("record too long")
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    for term in filter(None, terms):
        found = _TERM.fullmatch(term)
        if found is None:
            raise BadRecord("malformed term")
        qualifier, name, mark, rest = found.groups()
        if mark == "=" and not qualifier:
            _modifier(modifiers, name.lower(), rest)
        else:
            mechanisms.append(_mechanism(qualifier or "+", name.lower(), mark, rest))
    return Record(tuple(mechanisms), modifiers.get("redirect", ""), modifiers.get("exp", ""))


def _modifier(found: dict[str, str], name: str, value: str) -> None:
    """Take a modifier; unknown ones need only be well formed (§6)."""
    if name in ("redirect", "exp"):
        if name in found:
            raise BadRecord(f"{name} stands twice")
        found[name] = _domain_spec(value)
    else:
        _checked(value)


def _mechanism(qualifier: str, name: str, mark: str, rest: str) -> Mechanism:
    written = f"{mark}{rest}"
    if name == "all" and not written:
        return Mechanism(qualifier, name)
    if name in ("include", "exists") and mark == ":":
        return Mechanism(qualifier, name, _domain_spec(rest))
    if name in ("ip4", "ip6") and mark == ":":
        return Mechanism(qualifier, name, network=_network(name, rest))
    if name == "ptr" and (not written or mark == ":"):
        return Mechanism(qualifier, name, _domain_spec(rest) if mark else "")
    if name in ("a", "mx") and (not written or mark in ":/"):
        return _with_addresses(qualifier, name, mark, rest)
    raise BadRecord("unknown or malformed mechanism")


def _with_addresses(qualifier: str, name: str, mark: str, rest: str) -> Mechanism:
    domain, cidr = "", f"{mark}{rest}"
    if mark == ":":
        parts = _WITH_CIDR.fullmatch(rest)
        assert parts is not None
        domain, cidr = _domain_spec(parts[1]), parts[2]
    lengths = _CIDR.fullmatch(cidr)
    if lengths is None:
        raise BadRecord("malformed prefix length")
    bits4, bits6 = int(lengths[1] or 32), int(lengths[2] or 128)
    if bits4 > 32 or bits6 > 128:
        raise BadRecord("prefix length too large")
    return Mechanism(qualifier, name, domain, bits4, bits6)


def _network(name: str, text: str) -> Network:
    address, slash, length = text.partition("/")
    if slash and not re.fullmatch(r"0|[1-9]\d{0,2}", length):
        raise BadRecord("malformed prefix length")
    try:
        if "%" in address:
            raise ValueError
        made: Network = ipaddress.IPv4Network(text, strict=False) if name == "ip4" else ipaddress.IPv6Network(text, strict=False)
    except ValueError:
        raise BadRecord(f"malformed {name}") from None
    return made


def _domain_spec(text: str) -> str:
    """Accept a domain-spec (§7.1): it ends in a label or in a macro."""
    if not text or not macro.is_domain_spec(text):
        raise BadRecord("malformed domain")
    return _checked(text)


def _checked(text: str) -> str:
    try:
        macro.parse(text)
    except macro.BadMacro as error:
        raise BadRecord(str(error)) from error
    return text
