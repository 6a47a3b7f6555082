"""The absence notice as a script asks for it. Pure. RFC 5230, RFC 6131 (:seconds); who gets one is decided at delivery."""

import hashlib
import re

from mailcore.message import addresses
from mailcore.sieve import limits
from mailcore.sieve.arguments import Arguments
from mailcore.sieve.faults import Fault, Place, SieveError
from mailcore.sieve.outcome import Vacation
from mailcore.sieve.run import Command, Run
from mailcore.sieve.scope import Scope

DAY_S = 86_400
MAX_ADDRESSES = 100
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def vacation(scope: Scope, given: Arguments) -> Command:
    """RFC 5230 §4. What is not given is made at delivery: a subject of the letter's own, the owner's address as sender."""
    reason = scope.template(given.strings(0))
    texts = {tag: None if (said := given.tagged(tag)) is None else scope.template(said) for tag in ("subject", "from", "handle")}
    said = given.tagged("addresses")
    own = [] if said is None else scope.templates(said)
    period_s, mime = _period_s(given), given.has("mime")
    if texts["from"] is not None and texts["from"].constant is not None:
        _require_mailbox(texts["from"].constant, texts["from"].place)
    if mime and reason.constant is not None:
        _require_entity(reason.constant, reason.place)

    def act(run: Run) -> bool:
        subject, sender, handle = ("" if text is None else _line(text.of(run)) for text in texts.values())
        shown = reason.of(run)[: limits.MAX_REASON_CHARS]
        if sender:
            _require_mailbox(sender, given.place)
        if mime:
            _require_entity(shown, reason.place)
        handle = handle[: limits.MAX_HANDLE_CHARS] or _handle(subject, sender, mime=mime, reason=shown)
        known = tuple(each.of(run) for each in own[:MAX_ADDRESSES])
        run.ask(Vacation(shown, period_s, handle, subject, sender, known, mime), given.place)
        return False

    return act


def _period_s(given: Arguments) -> int:
    """RFC 5230 §4.1: what is out of bounds is held inside them; RFC 6131 §2."""
    days, seconds = given.tagged_number("days"), given.tagged_number("seconds")
    if days is not None:
        return min(max(days.value, 1) * DAY_S, limits.MAX_PERIOD_S)
    if seconds is not None:
        return min(max(seconds.value, limits.MIN_PERIOD_S), limits.MAX_PERIOD_S)
    return limits.DEFAULT_PERIOD_S


def _handle(*said: str, mime: bool, reason: str) -> str:
    """RFC 5230 §4.2: without a handle, notices that say the same are the same."""
    return hashlib.sha256("\0".join((*said, str(mime), reason)).encode("utf-8", "replace")).hexdigest()


def lines_of(text: str) -> str:
    """Return a text as it will be sent, each line break of whatever form a LF: what is checked is what is sent."""
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def _line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def _require_mailbox(text: str, place: Place) -> None:
    """RFC 5230 §4.3: one mailbox, with a name or without."""
    found = addresses.mailboxes(text.encode("utf-8", "replace"))
    if len(found) != 1 or not found[0].domain or not found[0].local:
        raise SieveError(Fault.BAD_ADDRESS, place, name=text[:80])


def _require_entity(text: str, place: Place) -> None:
    """RFC 5230 §4.1 (:mime): a header that holds Content fields alone, then the body."""
    header, blank, _ = lines_of(text).partition("\n\n")
    lines = [line for line in header.split("\n") if not line.startswith((" ", "\t"))]
    if not blank or not all(line.lower().startswith("content-") and ":" in line for line in lines):
        raise SieveError(Fault.BAD_MIME, place)
