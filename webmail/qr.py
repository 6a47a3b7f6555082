"""QR codes as SVG that can stand in a page."""

from markupsafe import Markup

from signing import qr


def svg(text: str, label: str) -> Markup:
    """Return a drawing that holds `text`, black on white whatever the page looks like, as large as its place. `label` says what it is."""
    return Markup('<span class="qr-frame" role="img" aria-label="{}">{}</span>').format(label, Markup(qr.svg(text)))  # noqa: S704
