"""A client that believes what it hears: it knows of its mailbox only what octets told it, and refuses what cannot be."""

import re
from dataclasses import dataclass, field

from tests.mailcore.imap.node import Client

EXISTS = re.compile(rb"\* (\d+) EXISTS")
EXPUNGE = re.compile(rb"\* (\d+) EXPUNGE")
VANISHED = re.compile(rb"\* VANISHED (\(EARLIER\) )?([\d:,]+)")
FETCH = re.compile(rb"\* (\d+) (UID)?FETCH \((.*)\)")
UID = re.compile(rb"\bUID (\d+)")
FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
MODSEQ = re.compile(rb"MODSEQ \((\d+)\)")
HIGHEST = re.compile(rb"\[HIGHESTMODSEQ (\d+)\]")
VALIDITY = re.compile(rb"\[UIDVALIDITY (\d+)\]")
QUIET = ("FETCH", "STORE", "SEARCH")  # nothing may be renumbered while these run
FREE = ("NOOP", "UID", "APPEND", "EXPUNGE", "IDLE", "CHECK")  # behind these everything has been told

Flags = frozenset[bytes]


def numbers(written: bytes) -> list[int]:
    """Return a set written out."""
    found: list[int] = []
    for piece in written.split(b","):
        low, _, high = piece.partition(b":")
        found += range(int(low), int(high or low) + 1)
    return found


