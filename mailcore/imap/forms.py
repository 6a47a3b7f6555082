"""How an answer with octets of a message is written: worked out once for the items that are asked for. RFC 9051 §7.5.2."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from mailcore.imap import fetching, octets
from mailcore.imap.commands import Attribute, Binary, Body, Item, Level
from mailcore.imap.fetching import Needs, Opened
from mailcore.imap.octets import Step
from mailcore.imap.responses import FlagWriter
from mailcore.imap.view import View
from mailcore.message.types import Header


class Line(msgspec.Struct, frozen=True, gc=False):
    """What an answer says of one message beside its octets."""

    view: View
    place: int
    flags: FlagWriter
    opened: Opened


Fill = Callable[[Line], int | bytes]
Plans = Mapping[Item, list[Step]]
Stretch = tuple[bytes, tuple[Fill, ...], Body | Binary | None]
UID: Fill = lambda line: line.view.uids[line.place]  # noqa: E731
NUMBER: Fill = lambda line: line.place + 1  # noqa: E731
FROM_VIEW: dict[str, Fill] = {
    "UID": UID,
    "FLAGS": lambda line: line.flags.write(line.view.flags[line.place]),
    "MODSEQ": lambda line: line.view.modseqs[line.place],
}


@dataclass(frozen=True, slots=True)
class Form:
    """Stretches of an answer: a template, what fills it, and the item whose octets follow it; none follow the last.

    `plain` when the octets are all of the message or a slice of it: then there is nothing to plan.
    """

    items: tuple[Item, ...]
    needs: Needs
    marks_seen: bool
    plain: bool
    stretches: tuple[Stretch, ...]

    def plans(self, opened: Opened) -> Plans:
        """Return how octets are answered that are not plain. Raises UnknownTransferEncoding."""
        if self.plain:
            return {}
        header = opened.header
        assert header is None or isinstance(header, Header)
        return {item: octets.plan(item, header, opened.row.size_bytes) for _, _, item in self.stretches if item is not None}

    def whole(self, line: Line, plans: Plans, raw: bytes | memoryview) -> Iterator[bytes | memoryview]:
        """Yield the answer about a message that is at hand."""
        for template, fills, item in self.stretches:
            yield template % tuple([fill(line) for fill in fills])
            if item is None:
                return
            if self.plain:
                part = raw if item.partial is None else raw[item.partial[0] : sum(item.partial)]
                yield b"{%d}\r\n" % len(part)
                yield part
            else:
                yield from octets.whole(plans[item], raw if isinstance(raw, bytes) else bytes(raw))

    def steps(self, line: Line, plans: Plans) -> Iterator[Step]:
        """Yield what the answer about a message consists of that is too large to hold."""
        for template, fills, item in self.stretches:
            yield template % tuple([fill(line) for fill in fills])
            if item is not None:
                yield from octets.plan(item, None, line.opened.row.size_bytes) if self.plain else plans[item]


@lru_cache(maxsize=1024)
def form(items: tuple[Item, ...], *, only: bool) -> Form:
    """Return how answers to these items are written; with `only` messages are named by UID alone (RFC 9586 §3.3)."""
    stretches: list[Stretch] = []
    template, fills = fetching.opening(only=only), [UID if only else NUMBER]
    for number, item in enumerate(items):
        template += b" " if number else b""
        if isinstance(item, Attribute):
            template += fetching.VIEW_FIELDS[item.name] if item.level is Level.VIEW else b"%b"
            fills.append(FROM_VIEW[item.name] if item.level is Level.VIEW else _rendered(item))
        else:
            stretches.append((template + octets.label(item).replace(b"%", b"%%") + b" ", tuple(fills), item))
            template, fills = b"", []
    stretches.append((template + b")\r\n", tuple(fills), None))
    plain = all(isinstance(item, Attribute) or (isinstance(item, Body) and item.whole) for item in items)
    return Form(items, fetching.needs(items), fetching.marks_seen(items), plain, tuple(stretches))


def _rendered(item: Attribute) -> Fill:
    render = fetching.renderer(item)
    return lambda line: render(line.opened)
