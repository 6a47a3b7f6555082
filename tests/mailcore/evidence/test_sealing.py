"""The sealer: places, tiles, a checkpoint that everybody can judge; crashes, restores, time stamps that come later."""

import shutil
from itertools import combinations_with_replacement

import pytest

from directory import orders
from mailcore import metrics, stamping
from mailcore.evidence import checking, facts, places, sealing, watch
from mailcore.evidence.errors import EvidenceDamaged
from mailcore.evidence.sealing import Sealer
from mailcore.evidence.watch import Standing
from mailcore.queue.accept import accept
from mailcore.queue.types import queue_number
from signing import cms, genuine, moment
from signing.evidence import checkpoint, merkle, note, record
from signing.evidence.tiles import Tile
from tests.mailcore.queue.node import AMINA, KARIM, submission

files_alone = pytest.mark.parametrize("database_url", ["sqlite"])  # the units of work are those of tests that run on both engines


async def letters(services, count, clock=None):
    names = []
    for _ in range(count):
        names.append(await accept(services, submission(KARIM)))
        if clock is not None:
            clock.advance(1_000)
    return names


def add(tx, count):
    """Facts of nobody's letters, as many as a test of tiles needs."""
    issuer = facts.Issuer("mx", "p", "all")
    letter = facts.Letter(issuer, 1, "1", AMINA, "m", bytes(32))
    facts.note(tx, [facts.Fact(letter, "SubmissionAcceptance", (f"{n}@x.example",)) for n in range(count)])


async def test_records_get_places_and_a_proof_up_to_a_signed_checkpoint(node, clock):
    [name] = await letters(node, 1)
    sealer = Sealer(node)
    kept = await sealer.turn()
    made = sealing.text_of(kept)
    assert (made.origin, made.size, kept.at_us) == ("mx.interieur.gov.example/evidence", 2, clock.now_us())
    assert list(note.signers(note.read(kept.note), [await sealer.key()]).values()) == [0]
    rows = await node.db.read(facts.rows_of, queue_number(name))
    assert [row.index for row in rows] == [0, 1]
    for row in rows:
        leaf = merkle.leaf_hash(record.entry(row.salt, row.record))
        assert merkle.is_included(leaf, row.index, made.size, sealer.log.proof(row.index, made.size), made.root)


@files_alone
async def test_a_checkpoint_is_sealed_with_a_stamp_by_the_nodes_certificate(node, clock):
    await letters(node, 1)
    kept = await Sealer(node).turn()
    signed = cms.read(kept.seal)
    leaf = genuine.leaf(signed)
    genuine.check(note.read(kept.note).text.encode(), signed, leaf)
    assert kept.stamped
    assert moment.proven(signed.signer, node.roots, clock.now_us()).time_us == clock.now_us()


@files_alone
async def test_what_is_published_is_what_is_kept(node):
    await letters(node, 1)
    sealer = Sealer(node)
    kept = await sealer.turn()
    files = sealing.log_of(node.settings).directory
    assert (files / "checkpoint").read_bytes() == kept.note
    assert (files / "checkpoint.p7s").read_bytes() == kept.seal
    assert (files / "policy.txt").read_text("utf-8") == sealing.RULES
    assert sealer.log.bundle(0, 2)[1] == (await node.db.read(places.entries, 1, 1))[0]


async def test_nothing_new_gives_no_new_checkpoint(node):
    sealer = Sealer(node)
    assert await sealer.turn() is None
    await letters(node, 1)
    assert await sealer.turn() == await sealer.turn() == await Sealer(node).turn()
    assert await node.db.read(lambda tx: tx.value("SELECT COUNT(*) FROM evidence_checkpoint")) == 1


async def test_two_checkpoints_follow_from_each_other_across_tiles(node, monkeypatch):
    monkeypatch.setattr(sealing, "PAGE", 512)
    sealer, seen = Sealer(node), []
    for count in (3, 252, 1, 300, 700):
        await node.db.write(add, count)
        seen.append(sealing.text_of(await sealer.turn()))
    assert [one.size for one in seen] == [3, 255, 256, 556, 1256]
    for old, new in combinations_with_replacement(seen, 2):
        assert merkle.is_consistent(old.size, old.root, new.size, new.root, sealer.log.consistency(old.size, new.size))
    files = sealer.log.directory
    assert (files / Tile(0, 0).path).stat().st_size == 256 * 32
    assert not (files / "tile/0/000.p").exists()
    assert (files / Tile(1, 0, 4).path).exists()


