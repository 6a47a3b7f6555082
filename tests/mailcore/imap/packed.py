"""The client's side of COMPRESS=DEFLATE, by zlib alone. RFC 4978."""

import asyncio
import zlib
from dataclasses import dataclass, field
from typing import Any


@dataclass
class PackedReader:
    """Reads what the server compresses."""

    reader: asyncio.StreamReader
    engine: Any = field(default_factory=lambda: zlib.decompressobj(-15))
    plain: bytearray = field(default_factory=bytearray)

    async def _more(self) -> bool:
        octets = await self.reader.read(1 << 16)
        self.plain += self.engine.decompress(octets)
        return bool(octets)

    async def readline(self) -> bytes:
        while b"\n" not in self.plain and await self._more():
            pass
        return self._take(self.plain.find(b"\n") + 1 or len(self.plain))

    async def readexactly(self, count: int) -> bytes:
        while len(self.plain) < count and await self._more():
            pass
        assert len(self.plain) >= count
        return self._take(count)

    async def read(self) -> bytes:
        while await self._more():
            pass
        return self._take(len(self.plain))

    def _take(self, count: int) -> bytes:
        octets = bytes(self.plain[:count])
        del self.plain[:count]
        return octets


@dataclass
class PackedWriter:
    """Compresses what the client says, flushed in one way or another."""

    writer: asyncio.StreamWriter
    flush: int = zlib.Z_SYNC_FLUSH
    engine: Any = field(default_factory=lambda: zlib.compressobj(6, zlib.DEFLATED, -15))

    def write(self, octets: bytes) -> None:
        self.writer.write(self.packed(octets))

    def packed(self, octets: bytes) -> bytes:
        return bytes(self.engine.compress(octets) + self.engine.flush(self.flush))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.writer, name)
