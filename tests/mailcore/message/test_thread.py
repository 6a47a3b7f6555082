"""Threads of RFC 5256 §3, beside a slow reading of the same text."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcore.message.forest import NONE, Forest
from mailcore.message.thread import Letter, Threads, by_references, by_subject, written


def letter(message_id: str = "", references: str = "", subject: str = "", reply: bool = False, sent: int = 0) -> Letter:
    return Letter(message_id, tuple(references.split()), subject, reply, sent)


def line(threads: Threads) -> str:
    return written(threads, lambda place: place + 1).decode()


# The slow reading: objects, recursion, every check by walking.


@dataclass(eq=False)
class Node:
    number: int | None  # None for a dummy
    parent: "Node | None" = None
    children: list["Node"] = field(default_factory=list)

    def is_below(self, other: "Node") -> bool:
        at: Node | None = self
        while at is not None:
            if at is other:
                return True
            at = at.parent
        return False


def adopt(parent: Node, child: Node) -> None:
    if not parent.is_below(child):
        parent.children.append(child)
        child.parent = parent


def orphan(child: Node) -> None:
    if child.parent is not None:
        child.parent.children.remove(child)
        child.parent = None


def slow_references(letters: list[Letter]) -> str:
    nodes = [Node(number) for number in range(len(letters))]
    table: dict[str, Node] = {}
    for node, one in zip(nodes, letters, strict=True):
        if one.message_id and one.message_id not in table:
            table[one.message_id] = node
    dummies = []
    for node, one in zip(nodes, letters, strict=True):
        chain = []
        for name in one.references:
            if name not in table:
                table[name] = Node(None)
                dummies.append(table[name])
            chain.append(table[name])
        for above, below in pairwise(chain):
            if below.parent is None:
                adopt(above, below)
        if not chain or node.parent is not chain[-1]:
            orphan(node)
            if chain:
                adopt(chain[-1], node)
    roots = prune([node for node in nodes + dummies if node.parent is None], top=True)
    order(roots, letters, deep=False)
    roots = merge(roots, letters)
    order(roots, letters, deep=True)
    return "".join(show(root) for root in roots)


def prune(siblings: list[Node], *, top: bool) -> list[Node]:
    kept: list[Node] = []
    for node in siblings:
        node.children = prune(node.children, top=False)
        if node.number is not None or (top and len(node.children) > 1):
            kept.append(node)
        else:
            kept += node.children
    return kept


def moment(node: Node, letters: list[Letter]) -> tuple[int, int]:
    speaker = node if node.number is not None else node.children[0]
    assert speaker.number is not None
    return letters[speaker.number].sent_us, speaker.number


def order(siblings: list[Node], letters: list[Letter], *, deep: bool) -> None:
    for node in siblings:
        if deep or node.number is None:
            order(node.children, letters, deep=deep)
    siblings.sort(key=lambda node: moment(node, letters))


def merge(roots: list[Node], letters: list[Letter]) -> list[Node]:
    def subject(node: Node) -> Letter:
        speaker = node if node.number is not None else node.children[0]
        assert speaker.number is not None
        return letters[speaker.number]

    table: dict[str, Node] = {}
    for root in roots:
        name = subject(root).subject
        held = table.get(name)
        if not name:
            continue
        if held is None or (held.number is not None and (root.number is None or (subject(held).reply and not subject(root).reply))):
            table[name] = root
    left = list(roots)
    for root in roots:
        name = subject(root).subject
        if not name or table[name] is root:
            continue
        held = table[name]
        left.remove(root)
        if held.number is None:
            held.children += root.children if root.number is None else [root]
        elif subject(root).reply and not subject(held).reply:
            held.children.append(root)
        else:
            made = Node(None, children=[held, root])
            left[left.index(held)] = made
            table[name] = made
    return left


def show(root: Node) -> str:
    return f"({inside(root)})"


def inside(node: Node) -> str:
    own = [] if node.number is None else [str(node.number + 1)]
    if len(node.children) == 1:
        return " ".join([*own, inside(node.children[0])])
    return " ".join([*own, *(["".join(map(show, node.children))] if node.children else [])])


NAMES = ["a", "b", "c", "d", "e", "x", "y"]
LETTERS = st.lists(
    st.builds(
        Letter,
        st.sampled_from(["", *NAMES[:5]]),
        st.lists(st.sampled_from(NAMES), max_size=5).map(tuple),
        st.sampled_from(["", "S", "T"]),
        st.booleans(),
        st.integers(0, 3),
    ),
    max_size=10,
)


@settings(max_examples=600)
@given(LETTERS)
def test_references_as_the_slow_reading_has_them(letters: list[Letter]) -> None:
    assert line(by_references(letters)) == slow_references(letters)


@given(LETTERS)
def test_every_message_stands_once_in_its_threads(letters: list[Letter]) -> None:
    for threads in (by_references(letters), by_subject(letters)):
        shown = line(threads).replace("(", " ").replace(")", " ").split()
        assert sorted(map(int, shown)) == list(range(1, len(letters) + 1))


@given(LETTERS)
def test_ordered_subjects_are_flat_and_earliest_first(letters: list[Letter]) -> None:
    threads = by_subject(letters)
    firsts = [(letters[root].sent_us, root) for root in threads.roots]
    assert firsts == sorted(firsts)
    for root in threads.roots:
        family = [root, *threads.children[root]]
        assert len({letters[place].subject for place in family}) == 1
        assert family == sorted(family, key=lambda place: (letters[place].sent_us, place))
        assert not any(threads.children[child] for child in threads.children[root])


@pytest.mark.parametrize(
    ("letters", "want"),
    [
        ([], ""),
        ([letter("a")], "(1)"),
        ([letter("a"), letter("b", "a")], "(1 2)"),
        ([letter("b", "a"), letter("a")], "(2 1)"),
        ([letter("a"), letter("b", "a", sent=1), letter("c", "a", sent=2)], "(1 (2)(3))"),
        # siblings whose parent is not there
        ([letter("b", "a"), letter("c", "a", sent=1)], "((1)(2))"),
        # one child of a dummy takes its place
        ([letter("b", "a")], "(1)"),
        # a and b name each other: the first link stays
        ([letter("a", "b"), letter("b", "a")], "(2 1)"),
        # its own parent
        ([letter("a", "a")], "(1)"),
        # two messages with one Message-ID: the second is somebody else
        ([letter("a"), letter("a", sent=1), letter("b", "a", sent=2)], "(1 3)(2)"),
        # the subject brings a reply below its original, whatever came first
        ([letter("b", subject="S", reply=True, sent=0), letter("a", subject="S", sent=1)], "(2 1)"),
        # two originals with one subject stand side by side
        ([letter("a", subject="S"), letter("b", subject="S", sent=1)], "((1)(2))"),
        # the example of RFC 5256 §4
        (
            [
                *(letter("m2"), letter("m3", sent=1), letter("m6", "m3", sent=2), letter("m4", "m3 m6", sent=3)),
                *(letter("m23", "m4", sent=4), letter("m44", "m6", sent=5), letter("m7", "m44", sent=6), letter("m96", "m7", sent=7)),
            ],
            "(1)(2 3 (4 5)(6 7 8))",
        ),
    ],
)
def test_cases(letters: list[Letter], want: str) -> None:
    assert line(by_references(letters)) == want


@pytest.mark.parametrize("step", [1, -1])
def test_a_chain_of_a_hundred_thousand_replies(step: int) -> None:
    count = 100_000
    letters = [letter(str(number), str(number - step), "S", True, number) for number in range(count)]
    shown = line(by_references(letters))
    assert shown == "(" + " ".join(str(number + 1) for number in range(count)[::step]) + ")"


def test_a_deep_chain_that_everybody_wants_to_close_into_a_ring() -> None:
    half = 20_000
    chain = [letter(str(number), str(number - 1) if number else "", sent=number) for number in range(half)]
    closing = [letter(f"x{number}", f"{half - 1} 0", sent=half + number) for number in range(half)]
    threads = by_references(chain + closing)
    assert list(threads.roots) == [0]
    assert len(threads.children[0]) == half + 1


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 7), st.integers(0, 7)), max_size=60))
def test_a_forest_links_what_makes_no_ring(steps: list[tuple[bool, int, int]]) -> None:
    forest, parents = Forest(), [NONE] * 8
    for _ in parents:
        forest.add()
    for cut, one, other in steps:
        if cut:
            forest.cut(one)
            parents[one] = NONE
        elif parents[other] == NONE:
            at, ring = one, False
            while at != NONE:
                ring, at = ring or at == other, parents[at]
            assert forest.link(one, other) == (not ring)
            if not ring:
                parents[other] = one
        assert forest.parents == parents
