"""A node in a process of its own, so that its memory can be measured: prints its port, serves until its input ends."""

import asyncio
import ssl
import sys
from pathlib import Path

from config.clock import SystemClock
from config.settings import Smtp, Tls
from tests.mailcore.imap.node import opened, serving, settings

MAX_MESSAGE_BYTES = 40_000_000


async def main(directory: Path, certificate: Path, key: Path) -> None:
    """Serve."""
    made = settings(directory, Tls(certificate, key), smtp=Smtp(max_message_bytes=MAX_MESSAGE_BYTES))
    async with opened(made, SystemClock()) as services, serving(services, ssl.create_default_context()) as server:
        print(server.imaps, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*map(Path, sys.argv[1:])))
