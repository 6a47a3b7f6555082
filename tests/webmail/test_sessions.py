"""Sessions as rows, on both engines."""

from config.clock import HOUR_US, ManualClock
from config.database import Database
from config.settings import Web
from directory import credentials
from tests.directory.conftest import build
from webmail import sessions

LIMITS = Web()


async def test_sessions_are_listed_proved_and_go_on_under_another_cookie(database: Database, clock: ManualClock) -> None:
    person_id = (await database.write(build)).amina.person_id
    for token in ("old", "other"):
        await database.write(sessions.start, LIMITS, token, person_id, "192.0.2.7", "Firefox/140.0", ("pwd", "otp"))
        clock.advance(HOUR_US)
    started = await database.read(sessions.find, LIMITS, "old")
    assert started is not None
    assert started.proved_at_us == started.started_at_us
    await database.write(sessions.prove, "old")
    listed = await database.read(sessions.listed, LIMITS, person_id)
    assert [one.token_hash for one in listed] == [sessions.digest("other"), sessions.digest("old")]

    await database.write(credentials.revoke_all, person_id)
    assert await database.read(sessions.listed, LIMITS, person_id) == []
    await database.write(sessions.follow, "old", "new")
    found = await database.read(sessions.find, LIMITS, "new")
    assert found is not None
    assert (found.started_at_us, found.proved_at_us, found.methods) == (started.started_at_us, clock.now_us(), ("pwd", "otp"))
    assert await database.read(sessions.find, LIMITS, "old") is None
    assert [one.token_hash for one in await database.read(sessions.listed, LIMITS, person_id)] == [sessions.digest("new")]
    await database.write(sessions.end_of, sessions.digest("new"))
    assert await database.read(sessions.find, LIMITS, "new") is None


async def test_a_session_that_is_gone_goes_on_nowhere(database: Database) -> None:
    await database.write(sessions.follow, "nothing", "new")
    assert await database.read(sessions.find, LIMITS, "new") is None
