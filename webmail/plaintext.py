"""Plain text as HTML: paragraphs, quotations and links.

Plain text is an attack surface as HTML is: the text is cut into tokens first, each token is escaped on its own, and
nothing looks at the result again. The output holds only the tags p, br, a and blockquote.
"""

import re
from collections.abc import Iterator
from html import unescape

from markupsafe import Markup, escape

from webmail import sanitise

_ANCHOR = re.compile(r"</?a(?: [^>]*)?>")  # as `_anchor` writes them: what is in them is escaped
MAX_CHARACTERS = 400_000  # a page that a weak machine still shows; the rest is in the download
MAX_QUOTE = 6
_LINK = re.compile(r"(?P<url>https?://[^\s<>\"'`\u200e\u200f\u202a-\u202e\u2066-\u2069]{1,2000})", re.IGNORECASE)
_TAIL = ".,;:!?)]}»›'\"،؛؟…"
_BIDI = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_BREAKING = re.compile(r"<(?:br|/?p|/?div|/?tr|/?li|/?h[1-6]|/?blockquote)\b[^<>]*>", re.IGNORECASE)
_QUOTE = re.compile(r"(?:> ?){1,50}")


def render(text: str) -> Markup:
    """Return the text as HTML. Each paragraph finds its own direction; `>` marks become nested quotations."""
    lines = _BIDI.sub("", text[:MAX_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    out: list[Markup | str] = []
    depth = 0
    paragraph: list[str] = []
    for level, line in [*map(_level, lines), (0, "")]:
        if level != depth or not line.strip():
            out.extend(_paragraph(paragraph))
            paragraph = []
        out.extend(["<blockquote>"] * (level - depth) + ["</blockquote>"] * (depth - level))
        depth = level
        if line.strip():
            paragraph.append(line)
    return Markup("").join(Markup(part) for part in out)  # noqa: S704  (tags are ours, every token is escaped)


def unlinked(shown: Markup) -> Markup:
    """Return a rendered text without its links: an address that somebody put in front of a text they cannot read would carry it out."""
    return Markup(_ANCHOR.sub("", shown))  # noqa: S704  (what is left is ours, or escaped)


def from_html(html: str) -> str:
    """Return what a page says, line by line, for quoting and for editing. The result is text, never markup."""
    broken = _BREAKING.sub("\n", " ".join(html[: 2 * MAX_CHARACTERS].split()))
    lines = [" ".join(line.split()) for line in unescape(sanitise.without_tags(broken)).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _level(line: str) -> tuple[int, str]:
    """Return how deep a line is quoted, and the line without its marks."""
    marks = _QUOTE.match(line)
    if marks is None:
        return 0, line
    return min(marks[0].count(">"), MAX_QUOTE), line[marks.end() :]


def _paragraph(lines: list[str]) -> Iterator[Markup]:
    if lines:
        yield Markup('<p dir="auto">') + Markup("<br>\n").join(map(_line, lines)) + Markup("</p>\n")


def _line(line: str) -> Markup:
    parts: list[Markup] = []
    position = 0
    for match in _LINK.finditer(line):
        url = match["url"].rstrip(_TAIL)
        parts += [escape(line[position : match.start()]), _anchor(url)]
        position = match.start() + len(url)
    parts.append(escape(line[position:]))
    return Markup("").join(parts)


def _anchor(url: str) -> Markup:
    return Markup('<a href="{0}" target="_blank" rel="noopener noreferrer nofollow" dir="ltr">{0}</a>').format(url)
