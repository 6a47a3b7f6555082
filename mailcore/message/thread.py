"""Messages as threads: ORDEREDSUBJECT and REFERENCES. RFC 5256 §3. No recursion; n log n whatever the references say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from mailcore.message.forest import NONE, Forest


class Letter(msgspec.Struct, frozen=True, gc=False):  # a hundred thousand of them would keep the collector busy for 0.1 s
    """What threading asks of a message. `subject` is its base subject in collation form; ids are normalised, "" for none."""

    message_id: str
    references: tuple[str, ...]
    subject: str
    reply: bool
    sent_us: int


@dataclass(frozen=True, slots=True)
class Threads:
    """Trees of messages, each named by its place in the list given; from `count` on there are dummies without a message.

    A dummy stands only at the top and has two children or more.
    """

    count: int
    roots: Sequence[int]
    children: Sequence[Sequence[int]]


def by_subject(letters: Sequence[Letter]) -> Threads:
    """ORDEREDSUBJECT: messages with one base subject hang below the earliest of them."""
    groups: dict[str, list[int]] = {}
    for place in sorted(range(len(letters)), key=lambda place: letters[place].sent_us):
        groups.setdefault(letters[place].subject, []).append(place)
    children: list[Sequence[int]] = [()] * len(letters)
    for first, *others in groups.values():
        children[first] = others
    return Threads(len(letters), [group[0] for group in groups.values()], children)


def by_references(letters: Sequence[Letter]) -> Threads:
    """REFERENCES: steps 1 to 6, in its own words."""
    trees = _Trees(letters, _linked(letters))
    trees.order_roots()
    trees.merge_subjects()
    trees.order_roots()
    for place in range(len(letters)):
        trees.order(place)
    return Threads(len(letters), trees.roots, trees.children)


def _linked(letters: Sequence[Letter]) -> list[int]:
    """Step 1: return parents by node; messages first, then dummies for ids that no message has."""
    forest, known = Forest(), dict[str, int]()
    for letter in letters:
        node = forest.add()
        if letter.message_id:
            known.setdefault(letter.message_id, node)  # the first message with an id has it

    def named(message_id: str) -> int:
        found = known.get(message_id)
        if found is None:
            found = known[message_id] = forest.add()
        return found

    for node, letter in enumerate(letters):
        above = NONE
        for below in map(named, letter.references):
            if above != NONE and forest.parents[below] == NONE:
                forest.link(above, below)
            above = below
        if above == NONE or forest.parents[node] != above:
            forest.cut(node)
            if above != NONE:
                forest.link(above, node)
    return forest.parents


class _Trees:
    """The trees from step 2 on. `children` has a list for each message and each dummy that still stands."""

    def __init__(self, letters: Sequence[Letter], parents: Sequence[int]) -> None:
        self._letters = letters
        self._count = len(letters)
        self.roots: list[int] = []
        self.children: list[list[int]] = [[] for _ in parents]
        self._prune(parents)

    def _prune(self, parents: Sequence[int]) -> None:
        """Steps 2 and 3: dummies go, their children come up, but several do not become roots."""
        below: list[list[int]] = [[] for _ in parents]
        tops: list[int] = []
        for node, parent in enumerate(parents):
            (tops if parent == NONE else below[parent]).append(node)
        waiting = [(top, top) for top in tops]
        while waiting:
            node, anchor = waiting.pop()
            for child in below[node]:
                if child < self._count:
                    self.children[anchor].append(child)
                    waiting.append((child, child))
                else:
                    waiting.append((child, anchor))
        for top in tops:
            if top < self._count or len(self.children[top]) > 1:
                self.roots.append(top)
            else:
                self.roots += self.children[top]

    def order_roots(self) -> None:
        """Step 4: earliest first; of a dummy its children, by the first of which it stands."""
        for root in self.roots:
            if root >= self._count:
                self.order(root)
        self.roots.sort(key=self._moment)

    def order(self, node: int) -> None:
        """Sort the children of a node by date, then by number."""
        self.children[node].sort(key=self._moment)

    def _moment(self, node: int) -> tuple[int, int]:
        node = self._speaker(node)
        return self._letters[node].sent_us, node

    def _speaker(self, node: int) -> int:
        """Return the message that stands for a node: of a dummy the first child."""
        return node if node < self._count else self.children[node][0]

    def merge_subjects(self) -> None:
        """Step 5: one root for each base subject."""
        first_made = len(self.children)
        table: dict[str, int] = {}
        for root in self.roots:
            subject = self._letters[self._speaker(root)].subject
            if subject and (subject not in table or self._replaces(root, table[subject])):
                table[subject] = root
        kept: list[int] = []
        for root in self.roots:
            subject = self._letters[self._speaker(root)].subject
            if not subject or table[subject] == root:
                kept.append(root)
            else:
                table[subject] = self._merge(root, table[subject])
        made = [holder for holder in table.values() if holder >= first_made]
        below = {child for holder in made for child in self.children[holder]}
        self.roots = [root for root in kept if root not in below] + made

    def _replaces(self, root: int, held: int) -> bool:
        """Step 5 B iv."""
        if held >= self._count:
            return False
        return root >= self._count or (self._letters[held].reply and not self._letters[root].reply)

    def _merge(self, root: int, held: int) -> int:
        """Step 5 C iv: bring a root below the one that holds its subject; return the holder from now on."""
        if held >= self._count:
            self.children[held] += self.children[root] if root >= self._count else [root]
            return held
        if self._letters[root].reply and not self._letters[held].reply:
            self.children[held].append(root)
            return held
        self.children.append([held, root])
        return len(self.children) - 1


Numbers = Callable[[int], int]


def written(threads: Threads, number: Numbers) -> bytes:
    """Return a THREAD response's threads: ``(2)(3 6 (4 23)(44 7 96))`` (RFC 5256 §4)."""
    out: list[bytes] = []
    waiting = list(reversed(threads.roots))
    while waiting:
        node = waiting.pop()
        if node == NONE:
            out.append(b")")
            continue
        out.append(b"(")
        waiting.append(NONE)
        waiting += reversed(_chain(threads, node, number, out))
    return b"".join(out)


def _chain(threads: Threads, node: int, number: Numbers, out: list[bytes]) -> Sequence[int]:
    """Write a message and its only children in turn; return the children that branch off."""
    while True:
        children = threads.children[node]
        if node < threads.count:
            out.append(b"%d" % number(node))
            if children:
                out.append(b" ")
        if len(children) != 1:
            return children
        node = children[0]
