"""The tests on a letter: each compiled once into a function of a run. Pure.

RFC 5228 §5 (address, envelope, exists, header, size), RFC 5233 (:user, :detail), RFC 5260 (:index, date, currentdate),
RFC 5173 (body), RFC 5229 §5 (string), RFC 5232 §5 (hasflag), RFC 5490 §3.1, RFC 8579 §3, RFC 7352 §3.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from mailcore.message.addresses import Mailbox
from mailcore.sieve import bodies, dates, flags, limits
from mailcore.sieve.arguments import Arguments, Shape, Tagged
from mailcore.sieve.dates import Instant
from mailcore.sieve.faults import Fault, SieveError
from mailcore.sieve.matching import matcher
from mailcore.sieve.outcome import Mark
from mailcore.sieve.run import Run, Test
from mailcore.sieve.scope import MATCH, Scope
from mailcore.sieve.strings import Template
from mailcore.sieve.syntax import Strings

ADDRESS_FIELDS = frozenset(  # RFC 5228 §5.1: those that hold an address-list, and no others
    (
        *("from", "to", "cc", "bcc", "sender", "reply-to", "return-path", "delivered-to", "x-original-to", "errors-to"),
        *("resent-from", "resent-to", "resent-cc", "resent-bcc", "resent-sender", "resent-reply-to"),
        *("disposition-notification-to", "mail-followup-to", "apparently-to"),
    )
)
SPECIAL_USES = frozenset(("all", "archive", "drafts", "flagged", "important", "inbox", "junk", "sent", "trash"))
SEPARATOR = "+"  # RFC 5233 §4: what stands between user and detail
_FIELD = re.compile(r"[!-9;-~]{1,255}", re.ASCII)
_PARTS = {
    "all": Tagged("", "part"),
    "localpart": Tagged("", "part"),
    "domain": Tagged("", "part"),
    "user": Tagged("", "part", "subaddress"),
    "detail": Tagged("", "part", "subaddress"),
}
_INDEX = {"index": Tagged("number", "", "index"), "last": Tagged("", "", "index")}
_TRANSFORMS = {"raw": Tagged("", "transform"), "content": Tagged("strings", "transform"), "text": Tagged("", "transform")}
_DUPLICATE = {
    "handle": Tagged("string"),
    "header": Tagged("string", "id"),
    "uniqueid": Tagged("string", "id"),
    "seconds": Tagged("number"),
    "last": Tagged(),
}
_ZONES = {"zone": Tagged("string", "zone"), "originalzone": Tagged("", "zone")}

T = TypeVar("T")


def field_names(scope: Scope, strings: Strings, *, of_addresses: bool = False) -> list[Template]:
    """Return names of header fields; what is known now is checked now. Raises SieveError."""
    names = scope.templates(strings)
    for name in names:
        if name.constant is None:
            continue
        if not _FIELD.fullmatch(name.constant):
            raise SieveError(Fault.BAD_HEADER, name.place, name=name.constant)
        if of_addresses and name.constant.lower() not in ADDRESS_FIELDS:
            raise SieveError(Fault.NOT_ADDRESSES, name.place, name=name.constant)
    return names


def header(scope: Scope, given: Arguments) -> Test:
    """RFC 5228 §5.7; blanks at the ends of values do not count."""
    names, matches = field_names(scope, given.strings(0)), _matcher(scope, given, 1)
    pick = _index(given)

    def test(run: Run) -> bool:
        values: list[str] = []
        for name in names:
            values += pick(run.letter.texts(name.of(run)))
        return matches(run, values)

    return test


def address(scope: Scope, given: Arguments) -> Test:
    """RFC 5228 §5.1. With :index it is one field that is looked at (RFC 5260 §6)."""
    names, matches = field_names(scope, given.strings(0), of_addresses=True), _matcher(scope, given, 1)
    part, numbered = _PART[given.group("part", "all")], given.has("index")
    pick = _index(given)

    def test(run: Run) -> bool:
        boxes: list[Mailbox] = []
        for name in names:
            known = name.of(run)
            boxes += run.letter.mailboxes_of(pick(run.letter.octets(known))) if numbered else run.letter.mailboxes(known)
        return matches(run, [found for box in boxes if (found := part(box)) is not None])

    return test


def envelope(scope: Scope, given: Arguments) -> Test:
    """RFC 5228 §5.4: "from" and "to". All parts of the null sender are empty."""
    names = [name.lower() for name, _ in scope.constants(given.strings(0))]
    for name, place in scope.constants(given.strings(0)):
        if name.lower() not in ("from", "to"):
            raise SieveError(Fault.BAD_ENVELOPE, place, name=name)
    matches, part = _matcher(scope, given, 1), _PART[given.group("part", "all")]

    def test(run: Run) -> bool:
        found = [part(_mailbox(run.letter.sender if name == "from" else run.letter.recipient)) for name in names]
        return matches(run, [value for value in found if value is not None])

    return test


def exists(scope: Scope, given: Arguments) -> Test:
    """RFC 5228 §5.5: all of the fields."""
    names = field_names(scope, given.strings(0))
    return lambda run: all(run.letter.has(name.of(run)) for name in names)


def size(scope: Scope, given: Arguments) -> Test:
    """RFC 5228 §5.9: neither :over nor :under holds for exactly that size."""
    limit, tag = given.number(0), given.group("limit", "")
    if not tag:
        raise SieveError(Fault.MISSING, given.place, name="size", expected=":over or :under")
    return (lambda run: run.letter.size_bytes > limit) if tag == "over" else (lambda run: run.letter.size_bytes < limit)


def body(scope: Scope, given: Arguments) -> Test:
    """RFC 5173 §4; it leaves no match values behind (§6)."""
    scope.needs_body = True
    how = scope.how(given)
    matches = matcher(replace(how, remembers=False), scope.templates(given.strings(0)))
    kind, types = given.group("transform", "text"), given.tagged("content")
    if kind == "raw":
        return lambda run: matches(run, bodies.raw(run.letter))
    if types is None:
        return lambda run: matches(run, bodies.text(run.letter))
    wanted = scope.templates(types)
    return lambda run: matches(run, bodies.of_types(run.letter, [each.of(run) for each in wanted]))


def date(scope: Scope, given: Arguments) -> Test:
    """RFC 5260 §4: a field without a date matches nothing."""
    [name] = field_names(scope, given.strings(0))
    pick, matches, shown = _index(given), _matcher(scope, given, 2), _date_part(scope, given, 1)

    def test(run: Run) -> bool:
        fields = run.letter.octets(name.of(run))
        read = [dates.read(octets) for octets in (pick(fields) if given.has("index") else fields[:1])]
        return matches(run, [shown(run, instant) for instant in read if instant is not None])

    return test


def currentdate(scope: Scope, given: Arguments) -> Test:
    """RFC 5260 §5."""
    matches, shown = _matcher(scope, given, 1), _date_part(scope, given, 0)
    return lambda run: matches(run, [shown(run, Instant(run.now_us, run.zone_min))])


def string(scope: Scope, given: Arguments) -> Test:
    """RFC 5229 §5: :count leaves empty strings out."""
    sources, matches = scope.templates(given.strings(0)), _matcher(scope, given, 1)
    counts = given.group("match", "is") == "count"

    def test(run: Run) -> bool:
        values = [source.of(run) for source in sources]
        return matches(run, [value for value in values if value] if counts else values)

    return test


def hasflag(scope: Scope, given: Arguments) -> Test:
    """RFC 5232 §4: each flag of the variables is a value."""
    names = given.optional(0)
    if names is not None and not scope.has_variables:
        raise SieveError(Fault.NOT_REQUIRED, names.place, name="hasflag", extension='"variables"')
    variables = None if names is None else [_named(scope, names, at) for at in range(len(names.values))]
    matches = _matcher(scope, given, 1)
    return lambda run: matches(run, flags.held(run, variables))


def mailboxexists(scope: Scope, given: Arguments) -> Test:
    """RFC 5490 §3.1: all of the mailboxes."""
    scope.asks = True
    names = scope.templates(given.strings(0))

    def test(run: Run) -> bool:
        run.work(steps=10)
        return all(run.around.mailbox_exists(name.of(run)) for name in names)

    return test


def specialuse_exists(scope: Scope, given: Arguments) -> Test:
    """RFC 8579 §3: all of the uses, of one mailbox where one is named."""
    scope.asks = True
    mailbox = given.optional(0)
    where = None if mailbox is None else scope.template(mailbox)
    uses = scope.templates(given.strings(1))

    def test(run: Run) -> bool:
        named = None if where is None else where.of(run)
        return all(run.around.special_use_exists(special_use(use.of(run)), named) for use in uses)

    return test


def duplicate(scope: Scope, given: Arguments) -> Test:
    """RFC 7352 §3: the letter's Message-ID, a field or a text, together with the handle, has been seen before."""
    scope.asks = True
    handle, unique, name = (given.tagged(tag) for tag in ("handle", "uniqueid", "header"))
    label = None if handle is None else scope.template(handle)
    source = None if unique is None else scope.template(unique)
    [field] = field_names(scope, name) if name is not None else [Template(("message-id",), given.place)]
    said = given.tagged_number("seconds")
    period_s = limits.DUPLICATE_PERIOD_S if said is None else min(said.value, limits.MAX_DUPLICATE_PERIOD_S)

    def test(run: Run) -> bool:
        ids = [source.of(run)] if source is not None else list(run.letter.texts(field.of(run)))[:1]
        if not ids or not ids[0]:
            return False
        name = "\0".join(("duplicate", "" if label is None else label.of(run), ids[0]))
        mark = Mark(name.encode("utf-8", "replace"), period_s, given.has("last"))
        known = mark.name in {each.name for each in run.marks} or run.around.seen(mark.name)
        if not known or mark.renew:
            run.work(steps=limits.MARK_STEPS)
            run.marks.append(mark)
        return known

    return test


