"""The order of texts: i;unicode-casemap. RFC 5051, RFC 5255 §4.6 (MIME encodings are gone before)."""

import unicodedata


class _Titled(dict[int, str]):
    """Titlecase by code point, filled as characters come: only mappings to one character count (RFC 5051 §2)."""

    def __missing__(self, point: int) -> str:
        titled = chr(point).title()
        self[point] = found = titled if len(titled) == 1 else chr(point)
        return found


_TITLED = _Titled()


def casemap(text: str) -> str:
    """Return the form whose code points compare as i;unicode-casemap does: titlecase, then decomposed (RFC 5051 §2)."""
    if text.isascii():
        return text.upper()
    return unicodedata.normalize("NFKD", text.translate(_TITLED))
