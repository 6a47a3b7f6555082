"""Every command: how its arguments are read, what it does, when it may be given, what may be told around it. RFC 3501 §6."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from mailcore.imap.handlers import (
    appending,
    brief,
    changing,
    entry,
    fetching,
    idling,
    layers,
    mailboxes,
    metadata,
    multisearch,
    notifying,
    quota,
    replacing,
    rights,
    searching,
    selecting,
)
from mailcore.imap.parse import account, messages
from mailcore.imap.parse import appending as parse_appending
from mailcore.imap.parse import fetching as parse_fetching
from mailcore.imap.parse import layers as parse_layers
from mailcore.imap.parse import metadata as parse_metadata
from mailcore.imap.parse import notifying as parse_notifying
from mailcore.imap.parse import rights as parse_rights
from mailcore.imap.parse import searching as parse_searching
from mailcore.imap.parse.cursor import Cursor
from mailcore.imap.responses import Responses
from mailcore.imap.session import Session, State


class Telling(Enum):
    """What a client may be told of its mailbox around a command (RFC 3501 §7.4.1).

    A command with sequence numbers means those that the client knew when it sent it: renumbering may come only behind it,
    and not even there while FETCH, STORE or SEARCH run.
    """

    NOTHING = "the command opens or leaves a mailbox"
    HELD = "flags and arrivals, no removals"
    BEHIND = "removals only behind the command"
    FREE = "everything, before and behind"


@dataclass(frozen=True, slots=True)
class Spec:
    """One row of the table."""

    parse: Callable[[Cursor], Any]
    handle: Callable[[Session, Any], Responses]
    states: frozenset[State]
    telling: Telling = Telling.HELD
    writes: bool = False  # changes the account: nothing for who was lent all of it to read
    needs: str = ""  # rights in the selected mailbox without which there is nothing to do (RFC 4314 §4)
    numbers: bool = False  # names messages by sequence number: refused after ENABLE UIDONLY (RFC 9586 §3)
    removes: bool = False  # removes messages, and says so before it ends
    lasts: bool = False  # may take long: the client is told so now and then (RFC 9585); it answers in whole lines
    at_once: Callable[[Session, Any], brief.Said | None] | None = None  # tried before `handle`, while nothing is to be looked up or told


START = frozenset((State.START,))
ANY = frozenset((State.START, State.SIGNED_IN, State.SELECTED))
SIGNED_IN = frozenset((State.SIGNED_IN, State.SELECTED))
SELECTED = frozenset((State.SELECTED,))
NOTHING, HELD, BEHIND, FREE = Telling

TABLE: dict[str, Spec] = {
    "CAPABILITY": Spec(account.plain, entry.capability, ANY),
    "NOOP": Spec(account.plain, entry.noop, ANY, FREE, at_once=brief.noop),
    "LOGOUT": Spec(account.plain, entry.logout, ANY, NOTHING),
    "ID": Spec(account.identify, entry.identify, ANY),
    "STARTTLS": Spec(account.plain, entry.starttls, START),
    "LOGIN": Spec(account.login, entry.login, START),
    "AUTHENTICATE": Spec(account.authenticate, entry.authenticate, START),
    "UNAUTHENTICATE": Spec(account.plain, layers.unauthenticate, SIGNED_IN, NOTHING),
    "COMPRESS": Spec(parse_layers.compress, layers.compress, SIGNED_IN),
    "ENABLE": Spec(account.enable, entry.enable, SIGNED_IN),
    "NAMESPACE": Spec(account.plain, entry.namespace, SIGNED_IN),
    "LIST": Spec(account.listing, mailboxes.list_, SIGNED_IN),
    "LSUB": Spec(account.lsub, mailboxes.lsub, SIGNED_IN),
    "STATUS": Spec(account.status, mailboxes.status, SIGNED_IN, at_once=brief.status),
    "MYRIGHTS": Spec(parse_rights.of_mailbox, rights.my_rights, SIGNED_IN),
    "GETACL": Spec(parse_rights.of_mailbox, rights.get_acl, SIGNED_IN),
    "LISTRIGHTS": Spec(parse_rights.list_rights, rights.list_rights, SIGNED_IN),
    "SETACL": Spec(parse_rights.set_acl, rights.set_acl, SIGNED_IN, writes=True),
    "DELETEACL": Spec(parse_rights.delete_acl, rights.delete_acl, SIGNED_IN, writes=True),
    "CREATE": Spec(account.create, mailboxes.create, SIGNED_IN, writes=True),
    "DELETE": Spec(account.delete, mailboxes.delete, SIGNED_IN, writes=True),
    "RENAME": Spec(account.rename, mailboxes.rename, SIGNED_IN, writes=True),
    "SUBSCRIBE": Spec(account.subscribe, mailboxes.subscribe, SIGNED_IN, writes=True),
    "UNSUBSCRIBE": Spec(account.subscribe, mailboxes.unsubscribe, SIGNED_IN, writes=True),
    "GETMETADATA": Spec(parse_metadata.get, metadata.get, SIGNED_IN),
    "SETMETADATA": Spec(parse_metadata.set_, metadata.set_, SIGNED_IN, writes=True),
    "GETQUOTA": Spec(parse_metadata.quota, quota.get_quota, SIGNED_IN),
    "GETQUOTAROOT": Spec(parse_metadata.quota_root, quota.get_quota_root, SIGNED_IN),
    "NOTIFY": Spec(parse_notifying.notify, notifying.notify, SIGNED_IN, FREE),
    "SELECT": Spec(account.select, selecting.select, SIGNED_IN, NOTHING, at_once=brief.select),
    "EXAMINE": Spec(account.select, selecting.examine, SIGNED_IN, NOTHING, at_once=brief.examine),
    "APPEND": Spec(parse_appending.append, appending.append, SIGNED_IN, FREE, writes=True),
    "IDLE": Spec(account.plain, idling.idle, SIGNED_IN, FREE),
    "CHECK": Spec(account.plain, entry.noop, SELECTED, FREE, at_once=brief.noop),
    "CLOSE": Spec(account.plain, selecting.close, SELECTED, NOTHING),
    "UNSELECT": Spec(account.plain, selecting.unselect, SELECTED, NOTHING),
    "EXPUNGE": Spec(messages.expunge, changing.expunge, SELECTED, FREE, writes=True, needs="e", removes=True, lasts=True),
    "UID EXPUNGE": Spec(messages.uid_expunge, changing.expunge, SELECTED, FREE, writes=True, needs="e", removes=True, lasts=True),
    "FETCH": Spec(parse_fetching.fetch, fetching.fetch, SELECTED, HELD, numbers=True, at_once=brief.fetch),
    "UID FETCH": Spec(parse_fetching.uid_fetch, fetching.fetch, SELECTED, FREE, at_once=brief.fetch),
    "STORE": Spec(messages.store, changing.store, SELECTED, HELD, writes=True, numbers=True, lasts=True),
    "UID STORE": Spec(messages.uid_store, changing.store, SELECTED, FREE, writes=True, lasts=True),
    "SEARCH": Spec(parse_searching.search, searching.search, SELECTED, HELD, numbers=True, lasts=True),
    "UID SEARCH": Spec(parse_searching.uid_search, searching.search, SELECTED, BEHIND, lasts=True),
    "SORT": Spec(parse_searching.sort, searching.sort, SELECTED, HELD, numbers=True, lasts=True),
    "UID SORT": Spec(parse_searching.uid_sort, searching.sort, SELECTED, BEHIND, lasts=True),
    "THREAD": Spec(parse_searching.thread, searching.thread, SELECTED, HELD, numbers=True, lasts=True),
    "UID THREAD": Spec(parse_searching.uid_thread, searching.thread, SELECTED, BEHIND, lasts=True),
    "ESEARCH": Spec(parse_searching.multisearch, multisearch.esearch, SIGNED_IN, BEHIND, lasts=True),
    "COPY": Spec(messages.transfer, changing.copy, SELECTED, BEHIND, writes=True, numbers=True, lasts=True),
    "UID COPY": Spec(messages.uid_transfer, changing.copy, SELECTED, FREE, writes=True, lasts=True),
    "MOVE": Spec(messages.transfer, changing.move, SELECTED, BEHIND, writes=True, needs="te", numbers=True, removes=True, lasts=True),
    "UID MOVE": Spec(messages.uid_transfer, changing.move, SELECTED, FREE, writes=True, needs="te", removes=True, lasts=True),
    "REPLACE": Spec(parse_appending.replace, replacing.replace, SELECTED, BEHIND, writes=True, needs="te", numbers=True, removes=True),
    "UID REPLACE": Spec(parse_appending.uid_replace, replacing.replace, SELECTED, FREE, writes=True, needs="te", removes=True),
}
AT_ONCE: dict[bytes, Spec] = {name.encode("ascii"): spec for name, spec in TABLE.items() if spec.at_once is not None}
