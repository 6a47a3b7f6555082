"""What GnuPG says on its status channel, read strictly. Pure.

One signature, judged by exactly one verdict: whoever adds a second signature, or none that counts, gets no good word.
RFC 9580 §9.5 (hash algorithms), §5.2.1 (signature types).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from config.clock import SECOND_US
from signing.openpgp.types import Judged, Worth

PREFIX = "[GNUPG:] "
DOCUMENT = ("00", "01")  # signature of a binary or a text document (§5.2.1.1, §5.2.1.2): all others sign something else
WEAK_HASHES = ("1", "2", "3")  # MD5, SHA-1, RIPEMD-160 (§9.5)
_VERDICTS: dict[str, Worth] = {
    "GOODSIG": "good",
    "BADSIG": "changed",
    "EXPSIG": "expired",
    "EXPKEYSIG": "expired",
    "REVKEYSIG": "revoked",
    "ERRSIG": "unknown",
}
_VALID_FIELDS = 10
_ERROR_FIELDS = 6
_NO_PUBLIC_KEY = "9"
_OPENED_ONCE = ("BEGIN_DECRYPTION", "PLAINTEXT", "DECRYPTION_OKAY", "END_DECRYPTION")
_NOT_OPENED = ("DECRYPTION_FAILED", "BADMDC", "NODATA", "UNEXPECTED")
_INSIDE = ("PLAINTEXT", "NEWSIG")  # a text or a signature beside what was encrypted is none of it


@dataclass(frozen=True, slots=True)
class Event:
    """One line: its keyword and its fields."""

    keyword: str
    fields: tuple[str, ...]


def events(text: str) -> tuple[Event, ...]:
    """Return the status lines of an output; lines of any other kind are left out."""
    found = (line[len(PREFIX) :].split(" ") for line in text.split("\n") if line.startswith(PREFIX))
    return tuple(Event(words[0], tuple(word for word in words[1:] if word)) for words in found if words)


def of(said: Sequence[Event], keyword: str) -> tuple[Event, ...]:
    """Return the events of one keyword."""
    return tuple(one for one in said if one.keyword == keyword)


def judged(said: Sequence[Event]) -> Judged:
    """Return what the one signature is worth; "none" without any, "unreadable" for several or what makes no sense."""
    verdicts = [one for one in said if one.keyword in _VERDICTS]
    began = len(of(said, "NEWSIG"))
    if not verdicts and not began:
        return Judged("none")
    if len(verdicts) != 1 or began != 1:
        return Judged("unreadable")
    return _READERS.get(verdicts[0].keyword, _with_key)(said, verdicts[0])


def is_opened(said: Sequence[Event]) -> bool:
    """Say whether something encrypted and protected against change was opened, once, to its end (RFC 9580 §5.13)."""
    words = [one.keyword for one in said]
    if any(words.count(one) != 1 for one in _OPENED_ONCE) or any(one in _NOT_OPENED for one in words):
        return False
    begin, end = words.index("BEGIN_DECRYPTION"), words.index("END_DECRYPTION")
    kept_whole = "GOODMDC" in words or any(one.fields[2:3] not in ((), ("0",)) for one in of(said, "DECRYPTION_INFO"))
    return kept_whole and not any(one in _INSIDE for one in words[:begin] + words[end:])


def _with_key(said: Sequence[Event], verdict: Event) -> Judged:
    """Read the verdict on a signature whose key is at hand. Only VALIDSIG says that the signature itself is right."""
    worth, valid = _VERDICTS[verdict.keyword], of(said, "VALIDSIG")
    if len(valid) != 1 or len(valid[0].fields) < _VALID_FIELDS or not valid[0].fields[2].isdecimal():
        return Judged("unreadable")
    fields = valid[0].fields
    if fields[8] not in DOCUMENT:
        return Judged("unreadable")
    weak = fields[7] in WEAK_HASHES
    return Judged("weak" if weak else worth, fields[9], fields[0], int(fields[2]) * SECOND_US)


def _changed(said: Sequence[Event], verdict: Event) -> Judged:
    return Judged("changed", issuer=verdict.fields[0] if verdict.fields else "")


def _no_key(said: Sequence[Event], verdict: Event) -> Judged:
    """Read ERRSIG: key id, algorithm, hash, class, time, reason, fingerprint (or -)."""
    fields = verdict.fields
    if len(fields) < _ERROR_FIELDS or fields[5] != _NO_PUBLIC_KEY:
        return Judged("unreadable")
    named = fields[6] if len(fields) > _ERROR_FIELDS and fields[6] != "-" else fields[0]
    return Judged("unknown", issuer=named, signed_at_us=int(fields[4]) * SECOND_US if fields[4].isdecimal() else 0)


_READERS = {"BADSIG": _changed, "ERRSIG": _no_key}
