"""Letters, well-formed, odd, broken and huge, with what FETCH must answer. All written for this project.

Each vector is a message and what some items of it must be; the octets are those that FETCH gives, so line breaks are CRLF.
"""

from dataclasses import dataclass
from typing import Any

ASCII = {b"charset": b"us-ascii"}
EMPTY_PART = [b"text", b"plain", ASCII, None, None, b"7bit", 0, 0]


@dataclass(frozen=True)
class Vector:
    """`want`: items by name as the answer writes it; `peek` puts .PEEK into the question."""

    name: str
    raw: bytes
    want: dict[str, Any]
    peer: bool = True  # well-formed enough that another server must say the same


def crlf(text: str) -> bytes:
    """Return text with CRLF line breaks."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()


PLAIN = crlf("From: a@x.example\nSubject: un\n\nbonjour\nmonde\n")
ALTERNATIVE = crlf(
    "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b1\n\npreamble\n--b1\n\nplain\n"
    "--b1\nContent-Type: text/html\n\n<p>\n--b1--\nepilogue\n"
)
INNER = "From: inner@x.example\nSubject: inner\nX-A: 1\nX-A: 2\n\ninner text\n"
FORWARD = crlf(
    "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: text/plain\n\ncover\n"
    f"--o\nContent-Type: message/rfc822\nContent-Description: forwarded\n\n{INNER}--o--\n"
)
INNER_MULTI = (
    "From: deep@x.example\nSubject: deep\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=i\n\n"
    "--i\nContent-Type: text/plain\n\nfirst\n--i\nContent-Type: text/html\nContent-ID: <h@x>\n\n<b>second</b>\n--i--\n"
)
FORWARD_MULTI = crlf(
    "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\ncover\n"
    f"--o\nContent-Type: message/rfc822\n\n{INNER_MULTI}\n--o--\n"
)
ROOT_RFC822 = crlf(f"From: o@x.example\nMIME-Version: 1.0\nContent-Type: message/rfc822\n\n{INNER}")
BASE64 = crlf("MIME-Version: 1.0\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\nAAECAwQFBgcI\nCQ==\n")
QUOTED = crlf(
    "MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\ncaf=E9 =\nnoir\n"
)
FIELDS = crlf("From: a@x.example\nX-Long: one\n two\n\tthree\nSubject: s\nX-LONG: again\nTo: b@x.example\n\nbody\n")
PARAMS = crlf(
    "MIME-Version: 1.0\nContent-Type: application/pdf;\n name*0*=utf-8'fr'd%C3%A9cret%20; name*1=42; name*2*=%2Epdf\n"
    "Content-Disposition: attachment; filename*=utf-8''%D9%85.pdf\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n"
    "Content-Language: fr, ar\nContent-Location: http://x.example/d.pdf\nContent-ID: <id@x>\n"
    "Content-Description: =?utf-8?Q?D=C3=A9cret?=\n\nx\n"
)
DIGEST = crlf(
    "MIME-Version: 1.0\nContent-Type: multipart/digest; boundary=d\n\n--d\n\nFrom: one@x.example\nSubject: one\n\none\n"
    "--d\nContent-Type: text/plain\n\ntwo\n--d--\n"
)
MANY = (
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"
    + b"".join(b"--m\r\n\r\n%d\r\n" % n for n in range(10_000))
    + b"--m--\r\n"
)


def nested(depth: int) -> bytes:
    """Return multiparts inside one another."""
    head = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(depth))
    return crlf("MIME-Version: 1.0\n" + head + "\ndeep\n" + "".join(f"--b{n}--\n" for n in reversed(range(depth))))


def part(raw: bytes, start: bytes, end: bytes) -> bytes:
    """Return what lies between two marks."""
    begin = raw.index(start) + len(start)
    return raw[begin : raw.index(end, begin)]


def address(local: bytes, domain: bytes | None = b"x.example", name: bytes | None = None) -> list[bytes | None]:
    """Return an address structure."""
    return [name, None, local, domain]


def envelope(head: str, **want: Any) -> Vector:
    """Return a vector for some fields of an ENVELOPE, by their names."""
    return Vector(f"envelope: {head.splitlines()[0][:50]}", crlf(head + "\n\nx\n"), {"ENVELOPE": want}, peer=want.pop("peer", False))


ENVELOPE_FIELDS = ("date", "subject", "from_", "sender", "reply_to", "to", "cc", "bcc", "in_reply_to", "message_id")
A = [address(b"a")]

LETTERS = [
    Vector(
        "a plain letter",
        PLAIN,
        {
            "BODY[]": PLAIN,
            "BODY[1]": b"bonjour\r\nmonde\r\n",
            "BODY[TEXT]": b"bonjour\r\nmonde\r\n",
            "BODY[HEADER]": b"From: a@x.example\r\nSubject: un\r\n\r\n",
            "BODY[1.MIME]": b"From: a@x.example\r\nSubject: un\r\n\r\n",
            "BODY[2]": None,
            "BODY[1.1]": None,
            "BODY[1.HEADER]": None,
            "RFC822.SIZE": len(PLAIN),
            "BODY": [b"text", b"plain", ASCII, None, None, b"7bit", 16, 2],
            "BODY[]<3.4>": PLAIN[3:7],
            "BODY[]<999.5>": b"",
            "BODY[TEXT]<14.100>": b"\r\n",
            "BINARY[1]": b"bonjour\r\nmonde\r\n",
            "BINARY.SIZE[1]": 16,
            "BINARY[]": PLAIN,
            "BINARY.SIZE[]": len(PLAIN),
            "BINARY[2]": None,
        },
        peer=False,  # MIME of a part that is the message: some answer NIL
    ),
    Vector("a header alone", b"Subject: only\r\n\r\n", {"BODY[TEXT]": b"", "BODY[1]": b"", "BODY[HEADER]": b"Subject: only\r\n\r\n"}),
    Vector("a header that does not end", b"Subject: only\r\n", {"BODY[TEXT]": b"", "BODY[HEADER]": b"Subject: only\r\n"}, peer=False),
    Vector("a body alone", b"\r\nbody\r\n", {"BODY[HEADER]": b"\r\n", "BODY[TEXT]": b"body\r\n", "BODY[HEADER.FIELDS (To)]": b"\r\n"}),
    Vector(
        "fields: folding, duplicates, any case, the blank line",
        FIELDS,
        {
            "BODY[HEADER.FIELDS (x-long)]": b"X-Long: one\r\n two\r\n\tthree\r\nX-LONG: again\r\n\r\n",
            "BODY[HEADER.FIELDS (To From)]": b"From: a@x.example\r\nTo: b@x.example\r\n\r\n",
            "BODY[HEADER.FIELDS.NOT (From X-Long)]": b"Subject: s\r\nTo: b@x.example\r\n\r\n",
            "BODY[HEADER.FIELDS (Absent)]": b"\r\n",
            "BODY[HEADER.FIELDS (Subject)]<2.4>": b"bjec",
        },
    ),
    Vector(
        "an alternative",
        ALTERNATIVE,
        {
            "BODY[1]": b"plain",
            "BODY[2]": b"<p>",
            "BODY[2.MIME]": b"Content-Type: text/html\r\n\r\n",
            "BODY[1.MIME]": b"\r\n",
            "BODY[3]": None,
            "BODY[TEXT]": ALTERNATIVE.partition(b"\r\n\r\n")[2],
            "BODY": [
                [[b"text", b"plain", ASCII, None, None, b"7bit", 5, 0], [b"text", b"html", ASCII, None, None, b"7bit", 3, 0]],
                b"alternative",
            ],
        },
        peer=False,  # how many lines text without a line break has
    ),
    Vector(
        "a letter in a letter",
        FORWARD,
        {
            "BODY[1]": b"cover",
            "BODY[2]": crlf(INNER)[:-2],
            "BODY[2.HEADER]": crlf(INNER).partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
            "BODY[2.TEXT]": b"inner text",
            "BODY[2.1]": b"inner text",
            "BODY[2.MIME]": b"Content-Type: message/rfc822\r\nContent-Description: forwarded\r\n\r\n",
            "BODY[2.HEADER.FIELDS (x-a)]": b"X-A: 1\r\nX-A: 2\r\n\r\n",
            "BODY[2.HEADER.FIELDS.NOT (X-A From)]": b"Subject: inner\r\n\r\n",
            "BODY[2.TEXT]<6.100>": b"text",
            "BODY[2.2]": None,
            "BINARY[2]": crlf(INNER)[:-2],
            "BINARY.SIZE[2.1]": 10,
        },
    ),
    Vector(
        "a letter of several parts in a letter",
        FORWARD_MULTI,
        {
            "BODY[2.1]": b"first",
            "BODY[2.2]": b"<b>second</b>",
            "BODY[2.2.MIME]": b"Content-Type: text/html\r\nContent-ID: <h@x>\r\n\r\n",
            "BODY[2.1.MIME]": b"Content-Type: text/plain\r\n\r\n",
            "BODY[2.HEADER]": crlf(INNER_MULTI).partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
            "BODY[2.TEXT]": crlf(INNER_MULTI).partition(b"\r\n\r\n")[2],
            "BODY[2.HEADER.FIELDS (Subject)]": b"Subject: deep\r\n\r\n",
            "BODY[2.3]": None,
        },
    ),
    Vector(
        "a letter that is a letter",
        ROOT_RFC822,
        {
            "BODY[1]": crlf(INNER),
            "BODY[1.HEADER]": crlf(INNER).partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
            "BODY[1.TEXT]": b"inner text\r\n",
            "BODY[1.1]": b"inner text\r\n",
        },
        peer=False,  # four servers, four answers to BODY[1.1]
    ),
    Vector(
        "a digest: parts are letters unless they say what they are",
        DIGEST,
        {"BODY[1.HEADER]": b"From: one@x.example\r\nSubject: one\r\n\r\n", "BODY[1.1]": b"one", "BODY[2]": b"two", "BODY[1.MIME]": b"\r\n"},
    ),
    Vector(
        "a multipart without parts shows one that is empty",
        crlf("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\nnothing\n"),
        {"BODY": [[EMPTY_PART], b"mixed"], "BODY[1]": b"", "BODY[2]": None, "BODY[TEXT]": b"nothing\r\n", "BINARY.SIZE[1]": 0},
        peer=False,
    ),
    Vector(
        "a multipart without a boundary",
        crlf("MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n--x\n\na\n--x--\n"),
        {"BODY": [[EMPTY_PART], b"mixed"], "BODY[1]": b""},
        peer=False,
    ),
    Vector(
        "the last boundary is missing",
        crlf("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n"),
        {"BODY[1]": b"one", "BODY[2]": b"two\r\n"},
        peer=False,
    ),
    Vector(
        "a boundary that begins like another",
        crlf(
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bb\n\n"
            "--bb\n\none\n--bb--\n--b\n\ntwo\n--b--\n"
        ),
        {"BODY[1.1]": b"one", "BODY[2]": b"two", "BODY[3]": None},
        peer=False,
    ),
    Vector(
        "what comes behind the last boundary is no part",
        crlf("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n"),
        {"BODY[1]": b"one", "BODY[2]": None},
        peer=False,
    ),
    Vector(
        "a boundary in quotes, with blanks behind it",
        crlf('MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b c:d"\n\n--b c:d  \n\none\n--b c:d--  \n'),
        {"BODY[1]": b"one"},
        peer=False,
    ),
    Vector(
        "an empty part",
        crlf("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n\n--b--\n"),
        {"BODY[1]": b"", "BODY[1.MIME]": b"\r\n"},
        peer=False,
    ),
    Vector(
        "base64 with NUL is a literal8",
        BASE64,
        {
            "BINARY[1]": bytes(range(10)),
            "BINARY.SIZE[1]": 10,
            "BINARY[1]<2.3>": b"\x02\x03\x04",
            "BINARY[1]<3.2>": b"\x03\x04",
            "BINARY[1]<99.2>": b"",
            "BODY[1]": b"AAECAwQFBgcI\r\nCQ==\r\n",
        },
    ),
    Vector("quoted-printable, the charset untouched", QUOTED, {"BINARY[1]": b"caf\xe9 noir\r\n", "BINARY.SIZE[1]": 11}),
    Vector(
        "base64 that is broken decodes as far as it goes",
        BASE64.replace(b"CQ==", b"C!Q"),
        {"BINARY[1]": bytes(range(10)), "BINARY.SIZE[1]": 10},
        peer=False,
    ),
    Vector(
        "RFC 2231 parameters, and all that a structure may say",
        PARAMS,
        {
            "BODYSTRUCTURE": [
                b"application",
                b"pdf",
                {b"name*": b"utf-8'fr'd%C3%A9cret%2042%2Epdf"},
                b"<id@x>",
                b"=?utf-8?Q?D=C3=A9cret?=",
                b"7bit",
                3,
                b"Q2hlY2sgSW50ZWdyaXR5IQ==",
                [b"attachment", {b"filename*": b"utf-8''%D9%85.pdf"}],
                [b"fr", b"ar"],
                b"http://x.example/d.pdf",
            ]
        },
        peer=False,
    ),
    Vector(
        "a description in bare UTF-8 becomes encoded words",
        crlf("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Description: Décret\n\nx\n"),
        {"BODY": [b"text", b"plain", {b"charset": b"utf-8"}, None, b"=?utf-8?Q?D=C3=A9cret?=", b"7bit", 3, 1]},
        peer=False,
    ),
    Vector(
        "message/global is a leaf, and may be encoded",
        crlf("MIME-Version: 1.0\nContent-Type: message/global\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoK\n"),
        {"BINARY[1]": b"Subject: x\n\n", "BODY": [b"message", b"global", None, None, None, b"base64", 18]},
        peer=False,
    ),
    Vector(
        "a type that is none is text",
        crlf("MIME-Version: 1.0\nContent-Type: nonsense\n\nx\n"),
        {"BODY": [b"text", b"plain", ASCII, None, None, b"7bit", 3, 1]},
        peer=False,
    ),
    Vector(
        "quotes and backslashes survive",
        crlf('MIME-Version: 1.0\nContent-Type: text/plain; name="a\\"b\\\\c"; charset=x\nSubject: say "hi" \\o/\n\nx\n'),
        {"BODY": [b"text", b"plain", {b"name": b'a"b\\c', b"charset": b"x"}, None, None, b"7bit", 3, 1]},
        peer=False,
    ),
    Vector(
        "two types: the first counts",
        crlf("MIME-Version: 1.0\nContent-Type: text/html\nContent-Type: application/x\n\nx\n"),
        {"BODY": [b"text", b"html", ASCII, None, None, b"7bit", 3, 1]},
        peer=False,
    ),
    Vector("no line break at the end", b"Subject: x\r\n\r\nend", {"BODY[TEXT]": b"end", "RFC822.SIZE": 17}),
    Vector(
        "octets outside ASCII stay",
        b"Subject: \xe9\r\n\r\n\xff\xfe\r\n",
        {"BODY[]": b"Subject: \xe9\r\n\r\n\xff\xfe\r\n", "BODY[HEADER.FIELDS (Subject)]": b"Subject: \xe9\r\n\r\n"},
    ),
    Vector(
        "CR alone breaks no line",
        b"Subject: a\rb\r\n\r\nx\ry\r\n",
        {"BODY[TEXT]": b"x\ry\r\n", "BODY": [b"text", b"plain", ASCII, None, None, b"7bit", 5, 1]},
        peer=False,
    ),
    Vector(
        "a line without a colon",
        crlf("From: a@x.example\nnonsense\nSubject: s\n\nx\n"),
        {"BODY[HEADER.FIELDS (Subject)]": b"Subject: s\r\n\r\n", "BODY[HEADER.FIELDS.NOT (From)]": b"nonsense\r\nSubject: s\r\n\r\n"},
        peer=False,
    ),
    Vector(
        "ten thousand parts: those that are counted",
        MANY,
        {"BODY[1]": b"0", "BODY[500]": b"499", "RFC822.SIZE": len(MANY), "BODY[10001]": None},
        peer=False,
    ),
    Vector("nesting of 150", nested(150), {"BODY[TEXT]": nested(150).partition(b"\r\n\r\n")[2]}, peer=False),
    Vector("nesting of 20", nested(20), {"BODY[" + ".".join(["1"] * 20) + "]": b"deep"}, peer=False),
    Vector(
        "a header of 400 KiB",
        b"X-Long: " + b"a" * 400_000 + b"\r\nSubject: s\r\n\r\nx\r\n",
        {"BODY[HEADER.FIELDS (Subject)]": b"Subject: s\r\n\r\n", "BODY[TEXT]": b"x\r\n"},
        peer=False,
    ),
    envelope(
        "From: a@x.example\nSubject: s\nDate: Mon, 1 Jun 2026 10:00:00 +0100\nMessage-ID: <1@x.example>\nIn-Reply-To: <0@x.example>",
        date=b"Mon, 1 Jun 2026 10:00:00 +0100",
        subject=b"s",
        from_=A,
        sender=A,
        reply_to=A,
        to=None,
        message_id=b"<1@x.example>",
        in_reply_to=b"<0@x.example>",
        peer=True,
    ),
    envelope("Subject: no author", from_=None, sender=None, reply_to=None, to=None, subject=b"no author", peer=True),
    envelope("From: a@x.example\nSender: s@x.example\nReply-To: r@x.example", sender=[address(b"s")], reply_to=[address(b"r")], peer=True),
    envelope("From: a@x.example\nSender:\nReply-To: ", sender=A, reply_to=A, peer=True),
    envelope(
        "To: Bureau: a@x.example, b@x.example;, c@x.example",
        to=[[None, None, b"Bureau", None], address(b"a"), address(b"b"), [None, None, None, None], address(b"c")],
        peer=True,
    ),
    envelope("To: undisclosed-recipients:;", to=[[None, None, b"undisclosed-recipients", None], [None, None, None, None]], peer=True),
    envelope('From: "Ben Ali, Amina" <a@x.example>', from_=[address(b"a", name=b"Ben Ali, Amina")], peer=True),
    envelope("From: a@x.example (Amina)", from_=[address(b"a", name=b"Amina")], peer=True),
    envelope("From: =?utf-8?Q?Am=C3=ADna?= <a@x.example>", from_=[address(b"a", name=b"=?utf-8?Q?Am=C3=ADna?=")], peer=True),
    envelope("From: Amína <a@x.example>", from_=[address(b"a", name=b"=?utf-8?B?QW3DrW5h?=")]),
    envelope("To: Amina", to=[[None, None, b"Amina", b"MISSING_DOMAIN"]]),
    envelope("To: <@relay.example:a@x.example>", to=A),
    envelope("To: a@x.example,, ,b@x.example", to=[address(b"a"), address(b"b")]),
    envelope("Subject: first\nSubject: second", subject=b"first"),
    envelope("Subject: folded\n  again", subject=b"folded  again"),
    envelope("Subject:", subject=b""),
    envelope("Subject: NIL\nFrom: NIL <nil@x.example>", subject=b"NIL", from_=[address(b"nil", name=b"NIL")], peer=True),
    envelope("Date: nonsense", date=b"nonsense", peer=True),
    envelope("To: a@[192.0.2.1]", to=[address(b"a", b"[192.0.2.1]")], peer=True),
]
