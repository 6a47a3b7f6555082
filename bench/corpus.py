"""A deterministic corpus of French and Arabic multipart mail. Pure. RFC 5322, RFC 2045, RFC 2047.

Sizes follow a log-normal law around the wanted median (p90 is about four times the median), and a few messages carry
an attachment of 100 KB and more. Every message of one `nonce` is different, so that a store which keeps equal
bodies once gains nothing from it.
"""

import base64
import math
import quopri
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

MEDIAN_BYTES = 9_000
SIGMA = 1.08  # p90 / median = exp(1.2816 * sigma) = 4
LARGEST_BODY_BYTES = 100_000
ATTACHMENT_SHARE = 0.03
ATTACHMENT_BYTES = (100_000, 400_000)
POOL_BYTES = 1 << 20

FRENCH = (
    "le ministère de l'intérieur transmet la présente note relative à l'état civil numérisé aux communes concernées "
    "veuillez trouver ci-joint le procès-verbal de la réunion tenue hier au siège de la wilaya concernant les écoles "
    "primaires budget prévisionnel exercice délégué général secrétaire chef bureau d'ordre références courrier reçu"
)
ARABIC = (
    "يشرفني أن أحيل إليكم نسخة من المراسلة المتعلقة بتحضير الدخول المدرسي المقبل في ولايات الوطن كافة وذلك قصد "
    "الاطلاع واتخاذ الإجراءات اللازمة في الآجال المحددة مع فائق التقدير والاحترام الأمين العام لوزارة الداخلية"
)
WEEKDAYS = ("Wed", "Thu", "Fri", "Sat", "Sun", "Mon", "Tue")  # of January 2026, by day % 7
SUBJECTS = (
    "Réunion de coordination n° {n}",
    "مراسلة رقم {n} بخصوص الدخول المدرسي",
    "Note de service n° {n} : état civil",
    "محضر اجتماع رقم {n}",
    "Budget {n} - tableau",
)
SYLLABLES = ("ko", "lu", "mi", "no", "ru", "so", "tu", "vi")  # none of them can stand in a hexadecimal number
RARE_EVERY = len(SYLLABLES) ** 3
SENDERS = (("Bureau d'ordre", "bureau.ordre"), ("أمينة بن يوسف", "a.benyoucef"), ("Cheïma Haddad", "c.haddad"))


@dataclass(frozen=True, slots=True)
class Pools:
    """Ready-made text to cut messages from; every entry is whole CRLF-ended lines without a leading dot."""

    french_qp: bytes
    arabic_base64: bytes
    attachment_base64: bytes


def words(rng: random.Random, vocabulary: str, wanted_bytes: int) -> str:
    """Return at least `wanted_bytes` of random prose in lines of about 12 words."""
    known = vocabulary.split()
    lines: list[str] = []
    size = 0
    while size < wanted_bytes:
        line = " ".join(rng.choices(known, k=12))
        size += len(line.encode()) + 2
        lines.append(line)
    return "\r\n".join(lines) + "\r\n"


def folded(data: bytes) -> bytes:
    """Encode as base64 in lines of 76, each ended by CRLF."""
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


