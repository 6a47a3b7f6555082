"""What `diwan evidence check` finds: whatever somebody does to the rows, the files, or both."""

import dataclasses

import pytest

from config.clock import HOUR_US
from directory import orders
from mailcore import certify
from mailcore.evidence import checking, facts, places
from mailcore.evidence.errors import EvidenceDamaged
from mailcore.evidence.sealing import Sealer
from mailcore.queue.types import queue_name
from mailcore.stamping import stamps
from signing.evidence import merkle, note, record, seal
from signing.evidence.note import BadNote
from tests.mailcore.queue.node import AMINA

QUEUE_ID = 1 << 40


@pytest.fixture
def database_url():
    """The arithmetic is the matter here; the units of work run on both engines in test_sealing.py."""
    return "sqlite"


def add(tx, count, at_us=0):
    """Facts of one letter."""
    letter = facts.Letter(facts.Issuer("mx", "p", "all"), QUEUE_ID, queue_name(QUEUE_ID), AMINA, "m", bytes(32))
    before, tx.now_us = tx.now_us, at_us or tx.now_us
    facts.note(tx, [facts.Fact(letter, "SubmissionAcceptance", (f"{n}@x.example",)) for n in range(count)])
    tx.now_us = before


@pytest.fixture
async def whole(node, clock):
    """A log with three checkpoints, of 3, 300 and 310 entries, an hour between them."""
    for count in (3, 297, 10):
        await node.db.write(add, count)
        await Sealer(node).turn()
        clock.advance(HOUR_US)
    return node


async def found(node, *kept):
    report = await checking.check(node, kept)
    return [(one.place, one.what) for one in report.findings]


async def do(node, sql, **params):
    assert await node.db.write(lambda tx: tx.execute(sql, **params)) >= 1


async def change(node, place, **fields):
    """Change a record as somebody would who knows how entries are made; return the new entry."""
    [row] = await node.db.read(places.page, place, 1)
    octets = record.write(
        record.Record(**{**{name: getattr(record.read(row.record), name) for name in record.Record.__struct_fields__}, **fields})
    )
    entry = record.entry(row.salt, octets)
    await do(node, "UPDATE evidence SET record = :r, entry = :e WHERE place = :p", r=octets, e=entry, p=place)
    return entry


async def forge(node):
    """Let the tree grow from the entries as they are, and make the files again: as good as a node can lie without its keys."""
    entries = await node.db.read(places.entries, 0, 1000)
    tree = places.Tree(0, {}).grown([merkle.leaf_hash(one) for one in entries])
    hashes = b"".join(tree.frontier[at] for at in places._full(tree.size))
    await do(node, "UPDATE evidence_tree SET size = :s, frontier = :f", s=tree.size, f=hashes)
    Sealer(node).log.write(0, entries)


async def test_a_log_that_nobody_touched_is_whole(whole):
    report = await checking.check(whole)
    assert report == checking.Report(records=310, checkpoints=3)


async def test_an_empty_log_is_whole(node):
    assert await checking.check(node) == checking.Report()


async def test_what_waits_and_what_was_erased_is_counted(whole):
    await whole.db.write(add, 2)
    await whole.db.write(places.erase, 5)
    assert await found(whole) == [(5, "removed")]
    await whole.db.write(orders.add, orders.Wanted("erase", 0, serial=queue_name(QUEUE_ID), reason="order 7"))
    report = await checking.check(whole)
    assert (report.findings, report.waiting, report.erased) == ([], 2, 1)


async def test_a_changed_record_is_named(whole):
    await do(
        whole,
        "UPDATE evidence SET record = :r WHERE place = 7",
        r=record.write(
            record.Record(
                at=1, digest="d", event="RelayFailure", id="", issuer="", message="", policy="", queue="", recipients=(), sender=""
            )
        ),
    )
    assert await found(whole) == [(7, "changed")]


async def test_a_changed_record_with_a_fitting_entry_is_named_and_so_is_the_checkpoint(whole):
    await change(whole, 7, sender="other@x.example")
    assert (7, "changed") in await found(whole)
    assert (300, "rewritten") in await found(whole)


async def test_a_log_that_was_rewritten_with_its_files_does_not_fit_its_checkpoints(whole):
    await change(whole, 7, sender="other@x.example")
    await forge(whole)
    assert await found(whole) == [(300, "rewritten"), (310, "rewritten")]


async def test_a_record_that_was_removed_is_named(whole):
    await do(whole, "DELETE FROM evidence WHERE place = 299")
    await do(whole, "DELETE FROM evidence WHERE place = 0")
    assert await found(whole) == [(0, "missing"), (299, "missing")]


async def test_the_last_records_cannot_be_removed_with_their_checkpoint(whole):
    await do(whole, "DELETE FROM evidence WHERE place >= 300")
    assert await found(whole) == [(place, "missing") for place in range(300, 310)]
    await do(whole, "DELETE FROM evidence_checkpoint WHERE size > 300")
    await forge(whole)
    assert await found(whole) == [(310, "missing")]


