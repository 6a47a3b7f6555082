"""HTML of strangers made harmless: a list of what may stay, applied by nh3 (the parser of a browser), last of all steps.

The result is still shown only in a sandboxed frame under a policy of its own (views/body.py). Nothing is rewritten after
nh3: rewriting happens inside its attribute filter. Remote images are taken out and counted; images that came with the
message (``cid:``, RFC 2392) become ``data:`` URLs, so that the frame needs no request at all.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import nh3

MAX_CHARACTERS = 1_000_000  # nh3 needs 0.4 s for 2 MB
MAX_DEPTH = 256  # nesting costs quadratic time: 30,000 open blocks are 2 s


def _set(names: str) -> set[str]:
    return set(names.split())


_BLOCKS = "address article aside blockquote center details div dl dt dd figcaption figure footer h1 h2 h3 h4 h5 h6 header"
_TEXT = "a abbr b bdi bdo big br cite code del dfn em font hr i img ins kbd mark p pre q s samp section small span strike strong"
_REST = "sub summary sup time tt u var wbr li ol ul main nav table caption col colgroup tbody td tfoot th thead tr"
TAGS = _set(f"{_BLOCKS} {_TEXT} {_REST}")
DROPPED_WHOLE = _set("script style title noscript template xmp plaintext iframe object embed svg math textarea select noembed noframes")
ATTRIBUTES = {
    "*": {"dir", "lang", "title", "align", "valign", "width", "height", "bgcolor", "style"},
    "a": {"href"},
    "img": {"src", "alt"},
    "font": {"color", "face", "size"},
    "table": {"background", "border", "cellpadding", "cellspacing"},
    "td": {"background", "colspan", "rowspan"},
    "th": {"background", "colspan", "rowspan", "scope"},
    "ol": {"start", "type"},
}
STYLES = _set(
    """background-color border border-top border-bottom border-left border-right border-color border-style border-width
    border-collapse border-spacing border-radius border-inline-start border-inline-end caption-side clear color direction
    display empty-cells float font font-family font-size font-style font-variant font-weight height letter-spacing
    line-height list-style list-style-type margin margin-top margin-bottom margin-left margin-right max-height max-width
    min-height min-width overflow-wrap padding padding-top padding-bottom padding-left padding-right page-break-after
    page-break-before table-layout text-align text-decoration text-indent text-transform unicode-bidi vertical-align
    white-space width word-break word-spacing word-wrap"""
)
SCHEMES = {"http", "https", "mailto", "tel", "cid", "data"}

_HREF = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)
_DATA_IMAGE = re.compile(r"data:image/(?:png|gif|jpeg|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
_REMOTE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
_STYLE_REFUSED = re.compile(r"url|image|\\|expression|@|var\(|attr\(|env\(|/\*|<|&|cross-fade", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.IGNORECASE)
_UNCOUNTED = _set(  # void, or closed by the next of their kind: these do not nest by themselves
    "area base br col embed hr img input link meta param source track wbr p li td th tr dt dd thead tbody tfoot"
)


@dataclass(frozen=True, slots=True)
class Clean:
    """What may be shown, and how many remote images were left out."""

    html: str
    blocked: int


def clean(html: str, inline: Mapping[str, str]) -> Clean | None:
    """Return the harmless part of a message's HTML, or None when it is too big or too deep to be shown as HTML.

    `inline` maps Content-IDs (without angle brackets) to ``data:`` URLs of images that came with the message.
    """
    if len(html) > MAX_CHARACTERS or _depth(html) > MAX_DEPTH:
        return None
    blocked = 0

    def judge(tag: str, attribute: str, value: str) -> str | None:
        nonlocal blocked
        if attribute in ("src", "background"):
            if _REMOTE.match(value):
                blocked += 1
            return _image(value, inline)
        if attribute == "href":
            return value if _HREF.match(value) else None
        if attribute == "style":
            return None if _STYLE_REFUSED.search(value) else value
        return value

    cleaned = nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags=DROPPED_WHOLE,
        attributes=ATTRIBUTES,
        attribute_filter=judge,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        filter_style_properties=STYLES,
    )
    return Clean(cleaned, blocked)


def without_tags(html: str) -> str:
    """Return what a page says, still escaped, with no tag at all."""
    return nh3.clean(html, tags=set(), clean_content_tags=DROPPED_WHOLE)


def _image(value: str, inline: Mapping[str, str]) -> str | None:
    if value[:4].lower() == "cid:":
        return inline.get(unquote(value[4:]).strip("<>"))
    return value if _DATA_IMAGE.fullmatch(value) else None


def _depth(html: str) -> int:
    """Return an upper estimate of how deep the elements are nested, in linear time."""
    deepest = depth = 0
    for match in _TAG.finditer(html):
        if match[2].lower() in _UNCOUNTED:
            continue
        depth = max(0, depth - 1) if match[1] else depth + 1
        deepest = max(deepest, depth)
    return deepest
