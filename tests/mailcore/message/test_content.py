import base64

import pytest

from mailcore.message.content import Readable, decoded, decoded_size, readable, text
from mailcore.message.index import index

PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n\r\nplain"
HTML = b"Content-Type: text/html\r\n\r\n<p>html</p>"
PAGE = b"Content-Type: text/html; name=page.html\r\nContent-Disposition: inline; filename=page.html\r\n\r\n<p>page</p>"
PDF = b"Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA"
LOGO = b"Content-Type: image/png\r\nContent-ID: <logo@x>\r\nContent-Disposition: inline\r\n\r\nx"
MESSAGE = b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ninner text"
P7S = b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nAAAA"
STATUS = b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n"


def multipart(kind: bytes, *parts: bytes, boundary: bytes = b"x") -> bytes:
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts)
    return b"Content-Type: multipart/%b; boundary=%b\r\n\r\n%b--%b--\r\n" % (kind, boundary, body, boundary)


def shown(raw: bytes) -> tuple[str | None, str | None, list[str], list[str]]:
    found = readable(raw, index(raw).header)
    return found.plain, found.html, [f"{s.type}/{s.subtype}" for s in found.attachments], sorted(found.inline)


ALTERNATIVE = multipart(b"alternative", PLAIN, HTML, boundary=b"alt")
RELATED = multipart(b"related", HTML, LOGO, boundary=b"rel")


@pytest.mark.parametrize(
    ("raw", "want"),
    [
        (PLAIN, ("plain", None, [], [])),
        (HTML, (None, "<p>html</p>", [], [])),
        (PDF, (None, None, ["application/pdf"], [])),
        (b"\r\nbare", ("bare", None, [], [])),
        (ALTERNATIVE, ("plain", "<p>html</p>", [], [])),
        (multipart(b"mixed", ALTERNATIVE, PDF), ("plain", "<p>html</p>", ["application/pdf"], [])),
        (multipart(b"alternative", PLAIN, RELATED), ("plain", "<p>html</p>", [], ["logo@x"])),
        (RELATED, (None, "<p>html</p>", [], ["logo@x"])),
        (multipart(b"mixed", PLAIN, LOGO), ("plain", None, ["image/png"], [])),  # nothing refers to the image
        (multipart(b"mixed", PLAIN, HTML), ("plain", None, ["text/html"], [])),  # a page beside the text is a file
        (multipart(b"mixed", HTML, PLAIN), (None, "<p>html</p>", ["text/plain"], [])),
        (multipart(b"mixed", PLAIN, PLAIN), ("plain", None, ["text/plain"], [])),
        (multipart(b"mixed", PAGE, PLAIN), ("plain", None, ["text/html"], [])),
        (multipart(b"mixed", PLAIN, MESSAGE), ("plain", None, ["message/rfc822"], [])),
        (multipart(b"mixed", MESSAGE), (None, None, ["message/rfc822"], [])),
        (multipart(b"signed", PLAIN, P7S), ("plain", None, [], [])),
        (multipart(b"report", PLAIN, STATUS), ("plain", None, [], [])),
        (b"Content-Type: multipart/mixed; boundary=x\r\n\r\nno parts", ("no parts", None, [], [])),
    ],
)
def test_readable(raw: bytes, want: tuple[str | None, str | None, list[str], list[str]]) -> None:
    assert shown(raw) == want
    assert index(raw).summary.attachments == len(want[2])


@pytest.mark.parametrize(
    ("encoding", "body", "want"),
    [
        (b"7bit", b"a=20b", b"a=20b"),
        (b"quoted-printable", b"a=20b=\r\nc=ZZ=", b"a bc=ZZ"),
        (b"base64", b"aGVs\r\nbG8=\r\n", b"hello"),
        (b"base64", b"aGVsbG8", b"hello"),
        (b"base64", b"aGVs!bG8=", b"hello"),
        (b"base64", b"a", b""),
        (b"base64", b"====", b""),
        (b"x-unknown", b"aGVs", b"aGVs"),
        (b"BASE64", b"aGk=", b"hi"),
    ],
)
def test_decoded(encoding: bytes, body: bytes, want: bytes) -> None:
    raw = b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body
    assert decoded(raw, index(raw).header.spans[0]) == want


@pytest.mark.parametrize(
    ("charset", "body", "want"),
    [
        (b"utf-8", "مرحبا".encode(), "مرحبا"),
        (b"windows-1256", "مرحبا".encode("cp1256"), "مرحبا"),
        (b"ISO-8859-6", "مرحبا".encode("iso8859-6"), "مرحبا"),
        (b"us-ascii", "é".encode(), "é"),
        (b"iso-8859-1", b"\xe9\x80", "é€"),
        (b"nonsense", "é".encode("latin-1"), "é"),
        (b"utf-8", b"\xff", "\xff"[:0] + "\ufffd"),
        (b"utf-16", b"\x01", "\ufffd"),
        (b"base64", b"aGk=", "aGk="),
        (b"zlib", b"x\r\ny", "x\ny"),
    ],
)
def test_text(charset: bytes, body: bytes, want: str) -> None:
    raw = b"Content-Type: text/plain; charset=" + charset + b"\r\n\r\n" + body
    assert text(raw, index(raw).header.spans[0]) == want


@pytest.mark.parametrize(
    ("raw", "want"),
    [
        (PLAIN, "plain"),
        (b"\r\n> quoted\r\n\r\nHello,\r\n  world\r\n", "Hello, world"),
        (b"Content-Type: text/html\r\n\r\n<style>p{}</style><p>a &amp; b<br>c<script>x<", "a & b c"),
        (b"Content-Type: text/html\r\n\r\n<HEAD><title>t</title></HEAD>x<b", "x"),
        (b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode("م".encode() * 900), "م" * 200),
        (b"\r\na\x00\xe2\x80\xaeb", "ab"),
        (PDF, ""),
    ],
)
def test_preview(raw: bytes, want: str) -> None:
    assert index(raw).summary.preview == want


def test_readable_of_nothing() -> None:
    assert readable(b"", index(b"").header) == Readable("", None, (), {})


@pytest.mark.parametrize("data", [b"", b"a", b"ab", b"abc", bytes(range(256)) * 9])
def test_the_size_of_a_file_is_that_of_what_is_saved(data: bytes) -> None:
    encoded = base64.encodebytes(data).replace(b"\n", b"\r\n")
    raw = multipart(b"mixed", PLAIN, PDF.replace(b"AAAA", encoded))
    span = readable(raw, index(raw).header).attachments[0]
    assert decoded_size(raw, span) == len(decoded(raw, span)) == len(data)
