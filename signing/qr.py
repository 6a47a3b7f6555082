"""QR codes, for pages and for stamps. ISO/IEC 18004; `segno` draws them, which only this module imports. Pure."""

import segno

CORRECTION = "m"  # 15 % of it may be dirt


def svg(text: str) -> str:
    """Return a drawing that holds `text`, black on white, as large as its place."""
    code = segno.make(text, error=CORRECTION, micro=False)
    drawn: str = code.svg_inline(omitsize=True, light="#fff", border=4, svgclass="qr")
    return drawn


def rows(text: str) -> tuple[bytes, ...]:
    """Return the code's rows from the top, an octet for each module, 1 for black, without the quiet zone (four modules)."""
    return tuple(bytes(row) for row in segno.make(text, error=CORRECTION, micro=False, boost_error=False).matrix)
