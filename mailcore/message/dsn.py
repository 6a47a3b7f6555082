"""Delivery status notifications in Arabic, French and English. RFC 3464, RFC 6522, RFC 6533, RFC 3834 §5."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from mailcore.message import bidi, build, date, encode, headers, words
from mailcore.message.addresses import Mailbox

MAX_HEADER = 65_536  # octets of the original header that go back
QUEUE_FIELD = "X-Diwan-Queue-ID"  # RFC 3464 §2.4
_LINE = 900  # octets of one status field; RFC 5322 §2.1.1 allows 998

_SUBJECTS = {
    "failed": "Undelivered mail / Message non distribué / تعذر تسليم الرسالة",
    "delayed": "Delayed mail / Message retardé / تأخر تسليم الرسالة",
    "delivered": "Delivered mail / Message distribué / تم تسليم الرسالة",
    "relayed": "Relayed mail / Message relayé / أحيلت الرسالة",
    "expanded": "Expanded mail / Message diffusé / وزعت الرسالة",
}
_TEXTS = {
    "failed": (
        "تعذر نهائيا تسليم رسالتكم إلى المرسل إليهم المذكورين أدناه. لن تعاد المحاولة.",
        "Votre message n'a pas pu être distribué aux destinataires ci-dessous. Aucune nouvelle tentative n'aura lieu.",
        "Your message could not be delivered to the recipients below. No further attempt will be made.",
    ),
    "delayed": (
        "لم تسلم رسالتكم بعد إلى المرسل إليهم المذكورين أدناه. ستعاد المحاولة تلقائيا: لا داعي لإعادة إرسالها.",
        "Votre message n'a pas encore été distribué aux destinataires ci-dessous. Les tentatives continuent : "
        "il est inutile de le renvoyer.",
        "Your message has not been delivered yet to the recipients below. Attempts continue: do not send it again.",
    ),
    "delivered": (
        "سلمت رسالتكم إلى المرسل إليهم المذكورين أدناه.",
        "Votre message a été distribué aux destinataires ci-dessous.",
        "Your message was delivered to the recipients below.",
    ),
    "relayed": (
        "أحيلت رسالتكم إلى نظام لا يؤكد التسليم، بالنسبة إلى المرسل إليهم المذكورين أدناه.",
        "Votre message a été remis à un système qui ne confirme pas la distribution, pour les destinataires ci-dessous.",
        "Your message was handed to a system that does not confirm delivery, for the recipients below.",
    ),
    "expanded": (
        "وزعت رسالتكم على أعضاء القوائم المذكورة أدناه.",
        "Votre message a été diffusé aux membres des listes ci-dessous.",
        "Your message was distributed to the members of the lists below.",
    ),
}
_UNTIL = ("تستمر المحاولة حتى", "Tentatives jusqu'au", "Attempts continue until")
_ABOUT = {b"subject": "الموضوع / objet / subject", b"date": "التاريخ / date"}
_NUMBER = "الرقم / numéro / number"
_REASON = "الجواب / réponse / answer"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_TYPED = re.compile(r"[A-Za-z0-9-]+;")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one recipient.

    `orcpt` is the ORCPT parameter decoded from xtext ("rfc822;a@b", RFC 3461 §4.2); `diagnostic` what the remote server
    answered, or our own words; `remote_mta` its name, "" when no other server was asked.
    """

    address: str
    action: str  # "failed", "delayed", "delivered", "relayed", "expanded"; RFC 3464 §2.3.3
    status: str  # "5.1.1"; RFC 3463
    diagnostic: str = ""
    remote_mta: str = ""
    orcpt: str = ""
    last_attempt_us: int = 0
    retry_until_us: int = 0  # only for "delayed"


@dataclass(frozen=True, slots=True)
class Frame:
    """A report around a message that goes back as a whole: `before`, the message's octets, `behind`."""

    before: bytes
    behind: bytes


