"""The sender's side of SMTP as octets: commands, what a peer's extensions allow, replies, the coding of content. Pure.

RFC 5321 §3.3 and §4.2, RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 3461 (DSN), RFC 2034 (enhanced codes),
RFC 3030 (CHUNKING, BINARYMIME), RFC 8689 (REQUIRETLS), RFC 9422 (LIMITS), RFC 6710 (MT-PRIORITY), RFC 2852 (DELIVERBY).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from config.clock import SECOND_US
from mailcore.queue.types import Lease, Queued, Reply

_XTEXT = re.compile(rb"[^!-*,-<>-~]")  # RFC 3461 §4: all printable characters stand for themselves but "+" and "="
_STATUS = re.compile(r"([245])\.\d{1,3}\.\d{1,3}")
_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_RECEIVED = re.compile(rb"(?mi)^received[ \t]*:")
_NO_TLS_NEEDED = re.compile(rb"(?mi)^tls-required[ \t]*:[ \t]*no[ \t]*\r?$")
_COUNT = re.compile(r"(?:^| )(MAILMAX|RCPTMAX|RCPTDOMAINMAX)=([1-9]\d{0,5})(?= |$)", re.IGNORECASE)
MAX_LINE = 999  # octets of a text line with its CR (RFC 5321 §4.5.3.1.6: 998 and CR LF)
MAX_TEXT = 500  # characters of a peer's reply that are kept
MAX_REPLY_LINE = 2048  # octets; RFC 5321 §4.5.3.1.5 says 512, some banners and policies are longer
MAX_REPLY_LINES = 200

TOO_BIG = Reply(552, "5.3.4", "the message is larger than the destination accepts")
NEEDS_UTF8 = Reply(553, "5.6.7", "the destination cannot take internationalised addresses")
NEEDS_8BIT = Reply(554, "5.6.3", "the destination cannot take 8-bit content")
NEEDS_BINARY = Reply(554, "5.6.1", "the destination cannot take binary content")
NEEDS_REQUIRETLS = Reply(550, "5.7.30", "the destination does not promise to send the message on over verified TLS only")
NEEDS_DELIVERBY = Reply(554, "5.3.3", "the destination does not promise to return the message when its time is over")
STRAY_BREAKS = Reply(554, "5.6.0", "the message has bare CR or LF and cannot be sent")


class BadReply(ValueError):
    """What a peer says is no reply of RFC 5321 §4.2."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the sender must know of a message. `stray`: a CR or LF stands alone; `whole`: it ends with CR LF."""

    size_bytes: int
    header: bytes
    ascii: bool
    stray: bool
    whole: bool
    binary: bool = False  # has a NUL or a line that is too long for DATA

    @property
    def hops(self) -> int:
        """Return through how many servers it came."""
        return len(_RECEIVED.findall(self.header))

    @property
    def relaxed(self) -> bool:
        """Say whether its author would rather have it arrive than be encrypted (RFC 8689 §5)."""
        return _NO_TLS_NEEDED.search(self.header) is not None


class Scan:
    """Learns the facts of a message from its pieces, in order. The header must be in the first piece.

    Only for a message that was declared as `binary` is looked whether it is.
    """

    def __init__(self, *, binary: bool = False) -> None:
        self._header = self._last = self._line = b""
        self._size = self._returns = self._feeds = self._pairs = 0
        self._ascii, self._looks, self._binary = True, binary, False

    def feed(self, piece: bytes) -> None:
        """Take the next piece; not an empty one."""
        if not self._size:
            end = piece.find(b"\r\n\r\n")
            self._header = piece if end < 0 else piece[: end + 4]
        self._size += len(piece)
        self._returns += piece.count(b"\r")
        self._feeds += piece.count(b"\n")
        self._pairs += piece.count(b"\r\n") + (self._last[-1:] == b"\r" and piece[:1] == b"\n")
        self._ascii = self._ascii and piece.isascii()
        self._last = (self._last + piece[-2:])[-2:]
        if self._looks:
            lines = (self._line + piece).split(b"\n")
            self._binary = self._binary or b"\0" in piece or max(map(len, lines)) > MAX_LINE
            self._line = lines[-1][-MAX_LINE:]

    def facts(self) -> Facts:
        """Return what was learnt."""
        stray = not self._returns == self._feeds == self._pairs
        return Facts(self._size, self._header, self._ascii, stray, self._last == b"\r\n", self._binary)


def facts(raw: bytes, *, binary: bool = False) -> Facts:
    """Return the facts of a message that is in memory."""
    scan = Scan(binary=binary)
    scan.feed(raw)
    return scan.facts()


@dataclass(frozen=True, slots=True)
class Limits:
    """What a peer takes (RFC 9422 §4): messages in a session, recipients and domains in a transaction; 0 when it does not say."""

    mails: int = 0
    recipients: int = 0
    domains: int = 0


def limits(extensions: Mapping[str, str]) -> Limits:
    """Return the limits that a peer announced. What cannot be read is as if it had not been said (RFC 9422 §4)."""
    said = {name.upper(): int(count) for name, count in _COUNT.findall(extensions.get("limits", ""))}
    return Limits(said.get("MAILMAX", 0), said.get("RCPTMAX", 0), said.get("RCPTDOMAINMAX", 0))


def extensions(lines: Iterable[str]) -> dict[str, str]:
    """Return what an EHLO reply announces: keyword in lower case, its parameters. The first line only greets."""
    found: dict[str, str] = {}
    for line in list(lines)[1:]:
        keyword, _, parameters = line.strip().partition(" ")
        found.setdefault(keyword.lower(), parameters.strip())
    return found


def xtext(text: str) -> bytes:
    """Return text as an xtext of RFC 3461 §4."""
    return _XTEXT.sub(lambda match: b"+%02X" % match[0][0], text.encode())


