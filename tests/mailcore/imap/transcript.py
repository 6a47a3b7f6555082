"""Plays a golden transcript: clients by letter, what each says, what each must hear.

``given: NAME with N messages``    fill a mailbox; every client has it selected, unless ``given: unselected``
``given: B is WHO``                client B signs in as somebody else than Amina, who is made when nobody has that address yet;
                                   WHO is an address, of the ministry when it has no domain, or ``PERSON/MAILBOX``
``given: NAME of WHO with N …``    fill a mailbox of somebody else's; nothing is selected because of it
``given: WHO lends RIGHTS to WHO`` a loan of the directory's; ``lends RIGHTS in FOLDER to WHO`` of a folder; ``lends nothing`` ends
                                   every loan of WHO. These may stand anywhere: they happen there
``given: swept``                   ninety days go by, and what nothing shows any more is swept
``A: COMMAND``                     client A sends a command; ``⏎`` is a line break (for literals); ``$name`` is what was bound
``A< …``                           A hears this: in this order, other lines may stand between. A tagged line may go on.
``A! …``                           A hears no such line since its last command
``$name`` binds one word and must be the same afterwards; ``…`` is anything. After IDLE lines are awaited until ``DONE``,
after NOTIFY SET for good; after COMPRESS DEFLATE both sides compress.
"""

import re
from dataclasses import dataclass, field

from config.clock import ManualClock
from config.database import Tx
from directory import credentials, delegations, people, resolve
from directory.address import parse
from directory.signin.passwords import prepare
from directory.types import PasswordHash
from mailcore.store.sweep import TOMBSTONE_GRACE_US
from tests.mailcore.imap.node import AMINA, DOMAIN, PASSWORD, Client, Server

GIVEN = re.compile(r"(\S+) with (\d+) messages?")
FILLED = re.compile(r"(\S+) of (\S+) with (\d+) messages?")
CALLED = re.compile(r"(\w) is (\S+)")
LENT = re.compile(r"(\S+) lends (\S+)(?: in (\S+))? to (\S+)")
ENDED = re.compile(r"(\S+) lends nothing")
TAGGED = ("OK", "NO", "BAD", "+")


@dataclass
class Voice:
    """One client of a transcript."""

    client: Client
    heard: list[str] = field(default_factory=list)
    place: int = 0  # of `heard`: expectations look from here on
    idling: bytes = b""
    watching: bool = False

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
        if command == "COMPRESS DEFLATE" and end.startswith(b"OK"):
            self.client.pack()
        if command == "UNAUTHENTICATE":
            self.client.unpack()
        if command.startswith("NOTIFY "):
            self.watching = command.startswith("NOTIFY SET")

    async def hear(self, wanted: "re.Pattern[str]") -> "re.Match[str] | None":
        """Find the next line that matches."""
        while True:
            while self.place < len(self.heard):
                self.place += 1
                if found := wanted.fullmatch(self.heard[self.place - 1]):
                    return found
            if not self.idling and not self.watching:
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


def filled(command: str, bound: dict[str, str]) -> str:
    """Return a command with what was bound in the place of its names."""
    return re.sub(r"\$(\w+)", lambda found: bound.get(found[1], found[0]), command)


def address(who: str) -> str:
    """Return an address in full."""
    return who if "@" in who else f"{who}@{DOMAIN}"


@dataclass
class Stage:
    """What a transcript has been given so far."""

    server: Server
    mailbox: str = "INBOX"
    called: dict[str, str] = field(default_factory=dict)  # who a client is, by letter

    async def give(self, said: str) -> None:
        """Carry out a ``given`` line."""
        if found := FILLED.fullmatch(said):
            await self.meet(found[2])
            await self.server.fill(int(found[3]), found[1], address(found[2]))
        elif found := CALLED.fullmatch(said):
            person, slash, other = found[2].partition("/")
            await self.meet(person)
            self.called[found[1]] = address(person) + slash + (address(other) if other else "")
        elif found := LENT.fullmatch(said):
            await self.meet(found[1])
            await self.meet(found[4])
            lender, borrower = address(found[1]), address(found[4])
            await self.server.services.db.write(lend, lender, borrower, found[2].split(","), found[3] or "")
        elif found := ENDED.fullmatch(said):
            await self.server.services.db.write(take_back, address(found[1]))
        elif found := GIVEN.fullmatch(said):
            self.mailbox = found[1]
            await self.server.fill(int(found[2]), found[1])
        elif said == "swept":
            clock = self.server.services.clock
            assert isinstance(clock, ManualClock)
            clock.advance(TOMBSTONE_GRACE_US + 1)
            await self.server.services.store.sweep(clock.now_us())
        else:
            assert said == "unselected", said
            self.mailbox = ""

    async def meet(self, who: str) -> None:
        """Make a person with the usual password when nobody has this address, and open the account."""
        services = self.server.services
        kept = await services.signin.hasher.hash(prepare(PASSWORD))
        await services.store.open_account(await services.db.write(made, address(who), kept))


def account(tx: Tx, whose: str) -> int:
    """Return an account by address."""
    target = resolve.resolve(tx, parse(whose))
    assert target is not None, whose
    return target.account_id


def made(tx: Tx, whose: str, kept: PasswordHash) -> int:
    """Return the account of an address, made when there is none."""
    if resolve.resolve(tx, parse(whose)) is None:
        person = people.create(tx, "كريم", whose.partition("@")[0], parse(whose))
        credentials.set_password(tx, person.person_id, kept)
    return account(tx, whose)


def lend(tx: Tx, lender: str, borrower: str, rights: list[str], folder: str) -> None:
    """Grant a delegation from now on."""
    delegations.grant(tx, account(tx, lender), account(tx, borrower), rights, folder=folder)


def take_back(tx: Tx, lender: str) -> None:
    """Revoke every delegation that somebody gave."""
    for one in delegations.given(tx, account(tx, lender)):
        if one.revoked_us is None:
            delegations.revoke(tx, one.delegation_id)


async def play(name: str, text: str, server: Server) -> None:
    """Play a transcript; fail with the line that was not so."""
    voices: dict[str, Voice] = {}
    bound: dict[str, str] = {}
    stage = Stage(server)
    for number, whole in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s+)# .*$", "", whole).strip()
        if not line:
            continue
        who, kind, rest = line.partition(" ")[0][:-1], line.partition(" ")[0][-1], line.partition(" ")[2]
        if who == "given":
            await stage.give(rest)
            continue
        if who not in voices:
            voices[who] = Voice(await server.signed_in(stage.mailbox, stage.called.get(who, AMINA)))
        voice, where = voices[who], f"{name}:{number}: {line}\nheard: {voices[who].heard}"
        if kind == ":":
            await voice.say(filled(rest, bound))
        elif kind == "<":
            match = await voice.hear(expression(rest, bound))
            assert match is not None, where
            bound |= match.groupdict()
        else:
            wanted = expression(rest, bound)
            assert not any(wanted.fullmatch(heard) for heard in voice.heard), where
