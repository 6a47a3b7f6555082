"""The sender's side of SMTP as octets: command arguments, what a peer's extensions allow, replies. Pure.

RFC 5321 §3.3, RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 3461 (DSN), RFC 2034 (enhanced codes).
"""

import re
from collections.abc import Iterable, Mapping

from mailcore.queue.types import Lease, Queued, Reply

_XTEXT = re.compile(rb"[^!-*,-<>-~]")  # RFC 3461 §4: all printable characters stand for themselves but "+" and "="
_STATUS = re.compile(r"([245])\.\d{1,3}\.\d{1,3}")
_STRAY = re.compile(rb"\r(?!\n)|(?<!\r)\n")
MAX_TEXT = 500  # characters of a peer's reply that are kept

TOO_BIG = Reply(552, "5.3.4", "the message is larger than the destination accepts")
NEEDS_UTF8 = Reply(553, "5.6.7", "the destination cannot take internationalised addresses")
NEEDS_8BIT = Reply(554, "5.6.3", "the destination cannot take 8-bit content")
STRAY_BREAKS = Reply(554, "5.6.0", "the message has bare CR or LF and cannot be sent")


def xtext(text: str) -> bytes:
    """Return text as an xtext of RFC 3461 §4."""
    return _XTEXT.sub(lambda match: b"+%02X" % match[0][0], text.encode())


def sendable(message: Queued, raw: bytes, header_bytes: int, extensions: Mapping[str, str]) -> Reply | None:
    """Return why this message cannot go to a peer with these extensions, or None when it can.

    A missing SIZE or a SIZE without a number is no limit (RFC 1870 §4).
    """
    limit = extensions.get("size", "").strip()
    if limit.isdigit() and 0 < int(limit) < len(raw):
        return TOO_BIG
    if _STRAY.search(raw):
        return STRAY_BREAKS
    if _international(message, raw[:header_bytes]) and "smtputf8" not in extensions:
        return NEEDS_UTF8
    if not raw.isascii() and "8bitmime" not in extensions:
        return NEEDS_8BIT
    return None


def mail(message: Queued, raw: bytes, leases: Iterable[Lease], header_bytes: int, extensions: Mapping[str, str]) -> bytes:
    """Return the MAIL command with the parameters that the peer offers (RFC 5321 §3.3, RFC 3461 §5.2.1)."""
    words = [b"MAIL FROM:<" + message.sender.encode() + b">"]
    if "size" in extensions:
        words.append(b"SIZE=%d" % len(raw))
    if "8bitmime" in extensions and not raw.isascii():
        words.append(b"BODY=8BITMIME")
    needed = _international(message, raw[:header_bytes]) or not all(lease.address.isascii() for lease in leases)
    if "smtputf8" in extensions and needed:
        words.append(b"SMTPUTF8")
    if "dsn" in extensions:
        words += [b"RET=" + message.ret.encode()] if message.ret else []
        words += [b"ENVID=" + xtext(message.envid)] if message.envid else []
    return b" ".join(words)


def rcpt(lease: Lease, extensions: Mapping[str, str]) -> bytes:
    """Return the RCPT command; NOTIFY and ORCPT go on as they came, and only when they came (RFC 3461 §5.2.1)."""
    words = [b"RCPT TO:<" + lease.address.encode() + b">"]
    if "dsn" in extensions:
        words += [b"NOTIFY=" + ",".join(sorted(lease.notify)).encode()] if lease.notify else []
        kind, semicolon, original = lease.orcpt.partition(";")
        words += [b"ORCPT=" + kind.encode() + b";" + xtext(original)] if semicolon and lease.orcpt.isascii() else []
    return b" ".join(words)


def reply(code: int, message: str, peer: str) -> Reply:
    """Return a peer's reply; without an enhanced code of the right class it gets x.0.0, odd codes become 451."""
    lines = [line.strip() for line in message.splitlines()]
    if not 200 <= code < 600 or 300 <= code < 400:
        return Reply(451, "4.5.0", _clean(f"unexpected reply {code} {' '.join(lines)}"), peer)
    found = _STATUS.match(lines[0]) if lines else None
    status = found[0] if found and found[1] == str(code // 100) else f"{code // 100}.0.0"
    text = " ".join(line.removeprefix(status).strip() for line in lines)
    return Reply(code, status, _clean(text), peer)


def _international(message: Queued, header: bytes) -> bool:
    """Say whether the next hop must know RFC 6531: 8-bit headers of clients that did not ask for it are only 8-bit."""
    return not message.sender.isascii() or (message.smtputf8 and not header.isascii())


def _clean(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:MAX_TEXT]
