"""Recipients as people type them: ``Name <a@b>; c@d، e@f`` becomes mailboxes, or a list of what is no address.

The grammar is that of forms, not of headers: a list parted by commas, semicolons (also the Arabic ones) or line breaks.
A line break inside a field is a separator, so a smuggled header line ends up as "not an address".
"""

import re
from dataclasses import dataclass

from config.errors import MailError
from directory import address as addresses
from mailcore.message.addresses import Mailbox

_SEPARATOR = re.compile(r'("(?:[^"\\]|\\.)*")|([,;،؛\r\n]+)')
_NAMED = re.compile(r'(?P<name>.*?)\s*<\s*(?P<address>(?:"(?:[^"\\]|\\.)*"|[^<>\s"])+)\s*>', re.DOTALL)
MAX_ENTRY = 1_000  # characters: a name and an address


@dataclass(frozen=True, slots=True)
class Typed:
    """What one field held."""

    mailboxes: tuple[Mailbox, ...]
    bad: tuple[str, ...]


def parse(text: str) -> Typed:
    """Return the mailboxes of one field, in order, each address once, and the entries that are none."""
    good: dict[str, Mailbox] = {}
    bad: list[str] = []
    for entry in _entries(text):
        mailbox = _mailbox(entry)
        if mailbox is None:
            bad.append(entry[:80])
        else:
            good.setdefault(mailbox.address.casefold(), mailbox)
    return Typed(tuple(good.values()), tuple(bad))


def show(mailboxes: tuple[Mailbox, ...]) -> str:
    """Return mailboxes as a field shows them; `parse` reads it back."""
    written = ((m.name, _written(m)) for m in mailboxes)
    return ", ".join(f'"{_quotable(name)}" <{address}>' if name else address for name, address in written)


def _written(mailbox: Mailbox) -> str:
    """Return an address with its local part in quotes where it needs them, for mail or for what parts this field."""
    text = str(addresses.Address(mailbox.local, mailbox.domain))
    return f'"{mailbox.local}"@{mailbox.domain}' if not text.startswith('"') and _SEPARATOR.search(text) else text


def mailbox(name: str, address: str) -> Mailbox:
    """Return the mailbox of an address that the directory wrote. Raises BadAddress."""
    parsed = addresses.parse(address)
    return Mailbox(_quotable(name), parsed.local, parsed.domain)


def _quotable(name: str) -> str:
    return re.sub(r'["\\\r\n]+', " ", name).strip()


def _entries(text: str) -> list[str]:
    entries, start = [], 0
    for match in _SEPARATOR.finditer(text):
        if match[2]:
            entries.append(text[start : match.start()])
            start = match.end()
    entries.append(text[start:])
    return [entry.strip() for entry in entries if entry.strip()]


def _mailbox(entry: str) -> Mailbox | None:
    if len(entry) > MAX_ENTRY:
        return None
    named = _NAMED.fullmatch(entry)
    name, text = (named["name"], named["address"]) if named else ("", entry)
    try:
        address = addresses.parse(text)
    except MailError:
        return None
    return Mailbox(_quotable(name.strip().strip('"')), address.local, address.domain)
