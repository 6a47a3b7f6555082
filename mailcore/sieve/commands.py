"""The actions and the rest that a script can ask for: each compiled once into a function of a run. Pure.

RFC 5228 §4 (keep, fileinto, redirect, discard), §3.3 (stop), RFC 5429 (reject, ereject), RFC 5229 §4 (set), RFC 5232 §3
(setflag, addflag, removeflag; :flags), RFC 3894 (:copy), RFC 5490 §3.2 (:create), RFC 8579 §4 (:specialuse).
"""

import re
from collections.abc import Callable, Mapping, Sequence

from directory.address import parse
from directory.errors import BadAddress
from mailcore.sieve import flags, limits
from mailcore.sieve.arguments import Arguments, Shape, Tagged
from mailcore.sieve.comparators import ascii_lower
from mailcore.sieve.conditions import SPECIAL_USES, special_use
from mailcore.sieve.faults import Fault, Place, SieveError
from mailcore.sieve.outcome import Discard, FileInto, Keep, Redirect, Reject
from mailcore.sieve.run import Command, Run
from mailcore.sieve.scope import Scope
from mailcore.sieve.strings import Template
from mailcore.sieve.vacation import vacation

MAX_MAILBOX_CHARS = 1024
_COPY = {"copy": Tagged("", "", "copy")}
_FLAGS = {"flags": Tagged("strings", "", "imap4flags")}
_ASCII_UPPER = {lower: lower - 32 for lower in range(ord("a"), ord("z") + 1)}
_WILD = re.compile(r"([*?\\])")


def stop(scope: Scope, given: Arguments) -> Command:
    """RFC 5228 §3.3."""
    return lambda run: True


def keep(scope: Scope, given: Arguments) -> Command:
    """RFC 5228 §4.3."""
    flagged = _flagged(scope, given)

    def act(run: Run) -> bool:
        run.ask(Keep(flagged(run)), given.place)
        run.implicit_keep = False
        return False

    return act


def discard(scope: Scope, given: Arguments) -> Command:
    """RFC 5228 §4.4: it cancels the implicit keep, and nothing else."""

    def act(run: Run) -> bool:
        run.ask(Discard(), given.place)
        run.implicit_keep = False
        return False

    return act


def fileinto(scope: Scope, given: Arguments) -> Command:
    """RFC 5228 §4.1; with :copy the implicit keep stays (RFC 3894 §2)."""
    mailbox = scope.template(given.strings(0))
    if mailbox.constant is not None:
        _require_mailbox(mailbox.constant, mailbox.place)
    flagged, create, copies = _flagged(scope, given), given.has("create"), given.has("copy")
    use = given.tagged("specialuse")
    wanted = "" if use is None else _special_use(*scope.constant(use))

    def act(run: Run) -> bool:
        name = mailbox.of(run)
        _require_mailbox(name, mailbox.place)
        run.ask(FileInto(name, flagged(run), create, wanted), given.place)
        run.implicit_keep = run.implicit_keep and copies
        return False

    return act


def redirect(scope: Scope, given: Arguments) -> Command:
    """RFC 5228 §4.2; with :copy the implicit keep stays (RFC 3894 §2)."""
    address, copies = scope.template(given.strings(0)), given.has("copy")
    if address.constant is not None:
        scope.redirects.append((_require_address(address.constant, address.place), address.place))

    def act(run: Run) -> bool:
        to = address.of(run)
        run.ask(Redirect(_require_address(to, address.place)), given.place)
        run.implicit_keep = run.implicit_keep and copies
        return False

    return act


def reject(scope: Scope, given: Arguments) -> Command:
    """RFC 5429 §2.1 and §2.2: here both do the same, since mail is judged after it was accepted."""
    reason = scope.template(given.strings(0))

    def act(run: Run) -> bool:
        run.ask(Reject(reason.of(run)[: limits.MAX_REASON_CHARS]), given.place)
        run.implicit_keep = False
        return False

    return act


def set_(scope: Scope, given: Arguments) -> Command:
    """RFC 5229 §4: modifiers work in the order of their precedence, the highest first (§4.1)."""
    name, value = scope.variable(given.strings(0)), scope.template(given.strings(1))
    modifiers = [_MODIFIERS[tag] for tag in _MODIFIERS if given.has(tag)]

    def act(run: Run) -> bool:
        text = value.of(run)[: limits.MAX_VARIABLE_CHARS]
        for modify in modifiers:
            text = modify(text)
        run.work(len(text))
        run.variables[name] = text[: limits.MAX_VARIABLE_CHARS]
        return False

    return act


