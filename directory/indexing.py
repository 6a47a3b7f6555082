"""Keeping the search index in step with the directory: people, posts, units with a box, lists.

What an account is listed under is kept beside the index, so that a change takes away exactly what was there.
"""

import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from config.database import Database, Tx
from directory import postings, tokens
from directory.postings import CHUNK

Progress = Callable[[int, int], None]

AT_ONCE = 2_000  # accounts of one unit of work while catching up
BLOCK = 16  # accounts whose words are kept together, in about a kilobyte
LEVELS = (5, 20, 50)  # ranks of functions: who leads, directors, services; the fourth level is everything below

_NOW = "h.superseded_us IS NULL AND h.valid_from_us <= :now_us AND (h.valid_to_us IS NULL OR h.valid_to_us > :now_us)"
_PEOPLE = """
    SELECT p.person_id, p.unit_id, u.organisation_id, p.address, p.name_fr, p.name_ar
    FROM person p LEFT JOIN unit u ON u.unit_id = p.unit_id WHERE p.person_id IN (:ids[]) AND p.closed_us IS NULL
"""
_HIDDEN = "SELECT 1 FROM visibility v WHERE v.account_id = {} AND v.attribute = '{}' AND v.audience NOT IN ('everyone', 'nation')"
# Nobody is found by a function that not everybody may know of: a search would tell.
_TITLES = f"""
    SELECT h.person_id, p.post_rank, p.title_fr, p.title_ar FROM holding h JOIN post p ON p.post_id = h.post_id
    WHERE h.person_id IN (:ids[]) AND {_NOW} AND p.closed_us IS NULL AND NOT EXISTS ({_HIDDEN.format("h.person_id", "posts")})
      AND NOT EXISTS ({_HIDDEN.format("p.post_id", "entry")}) ORDER BY h.person_id, p.post_rank, h.holding_id
"""
_POSTS = """
    SELECT p.post_id, p.post_rank, u.unit_id, o.organisation_id, p.address, p.title_fr, p.title_ar, o.name_fr, o.name_ar,
        u.name_fr, u.name_ar
    FROM post p JOIN unit u ON u.unit_id = p.unit_id JOIN organisation o ON o.organisation_id = u.organisation_id
    WHERE p.post_id IN (:ids[]) AND p.closed_us IS NULL
"""
_UNITS = """
    SELECT u.unit_id, u.unit_id, u.organisation_id, u.address, u.name_fr, u.name_ar, o.name_fr, o.name_ar
    FROM unit u JOIN organisation o ON o.organisation_id = u.organisation_id
    WHERE u.unit_id IN (:ids[]) AND u.closed_us IS NULL AND u.address IS NOT NULL
"""
_LISTS = """
    SELECT l.list_id, NULL, l.organisation_id, l.address, l.name_fr, l.name_ar, o.name_fr, o.name_ar
    FROM list l JOIN organisation o ON o.organisation_id = l.organisation_id
    WHERE l.list_id IN (:ids[]) AND l.closed_us IS NULL
"""
_KEPT = "SELECT block, entries FROM search_entry WHERE block IN (:blocks[])"
_KEEP = """
    INSERT INTO search_entry (block, entries) VALUES (:block, :entries)
    ON CONFLICT (block) DO UPDATE SET entries = excluded.entries
"""
_OPEN = """
    SELECT person_id FROM person WHERE person_id >= :low AND person_id < :high AND closed_us IS NULL
    UNION ALL SELECT post_id FROM post WHERE post_id >= :low AND post_id < :high AND closed_us IS NULL
    UNION ALL SELECT unit_id FROM unit WHERE unit_id >= :low AND unit_id < :high AND closed_us IS NULL AND address IS NOT NULL
    UNION ALL SELECT list_id FROM list WHERE list_id >= :low AND list_id < :high AND closed_us IS NULL
"""
_LAST = "SELECT value FROM counter WHERE name = 'entity'"
_TURNED = """
    SELECT DISTINCT person_id FROM holding WHERE superseded_us IS NULL
      AND (valid_from_us > :since_us AND valid_from_us <= :now_us OR valid_to_us > :since_us AND valid_to_us <= :now_us)
"""

_read = msgspec.json.Decoder(dict[int, str]).decode


def index(tx: Tx, account_ids: Sequence[int]) -> None:
    """List accounts under what the directory says of them now; those that have left disappear."""
    postings.lock(tx)
    _replace(tx, account_ids, dict(_entries(tx, account_ids)))


def forget(tx: Tx, account_ids: Sequence[int]) -> None:
    """Take accounts out of the index."""
    postings.lock(tx)
    _replace(tx, account_ids, {})


async def rebuild(db: Database, progress: Progress | None = None) -> int:
    """Build the index anew from the directory, chunk by chunk; return how many accounts it lists. Until then searches find fewer.

    `progress` hears how many accounts are done, and of how many. Memory does not grow with the directory.
    """
    total, chunks = await db.write(_empty)
    done = 0
    for chunk in range(chunks):
        done += await db.write(_index_chunk, chunk)
        if progress is not None:
            progress(done, max(done, total))
    return done


async def catch_up(db: Database) -> int:
    """Index anew whose functions began or ended by their dates since the last time; return how many accounts that were.

    Everything, when nothing is indexed though somebody is there: in a database of an earlier release.
    """
    if await db.read(_never_built):
        return await rebuild(db)
    until_us, ids = await db.read(_turned)
    for start in range(0, len(ids), AT_ONCE):
        await db.write(index, ids[start : start + AT_ONCE])
    await db.write(_caught_up, until_us)
    return len(ids)


