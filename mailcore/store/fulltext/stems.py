"""Words of one family: stems of Arabic, French and English. Pure.

Arabic is stemmed lightly (the light10 family: article, then up to two endings), because Snowball's Arabic stemmer misses
ordinary pairs such as وزارة and الوزارة. Latin words get their French and their English stem: nobody tells the languages
of a letter apart reliably, and most letters have two.
"""

from functools import lru_cache

import Stemmer

MIN_CHARS, MAX_CHARS = 2, 32  # shorter words have no endings, longer ones are no words of these languages
KNOWN = 65_536  # words whose stems are remembered, some 20 MB

_ARTICLES = ("وال", "بال", "كال", "فال", "ولل", "ال", "لل")
_ENDINGS = ("هما", "كما", "هم", "هن", "كم", "كن", "ها", "نا", "ان", "ات", "ون", "ين", "يه", "تي", "ه", "ي")
_PROCLITICS = "وفبلك"
_LEFT_AT_FRONT, _LEFT_AT_END = 2, 3  # letters that must remain
_ENDINGS_AT_MOST = 2
_PROCLITIC_FROM = 5  # letters of a word that may begin with one

# A stemmer's own cache is not meant for several threads; ours is in front of it.
_french, _english = (Stemmer.Stemmer(language, 0) for language in ("french", "english"))


def is_word(text: str) -> bool:
    """Whether a folded word may have relatives."""
    return MIN_CHARS <= len(text) <= MAX_CHARS and text.isalpha()


@lru_cache(maxsize=KNOWN)
def indexed(word: str) -> tuple[str, ...]:
    """Return what a folded word of a letter is found by: itself and its stems; in Arabic also without one proclitic."""
    if not _is_arabic(word):
        return _latin(word)
    found = {word, _light(word)}
    if len(word) >= _PROCLITIC_FROM and word[0] in _PROCLITICS and not word.startswith(_ARTICLES):
        found.add(_light(word[1:]))
    return tuple(found)


@lru_cache(maxsize=1024)
def asked(word: str) -> frozenset[str]:
    """Return what a folded word of a query finds: itself and its stems."""
    return frozenset((word, _light(word)) if _is_arabic(word) else _latin(word))


def _is_arabic(word: str) -> bool:
    return "\u0600" <= word[0] <= "\u06ff"


def _latin(word: str) -> tuple[str, ...]:
    return tuple({word, _french.stemWord(word), _english.stemWord(word)}) if word.isascii() else (word,)


def _light(word: str) -> str:
    for article in _ARTICLES:
        if word.startswith(article) and len(word) - len(article) >= _LEFT_AT_FRONT:
            word = word[len(article) :]
            break
    for _ in range(_ENDINGS_AT_MOST):
        if not word.endswith(_ENDINGS):
            break
        for ending in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= _LEFT_AT_END:
                word = word.removesuffix(ending)
                break
    return word
