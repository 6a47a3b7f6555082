"""QR codes in pages: drawn, named, without anything that a page may not hold."""

import re

from webmail import qr


def test_a_code_is_a_drawing_with_a_name() -> None:
    drawn = qr.svg("otpauth://totp/Diwan:amel?secret=JBSWY3DPEHPK3PXP", 'la "clé" <b>')
    assert 'role="img" aria-label="la &#34;clé&#34; &lt;b&gt;"' in drawn
    assert re.search(r'<svg [^>]*viewBox="0 0 (\d+) \1"', drawn)  # square, of no fixed size
    assert "style=" not in drawn
    assert "otpauth" not in drawn


def test_different_texts_are_different_codes() -> None:
    assert qr.svg("a", "") == qr.svg("a", "")
    assert qr.svg("a", "") != qr.svg("b", "")
