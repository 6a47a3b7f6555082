"""How messages came is counted, and no letter waits for it."""

import pytest

from config.clock import ManualClock
from config.database import Database
from config.errors import NoRoom
from mailcore.routing import tracing
from mailcore.routing.tally import WRITE_US, Tally
from mailcore.routing.trace import Judgement


async def test_what_cannot_be_written_now_is_written_later(database: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> None:
        raise NoRoom

    tally, found = Tally(database), Judgement("missing", "interieur", 0)
    with monkeypatch.context() as patch:
        patch.setattr(database, "write_soft", full)
        await tally.add(found, clock.now_us())
    assert await database.read(tracing.counts, 0) == []
    clock.advance(WRITE_US)
    await tally.add(found, clock.now_us())
    [(_, node, mark, messages)] = await database.read(tracing.counts, 0)
    assert (node, mark, messages) == ("interieur", "missing", 2)
