"""What an LDAP client writes and reads, by a foreign codec: anyldap. Bounded readers of our own answers."""

from anyldap import ldapfilter
from anyldap.protocols import pureber, pureldap

CONTEXT = pureldap.LDAPBERDecoderContext_TopLevel(
    inherit=pureldap.LDAPBERDecoderContext_LDAPMessage(
        fallback=pureldap.LDAPBERDecoderContext(fallback=pureber.BERDecoderContext()),
        inherit=pureldap.LDAPBERDecoderContext(fallback=pureber.BERDecoderContext()),
    )
)
THUNDERBIRD = "(|(cn={0}*)(mail={0}*)(sn={0}*))"
THUNDERBIRD_TWO = "(|(cn={0}*{1}*)(mail={0}*{1}*)(sn={0}*{1}*))"
THUNDERBIRD_PANE = (
    "(|(&(mozillaIsMailList=TRUE)(description=*{0}*))(displayName=*{0}*)(givenName=*{0}*)(sn=*{0}*)(mozillaNickname=*{0}*)"
    "(mail=*{0}*)(mozillaSecondEmail=*{0}*)(o=*{0}*)(ou=*{0}*)(title=*{0}*))"
)
OUTLOOK = "(&(mail=*)(|(mail={0}*)(cn={0}*)(sn={0}*)(givenName={0}*)(displayName={0}*)))"


def request(operation: object, number: int = 1) -> bytes:
    """Return the octets of a request."""
    octets: bytes = pureldap.LDAPMessage(operation, id=number).toWire()
    return octets


def written(text: str) -> bytes:
    """Return the octets of a filter in RFC 4515 notation; anyldap does not read an empty list."""
    empty = {"(&)": b"\xa0\x00", "(|)": b"\xa1\x00"}
    octets: bytes = empty[text] if text in empty else ldapfilter.parseFilter(text).toWire()
    return octets


def search(text: str, *, base: str = "", scope: int = 2, size: int = 0, attributes: tuple[str, ...] = (), number: int = 1) -> bytes:
    """Return the octets of a search with a filter in RFC 4515 notation."""
    asked = [name.encode() for name in attributes]
    wanted = ldapfilter.parseFilter(text)
    return request(
        pureldap.LDAPSearchRequest(baseObject=base.encode(), scope=scope, sizeLimit=size, filter=wanted, attributes=asked), number
    )


def decoded(octets: bytes) -> list[object]:
    """Return every message of an answer as anyldap reads it."""
    found, at = [], 0
    while at < len(octets):
        message, used = pureber.berDecodeObject(CONTEXT, octets[at:])
        found.append(message)
        at += used
    return found


def tlv(tag: int, contents: bytes) -> bytes:
    """Return a value with the shortest length."""
    size = len(contents)
    if size < 128:
        return bytes((tag, size)) + contents
    count = (size.bit_length() + 7) // 8
    return bytes((tag, 128 | count)) + size.to_bytes(count, "big") + contents


def raw_search(wanted: bytes, number: int = 1) -> bytes:
    """Return a search around the octets of a filter."""
    head = b"\x04\x00\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00"
    return tlv(0x30, b"\x02\x01" + bytes((number,)) + tlv(0x63, head + wanted + b"\x30\x00"))
