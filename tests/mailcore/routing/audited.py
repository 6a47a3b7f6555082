"""Run by test_audit under strace: three nodes send each other mail, and mail that may not leave; prints where they may connect."""

import asyncio
import json
import sys
from pathlib import Path

from directory import domains
from mailcore.queue import listing, tls_reports
from mailcore.queue.worker import deliver
from tests.mailcore.queue.node import inbox, submission
from tests.mailcore.queue.sink import Sink
from tests.mailcore.routing import nation as state
from tests.mailcore.routing.nation import NAMES, OUTSIDE, Nation, domain, person


async def main(folder: Path) -> None:
    """Send from everybody to everybody, outside with leave and without, with the workers of a real node."""
    async with Sink().listening() as sink, state.opened(folder, sink.port) as nation:
        await nation.nodes["interieur"].db.write(domains.let_outside, domain("interieur"), "allow")
        async with deliver(nation.nodes["interieur"]), deliver(nation.nodes["education"]), deliver(nation.nodes["gate"]):
            for name in NAMES:
                for other in NAMES:
                    await state.accept(nation.nodes[name], submission(person(other), sender=person(name)))
            for name in ("interieur", "education"):
                await state.accept(nation.nodes[name], submission(f"x@{OUTSIDE}", "y@192.0.2.1.example", sender=person(name)))
            await _settled(nation)
            await tls_reports.send(nation.nodes["gate"])
        got = {name: len(await inbox(nation.nodes[name], person(name))) for name in NAMES}
        ports = [*nation.ports.values(), sink.port]
        sys.stdout.write(json.dumps({"ports": ports, "inboxes": got, "outside": len(sink.transactions)}) + "\n")


async def _settled(nation: Nation) -> None:
    async with asyncio.timeout(60):
        while [node for node in nation.nodes.values() if await node.db.read(listing.depth)]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
