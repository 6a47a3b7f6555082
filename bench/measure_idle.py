"""From the 250 of a message to EXISTS at an idling client, beside Dovecot behind its LMTP and behind Postfix."""

from contextlib import AsyncExitStack

from bench import load_imap, measures
from bench.imap_client import open_imap
from bench.rounds import Run, attempt, section
from bench.server import Server
from bench.smtp_client import open_smtp


async def watch(run: Run, server: Server, turn: int) -> None:
    """Idle on the INBOX of one person while messages come in."""
    person = server.people[-1]
    async with AsyncExitStack() as stack:
        session = await open_imap(server.imap, person.login)
        stack.push_async_callback(session.close)
        await session.command("SELECT INBOX")
        nonce = f"{run.nonce}.idle.{turn}.{server.name}"
        delivery = await open_smtp(server.delivery, lmtp=server.lmtp)
        stack.push_async_callback(delivery.close)
        inject = load_imap.injector(delivery, person.address, nonce)
        seen = await load_imap.idle(session, inject, run.plan.idle_samples)
    if seen.missed:
        run.board.note(f"{server.name}: {seen.missed} IDLE samples saw no EXISTS within {load_imap.EXISTS_TIMEOUT_S:.0f} s")
    if seen.missed < run.plan.idle_samples:
        run.board.add(measures.EXISTS, server.name, seen.p50_ms)
        run.board.add(measures.EXISTS_P99, server.name, seen.p99_ms)


async def measure(run: Run) -> None:
    """Run the rounds, every server in turn."""
    async with section(run, "IDLE", run.plan.idle_deadline_s):
        for turn in range(run.plan.imap_rounds):
            for server in run.servers:
                await attempt(run, "IDLE", server, watch(run, server, turn))
