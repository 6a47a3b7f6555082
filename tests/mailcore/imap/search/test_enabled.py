"""What ENABLE changes of SEARCH, and where long searches tell how far they are."""

import pytest

from mailcore.imap.memory import Memory
from mailcore.imap.search import engine, ground
from mailcore.imap.session import Session
from tests.mailcore.imap.node import Client, Server


@pytest.fixture
async def session(server: Server, amina: Client) -> Session:
    """The server's side of Amina's connection, with three messages selected."""
    await server.fill(3)
    await amina.ask("SELECT INBOX")
    (connection,) = server.listener._connections
    return connection.session


async def test_rev2_answers_esearch_always(session: Session, amina: Client) -> None:
    session.enabled.add("IMAP4REV2")
    await amina.ask("SEARCH 2:3")
    assert amina.untagged == [b'* ESEARCH (TAG "t%d") ALL 2:3' % amina.numbers]
    await amina.ask("UID SEARCH DELETED")
    assert amina.untagged == [b'* ESEARCH (TAG "t%d") UID' % amina.numbers]
    assert (await amina.ask('SEARCH CHARSET UTF-8 SUBJECT "é"')).startswith(b"OK")
    await amina.ask("SORT (SUBJECT) UTF-8 ALL")
    assert amina.untagged == [b"* SORT 1 2 3"]


async def test_no_charset_is_named_after_utf8_accept(session: Session, amina: Client) -> None:
    session.enabled.add("UTF8=ACCEPT")
    assert (await amina.ask("SEARCH CHARSET UTF-8 ALL")).startswith(b"BAD")
    assert (await amina.ask("ESEARCH CHARSET UTF-8 ALL")).startswith(b"BAD")
    assert (await amina.ask('SEARCH SUBJECT "é"')).startswith(b"OK")
    assert (await amina.ask("SORT (SUBJECT) UTF-8 ALL")).startswith(b"OK")


async def test_a_long_search_tells_how_far_it_is(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailcore.imap.criteria import TextHas

    told: list[tuple[int, int]] = []

    async def note(done: int, total: int) -> None:
        told.append((done, total))

    monkeypatch.setattr(engine, "BATCH", 1)
    selected = session.selected
    here = ground.Ground(session.services, Memory(), selected.account, selected.key, selected.view, {}, progress=note)
    assert await engine.find(here, TextHas("bonjour", whole=False)) == [0, 1, 2]
    assert told[-3:] == [(1, 3), (2, 3), (3, 3)]


async def test_too_many_searches_at_once_are_refused_and_save_nothing(session: Session, amina: Client) -> None:
    await amina.ask("SEARCH RETURN (SAVE) 1")
    scans, account = session.memory.scans, session.account_id
    with scans.one(account), scans.one(account), scans.one(account), scans.one(account):
        assert (await amina.ask("SEARCH RETURN (SAVE) BODY bonjour")).startswith(b"NO [LIMIT]")
        assert (await amina.ask("SEARCH SUBJECT essai")).startswith(b"NO [LIMIT]")
        assert (await amina.ask("SEARCH UNSEEN LARGER 1")).startswith(b"OK")
    await amina.ask("SEARCH $")
    assert amina.untagged == [b"* SEARCH"]
