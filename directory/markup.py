"""XML that strangers send and that we answer: a tree of values, read within bounds and without a document type. Pure.

XML 1.0 §2.8 lets a document declare entities, which is all that makes XML dangerous; neither WebDAV (RFC 4918 §20.6) nor Outlook
needs them, so a document type declaration is refused. Names are in Clark notation: ``{namespace}local``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from directory.errors import BadEntry

MAX_BYTES = 1_048_576  # a multiget of 5,000 addresses takes 0.4 MB
MAX_DEPTH = 32  # the deepest request of CardDAV, a query with parameters, takes 6
MAX_ELEMENTS = 20_000
MAX_ATTRIBUTES = 32
FOREIGN = "x:"
DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'


class BadMarkup(BadEntry):
    text = "this document cannot be read"


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its name, attributes, children in order, and the text directly inside it, joined."""

    tag: str
    children: tuple["Element", ...] = ()
    text: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    def child(self, tag: str) -> "Element | None":
        """Return the first child of a name, or None."""
        return next((one for one in self.children if one.tag == tag), None)

    def all(self, tag: str) -> Iterator["Element"]:
        """Return every child of a name."""
        return (one for one in self.children if one.tag == tag)

    def word(self, *tags: str) -> str:
        """Return the text of a descendant, trimmed; empty when it is not there."""
        found: Element | None = self
        for tag in tags:
            found = None if found is None else found.child(tag)
        return "" if found is None else found.text.strip()


def parse(document: bytes) -> Element:
    """Read a document. Raises BadMarkup when it is not well formed, declares a type, or is larger than the bounds above."""
    if len(document) > MAX_BYTES:
        raise BadMarkup("this document is too large", size_bytes=len(document))
    builder = _Builder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = _refuse_type
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise BadMarkup(reason=str(error)[:100]) from None
    return builder.root()


def render(root: Element, prefixes: Mapping[str, str]) -> bytes:
    """Return a document in UTF-8. `prefixes` gives the prefix of each namespace; the one with an empty prefix is the default."""
    declared = "".join(f" xmlns{':' if short else ''}{short}={quoteattr(name)}" for name, short in prefixes.items())
    written: list[str] = [DECLARATION]
    _write(root, prefixes, written, declared)
    return "".join(written).encode()


class _Builder:
    """Builds the tree from inside out; stops at the bounds."""

    def __init__(self) -> None:
        self._open: list[tuple[str, dict[str, str], list[Element], list[str]]] = [("", {}, [], [])]
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) > MAX_DEPTH or len(attributes) > MAX_ATTRIBUTES:
            raise BadMarkup("this document has too many or too deep elements")
        self._open.append((_clark(name), {_clark(key): value for key, value in attributes.items()}, [], []))

    def end(self, _: str) -> None:
        tag, attributes, children, texts = self._open.pop()
        self._open[-1][2].append(Element(tag, tuple(children), "".join(texts), attributes))

    def text(self, data: str) -> None:
        self._open[-1][3].append(data)

    def root(self) -> Element:
        return self._open[0][2][0]


def _clark(name: str) -> str:
    return f"{{{name}" if "}" in name else name


def _refuse_type(*_: object) -> None:
    raise BadMarkup("a document type is not accepted")


def _write(element: Element, prefixes: Mapping[str, str], written: list[str], declared: str = "") -> None:
    name = _prefixed(element.tag, prefixes)
    if name.startswith(FOREIGN):  # a name that only a peer can bring in, declared where it stands
        declared += f" xmlns:{FOREIGN[:-1]}={quoteattr(_clean(element.tag[1:].rpartition('}')[0]))}"
    attributes = "".join(f" {_prefixed(key, prefixes)}={quoteattr(_clean(value))}" for key, value in element.attributes.items())
    if not element.children and not element.text:
        written.append(f"<{name}{declared}{attributes}/>")
        return
    written.append(f"<{name}{declared}{attributes}>{escape(_clean(element.text))}")
    for child in element.children:
        _write(child, prefixes, written)
    written.append(f"</{name}>")


def _prefixed(tag: str, prefixes: Mapping[str, str]) -> str:
    if not tag.startswith("{"):
        return tag
    namespace, _, local = tag[1:].rpartition("}")
    prefix = prefixes.get(namespace, FOREIGN[:-1])
    return f"{prefix}:{local}" if prefix else local


def _clean(text: str) -> str:
    """Leave out the characters that XML 1.0 §2.2 has no way to write."""
    return "".join(c for c in text if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff"))
