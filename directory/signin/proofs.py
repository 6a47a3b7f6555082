"""SCRAM sign-in: which verifiers a proof may fit, and what a proof is worth. RFC 5802 §3, §5.

One read, when the name is there; afterwards two hashes. Somebody unknown gets a salt all the same, always the same one.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from config.clock import Clock
from config.database import Database
from directory import credentials
from directory.credentials import Record, StoredAppPassword
from directory.errors import BadCredentials
from directory.signin import app_passwords, scram
from directory.signin.attempts import Attempts, Caller, Marks
from directory.signin.judgement import Judgement
from directory.signin.login import account_of, parse_login
from directory.signin.scram import Challenge, ClientFinal
from directory.types import Method, Scope, ScramVerifier


@dataclass(frozen=True, slots=True)
class Candidate:
    """A verifier that a proof may fit, and the app password it is of; None for the password itself."""

    verifier: ScramVerifier
    app: StoredAppPassword | None


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client is asked to prove. Without candidates nothing will fit."""

    caller: Caller
    record: Record | None
    candidates: tuple[Candidate, ...]
    salt: bytes
    iterations: int


class Proofs:
    """Judges SCRAM proofs."""

    def __init__(self, db: Database, clock: Clock, attempts: Attempts, judgement: Judgement, key: bytes, iterations: int) -> None:
        self._db, self._clock, self._attempts, self._judgement = db, clock, attempts, judgement
        self._key, self._iterations = key, iterations
        self._secret = secrets.token_bytes(32)
        self._good: Marks[bool] = Marks()

    async def offer(self, login: str, scope: Scope, peer: str) -> Offer:
        """Read what a name's proof will be compared with."""
        claim = parse_login(login)
        caller = self._attempts.caller(account_of(claim, login), peer)
        found = await self._db.peek(credentials.record_and_apps, claim.person, claim.post) if claim else None
        record, stored = found or (None, [])
        candidates = _candidates(record, app_passwords.usable(stored, scope, peer), scope) if record else ()
        asked = candidates[0].verifier if candidates else self._invented(caller.account)
        return Offer(caller, record, candidates, asked.salt, asked.iterations)

    async def judge(self, offer: Offer, asked: Challenge, final: ClientFinal) -> tuple[Record, tuple[Method, ...], bytes]:
        """Return whose proof this is, by what, and the server's own proof. Raises BadCredentials, TooManyAttempts."""
        index = scram.fitting(self._verifiers(offer), asked, final)
        chosen = offer.candidates[index] if index is not None and offer.candidates else None
        if chosen is None or chosen.app is None:
            await self._count(offer, fits=chosen is not None)
        if chosen is None or offer.record is None:
            raise BadCredentials(account=offer.caller.account)
        if chosen.app is not None:
            await self._judgement.note_use(offer.record.person_id, chosen.app, offer.caller.peer)
        methods: tuple[Method, ...] = ("scram", "app") if chosen.app else ("scram",)
        return offer.record, methods, scram.server_final(chosen.verifier, asked, final)

    def _verifiers(self, offer: Offer) -> Sequence[ScramVerifier]:
        return [one.verifier for one in offer.candidates] or [self._invented(offer.caller.account)]

    def _invented(self, account: str) -> ScramVerifier:
        return scram.invented(self._key, account, self._iterations)

    async def _count(self, offer: Offer, *, fits: bool) -> None:
        """Count a try at the password; one that was right a moment ago, from a known place, passes a lock."""
        caller, record = offer.caller, offer.record
        mark = hmac.digest(self._secret, f"{record.person_id if record else 0} {record.epoch if record else 0}".encode(), "sha256")
        now_us = self._clock.now_us()
        if self._attempts.is_locked(caller):
            if not self._attempts.windows.look(caller.account, caller.place, now_us) or not fits or not self._good.find(mark, now_us):
                self._attempts.refuse_locked(caller)
            self._attempts.windows.looked_well(caller.account, caller.place)
            return

        async def verdict() -> bool | None:
            return True if fits else None

        if await self._attempts.judge(caller, verdict):
            self._good.add(mark, True, now_us)


def _candidates(record: Record, usable: Sequence[StoredAppPassword], scope: Scope) -> tuple[Candidate, ...]:
    """Return what may fit: the password unless a second factor is on, and app passwords, all under one salt."""
    found = [Candidate(one.scram, one) for one in usable if one.scram is not None]
    if record.scram is not None and not record.factors and scope != "web":
        found.insert(0, Candidate(record.scram, None))
    first = found[0].verifier if found else None
    return tuple(one for one in found if first and (one.verifier.salt, one.verifier.iterations) == (first.salt, first.iterations))