def special_use(written: str) -> str:
    """Return a special use as mailboxes have it: lower case, without backslash (RFC 6154 §2)."""
    return written.removeprefix("\\").lower()


def _named(scope: Scope, names: Strings, at: int) -> str:
    return scope.variable(Strings((names.values[at],), (names.places[at],), False, names.places[at]))


def _matcher(scope: Scope, given: Arguments, at: int) -> Callable[[Run, Sequence[str]], bool]:
    return matcher(scope.how(given), scope.templates(given.strings(at)))


def _index(given: Arguments) -> Callable[[Sequence[T]], Sequence[T]]:
    """Return what picks the occurrence that :index and :last name (RFC 5260 §6); all of them without."""
    number = given.tagged_number("index")
    if number is None:
        if given.has("last"):
            raise SieveError(Fault.LAST_ALONE, given.place_of("last"))
        return lambda found: found
    if number.value < 1:
        raise SieveError(Fault.BAD_INDEX, number.place)
    at = -number.value if given.has("last") else number.value - 1
    return lambda found: found[at : at + 1 or None] if -len(found) <= at < len(found) else ()


def _date_part(scope: Scope, given: Arguments, at: int) -> Callable[[Run, Instant], str]:
    """Return what shows a part of a date in the zone that was asked for (RFC 5260 §4.1)."""
    name, place = scope.constant(given.strings(at))
    part = dates.PARTS.get(name.lower())
    if part is None:
        raise SieveError(Fault.BAD_DATE_PART, place, name=name)
    if given.has("originalzone"):
        return lambda run, instant: part(instant.at(instant.zone_min))
    written = given.tagged("zone")
    if written is None:
        return lambda run, instant: part(instant.at(run.zone_min))
    zone, place = scope.constant(written)
    minutes = dates.minutes(zone)
    if minutes is None:
        raise SieveError(Fault.BAD_ZONE, place, name=zone)
    return lambda run, instant: part(instant.at(minutes))