@dataclass
class Seat:
    """One client. `uids` holds None for messages that it was told of by number only."""

    client: Client
    enabled: tuple[str, ...] = ()
    mailbox: str = ""
    uids: list[int | None] = field(default_factory=list)
    flags: dict[int, Flags] = field(default_factory=dict)
    modseqs: dict[int, int] = field(default_factory=dict)
    uidvalidity: int = 0
    highest: int = 0  # the highest modseq heard of
    anchor: int = 0  # as of when nothing was held back: from there on it may resynchronise

    @property
    def follows(self) -> bool:
        """Say whether this client follows modseqs."""
        return bool({"CONDSTORE", "QRESYNC"}.intersection(self.enabled))

    @property
    def vanishing(self) -> bool:
        """Say whether removals must come by UID."""
        return bool({"UIDONLY", "QRESYNC"}.intersection(self.enabled))

    async def ask(self, command: str, octets: bytes = b"") -> bytes:
        """Send a command, believe its answer, and return the tagged line."""
        self.client.numbers += 1
        tag = b"t%d" % self.client.numbers
        await self.client.send(tag + b" " + command.encode() + octets + b"\r\n")
        return self.believe(command, await self.client.until(tag))

    def believe(self, command: str, end: bytes) -> bytes:
        """Take in what was heard up to the tagged line."""
        for line in self.client.untagged:
            self.hear(line, command.split()[0])
        if found := HIGHEST.search(end):
            self._reach(int(found[1]))
        if command.split()[0] in FREE and end.startswith(b"OK"):
            self.anchor = max(self.anchor, self.highest)
        return end

    def hear(self, line: bytes, command: str) -> None:
        """Believe one line, if it can be believed."""
        opening = command in ("SELECT", "EXAMINE")
        if found := EXISTS.fullmatch(line):
            count = int(found[1])
            assert opening or count > len(self.uids), f"{line!r}, but {len(self.uids)} are known"
            if opening:
                self._count = count
            else:
                self.uids += [None] * (count - len(self.uids))
        elif found := EXPUNGE.fullmatch(line):
            assert not self.vanishing, line
            assert command not in QUIET, line
            self._forget(self.uids.pop(int(found[1]) - 1))
        elif found := VANISHED.fullmatch(line):
            assert self.vanishing, line
            assert command not in QUIET, line
            for uid in numbers(found[2]):
                self._vanish(uid, earlier=bool(found[1]), opening=opening)
        elif found := FETCH.fullmatch(line):
            self._fetch(int(found[1]), bool(found[2]), found[3], command)
        elif found := HIGHEST.search(line):
            self._reach(int(found[1]))
        elif found := VALIDITY.search(line):
            self.uidvalidity = int(found[1])
        assert not line.startswith(b"* BYE"), line

    def _reach(self, modseq: int) -> None:
        self.highest = max(self.highest, modseq)

    def _forget(self, uid: int | None) -> None:
        if uid is not None:
            self.flags.pop(uid, None)
            self.modseqs.pop(uid, None)

    def _vanish(self, uid: int, *, earlier: bool, opening: bool) -> None:
        if uid in self.uids:
            assert opening or not earlier, f"{uid} vanished earlier, but it was there"
            self.uids.remove(uid)
            self._forget(uid)
        elif not earlier:
            del self.uids[self._unnamed(uid)]
            self._forget(uid)

    def _unnamed(self, uid: int) -> int:
        """Return the place of a message known by number only that can have this UID: they ascend."""
        for place, known in enumerate(self.uids):
            after = next((other for other in self.uids[place:] if other is not None), uid + 1)
            if known is None and after > uid:
                return place
        raise AssertionError(f"{uid} is nowhere in {self.uids}")

    def _fetch(self, number: int, only: bool, items: bytes, command: str) -> None:
        opening = command in ("SELECT", "EXAMINE")
        assert only == ("UIDONLY" in self.enabled), items
        said = UID.search(items)
        if only:
            uid = number
        elif opening:
            assert said is not None, "QRESYNC names UIDs"
            uid = int(said[1])
        else:
            assert 1 <= number <= len(self.uids), f"no message {number}"
            known = self.uids[number - 1]
            assert said is None or known in (None, int(said[1])), f"{number} is {known}, not {said[0]!r}"
            if known is None and said is None:
                return
            uid = int(said[1]) if said is not None else known or 0
            self.uids[number - 1] = uid
        if only and command == "UID" and uid not in self.uids:
            self.uids[self._unnamed(uid)] = uid
            named = sorted(one for one in self.uids if one is not None)  # where there are no numbers, nobody knows which of them it was
            self.uids = [*named, *[None] * (len(self.uids) - len(named))]
        self._note(uid, items)

    def _note(self, uid: int, items: bytes) -> None:
        flags, modseq = FLAGS.search(items), MODSEQ.search(items)
        assert modseq is not None or not self.follows or flags is None, f"no MODSEQ in {items!r}"
        if flags is not None:
            self.flags[uid] = frozenset(flags[1].split())
        if modseq is not None:
            assert int(modseq[1]) >= self.modseqs.get(uid, 0), f"the modseq of {uid} went back: {items!r}"
            self.modseqs[uid] = int(modseq[1])
            self._reach(int(modseq[1]))

    async def select(self, mailbox: str, *, resync: str = "") -> None:
        """Select a mailbox anew, or go on from what is known."""
        self._count = 0
        if not resync:
            self.mailbox, self.uids, self.flags, self.modseqs = mailbox, [], {}, {}
            self.highest = self.anchor = 0
        assert (await self.ask(f"SELECT {mailbox}{resync}")).startswith(b"OK")
        assert self._count >= len(self.uids), f"{self._count} exist, but {self.uids} are known"
        self.uids += [None] * (self._count - len(self.uids))
        self.anchor = max(self.anchor, self.highest)
        await self.learn()

    async def learn(self) -> None:
        """Ask for the UIDs and flags of messages that are known by number only."""
        for _ in range(3):
            if None not in self.uids:
                return
            first = 0 if "UIDONLY" in self.enabled else self.uids.index(None)
            await self.ask(f"UID FETCH {(self.uids[first - 1] or 0) + 1 if first else 1}:* (FLAGS)")
        assert None not in self.uids, self.uids

    def change(self, uid: int, op: str, flags: Flags) -> None:
        """Believe that one's own silent STORE did what it should."""
        old = self.flags[uid]
        self.flags[uid] = old | flags if op == "+" else old - flags if op == "-" else flags
