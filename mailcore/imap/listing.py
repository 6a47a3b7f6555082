"""What LIST and LSUB show of trees of mailboxes. RFC 3501 §6.3.8, §6.3.9; RFC 9051 §6.3.9; RFC 5258; RFC 6154 §2; RFC 8440."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mailcore.imap import names, responses
from mailcore.imap.commands import List
from mailcore.imap.names import Pattern
from mailcore.store import rights
from mailcore.store.mailboxes import MAX_DEPTH
from mailcore.store.rights import Rights
from mailcore.store.types import Mailbox

CRITERIA = ("SUBSCRIBED", "SPECIAL-USE")  # selection options that choose; each counts (RFC 5258 §3.1, RFC 6154 §2)


@dataclass(frozen=True, slots=True)
class Tree:
    """The mailboxes that somebody sees by the name they have for them, in the order to show them, and the subscribed names.

    `foreign` holds the rights at those of other accounts: their special uses are not shown, or clients would take somebody
    else's Sent for their own.
    """

    mailboxes: Mapping[str, Mailbox]
    subscribed: frozenset[str]
    foreign: Mapping[str, Rights] = field(default_factory=dict)
    rights: Rights = rights.ALL  # at those of one's own account

    def rights_at(self, name: str) -> Rights:
        """Return what may be done with a mailbox."""
        return self.foreign.get(name, self.rights)

    def role(self, name: str) -> bytes:
        """Return the special use to show, b"" for none."""
        mailbox = self.mailboxes.get(name)
        return b"" if mailbox is None or name in self.foreign else responses.ROLES.get(mailbox.role, b"")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `mailbox` is None for a name that cannot be selected; `old_name` is what it was called a moment ago."""

    name: str
    attributes: tuple[bytes, ...]
    mailbox: Mailbox | None
    child_info: tuple[str, ...] = ()
    old_name: str = ""


def line(kind: bytes, entry: Entry, *, utf8: bool = False) -> bytes:
    """Write a LIST or LSUB response, with the extended data that belongs to it (RFC 5258 §4, RFC 9051 §6.3.9.7)."""
    extended: list[bytes] = []
    if entry.child_info:
        extended.append(b'"CHILDINFO" (%b)' % b" ".join(b'"%b"' % name.encode("ascii") for name in entry.child_info))
    if entry.old_name:
        extended.append(b'"OLDNAME" (%b)' % responses.mailbox(entry.old_name, utf8=utf8))
    info = b" (%b)" % b" ".join(extended) if extended else b""
    return b'* %b (%b) "/" %b%b\r\n' % (kind, b" ".join(entry.attributes), responses.mailbox(entry.name, utf8=utf8), info)


def patterns(command: List) -> list[Pattern]:
    """Return the patterns of a command, each behind its reference (RFC 3501 §6.3.8); empty ones ask for nothing (RFC 9051 §6.3.9)."""
    return [Pattern(names.folded(command.reference + pattern)) for pattern in command.patterns if pattern]


def entries(tree: Tree, command: List, wanted: Sequence[Pattern], *, rev2: bool = False) -> Iterator[Entry]:
    """Return what LIST shows: every name that a pattern and the selection options take."""
    criteria = tuple(name for name in CRITERIA if name in command.selection)
    chosen = [name for name in _known(tree, criteria) if _meets(tree, criteria, name)]
    taken, above_chosen = frozenset(chosen), _above(chosen)
    recursive = bool(criteria) and "RECURSIVEMATCH" in command.selection
    unseen = _above(name for name in chosen if not any(pattern.matches(name) for pattern in wanted)) if recursive else set()
    parents = _above(tree.mailboxes)
    extended = command.extended or rev2
    for name in _ordered(taken | above_chosen):
        matching = [pattern for pattern in wanted if pattern.matches(name)]
        info = criteria if recursive and name in above_chosen else ()
        if not matching or not (name in taken or name in unseen or (not criteria and _is_level(tree, name, matching))):
            continue
        mailbox = tree.mailboxes.get(name)
        yield Entry(name, tuple(_attributes(tree, command, name, parents, extended=extended)), mailbox, info)


def _known(tree: Tree, criteria: Sequence[str]) -> Iterable[str]:
    return tree.mailboxes.keys() | tree.subscribed if "SUBSCRIBED" in criteria else tree.mailboxes.keys()


def _meets(tree: Tree, criteria: Sequence[str], name: str) -> bool:
    return ("SUBSCRIBED" not in criteria or name in tree.subscribed) and ("SPECIAL-USE" not in criteria or bool(tree.role(name)))


def _is_level(tree: Tree, name: str, matching: Sequence[Pattern]) -> bool:
    """Say whether to show a name that is no mailbox, only above some: where ``%`` asks for levels, and always in namespaces of others.

    There, clients that list everything with ``*`` would otherwise hang mailboxes below nothing.
    """
    return names.is_reserved(name) or any(pattern.levels for pattern in matching)


def _ordered(found: Iterable[str]) -> list[str]:
    """Return names in the order to show them: INBOX, one's own, those of others."""
    return sorted(found, key=lambda name: (name != "INBOX", names.is_reserved(name), name.casefold()))


def _above(children: Iterable[str]) -> set[str]:
    return {parent for name in children for parent in names.parents(name)}


def attributes(tree: Tree, name: str) -> tuple[bytes, ...]:
    """Return what is said of a mailbox that is shown by itself, without LIST being asked."""
    return tuple(_attributes(tree, List("", ()), name, _above(tree.mailboxes), extended=True))


def _attributes(tree: Tree, command: List, name: str, parents: set[str], *, extended: bool) -> Iterator[bytes]:
    if name not in tree.mailboxes:
        yield b"\\NonExistent" if extended else b"\\Noselect"  # RFC 5258 §3: the one implies the other
    elif "r" not in tree.rights_at(name):
        yield b"\\Noselect"  # RFC 9051 §6.3.9.2
    if name in parents:
        yield b"\\HasChildren"
    else:
        yield b"\\Noinferiors" if len(names.parents(name)) + 1 >= MAX_DEPTH else b"\\HasNoChildren"
    if ("SUBSCRIBED" in command.selection or "SUBSCRIBED" in command.returns) and name in tree.subscribed:
        yield b"\\Subscribed"
    if role := tree.role(name):
        yield role


def subscribed(tree: Tree, wanted: Sequence[Pattern]) -> Iterator[Entry]:
    """Return what LSUB shows. With ``%``, a name above a subscribed one is shown as \\Noselect (RFC 3501 §6.3.9)."""
    if not wanted:  # an empty pattern asks for nothing
        return
    pattern = wanted[0]
    parents = _above(tree.mailboxes)
    above = _above(tree.subscribed) if pattern.has_percent else set()
    plain = List("", ())
    for name in _ordered(tree.subscribed | above):
        if not pattern.matches(name):
            continue
        if name not in tree.subscribed:
            if not any(pattern.matches(child) for child in tree.subscribed if child.startswith(name + names.SEPARATOR)):
                yield Entry(name, (b"\\Noselect",), None)
            continue
        mailbox = tree.mailboxes.get(name)
        yield Entry(name, tuple(_attributes(tree, plain, name, parents, extended=False)) if mailbox else (b"\\Noselect",), mailbox)
