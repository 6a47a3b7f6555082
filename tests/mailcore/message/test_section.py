import pytest

from mailcore.message.index import index
from mailcore.message.section import Section, extract, from_header, locate

LEAF = b"From: in@n.example\r\nSubject: leaf\r\n\r\nleaf body"
NESTED = (
    b"From: in@n.example\r\nSubject: nested\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\npre\r\n"
    b"--in\r\n\r\ninner 1\r\n--in\r\nContent-Type: text/html\r\n\r\n<p>inner 2</p>\r\n--in--"
)
HEADER = b"From: a@b\r\nSubject: one\r\nX: 1\r\nSUBJECT: two\r\n folded\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
BODY = (
    b"--x\r\nX-Part: 1\r\n\r\np1\r\n--x\r\nContent-Type: message/rfc822\r\nX-Part: 2\r\n\r\n" + NESTED
    + b"\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n" + LEAF + b"\r\n--x--\r\n"
)  # fmt: skip
RAW = HEADER + BODY
SINGLE = b"A: b\r\n\r\nbody\r\n"


def get(raw: bytes, path: str, kind: str, *names: bytes) -> bytes | None:
    return extract(raw, index(raw).header, Section(path, kind, names))


@pytest.mark.parametrize(
    ("path", "kind", "want"),
    [
        ("", "", RAW),
        ("", "HEADER", HEADER),
        ("", "TEXT", BODY),
        ("1", "", b"p1"),
        ("1", "MIME", b"X-Part: 1\r\n\r\n"),
        ("1", "HEADER", None),
        ("1", "TEXT", None),
        ("1.1", "", None),
        ("2", "", NESTED),
        ("2", "MIME", b"Content-Type: message/rfc822\r\nX-Part: 2\r\n\r\n"),
        ("2", "HEADER", NESTED.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"),
        ("2", "TEXT", NESTED.partition(b"\r\n\r\n")[2]),
        ("2.1", "", b"inner 1"),
        ("2.1", "MIME", b"\r\n"),
        ("2.2", "", b"<p>inner 2</p>"),
        ("2.2", "MIME", b"Content-Type: text/html\r\n\r\n"),
        ("2.2", "HEADER", None),
        ("2.3", "", None),
        ("3", "", LEAF),
        ("3", "HEADER", b"From: in@n.example\r\nSubject: leaf\r\n\r\n"),
        ("3", "TEXT", b"leaf body"),
        ("3.1", "", b"leaf body"),
        ("3.1", "MIME", b"From: in@n.example\r\nSubject: leaf\r\n\r\n"),
        ("3.1.1", "", None),
        ("4", "", None),
        ("4", "MIME", None),
    ],
)
def test_sections_of_a_multipart(path: str, kind: str, want: bytes | None) -> None:
    assert get(RAW, path, kind) == want


@pytest.mark.parametrize(
    ("path", "kind", "want"),
    [
        ("1", "", b"body\r\n"),
        ("", "TEXT", b"body\r\n"),
        ("1", "MIME", b"A: b\r\n\r\n"),
        ("1", "HEADER", None),
        ("1.1", "", None),
        ("2", "", None),
    ],
)
def test_sections_of_a_single_part(path: str, kind: str, want: bytes | None) -> None:
    assert get(SINGLE, path, kind) == want


def test_sections_of_a_message_that_is_another_message() -> None:
    raw = b"Content-Type: message/rfc822\r\n\r\n" + NESTED
    assert get(raw, "1", "") == NESTED
    assert get(raw, "1.2", "") == b"<p>inner 2</p>"
    assert get(raw, "1", "HEADER.FIELDS", b"subject") == b"Subject: nested\r\n\r\n"


def test_header_fields_keep_duplicates_folding_and_order() -> None:
    assert get(RAW, "", "HEADER.FIELDS", b"Subject", b"FROM") == (b"From: a@b\r\nSubject: one\r\nSUBJECT: two\r\n folded\r\n\r\n")
    assert get(RAW, "", "HEADER.FIELDS.NOT", b"subject", b"content-type") == b"From: a@b\r\nX: 1\r\n\r\n"
    assert get(RAW, "", "HEADER.FIELDS", b"Nothing") == b"\r\n"
    assert get(RAW, "2", "HEADER.FIELDS", b"Subject") == b"Subject: nested\r\n\r\n"
    assert get(RAW, "2", "HEADER.FIELDS.NOT", b"Subject", b"Content-Type") == b"From: in@n.example\r\n\r\n"
    assert get(RAW, "1", "HEADER.FIELDS", b"Subject") is None


def test_a_header_without_end_still_ends_with_a_blank_line() -> None:
    assert get(b"A: b\r\nC: d", "", "HEADER.FIELDS", b"C") == b"C: d\r\n\r\n"
    assert get(b"A: b\nC: d\n\n", "", "HEADER") == b"A: b\nC: d\n\n"


def test_a_multipart_without_parts_has_the_empty_part_that_bodystructure_shows() -> None:
    assert get(b"Content-Type: multipart/mixed; boundary=x\r\n\r\nnothing", "1", "") == b""


def test_header_sections_need_no_body() -> None:
    header = index(RAW).header
    assert from_header(header, Section("", "HEADER")) == HEADER
    assert from_header(header, Section("", "HEADER.FIELDS", (b"X",))) == b"X: 1\r\n\r\n"
    assert from_header(header, Section("", "TEXT")) is None
    assert from_header(header, Section("2", "HEADER")) is None


def test_locate_names_slices_of_the_message() -> None:
    header = index(RAW).header
    start, end = locate(header, Section("2.2", "")) or (0, 0)
    assert RAW[start:end] == b"<p>inner 2</p>"
    assert locate(header, Section("", "HEADER.FIELDS", (b"X",))) is None