def flagging(op: str) -> Callable[[Scope, Arguments], Command]:
    """Return what compiles setflag, addflag or removeflag (RFC 5232 §3)."""

    def compile(scope: Scope, given: Arguments) -> Command:
        target, texts = given.optional(0), scope.templates(given.strings(1))
        if target is not None and not scope.has_variables:
            raise SieveError(Fault.NOT_REQUIRED, target.place, name=op, extension='"variables"')
        variable = None if target is None else scope.variable(target)

        def act(run: Run) -> bool:
            flags.change(run, op, variable, texts)
            return False

        return act

    return compile


def _flagged(scope: Scope, given: Arguments) -> Callable[[Run], tuple[str, ...]]:
    """Return what gives the flags of a keep or a fileinto: those behind :flags, else the internal ones (RFC 5232 §5)."""
    said = given.tagged("flags")
    if said is None:
        return lambda run: run.flags
    texts: Sequence[Template] = scope.templates(said)
    return lambda run: flags.split(text.of(run) for text in texts)


def _special_use(written: str, place: Place) -> str:
    use = special_use(written)
    if use not in SPECIAL_USES or not written.startswith("\\"):
        raise SieveError(Fault.BAD_SPECIAL_USE, place, name=written)
    return use


def _require_mailbox(name: str, place: Place) -> None:
    if not name or len(name) > MAX_MAILBOX_CHARS or not name.isprintable():
        raise SieveError(Fault.BAD_MAILBOX, place, name=name[:80])


def _require_address(text: str, place: Place) -> str:
    try:
        return str(parse(text.strip()))
    except BadAddress:
        raise SieveError(Fault.BAD_ADDRESS, place, name=text[:80]) from None


def _upper(text: str) -> str:
    return text.upper() if text.isascii() else text.translate(_ASCII_UPPER)


_MODIFIERS: Mapping[str, Callable[[str], str]] = {  # RFC 5229 §4.1: precedence 40, 30, 20, 10
    "lower": ascii_lower,
    "upper": _upper,
    "lowerfirst": lambda text: ascii_lower(text[:1]) + text[1:],
    "upperfirst": lambda text: _upper(text[:1]) + text[1:],
    "quotewildcard": lambda text: _WILD.sub(r"\\\1", text),
    "length": lambda text: str(len(text)),
}
_SET = {
    "lower": Tagged("", "40"),
    "upper": Tagged("", "40"),
    "lowerfirst": Tagged("", "30"),
    "upperfirst": Tagged("", "30"),
    "quotewildcard": Tagged("", "20"),
    "length": Tagged("", "10"),
}
_FILEINTO = {**_COPY, **_FLAGS, "create": Tagged("", "", "mailbox"), "specialuse": Tagged("string", "", "special-use")}
_VACATION = {
    "days": Tagged("number", "period"),
    "seconds": Tagged("number", "period", "vacation-seconds"),
    "subject": Tagged("string"),
    "from": Tagged("string"),
    "addresses": Tagged("strings"),
    "mime": Tagged(),
    "handle": Tagged("string"),
}
_CHANGE_FLAGS = Shape(("?string", "strings"), {}, "imap4flags")

COMMANDS: Mapping[str, tuple[Shape, Callable[[Scope, Arguments], Command]]] = {
    "stop": (Shape(), stop),
    "keep": (Shape((), _FLAGS), keep),
    "discard": (Shape(), discard),
    "fileinto": (Shape(("string",), _FILEINTO, "fileinto"), fileinto),
    "redirect": (Shape(("string",), _COPY), redirect),
    "reject": (Shape(("string",), {}, "reject"), reject),
    "ereject": (Shape(("string",), {}, "ereject"), reject),
    "set": (Shape(("string", "string"), _SET, "variables"), set_),
    "setflag": (_CHANGE_FLAGS, flagging("setflag")),
    "addflag": (_CHANGE_FLAGS, flagging("addflag")),
    "removeflag": (_CHANGE_FLAGS, flagging("removeflag")),
    "vacation": (Shape(("string",), _VACATION, "vacation vacation-seconds"), vacation),
}
