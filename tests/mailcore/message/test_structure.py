"""Vectors checked against Dovecot 2.3.19, but for deliberate differences, which are marked."""

import pytest

from mailcore.message import addresses, mime, structure, words
from mailcore.message.index import index

NESTED = (
    b"From: in@n.example\r\nSubject: nested\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n"
    b"--in\r\n\r\ninner 1\r\n--in\r\nContent-Type: text/html\r\n\r\n<p>inner 2</p>\r\n--in--\r\n"
)
LEAF = b"From: in@n.example\r\nSubject: leaf\r\n\r\nleaf body\r\n"
NESTED_ENVELOPE = (
    b'(NIL "nested" ((NIL NIL "in" "n.example")) ((NIL NIL "in" "n.example")) ((NIL NIL "in" "n.example")) NIL NIL NIL NIL NIL)'
)
LEAF_ENVELOPE = NESTED_ENVELOPE.replace(b"nested", b"leaf")
TEXT = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" %d %d%b)'
EXT = b" NIL NIL NIL NIL"
A_B = b'((NIL NIL "a" "b"))'


@pytest.mark.parametrize(
    ("header", "want"),
    [
        (b"", b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"),
        (b"Subject:\r\nFrom:\r\n", b'(NIL "" NIL NIL NIL NIL NIL NIL NIL NIL)'),
        (b"From: a@b\r\n", b"(NIL NIL %b %b %b NIL NIL NIL NIL NIL)" % (A_B, A_B, A_B)),
        (b"From: a@b\r\nSender: s@t\r\nReply-To: \r\n", b'(NIL NIL %b ((NIL NIL "s" "t")) %b NIL NIL NIL NIL NIL)' % (A_B, A_B)),
        (b"Sender: a@b\r\n", b"(NIL NIL NIL %b NIL NIL NIL NIL NIL NIL)" % A_B),
        (
            b"To: undisclosed-recipients:;\r\nCc: G: a@b, C <c@d>;, x@y\r\nBcc: nobody\r\n",
            b'(NIL NIL NIL NIL NIL ((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)) '
            b'((NIL NIL "G" NIL)(NIL NIL "a" "b")("C" NIL "c" "d")(NIL NIL NIL NIL)(NIL NIL "x" "y")) '
            b'((NIL NIL "nobody" "MISSING_DOMAIN")) NIL NIL)',
        ),
        (
            b"Date: Tue, 4 Mar 2025 10:00:00 +0100 (CET)\r\nIn-Reply-To: <a@b>\r\n <c@d>\r\nMessage-ID: <x@y>\r\n",
            b'("Tue, 4 Mar 2025 10:00:00 +0100 (CET)" NIL NIL NIL NIL NIL NIL NIL "<a@b> <c@d>" "<x@y>")',
        ),
        (
            b'To: a@b (Ali (the) Bey), "x y"@z, <>, Ali <>\r\n',
            b'(NIL NIL NIL NIL NIL (("Ali (the) Bey" NIL "a" "b")(NIL NIL "x y" "z")(NIL NIL "MISSING_MAILBOX" "MISSING_DOMAIN")'
            b'("Ali" NIL "MISSING_MAILBOX" "MISSING_DOMAIN")) NIL NIL NIL NIL)',
        ),
        (b'Cc: "A, \\"q\\" B" <a@b>\r\n', b'(NIL NIL NIL NIL NIL NIL (("A, \\"q\\" B" NIL "a" "b")) NIL NIL NIL)'),
        (b"Subject: NIL\r\nTo: nil\r\n", b'(NIL "NIL" NIL NIL NIL ((NIL NIL "nil" "MISSING_DOMAIN")) NIL NIL NIL NIL)'),
        (b'Subject: a\\b "c"\r\n', b'(NIL "a\\\\b \\"c\\"" NIL NIL NIL NIL NIL NIL NIL NIL)'),
        (b"Subject: a\rb\x00c\r\n", b'(NIL "a bc" NIL NIL NIL NIL NIL NIL NIL NIL)'),
        # Dovecot sends such octets as a literal
        ("Subject: réunion\r\n".encode(), b'(NIL "=?utf-8?Q?r=C3=A9union?=" NIL NIL NIL NIL NIL NIL NIL NIL)'),
        ("Cc: علي <a@b>\r\n".encode(), b'(NIL NIL NIL NIL NIL NIL (("=?utf-8?B?2LnZhNmK?=" NIL "a" "b")) NIL NIL NIL)'),
        # the first field of a name counts, others are not joined to it
        (b"Cc: a@b\r\nCc: c@d\r\n", b"(NIL NIL NIL NIL NIL NIL %b NIL NIL NIL)" % A_B),
    ],
)
def test_envelope(header: bytes, want: bytes) -> None:
    raw = header + b"\r\n"
    assert structure.envelope(raw, mime.parse(raw).fields) == want


@pytest.mark.parametrize(
    ("raw", "body", "bodystructure"),
    [
        (b"", TEXT % (0, 0, b""), TEXT % (0, 0, EXT)),
        (b"A: b\r\n\r\nbody\r\ntwo", TEXT % (9, 1, b""), TEXT % (9, 1, EXT)),
        (b"Content-Type: text\r\n\r\nb", TEXT % (1, 0, b""), TEXT % (1, 0, EXT)),
        (b"Content-Type: text/plain; charset=us-ascii (Plain text)\r\n\r\nb", TEXT % (1, 0, b""), TEXT % (1, 0, EXT)),
        (
            b"Content-Type: TEXT/HTML; format=flowed\r\n\r\nb",
            b'("text" "html" ("format" "flowed" "charset" "us-ascii") NIL NIL "7bit" 1 0)',
            b'("text" "html" ("format" "flowed" "charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL)',
        ),
        (
            b'Content-Type: text/plain; charset="utf-8"\r\nContent-Description: =?utf-8?q?=C3=A9?=\r\nContent-ID: <c@d>\r\n'
            b"Content-Language: ar, fr\r\nContent-Location: http://x.example/a\r\nContent-MD5: Q2hlY2s=\r\n"
            b"Content-Disposition: inline; filename*0*=utf-8''%D8%A7; filename*1=\"b c.pdf\"\r\n"
            b"Content-Transfer-Encoding: QUOTED-PRINTABLE\r\n\r\nbody\r\n",
            b'("text" "plain" ("charset" "utf-8") "<c@d>" "=?utf-8?q?=C3=A9?=" "quoted-printable" 6 1)',
            b'("text" "plain" ("charset" "utf-8") "<c@d>" "=?utf-8?q?=C3=A9?=" "quoted-printable" 6 1 "Q2hlY2s=" '
            b'("inline" ("filename*" "utf-8\'\'%D8%A7b%20c.pdf")) ("ar" "fr") "http://x.example/a")',
        ),
        (
            b'Content-Type: image/png; name="r\xc3\xa9.png"\r\nContent-Disposition: attachment\r\n\r\nb',
            b'("image" "png" ("name" "=?utf-8?B?csOpLnBuZw==?=") NIL NIL "7bit" 1)',
            b'("image" "png" ("name" "=?utf-8?B?csOpLnBuZw==?=") NIL NIL "7bit" 1 NIL ("attachment" NIL) NIL NIL)',
        ),
        (
            b"Content-Type: message/rfc822\r\n\r\n" + LEAF,
            b'("message" "rfc822" NIL NIL NIL "7bit" 48 %b %b 4)' % (LEAF_ENVELOPE, TEXT % (11, 1, b"")),
            b'("message" "rfc822" NIL NIL NIL "7bit" 48 %b %b 4%b)' % (LEAF_ENVELOPE, TEXT % (11, 1, EXT), EXT),
        ),
        (  # RFC 2046 §5.1.5; the CRLF before a delimiter belongs to it
            b'Content-Type: multipart/digest; boundary="x"\r\n\r\n--x\r\n\r\n' + LEAF + b"--x--\r\n",
            b'(("message" "rfc822" NIL NIL NIL "7bit" 46 %b %b 3) "digest")' % (LEAF_ENVELOPE, TEXT % (9, 0, b"")),
            b'(("message" "rfc822" NIL NIL NIL "7bit" 46 %b %b 3%b) "digest" ("boundary" "x") NIL NIL NIL)'
            % (LEAF_ENVELOPE, TEXT % (9, 0, EXT), EXT),
        ),
        (
            b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n"
            b"Content-Disposition: attachment\r\n\r\n" + NESTED + b"\r\n--x--\r\n",
            b'(("message" "rfc822" NIL NIL NIL "7bit" 157 %b (%b("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 14 0) "mixed") 12) '
            b'"mixed")' % (NESTED_ENVELOPE, TEXT % (7, 0, b"")),
            b'(("message" "rfc822" NIL NIL NIL "7bit" 157 %b (%b("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 14 0%b) "mixed" '
            b'("boundary" "in") NIL NIL NIL) 12 NIL ("attachment" NIL) NIL NIL) "mixed" ("boundary" "x") NIL NIL NIL)'
            % (NESTED_ENVELOPE, TEXT % (7, 0, EXT), EXT),
        ),
        (
            b"Content-Type: multipart/mixed; boundary=x\r\nContent-Language: fr\r\n\r\nno parts\r\n",
            b"(%b " % (TEXT % (0, 0, b"")) + b'"mixed")',
            b'(%b "mixed" ("boundary" "x") NIL ("fr") NIL)' % (TEXT % (0, 0, EXT)),
        ),
        (
            b"Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\nhello\r\n--x--",
            b'(%b "mixed")' % (TEXT % (0, 0, b"")),
            b'(%b "mixed" NIL NIL NIL NIL)' % (TEXT % (0, 0, EXT)),
        ),
        (
            b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n",
            b'("message" "delivery-status" NIL NIL NIL "7bit" 23)',
            b'("message" "delivery-status" NIL NIL NIL "7bit" 23 NIL NIL NIL NIL)',
        ),
    ],
)
def test_body(raw: bytes, body: bytes, bodystructure: bytes) -> None:
    root = mime.parse(raw)
    assert structure.body(raw, root, extended=False) == body
    assert structure.body(raw, root, extended=True) == bodystructure
    assert index(raw).summary.bodystructure == bodystructure


@pytest.mark.parametrize(
    ("value", "want"),
    [(b"", b'""'), (b"a", b'"a"'), (b'a"\\', b'"a\\"\\\\"'), (b"a\tb", b'"a\tb"'), (b"a\r\nb", b'"a  b"'), (b"\x00", b'""')],
)
def test_quoted(value: bytes, want: bytes) -> None:
    assert structure.quoted(value) == want


def test_depth_beyond_the_cap_is_an_opaque_leaf_and_valid() -> None:
    raw = b"Content-Type: message/rfc822\r\n\r\n" * 10_000
    rendered = index(raw).summary.bodystructure
    assert rendered.count(b'"rfc822"') == mime.MAX_DEPTH - 1
    assert rendered.count(b'"application" "octet-stream"') == 1


@pytest.mark.parametrize(
    "field",
    [
        b"Content-Description: ",
        b"Content-Type: text/plain; name=",
        b"Content-Type: text/",
        b"Content-Type: text/plain; charset=",
        b"Content-ID: ",
        b"Content-Location: ",
        b"Content-Language: ",
        b"Content-MD5: ",
        b"Content-Transfer-Encoding: ",
        b"Content-Disposition: attachment; filename=",
        b"Content-Disposition: ",
    ],
)
def test_what_many_parts_say_of_themselves_stays_small(field: bytes) -> None:
    part = b"--b\r\n" + field + b"a" * 20_000 + b"\r\n\r\nx\r\n"
    found = index(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 900 + b"--b--\r\n")
    assert len(found.summary.bodystructure) < 600_000
    assert len(found.summary.body) < 600_000
    assert found.summary.bodystructure.count(b'"text" "plain"') == 900
    assert (
        sum(len(span.content_id) + len(span.charset) + len(span.encoding) + len(span.disposition) for span in found.header.spans)
        < 1_000_000
    )


@pytest.mark.parametrize("field", [b"Subject: ", b"To: ", b"Message-ID: <"])
def test_what_many_embedded_messages_say_stays_small(field: bytes) -> None:
    part = b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + field + b"a" * 40_000 + b"\r\n\r\nx\r\n"
    found = index(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 450 + b"--b--\r\n")
    assert len(found.summary.bodystructure) < 600_000
    assert found.summary.bodystructure.count(b'"message" "rfc822"') == 450


@pytest.mark.parametrize(
    ("value", "wide"),
    [
        ("Présidence".encode(), '"Présidence"'.encode()),
        ('"مرسوم" \\'.encode(), '"\\"مرسوم\\" \\\\"'.encode()),
        (b"=?utf-8?Q?Pr=C3=A9sidence?=", b'"=?utf-8?Q?Pr=C3=A9sidence?="'),  # the sender's own encoding stays
        (b"Pr\xe9sidence", '"Présidence"'.encode()),  # not UTF-8: what it most likely means
        ("é".encode() * 2048 + b"\xc3", b'"' + "é".encode() * 2048 + b'"'),  # cut in a character
    ],
)
def test_strings_are_utf8_for_who_reads_it_and_encoded_words_for_the_others(value: bytes, wide: bytes) -> None:
    found = {b"subject": value, b"from": b"a@x.example"}
    lists = {b"from": structure.address_list(addresses.entries(found[b"from"]))}
    rendered = structure.render_envelope(found, lists)
    assert rendered.split(b" ", 1)[1].startswith(wide)
    narrowed = structure.narrow(rendered)
    assert narrowed.isascii()
    again = b'"' + words.decode_words(narrowed.split(b'"')[1]).replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'
    assert again == wide or value.isascii()
