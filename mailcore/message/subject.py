"""The base subject: what is left of a subject without the marks of replies and forwards. RFC 5256 §2.1, §5."""

import re
from dataclasses import dataclass

_BLANKS = re.compile(r"[ \t]+")
_BLOBS = re.compile(r"(?:\[[^\[\]]*+\] *+)*+")
_BLOB = re.compile(r"\[[^\[\]]*+\] *+")
_MARK = re.compile(r"(?:re|fwd?) *+(?:\[[^\[\]]*+\] *+)?+:")
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_TRAILER, _HEAD, _TAIL = "(fwd)", "[fwd:", "]"


@dataclass(frozen=True, slots=True)
class Base:
    """A base subject; `reply` says that marks of a reply or a forward were removed (RFC 5256 §3, THREAD REFERENCES)."""

    text: str
    reply: bool


def base(subject: str) -> Base:
    """Return the base subject of a subject whose encoded words are decoded already. Linear time.

    The steps are those of RFC 5256 §2.1; a run of blobs is looked at once, because all of it goes or all but the last.
    """
    text = _BLANKS.sub(" ", subject.replace("\r\n", ""))
    lower = text.translate(_LOWER)  # of the same length, unlike lower()
    start, end, reply = 0, len(text), False
    while True:
        end, trailed = _without_trailers(lower, start, end)
        start, led = _without_leaders(lower, start, end)
        reply = reply or trailed or led
        if not (lower.startswith(_HEAD, start, end) and lower.endswith(_TAIL, start + len(_HEAD), end)):
            return Base(text[start:end], reply)
        start, end, reply = start + len(_HEAD), end - len(_TAIL), True


def _without_trailers(lower: str, start: int, end: int) -> tuple[int, bool]:
    """Step 2: return where the text ends without trailers, and whether one was a forward's."""
    forwarded = False
    while end > start:
        if lower[end - 1] == " ":
            end -= 1
        elif lower.endswith(_TRAILER, start, end):
            end, forwarded = end - len(_TRAILER), True
        else:
            break
    return end, forwarded


def _without_leaders(lower: str, start: int, end: int) -> tuple[int, bool]:
    """Steps 3 to 5: return where the text starts without leaders and blobs, and whether a mark was among them."""
    marked = False
    while start < end:
        if lower[start] == " ":
            start += 1
            continue
        blobs = _BLOBS.match(lower, start, end)
        after = blobs.end() if blobs else start
        mark = _MARK.match(lower, after, end)
        if mark is not None:
            start, marked = mark.end(), True
        elif start < after < end:
            start = after
        else:
            return (_last_blob(lower, start, end) if after == end else start), marked
    return start, marked


def _last_blob(lower: str, start: int, end: int) -> int:
    """Return where the last blob of a text starts that is nothing but blobs: it is the base."""
    while (blob := _BLOB.match(lower, start, end)) is not None and blob.end() < end:
        start = blob.end()
    return start
