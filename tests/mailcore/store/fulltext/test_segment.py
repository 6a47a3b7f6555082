"""A segment answers as the texts of its messages do, whatever they are and whatever is asked."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import compression
from mailcore.store import fulltext
from mailcore.store.fulltext import segment, words
from mailcore.store.fulltext.segment import BadSegment, Builder, Segment

VOCABULARY = (
    *("école", "écoles", "École", "l'école", "réunion", "réunions", "ministère", "ministères", "circulaire", "de", "la", "du"),
    *("a.benali@justice.example", "benali", "12/2026", "2026", "school", "schools", "meeting", "cancelled", "cancelling", "of"),
    *("المدرسة", "مدرسة", "المدارس", "والمدارس", "للمدارس", "وزارة", "الوزارات", "في", "من", "إدارة", "١٢٣"),
)
ODD = st.text(st.characters(codec="utf-8") | st.sampled_from("aé'-.@_ ا\u0301\u064b\u200f\u00ad\nœß()/"), max_size=30)
LONG = st.integers(40, 260).map(lambda length: "".join(chr(97 + (n * n + n // 7) % 26) for n in range(length)))
TEXT = st.lists(st.sampled_from(VOCABULARY) | ODD | LONG, max_size=12).map(" ".join)


@dataclass(frozen=True, slots=True)
class Message:
    body: str
    header: str


MESSAGES = st.lists(st.builds(Message, TEXT, TEXT), min_size=1, max_size=40)


def built(messages: dict[int, Message], partly: frozenset[int] = frozenset()) -> Segment:
    builder = Builder()
    for one, message in messages.items():
        bodies = () if one in partly else words.vocabulary([message.body])
        builder.add(one, bodies, words.vocabulary([message.header]), partly=one in partly)
    return segment.opened(builder.segment())


def check(found: Segment, messages: dict[int, Message], asked: str, *, partly: bool = False) -> None:
    for inflected in (True, False):
        query = fulltext.query(asked, inflected=inflected)
        for whole in (True, False):
            want = {
                one
                for one, message in messages.items()
                if fulltext.matches(words.joined([message.body]), words.joined([message.header]) if whole else None, query)
            }
            sure, maybe = segment.find(found, query, whole=whole)
            assert sure <= want <= sure | maybe
            assert not sure & maybe
            if query.is_word and len(query.text) <= words.OVERLAP and not partly:
                assert sure == want
                assert not maybe


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[int, Message], str]:
    found = draw(MESSAGES)
    ids = sorted(draw(st.sets(st.integers(1, 1 << 33), min_size=len(found), max_size=len(found))))
    messages = dict(zip(ids, found, strict=True))
    text = draw(st.sampled_from([part for message in found for part in (message.body, message.header)]))
    start = draw(st.integers(0, len(text)))
    cut = text[start : start + draw(st.integers(0, 80))]
    asked = draw(st.sampled_from([cut, cut.strip(), " ".join(cut.split()[1:-1]), *VOCABULARY]) | TEXT)
    return messages, asked


@given(cases())
def test_a_segment_answers_as_the_texts_do(case: tuple[dict[int, Message], str]) -> None:
    messages, asked = case
    check(built(messages), messages, asked)


@given(cases(), st.data())
def test_a_merge_answers_as_its_segments_do_without_what_is_gone(case: tuple[dict[int, Message], str], data: st.DataObject) -> None:
    messages, asked = case
    ids = list(messages)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(ids)), max_size=4)) | {len(ids)})
    gone = data.draw(st.sets(st.sampled_from(ids), max_size=len(ids) - 1))
    parts = [built({one: messages[one] for one in ids[start:end]}) for start, end in zip([0, *cuts], cuts, strict=False) if start < end]
    alive = {one: message for one, message in messages.items() if one not in gone}
    merged = segment.opened(segment.merged(parts, alive.keys()))
    assert list(merged.ids) == list(alive)
    check(merged, alive, asked)


@given(cases(), st.data())
def test_what_is_indexed_in_part_is_asked_itself(case: tuple[dict[int, Message], str], data: st.DataObject) -> None:
    messages, asked = case
    partly = frozenset(data.draw(st.sets(st.sampled_from(list(messages)))))
    found = built(messages, partly)
    assert {found.ids[n] for n in found.partly} == partly
    check(found, messages, asked, partly=True)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 255, 300])
def test_frequent_words_are_bitmaps_and_rare_ones_lists(count: int) -> None:
    messages = {n: Message("all " + ("even " if n % 2 == 0 else "") + f"own{n}x", "") for n in range(1, count + 1)}
    found = built(messages)
    for asked in ("all", "even", f"own{count}x", "own", "none"):
        check(found, messages, asked)
    assert max(len(found.body.words.under(n)) for n in range(len(found.body.words))) <= (count + 15) // 16


def test_a_long_run_is_found_in_every_place_and_bounded() -> None:
    run = "".join(chr(97 + (n * n + n // 5) % 26) for n in range(700))
    found = built({7: Message(f"x {run} y", "")})
    assert sum(len(word) for word, _ in found.body.words.each()) <= 2 * len(run) + 2 * words.WINDOW
    for start in range(0, 660, 7):
        for length in (1, 30, 48, 49, 64, 96, 200):
            cut = run[start : start + length]
            sure, maybe = segment.find(found, fulltext.query(cut), whole=False)
            assert 7 in sure | maybe
            assert length > words.OVERLAP or 7 in sure


def test_octets_that_are_no_segment_are_refused() -> None:
    for octets in (b"", b"x" * 100, compression.compress(b"x"), compression.compress(b"\x96\x00\x01\xc4\x00\xc4\x00\x90\x90")):
        with pytest.raises(BadSegment):
            segment.opened(octets)
