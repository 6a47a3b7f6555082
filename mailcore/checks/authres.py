"""Authentication-Results: what we found, written so that no value can say anything else; and what others claim in our name. Pure.

RFC 8601 §2.2 (syntax), §2.7 (results), §5 (fields that bear our name and are not ours); RFC 8617 §4.1.1 (the same in ARC sets).
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from mailcore.checks.results import Arc, Dkim, Dmarc, Spf
from mailcore.message.headers import Field
from mailcore.store.sealing import Content

NAME = b"authentication-results"
NEUTRAL = b"X-Foreign-Auth-Results"  # as many octets as the name that it replaces: nothing behind it moves
NESTED = 8  # comments within comments, from the inside
MAX_VALUE = 200  # characters of one value

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+")
_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~@-]+")
_COMMENT = re.compile(rb"\((?:[^()\\]|\\.)*+\)", re.DOTALL)
_QUOTED = re.compile(rb'\s*"((?:[^"\\]|\\.)*)"', re.DOTALL)


def value(text: str) -> str:
    """Return a value as RFC 8601 §2.2 wants it: a token, an address, or a quoted string of printable ASCII."""
    text = "".join(character if " " <= character <= "~" else "?" for character in text[:MAX_VALUE])
    if _PLAIN.fullmatch(text) and text.count("@") <= 1:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def payload(authserv_id: str, spf: Spf | None, dkim: Sequence[Dkim], dmarc: Dmarc | None, arc: Arc | None) -> str:
    """Return the identifier and every result, each on a line of its own."""
    parts = [_dkim(each) for each in dkim] or ["dkim=none"]
    if spf is not None:
        parts.append(_spf(spf))
    if dmarc is not None:
        parts.append(_dmarc(dmarc))
    if arc is not None and arc.result != "none":
        parts.append(_arc(arc))
    return ";\r\n\t".join([value(authserv_id), *parts])


def field(written: str) -> bytes:
    """Return the field with a payload."""
    return f"Authentication-Results: {written}\r\n".encode("ascii")


def sealed(instance: int, written: str) -> bytes:
    """Return the ARC-Authentication-Results of a set."""
    return f"ARC-Authentication-Results: i={instance}; {written}\r\n".encode("ascii")


def _result(method: str, result: str, reason: str, *properties: tuple[str, str]) -> str:
    because = f" reason={value(reason)}" if reason else ""
    said = "".join(f" {name}={value(text)}" for name, text in properties if text)
    return f"{method}={result}{because}{said}"


def _dkim(each: Dkim) -> str:
    where = (("header.d", each.domain), ("header.s", each.selector), ("header.a", each.algorithm), ("header.b", each.value))
    return _result("dkim", each.result, each.reason, *where)


def _spf(spf: Spf) -> str:
    return _result("spf", spf.result, spf.reason, (f"smtp.{spf.identity}", spf.domain))


def _dmarc(dmarc: Dmarc) -> str:
    return _result("dmarc", dmarc.result, dmarc.reason, ("header.from", dmarc.author), ("policy.dmarc", dmarc.disposition))


def _arc(arc: Arc) -> str:
    return _result("arc", arc.result, arc.reason, ("header.oldest-pass", arc.sealers[0] if arc.sealers else ""))


def neutralised(raw: Content, fields: Iterable[Field], authserv_id: str) -> bytes:
    """Return the header with the fields renamed that claim to be ours; b"" when there is none (RFC 8601 §5).

    Such a field comes before ours was written, so it is a forgery or speaks of another journey. Its name becomes NEUTRAL, as long as the
    one that it had: what stands behind keeps its place, and every octet of the value is still there to look at.
    """
    fields = tuple(fields)
    found = [each for each in fields if each.lower == NAME and _claims(raw[each.value_start : each.end], authserv_id)]
    if not found:
        return b""
    header = bytearray(raw[: fields[-1].end])
    for each in found:
        header[each.start : each.start + len(NEUTRAL)] = NEUTRAL
    return bytes(header)


def _claims(octets: bytes, authserv_id: str) -> bool:
    """Say whether some reader may take a field for ours; in doubt, yes."""
    ours = authserv_id.lower().encode("ascii")
    said = identifier(octets)
    if said in (ours, b""):
        return True
    head = re.sub(rb"\\(.)", rb"\1", _bare(octets).partition(b";")[0]).lower()
    named = re.search(rb"(?<![a-z0-9.-])" + re.escape(ours) + rb"(?![a-z0-9-]|\.[a-z0-9])", head)
    return named is not None or b"(" in head


def identifier(octets: bytes) -> bytes:
    """Return who a field says it is from, in lower case; b"" when that cannot be told."""
    bare = _bare(octets)
    quoted = _QUOTED.match(bare)
    if quoted is not None:
        return re.sub(rb"\\(.)", rb"\1", quoted[1]).strip().lower()
    words = bare.partition(b";")[0].split()
    return words[0].lower() if words else b""


def _bare(octets: bytes) -> bytes:
    """Return a value without folds and comments; those deeper than NESTED leave their parentheses."""
    bare = octets.replace(b"\r\n", b"")
    for _ in range(NESTED):
        bare, count = _COMMENT.subn(b" ", bare)
        if not count:
            break
    return bare


def results(octets: bytes) -> dict[str, str]:
    """Return the first result of each method in a field of ours: {"dkim": "pass", "spf": "fail", "dmarc": "none"}."""
    found: dict[str, str] = {}
    for method, words in _parts(octets):
        found.setdefault(method, words[0])
    return found


def confirms(octets: bytes, domain: str) -> bool:
    """Say whether a field of ours shows that a domain stands behind a message: DMARC passed, or the domain itself is proven."""
    for method, words in _parts(octets):
        if words[0] != "pass" or any(word.startswith("reason=") for word in words):
            continue
        if method == "dmarc" and f"header.from={domain}" in words:
            return True
        if f"header.d={domain}" in words or f"smtp.mailfrom={domain}" in words:
            return True
    return False


def doubts(fields: Iterable[tuple[bytes, bytes]], authserv_id: str, domain: str) -> bool:
    """Say whether we looked at a message and did not find that a domain stands behind it; what nobody looked at is not doubted.

    `fields` are (name in lower case, octets) from the top; of those that bear our name the first is ours.
    """
    ours = authserv_id.lower().encode("ascii")
    said = (octets for name, octets in fields if name == NAME and identifier(octets.partition(b":")[2]) == ours)
    found = next(said, None)
    return found is not None and not confirms(found, domain)


def _parts(octets: bytes) -> Iterator[tuple[str, list[str]]]:
    """Return (method, result and properties) of each part of a field; quoted strings are left empty."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', octets.decode("ascii", "replace").replace("\r\n", ""))
    for part in bare.split(";")[1:]:
        method, equals, rest = part.strip().partition("=")
        words = rest.lower().split()
        if equals and words and _TOKEN.fullmatch(method):
            yield method.lower(), words
