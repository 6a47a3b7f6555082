"""Which engine runs: the one place that chooses."""

from pathlib import Path

from config.clock import Clock
from config.database import Database
from config.sqlite import SqliteDatabase


async def open_database(url: str, directory: Path, clock: Clock, history: str = "main") -> Database:
    """Open the database that `url` names and bring its schema up to date.

    `url` is ``sqlite`` (a file ``<history>.db`` below `directory`) or ``postgresql://…``. `history` is the folder of
    numbered migrations below config/schema. Raises SchemaTooNew when the database was written by a newer release.
    """
    if url == "sqlite":
        return await SqliteDatabase.open(directory / f"{history}.db", clock, history)
    from config.postgres import PostgresDatabase  # a tenth of a second, for which no command on SQLite need wait

    return await PostgresDatabase.open(url, clock, history)
