"""Lists of tags, as signatures and their keys are written. Pure.

RFC 6376 §3.2; RFC 8617 §4.1 and RFC 9989 §4.7 write theirs the same way; RFC 8616 §3 (UTF-8 in values).
"""

import re

MAX_TAGS = 100  # no specification names twenty

_TAG = re.compile(r"[ \t\r\n]*([A-Za-z][A-Za-z0-9_]*)[ \t\r\n]*=[ \t\r\n]*([^;]*)")
_BLANK = re.compile(r"[ \t\r\n]+")


class BadTags(ValueError):
    """This is no list of tags; the text says why and is fit for a log."""


def read(octets: bytes) -> dict[str, str]:
    """Return the values by tag, blanks at their ends removed. Raises BadTags, also when a tag stands twice (§3.2)."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise BadTags("neither ASCII nor UTF-8") from None
    found: dict[str, str] = {}
    parts = text.split(";", MAX_TAGS + 1)
    if not parts[-1].strip(" \t\r\n"):
        parts.pop()
    for part in parts:
        tag = _TAG.fullmatch(part)
        if tag is None:
            raise BadTags("malformed tag")
        if tag[1] in found or len(found) == MAX_TAGS:
            raise BadTags("a tag stands twice, or too many")
        found[tag[1]] = tag[2].rstrip(" \t\r\n")
    return found


def blankless(value: str) -> str:
    """Return a value without the blanks and folds that may stand anywhere in it (base64, lists)."""
    return _BLANK.sub("", value)
