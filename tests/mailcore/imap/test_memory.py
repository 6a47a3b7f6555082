"""What sessions share is bounded, and never wrong."""

from array import array

from mailcore.imap.memory import Shelf, Views
from mailcore.imap.view import View
from mailcore.store.types import AccountId, Mailbox, MailboxId, MailboxKey, Snapshot
from tests.mailcore.imap.node import Server


def key(number: int) -> MailboxKey:
    return MailboxKey(AccountId(1), MailboxId(number))


def view(*uids: int) -> View:
    mailbox = Mailbox(key(1), "INBOX", "inbox", 1, 1000, 1, 0, 0, 0, subscribed=True)
    return View(Snapshot(mailbox, array("q", uids), array("q", [0] * len(uids)), array("q", [1] * len(uids))))


def test_the_group_unused_for_longest_is_dropped() -> None:
    shelf: Shelf[int, bytes] = Shelf(6_000, len)
    shelf.add(1, {1: b"a" * 100})
    shelf.add(2, {1: b"b" * 100})
    assert shelf.of(1)
    shelf.add(3, {1: b"c" * 1000})
    assert [bool(shelf.of(group)) for group in (1, 2, 3)] == [True, False, True]


def test_a_group_that_alone_is_too_much_is_not_kept() -> None:
    shelf: Shelf[int, bytes] = Shelf(5_000, len)
    shelf.add(1, dict.fromkeys(range(9), b"x" * 1000))
    assert not shelf.of(1)


def test_views_are_copies() -> None:
    views = Views(limit_messages=5)
    views.keep(key(1), 7, view(1, 2, 3))
    found = views.find(key(1))
    assert found is not None
    found[1].bury([1])
    found[1].apply(renumber=True)
    again = views.find(key(1))
    assert again is not None
    assert list(again[1].uids) == [1, 2, 3]
    views.keep(key(2), 8, view(1, 2, 3))
    assert views.find(key(1)) is None


async def test_the_second_select_sees_what_happened_since_the_first(server: Server) -> None:
    await server.fill(3)
    first, second = await server.signed_in("INBOX"), await server.signed_in()
    await first.ask("FETCH 1:* (ENVELOPE BODY.PEEK[HEADER.FIELDS (Subject)])")
    told = first.untagged
    await first.ask("STORE 1 +FLAGS (\\Deleted)")
    await first.ask("EXPUNGE")
    await first.append(b"Subject: neu\r\n\r\n")
    await second.ask("SELECT INBOX")
    assert b"* 3 EXISTS" in second.untagged
    await second.ask("FETCH 1:* (ENVELOPE BODY.PEEK[HEADER.FIELDS (Subject)])")
    assert [line.partition(b" FETCH ")[2] for line in second.untagged[:2]] == [line.partition(b" FETCH ")[2] for line in told[1:]]
    assert b"Subject: neu" in second.untagged[2]
    await second.ask("UID FETCH 1:* FLAGS")
    assert second.untagged == [b"* %d FETCH (UID %d FLAGS ())" % (n, n + 1) for n in (1, 2, 3)]
