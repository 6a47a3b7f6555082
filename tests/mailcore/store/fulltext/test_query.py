"""What matches: substrings of folded text, and words of one family."""

import pytest

from mailcore.message import searchable
from mailcore.message.index import index
from mailcore.store import fulltext
from mailcore.store.fulltext import text, words

PAIRS = (  # what stands in a letter, and what people type: the reference's list
    ("المدرسة", "مدرسه"),
    ("المُدَرِّسُون", "مدرسون"),
    ("وزارة", "الوزارة"),
    ("الوزارة", "وزارة"),
    ("مسؤول", "مسئول"),
    ("إدارة", "اداره"),
    ("الإمتحانات", "امتحان"),
    ("تعليمـــات", "التعليمات"),
    ("ومدرسة", "مدرسة"),
    ("والمدارس", "مدارس"),
    ("للمدارس", "المدارس"),
    ("معلمين", "معلمون"),
    ("وزارات", "وزارة"),
    ("écoles", "ecole"),
    ("circulaires", "circulaire"),
    ("réunions", "reunion"),
    ("ministères", "ministere"),
    ("١٢٣", "123"),
    ("تربوية", "التربوي"),
)


def has(body: str, asked: str, *, inflected: bool = True) -> bool:
    return fulltext.matches(words.joined([body]), None, fulltext.query(asked, inflected=inflected))


@pytest.mark.parametrize(("stands", "typed"), PAIRS)
def test_words_of_the_reference_find_each_other(stands: str, typed: str) -> None:
    assert has(f"avant {stands}, بعد", typed)


@pytest.mark.parametrize(
    ("body", "asked", "found"),
    [
        ("Hello World", "lo wo", True),
        ("Hello\r\n World", "hello world", True),  # a line break is a blank
        ("Hello, World", "hello world", True),  # the words follow each other
        ("Hello, World", "hello wor", False),
        ("L’École", "l'ecole", True),
        ("sœur", "soeur", True),
        ("a.benali@justice.example", "ali@just", True),
        ("a.benali@justice.example", "benali justi", False),
        ("un café", " café", True),
        ("décafé", " café", False),
        ("Straße", "STRASSE", True),
        ("co\u00adopé\u200bration", "cooperation", True),
        ("meeting was cancelled", "cancelling", True),
        ("réunions des écoles", "réunion des école", True),
        ("réunion de toutes les écoles", "réunion école", False),
        ("écoles (réunion)", "école réunions", True),
        ("anything", "", True),
        ("", "", True),
        ("", "a", False),
        ("number 12", "numbers 12", False),  # only words of letters have relatives
    ],
)
def test_a_text_has_what_it_contains(body: str, asked: str, found: bool) -> None:
    assert has(body, asked) is found


def test_relatives_can_be_left_out() -> None:
    assert has("écoles", "ecole", inflected=False)
    assert not has("meeting was cancelled", "cancelling", inflected=False)


def test_a_phrase_does_not_reach_over_fields() -> None:
    assert not fulltext.matches(words.joined(["Subject: one", "two"]), None, fulltext.query("one two"))


LETTER = (
    b"From: =?utf-8?Q?Am=C3=A9lie?= <a@justice.example>\r\nSubject: =?utf-8?B?2YXYr9ix2LPYqQ==?=\r\n"
    b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n'
    b"--x\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"PHN0eWxlPmIge2NvbG9yOiByZWR9PC9zdHlsZT48cD7DqTxiPmNvPC9iPmxlPC9wPjxwPmZlcm3DqWU8L3A+\r\n"
    b'--x\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="budget 2026.pdf"\r\n\r\nnothing\r\n'
    b"--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninside\r\n"
    b"--x--\r\n"
)


@pytest.mark.parametrize(
    ("asked", "in_body", "in_header"),
    [
        ("amelie", False, True),
        ("مدرسه", False, True),
        ("subject: ", True, True),  # the letter inside has a subject in its header, which is body
        ("école fermée", True, False),
        ("color", False, False),
        ("budget 2026", True, False),
        ("nothing", False, False),
        ("inner", True, False),
        ("inside", True, False),
    ],
)
def test_text_is_what_people_read(asked: str, in_body: bool, in_header: bool) -> None:
    header = index(LETTER).header
    body, head = fulltext.body_text(LETTER, header), fulltext.header_text(header)
    query = fulltext.query(asked)
    assert fulltext.matches(body, None, query) is in_body
    assert fulltext.matches("", head, query) is in_header
    assert fulltext.matches(body, head, query) is (in_body or in_header)


def test_a_multipart_without_parts_is_read_as_text() -> None:
    raw = b'Content-Type: multipart/mixed; boundary="x"\r\n\r\nlost words\r\n'
    assert list(searchable.body_texts(raw, index(raw).header)) == ["lost words\r\n"]


def test_what_is_too_much_is_said_to_be_there_only_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = b"Subject: x\r\n\r\n" + b" ".join(b"w%d" % n for n in range(100))
    header = index(raw).header
    assert not text.analysed(raw, header).partly
    monkeypatch.setattr(text, "MAX_WORDS", 99)
    cut = text.analysed(raw, header)
    assert cut.partly
    assert len(cut.body) == 99
    monkeypatch.setattr(text, "MAX_WORDS", 1000)
    monkeypatch.setattr(text, "MAX_BODY_CHARS", 20)
    assert text.analysed(raw, header) == text.Words(frozenset(["w0", "w1", "w2", "w3", "w4", "w5"]), cut.header, True)
