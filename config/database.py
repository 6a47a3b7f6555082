"""Units of work on SQLite and PostgreSQL: the only place that knows which engine runs.

A unit is a plain synchronous function ``unit(tx, *args)``. `Database.write` runs it in one transaction and returns after
that transaction is durable; `Database.read` runs it on a snapshot. On SQLite one thread owns the writing connection and
commits whatever has queued up since its last commit together (group commit, a SAVEPOINT per unit), so that fifty waiting
clients cost one fsync. On PostgreSQL units run in pool threads and are repeated after serialisation failures.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
Row = tuple[Any, ...]
Listener = Callable[[Sequence[object]], None]


class NotNow(Enum):
    """What `Database.glance` returns where an answer must be waited for."""

    NOT_NOW = "not now"


NOT_NOW: Final = NotNow.NOT_NOW


class Tx(Protocol):
    """One transaction. `now_us` is its time; `changes` are announced after it is durable."""

    now_us: int
    changes: list[object]

    def rows(self, sql: str, **params: Any) -> list[Row]:
        """Return every row."""
        ...

    def row(self, sql: str, **params: Any) -> Row | None:
        """Return the first row, or None when there is none."""
        ...

    def value(self, sql: str, **params: Any) -> Any:
        """Return the first column of the first row, or None when there is none."""
        ...

    def column(self, sql: str, **params: Any) -> list[Any]:
        """Return the first column of every row."""
        ...

    def execute(self, sql: str, **params: Any) -> int:
        """Run a statement and return how many rows it changed."""
        ...

    def many(self, sql: str, batch: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement once per set of parameters."""
        ...


class Database(Protocol):
    """Where units of work run. `listeners` hear the changes of each committed unit, in commit order, on the event loop."""

    engine: str
    listeners: list[Listener]

    async def write(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a unit in a transaction; return when it is durable. An error of the unit undoes that unit alone."""
        ...

    async def write_brief(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Like `write`, for a unit of a few statements: on SQLite it runs on the event loop, only its commit elsewhere."""
        ...

    async def write_soft(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Like `write_brief`, but a power cut may undo it until the next `write`: for what may be lost, such as a lease."""
        ...

    async def read(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a unit on a snapshot. It must not change anything."""
        ...

    async def peek(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Like `read`, for a unit that looks up a few hot rows by key: on SQLite it runs at once, without a thread's turn."""
        ...

    def glance(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R | NotNow:
        """Like `peek`, for who cannot wait at all: NOT_NOW from an engine that is asked over a socket, and the unit has not run."""
        ...

    async def close(self) -> None:
        """Finish what is queued and close every connection."""
        ...
