"""Password sign-in for every front.

The order of steps: lock, one cheap read, cache, pause, argon2id, verdict. The read brings the credential epoch from the
database each time, so a changed or revoked credential is refused at once, on every node, whatever is cached here.
Unknown people, people without a password and wrong passwords cost the same work and get the same answer.
"""

import asyncio
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from config.clock import MINUTE_US, Clock
from config.database import Database
from directory import credentials
from directory.credentials import Record
from directory.errors import BadCredentials, TooManyAttempts
from directory.signin import app_passwords
from directory.signin.login import Login, parse_login
from directory.signin.passwords import Hasher, prepare
from directory.signin.windows import Windows, network_of
from directory.types import Identity, Scope

REMEMBER_US = 10 * MINUTE_US  # IMAP clients sign in all day; argon2id each time would be most of the node's work
MAX_REMEMBERED = 100_000  # of good tries, and as many of wrong ones: about 20 MB each
MAX_PAUSED = 200  # tries held back at once; beyond, they are refused instead

Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Try:
    """One try: who says to be who, from where, and what a positive answer is remembered by."""

    account: str
    network: str
    scope: Scope
    password: str
    record: Record | None
    mark: bytes


class _Marks:
    """What was judged within REMEMBER_US, by keyed hash."""

    def __init__(self) -> None:
        self._until: OrderedDict[bytes, int] = OrderedDict()

    def holds(self, mark: bytes, now_us: int) -> bool:
        return self._until.get(mark, 0) > now_us

    def add(self, mark: bytes, now_us: int) -> None:
        self._until[mark] = now_us + REMEMBER_US
        self._until.move_to_end(mark)
        if len(self._until) > MAX_REMEMBERED:
            self._until.popitem(last=False)


class SignIn:
    """Checks passwords. Holds what is remembered of good ones, and the windows of failed ones."""

    def __init__(self, db: Database, clock: Clock, hasher: Hasher | None = None, pause: Pause = asyncio.sleep) -> None:
        self._db, self._clock, self._pause = db, clock, pause
        self.hasher = hasher or Hasher()
        self._secret = secrets.token_bytes(32)
        self._good = _Marks()
        self._wrong = _Marks()
        self._windows = Windows()
        self._running: dict[bytes, asyncio.Task[bool]] = {}
        self._paused = 0

    async def password(self, login: str, password: str, scope: Scope, peer: str) -> Identity:
        """Return who signs in, and which mailbox they act in. Raises BadCredentials, TooManyAttempts.

        `login` is an address of a person, or ``person@domain*post@domain`` to act for a post that the person holds now.
        `peer` is the address of the other side, without port.
        """
        claim, network = parse_login(login), network_of(peer)
        account = claim.account if claim else login[:64].casefold()
        self._refuse_locked(account, network)
        record = await self._db.peek(credentials.record, claim.person, claim.post) if claim else None
        attempt = self._attempt(account, network, scope, password, record)
        if not self._good.holds(attempt.mark, self._clock.now_us()):
            await self._check(attempt)
        if claim is None or record is None:
            raise BadCredentials
        return _identity(claim, record)

    async def close(self) -> None:
        """End the hashing threads."""
        await self.hasher.close()

    def _refuse_locked(self, account: str, network: str) -> None:
        locked_s = self._windows.locked_s(account, network, self._clock.now_us())
        if locked_s:
            raise TooManyAttempts(locked_s, account=account, network=network)

    def _attempt(self, account: str, network: str, scope: Scope, password: str, record: Record | None) -> _Try:
        prepared = prepare(password)
        who = f"{record.person_id} {record.epoch}" if record else f"? {account}"
        mark = hmac.digest(self._secret, f"{who} {scope} {prepared}".encode(), "sha256")
        return _Try(account, network, scope, prepared, record, mark)

    async def _check(self, attempt: _Try) -> None:
        """Judge a try. The same try running already, as when a client opens five connections, is judged once.

        One that was wrong a moment ago is wrong again without being counted: a telephone that was not told of the new
        password is no guesser.
        """
        if self._wrong.holds(attempt.mark, self._clock.now_us()):
            raise BadCredentials(account=attempt.account)
        task = self._running.get(attempt.mark)
        if task is None:
            task = asyncio.ensure_future(self._judge(attempt))
            self._running[attempt.mark] = task
            task.add_done_callback(lambda done: self._finish(attempt.mark, done))
        if not await asyncio.shield(task):
            raise BadCredentials(account=attempt.account)

    def _finish(self, mark: bytes, task: "asyncio.Task[bool]") -> None:
        del self._running[mark]
        if not task.cancelled():
            task.exception()  # its waiters have it, or have gone

    async def _judge(self, attempt: _Try) -> bool:
        self._refuse_locked(attempt.account, attempt.network)  # again: others may have begun while we read
        self._windows.begin(attempt.account, attempt.network, self._clock.now_us())
        try:
            await self._hold_back(attempt)
            good = await self._is_good(attempt)
        except TooManyAttempts:
            self._windows.give_back(attempt.account, attempt.network)
            raise
        if good:
            self._windows.succeeded(attempt.account, attempt.network, self._clock.now_us())
        (self._good if good else self._wrong).add(attempt.mark, self._clock.now_us())
        return good

    async def _hold_back(self, attempt: _Try) -> None:
        pause_s = self._windows.pause_s(attempt.account, attempt.network, self._clock.now_us())
        if pause_s == 0:
            return
        if self._paused >= MAX_PAUSED:
            raise TooManyAttempts(int(pause_s) + 1, account=attempt.account, network=attempt.network)
        self._paused += 1
        try:
            await self._pause(pause_s)
        finally:
            self._paused -= 1

    async def _is_good(self, attempt: _Try) -> bool:
        record = attempt.record
        if record is not None and app_passwords.is_shaped(attempt.password):
            stored = await self._db.peek(credentials.app_passwords, record.person_id)
            found = app_passwords.match(attempt.password, stored, attempt.scope)
            if found is not None:
                await self._db.write(credentials.used, record.person_id, found.app_password_id)
                return True
        return await self.hasher.verify(record.hash if record else None, attempt.password)


def _identity(claim: Login, record: Record) -> Identity:
    """Return who `record` is in the mailbox that was asked for. Raises BadCredentials for a post not held now."""
    account_id, address = record.person_id, record.address
    if claim.post is not None:
        acting = next((post for post in record.posts if post.account_id == record.asked_post_id), None)
        if acting is None:
            raise BadCredentials(account=record.address, post=str(claim.post))
        account_id, address = acting.account_id, acting.address
    return Identity(account_id, record.person_id, address, record.name_ar, record.name_fr, record.language, record.posts)
