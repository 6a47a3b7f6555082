"""QR codes as SVG that can stand in a page. ISO/IEC 18004; `segno` draws them, which only this module imports."""

import segno
from markupsafe import Markup


def svg(text: str, label: str) -> Markup:
    """Return a drawing that holds `text`, black on white whatever the page looks like, as large as its place. `label` says what it is."""
    drawn = segno.make(text, error="m", micro=False).svg_inline(omitsize=True, light="#fff", border=4, svgclass="qr")
    return Markup('<span class="qr-frame" role="img" aria-label="{}">{}</span>').format(label, Markup(drawn))  # noqa: S704