def sendable(message: Queued, known: Facts, extensions: Mapping[str, str]) -> Reply | None:
    """Return why this message cannot go to a peer with these extensions, or None when it can.

    Nothing is coded anew for a peer that can do less: that would break signatures. A missing SIZE or a SIZE without a number
    is no limit (RFC 1870 §4).
    """
    limit = extensions.get("size", "").strip()
    if limit.isdigit() and 0 < int(limit) < known.size_bytes:
        return TOO_BIG
    if message.body == "BINARYMIME" and (known.stray or known.binary):
        return None if "binarymime" in extensions and "chunking" in extensions else NEEDS_BINARY  # RFC 3030 §3
    if known.stray:
        return STRAY_BREAKS
    if message.requiretls and "requiretls" not in extensions:
        return NEEDS_REQUIRETLS
    if _international(message, known.header) and "smtputf8" not in extensions:
        return NEEDS_UTF8
    if not known.ascii and "8bitmime" not in extensions:
        return NEEDS_8BIT
    if message.by is not None and not message.by.notify and "deliverby" not in extensions:
        return NEEDS_DELIVERBY  # by-mode "R" (RFC 2852 §4.1)
    return None


def mail(message: Queued, known: Facts, leases: Iterable[Lease], extensions: Mapping[str, str], now_us: int = 0) -> bytes:
    """Return the MAIL command with the parameters that the peer offers (RFC 5321 §3.3, RFC 3461 §5.2.1)."""
    words = [b"MAIL FROM:<" + message.sender.encode() + b">"]
    if "size" in extensions:
        words.append(b"SIZE=%d" % known.size_bytes)
    if is_binary(message, known):
        words.append(b"BODY=BINARYMIME")
    elif "8bitmime" in extensions and not known.ascii:
        words.append(b"BODY=8BITMIME")
    needed = _international(message, known.header) or not all(lease.address.isascii() for lease in leases)
    if "smtputf8" in extensions and needed:
        words.append(b"SMTPUTF8")
    if message.requiretls:
        words.append(b"REQUIRETLS")
    if "dsn" in extensions:
        words += [b"RET=" + message.ret.encode()] if message.ret else []
        words += [b"ENVID=" + xtext(message.envid)] if message.envid else []
    if message.priority and "mt-priority" in extensions:
        words.append(b"MT-PRIORITY=%d" % message.priority)
    if message.by is not None and "deliverby" in extensions:
        left_s = (message.by.time_us - now_us) // SECOND_US
        words.append(b"BY=%d;%s%s" % (left_s, b"N" if message.by.notify else b"R", b"T" if message.by.trace else b""))
    return b" ".join(words)


def is_binary(message: Queued, known: Facts) -> bool:
    """Say whether a message must go as BINARYMIME: one that was only declared so and has plain lines need not."""
    return message.body == "BINARYMIME" and (known.stray or known.binary)


def rcpt(lease: Lease, extensions: Mapping[str, str]) -> bytes:
    """Return the RCPT command; NOTIFY and ORCPT go on as they came, and only when they came (RFC 3461 §5.2.1)."""
    words = [b"RCPT TO:<" + lease.address.encode() + b">"]
    if "dsn" in extensions:
        words += [b"NOTIFY=" + ",".join(sorted(lease.notify)).encode()] if lease.notify else []
        kind, semicolon, original = lease.orcpt.partition(";")
        words += [b"ORCPT=" + kind.encode() + b";" + xtext(original)] if semicolon and lease.orcpt.isascii() else []
    return b" ".join(words)


class Stuffer:
    """Doubles the dots at the beginning of lines, piece by piece (RFC 5321 §4.5.2)."""

    def __init__(self) -> None:
        self._tail = b"\r\n"

    def feed(self, piece: bytes) -> bytes:
        """Return the next piece as it goes over the wire; not of an empty one."""
        joined = self._tail + piece
        self._tail, kept = joined[-2:], len(joined) - len(piece)
        stuffed = joined.replace(b"\r\n.", b"\r\n..")
        return stuffed[kept:]

    def end(self) -> bytes:
        """Return what ends the message: CR LF where it lacks one, and the dot."""
        return b".\r\n" if self._tail == b"\r\n" else b"\r\n.\r\n"


class Replies:
    """Cuts what a peer says into replies. `next` gives (code, lines) or None; raises BadReply for what is none."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self._lines: list[str] = []
        self._code = 0

    @property
    def empty(self) -> bool:
        """Say whether nothing was heard that has not been taken."""
        return not self._octets and not self._lines

    @property
    def unread_bytes(self) -> int:
        """Return how many octets nobody has looked at yet."""
        return len(self._octets)

    def feed(self, octets: bytes) -> None:
        """Take what came."""
        self._octets += octets

    def next(self) -> tuple[int, tuple[str, ...]] | None:
        """Return the next whole reply."""
        while (end := self._octets.find(b"\n")) >= 0:
            line = bytes(self._octets[:end]).rstrip(b"\r")
            del self._octets[: end + 1]
            found = _LINE.fullmatch(line)
            if found is None or len(line) > MAX_REPLY_LINE or len(self._lines) >= MAX_REPLY_LINES:
                raise BadReply(_clean(line[:80].decode("utf-8", "replace")))
            if self._lines and int(found[1]) != self._code:
                raise BadReply(_clean(line[:80].decode("utf-8", "replace")))
            self._code = int(found[1])
            self._lines.append((found[3] or b"").decode("utf-8", "replace"))
            if found[2] != b"-":
                lines, self._lines = tuple(self._lines), []
                return self._code, lines
        if len(self._octets) > MAX_REPLY_LINE:
            raise BadReply("a line without an end")
        return None


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
