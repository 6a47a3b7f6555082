"""A search as it is being decided: what is certain, what is open, which keys could decide it. RFC 3501 §6.4.4.

Every key knows the places that it matches, and those of which it knows whether it does. From these follow the places that match
for certain and those that may, so a search goes only as far as it must: flags first, then rows, headers, and texts last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mailcore.imap.criteria import AllOf, AnyOf, Changed, Flagged, Key, Keyword, Leaf, Not, Numbers
from mailcore.imap.search import masks
from mailcore.imap.view import View


@dataclass(slots=True, eq=False)
class State:
    """A key without keys in it: where it matches, and where that is known."""

    key: Leaf
    negated: bool = False  # stands under a NOT: then a text must not match by its relatives
    yes: int = 0
    known: int = 0

    def learn(self, yes: int, known: int) -> None:
        """Note where the key matches, among the places of which it is known now."""
        self.yes |= yes & known & ~self.known
        self.known |= known


@dataclass(frozen=True, slots=True)
class Inverse:
    """What a NOT stands on."""

    node: "Node"


@dataclass(frozen=True, slots=True)
class Every:
    """All must match."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """One must match."""

    nodes: tuple["Node", ...]


Node = State | Inverse | Every | Some


@dataclass(slots=True)
class Trial:
    """The state of one search over one view. Messages that turn out to be gone leave `present`."""

    view: View
    root: Node
    present: int
    states: list[State] = field(default_factory=list)

    def open(self) -> int:
        """Return the places that are not decided yet."""
        sure, possible = _judge(self.root, self.present)
        return possible & ~sure

    def found(self) -> int:
        """Return the places that match for certain."""
        return _judge(self.root, self.present)[0]

    def absent(self, places: int) -> None:
        """Take note that messages are not there any more."""
        self.present &= ~places


def _judge(node: Node, present: int) -> tuple[int, int]:
    """Return the places that match for certain, and those that may."""
    match node:
        case State():
            return node.yes & present, (node.yes | ~node.known) & present
        case Inverse(inner):
            sure, possible = _judge(inner, present)
            return present & ~possible, present & ~sure
        case Every(nodes):
            sure = possible = present
            for inner in nodes:
                first, second = _judge(inner, present)
                sure, possible = sure & first, possible & second
            return sure, possible
        case Some(nodes):
            sure = possible = 0
            for inner in nodes:
                first, second = _judge(inner, present)
                sure, possible = sure | first, possible | second
            return sure, possible


def begin(key: Key, view: View, keywords: Mapping[int, str], saved: Sequence[int], gone: Sequence[int]) -> Trial:
    """Return a search with everything decided that the view alone decides. `saved` are the UIDs of ``$``; `gone` are places."""
    everything = masks.full(len(view.uids))
    trial = Trial(view, Every(()), everything & ~masks.of_places(gone, len(view.uids)))

    def node(key: Key, *, negated: bool = False) -> Node:
        match key:
            case Not(inner):
                return Inverse(node(inner, negated=True))
            case AllOf(inners):
                return Every(tuple(node(inner, negated=negated) for inner in inners))
            case AnyOf(inners):
                return Some(tuple(node(inner, negated=negated) for inner in inners))
        state = State(key, negated)
        yes = _at_once(key, view, keywords, saved)
        if yes is not None:
            state.learn(yes, everything)
        trial.states.append(state)
        return state

    trial.root = node(key)
    return trial


def _at_once(key: Leaf, view: View, keywords: Mapping[int, str], saved: Sequence[int]) -> int | None:
    """Return where a key matches that is about the view itself, None for others."""
    match key:
        case Flagged(bit):
            return masks.flagged(view, bit)
        case Keyword(name):
            return masks.flagged(view, sum(bit for bit, known in keywords.items() if known.casefold() == name))
        case Numbers(messages, uid):
            chosen = view.known(saved) if messages.saved else view.matching(messages, uid=uid)
            return masks.of_places(chosen, len(view.uids))
        case Changed(modseq):
            return masks.of_marks(at >= modseq for at in view.modseqs)
    return None
