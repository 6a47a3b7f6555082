"""How names compare: folding of Arabic and Latin script, words, and keys that bring spellings of one name together.

Pure. The Arabic folding is the usual orthographic one (Lucene's ArabicNormalizer and its family): vowel signs, tatweel
and directional marks disappear; forms of alif, hamza carriers, alif maqsura, ta marbuta and the Persian and Maghrebi
letters become their plain relatives; Arabic-Indic digits become ASCII digits.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import groupby

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


_ARABIC_CONSONANTS = dict(zip("ابتثجحخدذرزسشصضطظعغفقكلمنهويء", "_bttjhxddrzscsdtd_gfkklmnhwy_", strict=True))
_LATIN_SOUNDS = (
    *(("tch", "c"), ("sch", "c"), ("sh", "c"), ("ch", "c"), ("kh", "x"), ("gh", "g"), ("dj", "j"), ("dh", "d")),
    *(("th", "t"), ("ph", "f"), ("ou", "w"), ("qu", "k"), ("q", "k"), ("v", "f"), ("p", "b")),
)
_LATIN_ARTICLE = re.compile(r"^(?:el|al)(?=[a-z]{3})")
_SERVANT_OF = re.compile(r"^abd(?:el|al|ul|ou?l|e)(?=[a-z]{2})")
_OF_THE_FAITH = re.compile(r"(?<=[a-z]{2})(?:ed|ad|ud)(?=d[iy]ne?$)")
_VOWELS = {code: "_" if chr(code) in "aeiou" else None for code in range(128) if chr(code) not in "bcdfghjklmnpqrstvwxyz"}
_SEMIVOWELS = str.maketrans("wy", "__")


@lru_cache(maxsize=65_536)
def skeleton(word: str) -> str:
    """Return the consonants of a folded word, one key for Arabic and Latin spellings: محمد, Mohamed, Muhammad.

    A heuristic that widens a search; never an identity. Empty when nothing is left.
    """
    if not word.isascii():
        sounds = "".join(_ARABIC_CONSONANTS.get(c, "") for c in without_article(word))
    else:
        sounds = _OF_THE_FAITH.sub("", _SERVANT_OF.sub("abd", word))
        sounds = _LATIN_ARTICLE.sub("", sounds)
        for written, sound in _LATIN_SOUNDS:
            sounds = sounds.replace(written, sound)
        sounds = sounds.translate(_VOWELS)
    bones = sounds[:1] + sounds[1:].translate(_SEMIVOWELS)
    return "".join(bone for bone, _ in groupby(bones.removesuffix("h").replace("_", "")))


def without_article(word: str) -> str:
    """Return a folded Arabic word without its article (ال), or as it is."""
    return word[2:] if len(word) >= 4 and word.startswith("ال") else word
