"""Strings with ``${…}`` in them. Pure. RFC 5228 §2.4.2.4 (encoded-character), RFC 5229 §3 (variables)."""

import re
from dataclasses import dataclass

from mailcore.sieve import limits
from mailcore.sieve.faults import Fault, Place, SieveError
from mailcore.sieve.run import Run

_ENCODED = re.compile(
    r"\$\{(?:(?P<hex>hex):(?:[ \t]|\r\n)*+(?P<octets>[0-9A-F]{1,2}(?:(?:[ \t]|\r\n)++[0-9A-F]{1,2})*+)"
    r"|(?P<unicode>unicode):(?:[ \t]|\r\n)*+(?P<points>[0-9A-F]++(?:(?:[ \t]|\r\n)++[0-9A-F]++)*+))(?:[ \t]|\r\n)*+\}",
    re.IGNORECASE | re.ASCII,
)
_NAME = r"[A-Za-z_][A-Za-z0-9_]*+"
_VARIABLE = re.compile(rf"\$\{{((?:{_NAME}\.)*+)({_NAME}|[0-9]++)\}}", re.ASCII)
IS_NAME = re.compile(_NAME, re.ASCII)


@dataclass(frozen=True, slots=True)
class Template:
    """A string: its constant pieces, and between them the variables that stand there (numbers: values of the last match)."""

    pieces: tuple[str | int, ...]  # even places are text, odd ones variables: a number, or the name in lower case
    place: Place

    @property
    def constant(self) -> str | None:
        """Return the string when it has no variables."""
        return str(self.pieces[0]) if len(self.pieces) == 1 else None

    def of(self, run: Run) -> str:
        """Return the string as it is now; it may be no longer than the longest variable, unless it was written so."""
        if len(self.pieces) == 1:
            return str(self.pieces[0])
        parts = [str(piece) if n % 2 == 0 else _value(run, piece) for n, piece in enumerate(self.pieces)]
        found = "".join(parts)
        run.work(len(found))
        return found[: max(limits.MAX_VARIABLE_CHARS, sum(len(part) for part in parts[::2]))]


def _value(run: Run, name: str | int) -> str:
    if isinstance(name, int):
        return run.matches[name] if name < len(run.matches) else ""
    return run.variables.get(name, "")


def template(text: str, place: Place, *, variables: bool) -> Template:
    """Return a string with its variables found. Raises SieveError for a namespace that is not known (RFC 5229 §3)."""
    if not variables or "${" not in text:
        return Template((text,), place)
    pieces: list[str | int] = []
    at = 0
    for found in _VARIABLE.finditer(text):
        if found[1]:
            raise SieveError(Fault.BAD_NAMESPACE, place, name=found[1].rstrip("."))
        pieces += [text[at : found.start()], _reference(found[2])]
        at = found.end()
    return Template((*pieces, text[at:]), place)


def _reference(name: str) -> str | int:
    return min(int(name[-9:]), limits.MAX_MATCHES) if name[0].isdigit() else name.lower()


def decoded(text: str, place: Place) -> str:
    """Return a string with ``${hex:…}`` and ``${unicode:…}`` replaced. Raises SieveError for what is no character."""
    if "${" not in text:
        return text
    octets, at = b"", 0
    for found in _ENCODED.finditer(text):
        octets += text[at : found.start()].encode("utf-8", "replace") + _octets(found, place)
        at = found.end()
    return (octets + text[at:].encode("utf-8", "replace")).decode("utf-8", "replace")


def _octets(found: re.Match[str], place: Place) -> bytes:
    if found["hex"]:
        return bytes(int(each, 16) for each in found["octets"].split())
    shown = ""
    for each in found["points"].split():
        point = int(each[-8:], 16) if not each[:-8].strip("0") else 1 << 32
        if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF:
            raise SieveError(Fault.BAD_UNICODE, place, name=each[:16])
        shown += chr(point)
    return shown.encode()
