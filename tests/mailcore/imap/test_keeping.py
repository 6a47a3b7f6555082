"""Large mailboxes are put by when the server stops and every now and then; the next server starts from there."""

import ssl
from collections.abc import Callable

import pytest

from config.database import Tx
from mailcore.imap import keeping
from mailcore.services import Services
from mailcore.store import packing, snapshots
from mailcore.store.packing import Columns
from mailcore.store.types import MailboxKey
from tests.mailcore.imap.node import serving

SELECTED = [b"* 4 EXISTS", b"* OK [UNSEEN 1] first unseen"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (keeping, snapshots):
        monkeypatch.setattr(module, "LARGE_MESSAGES", 3)
    monkeypatch.setattr(snapshots, "MAX_CHANGED_SHARE", 1)
    monkeypatch.setattr(snapshots, "BRIEF_ROWS", 0)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[MailboxKey]:
    """Every mailbox that is read row by row."""
    seen: list[MailboxKey] = []
    real: Callable[[Tx, MailboxKey], Columns] = snapshots.read

    def noted(tx: Tx, key: MailboxKey) -> Columns:
        seen.append(key)
        return real(tx, key)

    monkeypatch.setattr(snapshots, "read", noted)
    return seen


async def test_the_next_server_starts_from_what_was_put_by(services: Services, trusting: ssl.SSLContext, reads: list[MailboxKey]) -> None:
    async with serving(services, trusting) as server:
        await server.fill(4)
        client = await server.signed_in("INBOX")
        assert set(SELECTED) <= set(client.untagged)
        assert len(reads) == 1
    async with serving(services, trusting) as server:
        client = await server.signed_in("INBOX")
        assert set(SELECTED) <= set(client.untagged)
        await client.ask("STORE 1 +FLAGS (\\Seen \\Deleted)")
        await client.ask("EXPUNGE")
        await server.fill(2)
        await client.ask("STORE 1 +FLAGS (\\Seen)")
    async with serving(services, trusting) as server:
        client = await server.signed_in("INBOX")
        assert {b"* 5 EXISTS", b"* OK [UNSEEN 2] first unseen"} <= set(client.untagged)
        assert (await client.ask("UID FETCH 1:* FLAGS")).startswith(b"OK")
        assert client.untagged[0] == b"* 1 FETCH (UID 2 FLAGS (\\Seen))"
        assert len(client.untagged) == 5
    assert len(reads) == 1


async def test_a_mailbox_is_put_by_again_once_it_has_changed_much(services: Services, trusting: ssl.SSLContext) -> None:
    async with serving(services, trusting) as server:
        await server.fill(4)
        views = server.listener.memory.views
        client = await server.signed_in("INBOX")
        assert [await keeping.put_by(services, views, lag) for lag in (3, 3, 1)] == [1, 0, 0]
        for flag in ("Seen", "Flagged"):
            await client.ask(f"STORE 1:2 +FLAGS (\\{flag})")
        await client.ask("SELECT INBOX")
        assert await keeping.put_by(services, views, 3) == 0
        assert await keeping.put_by(services, views, 2) == 1


async def test_what_cannot_be_put_by_holds_up_nothing(
    services: Services, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(columns: object) -> bytes:
        raise OSError("no")

    async with serving(services, trusting) as server:
        await server.fill(4)
        await server.signed_in("INBOX")
        monkeypatch.setattr(packing, "pack", broken)
        assert await keeping.put_by(services, server.listener.memory.views) == 0
