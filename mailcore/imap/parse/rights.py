"""Arguments of the commands about access lists. RFC 4314 §3."""

from mailcore.imap.commands import DeleteAcl, ListRights, OfMailbox, SetAcl
from mailcore.imap.parse.cursor import BadSyntax, Cursor
from mailcore.store.rights import ALL, OBSOLETE, Rights

MAX_IDENTIFIER_CHARS = 320  # an address has at most 254 octets (RFC 5321 §4.5.3.1.3); rights of anybody else are refused in words
_OPERATIONS = {"+": "add", "-": "remove"}


def of_mailbox(cursor: Cursor) -> OfMailbox:
    """GETACL and MYRIGHTS: RFC 4314 §3.3, §3.5."""
    cursor.space()
    return OfMailbox(cursor.mailbox())


def set_acl(cursor: Cursor) -> SetAcl:
    """RFC 4314 §3.1: rights behind ``+`` or ``-`` change those that are there, others replace them."""
    cursor.space()
    name = cursor.mailbox()
    cursor.space()
    identifier = _identifier(cursor)
    cursor.space()
    letters = cursor.text()
    op = _OPERATIONS.get(letters[:1], "replace")
    return SetAcl(name, identifier, op, _rights(letters if op == "replace" else letters[1:]))


def delete_acl(cursor: Cursor) -> DeleteAcl:
    """RFC 4314 §3.2."""
    cursor.space()
    name = cursor.mailbox()
    cursor.space()
    return DeleteAcl(name, _identifier(cursor))


def list_rights(cursor: Cursor) -> ListRights:
    """RFC 4314 §3.4."""
    cursor.space()
    name = cursor.mailbox()
    cursor.space()
    return ListRights(name, _identifier(cursor))


def _identifier(cursor: Cursor) -> str:
    identifier = cursor.text()
    if not identifier or len(identifier) > MAX_IDENTIFIER_CHARS:
        raise BadSyntax("identifier expected")
    return identifier


def _rights(letters: str) -> Rights:
    """Read letters; the obsolete ones stand for what they mean today, unknown ones are BAD (RFC 4314 §2.1.1, §3.1)."""
    found: set[str] = set()
    for letter in letters:
        if letter in OBSOLETE:
            found |= OBSOLETE[letter]
        elif letter in ALL:
            found.add(letter)
        else:
            raise BadSyntax("there is no such right")
    return frozenset(found)
