"""What a server knows of one client between two commands. RFC 9051 §3."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

from config.clock import SECOND_US
from directory import credentials
from directory.types import Identity
from mailcore.errors import NoSuchMailbox, NotAllowed
from mailcore.imap import looking, names, responses, telling
from mailcore.imap.bell import Bell
from mailcore.imap.channel import Channel
from mailcore.imap.endings import AccessEnded, MailboxVanished, TooMuch
from mailcore.imap.errors import ReadOnly
from mailcore.imap.memory import Memory
from mailcore.imap.place import Place, Selected
from mailcore.imap.progress import Progress
from mailcore.imap.responses import Done, FlagWriter
from mailcore.imap.sequence import SequenceSet
from mailcore.imap.view import Reflagged, View
from mailcore.imap.watching import Watch
from mailcore.imap.wire import Continue, Event, Overflow
from mailcore.services import Services
from mailcore.store import keywords, mailboxes, messages, rights
from mailcore.store.bus import Bus
from mailcore.store.keys import AccountKey
from mailcore.store.rights import ALL, Rights
from mailcore.store.types import AccountId, Delta, Mailbox, Snapshot

NO_KEYWORDS = FlagWriter({})
STALE_US = 15 * SECOND_US  # the database is read again after this long even without a hint (reference: 15 to 30 s)


class State(Enum):
    """RFC 3501 §3.1 to §3.4."""

    START = "not signed in"
    SIGNED_IN = "signed in"
    SELECTED = "with a mailbox selected"
    ENDED = "ended"


class Session:
    """One client: who it is, what it has selected, what it must be told."""

    __slots__ = ("_account", "_read_at_us", "_selected", "_settled_until_us", "_stood_at_us", "changed", "channel", "enabled", "flags",
                 "hides", "identity", "keywords", "memory", "progress", "saved", "services", "state", "strikes", "tag",
                 "watch")  # fmt: skip

    def __init__(self, services: Services, memory: Memory, channel: Channel) -> None:
        self.services = services
        self.memory = memory
        self.channel = channel
        self.state = State.START
        self.tag = b"*"
        self.strikes = 0  # commands that were none, or sign-ins that failed
        self.hides: frozenset[str] = frozenset()  # capabilities that this client is not told of (quirks.py)
        self.changed = Bell()  # set by the bus when the account changes
        self.enabled: set[str] = set()  # extensions that change what this client is told (RFC 5161 §3.1)
        self.saved: Sequence[int] = ()  # UIDs, ascending: what ``$`` stands for (RFC 5182 §2.1)
        self.flags = NO_KEYWORDS
        self.keywords: dict[int, str] = {}  # of the account of the selected mailbox
        self.identity: Identity | None = None
        self.progress: Progress | None = None  # of a command that may take long
        self.watch: Watch | None = None  # what the client asked to be told of (RFC 5465)
        self._account: AccountKey | None = None
        self._selected: Selected | None = None
        self._read_at_us = self._stood_at_us = 0
        self._settled_until_us = 0  # until then neither the sign-in nor the mailbox is looked at again, unless something happens

    @property
    def bus(self) -> Bus:
        """Return who tells of changes."""
        return self.services.store.bus

    @property
    def account(self) -> AccountKey:
        """Return the account that the client signed in to. Only after sign-in."""
        assert self._account is not None
        return self._account

    @property
    def account_id(self) -> AccountId:
        """Return the account's id. Only after sign-in."""
        return self.account.account_id

    @property
    def selected(self) -> Selected:
        """Return the selected mailbox. Only in that state."""
        assert self._selected is not None
        return self._selected

    def writable(self) -> Selected:
        """Return the selected mailbox. Raises ReadOnly after EXAMINE."""
        if self.selected.read_only:
            raise ReadOnly
        return self.selected

    async def sign_in(self, identity: Identity) -> None:
        """Open the account of an identity: the person's own, that of a post, or one that was lent."""
        self.identity, self._stood_at_us = identity, self.services.clock.now_us()
        self._account = await self.services.store.open_account(identity.account_id)
        self.state = State.SIGNED_IN
        self.strikes = 0
        self._settle()
        self.channel.trust()

    @property
    def reads_only(self) -> bool:
        """Say whether nothing in the account may change: it was lent to be read."""
        return self.identity is not None and self.identity.access == "read"

    @property
    def utf8(self) -> bool:
        """Say whether the client reads and writes mailbox names in UTF-8 (RFC 6855 §3, RFC 9051 §5.1)."""
        return not self.enabled.isdisjoint(("UTF8=ACCEPT", "IMAP4REV2"))

    @property
    def others(self) -> bool:
        """Say whether mailboxes of others are shown: to people in their own account, not to who acts in another one."""
        return self.identity is not None and self.identity.capacity == "self"

    @property
    def own_rights(self) -> Rights:
        """Return the rights in the account that the client signed in to; a folder limits them beside (`reaches`)."""
        if self.identity is None or self.identity.capacity != "delegate":
            return ALL
        return rights.READING if self.reads_only else rights.WORKING

    async def locate(self, name: str) -> Place:
        """Return where a mailbox name leads, whether there is such a mailbox or not, and what may be done there.

        Somebody else's account is opened only when there is some right in it. Raises NoSuchMailbox when there is none.
        """
        meant = names.foreign(name) if self.others else None
        if meant is None:
            return self.near(name)
        found = await self.services.db.peek(rights.locate, self.person_id, meant.address, meant.name)
        if names.NAMESPACES.get(found.kind) != meant.namespace or not found.rights | found.above:
            raise NoSuchMailbox(name=name)
        if found.account_id == self.account_id:
            raise NoSuchMailbox(name=name)
        account = await self.services.store.open_account(found.account_id)
        return Place(account, meant.name, found.rights, found.above, names.root(meant.namespace, found.address))

    def near(self, name: str) -> Place:
        """Return where a mailbox name of the account leads that the client signed in to. Raises NotAllowed."""
        if not self.reaches(name):
            raise NotAllowed("only one folder of this mailbox was lent to you")
        return Place(self.account, name, self.own_rights, self.own_rights)

    async def rights_in(self, place: Place, mailbox: Mailbox) -> Rights:
        """Return what may be done in another mailbox of the account that a place is in."""
        if place.root:
            return await self.services.db.peek(rights.in_mailbox, self.person_id, mailbox.key)
        return self.own_rights if self.reaches(mailbox.name) else rights.NONE

    @property
    def person_id(self) -> int:
        """Return who signed in. Only after sign-in."""
        assert self.identity is not None
        return self.identity.person_id

    def places(self, messages: SequenceSet, *, uid: bool) -> Sequence[int]:
        """Return the places in the view that a set names, ascending. Raises NoSuchNumber."""
        view = self.selected.view
        return view.known(self.saved) if messages.saved else view.places(messages, uid=uid)

    @property
    def reaches_all(self) -> bool:
        """Say whether the whole account is within reach, as it nearly always is."""
        return self.identity is None or not self.identity.folder

    def reaches(self, name: str) -> bool:
        """Say whether a mailbox is within what was lent: a folder and those below it, or everything."""
        return self.identity is None or not self.identity.folder or mailboxes.is_within(name, self.identity.folder)

    async def require_standing(self) -> None:
        """Raise AccessEnded when the sign-in or the right to the mailbox has ended: somebody else's at once, one's own soon."""
        await self._require_sign_in()
        if self._selected is not None and self._selected.account.account_id != self.account_id:
            self._selected.rights = await self.services.db.peek(rights.in_mailbox, self.person_id, self._selected.key)
            if "r" not in self._selected.rights:
                raise AccessEnded

    async def _require_sign_in(self) -> None:
        identity, now_us = self.identity, self.services.clock.now_us()
        if identity is None or (identity.account_id == identity.person_id and now_us - self._stood_at_us <= STALE_US):
            return
        facts = identity.person_id, identity.epoch, identity.account_id, identity.delegation_id
        if not await self.services.db.peek(credentials.stands, *facts):
            raise AccessEnded
        self._stood_at_us = now_us
        self._settle()

    def use_keywords(self, names: dict[int, str], more: int = 0) -> None:
        """Write flags with these keywords of the account from now on: of those, what may be known here, and what is in `more`."""
        self.keywords = names
        shown, room = (names, None) if self._selected is None else self._selected.keywords(names, more, whole=self._sees_all)
        if shown != self.flags.shown or (room is not None and room != self.flags.room):
            self.flags = FlagWriter(shown, room=room)

    @property
    def _sees_all(self) -> bool:
        return self._selected is not None and self._selected.account.account_id == self.account_id and self.reaches_all

    async def select(self, place: Place, *, read_only: bool) -> Mailbox:
        """Open a mailbox and return it as it stands: listen for changes first, then read it (RFC 9051 §6.3.2). Raises NoSuchMailbox."""
        account_id = place.account.account_id
        self.changed.clear()
        self.bus.add(account_id, self.changed)
        try:
            found = await looking.opened(self.services.db, self.memory.views, account_id, place.name)
        except BaseException:
            self.bus.discard(account_id, self.changed)
            raise
        return self._enter(place, *found, read_only=read_only)

    def select_known(self, place: Place, *, read_only: bool) -> Mailbox | None:
        """Open a mailbox in place of the one that is open, if it is known here as it stands; else None, and nothing has happened.

        Nothing else runs meanwhile: what is committed after the look is announced to who listens by then. Raises NoSuchMailbox.
        """
        account_id = place.account.account_id
        found = looking.known(self.services.db, self.memory.views, account_id, place.name)
        if found is None:
            return None
        self.unselect()
        self.changed.clear()
        self.bus.add(account_id, self.changed)
        return self._enter(place, *found, read_only=read_only)

    def _enter(self, place: Place, mailbox: Mailbox, view: View, known: looking.Names, *, read_only: bool) -> Mailbox:
        self._read_at_us, self.state = self.services.clock.now_us(), State.SELECTED
        name = place.shown(mailbox.name)
        self._selected = Selected(place.account, mailbox.key, mailbox.uidvalidity, view, read_only, place.rights, name)
        self._settle()
        self.use_keywords(known)
        if self.watch is not None:
            self.watch.also(place.account.account_id)
        return mailbox

    @property
    def unselected(self) -> bool:
        """Say whether no mailbox is selected."""
        return self._selected is None

    @property
    def last_uid(self) -> int:
        """Return the highest UID that the client knows of the selected mailbox, 0 for none."""
        return self._selected.view.uids[-1] if self._selected is not None and self._selected.view.uids else 0

    def watch_with(self, watch: Watch | None) -> None:
        """Tell what this watch is for, and nothing of the one before."""
        if self.watch is not None:
            self.watch.close()
        self.watch = watch

    def unselect(self) -> None:
        """Leave the selected mailbox, if any."""
        if self._selected is not None:
            self.bus.discard(self._selected.key.account_id, self.changed)
            self._selected, self.saved, self.state = None, (), State.SIGNED_IN
            self._settle()

    def give_up(self, event: Event) -> None:
        """Take note of what came in the middle of a command that cannot go on: a literal is not asked for. Raises TooMuch."""
        if isinstance(event, Overflow):
            raise TooMuch
        if isinstance(event, Continue):
            self.channel.refuse()

    def end(self) -> None:
        """Release what the session holds; nothing is said to it any more."""
        self.unselect()
        self.watch_with(None)
        self.state, self._settled_until_us = State.ENDED, 0

    def sign_out(self) -> None:
        """Forget who signed in and all that was said since (RFC 8437 §3)."""
        self.end()
        self.enabled.clear()
        self.state, self.strikes, self.identity, self._account = State.START, 0, None, None

    def _settle(self) -> None:
        """Note until when nothing is to be looked up. What is of others is looked up for each command."""
        identity, selected = self.identity, self._selected
        own = identity is not None and identity.account_id == identity.person_id
        if not own or (selected is not None and selected.account.account_id != self.account_id):
            self._settled_until_us = 0
        else:
            self._settled_until_us = STALE_US + (self._stood_at_us if selected is None else min(self._stood_at_us, self._read_at_us))

    def is_settled(self) -> bool:
        """Say whether nothing is to be looked up before a command and nothing is to be told beside it."""
        if self.services.clock.now_us() > self._settled_until_us or self.changed.is_set() or self.watch is not None:
            return False
        return self._selected is None or self._selected.view.quiet

    def is_stale(self) -> bool:
        """Say whether the view may lag behind the database: a hint came, or none could have for a while."""
        return self.changed.is_set() or self.services.clock.now_us() - self._read_at_us > STALE_US

    async def refresh(self) -> None:
        """Bring what happened in the selected mailbox into the view; nothing is told yet. Raises MailboxVanished."""
        if self._selected is None or not self.is_stale():
            if self._selected is None:
                self.changed.clear()  # or IDLE without a mailbox would find it set for ever
            return
        recent = self.services.clock.now_us() - self._read_at_us <= STALE_US
        self.changed.clear()
        selected = self._selected
        if recent and not self.bus.is_ahead(selected.key.account_id, selected.view.modseq):
            return  # the hint was of a change of one's own, which is in the view already
        try:
            found: Delta | Snapshot = await self.services.db.peek(messages.changes, selected.key, selected.view.modseq)
            if isinstance(found, Delta) and not found.complete:  # tombstones that this view needs were swept
                found = await self.services.db.read(messages.snapshot, selected.key)
        except NoSuchMailbox:
            raise MailboxVanished from None
        if found.mailbox.uidvalidity != selected.uidvalidity:
            raise MailboxVanished
        self._read_at_us = self.services.clock.now_us()
        self._settle()
        if isinstance(found, Delta):
            selected.view.absorb(found)
        else:
            selected.view.compare(found)

    async def announce(self, *, renumber: bool, asked: bool = False) -> list[bytes]:
        """Return what the client is to be told of its mailbox now; `asked` when a command of its own brought it about."""
        if self._selected is None or not (asked or self.watch is None or self.watch.tells(flags=False)):
            return []
        view = self._selected.view
        last = view.uids[-1] if view.uids else 0
        changes = view.apply(renumber=renumber)
        if not changes:
            return []
        said: list[bytes] = []
        shown = [change.flags for change in changes if isinstance(change, Reflagged)]
        if not all(map(self.flags.knows, (*shown, *view.flags[bisect_right(view.uids, last) :]))):
            said += await self.new_keywords()
        flags = self.watch is None or self.watch.tells(flags=True)
        said += telling.happened(self.enabled, changes, self.flags.write, flags=flags)
        self.memory.views.share(self._selected.key, self._selected.uidvalidity, view)
        return said

    @property
    def quiet(self) -> bool:
        """Say whether the client knows all that is known here of its mailbox."""
        return self._selected is None or self._selected.view.quiet

    @property
    def limit(self) -> int:
        """Return how many messages one command may be about (RFC 9738 §3)."""
        return self.services.settings.imap.messages_per_command

    @property
    def loses(self) -> bool:
        """Say whether there are removals that the client has not been told of."""
        return self._selected is not None and self._selected.view.loses

    def enable_condstore(self) -> bytes:
        """Follow modseqs from now on; return what the client is to be told of the selected mailbox, if anything (RFC 7162 §3.1)."""
        known = "CONDSTORE" in self.enabled
        self.enabled.add("CONDSTORE")
        return b"" if known else self.highest_modseq()

    def highest_modseq(self) -> bytes:
        """Write up to where the client knows all of the selected mailbox (RFC 7162 §3.1.2.1); b"" without one."""
        selected = self._selected
        return b"" if selected is None else responses.untagged("OK", "all told up to here", f"HIGHESTMODSEQ {selected.view.told}")

    def stamp(self, done: Done | None) -> Done | None:
        """Give the end of a command that removed messages its code, now that all has been told."""
        if done is None or not done.reaches or self._selected is None or "CONDSTORE" not in self.enabled:
            return done
        return replace(done, code=f"HIGHESTMODSEQ {self._selected.view.told}")

    async def new_keywords(self, more: int = 0) -> list[bytes]:
        """Learn keywords that another session made, and tell of them (RFC 3501 §7.2.6); `more` are about to be set."""
        self.use_keywords(await self.services.db.peek(keywords.names, self.selected.account.account_id), more)
        return [
            b"* FLAGS %b\r\n" % self.flags.all(),
            b"* OK [PERMANENTFLAGS %b] keywords\r\n" % self.flags.permanent(self.selected.rights),
        ]
