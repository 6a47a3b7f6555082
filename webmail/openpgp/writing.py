"""Letters that leave signed or encrypted with OpenPGP, for correspondents who use it. RFC 3156, RFC 9788 §3 (the subject is told inside).

Offered only to whoever has an OpenPGP key. What is encrypted is always signed inside, and to its sender too: the copy in Sent opens.
"""

import asyncio

from mailcore.openpgp import letters as service
from mailcore.openpgp import own
from webmail import bidi, encryption, letters, recipients
from webmail.desk import Desk
from webmail.language import gettext as _
from webmail.language import ngettext
from webmail.letters import Addressed, Letter

SIGN, ENCRYPT = "pgp-sign", "pgp-encrypt"
MAX_SHOWN = 5  # addresses that a problem names
MAX_RECIPIENTS = 100  # of one encrypted letter: each may be a question to another domain


async def offered(desk: Desk) -> bool:
    """Say whether somebody at this desk could use OpenPGP: one of their senders has a key."""
    return any([await _has_key(desk, box.account_id) for box in desk.senders])


async def check_sign(desk: Desk, letter: Letter) -> list[str]:
    """Say what keeps a letter from being signed: no key of the sender, or two kinds of signature."""
    if letter.sign and ENCRYPT not in letter.options:
        return [_("An official signature stands for itself: choose one of the two.")]
    return await _without_key(desk, letter)


async def check_encrypt(desk: Desk, letter: Letter) -> list[str]:
    """Say what keeps a letter from being encrypted: a reader without a key, looked for in their domain's directory now."""
    if encryption.NAME in letter.options:
        return [_("A letter is encrypted once: choose one of the two kinds.")]
    found = await _without_key(desk, letter)
    if found:
        return found
    everybody = [one.address for field in ("to", "cc", "bcc") for one in recipients.parse(getattr(letter, field)).mailboxes]
    if len(everybody) > MAX_RECIPIENTS:
        return [_("A letter encrypted with OpenPGP has at most %(num)d recipients.") % {"num": MAX_RECIPIENTS}]
    pins = await asyncio.gather(*(service.of_recipient(desk.services, letter.sender, address) for address in everybody))
    missing = [address for address, pin in zip(everybody, pins, strict=True) if pin is None]
    if not missing:
        return []
    shown = ", ".join(bidi.isolate(address) for address in missing[:MAX_SHOWN])
    return [ngettext("No OpenPGP key is known for: %(list)s", "No OpenPGP keys are known for: %(list)s", len(missing)) % {"list": shown}]


async def sign(desk: Desk, addressed: Addressed, top: bytes, entity: bytes) -> tuple[bytes, bytes]:
    """Sign a letter with its sender's OpenPGP key. Raises NoPgpKey, BadPgpKey, PgpUnavailable."""
    if ENCRYPT in addressed.letter.options:
        return top, entity  # encryption signs inside
    return top, await service.sign(desk.services, addressed.letter.sender, entity)


async def encrypt(desk: Desk, addressed: Addressed, top: bytes, entity: bytes) -> tuple[bytes, bytes]:
    """Encrypt a letter for everybody, blind copies unnamed, and sign it inside. Raises NoPgpKey, BadPgpKey, PgpUnavailable."""
    shown = [one.address for one in (*addressed.to, *addressed.cc)]
    hidden = [one.address for one in addressed.bcc]
    return letters.confidential(top), await service.encrypt(desk.services, addressed.letter.sender, entity, shown, hidden)


async def _without_key(desk: Desk, letter: Letter) -> list[str]:
    return [] if await _has_key(desk, letter.sender) else [_("This sender has no OpenPGP key in force.")]


async def _has_key(desk: Desk, account_id: int) -> bool:
    return await desk.services.db.peek(own.current, account_id) is not None