def _never_built(tx: Tx) -> bool:
    return (
        tx.row("SELECT 1 FROM search_entry LIMIT 1") is None and tx.row("SELECT 1 FROM address WHERE closed_us IS NULL LIMIT 1") is not None
    )


def _turned(tx: Tx) -> tuple[int, list[int]]:
    since_us = tx.value("SELECT value FROM counter WHERE name = 'search_until_us'")
    return tx.now_us, tx.column(_TURNED, since_us=since_us, now_us=tx.now_us)


def _caught_up(tx: Tx, until_us: int) -> None:
    tx.execute("UPDATE counter SET value = :until_us WHERE name = 'search_until_us'", until_us=until_us)


def _empty(tx: Tx) -> tuple[int, int]:
    """Return how many accounts there are to index, and in how many chunks."""
    postings.lock(tx)
    _caught_up(tx, tx.now_us)
    tx.execute("DELETE FROM search_posting")
    tx.execute("DELETE FROM search_entry")
    last: int = tx.value(_LAST)
    return tx.value(f"SELECT COUNT(*) FROM ({_OPEN}) AS open", low=0, high=last + 1), last // CHUNK + 1


def _index_chunk(tx: Tx, chunk: int) -> int:
    ids = tx.column(_OPEN, low=chunk * CHUNK, high=(chunk + 1) * CHUNK)
    index(tx, ids)
    return len(ids)


def _replace(tx: Tx, account_ids: Sequence[int], entries: Mapping[int, str]) -> None:
    chunks: defaultdict[int, list[int]] = defaultdict(list)
    for one in dict.fromkeys(account_ids):
        chunks[one // CHUNK].append(one)
    for chunk in sorted(chunks):
        _replace_in(tx, chunk, chunks[chunk], entries)


def _replace_in(tx: Tx, chunk: int, account_ids: Sequence[int], entries: Mapping[int, str]) -> None:
    """Write what has changed of accounts of one chunk; an account without an entry is taken out."""
    kept = {block: _read(text) for block, text in tx.rows(_KEPT, blocks=sorted({one // BLOCK for one in account_ids}))}
    listed: list[tuple[int, str]] = []
    unlisted: list[tuple[int, str, str]] = []
    changed: defaultdict[int, dict[int, str]] = defaultdict(dict)
    for one in account_ids:
        block = kept.setdefault(one // BLOCK, {})
        was, becomes = block.pop(one, ""), entries.get(one, "")
        if becomes:
            block[one] = becomes
        if was != becomes:
            changed[one // BLOCK] = block
            listed.append((one % CHUNK, becomes))
        if was not in ("", becomes):
            unlisted.append((one % CHUNK, was, becomes))
    postings.change(tx, chunk, _listed(listed), _unlisted(unlisted))
    tx.many(_KEEP, [{"block": number, "entries": msgspec.json.encode(block).decode()} for number, block in changed.items()])


def _listed(entries: Iterable[tuple[int, str]]) -> dict[bytes, int]:
    """Return who stands under which term. They gather under words first, which are fewer."""
    having: defaultdict[str, list[int]] = defaultdict(list)
    for offset, words in entries:
        for word in words.split():
            having[word].append(offset)
    listed: defaultdict[bytes, int] = defaultdict(int)
    for word, offsets in having.items():
        bits = postings.bits(offsets)
        for term in tokens.terms(word):
            listed[term] |= bits
    return listed


def _unlisted(entries: Iterable[tuple[int, str, str]]) -> dict[bytes, int]:
    """Return who stood under which term before and stands there no more."""
    losing: defaultdict[bytes, list[int]] = defaultdict(list)
    for offset, before, after in entries:
        for term in _terms(before) - _terms(after):
            losing[term].append(offset)
    return {term: postings.bits(offsets) for term, offsets in losing.items()}


def _terms(words: str) -> set[bytes]:
    return {term for word in words.split() for term in tokens.terms(word)}


def _entries(tx: Tx, ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Yield the open ones of some accounts with their words, separated by spaces."""
    titles = defaultdict(list)
    for person_id, rank, *texts in tx.rows(_TITLES, ids=ids, now_us=tx.now_us):
        titles[person_id].append((rank, texts))
    for person_id, unit_id, organisation_id, address, *names in tx.rows(_PEOPLE, ids=ids):
        held = titles.get(person_id, [])
        level = [_level(held[0][0])] if held else []
        yield (
            person_id,
            _words(address, (text for _, pair in held for text in pair), names, [*tokens.of_place(unit_id, organisation_id), *level]),
        )
    for post_id, rank, unit_id, organisation_id, address, *texts in tx.rows(_POSTS, ids=ids):
        yield post_id, _words(address, texts, (), [*tokens.of_place(unit_id, organisation_id), _level(rank)])
    for sql in (_UNITS, _LISTS):
        for account_id, unit_id, organisation_id, address, *texts in tx.rows(sql, ids=ids):
            yield account_id, _words(address, texts, (), [*tokens.of_place(unit_id, organisation_id), tokens.of_level(len(LEVELS))])


def _words(address: str, texts: Iterable[str], names: Sequence[str], places: Iterable[str]) -> str:
    local, _, domain = address.rpartition("@")
    return " ".join((*tokens.of_entry((*texts, local), names), tokens.of_domain(domain), *places))


def _level(rank: int) -> str:
    return tokens.of_level(bisect.bisect_left(LEVELS, rank))
