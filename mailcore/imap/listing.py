"""What LIST and LSUB show of a tree of mailboxes. RFC 3501 §6.3.8, §6.3.9; RFC 5258; RFC 6154 §2."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mailcore.imap import names, responses
from mailcore.imap.commands import List
from mailcore.store.types import Mailbox


@dataclass(frozen=True, slots=True)
class Tree:
    """The mailboxes of an account by name, in the order to show them, and the subscribed names."""

    mailboxes: Mapping[str, Mailbox]
    subscribed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `mailbox` is None for a name that cannot be selected."""

    name: str
    attributes: tuple[bytes, ...]
    mailbox: Mailbox | None
    child_info: bool = False


def line(kind: bytes, entry: Entry) -> bytes:
    """Write a LIST or LSUB response."""
    info = b' ("CHILDINFO" ("SUBSCRIBED"))' if entry.child_info else b""
    return b'* %b (%b) "/" %b%b\r\n' % (kind, b" ".join(entry.attributes), responses.mailbox(entry.name), info)


def _wanted(command: List) -> list[str]:
    return [names.folded(command.reference + pattern) for pattern in command.patterns]


def entries(tree: Tree, command: List) -> Iterator[Entry]:
    """Return what LIST shows: every mailbox that a pattern and the selection options take."""
    patterns = _wanted(command)
    only_subscribed = "SUBSCRIBED" in command.selection
    recursive = "RECURSIVEMATCH" in command.selection
    parents = _above(tree.mailboxes)
    parents_of_subscribed = _above(tree.subscribed)
    known: dict[str, Mailbox | None] = dict(tree.mailboxes)
    if only_subscribed:
        known |= dict.fromkeys(sorted(tree.subscribed - known.keys()))
    for name, mailbox in known.items():
        child_info = only_subscribed and recursive and name in parents_of_subscribed
        if only_subscribed and not child_info and name not in tree.subscribed:
            continue
        if "SPECIAL-USE" in command.selection and (mailbox is None or mailbox.role not in responses.ROLES):
            continue
        if any(names.matches(pattern, name) for pattern in patterns):
            yield Entry(name, tuple(_attributes(tree, command, name, mailbox, parents)), mailbox, child_info)


def _above(children: Iterable[str]) -> set[str]:
    return {parent for name in children for parent in names.parents(name)}


def _attributes(tree: Tree, command: List, name: str, mailbox: Mailbox | None, parents: set[str]) -> Iterator[bytes]:
    if mailbox is None:
        yield b"\\NonExistent"
    yield b"\\HasChildren" if name in parents else b"\\HasNoChildren"
    if ("SUBSCRIBED" in command.selection or "SUBSCRIBED" in command.returns) and name in tree.subscribed:
        yield b"\\Subscribed"
    if mailbox is not None and mailbox.role in responses.ROLES:
        yield responses.ROLES[mailbox.role]


def subscribed(tree: Tree, command: List) -> Iterator[Entry]:
    """Return what LSUB shows. With ``%``, a name above a subscribed one is shown as \\Noselect (RFC 3501 §6.3.9)."""
    pattern = _wanted(command)[0]
    parents = _above(tree.mailboxes)
    above = _above(tree.subscribed) if "%" in pattern else set()
    for name in sorted(tree.subscribed | above, key=lambda name: (name != "INBOX", name.casefold())):
        if not names.matches(pattern, name):
            continue
        if name not in tree.subscribed:
            if not any(names.matches(pattern, child) for child in tree.subscribed if child.startswith(name + names.SEPARATOR)):
                yield Entry(name, (b"\\Noselect",), None)
            continue
        mailbox = tree.mailboxes.get(name)
        yield Entry(name, tuple(_attributes(tree, command, name, mailbox, parents)) if mailbox else (b"\\Noselect",), mailbox)
