"""What is answered from bundles is answered like from rows: the same octets, whatever the letters are like."""

import pytest

from config.database import Tx
from directory import resolve
from directory.address import parse
from mailcore.imap.handlers import fetching
from mailcore.store import bundles, mailboxes, messages
from mailcore.store.keys import AccountKey
from mailcore.store.types import MailboxKey, Prepared
from tests.mailcore.imap.node import AMINA, Server, letter
from tests.vectors.letters import LETTERS

ASKED = (
    "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)",
    "(UID BODY SAVEDATE)",
    "(UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (From To Subject X-None)])",
    "(BODY.PEEK[HEADER.FIELDS.NOT (From Received)] BODY.PEEK[HEADER.FIELDS (X-None)])",
    "(BODY.PEEK[HEADER] BODY.PEEK[HEADER]<3.20> BODY.PEEK[HEADER.FIELDS (Subject)]<2.9>)",
    "(ENVELOPE BODY.PEEK[HEADER.FIELDS (Date)])",
    "(ENVELOPE PREVIEW EMAILID THREADID)",
)


def put_all(tx: Tx, key: MailboxKey, account: AccountKey, letters: list[Prepared]) -> None:
    for number, one in enumerate(letters):
        messages.append(tx, key, account, one, 0, number * 1_000_000_007)


async def no_pause(spent_s: float) -> None:
    """Tests do not rest."""


async def filled(server: Server) -> AccountKey:
    """Put one letter of each kind and many plain ones into Amina's inbox, more than a bundle holds."""
    store = server.services.store
    target = await store.db.read(resolve.resolve, parse(AMINA))
    assert target is not None
    account = await store.open_account(target.account_id)
    key = (await store.db.read(mailboxes.find, account.account_id, "INBOX")).key
    raws = [vector.raw for vector in LETTERS] + [letter(number) for number in range(300 - len(LETTERS))]
    await store.db.write(put_all, key, account, [await store.prepare(raw) for raw in raws])
    return account


async def answers(server: Server, sets: str) -> list[list[bytes]]:
    """Return what a client is told that asks what nobody asked before."""
    server.listener.memory.__init__()  # type: ignore[misc]
    client = await server.signed_in("INBOX")
    said = []
    for items in ASKED:
        assert (await client.ask(f"FETCH {sets} {items}")).startswith(b"OK")
        said.append(client.untagged)
    return said


@pytest.mark.parametrize("sets", ["1:*", "1:200", "2,4:90,99:300"])
async def test_bundles_answer_like_rows(server: Server, monkeypatch: pytest.MonkeyPatch, sets: str) -> None:
    account = await filled(server)
    before = await answers(server, sets)
    assert await bundles.catch_up(server.services.store, account, no_pause) == 1
    asked: list[int] = []
    real = messages.fetch

    def counted(tx: Tx, key: MailboxKey, wanted: list[int], **more: bool) -> object:
        asked.append(len(wanted))
        return real(tx, key, wanted, **more)

    monkeypatch.setattr(messages, "fetch", counted)
    monkeypatch.setattr(fetching, "ROW_CHUNK", 280)
    assert await answers(server, sets) == before
    assert sum(asked) < sum(map(len, before)) / 2, "most came from bundles"


async def test_a_message_that_is_gone_for_others_is_answered_still(server: Server) -> None:
    account = await filled(server)
    await bundles.catch_up(server.services.store, account, no_pause)
    client, other = await server.signed_in("INBOX"), await server.signed_in("INBOX")
    assert (await other.ask("STORE 5 +FLAGS.SILENT (\\Deleted)")).startswith(b"OK")
    assert (await other.ask("EXPUNGE")).startswith(b"OK")
    assert (await client.ask("FETCH 1:* (UID ENVELOPE)")).startswith(b"OK")
    fetched = [line for line in client.untagged if b"ENVELOPE" in line]
    assert [line.split(b"ENVELOPE")[0] for line in fetched[:6]] == [b"* %d FETCH (UID %d " % (n, n) for n in range(1, 7)]
    assert len(fetched) == 300
