"""What a client that speaks IMAP4rev2 is told of one mailbox by name. RFC 9051 §6.3.2, §6.3.9.7 (OLDNAME)."""

from mailcore.imap import listing, names, trees
from mailcore.imap.listing import Entry
from mailcore.imap.names import Pattern
from mailcore.imap.session import Session


async def line(session: Session, name: str, said: str = "") -> bytes:
    """Write the LIST response of a mailbox; with what the client called it when that is not its name."""
    tree = await trees.grow(session, (Pattern(name),))
    attributes = listing.attributes(tree, name) if name in tree.mailboxes else ()  # not to be looked up, yet to be read
    subscribed = (b"\\Subscribed",) if name in tree.subscribed else ()
    return _written(session, name, (*attributes, *subscribed), said)


def gone(session: Session, name: str, said: str) -> bytes:
    """Write the LIST response of a mailbox that was deleted under another spelling."""
    return _written(session, name, (b"\\NonExistent",), said)


def differs(name: str, said: str) -> bool:
    """Say whether a client must be told the name of the mailbox that it named. INBOX it knows in whatever case (RFC 9051 §5.1)."""
    return said not in ("", name) and not names.is_inbox(said)


def _written(session: Session, name: str, attributes: tuple[bytes, ...], said: str) -> bytes:
    old = said if differs(name, said) else ""
    return listing.line(b"LIST", Entry(name, attributes, None, old_name=old), utf8=session.utf8)
