"""Text of strangers beside our own, in pages that mix Arabic and Latin.

A name or a file name may hold characters that turn the reading order of what stands around it
(``annexe<RLO>fdp.exe``). They are taken out here; isolates keep a title or a label in order where markup
(``<bdi>``) is not possible. Unicode Standard Annex #9 §2, Unicode Technical Report #36 §2.
"""

import re

FSI, PDI = "\u2068", "\u2069"

# Embeddings, overrides, isolates and marks. ZWNJ and ZWJ (U+200C, U+200D) shape Arabic and Persian words: they stay.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff\ufff9-\ufffb]")

_BREAKS = re.compile("[\t\r\n\u2028\u2029]+")


def plain(text: str) -> str:
    """Return one line of text without control and direction characters."""
    return _CONTROLS.sub("", _BREAKS.sub(" ", text)).strip()


def isolate(text: str) -> str:
    """Return the text inside FSI … PDI, for titles, labels and options."""
    return f"{FSI}{plain(text)}{PDI}"
