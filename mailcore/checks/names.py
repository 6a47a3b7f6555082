"""Names of domains as strangers write them: only such as a zone can hold and a log can show. Pure.

RFC 6376 §3.5 (d=, s=), RFC 5890 §2.3.1 (LDH labels), RFC 8616 §4 (U-labels in signatures).
"""

import re

import idna

MAX_NAME = 253  # octets, written without the final dot (RFC 1035 §2.3.4)

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LOOSE = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


class BadName(ValueError):
    """This is no name that we would ask the DNS about."""


def canonical(text: str, least_labels: int = 2) -> str:
    """Return a name in lower case as A-labels, without its final dot. Raises BadName for anything but letters, digits, hyphens."""
    name = text.lower() if text.isascii() else _a_labels(text)
    labels = name.split(".")
    if len(name) > MAX_NAME or len(labels) < least_labels or not all(map(_LABEL.fullmatch, labels)):
        raise BadName("not the name of a domain")
    return name


def selector(text: str) -> str:
    """Return a selector: one label or more. Raises BadName."""
    return canonical(text, least_labels=1)


def is_host(name: str) -> bool:
    """Say whether the DNS may be asked about a name in lower case; labels may have underscores, as those of records have."""
    labels = name.split(".")
    return len(name) <= MAX_NAME and all(map(_LOOSE.fullmatch, labels))


def is_within(name: str, domain: str) -> bool:
    """Say whether a name is a domain or below it."""
    return name == domain or name.endswith(f".{domain}")


def _a_labels(text: str) -> str:
    try:
        return idna.encode(text, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise BadName("not the name of a domain") from None
