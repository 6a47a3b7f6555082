"""Letters as octets: nothing smuggled in, blind copies stay blind, and the signature covers the header."""

from dataclasses import replace

import pytest

from mailcore.message import headers
from mailcore.message.addresses import Mailbox
from mailcore.message.build import Attachment
from webmail import letters
from webmail.letters import Addressed, Difference, Letter

NOW_US = 1_795_300_000_000_000
LETTER = Letter(sender=1, subject="مراسلة رقم 12", text="السلام\nBonjour", attachments=(Attachment("a.pdf", "application/pdf", b"%PDF"),))
ADDRESSED = Addressed(
    LETTER,
    Mailbox("Bureau d'ordre · Ministère", "bureau.ordre", "interieur.gov.example"),
    (Mailbox("", "a", "x.example"), Mailbox("", "b", "x.example")),
    (Mailbox("", "A", "X.example"),),
    (Mailbox("", "secret", "x.example"),),
)


def top(addressed: Addressed = ADDRESSED) -> bytes:
    return letters.top(addressed, "1@mx.example", NOW_US, 60)


def test_blind_copies_are_recipients_but_not_in_the_header() -> None:
    assert ADDRESSED.recipients == ("A@X.example", "b@x.example", "secret@x.example")
    assert b"secret" not in top()


@pytest.mark.parametrize("subject", ["a\r\nBcc: x@y.example", "a\nb", "a\0b", "a\rb"])
def test_a_subject_never_becomes_a_second_field(subject: str) -> None:
    with pytest.raises(ValueError):
        top(replace(ADDRESSED, letter=replace(LETTER, subject=subject)))


def test_a_protected_entity_repeats_the_header_inside() -> None:
    fields = top()
    entity = letters.protect(fields, letters.entity(LETTER))
    inner, body_start = headers.scan(entity)
    names = {field.lower for field in inner}
    assert {b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"content-type"} <= names
    assert b'hp="clear"' in entity[:body_start]
    raw = fields + entity
    outer, _ = headers.scan(fields + b"\r\n")
    as_indexed = [(field.lower, fields[field.start : field.end]) for field in outer]
    assert letters.differences(raw, len(fields), len(fields) + body_start, as_indexed) == ()
    changed = [(name, b"Subject: autre\r\n" if name == b"subject" else octets) for name, octets in as_indexed]
    assert letters.differences(raw, len(fields), len(fields) + body_start, changed) == (Difference("Subject", LETTER.subject),)
    twice = [*as_indexed, (b"subject", b"Subject: autre\r\n")]
    assert letters.differences(raw, len(fields), len(fields) + body_start, twice) == (Difference("Subject", LETTER.subject),)
    removed = [pair for pair in as_indexed if pair[0] != b"cc"]
    assert letters.differences(raw, len(fields), len(fields) + body_start, removed) == (Difference("Cc", "A@X.example"),)


def test_an_entity_without_copies_promises_nothing() -> None:
    entity = letters.entity(LETTER)
    _, body_start = headers.scan(entity)
    assert letters.differences(entity, 0, body_start, [(b"subject", b"Subject: x\r\n")]) == ()


@pytest.mark.parametrize(
    "changed",
    [
        replace(LETTER, subject="autre"),
        replace(LETTER, text="autre"),
        replace(LETTER, attachments=()),
        replace(LETTER, attachments=(Attachment("a.pdf", "application/pdf", b"%PDG"),)),
        replace(LETTER, attachments=(Attachment("b.pdf", "application/pdf", b"%PDF"),)),
        replace(LETTER, options=("encrypt",)),
    ],
)
def test_the_fingerprint_knows_what_was_shown(changed: Letter) -> None:
    assert letters.fingerprint(replace(ADDRESSED, letter=changed)) != letters.fingerprint(ADDRESSED)
    assert letters.fingerprint(replace(ADDRESSED, letter=replace(LETTER, nonce="x"))) == letters.fingerprint(ADDRESSED)


def test_the_fingerprint_knows_who_gets_it() -> None:
    assert letters.fingerprint(replace(ADDRESSED, bcc=())) != letters.fingerprint(ADDRESSED)
    assert letters.fingerprint(replace(ADDRESSED, to=ADDRESSED.cc, cc=ADDRESSED.to)) != letters.fingerprint(ADDRESSED)


def test_the_trace_names_the_node_and_not_the_writer() -> None:
    said = letters.trace("mx.example", "01M2XK4Z00001", NOW_US, 0).replace(b"\r\n ", b" ")
    assert said.startswith(b"Received: by mx.example (Diwan webmail) with HTTPS id 01M2XK4Z00001; ")