def around(
    *,
    reporting_mta: str,
    postmaster: Mailbox,
    to: Mailbox,
    outcomes: Sequence[Outcome],
    arrival_us: int,
    date_us: int,
    message_id: str,
    header: bytes,
    coding: str,
    envid: str = "",
    queue_id: str = "",
) -> Frame:
    """Return a report into which the whole message is put, as RET=FULL asks (RFC 3461 §4.3, §6.3), without being looked at.

    `coding` is its Content-Transfer-Encoding: 7bit or 8bit. `message_id` is random: what is made of it cannot stand in the message.
    Raises ValueError as `report` does.
    """
    about = _original_header(header)
    top, parts = _readable_parts(reporting_mta, postmaster, to, outcomes, arrival_us, date_us, message_id, about, envid, queue_id)
    boundary = f"=_{sha256(message_id.encode()).hexdigest()[:32]}"
    mark = f"--{boundary}\r\n".encode()
    kind = "message/rfc822" if about.isascii() else "message/global"  # RFC 6532 §3.7
    start = f'Content-Type: multipart/report;\r\n report-type=delivery-status;\r\n boundary="{boundary}"\r\n\r\n'.encode()
    returned = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {coding}\r\n\r\n".encode()
    before = top + start + b"".join(mark + part + b"\r\n" for part in parts) + mark + returned
    return Frame(before, f"\r\n--{boundary}--\r\n".encode())


def report(
    *,
    reporting_mta: str,
    postmaster: Mailbox,
    to: Mailbox,
    outcomes: Sequence[Outcome],
    arrival_us: int,
    date_us: int,
    message_id: str,
    original: bytes,
    envid: str = "",
    queue_id: str = "",
) -> bytes:
    """Return a whole multipart/report message, to be sent with the null sender (RFC 3464 §2).

    `original` is the message, or its header, that it is about; only the header goes back. The report is 7-bit but for
    `to` outside ASCII. Raises ValueError without an outcome, or when an address is none.
    """
    about = _original_header(original)
    top, parts = _readable_parts(reporting_mta, postmaster, to, outcomes, arrival_us, date_us, message_id, about, envid, queue_id)
    return build.with_entity(top, build.multipart("report", [*parts, _returned(about)], ("report-type=delivery-status",)))


def _readable_parts(
    reporting_mta: str,
    postmaster: Mailbox,
    to: Mailbox,
    outcomes: Sequence[Outcome],
    arrival_us: int,
    date_us: int,
    message_id: str,
    about: bytes,
    envid: str,
    queue_id: str,
) -> tuple[bytes, list[bytes]]:
    """Return the header fields, and the parts for people and for machines."""
    if not outcomes:
        raise ValueError("a report without a recipient")
    top = build.headers(
        sender=postmaster,
        to=[to],
        subject=_SUBJECTS[_worst(outcomes)],
        date_us=date_us,
        message_id=message_id,
        references=_identifier(about),
        extra=[("Auto-Submitted", "auto-replied")],
    )
    status = _status(reporting_mta, envid, queue_id, arrival_us, outcomes, utf8=not f"{to.local}@{to.domain}".isascii())
    return top, [encode.text(_readable(reporting_mta, about, queue_id, outcomes), "plain"), status]


def _worst(outcomes: Sequence[Outcome]) -> str:
    actions = {outcome.action for outcome in outcomes}
    return next(action for action in _SUBJECTS if action in actions)


def _status(reporting_mta: str, envid: str, queue_id: str, arrival_us: int, outcomes: Sequence[Outcome], *, utf8: bool) -> bytes:
    """Return the part for machines: one group for the message, one for each recipient. RFC 3464 §2.1.

    Whoever has an address outside ASCII reads such addresses as they are (RFC 6533 §4), everybody else in ASCII.
    """
    message = _group(
        [
            ("Original-Envelope-Id", envid),
            ("Reporting-MTA", f"dns; {reporting_mta}"),
            ("Arrival-Date", date.format_date(arrival_us)),
            (QUEUE_FIELD, queue_id),
        ],
        utf8=utf8,
    )
    kind, coding = ("message/global-delivery-status", "8bit") if utf8 else ("message/delivery-status", "7bit")
    head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {coding}\r\n\r\n".encode()
    return head + b"\r\n".join([message, *(_recipient(outcome, utf8=utf8) for outcome in outcomes)])


def _recipient(outcome: Outcome, *, utf8: bool) -> bytes:
    """Return the fields of one recipient, in the order of RFC 3464 §2.3."""
    own = "smtp" if outcome.remote_mta else "X-Diwan"
    status = outcome.status if _STATUS.fullmatch(outcome.status) else _DEFAULT_STATUS[outcome.action]
    return _group(
        [
            ("Original-Recipient", _orcpt(outcome.orcpt, utf8=utf8)),
            ("Final-Recipient", _typed_address(outcome.address, utf8=utf8)),
            ("Action", outcome.action),
            ("Status", status),
            ("Remote-MTA", f"dns; {outcome.remote_mta}" if outcome.remote_mta else ""),
            ("Diagnostic-Code", f"{own}; {outcome.diagnostic}" if outcome.diagnostic else ""),
            ("Last-Attempt-Date", date.format_date(outcome.last_attempt_us) if outcome.last_attempt_us else ""),
            ("Will-Retry-Until", date.format_date(outcome.retry_until_us) if outcome.retry_until_us else ""),
        ],
        utf8=utf8,
    )