def _mailbox(address: str) -> Mailbox:
    local, _, domain = address.rpartition("@")
    return Mailbox("", local or domain, domain if local else "")


def _all(box: Mailbox) -> str | None:
    return box.address


def _local(box: Mailbox) -> str | None:
    return box.local


def _domain(box: Mailbox) -> str | None:
    return box.domain


def _user(box: Mailbox) -> str | None:
    return box.local.partition(SEPARATOR)[0]


def _detail(box: Mailbox) -> str | None:
    """RFC 5233 §4: an address without a separator has no detail, and matches nothing."""
    _, separator, detail = box.local.partition(SEPARATOR)
    return detail if separator else None


_PART: Mapping[str, Callable[[Mailbox], str | None]] = {
    "all": _all,
    "localpart": _local,
    "domain": _domain,
    "user": _user,
    "detail": _detail,
}

TESTS: Mapping[str, tuple[Shape, Callable[[Scope, Arguments], Test]]] = {
    "header": (Shape(("strings", "strings"), {**MATCH, **_INDEX}), header),
    "address": (Shape(("strings", "strings"), {**MATCH, **_PARTS, **_INDEX}), address),
    "envelope": (Shape(("strings", "strings"), {**MATCH, **_PARTS}, "envelope"), envelope),
    "exists": (Shape(("strings",)), exists),
    "size": (Shape(("number",), {"over": Tagged("", "limit"), "under": Tagged("", "limit")}), size),
    "body": (Shape(("strings",), {**MATCH, **_TRANSFORMS}, "body"), body),
    "date": (Shape(("string", "string", "strings"), {**MATCH, **_INDEX, **_ZONES}, "date"), date),
    "currentdate": (Shape(("string", "strings"), {**MATCH, "zone": Tagged("string")}, "date"), currentdate),
    "string": (Shape(("strings", "strings"), MATCH, "variables"), string),
    "hasflag": (Shape(("?strings", "strings"), MATCH, "imap4flags"), hasflag),
    "mailboxexists": (Shape(("strings",), {}, "mailbox"), mailboxexists),
    "specialuse_exists": (Shape(("?string", "strings"), {}, "special-use"), specialuse_exists),
    "duplicate": (Shape((), _DUPLICATE, "duplicate"), duplicate),
}
