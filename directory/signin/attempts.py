"""One try at a secret that can be guessed: lock, pause, verdict, and what is remembered of it for a while."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from config.clock import MINUTE_US, Clock
from directory.errors import TooManyAttempts
from directory.signin.windows import Windows

REMEMBER_US = 10 * MINUTE_US  # IMAP clients sign in all day; argon2id each time would be most of the node's work
MAX_REMEMBERED = 100_000  # of good tries, and as many of wrong ones: about 20 MB each
MAX_PAUSED = 200  # tries held back at once; beyond, they are refused instead

Pause = Callable[[float], Awaitable[None]]
T = TypeVar("T")


class Marks(Generic[T]):
    """What was judged within REMEMBER_US, by keyed hash."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, tuple[int, T]] = OrderedDict()

    def find(self, mark: bytes, now_us: int) -> T | None:
        """Return what is remembered under a mark, None when nothing is any more."""
        kept = self._kept.get(mark)
        return kept[1] if kept is not None and kept[0] > now_us else None

    def add(self, mark: bytes, value: T, now_us: int) -> None:
        """Remember a value under a mark."""
        self._kept[mark] = (now_us + REMEMBER_US, value)
        self._kept.move_to_end(mark)
        if len(self._kept) > MAX_REMEMBERED:
            self._kept.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who says to be whom, from where. `account` is the name that tries are counted under, whether there is one or not."""

    account: str
    peer: str
    place: str


class Attempts:
    """Slows guessing down. Holds the windows of failed tries."""

    def __init__(self, clock: Clock, pause: Pause) -> None:
        self._clock, self._pause = clock, pause
        self.windows = Windows()
        self._paused = 0

    def caller(self, account: str, peer: str) -> Caller:
        """Return who stands where."""
        return Caller(account, peer, self.windows.place(account, peer, self._clock.now_us()))

    def is_locked(self, caller: Caller) -> bool:
        """Say whether the next try must wait."""
        return self.windows.locked_s(caller.account, caller.place, self._clock.now_us()) > 0

    def refuse_locked(self, caller: Caller) -> None:
        """Raise TooManyAttempts while a lock stands."""
        locked_s = self.windows.locked_s(caller.account, caller.place, self._clock.now_us())
        if locked_s:
            raise TooManyAttempts(locked_s, account=caller.account, place=caller.place)

    async def judge(self, caller: Caller, decide: Callable[[], Awaitable[T | None]]) -> T | None:
        """Let `decide` say what a try is worth, None for nothing, and count it. Raises TooManyAttempts."""
        self.refuse_locked(caller)  # again: others may have begun while the caller read
        self.windows.begin(caller.account, caller.place, self._clock.now_us())
        try:
            await self._hold_back(caller)
            found = await decide()
        except TooManyAttempts:
            self.windows.give_back(caller.account, caller.place)
            raise
        if found is not None:
            self.windows.succeeded(caller.account, caller.place, self._clock.now_us(), caller.peer)
        return found

    async def _hold_back(self, caller: Caller) -> None:
        pause_s = self.windows.pause_s(caller.account, caller.place, self._clock.now_us())
        if pause_s == 0:
            return
        if self._paused >= MAX_PAUSED:
            raise TooManyAttempts(int(pause_s) + 1, account=caller.account, place=caller.place)
        self._paused += 1
        try:
            await self._pause(pause_s)
        finally:
            self._paused -= 1


class Running(Generic[T]):
    """Judgements under way: the same try five times, as when a client opens five connections, is judged once."""

    def __init__(self) -> None:
        self._tasks: dict[bytes, asyncio.Task[T]] = {}

    async def once(self, mark: bytes, work: Callable[[], Awaitable[T]]) -> T:
        """Return what `work` returns, or what it returns to whoever asked first. It goes on when its caller has gone."""
        task = self._tasks.get(mark)
        if task is None:
            task = asyncio.ensure_future(_run(work))
            self._tasks[mark] = task
            task.add_done_callback(lambda done: self._finish(mark, done))
        return await asyncio.shield(task)

    def _finish(self, mark: bytes, task: "asyncio.Task[T]") -> None:
        del self._tasks[mark]
        if not task.cancelled():
            task.exception()  # its waiters have it, or have gone


async def _run(work: Callable[[], Awaitable[T]]) -> T:
    return await work()
