"""Resynchronisation: what is told of removals is right, compact, and costs no more than what is there."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Imap
from mailcore.imap.commands import Resync, Select
from mailcore.imap.parse.account import select
from mailcore.imap.parse.cursor import BadSyntax, Cursor
from mailcore.imap.resync import unmoved
from mailcore.imap.sequence import SequenceSet
from mailcore.imap.telling import flags_line, limited, vanished, within
from mailcore.imap.view import Gone, Reflagged, Total, View
from mailcore.store.types import AccountId, Delta, FlagState, Mailbox, MailboxId, MailboxKey, Snapshot

KEY = MailboxKey(AccountId(1), MailboxId(1))


def snapshot(uids: list[int], modseq: int, uid_next: int) -> Snapshot:
    mailbox = Mailbox(KEY, "INBOX", "inbox", 1, uid_next, modseq, len(uids), 0, 0, subscribed=True)
    return Snapshot(mailbox, array("q", uids), array("q", [0] * len(uids)), array("q", [modseq] * len(uids)))


def view(uids: list[int], uid_next: int) -> View:
    return View(snapshot(uids, 1, uid_next))


@pytest.mark.parametrize(
    ("line", "want"),
    [
        (b" box", Select("box")),
        (b" box (CONDSTORE)", Select("box", condstore=True)),
        (b" box (qresync (7 20))", Select("box", resync=Resync(7, 20))),
        (b" box (QRESYNC (7 20 1:5,9))", Select("box", resync=Resync(7, 20, SequenceSet(((1, 5), (9, 9)))))),
        (
            b" box (QRESYNC (7 20 (1,3 4,6)) CONDSTORE)",
            Select("box", True, Resync(7, 20, None, SequenceSet(((1, 1), (3, 3))), SequenceSet(((4, 4), (6, 6))))),
        ),
        (
            b" box (QRESYNC (7 9223372036854775807 1:9 (1 4)))",
            Select("box", False, Resync(7, (1 << 63) - 1, SequenceSet(((1, 9),)), SequenceSet(((1, 1),)), SequenceSet(((4, 4),)))),
        ),
    ],
)
def test_parameters_of_select(line: bytes, want: Select) -> None:
    cursor = Cursor(line)
    assert select(cursor) == want
    assert cursor.ended()


@pytest.mark.parametrize(
    "line",
    [b" box ()", b" box (QRESYNC)", b" box (QRESYNC (1 2 $))", b" box (QRESYNC (1 2 1:*))", b" box (QRESYNC (1 2 (1)))", b" box (X)"],
)
def test_parameters_that_are_none(line: bytes) -> None:
    with pytest.raises(BadSyntax):
        select(Cursor(line))


@given(st.sets(st.integers(1, 60)), st.integers(0, 10), st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), max_size=5))
def test_what_is_missing_is_all_that_is_not_there(uids: set[int], more: int, ranges: list[tuple[int, int]]) -> None:
    uid_next = max(uids, default=0) + 1 + more
    wanted = SequenceSet(tuple(ranges))
    found = [uid for low, high in view(sorted(uids), uid_next).missing(wanted.spans(uid_next - 1)) for uid in range(low, high + 1)]
    named = {uid for low, high in wanted.spans(uid_next - 1) for uid in range(low, high + 1)}
    assert found == sorted(uid for uid in named if uid < uid_next and uid not in uids)


@given(st.sets(st.integers(1, 60)), st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), max_size=5))
def test_what_vanished_is_told_within_what_is_known(gone: set[int], ranges: list[tuple[int, int]]) -> None:
    spans = SequenceSet(tuple(ranges)).spans(90)
    found = [uid for low, high in within(sorted(gone), spans) for uid in range(low, high + 1)]
    assert found == sorted(uid for uid in gone if any(low <= uid <= high for low, high in spans))


def test_huge_sets_are_never_written_out() -> None:
    seen = view([5], 4_000_000_000)
    assert list(seen.missing([(1, 4_294_967_295)])) == [(1, 4), (6, 3_999_999_999)]
    assert list(vanished([(1, 4), (6, 3_999_999_999)], earlier=True)) == [b"* VANISHED (EARLIER) 1:4,6:3999999999\r\n"]


def test_long_answers_are_cut_into_lines() -> None:
    lines = list(vanished((uid, uid) for uid in range(1, 5_000, 2)))
    assert len(lines) == 3
    assert all(line.startswith(b"* VANISHED ") for line in lines)
    assert sum(line.count(b",") + 1 for line in lines) == 2_500


def test_numbers_that_have_not_moved() -> None:
    seen = view([1, 3, 4, 8], 10)
    assert unmoved(seen, SequenceSet(((1, 2),)), SequenceSet(((1, 1), (3, 3)))) == 3
    assert unmoved(seen, SequenceSet(((1, 4),)), SequenceSet(((1, 1), (3, 5)))) == 4
    assert unmoved(seen, SequenceSet(((2, 2),)), SequenceSet(((4, 4),))) == 0
    assert unmoved(seen, SequenceSet(((1, 4_294_967_295),)), SequenceSet(((1, 4_294_967_295),))) == 1
    assert unmoved(seen, None, None) == 0


def test_one_command_takes_a_bounded_number_of_messages_from_the_end() -> None:
    uids = range(10, 20)
    assert limited(range(10), uids, limit=10) == (range(10), "")
    assert limited(range(2, 10), uids, limit=3) == (range(7, 10), "MESSAGELIMIT 3 17")
    assert Imap().messages_per_command >= 1_000  # RFC 9738 §3: no lower


def test_a_view_compared_with_the_whole_mailbox_finds_what_tombstones_would_have_told() -> None:
    seen = View(snapshot([1, 2, 3, 5], 1, 6))
    seen.compare(snapshot([2, 5, 7], 9, 8))
    assert seen.apply(renumber=False) == [Reflagged(2, 2, 0, 9, same=True), Reflagged(4, 5, 0, 9, same=True)]
    assert seen.told == 1
    assert seen.apply(renumber=True) == [Gone(1, 1), Gone(2, 3), Total(3)]
    assert list(seen.uids) == [2, 5, 7]
    assert seen.told == 9


def test_views_of_one_mailbox_do_not_touch_each_other() -> None:
    first = View(snapshot([1, 2, 3], 1, 4))
    second = first.copy()
    assert second.uids is first.uids
    first.settle(0, FlagState(1, 8, 2))
    second.absorb(Delta(snapshot([], 2, 5).mailbox, (FlagState(4, 0, 2),), (2,)))
    second.apply(renumber=True)
    assert (list(first.uids), list(first.flags)) == ([1, 2, 3], [8, 0, 0])
    assert (list(second.uids), list(second.flags)) == ([1, 3, 4], [0, 0, 0])


@given(st.lists(st.integers(0, 255), max_size=40))
def test_the_first_unseen(flags: list[int]) -> None:
    taken = snapshot(list(range(1, len(flags) + 1)), 1, 99)
    seen = View(Snapshot(taken.mailbox, taken.uids, array("q", [flag << 1 | (flag >> 3 & 1) for flag in flags]), taken.modseqs))
    assert seen.first_unseen() == next((number for number, flag in enumerate(seen.flags, 1) if not flag & 1), 0)


def test_flags_as_each_client_is_told() -> None:
    told = {
        (): b"* 2 FETCH (FLAGS ())\r\n",
        ("CONDSTORE",): b"* 2 FETCH (FLAGS () MODSEQ (9))\r\n",
        ("CONDSTORE", "QRESYNC"): b"* 2 FETCH (UID 7 FLAGS () MODSEQ (9))\r\n",
        ("UIDONLY",): b"* 7 UIDFETCH (FLAGS ())\r\n",
        ("UIDONLY", "CONDSTORE"): b"* 7 UIDFETCH (FLAGS () MODSEQ (9))\r\n",
    }
    assert {enabled: flags_line(enabled, uid=False)(2, 7, b"()", 9) for enabled in told} == told