@files_alone
async def test_a_crash_before_the_checkpoint_is_finished_by_the_next_turn(node, monkeypatch):
    await node.db.write(add, 300)
    first = await Sealer(node).turn()
    await node.db.write(add, 300)

    def broken(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(sealing.Log, "publish", broken)
        with pytest.raises(OSError, match="full"):
            await Sealer(node).turn()
    sealer = Sealer(node)
    assert sealer.log.checkpoint().size == first.size
    kept = await sealer.turn()
    assert (kept.size, sealer.log.checkpoint().root) == (600, sealer.log.root(600))


@files_alone
async def test_files_that_were_lost_or_changed_are_made_again_from_the_entries(node):
    await node.db.write(add, 600)
    sealer = Sealer(node)
    await sealer.turn()
    whole = {path: path.read_bytes() for path in sealer.log.directory.rglob("*") if path.is_file()}
    (sealer.log.directory / Tile(0, 1).path).write_bytes(bytes(256 * 32))
    shutil.rmtree(sealer.log.directory / "tile/1")
    await node.db.write(add, 1)
    kept = await Sealer(node).turn()
    assert sealing.text_of(kept).root == sealer.log.root(601) == Sealer(node).log.root(601)
    assert all(path.read_bytes() == octets for path, octets in whole.items() if "tile/0/00" in str(path) and ".p/" not in str(path))


async def restore(node, size):
    """Bring the tables of the log back as they were with `size` entries."""
    tree = places.Tree(0, {}).grown([merkle.leaf_hash(one) for one in await node.db.read(places.entries, 0, size)])
    frontier = b"".join(tree.frontier.values())

    def back(tx):
        tx.execute("DELETE FROM evidence_checkpoint WHERE size > :s", s=size)
        tx.execute("DELETE FROM evidence WHERE place >= :s", s=size)
        tx.execute("UPDATE evidence_tree SET size = :s, frontier = :f", s=size, f=frontier)

    await node.db.write(back)


@files_alone
@pytest.mark.parametrize("come_since", [0, 9])
async def test_a_log_that_was_restored_from_an_old_backup_signs_nothing(node, come_since):
    await node.db.write(add, 5)
    await Sealer(node).turn()
    await restore(node, 3)
    await node.db.write(add, come_since)
    before = {path: path.read_bytes() for path in Sealer(node).log.directory.rglob("*") if path.is_file()}
    for _ in range(2):
        with pytest.raises(EvidenceDamaged, match="restore"):
            await Sealer(node).turn()
    assert await node.db.read(places.latest) is None
    assert {path: path.read_bytes() for path in Sealer(node).log.directory.rglob("*") if path.is_file()} == before


@files_alone
async def test_a_log_that_grew_otherwise_than_it_was_published_signs_nothing(node):
    await node.db.write(add, 5)
    await Sealer(node).turn()
    await restore(node, 3)
    await node.db.write(add, 4)
    await node.db.write(places.integrate, 100)
    with pytest.raises(EvidenceDamaged, match="does not begin with the 5 entries"):
        await Sealer(node).turn()
    assert await node.db.read(places.latest) is None


@files_alone
async def test_lost_files_are_there_before_the_checkpoint_that_counts_on_them(node):
    await node.db.write(add, 600)
    await Sealer(node).turn()
    shutil.rmtree(Sealer(node).log.directory)
    await Sealer(node).turn()
    files = Sealer(node).log
    assert files.root(600) == files.checkpoint().root


@files_alone
async def test_entries_that_were_changed_are_signed_by_nobody(node):
    await node.db.write(add, 5)
    await Sealer(node).turn()
    await node.db.write(lambda tx: tx.execute("UPDATE evidence SET entry = :e WHERE place = 2", e=bytes(32)))
    await node.db.write(add, 1)
    with pytest.raises(EvidenceDamaged, match="changed"):
        await Sealer(node).turn()


async def test_a_stamp_that_could_not_be_had_comes_later(node, monkeypatch):
    async def none(*_: object) -> bytes:
        return b""

    await letters(node, 1)
    assert (await node.db.read(watch.standing)).waiting == 2
    with monkeypatch.context() as patch:
        patch.setattr(stamping.Stamps, "over", none)
        assert not (await Sealer(node).turn()).stamped
    found = await node.db.read(watch.standing)
    assert (found, watch.said(found, 10)[0]) == (Standing(0, 0, 1), False)
    await Sealer(node).turn()
    kept = await node.db.read(places.latest)
    assert kept.stamped
    assert watch.said(await node.db.read(watch.standing), 10) == (True, "all records are sealed")
    assert (sealing.log_of(node.settings).directory / "checkpoint.p7s").read_bytes() == kept.seal


@files_alone
async def test_what_waits_too_long_is_told(node, clock):
    """A record that has its place and no checkpoint over it waits like one that has none."""
    await letters(node, 1)
    clock.advance(61_000_000)
    for _ in range(2):
        found = await node.db.read(watch.standing)
        assert found == Standing(2, 61, 0)
        well, said = watch.said(found, 10)
        assert (well, "2 records wait" in said, "61 s" in said) == (False, True, True)
        await node.db.write(places.integrate, 10)
    assert watch.said(found, 60)[0]
    assert "diwan_evidence_oldest_seconds 61" in "\n".join(await metrics.figures(node))


@files_alone
async def test_a_node_without_a_root_keeps_its_log_all_the_same(node, tmp_path):
    shutil.rmtree(tmp_path / "keys" / "authorities")
    node.parts._made.clear()
    await letters(node, 1)
    kept = await Sealer(node).turn()
    assert (kept.seal, kept.stamped, kept.size) == (b"", False, 2)


async def test_a_record_that_was_erased_leaves_the_log_whole(node):
    [name] = await letters(node, 1)
    await Sealer(node).turn()
    await node.db.write(orders.add, orders.Wanted("erase", 0, serial=name, reason="order 7"))
    [kept] = await letters(node, 1)
    assert (await Sealer(node).turn()).size == 4
    assert await node.db.read(facts.rows_of, queue_number(name)) == []
    assert [row.index for row in await node.db.read(facts.rows_of, queue_number(kept))] == [2, 3]
    assert await node.db.read(orders.standing, "erase") == await node.db.read(orders.waiting) == []
    report = await checking.check(node)
    assert (report.findings, report.records, report.erased) == ([], 4, 2)


def test_frontiers_are_the_trees_that_a_size_is_made_of():
    tree, leaves = places.Tree(0, {}), [merkle.leaf_hash(bytes([n])) for n in range(70)]
    for n, leaf in enumerate(leaves, 1):
        tree = tree.grown([leaf])
        assert (tree.size, len(tree.frontier)) == (n, n.bit_count())
    assert tree.root() == places.Tree(0, {}).grown(leaves).root()
    assert checkpoint.read(checkpoint.write(checkpoint.Checkpoint("x", 70, tree.root()))).root == tree.root()
