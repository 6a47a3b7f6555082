import email
import email.policy

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailcore.message import build, content
from mailcore.message.addresses import Mailbox, mailboxes
from mailcore.message.build import Attachment
from mailcore.message.index import index

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=100)
BODIES = st.lists(
    st.one_of(
        st.sampled_from(["From ", "From me", " ", "\t", "\n", "\r\n", "\r", ".", "-- ", "--", "=", "=_", "م", "é", "x" * 80, "From " * 20]),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30),
    ),
    max_size=30,
).map("".join)
FILES = st.builds(Attachment, WORDS, st.sampled_from(["application/pdf", "text/plain", "message/rfc822", "bad"]), st.binary(max_size=300))
SENDER = Mailbox("مكتب الضبط", "bureau", "interieur.gov.example")


def make(**changes: object) -> bytes:
    values: dict[str, object] = {
        "sender": SENDER, "to": [Mailbox("", "a", "b.example")], "subject": "s", "text": "t", "date_us": 0, "message_id": "1@x",
    }  # fmt: skip
    return build.message(**(values | changes))  # type: ignore[arg-type]


def assert_clean(raw: bytes) -> None:
    assert raw.isascii()
    assert b"\x00" not in raw
    assert raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n")
    for line in raw.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith(b"From ")
        assert not line.endswith((b" ", b"\t"))


def lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


@settings(max_examples=120, deadline=None)
@given(BODIES)
@example("\x80" + "m" * 68 + " \r\nx")  # the blank that is encoded at its end makes the line too long
def test_any_text_travels_unharmed(value: str) -> None:
    entity = build.body_part(value)
    assert_clean(entity)
    shown = content.readable(entity, index(entity).header)
    assert lines(shown.plain or "") == lines(value)


@settings(max_examples=120, deadline=None)
@given(WORDS, WORDS, BODIES, st.none() | BODIES, st.lists(FILES, max_size=3))
def test_built_messages_read_back(subject: str, name: str, text: str, html: str | None, files: list[Attachment]) -> None:
    raw = make(subject=subject, to=[Mailbox(name, "a", "b.example")], text=text, html=html, attachments=files)
    found = index(raw)
    assert found.summary.subject == subject.strip()
    assert mailboxes(dict(found.header.fields)[b"to"].partition(b":")[2])[0].address == "a@b.example"
    shown = content.readable(raw, found.header)
    assert lines(shown.plain or "") == lines(text)
    assert html is None or lines(shown.html or "") == lines(html)
    assert [content.decoded(raw, span) for span in shown.attachments if not span.is_message] == [
        each.data for each, span in zip(files, shown.attachments, strict=True) if not span.is_message
    ]
    assert [raw[s.body_start : s.end] for s in shown.attachments if s.is_message] == [
        each.data for each, s in zip(files, shown.attachments, strict=True) if s.is_message
    ]


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS, WORDS)
def test_the_standard_library_reads_what_we_build(subject: str, name: str, filename: str) -> None:
    raw = make(subject=subject, sender=Mailbox(name, "a", "b.example"), attachments=[Attachment(filename, "application/pdf", b"\x00x")])
    assert_clean(raw)
    read = email.message_from_bytes(raw, policy=email.policy.compat32)
    decoded = str(email.header.make_header(email.header.decode_header(read["Subject"].replace("\r\n", ""))))
    assert decoded.strip() == subject.strip()
    attached = read.get_payload()[1]  # type: ignore[index]
    assert attached.get_payload(decode=True) == b"\x00x"  # type: ignore[union-attr]
    assert (attached.get_filename() or "").strip() == filename.strip()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "filename",
    [
        "a.pdf",
        "محضر اجتماع لجنة التنسيق بين الوزارات المنعقدة بتاريخ اليوم.pdf",
        "é" * 200,
        'a"b\\c;.pdf',
        "a=b.pdf",
        "x" * 300,
        " a ",
        "100%.pdf",
    ],
)
def test_file_names_keep_every_character(filename: str) -> None:
    entity = build.body_part("t", None, [Attachment(filename, "application/pdf", b"x")])
    assert_clean(entity)
    assert index(entity).header.spans[2].filename == filename.replace("\\", "/").rpartition("/")[2].strip()[:255]


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "a\r\nBcc: victim@x.example"},
        {"subject": "a\nb"},
        {"sender": Mailbox("a\r\nBcc: x", "a", "b")},
        {"sender": Mailbox("", "a\r\nBcc: x", "b")},
        {"sender": Mailbox("", "a", "b>\r\nBcc: x")},
        {"sender": Mailbox("", "a", "b c")},
        {"sender": Mailbox("", "", "b")},
        {"sender": Mailbox("", "a", "")},
        {"to": [Mailbox("x\x00", "a", "b")]},
        {"message_id": "a@b>\r\nBcc: x"},
        {"message_id": ""},
        {"in_reply_to": "a b"},
        {"references": ["ok@x", "a\nb"]},
        {"extra": [("X-A", "b\r\nBcc: x")]},
        {"extra": [("X-A: b\r\nBcc", "x")]},
        {"attachments": [Attachment("a\r\nX: y", "application/pdf", b"")]},
        {"attachments": [Attachment("a", "image/png", b"", "c>\r\nX: y")]},
    ],
)
def test_header_injection_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        make(**changes)


