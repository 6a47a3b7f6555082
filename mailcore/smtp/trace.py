"""Fields that are put in front of a message. Pure; nothing behind them is touched.

RFC 5321 §4.4 (trace information), RFC 3848 (names of protocols), RFC 6531 §4.3 (UTF8SMTP), RFC 6409 §8 (what a
submission server may add).
"""

from dataclasses import dataclass

FOR_CHARACTERS = 200  # a line of 998 octets is the law (RFC 5322 §2.1.1); a longer clause helps nobody


@dataclass(frozen=True, slots=True)
class Hop:
    """How a message came in. `client` is what stands after "from", `recipient` is "" when it must not be told,
    `queue_id` names the message in the reply to the client, the log and the queue."""

    client: str
    host: str
    protocol: str
    queue_id: str
    recipient: str
    date: str


def protocol(extended: bool, tls: bool, signed_in: bool, smtputf8: bool, *, local: bool = False) -> str:
    """Return the name of the protocol: SMTP, ESMTPS, ESMTPSA, UTF8SMTPS …; LMTP for what other software of this machine brings."""
    if not extended:
        return "SMTP"
    if local:
        return "UTF8LMTP" if smtputf8 else "LMTP"
    base = "UTF8SMTP" if smtputf8 else "ESMTP"
    return f"{base}{'S' if tls else ''}{'A' if signed_in else ''}"


def literal(address: str) -> str:
    """Return an IP address as an address literal (RFC 5321 §4.1.3)."""
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def received(hop: Hop) -> bytes:
    """Return the Received field. Every value was checked by the grammar; the recipient only goes in when it fits."""
    told = hop.recipient if hop.recipient.isascii() and len(hop.recipient) <= FOR_CHARACTERS else ""
    whom = f"\r\n\tfor <{told}>" if told else ""
    return (f"Received: from {hop.client}\r\n\tby {hop.host} with {hop.protocol} id {hop.queue_id}{whom};\r\n\t{hop.date}\r\n").encode(
        "ascii"
    )


def date(text: str) -> bytes:
    """Return a Date field for a message that came without one."""
    return f"Date: {text}\r\n".encode("ascii")


def message_id(queue_id: str, host: str) -> bytes:
    """Return a Message-ID field for a message that came without one."""
    return f"Message-ID: <{queue_id}@{host}>\r\n".encode("ascii")
