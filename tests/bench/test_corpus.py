"""The corpus: the same each time, different each message, safe to send as it is."""

import email
import statistics

import pytest

from bench import corpus
from bench.smtp_client import stuffed


def test_the_same_number_and_nonce_give_the_same_message() -> None:
    assert corpus.message(7, nonce="a") == corpus.message(7, nonce="a")


def test_messages_differ_by_number_and_nonce() -> None:
    assert len({corpus.message(number, nonce=nonce) for number in range(20) for nonce in "ab"}) == 40


@pytest.mark.parametrize("size_bytes", [4_000, 10_000, 50_000])
def test_a_given_size_is_kept_within_a_tenth(size_bytes: int) -> None:
    sizes = [len(corpus.message(number, size_bytes=size_bytes)) for number in range(50)]
    assert all(abs(size - size_bytes) < size_bytes / 10 for size in sizes)


def test_the_mix_has_the_median_it_promises() -> None:
    sizes = [len(message) for _, message in corpus.messages(400, recipients=["a@bench.example"])]
    assert corpus.MEDIAN_BYTES * 0.7 < statistics.median(sizes) < corpus.MEDIAN_BYTES * 1.4


def test_lines_are_whole_and_never_begin_with_a_dot() -> None:
    for number in range(100):
        message = corpus.message(number)
        assert message.endswith(b"\r\n")
        assert message.count(b"\n") == message.count(b"\r\n") == message.count(b"\r")
        assert b"\r\n." not in message


def test_messages_parse_without_defects() -> None:
    for number in range(100):
        parsed = email.message_from_bytes(corpus.message(number))
        kinds = [part.get_content_type() for part in parsed.walk()]
        assert {"text/plain", "text/html"} <= set(kinds)
        assert not [defect for part in parsed.walk() for defect in part.defects]


def test_a_rare_word_stands_in_every_512th_message_only() -> None:
    word = corpus.rare(3).encode()
    assert [number for number in range(600) if word in corpus.message(number)] == [3, 515]


@pytest.mark.parametrize(
    ("message", "data"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".a\r\n..b\r\n", b"..a\r\n...b\r\n.\r\n"),
        (b"\r\n.\r\n", b"\r\n..\r\n.\r\n"),
    ],
)
def test_dots_are_doubled_and_the_end_is_marked(message: bytes, data: bytes) -> None:
    assert stuffed(message) == data
