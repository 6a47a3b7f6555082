"""Octets into deflate blocks and back, a batch at a time. RFC 4978, RFC 1951.

Between two batches an idle session keeps 2 KiB of what it said and, for what it hears, zlib's window of 32 KiB with 7 KiB beside it:
every batch ends on an octet, so that its compressor, of up to 256 KiB, need not outlive it. What is said next may refer to what
was kept, and to nothing before it.
"""

import struct
import zlib

LEVEL = 3  # on envelopes 12 to 1 at 350 MB/s; level 6 reaches 14 to 1 at 40 MB/s
PIECE_BYTES = 64 * 1024  # compressed in one way: a reply may hold text and attachments
SAMPLE_BYTES = 1024  # of a piece, to know in which
WORTH = 1.5  # what looking for repetitions must promise; base64 has none, its octets are of six bits all the same
PAST_BYTES = 2048  # kept of what was said: enough for the words of the protocol
LITTLE_BYTES = 64  # stands as it is: headers of blocks would eat what compressing saves
WINDOW_BITS = 15  # RFC 1951 §2: clients may refer to 32 KiB back
BATCH_BITS, BATCH_MEMORY = ((2 * 1024, 12, 4), (8 * 1024, 13, 6)), (15, 8)  # window bits and memory level, by what a batch has
STRETCH_BYTES = 4096  # inflated in one piece
FLUSHED = b"\x00\x00\xff\xff"  # how a flushed stretch ends (RFC 1951 §3.2.4: an empty stored block)


class BadStream(Exception):
    """The peer's octets are not what deflate makes."""


class Deflater:
    """Compresses batches; the peer can read each to its last octet as soon as it has it."""

    __slots__ = ("_past",)

    def __init__(self) -> None:
        self._past = b""

    def deflate(self, octets: bytes | bytearray | memoryview) -> bytes:
        """Return a batch, compressed and flushed."""
        if len(octets) <= LITTLE_BYTES:
            return self._stored(bytes(octets))
        return b"".join(self._piece(bytes(octets[place : place + PIECE_BYTES])) for place in range(0, len(octets), PIECE_BYTES))

    def _stored(self, octets: bytes) -> bytes:
        """A block that is not compressed (RFC 1951 §3.2.4)."""
        self._remember(octets)
        return struct.pack("<BHH", 0, len(octets), len(octets) ^ 0xFFFF) + octets if octets else b""

    def _piece(self, octets: bytes) -> bytes:
        bits, memory = next((way for most, *way in BATCH_BITS if len(octets) <= most), BATCH_MEMORY)
        strategy = zlib.Z_DEFAULT_STRATEGY if _repeats(octets) else zlib.Z_HUFFMAN_ONLY
        engine = zlib.compressobj(LEVEL, zlib.DEFLATED, -bits, memory, strategy, self._past)
        packed = engine.compress(octets) + engine.flush(zlib.Z_SYNC_FLUSH)
        self._remember(octets)
        return packed

    def _remember(self, octets: bytes) -> None:
        self._past = octets[-PAST_BYTES:] if len(octets) >= PAST_BYTES else (self._past + octets)[-PAST_BYTES:]


def _repeats(octets: bytes) -> bool:
    """Say whether looking for repetitions is worth the time, which is ten times that of not looking."""
    if len(octets) < 4 * SAMPLE_BYTES:
        return True
    middle = len(octets) // 2
    return WORTH * len(zlib.compress(octets[middle : middle + SAMPLE_BYTES], 1)) <= SAMPLE_BYTES


class Inflater:
    """Decompresses what arrives, no more at a time than asked for, and no further than to the next flush."""

    __slots__ = ("_at", "_engine", "_full", "_waiting")

    def __init__(self) -> None:
        self._engine = zlib.decompressobj(-WINDOW_BITS)
        self._waiting = b""
        self._at = 0  # of `_waiting` has been inflated
        self._full = False  # the last answer was as long as allowed: there may be more behind it

    @property
    def held(self) -> int:
        """Return how many octets wait, compressed."""
        return len(self._waiting) - self._at

    def feed(self, data: bytes) -> None:
        """Take octets as they arrive."""
        self._waiting = self._waiting[self._at :] + data
        self._at = 0

    def inflate(self, most_bytes: int) -> bytes:
        """Return the next octets, at most so many; b"" when more must arrive before. Raises BadStream."""
        while self.held or self._full:
            octets = self._step(most_bytes)
            if octets:
                return octets
        self._waiting, self._at = b"", 0
        return b""

    def _step(self, most_bytes: int) -> bytes:
        """Inflate a stretch of bounded length, or what of it fits into an answer."""
        if self._engine.eof:
            raise BadStream("octets behind the end of the stream")
        flushed = self._waiting.find(FLUSHED, self._at, self._at + STRETCH_BYTES)
        stretch = self._waiting[self._at : self._at + STRETCH_BYTES if flushed < 0 else flushed + len(FLUSHED)]
        try:
            octets = self._engine.decompress(stretch, most_bytes)
        except zlib.error as error:
            raise BadStream(str(error)) from None
        self._full = len(octets) == most_bytes and not self._engine.eof
        self._at += len(stretch) - len(self._engine.unconsumed_tail) - len(self._engine.unused_data)
        return octets

    def leave(self) -> bytes:
        """Return what arrived behind the stretch, or the stream, that was inflated last: it is not compressed."""
        waiting, self._waiting = self._waiting[self._at :], b""
        return waiting.removeprefix(FLUSHED)
