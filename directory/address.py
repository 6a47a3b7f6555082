"""Mail addresses: one strict grammar, one canonical form, one key to look them up by.

RFC 5321 §4.1.2 (Mailbox), §4.1.3 (address literals), §4.5.3.1 (sizes); RFC 6531 §3.3 (UTF-8 in both parts);
RFC 5890 §2.3.2 (A-labels). No comments, no folding white space, no encoded words, no source routes.
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass

import idna

from directory.errors import BadAddress
from directory.names import fold_case

MAX_LOCAL_BYTES = 64  # RFC 5321 §4.5.3.1.1
MAX_DOMAIN_BYTES = 255  # §4.5.3.1.2
MAX_ADDRESS_BYTES = 254  # §4.5.3.1.3: a path of 256 with its angle brackets

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+"
_DOT_STRING = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e\u0080-\U0010ffff]|\\[\x20-\x7e])+)"')
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_ENCODED_WORD = re.compile(r"=\?.*\?=")
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"}  # nothing invisible, nothing that reorders its neighbours


@dataclass(frozen=True, slots=True)
class Address:
    """`local` without quotes; `domain` in lower case as A-labels, or an address literal in brackets."""

    local: str
    domain: str

    def __str__(self) -> str:
        if _DOT_STRING.fullmatch(self.local):
            return f"{self.local}@{self.domain}"
        escaped = self.local.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"@{self.domain}'


def parse(text: str) -> Address:
    """Read ``local@domain``, without angle brackets. Raises BadAddress.

    A quoted local part comes back without its quotes, so that ``"a"@x`` and ``a@x`` are the same address.
    """
    written, at, domain = text.rpartition("@")
    if not at or not written:
        raise BadAddress(address=text)
    address = Address(_parse_local(written), parse_domain(domain))
    if _size_bytes(written) > MAX_LOCAL_BYTES or _size_bytes(str(address)) > MAX_ADDRESS_BYTES:
        raise BadAddress("this address is too long", address=text)
    return address


def parse_domain(text: str) -> str:
    """Return a domain in lower case as A-labels, or an address literal in its shortest form. Raises BadAddress."""
    if text.startswith("["):
        return _parse_literal(text)
    name = text.lower() if text.isascii() else _a_labels(text)
    labels = name.split(".")
    if len(name) > MAX_DOMAIN_BYTES or labels[-1].isdigit() or not all(map(_is_label, labels)):
        raise BadAddress(domain=text)
    return name


def fold(address: Address) -> str:
    """Return the key under which an address is looked up: spellings that people confuse give one key."""
    return f"{fold_case(address.local)}@{address.domain}"


def _parse_local(written: str) -> str:
    quoted = _QUOTED.fullmatch(written)
    if quoted is None and (not _DOT_STRING.fullmatch(written) or _ENCODED_WORD.fullmatch(written)):
        raise BadAddress(local=written)
    local = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else written
    if not local.isascii() and any(unicodedata.category(c) in _UNSAFE for c in local if c != " "):
        raise BadAddress(local=written)
    return local


def _parse_literal(text: str) -> str:
    tag, inner = "", text[1:-1]
    if inner[:5].lower() == "ipv6:":
        tag, inner = "IPv6:", inner[5:]
    try:
        literal = ipaddress.IPv6Address(inner) if tag else ipaddress.IPv4Address(inner)
    except ValueError as error:
        raise BadAddress(domain=text) from error
    if not text.endswith("]") or "%" in inner:
        raise BadAddress(domain=text)
    return f"[{tag}{literal.compressed}]"


def _a_labels(text: str) -> str:
    try:
        return idna.encode(unicodedata.normalize("NFC", text.casefold()), strict=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise BadAddress(domain=text) from error


def _is_label(label: str) -> bool:
    if not _LABEL.fullmatch(label):
        return False
    if label.startswith("xn--"):
        try:
            idna.ulabel(label)
        except (idna.IDNAError, UnicodeError):
            return False
    return True


def _size_bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
