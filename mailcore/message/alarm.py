"""What a postmaster is sent when mail waits too long: in Arabic, French and English. RFC 3834 §5 (Auto-Submitted)."""

from collections.abc import Sequence

from mailcore.message import bidi, build, encode
from mailcore.message.addresses import Mailbox

_SUBJECT = "البريد ينتظر / Du courrier attend / Mail is waiting: {node}"
_AR = """\
أقدم رسالة في طابور {node} تنتظر منذ {hours} ساعة، والحد {limit} ساعة. عدد المرسل إليهم المنتظرين: {waiting}.
"""
_FR = """\
Le plus ancien message de la file de {node} attend depuis {hours} h, la limite est de {limit} h.
Destinataires en attente : {waiting}.
"""
_EN = """\
The oldest message in the queue of {node} has been waiting for {hours} h, the limit is {limit} h.
Recipients that wait: {waiting}.
"""
_HOW = "diwan queue list --totals"


def waiting(
    *,
    node: str,
    postmaster: Mailbox,
    oldest_s: int,
    limit_s: int,
    recipients: int,
    destinations: Sequence[tuple[str, int, str]],
    date_us: int,
    message_id: str,
) -> bytes:
    """Return the letter. `destinations` are (name, recipients, why) of those for which the most waits."""
    known = {"node": node, "hours": oldest_s // 3600, "limit": limit_s // 3600, "waiting": recipients}
    lines = [bidi.right_to_left(_AR.format(**known)), _FR.format(**known), _EN.format(**known)]
    lines += [f"    {count:>8}  {name}  {why}".rstrip() for name, count, why in destinations]
    top = build.headers(
        sender=postmaster,
        to=[postmaster],
        subject=_SUBJECT.format(node=node),
        date_us=date_us,
        message_id=message_id,
        extra=[("Auto-Submitted", "auto-generated")],
    )
    return build.with_entity(top, encode.text("\n".join([*lines, "", _HOW]), "plain"))
