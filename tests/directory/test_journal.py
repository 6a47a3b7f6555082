"""The journal: one chain, whose every break is seen, and in which only words can be blanked."""

import hashlib

import msgspec
import pytest

from config.database import Database, Tx
from directory import grants, journal, rights
from directory.acts import decide, perform
from directory.acts.blanking import JournalBlank
from directory.errors import BadEntry, NotFound, NotPermitted
from directory.journal import MAX_REASON_CHARS, PAGE, ZERO, Entry
from directory.rights import CONSOLE, NATION, Actor

from .conftest import Ministry


def write(tx: Tx, count: int = 5) -> list[int]:
    return journal.append(tx, [Entry(CONSOLE, "person.rename", "person", n, after={"name": f"n{n}"}) for n in range(count)])


async def test_numbers_have_no_gap_and_the_chain_is_what_it_says(database: Database) -> None:
    assert await database.write(write) == [1, 2, 3, 4, 5]
    assert await database.write(write, 2) == [6, 7]
    rows = await database.read(lambda tx: tx.rows("SELECT seq, at_us, digest, hash, body FROM journal ORDER BY seq"))
    previous = ZERO
    for seq, at_us, digest, sealed, body in rows:
        assert hashlib.sha256(bytes(body)).digest() == bytes(digest)
        previous = hashlib.sha256(previous + seq.to_bytes(8, "big") + at_us.to_bytes(8, "big") + bytes(digest)).digest()
        assert previous == bytes(sealed)
    verdict = await database.read(journal.verify)
    assert (verdict.entries, verdict.seq, verdict.hash, verdict.bad_seq) == (7, 7, previous, None)


async def test_bodies_are_canonical_and_never_alike(database: Database) -> None:
    await database.write(lambda tx: [journal.append(tx, [Entry(CONSOLE, "x")]) for _ in range(2)])
    bodies = [bytes(body) for body in await database.read(lambda tx: tx.column("SELECT body FROM journal"))]
    assert bodies[0] != bodies[1]
    for body in bodies:
        assert msgspec.json.encode(msgspec.json.decode(body), order="sorted") == body


async def test_an_empty_journal_is_sound(database: Database) -> None:
    verdict = await database.read(journal.verify)
    assert (verdict.entries, verdict.bad_seq, verdict.hash) == (0, None, ZERO)
    assert await database.write(journal.append, []) == []


@pytest.mark.parametrize(
    ("tampering", "bad"),
    [
        ("UPDATE journal SET body = (SELECT body FROM journal WHERE seq = 2) WHERE seq = 3", 3),
        ("UPDATE journal SET at_us = at_us + 1 WHERE seq = 4", 4),
        ("UPDATE journal SET digest = (SELECT digest FROM journal WHERE seq = 1) WHERE seq = 2", 2),
        ("UPDATE journal SET act = 'person.close' WHERE seq = 5", 5),
        ("UPDATE journal SET subject_id = 99 WHERE seq = 1", 1),
        ("UPDATE journal SET actor_id = 99 WHERE seq = 1", 1),
        ("UPDATE journal SET organisation_id = 99 WHERE seq = 1", 1),
        ("DELETE FROM journal WHERE seq = 3", 4),
        ("DELETE FROM journal WHERE seq = 5", 5),
        ("DELETE FROM journal WHERE seq >= 2", 2),
        ("UPDATE counter SET value = 4 WHERE name = 'journal'", 5),
        ("UPDATE counter SET value = 6 WHERE name = 'journal'", 6),
    ],
)
async def test_verification_names_the_first_bad_entry(database: Database, tampering: str, bad: int) -> None:
    await database.write(write)
    await database.write(lambda tx: tx.execute(tampering))
    verdict = await database.read(journal.verify)
    assert verdict.bad_seq == bad
    assert verdict.said


async def test_an_end_cut_off_with_its_counter_is_seen_by_whoever_noted_a_hash(database: Database) -> None:
    await database.write(write)
    noted = await database.read(journal.verify)
    await database.write(write)
    assert (await database.read(journal.verify, (noted.seq, noted.hash))).bad_seq is None
    for sql in ("DELETE FROM journal WHERE seq > 3", "UPDATE counter SET value = 3 WHERE name = 'journal'"):
        await database.write(lambda tx, sql=sql: tx.execute(sql))
    assert (await database.read(journal.verify)).bad_seq is None
    assert (await database.read(journal.verify, (noted.seq, noted.hash))).bad_seq == 4
    await database.write(write)
    rewritten = await database.read(journal.verify, (noted.seq, noted.hash))
    assert (rewritten.bad_seq, rewritten.said) == (5, "this entry is not the one that was noted")


async def test_the_chain_is_walked_in_pages(database: Database) -> None:
    await database.write(write, PAGE + 1)
    verdict = await database.read(journal.verify)
    assert (verdict.entries, verdict.bad_seq) == (PAGE + 1, None)


async def test_a_reason_is_bounded(database: Database) -> None:
    with pytest.raises(BadEntry):
        await database.write(journal.append, [Entry(CONSOLE, "x", reason="x" * (MAX_REASON_CHARS + 1))])


async def test_an_entry_is_blanked_by_two_persons_and_the_chain_holds(database: Database, ministry: Ministry) -> None:
    operator = Actor("operator", ministry.karim.person_id)
    await database.write(grants.give, ministry.karim.person_id, "national", NATION)
    await database.write(write)
    with pytest.raises(BadEntry):
        await database.write(perform, CONSOLE, JournalBlank(3, " "))
    asked = await database.write(perform, CONSOLE, JournalBlank(3, "judgment 12/2026"))
    assert asked.approval_id is not None
    await database.write(decide, operator, asked.approval_id, approve=True)
    row = await database.read(lambda tx: tx.row("SELECT body, act, subject_id FROM journal WHERE seq = 3"))
    assert row == (None, "", None)
    assert (await database.read(journal.verify)).bad_seq is None
    with pytest.raises(NotFound):
        await database.write(journal.blank, 3)


async def test_an_auditor_reads_their_scope_and_the_reading_is_journalled(database: Database, ministry: Ministry) -> None:
    here = rights.organisation(ministry.organisation.organisation_id)
    await database.write(grants.give, ministry.karim.person_id, "auditor", here)
    auditor = Actor("Karim", ministry.karim.person_id)
    inside = Entry(CONSOLE, "post.create", "post", ministry.registry.post_id, here.id, ministry.unit.unit_id)
    await database.write(journal.append, [Entry(CONSOLE, "node.add"), inside])
    assert [one.act for one in await database.write(journal.entries, auditor, here)] == ["post.create"]
    assert [one.act for one in await database.write(journal.entries, CONSOLE, NATION)] == ["journal.read", "post.create", "node.add"]
    found = await database.write(journal.entries, CONSOLE, rights.unit(ministry.unit.unit_id), act="post.create")
    assert [one.seq for one in found] == [2]
    assert [one.seq for one in await database.write(journal.entries, CONSOLE, NATION, before_seq=2, limit=5)] == [1]
    assert [one.seq for one in await database.write(journal.entries, CONSOLE, NATION, subject_id=ministry.registry.post_id)] == [2]
    for scope in (NATION,):
        with pytest.raises(NotPermitted):
            await database.write(journal.entries, auditor, scope)
    with pytest.raises(NotPermitted):
        await database.write(journal.entries, Actor("Amina", ministry.amina.person_id), here)
