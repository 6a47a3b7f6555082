"""Arguments of GETMETADATA, SETMETADATA, GETQUOTA and GETQUOTAROOT. RFC 5464 §4, RFC 9208 §4.1, RFC 9590 §4."""

from mailcore.imap.commands import GetMetadata, GetQuota, Select, SetMetadata
from mailcore.imap.parse.cursor import BadSyntax, Cursor

MAX_ENTRIES = 100  # of one command
MAX_ENTRY_OCTETS = 255
DEPTHS = {"0": 0, "1": 1, "INFINITY": None}
SCOPES = ("/private", "/shared")


def entry(cursor: Cursor) -> str:
    """Take an entry's name and return it in lower case (RFC 5464 §3.2: it is ASCII, has no wildcards and no empty part)."""
    octets = cursor.astring()
    name = octets.decode("ascii", "replace").lower()
    if len(octets) > MAX_ENTRY_OCTETS or not octets.isascii() or not name.isprintable() or "*" in name or "%" in name:
        raise BadSyntax("not the name of an entry")
    if "//" in name or name.endswith("/") or not any(name == scope or name.startswith(scope + "/") for scope in SCOPES):
        raise BadSyntax("an entry is below /private or /shared")
    return name


def entries(cursor: Cursor) -> tuple[str, ...]:
    """Take one entry, or several in parentheses."""
    if not cursor.skip(b"("):
        return (entry(cursor),)
    found: dict[str, None] = {}
    while not found or not cursor.skip(b")"):
        if found:
            cursor.space()
        found[entry(cursor)] = None
        if len(found) > MAX_ENTRIES:
            raise BadSyntax("too many entries")
    return tuple(found)


def get(cursor: Cursor) -> GetMetadata:
    """GETMETADATA: options stand before the mailbox; behind it, where an example of the RFC has them, they are taken as well."""
    cursor.space()
    options: dict[str, int | None] = {"DEPTH": 0, "MAXSIZE": None}
    if cursor.looking_at(b"("):
        _options(cursor, options)
        cursor.space()
    name = cursor.mailbox()
    cursor.space()
    if cursor.looking_at(b"("):
        here = cursor.at
        try:
            _options(cursor, options)
            cursor.space()
        except BadSyntax:
            cursor.at = here  # a list of entries whose first is quoted
    return GetMetadata(name, entries(cursor), options["DEPTH"], options["MAXSIZE"])


def of_listed(cursor: Cursor) -> GetMetadata:
    """What LIST shows of annotations beside each mailbox (RFC 9590 §4)."""
    options: dict[str, int | None] = {"DEPTH": 0, "MAXSIZE": None}
    here = cursor.at
    try:
        _options(cursor, options)
        cursor.space()
    except BadSyntax:
        cursor.at = here
    return GetMetadata("", entries(cursor), options["DEPTH"], options["MAXSIZE"])


def _options(cursor: Cursor, options: dict[str, int | None]) -> None:
    cursor.expect(b"(")
    first = True
    while first or not cursor.skip(b")"):
        if not first:
            cursor.space()
        first = False
        name = cursor.word()
        cursor.space()
        if name == "MAXSIZE":
            options[name] = cursor.number()
        elif name == "DEPTH":
            depth = cursor.word()
            if depth not in DEPTHS:
                raise BadSyntax("DEPTH is 0, 1 or infinity")
            options[name] = DEPTHS[depth]
        else:
            raise BadSyntax("unknown option")


def set_(cursor: Cursor) -> SetMetadata:
    """SETMETADATA: entries with their values, NIL to remove one."""
    cursor.space()
    name = cursor.mailbox()
    cursor.space()
    cursor.expect(b"(")
    found: dict[str, bytes | None] = {}
    while not found or not cursor.skip(b")"):
        if found:
            cursor.space()
        named = entry(cursor)
        cursor.space()
        found[named] = cursor.literal() if cursor.skip(b"~") else cursor.nstring()
        if len(found) > MAX_ENTRIES:
            raise BadSyntax("too many entries")
    if any(named in SCOPES for named in found):
        raise BadSyntax("an entry is below /private or /shared")
    return SetMetadata(name, tuple(found.items()))


def quota(cursor: Cursor) -> GetQuota:
    """GETQUOTA names a quota root."""
    cursor.space()
    return GetQuota(cursor.mailbox())


def quota_root(cursor: Cursor) -> Select:
    """GETQUOTAROOT names a mailbox."""
    cursor.space()
    return Select(cursor.mailbox())
