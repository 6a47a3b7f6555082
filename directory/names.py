"""How names compare: folding of Arabic and Latin script, words, and keys that bring spellings of one name together.

Pure. The Arabic folding is the usual orthographic one (Lucene's ArabicNormalizer and its family): vowel signs, tatweel
and directional marks disappear; forms of alif, hamza carriers, alif maqsura, ta marbuta and the Persian and Maghrebi
letters become their plain relatives; Arabic-Indic digits become ASCII digits.
"""

import re
import unicodedata
from functools import lru_cache

_MARKS = (
    *range(0x0610, 0x061B),  # signs above names
    *range(0x064B, 0x0660),  # vowel signs, hamza and madda above or below
    *range(0x06D6, 0x06EE),  # Quranic signs
    0x0640,  # tatweel
    0x0670,  # superscript alif
    *range(0x200B, 0x2010),  # zero-width and directional marks
    *range(0x202A, 0x202F),  # embeddings and overrides
    *range(0x2066, 0x206A),  # isolates
    0x061C,
    0xFEFF,
)
_LETTERS = dict(zip("أإآٱىیکھؤئۀةڤگپ", "ااااييكهءءههفكب", strict=True))
_DIGITS = {chr(start + n): str(n) for start in (0x0660, 0x06F0) for n in range(10)}
_ARABIC = str.maketrans({**dict.fromkeys(map(chr, _MARKS), ""), **_LETTERS, **_DIGITS})
_WORD = re.compile(r"[^\W_]+")
_COMBINING_LATIN = re.compile("[\u0300-\u036f]")


def fold_case(text: str) -> str:
    """Return `text` in NFC with case and Arabic confusables folded; accents of Latin letters stay. Idempotent."""
    cased = unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFC", cased.translate(_ARABIC))


def fold(text: str) -> str:
    """Return what search compares: compatibility forms, case, accents and Arabic confusables folded. Idempotent."""
    bare = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    composed = unicodedata.normalize("NFC", _COMBINING_LATIN.sub("", bare)).translate(_ARABIC)
    return unicodedata.normalize("NFC", composed)


@lru_cache(maxsize=65_536)
def words(text: str) -> tuple[str, ...]:
    """Return the folded words of `text`, in order, each once."""
    return tuple(dict.fromkeys(_WORD.findall(fold(text))))
