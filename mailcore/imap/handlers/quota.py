"""How full an account is. RFC 9208: each account is one quota root; quotas are changed with `diwan quota`, not over IMAP."""

from config.database import Tx
from directory.quotas import Quota
from mailcore.errors import NoSuchMailbox
from mailcore.imap import responses
from mailcore.imap.commands import GetQuota, Select
from mailcore.imap.place import Place
from mailcore.imap.responses import Responses, ok
from mailcore.imap.session import Session
from mailcore.store import mailboxes, quota
from mailcore.store.mailboxes import INBOX, MAX_MAILBOXES
from mailcore.store.quota import Usage
from mailcore.store.types import AccountId

UNIT_BYTES = 1024  # of STORAGE (RFC 9208 §5.1)


async def get_quota(session: Session, command: GetQuota) -> Responses:
    """RFC 9208 §4.1.1: the root of one's own account is "", that of another the name under which it is shown."""
    place = (await session.locate(command.root)).require("r") if command.root else Place(session.account, INBOX)
    if place.root != command.root:
        raise NoSuchMailbox(name=command.root)
    yield _line(session, command.root, *await session.services.db.peek(quota.standing, place.account.account_id))
    yield ok("done")


async def get_quota_root(session: Session, command: Select) -> Responses:
    """RFC 9208 §4.1.2."""
    place = (await session.locate(command.name)).require("r")
    standing = await session.services.db.peek(_standing, place.account.account_id, place.name)
    yield b"* QUOTAROOT %b %b\r\n" % (responses.mailbox(command.name, utf8=session.utf8), _named(session, place.root))
    yield _line(session, place.root, *standing)
    yield ok("done")


def _standing(tx: Tx, account_id: AccountId, name: str) -> tuple[Usage, Quota]:
    mailboxes.find(tx, account_id, name)
    return quota.standing(tx, account_id)


def _named(session: Session, root: str) -> bytes:
    return responses.mailbox(root, utf8=session.utf8) if root else b'""'


def _line(session: Session, root: str, held: Usage, may: Quota) -> bytes:
    """Write a QUOTA response (RFC 9208 §4.2.1): only resources that are limited; use is rounded up, limits are rounded down."""
    limits = {
        "STORAGE": (-(-held.storage_bytes // UNIT_BYTES), None if may.storage_bytes is None else may.storage_bytes // UNIT_BYTES),
        "MESSAGE": (held.messages, may.messages),
        "MAILBOX": (held.mailboxes, MAX_MAILBOXES),
    }
    said = " ".join(f"{name} {used} {limit}" for name, (used, limit) in limits.items() if limit is not None)
    return b"* QUOTA %b (%b)\r\n" % (_named(session, root), said.encode("ascii"))
