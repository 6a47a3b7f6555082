"""Mail that leaves: over 50 connections in, to a sink that takes it all, beside Postfix; what 50 large messages at once need.

Ours takes it as a submission (TLS and a password, sender checked), Postfix from its own network without either.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from bench import diwan, dovecot, load_smtp, postfix, process, sink
from bench.figures import Measure
from bench.load_smtp import SmtpLoad
from bench.measures import ASKED, OURS, POSTFIX
from bench.rounds import Run, attempt, section
from bench.server import Missing, Server
from bench.wire import LoadError

CONNECTIONS = 50
DOMAIN = "elsewhere.example"
SETTINGS = """
[[route]]
domain = "{domain}"
host = "127.0.0.1"
port = {port}
tls = "opportunistic"

[sending.person]
messages_per_hour = 0
messages_per_day = 0
recipients_per_hour = 0
recipients_per_day = 0
"""
RELAYHOST = "relayhost = [127.0.0.1]:{port}\n"
WAIT_S = 90.0
AUTHOR = re.compile(rb"^(From: [^<]*)<[^<>]+>", re.MULTILINE)  # that of the corpus: ours takes only mail of whoever has signed in
RATE = Measure("relay/rate", f"relayed to a sink, {CONNECTIONS} connections", "msg/s", "higher", {POSTFIX: 1})
CPU = Measure("relay/cpu", "server CPU a message relayed", "us", "lower")
LARGE_BYTES = 20 * 2**20
LIMIT_MIB = 400  # of the whole node, its signer with it
MEMORY = Measure("relay/memory", f"memory of the node while it takes {CONNECTIONS} x 20 MiB at once", "MiB", "lower", {ASKED: 1})
LOOK_S = 0.05


async def measure(run: Run) -> None:
    """Relay in turn, then fill the node with large messages."""
    async with section(run, "relay", run.plan.relay_deadline_s), AsyncExitStack() as stack:
        pit = await stack.enter_async_context(sink.running())
        servers = [(await stack.enter_async_context(_ours(pit.port)), True)]
        try:
            servers.append((await stack.enter_async_context(_postfix(pit.port)), False))
        except (Missing, LoadError, OSError) as error:
            run.say(f"without postfix: {error}")
        for turn in range(run.plan.rounds):
            for server, signs_in in servers:
                await attempt(run, "relay", server, relay(run, server, pit, turn, signs_in=signs_in))
        await attempt(run, "memory", servers[0][0], memory(run, servers[0][0]))


@asynccontextmanager
async def _ours(port: int) -> AsyncIterator[Server]:
    async with diwan.running(more=SETTINGS.format(domain=DOMAIN, port=port)) as server:
        yield server


@asynccontextmanager
async def _postfix(port: int) -> AsyncIterator[Server]:
    async with dovecot.running(1, tls=False) as reader, postfix.running(reader, RELAYHOST.format(port=port)) as server:
        yield server


async def relay(run: Run, server: Server, pit: sink.Sink, turn: int, *, signs_in: bool) -> None:
    """Send one batch and wait until the sink has all of it; record the rate."""
    person, count = server.people[0], run.plan.relayed
    recipients = [f"agent{number}@{DOMAIN}" for number in range(20)]
    made = load_smtp.prepare(count, recipients, run.plan.message_bytes, f"{run.nonce}.{turn}.{server.name}")
    messages = [(recipient, AUTHOR.sub(rb"\1<%b>" % person.address.encode(), message, 1)) for recipient, message in made]
    load = SmtpLoad(
        server.submission or server.delivery,
        CONNECTIONS,
        messages,
        person.login if signs_in else None,
        pids=server.pids,
        sender=person.address,
    )
    before, cpu_before = await pit.taken(), process.cpu_s(server.pids)
    began = time.perf_counter()
    report = await load_smtp.run(load)
    opening_s = time.perf_counter() - began - count / report.accepted_per_s  # connections and sign-ins are not what is measured
    await pit.until(before + count, WAIT_S)
    run.board.add(RATE, server.name, count / (time.perf_counter() - began - opening_s))
    run.board.add(CPU, server.name, (process.cpu_s(server.pids) - cpu_before) / count * 1e6)


async def memory(run: Run, server: Server) -> None:
    """Send large messages all at once to people here; record the most that the node has needed meanwhile."""
    recipients = [person.address for person in server.people]
    [(_, message)] = load_smtp.prepare(1, recipients[:1], run.plan.message_bytes, f"{run.nonce}.large")
    line = os.urandom(48).hex().encode()[:74] + b"\r\n"
    large = message.removesuffix(b".\r\n") + line * (LARGE_BYTES // len(line)) + b".\r\n"
    load = SmtpLoad(server.delivery, CONNECTIONS, [(recipients[n % len(recipients)], large) for n in range(CONNECTIONS)])
    sending, most = asyncio.create_task(load_smtp.run(load)), 0
    while not sending.done():
        most = max(most, process.memory_bytes(server.pids))
        await asyncio.wait([sending], timeout=LOOK_S)
    await sending
    run.board.add(MEMORY, OURS, most / 2**20)
    run.board.add(MEMORY, ASKED, LIMIT_MIB)
