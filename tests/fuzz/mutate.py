"""Changes to what a client says. Those of commands keep their frame: it stays known where each begins and ends."""

import random
import re
from dataclasses import dataclass

LITERAL = re.compile(rb"(~?)\{(\d+)(\+?)\}\r\n")
TOKEN = re.compile(rb'"[^"]*"|[^\s()]+|[()]')
NUMBER = re.compile(rb"(?<![\w.&-])\d{1,9}(?![\w.&-])")
ENDS_OPEN = re.compile(rb"\{\d+\+?\}\s*\Z")
ODD = (
    b"NIL", b"*", b"$", b"1:*", b"0", b"-1", b"4294967295", b"4294967296", b"18446744073709551616", b"1:4294967295", b"()", b"(", b")",
    b'""', b'"', b"\\", b'"\\\\"', b"{", b"}", b"[", b"]", b"<", b">", b"%", b"\\Seen", b"\\*", b"\\Recent", b"\x00", b"\xff\xfe",
    "بريد".encode(), b"&", b"&-", b"&Jjo-", b"INBOX", b"inbox", b"..", b"/", b"//", b"a/b", b"BODY[]", b"BODY[1.1.1.MIME]<0.1>", b"UTF-8",
    b"RETURN (ALL COUNT MIN MAX SAVE)", b"(CHANGEDSINCE 1)", b"UNCHANGEDSINCE", b"MODSEQ", b"UID", b"NOT NOT NOT ALL", b"OR", b"~",
    b"RETURN (PARTIAL -1:-5)", b"(QRESYNC (1 1 1:* (1:* 1:*)))", b"+", b"+FLAGS.SILENT", b"9999999999999999999999", b"Other Users/", b"#",
    b"A" * 300, b"1," * 200 + b"1", b"(" * 60 + b")" * 60,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Framed:
    """A command without its tag: lines, and between two of them a literal with its octets (binary, waits, octets)."""

    lines: tuple[bytes, ...]
    literals: tuple[tuple[bool, bool, bytes], ...] = ()

    def name(self) -> bytes:
        """Return the word that it begins with, in capitals."""
        return (self.lines[0].split(None, 1) or [b""])[0].upper()


def framed(octets: bytes) -> list[Framed]:
    """Return the commands in some octets; each further one has a tag, which is dropped."""
    found: list[Framed] = []
    lines: list[bytes] = []
    literals: list[tuple[bool, bool, bytes]] = []
    start = at = 0
    octets += b"\r\n"
    while (end := octets.find(b"\n", at) + 1) > 0:
        announced = LITERAL.search(octets, max(start, end - 32), end)
        if announced is not None and announced.end() == end:
            size = int(announced[2])
            lines.append(octets[start : announced.start()])
            literals.append((bool(announced[1]), not announced[3], octets[end : end + size]))
            start = at = end + size
            continue
        lines.append(octets[start:end].rstrip(b"\r\n"))
        if found and lines != [b"DONE"]:
            lines[0] = lines[0].partition(b" ")[2]
        found.append(Framed(tuple(map(_closed, lines)), tuple(literals)))
        lines, literals = [], []
        start = at = end
    return [one for one in found if one.lines != (b"",)]


def _closed(line: bytes) -> bytes:
    """A line that has no line break and announces no literal by mistake."""
    line = line.replace(b"\r", b"?").replace(b"\n", b"?")
    return line + b"." if ENDS_OPEN.search(line) else line


def changed(command: Framed, others: list[Framed], rng: random.Random) -> Framed:
    """Return a command with a few changes."""
    lines, literals = list(command.lines), list(command.literals)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 4))):
        place = rng.randrange(len(lines))
        if rng.random() < 0.4:
            lines[place] = NUMBER.sub(lambda found: _near(found[0], rng), lines[place])
            continue
        if literals and rng.random() < 0.25:
            index = rng.randrange(len(literals))
            binary, _, octets = literals[index]
            kind = rng.randrange(4)
            octets = (scrambled(octets, rng), octets * rng.choice((0, 2, 50)), rng.choice(ODD), octets)[kind]
            literals[index] = (binary != (rng.random() < 0.3), rng.random() < 0.3, octets[:200_000])
        elif rng.random() < 0.6:
            lines[place] = _tokens(lines[place], rng.choice(others).lines[0], rng)
        else:
            lines[place] = scrambled(lines[place], rng)
    return Framed(tuple(map(_closed, lines)), tuple(literals))


def _near(number: bytes, rng: random.Random) -> bytes:
    """Return a number, or another one that is mostly as good: what is said with it is not refused for its form."""
    return rng.choice((number, number, b"%d" % rng.randint(1, 12), b"%d" % (int(number) + rng.choice((-1, 1))), b"*", b"1:*"))


def _tokens(line: bytes, other: bytes, rng: random.Random) -> bytes:
    """Change a word: for an odd one, one of another command, none, or twice."""
    places = list(TOKEN.finditer(line))
    if not places:
        return rng.choice(ODD)
    one = rng.choice(places)
    foreign = TOKEN.findall(other) or [b"x"]
    by = (rng.choice(ODD), rng.choice(foreign), b"", one[0] + b" " + one[0], other, one[0].swapcase(), b" ".join([b"(" + one[0] + b")"]))
    return line[: one.start()] + rng.choice(by) + line[one.end() :]


def scrambled(octets: bytes, rng: random.Random) -> bytes:
    """Change some octets anywhere."""
    if not octets:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(4)))
    at = rng.randrange(len(octets))
    end = min(len(octets), at + rng.choice((1, 1, 2, 8, 40)))
    by = (b"", octets[at:end] * 2, bytes((rng.randrange(256),)), rng.choice(ODD), octets[at:end][::-1])
    return octets[:at] + rng.choice(by) + octets[end:]
