"""What SEARCH, SORT and ESEARCH answer. RFC 3501 §7.2.5, RFC 4731 §3.1, RFC 5182 §2.4, RFC 5267 §3, RFC 7162 §3.1.10, RFC 9394 §3."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.imap.commands import Partial, Returns
from mailcore.imap.sequence import compact

ALL = Returns(frozenset(("ALL",)))
ENDS = frozenset(("MIN", "MAX"))


@dataclass(frozen=True, slots=True)
class Result:
    """Places in the view that were found, in the order of the answer, and what they are called there."""

    places: Sequence[int]
    numbers: Sequence[int]


def plain(kind: bytes, result: Result, modseq: int) -> bytes:
    """Write a SEARCH or SORT response; with a modseq when the search was about modseqs and found something."""
    parts = [b"* ", kind, *(b" %d" % number for number in result.numbers)]
    if modseq:
        parts.append(b" (MODSEQ %d)" % modseq)
    return b"".join(parts) + b"\r\n"


def extended(correlator: bytes, result: Result, returns: Returns, modseq: int, *, uid: bool) -> bytes:
    """Write an ESEARCH response: no MIN, MAX or ALL when nothing matched. b"" when SAVE alone was asked for."""
    options, numbers = returns.options, result.numbers
    if options == {"SAVE"}:
        return b""
    parts = [b"* ESEARCH (%b)" % correlator]
    if uid:
        parts.append(b"UID")
    if "MIN" in options and numbers:
        parts.append(b"MIN %d" % numbers[0])
    if "MAX" in options and numbers:
        parts.append(b"MAX %d" % numbers[-1])
    if "COUNT" in options:
        parts.append(b"COUNT %d" % len(numbers))
    if "ALL" in options and numbers:
        parts.append(b"ALL " + compact(numbers))
    if returns.partial is not None:
        parts.append(b"PARTIAL (%b %b)" % (returns.partial.written, compact(page(numbers, returns.partial)) or b"NIL"))
    if modseq:
        parts.append(b"MODSEQ %d" % modseq)
    return b" ".join(parts) + b"\r\n"


def page(found: Sequence[int], partial: Partial) -> Sequence[int]:
    """Return a page of results, in their order; one from the end is cut from there."""
    if not partial.last:
        return found[partial.low - 1 : partial.high]
    count = len(found)
    return found[max(count - partial.high, 0) : max(count - partial.low + 1, 0)]


def saved(places: Sequence[int], returns: Returns) -> list[int]:
    """Return the places that ``$`` stands for after a search with SAVE (RFC 5182 §2.4, RFC 9394 §3.2), ascending."""
    options = returns.options - {"SAVE"}
    if not places or "COUNT" in options or "ALL" in options or not options:
        return sorted(places)
    chosen = set(_ends(places, options))
    if returns.partial is not None:
        chosen.update(page(places, returns.partial))
    return sorted(chosen)


def _ends(places: Sequence[int], options: frozenset[str]) -> list[int]:
    return [*(places[:1] if "MIN" in options else ()), *(places[-1:] if "MAX" in options else ())]


def told(places: Sequence[int], returns: Returns | None) -> Sequence[int]:
    """Return the places whose highest modseq is told: all found, or the ends alone when only they are (RFC 7162 §3.1.10)."""
    if returns is not None and returns.options - {"SAVE"} and returns.options - {"SAVE"} <= ENDS:
        return _ends(places, returns.options)
    return places
