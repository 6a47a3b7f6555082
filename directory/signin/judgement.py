"""Is this the password, or an app password, of that person, for that scope?

The order of steps: one cheap read, lock, what is remembered, pause, argon2id, verdict. The read brings the credential epoch
from the database each time, so a changed or revoked credential is refused at once, on every node, whatever is remembered here.
Unknown people, people without a password and wrong passwords cost the same work and get the same answer.

With a second factor on, the password opens nothing but the first half of a web sign-in; for other scopes it is not even
compared, so that nobody can find it out there.
"""

import hmac
import secrets
from dataclasses import dataclass

from config.clock import Clock
from config.database import Database
from directory import credentials
from directory.credentials import Record
from directory.errors import BadCredentials, TooManyAttempts
from directory.signin import app_passwords
from directory.signin.attempts import Attempts, Caller, Marks, Running
from directory.signin.passwords import Hasher, prepare
from directory.types import Method, Scope


@dataclass(frozen=True, slots=True)
class Try:
    """One try. `mark` stands for it in memory: a keyed hash of person, epoch, scope and password."""

    caller: Caller
    scope: Scope
    password: str
    record: Record | None
    mark: bytes

    @property
    def hash(self) -> str | None:
        """Return the hash that counts here: with a second factor on, none does outside the web."""
        if self.record is None or (self.record.factors and self.scope != "web"):
            return None
        return self.record.hash


class Judgement:
    """Judges passwords. Remembers good and wrong ones for a while, by keyed hash."""

    def __init__(self, db: Database, clock: Clock, hasher: Hasher, attempts: Attempts) -> None:
        self._db, self._clock, self._hasher, self._attempts = db, clock, hasher, attempts
        self._secret = secrets.token_bytes(32)
        self._good: Marks[Method] = Marks()
        self._wrong: Marks[bool] = Marks()
        self._running: Running[Method | None] = Running()

    async def judge(self, caller: Caller, password: str, scope: Scope, record: Record | None) -> Method:
        """Return by what a password is good. Raises BadCredentials, TooManyAttempts."""
        attempt = self._attempt(caller, prepare(password), scope, record)
        remembered = self._good.find(attempt.mark, self._clock.now_us())
        if self._attempts.is_locked(caller):
            await self._pass_lock(attempt, remembered)
        return remembered or await self._check(attempt)

    def _attempt(self, caller: Caller, prepared: str, scope: Scope, record: Record | None) -> Try:
        who = f"{record.person_id} {record.epoch}" if record else f"? {caller.account}"
        mark = hmac.digest(self._secret, f"{who} {scope} {prepared}".encode(), "sha256")
        return Try(caller, scope, prepared, record, mark)

    async def _pass_lock(self, attempt: Try, remembered: Method | None) -> None:
        """Let through what no guesser could have. Raises TooManyAttempts for the rest."""
        caller, windows = attempt.caller, self._attempts.windows
        if app_passwords.is_shaped(attempt.password):
            return  # 128 bits at random: it is compared, and counted only when it is none
        if not windows.look(caller.account, caller.place, self._clock.now_us()) or remembered is None:
            self._attempts.refuse_locked(caller)
        windows.looked_well(caller.account, caller.place)

    async def _check(self, attempt: Try) -> Method:
        """Judge what is not remembered.

        What was wrong a moment ago is wrong again without being counted: a telephone that was not told of the new password
        is no guesser.
        """
        method = await self._app_password(attempt)
        if method is None:
            if self._wrong.find(attempt.mark, self._clock.now_us()):
                raise BadCredentials(account=attempt.caller.account)
            method = await self._running.once(attempt.mark, lambda: self._judge(attempt))
        if method is None:
            raise BadCredentials(account=attempt.caller.account)
        return method

    async def _app_password(self, attempt: Try) -> Method | None:
        record = attempt.record
        if record is None or attempt.scope == "web" or not app_passwords.is_shaped(attempt.password):
            return None
        stored = await self._db.peek(credentials.app_passwords, record.person_id)
        usable = app_passwords.usable(stored, attempt.scope, attempt.caller.peer)
        found = app_passwords.match(attempt.password, usable)
        if found is None:
            return None
        await self.note_use(record.person_id, found, attempt.caller.peer)
        if not found.networks:  # what is remembered is not bound to a network
            self._good.add(attempt.mark, "app", self._clock.now_us())
        return "app"

    async def note_use(self, person_id: int, used: credentials.StoredAppPassword, peer: str) -> None:
        """Note when and from where an app password was used, when that is due."""
        if used.last_used_us is None or used.last_used_us < self._clock.now_us() - credentials.USE_RECORDED_US:
            await self._db.write_brief(credentials.used, person_id, used.app_password_id, peer)

    async def _judge(self, attempt: Try) -> Method | None:
        found: Method | None = await self._attempts.judge(attempt.caller, lambda: self._verify(attempt))
        if found is None:
            self._wrong.add(attempt.mark, True, self._clock.now_us())
        else:
            self._good.add(attempt.mark, found, self._clock.now_us())
        return found

    async def _verify(self, attempt: Try) -> Method | None:
        if not await self._hasher.verify(attempt.hash, attempt.password):
            return None
        record = attempt.record
        if record is not None and record.hash is not None and not self._hasher.is_current(record.hash, record.scram):
            await self._renew(record, record.hash, attempt.password)
        return "pwd"

    async def _renew(self, record: Record, before: str, password: str) -> None:
        """Hash a password again that was hashed with yesterday's parameters: only now it is here."""
        try:
            salt = await self._db.peek(credentials.salt, record.person_id)
            kept = await self._hasher.hash(password, salt)
        except TooManyAttempts:
            return  # a busy moment; the next sign-in will do it
        await self._db.write_brief(credentials.renew_password, record.person_id, before, kept)
