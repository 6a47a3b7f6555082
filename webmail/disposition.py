"""Content-Disposition of downloads: RFC 6266 §4, §4.3, with the extended notation of RFC 8187 §3.2."""

import re
from urllib.parse import quote

from webmail.bidi import plain

_UNSAFE = re.compile(r'[/\\:*?"<>|%;]+')
_ASCII = re.compile(r"[^\x20-\x7e]+")
MAX_NAME = 120  # characters; file systems stop at 255 octets, an Arabic letter takes two


def file_name(text: str, fallback: str = "document") -> str:
    """Return a name that any file system takes and that shows its true ending: no path, no direction characters."""
    name = _UNSAFE.sub("_", plain(text)).strip(". ")
    if len(name) > MAX_NAME:
        stem, dot, ending = name.rpartition(".")
        name = f"{stem[: MAX_NAME - len(ending) - 1]}{dot}{ending}" if dot and len(ending) < 16 else name[:MAX_NAME]
    return name or fallback


def attachment(name: str) -> str:
    """Return the header value that makes the browser save, never show. Both forms of the name (RFC 6266 §5)."""
    safe = file_name(name)
    return f"attachment; filename=\"{_ASCII.sub('_', safe)}\"; filename*=UTF-8''{quote(safe, safe='')}"
