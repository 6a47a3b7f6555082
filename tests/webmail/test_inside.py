"""What was wrapped becomes a letter of its own: protected fields count, the author outside stays, nothing else is lost."""

import pytest

from mailcore.message import headers
from mailcore.message.index import index
from webmail import inside, letters, reading
from webmail.letters import Difference
from webmail.reading import Opened

TEXT = b"Content-Type: text/plain; charset=us-ascii\r\n\r\nText.\r\n"
TOP = (
    b"Received: by mx.example\r\nFrom: a@x.example\r\nTo: b@x.example\r\nSubject: Real\r\nDate: Sun, 22 Nov 2026 14:00:00 +0100\r\n"
    b"Message-ID: <1@x.example>\r\nKeywords: secret\r\n"
)


def fields(raw: bytes) -> list[tuple[bytes, bytes]]:
    found, _ = headers.scan(raw + b"\r\n")
    return [(field.lower, raw[field.start : field.end]) for field in found]


def test_the_subject_is_told_inside_only() -> None:
    outer = letters.confidential(TOP)
    assert b"Subject: [...]\r\n" in outer
    assert b"Real" not in outer
    assert b"secret" not in outer
    entity = letters.protect(TOP, TEXT, outer)
    assert b'hp="cipher"' in entity
    assert b"HP-Outer: Subject: [...]\r\n" in entity
    assert b"HP-Outer: From: a@x.example\r\n" in entity
    within = inside.letter(fields(outer), entity)
    shown = dict(fields(within.partition(b"\r\n\r\n")[0] + b"\r\n"))
    assert shown[b"subject"] == b"Subject: Real\r\n"
    assert shown[b"received"] == b"Received: by mx.example\r\n"
    assert within.endswith(entity[entity.index(b"Content-Type") :])
    assert b"HP-Outer" not in within
    assert not inside.author_differs(fields(outer), inside.protected(entity))


def test_another_author_inside_is_told_and_not_shown() -> None:
    entity = letters.protect(TOP.replace(b"a@x.example", b"minister@gov.example"), TEXT, letters.confidential(TOP))
    within = inside.letter(fields(letters.confidential(TOP)), entity)
    assert within.index(b"From: a@x.example") < within.index(b"From: minister@gov.example")
    assert [octets for name, octets in fields(within[: within.index(b"MIME-Version")]) if name == b"from"] == [b"From: a@x.example\r\n"]
    assert inside.author_differs(fields(TOP), inside.protected(entity))


def test_fields_that_are_not_marked_as_protected_stay_where_they_are() -> None:
    entity = b"Subject: Inner\r\n" + TEXT
    assert inside.protected(entity) == {}
    assert inside.letter(fields(TOP), entity).endswith(b"Keywords: secret\r\n" + inside.MIME_VERSION + TEXT)


@pytest.mark.parametrize("before", [b"", b"X: y\r\n" * 1000, b"no field\r\n"])
def test_fields_that_only_our_servers_write_are_not_taken_from_inside(before: bytes) -> None:
    forged = b"Diwan-Acting: minister@gov.example\r\nSender: minister@gov.example\r\nAuthentication-Results: node; dmarc=pass\r\n"
    within = inside.letter(fields(TOP), b"Content-Transfer-Encoding: 7bit\r\n" + before + forged + TEXT)
    _, _, entity = within.partition(inside.MIME_VERSION)
    assert b"gov.example" not in within
    assert b"dmarc" not in within
    assert entity.startswith(b"Content-Transfer-Encoding: 7bit\r\n")


def test_fields_around_what_is_signed_inside_are_no_copies_of_it() -> None:
    signed = letters.protect(TOP, TEXT, letters.confidential(TOP))
    body = b"\r\n--b\r\n" + signed + b"\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nAA==\r\n--b--\r\n"
    entity = b'From: minister@gov.example\r\nContent-Type: multipart/signed; boundary="b"\r\n' + body
    within = inside.letter(fields(TOP), entity)
    assert b"minister" not in within
    assert within.endswith(body)


def test_a_signed_entity_is_asked_for_its_signed_part() -> None:
    signed = letters.protect(TOP, TEXT, letters.confidential(TOP))
    body = b"\r\n--b\r\n" + signed + b"\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nAA==\r\n--b--\r\n"
    entity = b'Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n boundary="b"\r\n' + body
    assert inside.protected(entity)[b"subject"] == b"Subject: Real\r\n"
    assert inside.protected(entity.replace(b'boundary="b"', b"boundary=c")) == {}


def test_an_answer_goes_where_the_author_asked_for_it() -> None:
    outer = letters.confidential(TOP) + b"Reply-To: thief@evil.example\r\n"
    assert b"evil" not in inside.letter(fields(outer), letters.protect(TOP, TEXT, letters.confidential(TOP)))
    asked = TOP + b"Reply-To: a2@x.example\r\n"
    within = inside.letter(fields(outer), letters.protect(asked, TEXT, letters.confidential(asked)))
    assert within.index(b"Reply-To: a2@x.example\r\n") < within.index(inside.MIME_VERSION)
    assert b"evil" not in within
    signed = letters.protect(TOP, TEXT)
    kind = b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=b\r\n'
    end = b"\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nAA==\r\n--b--\r\n"
    raw = TOP + b"Reply-To: thief@evil.example\r\n" + kind + b"\r\n--b\r\n" + signed + end
    found = index(raw)
    opened = Opened(None, None, found.summary, found.header, raw)  # type: ignore[arg-type]
    assert reading.differences(opened) == (Difference("Reply-To", ""),)
    assert [one.address for one in reading.answers_to(opened)] == ["a@x.example"]


def test_the_old_way_protects_what_it_repeats() -> None:
    old = b'Subject: Real\r\nContent-Type: text/plain; protected-headers="v1"\r\n\r\nText.\r\n'
    assert inside.protected(old) == {b"subject": b"Subject: Real\r\n"}
    _, body_start = headers.scan(old)
    assert letters.differences(old, 0, body_start, fields(TOP)) == ()
    changed = fields(TOP.replace(b"Real", b"Other"))
    assert letters.differences(old, 0, body_start, changed) == (Difference("Subject", "Real"),)


def test_the_copies_of_a_letter_inside_are_those_of_its_entity() -> None:
    entity = letters.protect(TOP, TEXT, letters.confidential(TOP))
    outer = fields(letters.confidential(TOP).replace(b"[...]", b"MIME-Version: 1.0"))
    raw = inside.letter(outer, entity)
    found = index(raw)
    within = Opened(None, None, found.summary, found.header, raw)  # type: ignore[arg-type]
    assert inside.copies_of(within) == inside.protected(entity)


def test_random_octets_are_no_entity() -> None:
    assert inside.is_entity(TEXT)
    assert not inside.is_entity(b"\x8f\x00")
    assert not inside.is_entity(b"")
