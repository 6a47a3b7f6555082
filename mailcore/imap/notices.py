"""What happened to mailboxes, as far as a client asked to be told. RFC 5465: states are compared, so nothing overflows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mailcore.imap import names
from mailcore.imap.commands import Item
from mailcore.imap.listing import Tree
from mailcore.store.types import Mailbox, MailboxKey

NEW, EXPUNGED, FLAGS = "MESSAGENEW", "MESSAGEEXPUNGE", "FLAGCHANGE"
NAME, SUBSCRIPTION = "MAILBOXNAME", "SUBSCRIPTIONCHANGE"
METADATA, SERVER_METADATA = "MAILBOXMETADATACHANGE", "SERVERMETADATACHANGE"
OF_MESSAGES = (NEW, EXPUNGED, FLAGS)
EVENTS = {  # as the RFC writes them: what BADEVENT lists
    NEW: "MessageNew",
    EXPUNGED: "MessageExpunge",
    FLAGS: "FlagChange",
    NAME: "MailboxName",
    SUBSCRIPTION: "SubscriptionChange",
    METADATA: "MailboxMetadataChange",
    SERVER_METADATA: "ServerMetadataChange",
}
SELECTED, SELECTED_DELAYED = "SELECTED", "SELECTED-DELAYED"
OF_SELECTED = (SELECTED, SELECTED_DELAYED)


@dataclass(frozen=True, slots=True)
class Group:
    """Which mailboxes, and which events there; none is NONE. `items` are fetched of new messages of the selected mailbox."""

    filter: str
    names: tuple[str, ...]
    events: frozenset[str]
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Notify:
    """The command: what to tell without being asked, no groups for nothing. `status` asks for where mailboxes stand now (§3.1)."""

    groups: tuple[Group, ...]
    status: bool = False


@dataclass(frozen=True, slots=True)
class Marks:
    """Versions of annotations: (mailbox, or 0 for the account, and full entry name) to something that changes with the value."""

    by_entry: dict[tuple[int, int, str], bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """All that notices come from, as it was read at one moment."""

    tree: Tree
    marks: Marks = Marks()


@dataclass(frozen=True, slots=True)
class Listed:
    """To tell: LIST. `name` may exist or not; `old_name` is what it was called before."""

    name: str
    old_name: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """To tell: STATUS."""

    name: str
    mailbox: Mailbox


@dataclass(frozen=True, slots=True)
class Annotated:
    """To tell: METADATA with names of entries; `name` is "" for the server."""

    name: str
    entries: tuple[str, ...]


Notice = Listed | Counted | Annotated


def _covers(group: Group, name: str, tree: Tree) -> bool:
    """Say whether a group is about a mailbox (RFC 5465 §6)."""
    match group.filter:
        case "PERSONAL":
            return name not in tree.foreign and not names.is_reserved(name)
        case "INBOXES":
            return name == "INBOX"
        case "SUBSCRIBED":
            return name in tree.subscribed
        case "SUBTREE":
            return any(name == top or name.startswith(top + names.SEPARATOR) for top in group.names)
        case "SUBTREE-ONE":
            return any(name == top or name.rpartition(names.SEPARATOR)[0] == top for top in group.names)
        case "MAILBOXES":
            return name in group.names
    return False


def wants(groups: Sequence[Group], name: str, tree: Tree, events: Iterable[str]) -> bool:
    """Say whether one of these events is to be told of a mailbox: the first group that has one, unless one with NONE comes before."""
    for group in groups:
        if group.filter in OF_SELECTED or not _covers(group, name, tree):
            continue
        if not group.events:
            return False
        if not group.events.isdisjoint(events):
            return True
    return False


def told(groups: Sequence[Group], before: State, after: State, selected: MailboxKey | None) -> Iterator[Notice]:
    """Return what is to be told of the difference: names first, then what is in them."""
    yield from _names(groups, before.tree, after.tree)
    yield from _subscriptions(groups, before.tree, after.tree)
    yield from _counts(groups, before.tree, after.tree, selected)
    yield from _annotations(groups, before, after)


def _names(groups: Sequence[Group], before: Tree, after: Tree) -> Iterator[Notice]:
    was = {mailbox.key: name for name, mailbox in before.mailboxes.items()}
    stays = {mailbox.key for mailbox in after.mailboxes.values()}
    for name, mailbox in before.mailboxes.items():
        if mailbox.key not in stays and name not in after.mailboxes and wants(groups, name, before, (NAME,)):
            yield Listed(name)
    for name, mailbox in after.mailboxes.items():
        old = was.get(mailbox.key, "")
        if old != name and (wants(groups, name, after, (NAME,)) or (old and wants(groups, old, before, (NAME,)))):
            yield Listed(name, old)


def _subscriptions(groups: Sequence[Group], before: Tree, after: Tree) -> Iterator[Notice]:
    for name in sorted(before.subscribed ^ after.subscribed):
        if wants(groups, name, after, (SUBSCRIPTION,)) or wants(groups, name, before, (SUBSCRIPTION,)):
            yield Listed(name)


def _counts(groups: Sequence[Group], before: Tree, after: Tree, selected: MailboxKey | None) -> Iterator[Notice]:
    """The selected mailbox has its own groups (RFC 5465 §6.1)."""
    known = {mailbox.key: mailbox for mailbox in before.mailboxes.values()}
    for name, mailbox in after.mailboxes.items():
        old = known.get(mailbox.key)
        if old is None or mailbox.key == selected or old.highest_modseq == mailbox.highest_modseq:
            continue
        if "r" in after.rights_at(name) and wants(groups, name, after, _happened(old, mailbox)):
            yield Counted(name, mailbox)


def _happened(old: Mailbox, new: Mailbox) -> tuple[str, ...]:
    """Return which events may be behind a difference: with as many messages as came, nothing has gone and flags may have changed."""
    came = new.uid_next - old.uid_next
    if not came and old.exists == new.exists:
        return (FLAGS,)
    return OF_MESSAGES


def _annotations(groups: Sequence[Group], before: State, after: State) -> Iterator[Notice]:
    changed: dict[tuple[int, int], list[str]] = {}
    old, new = before.marks.by_entry, after.marks.by_entry
    for mark in sorted(old.keys() | new.keys()):
        if old.get(mark) != new.get(mark):
            changed.setdefault(mark[:2], []).append(mark[2])
    by_key = {(int(box.key.account_id), int(box.key.mailbox_id)): name for name, box in after.tree.mailboxes.items()}
    for key, entries in changed.items():
        if key[1] == 0:
            if any(SERVER_METADATA in group.events for group in groups):
                yield Annotated("", tuple(entries))
        elif key in by_key and wants(groups, by_key[key], after.tree, (METADATA,)):
            yield Annotated(by_key[key], tuple(entries))