@cache
def pools() -> Pools:
    """Build the pools once; the seed is fixed, so every run sends the same text."""
    rng = random.Random(20260101)
    french = quopri.encodestring(words(rng, FRENCH, POOL_BYTES // 4).replace("\r\n", "\n").encode())
    return Pools(
        french.replace(b"\n", b"\r\n").replace(b"\r\n.", b"\r\n=2E"),
        folded(words(rng, ARABIC, POOL_BYTES // 2).encode()),
        folded(rng.randbytes(POOL_BYTES * 2)),
    )


def cut(rng: random.Random, pool: bytes, size_bytes: int) -> bytes:
    """Cut whole lines of about `size_bytes` at a random place of a pool."""
    start = pool.index(b"\r\n", rng.randrange(max(1, len(pool) - size_bytes - 200))) + 2
    return pool[start : pool.index(b"\r\n", min(start + size_bytes, len(pool) - 2)) + 2]


def encoded(text: str) -> str:
    """Encode a short header text as one RFC 2047 word."""
    return f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="


def header(rng: random.Random, recipient: str, identity: str, number: int) -> bytes:
    """Return the top header fields of one message, without the Content-Type."""
    name, local = rng.choice(SENDERS)
    day, hour, minute = rng.randrange(1, 28), rng.randrange(24), rng.randrange(60)
    date = f"{WEEKDAYS[day % 7]}, {day} Jan 2026 {hour:02}:{minute:02}"
    lines = [
        f"Return-Path: <{local}@interieur.gov.example>",
        f"Received: from mta.gov.example (mta.gov.example [192.0.2.25])\r\n\tby mx.gov.example with ESMTPS id {identity};"
        f"\r\n\t{date}:07 +0100",
        f"Date: {date}:05 +0100",
        f"From: {encoded(name)} <{local}@interieur.gov.example>",
        f"To: <{recipient}>",
        f"Cc: {encoded('مكتب التنظيم العام')} <bureau.ordre@education.gov.example>",
        f"Subject: {encoded(rng.choice(SUBJECTS).format(n=number))}",
        f"Message-ID: <{identity}@interieur.gov.example>",
        f"In-Reply-To: <{rng.getrandbits(64):x}@education.gov.example>",
        f"References: <{rng.getrandbits(64):x}@education.gov.example>",
        "MIME-Version: 1.0",
    ]
    return ("\r\n".join(lines) + "\r\n").encode()


def rare(number: int) -> str:
    """Return a word that stands in the text of every 512th message, from `number` on, and nowhere else."""
    return "".join(SYLLABLES[number // 8**place % 8] for place in range(3)) + "mir"


def part(kind: str, encoding: str, body: bytes, extra: str = "") -> bytes:
    """Return one MIME part with its small header."""
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n{extra}\r\n".encode() + body


def multipart(boundary: str, parts: list[bytes]) -> bytes:
    """Join parts with their boundary lines."""
    mark = f"--{boundary}\r\n".encode()
    return b"".join(mark + each + b"\r\n" for each in parts) + f"--{boundary}--\r\n".encode()


def message(
    number: int,
    *,
    recipient: str = "a.benyoucef@interieur.gov.example",
    size_bytes: int | None = None,
    median_bytes: int = MEDIAN_BYTES,
    nonce: str = "0",
) -> bytes:
    """Return message `number` of the corpus `nonce`: of exactly about `size_bytes`, or drawn around the median."""
    rng = random.Random(f"{nonce}/{number}")
    store = pools()
    identity = f"{nonce}.{number}.{rng.getrandbits(48):012x}"
    top = header(rng, recipient, identity, number)
    drawn = int(min(LARGEST_BODY_BYTES, rng.lognormvariate(math.log(median_bytes), SIGMA)))
    text_bytes = max(600, (size_bytes or drawn) - len(top) - 700)
    texts = [
        part(
            "text/plain; charset=utf-8",
            "quoted-printable",
            f"Dossier {rare(number)}\r\n".encode() + cut(rng, store.french_qp, text_bytes // 3),
        ),
        part("text/html; charset=utf-8", "base64", cut(rng, store.arabic_base64, text_bytes - text_bytes // 3)),
    ]
    inner = multipart(f"alt-{identity}", texts)
    if size_bytes is not None or rng.random() >= ATTACHMENT_SHARE:
        kind = f'Content-Type: multipart/alternative; boundary="alt-{identity}"\r\n\r\n'.encode()
        return top + kind + inner
    name = "=?utf-8?B?2YXYrdi22LEucGRm?="
    pdf = cut(rng, store.attachment_base64, rng.randrange(*ATTACHMENT_BYTES))
    disposition = f'Content-Disposition: attachment; filename="{name}"\r\n'
    alternative = f'Content-Type: multipart/alternative; boundary="alt-{identity}"\r\n\r\n'.encode() + inner
    parts = [alternative, part(f'application/pdf; name="{name}"', "base64", pdf, disposition)]
    kind = f'Content-Type: multipart/mixed; boundary="mix-{identity}"\r\n\r\n'.encode()
    return top + kind + multipart(f"mix-{identity}", parts)


def messages(count: int, *, recipients: list[str], size_bytes: int | None = None, nonce: str = "0") -> Iterator[tuple[str, bytes]]:
    """Yield `count` pairs of recipient and message, the recipients in turn."""
    for number in range(count):
        recipient = recipients[number % len(recipients)]
        yield recipient, message(number, recipient=recipient, size_bytes=size_bytes, nonce=nonce)
