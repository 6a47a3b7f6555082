"""Small PDF documents written by hand, and signatures over them by holders whose keys a test has."""

import msgspec

from signing import cms
from signing.pdf import pades, write
from signing.pdf.types import Judged, Kept, Plan, Prepared, Question, Stamp
from tests.signing.country import NOW_US, Country, Holder

FONTS = "/usr/share/fonts/truetype/noto"
ARABIC = Stamp(
    "ar",
    name="محمد الأمين بن يوسف",
    function="المدير العام للموارد البشرية والتكوين (الفرع 2)",
    organisation="وزارة الداخلية",
    formula="عن الوزير وبتفويض منه",
    moment="2026-11-22 15:40",
    serial="3fa97c01deadbeef3fa9",
    code="clerk@interieur.gov.example 3fa97c01 2026-11-22T14:40Z",
    fonts=FONTS,
)
FRENCH = msgspec.structs.replace(ARABIC, language="fr", name="Mohamed Lamine", function="Directeur", organisation="Intérieur", formula="")


def paper(pages: int = 1, *, rotate: int = 0, text: str = "Note de service") -> bytes:
    """Return a document of plain pages."""
    kids = " ".join(f"{3 + 2 * number} 0 R" for number in range(pages))
    tree = f"<< /Type /Pages /Kids [{kids}] /Count {pages} /MediaBox [0 0 595 842] /Rotate {rotate} >>"
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", tree]
    for number in range(pages):
        content = f"BT /F1 18 Tf 60 760 Td ({text} {number + 1}) Tj ET"
        font = "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
        objects.append(f"<< /Type /Page /Parent 2 0 R /Contents {4 + 2 * number} 0 R /Resources {font} >>")
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    out, offsets = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", []
    for number, one in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{one}\nendobj\n".encode()
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\n"
    return out + end.encode() + f"startxref\n{len(out)}\n%%EOF\n".encode()


def prepared(pdf: bytes, who: Holder, stamp: Stamp | None = None) -> Prepared:
    """Return the document with room for a signature of somebody."""
    return write.prepare(pdf, msgspec.msgpack.encode(Plan(NOW_US, digest=pades.digest_name(who.identity), stamp=stamp)))


def signed(pdf: bytes, who: Holder, clock: Holder | None = None, stamp: Stamp | None = None) -> bytes:
    """Return the document signed, in form B-T with a clock, else B-B."""
    room = prepared(pdf, who, stamp)
    assert not room.refused, (room.refused, room.said)
    to_sign = pades.to_sign(room, who.identity)
    signature = who.raw(to_sign.digest)
    return pades.fill(room, cms.finish(to_sign, signature, timestamp=clock.stamp(signature) if clock else b""))


def kept(pdf: bytes, country: Country, *, crls: tuple[bytes, ...] = ()) -> bytes:
    """Return the document with what keeps its signature verifiable (B-LT)."""
    certificates = (*country.clerk.identity.chain, country.clock.identity.certificate, *country.clock.identity.chain)
    return write.keep(pdf, msgspec.msgpack.encode(Kept(certificates, crls))).pdf


def archived(pdf: bytes, clock: Holder) -> bytes:
    """Return the document with a time stamp over all of it (B-LTA)."""
    room = write.prepare_time(pdf)
    assert not room.refused, (room.refused, room.said)
    return pades.fill(room, clock.stamp(pades.covered(room)))


def question(country: Country, at_us: int = NOW_US + 1_000_000) -> bytes:
    """Ask with the country's root trusted."""
    return msgspec.msgpack.encode(Question(at_us, (country.root.certificate,)))


def verdicts(judged: Judged) -> list[tuple[str, str, str]]:
    """Return what was found of each signature."""
    assert not judged.refused
    return [(one.status, one.code, one.level) for one in judged.signatures]
