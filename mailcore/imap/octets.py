"""Items of FETCH that are octets of a message, as plans: what to write, and which octets to read for it.

RFC 9051 §6.4.5.1, RFC 3516 §4.2, §4.3. A plan is whole before the first octet of an answer is written, so that what cannot be
answered is refused in time.
"""

import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from dataclasses import dataclass

from mailcore.imap.commands import Binary, Body
from mailcore.imap.errors import UnknownTransferEncoding
from mailcore.imap.fetching import labelled
from mailcore.imap.responses import literal
from mailcore.message import decode, section
from mailcore.message.section import Section
from mailcore.message.types import Header

COMPOSITE = frozenset(("multipart", "message"))


@dataclass(frozen=True, slots=True)
class Slice:
    """Octets as they are in the message."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """Some fields of a header in the message, as a literal."""

    start: int
    stop: int
    section: Section
    partial: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Decoded:
    """Octets without their transfer encoding, as a literal; or, with `size`, their number."""

    start: int
    stop: int
    encoding: str
    partial: tuple[int, int] | None
    size: bool


Step = bytes | Slice | Chosen | Decoded
Read = Callable[[int, int], AsyncGenerator[bytes, None]]  # octets of the message, piece by piece


def label(item: Body | Binary) -> bytes:
    """Return what the answer calls an item; a size has no place to begin at (RFC 3516 §4.3)."""
    return item.label if isinstance(item, Binary) and item.size else labelled(item)


def plan(item: Body | Binary, header: Header | None, size_bytes: int) -> list[Step]:
    """Return how an item is answered, behind its label. Raises UnknownTransferEncoding."""
    return _binary(item, header, size_bytes) if isinstance(item, Binary) else _body(item, header, size_bytes)


def _body(item: Body, header: Header | None, size_bytes: int) -> list[Step]:
    wanted = item.section
    if not wanted.path and not wanted.kind:
        return _sliced(0, size_bytes, item.partial)
    assert header is not None
    bounds = section.locate(header, wanted)
    if bounds is not None:
        return _sliced(*bounds, item.partial)
    if not wanted.path:
        octets = section.from_header(header, wanted) or b""
        return [literal(octets if item.partial is None else octets[item.partial[0] : sum(item.partial)])]
    bounds = section.embedded_header(header, wanted)
    return [b"NIL"] if bounds is None else [Chosen(*bounds, wanted, item.partial)]


def _sliced(start: int, stop: int, partial: tuple[int, int] | None) -> list[Step]:
    """Return the octets of a slice, or of a part of it; beyond its end there are none (RFC 9051 §6.4.5)."""
    if partial is not None:
        start = min(start + partial[0], stop)
        stop = min(start + partial[1], stop)
    return [b"{%d}\r\n" % (stop - start), Slice(start, stop)]


def _binary(item: Binary, header: Header | None, size_bytes: int) -> list[Step]:
    """The encoding of a composite part is none that hides anything, whatever it says (RFC 2045 §6.4)."""
    if not item.path:
        return [Decoded(0, size_bytes, "binary", item.partial, item.size)]
    assert header is not None
    bounds = section.locate(header, Section(item.path))
    if bounds is None:
        return [b"0" if item.size else b"NIL"]
    span = section.find(header.spans, item.path)
    encoding = span.encoding if span is not None and not (span.type == "multipart" or span.is_message) else "binary"
    if decode.decoder(encoding) is None:
        raise UnknownTransferEncoding(encoding=encoding)
    return [Decoded(*bounds, encoding, item.partial, item.size)]


def filled(step: Step, raw: bytes) -> bytes:
    """Return what a step writes, of a message that is at hand."""
    match step:
        case bytes():
            return step
        case Slice(start, stop):
            return raw[start:stop]
        case Chosen(start, stop):
            return _fields(step, raw[start:stop])
        case Decoded(start, stop):
            octets = b"".join(decode.decoded([raw[start:stop]], _decoder(step)))
            if step.size:
                return b"%d" % len(octets)
            if step.partial is not None:
                octets = octets[step.partial[0] : sum(step.partial)]
            return _announced(len(octets), nul=b"\x00" in octets) + octets


async def streamed(step: Step, read: Read) -> AsyncGenerator[bytes, None]:
    """Yield what a step writes, of a message that is too large to hold."""
    match step:
        case bytes():
            yield step
        case Slice(start, stop):
            async with contextlib.aclosing(read(start, stop)) as pieces:
                async for piece in pieces:
                    yield piece
        case Chosen(start, stop):
            yield _fields(step, b"".join([piece async for piece in read(start, stop)]))
        case Decoded():
            count, nul = await _measured(step, read)
            if step.size:
                yield b"%d" % count
                return
            yield _announced(count, nul=nul)
            async with contextlib.aclosing(_unwrapped(step, read)) as pieces:
                async for piece in pieces:
                    yield piece


def _fields(step: Chosen, octets: bytes) -> bytes:
    found = section.chosen(octets, step.section)
    return literal(found if step.partial is None else found[step.partial[0] : sum(step.partial)])


def _decoder(step: Decoded) -> decode.Decoder:
    undo = decode.decoder(step.encoding)
    assert undo is not None, "the plan has looked"
    return undo


def _announced(count: int, *, nul: bool) -> bytes:
    """A literal8 only where NUL stands in it: no client that knows literals alone is troubled without need (RFC 3516 §4.2)."""
    return b"~{%d}\r\n" % count if nul else b"{%d}\r\n" % count


async def _measured(step: Decoded, read: Read) -> tuple[int, bool]:
    """Count what a step will write: a literal says its length before its octets. The part is read twice, and never held."""
    count, nul = 0, False
    async with contextlib.aclosing(_unwrapped(step, read)) as pieces:
        async for piece in pieces:
            count += len(piece)
            nul = nul or b"\x00" in piece
    return count, nul


async def _unwrapped(step: Decoded, read: Read) -> AsyncGenerator[bytes, None]:
    """Yield decoded octets, those of the partial alone."""
    undo = _decoder(step)
    skip, left = step.partial or (0, step.stop)
    async with contextlib.aclosing(_each(undo, step, read)) as pieces:
        async for piece in pieces:
            octets = piece[skip : skip + left]
            skip = max(0, skip - len(piece))
            left -= len(octets)
            if octets:
                yield octets
            if not left:
                return


async def _each(undo: decode.Decoder, step: Decoded, read: Read) -> AsyncGenerator[bytes, None]:
    async with contextlib.aclosing(read(step.start, step.stop)) as pieces:
        async for piece in pieces:
            yield undo.feed(piece)
    yield undo.finish()


def whole(steps: Iterable[Step], raw: bytes) -> Iterator[bytes]:
    """Yield what steps write, of a message that is at hand."""
    return (filled(step, raw) for step in steps)
