"""What is said of messages without being asked for, and how the sets in it are written.

RFC 9051 §7.5, RFC 7162 §3.2.10 (VANISHED), RFC 9586 §3.3 (UIDFETCH), RFC 9738 §3.1 (MESSAGELIMIT).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from mailcore.imap import responses
from mailcore.imap.sequence import runs
from mailcore.imap.view import Change, Gone, Reflagged, Total

SET_RANGES = 1_000  # ranges in one VANISHED: about 16 KiB a line, for clients with bounded lines

FlagsLine = Callable[[int, int, bytes, int], bytes]  # sequence number, UID, written flags, modseq


def flags_line(enabled: Collection[str], *, uid: bool = True) -> FlagsLine:
    """Return what writes the response that tells of a message's flags, as this client is to be told.

    MODSEQ is in it once the client follows modseqs (RFC 7162 §3.1), the UID with `uid` or QRESYNC (§3.2.4), and after
    ENABLE UIDONLY the UID stands in the place of the number (RFC 9586 §3.3).
    """
    modseqs, only = "CONDSTORE" in enabled, "UIDONLY" in enabled
    named = uid or "QRESYNC" in enabled
    return _FLAGS[modseqs, only, named]


def modseq_line(enabled: Collection[str], *, uid: bool = True) -> FlagsLine:
    """Return what writes the response after a silent STORE: the modseq alone (RFC 7162 §3.1.3)."""
    if "UIDONLY" in enabled:
        return lambda number, uid, flags, modseq: b"* %d UIDFETCH (MODSEQ (%d))\r\n" % (uid, modseq)
    if uid or "QRESYNC" in enabled:
        return lambda number, uid, flags, modseq: b"* %d FETCH (UID %d MODSEQ (%d))\r\n" % (number, uid, modseq)
    return lambda number, uid, flags, modseq: b"* %d FETCH (MODSEQ (%d))\r\n" % (number, modseq)


def _only(number: int, uid: int, flags: bytes, modseq: int) -> bytes:
    return b"* %d UIDFETCH (FLAGS %b)\r\n" % (uid, flags)


def _only_modseq(number: int, uid: int, flags: bytes, modseq: int) -> bytes:
    return b"* %d UIDFETCH (FLAGS %b MODSEQ (%d))\r\n" % (uid, flags, modseq)


def _plain(number: int, uid: int, flags: bytes, modseq: int) -> bytes:
    return b"* %d FETCH (FLAGS %b)\r\n" % (number, flags)


def _named(number: int, uid: int, flags: bytes, modseq: int) -> bytes:
    return b"* %d FETCH (UID %d FLAGS %b)\r\n" % (number, uid, flags)


def _modseq(number: int, uid: int, flags: bytes, modseq: int) -> bytes:
    return b"* %d FETCH (FLAGS %b MODSEQ (%d))\r\n" % (number, flags, modseq)


def _named_modseq(number: int, uid: int, flags: bytes, modseq: int) -> bytes:
    return b"* %d FETCH (UID %d FLAGS %b MODSEQ (%d))\r\n" % (number, uid, flags, modseq)


_FLAGS: dict[tuple[bool, bool, bool], FlagsLine] = {  # modseqs, UIDs only, UID named
    (False, False, False): _plain,
    (False, False, True): _named,
    (True, False, False): _modseq,
    (True, False, True): _named_modseq,
    (False, True, False): _only,
    (False, True, True): _only,
    (True, True, False): _only_modseq,
    (True, True, True): _only_modseq,
}


def happened(enabled: Collection[str], changes: Iterable[Change], written: Callable[[int], bytes], *, flags: bool) -> list[bytes]:
    """Write what happened in a mailbox, in its order; what happened to flags only when `flags` are to be told.

    Removals are told by UID, as VANISHED, after ENABLE QRESYNC or UIDONLY (RFC 7162 §3.2.10, RFC 9586 §3.4).
    """
    write, modseqs, vanishing = flags_line(enabled), "CONDSTORE" in enabled, not {"QRESYNC", "UIDONLY"}.isdisjoint(enabled)
    said: list[bytes] = []
    gone: list[int] = []
    for change in changes:
        match change:
            case Gone(number, uid):
                if vanishing:
                    gone.append(uid)
                else:
                    said.append(responses.expunge(number))
            case Total(count):
                said += vanished(runs(gone))
                gone = []
                said.append(responses.exists(count))
            case Reflagged(number, uid, value, modseq, same):
                if flags and (modseqs or not same):
                    said.append(write(number, uid, written(value), modseq))
    said += vanished(runs(gone))
    return said


def vanished(ranges: Iterable[tuple[int, int]], *, earlier: bool = False) -> Iterator[bytes]:
    """Write which UIDs are gone; `earlier` for those that the client has not counted any more (RFC 7162 §3.2.10)."""
    label = b"* VANISHED (EARLIER) " if earlier else b"* VANISHED "
    piece: list[bytes] = []
    for low, high in ranges:
        piece.append(b"%d" % low if low == high else b"%d:%d" % (low, high))
        if len(piece) == SET_RANGES:
            yield label + b",".join(piece) + b"\r\n"
            piece = []
    if piece:
        yield label + b",".join(piece) + b"\r\n"


def within(uids: Iterable[int], spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Return as ranges those UIDs, given in ascending order, that lie in ascending disjoint `spans`."""
    yield from runs(_kept(uids, spans))


def _kept(uids: Iterable[int], spans: Sequence[tuple[int, int]]) -> Iterator[int]:
    at = 0
    for uid in uids:
        while at < len(spans) and spans[at][1] < uid:
            at += 1
        if at == len(spans):
            return
        if spans[at][0] <= uid:
            yield uid


def limited(places: Sequence[int], uids: Sequence[int], limit: int) -> tuple[Sequence[int], str]:
    """Return the places that one command may take, those of the highest UIDs, and the response code when some are left out.

    The code names the lowest UID that is taken: the client goes on below it (RFC 9738 §3.1).
    """
    if len(places) <= limit:
        return places, ""
    kept = places[-limit:]
    return kept, f"MESSAGELIMIT {limit} {uids[kept[0]]}"