async def test_a_record_filed_under_another_letter_is_named(whole):
    await do(whole, "UPDATE evidence SET queue_id = 5 WHERE place = 9")
    assert await found(whole) == [(9, "changed")]


async def test_a_record_that_says_an_earlier_time_is_named(whole, clock):
    await whole.db.write(add, 1, clock.now_us() - 2 * HOUR_US)
    await Sealer(whole).turn()
    assert await found(whole) == [(310, "back-dated")]


async def test_a_record_that_says_a_later_time_is_named(whole, clock):
    await whole.db.write(add, 1, clock.now_us() + HOUR_US)
    await Sealer(whole).turn()
    assert await found(whole) == [(310, "post-dated")]


async def test_a_checkpoint_that_the_log_did_not_sign_is_named(whole):
    kept = await whole.db.read(places.checkpoint, 300)
    stranger = dataclasses.replace(note.read(kept.note), signatures=(note.Signature("x", b"1234", bytes(64)),))
    await whole.db.write(places.renote, 300, note.write(stranger))
    assert await found(whole) == [(300, "checkpoint")]


@pytest.mark.parametrize("octet", [40, 400, -1])
async def test_a_seal_of_which_an_octet_was_changed_is_named(whole, octet):
    kept = await whole.db.read(places.checkpoint, 310)
    octets = bytearray(kept.seal)
    octets[octet] ^= 1
    await do(whole, "UPDATE evidence_checkpoint SET seal = :s WHERE size = 310", s=bytes(octets))
    assert await found(whole) == [(310, "checkpoint")]


async def test_an_older_seal_does_not_do_for_a_newer_checkpoint(whole):
    old = await whole.db.read(places.checkpoint, 3)
    await do(whole, "UPDATE evidence_checkpoint SET seal = :s WHERE size = 310", s=old.seal)
    assert await found(whole) == [(310, "checkpoint")]


async def test_what_somebody_kept_proves_that_a_log_was_rewritten_even_with_its_keys(whole):
    kept = (await whole.db.read(places.checkpoint, 300)).note
    assert await found(whole, kept) == []
    await change(whole, 7, sender="other@x.example")
    await do(whole, "DELETE FROM evidence_checkpoint")
    await forge(whole)
    (Sealer(whole).log.directory / "checkpoint").unlink()
    await Sealer(whole).turn()
    assert await found(whole) == []  # its keys signed everything anew
    assert await found(whole, kept) == [(300, "rewritten")]


async def test_what_somebody_kept_must_be_of_this_log(whole):
    kept = (await whole.db.read(places.checkpoint, 300)).note
    with pytest.raises(BadNote):
        await checking.check(whole, [kept.replace(b"300", b"299", 1)])


PUBLISHED = {
    "an entry": ("tile/entries/000", 9, (0, "changed")),
    "a hash of a tile": ("tile/0/000", 33, (0, "file")),
    "a hash of the last tile": ("tile/0/001.p/54", 3, (256, "file")),
    "a hash further up": ("tile/1/000.p/1", 0, (0, "file")),
    "the root in the checkpoint": ("checkpoint", 50, (310, "file")),
    "its seal": ("checkpoint.p7s", 900, (310, "file")),
}


async def test_a_published_file_that_was_changed_or_removed_is_named(whole):
    for name, at, finding in PUBLISHED.values():
        path = Sealer(whole).log.directory / name
        octets = path.read_bytes()
        path.write_bytes(octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :])
        assert finding in await found(whole)
        path.unlink()
        assert {what for _, what in await found(whole)} == (set() if name == "checkpoint" else {"file"})  # it will be published again
        path.write_bytes(octets)
    assert await found(whole) == []


async def test_a_record_outside_of_the_log_is_named(whole):
    for place in (-1, 310):
        await do(whole, "INSERT INTO evidence (place, queue_id, entry) VALUES (:p, 1, :e)", p=place, e=bytes(32))
    assert {(-1, "added"), (310, "added")} <= set(await found(whole))


async def test_a_seal_that_was_taken_away_is_named(whole):
    await do(whole, "UPDATE evidence_checkpoint SET seal = :s WHERE size = 3", s=b"")
    assert await found(whole) == [(3, "checkpoint")]


async def test_a_seal_of_somebody_else_is_named(whole, clock):
    stranger = await certify.clock(whole)
    kept = await whole.db.read(places.checkpoint, 300)
    made = await seal.sealed(whole.signer, stranger, note.read(kept.note).text, clock.now_us(), stamps(whole).over)
    await do(whole, "UPDATE evidence_checkpoint SET seal = :s WHERE size = 300", s=made.octets)
    assert await found(whole) == [(300, "checkpoint")]


async def test_what_the_log_grows_from_is_told_when_it_is_not_that(whole):
    for frontier in (b"", bytes(32 * 9)):
        await do(whole, "UPDATE evidence_tree SET frontier = :f", f=frontier)
        with pytest.raises(EvidenceDamaged, match="evidence_tree"):
            await checking.check(whole)
