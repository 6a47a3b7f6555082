"""A small real PDF (ISO 32000-1), made on the spot: the attachment of the demonstration's letter."""

from collections.abc import Sequence

A4 = b"[0 0 595 842]"


def letter(lines: Sequence[str]) -> bytes:
    """Return a one-page PDF with these lines of Latin-1 text. Characters outside Latin-1 become question marks."""
    text = b" ".join(b"(" + _escape(line) + b") Tj T*" for line in lines)
    stream = b"BT /F1 12 Tf 18 TL 72 760 Td " + text + b" ET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox " + A4 + b" /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )
    return _assemble(objects)


def _escape(line: str) -> bytes:
    octets = line.encode("latin-1", "replace")
    return octets.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _assemble(objects: Sequence[bytes]) -> bytes:
    """Join numbered objects with the cross-reference table that readers need (ISO 32000-1 §7.5.4)."""
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)
