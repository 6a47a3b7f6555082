"""Whether indexes are sound: every segment opens, and every indexed message stands in one. A part of `diwan check`."""

import asyncio
from typing import TYPE_CHECKING

from config.database import Tx
from mailcore.errors import Damaged
from mailcore.store.fulltext import rows
from mailcore.store.fulltext.finding import opened
from mailcore.store.fulltext.segment import VERSION, BadSegment
from mailcore.store.types import AccountId

if TYPE_CHECKING:
    from mailcore.store.store import Store


async def check_segments(store: "Store") -> list[str]:
    """Return what is wrong with indexes, one line each. Segments of another version are passed over: they are to be made anew."""
    findings: list[str] = []
    for account_id in await store.db.read(_indexed):
        findings += await _check(store, account_id)
    return findings


def _indexed(tx: Tx) -> list[AccountId]:
    return tx.column("SELECT account_id FROM fulltext_state ORDER BY account_id")


async def _check(store: "Store", account_id: AccountId) -> list[str]:
    account = await store.open_account(account_id)
    state = await store.db.read(rows.state, account_id)
    if any(row.version != VERSION for row in state.segments):
        return []
    findings: list[str] = []
    covered: set[int] = set()
    for row in state.segments:
        sealed = await store.db.read(rows.sealed, account_id, row.segment)
        if not sealed:  # merged meanwhile, else `check` has said so
            return []
        where = f"account {account_id} segment {row.segment}"
        try:
            ids = (await asyncio.to_thread(opened, account, row, sealed)).ids
        except (Damaged, BadSegment) as error:
            findings.append(f"every segment opens: {where}: {error}; `diwan reindex` makes it anew")
            continue
        if not covered.isdisjoint(ids):
            findings.append(f"a message is indexed once: {where}: has messages of another segment")
        if [len(ids), ids[0], ids[-1]] != [row.messages, row.first_id, row.last_id]:
            findings.append(f"a segment is what its row says: {where}")
        covered.update(ids)
    if findings:
        return findings
    missing = set(await store.db.read(rows.between, account_id, 1, state.indexed_upto)) - covered
    return [f"every message is indexed: account {account_id}: {len(missing)} are not; `diwan reindex` mends that"] if missing else []
