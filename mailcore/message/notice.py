"""What the owner of a list is sent when a letter waits for a decision: in Arabic, French and English, with the letter itself.

RFC 3834 §5 (Auto-Submitted), RFC 2046 §5.2.1 (message/rfc822).
"""

from mailcore.message import build, encode, words
from mailcore.message.addresses import Mailbox

MAX_ENCLOSED = 1_000_000  # octets of a letter that come along; of a larger one the header says enough to decide

_SUBJECT = "كتاب ينتظر موافقتكم / Lettre en attente de votre accord / A letter waits for you: {number}"
_TEXT = """\
كتاب موجه إلى القائمة {name_ar} <{address}> ينتظر موافقتكم تحت الرقم {number}.
المرسل: {sender}
يبقى في الانتظار {days} يوما ثم يعاد إلى مرسله.

Une lettre pour la liste {name_fr} <{address}> attend votre accord sous le numéro {number}.
Expéditeur : {sender}
Sans décision sous {days} jours, elle est renvoyée à son expéditeur.

A letter to the list {name_fr} <{address}> waits for your decision as number {number}.
Sender: {sender}
Without a decision within {days} days it goes back to its sender.

{link}

diwan list release {number}
diwan list reject {number}
"""


def held(
    *,
    postmaster: Mailbox,
    to: Mailbox,
    list_address: str,
    name_ar: str,
    name_fr: str,
    number: int,
    link: str,
    sender: str,
    days: int,
    letter: bytes,
    header: bytes,
    date_us: int,
    message_id: str,
) -> bytes:
    """Return the notice. `link` leads to the letter in the webmail. `header` goes along alone when the letter is large."""
    top = build.headers(
        sender=postmaster,
        to=[to],
        subject=_SUBJECT.format(number=number),
        date_us=date_us,
        message_id=message_id,
        extra=[("Auto-Submitted", "auto-generated")],
    )
    text = _TEXT.format(
        name_ar=_line(name_ar or name_fr),
        name_fr=_line(name_fr or name_ar),
        address=list_address,
        number=number,
        link=link,
        sender=_line(sender) or "<>",
        days=days,
    )
    kind, octets = ("message/rfc822", letter) if len(letter) <= MAX_ENCLOSED else ("text/rfc822-headers", header)
    transfer = "7bit" if octets.isascii() else "8bit"
    enclosed = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {transfer}\r\n\r\n".encode() + octets
    return build.with_entity(top, build.multipart("mixed", [encode.text(text, "plain"), enclosed]))


def _line(text: str) -> str:
    return words.clean(text)
