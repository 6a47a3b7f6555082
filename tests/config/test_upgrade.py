"""A database of an earlier release comes forward with everything in it."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config import migrations, postgres, sqlite
from config.clock import ManualClock
from config.database import Tx
from config.engines import open_database
from config.sqlite import migrate  # itself: what is in its module during a test copies a template
from directory import holdings, people, posts, units

HOLDINGS = """
    INSERT INTO organisation (organisation_id, kind, code, name_ar, name_fr, created_us) VALUES (1, 'ministry', 'm', 'و', 'M', 1);
    INSERT INTO unit (unit_id, organisation_id, code, name_ar, name_fr, created_us) VALUES (2, 1, 'BO', 'ض', 'BO', 1);
    INSERT INTO post (post_id, unit_id, title_ar, title_fr, post_rank, address, created_us) VALUES (3, 2, 'ض', 'BO', 5, 'bo@m.example', 1);
    INSERT INTO person (person_id, unit_id, name_ar, name_fr, language, address, credential_epoch, created_us)
        VALUES (4, 2, 'أ', 'A', 'ar', 'a@m.example', 1, 1);
    INSERT INTO holding (holding_id, post_id, person_id, kind, valid_from_us, valid_to_us, decision_ref, recorded_us, ended_us)
        VALUES (5, 3, 4, 'titular', 10, 20, 'D-1', 10, 20), (6, 3, 4, 'interim', 30, NULL, 'D-2', 25, NULL)
"""


def statements() -> list[str]:
    return [one.strip() for one in HOLDINGS.split(";")]


@pytest.fixture(params=["sqlite", "postgresql"])
def url_of_release_4(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_server: str
) -> Iterator[str]:
    """A database as an earlier release left it, with two holdings."""
    load = migrations.load
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "load", lambda *args: load(*args)[:4])
        yield from {"sqlite": on_sqlite, "postgresql": on_postgres}[request.param](postgres_server, tmp_path, patch)


def on_sqlite(_: str, directory: Path, patch: pytest.MonkeyPatch) -> Iterator[str]:
    migrate(directory / "main.db", "main")
    connection = sqlite.connect(directory / "main.db")
    for statement in statements():
        connection.execute(statement)
    connection.close()
    patch.undo()
    yield "sqlite"


def on_postgres(server: str, _: Path, patch: pytest.MonkeyPatch) -> Iterator[str]:
    url = server.replace("/postgres?", "/release_4?")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE release_4")
    postgres.migrate(url, "main")
    with psycopg.connect(url) as connection:
        for statement in statements():
            connection.execute(statement)
    patch.undo()
    yield url
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE release_4 WITH (FORCE)")


async def test_holdings_of_an_earlier_release_are_versions_of_today(url_of_release_4: str, tmp_path: Path, clock: ManualClock) -> None:
    database = await open_database(url_of_release_4, tmp_path, clock)

    def read(tx: Tx) -> None:
        assert [(one.kind, one.valid_from_us, one.valid_to_us) for one in holdings.history(tx, 3)] == [
            ("titular", 10, 20),
            ("interim", 30, None),
        ]
        assert [one.decision_ref for one in holdings.holders(tx, 3, 15)] == ["D-1"]
        assert holdings.holders(tx, 3, 40, 20) == []
        assert (units.find(tx, 2).kind, units.find(tx, 2).address, posts.find(tx, 3).function) == ("", None, "")
        assert people.find(tx, 4).closed_us is None

    await database.read(read)
    await database.write(holdings.end, 6)
    await database.close()
