"""Commands, paths and greetings, read from octets. Pure.

RFC 5321 §4.1.1 (commands), §4.1.2 (paths), §4.1.3 (address literals), §4.5.3.1 (sizes); RFC 6531 §3.3 (UTF-8).
No encoded word, no comment, no folding: an address is what stands between the angle brackets.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from directory.address import Address, parse, parse_domain
from directory.errors import BadAddress

PATH_BYTES = 256  # RFC 5321 §4.5.3.1.3
POSTMASTER = Address("postmaster", "")  # <Postmaster> without a domain, RFC 5321 §4.5.1

_COMMAND = re.compile(rb"([A-Za-z]{1,16})(?: (.*))?", re.DOTALL)
DOMAIN = rb"(?:\[[!-Z^-~]*\]|[A-Za-z0-9.\x80-\xff-]+)"
_ROUTE = rb"(?:@[A-Za-z0-9.-]+(?:,@[A-Za-z0-9.-]+)*:)"
_ATOM = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]+"
LOCAL = rb"(?:" + _ATOM + rb"(?:\." + _ATOM + rb')*|"(?:[ !#-\[\]-~\x80-\xff]|\\[ -~])+")'
_PATH = re.compile(rb"<(?:" + _ROUTE + rb"?(" + LOCAL + rb"@" + DOMAIN + rb")|([Pp][Oo][Ss][Tt][Mm][Aa][Ss][Tt][Ee][Rr])|())>")
_HELLO = re.compile(rb"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9_])?\.?")


class BadPath(ValueError):
    """What stands after FROM: or TO: is not a path."""


@dataclass(frozen=True, slots=True)
class Command:
    """A verb in upper case and what followed the space after it, without trailing white space."""

    verb: str
    argument: bytes


def split(line: bytes) -> Command | None:
    """Cut a line (without its CR LF) into verb and argument; None when it does not begin with a word."""
    found = _COMMAND.fullmatch(line)
    if found is None:
        return None
    return Command(found[1].decode("ascii").upper(), (found[2] or b"").strip(b" "))


def cut_path(argument: bytes, keyword: bytes) -> tuple[Address | None, bytes]:
    """Read ``FROM:<path> parameters`` (`keyword` is ``FROM:`` or ``TO:``); return the path and the parameters.

    None is the null path. A source route is checked and ignored (RFC 5321 appendix C). One space after the colon is
    forgiven: many clients send it, and it changes nothing. Raises BadPath.
    """
    head, rest = argument[: len(keyword)], argument[len(keyword) :].removeprefix(b" ")
    found = _PATH.match(rest)
    if head.upper() != keyword or found is None or found.end() > PATH_BYTES or rest[found.end() : found.end() + 1].strip(b" "):
        raise BadPath
    return _path(found), rest[found.end() :]


def _path(found: re.Match[bytes]) -> Address | None:
    mailbox, postmaster, _ = found.groups()
    if mailbox is not None:
        return mailbox_address(mailbox)
    return POSTMASTER if postmaster is not None else None


@lru_cache(maxsize=4096)
def mailbox_address(octets: bytes) -> Address:
    """Read ``local@domain`` from octets into its one canonical form. Raises BadPath."""
    try:
        return parse(octets.decode("utf-8"))
    except (UnicodeDecodeError, BadAddress) as error:
        raise BadPath from error


def is_hello(argument: bytes) -> bool:
    """Say whether this can follow EHLO or HELO: a host name (underscores are common and harmless) or a literal."""
    if not argument.startswith(b"["):
        return _HELLO.fullmatch(argument) is not None
    try:
        parse_domain(argument.decode("ascii"))
    except (UnicodeDecodeError, BadAddress):
        return False
    return True