def test_an_attachment_type_never_injects() -> None:
    raw = make(attachments=[Attachment("a", "text/plain\r\nX-Evil: 1", b"x")])
    assert b"X-Evil" not in raw


def test_the_shape_follows_what_is_sent() -> None:
    logo = Attachment("logo.png", "image/png", b"png", "logo")
    pdf = Attachment("a.pdf", "application/pdf", b"pdf")
    raw = make(html='<img src="cid:logo">', attachments=[logo, pdf])
    shape = [(span.path, f"{span.type}/{span.subtype}") for span in index(raw).header.spans]
    assert shape == [
        ("", "multipart/mixed"),
        ("1", "multipart/alternative"),
        ("1.1", "text/plain"),
        ("1.2", "multipart/related"),
        ("1.2.1", "text/html"),
        ("1.2.2", "image/png"),
        ("2", "application/pdf"),
    ]
    assert list(content.readable(raw, index(raw).header).inline) == ["logo"]
    assert index(make()).header.spans[0].subtype == "plain"


def test_a_forwarded_message_is_embedded_or_else_an_opaque_file() -> None:
    clean, dirty = b"Subject: x\r\n\r\nbody\r\n", "Subject: é\r\n\r\nbody\r\n".encode()
    raw = make(attachments=[Attachment("a.eml", "message/rfc822", clean), Attachment("b.eml", "message/rfc822", dirty)])
    spans = index(raw).header.spans
    assert [(s.type, s.encoding) for s in spans if s.path in {"2", "3"}] == [("message", "7bit"), ("application", "base64")]
    assert raw[spans[2].body_start : spans[2].end] == clean
    assert content.decoded(raw, spans[-1]) == dirty


def test_the_top_header() -> None:
    raw = make(
        to=[Mailbox('B "x", C', "b", "c.example"), Mailbox("", "d e", "f.example")], cc=[Mailbox("", "g", "h.example")],
        in_reply_to="0@x", references=["<a@x>", "0@x"], extra=[("X-Diwan", "1")], offset_min=60,
    )  # fmt: skip
    assert raw.startswith(
        b"Date: Thu, 01 Jan 1970 01:00:00 +0100\r\n"
        b"From: =?utf-8?B?2YXZg9iq2Kgg2KfZhNi22KjYtw==?=\r\n <bureau@interieur.gov.example>\r\n"
        b'To: "B \\"x\\", C" <b@c.example>, "d e"@f.example\r\nCc: g@h.example\r\nSubject: s\r\nMessage-ID: <1@x>\r\n'
        b"In-Reply-To: <0@x>\r\nReferences: <a@x> <0@x>\r\nX-Diwan: 1\r\nMIME-Version: 1.0\r\nContent-Type: text/plain"
    )


def test_many_recipients_fold_between_addresses() -> None:
    to = [Mailbox(f"Agent numéro {n}", f"agent{n}", "education.gov.example") for n in range(50)]
    raw = make(to=to)
    assert_clean(raw)
    assert mailboxes(dict(index(raw).header.fields)[b"to"].partition(b":")[2]) == to


def test_long_reference_chains_keep_the_first_and_the_newest() -> None:
    kept = index(make(references=[f"{n}@x" for n in range(500)])).summary.references
    assert (kept[0], kept[-1], len(kept)) == ("0@x", "499@x", build.MAX_REFERENCES)


def test_without_named_recipients_the_list_says_so() -> None:
    assert b"To: undisclosed-recipients:;\r\n" in make(to=[])


def test_the_same_input_gives_the_same_octets_and_no_boundary_occurs_inside() -> None:
    first = build.body_part("a", "b", [Attachment("a", "application/pdf", b"x")])
    assert first == build.body_part("a", "b", [Attachment("a", "application/pdf", b"x")])
    nested = build.multipart("mixed", [first])
    boundaries = {span.path: span for span in index(nested).header.spans}
    assert set(boundaries) == {"", "1", "1.1", "1.1.1", "1.1.2", "1.2"}


def test_an_address_outside_ascii_stays_as_it_is_and_the_entity_stays_7_bit() -> None:
    raw = make(to=[Mailbox("", "علي", "b.example")], text="é")
    assert "To: علي@b.example\r\n".encode() in raw
    assert build.body_part("é").isascii()
