"""A log whose database is older than what it has published goes on with the same entries, and says which records are lost."""

import shutil

import pytest

from directory import journal
from directory.rights import CONSOLE, NATION
from mailcore.evidence import checking, listing, places, recovering
from mailcore.evidence.errors import EvidenceDamaged
from mailcore.evidence.listing import Choice
from mailcore.evidence.sealing import Sealer
from signing.evidence.log import Log
from tests.kill.sealer import add
from tests.mailcore.evidence.test_sealing import restore

SIZE, OLD, WAITED = 600, 300, 5  # two pages come back, in the middle of a tile


async def lose(node):
    """Seal, and bring the database back as it was when OLD entries were sealed and some more waited. Return the last checkpoint."""
    await node.db.write(add, OLD)
    await Sealer(node).turn()
    await node.db.write(add, WAITED)
    waiting = await node.db.read(lambda tx: tx.rows("SELECT fact_id, queue_id, salt, record FROM evidence_fact"))
    await node.db.write(add, SIZE - OLD - WAITED)
    kept = await Sealer(node).turn()
    await restore(node, OLD)
    insert = "INSERT INTO evidence_fact (fact_id, queue_id, salt, record) VALUES (:fact_id, :queue_id, :salt, :record)"
    rows = [dict(zip(("fact_id", "queue_id", "salt", "record"), row, strict=True)) for row in waiting]
    await node.db.write(lambda tx: tx.many(insert, rows))
    return kept


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(recovering, "PAGE", 256)


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_it_goes_on_with_what_it_has_published(node, tmp_path, elsewhere):
    kept = await lose(node)
    files = Sealer(node).log
    if elsewhere:  # the files went too, but for a mirror's
        files = Log(shutil.move(files.directory, tmp_path / "mirror"))
    told = []
    found = await recovering.recover(node, files, told.append)
    assert found == recovering.Recovered(SIZE, SIZE - OLD, SIZE - OLD - WAITED)
    assert sum(told) == SIZE - OLD
    [entry] = await node.db.write(lambda tx: journal.entries(tx, CONSOLE, NATION, act="evidence.recovered"))
    assert entry.body["after"] == {"size": SIZE, "entries": SIZE - OLD, "lost": SIZE - OLD - WAITED}
    assert len(told) == 2
    assert (await node.db.read(places.latest)).note == kept.note
    assert await node.db.read(places.waiting) == 0
    await node.db.write(add, 3)
    assert (await Sealer(node).turn()).size == SIZE + 3
    report = await checking.check(node, [kept.note])
    assert [one.place for one in report.findings] == list(range(OLD + WAITED, SIZE))
    assert {one.what for one in report.findings} == {"lost"}
    assert len(await node.db.read(listing.newest, Choice(), 1000)) == OLD + WAITED + 3


async def test_it_can_be_cut_off_and_begun_again(node):
    await lose(node)

    def cut(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await recovering.recover(node, Sealer(node).log, cut)
    assert OLD < (await node.db.read(places.tree)).size < SIZE
    with pytest.raises(EvidenceDamaged, match="evidence recover"):
        await Sealer(node).turn()
    assert (await recovering.recover(node, Sealer(node).log)).size == SIZE
    assert (await Sealer(node).turn()).size == SIZE


async def test_files_that_do_not_continue_this_log_change_nothing(node, tmp_path):
    await lose(node)
    own = Sealer(node).log.directory
    for name, change, said in (
        ("changed", lambda place: spoil(next((place / "tile" / "entries").glob("001*"))), "one of both was changed"),
        ("short", lambda place: shutil.rmtree(place / "tile" / "entries"), "missing"),
        ("unsigned", lambda place: spoil(place / "checkpoint"), "no checkpoint of this log"),
        ("empty", shutil.rmtree, "nothing was published there"),
    ):
        shutil.copytree(own, tmp_path / name)
        change(tmp_path / name)
        with pytest.raises(EvidenceDamaged, match=said):
            await recovering.recover(node, Log(tmp_path / name))
    assert (await node.db.read(places.tree)).size == OLD
    assert await node.db.read(places.waiting) == WAITED
    await recovering.recover(node, Log(own))
    with pytest.raises(EvidenceDamaged, match="nothing is missing"):
        await recovering.recover(node, Log(own))


def spoil(path):
    octets = bytearray(path.read_bytes())
    octets[-9] ^= 1
    path.write_bytes(octets)
