"""Letters for foreign clients: French and Arabic, nested, odd and broken ones. Pure. RFC 5322, RFC 2045, RFC 2047, RFC 6532."""

import base64
from collections.abc import Callable

SUBJECT = "مراسلة رقم {n} بخصوص الدخول المدرسي"
BODY = "يشرفني أن أحيل إليكم نسخة من المراسلة المتعلقة بتحضير الدخول المدرسي\r\nNote transmise aux écoles primaires\r\n"
HUGE_HEADER_LINES = 600


def encoded(text: str) -> str:
    """Return one encoded word."""
    return f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="


def _head(n: int, *more: str) -> str:
    lines = (
        "From: Karim Ould <karim@interieur.gov.example>",
        "To: amina.benali@interieur.gov.example",
        f"Date: Thu, {n % 28 + 1} Jan 2026 10:{n % 60:02}:00 +0100",
        f"Message-ID: <letter-{n}@interieur.gov.example>",
        *more,
    )
    return "\r\n".join(lines) + "\r\n"


def _subject(n: int) -> str:
    return f"Subject: {encoded(SUBJECT.format(n=n))}"


TYPE = "Content-Type: text/plain; charset=utf-8"


def arabic(n: int) -> bytes:
    """An Arabic text as it should be: encoded words, base64."""
    body = base64.encodebytes(BODY.encode()).replace(b"\n", b"\r\n").decode()
    return f"{_head(n, _subject(n), 'MIME-Version: 1.0', TYPE, 'Content-Transfer-Encoding: base64')}\r\n{body}".encode()


def eight_bit(n: int) -> bytes:
    """UTF-8 in the header and the body, undeclared."""
    return f"{_head(n, 'Subject: ' + SUBJECT.format(n=n))}\r\n{BODY}".encode()


def latin(n: int) -> bytes:
    """Octets that are no UTF-8, in header and body, every one but NUL, CR and LF."""
    every = bytes(octet for octet in range(1, 256) if octet not in b"\r\n")
    return _head(n, f"Subject: octets {n}").encode() + b"X-Octets: \xe9\xc7\xff\r\n\r\n" + every + b"\r\n"


def mixed(n: int) -> bytes:
    """Alternative texts and an attachment with an Arabic name."""
    name = f"filename*=utf-8''{'%D9%85%D9%84%D9%81'}-{n}.pdf"
    blob = base64.encodebytes(bytes((n * 7 + k) % 256 for k in range(3_000))).replace(b"\n", b"\r\n").decode()
    kind = 'Content-Type: multipart/mixed; boundary="a;b"'
    return (
        f"{_head(n, _subject(n), 'MIME-Version: 1.0', kind)}\r\npreamble\r\n--a;b\r\n"
        "Content-Type: multipart/alternative; boundary=inner\r\n\r\n"
        f"--inner\r\n{TYPE}\r\n\r\n{BODY}\r\n--inner\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>{BODY}</p>\r\n--inner--\r\n"
        f"--a;b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; {name}\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{blob}--a;b--\r\nepilogue\r\n"
    ).encode()


def nested(n: int) -> bytes:
    """A forwarded letter that forwards a letter."""
    inner = arabic(n + 2_000_000)
    for depth in (1, 2):
        start = _head(
            n + (2 - depth) * 1_000_000, f"Subject: Fwd {depth}", "MIME-Version: 1.0", f"Content-Type: multipart/mixed; boundary=f{depth}"
        )
        edge = f"--f{depth}"
        inner = f"{start}\r\n{edge}\r\nContent-Type: message/rfc822\r\n\r\n".encode() + inner + f"\r\n{edge}--\r\n".encode()
    return inner


def huge_header(n: int) -> bytes:
    """Many lines of header, one of them very long."""
    lines = "".join(f"X-Trace-{k}: {'é' * (k % 40)} {n}\r\n" for k in range(HUGE_HEADER_LINES))
    return f"{_head(n, _subject(n))}{lines}X-Long: {'x' * 60_000}\r\n\r\n{BODY}".encode()


def no_final_newline(n: int) -> bytes:
    """A letter whose last line has no end."""
    return f"{_head(n, _subject(n))}\r\nsans fin".encode()


def only_header(n: int) -> bytes:
    """No body, and no empty line."""
    return _head(n, _subject(n)).encode()


def only_body(n: int) -> bytes:
    """No header at all."""
    return f"\r\nni en-tête ni objet {n}\r\n".encode()


def no_colon(n: int) -> bytes:
    """A line in the header that is none."""
    return f"{_head(n, _subject(n))}this is no header line\r\nX-After: oui\r\n\r\n{BODY}".encode()


def open_parts(n: int) -> bytes:
    """A boundary that never ends, a part with a wrong encoding."""
    kind = "Content-Type: multipart/mixed; boundary=never"
    return f"{_head(n, _subject(n), kind)}\r\n--never\r\nContent-Transfer-Encoding: base64\r\n\r\n!!! not base64 {BODY}".encode()


def bad_addresses(n: int) -> bytes:
    """Addresses that nobody can answer, an empty subject and a date that is none."""
    more = ("Subject:", "Date: yesterday", "Reply-To: ", 'Cc: undisclosed:;, <@a,@b:c@d>, "x', "Bcc: (only a comment)")
    lines = ("From: <>", "To: @@@ , , ;", f"Message-ID: <odd-{n}@x>", *more)
    return ("\r\n".join(lines) + f"\r\n\r\n{BODY}").encode()


def dots(n: int) -> bytes:
    """Lines that SMTP, mbox and IMAP each could mistake."""
    return f"{_head(n, _subject(n))}\r\nFrom here\r\n.\r\n..\r\n>From there\r\n)\r\n* 1 EXPUNGE\r\n{{3}}\r\nabc\f\r\n\r\n\r\n".encode()


def long_line(n: int) -> bytes:
    """A line of many octets."""
    return f"{_head(n, _subject(n))}\r\n{'é' * 70_000}\r\n".encode()


def bare_lf(n: int) -> bytes:
    """Written on a system whose lines end in LF."""
    return eight_bit(n).replace(b"\r\n", b"\n")


KINDS: tuple[Callable[[int], bytes], ...] = (
    arabic, eight_bit, latin, mixed, nested, huge_header, no_final_newline, only_header, only_body,
    no_colon, open_parts, bad_addresses, dots, long_line,
)  # fmt: skip
COMMON: tuple[Callable[[int], bytes], ...] = (arabic, eight_bit, mixed, nested, no_final_newline)


def letter(n: int, without: tuple[Callable[[int], bytes], ...] = ()) -> bytes:
    """Return letter number `n`: an odd one in ten, of no kind in `without`, which a client cannot keep."""
    kind = KINDS[n // 10 % len(KINDS)] if n % 10 == 0 else COMMON[n % len(COMMON)]
    return arabic(n) if kind in without else kind(n)
