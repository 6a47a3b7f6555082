"""What the tables hold: every measure with its unit and the bars for the ratio ours / peer. Pure."""

from bench.figures import Measure

OURS, POSTFIX, DOVECOT = "diwan", "postfix", "dovecot"
ASKED = "asked"  # stands where a peer stands: a figure that is asked for as such
CONNECTIONS = (1, 10, 50)


def by_connections(key: str, title: str, unit: str, better: str, bars: dict[int, dict[str, float]]) -> dict[int, Measure]:
    """Make one measure for each number of connections."""
    return {
        count: Measure(f"{key}/{count}", title.format(n="1 connection" if count == 1 else f"{count} connections"), unit,
                       better, bars.get(count, {}))  # type: ignore[arg-type]
        for count in CONNECTIONS
    }  # fmt: skip


STORED = by_connections(
    "smtp/stored", "durable in the mailbox, {n}", "msg/s", "higher",
    {1: {POSTFIX: 2, DOVECOT: 1.5}, 10: {POSTFIX: 5, DOVECOT: 2}, 50: {POSTFIX: 6, DOVECOT: 2.5}},
)  # fmt: skip
ACCEPTED = by_connections("smtp/p99", "final 250 p99, {n}", "ms", "lower", {50: {POSTFIX: 0.1}})
DELIVERY_CPU = by_connections("smtp/cpu", "server CPU a message, {n}", "us", "lower", {})

APPEND = Measure("imap/append", "APPEND, 4 connections, pipelined", "msg/s", bars={DOVECOT: 1})
ENVELOPES_FIRST = Measure("imap/envelopes-first", "FETCH 1:* envelopes, first time", "msg/s", bars={DOVECOT: 10})
ENVELOPES = Measure("imap/envelopes", "FETCH 1:* envelopes, again", "msg/s", bars={DOVECOT: 3})
HEADERS_FIRST = Measure("imap/headers-first", "FETCH 1:* Thunderbird's headers, first time", "msg/s", bars={DOVECOT: 2})
HEADERS = Measure("imap/headers", "FETCH 1:* Thunderbird's headers, again", "msg/s", bars={DOVECOT: 0.7})
FLAGS = Measure("imap/flags", "FETCH 1:* flags", "msg/s", bars={DOVECOT: 1})
BODIES = Measure("imap/bodies", "FETCH 1:* bodies", "MB/s", bars={DOVECOT: 0.5})
ENVELOPES_CPU = Measure("imap/envelopes-cpu", "server CPU a message, envelopes again", "us", "lower")
HEADERS_CPU = Measure("imap/headers-cpu", "server CPU a message, headers again", "us", "lower")
BODIES_CPU = Measure("imap/bodies-cpu", "server CPU a message, bodies", "us", "lower")
PAGE_CPU = Measure("imap/page-cpu", "server CPU a page of 50", "us", "lower")
STORE_CPU = Measure("imap/store-cpu", "server CPU a STORE", "us", "lower")
PAGE = Measure("imap/page", "page of 50 envelopes p50", "ms", "lower", {DOVECOT: 0.6})
PAGE_P99 = Measure("imap/page-p99", "page of 50 envelopes p99", "ms", "lower")
STORE = Measure("imap/store", "STORE one by one", "per s", bars={DOVECOT: 0.3})
NOOP = Measure("imap/noop", "NOOP, 50 connections", "per s", bars={DOVECOT: 3})
NOOP_CPU = Measure("imap/noop-cpu", "server CPU a NOOP, 50 connections", "us", "lower")
SIGN_IN = Measure("imap/sign-in", "sign-in, 20 at once", "per s", bars={DOVECOT: 3})

IDLE_P50 = Measure("idle/p50", "250 to EXISTS at an idling client, p50", "ms", "lower", {DOVECOT: 0.02})
IDLE_P99 = Measure("idle/p99", "250 to EXISTS at an idling client, p99", "ms", "lower")
