"""Plays a golden transcript: clients by letter, what each says, what each must hear.

``given: NAME with N messages``    fill a mailbox; every client has it selected, unless ``given: unselected``
``A: COMMAND``                     client A sends a command; ``⏎`` is a line break (for literals)
``A< …``                           A hears this: in this order, other lines may stand between. A tagged line may go on.
``A! …``                           A hears no such line since its last command
``$name`` binds one word and must be the same afterwards; ``…`` is anything. After IDLE lines are awaited until ``DONE``.
"""

import re
from dataclasses import dataclass, field

from tests.mailcore.imap.node import Client, Server

GIVEN = re.compile(r"(\S+) with (\d+) messages?")
TAGGED = ("OK", "NO", "BAD", "+")


@dataclass
class Voice:
    """One client of a transcript."""

    client: Client
    heard: list[str] = field(default_factory=list)
    place: int = 0  # of `heard`: expectations look from here on
    idling: bytes = b""

    async def say(self, command: str) -> None:
        """Send a command and hear its answer; IDLE is answered by DONE."""
        if command == "DONE":
            await self.client.send(b"DONE\r\n")
            tag, self.idling = self.idling, b""
        else:
            self.heard, self.place = [], 0
            self.client.numbers += 1
            tag = b"t%d" % self.client.numbers
            await self.client.send(tag + b" " + command.replace("⏎", "\r\n").encode() + b"\r\n")
        end = await self.client.until(tag)
        self.heard += [line.decode("utf-8", "replace") for line in [*self.client.untagged, end]]
        if command == "IDLE":
            self.idling = tag

    async def hear(self, wanted: "re.Pattern[str]") -> "re.Match[str] | None":
        """Find the next line that matches."""
        while True:
            while self.place < len(self.heard):
                self.place += 1
                if found := wanted.fullmatch(self.heard[self.place - 1]):
                    return found
            if not self.idling:
                return None
            self.heard.append((await self.client.line()).decode("utf-8", "replace"))


def expression(line: str, bound: dict[str, str]) -> "re.Pattern[str]":
    """Return what a line of a transcript matches."""
    parts = []
    for part in re.split(r"(\$\w+|…)", line):
        if part == "…":
            parts.append(r".*")
        elif part.startswith("$") and len(part) > 1:
            parts.append(re.escape(bound[part[1:]]) if part[1:] in bound else rf"(?P<{part[1:]}>[^\s\])]+)")
        else:
            parts.append(re.escape(part))
    tail = r".*" if line.startswith(TAGGED) else ""
    return re.compile("".join(parts) + tail, re.DOTALL)


async def play(name: str, text: str, server: Server) -> None:
    """Play a transcript; fail with the line that was not so."""
    voices: dict[str, Voice] = {}
    bound: dict[str, str] = {}
    mailbox = "INBOX"
    for number, whole in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s+)# .*$", "", whole).strip()
        if not line:
            continue
        who, kind, rest = line.partition(" ")[0][:-1], line.partition(" ")[0][-1], line.partition(" ")[2]
        if who == "given":
            if found := GIVEN.fullmatch(rest):
                mailbox = found[1]
                await server.fill(int(found[2]), mailbox)
            else:
                mailbox = ""
            continue
        if who not in voices:
            voices[who] = Voice(await server.signed_in(mailbox))
        voice, where = voices[who], f"{name}:{number}: {line}\nheard: {voices[who].heard}"
        if kind == ":":
            await voice.say(rest)
        elif kind == "<":
            match = await voice.hear(expression(rest, bound))
            assert match is not None, where
            bound |= match.groupdict()
        else:
            wanted = expression(rest, bound)
            assert not any(wanted.fullmatch(heard) for heard in voice.heard), where
