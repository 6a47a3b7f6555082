"""Who decided what about a key stands in the journal, together with what was known before."""

import pytest

from config.database import Tx
from directory import journal
from directory.errors import NotFound
from directory.rights import CONSOLE, NATION, Actor, organisation
from mailcore.openpgp import pins, trust
from mailcore.openpgp.pins import EVERYBODY, Pin
from tests.directory.conftest import build
from tests.mailcore.openpgp.conftest import BRAHIM


def written(tx: Tx, scope=NATION) -> list[tuple[str, int | None, str | None, str | None]]:
    found = [one for one in reversed(journal.entries(tx, CONSOLE, scope)) if one.act.startswith("openpgp.")]
    said = [(one.act, one.body["subject"].get("id"), one.body.get("before"), one.body.get("after")) for one in found]
    return [(act, subject, *(side and side["fingerprint"] for side in sides)) for act, subject, *sides in said]


async def test_what_somebody_decides_is_journalled_where_they_are(database, clock, brahim, newer):
    ministry = await database.write(build)
    amina, first, other = ministry.amina.person_id, brahim[1], newer[1]
    actor = Actor("Amina", amina)
    await database.write(pins.see, amina, BRAHIM, first, "letter")
    await database.write(pins.see, amina, BRAHIM, other, "directory")
    with pytest.raises(NotFound):
        await database.write(trust.accept, actor, amina, BRAHIM, first.fingerprint)
    await database.write(trust.accept, actor, amina, BRAHIM, other.fingerprint)
    await database.write(trust.forget, actor, amina, BRAHIM)
    with pytest.raises(NotFound):
        await database.write(trust.forget, actor, amina, BRAHIM)
    await database.write(trust.pin, CONSOLE, Pin(EVERYBODY, BRAHIM, first.fingerprint, first.octets, "operator", clock.now_us()))
    entries = await database.write(written)
    assert entries == [
        ("openpgp.accepted", amina, first.fingerprint, other.fingerprint),
        ("openpgp.forgotten", amina, other.fingerprint, None),
        ("openpgp.pinned", None, None, first.fingerprint),
    ]
    assert await database.write(written, organisation(ministry.organisation.organisation_id)) == entries[:2]
