"""Answers: one prefix, nobody twice, the thread kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.message.addresses import Mailbox
from webmail import replies


@pytest.mark.parametrize(
    ("subject", "want"),
    [
        ("Note", "Re: Note"),
        ("Re: Note", "Re: Note"),
        ("RE : TR: Fwd: Note", "Re: Note"),
        ("رد: إعادة توجيه: مراسلة", "Re: مراسلة"),
        ("Re[2]: Note", "Re: Note"),
        ("Rédaction: Note", "Re: Rédaction: Note"),
        ("", "Re:"),
    ],
)
def test_prefixes_do_not_pile_up(subject: str, want: str) -> None:
    assert replies.answer_subject(subject) == want


@given(st.text(max_size=40))
def test_answering_an_answer_changes_nothing(subject: str) -> None:
    once = replies.answer_subject(subject)
    assert replies.answer_subject(once) == once


def test_quotations_nest() -> None:
    assert replies.quoted("a\n\n> b\n") == "> a\n>\n>> b"


def test_nobody_is_named_twice_and_not_oneself() -> None:
    a, b = Mailbox("A", "a", "x.example"), Mailbox("B", "b", "x.example")
    assert replies.others([a, b, Mailbox("", "A", "x.example"), b], {"b@x.example"}) == (a,)


@pytest.mark.parametrize(
    ("references", "in_reply_to", "want"),
    [(["<1@x>"], "<0@x>", ("<1@x>", "<2@x>")), ([], "<0@x>", ("<0@x>", "<2@x>")), ([], "", ("<2@x>",))],
)
def test_the_thread_is_kept(references: list[str], in_reply_to: str, want: tuple[str, ...]) -> None:
    assert replies.chain(references, in_reply_to, "<2@x>") == want
