"""What must hold for any octets at all: nothing raises, offsets stay inside, no octet of a header is lost."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailcore.message import addresses, content, date, headers, mime, params, section, words
from mailcore.message.index import index
from mailcore.message.section import Section

FRAGMENTS = [
    b"\r\n", b"\n", b"\r", b" ", b"\t", b"\x00", b"\xd8\xa7", b"\xff", b":", b";", b",", b'"', b"\\", b"(", b")", b"<", b">", b"@",
    b"[", b"=", b"*", b"'", b"%41", b"a", b"From: a@b.example\r\n", b"From : x@y.example\r\n", b"To: ", b"Cc", b"Subject: ",
    b"=?utf-8?B?2KfZhA==?=", b"=?utf-8?q?=C3=A9?=", b"=?", b"?=", b"Date: Tue, 4 Mar 2025 10:00:00 +0100\r\n",
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n", b'Content-Type: multipart/digest; boundary="y"\r\n\r\n',
    b"Content-Type: multipart/alternative; boundary=x\r\n\r\n", b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Type: text/plain; charset=windows-1256\r\n", b"Content-Type: text/html\r\n", b"Content-Type: text/plain; charset=utf-16\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Disposition: attachment; filename*0*=utf-8''%D8; filename*1=b\r\n", b"Content-ID: <c>\r\n", b"Content-Language: ar, fr\r\n",
    b"\r\n--x\r\n", b"\n--x\n", b"--x--\r\n", b"\r\n--y\r\n", b"--y--", b"\r\n\r\n", b"=3D=", b"PGI+", b"<style>", b"</style>", b"&amp;",
]  # fmt: skip
OCTETS = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=12)), max_size=40).map(b"".join)
KINDS = ["", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"]
SEVEN_BIT_LINE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*")


def read_list(text: bytes) -> object:
    """Read one parenthesised list of NIL, numbers and quoted strings: a strict grammar for what we send."""
    tokens = re.findall(rb'"(?:[^"\\\r\n]|\\["\\])*"|NIL|[0-9]+|[() ]|.', text, re.DOTALL)
    stack: list[list[object]] = [[]]
    for token in tokens:
        if token == b"(":
            stack.append([])
        elif token == b")":
            done = stack.pop()
            stack[-1].append(done)
        elif token != b" ":
            assert token == b"NIL" or token[:1] == b'"' or token.isdigit(), token
            stack[-1].append(token)
    assert len(stack) == 1
    assert len(stack[0]) == 1
    return stack[0][0]


@settings(max_examples=200, deadline=None)
@given(OCTETS)
def test_fields_are_the_octets_of_the_header(raw: bytes) -> None:
    fields, body_start = headers.scan(raw)
    at = 0
    for field in fields:
        assert field.start == at < field.end
        assert field.start <= field.value_start <= field.end
        assert field.lower == field.name.lower()
        at = field.end
    assert raw[at:body_start] in {b"", b"\n", b"\r\n"}
    assert body_start <= len(raw)


@settings(max_examples=200, deadline=None)
@given(OCTETS)
@example(b"")
@example(b"\r\n")
@example(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x")
@example(b"Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\n")
def test_index_takes_anything(raw: bytes) -> None:
    found = index(raw)
    header, spans = found.header, found.header.spans
    assert found.size_bytes == len(raw)
    assert section.octets(header) == raw[: header.header_bytes]
    assert spans[0].path == ""
    for span in spans:
        assert 0 <= span.header_start <= span.body_start <= span.end <= len(raw)
    assert sum(span.children for span in spans) == len(spans) - 1
    for rendered in (found.summary.envelope, found.summary.body, found.summary.bodystructure):
        assert SEVEN_BIT_LINE.fullmatch(rendered)
    assert len(read_list(found.summary.envelope)) == 10
    read_list(found.summary.body)
    read_list(found.summary.bodystructure)
    assert len(found.summary.preview) <= content.PREVIEW_CHARS


@settings(max_examples=100, deadline=None)
@given(OCTETS)
def test_every_section_and_every_part_can_be_asked_for(raw: bytes) -> None:
    header = index(raw).header
    paths = ["", "1", "2", "1.1", "9.9", *(span.path for span in header.spans)]
    for path in paths:
        for kind in KINDS:
            wanted = Section(path, kind, (b"FROM", b"Subject"))
            octets = section.extract(raw, header, wanted)
            if not path and kind.startswith("HEADER"):
                assert section.from_header(header, wanted) == octets
    for span in header.spans:
        content.decoded(raw, span)
        content.text(raw, span)
    shown = content.readable(raw, header)
    assert not {*shown.attachments} & {*shown.inline.values()}


@settings(max_examples=200, deadline=None)
@given(OCTETS)
def test_field_readers_take_anything(raw: bytes) -> None:
    addresses.parse_addresses(raw)
    shown = words.decode_words(raw)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    shown.encode("utf-8")
    date.parse_date(raw)
    params.parse(raw)
    params.content_type(raw)
    assert "/" not in params.filename(params.parse(b";filename=" + raw), ())


@settings(max_examples=100, deadline=None)
@given(OCTETS)
def test_siblings_never_overlap_and_stay_inside_their_parent(raw: bytes) -> None:
    for part in mime.walk(mime.parse(raw)):
        at = part.body_start
        for child in part.children:
            assert at <= child.header_start <= child.body_start <= child.end <= part.end
            at = child.end
