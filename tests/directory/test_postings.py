"""Sets of accounts under terms: what is put in comes out, on both engines, however it is cut."""

from hypothesis import given
from hypothesis import strategies as st

from config.database import Database, Tx
from directory import postings
from directory.postings import CHUNK
from directory.tokens import Term

ACCOUNTS = st.sets(st.one_of(st.integers(1, 4 * CHUNK), st.integers(1, 300)), max_size=400)


@given(ACCOUNTS, ACCOUNTS)
def test_sets_meet_as_sets_do(one: set[int], other: set[int]) -> None:
    left, right = postings.of(one), postings.of(other)
    assert list(postings.account_ids(left)) == sorted(one)
    assert list(postings.account_ids(postings.both(left, right))) == sorted(one & other)
    assert list(postings.account_ids(postings.either(left, right))) == sorted(one | other)
    assert list(postings.account_ids(postings.without(left, right))) == sorted(one - other)


@given(st.sets(st.one_of(st.integers(0, CHUNK - 1), st.integers(0, 400)), max_size=400))
def test_a_row_says_who_is_in_it_whether_few_or_many(offsets: set[int]) -> None:
    whole = postings.of(offsets).get(0, 0)
    packed = postings.pack(whole)
    assert postings.unpack(packed) == whole
    assert len(packed) <= CHUNK // 8
    assert bool(packed) == bool(offsets)


async def test_terms_and_ranges_of_terms(database: Database) -> None:
    many, few = list(range(5, CHUNK, 7)), [3, 7, CHUNK - 1]
    all_many, all_few = postings.bits(many), postings.bits(few)

    async def found(term: Term) -> set[int]:
        return set(postings.account_ids(await database.read(postings.read, term)))

    for chunk in (0, 9):
        await database.write(postings.change, chunk, {b"many": all_many, b"manx": all_few}, {})
    here = {chunk * CHUNK + one for chunk in (0, 9) for one in many}
    there = {chunk * CHUNK + one for chunk in (0, 9) for one in few}
    assert await found(Term(b"many")) == here
    assert await found(Term(b"man", b"man\xff")) == here | there
    assert await found(Term(b"ma")) == set()
    assert set(await database.read(postings.read_each, ["many", "none"])) == {"many", "none"}
    await database.write(postings.change, 0, {b"manx": 1 << 4 | 1 << 7}, {b"many": all_many, b"manx": 1 << 3 | 1 << 4})
    assert await found(Term(b"many")) == {one for one in here if one >= CHUNK}
    assert await found(Term(b"manx")) == there - {3} | {4}
    assert await database.read(_rows) == 3


def _rows(tx: Tx) -> int:
    rows: int = tx.value("SELECT COUNT(*) FROM search_posting")
    return rows
