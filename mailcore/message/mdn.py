"""Confirmations of reading: who asks for one, and what the sender is sent when the reader agrees. RFC 8098.

Never automatic: each is made because a person pressed a button, and says so.
"""

from mailcore.message import addresses, bidi, build, encode, words
from mailcore.message.addresses import Mailbox

ASKED, SENT = b"disposition-notification-to", "$MDNSent"  # RFC 8098 §2.1; RFC 3503 §3: set once, so that nobody is told twice

_SUBJECT = "Read / Lu / قرئت الرسالة: {subject}"
_AR = "فتحت رسالتكم وعرضت على قارئها. لا يعني ذلك الموافقة على مضمونها."
_FR = "Votre message a été ouvert par son lecteur. Cela ne vaut pas accord sur son contenu."
_EN = "Your message was opened by its reader. That is no agreement with what it says."


def asks(wanted: bytes, author: bytes) -> Mailbox | None:
    """Return whom to tell: the one mailbox that asks, when it is also the one author; else None (RFC 8098 §2.1)."""
    asking, authors = addresses.mailboxes(wanted), addresses.mailboxes(author)
    if len(asking) != 1 or len(authors) != 1 or asking[0].address.casefold() != authors[0].address.casefold():
        return None
    return asking[0]


def confirmation(*, reader: Mailbox, to: Mailbox, host: str, subject: str, original_id: str, date_us: int, message_id: str) -> bytes:
    """Return the message that tells an author that theirs was read, to be sent with the null sender (RFC 8098 §3)."""
    top = build.headers(
        sender=reader,
        to=[to],
        subject=_SUBJECT.format(subject=subject[:200]),
        date_us=date_us,
        message_id=message_id,
        references=[original_id] if original_id else [],
        extra=[("Auto-Submitted", "auto-replied")],
    )
    text = "\n".join([bidi.right_to_left(_AR), _FR, _EN, "", f"    {bidi.apart(subject[:200])}"])
    return build.with_entity(top, build.multipart("report", [encode.text(text, "plain"), _machine(reader, host, original_id)], _TYPE))


_TYPE = ("report-type=disposition-notification",)


def _machine(reader: Mailbox, host: str, original_id: str) -> bytes:
    """Return the part for machines (RFC 8098 §3.1); for an address outside ASCII that of RFC 6533 §5."""
    plain = reader.address.isascii()
    kind, coding = ("disposition-notification", "7bit") if plain else ("global-disposition-notification", "8bit")
    fields = [
        ("Reporting-UA", f"{host}; Diwan"),
        ("Final-Recipient", f"{'rfc822' if plain else 'utf-8'}; {reader.address}"),
        ("Original-Message-ID", original_id),
        ("Disposition", "manual-action/MDN-sent-manually; displayed"),
    ]
    body = b"".join(words.fold(name, value.encode().split()) for name, value in fields if value)
    return f"Content-Type: message/{kind}\r\nContent-Transfer-Encoding: {coding}\r\n\r\n".encode() + body
