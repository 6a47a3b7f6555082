"""Durable acceptance to the mailbox at 1, 10 and 50 connections, beside Postfix into Dovecot and Dovecot's LMTP alone."""

from contextlib import AsyncExitStack

from bench import load_smtp, measures
from bench.imap_client import open_imap
from bench.load_smtp import Arrivals, SmtpLoad
from bench.rounds import Run, attempt, section
from bench.server import Server


async def arrivals(stack: AsyncExitStack, server: Server) -> Arrivals:
    """Sign in once as every recipient, to count."""
    sessions = [await open_imap(server.imap, person.login) for person in server.people]
    for session in sessions:
        stack.push_async_callback(session.close)
    return Arrivals(sessions)


async def deliver(run: Run, server: Server, counting: Arrivals, connections: int, count: int, turn: int) -> None:
    """Deliver one batch and record its figures."""
    recipients = [person.address for person in server.people]
    nonce = f"{run.nonce}.{turn}.{connections}.{server.name}"
    messages = load_smtp.prepare(count, recipients, run.plan.message_bytes, nonce)
    load = SmtpLoad(server.delivery, connections, messages, lmtp=server.lmtp, pids=server.pids)
    report = await load_smtp.run(load, counting, recipients)
    run.board.add(measures.STORED[connections], server.name, report.stored_per_s)
    run.board.add(measures.ACCEPTED[connections], server.name, report.p99_ms)
    run.board.add(measures.DELIVERY_CPU[connections], server.name, report.cpu_us_per_message)


async def measure(run: Run) -> None:
    """Run the rounds: at each number of connections every server in turn."""
    async with AsyncExitStack() as stack, section(run, "delivery", run.plan.smtp_deadline_s):
        counting = [await arrivals(stack, server) for server in run.servers]
        for turn in range(run.plan.rounds):
            run.say(f"  round {turn + 1} of {run.plan.rounds}")
            for connections, count in run.plan.deliveries:
                for server, counter in zip(run.servers, counting, strict=True):
                    work = deliver(run, server, counter, connections, count, turn)
                    await attempt(run, f"delivery at {connections} connections", server, work)