_DEFAULT_STATUS = {"failed": "5.0.0", "delayed": "4.0.0", "delivered": "2.0.0", "relayed": "2.0.0", "expanded": "2.0.0"}


def _group(fields: Sequence[tuple[str, str]], *, utf8: bool) -> bytes:
    """Return the fields that have a value, folded; a peer's line breaks become blanks. ASCII only, unless `utf8`."""
    shown = b""
    for name, value in fields:
        if value:
            said = _CONTROL.sub(" ", value)
            text = _cut(said.encode("utf-8", "backslashreplace")) if utf8 else said.encode("ascii", "backslashreplace")[:_LINE]
            shown += words.fold(name, text.split())
    return shown


def _cut(text: bytes) -> bytes:
    """Return a text of at most a line, no character of it halved."""
    return text[:_LINE].decode("utf-8", "ignore").encode()


def _typed_address(address: str, *, utf8: bool) -> str:
    """Return an address with its type; outside ASCII as utf-8-address, or as utf-8-addr-xtext, which is 7-bit. RFC 6533 §3."""
    if address.isascii():
        return f"rfc822; {address}"
    if utf8:
        return f"utf-8; {address}"
    return "utf-8; " + "".join(_xtext(char) for char in address)


def _xtext(char: str) -> str:
    return char if "!" <= char <= "~" and char not in "\\+=" else f"\\x{{{ord(char):02X}}}"


def _orcpt(value: str, *, utf8: bool) -> str:
    """Return an ORCPT value with its type; what has none is an address of ours."""
    if not value:
        return ""
    if not _TYPED.match(value):
        return _typed_address(value, utf8=utf8)
    kind, _, address = value.partition(";")
    return f"{kind}; {address.strip()}" if address.isascii() else _typed_address(address.strip(), utf8=utf8)


def _original_header(original: bytes) -> bytes:
    """Return the header of the original with CRLF line ends, cut after a whole field when it is very long."""
    fields, _ = headers.scan(original)
    kept = [f for f in fields if f.end - fields[0].start <= MAX_HEADER]
    data = b"".join(original[f.start : f.end] for f in kept)
    data = b"\r\n".join(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
    return data if data.endswith(b"\r\n") or not data else data + b"\r\n"


def _returned(header: bytes) -> bytes:
    """Return the original header as a part; a header outside ASCII is message/global-headers. RFC 6533 §6."""
    if header.isascii() and b"\x00" not in header:
        return encode.text(header.decode("ascii"), "rfc822-headers")
    return b"Content-Type: message/global-headers; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encode.base64_lines(header)


def _identifier(header: bytes) -> list[str]:
    """Return the Message-ID of the original when it is one that can be referred to."""
    found = _value(header, b"message-id").strip()
    return [found] if re.fullmatch(r"<[!-;=?-~]{1,900}>", found) else []


def _value(header: bytes, name: bytes) -> str:
    return words.decode_words(headers.values(header, headers.scan(header)[0], {name}).get(name, b""))


def _readable(reporting_mta: str, about: bytes, queue_id: str, outcomes: Sequence[Outcome]) -> str:
    """Return the text for people: each action in the three languages, then whom it concerns and why."""
    shown = [f"{label} : {bidi.apart(_value(about, name)[:200])}" for name, label in _ABOUT.items()]
    shown += [*([f"{_NUMBER} : {queue_id}"] if queue_id else []), ""]
    for action, texts in _TEXTS.items():
        concerned = [outcome for outcome in outcomes if outcome.action == action]
        if concerned:
            shown += [bidi.right_to_left(texts[0]), *texts[1:], ""]
            for outcome in concerned:
                shown += [*_person(outcome), ""]
    return "\n".join([*shown, f"-- \n{reporting_mta}"])


def _person(outcome: Outcome) -> list[str]:
    lines = [f"    <{_CONTROL.sub(' ', outcome.address)}>  {outcome.status}"]
    if outcome.diagnostic:
        lines.append(f"    {_REASON} : {_CONTROL.sub(' ', outcome.diagnostic)[:_LINE]}")
    if outcome.retry_until_us:
        until = date.format_date(outcome.retry_until_us)
        lines += [bidi.right_to_left(f"{_UNTIL[0]} : {until}"), *(f"    {text} : {until}" for text in _UNTIL[1:])]
    return lines
