"""The view: a client that believes what it is told never counts a message wrongly."""

from array import array
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcore.imap.sequence import SequenceSet
from mailcore.imap.view import Change, Gone, NoSuchNumber, Reflagged, Total, View
from mailcore.store.types import AccountId, Delta, FlagState, Mailbox, MailboxId, MailboxKey, Snapshot

KEY = MailboxKey(AccountId(1), MailboxId(1))


def mailbox(modseq: int) -> Mailbox:
    return Mailbox(KEY, "INBOX", "inbox", 1, 1000, modseq, 0, 0, 0, subscribed=True)


def view(*uids: int, flags: int = 0, kind: str = "q") -> View:
    return View(Snapshot(mailbox(1), array(kind, uids), array(kind, [flags] * len(uids)), array(kind, [1] * len(uids))))


def delta(modseq: int, updated: dict[int, int] | None = None, expunged: tuple[int, ...] = ()) -> Delta:
    states = tuple(FlagState(uid, flags, modseq) for uid, flags in sorted((updated or {}).items()))
    return Delta(mailbox(modseq), states, expunged)


def test_removals_wait_until_they_may_be_told_and_arrivals_wait_with_them() -> None:
    seen = view(1, 2, 3)
    seen.absorb(delta(2, {4: 0}, (1, 3)))
    assert seen.apply(renumber=False) == []
    assert list(seen.uids) == [1, 2, 3]
    assert seen.apply(renumber=True) == [Gone(1, 1), Gone(2, 3), Total(2)]
    assert list(seen.uids) == [2, 4]


def test_a_shrunk_mailbox_gets_no_exists() -> None:
    seen = view(1, 2)
    seen.absorb(delta(2, None, (2,)))
    assert seen.apply(renumber=True) == [Gone(2, 2)]


def test_a_message_that_came_and_went_is_never_mentioned() -> None:
    seen = view(1)
    seen.absorb(delta(2, {2: 0}))
    seen.absorb(delta(3, None, (2,)))
    assert seen.apply(renumber=True) == []


def test_flags_are_told_once_and_not_when_the_client_set_them() -> None:
    seen = view(1, 2)
    seen.settle(0, FlagState(1, 4, 2))
    seen.absorb(delta(2, {1: 4, 2: 1}))
    assert seen.apply(renumber=False) == [Reflagged(2, 2, 1, 2)]
    assert seen.apply(renumber=True) == []


def test_a_removed_message_keeps_its_number_until_told() -> None:
    seen = view(5, 6)
    seen.bury([5])
    assert list(seen.places(SequenceSet(((1, 1),)), uid=False)) == [0]
    assert seen.is_gone(0)


def test_star_names_the_last_message_even_from_beyond() -> None:
    seen = view(5, 6)
    assert list(seen.places(SequenceSet(((9, 0),)), uid=True)) == [1]
    assert list(view().places(SequenceSet(((1, 0),)), uid=False)) == []


def test_numbers_beyond_the_last_are_errors_but_uids_are_not() -> None:
    with pytest.raises(NoSuchNumber):
        view(5, 6).places(SequenceSet(((1, 3),)), uid=False)
    assert list(view(5, 6).places(SequenceSet(((7, 4294967295),)), uid=True)) == []
    assert list(view(5, 6).matching(SequenceSet(((1, 4294967295),)), uid=False)) == [0, 1]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.integers(0, 3)),
        st.tuples(st.just("remove"), st.integers(0, 30)),
        st.tuples(st.just("flag"), st.integers(0, 30)),
        st.tuples(st.just("sync"), st.just(0)),
        st.tuples(st.just("tell"), st.booleans()),
    ),
    max_size=60,
)


def believe(told: list[Change], numbers: list[int | None], flags: dict[int, int]) -> None:
    """What a client does with what it is told: None is a message whose UID it has not asked for."""
    for change in told:
        match change:
            case Gone(number, uid):
                assert numbers[number - 1] in (None, uid)
                del numbers[number - 1]
            case Total(count):
                assert count > len(numbers)
                numbers += [None] * (count - len(numbers))
            case Reflagged(number, uid, value):
                assert numbers[number - 1] in (None, uid)
                flags[uid] = value


@settings(max_examples=200, deadline=None)
@given(STEPS, st.sampled_from("qB"))
def test_a_client_that_believes_what_it_is_told_agrees_with_the_mailbox(steps: list[tuple[str, int]], kind: str) -> None:
    truth: dict[int, int] = {1: 0, 2: 0, 3: 0}
    next_uid, modseq = 4, 250  # soon beyond what narrow columns hold
    changed: dict[int, int] = {}  # UID -> modseq
    expunged: dict[int, int] = {}
    seen = view(1, 2, 3, kind=kind)
    numbers: list[int | None] = [1, 2, 3]
    flags = {1: 0, 2: 0, 3: 0}

    def sync() -> None:
        since = seen.modseq
        updated = {uid: truth[uid] for uid, at in changed.items() if at > since and uid in truth}
        gone = tuple(sorted(uid for uid, at in expunged.items() if at > since))
        seen.absorb(delta(modseq, updated, gone))

    for step, value in [*steps, ("sync", 0), ("tell", 1)]:
        modseq += 1
        if step == "arrive":
            truth[next_uid] = value
            changed[next_uid] = modseq
            next_uid += 1
        elif step == "remove" and truth:
            uid = sorted(truth)[value % len(truth)]
            del truth[uid]
            expunged[uid] = modseq
        elif step == "flag" and truth:
            uid = sorted(truth)[value % len(truth)]
            truth[uid] ^= 1
            changed[uid] = modseq
        elif step == "sync":
            sync()
        elif step == "tell":
            told = seen.apply(renumber=bool(value))
            assert value or not any(isinstance(change, Gone) for change in told)
            believe(told, numbers, flags)
            assert len(numbers) == len(seen.uids)
            for place, uid in enumerate(seen.uids):
                assert numbers[place] in (None, uid)
                if numbers[place] is None:
                    numbers[place], flags[uid] = uid, seen.flags[place]
    assert numbers == sorted(truth)
    assert {uid: flags[uid] for uid in truth} == truth


@pytest.mark.parametrize("kind", ["q", "B", "H"])
@pytest.mark.parametrize("first", [0, 1, 1023, 1024, 5119, 5120, 5999, 6000])
def test_the_first_unseen_message_is_found_wherever_it_is(kind: str, first: int) -> None:
    flags = array(kind, [5] * first + [4] * (6000 - first))
    seen = View(Snapshot(mailbox(1), array("q", range(1, 6001)), flags, array("q", [1]) * 6000))
    assert seen.first_unseen() == (first + 1 if first < 6000 else 0)


CHANGES: tuple[Callable[[View], object], ...] = (
    lambda seen: seen.settle(1, FlagState(8, 1 << 40, 1 << 50)),
    lambda seen: seen.settle_all([FlagState(8, 1 << 40, 1 << 50)], lambda old: 1 << 40),
    lambda seen: seen.change([1], (), lambda old: 1 << 40, 1 << 50),
)


def test_a_change_of_ones_own_fits_into_narrow_columns() -> None:
    for change in CHANGES:
        seen = view(7, 8, kind="B")
        change(seen)
        assert list(zip(seen.uids, seen.flags, seen.modseqs, strict=True)) == [(7, 0, 1), (8, 1 << 40, 1 << 50)]
